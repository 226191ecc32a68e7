/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a plan: a merge of desired, ledger and live over their slots. */
#include "mailzone/plan.h"
#include "src/plan/guard.h"
#include "src/plan/refuse.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for one more element; NULL when out of memory, and the array stays as it is. */
static void *grown(void *array, size_t count, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 32 : *cap * 2;
	void *bigger = count < *cap ? array : realloc(array, more * size);

	if (bigger != NULL && count == *cap)
		*cap = more;
	return bigger;
}

/* ---- the slots --------------------------------------------------------------------------------- */

static size_t run_end(const struct mz_rrlist *list, size_t from, const uint8_t *owner,
		      uint16_t type)
{
	size_t end = from;

	while (end < list->count && list->rr[end].type == type &&
	       mz_name_equal(list->rr[end].owner, owner))
		end++;
	return end;
}

static int slot_order(const struct mz_rr *a, const struct mz_rr *b)
{
	int d = mz_name_compare(a->owner, b->owner);

	return d != 0 ? d : (int)a->type - (int)b->type;
}

/* Collects the slots of desired and ledger in order; `slots` has room for all. */
static size_t collect(const struct mz_plan_input *in, struct slot *slots)
{
	size_t w = 0, g = 0, count = 0;

	while (w < in->desired->count || g < in->ledger->count) {
		const struct mz_rr *first =
			w < in->desired->count ? &in->desired->rr[w] : &in->ledger->rr[g];
		struct slot *slot = &slots[count];

		if (w < in->desired->count && g < in->ledger->count &&
		    slot_order(&in->ledger->rr[g], first) < 0)
			first = &in->ledger->rr[g];
		*slot = (struct slot){.owner = first->owner,
				      .type = first->type,
				      .want_from = w,
				      .ledger_from = g};
		w = slot->want_to = run_end(in->desired, w, slot->owner, slot->type);
		g = slot->ledger_to = run_end(in->ledger, g, slot->owner, slot->type);
		slot->live_from = mz_rrlist_find(&in->live->rrs, slot->owner, slot->type);
		slot->live_to = run_end(&in->live->rrs, slot->live_from, slot->owner, slot->type);
		count++;
	}
	return count;
}

/* ---- what is left behind ------------------------------------------------------------------------- */

/* `tag`: whom the change is accounted to. */
static int add_change(struct mz_plan *plan, const struct mz_rr *rr, const struct mark *tag,
		      uint32_t ttl, bool add)
{
	struct mz_change *change =
		grown(plan->changes, plan->change_count, &plan->change_cap, sizeof(*change));

	if (change == NULL)
		return MZ_ENOMEM;
	plan->changes = change;
	change += plan->change_count++;
	*change = (struct mz_change){.rr = *rr, .add = add};
	change->rr.ttl = ttl;
	change->rr.domain = tag->domain;
	change->rr.family = tag->family;
	if (add)
		plan->counts[tag->domain].add++;
	else
		plan->counts[tag->domain].del++;
	return MZ_OK;
}

static int add_deletions(struct mz_plan *plan, const struct mz_plan_input *in,
			 const struct slot *slot)
{
	int err = MZ_OK;

	for (size_t i = slot->live_from; i < slot->live_to && err == MZ_OK; i++) {
		const struct mz_rr *rr = &in->live->rrs.rr[i];
		const struct mark *mark = &slot->mark[i - slot->live_from];

		if (slot->ttl_change || mark->fate >= FATE_STALE)
			err = add_change(plan, rr, mark, rr->ttl, false);
	}
	return err;
}

/* The additions: for a new TTL what stands there and stays, and what is wanted and does not. */
static int add_additions(struct mz_plan *plan, const struct mz_plan_input *in,
			 const struct slot *slot)
{
	int err = MZ_OK;

	for (size_t i = slot->live_from; i < slot->live_to && slot->ttl_change && err == MZ_OK;
	     i++) {
		const struct mark *mark = &slot->mark[i - slot->live_from];

		if (mark->fate < FATE_STALE)
			err = add_change(plan, &in->live->rrs.rr[i], mark, slot->final_ttl, true);
	}
	for (size_t w = slot->want_from; w < slot->want_to && err == MZ_OK; w++) {
		const struct mz_rr *want = &in->desired->rr[w];
		const struct mark tag = {FATE_OURS, want->domain, want->family};

		if (slot->wish[w - slot->want_from] == WISH_COMES)
			err = add_change(plan, want, &tag, slot->final_ttl, true);
	}
	return err;
}

