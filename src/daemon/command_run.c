/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that read and change zones, for a tool that found the state held by us. */
#include "src/daemon/command.h"

#include <event2/event.h>
#include <stdlib.h>

/* One such command under way. */
struct work {
	LIST_ENTRY(work) link;
	struct app *app;
	struct site *site; /* held */
	struct mz_ctl_request *request;
	struct mz_selection selection;
	struct mz_run *run;
	struct event *end; /* a run is not freed from inside its own callback */

	/* undo */
	struct mz_store_change change;
	struct mz_rrlist added, deleted; /* of the change */
	struct mz_arena texts;
	int err;
};

static LIST_HEAD(, work) works = LIST_HEAD_INITIALIZER(works);

static void work_free(struct work *work)
{
	LIST_REMOVE(work, link);
	mz_run_free(work->run);
	mz_selection_clear(&work->selection);
	if (work->end != NULL)
		event_free(work->end);
	mz_rrlist_clear(&work->added);
	mz_rrlist_clear(&work->deleted);
	mz_arena_clear(&work->texts);
	site_release(work->site);
	free(work);
}

void command_run_clear(void)
{
	struct work *work = NULL;

	while ((work = LIST_FIRST(&works)) != NULL) {
		mz_ctl_end(work->request, 1);
		work_free(work);
	}
}

/* What of an undone change comes again: the records that the configuration still asks for. */
static size_t wanted_again(const struct work *work)
{
	const struct mz_conf_domain *domain =
		mz_conf_find_domain(work->app->site->conf, work->change.domain);
	struct mz_conf_errors errors = {0};
	struct mz_rrlist desired = {0};
	struct mz_facts facts = {0};
	size_t count = 0;

	if (domain == NULL || !domain->automatic ||
	    mz_facts_load(&facts, work->app->site->facts, domain, work->app->store, mz_clock_wall(),
			  &errors) != MZ_OK)
		goto done;
	if (mz_records_derive(domain, &facts, &desired, &errors) != MZ_OK)
		goto done;
	for (size_t i = 0; i < work->added.count; i++) {
		const struct mz_rr *rr = &work->added.rr[i];

		for (size_t k = mz_rrlist_find(&desired, rr->owner, rr->type);
		     k < desired.count && desired.rr[k].type == rr->type &&
		     mz_name_equal(desired.rr[k].owner, rr->owner);
		     k++)
			count += mz_rdata_same(rr->type, rr->rdata, rr->rdlen, desired.rr[k].rdata,
					       desired.rr[k].rdlen);
	}
done:
	mz_facts_clear(&facts);
	mz_rrlist_clear(&desired);
	mz_conf_errors_clear(&errors);
	return count;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct work *work = arg;
	int status = mz_run_status(work->run);
	size_t again = work->change.id != 0 && status == 0 ? wanted_again(work) : 0;

	(void)fd;
	(void)what;
	if (again > 0)
		mz_ctl_error(work->request,
			     "note: the configuration still asks for %zu of these records: they "
			     "come again at the next reconcile",
			     again);
	mz_ctl_end(work->request, status);
	run_soon(work->app);
	work_free(work);
}

static void on_done(void *arg)
{
	struct work *work = arg;
	struct timeval now = {0, 0};

	(void)evtimer_add(work->end, &now);
}

static void on_output(void *arg, const char *text)
{
	struct work *work = arg;

	mz_ctl_output(work->request, text);
}

static void say(void *arg, const char *line)
{
	struct work *work = arg;

	mz_ctl_error(work->request, "%s", line);
}

static int submit(void *arg, const struct mz_job *job, mz_flow_done done, void *done_arg)
{
	struct work *work = arg;

	return run_submit(work->app, job, done, done_arg);
}

static void on_gone(void *arg)
{
	(void)arg; /* it ends all the same; nobody hears it */
}

static struct work *work_new(const struct call *call)
{
	struct work *work = calloc(1, sizeof(*work));

	if (work == NULL || (work->end = evtimer_new(call->app->base, on_end, work)) == NULL) {
		free(work);
		mz_ctl_error(call->request, "out of memory");
		call_end(call, 1);
		return NULL;
	}
	LIST_INSERT_HEAD(&works, work, link);
	work->app = call->app;
	work->request = call->request;
	work->site = call->app->site;
	site_hold(work->site);
	mz_ctl_on_gone(call->request, on_gone, NULL);
	return work;
}

/* Runs what was selected, or ends the request with the error so far. */
static void start(const struct call *call, struct work *work, enum mz_flow_mode mode, int err)
{
	const struct mz_run_input input = {.conf = work->site->conf,
					   .facts = work->site->facts,
					   .selection = &work->selection,
					   .families = call->families,
					   .mode = mode,
					   .undo = &work->change,
					   .format = call->format,
					   .colour = call->colour,
					   .submit = submit,
					   .output = on_output,
					   .error = say,
					   .done = on_done,
					   .arg = work};

	if (err == MZ_OK)
		err = mz_run_start(&work->run, &input);
	if (err == MZ_OK && work->selection.count > 0)
		return;
	if (err == MZ_ENOMEM)
		mz_ctl_error(work->request, "out of memory");
	mz_ctl_end(work->request, err == MZ_OK ? 0 : 1);
	work_free(work);
}

