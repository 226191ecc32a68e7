/* SPDX-License-Identifier: BSD-2-Clause */
/* The difference: what is added, deleted, left alone, and what the ledger is after it. */
#include "tests/unit/plan/case.h"

#include <string.h>

/* ---- additions ----------------------------------------------------------------------------------- */

static void test_empty_zone(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=none\"");
	want(w, 0, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx TLSA 3 1 1 00");
	want(w, 0, RECORDS, EXACT, "mx 60 A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "mx AAAA 2001:db8::1");
	/* By family: what others depend on first. */
	assert_plan(w, "+ mx.example.org. 60 A 192.0.2.1 | records 0\n"
		       "+ mx.example.org. 300 AAAA 2001:db8::1 | records 0\n"
		       "+ _25._tcp.mx.example.org. 300 TLSA 3 1 1 00 | tlsa 0\n"
		       "+ _dmarc.example.org. 300 TXT \"v=DMARC1; p=none\" | dmarc 0\n"
		       "+ example.org. 300 MX 10 mx.example.org. | mx 0\n");
	assert_ledger(w, "_25._tcp.mx.example.org. 300 TLSA 3 1 1 00 | tlsa 0\n"
			 "_dmarc.example.org. 300 TXT \"v=DMARC1; p=none\" | dmarc 0\n"
			 "example.org. 300 MX 10 mx.example.org. | mx 0\n"
			 "mx.example.org. 300 AAAA 2001:db8::1 | records 0\n"
			 "mx.example.org. 60 A 192.0.2.1 | records 0\n");
	assert_int_equal(w->plan.counts[0].add, 5);
	assert_int_equal(w->plan.counts[0].in_place, 0);
	for (size_t u = 0; u < w->plan.unit_count; u++)
		assert_false(w->plan.units[u].delete_rrset);
}

static void test_nothing_wanted(void **state)
{
	struct world *w = *state;

	assert_plan(w, "");
	stands(w, "@ TXT \"hello\"");
	assert_plan(w, "");
	assert_int_equal(w->plan.foreign, 1);
	assert_int_equal(w->plan.ledger.count, 0);
}

static void test_in_place(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ MX 10 MX.Example.ORG.");
	stands(w, "@ TXT \"v=spf1 mx\" \" -all\"");
	stands(w, "@ TXT \"hello\"");
	stands(w, "@ NS ns.example.net.");
	assert_plan(w, "");
	assert_int_equal(w->plan.counts[0].in_place, 2);
	assert_int_equal(w->plan.foreign, 1); /* the zone's own NS are no one's */
	assert_int_equal(w->plan.ledger.count, 2);
}

/* ---- RRsets that are wholly ours ------------------------------------------------------------------ */

static void test_whole_is_replaced(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	stands(w, "@ MX 10 old.example.net.");
	stands(w, "@ MX 20 mx2");
	assert_plan(w, "- example.org. 300 MX 10 old.example.net. | mx 0\n"
		       "+ example.org. 300 MX 10 mx.example.org. | mx 0\n");
	assert_false(w->plan.units[0].delete_rrset);
	assert_int_equal(w->plan.counts[0].in_place, 1);
}

static void test_whole_all_goes(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	stands(w, "@ 3600 MX 10 old.example.net.");
	assert_plan(w, "- example.org. 3600 MX 10 old.example.net. | mx 0\n"
		       "+ example.org. 300 MX 10 mx.example.org. | mx 0\n");
	assert_true(w->plan.units[0].delete_rrset);
}

static void test_whole_ttl(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 30 mx3");
	stands(w, "@ 3600 MX 10 MX");
	stands(w, "@ 3600 MX 20 mx2");
	/* What stands there comes back as it stands. */
	assert_plan(w, "- example.org. 3600 MX 10 MX.example.org. | mx 0\n"
		       "- example.org. 3600 MX 20 mx2.example.org. | mx 0\n"
		       "+ example.org. 300 MX 10 MX.example.org. | mx 0\n"
		       "+ example.org. 300 MX 20 mx2.example.org. | mx 0\n"
		       "+ example.org. 300 MX 30 mx3.example.org. | mx 0\n");
	assert_true(w->plan.units[0].delete_rrset);
	assert_int_equal(w->plan.ledger.count, 3);
}

static void test_whole_two_that_say_the_same(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=none\"");
	stands(w, "_dmarc TXT \"v=DMARC1;\" \" p=none\"");
	stands(w, "_dmarc TXT \"v=DMARC1; p=none\"");
	assert_plan(w, "- _dmarc.example.org. 300 TXT \"v=DMARC1;\" \" p=none\" | dmarc 0\n");
}

