/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of whose database it is, of its version, and of the steps between versions. */
#include "src/store/migrate.h"
#include "tests/unit/store/scratch.h"

/* One number from the file. */
static int64_t ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = 0;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	return value;
}

static void version_0_to_1(void **state)
{
	struct scratch *s = *state;
	FILE *f = fopen(s->path, "w"); /* what a crash right after the start leaves */

	assert_non_null(f);
	(void)fclose(f);
	scratch_open(s);
	assert_int_equal(ask(s->store->db, "PRAGMA user_version"), mz_store_version);
	assert_int_equal(ask(s->store->db, "PRAGMA application_id"), MZ_STORE_APPLICATION);
	assert_int_equal(ask(s->store->db, "PRAGMA synchronous"), 2);
	assert_int_equal(ask(s->store->db, "PRAGMA foreign_keys"), 0);
	assert_int_equal(ask(s->store->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
			 1);
	assert_int_equal(ask(s->store->db,
			     "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
			     " AND name IN ('zone', 'ledger', 'change', 'dkim', 'task',"
			     " 'domain', 'tlsa')"),
			 7);
}

static void opened_again(void **state)
{
	struct scratch *s = *state;
	struct mz_store_zone zone = {.known = true, .serial = 7};

	scratch_open(s);
	assert_int_equal(mz_store_zone_put(s->store, "p", "o", "d", &zone), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	zone = (struct mz_store_zone){0};
	assert_int_equal(mz_store_zone_get(s->store, "p", "o", "d", &zone), MZ_OK);
	assert_int_equal(zone.serial, 7);
}

static void refused(struct scratch *s, const char *text)
{
	struct mz_store *store = NULL;

	s->cause.text[0] = '\0';
	assert_int_equal(mz_store_open(&store, s->dir, &s->cause), MZ_ESTATE);
	assert_non_null(strstr(s->cause.text, text));
	assert_non_null(strstr(s->cause.text, s->path));
	s->cause.text[0] = '\0';
	assert_int_equal(mz_store_open_readonly(&store, s->dir, &s->cause), MZ_ESTATE);
	assert_non_null(strstr(s->cause.text, text));
	assert_null(store);
}

static void newer_version(void **state)
{
	struct scratch *s = *state;
	char sql[64] = "", text[128] = "";

	scratch_open(s);
	mz_store_close(s->store);
	s->store = NULL;
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", mz_store_version + 1);
	scratch_sql(s->path, sql);
	snprintf(text, sizeof(text),
		 "is of version %d, and this program knows versions up to %d: use the newer "
		 "program",
		 mz_store_version + 1, mz_store_version);
	refused(s, text);
}

/* What stood in a database of version 1 is kept, and what is new works. */
static void version_1_to_2(void **state)
{
	static const char rows[] =
		"INSERT INTO zone VALUES ('p', 'o', 'd', 1, 7, zeroblob(32), 99, 0, 0, 25, 3);"
		"INSERT INTO ledger VALUES ('p', 'o', 'd', x'0100000000');"
		"INSERT INTO change VALUES (5, 99, 'p', 'o', 'd', 1, 7, x'0100000000',"
		" x'0100000000');"
		"INSERT INTO dkim VALUES (1, 'd', 's1', 1, 1, 1, 'AbC=', 98, 99);"
		"PRAGMA journal_mode = WAL";
	const struct mz_task task = {.id = 1, .domain = "d", .reason = ""};
	const struct mz_store_domain domain = {.name = "d"};
	struct scratch *s = *state;
	struct mz_store_zone zone = {0};
	sqlite3 *db = NULL;

	s->store = mz_store_new(s->dir);
	assert_non_null(s->store);
	assert_int_equal(sqlite3_open(s->path, &s->store->db), SQLITE_OK);
	assert_int_equal(mz_store_migrate(s->store, mz_store_steps, 0, 1), MZ_OK);
	mz_store_free(s->store);
	s->store = NULL;
	scratch_sql(s->path, rows);
	assert_int_equal(mz_store_open_readonly(&s->store, s->dir, &s->cause), MZ_ESTATE);
	assert_non_null(strstr(s->cause.text, "is of the older version 1: "));
	s->cause.text[0] = '\0';
	scratch_open(s);
	db = s->store->db;
	assert_int_equal(ask(db, "PRAGMA user_version"), mz_store_version);
	assert_int_equal(mz_store_zone_get(s->store, "p", "o", "d", &zone), MZ_OK);
	assert_int_equal(zone.serial, 7);
	assert_int_equal(ask(db, "SELECT count(*) FROM ledger WHERE domain = 'd'"), 1);
	assert_int_equal(ask(db, "SELECT id FROM change WHERE serial = 7"), 5);
	assert_int_equal(ask(db, "SELECT stage FROM dkim WHERE selector = 's1'"), 1);
	assert_int_equal(mz_store_task_put(s->store, &task), MZ_OK);
	assert_int_equal(mz_store_domain_put(s->store, &domain), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	assert_int_equal(ask(s->store->db, "SELECT count(*) FROM task, domain"), 1);
}

/* Keys of version 2 were handed to nobody, and nothing was seen of them. */
static void version_2_to_3(void **state)
{
	static const char rows[] =
		"INSERT INTO dkim VALUES (1, 'd', 's1', 1, 1, 1, 'AbC=', 98, 99);"
		"PRAGMA journal_mode = WAL";
	const struct mz_store_dkim_seen seen = {.server = "192.0.2.1:53", .hits = 2};
	struct scratch *s = *state;

	s->store = mz_store_new(s->dir);
	assert_non_null(s->store);
	assert_int_equal(sqlite3_open(s->path, &s->store->db), SQLITE_OK);
	assert_int_equal(mz_store_migrate(s->store, mz_store_steps, 0, 2), MZ_OK);
	mz_store_free(s->store);
	s->store = NULL;
	scratch_sql(s->path, rows);
	scratch_open(s);
	assert_int_equal(ask(s->store->db, "SELECT handed + rotate FROM dkim"), 0);
	assert_int_equal(ask(s->store->db, "SELECT stage FROM dkim WHERE since = 99"), 1);
	assert_int_equal(mz_store_dkim_seen_put(s->store, "d", "s1", &seen), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	assert_int_equal(ask(s->store->db, "SELECT hits FROM dkim_seen"), 2);
}

/* The step that brings the TLSA keys: a database without them gets the table, and keeps its tasks. */
static void tlsa_keys_come(void **state)
{
	static const uint8_t owner[] = {1, 'h', 0};
	const struct mz_tlsa_place place = {"p", "o", owner, "default"};
	const struct mz_tlsa_set set = {.key = {{.usage = MZ_TLSA_SERVER, .digest = {7}}},
					.count = 1};
	struct mz_tlsa_set got = {0};
	struct scratch *s = *state;
	int before = 0;

	while (strstr(mz_store_steps[before], "CREATE TABLE tlsa ") == NULL)
		before++;
	s->store = mz_store_new(s->dir);
	assert_non_null(s->store);
	assert_int_equal(sqlite3_open(s->path, &s->store->db), SQLITE_OK);
	assert_int_equal(mz_store_migrate(s->store, mz_store_steps, 0, before), MZ_OK);
	mz_store_free(s->store);
	s->store = NULL;
	scratch_sql(s->path, "INSERT INTO task VALUES (1, 0, 'd', 1, 0, 0, 0, 1, 1, 1, '')");
	scratch_open(s);
	assert_int_equal(ask(s->store->db, "SELECT count(*) FROM task"), 1);
	assert_int_equal(mz_store_tlsa_put(s->store, &place, &set), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	assert_int_equal(mz_store_tlsa_get(s->store, &place, &got), MZ_OK);
	assert_int_equal(got.count, 1);
}

/* The keys of version 4 are those of servers, and none is gone. */
static void version_4_to_5(void **state)
{
	static const uint8_t owner[] = {1, 'h', 0};
	const struct mz_tlsa_place place = {"p", "o", owner, "default"};
	struct scratch *s = *state;
	struct mz_tlsa_set got = {0};

	s->store = mz_store_new(s->dir);
	assert_non_null(s->store);
	assert_int_equal(sqlite3_open(s->path, &s->store->db), SQLITE_OK);
	assert_int_equal(mz_store_migrate(s->store, mz_store_steps, 0, 4), MZ_OK);
	mz_store_free(s->store);
	s->store = NULL;
	scratch_sql(s->path, "INSERT INTO tlsa VALUES ('p', 'o', x'016800', 'default',"
			     " randomblob(32), 1, 5, 6, 300)");
	scratch_open(s);
	assert_int_equal(mz_store_tlsa_get(s->store, &place, &got), MZ_OK);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.key[0].usage, MZ_TLSA_SERVER);
	assert_int_equal(got.key[0].role, MZ_TLSA_USED);
	assert_int_equal(got.key[0].since, 5);
	assert_int_equal(got.key[0].served, 6);
	assert_int_equal(got.key[0].gone, 0);
	assert_int_equal(got.key[0].ttl, 300);
}

static void other_program(void **state)
{
	struct scratch *s = *state;
	sqlite3 *db = NULL;

	scratch_sql(s->path, "CREATE TABLE mail (a)");
	refused(s, "is a database of another program");
	scratch_sql(s->path, "DROP TABLE mail; PRAGMA user_version = 1");
	refused(s, "is a database of another program");
	scratch_sql(s->path, "PRAGMA application_id = 99; PRAGMA user_version = 0");
	refused(s, "is a database of another program");
	/* it was not touched */
	assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
	assert_int_equal(ask(db, "SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
	assert_int_equal(ask(db, "PRAGMA application_id"), 99);
	assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema"), 0);
	(void)sqlite3_close(db);
}

static void no_database(void **state)
{
	struct scratch *s = *state;
	FILE *f = fopen(s->path, "w");

	assert_non_null(f);
	for (int i = 0; i < 100; i++)
		assert_true(fputs("this is a text file, and a rather long one\n", f) >= 0);
	(void)fclose(f);
	refused(s, "damaged: ");
}

static void missing_table(void **state)
{
	struct scratch *s = *state;

	scratch_open(s);
	mz_store_close(s->store);
	s->store = NULL;
	scratch_sql(s->path, "DROP TABLE dkim");
	refused(s, "damaged: ");
}

/* The steps run in order, all or nothing. */
static void several_steps(void **state)
{
	static const char *const good[] = {"CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y",
					   "INSERT INTO a VALUES (1, 2)"};
	static const char *const bad[] = {"CREATE TABLE a (x)",
					  "CREATE TABLE b (x); CREATE TABLE a (x)"};
	struct scratch *s = *state;
	int version = -1;

	s->store = mz_store_new(s->dir);
	assert_non_null(s->store);
	assert_int_equal(sqlite3_open(":memory:", &s->store->db), SQLITE_OK);
	assert_int_equal(mz_store_migrate(s->store, bad, 0, 2), MZ_ESTATE);
	assert_non_null(strstr(mz_store_error(s->store), "table a already exists"));
	assert_int_equal(ask(s->store->db, "SELECT count(*) FROM sqlite_schema"), 0);
	assert_int_equal(mz_store_identify(s->store, 3, &version), MZ_OK);
	assert_int_equal(version, 0);
	assert_int_equal(mz_store_migrate(s->store, good, 0, 1), MZ_OK);
	assert_int_equal(mz_store_identify(s->store, 3, &version), MZ_OK);
	assert_int_equal(version, 1);
	assert_int_equal(mz_store_migrate(s->store, good, 1, 3), MZ_OK);
	assert_int_equal(mz_store_identify(s->store, 3, &version), MZ_OK);
	assert_int_equal(version, 3);
	assert_int_equal(ask(s->store->db, "SELECT y FROM a"), 2);
	assert_int_equal(mz_store_identify(s->store, 2, &version), MZ_ESTATE);
	mz_store_free(s->store);
	s->store = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(version_0_to_1), SCRATCH_TEST(opened_again),
		SCRATCH_TEST(version_1_to_2), SCRATCH_TEST(version_2_to_3),
		SCRATCH_TEST(tlsa_keys_come), SCRATCH_TEST(version_4_to_5),
		SCRATCH_TEST(newer_version),  SCRATCH_TEST(other_program),
		SCRATCH_TEST(no_database),    SCRATCH_TEST(missing_table),
		SCRATCH_TEST(several_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
