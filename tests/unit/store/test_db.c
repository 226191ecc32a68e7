/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the transaction, and of what is left and said when the database fails. */
#include "tests/unit/store/scratch.h"

#include <signal.h>
#include <sys/resource.h>

static int put(struct scratch *s, const char *domain, uint32_t serial)
{
	const struct mz_store_zone zone = {.known = true, .serial = serial};

	return mz_store_zone_put(s->store, "p", "o", domain, &zone);
}

static uint32_t get(struct mz_store *store, const char *domain)
{
	struct mz_store_zone zone = {0};

	assert_int_equal(mz_store_zone_get(store, "p", "o", domain, &zone), MZ_OK);
	return zone.serial;
}

static void seen_before_commit(void **state)
{
	struct scratch *s = *state;
	struct mz_store *reader = NULL;

	scratch_open(s);
	assert_int_equal(put(s, "d", 1), MZ_OK);
	scratch_commit(s);
	assert_int_equal(mz_store_open_readonly(&reader, s->dir, &s->cause), MZ_OK);
	assert_int_equal(put(s, "d", 2), MZ_OK);
	assert_true(mz_store_dirty(s->store));
	assert_int_equal(get(s->store, "d"), 2);
	assert_int_equal(get(reader, "d"), 1);
	assert_int_equal(mz_store_commit(reader, NULL), MZ_OK); /* lets go of what it saw */
	scratch_commit(s);
	assert_int_equal(get(reader, "d"), 2);
	mz_store_close(reader);
	assert_int_equal(put(s, "d", 3), MZ_OK);
	scratch_reopen(s); /* closing commits */
	assert_int_equal(get(s->store, "d"), 3);
	assert_int_equal(mz_store_commit(s->store, NULL), MZ_OK);
	assert_string_equal(mz_store_error(s->store), "");
}

/* After a failure everything is undone, writes are refused, commit reports once, work goes on. */
static void expect_undone(struct scratch *s, int err, const char *text)
{
	assert_true(mz_store_dirty(s->store));
	assert_non_null(strstr(mz_store_error(s->store), text));
	assert_non_null(strstr(mz_store_error(s->store), s->path));
	assert_int_equal(get(s->store, "d"), 1);
	assert_int_equal(put(s, "e", 2), err);
	assert_int_equal(mz_store_commit(s->store, &s->cause), err);
	assert_non_null(strstr(s->cause.text, text));
	assert_false(mz_store_dirty(s->store));
	assert_int_equal(get(s->store, "e"), 0);
	s->cause.text[0] = '\0';
	scratch_commit(s);
}

static void start(struct scratch *s)
{
	scratch_open(s);
	assert_int_equal(put(s, "d", 1), MZ_OK);
	scratch_commit(s);
	assert_int_equal(put(s, "d", 2), MZ_OK);
}

static void go_on(struct scratch *s)
{
	assert_int_equal(put(s, "d", 3), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	assert_int_equal(get(s->store, "d"), 3);
}

static void no_space(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist list = {0};

	start(s);
	for (uint16_t i = 0; i < 8; i++)
		scratch_rr(&list, "a.org", (uint16_t)(100 + i), 65535, 'x', 0);
	assert_int_equal(sqlite3_exec(s->store->db, "PRAGMA max_page_count = 20", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "d", &list, 0), MZ_ESPACE);
	expect_undone(s, MZ_ESPACE, "no space left for");
	go_on(s);
	mz_rrlist_clear(&list);
}

/* A commit that cannot be written down. */
static void failed_commit(void **state)
{
	struct scratch *s = *state;
	struct rlimit before = {0, 0}, limit = {0, 0};

	start(s);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(mz_store_commit(s->store, &s->cause), MZ_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(s->cause.text, "cannot read or write "));
	assert_false(mz_store_dirty(s->store));
	s->cause.text[0] = '\0';
	scratch_commit(s);
	assert_int_equal(get(s->store, "d"), 1);
	go_on(s);
}

static void no_memory(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist list = {0};

	start(s);
	scratch_rr(&list, "a.org", MZ_TYPE_TXT, 65535, 'x', 0);
	(void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + 1000);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "d", &list, 0), MZ_ENOMEM);
	(void)sqlite3_hard_heap_limit64(0);
	expect_undone(s, MZ_ENOMEM, "out of memory for");
	go_on(s);
	mz_rrlist_clear(&list);
}

