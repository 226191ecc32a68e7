/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of what a flow sent, and the history that it becomes. */
#include "src/flow/flow.h"

#include <stdlib.h>
#include <string.h>

static int log_change(struct flow *flow, const struct mz_change *change)
{
	struct logged *entry = NULL;

	if (flow->log_count == flow->log_cap) {
		size_t cap = flow->log_cap == 0 ? 32 : flow->log_cap * 2;
		struct logged *more = realloc(flow->log, cap * sizeof(*more));

		if (more == NULL)
			return MZ_ENOMEM;
		flow->log = more;
		flow->log_cap = cap;
	}
	entry = &flow->log[flow->log_count];
	*entry = (struct logged){.change = *change};
	entry->change.rr.owner =
		mz_arena_copy(&flow->arena, change->rr.owner, mz_name_len(change->rr.owner));
	entry->change.rr.rdata = mz_arena_copy(&flow->arena, change->rr.rdata, change->rr.rdlen);
	if (entry->change.rr.owner == NULL || entry->change.rr.rdata == NULL)
		return MZ_ENOMEM;
	flow->log_count++;
	return MZ_OK;
}

/* What was verified before does not hold while a change is under way: where this run does not end,
 * the next one reads the zone, whatever its serial. */
static int doubt_zone(struct flow *flow, size_t domain)
{
	struct mz_store_zone *known = &flow->known[domain];

	if (!known->known)
		return MZ_OK;
	known->known = false;
	return mz_store_zone_put(flow->engine->in.store, flow->job.server->name,
				 flow->job.origin_text, flow->domains[domain].text, known);
}

/* Stores the current message's changes of one domain as intended. */
static int begin_row(struct flow *flow, size_t domain)
{
	struct mz_rrlist added = {0}, deleted = {0};
	struct mz_store_change change = {.time = mz_clock_wall(),
					 .server = flow->job.server->name,
					 .origin = flow->job.origin_text,
					 .domain = flow->domains[domain].text,
					 .state = MZ_CHANGE_INTENDED,
					 .added = &added,
					 .deleted = &deleted};
	int64_t row = 0;
	int err = MZ_OK;

	for (size_t i = flow->log_current; i < flow->log_count && err == MZ_OK; i++) {
		const struct mz_change *c = &flow->log[i].change;

		if (c->rr.domain == domain)
			err = mz_rrlist_add(c->add ? &added : &deleted, &c->rr);
	}
	if (err == MZ_OK && added.count + deleted.count > 0) {
		err = mz_store_change_begin(flow->engine->in.store, &change, &row);
		if (err == MZ_OK)
			err = doubt_zone(flow, domain);
		for (size_t i = flow->log_current; i < flow->log_count; i++) {
			if (flow->log[i].change.rr.domain == domain)
				flow->log[i].row = row;
		}
	}
	mz_rrlist_clear(&added);
	mz_rrlist_clear(&deleted);
	return err;
}

int flow_log_message(struct flow *flow)
{
	int err = MZ_OK;

	flow->log_current = flow->log_count;
	for (size_t u = flow->current.from; u < flow->current.to && err == MZ_OK; u++) {
		const struct mz_unit *unit = &flow->plan.units[u];

		for (size_t i = unit->del_from; i < unit->add_to && err == MZ_OK && !unit->gone;
		     i++)
			err = log_change(flow, &flow->plan.changes[i]);
	}
	for (size_t d = 0; d < flow->job.domain_count && err == MZ_OK; d++)
		err = begin_row(flow, d);
	for (size_t i = flow->log_current; i < flow->log_count && err == MZ_OK; i++)
		err = flow_tlsa_sending(flow, &flow->log[i].change);
	return err;
}

void flow_see(struct sight *sight, const struct mz_live *live, const struct mz_rr *rr, bool add)
{
	bool stands = false;

	for (size_t i = mz_rrlist_find(&live->rrs, rr->owner, rr->type);
	     i < live->rrs.count && live->rrs.rr[i].type == rr->type &&
	     mz_name_equal(live->rrs.rr[i].owner, rr->owner);
	     i++) {
		const struct mz_rr *have = &live->rrs.rr[i];

		/* One that was deleted and added again for its TTL stands there all the same. */
		stands = stands ||
			 (mz_rdata_same(rr->type, have->rdata, have->rdlen, rr->rdata, rr->rdlen) &&
			  (add || have->ttl == rr->ttl));
	}
	sight->additions = sight->additions || add;
	sight->came = sight->came || (add && stands);
	sight->stayed = sight->stayed || (!add && stands);
}

bool flow_saw_applied(const struct sight *sight)
{
	return !sight->stayed && (sight->came || !sight->additions);
}

void flow_log_settle(struct flow *flow, enum sent state)
{
	for (size_t i = flow->log_current; i < flow->log_count; i++)
		flow->log[i].state = state;
}