/* ---- RRsets that are shared ------------------------------------------------------------------------ */

static void test_match_beside_foreign(void **state)
{
	struct world *w = *state;

	want(w, 0, SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ 3600 TXT \"V=SPF1 ~all\"");
	stands(w, "@ 3600 TXT \"v=spf1\"");
	stands(w, "@ 3600 TXT \"v=spf10 is something else\"");
	stands(w, "@ 3600 TXT \"google-site-verification=x\"");
	assert_plan(w, "- example.org. 3600 TXT \"v=spf1\" | spf 0\n"
		       "- example.org. 3600 TXT \"V=SPF1 ~all\" | spf 0\n"
		       "+ example.org. 3600 TXT \"v=spf1 mx -all\" | spf 0\n");
	assert_false(w->plan.units[0].delete_rrset);
	assert_int_equal(w->plan.foreign, 2);
}

static void test_match_alone(void **state)
{
	struct world *w = *state;

	want(w, 0, SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ 3600 TXT \"v=spf1 ~all\"");
	assert_plan(w, "- example.org. 3600 TXT \"v=spf1 ~all\" | spf 0\n"
		       "+ example.org. 300 TXT \"v=spf1 mx -all\" | spf 0\n");
}

static void test_shared_ttl_stays(void **state)
{
	struct world *w = *state;

	want(w, 0, SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	want(w, 0, RECORDS, EXACT, "@ 60 TXT \"one\"");
	had(w, 0, SPF, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ 3600 TXT \"v=spf1 mx -all\"");
	stands(w, "@ 3600 TXT \"one\"");
	assert_plan(w, "");
}

/* The TTL is that of what stays, not of what goes. */
static void test_shared_ttl_of_what_stays(void **state)
{
	struct world *w = *state;

	want(w, 0, SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ 60 TXT \"v=spf1\"");
	stands(w, "@ 3600 TXT \"zzzzzzz\"");
	assert_plan(w, "- example.org. 60 TXT \"v=spf1\" | spf 0\n"
		       "+ example.org. 3600 TXT \"v=spf1 mx -all\" | spf 0\n");
}

static void test_caa(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_CAA, MATCH, "@ CAA 0 issue \"ca.example; accounturi=https://a/1\"");
	want(w, 0, MZ_FAMILY_CAA, MATCH, "@ CAA 0 iodef \"mailto:p@example.org\"");
	stands(w, "@ CAA 128 issue \"CA.example;accounturi=https://a/1; x=y\"");
	stands(w, "@ CAA 0 issue \"ca.example; accounturi=https://a/2\"");
	stands(w, "@ CAA 0 issuewild \"ca.example; accounturi=https://a/1\"");
	stands(w, "@ CAA 0 iodef \"mailto:other@example.org\"");
	stands(w, "@ CAA 0 IODEF \"mailto:p@example.org\"");
	assert_plan(w, "- example.org. 300 CAA 128 issue \"CA.example;accounturi=https://a/1; "
		       "x=y\" | caa 0\n"
		       "+ example.org. 300 CAA 0 issue \"ca.example; accounturi=https://a/1\" | "
		       "caa 0\n");
	assert_int_equal(w->plan.foreign, 3);
}

static void test_exact(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www A 192.0.2.1");
	had(w, 0, RECORDS, "www A 192.0.2.2");
	stands(w, "www 60 A 192.0.2.2");
	stands(w, "www 60 A 192.0.2.3");
	assert_plan(w, "- www.example.org. 60 A 192.0.2.2 | records 0\n"
		       "+ www.example.org. 60 A 192.0.2.1 | records 0\n");
	assert_ledger(w, "www.example.org. 300 A 192.0.2.1 | records 0\n");
}

