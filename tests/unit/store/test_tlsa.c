/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the TLSA keys of an owner. */
#include "tests/unit/store/scratch.h"

static const uint8_t mx1[] = {3, '_', '2', '5', 4, '_', 't', 'c', 'p', 3, 'm', 'x', '1', 0};
static const uint8_t mx2[] = {3, '_', '2', '5', 4, '_', 't', 'c', 'p', 3, 'm', 'x', '2', 0};
static const struct mz_tlsa_place place = {"p", "o", mx1, "default"};

static struct mz_tlsa_key key_of(uint8_t octet, enum mz_tlsa_role role, int64_t since,
				 int64_t served, uint32_t ttl)
{
	struct mz_tlsa_key key = {.usage = MZ_TLSA_SERVER,
				  .role = role,
				  .since = since,
				  .served = served,
				  .ttl = ttl};

	memset(key.digest, octet, sizeof(key.digest));
	return key;
}

static void put(struct scratch *s, const struct mz_tlsa_place *at, const struct mz_tlsa_set *set)
{
	assert_int_equal(mz_store_tlsa_put(s->store, at, set), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
}

static void expect(struct scratch *s, const struct mz_tlsa_place *at, const struct mz_tlsa_set *set)
{
	struct mz_tlsa_set got = {0};

	assert_int_equal(mz_store_tlsa_get(s->store, at, &got), MZ_OK);
	assert_int_equal(got.count, set->count);
	for (size_t i = 0; i < got.count; i++) {
		assert_memory_equal(got.key[i].digest, set->key[i].digest, MZ_SPKI_DIGEST);
		assert_int_equal(got.key[i].role, set->key[i].role);
		assert_int_equal(got.key[i].since, set->key[i].since);
		assert_int_equal(got.key[i].served, set->key[i].served);
		assert_int_equal(got.key[i].gone, set->key[i].gone);
		assert_int_equal(got.key[i].ttl, set->key[i].ttl);
		assert_int_equal(got.key[i].usage, set->key[i].usage);
	}
}

static void put_and_get(void **state)
{
	const struct mz_tlsa_set two = {.key = {key_of(1, MZ_TLSA_USED, 5, 6, 300),
						key_of(2, MZ_TLSA_OLD, 7, 0, UINT32_MAX)},
					.count = 2};
	const struct mz_tlsa_set one = {.key = {key_of(3, MZ_TLSA_NEXT, 8, 9, 60)}, .count = 1};
	const struct mz_tlsa_set none = {0};
	const struct mz_tlsa_place others[] = {{"q", "o", mx1, "default"},
					       {"p", "n", mx1, "default"},
					       {"p", "o", mx2, "default"},
					       {"p", "o", mx1, "other"}};
	struct scratch *s = *state;

	scratch_open(s);
	expect(s, &place, &none);
	put(s, &place, &two);
	expect(s, &place, &two);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		expect(s, &others[i], &none);
		put(s, &others[i], &one);
	}
	put(s, &place, &none);
	expect(s, &place, &none);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		expect(s, &others[i], &one);
}

/* A key is added, seen, added anew and deleted, whichever mail systems want it. */
static void added_served_deleted(void **state)
{
	struct mz_tlsa_set set = {.key = {key_of(1, MZ_TLSA_USED, 5, 1000, 300),
					  key_of(2, MZ_TLSA_NEXT, 5, 0, 300)},
				  .count = 2};
	const struct mz_tlsa_place other = {"p", "o", mx1, "other"};
	struct mz_tlsa_set rest = {.key = {set.key[1]}, .count = 1};
	struct scratch *s = *state;

	scratch_open(s);
	put(s, &place, &set);
	put(s, &other, &set);
	assert_int_equal(mz_store_tlsa_adding(s->store, &place, MZ_TLSA_SERVER, set.key[1].digest,
					      60, 9999),
			 MZ_OK);
	expect(s, &place, &set); /* what else is not served counts with its TTL */
	assert_int_equal(mz_store_tlsa_served(s->store, &place, MZ_TLSA_SERVER, set.key[0].digest,
					      2000),
			 MZ_OK);
	assert_int_equal(mz_store_tlsa_served(s->store, &place, MZ_TLSA_SERVER, set.key[1].digest,
					      2000),
			 MZ_OK);
	set.key[1].served = 2000;
	expect(s, &place, &set);
	expect(s, &other, &set);
	/* A resolver may hold what it asked for at 2000 until 2300. */
	assert_int_equal(mz_store_tlsa_adding(s->store, &place, MZ_TLSA_SERVER, set.key[0].digest,
					      60, 2299),
			 MZ_OK);
	set.key[0].served = 0;
	expect(s, &place, &set);
	assert_int_equal(mz_store_tlsa_served(s->store, &place, MZ_TLSA_SERVER, set.key[0].digest,
					      2299),
			 MZ_OK);
	assert_int_equal(mz_store_tlsa_adding(s->store, &place, MZ_TLSA_SERVER, set.key[1].digest,
					      60, 9999),
			 MZ_OK);
	set.key[0].served = 2299;
	set.key[1].served = 0;
	set.key[1].ttl = 60;
	expect(s, &place, &set);
	assert_int_equal(mz_store_tlsa_adding(s->store, &place, MZ_TLSA_SERVER, set.key[1].digest,
					      900, 9999),
			 MZ_OK);
	set.key[1].ttl = 900;
	expect(s, &place, &set);
	/* What is gone is remembered for two of its TTLs, and for as long as no other goes after that. */
	assert_int_equal(mz_store_tlsa_deleting(s->store, &place, MZ_TLSA_SERVER, set.key[0].digest,
						5000),
			 MZ_OK);
	set.key[0].served = 0;
	set.key[0].gone = 5000;
	expect(s, &place, &set);
	expect(s, &other, &set);
	assert_int_equal(mz_store_tlsa_deleting(s->store, &place, MZ_TLSA_SERVER, set.key[1].digest,
						5601),
			 MZ_OK);
	rest.key[0] = set.key[1];
	rest.key[0].gone = 5601;
	expect(s, &place, &rest);
	expect(s, &other, &rest);
	assert_int_equal(mz_store_tlsa_adding(s->store, &place, MZ_TLSA_SERVER, set.key[1].digest,
					      60, 9999),
			 MZ_OK);
	rest.key[0].gone = 0;
	expect(s, &place, &rest);
}

