/* SPDX-License-Identifier: BSD-2-Clause */
/* The guards: changes that would lose mail or somebody's data are refused, slot by slot. */
#include "src/plan/guard.h"

#include <string.h>

/* Deletions that a delete limit never counts as too many. */
enum { DELETES_ALWAYS_ALLOWED = 5 };

static bool changes(const struct slot *slot)
{
	return slot->refused == NULL && (slot->deletes > 0 || slot->adds > 0 || slot->ttl_change);
}

static int refuse(struct slot *slot, struct mz_arena *arena, const char *reason)
{
	slot->refused = mz_arena_strdup(arena, reason);
	return slot->refused == NULL ? MZ_ENOMEM : MZ_OK;
}

static int refuse_with(struct slot *slot, struct mz_arena *arena, const char *reason, const struct mz_rr *rr)
{
	struct mz_str text = {0};
	int err = MZ_ENOMEM;

	mz_str_add(&text, reason);
	mz_rr_to_text(rr, &text);
	if (!text.failed)
		err = refuse(slot, arena, text.s);
	mz_str_clear(&text);
	return err;
}

/* ---- the name is not ours to write ----------------------------------------------------------- */

static int guard_cut(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	for (size_t i = 0; i < in->live->cuts.count; i++) {
		const struct mz_rr *cut = &in->live->cuts.rr[i];

		if (!mz_name_within(slot->owner, cut->owner))
			continue;
		if (cut->type == MZ_TYPE_DNAME && !mz_name_equal(slot->owner, cut->owner))
			return refuse_with(slot, arena, "the name is below a DNAME: ", cut);
		if (cut->type == MZ_TYPE_NS)
			return refuse_with(slot, arena, "the name is delegated to other servers: ", cut);
	}
	return MZ_OK;
}

static int guard_takeover(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	if (!in->domains[slot->domain].refuse_takeover)
		return MZ_OK;
	for (size_t i = 0; i < slot->live_to - slot->live_from; i++) {
		if (slot->fate[i] == FATE_TAKEN)
			return refuse_with(slot, arena, "in our place stands (takeover = \"refuse\"): ",
					   &in->live->rrs.rr[slot->live_from + i]);
	}
	return MZ_OK;
}

/* ---- CNAME and other data ---------------------------------------------------------------------- */

static const struct slot *find_slot(const struct slot *slots, size_t count, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < count; i++) {
		if (slots[i].type == type && mz_name_equal(slots[i].owner, owner))
			return &slots[i];
	}
	return NULL;
}

/* Does an RR that stands at the name stay there, after all that we do? */
static bool stays(const struct slot *slots, size_t count, const struct mz_plan_input *in, size_t live)
{
	const struct mz_rr *rr = &in->live->rrs.rr[live];
	const struct slot *slot = find_slot(slots, count, rr->owner, rr->type);

	return slot == NULL || !slot->touched || slot->refused != NULL || slot->fate[live - slot->live_from] < FATE_STALE;
}

/* `slots` are those of one owner. */
static int guard_cname(struct slot *slot, const struct slot *slots, size_t count, const struct mz_plan_input *in,
		       struct mz_arena *arena)
{
	struct mz_str reason = {0};
	uint16_t named = 0;
	int err = MZ_OK;

	for (size_t i = mz_rrlist_find(&in->live->rrs, slot->owner, 0);
	     i < in->live->rrs.count && mz_name_equal(in->live->rrs.rr[i].owner, slot->owner); i++) {
		const struct mz_rr *rr = &in->live->rrs.rr[i];
		char type[MZ_CODE_TEXT] = "";

		if ((slot->type == MZ_TYPE_CNAME) == (rr->type == MZ_TYPE_CNAME) || !stays(slots, count, in, i))
			continue;
		if (rr->type == MZ_TYPE_CNAME) {
			err = refuse_with(slot, arena, "a CNAME stands at this name: ", rr);
			goto done;
		}
		if (rr->type != named)
			mz_str_addf(&reason, "%s%s", named == 0 ? "other data at this name: " : ", ",
				    mz_type_name(rr->type, type));
		named = rr->type;
	}
	if (reason.failed)
		err = MZ_ENOMEM;
	else if (reason.len > 0)
		err = refuse(slot, arena, reason.s);
done:
	mz_str_clear(&reason);
	return err;
}

/* ---- mail that would break --------------------------------------------------------------------- */