/* An RR that says what one of ours says, in other octets, is not ours. */
static void test_exact_copy_is_foreign(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www TXT \"ab\"");
	had(w, 0, RECORDS, "www TXT \"ab\"");
	had(w, 0, RECORDS, "www2 TXT \"ab\"");
	stands(w, "www TXT \"a\" \"b\"");
	stands(w, "www TXT \"ab\"");
	stands(w, "www2 TXT \"a\" \"b\"");
	stands(w, "www2 TXT \"ab\"");
	assert_plan(w, "- www2.example.org. 300 TXT \"ab\" | records 0\n");
	assert_int_equal(w->plan.foreign, 2);
}

/* Each change of an RRset with two families is accounted to its own. */
static void test_two_families_in_one_rrset(void **state)
{
	struct world *w = *state;

	want(w, 0, SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	want(w, 0, RECORDS, EXACT, "@ TXT \"a-token\"");
	had(w, 0, RECORDS, "@ TXT \"an-old-token\"");
	stands(w, "@ TXT \"an-old-token\"");
	stands(w, "@ TXT \"v=spf1 ~all\"");
	stands(w, "@ TXT \"foreign\"");
	assert_plan(w, "- example.org. 300 TXT \"v=spf1 ~all\" | spf 0\n"
		       "- example.org. 300 TXT \"an-old-token\" | records 0\n"
		       "+ example.org. 300 TXT \"a-token\" | records 0\n"
		       "+ example.org. 300 TXT \"v=spf1 mx -all\" | spf 0\n");
}

/* ---- what was ours ----------------------------------------------------------------------------------- */

static void test_stale_goes(void **state)
{
	struct world *w = *state;

	had(w, 0, MZ_FAMILY_DKIM, "old._domainkey TXT \"v=DKIM1; p=\"");
	had(w, 0, MZ_FAMILY_DKIM, "gone._domainkey TXT \"v=DKIM1; p=\"");
	stands(w, "old._domainkey TXT \"v=DKIM1; p=\"");
	stands(w, "old._domainkey TXT \"foreign\"");
	assert_plan(w, "- old._domainkey.example.org. 300 TXT \"v=DKIM1; p=\" | dkim 0\n");
	assert_int_equal(w->plan.ledger.count, 0);
}

static void test_family_let_go(void **state)
{
	struct world *w = *state;

	w->domains[0].published &= ~(1u << MZ_FAMILY_DMARC);
	w->domains[0].families = w->domains[0].published;
	had(w, 0, MZ_FAMILY_DMARC, "_dmarc TXT \"v=DMARC1; p=none\"");
	stands(w, "_dmarc TXT \"v=DMARC1; p=none\"");
	assert_plan(w, "");
	assert_int_equal(w->plan.ledger.count, 0);
}

static void test_family_not_planned_now(void **state)
{
	struct world *w = *state;

	w->domains[0].families = 1u << MZ_FAMILY_MX;
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=reject\"");
	had(w, 0, MZ_FAMILY_DMARC, "_dmarc TXT \"v=DMARC1; p=none\"");
	stands(w, "_dmarc TXT \"v=DMARC1; p=none\"");
	assert_plan(w, "+ example.org. 300 MX 10 mx.example.org. | mx 0\n");
	assert_ledger(w, "_dmarc.example.org. 300 TXT \"v=DMARC1; p=none\" | dmarc 0\n"
			 "example.org. 300 MX 10 mx.example.org. | mx 0\n");
	assert_int_equal(w->plan.foreign, 0);
}

