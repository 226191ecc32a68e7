/* SPDX-License-Identifier: BSD-2-Clause */
/* What a plan must never do: each rule where it holds, and beside it where it does not. */
#include "tests/unit/plan/case.h"

#include <stdio.h>
#include <string.h>

#define STS MZ_FAMILY_MTA_STS

/* ---- takeover ------------------------------------------------------------------------------------- */

static void test_takeover(void **state)
{
	struct world *w = *state;

	w->domains[0].refuse_takeover = true;
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=none\"");
	want(w, 0, SPF, MATCH, "@ TXT \"v=spf1 -all\"");
	had(w, 0, MZ_FAMILY_DMARC, "_dmarc TXT \"v=DMARC1; p=reject\"");
	stands(w, "@ 60 MX 5 theirs.example.net.");
	stands(w, "_dmarc TXT \"v=DMARC1; p=reject\"");
	stands(w, "@ TXT \"v=spf1 ~all\"");
	/* The claim to matching RRs is not to an RRset that others filled. */
	assert_plan(w, "- example.org. 300 TXT \"v=spf1 ~all\" | spf 0\n"
		       "+ example.org. 300 TXT \"v=spf1 -all\" | spf 0\n"
		       "- _dmarc.example.org. 300 TXT \"v=DMARC1; p=reject\" | dmarc 0\n"
		       "+ _dmarc.example.org. 300 TXT \"v=DMARC1; p=none\" | dmarc 0\n"
		       "! example.org. MX in our place stands (takeover = \"refuse\"): "
		       "example.org. 60 IN MX 5 theirs.example.net.\n");
	assert_int_equal(w->plan.counts[0].refused, 1);
	assert_int_equal(w->plan.ledger.count, 2);
}

static void test_takeover_of_our_own(void **state)
{
	struct world *w = *state;

	w->domains[0].refuse_takeover = true;
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	stands(w, "@ 60 MX 10 mx");
	assert_plan(w, "- example.org. 60 MX 10 mx.example.org. | mx 0\n"
		       "+ example.org. 300 MX 10 mx.example.org. | mx 0\n");
}

/* A key that signs now stays published, whatever the ledger says; a withdrawal is asked for. */
static void test_active_selector(void **state)
{
	struct world *w = *state;
	struct mz_rrlist signing = {0};

	assert_int_equal(mz_rr_from_text(&signing, "s1._domainkey TXT \"\"", w->origin.wire, 0,
					 NULL, NULL),
			 MZ_OK);
	w->signing = &signing;
	had(w, 0, MZ_FAMILY_DKIM, "s1._domainkey TXT \"v=DKIM1; p=aa\"");
	had(w, 0, MZ_FAMILY_DKIM, "s2._domainkey TXT \"v=DKIM1; p=bb\"");
	stands(w, "s1._domainkey TXT \"v=DKIM1; p=aa\"");
	stands(w, "s2._domainkey TXT \"v=DKIM1; p=bb\"");
	assert_plan(w, "- s2._domainkey.example.org. 300 TXT \"v=DKIM1; p=bb\" | dkim 0\n"
		       "! s1._domainkey.example.org. TXT the DKIM key of this selector is active: "
		       "mail is "
		       "signed with it\n");
	w->domains[0].withdraw = true;
	assert_plan(w, "- s1._domainkey.example.org. 300 TXT \"v=DKIM1; p=aa\" | dkim 0\n"
		       "- s2._domainkey.example.org. 300 TXT \"v=DKIM1; p=bb\" | dkim 0\n");
	w->signing = NULL;
	mz_rrlist_clear(&signing);
}

/* Somebody put a record beside that of a key that signs: with both nobody knows which one counts. */
static void test_active_selector_shared(void **state)
{
	struct world *w = *state;
	struct mz_rrlist signing = {0};

	assert_int_equal(mz_rr_from_text(&signing, "s1._domainkey TXT \"\"", w->origin.wire, 0,
					 NULL, NULL),
			 MZ_OK);
	w->signing = &signing;
	want(w, 0, MZ_FAMILY_DKIM, WHOLE, "s1._domainkey TXT \"v=DKIM1; p=aa\"");
	had(w, 0, MZ_FAMILY_DKIM, "s1._domainkey TXT \"v=DKIM1; p=aa\"");
	stands(w, "s1._domainkey TXT \"v=DKIM1; p=aa\"");
	stands(w, "s1._domainkey TXT \"v=DKIM1; p=bb\"");
	w->domains[0].dkim_automatic = true;
	assert_plan(w, "- s1._domainkey.example.org. 300 TXT \"v=DKIM1; p=bb\" | dkim 0\n");
	w->signing = NULL;
	mz_rrlist_clear(&signing);
}

