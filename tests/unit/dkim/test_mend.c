/* SPDX-License-Identifier: BSD-2-Clause */
/* What the history tells of the record of a key. */
#include "mailzone/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define OURS "k._domainkey 300 TXT \"v=DKIM1; p=ours\""
#define LONGER "k._domainkey 600 TXT \"v=DKIM1; p=ours\""
#define THEIRS "k._domainkey 900 TXT \"v=DKIM1; p=theirs\""
#define OTHER "@ 3600 MX 10 mail"

static const uint8_t origin[] = "\7example\0";
static const uint8_t owner[] = "\1k\12_domainkey\7example";

/* One change; NULL: nothing. The newest has the highest number, which is its time and serial. */
struct row {
	enum mz_change_state state;
	const char *added[2], *deleted[2];
};

static void fill(struct mz_rrlist *list, const char *const lines[2])
{
	const struct mz_rr tags = {0};
	struct mz_cause cause = {0};

	for (size_t i = 0; i < 2 && lines[i] != NULL; i++)
		assert_int_equal(mz_rr_from_text(list, lines[i], origin, 0, &tags, &cause), MZ_OK);
}

/* The rows in the order in which they were made. */
static struct mz_life_mend take(const struct row *rows, size_t count)
{
	struct mz_life_mend mend = {0};

	for (size_t i = count; i > 0; i--) {
		struct mz_rrlist added = {0}, deleted = {0};
		const struct mz_store_change change = {.state = rows[i - 1].state,
						       .time = (int64_t)i,
						       .serial = (uint32_t)i,
						       .added = &added,
						       .deleted = &deleted};

		fill(&added, rows[i - 1].added);
		fill(&deleted, rows[i - 1].deleted);
		mz_life_mend_take(&mend, owner, &change);
		mz_rrlist_clear(&added);
		mz_rrlist_clear(&deleted);
	}
	return mend;
}
#define TAKE(...)                                                                                  \
	take((const struct row[]){__VA_ARGS__},                                                    \
	     sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))

static const struct row published = {MZ_CHANGE_APPLIED, {OURS, OTHER}, {NULL}};

static void untouched(void **state)
{
	(void)state;
	assert_false(TAKE({MZ_CHANGE_APPLIED, {OTHER}, {NULL}}).touched);
	assert_false(TAKE(published).any);
	assert_true(TAKE(published).touched);
	assert_false(TAKE(published, {MZ_CHANGE_APPLIED, {OTHER}, {OTHER}}).any);
	/* another TTL for the same record */
	assert_false(TAKE(published, {MZ_CHANGE_APPLIED, {LONGER}, {OURS}}).any);
	/* it was never there */
	assert_false(TAKE({MZ_CHANGE_FAILED, {OURS}, {NULL}}).touched);
	/* it is not there yet */
	assert_false(TAKE(published, {MZ_CHANGE_FAILED, {OURS}, {NULL}}).any);
}

static void mended(void **state)
{
	struct mz_life_mend mend = {0};

	(void)state;
	/* deleted by somebody, and added again */
	mend = TAKE(published, {MZ_CHANGE_APPLIED, {OURS}, {NULL}},
		    {MZ_CHANGE_APPLIED, {OTHER}, {NULL}});
	assert_true(mend.any);
	assert_false(mend.open);
	assert_int_equal(mend.at, 2);
	assert_int_equal(mend.serial, 2);
	assert_int_equal(mend.cached, 0);
	/* another one in its place, then beside it: the newest counts, and what caches keep of any */
	mend = TAKE(published, {MZ_CHANGE_APPLIED, {OURS}, {THEIRS}},
		    {MZ_CHANGE_INTENDED, {OURS}, {NULL}});
	assert_true(mend.any);
	assert_true(mend.open);
	assert_int_equal(mend.at, 3);
	assert_int_equal(mend.cached, 900);
	mend = TAKE(published, {MZ_CHANGE_APPLIED, {NULL}, {THEIRS}});
	assert_true(mend.any);
	assert_int_equal(mend.cached, 900);
	/* somebody was there before us */
	assert_true(TAKE({MZ_CHANGE_APPLIED, {OURS}, {THEIRS}}).any);
	/* it was served, and gone again before anybody knew: that is called failed */
	mend = TAKE({MZ_CHANGE_FAILED, {OURS}, {NULL}}, {MZ_CHANGE_APPLIED, {OURS}, {NULL}});
	assert_true(mend.any);
	assert_int_equal(mend.serial, 2);
	/* one that failed is not the newest that counts */
	mend = TAKE(published, {MZ_CHANGE_APPLIED, {OURS}, {NULL}},
		    {MZ_CHANGE_FAILED, {OURS}, {NULL}});
	assert_true(mend.any);
	assert_int_equal(mend.serial, 2);
	/* taken back by hand, and here again */
	assert_true(TAKE(published, {MZ_CHANGE_UNDONE, {OURS}, {NULL}}).any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched),
		cmocka_unit_test(mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
