/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusals: what a plan does not do, and what the ledger keeps then. */
#include "src/plan/refuse.h"
#include "src/plan/slot.h"

#include <stdlib.h>

int mz_plan_add_refusal(struct mz_plan *plan, const struct mz_refusal *refusal)
{
	if (plan->refusal_count == plan->refusal_cap) {
		size_t cap = plan->refusal_cap == 0 ? 8 : plan->refusal_cap * 2;
		struct mz_refusal *more = realloc(plan->refusals, cap * sizeof(*more));

		if (more == NULL)
			return MZ_ENOMEM;
		plan->refusals = more;
		plan->refusal_cap = cap;
	}
	plan->refusals[plan->refusal_count++] = *refusal;
	plan->counts[refusal->domain].refused++;
	return MZ_OK;
}

bool plan_told(const struct mz_plan *plan, size_t from, uint16_t domain)
{
	for (size_t i = from; i < plan->refusal_count; i++) {
		if (plan->refusals[i].domain == domain)
			return true;
	}
	return false;
}

static bool same_rr(const struct mz_rr *a, const struct mz_rr *b)
{
	return a->type == b->type && mz_name_equal(a->owner, b->owner) &&
	       mz_rdata_same(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

bool plan_in_ledger(const struct mz_plan *plan, size_t from, const struct mz_rr *rr)
{
	for (size_t i = plan->ledger.count; i > from; i--) {
		const struct mz_rr *have = &plan->ledger.rr[i - 1];

		if (have->domain == rr->domain && mz_rr_compare(have, rr) == 0)
			return true;
	}
	return false;
}

/* Does the plan's unit delete this RR? */
static bool deletes(const struct mz_plan *plan, const struct mz_unit *unit, const struct mz_rr *rr)
{
	for (size_t i = unit->del_from; i < unit->del_to; i++) {
		if (same_rr(&plan->changes[i].rr, rr))
			return true;
	}
	return false;
}

/* Takes the additions that never came out of the ledger. One that stood there before, and was
 * only to get a new TTL, stays. */
static void forget_additions(struct mz_plan *plan, const struct mz_unit *unit)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->ledger.count; i++) {
		const struct mz_rr *rr = &plan->ledger.rr[i];
		bool added = false;

		for (size_t k = unit->add_from; k < unit->add_to && !added; k++)
			added = same_rr(&plan->changes[k].rr, rr);
		if (!added || deletes(plan, unit, rr))
			plan->ledger.rr[kept++] = *rr;
	}
	plan->ledger.count = kept;
}

/* Told are the one that speaks for the unit, and every other domain that has a change in it. */
static int add_refusals(struct mz_plan *plan, const struct mz_unit *unit, const char *reason)
{
	struct mz_refusal refusal = {.owner = unit->owner,
				     .type = unit->type,
				     .domain = unit->domain,
				     .family = unit->family,
				     .reason = reason};
	size_t from = plan->refusal_count;
	int err = mz_plan_add_refusal(plan, &refusal);

	for (size_t i = unit->del_from; i < unit->add_to && err == MZ_OK; i++) {
		const struct mz_rr *rr = &plan->changes[i].rr;

		if (plan_told(plan, from, rr->domain))
			continue;
		refusal.domain = rr->domain;
		refusal.family = rr->family;
		err = mz_plan_add_refusal(plan, &refusal);
	}
	return err;
}

int mz_plan_refuse(struct mz_plan *plan, const struct mz_plan_input *in, size_t index,
		   const char *reason)
{
	struct mz_unit *unit = &plan->units[index];
	const char *text = mz_arena_strdup(&plan->arena, reason);
	int err = text == NULL ? MZ_ENOMEM : MZ_OK;

	if (err != MZ_OK || unit->gone)
		return err;
	for (size_t i = unit->del_from; i < unit->add_to; i++) {
		struct mz_change *change = &plan->changes[i];

		change->gone = true;
		if (change->add)
			plan->counts[change->rr.domain].add--;
		else
			plan->counts[change->rr.domain].del--;
	}
	unit->gone = true;
	forget_additions(plan, unit);
	for (size_t g = mz_rrlist_find(in->ledger, unit->owner, unit->type);
	     g < in->ledger->count && err == MZ_OK && in->ledger->rr[g].type == unit->type &&
	     mz_name_equal(in->ledger->rr[g].owner, unit->owner);
	     g++) {
		if (slot_published(in, &in->ledger->rr[g]) &&
		    !plan_in_ledger(plan, 0, &in->ledger->rr[g]))
			err = mz_rrlist_add(&plan->ledger, &in->ledger->rr[g]);
	}
	return err == MZ_OK ? add_refusals(plan, unit, text) : err;
}
