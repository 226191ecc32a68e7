/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold whatever is desired, stands there, and is in the ledger: random zones are planned, the
 * messages are taken by a model of each server, and what stands then is judged by rules written apart
 * from the planner. A failure names its round: MZ_ROUND=N runs that one alone. */
#include "tests/unit/plan/model.h"
#include "tests/unit/plan/world.h"

#include "mailzone/update.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3000, OWNERS = 7, DOMAINS = 3 };

static uint64_t seed;
static unsigned long current; /* the round, or DONE */
#define DONE ULONG_MAX

static unsigned below(unsigned n)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % n);
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* ---- the material -------------------------------------------------------------------------------------- */

static const char *const owners[OWNERS] = {"@", "s", "mx.s", "_dmarc", "c", "mx", "sub.deep"};
static const char *const domain_names[DOMAINS] = {"example.org", "s.example.org", "c.example.org"};
static const char *const values[] = {
	"A 192.0.2.1",
	"A 192.0.2.2",
	"CNAME one",
	"CNAME ONE",
	"CNAME two",
	"MX 10 mx",
	"MX 10 MX",
	"MX 20 mx.s",
	"MX 0 .",
	"TXT \"v=spf1 mx -all\"",
	"TXT \"v=spf1 \" \"mx -all\"",
	"TXT \"v=spf1 -all\"",
	"TXT \"V=SPF1\"",
	"TXT \"foreign\"",
	"TXT \"ab\"",
	"TXT \"a\" \"b\"",
	"TXT \"v=DMARC1; p=none\"",
	"CAA 0 issue \"ca.example; accounturi=x\"",
	"CAA 0 ISSUE \"ca.example; accounturi=x\"",
	"CAA 128 issue \"ca.example; accounturi=x\"",
	"CAA 0 issue \"ca.example\"",
	"CAA 0 iodef \"mailto:a@example.org\"",
	"TLSA 3 1 1 aa",
	"TLSA 3 1 1 bb",
	"TLSA 2 1 1 cc",
};
enum { VALUES = sizeof(values) / sizeof(values[0]) };

/* One random zone: lists of copies of these. */
struct scene {
	struct mz_rrlist pool; /* owners x values, in that order */
	struct world w;
};

static void make_pool(struct scene *s)
{
	char line[128] = "";

	for (size_t o = 0; o < OWNERS; o++) {
		for (size_t v = 0; v < VALUES; v++) {
			(void)snprintf(line, sizeof(line), "%s %s", owners[o], values[v]);
			assert_int_equal(mz_rr_from_text(&s->pool, line, s->w.origin.wire, 300,
							 NULL, NULL),
					 MZ_OK);
		}
	}
}

static struct mz_rr pick(const struct scene *s)
{
	static const uint32_t ttls[] = {60, 300, 3600};
	struct mz_rr rr = s->pool.rr[below(OWNERS) * VALUES + below(VALUES)];

	rr.ttl = ttls[below(3)];
	return rr;
}

static bool same_set(const struct mz_rr *a, const struct mz_rr *b)
{
	return a->type == b->type && mz_name_equal(a->owner, b->owner);
}

