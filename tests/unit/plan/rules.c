/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/plan/rules.h"

#include "tests/unit/plan/scene.h"

static bool planned(const struct world *w, const struct mz_rr *rr)
{
	return w->domains[rr->domain].active &&
	       (w->domains[rr->domain].families >> rr->family & 1u) != 0;
}

static bool stands_in(const struct mz_rrlist *list, const struct mz_rr *rr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (rr_same(&list->rr[i], rr))
			return true;
	}
	return false;
}

bool rules_refused(const struct mz_plan *plan, const struct mz_rr *rr)
{
	for (size_t i = 0; i < plan->refusal_count; i++) {
		if (plan->refusals[i].type == rr->type &&
		    mz_name_equal(plan->refusals[i].owner, rr->owner))
			return true;
	}
	return false;
}

static bool wholly_ours(const struct world *w, const struct mz_rr *rr)
{
	for (size_t i = 0; i < w->desired.count; i++) {
		if (rr_same_set(&w->desired.rr[i], rr) && planned(w, &w->desired.rr[i]) &&
		    w->desired.rr[i].claim == MZ_CLAIM_WHOLE)
			return true;
	}
	return false;
}

/* May the plan delete this RR at all? */
static bool deletable(const struct world *w, const struct mz_rr *rr)
{
	if (wholly_ours(w, rr))
		return true;
	for (size_t i = 0; i < w->ledger.count; i++) {
		if (planned(w, &w->ledger.rr[i]) && rr_same(&w->ledger.rr[i], rr))
			return true;
	}
	for (size_t i = 0; i < w->desired.count; i++) {
		const struct mz_rr *want = &w->desired.rr[i];

		if (planned(w, want) && rr_same_set(want, rr) &&
		    mz_claim_matches(want, rr->rdata, rr->rdlen))
			return true;
	}
	return false;
}

/* The RR with these very octets, or NULL. */
static const struct mz_rr *find(const struct mz_rrlist *list, const struct mz_rr *rr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (rr_octets(&list->rr[i], rr))
			return &list->rr[i];
	}
	return NULL;
}

void rules_foreign(const struct world *w, const struct mz_rrlist *after)
{
	for (size_t i = 0; i < w->live.rrs.count; i++) {
		const struct mz_rr *rr = &w->live.rrs.rr[i], *now = find(after, rr);

		if (stands_in(&w->desired, rr))
			assert_true(
				stands_in(after, rr)); /* a wish is never lost, whoever's it is */
		else if (!deletable(w, rr))
			assert_non_null(now);
		if (rules_refused(&w->plan, rr))
			assert_non_null(now);
		if (now != NULL && (!wholly_ours(w, rr) || rules_refused(&w->plan, rr)))
			assert_int_equal(now->ttl, rr->ttl);
	}
}

void rules_deletions(const struct world *w)
{
	const struct mz_plan *plan = &w->plan;

	for (size_t u = 0; u < plan->unit_count; u++) {
		const struct mz_unit *unit = &plan->units[u];
		const struct mz_rr set = {.owner = unit->owner, .type = unit->type};
		size_t dels = unit->del_to - unit->del_from, entries = 0, matched = 0;

		if (wholly_ours(w, &set))
			continue;
		for (size_t g = 0; g < w->ledger.count; g++)
			entries +=
				rr_same_set(&w->ledger.rr[g], &set) && planned(w, &w->ledger.rr[g]);
		for (size_t i = unit->del_from; i < unit->del_to; i++) {
			bool match = false;

			for (size_t d = 0; d < w->desired.count; d++)
				match = match || (planned(w, &w->desired.rr[d]) &&
						  rr_same_set(&w->desired.rr[d], &set) &&
						  mz_claim_matches(&w->desired.rr[d],
								   plan->changes[i].rr.rdata,
								   plan->changes[i].rr.rdlen));
			matched += match;
		}
		assert_true(dels <= entries + matched);
	}
}

void rules_desired(const struct world *w, const struct mz_rrlist *after)
{
	for (size_t i = 0; i < w->desired.count; i++) {
		const struct mz_rr *want = &w->desired.rr[i];
		uint32_t ttl = UINT32_MAX;

		if (!planned(w, want) || rules_refused(&w->plan, want))
			continue;
		assert_true(stands_in(after, want));
		if (!wholly_ours(w, want))
			continue;
		for (size_t k = 0; k < w->desired.count; k++) {
			if (rr_same_set(&w->desired.rr[k], want) && w->desired.rr[k].ttl < ttl)
				ttl = w->desired.rr[k].ttl;
		}
		for (size_t k = 0; k < after->count; k++) {
			if (!rr_same_set(&after->rr[k], want))
				continue;
			assert_true(stands_in(&w->desired, &after->rr[k]));
			assert_int_equal(after->rr[k].ttl, ttl);
		}
	}
	/* What was ours and is not desired is gone. */
	for (size_t i = 0; i < w->ledger.count; i++) {
		const struct mz_rr *had = &w->ledger.rr[i];

		if (planned(w, had) && !rules_refused(&w->plan, had) &&
		    !stands_in(&w->desired, had))
			assert_true(find(after, had) == NULL);
	}
}