/* A family that is not planned now keeps its RRs in an RRset that another one makes its own. */
static void test_unplanned_family_is_protected(void **state)
{
	struct world *w = *state;

	w->domains[0].families = 1u << MZ_FAMILY_DMARC;
	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=reject\"");
	want(w, 0, RECORDS, WHOLE, "_dmarc TXT \"mine\"");
	want(w, 0, RECORDS, WHOLE, "_dmarc TXT \"not yet there\"");
	stands(w, "_dmarc 60 TXT \"mine\"");
	stands(w, "_dmarc 60 TXT \"foreign\"");
	assert_plan(w, "- _dmarc.example.org. 60 TXT \"mine\" | dmarc 0\n"
		       "- _dmarc.example.org. 60 TXT \"foreign\" | dmarc 0\n"
		       "+ _dmarc.example.org. 300 TXT \"mine\" | dmarc 0\n"
		       "+ _dmarc.example.org. 300 TXT \"v=DMARC1; p=reject\" | dmarc 0\n");
}

/* ---- several domains of one zone -------------------------------------------------------------------- */

static void test_shared_by_domains(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "sub.example.org");

	want(w, 0, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx TLSA 3 1 1 00");
	want(w, sub, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx TLSA 3 1 1 00");
	want(w, sub, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx TLSA 3 1 1 01");
	assert_plan(w, "+ _25._tcp.mx.example.org. 300 TLSA 3 1 1 00 | tlsa 0\n"
		       "+ _25._tcp.mx.example.org. 300 TLSA 3 1 1 01 | tlsa 1\n");
	assert_ledger(w, "_25._tcp.mx.example.org. 300 TLSA 3 1 1 00 | tlsa 0\n"
			 "_25._tcp.mx.example.org. 300 TLSA 3 1 1 00 | tlsa 1\n"
			 "_25._tcp.mx.example.org. 300 TLSA 3 1 1 01 | tlsa 1\n");
}

static void test_other_domain_is_protected(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "sub.example.org");

	w->domains[sub].active = false;
	want(w, sub, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx 60 TLSA 3 1 1 01");
	want(w, sub, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx 60 TLSA 3 1 1 02");
	want(w, 0, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx TLSA 3 1 1 00");
	had(w, 0, MZ_FAMILY_TLSA, "_25._tcp.mx TLSA 3 1 1 01");
	stands(w, "_25._tcp.mx 60 TLSA 3 1 1 01");
	/* Of different TTLs the least, whoever is planned: else the domains would change it in turn. */
	assert_plan(w, "+ _25._tcp.mx.example.org. 60 TLSA 3 1 1 00 | tlsa 0\n");
}

static void test_withdraw(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "sub.example.org");

	w->domains[0].withdraw = true;
	w->domains[sub].active = false;
	want(w, sub, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx TLSA 3 1 1 01");
	had(w, 0, MZ_FAMILY_TLSA, "_25._tcp.mx TLSA 3 1 1 01");
	had(w, 0, MZ_FAMILY_MX, "@ MX 10 mx");
	had(w, 0, MZ_FAMILY_DMARC, "_dmarc TXT \"v=DMARC1; p=none\"");
	stands(w, "_25._tcp.mx TLSA 3 1 1 01");
	stands(w, "@ MX 10 mx");
	stands(w, "@ TXT \"v=spf1 -all\"");
	assert_plan(w, "- example.org. 300 MX 10 mx.example.org. | mx 0\n");
	assert_int_equal(w->plan.ledger.count, 0);
}

static void test_same_spf_of_two_domains(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "sub.example.org");

	want(w, 0, SPF, MATCH, "mx.sub TXT \"v=spf1 a -all\"");
	want(w, sub, SPF, MATCH, "mx.sub TXT \"v=spf1 a -all\"");
	assert_plan(w, "+ mx.sub.example.org. 300 TXT \"v=spf1 a -all\" | spf 0\n");
	assert_int_equal(w->plan.ledger.count, 2);
}

/* Two wishes that say the same in other octets are one RR. */
static void test_wishes_that_say_the_same(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www TXT \"abc\"");
	want(w, 0, RECORDS, EXACT, "www TXT \"a\" \"x\"");
	want(w, 0, RECORDS, EXACT, "www TXT \"a\" \"bc\"");
	assert_plan(w, "+ www.example.org. 300 TXT \"a\" \"x\" | records 0\n"
		       "+ www.example.org. 300 TXT \"a\" \"bc\" | records 0\n");
}

/* ---- the order ---------------------------------------------------------------------------------------- */

static void test_groups(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MTA_STS, WHOLE, "mta-sts CNAME mail");
	want(w, 0, MZ_FAMILY_SRV, WHOLE, "_imaps._tcp SRV 0 1 993 mail");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, RECORDS, EXACT, "www A 192.0.2.9");
	had(w, 0, RECORDS, "mta-sts A 192.0.2.1");
	had(w, 0, RECORDS, "mta-sts AAAA 2001:db8::1");
	stands(w, "mta-sts A 192.0.2.1");
	stands(w, "mta-sts AAAA 2001:db8::1");
	assert_plan(w, "- mta-sts.example.org. 300 A 192.0.2.1 | records 0\n"
		       "+ mta-sts.example.org. 300 CNAME mail.example.org. | mta-sts 0\n"
		       "- mta-sts.example.org. 300 AAAA 2001:db8::1 | records 0\n"
		       "+ www.example.org. 300 A 192.0.2.9 | records 0\n"
		       "+ _imaps._tcp.example.org. 300 SRV 0 1 993 mail.example.org. | srv 0\n"
		       "+ example.org. 300 MX 10 mx.example.org. | mx 0\n");
	for (size_t u = 0; u < w->plan.unit_count; u++)
		assert_int_equal(w->plan.units[u].group, u < 3 ? 0 : u);
}

