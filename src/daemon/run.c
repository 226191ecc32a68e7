/* SPDX-License-Identifier: BSD-2-Clause */
/* From due tasks to jobs, one a zone at a time. */
#include "src/daemon/daemon.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* More than the engine runs at once; each has its memory. */
enum { ZONES_MAX = 256 };

/* How long a job tries again by itself: the task has its own patience. */
enum { PATIENCE_MS = 2000 };

/* A job that waits for its zone, or is under way: one of the control socket's. */
struct request {
	TAILQ_ENTRY(request) link;
	struct zone_run *zone;
	struct mz_job job;
	mz_flow_done done;
	void *arg;
	bool settled;
};

/* A zone with a job under way. */
struct zone_run {
	LIST_ENTRY(zone_run) link;
	struct app *app;
	struct site *site; /* held */
	char *server, *origin;
	TAILQ_HEAD(requests, request) waiting, under_way;
	bool busy;    /* with the job of the tasks, or ... */
	bool writing; /* one job that is under way is not settled */
	bool settled; /* the job of the tasks is */
	struct mz_job job;
	const struct mz_conf_domain **domains;
	bool *active;
	int64_t *tasks; /* one a domain of the job; 0: none */
};

static void next(struct zone_run *zone);

/* ---- zones under way ------------------------------------------------------------------------------------- */

static size_t bucket(const char *server, const char *origin)
{
	uint64_t hash = mz_hash(MZ_HASH, server, strlen(server));

	return (size_t)(mz_hash(hash, origin, strlen(origin)) % ZONE_BUCKETS);
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

static void requests_clear(struct requests *list)
{
	struct request *request = NULL;

	while ((request = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, request, link);
		free(request);
	}
}

static void zone_free(struct zone_run *zone)
{
	requests_clear(&zone->waiting);
	requests_clear(&zone->under_way);
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
	TAILQ_INIT(&zone->under_way);
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

/* ---- jobs that are no task's --------------------------------------------------------------------------------- */

static void on_request_settled(void *arg)
{
	struct request *request = arg;

	request->settled = true;
	request->zone->writing = false;
	next(request->zone);
}

static void on_request_done(void *arg, const struct mz_report *report)
{
	struct request *request = arg;
	struct zone_run *zone = request->zone;

	TAILQ_REMOVE(&zone->under_way, request, link);
	zone->writing = zone->writing && request->settled;
	outcome_request(zone->app, report);
	request->done(request->arg, report);
	free(request);
	next(zone);
}

static bool is_idle(const struct zone_run *zone)
{
	return !zone->busy && TAILQ_EMPTY(&zone->under_way);
}

/* The request whose turn it is. A challenge need not wait until all servers have what was sent before it: it is of a
 * name of its own, and a certificate waits for it. */
static struct request *whose_turn(const struct zone_run *zone)
{
	struct request *request = NULL;

	TAILQ_FOREACH(request, &zone->waiting, link)
	{
		bool challenge = request->job.mode == MZ_FLOW_PRESENT ||
				 request->job.mode == MZ_FLOW_CLEANUP;

		if (is_idle(zone) || (challenge && !zone->writing))
			return request;
	}
	return NULL;
}

/* Begins what waits for the zone, or ends with it. */
static void next(struct zone_run *zone)
{
	struct request *request = whose_turn(zone);

	if (request == NULL) {
		if (is_idle(zone))
			zone_end(zone);
		return;
	}
	TAILQ_REMOVE(&zone->waiting, request, link);
	TAILQ_INSERT_TAIL(&zone->under_way, request, link);
	zone->writing = true;
	if (mz_engine_add(zone->app->engine, &request->job, on_request_done, request) != MZ_OK) {
		struct mz_report report = {.job = &request->job,
					   .error = mz_strerror(MZ_ENOMEM),
					   .fault = MZ_FAULT_LATER};

		on_request_done(request, &report);
	}
}

int run_submit(void *arg, const struct mz_job *job, mz_flow_done done, void *done_arg)
{
	struct app *app = arg;
	struct zone_run *zone = find(app, job->server->name, job->origin_text);
	struct request *request = malloc(sizeof(*request));

	if (request == NULL)
		return MZ_ENOMEM;
	if (zone == NULL)
		zone = zone_new(app, job->server->name, job->origin_text);
	if (zone == NULL) {
		free(request);
		return MZ_ENOMEM;
	}
	*request = (struct request){.zone = zone, .job = *job, .done = done, .arg = done_arg};
	request->job.settled = on_request_settled;
	TAILQ_INSERT_TAIL(&zone->waiting, request, link);
	next(zone);
	return MZ_OK;
}

static void on_tasks_settled(void *arg)
{
	struct zone_run *zone = arg;

	zone->settled = true;
	zone->writing = false;
	next(zone);
}

static void on_tasks_done(void *arg, const struct mz_report *report)
{
	struct zone_run *zone = arg;

	zone->busy = false;
	zone->writing = zone->writing && zone->settled;
	outcome_report(zone->app, report, zone->tasks);
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
	zone->job.settled = on_tasks_settled;
	zone->busy = zone->writing = true;
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
	if (task->kind == MZ_TASK_DKIM) {
		dkim_start(app, task);
		return true;
	}
	domain = mz_conf_find_domain(app->site->conf, task->domain);
	if ((task->flags & MZ_TASK_WITHDRAW) != 0 && domain == NULL) {
		withdraw_start(app, task);
		return true;
	}
	/* One that was to be withdrawn may have come back. */
	if ((task->flags & MZ_TASK_WITHDRAW) != 0 || domain == NULL || !domain->automatic) {
		(void)mz_queue_cancel(app->queue, task->id,
				      NULL); /* no more of the kind is to be done */
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

	/* What could not be filed is for the next look. */
	if (input->kind == MZ_TASK_DNS || err != MZ_OK)
		status_doubt(app, input->domain);
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
