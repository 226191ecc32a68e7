/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the history. */
#include "tests/unit/store/scratch.h"

struct visit {
	struct mz_store *store;
	struct mz_str seen;
};

static void note(void *arg, const struct mz_store_change *c)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%lld:%s/%d/%u ", (long long)c->id, c->domain, (int)c->state,
		    (unsigned)c->serial);
}

static int64_t begin(struct scratch *s, const char *domain, const struct mz_rrlist *added)
{
	const struct mz_store_change c = {.time = 1795000000,
					  .server = "p",
					  .origin = "o",
					  .domain = domain,
					  .added = added};
	int64_t id = 0;

	assert_int_equal(mz_store_change_begin(s->store, &c, &id), MZ_OK);
	return id;
}

static void expect(struct scratch *s, const char *domain, bool intended, unsigned limit,
		   const char *seen)
{
	struct visit v = {.store = s->store};

	mz_str_add(&v.seen, "");
	assert_int_equal(mz_store_changes(s->store, domain, intended, 0, limit, note, &v), MZ_OK);
	assert_string_equal(v.seen.s, seen);
	mz_str_clear(&v.seen);
}

static void expect_below(struct scratch *s, const char *domain, int64_t below, unsigned limit,
			 const char *seen)
{
	struct visit v = {.store = s->store};

	mz_str_add(&v.seen, "");
	assert_int_equal(mz_store_changes(s->store, domain, false, below, limit, note, &v), MZ_OK);
	assert_string_equal(v.seen.s, seen);
	mz_str_clear(&v.seen);
}

