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

static size_t run_end(const struct mz_rrlist *list, size_t from, const uint8_t *owner, uint16_t type)
{
	size_t end = from;

	while (end < list->count && list->rr[end].type == type && mz_name_equal(list->rr[end].owner, owner))
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
		const struct mz_rr *first = w < in->desired->count ? &in->desired->rr[w] : &in->ledger->rr[g];
		struct slot *slot = &slots[count];

		if (w < in->desired->count && g < in->ledger->count && slot_order(&in->ledger->rr[g], first) < 0)
			first = &in->ledger->rr[g];
		*slot = (struct slot){.owner = first->owner, .type = first->type, .want_from = w, .ledger_from = g};
		w = slot->want_to = run_end(in->desired, w, slot->owner, slot->type);
		g = slot->ledger_to = run_end(in->ledger, g, slot->owner, slot->type);
		slot->live_from = mz_rrlist_find(&in->live->rrs, slot->owner, slot->type);
		slot->live_to = run_end(&in->live->rrs, slot->live_from, slot->owner, slot->type);
		count++;
	}
	return count;
}

/* ---- what is left behind ------------------------------------------------------------------------- */

static int add_change(struct mz_plan *plan, const struct mz_rr *rr, const struct slot *slot, uint32_t ttl, bool add)
{
	struct mz_change *change = grown(plan->changes, plan->change_count, &plan->change_cap, sizeof(*change));

	if (change == NULL)
		return MZ_ENOMEM;
	plan->changes = change;
	change += plan->change_count++;
	*change = (struct mz_change){.rr = *rr, .add = add};
	change->rr.ttl = ttl;
	if (!add) { /* what stands in the zone knows no family */
		change->rr.domain = slot->domain;
		change->rr.family = slot->family;
	}
	if (add)
		plan->counts[change->rr.domain].add++;
	else
		plan->counts[change->rr.domain].del++;
	return MZ_OK;
}

static int add_deletions(struct mz_plan *plan, const struct mz_plan_input *in, const struct slot *slot)
{
	int err = MZ_OK;

	for (size_t i = slot->live_from; i < slot->live_to && err == MZ_OK; i++) {
		const struct mz_rr *rr = &in->live->rrs.rr[i];

		if (slot->ttl_change || slot->fate[i - slot->live_from] >= FATE_STALE)
			err = add_change(plan, rr, slot, rr->ttl, false);
	}
	return err;
}

/* The additions: what is wanted and does not stand there, and for a new TTL also what does. */
static int add_additions(struct mz_plan *plan, const struct mz_plan_input *in, const struct slot *slot)
{
	int err = MZ_OK;
	size_t from = plan->change_count;

	for (size_t w = slot->want_from; w < slot->want_to && err == MZ_OK; w++) {
		const struct mz_rr *want = &in->desired->rr[w];
		bool said = false;

		if (slot->met[w - slot->want_from] ? !slot->ttl_change : !slot_planned(in, want))
			continue;
		for (size_t i = from; i < plan->change_count && !said; i++)
			said = mz_rdata_same(want->type, plan->changes[i].rr.rdata, plan->changes[i].rr.rdlen,
					     want->rdata, want->rdlen);
		if (!said)
			err = add_change(plan, want, slot, slot->final_ttl, true);
	}
	return err;
}

static int add_unit(struct mz_plan *plan, const struct mz_plan_input *in, const struct slot *slot)
{
	struct mz_unit unit = {.owner = slot->owner, .type = slot->type, .domain = slot->domain,
			       .family = slot->family, .live_from = slot->live_from, .live_to = slot->live_to};
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
	unit.delete_rrset = unit.del_to > unit.del_from && unit.del_to - unit.del_from == slot->live_to - slot->live_from;
	plan->units[plan->unit_count++] = unit;
	return err;
}

/* The ledger after the plan: every planned wish that stands or comes; of a slot that is refused
 * and of families that are not planned now, what it had. */
