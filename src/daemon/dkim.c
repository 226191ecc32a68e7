/* SPDX-License-Identifier: BSD-2-Clause */
/* The task dkim-management: has the life of a domain's keys decided, and carries the decisions out. */
#include "src/daemon/dkim.h"

#include <stdlib.h>
#include <string.h>

/* At once, and begun in one turn of the loop; the others wait for their turn. */
enum { RUNS_MAX = 64 };

/* A key that is not served everywhere after so long is worth a warning, with each look. */
enum { LATE_SECONDS = 3600 };

static bool load(struct dkim_run *run, bool fresh);
static void advance(struct dkim_run *run, bool fresh);

/* It is to be looked at again then, or before. */
static void come_back(struct dkim_run *run, int64_t at)
{
	if (run->next == 0 || at < run->next)
		run->next = at;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void run_free(struct dkim_run *run)
{
	LIST_REMOVE(run, link);
	run->app->dkim_running--;
	dkim_look_cancel(run->look);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++)
		dkim_part_clear(&run->part[a]);
	mz_rrlist_clear(&run->slots);
	dkim_keys_clear(&run->keys);
	site_release(run->site);
	free(run->name);
	free(run);
}

static void file(const struct dkim_run *run, enum mz_task_kind kind, int64_t due, bool light)
{
	const struct mz_queue_input input = {.kind = kind,
					     .domain = run->domain->text,
					     .families = kind == MZ_TASK_DNS ? 1u << MZ_FAMILY_DKIM
									     : MZ_FAMILIES_ALL,
					     .due = due,
					     .light = light};
	int64_t id = 0;

	(void)run_file(run->app, &input, &id);
}

static bool any_pending(const struct dkim_keys *keys)
{
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		for (size_t k = 0; k < keys->life[a].key_count; k++) {
			if (keys->life[a].keys[k].row.stage == MZ_DKIM_PENDING)
				return true;
		}
	}
	return false;
}

/* Nothing is under way any more. */
static void finish(struct dkim_run *run)
{
	struct app *app = run->app;
	bool kept = dkim_is_kept(run->domain), good = run->reason.text[0] == '\0';
	int64_t now = mz_clock_wall();
	enum mz_task_state state = MZ_TASK_DONE;
	struct domain_status *status = NULL;
	int err = good && !kept ? dkim_left_over(run) : MZ_OK;

	if (err != MZ_OK) {
		dkim_failed_store(run, err);
		good = false;
	}
	if (run->publish && run->domain->automatic)
		file(run, MZ_TASK_DNS, now, false);
	else if (run->acted && run->domain->automatic)
		look_file(app, run->domain->text, now);
	if (mz_queue_finish(app->queue, run->task, good ? MZ_RESULT_DONE : MZ_RESULT_RETRY,
			    run->reason.text, now, mz_random_below(UINT32_MAX), &state) != MZ_OK)
		state = MZ_TASK_FAILED;
	if (state == MZ_TASK_FAILED)
		mz_log(MZ_LOG_ERROR, "task_failed", "task", MZ_NUM(run->task), "domain",
		       run->domain->text, "reason", run->reason.text, NULL);
	if (state == MZ_TASK_DONE || state == MZ_TASK_FAILED) {
		status_dkim(app, run->domain->text,
			    state == MZ_TASK_FAILED ? run->reason.text : NULL);
		command_task_over(app, run->task, state, run->reason.text);
	}
	status = status_domain(app, run->domain->text);
	if (status != NULL)
		status->dkim_rests =
			kept && state == MZ_TASK_DONE && !run->publish && !any_pending(&run->keys);
	/* A failed task does not stop what is to come; and what is to come for one algorithm does not
	 * wait for the retry of another. */
	if (state == MZ_TASK_FAILED)
		come_back(run, now + app->site->conf->reconcile_interval);
	if (run->publish && kept)
		come_back(run, now + run->domain->server->polling_interval);
	if (run->next != 0)
		file(run, MZ_TASK_DKIM, run->next > now ? run->next : now + 1, true);
	if (mz_store_dirty(app->store))
		(void)mz_engine_commit(app->engine, NULL, NULL);
	run_soon(app);
	run_free(run);
}

void dkim_part_over(struct dkim_run *run)
{
	if (--run->waits > 0)
		return;
	if (run->again)
		advance(run, false);
	else
		finish(run);
}

/* ---- decisions --------------------------------------------------------------------------------------------- */

static void warn_late(const struct dkim_run *run, const struct mz_life_input *life)
{
	for (size_t k = 0; k < life->key_count; k++) {
		const struct mz_store_dkim *row = &life->keys[k].row;
		struct mz_str waiting = {0};

		if (row->stage == MZ_DKIM_PENDING && row->created + LATE_SECONDS < life->now) {
			(void)mz_life_outlook(life, k, &waiting);
			mz_log(MZ_LOG_WARNING, "dkim", "domain", run->domain->text, "selector",
			       row->selector, "waiting_for", waiting.s, NULL);
		}
		mz_str_clear(&waiting);
	}
}

