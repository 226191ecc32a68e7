/* SPDX-License-Identifier: BSD-2-Clause */
/* The guards: changes that would lose mail or somebody's data are refused, slot by slot. */
#include "src/plan/guard.h"

#include <stdlib.h>

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

static int refuse_with(struct slot *slot, struct mz_arena *arena, const char *reason,
		       const struct mz_rr *rr)
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
		if (cut->type == MZ_TYPE_SOA)
			return refuse_with(slot, arena,
					   "the name is in another zone of this server: ", cut);
		if (cut->type == MZ_TYPE_NS)
			return refuse_with(slot, arena,
					   "the name is delegated to other servers: ", cut);
	}
	return MZ_OK;
}

static int guard_takeover(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	for (size_t i = 0; i < slot->live_to - slot->live_from; i++) {
		const struct mark *mark = &slot->mark[i];
		const struct mz_plan_domain *domain = &in->domains[mark->domain];
		const char *reason = NULL;

		if (mark->fate != FATE_TAKEN || !slot->whole)
			continue;
		/* Somebody signs with the key that stands there; ours needs a selector of its own. But where
		 * ours has been, this is what somebody made of it, and our mail does not verify. */
		if (mark->family == MZ_FAMILY_DKIM && domain->dkim_automatic &&
		    slot->ledger_from == slot->ledger_to)
			reason = "another key is published under this selector (change "
				 "selector_template): ";
		else if (domain->refuse_takeover)
			reason = "in our place stands (takeover = \"refuse\"): ";
		if (reason != NULL)
			return refuse_with(slot, arena, reason,
					   &in->live->rrs.rr[slot->live_from + i]);
	}
	return MZ_OK;
}

/* ---- CNAME and other data ---------------------------------------------------------------------- */

static const struct slot *find_slot(const struct slot *slots, size_t count, uint16_t type)
{
	for (size_t i = 0; i < count; i++) {
		if (slots[i].type == type)
			return &slots[i];
	}
	return NULL;
}

/* Does an RR that stands at the name stay there, after all that we do? `slots` are the name's. */
static bool stays(const struct slot *slots, size_t count, const struct mz_plan_input *in,
		  size_t live)
{
	const struct slot *slot = find_slot(slots, count, in->live->rrs.rr[live].type);

	return slot == NULL || !slot->touched || slot->refused != NULL ||
	       slot->mark[live - slot->live_from].fate < FATE_STALE;
}

/* Adds a type to a list of types, each once. */
static void name_type(struct mz_str *list, const char *before, uint16_t type, uint16_t *last)
{
	char text[MZ_CODE_TEXT] = "";

	if (type != *last)
		mz_str_addf(list, "%s%s", list->len == 0 ? before : ", ", mz_type_name(type, text));
	*last = type;
}

/* `slots` are those of one owner. */
static int guard_cname(struct slot *slot, const struct slot *slots, size_t count,
		       const struct mz_plan_input *in, struct mz_arena *arena)
{
	struct mz_str reason = {0};
	bool wanted = false;
	uint16_t last = 0;
	int err = MZ_OK;

	for (size_t i = mz_rrlist_find(&in->live->rrs, slot->owner, 0);
	     i < in->live->rrs.count && mz_name_equal(in->live->rrs.rr[i].owner, slot->owner);
	     i++) {
		const struct mz_rr *rr = &in->live->rrs.rr[i];

		if ((slot->type == MZ_TYPE_CNAME) == (rr->type == MZ_TYPE_CNAME) ||
		    !stays(slots, count, in, i))
			continue;
		if (rr->type == MZ_TYPE_CNAME) {
			err = refuse_with(slot, arena, "a CNAME stands at this name: ", rr);
			goto done;
		}
		name_type(&reason, "other data at this name: ", rr->type, &last);
	}
	/* Domains of one zone may want both. The data is to come, so the CNAME must not. */
	wanted = slot->type == MZ_TYPE_CNAME && reason.len == 0;
	for (size_t s = 0; s < count && wanted; s++) {
		if (slots[s].type != MZ_TYPE_CNAME && slots[s].want_to > slots[s].want_from)
			name_type(&reason, "other data is wanted at this name: ", slots[s].type,
				  &last);
	}
	if (reason.failed)
		err = MZ_ENOMEM;
	else if (reason.len > 0)
		err = refuse(slot, arena, reason.s);
done:
	mz_str_clear(&reason);
	return err;
}