/* What the zone shows of one message. */
static struct sight look_at_row(const struct flow *flow, int64_t row)
{
	struct sight sight = {0};

	for (size_t i = 0; i < flow->log_count; i++) {
		if (flow->log[i].row == row)
			flow_see(&sight, &flow->live, &flow->log[i].change.rr,
				 flow->log[i].change.add);
	}
	return sight;
}

void flow_log_resolve(struct flow *flow)
{
	for (size_t i = 0; i < flow->log_count; i++) {
		struct logged *entry = &flow->log[i];
		struct sight sight = {0};
		bool applied = false;

		if (entry->state != SENT_UNKNOWN)
			continue;
		sight = look_at_row(flow, entry->row);
		applied = flow_saw_applied(&sight);
		for (size_t k = i; k < flow->log_count; k++) {
			if (flow->log[k].row == entry->row)
				flow->log[k].state = applied ? SENT_APPLIED : SENT_FAILED;
		}
	}
}

void flow_log_check(struct flow *flow)
{
	for (size_t i = 0; i < flow->log_count; i++) {
		const struct mz_rr *rr = &flow->log[i].change.rr;
		struct sight sight = {0};
		bool to_do = false;

		if (flow->log[i].state != SENT_APPLIED || !flow->log[i].change.add)
			continue;
		flow_see(&sight, &flow->live, rr, true);
		for (size_t u = 0; u < flow->plan.unit_count && !to_do; u++)
			to_do = flow->plan.units[u].type == rr->type &&
				mz_name_equal(flow->plan.units[u].owner, rr->owner);
		if (!sight.came && !to_do)
			flow->log[i].state = SENT_FAILED;
	}
}

/* Of a message of which a part was ignored, the history keeps what was done. */
static int narrow_row(struct flow *flow, int64_t row)
{
	struct mz_rrlist added = {0}, deleted = {0};
	int err = MZ_OK;

	for (size_t i = 0; i < flow->log_count && err == MZ_OK; i++) {
		const struct logged *entry = &flow->log[i];

		if (entry->row == row && entry->state == SENT_APPLIED)
			err = mz_rrlist_add(entry->change.add ? &added : &deleted,
					    &entry->change.rr);
	}
	if (err == MZ_OK)
		err = mz_store_change_narrow(flow->engine->in.store, row, &added, &deleted);
	mz_rrlist_clear(&added);
	mz_rrlist_clear(&deleted);
	return err;
}

int flow_log_store(struct flow *flow)
{
	int err = MZ_OK;

	for (size_t i = 0; i < flow->log_count && err == MZ_OK;) {
		int64_t row = flow->log[i].row;
		bool applied = false, unknown = false, failed = false;

		/* The rows of one message stand side by side, mixed only with each other. */
		for (size_t k = 0; k < flow->log_count; k++) {
			if (flow->log[k].row != row)
				continue;
			applied = applied || flow->log[k].state == SENT_APPLIED;
			failed = failed || flow->log[k].state == SENT_FAILED;
			unknown = unknown || flow->log[k].state == SENT_UNKNOWN;
		}
		/* What is unknown, or not seen everywhere, stays intended: the next run settles it. */
		if (!unknown && (!applied || flow->error[0] == '\0')) {
			if (applied && failed)
				err = narrow_row(flow, row);
			if (err == MZ_OK)
				err = mz_store_change_end(flow->engine->in.store, row,
							  applied ? MZ_CHANGE_APPLIED
								  : MZ_CHANGE_FAILED,
							  flow->serial);
		}
		for (i++; i < flow->log_count && flow->log[i].row == row;)
			i++;
	}
	return err;
}

int flow_deny_slot(struct flow *flow, const uint8_t *owner, uint16_t type, const char *reason)
{
	struct denied *more = realloc(flow->denied, (flow->denied_count + 1) * sizeof(*more));
	struct denied *denied = NULL;

	if (more == NULL)
		return MZ_ENOMEM;
	flow->denied = more;
	denied = &more[flow->denied_count];
	*denied = (struct denied){.type = type, .reason = strdup(reason)};
	if (denied->reason == NULL)
		return MZ_ENOMEM;
	denied->owner.len = (uint8_t)mz_name_len(owner);
	memcpy(denied->owner.wire, owner, denied->owner.len);
	flow->denied_count++;
	return MZ_OK;
}

int flow_deny(struct flow *flow, size_t unit, const char *reason)
{
	struct mz_plan_input in = flow_plan_input(flow, &flow->live);
	const struct mz_unit *u = &flow->plan.units[unit];
	int err = flow_deny_slot(flow, u->owner, u->type, reason);

	return err == MZ_OK ? mz_plan_refuse(&flow->plan, &in, unit, reason) : err;
}
