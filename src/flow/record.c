/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes down what was done and verified. */
#include "src/flow/flow.h"

#include <stdlib.h>
#include <string.h>

/* ---- changes that an earlier run left open ----------------------------------------------------------- */

struct judging {
	struct flow *flow;
	int err;
};

static void on_open_row(void *arg, const struct mz_store_change *change)
{
	struct judging *judging = arg;
	struct flow *flow = judging->flow;
	struct open_row *more = NULL, row = {.id = change->id};
	struct sight sight = {0};

	if (judging->err != MZ_OK || strcmp(change->server, flow->job.server->name) != 0 ||
	    strcmp(change->origin, flow->job.origin_text) != 0)
		return;
	more = realloc(flow->open, (flow->open_count + 1) * sizeof(*more));
	if (more == NULL) {
		judging->err = MZ_ENOMEM;
		return;
	}
	for (size_t i = 0; i < change->added->count; i++)
		flow_see(&sight, &flow->live, &change->added->rr[i], true);
	for (size_t i = 0; i < change->deleted->count; i++)
		flow_see(&sight, &flow->live, &change->deleted->rr[i], false);
	row.applied = flow_saw_applied(&sight);
	flow->open = more;
	more[flow->open_count++] = row;
}

int flow_judge_open(struct flow *flow)
{
	struct judging judging = {.flow = flow};
	int err = MZ_OK;

	if (flow->judged)
		return MZ_OK;
	flow->judged = true;
	flow->open_serial = flow->live.serial;
	for (size_t i = 0; i < flow->job.domain_count && err == MZ_OK; i++) {
		if (flow->domains[i].active)
			err = mz_store_changes(flow->engine->in.store, flow->domains[i].text, true,
					       0, 1000, on_open_row, &judging);
	}
	return err != MZ_OK ? err : judging.err;
}

static int close_rows(struct flow *flow)
{
	int err = MZ_OK;

	for (size_t i = 0; i < flow->open_count && err == MZ_OK; i++)
		err = mz_store_change_end(flow->engine->in.store, flow->open[i].id,
					  flow->open[i].applied ? MZ_CHANGE_APPLIED
								: MZ_CHANGE_FAILED,
					  flow->open_serial);
	return err;
}

/* ---- the record ----------------------------------------------------------------------------------------- */

static int record_domain(struct flow *flow, size_t i)
{
	const char *server = flow->job.server->name, *origin = flow->job.origin_text,
		   *domain = flow->domains[i].text;
	const struct mz_plan_count *counts = &flow->plan.counts[i];
	struct mz_store_zone zone = {.last_verified = mz_clock_wall(),
				     .large = flow->live.large || flow->known[i].large,
				     .no_axfr = flow->live.no_axfr || flow->known[i].no_axfr,
				     .in_place = counts->in_place,
				     .foreign = flow->plan.foreign};
	int err = MZ_OK;

	/* It is no mail domain's, and gone in a minute: the history is enough. */
	if (flow_is_challenge(flow))
		return MZ_OK;
	if (flow->job.mode == MZ_FLOW_UNDO)
		err = flow_undo_record(flow);
	else
		err = mz_store_ledger_put(flow->engine->in.store, server, origin, domain,
					  &flow->plan.ledger, (uint16_t)i);
	/* Only a domain that is wholly as desired may be passed over while its serial stands. */
	zone.known = flow_complete(flow, i) && counts->refused == 0;
	if (zone.known) {
		zone.serial = flow->serial;
		memcpy(zone.desired, flow->digests[i], MZ_DIGEST);
	}
	if (err == MZ_OK)
		err = mz_store_zone_put(flow->engine->in.store, server, origin, domain, &zone);
	return err == MZ_OK ? flow_tlsa_served(flow, i) : err;
}

void flow_record(struct flow *flow)
{
	int err = flow_log_store(flow);

	flow_enter(flow, STATE_RECORD);
	if (err == MZ_OK)
		err = close_rows(flow);
	for (size_t i = 0; i < flow->job.domain_count && err == MZ_OK; i++) {
		if (flow->domains[i].active)
			err = record_domain(flow, i);
	}
	/* A fault of the store is reported by the commit. */
	if (err == MZ_ENOMEM)
		flow_fail_memory(flow);
	else
		engine_commit(flow);
}

void flow_recorded(struct flow *flow)
{
	flow_finish(flow);
}