static int keep_ledger(struct mz_plan *plan, const struct mz_plan_input *in, const struct slot *slot)
{
	int err = MZ_OK;

	for (size_t w = slot->want_from; w < slot->want_to && err == MZ_OK; w++) {
		const struct mz_rr *want = &in->desired->rr[w];

		if (!slot_planned(in, want) || (slot->refused != NULL && !slot->met[w - slot->want_from]))
			continue;
		err = mz_rrlist_add(&plan->ledger, want);
		if (slot->met[w - slot->want_from] && !slot->ttl_change)
			plan->counts[want->domain].in_place++;
	}
	for (size_t g = slot->ledger_from; g < slot->ledger_to && err == MZ_OK; g++) {
		const struct mz_rr *rr = &in->ledger->rr[g];
		const struct mz_plan_domain *domain = &in->domains[rr->domain];
		bool published = (domain->published >> rr->family & 1u) != 0;

		if (slot_planned(in, rr) ? slot->refused != NULL && !plan_in_ledger(plan, rr) : published)
			err = mz_rrlist_add(&plan->ledger, rr);
	}
	return err;
}

static int take_slot(struct mz_plan *plan, const struct mz_plan_input *in, const struct slot *slot)
{
	int err = MZ_OK;

	if (slot->touched && slot->refused != NULL)
		err = plan_add_refusal(plan, &(struct mz_refusal){.owner = slot->owner,
								  .type = slot->type,
								  .domain = slot->domain,
								  .family = slot->family,
								  .reason = slot->refused});
	else if (slot->touched)
		err = add_unit(plan, in, slot);
	return err != MZ_OK ? err : keep_ledger(plan, in, slot);
}

/* Everything seen that is neither ours nor the server's. */
static uint32_t count_foreign(const struct mz_plan_input *in, const struct slot *slots, size_t count)
{
	uint64_t all = in->live->foreign, ours = 0;

	for (size_t i = 0; i < in->live->rrs.count; i++) {
		const struct mz_rr *rr = &in->live->rrs.rr[i];

		all += !mz_type_is_server(rr->type) &&
		       !(rr->type == MZ_TYPE_NS && mz_name_equal(rr->owner, in->origin));
	}
	for (size_t s = 0; s < count; s++) {
		for (size_t i = 0; slots[s].touched && i < slots[s].live_to - slots[s].live_from; i++)
			ours += slots[s].fate[i] != FATE_FOREIGN;
	}
	return (uint32_t)(all - ours);
}

/* ---- the order ------------------------------------------------------------------------------------- */

static int unit_order(const void *a, const void *b)
{
	const struct mz_unit *x = a, *y = b;
	int d = (int)x->family - (int)y->family;

	if (d == 0)
		d = mz_name_compare(x->owner, y->owner);
	return d != 0 ? d : (int)x->type - (int)y->type;
}

static int group_order(const void *a, const void *b)
{
	const struct mz_unit *x = a, *y = b;

	return x->group != y->group ? (x->group > y->group) - (x->group < y->group) : unit_order(a, b);
}

/* Orders the units; those at a name where a CNAME comes or goes belong together. */
static void order_units(struct mz_plan *plan)
{
	if (plan->unit_count == 0)
		return;
	qsort(plan->units, plan->unit_count, sizeof(plan->units[0]), unit_order);
	for (size_t i = 0; i < plan->unit_count; i++)
		plan->units[i].group = i;
	for (size_t i = 0; i < plan->unit_count; i++) {
		size_t first = plan->units[i].group;

		if (plan->units[i].type != MZ_TYPE_CNAME)
			continue;
		for (size_t k = 0; k < plan->unit_count; k++) {
			struct mz_unit *other = &plan->units[k];

			if (k == i || !mz_name_equal(other->owner, plan->units[i].owner))
				continue;
			if (other->group > first)
				other->group = first;
			else
				plan->units[i].group = first = other->group;
		}
	}
	qsort(plan->units, plan->unit_count, sizeof(plan->units[0]), group_order);
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