static bool is_spf(const struct mz_rr *rr)
{
	static const uint8_t spf[] = "v=spf1";
	const struct mz_rr want = {.type = MZ_TYPE_TXT, .rdata = (const uint8_t *)"\006v=spf1", .rdlen = sizeof(spf),
				   .family = MZ_FAMILY_SPF, .claim = MZ_CLAIM_MATCH};

	return mz_claim_matches(&want, rr->rdata, rr->rdlen);
}

static int guard_spf(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	unsigned strings = 0;

	if (slot->type != MZ_TYPE_TXT || slot->family != MZ_FAMILY_SPF)
		return MZ_OK;
	for (size_t i = 0; i < slot->live_to - slot->live_from; i++)
		strings += slot->fate[i] < FATE_STALE && is_spf(&in->live->rrs.rr[slot->live_from + i]);
	for (size_t w = slot->want_from; w < slot->want_to; w++)
		strings += !slot->met[w - slot->want_from] && slot_planned(in, &in->desired->rr[w]) &&
			   is_spf(&in->desired->rr[w]);
	return strings < 2 ? MZ_OK : refuse(slot, arena, "two SPF strings would stand at one name");
}

static int guard_mx(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	size_t stay = 0, lives = slot->live_to - slot->live_from;

	if (slot->type != MZ_TYPE_MX || slot->adds > 0 || slot->deletes == 0 || in->domains[slot->domain].withdraw)
		return MZ_OK;
	for (size_t i = 0; i < lives; i++)
		stay += slot->fate[i] < FATE_STALE;
	return stay > 0 ? MZ_OK : refuse(slot, arena, "the domain would be left without an MX");
}

/* ---- too much at once ---------------------------------------------------------------------------- */

static bool loses(const struct slot *slot)
{
	return changes(slot) && slot->deletes > slot->adds;
}

static int guard_limit(struct slot *slots, size_t count, const struct mz_plan_input *in, uint16_t domain,
		       struct mz_arena *arena)
{
	const struct mz_plan_domain *d = &in->domains[domain];
	uint64_t ledger = 0, lost = 0;
	struct mz_cause reason = {0};
	int err = MZ_OK;

	for (size_t i = 0; i < in->ledger->count; i++)
		ledger += in->ledger->rr[i].domain == domain;
	/* An RR that is replaced by another of its RRset is not lost. */
	for (size_t i = 0; i < count; i++) {
		if (slots[i].domain == domain && loses(&slots[i]))
			lost += slots[i].deletes - slots[i].adds;
	}
	if (!d->active || d->withdraw || lost <= DELETES_ALWAYS_ALLOWED || lost * 100 <= ledger * d->delete_limit)
		return MZ_OK;
	(void)mz_cause_set(&reason, MZ_OK,
			   "the plan would delete %llu of the domain's %llu records; delete_limit is %u percent",
			   (unsigned long long)lost, (unsigned long long)ledger, d->delete_limit);
	for (size_t i = 0; i < count && err == MZ_OK; i++) {
		if (slots[i].domain == domain && loses(&slots[i]))
			err = refuse(&slots[i], arena, reason.text);
	}
	return err;
}

int guard_slots(struct slot *slots, size_t count, const struct mz_plan_input *in, struct mz_arena *arena)
{
	int err = MZ_OK;

	for (size_t i = 0; i < count && err == MZ_OK; i++) {
		struct slot *slot = &slots[i];

		if (!slot->touched)
			continue;
		if (changes(slot))
			err = guard_cut(slot, in, arena);
		if (err == MZ_OK && changes(slot))
			err = guard_takeover(slot, in, arena);
		if (err == MZ_OK && changes(slot))
			err = guard_spf(slot, in, arena);
		if (err == MZ_OK && changes(slot))
			err = guard_mx(slot, in, arena);
	}
	for (size_t d = 0; d < in->domain_count && err == MZ_OK; d++)
		err = guard_limit(slots, count, in, (uint16_t)d, arena);
	/* Last, since what an earlier guard refused to delete stays at its name. A CNAME that is
	 * refused leaves its old data there, so its neighbours are judged after it. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < count && err == MZ_OK;) {
			size_t end = i + 1;

			while (end < count && mz_name_equal(slots[end].owner, slots[i].owner))
				end++;
			for (size_t s = i; s < end && err == MZ_OK; s++) {
				if (slots[s].touched && slots[s].adds > 0 && changes(&slots[s]))
					err = guard_cname(&slots[s], slots + i, end - i, in, arena);
			}
			i = end;
		}
	}
	return err;
}
