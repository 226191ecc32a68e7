/* SPDX-License-Identifier: BSD-2-Clause */
/* The state machine of one zone: probe, read, plan, and how it ends. */
#include "src/flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
	[STATE_WAITING] = "waiting", [STATE_PROBE] = "probe",	      [STATE_READ] = "read",
	[STATE_COMMIT] = "commit",   [STATE_SEND] = "send",	      [STATE_TRY] = "try",
	[STATE_VERIFY] = "verify",   [STATE_PROPAGATE] = "propagate", [STATE_RECORD] = "record",
	[STATE_BACKOFF] = "backoff", [STATE_DONE] = "done",
};

void flow_enter(struct flow *flow, enum state state)
{
	mz_log(MZ_LOG_DEBUG, "flow", "zone", flow->job.origin_text, "server",
	       flow->job.server->name, "from", state_names[flow->state], "to", state_names[state],
	       NULL);
	flow->state = state;
}

void flow_after(struct flow *flow, unsigned ms, event_callback_fn fn)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	if (flow->failed)
		return;
	if (flow->timer != NULL)
		event_free(flow->timer);
	flow->timer = evtimer_new(flow->engine->in.base, fn, flow);
	if (flow->timer == NULL || evtimer_add(flow->timer, &tv) != 0)
		flow_fail_memory(flow);
}

/* ---- the end --------------------------------------------------------------------------------------- */

static int change_order(const void *a, const void *b)
{
	const struct mz_change *x = a, *y = b;
	int d = mz_name_compare(x->rr.owner, y->rr.owner);

	if (d == 0)
		d = (int)x->rr.type - (int)y->rr.type;
	if (d == 0)
		d = (int)x->add - (int)y->add;
	return d != 0 ? d : mz_rr_compare(&x->rr, &y->rr);
}

/* The changes to report: those of the plan, or those that were made. NULL: out of memory. */
static struct mz_change *reported(const struct flow *flow, size_t *count)
{
	size_t n = 0;
	struct mz_change *list =
		malloc((flow->plan.change_count + flow->log_count + 1) * sizeof(*list));

	*count = 0;
	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < flow->plan.change_count && flow->job.mode == MZ_FLOW_PLAN; i++) {
		if (!flow->plan.changes[i].gone)
			list[n++] = flow->plan.changes[i];
	}
	for (size_t i = 0; i < flow->log_count; i++) {
		if (flow->log[i].state == SENT_APPLIED)
			list[n++] = flow->log[i].change;
	}
	qsort(list, n, sizeof(*list), change_order);
	*count = n;
	return list;
}

void flow_finish(struct flow *flow)
{
	struct mz_report report = {.job = &flow->job,
				   .error = flow->error[0] != '\0' ? flow->error : NULL,
				   .fault = flow->fault};
	struct mz_plan_count *counts = NULL;

	flow_enter(flow, STATE_DONE);
	report.changes = reported(flow, &report.change_count);
	report.have_serial = flow->have_serial;
	report.serial = flow->serial;
	report.read = flow->unchanged	? "serial"
		      : !flow->live.ok	? NULL
		      : flow->live.axfr ? "axfr"
					: "query";
	report.refusals = flow->plan.refusals;
	report.refusal_count = flow->plan.refusal_count;
	report.foreign = flow->planned	       ? flow->plan.foreign
			 : flow->known != NULL ? flow->known[0].foreign
					       : 0;
	report.keys_missing = flow->keys_missing;
	report.alias = flow->alias;
	report.tlsa = flow->tlsa;
	if (flow->unchanged) {
		counts = calloc(flow->job.domain_count, sizeof(*counts));
		for (size_t i = 0; counts != NULL && i < flow->job.domain_count; i++)
			counts[i].in_place = flow->known[i].in_place;
		report.counts = counts;
	} else if (flow->counts != NULL) {
		report.counts = flow->counts;
	} else if (flow->planned) {
		report.counts = flow->plan.counts;
	}
	if (flow->job.mode == MZ_FLOW_PLAN && flow->planned) {
		report.plan = &flow->plan;
		report.live = &flow->live;
	}
	flow_propagate_cancel(flow);
	/* The job and its configuration may go with this call. */
	flow->done(flow->arg, &report);
	free((void *)report.changes);
	free(counts);
	engine_done(flow);
}

