/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes down what was done and verified. */
#include "src/flow/flow.h"

#include <stdlib.h>
#include <string.h>

/* ---- changes that an earlier run left open ----------------------------------------------------------- */

struct open_rows {
	struct flow *flow;
	int64_t *rows;
	bool *applied;
	size_t count;
	int err;
};

static bool in_log(const struct flow *flow, int64_t row)
{
	for (size_t i = 0; i < flow->log_count; i++) {
		if (flow->log[i].row == row)
			return true;
	}
	return false;
}

static bool stands(const struct mz_live *live, const struct mz_rr *rr)
{
	for (size_t i = mz_rrlist_find(&live->rrs, rr->owner, rr->type);
	     i < live->rrs.count && live->rrs.rr[i].type == rr->type && mz_name_equal(live->rrs.rr[i].owner, rr->owner);
	     i++) {
		if (mz_rdata_same(rr->type, live->rrs.rr[i].rdata, live->rrs.rr[i].rdlen, rr->rdata, rr->rdlen))
			return true;
	}
	return false;
}

static void on_open_row(void *arg, const struct mz_store_change *change)
{
	struct open_rows *open = arg;
	struct flow *flow = open->flow;
	int64_t *rows = NULL;
	bool *applied = NULL;

	if (in_log(flow, change->id) || strcmp(change->server, flow->job.server->name) != 0 ||
	    strcmp(change->origin, flow->job.origin_text) != 0)
		return;
	rows = realloc(open->rows, (open->count + 1) * sizeof(*rows));
	if (rows != NULL)
		open->rows = rows;
	applied = realloc(open->applied, (open->count + 1) * sizeof(*applied));
	if (applied != NULL)
		open->applied = applied;
	if (rows == NULL || applied == NULL) {
		open->err = MZ_ENOMEM;
		return;
	}
	rows[open->count] = change->id;
	applied[open->count] = true;
	for (size_t i = 0; i < change->added->count; i++)
		applied[open->count] = applied[open->count] && stands(&flow->live, &change->added->rr[i]);
	for (size_t i = 0; i < change->deleted->count; i++)
		applied[open->count] = applied[open->count] && !stands(&flow->live, &change->deleted->rr[i]);
	open->count++;
}

static int close_rows(struct flow *flow, const char *domain)
{
	struct open_rows open = {.flow = flow};
	int err = mz_store_changes(flow->engine->in.store, domain, true, 1000, on_open_row, &open);

	if (err == MZ_OK)
		err = open.err;
	for (size_t i = 0; i < open.count && err == MZ_OK; i++)
		err = mz_store_change_end(flow->engine->in.store, open.rows[i],
					  open.applied[i] ? MZ_CHANGE_APPLIED : MZ_CHANGE_FAILED, flow->serial);
	free(open.rows);
	free(open.applied);
	return err;
}

/* ---- the record ----------------------------------------------------------------------------------------- */

static int record_domain(struct flow *flow, size_t i)
{
	const char *server = flow->job.server->name, *origin = flow->job.origin_text, *domain = flow->domains[i].text;
	const struct mz_plan_count *counts = &flow->plan.counts[i];
	struct mz_store_zone zone = {.last_verified = mz_clock_wall(),
				     .large = flow->live.large || flow->known[i].large,
				     .no_axfr = flow->live.no_axfr || flow->known[i].no_axfr,
				     .in_place = counts->in_place,
				     .foreign = flow->plan.foreign};
	int err = close_rows(flow, domain);

	if (err == MZ_OK && flow->job.mode == MZ_FLOW_UNDO)
		err = flow_undo_record(flow);
	else if (err == MZ_OK)
		err = mz_store_ledger_put(flow->engine->in.store, server, origin, domain, &flow->plan.ledger, (uint16_t)i);
	/* Only a domain that is wholly as desired may be passed over while its serial stands. */
	zone.known = flow_complete(flow, i) && counts->refused == 0;
	if (zone.known) {
		zone.serial = flow->serial;
		memcpy(zone.desired, flow->digests[i], MZ_DIGEST);
	}
	return err != MZ_OK ? err : mz_store_zone_put(flow->engine->in.store, server, origin, domain, &zone);
}

void flow_record(struct flow *flow)
{
	int err = flow_log_store(flow);

	flow_enter(flow, STATE_RECORD);
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
