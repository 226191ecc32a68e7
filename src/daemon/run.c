/* SPDX-License-Identifier: BSD-2-Clause */
/* From due tasks to jobs, one a zone at a time, and from their reports back to the tasks. */
#include "src/daemon/dkim.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than the engine runs at once; each has its memory. */
enum { ZONES_MAX = 256 };

/* How long a job tries again by itself: the task has its own patience. */
enum { PATIENCE_MS = 2000 };

/* A job that waits for its zone: one of the control socket's. */
struct request {
	TAILQ_ENTRY(request) link;
	struct mz_job job;
	mz_flow_done done;
	void *arg;
};

/* A zone with a job under way. */
struct zone_run {
	LIST_ENTRY(zone_run) link;
	struct app *app;
	struct site *site; /* held */
	char *server, *origin;
	TAILQ_HEAD(, request) waiting;
	struct request *request; /* under way; NULL: tasks are */
	struct mz_job job;
	const struct mz_conf_domain **domains;
	bool *active;
	int64_t *tasks; /* one a domain of the job; 0: none */
};

static void next(struct zone_run *zone);

/* ---- zones under way ------------------------------------------------------------------------------------- */

static size_t bucket(const char *server, const char *origin)
{
	size_t hash = 5381;

	for (const char *p = server; *p != '\0'; p++)
		hash = hash * 33 + (unsigned char)*p;
	for (const char *p = origin; *p != '\0'; p++)
		hash = hash * 33 + (unsigned char)*p;
	return hash % ZONE_BUCKETS;
}

static struct zone_run *find(const struct app *app, const char *server, const char *origin)
{
	struct zone_run *zone = NULL;

	LIST_FOREACH(zone, &app->zones[bucket(server, origin)], link)
	{
		if (strcmp(zone->origin, origin) == 0 && strcmp(zone->server, server) == 0)
			return zone;
	}
	return NULL;
}

static void zone_free(struct zone_run *zone)
{
	struct request *request = NULL;

	while ((request = TAILQ_FIRST(&zone->waiting)) != NULL) {
		TAILQ_REMOVE(&zone->waiting, request, link);
		free(request);
	}
	free(zone->request);
	free(zone->domains);
	free(zone->active);
	free(zone->tasks);
	free(zone->server);
	free(zone->origin);
	site_release(zone->site);
	free(zone);
}

static struct zone_run *zone_new(struct app *app, const char *server, const char *origin)
{
	struct zone_run *zone = calloc(1, sizeof(*zone));

	if (zone == NULL)
		return NULL;
	TAILQ_INIT(&zone->waiting);
	zone->app = app;
	zone->site = app->site;
	site_hold(zone->site);
	zone->server = strdup(server);
	zone->origin = strdup(origin);
	if (zone->server == NULL || zone->origin == NULL) {
		zone_free(zone);
		return NULL;
	}
	LIST_INSERT_HEAD(&app->zones[bucket(server, origin)], zone, link);
	app->running++;
	return zone;
}

static void zone_end(struct zone_run *zone)
{
	struct app *app = zone->app;

	LIST_REMOVE(zone, link);
	app->running--;
	zone_free(zone);
	if (app->running <
	    ZONES_MAX / 2) /* a look at all that is due for many free places, not for one */
		run_soon(app);
}

static void follow_tlsa(struct app *app, const struct mz_report *report, size_t i)
{
	const char *domain = report->job->domains[i]->text;

	if (report->error == NULL && report->job->mode == MZ_FLOW_APPLY && report->tlsa != NULL &&
	    mz_conf_find_domain(app->site->conf, domain) != NULL)
		look_tlsa(app, domain, &report->tlsa[i]);
}

/* ---- jobs that are no task's --------------------------------------------------------------------------------- */

static void on_request_done(void *arg, const struct mz_report *report)
{
	struct zone_run *zone = arg;
	struct request *request = zone->request;

	zone->request = NULL;
	for (size_t i = 0; i < report->job->domain_count; i++) {
		if (report->job->active[i])
			follow_tlsa(zone->app, report, i);
	}
	request->done(request->arg, report);
	free(request);
	next(zone);
}

/* Begins what waits for the zone, or ends with it. */
static void next(struct zone_run *zone)
{
	struct request *request = TAILQ_FIRST(&zone->waiting);

	if (request == NULL) {
		zone_end(zone);
		return;
	}
	TAILQ_REMOVE(&zone->waiting, request, link);
	zone->request = request;
	if (mz_engine_add(zone->app->engine, &request->job, on_request_done, zone) != MZ_OK) {
		struct mz_report report = {.job = &request->job,
					   .error = mz_strerror(MZ_ENOMEM),
					   .fault = MZ_FAULT_LATER};

		on_request_done(zone, &report);
	}
}