void flow_free(struct flow *flow)
{
	mz_live_cancel(flow->op);
	mz_net_cancel(flow->ask);
	flow_propagate_cancel(flow);
	if (flow->committing) {
		TAILQ_REMOVE(&flow->engine->waiters, &flow->waiter, link);
		flow->engine->committing_count--;
	}
	if (flow->timer != NULL)
		event_free(flow->timer);
	for (size_t i = 0; i < flow->denied_count; i++)
		free(flow->denied[i].reason);
	free(flow->denied);
	free(flow->domains);
	free(flow->known);
	free(flow->digests);
	free(flow->keys_missing);
	free(flow->tlsa);
	free(flow->doubts);
	free(flow->cert_faults);
	free(flow->open);
	free(flow->queue);
	free(flow->log);
	free(flow->counts);
	mz_rrlist_clear(&flow->signing);
	mz_rrlist_clear(&flow->in_use);
	mz_rrlist_clear(&flow->was_in_use);
	mz_rrlist_clear(&flow->held);
	mz_rrlist_clear(&flow->desired);
	mz_rrlist_clear(&flow->ledger);
	mz_rrlist_clear(&flow->slots);
	mz_plan_clear(&flow->plan);
	mz_live_clear(&flow->live);
	mz_arena_clear(&flow->arena);
	free(flow);
}

static void on_finish(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flow_finish(arg);
}

void flow_fail(struct flow *flow, enum mz_fault fault, const char *text)
{
	struct timeval now = {0, 0};

	if (flow->failed)
		return;
	flow->failed = true;
	flow->fault = fault;
	(void)snprintf(flow->error, sizeof(flow->error), "%s", text);
	mz_log(MZ_LOG_DEBUG, "failed", "zone", flow->job.origin_text, "server",
	       flow->job.server->name, "reason", text, NULL);
	/* What was sent before is history all the same. */
	if (flow->log_count > 0 && flow_log_store(flow) == MZ_OK)
		(void)mz_engine_commit(flow->engine, NULL, NULL);
	/* From the loop: whoever called is not done with the flow. */
	if (flow->timer != NULL)
		event_free(flow->timer);
	flow->timer = evtimer_new(flow->engine->in.base, on_finish, flow);
	if (flow->timer == NULL || evtimer_add(flow->timer, &now) != 0)
		abort(); /* no memory even for the event that reports its lack */
}

void flow_fail_memory(struct flow *flow)
{
	flow_fail(flow, MZ_FAULT_LATER, mz_strerror(MZ_ENOMEM));
}

static void on_again(evutil_socket_t fd, short what, void *arg);

void flow_fault(struct flow *flow, bool may_pass, enum mz_fault fault, const char *text)
{
	unsigned shift = flow->attempts < 6 ? flow->attempts : 6, most = 100u << shift;
	unsigned delay = most / 2 + mz_random_below(most / 2);

	flow->attempts++;
	if (!may_pass || mz_clock_mono_ms() + delay >= flow->deadline) {
		flow_fail(flow, fault, text);
		return;
	}
	mz_log(MZ_LOG_INFO, "retry", "zone", flow->job.origin_text, "server",
	       flow->job.server->name, "delay_ms", MZ_NUM(delay), "reason", text, NULL);
	flow_enter(flow, STATE_BACKOFF);
	flow_after(flow, delay, on_again);
}

/* ---- probe, read, plan ------------------------------------------------------------------------------- */

struct mz_plan_input flow_plan_input(const struct flow *flow, const struct mz_live *live)
{
	return (struct mz_plan_input){.origin = flow->job.origin,
				      .domains = flow->domains,
				      .domain_count = flow->job.domain_count,
				      .desired = &flow->desired,
				      .ledger = &flow->ledger,
				      .signing = &flow->signing,
				      .in_use = &flow->in_use,
				      .held = &flow->held,
				      .live = live};
}