static void in_use(void **state)
{
	struct scratch *s = *state;
	sqlite3 *other = NULL;

	scratch_open(s);
	assert_int_equal(put(s, "d", 1), MZ_OK);
	scratch_commit(s);
	(void)sqlite3_busy_timeout(s->store->db, 0);
	assert_int_equal(sqlite3_open(s->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(put(s, "d", 2), MZ_ELOCKED);
	expect_undone(s, MZ_ELOCKED, "in use: ");
	assert_int_equal(get(s->store, "d"), 1);
	assert_int_equal(sqlite3_exec(other, "UPDATE zone SET known = 0; COMMIT", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	/* what was read is old by now: writing on that ground is refused, once */
	assert_int_equal(put(s, "d", 2), MZ_ELOCKED);
	expect_undone(s, MZ_ELOCKED, "in use: ");
	go_on(s);
}

static void read_only(void **state)
{
	struct scratch *s = *state;

	start(s);
	scratch_commit(s);
	mz_store_close(s->store);
	assert_int_equal(mz_store_open_readonly(&s->store, s->dir, &s->cause), MZ_OK);
	assert_int_equal(get(s->store, "d"), 2);
	assert_int_equal(put(s, "d", 3), MZ_EPERM);
	assert_non_null(strstr(mz_store_error(s->store), "may not write "));
	assert_int_equal(mz_store_commit(s->store, &s->cause), MZ_EPERM);
	assert_int_equal(get(s->store, "d"), 2);
}

/* Octets anywhere in the file go wrong: errors, never a crash or a hang. */
static void damaged_file(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist list = {0};
	struct mz_cause cause = {{0}};
	uint8_t *whole = NULL;
	size_t len = 0;
	uint32_t seed = 9;
	unsigned refused = 0;

	start(s);
	for (int i = 0; i < 40; i++) {
		char domain[16] = "";

		snprintf(domain, sizeof(domain), "d%d", i);
		mz_rrlist_clear(&list);
		scratch_rr(&list, "a.org", MZ_TYPE_TXT, 1000, 'x', 0);
		assert_int_equal(mz_store_ledger_put(s->store, "p", "o", domain, &list, 0), MZ_OK);
		assert_int_equal(put(s, domain, 1), MZ_OK);
	}
	mz_store_close(s->store);
	s->store = NULL;
	assert_int_equal(mz_file_read(s->path, 1 << 24, &whole, &len, &cause), MZ_OK);
	for (unsigned i = 0; i < 150; i++) {
		struct mz_store_zone zone = {0};
		uint8_t *copy = malloc(len);
		size_t cut = i % 3 == 0 ? len / 160 * i : len;
		int err = MZ_OK;

		assert_non_null(copy);
		memcpy(copy, whole, len);
		for (int k = 0; k < 40; k++) {
			seed = seed * 1664525u + 1013904223u;
			copy[(seed >> 4) % (k < 4 ? 120 : len)] ^=
				(uint8_t)(k < 4 ? seed >> 31 << 3 : seed >> 24);
		}
		assert_int_equal(mz_file_write_atomic(s->path, copy, cut, 0600, &cause), MZ_OK);
		free(copy);
		err = mz_store_open(&s->store, s->dir, &cause);
		for (int k = 0; k < 40 && err == MZ_OK; k++) {
			char domain[16] = "";

			snprintf(domain, sizeof(domain), "d%d", k);
			mz_rrlist_clear(&list);
			err = mz_store_ledger_get(s->store, "p", "o", domain, &list);
			if (err == MZ_OK)
				err = mz_store_zone_get(s->store, "p", "o", domain, &zone);
			if (err == MZ_OK)
				err = put(s, domain, 2);
		}
		refused += err != MZ_OK;
		assert_true(err == MZ_OK || err == MZ_ESTATE);
		if (s->store != NULL)
			(void)mz_store_commit(s->store,
					      NULL); /* or closing would log the failure */
		mz_store_close(s->store);
		s->store = NULL;
	}
	assert_true(refused > 20);
	mz_rrlist_clear(&list);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(seen_before_commit),
		SCRATCH_TEST(no_space),
		SCRATCH_TEST(failed_commit),
		SCRATCH_TEST(no_memory),
		SCRATCH_TEST(in_use),
		SCRATCH_TEST(read_only),
		SCRATCH_TEST(damaged_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