int run_submit(void *arg, const struct mz_job *job, mz_flow_done done, void *done_arg)
{
	struct app *app = arg;
	struct zone_run *zone = find(app, job->server->name, job->origin_text);
	struct request *request = malloc(sizeof(*request));
	bool idle = zone == NULL;

	if (request == NULL)
		return MZ_ENOMEM;
	if (idle)
		zone = zone_new(app, job->server->name, job->origin_text);
	if (zone == NULL) {
		free(request);
		return MZ_ENOMEM;
	}
	*request = (struct request){.job = *job, .done = done, .arg = done_arg};
	TAILQ_INSERT_TAIL(&zone->waiting, request, link);
	if (idle)
		next(zone);
	return MZ_OK;
}

/* ---- reports ---------------------------------------------------------------------------------------------------- */

static void log_change(const struct mz_report *report, const struct mz_change *change)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "", ttl[16] = "";
	struct mz_str rdata = {0};

	mz_rdata_to_text(change->rr.type, change->rr.rdata, change->rr.rdlen, &rdata);
	(void)snprintf(ttl, sizeof(ttl), "%lu", (unsigned long)change->rr.ttl);
	mz_log(MZ_LOG_INFO, change->add ? "added" : "deleted", "domain",
	       report->job->domains[change->rr.domain]->text, "server", report->job->server->name,
	       "owner", mz_name_to_text(change->rr.owner, owner), "ttl", ttl, "type",
	       mz_type_name(change->rr.type, type), "rdata", rdata.s, NULL);
	mz_str_clear(&rdata);
}

/* Why a domain of a job without error is not as it should be: its first refusal, or NULL. */
static const struct mz_refusal *refusal_of(const struct mz_report *report, size_t domain)
{
	for (size_t i = 0; i < report->refusal_count; i++) {
		if (report->refusals[i].domain == domain)
			return &report->refusals[i];
	}
	return NULL;
}

static void refusal_text(struct mz_str *out, const struct mz_refusal *refusal)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	mz_str_addf(out, "refused: %s %s: %s", mz_name_to_text(refusal->owner, owner),
		    mz_type_name(refusal->type, type), refusal->reason);
}

static enum mz_task_result result_of(enum mz_fault fault)
{
	switch (fault) {
	case MZ_FAULT_NONE:
		return MZ_RESULT_DONE;
	case MZ_FAULT_DENIED:
		return MZ_RESULT_RETRY_SLOW;
	case MZ_FAULT_OTHER:
		return MZ_RESULT_FAILED;
	case MZ_FAULT_SILENT:
	case MZ_FAULT_LATER:
		break;
	}
	return MZ_RESULT_RETRY;
}

void run_end_task(struct app *app, int64_t id, enum mz_task_result result, const char *reason,
		  const struct server_status *server, bool silent)
{
	const struct mz_task *task = mz_queue_find(app->queue, id);
	int64_t now = mz_clock_wall(), deadline = 0;
	enum mz_task_state state = MZ_TASK_DONE;
	int err = MZ_OK;

	if (task == NULL)
		return;
	deadline = task->created + app->site->conf->tasks.total_deadline;
	if (silent && server != NULL && server->breaker.state == MZ_BREAKER_DOWN &&
	    server->breaker.next_probe < deadline) {
		err = mz_queue_postpone(app->queue, id, server->breaker.next_probe, now, reason);
	} else {
		err = mz_queue_finish(app->queue, id, result, reason, now,
				      mz_random_below(UINT32_MAX), &state);
		if (err == MZ_OK && state == MZ_TASK_FAILED)
			mz_log(MZ_LOG_ERROR, "task_failed", "task", MZ_NUM(id), "reason", reason,
			       NULL);
		if (err == MZ_OK && (state == MZ_TASK_DONE || state == MZ_TASK_FAILED))
			command_task_over(app, id, state, reason);
	}
	if (err != MZ_OK)
		mz_log(MZ_LOG_ERROR, "task", "task", MZ_NUM(id), "reason", mz_strerror(err), NULL);
}

/* The renew hook follows once the change is served everywhere. */
static void file_renewal(struct app *app, const struct mz_task *task)
{
	const struct mz_queue_input input = {.kind = MZ_TASK_CERTIFICATE,
					     .domain = task->domain,
					     .families = MZ_FAMILIES_ALL,
					     .due = mz_clock_wall()};
	int64_t id = 0;

	(void)run_file(app, &input, &id);
}

