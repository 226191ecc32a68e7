/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the store share: a state directory of their own, and RR lists. */
#ifndef MZ_TEST_STORE_SCRATCH_H
#define MZ_TEST_STORE_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/store/db.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char dir[128];		/* made, empty, mode 0700 */
	char path[160];		/* dir/state.db */
	struct mz_store *store; /* closed at the end of the test */
	struct mz_cause cause;
};

static inline int scratch_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline int scratch_setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));
	const char *tmp = getenv("TMPDIR");

	if (s == NULL)
		return -1;
	snprintf(s->dir, sizeof(s->dir), "%.90s/mz-store-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(s->dir) == NULL) {
		free(s);
		return -1;
	}
	snprintf(s->path, sizeof(s->path), "%s/state.db", s->dir);
	*state = s;
	return 0;
}

static inline int scratch_teardown(void **state)
{
	struct scratch *s = *state;

	mz_store_close(s->store);
	(void)chmod(s->dir, 0700);
	(void)nftw(s->dir, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
	return 0;
}

static inline void scratch_open(struct scratch *s)
{
	int err = mz_store_open(&s->store, s->dir, &s->cause);

	assert_string_equal(s->cause.text, "");
	assert_int_equal(err, MZ_OK);
}

static inline void scratch_commit(struct scratch *s)
{
	int err = mz_store_commit(s->store, &s->cause);

	assert_string_equal(s->cause.text, "");
	assert_int_equal(err, MZ_OK);
}

static inline void scratch_reopen(struct scratch *s)
{
	mz_store_close(s->store);
	s->store = NULL;
	scratch_open(s);
}

/* Runs SQL behind the store's back. */
static inline void scratch_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Adds an RR "owner TYPE" with rdlen octets of `fill`. */
static inline void scratch_rr(struct mz_rrlist *list, const char *owner, uint16_t type,
			      uint16_t rdlen, int fill, uint16_t domain)
{
	static uint8_t rdata[65535];
	struct mz_name name = {{0}, 0};
	struct mz_rr rr = {.rdata = rdata,
			   .ttl = 3600,
			   .type = type,
			   .rdlen = rdlen,
			   .domain = domain};

	assert_int_equal(mz_name_from_text(&name, owner, NULL, NULL), MZ_OK);
	memset(rdata, fill, sizeof(rdata));
	rr.owner = name.wire;
	rr.family = MZ_FAMILY_SRV;
	assert_int_equal(mz_rrlist_add(list, &rr), MZ_OK);
}

static inline void scratch_same(const struct mz_rrlist *a, const struct mz_rrlist *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct mz_rr *x = &a->rr[i], *y = &b->rr[i];

		assert_true(mz_name_equal(x->owner, y->owner));
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->ttl, y->ttl);
		assert_int_equal(x->family, y->family);
		assert_int_equal(x->rdlen, y->rdlen);
		assert_memory_equal(x->rdata, y->rdata, x->rdlen);
	}
}

#define SCRATCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_setup, scratch_teardown)

#endif