/* A key that somebody else signs with must not go. */
static void test_selector_in_use(void **state)
{
	struct world *w = *state;

	w->domains[0].dkim_automatic = true;
	want(w, 0, MZ_FAMILY_DKIM, WHOLE, "s1._domainkey TXT \"v=DKIM1; p=aa\"");
	want(w, 0, MZ_FAMILY_DKIM, WHOLE, "s2._domainkey TXT \"v=DKIM1; p=aa\"");
	had(w, 0, MZ_FAMILY_DKIM, "s2._domainkey TXT \"v=DKIM1; p=\"");
	stands(w, "s1._domainkey TXT \"p=bb\"");
	stands(w, "s2._domainkey TXT \"v=DKIM1; p=\"");
	/* where ours was published, somebody altered it */
	want(w, 0, MZ_FAMILY_DKIM, WHOLE, "s3._domainkey TXT \"v=DKIM1; p=aa\"");
	had(w, 0, MZ_FAMILY_DKIM, "s3._domainkey TXT \"v=DKIM1; p=aa\"");
	stands(w, "s3._domainkey TXT \"p=bb\"");
	assert_plan(w,
		    "- s2._domainkey.example.org. 300 TXT \"v=DKIM1; p=\" | dkim 0\n"
		    "+ s2._domainkey.example.org. 300 TXT \"v=DKIM1; p=aa\" | dkim 0\n"
		    "- s3._domainkey.example.org. 300 TXT \"p=bb\" | dkim 0\n"
		    "+ s3._domainkey.example.org. 300 TXT \"v=DKIM1; p=aa\" | dkim 0\n"
		    "! s1._domainkey.example.org. TXT another key is published under this selector "
		    "(change selector_template): s1._domainkey.example.org. 300 IN TXT \"p=bb\"\n");
	w->domains[0].dkim_automatic = false;
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 0);
}

/* Two servers answer at one name: what is left must fit one of them, or nothing may be left. */
static void test_tlsa_in_use(void **state)
{
	struct world *w = *state;
	struct mz_rrlist in_use = {0};

	assert_int_equal(mz_rr_from_text(&in_use, "_25._tcp.mx TLSA 3 1 1 aa", w->origin.wire, 0,
					 NULL, NULL),
			 MZ_OK);
	assert_int_equal(mz_rr_from_text(&in_use, "_25._tcp.mx TLSA 3 1 1 ab", w->origin.wire, 0,
					 NULL, NULL),
			 MZ_OK);
	mz_rrlist_sort(&in_use, true);
	w->in_use = &in_use;
	w->domains[0].withdraw = true; /* as undo does it */
	had(w, 0, MZ_FAMILY_TLSA, "_25._tcp.mx TLSA 3 1 1 aa");
	had(w, 0, MZ_FAMILY_TLSA, "_25._tcp.mx TLSA 2 1 1 ca");
	want(w, 0, MZ_FAMILY_TLSA, EXACT, "_25._tcp.mx TLSA 3 1 1 bb");
	stands(w, "_25._tcp.mx TLSA 3 1 1 aa");
	stands(w, "_25._tcp.mx TLSA 2 1 1 ca");
	assert_plan(w, "! _25._tcp.mx.example.org. TLSA no TLSA record would fit a certificate in "
		       "use\n");
	/* One of them comes, or stays. */
	want(w, 0, MZ_FAMILY_TLSA, EXACT, "_25._tcp.mx TLSA 3 1 1 ab");
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 0);
	w->in_use = NULL;
	mz_rrlist_clear(&in_use);
}

/* An RRset of which nobody knows now what is to be stays, in the ledger too, and counts as nothing that is lost;
 * also where another domain wants it. */
