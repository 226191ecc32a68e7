/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the DKIM keys. */
#include "tests/unit/store/scratch.h"

struct visit {
	struct mz_store *store;
	struct mz_str seen;
	int depth;
};

static void note(void *arg, const struct mz_store_dkim *key)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%s.%s a%d %s v%u %s %lld-%lld; ", key->selector, key->domain,
		    (int)key->algorithm, mz_dkim_stage_name(key->stage), key->version,
		    key->public_text, (long long)key->created, (long long)key->since);
}

static int add(struct scratch *s, const char *domain, const char *selector, int64_t created)
{
	const struct mz_store_dkim key = {.domain = domain,
					  .selector = selector,
					  .algorithm = MZ_DKIM_ED25519,
					  .stage = MZ_DKIM_PENDING,
					  .version = 3,
					  .public_text = "AbC=",
					  .created = created,
					  .since = created + 1};

	return mz_store_dkim_add(s->store, &key);
}

static void expect(struct scratch *s, const char *domain, const char *seen)
{
	struct visit v = {0};

	mz_str_add(&v.seen, "");
	assert_int_equal(mz_store_dkim_list(s->store, domain, note, &v), MZ_OK);
	assert_string_equal(v.seen.s, seen);
	mz_str_clear(&v.seen);
}

static void life(void **state)
{
	struct scratch *s = *state;

	scratch_open(s);
	expect(s, "a.org", "");
	/* the clock may have gone back: the order is that of the making */
	assert_int_equal(add(s, "a.org", "s2", 20), MZ_OK);
	assert_int_equal(add(s, "a.org", "s1", 10), MZ_OK);
	assert_int_equal(add(s, "b.org", "s1", 30), MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(s->store, "a.org", "s1", MZ_DKIM_ACTIVE, 99),
			 MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	expect(s, "a.org", "s2.a.org a1 pending v3 AbC= 20-21; s1.a.org a1 active v3 AbC= 10-99; ");
	expect(s, "b.org", "s1.b.org a1 pending v3 AbC= 30-31; ");
	assert_int_equal(mz_store_dkim_set_stage(s->store, "b.org", "s2", MZ_DKIM_ACTIVE, 99),
			 MZ_ENOTFOUND);
	assert_string_equal(mz_store_error(s->store), "b.org has no DKIM key with selector s2");
}

static void never_twice(void **state)
{
	struct scratch *s = *state;

	scratch_open(s);
	assert_int_equal(add(s, "a.org", "s1", 10), MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(s->store, "a.org", "s1", MZ_DKIM_DELETED, 99),
			 MZ_OK);
	assert_int_equal(add(s, "a.org", "s1", 20), MZ_EEXIST);
	assert_int_equal(add(s, "a.org", "S1", 20), MZ_EEXIST);
	assert_string_equal(mz_store_error(s->store), "a.org has used the selector S1 before");
	/* an answer, not a failure: the rest of the transaction stands */
	assert_int_equal(add(s, "a.org", "s1-2", 20), MZ_OK);
	scratch_commit(s);
	expect(s, "a.org",
	       "s1.a.org a1 deleted v3 AbC= 10-99; s1-2.a.org a1 pending v3 AbC= 20-21; ");
}

static void expect_handed(struct scratch *s, const char *selector, int64_t handed)
{
	char sql[128] = "";
	sqlite3_stmt *stmt = NULL;

	snprintf(sql, sizeof(sql), "SELECT handed FROM dkim WHERE selector = '%s'", selector);
	assert_int_equal(sqlite3_prepare_v2(s->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int64(stmt, 0), handed);
	(void)sqlite3_finalize(stmt);
}

/* One takes over from the other, or nothing is changed at all. */
static void switched(void **state)
{
	static const char before[] = "s1.a.org a1 active v3 AbC= 10-50; s2.a.org a1 pending v3 "
				     "AbC= 20-21; ";
	struct scratch *s = *state;

	scratch_open(s);
	assert_int_equal(add(s, "a.org", "s1", 10), MZ_OK);
	assert_int_equal(add(s, "a.org", "s2", 20), MZ_OK);
	assert_int_equal(add(s, "b.org", "s1", 20), MZ_OK);
	assert_int_equal(mz_store_dkim_set_handed(s->store, "a.org", "s1", 40), MZ_OK);
	assert_int_equal(mz_store_dkim_switch(s->store, "a.org", "s1", NULL, 50), MZ_OK);
	assert_int_equal(mz_store_dkim_set_handed(s->store, "a.org", "s2", 60), MZ_OK);
	assert_int_equal(mz_store_dkim_switch(s->store, "a.org", "s2", "s3", 70), MZ_ENOTFOUND);
	expect(s, "a.org", before);
	assert_int_equal(mz_store_dkim_switch(s->store, "a.org", "s3", "s1", 70), MZ_ENOTFOUND);
	expect(s, "a.org", before);
	assert_int_equal(mz_store_dkim_switch(s->store, "a.org", "s3", NULL, 70), MZ_ENOTFOUND);
	expect(s, "a.org", before);
	assert_int_equal(mz_store_dkim_switch(s->store, "a.org", "s2", "s1", 70), MZ_OK);
	expect(s, "a.org",
	       "s1.a.org a1 retiring v3 AbC= 10-70; s2.a.org a1 active v3 AbC= 20-70; ");
	expect_handed(s, "s2", 60);
	expect_handed(s, "s1", 0);
	expect(s, "b.org", "s1.b.org a1 pending v3 AbC= 20-21; ");
}

static void nested(void *arg, const struct mz_store_dkim *key)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%s ", key->selector);
	if (v->depth++ == 0)
		assert_int_equal(mz_store_dkim_list(v->store, key->domain, nested, v), MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(v->store, key->domain, key->selector,
						 MZ_DKIM_REVOKED, 5),
			 MZ_OK);
}

static void used_while_listed(void **state)
{
	struct scratch *s = *state;
	struct visit v = {0};

	scratch_open(s);
	v.store = s->store;
	assert_int_equal(add(s, "a.org", "s1", 10), MZ_OK);
	assert_int_equal(add(s, "a.org", "s2", 10), MZ_OK);
	assert_int_equal(mz_store_dkim_list(s->store, "a.org", nested, &v), MZ_OK);
	assert_string_equal(v.seen.s, "s1 s1 s2 s2 ");
	mz_str_clear(&v.seen);
}

static void damaged(void **state)
{
	static const char *const sql[] = {"UPDATE dkim SET stage = 6",
					  "UPDATE dkim SET stage = 1, algorithm = 2",
					  "UPDATE dkim SET algorithm = 1, version = -1"};
	struct scratch *s = *state;

	scratch_open(s);
	assert_int_equal(add(s, "a.org", "s1", 10), MZ_OK);
	scratch_commit(s);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		struct visit v = {0};

		scratch_sql(s->path, sql[i]);
		assert_int_equal(mz_store_dkim_list(s->store, "a.org", note, &v), MZ_ESTATE);
		assert_int_equal(v.seen.len, 0);
		assert_non_null(strstr(mz_store_error(s->store), "a DKIM key of a.org is damaged"));
		scratch_commit(s);
	}
}