static void end_domain(struct zone_run *zone, const struct mz_report *report, size_t i,
		       const struct server_status *server)
{
	struct app *app = zone->app;
	struct domain_status *status = status_domain(app, report->job->domains[i]->text);
	const struct mz_refusal *refusal = report->error == NULL ? refusal_of(report, i) : NULL;
	const struct mz_task *task = mz_queue_find(app->queue, zone->tasks[i]);
	enum mz_task_result result = result_of(report->fault);
	struct mz_str reason = {0};
	int64_t now = mz_clock_wall();

	if (refusal != NULL)
		refusal_text(&reason, refusal);
	else if (report->error != NULL)
		mz_str_add(&reason, report->error);
	if (status != NULL && reason.len == 0)
		status_good(status, report, now);
	else if (status != NULL)
		status_bad(status, reason.s, now);
	if (refusal != NULL)
		result = MZ_RESULT_FAILED; /* until somebody changes something */
	if (task != NULL && result == MZ_RESULT_DONE && (task->flags & MZ_TASK_RENEW) != 0)
		file_renewal(app, task);
	follow_tlsa(app, report, i);
	run_end_task(app, zone->tasks[i], result, reason.len > 0 ? reason.s : "", server,
		     report->fault == MZ_FAULT_SILENT);
	mz_str_clear(&reason);
}

/* Was the same record deleted, as when its TTL changed? */
static bool was_there(const struct mz_report *report, const struct mz_change *change)
{
	for (size_t i = 0; i < report->change_count; i++) {
		const struct mz_change *other = &report->changes[i];

		if (!other->add && mz_rr_compare(&other->rr, &change->rr) == 0)
			return true;
	}
	return false;
}

static void on_tasks_done(void *arg, const struct mz_report *report)
{
	struct zone_run *zone = arg;
	struct app *app = zone->app;
	struct server_status *server = status_server(app, zone->server);
	int64_t now = mz_clock_wall();

	if (server != NULL) {
		server->inflight--;
		if (report->fault == MZ_FAULT_SILENT)
			mz_breaker_bad(&server->breaker, now, report->error);
		else
			mz_breaker_good(&server->breaker, now);
	}
	if (report->error != NULL)
		mz_log(MZ_LOG_WARNING, "zone_failed", "zone", zone->origin, "server", zone->server,
		       "reason", report->error, NULL);
	for (size_t i = 0; i < report->change_count && mz_log_on(MZ_LOG_INFO); i++)
		log_change(report, &report->changes[i]);
	for (size_t i = 0; i < report->change_count; i++) {
		const struct mz_change *change = &report->changes[i];

		if (change->add && change->rr.family == MZ_FAMILY_DKIM &&
		    !was_there(report, change))
			dkim_added(app, report->job->domains[change->rr.domain], &change->rr);
	}
	for (size_t i = 0; i < report->job->domain_count; i++) {
		if (report->job->active[i])
			end_domain(zone, report, i, server);
	}
	if (mz_store_dirty(app->store))
		(void)mz_engine_commit(app->engine, NULL, NULL);
	next(zone);
}

/* ---- tasks that are due ---------------------------------------------------------------------------------------------- */

/* Takes the domain's task into the zone's job; a domain has one task in it, and all have the same families. */
static void take_task(struct zone_run *zone, const struct mz_task *task, size_t i)
{
	if (zone->job.families == 0)
		zone->job.families = task->families;
	if (zone->tasks[i] != 0 || zone->job.families != task->families)
		return;
	if (mz_queue_start(zone->app->queue, task->id, mz_clock_wall()) != MZ_OK)
		return;
	zone->tasks[i] = task->id;
	zone->active[i] = true;
}

struct gather {
	struct zone_run *zone;
	size_t domain;
	int64_t now;
};

static void on_task_of_domain(void *arg, const struct mz_task *task)
{
	struct gather *gather = arg;

	if (task->state != MZ_TASK_RUNNING && task->kind == MZ_TASK_DNS &&
	    (task->flags & MZ_TASK_WITHDRAW) == 0 && task->due <= gather->now &&
	    gather->zone->tasks[gather->domain] == 0)
		take_task(gather->zone, task, gather->domain);
}

/* Starts a job for the zone with all of its domains that have a task due. False: no memory. */
static bool start_zone(struct app *app, const struct mz_conf_zone *conf,
		       struct server_status *server, int64_t now)
{
	struct zone_run *zone = zone_new(app, conf->server->name, conf->origin_text);
	size_t n = conf->domain_count;