/* Of these only one can stand at a name. */
static int guard_single(struct slot *slot, struct mz_arena *arena)
{
	size_t stand = slot->adds;

	if ((slot->type != MZ_TYPE_CNAME && slot->type != MZ_TYPE_DNAME) || slot->adds == 0)
		return MZ_OK;
	for (size_t i = 0; i < slot->live_to - slot->live_from; i++)
		stand += slot->mark[i].fate < FATE_STALE;
	return stand < 2 ? MZ_OK
			 : refuse(slot, arena, "another one stands or is wanted at this name");
}

/* ---- mail that would break --------------------------------------------------------------------- */

static bool is_spf(const struct mz_rr *rr)
{
	static const uint8_t spf[] = {6, 'v', '=', 's', 'p', 'f', '1'};
	const struct mz_rr want = {.type = MZ_TYPE_TXT,
				   .rdata = spf,
				   .rdlen = sizeof(spf),
				   .claim = MZ_CLAIM_MATCH};

	return mz_claim_matches(&want, rr->rdata, rr->rdlen);
}

static int guard_spf(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	unsigned stay = 0, come = 0;

	if (slot->type != MZ_TYPE_TXT)
		return MZ_OK;
	for (size_t i = 0; i < slot->live_to - slot->live_from; i++)
		stay += slot->mark[i].fate < FATE_STALE &&
			is_spf(&in->live->rrs.rr[slot->live_from + i]);
	for (size_t w = slot->want_from; w < slot->want_to; w++)
		come += slot->wish[w - slot->want_from] == WISH_COMES &&
			is_spf(&in->desired->rr[w]);
	return come == 0 || stay + come < 2
		       ? MZ_OK
		       : refuse(slot, arena, "two SPF strings would stand at one name");
}

/* Mail that is signed now, or under way, could not be verified any more. */
static int guard_dkim(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	size_t at = 0;

	/* What stands beside a record that stays or comes may go. */
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		if (slot->wish[w - slot->want_from] != WISH_LEFT)
			return MZ_OK;
	}
	if (slot->type != MZ_TYPE_TXT || slot->deletes == 0 || in->signing == NULL ||
	    in->domains[slot->domain].withdraw)
		return MZ_OK;
	at = mz_rrlist_find(in->signing, slot->owner, MZ_TYPE_TXT);
	if (at == in->signing->count || !mz_name_equal(in->signing->rr[at].owner, slot->owner))
		return MZ_OK;
	return refuse(slot, arena,
		      "the DKIM key of this selector is active: mail is signed with it");
}

/* Does an RR of the list stand at the slot's owner after all that we do? */
static bool remains(const struct slot *slot, const struct mz_plan_input *in, const struct mz_rr *rr)
{
	for (size_t i = slot->live_from; i < slot->live_to; i++) {
		if (slot->mark[i - slot->live_from].fate < FATE_STALE &&
		    mz_rr_compare(&in->live->rrs.rr[i], rr) == 0)
			return true;
	}
	for (size_t w = slot->want_from; w < slot->want_to; w++) {
		if (slot->wish[w - slot->want_from] == WISH_COMES &&
		    mz_rr_compare(&in->desired->rr[w], rr) == 0)
			return true;
	}
	return false;
}

/* Senders that verify by DANE (RFC 7672) would send nothing: worse than an RRset that is gone. */
static int guard_tlsa(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	size_t stand = slot->adds, at = 0;
	bool known = false;

	if (slot->type != MZ_TYPE_TLSA || in->in_use == NULL)
		return MZ_OK;
	for (size_t i = 0; i < slot->live_to - slot->live_from; i++)
		stand += slot->mark[i].fate < FATE_STALE;
	for (at = mz_rrlist_find(in->in_use, slot->owner, MZ_TYPE_TLSA);
	     at < in->in_use->count && mz_name_equal(in->in_use->rr[at].owner, slot->owner); at++) {
		known = true;
		if (remains(slot, in, &in->in_use->rr[at]))
			return MZ_OK;
	}
	return stand == 0 || !known
		       ? MZ_OK
		       : refuse(slot, arena, "no TLSA record would fit a certificate in use");
}

static int guard_mx(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	if (slot->type != MZ_TYPE_MX || slot->adds > 0 || slot->deletes == 0 ||
	    slot->deletes < slot->live_to - slot->live_from || in->domains[slot->domain].withdraw)
		return MZ_OK;
	/* Other names may lose their MX: only the `records` list put it there. */
	for (size_t d = 0; d < in->domain_count; d++) {
		if (mz_name_equal(slot->owner, in->domains[d].name))
			return refuse(slot, arena, "the domain would be left without an MX");
	}
	return MZ_OK;
}

/* ---- too much at once ---------------------------------------------------------------------------- */

/* One domain's records: what is desired and what the ledger keeps, and what of it would go. */
struct tally {
	uint64_t all, lost;
	const char *reason; /* more than the limit */
};