static void test_held(void **state)
{
	struct world *w = *state;
	struct mz_rrlist held = {0};
	uint16_t other = world_domain(w, "d.example.org");
	char line[40] = "";

	assert_int_equal(mz_rr_from_text(&held, "_25._tcp.mx TLSA 0 0 0 00", w->origin.wire, 0,
					 NULL, NULL),
			 MZ_OK);
	w->held = &held;
	w->domains[0].delete_limit = 10;
	for (unsigned i = 10; i < 18; i++) {
		(void)snprintf(line, sizeof(line), "_25._tcp.mx TLSA 3 1 1 %u", i);
		had(w, 0, MZ_FAMILY_TLSA, line);
		stands(w, line);
	}
	had(w, 0, MZ_FAMILY_TLSA, "_443._tcp.mx TLSA 3 1 1 aa");
	stands(w, "_443._tcp.mx TLSA 3 1 1 aa");
	want(w, other, MZ_FAMILY_TLSA, WHOLE, "_25._tcp.mx TLSA 3 1 1 bb");
	assert_plan(w, "- _443._tcp.mx.example.org. 300 TLSA 3 1 1 aa | tlsa 0\n");
	assert_int_equal(w->plan.ledger.count, 8);
	assert_int_equal(w->plan.foreign, 0);
	w->held = NULL;
	world_plan(w);
	assert_true(w->plan.refusal_count > 0);
	mz_rrlist_clear(&held);
}

/* All of it may go: senders then do as they did before DANE. */
static void test_tlsa_withdrawn(void **state)
{
	struct world *w = *state;
	struct mz_rrlist in_use = {0};

	assert_int_equal(mz_rr_from_text(&in_use, "_25._tcp.mx TLSA 3 1 1 aa", w->origin.wire, 0,
					 NULL, NULL),
			 MZ_OK);
	w->in_use = &in_use;
	had(w, 0, MZ_FAMILY_TLSA, "_25._tcp.mx TLSA 3 1 1 aa");
	stands(w, "_25._tcp.mx TLSA 3 1 1 aa");
	assert_plan(w, "- _25._tcp.mx.example.org. 300 TLSA 3 1 1 aa | tlsa 0\n");
	w->in_use = NULL;
	mz_rrlist_clear(&in_use);
}

/* ---- CNAME and other data ---------------------------------------------------------------------------- */

static void test_cname_on_foreign_data(void **state)
{
	struct world *w = *state;

	want(w, 0, STS, WHOLE, "mta-sts CNAME mail");
	stands(w, "mta-sts A 192.0.2.1");
	stands(w, "mta-sts A 192.0.2.2");
	stands(w, "mta-sts TXT \"x\"");
	assert_plan(w, "! mta-sts.example.org. CNAME other data at this name: A, TXT\n");
	assert_int_equal(w->plan.ledger.count, 0);
}

static void test_data_on_foreign_cname(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=none\"");
	stands(w, "_dmarc 60 CNAME dmarc.example.net.");
	assert_plan(w, "! _dmarc.example.org. TXT a CNAME stands at this name: "
		       "_dmarc.example.org. 60 IN CNAME dmarc.example.net.\n");
}

static void test_foreign_cname_is_taken_over(void **state)
{
	struct world *w = *state;

	want(w, 0, STS, WHOLE, "mta-sts CNAME mail");
	stands(w, "mta-sts 60 CNAME theirs.example.net.");
	assert_plan(w, "- mta-sts.example.org. 60 CNAME theirs.example.net. | mta-sts 0\n"
		       "+ mta-sts.example.org. 300 CNAME mail.example.org. | mta-sts 0\n");
	assert_true(w->plan.units[0].delete_rrset);
}

static void test_foreign_cname_where_one_is_in_records(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www CNAME mail");
	stands(w, "www CNAME theirs.example.net.");
	assert_plan(w, "! www.example.org. CNAME another one stands or is wanted at this name\n");
}