/* For a place of which nothing is known: the longest TTL that is known of each key, wherever it was. */
static void anywhere(void **state)
{
	struct mz_tlsa_set one = {.key = {key_of(1, MZ_TLSA_USED, 5, 6, 300),
					  key_of(2, MZ_TLSA_OLD, 7, 8, 300)},
				  .count = 2};
	struct mz_tlsa_set two = {.key = {key_of(1, MZ_TLSA_OLD, 4, 9, 3600)}, .count = 1};
	const struct mz_tlsa_place other = {"q", "n", mx1, "other"},
				   host = {"p", "o", mx2, "default"};
	struct scratch *s = *state;
	struct mz_tlsa_set got = {0};

	scratch_open(s);
	two.key[0].gone = 99;
	one.key[1].gone = 98;
	put(s, &place, &one);
	put(s, &other, &two);
	assert_int_equal(mz_store_tlsa_anywhere(s->store, &host, &got), MZ_OK);
	assert_int_equal(got.count, 0);
	assert_int_equal(mz_store_tlsa_anywhere(s->store, &other, &got), MZ_OK);
	assert_int_equal(got.count, 2);
	assert_int_equal(got.key[0].role, MZ_TLSA_USED);
	assert_int_equal(got.key[0].since, 5);
	assert_int_equal(got.key[0].ttl, 3600);
	assert_int_equal(got.key[0].gone, 0);
	assert_int_equal(got.key[1].gone, 98);
	assert_int_equal(got.key[0].served + got.key[1].served, 0);
}

static void note(void *arg, enum mz_tlsa_role role, const uint8_t digest[MZ_SPKI_DIGEST])
{
	mz_str_addf(arg, "%u%s ", digest[0], role == MZ_TLSA_OLD ? "-" : "");
}

static void in_use(void **state)
{
	const struct mz_tlsa_set set = {.key = {key_of(1, MZ_TLSA_USED, 5, 6, 300),
						key_of(2, MZ_TLSA_NEXT, 5, 6, 300),
						key_of(3, MZ_TLSA_OLD, 5, 6, 300)},
					.count = 3};
	const struct mz_tlsa_set other = {.key = {key_of(4, MZ_TLSA_USED, 5, 6, 300)}, .count = 1};
	const struct mz_tlsa_place of_other = {"p", "o", mx1, "other"};
	struct scratch *s = *state;
	struct mz_str seen = {0};

	scratch_open(s);
	put(s, &place, &set);
	put(s, &of_other, &other);
	assert_int_equal(mz_store_tlsa_in_use(s->store, &place, note, &seen), MZ_OK);
	assert_string_equal(seen.s, "1 3- 4 ");
	mz_str_clear(&seen);
}

static void damaged(void **state)
{
	static const char *const harm[] = {"digest = x'0102'", "role = 3",  "role = -1", "ttl = -1",
					   "ttl = 4294967296", "usage = 1", "usage = 4"};
	const struct mz_tlsa_set set = {.key = {key_of(1, MZ_TLSA_USED, 5, 6, 300)}, .count = 1};
	struct scratch *s = *state;
	struct mz_tlsa_set got = {0};
	char sql[80] = "";

	scratch_open(s);
	for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		put(s, &place, &set);
		snprintf(sql, sizeof(sql), "UPDATE tlsa SET %s", harm[i]);
		scratch_sql(s->path, sql);
		assert_int_equal(mz_store_tlsa_get(s->store, &place, &got), MZ_ESTATE);
		assert_int_equal(got.count, 0);
		assert_non_null(strstr(mz_store_error(s->store), "_25._tcp.mx1. on server p"));
		assert_int_equal(mz_store_commit(s->store, NULL), MZ_OK);
	}
}

static void more_than_fit(void **state)
{
	struct mz_tlsa_set set = {.count = MZ_TLSA_KEYS}, got = {0};
	struct scratch *s = *state;

	for (unsigned i = 0; i < MZ_TLSA_KEYS; i++)
		set.key[i] = key_of((uint8_t)i, MZ_TLSA_USED, 5, 6, 300);
	scratch_open(s);
	put(s, &place, &set);
	expect(s, &place, &set);
	scratch_commit(s);
	scratch_sql(s->path,
		    "INSERT INTO tlsa SELECT server, origin, owner, system,"
		    " usage, randomblob(32), role, since, served, gone, ttl FROM tlsa LIMIT 1");
	assert_int_equal(mz_store_tlsa_get(s->store, &place, &got), MZ_ESTATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(put_and_get), SCRATCH_TEST(added_served_deleted),
		SCRATCH_TEST(in_use),	   SCRATCH_TEST(anywhere),
		SCRATCH_TEST(damaged),	   SCRATCH_TEST(more_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