static bool same(const struct mz_rr *a, const struct mz_rr *b)
{
	return same_set(a, b) && mz_rdata_same(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

static bool octets(const struct mz_rr *a, const struct mz_rr *b)
{
	return same_set(a, b) && a->rdlen == b->rdlen && memcmp(a->rdata, b->rdata, a->rdlen) == 0;
}

static bool is_spf(const struct mz_rr *rr)
{
	const struct mz_rr want = {.type = MZ_TYPE_TXT,
				   .rdata = (const uint8_t *)"\006v=spf1",
				   .rdlen = 7,
				   .claim = MZ_CLAIM_MATCH};

	return rr->type == MZ_TYPE_TXT && mz_claim_matches(&want, rr->rdata, rr->rdlen);
}

/* The family that such an RR would be of, and its claim; or `records`. */
static void tag(struct mz_rr *rr)
{
	static const struct {
		uint16_t type;
		uint8_t family, claim;
	} tags[] = {
		{MZ_TYPE_MX, MZ_FAMILY_MX, MZ_CLAIM_WHOLE},
		{MZ_TYPE_TXT, MZ_FAMILY_DMARC, MZ_CLAIM_WHOLE},
		{MZ_TYPE_CAA, MZ_FAMILY_CAA, MZ_CLAIM_MATCH},
		{MZ_TYPE_TLSA, MZ_FAMILY_TLSA, MZ_CLAIM_WHOLE},
		{MZ_TYPE_CNAME, MZ_FAMILY_MTA_STS, MZ_CLAIM_WHOLE},
	};

	rr->family = MZ_FAMILY_RECORDS;
	rr->claim = MZ_CLAIM_EXACT;
	if (chance(40))
		return;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		if (tags[i].type != rr->type)
			continue;
		rr->family = tags[i].family;
		rr->claim = tags[i].claim;
	}
	if (is_spf(rr)) {
		rr->family = MZ_FAMILY_SPF;
		rr->claim = MZ_CLAIM_MATCH;
	}
}

static bool holds(const struct mz_rrlist *list, const struct mz_rr *rr, bool by_domain)
{
	for (size_t i = 0; i < list->count; i++) {
		if (mz_rr_compare(&list->rr[i], rr) == 0 &&
		    (!by_domain || list->rr[i].domain == rr->domain))
			return true;
	}
	return false;
}

static void add(struct mz_rrlist *list, const struct mz_rr *rr)
{
	assert_int_equal(mz_rrlist_add(list, rr), MZ_OK);
}

/* What deriving promises: an RRset that a domain claims the whole of has one claim and one TTL. */
static void level(struct mz_rrlist *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t k = 0; k < list->count; k++) {
			struct mz_rr *a = &list->rr[i], *b = &list->rr[k];

			if (a->domain != b->domain || !same_set(a, b) || a->claim != MZ_CLAIM_WHOLE)
				continue;
			b->claim = MZ_CLAIM_WHOLE;
			a->ttl = b->ttl = a->ttl < b->ttl ? a->ttl : b->ttl;
		}
	}
}

static void make_domains(struct scene *s)
{
	size_t count = 1 + below(DOMAINS);

	s->w.domain_count = 0;
	for (size_t d = 0; d < count; d++) {
		struct mz_plan_domain *domain = &s->w.domains[world_domain(&s->w, domain_names[d])];

		domain->active = chance(80);
		domain->refuse_takeover = chance(20);
		domain->withdraw = domain->active && chance(10);
		domain->delete_limit = below(3) * 40;
		domain->published =
			chance(70) ? MZ_FAMILIES_ALL : (mz_families)below(1u << MZ_FAMILY_COUNT);
		domain->published |= 1u << MZ_FAMILY_RECORDS;
		if (domain->withdraw)
			domain->published = MZ_FAMILIES_ALL;
		domain->families = domain->published;
		if (!domain->withdraw && chance(25))
			domain->families &= (mz_families)below(1u << MZ_FAMILY_COUNT);
	}
}

static void make_desired(struct scene *s)
{
	for (size_t d = 0; d < s->w.domain_count; d++) {
		for (unsigned n = below(12); n > 0 && !s->w.domains[d].withdraw; n--) {
			struct mz_rr rr = pick(s);

			tag(&rr);
			rr.domain = (uint16_t)d;
			if ((s->w.domains[d].published >> rr.family & 1u) != 0 &&
			    !holds(&s->w.desired, &rr, true))
				add(&s->w.desired, &rr);
		}
	}
	level(&s->w.desired);
	level(&s->w.desired);
}

/* A zone that a server would serve: one TTL in an RRset, a CNAME alone at its name. */
static void add_live(struct scene *s, struct mz_rr rr)
{
	struct mz_rrlist *live = &s->w.live.rrs;

	for (size_t i = 0; i < live->count; i++) {
		if (mz_name_equal(live->rr[i].owner, rr.owner) &&
		    (live->rr[i].type == MZ_TYPE_CNAME || rr.type == MZ_TYPE_CNAME))
			return;
		if (same_set(&live->rr[i], &rr))
			rr.ttl = live->rr[i].ttl;
	}
	rr.family = rr.claim = 0;
	rr.domain = 0;
	if (!holds(live, &rr, false))
		add(live, &rr);
}

static void make_live(struct scene *s)
{
	unsigned share = below(101);

	for (size_t i = 0; i < s->w.desired.count; i++) {
		if (chance(share))
			add_live(s, s->w.desired.rr[i]);
	}
	for (unsigned n = below(16); n > 0; n--)
		add_live(s, pick(s));
	s->w.live.foreign = below(10);
	if (chance(15)) {
		const char *const cuts[] = {"s NS ns.example.net.", "deep NS ns.example.net.",
					    "s DNAME example.net."};

		cut(&s->w, cuts[below(3)]);
	}
}