static void test_cname_to_data(void **state)
{
	struct world *w = *state;

	had(w, 0, STS, "mta-sts CNAME mail");
	want(w, 0, RECORDS, EXACT, "mta-sts A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "mta-sts TXT \"x\"");
	stands(w, "mta-sts CNAME mail");
	assert_plan(w, "+ mta-sts.example.org. 300 A 192.0.2.1 | records 0\n"
		       "- mta-sts.example.org. 300 CNAME mail.example.org. | mta-sts 0\n"
		       "+ mta-sts.example.org. 300 TXT \"x\" | records 0\n");
	assert_int_equal(w->plan.units[0].group, 0);
	assert_int_equal(w->plan.units[1].group, 0);
	assert_int_equal(w->plan.units[2].group, 0);
}

static void test_data_to_cname_beside_foreign(void **state)
{
	struct world *w = *state;

	had(w, 0, RECORDS, "mta-sts A 192.0.2.1");
	want(w, 0, STS, WHOLE, "mta-sts CNAME mail");
	stands(w, "mta-sts A 192.0.2.1");
	stands(w, "mta-sts A 192.0.2.2");
	assert_plan(w, "- mta-sts.example.org. 300 A 192.0.2.1 | records 0\n"
		       "! mta-sts.example.org. CNAME other data at this name: A\n");
}

/* The old CNAME's slot is refused for its limit: it stays, and the data cannot come. */
static void test_cname_stays_for_the_limit(void **state)
{
	struct world *w = *state;
	char line[64] = "";

	w->domains[0].delete_limit = 10;
	for (int i = 0; i < 6; i++) {
		(void)snprintf(line, sizeof(line), "c%d CNAME mail", i);
		had(w, 0, STS, line);
		stands(w, line);
	}
	want(w, 0, RECORDS, EXACT, "c0 A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "c0 TXT \"x\"");
	world_plan(w);
	assert_int_equal(w->plan.unit_count, 0);
	assert_int_equal(w->plan.refusal_count, 8);
	assert_int_equal(w->plan.ledger.count, 6);
}

static void test_cname_and_data_of_two_domains(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "autoconfig.example.org");

	want(w, 0, MZ_FAMILY_AUTOCONFIG_LEGACY, WHOLE, "autoconfig CNAME mail");
	want(w, sub, MZ_FAMILY_MX, WHOLE, "autoconfig MX 10 mx");
	want(w, sub, SPF, MATCH, "autoconfig TXT \"v=spf1 -all\"");
	assert_plan(w,
		    "+ autoconfig.example.org. 300 TXT \"v=spf1 -all\" | spf 1\n"
		    "+ autoconfig.example.org. 300 MX 10 mx.example.org. | mx 1\n"
		    "! autoconfig.example.org. CNAME other data is wanted at this name: MX, TXT\n");
	/* Whose turn it is makes no difference. */
	w->domains[sub].active = false;
	assert_plan(w,
		    "! autoconfig.example.org. CNAME other data is wanted at this name: MX, TXT\n");
	w->domains[sub].active = true;
	w->domains[0].active = false;
	assert_plan(w, "+ autoconfig.example.org. 300 TXT \"v=spf1 -all\" | spf 1\n"
		       "+ autoconfig.example.org. 300 MX 10 mx.example.org. | mx 1\n");
}

/* An A comes before a CNAME in the order of types, and a TXT after it. */
static void test_cname_that_is_refused_stays(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "sub.example.org");

	want(w, 0, STS, WHOLE, "c CNAME new");
	want(w, sub, RECORDS, EXACT, "c A 192.0.2.1");
	want(w, sub, RECORDS, EXACT, "c TXT \"x\"");
	stands(w, "c CNAME old");
	assert_plan(w, "! c.example.org. A a CNAME stands at this name: c.example.org. 300 IN "
		       "CNAME old.example.org.\n"
		       "! c.example.org. CNAME other data is wanted at this name: A, TXT\n"
		       "! c.example.org. TXT a CNAME stands at this name: "
		       "c.example.org. 300 IN CNAME old.example.org.\n");
}

