/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides for one owner and type what stays, what goes, and what comes. */
#include "src/plan/slot.h"

#include <string.h>

static bool is_held(const struct mz_plan_input *in, const struct mz_rr *rr)
{
	size_t at = 0;

	if (in->held == NULL || in->held->count == 0)
		return false;
	at = mz_rrlist_find(in->held, rr->owner, rr->type);
	return at < in->held->count && in->held->rr[at].type == rr->type &&
	       mz_name_equal(in->held->rr[at].owner, rr->owner);
}

bool slot_planned(const struct mz_plan_input *in, const struct mz_rr *rr)
{
	const struct mz_plan_domain *domain = &in->domains[rr->domain];

	return domain->active && (domain->families >> rr->family & 1u) != 0 && !is_held(in, rr);
}

bool slot_published(const struct mz_plan_input *in, const struct mz_rr *rr)
{
	return (in->domains[rr->domain].published >> rr->family & 1u) != 0;
}

static bool same(const struct mz_rr *a, const struct mz_rr *b)
{
	return mz_rdata_same(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

static bool identical(const struct mz_rr *a, const struct mz_rr *b)
{
	return a->rdlen == b->rdlen && memcmp(a->rdata, b->rdata, a->rdlen) == 0;
}

size_t slot_find_live(const struct slot *slot, const struct mz_plan_input *in,
		      const struct mz_rr *rr)
{
	const struct mz_rr *live = in->live->rrs.rr;
	size_t found = slot->live_to;

	for (size_t l = slot->live_from; l < slot->live_to; l++) {
		if (identical(&live[l], rr))
			return l;
		if (found == slot->live_to && same(&live[l], rr))
			found = l;
	}
	return found;
}

bool slot_wants(const struct slot *slot, const struct mz_plan_input *in, const struct mz_rr *rr)
{
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		if (same(&in->desired->rr[w], rr))
			return true;
	}
	return false;
}

/* ---- who speaks here ----------------------------------------------------------------------------- */

/* The strongest claim speaks for the slot; an entry of the ledger has none. */
static void note_owner(struct slot *slot, const struct mz_rr *rr)
{
	unsigned claim = rr->claim == MZ_CLAIM_NONE ? MZ_CLAIM_EXACT + 1u : rr->claim;
	uint32_t rank = claim << 24 | (uint32_t)rr->family << 16 | rr->domain;

	if (slot->touched && slot->rank <= rank)
		return;
	slot->touched = true;
	slot->rank = rank;
	slot->domain = rr->domain;
	slot->family = rr->family;
}

static void look_at_claims(struct slot *slot, const struct mz_plan_input *in)
{
	slot->ttl = UINT32_MAX;
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		const struct mz_rr *want = &in->desired->rr[w];

		/* Of those not planned now, too: their turn would change it back. */
		if (want->ttl < slot->ttl)
			slot->ttl = want->ttl;
		if (!slot_planned(in, want))
			continue;
		note_owner(slot, want);
		slot->whole = slot->whole || want->claim == MZ_CLAIM_WHOLE;
	}
	for (size_t g = slot->ledger_from; g < slot->ledger_to; g++) {
		if (slot_planned(in, &in->ledger->rr[g]))
			note_owner(slot, &in->ledger->rr[g]);
	}
}

/* ---- what stands there ------------------------------------------------------------------------------ */

/* Only one RR fulfils a wish: a second that says the same is no one's. Of several wishes for one RR
 * the first that is planned now answers for it. */
static void meet_wants(struct slot *slot, const struct mz_plan_input *in)
{
	for (size_t w = slot->want_to; w > slot->want_from; w--) {
		const struct mz_rr *want = &in->desired->rr[w - 1];
		size_t l = slot_find_live(slot, in, want);
		struct mark *mark = &slot->mark[l - slot->live_from];

		if (l == slot->live_to)
			continue;
		slot->wish[w - 1 - slot->want_from] = WISH_MET;
		if (slot_planned(in, want))
			*mark = (struct mark){FATE_OURS, want->domain, want->family};
		else if (mark->fate == FATE_FOREIGN)
			*mark = (struct mark){FATE_OURS, slot->domain, slot->family};
	}
}

