/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends a plan message by message, and finds out what a server will not take. */
#include "src/flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SERVFAILS_MAX = 3,     /* then the part that makes the server fail is looked for, */
	SERVFAILS_MS = 5000,   /* but not while it may be what passes: a database that is locked */
	UDP_UPDATE_MAX = 1200, /* larger ones go by TCP: PowerDNS drops them without a word */
};

static void next_message(struct flow *flow);

static int push(struct flow *flow, size_t from, size_t to)
{
	if (flow->queue_count == flow->queue_cap) {
		size_t cap = flow->queue_cap == 0 ? 8 : flow->queue_cap * 2;
		struct batch *more = realloc(flow->queue, cap * sizeof(*more));

		if (more == NULL)
			return MZ_ENOMEM;
		flow->queue = more;
		flow->queue_cap = cap;
	}
	flow->queue[flow->queue_count++] = (struct batch){from, to};
	return MZ_OK;
}

void flow_send_all(struct flow *flow)
{
	const struct mz_plan *plan = &flow->plan;
	int err = MZ_OK;

	flow->queue_count = 0;
	for (size_t from = 0, to = 0; from < plan->unit_count && err == MZ_OK; from = to) {
		to = mz_update_pack(plan, from);
		if (from < flow->quiet && to > flow->quiet)
			to = flow->quiet;
		err = push(flow, from, to);
	}
	if (err != MZ_OK) {
		flow_fail_memory(flow);
		return;
	}
	/* It is a stack: the first message to the top. */
	for (size_t i = 0; i < flow->queue_count / 2; i++) {
		struct batch swap = flow->queue[i];

		flow->queue[i] = flow->queue[flow->queue_count - 1 - i];
		flow->queue[flow->queue_count - 1 - i] = swap;
	}
	/* To send the others apart counts as one of the tries. */
	if (flow->quiet > 0 && flow->quiet < plan->unit_count && !flow->set_apart) {
		flow->set_apart = true;
		flow->races++;
	}
	next_message(flow);
}

static bool has_work(const struct flow *flow, const struct batch *batch)
{
	for (size_t u = batch->from; u < batch->to; u++) {
		if (!flow->plan.units[u].gone)
			return true;
	}
	return false;
}

static void next_message(struct flow *flow)
{
	do {
		if (flow->queue_count == 0) {
			flow_verify(flow);
			return;
		}
		flow->current = flow->queue[--flow->queue_count];
	} while (!has_work(flow, &flow->current));
	if (flow_log_message(flow) != MZ_OK) {
		/* The store undid the whole transaction: the commit will say so to the others. */
		const char *why = mz_store_error(flow->engine->in.store);

		flow_fail(flow, MZ_FAULT_LATER,
			  why != NULL && *why != '\0' ? why : mz_strerror(MZ_ENOMEM));
		return;
	}
	flow_enter(flow, STATE_COMMIT);
	engine_commit(flow);
}

/* ---- what a server turns down ------------------------------------------------------------------------ */

static void deny_current(struct flow *flow, const char *reason)
{
	int err = MZ_OK;

	for (size_t u = flow->current.from; u < flow->current.to && err == MZ_OK; u++) {
		if (!flow->plan.units[u].gone)
			err = flow_deny(flow, u, reason);
	}
	if (err != MZ_OK)
		flow_fail_memory(flow);
	else
		next_message(flow);
}

/* Halves the current message between two groups. Where it is a single one, that is what the
 * server will not take: it is refused, and the rest goes on. */
