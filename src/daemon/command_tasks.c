/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands on tasks: list, show, retry, reschedule, cancel; and reconcile, which files them. */
#include "src/daemon/command.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- listing ------------------------------------------------------------------------------------------------ */

struct listing {
	const struct call *call;
	const char *state; /* only these; NULL: all */
	int64_t id;	   /* only this; 0: all */
	json_t *tasks;
	struct mz_str text;
	size_t count;
};

static json_t *families_json(mz_families families)
{
	json_t *out = json_array();

	for (enum mz_family f = MZ_FAMILY_NONE + 1;
	     f < MZ_FAMILY_COUNT && families != MZ_FAMILIES_ALL; f++) {
		if ((families >> f & 1u) != 0)
			(void)json_array_append_new(out, json_string(mz_family_name(f)));
	}
	return out;
}

static json_t *task_json(const struct mz_task *task)
{
	bool waits = task->state == MZ_TASK_PENDING || task->state == MZ_TASK_RETRY;

	return json_pack("{s:I, s:s, s:s, s:o, s:s, s:o, s:i, s:o, s:o, s:s?}", "id",
			 (json_int_t)task->id, "kind", mz_task_kind_name(task->kind), "domain",
			 task->domain, "families", families_json(task->families), "state",
			 mz_task_state_name(task->state), "due", json_time(waits ? task->due : 0),
			 "attempt", (int)task->attempt, "created", json_time(task->created),
			 "changed", json_time(task->changed), "reason",
			 task->reason[0] != '\0' ? task->reason : NULL);
}

static void task_text(struct mz_str *out, const struct mz_task *task)
{
	bool waits = task->state == MZ_TASK_PENDING || task->state == MZ_TASK_RETRY;
	char when[MZ_TIME_TEXT] = "";

	mz_str_addf(out, "%lld  %s  %s  %s %s  attempt %u\n", (long long)task->id,
		    mz_task_kind_name(task->kind), task->domain, mz_task_state_name(task->state),
		    mz_clock_text(waits ? task->due : task->changed, when), task->attempt);
	if (task->reason[0] != '\0')
		mz_str_addf(out, "  %s\n", task->reason);
}

static void on_task(void *arg, const struct mz_task *task)
{
	struct listing *listing = arg;

	if ((listing->state != NULL &&
	     strcmp(listing->state, mz_task_state_name(task->state)) != 0) ||
	    (listing->id != 0 && listing->id != task->id))
		return;
	listing->count++;
	if (listing->call->json)
		(void)json_array_append_new(listing->tasks, task_json(task));
	else
		task_text(&listing->text, task);
}

static void list(const struct call *call, int64_t id)
{
	struct listing listing = {.call = call,
				  .state = call_text(call, "state", NULL),
				  .id = id,
				  .tasks = json_array()};
	int err = mz_queue_list(call->app->queue, on_task, &listing);

	if (err != MZ_OK)
		mz_ctl_error(call->request, "%s", mz_store_error(call->app->store));
	if (id != 0 && listing.count == 0) {
		mz_ctl_error(call->request, "there is no task %lld", (long long)id);
		err = MZ_ENOTFOUND;
	} else if (call->json) {
		call_print(call, json_pack("{s:O}", "tasks", listing.tasks));
	} else if (listing.text.failed) {
		mz_ctl_error(call->request, "out of memory");
	} else if (listing.text.len > 0) {
		mz_ctl_output(call->request, listing.text.s);
	}
	json_decref(listing.tasks);
	mz_str_clear(&listing.text);
	call_end(call, err == MZ_OK ? 0 : 1);
}

/* ---- one task --------------------------------------------------------------------------------------------------- */

static void on_gone(void *arg)
{
	(void)arg; /* it ends all the same; nobody hears it */
}

static bool parse_id(const char *text, int64_t *id)
{
	char *end = NULL;
	long long value = strtoll(text, &end, 10);

	*id = value;
	return end != text && *end == '\0' && value > 0;
}

/* RFC 3339 in UTC, seconds since 1970, or "+SECONDS" from now. */
static bool parse_time(const char *text, int64_t *wall)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	char *end = NULL;

	if (rest != NULL && *rest == '\0') {
		*wall = (int64_t)timegm(&tm);
		return true;
	}
	*wall = (int64_t)strtoll(text, &end, 10) + (*text == '+' ? mz_clock_wall() : 0);
	return end != text && *end == '\0' && *wall > 0;
}

/* What is put away or off is for the next look, at the latest. */
static void leave_to_look(struct app *app, int64_t id)
{
	const struct mz_task *task = mz_queue_find(app->queue, id);

	if (task != NULL)
		status_doubt(app, task->domain);
}

void command_tasks(const struct call *call)
{
	struct mz_cause cause = {0};
	const char *what = call->argc > 0 ? call->argv[0] : NULL;
	int64_t id = 0, due = 0, now = mz_clock_wall();

	if (what == NULL) {
		list(call, 0);
	} else if (call->argc < 2 || !parse_id(call->argv[1], &id)) {
		mz_ctl_error(call->request, "tasks %.40s needs the number of a task", what);
		call_end(call, 64);
	} else if (strcmp(what, "show") == 0) {
		list(call, id);
	} else if (strcmp(what, "retry") == 0) {
		call_end_durable(call, mz_queue_retry(call->app->queue, id, now, &cause), &cause);
	} else if (strcmp(what, "cancel") == 0) {
		leave_to_look(call->app, id);
		call_end_durable(call, mz_queue_cancel(call->app->queue, id, &cause), &cause);
	} else if (strcmp(what, "reschedule") == 0 && call->argc == 3 &&
		   parse_time(call->argv[2], &due)) {
		leave_to_look(call->app, id);
		call_end_durable(call, mz_queue_reschedule(call->app->queue, id, due, now, &cause),
				 &cause);
	} else {
		mz_ctl_error(call->request, "usage: mailzone tasks [show|retry|cancel ID | "
					    "reschedule ID 2026-11-23T10:00:00Z|+SECONDS]");
		call_end(call, 64);
	}
}