static size_t live_octets(const struct mz_plan_input *in, const struct slot *slot)
{
	size_t fixed = mz_name_len(slot->owner) + 10u, octets = 0;

	for (size_t i = slot->live_from; i < slot->live_to; i++)
		octets += fixed + in->live->rrs.rr[i].rdlen;
	return octets;
}

static int add_unit(struct mz_plan *plan, const struct mz_plan_input *in, const struct slot *slot)
{
	struct mz_unit unit = {.owner = slot->owner,
			       .type = slot->type,
			       .domain = slot->domain,
			       .family = slot->family,
			       .whole = slot->whole,
			       .live_from = slot->live_from,
			       .live_to = slot->live_to,
			       .live_octets = live_octets(in, slot)};
	struct mz_unit *units = NULL;
	int err = MZ_OK;

	if (slot->deletes == 0 && slot->adds == 0 && !slot->ttl_change)
		return MZ_OK;
	units = grown(plan->units, plan->unit_count, &plan->unit_cap, sizeof(*units));
	if (units == NULL)
		return MZ_ENOMEM;
	plan->units = units;
	unit.del_from = plan->change_count;
	err = add_deletions(plan, in, slot);
	unit.del_to = unit.add_from = plan->change_count;
	if (err == MZ_OK)
		err = add_additions(plan, in, slot);
	unit.add_to = plan->change_count;
	unit.delete_rrset = unit.del_to > unit.del_from &&
			    unit.del_to - unit.del_from == slot->live_to - slot->live_from;
	plan->units[plan->unit_count++] = unit;
	return err;
}

/* The ledger after the plan: every planned wish that stands or comes; of a slot that is refused
 * and of families that are not planned now, what it had. */
static int keep_ledger(struct mz_plan *plan, const struct mz_plan_input *in,
		       const struct slot *slot)
{
	size_t from = plan->ledger.count;
	int err = MZ_OK;

	for (size_t w = slot->want_from; w < slot->want_to && err == MZ_OK; w++) {
		const struct mz_rr *want = &in->desired->rr[w];
		bool met = slot->touched && slot->wish[w - slot->want_from] == WISH_MET;

		if (!slot_planned(in, want) || (slot->refused != NULL && !met))
			continue;
		err = mz_rrlist_add(&plan->ledger, want);
		if (met && !slot->ttl_change)
			plan->counts[want->domain].in_place++;
	}
	for (size_t g = slot->ledger_from; g < slot->ledger_to && err == MZ_OK; g++) {
		const struct mz_rr *rr = &in->ledger->rr[g];

		if ((slot_planned(in, rr) ? slot->refused != NULL : slot_published(in, rr)) &&
		    !plan_in_ledger(plan, from, rr))
			err = mz_rrlist_add(&plan->ledger, rr);
	}
	return err;
}

/* Told are the one that speaks for the slot, and every other domain that does not get what it wants there. */
static int add_refusals(struct mz_plan *plan, const struct mz_plan_input *in,
			const struct slot *slot)
{
	struct mz_refusal refusal = {.owner = slot->owner,
				     .type = slot->type,
				     .domain = slot->domain,
				     .family = slot->family,
				     .reason = slot->refused};
	size_t from = plan->refusal_count;
	int err = mz_plan_add_refusal(plan, &refusal);

	for (size_t w = slot->want_from; w < slot->want_to && err == MZ_OK; w++) {
		const struct mz_rr *want = &in->desired->rr[w];

		if (!slot_planned(in, want) || slot->wish[w - slot->want_from] == WISH_MET ||
		    plan_told(plan, from, want->domain))
			continue;
		refusal.domain = want->domain;
		refusal.family = want->family;
		err = mz_plan_add_refusal(plan, &refusal);
	}
	return err;
}

static int take_slot(struct mz_plan *plan, const struct mz_plan_input *in, const struct slot *slot)
{
	int err = MZ_OK;

	if (slot->touched && slot->refused != NULL)
		err = add_refusals(plan, in, slot);
	else if (slot->touched)
		err = add_unit(plan, in, slot);
	return err != MZ_OK ? err : keep_ledger(plan, in, slot);
}

/* Is an RR that the plan leaves alone ours all the same, of a domain or family not planned now? */
static bool ours_elsewhere(const struct mz_plan_input *in, const struct slot *slot,
			   const struct mz_rr *rr)
{
	for (size_t g = slot->ledger_from; g < slot->ledger_to; g++) {
		const struct mz_rr *had = &in->ledger->rr[g];

		if (!slot_planned(in, had) && slot_published(in, had) &&
		    mz_rdata_same(rr->type, had->rdata, had->rdlen, rr->rdata, rr->rdlen))
			return true;
	}
	return !slot->touched && slot_wants(slot, in, rr);
}