static void plan_or_apply(const struct call *call, enum mz_flow_mode mode)
{
	struct work *work = work_new(call);

	if (work != NULL)
		start(call, work, mode,
		      mz_select(&work->selection, work->site->conf, call->argv, call->argc, say,
				work));
}

void command_plan(const struct call *call)
{
	plan_or_apply(call, MZ_FLOW_PLAN);
}

void command_apply(const struct call *call)
{
	plan_or_apply(call, MZ_FLOW_APPLY);
}

void command_withdraw(const struct call *call)
{
	struct work *work = work_new(call);
	int err = MZ_EINVAL;

	if (work == NULL)
		return;
	if (call->argc == 1)
		err = mz_select_places(&work->selection, work->site->conf, call->app->store,
				       call->argv[0], say, work);
	else
		say(work, "withdraw needs one domain");
	if (err == MZ_OK && work->selection.count == 0 && !call->json) {
		on_output(work, call->argv[0]);
		on_output(work, ": the ledger holds no record of it, nothing to withdraw\n");
	}
	start(call, work, MZ_FLOW_WITHDRAW, err);
}

void command_challenge(const struct call *call)
{
	struct work *work = work_new(call);
	enum mz_flow_mode mode = MZ_FLOW_PRESENT;
	int err = MZ_EINVAL;

	if (work == NULL)
		return;
	if (call->argc == 3 && mz_challenge_mode(call->argv[0], &mode))
		err = mz_select_challenge(&work->selection, work->site->conf, call->argv[1],
					  call->argv[2], say, work);
	else
		say(work, "challenge needs present or cleanup, a name and a value");
	start(call, work, mode, err);
}

/* ---- undo ------------------------------------------------------------------------------------------------------ */

static int copy_list(struct mz_rrlist *out, const struct mz_rrlist *list)
{
	int err = MZ_OK;

	for (size_t i = 0; i < list->count && err == MZ_OK; i++)
		err = mz_rrlist_add(out, &list->rr[i]);
	mz_rrlist_sort(out, false);
	return err;
}

static void on_change(void *arg, const struct mz_store_change *change)
{
	struct work *work = arg;

	work->change = *change;
	work->change.server = mz_arena_strdup(&work->texts, change->server);
	work->change.origin = mz_arena_strdup(&work->texts, change->origin);
	work->change.domain = mz_arena_strdup(&work->texts, change->domain);
	work->change.added = &work->added;
	work->change.deleted = &work->deleted;
	work->err = copy_list(&work->added, change->added);
	if (work->err == MZ_OK)
		work->err = copy_list(&work->deleted, change->deleted);
	if (work->change.server == NULL || work->change.origin == NULL ||
	    work->change.domain == NULL)
		work->err = MZ_ENOMEM;
}

/* A made up domain at the place of the change: only the change says what is desired there. */
static int select_change(struct work *work)
{
	struct mz_selection *selection = &work->selection;
	struct mz_name name = {0}, origin = {0};
	struct mz_conf_domain *domain = NULL;

	selection->domain = calloc(1, sizeof(selection->domain[0]));
	selection->made = domain = calloc(1, sizeof(*domain));
	if (selection->domain == NULL || domain == NULL ||
	    mz_name_from_text(&name, work->change.domain, NULL, NULL) != MZ_OK ||
	    mz_name_from_text(&origin, work->change.origin, NULL, NULL) != MZ_OK)
		return MZ_ENOMEM;
	*domain = (struct mz_conf_domain){.text = work->change.domain,
					  .name = mz_arena_copy(&selection->arena, name.wire,
								name.len),
					  .origin = mz_arena_copy(&selection->arena, origin.wire,
								  origin.len),
					  .origin_text = work->change.origin,
					  .publish = MZ_FAMILIES_ALL,
					  .server = mz_conf_find_server(work->site->conf,
									work->change.server),
					  .report_address = ""};
	if (domain->server == NULL) {
		mz_ctl_error(work->request,
			     "change %lld is on the server \"%s\", which is not in the "
			     "configuration",
			     (long long)work->change.id, work->change.server);
		return MZ_EINVAL;
	}
	if (domain->name == NULL || domain->origin == NULL)
		return MZ_ENOMEM;
	selection->domain[selection->count++] = domain;
	return MZ_OK;
}

void command_undo(const struct call *call)
{
	struct work *work = NULL;
	char *end = NULL;
	long long id = call->argc == 1 ? strtoll(call->argv[0], &end, 10) : 0;
	int err = MZ_OK;

	if (id <= 0 || *end != '\0') {
		mz_ctl_error(call->request,
			     "undo needs the number of a change: see mailzone history");
		call_end(call, 64);
		return;
	}
	if ((work = work_new(call)) == NULL)
		return;
	if ((err = mz_store_change_get(call->app->store, id, on_change, work)) != MZ_OK ||
	    (err = work->err) != MZ_OK)
		mz_ctl_error(work->request, "%s",
			     err == MZ_ENOMEM ? "out of memory" : mz_store_error(call->app->store));
	else if (work->change.state != MZ_CHANGE_APPLIED)
		err = (mz_ctl_error(work->request,
				    "change %lld was not applied, or is undone already", id),
		       MZ_EINVAL);
	else
		err = select_change(work);
	start(call, work, MZ_FLOW_UNDO, err);
}