static void test_two_cnames(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "sub.example.org");

	want(w, 0, STS, WHOLE, "c CNAME one");
	want(w, sub, RECORDS, EXACT, "c CNAME two");
	assert_plan(w, "! c.example.org. CNAME another one stands or is wanted at this name\n"
		       "! c.example.org. CNAME another one stands or is wanted at this name\n");
	stands(w, "c CNAME one");
	assert_plan(w, "! c.example.org. CNAME another one stands or is wanted at this name\n"
		       "! c.example.org. CNAME another one stands or is wanted at this name\n");
	assert_int_equal(w->plan.ledger.count, 1); /* the one that stands is domain 0's */
}

/* ---- names that are not ours to write ------------------------------------------------------------------ */

static void test_delegation(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www.sub A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "sub A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "xsub A 192.0.2.1");
	had(w, 0, RECORDS, "old.sub A 192.0.2.1");
	stands(w, "old.sub A 192.0.2.1");
	cut(w, "sub NS ns.example.net.");
	assert_plan(w, "+ xsub.example.org. 300 A 192.0.2.1 | records 0\n"
		       "! sub.example.org. A the name is delegated to other servers: "
		       "sub.example.org. 300 IN NS ns.example.net.\n"
		       "! old.sub.example.org. A the name is delegated to other servers: "
		       "sub.example.org. 300 IN NS ns.example.net.\n"
		       "! www.sub.example.org. A the name is delegated to other servers: "
		       "sub.example.org. 300 IN NS ns.example.net.\n");
	assert_int_equal(w->plan.ledger.count, 2);
}

static void test_in_place_below_a_delegation(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "sub A 192.0.2.1");
	stands(w, "sub A 192.0.2.1");
	cut(w, "sub NS ns.example.net.");
	assert_plan(w, ""); /* nothing to do is nothing to refuse */
}

static void test_child_zone(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www.sub A 192.0.2.1");
	cut(w, "sub SOA ns.example.net. host.example.net. 7 3600 600 86400 300");
	assert_plan(w, "! www.sub.example.org. A the name is in another zone of this server: "
		       "sub.example.org. 300 "
		       "IN SOA ns.example.net. host.example.net. 7 3600 600 86400 300\n");
}

static void test_dname(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www.sub A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "sub A 192.0.2.1");
	want(w, 0, STS, WHOLE, "mta-sts CNAME mail");
	stands(w, "sub DNAME example.net.");
	stands(w, "mta-sts DNAME example.net.");
	cut(w, "sub DNAME example.net.");
	assert_plan(w, "+ sub.example.org. 300 A 192.0.2.1 | records 0\n"
		       "! mta-sts.example.org. CNAME other data at this name: DNAME\n"
		       "! www.sub.example.org. A the name is below a DNAME: "
		       "sub.example.org. 300 IN DNAME example.net.\n");
}

/* ---- mail --------------------------------------------------------------------------------------------------- */

static void test_mx_left_with_none(void **state)
{
	struct world *w = *state;

	had(w, 0, MZ_FAMILY_MX, "@ MX 10 mx");
	had(w, 0, RECORDS, "lists MX 10 mx");
	stands(w, "@ MX 10 mx");
	stands(w, "lists MX 10 mx");
	/* Only a domain of ours must keep one: what was written by hand may go. */
	assert_plan(w, "- lists.example.org. 300 MX 10 mx.example.org. | records 0\n"
		       "! example.org. MX the domain would be left without an MX\n");
	stands(w, "@ MX 20 theirs");
	assert_plan(w, "- lists.example.org. 300 MX 10 mx.example.org. | records 0\n"
		       "- example.org. 300 MX 10 mx.example.org. | mx 0\n");
}

static void test_null_mx_may_come(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 0 .");
	stands(w, "@ MX 10 mx");
	assert_plan(w, "- example.org. 300 MX 10 mx.example.org. | mx 0\n"
		       "+ example.org. 300 MX 0 . | mx 0\n");
}

static void test_two_spf(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www TXT \"v=spf1 -all\"");
	want(w, 0, RECORDS, EXACT, "@ TXT \"a-token\"");
	stands(w, "www TXT \"v=spf1 mx -all\"");
	stands(w, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ TXT \"V=spf1 a -all\"");
	/* Two that stand already are not our doing, and no reason to leave the rest undone. */
	assert_plan(w, "+ example.org. 300 TXT \"a-token\" | records 0\n"
		       "! www.example.org. TXT two SPF strings would stand at one name\n");
}