/* An RR of the ledger that another of its RRset replaces is not lost; nor is what we take over. */
static bool loses(const struct slot *slot)
{
	unsigned stale = 0;

	for (size_t i = 0; slot->touched && changes(slot) && i < slot->live_to - slot->live_from;
	     i++)
		stale += slot->mark[i].fate == FATE_STALE;
	return stale > slot->adds;
}

static void count_lost(const struct slot *slot, const struct mz_plan_input *in, struct tally *tally)
{
	unsigned replaced = slot->adds;

	for (size_t i = 0; i < slot->live_to - slot->live_from; i++) {
		if (slot->mark[i].fate != FATE_STALE)
			continue;
		if (replaced == 0)
			tally[slot->mark[i].domain].lost++;
		else
			replaced--;
	}
	for (size_t g = slot->ledger_from; g < slot->ledger_to; g++) {
		const struct mz_rr *rr = &in->ledger->rr[g];

		if (slot_planned(in, rr) && !slot_wants(slot, in, rr))
			tally[rr->domain].all++;
	}
}

/* Everything that is counted here is the same after a plan that was refused: it stays refused. */
static void count_all(const struct slot *slots, size_t count, const struct mz_plan_input *in,
		      struct tally *tally)
{
	for (size_t i = 0; i < in->desired->count; i++)
		tally[in->desired->rr[i].domain].all += slot_planned(in, &in->desired->rr[i]);
	for (size_t i = 0; i < in->ledger->count; i++) {
		const struct mz_rr *rr = &in->ledger->rr[i];

		tally[rr->domain].all += !slot_planned(in, rr) && slot_published(in, rr);
	}
	for (size_t i = 0; i < count; i++) {
		if (loses(&slots[i]))
			count_lost(&slots[i], in, tally);
	}
}

static int judge_tally(struct tally *tally, const struct mz_plan_domain *domain,
		       struct mz_arena *arena)
{
	struct mz_cause reason = {0};

	if (domain->withdraw || tally->lost <= DELETES_ALWAYS_ALLOWED ||
	    tally->lost * 100 <= tally->all * domain->delete_limit)
		return MZ_OK;
	(void)mz_cause_set(&reason, MZ_OK,
			   "the plan would delete %llu of the domain's %llu records; delete_limit "
			   "is %u percent",
			   (unsigned long long)tally->lost, (unsigned long long)tally->all,
			   domain->delete_limit);
	tally->reason = mz_arena_strdup(arena, reason.text);
	return tally->reason == NULL ? MZ_ENOMEM : MZ_OK;
}

static int guard_limit(struct slot *slots, size_t count, const struct mz_plan_input *in,
		       struct mz_arena *arena)
{
	struct tally *tally = calloc(in->domain_count + 1, sizeof(*tally));
	int err = tally == NULL ? MZ_ENOMEM : MZ_OK;

	if (err == MZ_OK)
		count_all(slots, count, in, tally);
	for (size_t d = 0; d < in->domain_count && err == MZ_OK; d++)
		err = judge_tally(&tally[d], &in->domains[d], arena);
	for (size_t i = 0; i < count && err == MZ_OK; i++) {
		bool losing = loses(&slots[i]);

		for (size_t k = 0; losing && k < slots[i].live_to - slots[i].live_from; k++) {
			const struct mark *mark = &slots[i].mark[k];

			if (mark->fate == FATE_STALE && tally[mark->domain].reason != NULL)
				slots[i].refused = tally[mark->domain].reason;
		}
	}
	free(tally);
	return err;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

static int guard_slot(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena)
{
	int err = MZ_OK;

	if (changes(slot))
		err = guard_cut(slot, in, arena);
	if (err == MZ_OK && changes(slot))
		err = guard_takeover(slot, in, arena);
	if (err == MZ_OK && changes(slot))
		err = guard_single(slot, arena);
	if (err == MZ_OK && changes(slot))
		err = guard_spf(slot, in, arena);
	if (err == MZ_OK && changes(slot))
		err = guard_mx(slot, in, arena);
	if (err == MZ_OK && changes(slot))
		err = guard_dkim(slot, in, arena);
	if (err == MZ_OK && changes(slot))
		err = guard_tlsa(slot, in, arena);
	return err;
}

int guard_slots(struct slot *slots, size_t count, const struct mz_plan_input *in,
		struct mz_arena *arena)
{
	int err = MZ_OK;

	for (size_t i = 0; i < count && err == MZ_OK; i++)
		err = slots[i].touched ? guard_slot(&slots[i], in, arena) : MZ_OK;
	if (err == MZ_OK)
		err = guard_limit(slots, count, in, arena);
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
