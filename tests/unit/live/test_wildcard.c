/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of which wildcards are asked for, and when an RRset looks made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "src/live/wildcard.h"
#include "tests/unit/live/build.h"

static const uint8_t origin[] = "\7example\3org";

static struct mz_name name(const char *text)
{
	struct mz_name out = {0};

	assert_int_equal(mz_name_from_text(&out, text, NULL, NULL), MZ_OK);
	return out;
}

static void add(struct live_wild *wild, const char *text, uint16_t type)
{
	struct mz_name owner = name(text);

	assert_int_equal(live_wild_add(wild, origin, owner.wire, type), MZ_OK);
}

static void add_rr(struct mz_rrlist *list, const char *line)
{
	assert_int_equal(mz_rr_from_text(list, line, NULL, 60, NULL, NULL), MZ_OK);
	mz_rrlist_sort(list, true);
}

static bool doubt(const struct live_wild *wild, const struct mz_rrlist *rrs, const char *text,
		  uint16_t type)
{
	struct mz_name owner = name(text);

	return live_wild_doubt(wild, rrs, origin, owner.wire, type);
}

static void test_questions(void **state)
{
	struct live_wild wild = {0};
	char text[MZ_NAME_TEXT] = "";

	(void)state;
	add(&wild, "_25._tcp.mail.example.org", MZ_TYPE_TLSA);
	add(&wild, "_dmarc.example.org", MZ_TYPE_TXT);
	add(&wild, "_x.example.org", MZ_TYPE_TXT);
	add(&wild, "example.org", MZ_TYPE_MX);	/* nothing is above the apex */
	add(&wild, "*.example.org", MZ_TYPE_A); /* it is what it is */
	assert_int_equal(live_wild_order(&wild), MZ_OK);
	/* *._tcp.mail, *.mail, *: TLSA; *: TXT */
	assert_int_equal(wild.questions.count, 4);
	assert_string_equal(mz_name_to_text(wild.questions.rr[0].owner, text), "*.example.org.");
	assert_int_equal(wild.questions.rr[0].type, MZ_TYPE_TXT);
	assert_int_equal(wild.questions.rr[1].type, MZ_TYPE_TLSA);
	assert_true(live_wild_due(&wild, 0, false));
	assert_false(live_wild_due(&wild, 1, false));
	assert_true(live_wild_due(&wild, 2, false));
	assert_true(live_wild_due(&wild, 3, false));
	wild.state[0] = LIVE_WILD_ANSWERED;
	assert_false(live_wild_due(&wild, 0, true));
	assert_true(live_wild_due(&wild, 1, true));
	wild.state[0] = LIVE_WILD_NO_NAME;
	assert_false(live_wild_due(&wild, 1, true));
	live_wild_clear(&wild);
}

static void test_doubt(void **state)
{
	struct live_wild wild = {0};
	struct mz_rrlist rrs = {0};

	(void)state;
	add_rr(&rrs, "a.example.org. 60 IN TXT \"same\"");
	add_rr(&rrs, "b.example.org. 60 IN TXT \"other\"");
	add_rr(&rrs, "c.example.org. 60 IN TXT \"same\"");
	add_rr(&rrs, "c.example.org. 60 IN TXT \"more\"");
	add_rr(&rrs, "d.w.example.org. 60 IN CNAME target.example.org.");
	add_rr(&rrs, "e.w.example.org. 60 IN CNAME elsewhere.example.org.");
	assert_false(doubt(&wild, &rrs, "a.example.org", MZ_TYPE_TXT));
	add_rr(&wild.rrs, "*.example.org. 7 IN TXT \"same\"");
	add_rr(&wild.rrs, "*.w.example.org. 60 IN CNAME TARGET.example.org.");
	assert_true(doubt(&wild, &rrs, "a.example.org", MZ_TYPE_TXT)); /* whatever the TTL */
	assert_false(doubt(&wild, &rrs, "b.example.org", MZ_TYPE_TXT));
	assert_false(doubt(&wild, &rrs, "c.example.org", MZ_TYPE_TXT));
	assert_true(doubt(&wild, &rrs, "b.example.org", MZ_TYPE_ANY));
	assert_true(doubt(&wild, &rrs, "d.w.example.org", MZ_TYPE_TXT));
	assert_false(doubt(&wild, &rrs, "e.w.example.org", MZ_TYPE_TXT));
	live_wild_clear(&wild);
	mz_rrlist_clear(&rrs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