int flow_plan(struct flow *flow, const struct mz_live *live, struct mz_plan *out)
{
	struct mz_plan_input in = flow_plan_input(flow, live);
	int err = mz_plan_make(&in, out);

	for (size_t d = 0; d < flow->doubt_count && err == MZ_OK; d++)
		err = mz_plan_add_refusal(out, &flow->doubts[d]);
	for (size_t d = 0; d < flow->denied_count && err == MZ_OK; d++) {
		const struct denied *denied = &flow->denied[d];

		for (size_t u = 0; u < out->unit_count && err == MZ_OK; u++) {
			if (out->units[u].type == denied->type &&
			    mz_name_equal(out->units[u].owner, denied->owner.wire))
				err = mz_plan_refuse(out, &in, u, denied->reason);
		}
	}
	return err;
}

static bool work_left(const struct mz_plan *plan)
{
	for (size_t u = 0; u < plan->unit_count; u++) {
		if (!plan->units[u].gone)
			return true;
	}
	return false;
}

/* Puts the groups of units that somebody else changed since the earlier read behind the others:
 * the others must not wait for a fight over one RRset. */
static int set_apart(struct flow *flow, const struct mz_live *before)
{
	struct mz_plan *plan = &flow->plan;
	struct mz_unit *sorted = malloc((plan->unit_count + 1) * sizeof(*sorted));
	size_t n = 0;

	flow->quiet = plan->unit_count;
	if (sorted == NULL)
		return MZ_ENOMEM;
	for (int fought = 0; fought < 2; fought++) {
		for (size_t from = 0, to = 0; from < plan->unit_count; from = to) {
			bool changed = false;

			for (; to < plan->unit_count &&
			       plan->units[to].group == plan->units[from].group;
			     to++)
				changed = changed ||
					  !flow_as_before(before, &flow->live, &plan->units[to]);
			if (changed != (fought == 1))
				continue;
			memcpy(sorted + n, plan->units + from, (to - from) * sizeof(*sorted));
			n += to - from;
		}
		if (fought == 0)
			flow->quiet = n;
	}
	memcpy(plan->units, sorted, n * sizeof(*sorted));
	free(sorted);
	return MZ_OK;
}

static void planned(struct flow *flow, const struct mz_live *before)
{
	size_t n = flow->job.domain_count;

	mz_plan_clear(&flow->plan);
	flow->planned = false;
	if (flow->job.mode == MZ_FLOW_UNDO && !flow_undo_ready(flow))
		return;
	if (flow_is_challenge(flow) && flow_challenge_leads_on(flow))
		return;
	if (flow_plan(flow, &flow->live, &flow->plan) != MZ_OK) {
		flow_fail_memory(flow);
		return;
	}
	flow->planned = true;
	flow->quiet = flow->plan.unit_count;
	if (flow->races > 1 && before->ok && set_apart(flow, before) != MZ_OK) {
		flow_fail_memory(flow);
		return;
	}
	flow_log_resolve(flow);
	if (flow->counts == NULL && flow->job.mode != MZ_FLOW_PLAN) {
		flow->counts = malloc((n + 1) * sizeof(flow->counts[0]));
		if (flow->counts != NULL)
			memcpy(flow->counts, flow->plan.counts, n * sizeof(flow->counts[0]));
	}
	if (flow->job.mode == MZ_FLOW_PLAN)
		flow_finish(flow);
	else if (work_left(&flow->plan))
		flow_send_all(flow);
	else
		flow_propagate(flow);
}