static void narrow_down(struct flow *flow)
{
	const struct mz_unit *units = flow->plan.units;
	size_t from = flow->current.from, to = flow->current.to, mid = from + (to - from) / 2;
	char reason[1024] = "", code[MZ_CODE_TEXT] = "";

	while (mid > from && units[mid].group == units[mid - 1].group)
		mid--;
	if (mid == from) {
		for (mid = from + 1; mid < to && units[mid].group == units[from].group;)
			mid++;
	}
	if (mid < to) {
		if (push(flow, mid, to) != MZ_OK || push(flow, from, mid) != MZ_OK)
			flow_fail_memory(flow);
		else
			next_message(flow);
		return;
	}
	(void)snprintf(reason, sizeof(reason), "the server answers %s to this change%s",
		       mz_rcode_name(flow->refusal_rcode, code),
		       mz_update_hint(&units[from], flow->refusal_rcode, false));
	deny_current(flow, reason);
}

static void on_tried(void *arg, const struct mz_answer *answer)
{
	struct flow *flow = arg;

	flow->ask = NULL;
	flow->may_update = mz_update_outcome(answer) == MZ_UPDATE_APPLIED;
	if (flow->may_update)
		narrow_down(flow);
	else if (mz_update_outcome(answer) == MZ_UPDATE_DENIED ||
		 mz_update_outcome(answer) == MZ_UPDATE_FAULT)
		flow_fail(flow, flow->refusal_fault, flow->refusal);
	else
		flow_fault(flow, true, flow->refusal_fault, flow->refusal);
}

static int ask(struct flow *flow, const uint8_t *wire, size_t len, mz_net_done done)
{
	struct mz_request request = {
		.kind = flow->job.server->transport == MZ_TRANSPORT_UDP && len <= UDP_UPDATE_MAX
				? MZ_ASK_UPDATE_UDP
				: MZ_ASK_UPDATE,
		.key = flow->job.server->key,
		.wire = wire,
		.len = len,
		.timeout_ms = (unsigned)flow->job.server->timeout * 1000u,
		.done = done,
		.arg = flow,
	};

	return mz_net_ask(flow->peer, &request, &flow->ask);
}

/* Is it this message, or may the key not update the zone at all? An update without changes tells. */
static void try_empty(struct flow *flow)
{
	uint8_t wire[MZ_MSG_HEADER + MZ_NAME_MAX + 4] = {0};
	struct mz_writer w = {0};

	mz_writer_init(&w, wire, sizeof(wire), 0, MZ_OPCODE_UPDATE << 11);
	mz_writer_question(&w, flow->job.origin, MZ_TYPE_SOA, MZ_CLASS_IN);
	flow_enter(flow, STATE_TRY);
	if (ask(flow, wire, w.len, on_tried) != MZ_OK)
		flow_fail_memory(flow);
}

/* What is not proven may have been done all the same: it stays unknown until the zone is read. */
static void settle_failed(struct flow *flow, const struct mz_answer *answer)
{
	if (answer->outcome != MZ_NET_UNPROVEN)
		flow_log_settle(flow, SENT_FAILED);
}

static void turned_down(struct flow *flow, const struct mz_answer *answer, const char *why)
{
	settle_failed(flow, answer);
	(void)snprintf(flow->refusal, sizeof(flow->refusal), "%s", why);
	flow->refusal_rcode = answer->rcode;
	flow->refusal_fault = mz_net_fault(answer);
	if (answer->outcome == MZ_NET_BADTIME) {
		flow_fail(flow, MZ_FAULT_DENIED, why);
		return;
	}
	/* PowerDNS turns a message down where somebody came between with a CNAME: look once more. */
	if (!flow->looked_at_refusal) {
		flow->looked_at_refusal = true;
		flow_read(flow);
		return;
	}
	if (flow->may_update)
		narrow_down(flow);
	else
		try_empty(flow);
}

/* ---- races --------------------------------------------------------------------------------------------- */