/* ---- refused after all ----------------------------------------------------------------------------------- */

static void test_refuse(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "www A 192.0.2.4");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	had(w, 0, RECORDS, "www A 192.0.2.2");
	stands(w, "www A 192.0.2.2");
	stands(w, "www A 192.0.2.4");
	world_plan(w);
	assert_int_equal(w->plan.unit_count, 2);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 0, "policy"), MZ_OK);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 0, "again"), MZ_OK);
	assert_true(w->plan.units[0].gone);
	assert_int_equal(w->plan.refusal_count, 1);
	assert_string_equal(w->plan.refusals[0].reason, "policy");
	assert_int_equal(w->plan.counts[0].refused, 1);
	assert_int_equal(w->plan.counts[0].add, 1);
	assert_int_equal(w->plan.counts[0].del, 0);
	assert_ledger(w, "example.org. 300 MX 10 mx.example.org. | mx 0\n"
			 "www.example.org. 300 A 192.0.2.2 | records 0\n"
			 "www.example.org. 300 A 192.0.2.4 | records 0\n");
}

static void test_refuse_ttl(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	stands(w, "@ 60 MX 10 MX");
	world_plan(w);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 0, "the TTL is kept"), MZ_OK);
	assert_ledger(w, "example.org. 300 MX 10 mx.example.org. | mx 0\n");
	assert_int_equal(w->plan.counts[0].add, 0);
	assert_int_equal(w->plan.counts[0].del, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_empty_zone),
		CASE(test_nothing_wanted),
		CASE(test_in_place),
		CASE(test_whole_is_replaced),
		CASE(test_whole_all_goes),
		CASE(test_whole_ttl),
		CASE(test_whole_two_that_say_the_same),
		CASE(test_match_beside_foreign),
		CASE(test_match_alone),
		CASE(test_shared_ttl_stays),
		CASE(test_shared_ttl_of_what_stays),
		CASE(test_caa),
		CASE(test_exact),
		CASE(test_exact_copy_is_foreign),
		CASE(test_two_families_in_one_rrset),
		CASE(test_stale_goes),
		CASE(test_family_let_go),
		CASE(test_family_not_planned_now),
		CASE(test_unplanned_family_is_protected),
		CASE(test_shared_by_domains),
		CASE(test_other_domain_is_protected),
		CASE(test_withdraw),
		CASE(test_same_spf_of_two_domains),
		CASE(test_wishes_that_say_the_same),
		CASE(test_groups),
		CASE(test_refuse),
		CASE(test_refuse_ttl),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