static void on_read(void *arg, struct mz_live *take_live)
{
	struct flow *flow = arg;
	struct mz_live before = flow->live;
	int err = MZ_OK;

	flow->op = NULL;
	flow->live = *take_live;
	flow->serial = flow->live.ok ? flow->live.serial : flow->serial;
	flow->have_serial = flow->have_serial || flow->live.ok;
	if (flow->live.ok && flow->job.mode != MZ_FLOW_PLAN)
		err = flow_judge_open(flow);
	if (err != MZ_OK)
		flow_fail(flow, MZ_FAULT_DENIED,
			  err == MZ_ENOMEM ? mz_strerror(err)
					   : mz_store_error(flow->engine->in.store));
	else if (flow->live.ok)
		planned(flow, &before);
	else
		flow_fault(flow, flow->live.retry, flow->live.fault, flow->live.cause.text);
	mz_live_clear(&before);
}

struct mz_live_request flow_request(const struct flow *flow)
{
	return (struct mz_live_request){
		.peer = flow->peer,
		.key = flow->job.server->transfer_key,
		.origin = flow->job.origin,
		.slots = &flow->slots,
		.mode = flow->job.server->read,
		.large = flow->live.large || flow->known[0].large,
		.no_axfr = flow->live.no_axfr || flow->known[0].no_axfr,
		.timeout_ms = (unsigned)flow->job.server->timeout * 1000u,
	};
}

static void on_arrived(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flow_read(arg);
}

void flow_read(struct flow *flow)
{
	struct mz_live_request request = {0};
	struct mz_cause cause = {0};
	int err = flow_recall(flow, &cause);
	unsigned wait = flow_on_its_way(flow);

	flow_enter(flow, STATE_READ);
	if (err != MZ_OK) {
		flow_fail(flow, MZ_FAULT_DENIED,
			  cause.text[0] != '\0' ? cause.text : mz_strerror(err));
		return;
	}
	if (wait > 0 && flow->job.mode != MZ_FLOW_PLAN) {
		flow->intended_at = 0;
		flow->deadline += wait;
		flow_after(flow, wait, on_arrived);
		return;
	}
	request = flow_request(flow);
	if (mz_live_read(&request, on_read, flow, &flow->op) != MZ_OK)
		flow_fail_memory(flow);
}

/* Nothing has changed on either side since it was verified: one packet each way was enough. */
static bool is_unchanged(const struct flow *flow)
{
	if (flow->tlsa_unseen || flow->doubt_count > 0)
		return false;
	for (size_t i = 0; i < flow->job.domain_count; i++) {
		const struct mz_store_zone *known = &flow->known[i];

		if (!flow->domains[i].active)
			continue;
		if (flow->domains[i].withdraw || !known->known || known->serial != flow->serial ||
		    memcmp(known->desired, flow->digests[i], MZ_DIGEST) != 0)
			return false;
	}
	return true;
}

static void on_probe(void *arg, const struct mz_probe *probe)
{
	struct flow *flow = arg;

	flow->op = NULL;
	if (probe->result != MZ_PROBE_OK) {
		flow_fault(flow, probe->retry, probe->fault, probe->cause.text);
		return;
	}
	flow->serial = probe->serial;
	flow->have_serial = true;
	flow->unchanged = flow->attempts == 0 && flow->log_count == 0 && is_unchanged(flow);
	if (flow->unchanged)
		flow_finish(flow);
	else
		flow_read(flow);
}

static void probe(struct flow *flow)
{
	flow_enter(flow, STATE_PROBE);
	if (mz_live_probe(flow->peer, flow->job.server->transfer_key, flow->job.origin,
			  (unsigned)flow->job.server->timeout * 1000u, on_probe, flow,
			  &flow->op) != MZ_OK)
		flow_fail_memory(flow);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	probe(arg);
}

void flow_start(struct flow *flow)
{
	struct mz_cause cause = {0};
	int err = MZ_OK;

	flow->now = mz_clock_wall();
	err = flow_gather(flow, &cause);
	flow->deadline = mz_clock_mono_ms() + flow->job.patience_ms;
	if (err == MZ_OK)
		err = mz_net_peer(flow->engine->net, &flow->job.server->endpoint,
				  flow->job.server->max_inflight, &flow->peer, &cause);
	if (err != MZ_OK)
		flow_fail(flow, MZ_FAULT_DENIED,
			  cause.text[0] != '\0' ? cause.text : mz_strerror(err));
	else
		probe(flow);
}