static void on_looked(void *arg, const struct dkim_server *servers, size_t count)
{
	struct dkim_run *run = arg;
	int err = MZ_OK;

	(void)count;
	run->look = NULL;
	run->looked = mz_clock_wall();
	/* a record that was put right during the look has made what was seen before worth nothing */
	if (!load(run, false)) {
		finish(run);
		return;
	}
	err = dkim_keys_see(&run->keys, run->app->store, servers, run->looked);
	if (err != MZ_OK)
		dkim_failed_store(run, err);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++)
		warn_late(run, &run->keys.life[a]);
	if (err == MZ_OK)
		advance(run, true);
	else
		finish(run);
}

/* The servers are asked before anything that depends on it. False: it cannot be. */
static bool look(struct dkim_run *run)
{
	int err = dkim_keys_slots(&run->keys, &run->slots);

	if (err == MZ_OK)
		err = dkim_look_start(&run->look, run->app->net, run->domain, &run->slots,
				      on_looked, run);
	if (err != MZ_OK)
		dkim_failed(run, mz_strerror(err));
	return err == MZ_OK;
}

/* A key that was handed over is one that is to be given up when somebody revokes it meanwhile. */
static bool is_confirmed(const struct dkim_run_part *part, const struct mz_store_dkim *key)
{
	return part->confirmed && strcmp(part->selector, key->selector) == 0 &&
	       (part->act == MZ_LIFE_HAND) == (key->stage == MZ_DKIM_PENDING);
}

/* Reads the keys, as somebody may have revoked one since. `fresh`: right after a look. */
static bool load(struct dkim_run *run, bool fresh)
{
	int err = MZ_OK;

	dkim_keys_clear(&run->keys);
	err = dkim_keys_load(&run->keys, run->app, run->domain,
			     fresh ? run->looked : mz_clock_wall());
	if (err != MZ_OK)
		dkim_failed_store(run, err);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		run->keys.life[a].looked = fresh;
		for (size_t k = 0; k < run->keys.life[a].key_count; k++)
			run->keys.key[a][k].confirmed =
				is_confirmed(&run->part[a], &run->keys.key[a][k].row);
	}
	return err == MZ_OK;
}

/* Are the domain's keys kept, or not, as when the run began? */
static bool is_current(const struct dkim_run *run)
{
	const struct mz_conf_domain *now =
		mz_conf_find_domain(run->app->site->conf, run->domain->text);

	return (now == NULL) == (run->name != NULL) &&
	       (now != NULL && dkim_is_kept(now)) == dkim_is_kept(run->domain);
}

/* Decides, and begins what was decided. What was confirmed meanwhile is decided anew. */
static void advance(struct dkim_run *run, bool fresh)
{
	struct mz_life life[MZ_DKIM_ALGORITHMS];

	run->again = false;
	run->next = 0;
	if (!is_current(run))
		come_back(run, mz_clock_wall()); /* another run, which knows better */
	if (run->next != 0 || !load(run, fresh)) {
		finish(run);
		return;
	}
	run->waits = 1; /* this function itself: nothing ends before all has begun */
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		life[a] = mz_life_decide(&run->keys.life[a]);
		if (life[a].look && run->looked == 0 && look(run))
			return; /* its end is what is waited for */
		if (life[a].look)
			come_back(run, run->keys.life[a].now);
		if (life[a].next != 0)
			come_back(run, life[a].next);
	}
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		run->acted = run->acted || life[a].count > 0;
		for (size_t i = 0; i < life[a].count; i++)
			dkim_carry_out(run, (enum mz_dkim_algorithm)a, &life[a].step[i]);
	}
	dkim_part_over(run);
}

void dkim_start(struct app *app, const struct mz_task *task)
{
	const struct mz_conf_domain *domain = mz_conf_find_domain(app->site->conf, task->domain);
	struct dkim_run *run = NULL;
	int err = MZ_OK;

	LIST_FOREACH(run, &app->dkim_runs, link)
	{
		if (strcmp(run->domain->text, task->domain) == 0)
			return; /* its turn comes after that one */
	}
	if (app->dkim_running >= RUNS_MAX || app->dkim_started >= RUNS_MAX)
		return;
	run = calloc(1, sizeof(*run));
	if (run == NULL)
		return;
	run->app = app;
	run->site = app->site;
	run->domain = domain;
	run->task = task->id;
	if (domain == NULL || !dkim_is_kept(domain))
		err = dkim_left_describe(run, task->domain);
	if (err != MZ_OK || mz_queue_start(app->queue, task->id, mz_clock_wall()) != MZ_OK) {
		free(run->name);
		free(run);
		return;
	}
	site_hold(run->site);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		run->part[a].run = run;
		run->part[a].algorithm = (enum mz_dkim_algorithm)a;
	}
	LIST_INSERT_HEAD(&app->dkim_runs, run, link);
	app->dkim_running++;
	app->dkim_started++;
	advance(run, false);
}

void dkim_clear(struct app *app)
{
	struct dkim_run *run = NULL;

	while ((run = LIST_FIRST(&app->dkim_runs)) != NULL)
		run_free(run);
}

int dkim_file(struct app *app, const char *domain, int64_t due)
{
	const struct mz_queue_input input = {.kind = MZ_TASK_DKIM,
					     .domain = domain,
					     .families = MZ_FAMILIES_ALL,
					     .due = due,
					     .light = true};
	int64_t id = 0;

	return run_file(app, &input, &id);
}
