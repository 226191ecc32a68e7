/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of a job: its tasks end, people are told, and what follows from it is filed. */
#include "src/daemon/dkim.h"

#include <stdio.h>

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

/* Its first refusal, or the error of the job; nothing is added where all is good. */
static void add_reason(struct mz_str *out, const struct mz_report *report, size_t domain)
{
	const struct mz_refusal *refusal =
		report->error == NULL ? refusal_of(report, domain) : NULL;
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	if (refusal != NULL)
		mz_str_addf(out, "refused: %s %s: %s", mz_name_to_text(refusal->owner, owner),
			    mz_type_name(refusal->type, type), refusal->reason);
	else if (report->error != NULL)
		mz_str_add(out, report->error);
}

/* How the domain stands now. */
static void stand(struct app *app, const struct mz_report *report, size_t domain,
		  const char *reason)
{
	struct domain_status *status = status_domain(app, report->job->domains[domain]->text);

	if (status != NULL && *reason == '\0')
		status_good(status, report, domain, mz_clock_wall());
	else if (status != NULL)
		status_bad(status, reason, mz_clock_wall());
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

void outcome_end_task(struct app *app, int64_t id, enum mz_task_result result, const char *reason,
		      const struct server_status *server, bool silent)
{
	const struct mz_task *task = mz_queue_find(app->queue, id);
	int64_t now = mz_clock_wall(), deadline = 0;
	enum mz_task_state state = MZ_TASK_DONE;
	char domain[MZ_NAME_TEXT] = ""; /* the task may be gone when it is over */
	int err = MZ_OK;

	if (task == NULL)
		return;
	(void)snprintf(domain, sizeof(domain), "%s", task->domain);
	deadline = task->created + app->site->conf->tasks.total_deadline;
	if (silent && server != NULL && server->breaker.state == MZ_BREAKER_DOWN &&
	    server->breaker.next_probe < deadline) {
		err = mz_queue_postpone(app->queue, id, server->breaker.next_probe, now, reason);
	} else {
		err = mz_queue_finish(app->queue, id, result, reason, now,
				      mz_random_below(UINT32_MAX), &state);
		if (err == MZ_OK && state == MZ_TASK_FAILED)
			mz_log(MZ_LOG_ERROR, "task_failed", "task", MZ_NUM(id), "domain", domain,
			       "reason", reason, NULL);
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
	int64_t id = 0, before = task->id;

	if (run_file(app, &input, &id) == MZ_OK)
		command_task_follows(before, id);
}

/* What the TLSA records of the job's i-th domain wait for is looked at in time. */
static void wait_tlsa(struct app *app, const struct mz_report *report, size_t i)
{
	const char *domain = report->job->domains[i]->text;

	if (report->error == NULL && report->job->mode == MZ_FLOW_APPLY && report->tlsa != NULL)
		look_tlsa(app, domain, &report->tlsa[i]);
}

static void end_domain(struct app *app, const struct mz_report *report, size_t i, int64_t id,
		       const struct server_status *server)
{
	const struct mz_task *task = mz_queue_find(app->queue, id);
	enum mz_task_result result = result_of(report->fault);
	struct mz_str reason = {0};

	add_reason(&reason, report, i);
	stand(app, report, i, reason.len > 0 ? reason.s : "");
	if (report->error == NULL && reason.len > 0)
		result = MZ_RESULT_FAILED; /* refused, until somebody changes something */
	if (task != NULL && result == MZ_RESULT_DONE && (task->flags & MZ_TASK_RENEW) != 0)
		file_renewal(app, task);
	wait_tlsa(app, report, i);
	outcome_end_task(app, id, result, reason.len > 0 ? reason.s : "", server,
			 report->fault == MZ_FAULT_SILENT);
	mz_str_clear(&reason);
}

/* Is the same record deleted and added, as when its TTL changes? */
static bool is_both(const struct mz_report *report, const struct mz_change *change)
{
	for (size_t i = 0; i < report->change_count; i++) {
		const struct mz_change *other = &report->changes[i];

		if (other->add != change->add && mz_rr_compare(&other->rr, &change->rr) == 0)
			return true;
	}
	return false;
}

static void follow_changes(struct app *app, const struct mz_report *report)
{
	for (size_t i = 0; i < report->change_count; i++) {
		const struct mz_change *change = &report->changes[i];

		if (mz_log_on(MZ_LOG_INFO))
			log_change(report, change);
		if (change->rr.family == MZ_FAMILY_DKIM && !is_both(report, change))
			dkim_changed(app, report->job->domains[change->rr.domain], change);
	}
}

void outcome_report(struct app *app, const struct mz_report *report, const int64_t *tasks)
{
	const struct mz_job *job = report->job;
	struct server_status *server = status_server(app, job->server->name);

	if (server != NULL) {
		server->inflight--;
		if (report->fault == MZ_FAULT_SILENT)
			mz_breaker_bad(&server->breaker, mz_clock_wall(), report->error);
		else
			mz_breaker_good(&server->breaker, mz_clock_wall());
	}
	if (report->error != NULL)
		mz_log(MZ_LOG_WARNING, "zone_failed", "zone", job->origin_text, "server",
		       job->server->name, "reason", report->error, NULL);
	follow_changes(app, report);
	for (size_t i = 0; i < job->domain_count; i++) {
		if (job->active[i])
			end_domain(app, report, i, tasks[i], server);
	}
	if (mz_store_dirty(app->store))
		(void)mz_engine_commit(app->engine, NULL, NULL);
}

void outcome_request(struct app *app, const struct mz_report *report)
{
	const struct mz_job *job = report->job;

	if (job->mode == MZ_FLOW_PLAN)
		return;
	follow_changes(app, report);
	for (size_t i = 0; i < job->domain_count; i++) {
		struct mz_str reason = {0};

		if (!job->active[i])
			continue;
		wait_tlsa(app, report, i);
		add_reason(&reason, report, i);
		if (job->mode != MZ_FLOW_APPLY && report->change_count > 0)
			status_taken(app, job->domains[i]->text);
		else if (job->mode == MZ_FLOW_APPLY &&
			 (job->families == MZ_FAMILIES_ALL || reason.len > 0))
			stand(app, report, i, reason.len > 0 ? reason.s : "");
		mz_str_clear(&reason);
	}
}
