/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of keys over time. The last one lives through some hundred thousand events of made up sites, and asks
 * after each of them: does every RRset that a resolver may hold fit the key that the mail server uses? */
#include "mailzone/cert.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TTL = 300 };

/* A key is a number in these tests. */
struct digest {
	uint8_t octets[1][MZ_SPKI_DIGEST];
};

static struct digest digest_of(unsigned key)
{
	struct digest d = {0};

	memcpy(d.octets[0], &key, sizeof(key));
	return d;
}

static const struct mz_tlsa_key *key_of(const struct mz_tlsa_set *set, unsigned key)
{
	const struct digest d = digest_of(key);

	return mz_rollover_find(set, d.octets[0]);
}

/* What is on disk: a certificate with this key, and the next key; 0: none. */
static bool see(struct mz_tlsa_set *set, unsigned leaf, unsigned next, uint32_t ttl, int64_t now,
		bool expired)
{
	const struct digest l = digest_of(leaf), n = digest_of(next);
	const struct mz_rollover_disk disk = {.leaf = l.octets,
					      .leaf_count = leaf != 0,
					      .next = n.octets,
					      .next_count = next != 0,
					      .expired = expired};
	bool early = false;

	assert_int_equal(mz_rollover_see(set, &disk, ttl, now, &early), MZ_OK);
	return early;
}

static void serve_all(struct mz_tlsa_set *set, int64_t now)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->key[i].served == 0)
			set->key[i].served = now;
	}
}

static void first_look(void **state)
{
	struct mz_tlsa_set set = {0};

	(void)state;
	assert_false(see(&set, 1, 2, TTL, 1000, false));
	assert_int_equal(set.count, 2);
	assert_int_equal(key_of(&set, 1)->role, MZ_TLSA_USED);
	assert_int_equal(key_of(&set, 2)->role, MZ_TLSA_NEXT);
	assert_int_equal(mz_rollover_safe(key_of(&set, 2), TTL), 0);
	assert_int_equal(mz_rollover_look(&set, TTL), 0);
	serve_all(&set, 1010);
	assert_int_equal(mz_rollover_safe(key_of(&set, 2), TTL), 1010 + 2 * TTL);
	/* A longer TTL that is still in the caches counts, and so does a longer one that is to come. */
	set.key[0].ttl = set.key[1].ttl = 900;
	assert_int_equal(mz_rollover_safe(key_of(&set, 2), TTL), 1010 + 1800);
	assert_int_equal(mz_rollover_safe(key_of(&set, 2), 1000), 1010 + 2000);
}

static void next_key_is_used(void **state)
{
	struct mz_tlsa_set set = {0};
	int64_t leaves = 0;

	(void)state;
	see(&set, 1, 2, TTL, 1000, false);
	serve_all(&set, 1010);
	/* Two TTLs later: the certificate has the next key, which has a successor. */
	assert_false(see(&set, 2, 3, TTL, 1010 + 2 * TTL, false));
	assert_int_equal(set.count, 3);
	assert_int_equal(key_of(&set, 1)->role, MZ_TLSA_OLD);
	leaves = 1010 + 4 * TTL;
	assert_int_equal(mz_rollover_look(&set, TTL), leaves);
	see(&set, 2, 3, TTL, leaves - 1, false);
	assert_int_equal(set.count, 3);
	see(&set, 2, 3, TTL, leaves, false);
	assert_int_equal(set.count, 2);
	assert_null(key_of(&set, 1));
}

static void next_key_is_used_too_early(void **state)
{
	struct mz_tlsa_set set = {0}, unserved = {0};

	(void)state;
	see(&set, 1, 2, TTL, 1000, false);
	unserved = set;
	serve_all(&set, 1010);
	assert_true(see(&set, 2, 0, TTL, 1009 + 2 * TTL, false));
	assert_true(see(&unserved, 2, 0, TTL, 5000, false));
	assert_int_equal(mz_rollover_look(&unserved, TTL), 0);
}

