/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/plan/scene.h"

#include <stdio.h>
#include <string.h>

enum { OWNERS = 7, DOMAINS = 3 };

static uint64_t seed;

unsigned scene_below(unsigned n)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % n);
}

bool scene_chance(unsigned percent)
{
	return scene_below(100) < percent;
}

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
	struct mz_rr rr = s->pool.rr[scene_below(OWNERS) * VALUES + scene_below(VALUES)];

	rr.ttl = ttls[scene_below(3)];
	return rr;
}

bool rr_same_set(const struct mz_rr *a, const struct mz_rr *b)
{
	return a->type == b->type && mz_name_equal(a->owner, b->owner);
}

bool rr_same(const struct mz_rr *a, const struct mz_rr *b)
{
	return rr_same_set(a, b) && mz_rdata_same(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

bool rr_octets(const struct mz_rr *a, const struct mz_rr *b)
{
	return rr_same_set(a, b) && a->rdlen == b->rdlen &&
	       memcmp(a->rdata, b->rdata, a->rdlen) == 0;
}

bool rr_is_spf(const struct mz_rr *rr)
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
	if (scene_chance(40))
		return;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		if (tags[i].type != rr->type)
			continue;
		rr->family = tags[i].family;
		rr->claim = tags[i].claim;
	}
	if (rr_is_spf(rr)) {
		rr->family = MZ_FAMILY_SPF;
		rr->claim = MZ_CLAIM_MATCH;
	}
}

bool list_holds(const struct mz_rrlist *list, const struct mz_rr *rr, bool by_domain)
{
	for (size_t i = 0; i < list->count; i++) {
		if (mz_rr_compare(&list->rr[i], rr) == 0 &&
		    (!by_domain || list->rr[i].domain == rr->domain))
			return true;
	}
	return false;
}

void list_add(struct mz_rrlist *list, const struct mz_rr *rr)
{
	assert_int_equal(mz_rrlist_add(list, rr), MZ_OK);
}

/* What deriving promises: an RRset that a domain claims the whole of has one claim and one TTL. */
static void level(struct mz_rrlist *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t k = 0; k < list->count; k++) {
			struct mz_rr *a = &list->rr[i], *b = &list->rr[k];

			if (a->domain != b->domain || !rr_same_set(a, b) ||
			    a->claim != MZ_CLAIM_WHOLE)
				continue;
			b->claim = MZ_CLAIM_WHOLE;
			a->ttl = b->ttl = a->ttl < b->ttl ? a->ttl : b->ttl;
		}
	}
}

static void make_domains(struct scene *s)
{
	size_t count = 1 + scene_below(DOMAINS);

	s->w.domain_count = 0;
	for (size_t d = 0; d < count; d++) {
		struct mz_plan_domain *domain = &s->w.domains[world_domain(&s->w, domain_names[d])];

		domain->active = scene_chance(80);
		domain->refuse_takeover = scene_chance(20);
		domain->withdraw = domain->active && scene_chance(10);
		domain->delete_limit = scene_below(3) * 40;
		domain->published = scene_chance(70)
					    ? MZ_FAMILIES_ALL
					    : (mz_families)scene_below(1u << MZ_FAMILY_COUNT);
		domain->published |= 1u << MZ_FAMILY_RECORDS;
		if (domain->withdraw)
			domain->published = MZ_FAMILIES_ALL;
		domain->families = domain->published;
		if (!domain->withdraw && scene_chance(25))
			domain->families &= (mz_families)scene_below(1u << MZ_FAMILY_COUNT);
	}
}

static void make_desired(struct scene *s)
{
	for (size_t d = 0; d < s->w.domain_count; d++) {
		for (unsigned n = scene_below(12); n > 0 && !s->w.domains[d].withdraw; n--) {
			struct mz_rr rr = pick(s);

			tag(&rr);
			rr.domain = (uint16_t)d;
			if ((s->w.domains[d].published >> rr.family & 1u) != 0 &&
			    !list_holds(&s->w.desired, &rr, true))
				list_add(&s->w.desired, &rr);
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
		if (rr_same_set(&live->rr[i], &rr))
			rr.ttl = live->rr[i].ttl;
	}
	rr.family = rr.claim = 0;
	rr.domain = 0;
	if (!list_holds(live, &rr, false))
		list_add(live, &rr);
}

static void make_live(struct scene *s)
{
	unsigned share = scene_below(101);

	for (size_t i = 0; i < s->w.desired.count; i++) {
		if (scene_chance(share))
			add_live(s, s->w.desired.rr[i]);
	}
	for (unsigned n = scene_below(16); n > 0; n--)
		add_live(s, pick(s));
	s->w.live.foreign = scene_below(10);
	if (scene_chance(15)) {
		const char *const cuts[] = {"s NS ns.example.net.", "deep NS ns.example.net.",
					    "s DNAME example.net."};

		cut(&s->w, cuts[scene_below(3)]);
	}
}

static void make_ledger(struct scene *s)
{
	const struct mz_rrlist *sources[] = {&s->w.desired, &s->w.live.rrs, &s->pool};

	for (unsigned n = scene_below(30); n > 0; n--) {
		const struct mz_rrlist *source = sources[scene_below(3)];
		struct mz_rr rr = {0};

		if (source->count == 0)
			continue;
		rr = source->rr[scene_below((unsigned)source->count)];
		if (source != sources[0]) {
			rr.domain = (uint16_t)scene_below((unsigned)s->w.domain_count);
			tag(&rr);
		}
		rr.claim = 0;
		if (s->w.domains[rr.domain].active && !list_holds(&s->w.ledger, &rr, true))
			list_add(&s->w.ledger, &rr);
	}
}

void scene_open(struct scene *s)
{
	world_init(&s->w);
	make_pool(s);
}

void scene_make(struct scene *s, unsigned long round)
{
	seed = round * UINT64_C(0x2545f4914f6cdd1d);
	make_domains(s);
	make_desired(s);
	make_live(s);
	make_ledger(s);
}

void scene_clear(struct scene *s)
{
	world_clear(&s->w);
	memset(&s->w.live, 0, sizeof(s->w.live));
	s->w.live.ok = true;
}

void scene_close(struct scene *s)
{
	mz_rrlist_clear(&s->pool);
}
