/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides for one owner and type what stays, what goes, and what comes. */
#include "src/plan/slot.h"

#include <string.h>

bool slot_planned(const struct mz_plan_input *in, const struct mz_rr *rr)
{
	const struct mz_plan_domain *domain = &in->domains[rr->domain];

	return domain->active && (domain->families >> rr->family & 1u) != 0;
}

static bool same(const struct mz_rr *a, const struct mz_rr *b)
{
	return mz_rdata_same(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

static bool identical(const struct mz_rr *a, const struct mz_rr *b)
{
	return a->rdlen == b->rdlen && memcmp(a->rdata, b->rdata, a->rdlen) == 0;
}

/* Marks the RR that fulfils each want: the very octets if they stand there, else the first that
 * says the same. Only one RR fulfils a want: a second that says the same is no one's wish. */
static void meet_wants(struct slot *slot, const struct mz_plan_input *in)
{
	const struct mz_rr *live = in->live->rrs.rr;

	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		const struct mz_rr *want = &in->desired->rr[w];
		size_t found = slot->live_to;

		for (size_t l = slot->live_from; l < slot->live_to; l++) {
			if (identical(&live[l], want)) {
				found = l;
				break;
			}
			if (found == slot->live_to && same(&live[l], want))
				found = l;
		}
		if (found == slot->live_to)
			continue;
		slot->met[w - slot->want_from] = true;
		slot->fate[found - slot->live_from] = FATE_OURS;
	}
}

/* What is an RR that no want is met by? */
static enum fate judge(const struct slot *slot, const struct mz_plan_input *in, const struct mz_rr *live)
{
	for (size_t g = slot->ledger_from; g < slot->ledger_to; g++) {
		if (slot_planned(in, &in->ledger->rr[g]) && same(&in->ledger->rr[g], live))
			return FATE_STALE;
	}
	if (slot->whole)
		return FATE_TAKEN;
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		const struct mz_rr *want = &in->desired->rr[w];

		if (slot_planned(in, want) && want->claim == MZ_CLAIM_MATCH &&
		    mz_claim_matches(want, live->rdata, live->rdlen))
			return FATE_TAKEN;
	}
	return FATE_FOREIGN;
}

static void note_owner(struct slot *slot, const struct mz_rr *rr)
{
	if (!slot->touched) {
		slot->domain = rr->domain;
		slot->family = rr->family;
	}
	slot->touched = true;
}

static void look_at_wants(struct slot *slot, const struct mz_plan_input *in)
{
	slot->ttl = UINT32_MAX;
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		const struct mz_rr *want = &in->desired->rr[w];

		if (!slot_planned(in, want))
			continue;
		note_owner(slot, want);
		slot->whole = slot->whole || want->claim == MZ_CLAIM_WHOLE;
		if (want->ttl < slot->ttl)
			slot->ttl = want->ttl;
	}
	for (size_t g = slot->ledger_from; g < slot->ledger_to; g++) {
		if (slot_planned(in, &in->ledger->rr[g]))
			note_owner(slot, &in->ledger->rr[g]);
	}
}

/* Two desired RRs that say the same count once: the second one is not added either. */
static bool said_before(const struct slot *slot, const struct mz_plan_input *in, size_t w)
{
	for (size_t i = slot->want_from; i < w; i++) {
		if (same(&in->desired->rr[i], &in->desired->rr[w]) && slot_planned(in, &in->desired->rr[i]))
			return true;
	}
	return false;
}

static void count(struct slot *slot, const struct mz_plan_input *in)
{
	bool kept = false, other_ttl = false;

	for (size_t i = 0; i < slot->live_to - slot->live_from; i++) {
		if (slot->fate[i] >= FATE_STALE) {
			slot->deletes++;
		} else {
			kept = true;
			other_ttl = other_ttl || in->live->rrs.rr[slot->live_from + i].ttl != slot->ttl;
		}
	}
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		bool *met = &slot->met[w - slot->want_from];

		if (!*met && slot_planned(in, &in->desired->rr[w]) && !said_before(slot, in, w))
			slot->adds++;
	}
	/* In an RRset that is ours alone the TTL is ours too; in a shared one it stays as it is. */
	slot->ttl_change = slot->whole && kept && other_ttl;
	slot->final_ttl = kept && !slot->whole ? in->live->rrs.rr[slot->live_from].ttl : slot->ttl;
}

int slot_decide(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	size_t lives = slot->live_to - slot->live_from, wants = slot->want_to - slot->want_from;

	look_at_wants(slot, in);
	if (!slot->touched)
		return MZ_OK;
	slot->fate = mz_arena_alloc(arena, (lives + 1) * sizeof(slot->fate[0]));
	slot->met = mz_arena_alloc(arena, wants + 1);
	if (slot->fate == NULL || slot->met == NULL)
		return MZ_ENOMEM;
	memset(slot->fate, 0, (lives + 1) * sizeof(slot->fate[0]));
	memset(slot->met, 0, wants + 1);
	meet_wants(slot, in);
	for (size_t i = 0; i < lives; i++) {
		if (slot->fate[i] != FATE_OURS)
			slot->fate[i] = judge(slot, in, &in->live->rrs.rr[slot->live_from + i]);
	}
	count(slot, in);
	return MZ_OK;
}