static void listed(void **state)
{
	struct scratch *s = *state;

	scratch_open(s);
	expect(s, NULL, false, 0, "");
	for (int i = 1; i <= 4; i++)
		assert_int_equal(begin(s, i % 2 == 0 ? "even" : "odd", NULL), i);
	assert_int_equal(mz_store_change_end(s->store, 1, MZ_CHANGE_APPLIED, 4000000000u), MZ_OK);
	assert_int_equal(mz_store_change_end(s->store, 4, MZ_CHANGE_FAILED, 0), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	expect(s, NULL, false, 0, "4:even/2/0 3:odd/0/0 2:even/0/0 1:odd/1/4000000000 ");
	expect(s, NULL, false, 2, "4:even/2/0 3:odd/0/0 ");
	expect(s, NULL, true, 9, "3:odd/0/0 2:even/0/0 ");
	expect(s, NULL, true, 1, "3:odd/0/0 ");
	expect(s, "even", false, 0, "4:even/2/0 2:even/0/0 ");
	expect(s, "even", true, 0, "2:even/0/0 ");
	expect(s, "none", false, 0, "");
	expect_below(s, NULL, 4, 2, "3:odd/0/0 2:even/0/0 ");
	expect_below(s, "odd", 3, 2, "1:odd/1/4000000000 ");
	expect_below(s, NULL, 1, 0, "");
	assert_int_equal(mz_store_change_end(s->store, 1, MZ_CHANGE_UNDONE, 5), MZ_OK);
	expect(s, "odd", false, 0, "3:odd/0/0 1:odd/3/5 ");
	assert_int_equal(mz_store_change_end(s->store, 5, MZ_CHANGE_APPLIED, 0), MZ_ENOTFOUND);
	assert_string_equal(mz_store_error(s->store), "there is no change 5");
	scratch_commit(s); /* which undid nothing */
	expect(s, "odd", false, 1, "3:odd/0/0 ");
}

/* What fails again is there once; what was made, or is something else, stays. */
static void failed_again(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist one = {0};

	scratch_rr(&one, "a.org", MZ_TYPE_MX, 20, 'm', 1);
	scratch_open(s);
	assert_int_equal(begin(s, "a", &one), 1);
	assert_int_equal(begin(s, "a", NULL), 2);
	assert_int_equal(begin(s, "b", &one), 3);
	assert_int_equal(begin(s, "a", &one), 4);
	assert_int_equal(begin(s, "a", &one), 5);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(mz_store_change_end(s->store, i, MZ_CHANGE_FAILED, 0), MZ_OK);
	assert_int_equal(mz_store_change_end(s->store, 4, MZ_CHANGE_APPLIED, 7), MZ_OK);
	assert_int_equal(mz_store_change_end(s->store, 5, MZ_CHANGE_FAILED, 0), MZ_OK);
	expect(s, NULL, false, 0, "5:a/2/0 4:a/1/7 3:b/2/0 2:a/2/0 ");
	mz_rrlist_clear(&one);
}

static void all_fields(void *arg, const struct mz_store_change *c)
{
	const struct mz_rrlist *lists = arg;

	assert_int_equal(c->time, 123);
	assert_string_equal(c->server, "primary");
	assert_string_equal(c->origin, "org");
	assert_string_equal(c->domain, "a.org");
	scratch_same(c->added, &lists[0]);
	scratch_same(c->deleted, &lists[1]);
}

static void copied(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist lists[2] = {{0}, {0}};
	struct mz_store_change c = {.id = 77,
				    .time = 123,
				    .server = "primary",
				    .origin = "org",
				    .domain = "a.org",
				    .state = MZ_CHANGE_UNDONE,
				    .serial = 9,
				    .added = &lists[0],
				    .deleted = &lists[1]};
	int64_t id = 0;

	scratch_rr(&lists[0], "a.org", MZ_TYPE_MX, 20, 'm', 1);
	scratch_rr(&lists[0], "a.org", MZ_TYPE_TXT, 420, 't', 2);
	scratch_rr(&lists[1], "old.a.org", 65280, 0, 0, 2);
	lists[1].rr[0].ttl = 17;
	scratch_open(s);
	assert_int_equal(mz_store_change_begin(s->store, &c, &id), MZ_OK);
	assert_int_equal(id, 1);
	expect(s, NULL, true, 0, "1:a.org/0/0 ");
	assert_int_equal(mz_store_changes(s->store, NULL, false, 0, 0, all_fields, lists), MZ_OK);
	/* a part of it was not made */
	lists[0].count = 1;
	lists[1].count = 0;
	assert_int_equal(mz_store_change_narrow(s->store, id, &lists[0], &lists[1]), MZ_OK);
	expect(s, NULL, true, 0, "1:a.org/0/0 ");
	assert_int_equal(mz_store_changes(s->store, NULL, false, 0, 0, all_fields, lists), MZ_OK);
	assert_int_equal(mz_store_change_narrow(s->store, 5, &lists[0], &lists[1]), MZ_ENOTFOUND);
	assert_int_equal(mz_store_change_get(s->store, id, all_fields, lists), MZ_OK);
	mz_rrlist_clear(&lists[0]);
	mz_rrlist_clear(&lists[1]);
}

static void resolve(void *arg, const struct mz_store_change *c)
{
	struct visit *v = arg;

	note(arg, c);
	assert_int_equal(mz_store_change_end(v->store, c->id, MZ_CHANGE_FAILED, 0), MZ_OK);
	assert_int_equal(mz_store_changes(v->store, NULL, false, 0, 1, note, arg), MZ_OK);
	assert_int_equal(mz_store_commit(v->store, NULL), MZ_OK);
}

/* What the start does: every change of unknown outcome is resolved while they are listed. */
static void resolved_while_listed(void **state)
{
	struct scratch *s = *state;
	struct visit v = {0};

	scratch_open(s);
	v.store = s->store;
	(void)begin(s, "a", NULL);
	(void)begin(s, "b", NULL);
	assert_int_equal(mz_store_changes(s->store, NULL, true, 0, 0, resolve, &v), MZ_OK);
	assert_string_equal(v.seen.s, "2:b/0/0 2:b/2/0 1:a/0/0 2:b/2/0 ");
	expect(s, NULL, true, 0, "");
	mz_str_clear(&v.seen);
}

static void one(void **state)
{
	struct scratch *s = *state;
	struct visit v = {0};

	scratch_open(s);
	v.store = s->store;
	(void)begin(s, "a", NULL);
	(void)begin(s, "b", NULL);
	assert_int_equal(mz_store_change_get(s->store, 1, resolve, &v), MZ_OK);
	assert_string_equal(v.seen.s, "1:a/0/0 2:b/0/0 ");
	assert_int_equal(mz_store_change_get(s->store, 1, note, &v), MZ_OK);
	assert_string_equal(v.seen.s, "1:a/0/0 2:b/0/0 1:a/2/0 ");
	assert_int_equal(mz_store_change_get(s->store, 3, note, &v), MZ_ENOTFOUND);
	assert_string_equal(mz_store_error(s->store), "there is no change 3");
	mz_str_clear(&v.seen);
}

static void damaged(void **state)
{
	static const char *const sql[] =
		{"UPDATE change SET state = 9 WHERE id = 2",
		 "UPDATE change SET state = 1, serial = -1 WHERE id = 2",
		 "UPDATE change SET serial = 1, added = x'01' WHERE id = 2"};
	struct scratch *s = *state;

	scratch_open(s);
	for (int i = 0; i < 3; i++)
		(void)begin(s, "a", NULL);
	scratch_commit(s);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		struct visit v = {0};

		scratch_sql(s->path, sql[i]);
		assert_int_equal(mz_store_changes(s->store, NULL, false, 0, 0, note, &v),
				 MZ_ESTATE);
		assert_string_equal(v.seen.s, "3:a/0/0 1:a/0/0 ");
		assert_non_null(strstr(mz_store_error(s->store), "change 2 is damaged"));
		assert_int_equal(mz_store_change_get(s->store, 2, note, &v), MZ_ESTATE);
		assert_string_equal(v.seen.s, "3:a/0/0 1:a/0/0 ");
		assert_non_null(strstr(mz_store_error(s->store), "change 2 is damaged"));
		scratch_commit(s);
		mz_str_clear(&v.seen);
	}
}