/* Everything seen that is neither ours nor the server's. */
static uint32_t count_foreign(const struct mz_plan_input *in, const struct slot *slots,
			      size_t count)
{
	uint64_t all = in->live->foreign, ours = 0;

	for (size_t i = 0; i < in->live->rrs.count; i++) {
		const struct mz_rr *rr = &in->live->rrs.rr[i];

		all += !mz_type_is_server(rr->type) &&
		       !(rr->type == MZ_TYPE_NS && mz_name_equal(rr->owner, in->origin));
	}
	for (size_t s = 0; s < count; s++) {
		const struct slot *slot = &slots[s];

		for (size_t i = slot->live_from; i < slot->live_to; i++)
			ours += slot->touched &&
						slot->mark[i - slot->live_from].fate != FATE_FOREIGN
					? 1
					: ours_elsewhere(in, slot, &in->live->rrs.rr[i]);
	}
	return all > ours ? (uint32_t)(all - ours) : 0;
}

/* ---- the order ------------------------------------------------------------------------------------- */

/* While they are ordered, `group` is the family by which a unit's group is sent. */
static int unit_order(const void *a, const void *b)
{
	const struct mz_unit *x = a, *y = b;
	int d = (x->group > y->group) - (x->group < y->group);

	if (d == 0)
		d = mz_name_compare(x->owner, y->owner);
	return d != 0 ? d : (int)x->type - (int)y->type;
}

/* The end of the run of units at one name, and whether a CNAME comes or goes there. */
static size_t name_end(const struct mz_plan *plan, size_t from, bool *cname)
{
	size_t end = from;

	*cname = false;
	for (; end < plan->unit_count &&
	       mz_name_equal(plan->units[end].owner, plan->units[from].owner) &&
	       plan->units[end].group == plan->units[from].group;
	     end++)
		*cname = *cname || plan->units[end].type == MZ_TYPE_CNAME;
	return end;
}

/* Orders the units by family; those at a name where a CNAME comes or goes belong together. */
static void order_units(struct mz_plan *plan)
{
	bool cname = false;

	/* They were made in the order of their names. */
	for (size_t i = 0, end = 0; i < plan->unit_count; i = end) {
		size_t first = MZ_FAMILY_COUNT;

		end = name_end(plan, i, &cname);
		for (size_t k = i; k < end; k++)
			first = plan->units[k].family < first ? plan->units[k].family : first;
		for (size_t k = i; k < end; k++)
			plan->units[k].group = cname ? first : plan->units[k].family;
	}
	if (plan->unit_count > 0)
		qsort(plan->units, plan->unit_count, sizeof(plan->units[0]), unit_order);
	for (size_t i = 0, end = 0; i < plan->unit_count; i = end) {
		end = name_end(plan, i, &cname);
		for (size_t k = i; k < end; k++)
			plan->units[k].group = cname ? i : k;
	}
}

int mz_plan_make(const struct mz_plan_input *in, struct mz_plan *out)
{
	struct slot *slots = calloc(in->desired->count + in->ledger->count + 1, sizeof(*slots));
	size_t count = 0;
	int err = MZ_OK;

	*out = (struct mz_plan){0};
	out->counts = calloc(in->domain_count + 1, sizeof(out->counts[0]));
	if (slots == NULL || out->counts == NULL) {
		err = MZ_ENOMEM;
		goto done;
	}
	count = collect(in, slots);
	for (size_t i = 0; i < count && err == MZ_OK; i++)
		err = slot_decide(&slots[i], in, &out->arena);
	if (err == MZ_OK)
		err = guard_slots(slots, count, in, &out->arena);
	for (size_t i = 0; i < count && err == MZ_OK; i++)
		err = take_slot(out, in, &slots[i]);
	if (err == MZ_OK) {
		out->foreign = count_foreign(in, slots, count);
		order_units(out);
	}
done:
	free(slots);
	if (err != MZ_OK)
		mz_plan_clear(out);
	return err;
}

void mz_plan_clear(struct mz_plan *plan)
{
	free(plan->changes);
	free(plan->units);
	free(plan->refusals);
	free(plan->counts);
	mz_rrlist_clear(&plan->ledger);
	mz_arena_clear(&plan->arena);
	*plan = (struct mz_plan){0};
}