static void unknown_key(void **state)
{
	struct mz_tlsa_set set = {0};

	(void)state;
	see(&set, 1, 0, TTL, 1000, false);
	serve_all(&set, 1010);
	assert_true(see(&set, 7, 0, TTL, 2000, false));
	assert_int_equal(set.count, 2);
	/* The old one waits for the new one to be served everywhere, however long that takes. */
	assert_int_equal(mz_rollover_look(&set, TTL), 0);
	assert_false(see(&set, 7, 0, TTL, 2000 + 100 * TTL, false));
	assert_int_equal(set.count, 2);
	serve_all(&set, 50000);
	assert_int_equal(mz_rollover_look(&set, TTL), 50000 + 2 * TTL);
	see(&set, 7, 0, TTL, 50000 + 2 * TTL, false);
	assert_int_equal(set.count, 1);
}

static void back_to_the_old_key(void **state)
{
	struct mz_tlsa_set set = {0};

	(void)state;
	see(&set, 1, 0, TTL, 1000, false);
	serve_all(&set, 1010);
	see(&set, 7, 0, TTL, 5000, false);
	/* Everybody knows it still: nothing to warn of. */
	assert_false(see(&set, 1, 0, TTL, 5100, false));
	assert_int_equal(key_of(&set, 1)->role, MZ_TLSA_USED);
	assert_int_equal(key_of(&set, 1)->since, 5100);
	assert_int_equal(mz_rollover_look(&set, TTL), 5100 + 2 * TTL);
}

static void expired_certificate(void **state)
{
	struct mz_tlsa_set set = {0};

	(void)state;
	see(&set, 1, 0, TTL, 1000, false);
	serve_all(&set, 1010);
	see(&set, 7, 0, TTL, 2000, true);
	serve_all(&set, 2010);
	see(&set, 7, 0, TTL, 999999, true);
	assert_int_equal(set.count, 2);
	see(&set, 7, 0, TTL, 999999, false);
	assert_int_equal(set.count, 1);
}

/* While a file cannot be read: what can be is added, the key that may still be in use stays so, and nothing leaves. */
static void read_partly(void **state)
{
	const struct digest leaf = digest_of(2);
	struct mz_rollover_disk disk = {.leaf = leaf.octets, .leaf_count = 1, .partly = true};
	struct mz_tlsa_set set = {0};
	bool early = false;

	(void)state;
	see(&set, 1, 0, TTL, 1000, false);
	serve_all(&set, 1010);
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 5000, &early), MZ_OK);
	serve_all(&set, 5010);
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 999999, &early), MZ_OK);
	assert_int_equal(set.count, 2);
	assert_int_equal(key_of(&set, 1)->role, MZ_TLSA_USED);
	disk.partly = false;
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 999999, &early), MZ_OK);
	assert_int_equal(mz_rollover_look(&set, TTL), 999999 + 2 * TTL);
}

/* A server with a certificate of each kind of key: an old key waits for both. */
static void two_certificates(void **state)
{
	uint8_t leaves[2][MZ_SPKI_DIGEST] = {{1}, {2}};
	struct mz_rollover_disk disk = {.leaf = (const uint8_t(*)[MZ_SPKI_DIGEST])leaves,
					.leaf_count = 2};
	struct mz_tlsa_set set = {0};
	bool early = false;

	(void)state;
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 1000, &early), MZ_OK);
	serve_all(&set, 1010);
	leaves[0][0] = 3;
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 5000, &early), MZ_OK);
	assert_true(early);
	assert_int_equal(set.count, 3);
	assert_int_equal(mz_rollover_look(&set, TTL), 0);
	serve_all(&set, 5010);
	assert_int_equal(mz_rollover_look(&set, TTL), 5010 + 2 * TTL);
}

/* Nothing leaves where no certificate is left: what fits the key in use cannot be told. */
static void no_certificate(void **state)
{
	struct mz_tlsa_set set = {0};

	(void)state;
	see(&set, 1, 0, TTL, 1000, false);
	serve_all(&set, 1010);
	see(&set, 0, 0, TTL, 999999, false);
	assert_int_equal(set.count, 1);
	assert_int_equal(mz_rollover_look(&set, TTL), 0);
}