/* Look-ups use an index: their time must not grow with the history, or with other domains. */
static void indexed(void **state)
{
	static const struct {
		enum mz_store_sql query;
		const char *plan;
	} queries[] = {
		{MZ_SQL_CHANGES, "USING INTEGER PRIMARY KEY (rowid<?)"},
		{MZ_SQL_CHANGES_INTENDED, "USING INDEX change_intended (id<?)"},
		{MZ_SQL_CHANGES_DOMAIN, "USING INDEX change_domain (domain=? AND rowid<?)"},
		{MZ_SQL_CHANGES_DOMAIN_INTENDED,
		 "USING INDEX change_domain_intended (domain=? AND rowid<?)"},
		{MZ_SQL_CHANGE_GET, "USING INTEGER PRIMARY KEY (rowid=?)"},
		{MZ_SQL_TASK_GET, "USING INTEGER PRIMARY KEY (rowid=?)"},
		{MZ_SQL_TASK_AFTER, "USING INTEGER PRIMARY KEY (rowid>?)"},
		{MZ_SQL_ZONE_GET, "(server=? AND origin=? AND domain=?)"},
		{MZ_SQL_LEDGER_GET, "(server=? AND origin=? AND domain=?)"},
		{MZ_SQL_LEDGER_PLACES, "USING INDEX ledger_domain (domain=?)"},
		{MZ_SQL_LEDGER_DOMAINS, "(server=? AND origin=?)"},
		{MZ_SQL_DKIM_LIST, "(domain=?)"},
	};
	struct scratch *s = *state;

	scratch_open(s);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const char *plain = sqlite3_sql(s->store->stmt[queries[i].query]);
		struct mz_str sql = {0};
		sqlite3_stmt *stmt = NULL;
		bool found = false;

		mz_str_add(&sql, "EXPLAIN QUERY PLAN ");
		mz_str_add(&sql, plain);
		assert_int_equal(sqlite3_prepare_v2(s->store->db, sql.s, -1, &stmt, NULL),
				 SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			const char *plan = (const char *)sqlite3_column_text(stmt, 3);

			assert_non_null(plan);
			assert_null(strstr(plan, "SCAN "));
			found = found || (strstr(plan, "SEARCH ") != NULL &&
					  strstr(plan, queries[i].plan) != NULL);
		}
		assert_true(found);
		(void)sqlite3_finalize(stmt);
		mz_str_clear(&sql);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(listed),  SCRATCH_TEST(failed_again),
		SCRATCH_TEST(copied),  SCRATCH_TEST(resolved_while_listed),
		SCRATCH_TEST(one),     SCRATCH_TEST(damaged),
		SCRATCH_TEST(indexed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
