/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan as a script for nsupdate: it says what the messages say. */
#include "tests/unit/plan/case.h"

#include "mailzone/update.h"

#include <stdio.h>
#include <string.h>

static void assert_script(const struct world *w, const char *expected)
{
	struct mz_str text = {0};

	mz_update_script(&w->plan, &w->live, w->origin.wire, &text);
	assert_false(text.failed);
	assert_string_equal(text.s == NULL ? "" : text.s, expected);
	mz_str_clear(&text);
}

static void test_nothing(void **state)
{
	struct world *w = *state;

	world_plan(w);
	assert_script(w, "");
}

static void test_additions(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ 600 MX 10 mx");
	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=\\\"none\\\"\"");
	want(w, 0, RECORDS, EXACT, "autoconfig CNAME mx");
	world_plan(w);
	assert_script(w, "zone example.org.\n"
			 "prereq nxdomain autoconfig.example.org.\n"
			 "prereq nxrrset _dmarc.example.org. IN TXT\n"
			 "prereq nxrrset example.org. IN MX\n"
			 "update add autoconfig.example.org. 300 IN CNAME mx.example.org.\n"
			 "update add _dmarc.example.org. 300 IN TXT \"v=DMARC1; p=\\\"none\\\"\"\n"
			 "update add example.org. 600 IN MX 10 mx.example.org.\n"
			 "send\n");
}

/* What is not ours is a prerequisite too, and stays. */
static void test_shared(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ 60 TXT \"hello\"");
	stands(w, "@ 60 TXT \"v=spf1 \" \"-all\"");
	world_plan(w);
	assert_script(w, "zone example.org.\n"
			 "prereq yxrrset example.org. IN TXT \"hello\"\n"
			 "prereq yxrrset example.org. IN TXT \"v=spf1 \" \"-all\"\n"
			 "update delete example.org. IN TXT \"v=spf1 \" \"-all\"\n"
			 "update add example.org. 60 IN TXT \"v=spf1 mx -all\"\n"
			 "send\n");
}

static void test_whole(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	stands(w, "@ MX 5 old.example.net.");
	stands(w, "@ MX 20 MX2");
	world_plan(w);
	assert_script(w, "zone example.org.\n"
			 "prereq yxrrset example.org. IN MX 5 old.example.net.\n"
			 "prereq yxrrset example.org. IN MX 20 MX2.example.org.\n"
			 "update delete example.org. IN MX\n"
			 "update add example.org. 300 IN MX 20 MX2.example.org.\n"
			 "update add example.org. 300 IN MX 10 mx.example.org.\n"
			 "send\n");
}

static void test_all_goes(void **state)
{
	struct world *w = *state;

	w->domains[0].withdraw = true;
	had(w, 0, MZ_FAMILY_TLSA, "_25._tcp TLSA 3 1 1 aa");
	stands(w, "_25._tcp TLSA 3 1 1 aa");
	world_plan(w);
	assert_script(w, "zone example.org.\n"
			 "prereq yxrrset _25._tcp.example.org. IN TLSA 3 1 1 aa\n"
			 "update delete _25._tcp.example.org. IN TLSA\n"
			 "send\n");
}

static void test_refused_unit_is_left_out(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, RECORDS, EXACT, "mx A 192.0.2.1");
	world_plan(w);
	assert_int_equal(w->plan.unit_count, 2);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 0, "not today"), MZ_OK);
	assert_script(w, "zone example.org.\n"
			 "prereq nxrrset example.org. IN MX\n"
			 "update add example.org. 300 IN MX 10 mx.example.org.\n"
			 "send\n");
}

/* One `send` for each message that would be sent. */
static void test_messages(void **state)
{
	struct world *w = *state;
	struct mz_str text = {0};
	char line[64] = "";
	size_t sends = 0, zones = 0;

	w->domains[0].withdraw = true;
	for (unsigned i = 0; i < 2 * MZ_UPDATE_DELETIONS + 1; i++) {
		(void)snprintf(line, sizeof(line), "h%03u A 192.0.2.1", i);
		had(w, 0, RECORDS, line);
		stands(w, line);
	}
	world_plan(w);
	mz_update_script(&w->plan, &w->live, w->origin.wire, &text);
	assert_false(text.failed);
	for (const char *at = text.s; (at = strstr(at, "\nsend\n")) != NULL; at++)
		sends++;
	for (const char *at = text.s; (at = strstr(at, "zone example.org.\n")) != NULL; at++)
		zones++;
	assert_int_equal(sends, 3);
	assert_int_equal(zones, 3);
	mz_str_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nothing),  CASE(test_additions), CASE(test_shared),
		CASE(test_whole),    CASE(test_all_goes),  CASE(test_refused_unit_is_left_out),
		CASE(test_messages),
	};

	return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