static void test_two_spf_of_two_domains(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "mail.example.org");

	want(w, 0, SPF, MATCH, "mail TXT \"v=spf1 a -all\"");
	want(w, sub, SPF, MATCH, "mail TXT \"v=spf1 mx -all\"");
	assert_plan(w, "! mail.example.org. TXT two SPF strings would stand at one name\n"
		       "! mail.example.org. TXT two SPF strings would stand at one name\n");
	assert_int_equal(w->plan.counts[0].refused, 1); /* none of them is as it should be */
	assert_int_equal(w->plan.counts[sub].refused, 1);
	w->domains[sub].active = false;
	stands(w, "mail TXT \"v=spf1 mx -all\"");
	assert_plan(w, "! mail.example.org. TXT two SPF strings would stand at one name\n");
}

static void test_spf_changes_hands(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www TXT \"v=spf1 -all\"");
	had(w, 0, SPF, "www TXT \"v=spf1 a -all\"");
	stands(w, "www TXT \"v=spf1 a -all\"");
	assert_plan(w, "- www.example.org. 300 TXT \"v=spf1 a -all\" | spf 0\n"
		       "+ www.example.org. 300 TXT \"v=spf1 -all\" | records 0\n");
}

/* ---- too much at once -------------------------------------------------------------------------------------------- */

static void many(struct world *w, int from, int to, bool wanted, bool published)
{
	char line[64] = "";

	for (int i = from; i < to; i++) {
		(void)snprintf(line, sizeof(line), "h%02d A 192.0.2.1", i);
		if (wanted)
			want(w, 0, RECORDS, EXACT, line);
		if (published) {
			had(w, 0, RECORDS, line);
			stands(w, line);
		}
	}
}

static void test_limit(void **state)
{
	struct world *w = *state;

	w->domains[0].delete_limit = 50;
	many(w, 0, 6, true, true);
	many(w, 6, 12, false, true);
	world_plan(w); /* 6 of 12: just as many as may go */
	assert_int_equal(w->plan.counts[0].del, 6);
	had(w, 0, RECORDS, "h99 A 192.0.2.1");
	stands(w, "h99 A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "www A 192.0.2.7");
	world_plan(w); /* 7 of 14 */
	assert_int_equal(w->plan.counts[0].del, 7);
	had(w, 0, RECORDS, "h98 A 192.0.2.1");
	stands(w, "h98 A 192.0.2.1");
	world_plan(w); /* 8 of 15 */
	assert_int_equal(w->plan.counts[0].del, 0);
	assert_int_equal(w->plan.counts[0].add, 1);
	assert_int_equal(w->plan.refusal_count, 8);
	assert_string_equal(w->plan.refusals[0].reason, "the plan would delete 8 of the domain's "
							"15 records; delete_limit is 50 percent");
	assert_int_equal(w->plan.ledger.count, 15);
}

static void test_five_may_always_go(void **state)
{
	struct world *w = *state;

	w->domains[0].delete_limit = 0;
	many(w, 0, 5, false, true);
	world_plan(w);
	assert_int_equal(w->plan.counts[0].del, 5);
	had(w, 0, RECORDS, "h99 A 192.0.2.1");
	stands(w, "h99 A 192.0.2.1");
	world_plan(w);
	assert_int_equal(w->plan.counts[0].del, 0);
	assert_int_equal(w->plan.refusal_count, 6);
}

/* What others put in our place is no loss of ours; nor is an RR that another one replaces. */
static void test_limit_counts_losses_only(void **state)
{
	struct world *w = *state;
	char line[64] = "";

	w->domains[0].delete_limit = 0;
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	for (int i = 0; i < 9; i++) {
		(void)snprintf(line, sizeof(line), "@ MX %d theirs.example.net.", i);
		stands(w, line);
		(void)snprintf(line, sizeof(line), "t TLSA 3 1 1 0%d", i);
		want(w, 0, MZ_FAMILY_TLSA, WHOLE, line);
		(void)snprintf(line, sizeof(line), "t TLSA 3 1 1 1%d", i);
		had(w, 0, MZ_FAMILY_TLSA, line);
		stands(w, line);
	}
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 0);
	assert_int_equal(w->plan.counts[0].del, 18);
	assert_int_equal(w->plan.counts[0].add, 10);
}