/* ---- reconcile -------------------------------------------------------------------------------------------------- */

/* A reconcile that waits for its tasks. */
struct wait {
	LIST_ENTRY(wait) link;
	struct mz_ctl_request *request;
	int64_t *ids; /* 0: over */
	size_t count, left;
	bool committed, wait, failed;
};
static LIST_HEAD(, wait) waits = LIST_HEAD_INITIALIZER(waits);

static void wait_end(struct wait *wait)
{
	if (!wait->committed || (wait->wait && wait->left > 0))
		return;
	mz_ctl_end(wait->request, wait->failed ? 1 : 0);
	LIST_REMOVE(wait, link);
	free(wait->ids);
	free(wait);
}

void command_tasks_clear(void)
{
	struct wait *wait = NULL;

	while ((wait = LIST_FIRST(&waits)) != NULL) {
		mz_ctl_end(wait->request, 1);
		LIST_REMOVE(wait, link);
		free(wait->ids);
		free(wait);
	}
}

void command_task_follows(int64_t id, int64_t next)
{
	struct wait *wait = NULL;

	LIST_FOREACH(wait, &waits, link)
	{
		for (size_t i = 0; i < wait->count; i++) {
			if (wait->ids[i] == id)
				wait->ids[i] = next;
		}
	}
}

void command_task_over(struct app *app, int64_t id, enum mz_task_state state, const char *reason)
{
	struct wait *wait = NULL, *next = NULL;

	(void)app;
	for (wait = LIST_FIRST(&waits); wait != NULL; wait = next) {
		next = LIST_NEXT(wait, link);
		for (size_t i = 0; i < wait->count; i++) {
			if (wait->ids[i] != id)
				continue;
			wait->ids[i] = 0;
			wait->left--;
			if (state == MZ_TASK_FAILED) {
				wait->failed = true;
				mz_ctl_error(wait->request, "task %lld: %s", (long long)id, reason);
			}
			wait_end(wait);
			break;
		}
	}
}

static void on_filed(void *arg, int err, const char *why)
{
	struct wait *wait = arg;

	wait->committed = true;
	if (err != MZ_OK) {
		mz_ctl_error(wait->request, "%s", why);
		wait->failed = true;
		wait->wait = false;
	}
	wait_end(wait);
}

static int file_all(const struct call *call, const struct mz_selection *selection,
		    struct wait *wait)
{
	int err = MZ_OK;

	for (size_t i = 0; i < selection->count && err == MZ_OK; i++) {
		const struct mz_queue_input input = {.kind = MZ_TASK_DNS,
						     .domain = selection->domain[i]->text,
						     .families = call->families,
						     .flags = call_flag(call, "renew")
								      ? MZ_TASK_RENEW
								      : 0,
						     .due = mz_clock_wall()};

		err = run_file(call->app, &input, &wait->ids[i]);
		wait->count = wait->left = i + 1;
	}
	return err;
}

static void print_filed(const struct call *call, const struct mz_selection *selection,
			const struct wait *wait)
{
	json_t *tasks = json_array();
	struct mz_str text = {0};

	for (size_t i = 0; i < wait->count; i++) {
		if (call->json)
			(void)json_array_append_new(tasks,
						    json_pack("{s:I, s:s}", "id",
							      (json_int_t)wait->ids[i], "domain",
							      selection->domain[i]->text));
		else
			mz_str_addf(&text, "%lld  %s\n", (long long)wait->ids[i],
				    selection->domain[i]->text);
	}
	if (call->json)
		call_print(call, json_pack("{s:O}", "tasks", tasks));
	else if (!text.failed && text.len > 0)
		mz_ctl_output(call->request, text.s);
	json_decref(tasks);
	mz_str_clear(&text);
}

static void say(void *arg, const char *line)
{
	mz_ctl_error(arg, "%s", line);
}

void command_reconcile(const struct call *call)
{
	const struct mz_conf *conf = call->app->site->conf;
	struct mz_selection selection = {0};
	struct wait *wait = calloc(1, sizeof(*wait));
	int err = mz_select(&selection, conf, call->argv, call->argc, say, call->request);

	if (err == MZ_OK && call_flag(call, "renew") && conf->hooks.certificate_renew == NULL) {
		mz_ctl_error(call->request,
			     "nothing renews certificates: set hooks.certificate_renew in %s",
			     conf->file);
		err = MZ_EINVAL;
	}

	if (err == MZ_OK && wait != NULL)
		wait->ids = calloc(selection.count + 1, sizeof(wait->ids[0]));
	if (err == MZ_OK && (wait == NULL || wait->ids == NULL))
		err = MZ_ENOMEM;
	if (err == MZ_OK)
		err = file_all(call, &selection, wait);
	if (err == MZ_OK) {
		wait->request = call->request;
		wait->wait = call_flag(call, "wait");
		LIST_INSERT_HEAD(&waits, wait, link);
		mz_ctl_on_gone(call->request, on_gone, NULL);
		print_filed(call, &selection, wait);
		run_soon(call->app);
		if (mz_engine_commit(call->app->engine, on_filed, wait) != MZ_OK)
			on_filed(wait, MZ_ENOMEM, mz_strerror(MZ_ENOMEM));
	} else {
		if (err == MZ_ENOMEM)
			mz_ctl_error(call->request, "out of memory");
		if (wait != NULL)
			free(wait->ids);
		free(wait);
		call_end(call, 1);
	}
	mz_selection_clear(&selection);
}
