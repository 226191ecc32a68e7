/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reply to an UPDATE means, and what the operator is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mailzone/update.h"

static enum mz_update_outcome outcome(enum mz_net_outcome net, unsigned rcode)
{
	const struct mz_answer answer = {.outcome = net, .rcode = rcode};

	return mz_update_outcome(&answer);
}

static const struct {
	unsigned rcode;
	enum mz_update_outcome outcome;
} rcodes[] = {
	{MZ_RCODE_NOERROR, MZ_UPDATE_APPLIED},
	{MZ_RCODE_FORMERR, MZ_UPDATE_FAULT},
	{MZ_RCODE_SERVFAIL, MZ_UPDATE_LATER},
	{MZ_RCODE_NXDOMAIN, MZ_UPDATE_RACED},
	{MZ_RCODE_NOTIMP, MZ_UPDATE_FAULT},
	{MZ_RCODE_REFUSED, MZ_UPDATE_DENIED},
	{MZ_RCODE_YXDOMAIN, MZ_UPDATE_RACED},
	{MZ_RCODE_YXRRSET, MZ_UPDATE_RACED},
	{MZ_RCODE_NXRRSET, MZ_UPDATE_RACED},
	{MZ_RCODE_NOTAUTH, MZ_UPDATE_DENIED},
	{MZ_RCODE_NOTZONE, MZ_UPDATE_DENIED},
	{11, MZ_UPDATE_LATER},
	{15, MZ_UPDATE_LATER},
};
enum { RCODES = sizeof(rcodes) / sizeof(rcodes[0]) };

static void test_proven(void **state)
{
	(void)state;
	for (size_t i = 0; i < RCODES; i++)
		assert_int_equal(outcome(MZ_NET_ANSWER, rcodes[i].rcode), rcodes[i].outcome);
}

/* An unproven error is taken as a hint, an unproven success is no success. */
static void test_unproven(void **state)
{
	(void)state;
	for (size_t i = 0; i < RCODES; i++) {
		enum mz_update_outcome expected =
			rcodes[i].rcode == MZ_RCODE_NOERROR ? MZ_UPDATE_UNKNOWN : rcodes[i].outcome;

		assert_int_equal(outcome(MZ_NET_UNPROVEN, rcodes[i].rcode), expected);
	}
}

/* The rcode counts for nothing where there is no reply to believe. */
static void test_no_reply(void **state)
{
	static const struct {
		enum mz_net_outcome net;
		enum mz_update_outcome outcome;
	} cases[] = {
		{MZ_NET_BADTIME, MZ_UPDATE_DENIED},  {MZ_NET_UNREACHABLE, MZ_UPDATE_LATER},
		{MZ_NET_TIMEOUT, MZ_UPDATE_UNKNOWN}, {MZ_NET_LOST, MZ_UPDATE_UNKNOWN},
		{MZ_NET_BROKEN, MZ_UPDATE_UNKNOWN},  {MZ_NET_STOPPED, MZ_UPDATE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned rcode = 0; rcode < 16; rcode++)
			assert_int_equal(outcome(cases[i].net, rcode), cases[i].outcome);
	}
}

static void assert_hint(uint16_t type, unsigned rcode, bool ignored, const char *word)
{
	const struct mz_unit unit = {.owner = (const uint8_t *)"\7example\3org", .type = type};
	const char *hint = mz_update_hint(&unit, rcode, ignored);

	assert_non_null(hint);
	if (word == NULL) {
		assert_string_equal(hint, "");
		return;
	}
	/* It continues a line of text. */
	assert_memory_equal(hint, "; ", 2);
	if (strstr(hint, word) == NULL)
		fail_msg("no \"%s\" in: %s", word, hint);
	assert_null(strchr(hint, '\n'));
}

static void test_hints(void **state)
{
	(void)state;
	assert_hint(MZ_TYPE_TXT, MZ_RCODE_REFUSED, false, "update-policy");
	assert_hint(MZ_TYPE_MX, MZ_RCODE_REFUSED, false, "no A or AAAA");
	assert_hint(MZ_TYPE_TXT, MZ_RCODE_NOTAUTH, false, "update-owner");
	assert_hint(MZ_TYPE_CAA, MZ_RCODE_FORMERR, false, "does not know this type");
	assert_hint(MZ_TYPE_CAA, MZ_RCODE_NOTIMP, false, "does not know this type");
	assert_hint(MZ_TYPE_TXT, MZ_RCODE_SERVFAIL, false, "max-records-per-type");
	assert_hint(MZ_TYPE_TXT, MZ_RCODE_NOTZONE, false, NULL);
	assert_hint(MZ_TYPE_TXT, MZ_RCODE_NOERROR, false, NULL);
}

static void test_hints_of_what_was_ignored(void **state)
{
	(void)state;
	assert_hint(MZ_TYPE_CNAME, MZ_RCODE_NOERROR, true, "other data at this name");
	assert_hint(MZ_TYPE_TXT, MZ_RCODE_NOERROR, true, "a CNAME at this name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proven),
		cmocka_unit_test(test_unproven),
		cmocka_unit_test(test_no_reply),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_hints_of_what_was_ignored),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