static void make_ledger(struct scene *s)
{
	const struct mz_rrlist *sources[] = {&s->w.desired, &s->w.live.rrs, &s->pool};

	for (unsigned n = below(30); n > 0; n--) {
		const struct mz_rrlist *source = sources[below(3)];
		struct mz_rr rr = {0};

		if (source->count == 0)
			continue;
		rr = source->rr[below((unsigned)source->count)];
		if (source != sources[0]) {
			rr.domain = (uint16_t)below((unsigned)s->w.domain_count);
			tag(&rr);
		}
		rr.claim = 0;
		if (s->w.domains[rr.domain].active && !holds(&s->w.ledger, &rr, true))
			add(&s->w.ledger, &rr);
	}
}

/* ---- the rules, said again ------------------------------------------------------------------------------- */

static bool planned(const struct world *w, const struct mz_rr *rr)
{
	return w->domains[rr->domain].active &&
	       (w->domains[rr->domain].families >> rr->family & 1u) != 0;
}

static bool stands_in(const struct mz_rrlist *list, const struct mz_rr *rr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (same(&list->rr[i], rr))
			return true;
	}
	return false;
}

static bool refused(const struct mz_plan *plan, const struct mz_rr *rr)
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
		if (same_set(&w->desired.rr[i], rr) && planned(w, &w->desired.rr[i]) &&
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
		if (planned(w, &w->ledger.rr[i]) && same(&w->ledger.rr[i], rr))
			return true;
	}
	for (size_t i = 0; i < w->desired.count; i++) {
		const struct mz_rr *want = &w->desired.rr[i];

		if (planned(w, want) && same_set(want, rr) &&
		    mz_claim_matches(want, rr->rdata, rr->rdlen))
			return true;
	}
	return false;
}

/* The RR with these very octets, or NULL. */
static const struct mz_rr *find(const struct mz_rrlist *list, const struct mz_rr *rr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (octets(&list->rr[i], rr))
			return &list->rr[i];
	}
	return NULL;
}

static void check_foreign(const struct world *w, const struct mz_rrlist *after)
{
	for (size_t i = 0; i < w->live.rrs.count; i++) {
		const struct mz_rr *rr = &w->live.rrs.rr[i], *now = find(after, rr);

		if (stands_in(&w->desired, rr))
			assert_true(
				stands_in(after, rr)); /* a wish is never lost, whoever's it is */
		else if (!deletable(w, rr))
			assert_non_null(now);
		if (refused(&w->plan, rr))
			assert_non_null(now);
		if (now != NULL && (!wholly_ours(w, rr) || refused(&w->plan, rr)))
			assert_int_equal(now->ttl, rr->ttl);
	}
}

/* Of an RRset that is shared goes no more than the ledger has, or a claim matches. */
static void check_deletions(const struct world *w)
{
	const struct mz_plan *plan = &w->plan;

	for (size_t u = 0; u < plan->unit_count; u++) {
		const struct mz_unit *unit = &plan->units[u];
		const struct mz_rr set = {.owner = unit->owner, .type = unit->type};
		size_t dels = unit->del_to - unit->del_from, entries = 0, matched = 0;

		if (wholly_ours(w, &set))
			continue;
		for (size_t g = 0; g < w->ledger.count; g++)
			entries += same_set(&w->ledger.rr[g], &set) && planned(w, &w->ledger.rr[g]);
		for (size_t i = unit->del_from; i < unit->del_to; i++) {
			bool match = false;

			for (size_t d = 0; d < w->desired.count; d++)
				match = match || (planned(w, &w->desired.rr[d]) &&
						  same_set(&w->desired.rr[d], &set) &&
						  mz_claim_matches(&w->desired.rr[d],
								   plan->changes[i].rr.rdata,
								   plan->changes[i].rr.rdlen));
			matched += match;
		}
		assert_true(dels <= entries + matched);
	}
}