/* One RRset that somebody changes faster than we can read it: say what stood there last. */
static void report_race(struct flow *flow)
{
	const struct mz_unit *unit = &flow->plan.units[flow->current.from];
	struct mz_str text = {0};

	mz_str_addf(&text, "somebody else changed it at each of %d tries; last seen there: ",
		    FLOW_RACES_MAX);
	if (unit->live_to == unit->live_from)
		mz_str_add(&text, "nothing");
	for (size_t i = unit->live_from; i < unit->live_to; i++) {
		mz_str_add(&text, i > unit->live_from ? ", " : "");
		mz_rdata_to_text(unit->type, flow->live.rrs.rr[i].rdata, flow->live.rrs.rr[i].rdlen,
				 &text);
	}
	deny_current(flow, text.failed ? "somebody else keeps changing it" : text.s);
	mz_str_clear(&text);
}

static void raced(struct flow *flow)
{
	bool single = true;

	flow_log_settle(flow, SENT_FAILED);
	flow->races++;
	if (flow->races <= FLOW_RACES_MAX) {
		flow_read(flow);
		return;
	}
	/* The others in the message must not wait for the one that is fought over. */
	for (size_t u = flow->current.from; u < flow->current.to; u++)
		single = single &&
			 flow->plan.units[u].group == flow->plan.units[flow->current.from].group;
	if (single)
		report_race(flow);
	else
		narrow_down(flow);
}

/* ---- a reply ------------------------------------------------------------------------------------------- */

/* Has the server answered SERVFAIL for so long that the cause may be the message? */
static bool fails_for_long(struct flow *flow)
{
	uint64_t now = mz_clock_mono_ms(), half = flow->job.patience_ms / 2;

	if (flow->failing_since == 0)
		flow->failing_since = now;
	return flow->attempts >= SERVFAILS_MAX &&
	       now - flow->failing_since >= (half < SERVFAILS_MS ? half : SERVFAILS_MS);
}

static void on_reply(void *arg, const struct mz_answer *answer)
{
	struct flow *flow = arg;
	struct mz_cause why = {0};
	enum mz_update_outcome outcome = mz_update_outcome(answer);

	flow->ask = NULL;
	if (outcome != MZ_UPDATE_APPLIED && outcome != MZ_UPDATE_RACED)
		mz_net_explain(answer, flow->peer, "UPDATE", flow->job.origin_text,
			       flow->job.server->key, &why);
	switch (outcome) {
	case MZ_UPDATE_APPLIED:
		flow_log_settle(flow, SENT_APPLIED);
		next_message(flow);
		break;
	case MZ_UPDATE_RACED:
		raced(flow);
		break;
	case MZ_UPDATE_UNKNOWN:		 /* stays unknown in the log until the zone is read again */
		if (!flow->looked_again) /* the wait for the reply may have used up the time */
			flow->deadline =
				mz_clock_mono_ms() + (uint64_t)flow->job.server->timeout * 1000u;
		flow->looked_again = true;
		flow_fault(flow, true, mz_net_fault(answer), why.text);
		break;
	case MZ_UPDATE_LATER:
		if (answer->outcome == MZ_NET_ANSWER && fails_for_long(flow)) {
			turned_down(flow, answer, why.text);
		} else {
			settle_failed(flow, answer);
			flow_fault(flow, true, mz_net_fault(answer), why.text);
		}
		break;
	case MZ_UPDATE_DENIED:
	case MZ_UPDATE_FAULT:
		turned_down(flow, answer, why.text);
		break;
	}
}

void flow_send_committed(struct flow *flow)
{
	static uint8_t wire[MZ_MSG_MAX]; /* filled and copied within one turn of the loop */
	const struct tsig_key *key = flow->job.server->key;
	size_t len = 0;

	if (mz_update_build(&flow->plan, &flow->live, flow->job.origin, flow->current.from,
			    flow->current.to, key == NULL ? 0 : tsig_overhead(key), wire,
			    &len) != MZ_OK) {
		flow_log_settle(flow, SENT_FAILED);
		deny_current(flow, "the RRset is too large to be changed safely by one message");
		return;
	}
	flow_enter(flow, STATE_SEND);
	if (ask(flow, wire, len, on_reply) != MZ_OK)
		flow_fail_memory(flow);
}
