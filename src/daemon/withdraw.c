/* SPDX-License-Identifier: BSD-2-Clause */
/* Withdrawals that are tasks: of domains that have left the configuration. */
#include "src/daemon/daemon.h"

#include <event2/event.h>
#include <stdlib.h>

/* A domain that has left the configuration: its records go, wherever the ledger has them. */
struct withdrawal {
	LIST_ENTRY(withdrawal) link;
	struct app *app;
	struct site *site;
	int64_t task;
	struct mz_selection selection;
	struct mz_run *run;
	int err;	   /* why there is no run */
	struct event *end; /* a run is not freed from inside its own callback */
	struct mz_cause reason;
};

static void withdrawal_free(struct withdrawal *w)
{
	LIST_REMOVE(w, link);
	mz_run_free(w->run);
	mz_selection_clear(&w->selection);
	if (w->end != NULL)
		event_free(w->end);
	site_release(w->site);
	free(w);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct withdrawal *w = arg;
	bool good = w->run != NULL ? mz_run_status(w->run) == 0 : w->err == MZ_OK;

	(void)fd;
	(void)what;
	outcome_end_task(w->app, w->task, good ? MZ_RESULT_DONE : MZ_RESULT_RETRY, w->reason.text,
			 NULL, false);
	(void)mz_engine_commit(w->app->engine, NULL, NULL);
	run_soon(w->app); /* it may have to be tried again */
	withdrawal_free(w);
}

static void on_run_done(void *arg)
{
	struct withdrawal *w = arg;
	struct timeval now = {0, 0};

	(void)evtimer_add(w->end, &now);
}

static void on_error(void *arg, const char *line)
{
	struct withdrawal *w = arg;

	(void)mz_cause_set(&w->reason, MZ_EFAILED, "%s", line);
	mz_log(MZ_LOG_WARNING, "withdraw", "reason", line, NULL);
}

static void on_output(void *arg, const char *text)
{
	(void)arg;
	(void)text; /* the history has it */
}

static int submit(void *arg, const struct mz_job *job, mz_flow_done done, void *done_arg)
{
	struct withdrawal *w = arg;

	return run_submit(w->app, job, done, done_arg);
}

int withdraw_file(struct app *app, const char *domain)
{
	const struct mz_queue_input input = {.kind = MZ_TASK_DNS,
					     .domain = domain,
					     .families = MZ_FAMILIES_ALL,
					     .flags = MZ_TASK_WITHDRAW,
					     .due = mz_clock_wall()};
	struct mz_store_domain known = {0};
	int64_t id = 0;
	int err = mz_store_domain_get(app->store, domain, &known);

	if (err == MZ_ENOTFOUND || (err == MZ_OK && known.on_removal != MZ_REMOVAL_WITHDRAW))
		return MZ_OK;
	if (err == MZ_OK)
		err = run_file(app, &input, &id);
	known.name = domain;
	known.on_removal = MZ_REMOVAL_DONE;
	return err == MZ_OK ? mz_store_domain_put(app->store, &known) : err;
}

void withdraw_start(struct app *app, const struct mz_task *task)
{
	struct withdrawal *w = calloc(1, sizeof(*w));
	struct mz_run_input input = {.families = MZ_FAMILIES_ALL,
				     .mode = MZ_FLOW_WITHDRAW,
				     .submit = submit,
				     .output = on_output,
				     .error = on_error,
				     .done = on_run_done,
				     .arg = w};
	int64_t id = task->id;

	if (w == NULL)
		return;
	LIST_INSERT_HEAD(&app->withdrawals, w, link);
	w->app = app;
	w->task = id;
	w->site = app->site;
	site_hold(w->site);
	w->end = evtimer_new(app->base, on_end, w);
	if (w->end == NULL || mz_queue_start(app->queue, id, mz_clock_wall()) != MZ_OK) {
		withdrawal_free(w);
		return;
	}
	task = mz_queue_find(app->queue, id);
	w->err = mz_select_places(&w->selection, w->site->conf, app->store, task->domain, on_error,
				  w);
	if (w->err == MZ_ENOTFOUND)
		w->err = MZ_OK; /* nothing is ours any more */
	input.conf = w->site->conf;
	input.facts = w->site->facts;
	input.selection = &w->selection;
	if (w->err == MZ_OK && w->selection.count > 0)
		w->err = mz_run_start(&w->run, &input);
	if (w->run == NULL)
		on_run_done(w);
}

void withdraw_clear(struct app *app)
{
	struct withdrawal *w = NULL;

	while ((w = LIST_FIRST(&app->withdrawals)) != NULL)
		withdrawal_free(w);
}
