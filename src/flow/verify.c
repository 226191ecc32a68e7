/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads back what was sent: NOERROR does not mean that it was done. */
#include "src/flow/flow.h"

#include <stdio.h>
#include <string.h>

/* BIND's inline signing shows an update some milliseconds late, PowerDNS answers from caches. */
static const unsigned delays_ms[] = {0, 10, 20, 50, 100, 200, 400, 800};
enum { LOOKS = sizeof(delays_ms) / sizeof(delays_ms[0]) };

static bool was_sent(const struct flow *flow, const struct mz_unit *unit)
{
	for (size_t i = 0; i < flow->log_count; i++) {
		const struct mz_rr *rr = &flow->log[i].change.rr;

		if (flow->log[i].state == SENT_APPLIED && rr->type == unit->type &&
		    mz_name_equal(rr->owner, unit->owner))
			return true;
	}
	return false;
}

bool flow_as_before(const struct mz_live *before, const struct mz_live *now,
		    const struct mz_unit *unit)
{
	size_t from = mz_rrlist_find(&before->rrs, unit->owner, unit->type), i = from;

	for (size_t k = unit->live_from; k < unit->live_to; k++, i++) {
		if (i >= before->rrs.count ||
		    mz_rr_compare(&before->rrs.rr[i], &now->rrs.rr[k]) != 0 ||
		    before->rrs.rr[i].ttl != now->rrs.rr[k].ttl)
			return false;
	}
	return i >= before->rrs.count || before->rrs.rr[i].type != unit->type ||
	       !mz_name_equal(before->rrs.rr[i].owner, unit->owner);
}

static void look(struct flow *flow);

static void on_wait(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static void forget_sent(struct flow *flow, const struct mz_unit *unit)
{
	for (size_t i = 0; i < flow->log_count; i++) {
		const struct mz_rr *rr = &flow->log[i].change.rr;

		if (rr->type == unit->type && mz_name_equal(rr->owner, unit->owner))
			flow->log[i].state = SENT_FAILED;
	}
}

/* The server said NOERROR and did nothing: a refusal with its likely cause. */
static int refuse_ignored(struct flow *flow)
{
	int err = MZ_OK;

	for (size_t u = 0; u < flow->plan.unit_count && err == MZ_OK; u++) {
		const struct mz_unit *unit = &flow->plan.units[u];
		char reason[512] = "";

		if (unit->gone || !was_sent(flow, unit))
			continue;
		forget_sent(flow, unit);
		(void)snprintf(reason, sizeof(reason),
			       "the server answered NOERROR and did not do it%s",
			       mz_update_hint(unit, MZ_RCODE_NOERROR, true));
		err = flow_deny(flow, u, reason);
	}
	return err;
}

static void go_on(struct flow *flow)
{
	bool work_left = false;

	for (size_t u = 0; u < flow->plan.unit_count; u++)
		work_left = work_left || !flow->plan.units[u].gone;
	if (!work_left) {
		flow_propagate(flow);
	} else if (flow->races++ < FLOW_RACES_MAX) {
		flow_send_all(flow);
	} else {
		struct mz_cause cause = {0};
		char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";
		const struct mz_unit *unit = &flow->plan.units[0];

		(void)mz_cause_set(&cause, MZ_EFAILED,
				   "%.255s %s: somebody else changes it again and again",
				   mz_name_to_text(unit->owner, owner),
				   mz_type_name(unit->type, type));
		flow_fail(flow, MZ_FAULT_LATER, cause.text);
	}
}

static void on_seen(void *arg, struct mz_live *take_live)
{
	struct flow *flow = arg;
	struct mz_live live = *take_live;
	struct mz_plan plan = {0};
	bool late = false;

	flow->op = NULL;
	if (!live.ok) {
		flow_fault(flow, live.retry, live.fault, live.cause.text);
		mz_live_clear(&live);
		return;
	}
	if (flow_plan(flow, &live, &plan) != MZ_OK) {
		mz_live_clear(&live);
		flow_fail_memory(flow);
		return;
	}
	for (size_t u = 0; u < plan.unit_count; u++) {
		const struct mz_unit *unit = &plan.units[u];

		late = late || (!unit->gone && was_sent(flow, unit) &&
				flow_as_before(&flow->live, &live, unit));
	}
	if (late && ++flow->looks < LOOKS) {
		mz_plan_clear(&plan);
		mz_live_clear(&live);
		flow_after(flow, delays_ms[flow->looks], on_wait);
		return;
	}
	flow->serial = live.serial;
	mz_plan_clear(&flow->plan);
	mz_live_clear(&flow->live);
	flow->plan = plan;
	flow->live = live;
	flow->quiet = plan.unit_count;
	flow_log_resolve(flow);
	if (late && refuse_ignored(flow) != MZ_OK) {
		flow_fail_memory(flow);
		return;
	}
	flow_log_check(flow);
	go_on(flow);
}

static void look(struct flow *flow)
{
	struct mz_live_request request = flow_request(flow);

	/* The last look goes past the caches, where it may. */
	if (flow->looks + 1 == LOOKS && request.mode == MZ_READ_AUTO && !request.no_axfr)
		request.mode = MZ_READ_AXFR;
	if (mz_live_read(&request, on_seen, flow, &flow->op) != MZ_OK)
		flow_fail_memory(flow);
}

void flow_verify(struct flow *flow)
{
	bool sent = false;

	for (size_t i = 0; i < flow->log_count; i++)
		sent = sent || flow->log[i].state != SENT_FAILED;
	flow_enter(flow, STATE_VERIFY);
	flow->looks = 0;
	if (sent)
		look(flow);
	else
		flow_propagate(flow); /* everything was refused: nothing to read back */
}