static const struct mz_tlsa_key *issuer_of(const struct mz_tlsa_set *set, unsigned key)
{
	const struct digest d = digest_of(key);

	for (size_t i = 0; i < set->count; i++) {
		if (set->key[i].usage == MZ_TLSA_ISSUER &&
		    memcmp(set->key[i].digest, d.octets[0], MZ_SPKI_DIGEST) == 0)
			return &set->key[i];
	}
	return NULL;
}

/* A chain of another authority: its record comes at once, and the old one leaves as a server's key does. A key may
 * be both. */
static void issuers(void **state)
{
	const struct digest leaf = digest_of(1), one = digest_of(1), two = digest_of(5);
	struct mz_rollover_disk disk = {.leaf = leaf.octets,
					.leaf_count = 1,
					.issuer = one.octets,
					.issuer_count = 1};
	struct mz_tlsa_set set = {0};
	bool early = false;

	(void)state;
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 1000, &early), MZ_OK);
	assert_int_equal(set.count, 2);
	serve_all(&set, 1010);
	disk.issuer = two.octets;
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 5000, &early), MZ_OK);
	assert_false(early);
	assert_int_equal(issuer_of(&set, 5)->role, MZ_TLSA_USED);
	assert_int_equal(issuer_of(&set, 1)->role, MZ_TLSA_OLD);
	assert_int_equal(key_of(&set, 1)->role, MZ_TLSA_USED);
	assert_int_equal(mz_rollover_look(&set, TTL), 0);
	serve_all(&set, 5010);
	assert_int_equal(mz_rollover_look(&set, TTL), 5010 + 2 * TTL);
	assert_int_equal(mz_rollover_see(&set, &disk, TTL, 5010 + 2 * TTL, &early), MZ_OK);
	assert_null(issuer_of(&set, 1));
	assert_int_equal(set.count, 2);
}

/* The host left in the middle of a roll, and is back: as if it had not left, for as long as that may matter. */
static void gone_and_back(void **state)
{
	struct mz_tlsa_set set = {0}, later = {0};

	(void)state;
	see(&set, 1, 0, TTL, 1000, false);
	serve_all(&set, 1010);
	see(&set, 2, 0, TTL, 5000, false);
	for (size_t i = 0; i < set.count; i++) {
		set.key[i].gone = 5100;
		set.key[i].served = 0;
		set.key[i].ttl = 3600;
	}
	later = set;
	see(&set, 2, 0, TTL, 5099 + 2 * 3600, false);
	assert_int_equal(set.count, 2);
	assert_int_equal(set.key[0].gone + set.key[1].gone, 0);
	serve_all(&set, 13000);
	assert_int_equal(mz_rollover_look(&set, TTL), 13000 + 2 * 3600);
	see(&later, 2, 0, TTL, 5100 + 2 * 3600, false);
	assert_int_equal(later.count, 1);
	assert_int_equal(key_of(&later, 2)->gone, 0);
}

static void too_many(void **state)
{
	uint8_t leaves[MZ_TLSA_KEYS + 1][MZ_SPKI_DIGEST] = {0};
	struct mz_rollover_disk disk = {.leaf = (const uint8_t(*)[MZ_SPKI_DIGEST])leaves,
					.leaf_count = MZ_TLSA_KEYS + 1};
	struct mz_tlsa_set set = {0}, full = {0};
	bool early = false;

	(void)state;
	for (unsigned i = 0; i <= MZ_TLSA_KEYS; i++)
		leaves[i][0] = (uint8_t)(i + 1);
	assert_int_equal(mz_rollover_see(&full, &disk, TTL, 1000, &early), MZ_ESPACE);
	for (unsigned i = 1; i <= MZ_TLSA_KEYS + 4; i++)
		see(&set, i, 0, TTL, 1000 + i, false);
	assert_int_equal(set.count, MZ_TLSA_KEYS);
	assert_null(key_of(&set, 4));
	assert_non_null(key_of(&set, 5));
	assert_int_equal(key_of(&set, MZ_TLSA_KEYS + 4)->role, MZ_TLSA_USED);
}

/* ---- a simulation ----------------------------------------------------------------------------------- */

enum { SERVERS = 3, VERSIONS = 64, SITES = 300, EVENTS = 400 };