static void note_signing(void *arg, const struct mz_store_dkim *key)
{
	mz_str_addf(arg, "%s.%s %s %lld %d; ", key->selector, key->domain,
		    mz_dkim_stage_name(key->stage), (long long)key->handed, (int)key->rotate);
}

static void expect_signing(struct scratch *s, const char *seen)
{
	struct mz_str text = {0};

	mz_str_add(&text, "");
	assert_int_equal(mz_store_dkim_signing(s->store, note_signing, &text), MZ_OK);
	assert_string_equal(text.s, seen);
	mz_str_clear(&text);
}

/* Who is told to sign with what; the next stage begins without what was true of the one before. */
static void signing(void **state)
{
	struct scratch *s = *state;

	scratch_open(s);
	assert_int_equal(add(s, "b.org", "s1", 10), MZ_OK);
	assert_int_equal(add(s, "b.org", "s2", 20), MZ_OK);
	assert_int_equal(add(s, "a.org", "s1", 30), MZ_OK);
	expect_signing(s, "");
	assert_int_equal(mz_store_dkim_set_handed(s->store, "b.org", "s2", 40), MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(s->store, "b.org", "s1", MZ_DKIM_ACTIVE, 35),
			 MZ_OK);
	assert_int_equal(mz_store_dkim_set_rotate(s->store, "b.org", "s1", MZ_ROTATE_HURRIED),
			 MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(s->store, "a.org", "s1", MZ_DKIM_ACTIVE, 36),
			 MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	expect_signing(s, "s1.a.org active 0 0; s1.b.org active 0 2; s2.b.org pending 40 0; ");
	/* what was active may be with signers, whoever made it so */
	assert_int_equal(mz_store_dkim_set_stage(s->store, "a.org", "s1", MZ_DKIM_REVOKED, 48),
			 MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(s->store, "a.org", "s1", MZ_DKIM_ACTIVE, 49),
			 MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(s->store, "b.org", "s2", MZ_DKIM_ACTIVE, 50),
			 MZ_OK);
	assert_int_equal(mz_store_dkim_set_stage(s->store, "b.org", "s1", MZ_DKIM_RETIRING, 50),
			 MZ_OK);
	expect_signing(s, "s1.a.org active 36 0; s2.b.org active 40 0; ");
	assert_int_equal(mz_store_dkim_set_handed(s->store, "b.org", "s9", 1), MZ_ENOTFOUND);
	assert_int_equal(mz_store_dkim_set_rotate(s->store, "c.org", "s1", MZ_ROTATE_ASKED),
			 MZ_ENOTFOUND);
	scratch_commit(s);
	scratch_sql(s->path, "UPDATE dkim SET rotate = 3 WHERE selector = 's2'");
	assert_int_equal(mz_store_dkim_signing(s->store, note_signing, NULL), MZ_ESTATE);
}

static void note_seen(void *arg, const struct mz_store_dkim_seen *seen)
{
	mz_str_addf(arg, "%s %u %lld %lld %lu; ", seen->server, seen->hits, (long long)seen->since,
		    (long long)seen->looked, (unsigned long)seen->cached);
}

static void expect_seen(struct scratch *s, const char *selector, const char *seen)
{
	struct mz_str text = {0};

	mz_str_add(&text, "");
	assert_int_equal(mz_store_dkim_seen_list(s->store, "a.org", selector, note_seen, &text),
			 MZ_OK);
	assert_string_equal(text.s, seen);
	mz_str_clear(&text);
}

static void seen_by_server(void **state)
{
	struct scratch *s = *state;
	struct mz_store_dkim_seen seen = {.server = "b:53", .hits = 1, .since = 5, .looked = 6};

	scratch_open(s);
	assert_int_equal(add(s, "a.org", "s1", 10), MZ_OK);
	expect_seen(s, "s1", "");
	assert_int_equal(mz_store_dkim_seen_put(s->store, "a.org", "s1", &seen), MZ_OK);
	seen.server = "a:53";
	seen.cached = UINT32_MAX;
	assert_int_equal(mz_store_dkim_seen_put(s->store, "a.org", "S1", &seen), MZ_OK);
	seen.hits = 2;
	assert_int_equal(mz_store_dkim_seen_put(s->store, "a.org", "s1", &seen), MZ_OK);
	assert_int_equal(mz_store_dkim_seen_put(s->store, "a.org", "s2", &seen), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	expect_seen(s, "s1", "a:53 2 5 6 4294967295; b:53 1 5 6 0; ");
	scratch_commit(s);
	/* of what is damaged nothing is known */
	scratch_sql(s->path, "UPDATE dkim_seen SET hits = 3 WHERE server = 'b:53'");
	expect_seen(s, "s1", "a:53 2 5 6 4294967295; ");
	assert_int_equal(mz_store_dkim_set_stage(s->store, "a.org", "s1", MZ_DKIM_RETIRED, 99),
			 MZ_OK);
	expect_seen(s, "s1", "a:53 2 5 6 4294967295; ");
	assert_int_equal(mz_store_dkim_set_stage(s->store, "a.org", "s1", MZ_DKIM_DELETED, 99),
			 MZ_OK);
	expect_seen(s, "s1", "");
	expect_seen(s, "s2", "a:53 2 5 6 4294967295; ");
}

static void names(void **state)
{
	static const char *const expected[] = {"pending", "active",  "retiring", "retired",
					       "deleted", "revoked", "unknown"};

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_string_equal(mz_dkim_stage_name((enum mz_dkim_stage)i), expected[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(switched),		 SCRATCH_TEST(life),	  SCRATCH_TEST(never_twice),
		SCRATCH_TEST(used_while_listed), SCRATCH_TEST(damaged),	  SCRATCH_TEST(signing),
		SCRATCH_TEST(seen_by_server),	 cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