/* What the ledger has is one RR, too, and the one that fulfils a wish is not stale. */
static void find_stale(struct slot *slot, const struct mz_plan_input *in)
{
	for (size_t g = slot->ledger_from; g < slot->ledger_to; g++) {
		const struct mz_rr *rr = &in->ledger->rr[g];
		size_t l = slot_planned(in, rr) ? slot_find_live(slot, in, rr) : slot->live_to;

		if (l < slot->live_to && slot->mark[l - slot->live_from].fate == FATE_FOREIGN)
			slot->mark[l - slot->live_from] =
				(struct mark){FATE_STALE, rr->domain, rr->family};
	}
}

/* Does this RR, which is no one's wish and not of the ledger, stand in our place? */
static void judge(const struct slot *slot, const struct mz_plan_input *in, const struct mz_rr *live,
		  struct mark *mark)
{
	if (slot->whole) {
		*mark = (struct mark){FATE_TAKEN, slot->domain, slot->family};
		return;
	}
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		const struct mz_rr *want = &in->desired->rr[w];

		if (!slot_planned(in, want) || want->claim != MZ_CLAIM_MATCH ||
		    !mz_claim_matches(want, live->rdata, live->rdlen))
			continue;
		*mark = (struct mark){FATE_TAKEN, want->domain, want->family};
		return;
	}
}

/* ---- what comes ------------------------------------------------------------------------------------- */

/* Does a wish before this one add the same already? Only of TXT and CAA do RRs say the same that do
 * not stand side by side in order. */
static bool said_before(const struct slot *slot, const struct mz_plan_input *in, size_t w)
{
	bool strict = slot->type != MZ_TYPE_TXT && slot->type != MZ_TYPE_CAA;

	for (size_t i = w; i > slot->want_from; i--) {
		bool says = same(&in->desired->rr[i - 1], &in->desired->rr[w]);

		if (says && slot->wish[i - 1 - slot->want_from] == WISH_COMES)
			return true;
		if (!says && strict)
			return false;
	}
	return false;
}

static void decide_wishes(struct slot *slot, const struct mz_plan_input *in)
{
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		enum wish *wish = &slot->wish[w - slot->want_from];

		if (*wish == WISH_MET || !slot_planned(in, &in->desired->rr[w]))
			continue;
		*wish = said_before(slot, in, w) ? WISH_SAID : WISH_COMES;
		slot->adds += *wish == WISH_COMES;
	}
}

static void decide_ttl(struct slot *slot, const struct mz_plan_input *in)
{
	const struct mz_rr *kept = NULL;
	bool other_ttl = false;

	for (size_t l = slot->live_from; l < slot->live_to; l++) {
		const struct mz_rr *rr = &in->live->rrs.rr[l];

		if (slot->mark[l - slot->live_from].fate >= FATE_STALE)
			continue;
		kept = kept == NULL ? rr : kept;
		other_ttl = other_ttl || rr->ttl != slot->ttl;
	}
	/* In an RRset that is ours alone the TTL is ours too; in a shared one it stays as it is. */
	slot->ttl_change = slot->whole && other_ttl;
	slot->final_ttl = kept != NULL && !slot->whole ? kept->ttl : slot->ttl;
}

int slot_decide(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	size_t lives = slot->live_to - slot->live_from, wants = slot->want_to - slot->want_from;

	look_at_claims(slot, in);
	if (!slot->touched)
		return MZ_OK;
	slot->mark = mz_arena_alloc(arena, (lives + 1) * sizeof(slot->mark[0]));
	slot->wish = mz_arena_alloc(arena, (wants + 1) * sizeof(slot->wish[0]));
	if (slot->mark == NULL || slot->wish == NULL)
		return MZ_ENOMEM;
	memset(slot->mark, 0, (lives + 1) * sizeof(slot->mark[0]));
	memset(slot->wish, 0, (wants + 1) * sizeof(slot->wish[0]));
	meet_wants(slot, in);
	find_stale(slot, in);
	for (size_t i = 0; i < lives; i++) {
		if (slot->mark[i].fate == FATE_FOREIGN)
			judge(slot, in, &in->live->rrs.rr[slot->live_from + i], &slot->mark[i]);
		slot->deletes += slot->mark[i].fate >= FATE_STALE;
	}
	decide_wishes(slot, in);
	decide_ttl(slot, in);
	return MZ_OK;
}