void rules_ledger(const struct world *w, const struct mz_rrlist *after)
{
	const struct mz_rrlist *ledger = &w->plan.ledger;

	for (size_t i = 0; i < ledger->count; i++) {
		const struct mz_rr *rr = &ledger->rr[i];

		assert_true(w->domains[rr->domain].active);
		for (size_t k = 0; k < i; k++)
			assert_false(ledger->rr[k].domain == rr->domain &&
				     rr_octets(&ledger->rr[k], rr));
		if (planned(w, rr) && !rules_refused(&w->plan, rr))
			assert_true(stands_in(after, rr) && list_holds(&w->desired, rr, true));
		else if (!planned(w, rr) || !list_holds(&w->desired, rr, true))
			assert_true(list_holds(&w->ledger, rr, true) &&
				    (w->domains[rr->domain].published >> rr->family & 1u) != 0);
		else
			assert_true(stands_in(after, rr) || list_holds(&w->ledger, rr, true));
	}
	for (size_t i = 0; i < w->desired.count; i++) {
		if (planned(w, &w->desired.rr[i]) && stands_in(after, &w->desired.rr[i]))
			assert_true(list_holds(ledger, &w->desired.rr[i], true));
	}
	for (size_t i = 0; i < w->ledger.count; i++) {
		const struct mz_rr *had = &w->ledger.rr[i];
		bool published = (w->domains[had->domain].published >> had->family & 1u) != 0;

		if (published && (!planned(w, had) || rules_refused(&w->plan, had))) {
			bool kept = false;

			for (size_t k = 0; k < ledger->count && !kept; k++)
				kept = ledger->rr[k].domain == had->domain &&
				       rr_same(&ledger->rr[k], had);
			assert_true(kept);
		}
	}
}

static size_t count_at(const struct mz_rrlist *list, const uint8_t *owner,
		       bool (*is)(const struct mz_rr *))
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += mz_name_equal(list->rr[i].owner, owner) && is(&list->rr[i]);
	return n;
}

static bool is_cname(const struct mz_rr *rr)
{
	return rr->type == MZ_TYPE_CNAME;
}

static bool is_any(const struct mz_rr *rr)
{
	return rr->type != 0;
}

static bool is_mx(const struct mz_rr *rr)
{
	return rr->type == MZ_TYPE_MX;
}

void rules_dns(const struct world *w, const struct mz_rrlist *after)
{
	for (size_t i = 0; i < after->count; i++) {
		const uint8_t *owner = after->rr[i].owner;
		size_t spf = count_at(after, owner, rr_is_spf);

		assert_true(spf < 2 || spf <= count_at(&w->live.rrs, owner, rr_is_spf));
		if (is_cname(&after->rr[i]))
			assert_int_equal(count_at(after, owner, is_any), 1);
	}
	for (size_t d = 0; d < w->domain_count; d++) {
		bool withdrawn = false;

		for (size_t k = 0; k < w->domain_count; k++)
			withdrawn = withdrawn || w->domains[k].withdraw;
		if (!withdrawn && count_at(&w->live.rrs, w->domains[d].name, is_mx) > 0)
			assert_true(count_at(after, w->domains[d].name, is_mx) > 0);
	}
	for (size_t c = 0; c < w->live.cuts.count; c++) {
		const struct mz_rr *top = &w->live.cuts.rr[c];

		for (size_t u = 0; u < w->plan.unit_count; u++)
			assert_false(mz_name_within(w->plan.units[u].owner, top->owner) &&
				     (top->type == MZ_TYPE_NS ||
				      !mz_name_equal(w->plan.units[u].owner, top->owner)));
	}
}

void rules_counts(const struct world *w)
{
	const struct mz_plan *plan = &w->plan;
	unsigned add_count = 0, del_count = 0, refused_count = 0;

	for (size_t d = 0; d < w->domain_count; d++) {
		add_count += plan->counts[d].add;
		del_count += plan->counts[d].del;
		refused_count += plan->counts[d].refused;
		if (!w->domains[d].active)
			assert_true(plan->counts[d].add + plan->counts[d].del +
					    plan->counts[d].in_place ==
				    0);
	}
	for (size_t i = 0; i < plan->change_count; i++) {
		add_count -= plan->changes[i].add;
		del_count -= !plan->changes[i].add;
	}
	assert_int_equal(add_count, 0);
	assert_int_equal(del_count, 0);
	assert_int_equal(refused_count, plan->refusal_count);
	assert_true(plan->foreign <= w->live.rrs.count + w->live.foreign);
}

void rules_order(const struct mz_plan *plan)
{
	unsigned last = 0;

	for (size_t u = 0; u < plan->unit_count;) {
		unsigned first = MZ_FAMILY_COUNT;
		size_t end = u;

		assert_int_equal(plan->units[u].group, u);
		for (; end < plan->unit_count && plan->units[end].group == u; end++) {
			first = plan->units[end].family < first ? plan->units[end].family : first;
			assert_true(mz_name_equal(plan->units[end].owner, plan->units[u].owner));
		}
		for (size_t k = end; k < plan->unit_count; k++)
			assert_false(plan->units[k].type == MZ_TYPE_CNAME &&
				     mz_name_equal(plan->units[k].owner, plan->units[u].owner));
		assert_true(first >= last);
		last = first;
		u = end;
	}
}