static void test_no_limit_for_withdraw(void **state)
{
	struct world *w = *state;

	w->domains[0].withdraw = true;
	w->domains[0].delete_limit = 0;
	many(w, 0, 20, false, true);
	had(w, 0, MZ_FAMILY_MX, "@ MX 10 mx");
	stands(w, "@ MX 10 mx");
	world_plan(w);
	assert_int_equal(w->plan.counts[0].del, 21);
	assert_int_equal(w->plan.refusal_count, 0);
}

/* The limit is each domain's own. */
static void test_limit_of_one_domain(void **state)
{
	struct world *w = *state;
	uint16_t sub = world_domain(w, "sub.example.org");

	w->domains[0].delete_limit = 10;
	many(w, 0, 6, false, true);
	had(w, sub, RECORDS, "www.sub A 192.0.2.1");
	stands(w, "www.sub A 192.0.2.1");
	assert_plan(w, "- www.sub.example.org. 300 A 192.0.2.1 | records 1\n"
		       "! h00.example.org. A the plan would delete 6 of the domain's 6 records; "
		       "delete_limit is 10 percent\n"
		       "! h01.example.org. A the plan would delete 6 of the domain's 6 records; "
		       "delete_limit is 10 percent\n"
		       "! h02.example.org. A the plan would delete 6 of the domain's 6 records; "
		       "delete_limit is 10 percent\n"
		       "! h03.example.org. A the plan would delete 6 of the domain's 6 records; "
		       "delete_limit is 10 percent\n"
		       "! h04.example.org. A the plan would delete 6 of the domain's 6 records; "
		       "delete_limit is 10 percent\n"
		       "! h05.example.org. A the plan would delete 6 of the domain's 6 records; "
		       "delete_limit is 10 percent\n");
}

/* What was refused stays refused, though the additions of the same plan made the ledger longer. */
static void test_limit_holds(void **state)
{
	struct world *w = *state;
	char line[64] = "";

	w->domains[0].delete_limit = 40;
	many(w, 0, 10, false, true);
	many(w, 10, 20, true, true);
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 10);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(line, sizeof(line), "n%d A 192.0.2.1", i);
		want(w, 0, RECORDS, EXACT, line);
	}
	world_plan(w);
	assert_int_equal(w->plan.counts[0].add, 4);
	assert_int_equal(w->plan.refusal_count, 10);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(line, sizeof(line), "n%d A 192.0.2.1", i);
		had(w, 0, RECORDS, line);
		stands(w, line);
	}
	world_plan(w);
	assert_int_equal(w->plan.counts[0].add, 0);
	assert_int_equal(w->plan.counts[0].del, 0);
	assert_int_equal(w->plan.refusal_count, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_takeover),
		CASE(test_takeover_of_our_own),
		CASE(test_selector_in_use),
		CASE(test_active_selector),
		CASE(test_active_selector_shared),
		CASE(test_tlsa_in_use),
		CASE(test_tlsa_withdrawn),
		CASE(test_held),
		CASE(test_cname_on_foreign_data),
		CASE(test_data_on_foreign_cname),
		CASE(test_foreign_cname_is_taken_over),
		CASE(test_foreign_cname_where_one_is_in_records),
		CASE(test_cname_to_data),
		CASE(test_data_to_cname_beside_foreign),
		CASE(test_cname_stays_for_the_limit),
		CASE(test_cname_and_data_of_two_domains),
		CASE(test_cname_that_is_refused_stays),
		CASE(test_two_cnames),
		CASE(test_delegation),
		CASE(test_in_place_below_a_delegation),
		CASE(test_dname),
		CASE(test_child_zone),
		CASE(test_mx_left_with_none),
		CASE(test_null_mx_may_come),
		CASE(test_two_spf),
		CASE(test_two_spf_of_two_domains),
		CASE(test_spf_changes_hands),
		CASE(test_limit),
		CASE(test_five_may_always_go),
		CASE(test_limit_counts_losses_only),
		CASE(test_no_limit_for_withdraw),
		CASE(test_limit_of_one_domain),
		CASE(test_limit_holds),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
