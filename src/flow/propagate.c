/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits until every secondary serves what the primary does. */
#include "src/flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One secondary. */
struct look {
	struct flow *flow;
	struct mz_peer *peer;
	struct mz_live_op *op;
	bool signed_refused; /* it does not know the key: asked unsigned */
	bool reached;
	char last[256]; /* what it said last */
};

static void look_at_all(struct flow *flow);
static void look_at(struct look *look);

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look_at_all(arg);
}

/* The servers to look at. Whoever asks for a challenge may ask the primary, too, which was so far only
 * seen to hold it; and nobody waits for one to be gone. */
static size_t looks(const struct flow *flow)
{
	size_t secondaries = flow->job.server->secondary_count;

	switch (flow->job.mode) {
	case MZ_FLOW_PRESENT:
		return secondaries + 1;
	case MZ_FLOW_CLEANUP:
		return 0;
	default:
		return secondaries;
	}
}

void flow_propagate_cancel(struct flow *flow)
{
	for (size_t i = 0; flow->look != NULL && i < looks(flow); i++)
		mz_live_cancel(flow->look[i].op);
	free(flow->look);
	flow->look = NULL;
}

static void name_laggards(struct flow *flow)
{
	struct mz_str text = {0};

	mz_str_addf(&text, "zone %s: the change is not yet served by every server:",
		    flow->job.origin_text);
	for (size_t i = 0; i < looks(flow); i++) {
		const struct look *look = &flow->look[i];

		if (!look->reached)
			mz_str_addf(&text, " %s (%s)", mz_peer_text(look->peer), look->last);
	}
	mz_str_add(&text, "; check NOTIFY and transfers there");
	flow_fail(flow, MZ_FAULT_LATER, text.failed ? mz_strerror(MZ_ENOMEM) : text.s);
	mz_str_clear(&text);
}

/* After every answer: all reached, all answered for this round, or out of time? */
static void review(struct flow *flow)
{
	bool all = true, waiting = false;

	for (size_t i = 0; i < looks(flow); i++) {
		all = all && flow->look[i].reached;
		waiting = waiting || flow->look[i].op != NULL;
	}
	if (waiting || flow->failed)
		return;
	if (all)
		flow_record(flow);
	else if (mz_clock_mono_ms() >= flow->propagation_end)
		name_laggards(flow);
	else
		flow_after(flow, (unsigned)flow->job.server->polling_interval * 1000u, on_poll);
}

static void on_slots(void *arg, struct mz_live *take_live)
{
	struct look *look = arg;
	struct flow *flow = look->flow;
	struct mz_plan plan = {0};

	look->op = NULL;
	if (take_live->ok && flow_plan(flow, take_live, &plan) == MZ_OK) {
		/* What the plan refuses here alone, such as a CNAME that is gone, is not served either. */
		look->reached = plan.refusal_count <= flow->plan.refusal_count;
		for (size_t u = 0; u < plan.unit_count; u++)
			look->reached = look->reached && plan.units[u].gone;
		mz_plan_clear(&plan);
	}
	mz_live_clear(take_live);
	review(flow);
}

/* Its serial is another one. Some secondaries number in their own way, others change with us; and one
 * that is ahead of a primary that was set up anew will never transfer again: so the data decides. */
static void read_slots(struct look *look)
{
	struct mz_live_request request = flow_request(look->flow);

	request.peer = look->peer;
	request.mode = MZ_READ_QUERY;
	if (look->signed_refused)
		request.key = NULL;
	if (mz_live_read(&request, on_slots, look, &look->op) != MZ_OK)
		flow_fail_memory(look->flow);
}

/* Is the serial not enough? It is the data that certificates come into use by, and a secondary that numbers
 * in its own way may have the primary's serial by chance. */
static bool must_see(const struct flow *flow)
{
	return flow->job.mode == MZ_FLOW_PRESENT || flow->tlsa_unseen;
}

static void on_serial(void *arg, const struct mz_probe *probe)
{
	struct look *look = arg;
	struct flow *flow = look->flow;

	look->op = NULL;
	if (probe->result == MZ_PROBE_OK && probe->serial == flow->serial && !must_see(flow)) {
		look->reached = true;
	} else if (probe->result == MZ_PROBE_OK) {
		if (probe->serial == flow->serial)
			(void)snprintf(look->last, sizeof(look->last), "answers without it");
		else
			(void)snprintf(look->last, sizeof(look->last),
				       "serial %lu, the primary has %lu",
				       (unsigned long)probe->serial, (unsigned long)flow->serial);
		read_slots(look);
		return;
	} else {
		(void)snprintf(look->last, sizeof(look->last), "%.255s", probe->cause.text);
		/* A secondary need not know the key of the primary. */
		if (!look->signed_refused && flow->job.server->transfer_key != NULL &&
		    probe->refused) {
			look->signed_refused = true;
			look_at(look);
			return;
		}
	}
	review(flow);
}

static void look_at(struct look *look)
{
	struct flow *flow = look->flow;
	struct tsig_key *key = look->signed_refused ? NULL : flow->job.server->transfer_key;
	int64_t ms = flow->job.server->polling_interval * 1000;

	if (mz_live_probe(look->peer, key, flow->job.origin,
			  ms < 1000   ? 1000u
			  : ms > 5000 ? 5000u
				      : (unsigned)ms,
			  on_serial, look, &look->op) != MZ_OK)
		flow_fail_memory(flow);
}

static void look_at_all(struct flow *flow)
{
	for (size_t i = 0; i < looks(flow); i++) {
		if (!flow->look[i].reached)
			look_at(&flow->look[i]);
	}
}

void flow_propagate(struct flow *flow)
{
	const struct mz_conf_server *server = flow->job.server;
	struct mz_cause cause = {0};
	int err = MZ_OK;

	flow_enter(flow, STATE_PROPAGATE);
	if (flow->job.settled != NULL)
		flow->job.settled(flow->arg);
	if (flow_is_challenge(flow) && flow_challenge_refused(flow))
		return;
	flow_propagate_cancel(flow);
	flow->look = calloc(looks(flow) + 1, sizeof(flow->look[0]));
	if (flow->look == NULL)
		err = MZ_ENOMEM;
	for (size_t i = 0; i < looks(flow) && err == MZ_OK; i++) {
		const struct mz_endpoint *endpoint =
			i < server->secondary_count ? &server->secondaries[i] : &server->endpoint;

		flow->look[i].flow = flow;
		err = mz_net_peer(flow->engine->net, endpoint, server->max_inflight,
				  &flow->look[i].peer, &cause);
	}
	if (err != MZ_OK) {
		flow_fail(flow, MZ_FAULT_OTHER,
			  cause.text[0] != '\0' ? cause.text : mz_strerror(err));
		return;
	}
	flow->propagation_end =
		mz_clock_mono_ms() +
		(uint64_t)(server->propagation_delay + server->propagation_timeout) * 1000u;
	if (looks(flow) == 0)
		flow_record(flow);
	else
		flow_after(flow, (unsigned)server->propagation_delay * 1000u, on_poll);
}