/* One state of the RRset, and until when each server gave it out. */
struct version {
	unsigned key[MZ_TLSA_KEYS];
	size_t count;
	uint32_t ttl;
	int64_t last[SERVERS]; /* 0: never */
};

struct sim {
	int64_t now;
	uint32_t ttl;	     /* as configured */
	unsigned keys;	     /* made so far */
	unsigned leaf, next; /* on disk */
	bool expired, readable, next_lost;
	unsigned used; /* by the mail server */
	int64_t loads; /* when it loads what is on disk; 0: it has */
	bool early;    /* it uses a key that some resolver cannot know */
	struct mz_tlsa_set stored;
	struct version version[VERSIONS]; /* of the primary, the newest last */
	size_t versions;
	size_t at[SERVERS]; /* which one each server serves */
};

static unsigned dice(unsigned n)
{
	return (unsigned)random() % n;
}

static bool in_version(const struct version *v, unsigned key)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->key[i] == key)
			return true;
	}
	return false;
}

/* Is the key in every RRset that a resolver may hold now? */
static bool known_everywhere(struct sim *sim, unsigned key)
{
	for (size_t s = 0; s < SERVERS; s++)
		sim->version[sim->at[s]].last[s] = sim->now;
	for (size_t v = 0; v < sim->versions; v++) {
		for (size_t s = 0; s < SERVERS; s++) {
			const struct version *version = &sim->version[v];

			if (version->last[s] != 0 && version->last[s] + version->ttl > sim->now &&
			    !in_version(version, key))
				return false;
		}
	}
	return true;
}

static void check(struct sim *sim)
{
	bool known = known_everywhere(sim, sim->used);

	if (known)
		sim->early = false;
	if (!known && !sim->early)
		fail_msg("at %lld a resolver may hold an RRset without the key %u, which is in use",
			 (long long)sim->now, sim->used);
}

/* The primary takes the set: what is new in it is not served everywhere yet. As the store does. */
static void publish(struct sim *sim, struct mz_tlsa_set *set)
{
	const struct version *old = &sim->version[sim->versions - 1];
	struct version v = {.ttl = sim->ttl};
	uint32_t longest = old->ttl > sim->ttl ? old->ttl : sim->ttl;
	bool same = old->ttl == sim->ttl && old->count == set->count;

	for (size_t i = 0; i < set->count; i++) {
		const struct mz_tlsa_key *key = &set->key[i];

		memcpy(&v.key[v.count++], key->digest, sizeof(unsigned));
		same = same && in_version(old, v.key[i]);
		if (key->served == 0 || key->served + key->ttl > sim->now)
			longest = longest > key->ttl ? longest : key->ttl;
	}
	if (same)
		return;
	for (size_t i = 0; i < set->count; i++) {
		if (old->ttl == sim->ttl && in_version(old, v.key[i]))
			continue;
		set->key[i].served = 0;
		set->key[i].ttl = longest;
	}
	if (sim->versions == VERSIONS) {
		/* The first ones have long left every cache. */
		memmove(&sim->version[0], &sim->version[1],
			(VERSIONS - 1) * sizeof(sim->version[0]));
		sim->versions--;
		for (size_t s = 0; s < SERVERS; s++)
			sim->at[s] -= sim->at[s] > 0;
	}
	sim->version[sim->versions++] = v;
	sim->at[0] = sim->versions - 1;
}

/* What is on disk; where the next key's file cannot be read, the leaf's can. */
static void look(struct mz_tlsa_set *set, const struct sim *sim)
{
	const struct digest l = digest_of(sim->leaf);
	const struct mz_rollover_disk disk = {.leaf = l.octets,
					      .leaf_count = 1,
					      .expired = sim->expired,
					      .partly = true};
	bool early = false;

	if (sim->next_lost)
		assert_int_equal(mz_rollover_see(set, &disk, sim->ttl, sim->now, &early), MZ_OK);
	else
		see(set, sim->leaf, sim->next, sim->ttl, sim->now, sim->expired);
}