	if (zone == NULL)
		return false;
	zone->domains = calloc(n, sizeof(zone->domains[0]));
	zone->active = calloc(n, sizeof(zone->active[0]));
	zone->tasks = calloc(n, sizeof(zone->tasks[0]));
	if (zone->domains == NULL || zone->active == NULL || zone->tasks == NULL) {
		zone_end(zone);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct gather gather = {.zone = zone, .domain = i, .now = now};

		zone->domains[i] = conf->domains[i];
		mz_queue_of_domain(app->queue, conf->domains[i]->text, on_task_of_domain, &gather);
	}
	zone->job.server = conf->server;
	zone->job.origin = conf->origin;
	zone->job.origin_text = conf->origin_text;
	zone->job.domains = zone->domains;
	zone->job.active = zone->active;
	zone->job.domain_count = n;
	zone->job.mode = MZ_FLOW_APPLY;
	zone->job.facts = zone->site->facts;
	zone->job.patience_ms = PATIENCE_MS;
	server->inflight++;
	if (mz_engine_add(app->engine, &zone->job, on_tasks_done, zone) != MZ_OK) {
		struct mz_report report = {.job = &zone->job,
					   .error = mz_strerror(MZ_ENOMEM),
					   .fault = MZ_FAULT_LATER};

		on_tasks_done(zone, &report);
	}
	return true;
}

/* ---- the pump ---------------------------------------------------------------------------------------------------------- */

static bool on_due(void *arg, const struct mz_task *task)
{
	struct app *app = arg;
	const struct mz_conf_domain *domain = NULL;
	struct server_status *server = NULL;
	int64_t now = mz_clock_wall();

	if (task->kind == MZ_TASK_CERTIFICATE) {
		hook_renew(app, task);
		return true;
	}
	domain = mz_conf_find_domain(app->site->conf, task->domain);
	if ((task->flags & MZ_TASK_WITHDRAW) != 0 && domain == NULL) {
		withdraw_start(app, task);
		return true;
	}
	/* One that was to be withdrawn may have come back. */
	if ((task->flags & MZ_TASK_WITHDRAW) != 0 || domain == NULL || !domain->automatic ||
	    (task->kind == MZ_TASK_DKIM && !dkim_is_kept(domain))) {
		(void)mz_queue_cancel(app->queue, task->id,
				      NULL); /* no more of the kind is to be done */
		return true;
	}
	if (task->kind == MZ_TASK_DKIM) {
		dkim_start(app, task, domain);
		return true;
	}
	if (app->running >= ZONES_MAX)
		return false;
	if (find(app, domain->server->name, domain->origin_text) != NULL)
		return true; /* its turn comes when the zone is free */
	server = status_server(app, domain->server->name);
	if (server == NULL || !mz_breaker_allows(&server->breaker, now))
		return server != NULL;
	return start_zone(app, domain->zone, server, now);
}

/* When to look again: the next task, or the probe of a server that is down. */
static void arm(struct app *app)
{
	int64_t now = mz_clock_wall(), at = mz_queue_next(app->queue);
	struct timeval tv = {1, 0};

	if (at == 0 || app->stopping)
		return;
	/* What is due already waits for a zone or a server: zones wake the pump, servers a clock. */
	if (at > now)
		tv.tv_sec = (time_t)(at - now < 3600 ? at - now : 3600);
	(void)evtimer_add(app->pump, &tv);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;

	(void)fd;
	(void)what;
	if (app->stopping)
		return;
	app->dkim_started = 0;
	mz_queue_due(app->queue, mz_clock_wall(), on_due, app);
	if (mz_store_dirty(app->store))
		(void)mz_engine_commit(app->engine, NULL, NULL);
	arm(app);
}

void run_soon(struct app *app)
{
	struct timeval now = {0, 0};

	if (app->pump == NULL)
		app->pump = evtimer_new(app->base, on_pump, app);
	if (app->pump != NULL)
		(void)evtimer_add(app->pump, &now);
}

int run_file(struct app *app, const struct mz_queue_input *input, int64_t *id)
{
	int err = mz_queue_file(app->queue, input, mz_clock_wall(), id);

	if (err != MZ_OK)
		mz_log(MZ_LOG_ERROR, "task", "domain", input->domain, "reason",
		       mz_store_error(app->store), NULL);
	return err;
}

void run_clear(struct app *app)
{
	if (app->pump != NULL)
		event_free(app->pump);
	for (size_t i = 0; i < ZONE_BUCKETS; i++) {
		struct zone_run *zone = NULL;

		while ((zone = LIST_FIRST(&app->zones[i])) != NULL) {
			LIST_REMOVE(zone, link);
			zone_free(zone);
		}
	}
}