static void check_desired(const struct world *w, const struct mz_rrlist *after)
{
	for (size_t i = 0; i < w->desired.count; i++) {
		const struct mz_rr *want = &w->desired.rr[i];
		uint32_t ttl = UINT32_MAX;

		if (!planned(w, want) || refused(&w->plan, want))
			continue;
		assert_true(stands_in(after, want));
		if (!wholly_ours(w, want))
			continue;
		for (size_t k = 0; k < w->desired.count; k++) {
			if (same_set(&w->desired.rr[k], want) && w->desired.rr[k].ttl < ttl)
				ttl = w->desired.rr[k].ttl;
		}
		for (size_t k = 0; k < after->count; k++) {
			if (!same_set(&after->rr[k], want))
				continue;
			assert_true(stands_in(&w->desired, &after->rr[k]));
			assert_int_equal(after->rr[k].ttl, ttl);
		}
	}
	/* What was ours and is not desired is gone. */
	for (size_t i = 0; i < w->ledger.count; i++) {
		const struct mz_rr *had = &w->ledger.rr[i];

		if (planned(w, had) && !refused(&w->plan, had) && !stands_in(&w->desired, had))
			assert_true(find(after, had) == NULL);
	}
}

static void check_ledger(const struct world *w, const struct mz_rrlist *after)
{
	const struct mz_rrlist *ledger = &w->plan.ledger;

	for (size_t i = 0; i < ledger->count; i++) {
		const struct mz_rr *rr = &ledger->rr[i];

		assert_true(w->domains[rr->domain].active);
		for (size_t k = 0; k < i; k++)
			assert_false(ledger->rr[k].domain == rr->domain &&
				     octets(&ledger->rr[k], rr));
		if (planned(w, rr) && !refused(&w->plan, rr))
			assert_true(stands_in(after, rr) && holds(&w->desired, rr, true));
		else if (!planned(w, rr) || !holds(&w->desired, rr, true))
			assert_true(holds(&w->ledger, rr, true) &&
				    (w->domains[rr->domain].published >> rr->family & 1u) != 0);
		else
			assert_true(stands_in(after, rr) || holds(&w->ledger, rr, true));
	}
	for (size_t i = 0; i < w->desired.count; i++) {
		if (planned(w, &w->desired.rr[i]) && stands_in(after, &w->desired.rr[i]))
			assert_true(holds(ledger, &w->desired.rr[i], true));
	}
	for (size_t i = 0; i < w->ledger.count; i++) {
		const struct mz_rr *had = &w->ledger.rr[i];
		bool published = (w->domains[had->domain].published >> had->family & 1u) != 0;

		if (published && (!planned(w, had) || refused(&w->plan, had))) {
			bool kept = false;

			for (size_t k = 0; k < ledger->count && !kept; k++)
				kept = ledger->rr[k].domain == had->domain &&
				       same(&ledger->rr[k], had);
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

static void check_rules(const struct world *w, const struct mz_rrlist *after)
{
	for (size_t i = 0; i < after->count; i++) {
		const uint8_t *owner = after->rr[i].owner;
		size_t spf = count_at(after, owner, is_spf);

		assert_true(spf < 2 || spf <= count_at(&w->live.rrs, owner, is_spf));
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

static void check_counts(const struct world *w)
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

/* Families in their order, but for what shares a group with an earlier one. */
static void check_order(const struct mz_plan *plan)
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

/* ---- one round -------------------------------------------------------------------------------------------- */

static void apply(const struct world *w, struct model *m)
{
	static uint8_t wire[MZ_MSG_MAX];
	size_t len = 0;

	for (size_t from = 0, to = 0; from < w->plan.unit_count; from = to) {
		/* Groups one by one, or as many as go into a message. */
		to = mz_update_pack(&w->plan, from);
		if (chance(50)) {
			for (to = from; to < w->plan.unit_count &&
					w->plan.units[to].group == w->plan.units[from].group;)
				to++;
		}
		assert_int_equal(mz_update_build(&w->plan, &w->live, w->origin.wire, from, to, 0,
						 wire, &len),
				 MZ_OK);
		assert_int_equal(model_update(m, wire, len), MZ_RCODE_NOERROR);
	}
	assert_int_equal(m->ignored, 0);
}

/* The plan of what the plan leaves: nothing, and the same refusals. */
static void check_again(struct world *w, const struct mz_rrlist *after)
{
	struct mz_live live = w->live;
	struct mz_rrlist ledger = {0};
	struct mz_plan_input in = w->input;
	struct mz_plan again = {0};

	for (size_t i = 0; i < w->plan.ledger.count; i++)
		add(&ledger, &w->plan.ledger.rr[i]);
	mz_rrlist_sort(&ledger, false);
	live.rrs = *after;
	in.live = &live;
	in.ledger = &ledger;
	assert_int_equal(mz_plan_make(&in, &again), MZ_OK);
	assert_int_equal(again.unit_count, 0);
	assert_int_equal(again.refusal_count, w->plan.refusal_count);
	for (size_t i = 0; i < again.refusal_count; i++)
		assert_true(refused(&w->plan, &(struct mz_rr){.owner = again.refusals[i].owner,
							      .type = again.refusals[i].type}));
	for (size_t i = 0; i < again.ledger.count; i++)
		assert_true(holds(&ledger, &again.ledger.rr[i], true));
	assert_int_equal(again.ledger.count, ledger.count);
	mz_plan_clear(&again);
	mz_rrlist_clear(&ledger);
}

static void shuffle(struct mz_rrlist *list)
{
	struct mz_rrlist mixed = {0};

	for (size_t left = list->count; left > 0; left--) {
		size_t i = below((unsigned)left);

		add(&mixed, &list->rr[i]);
		list->rr[i] = list->rr[left - 1];
	}
	mz_rrlist_clear(list);
	*list = mixed;
}

/* Where several domains want one RR, the caller has the first domain first. */
static void order_ties(struct mz_rrlist *list)
{
	for (size_t i = 1; i < list->count; i++) {
		for (size_t k = i; k > 0 && mz_rr_compare(&list->rr[k - 1], &list->rr[k]) == 0 &&
				   list->rr[k - 1].domain > list->rr[k].domain;
		     k--) {
			struct mz_rr swap = list->rr[k];

			list->rr[k] = list->rr[k - 1];
			list->rr[k - 1] = swap;
		}
	}
}

static void render(struct world *w, struct mz_str *text)
{
	mz_rrlist_sort(&w->desired, false);
	mz_rrlist_sort(&w->ledger, false);
	order_ties(&w->desired);
	order_ties(&w->ledger);
	world_plan(w);
	plan_text(&w->plan, text);
	ledger_text(&w->plan.ledger, text);
	mz_str_addf(text, "%u foreign", w->plan.foreign);
	assert_false(text->failed);
}

static void check_round(struct scene *s)
{
	struct world *w = &s->w;
	struct mz_str first = {0}, second = {0};

	render(w, &first);
	check_counts(w);
	check_order(&w->plan);
	check_deletions(w);
	for (enum model_kind kind = MODEL_BIND; kind < MODEL_KINDS; kind++) {
		static struct model m;
		struct mz_rrlist after = {0};

		model_init(&m, kind, w->origin.wire, &w->live.rrs);
		apply(w, &m);
		model_list(&m, &after);
		check_foreign(w, &after);
		check_desired(w, &after);
		check_ledger(w, &after);
		check_rules(w, &after);
		check_again(w, &after);
		mz_rrlist_clear(&after);
		model_clear(&m);
	}
	shuffle(&w->desired);
	shuffle(&w->ledger);
	shuffle(&w->live.rrs);
	render(w, &second);
	assert_string_equal(first.s, second.s);
	mz_str_clear(&first);
	mz_str_clear(&second);
}

static void test_rounds(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	const char *one = getenv("MZ_ROUND"), *many = getenv("MZ_ROUNDS");
	unsigned long from = one == NULL ? 0 : strtoul(one, NULL, 10);
	unsigned long to = one != NULL ? from + 1 : many != NULL ? strtoul(many, NULL, 10) : ROUNDS;
	unsigned long changes = 0, refusals = 0;

	(void)state;
	assert_non_null(s);
	world_init(&s->w);
	make_pool(s);
	for (unsigned long round = from; round < to; round++) {
		seed = round * UINT64_C(0x2545f4914f6cdd1d);
		make_domains(s);
		make_desired(s);
		make_live(s);
		make_ledger(s);
		current = round;
		check_round(s);
		changes += s->w.plan.change_count;
		refusals += s->w.plan.refusal_count;
		world_clear(&s->w);
		memset(&s->w.live, 0, sizeof(s->w.live));
		s->w.live.ok = true;
	}
	/* A generator that makes nothing of interest would prove nothing. */
	assert_true(one != NULL || (changes > 2 * (to - from) && refusals > (to - from) / 4));
	current = DONE;
	mz_rrlist_clear(&s->pool);
	free(s);
}

static int name_round(void **state)
{
	(void)state;
	if (current != DONE)
		print_error("it was MZ_ROUND=%lu\n", current);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_rounds, name_round),
	};

	return cmocka_run_group_tests_name("property", tests, NULL, NULL);
}