/* One run of ours: it may fail before it sends, or wait in vain for a secondary, or be killed. */
static void reconcile(struct sim *sim)
{
	struct mz_tlsa_set set = sim->stored;
	bool everywhere = true;

	if (!sim->readable)
		return;
	look(&set, sim);
	if (dice(8) == 0)
		return; /* killed before anything was stored */
	if (dice(8) == 0) {
		sim->stored = set; /* the server does not answer */
		return;
	}
	publish(sim, &set);
	sim->stored = set;
	check(sim);
	for (size_t s = 1; s < SERVERS; s++) {
		if (dice(3) != 0)
			sim->at[s] = sim->versions - 1;
		everywhere = everywhere && sim->at[s] == sim->versions - 1;
	}
	if (everywhere && dice(6) != 0)
		serve_all(&sim->stored, sim->now);
}

/* The mail server loads what is on disk at once, or later. */
static void replace_certificate(struct sim *sim, unsigned key)
{
	uint32_t shortest = sim->version[sim->versions - 1].ttl;

	if (sim->loads != 0)
		return; /* one after the other */
	shortest = shortest < sim->ttl ? shortest : sim->ttl;
	sim->leaf = key;
	sim->loads = sim->now + 1 + dice(2 * shortest - 1);
}

static void load_certificate(struct sim *sim)
{
	if (sim->loads == 0 || sim->loads > sim->now)
		return;
	sim->loads = 0;
	if (sim->used == sim->leaf)
		return;
	sim->used = sim->leaf;
	sim->early = !known_everywhere(sim, sim->used);
}

static void happen(struct sim *sim)
{
	const struct mz_tlsa_key *next = sim->next == 0 ? NULL : key_of(&sim->stored, sim->next);

	switch (dice(20)) {
	case 0: /* renewed with a key that nobody knows */
		if (sim->loads == 0)
			replace_certificate(sim, ++sim->keys);
		break;
	case 1: /* switched, as the gate allows */
	case 2:
	case 3:
		if (sim->loads == 0 && !sim->next_lost && next != NULL &&
		    mz_rollover_safe(next, sim->ttl) != 0 &&
		    mz_rollover_safe(next, sim->ttl) <= sim->now) {
			assert_true(known_everywhere(sim, sim->next));
			replace_certificate(sim, sim->next);
			sim->next = dice(2) == 0 ? 0 : ++sim->keys;
		}
		break;
	case 4: /* another next key */
		sim->next = ++sim->keys;
		break;
	case 5: /* an expired one, or a half-written file */
		sim->expired = !sim->expired;
		break;
	case 6:
		sim->readable = !sim->readable;
		sim->next_lost = dice(3) == 0;
		break;
	case 7:
		sim->ttl = 5 + dice(200);
		break;
	case 8: /* a secondary comes back */
		sim->at[1 + dice(SERVERS - 1)] = sim->versions - 1;
		break;
	default:
		reconcile(sim);
		break;
	}
}

static void live(unsigned seed)
{
	struct sim sim = {.now = 1000000, .ttl = 60, .keys = 1, .leaf = 1, .used = 1};

	srandom(seed);
	sim.readable = true;
	see(&sim.stored, 1, 0, sim.ttl, sim.now, false);
	serve_all(&sim.stored, sim.now);
	sim.version[0] = (struct version){.key = {1}, .count = 1, .ttl = sim.ttl};
	sim.versions = 1;
	for (unsigned i = 0; i < EVENTS; i++) {
		int64_t to = sim.now + dice(4) * dice(100);

		/* Nothing is missed in between: the mail server loads, old RRsets are given out. */
		for (; sim.now < to; sim.now++) {
			load_certificate(&sim);
			check(&sim);
		}
		happen(&sim);
		check(&sim);
	}
}

static void any_life(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SITES; seed++)
		live(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_look),
		cmocka_unit_test(next_key_is_used),
		cmocka_unit_test(next_key_is_used_too_early),
		cmocka_unit_test(unknown_key),
		cmocka_unit_test(back_to_the_old_key),
		cmocka_unit_test(expired_certificate),
		cmocka_unit_test(read_partly),
		cmocka_unit_test(two_certificates),
		cmocka_unit_test(no_certificate),
		cmocka_unit_test(issuers),
		cmocka_unit_test(gone_and_back),
		cmocka_unit_test(too_many),
		cmocka_unit_test(any_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
