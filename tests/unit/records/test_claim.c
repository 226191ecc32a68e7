/* SPDX-License-Identifier: BSD-2-Clause */
/* Claims: which RRs of a shared RRset stand in the place of one of ours, and what each family claims. */
#include "tests/unit/records/support.h"

#include <string.h>

struct octets {
	uint8_t rdata[MZ_TXT_RDATA];
	size_t len;
};

static struct octets txt(const char *text)
{
	struct octets o = {0};

	assert_int_equal(mz_txt_from_text(text, o.rdata, &o.len), MZ_OK);
	return o;
}

static struct octets caa(uint8_t flags, const char *tag, const char *value)
{
	struct octets o = {.rdata = {flags, (uint8_t)strlen(tag)}};

	memcpy(o.rdata + 2, tag, strlen(tag));
	memcpy(o.rdata + 2 + strlen(tag), value, strlen(value));
	o.len = 2 + strlen(tag) + strlen(value);
	return o;
}

static bool matches(uint16_t type, enum mz_claim claim, const struct octets *want,
		    const struct octets *there)
{
	static const uint8_t owner[] = "\7example";
	struct mz_rr rr = {
		.owner = owner,
		.rdata = want->rdata,
		.type = type,
		.rdlen = (uint16_t)want->len,
		.claim = (uint8_t)claim,
	};

	return mz_claim_matches(&rr, there->rdata, there->len);
}

static void test_spf(void **state)
{
	static const struct {
		const char *there;
		bool ours;
	} cases[] = {
		{"v=spf1", true},
		{"v=spf1 -all", true},
		{"V=SPF1 mx", true},
		{"v=spf1 ", true},
		{"", false},
		{"v=spf", false},
		{"v=spf10 -all", false},
		{"v=spf1;-all", false},
		{"v=spf1\t-all", false},
		{" v=spf1 -all", false},
		{"x v=spf1 -all", false},
		{"google-site-verification=v=spf1 x", false},
		{"spf2.0/pra -all", false},
	};
	struct octets want = txt("v=spf1 mx -all");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct octets there = txt(cases[i].there);

		if (matches(MZ_TYPE_TXT, MZ_CLAIM_MATCH, &want, &there) != cases[i].ours)
			fail_msg("%s", cases[i].there);
	}
}

/* The joined text counts, wherever it is split; octets that are no TXT match nothing. */
static void test_odd_txt(void **state)
{
	static const struct octets split = {{2, 'v', '=', 5, 's', 'p', 'f', '1', ' '}, 9};
	static const struct octets nul = {{8, 'v', '=', 's', 'p', 'f', '1', 0, 'x'}, 9};
	static const struct octets broken = {{9, 'v', '=', 's', 'p', 'f', '1'}, 7};
	static const struct octets none = {{0}, 0}, blank = {{0}, 1};
	struct octets want = txt("v=spf1 mx -all");

	(void)state;
	assert_true(matches(MZ_TYPE_TXT, MZ_CLAIM_MATCH, &want, &split));
	assert_false(matches(MZ_TYPE_TXT, MZ_CLAIM_MATCH, &want, &nul));
	assert_false(matches(MZ_TYPE_TXT, MZ_CLAIM_MATCH, &want, &broken));
	assert_false(matches(MZ_TYPE_TXT, MZ_CLAIM_MATCH, &want, &none));
	assert_false(matches(MZ_TYPE_TXT, MZ_CLAIM_MATCH, &want, &blank));
}

static void test_persist(void **state)
{
	static const struct {
		const char *want, *there;
		bool ours;
	} cases[] = {
		{"ca.example; accounturi=https://a/1", "ca.example; accounturi=https://a/1", true},
		{"ca.example; accounturi=https://a/1",
		 "CA.Example ;  ACCOUNTURI = https://a/1 ; policy=wildcard", true},
		{"ca.example; accounturi=https://a/1; policy=wildcard",
		 "ca.example;accounturi=https://a/1", true},
		{"ca.example; accounturi=https://a/1", "ca.example; accounturi=https://a/2", false},
		{"ca.example; accounturi=https://a/1", "ca.example; accounturi=https://A/1", false},
		{"ca.example; accounturi=https://a/1", "other.example; accounturi=https://a/1",
		 false},
		{"ca.example; accounturi=https://a/1", "ca.example", false},
		{"ca.example; accounturi=https://a/1", "v=spf1 -all", false},
		{"ca.example; accounturi=https://a/1", "", false},
		{"ca.example; accounturi=https://a/1", ";;;===;", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct octets want = txt(cases[i].want), there = txt(cases[i].there);

		if (matches(MZ_TYPE_TXT, MZ_CLAIM_MATCH, &want, &there) != cases[i].ours)
			fail_msg("%s and %s", cases[i].want, cases[i].there);
	}
}

static void test_caa(void **state)
{
	static const struct {
		const char *tag, *value;
		uint8_t flags;
		const char *their_tag, *their_value;
		bool ours;
	} cases[] = {
		{"issue", "ca.example; accounturi=u", 0, "issue", "ca.example; accounturi=u", true},
		{"issue", "ca.example; accounturi=u", 128, "ISSUE", "CA.example;accounturi=u",
		 true},
		{"issue", "ca.example; accounturi=u", 0, "issue",
		 " ca.example ; validationmethods=dns-01; accounturi=u", true},
		{"issue", "ca.example; accounturi=u", 0, "issue", "ca.example", false},
		{"issue", "ca.example; accounturi=u", 0, "issue", "ca.example; accounturi=v",
		 false},
		{"issue", "ca.example; accounturi=u", 0, "issuewild", "ca.example; accounturi=u",
		 false},
		{"issue", "ca.example; accounturi=u", 0, "issue", ";", false},
		{"issue", "ca.example", 0, "issue", "ca.example", true},
		{"issue", "ca.example", 0, "issue", "ca.example; validationmethods=dns-01", true},
		{"issue", "ca.example", 0, "issue", "ca.example; accounturi=u", false},
		{"iodef", "mailto:a@b", 0, "iodef", "mailto:a@b", true},
		{"iodef", "mailto:a@b", 0, "IODEF", "mailto:a@b", true},
		{"iodef", "mailto:a@b", 0, "iodef", "mailto:c@b", false},
		{"iodef", "mailto:a@b", 0, "iodef", "mailto:a@b;x", false},
		{"iodef", "mailto:a@b", 0, "issue", "mailto:a@b", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct octets want = caa(0, cases[i].tag, cases[i].value);
		struct octets there = caa(cases[i].flags, cases[i].their_tag, cases[i].their_value);

		if (matches(MZ_TYPE_CAA, MZ_CLAIM_MATCH, &want, &there) != cases[i].ours)
			fail_msg("%s %s and %s %s", cases[i].tag, cases[i].value,
				 cases[i].their_tag, cases[i].their_value);
	}
}

static void test_odd_caa(void **state)
{
	static const struct octets odd[] = {{{0}, 0},
					    {{0}, 1},
					    {{0, 0}, 2},
					    {{0, 5, 'i', 's'}, 4},
					    {{0, 255, 'i'}, 3}};
	struct octets want = caa(0, "issue", "ca.example"), empty = caa(0, "issue", "");

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_false(matches(MZ_TYPE_CAA, MZ_CLAIM_MATCH, &want, &odd[i]));
	assert_false(matches(MZ_TYPE_CAA, MZ_CLAIM_MATCH, &want, &empty));
}

/* Only claims of the kind "match" are asked this question; other types have none. */
static void test_other_claims(void **state)
{
	struct octets spf = txt("v=spf1 -all");

	(void)state;
	assert_false(matches(MZ_TYPE_TXT, MZ_CLAIM_EXACT, &spf, &spf));
	assert_false(matches(MZ_TYPE_TXT, MZ_CLAIM_WHOLE, &spf, &spf));
	assert_false(matches(MZ_TYPE_TXT, MZ_CLAIM_NONE, &spf, &spf));
	assert_false(matches(MZ_TYPE_MX, MZ_CLAIM_MATCH, &spf, &spf));
}

/* The claim of each family, on real records. */
static void test_families(void **state)
{
	static const enum mz_claim claims[MZ_FAMILY_COUNT] = {
		[MZ_FAMILY_RECORDS] = MZ_CLAIM_EXACT,
		[MZ_FAMILY_TLSA] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_DKIM] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_SPF] = MZ_CLAIM_MATCH,
		[MZ_FAMILY_CAA] = MZ_CLAIM_MATCH,
		[MZ_FAMILY_AUTOCONFIG] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_AUTOCONFIG_LEGACY] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_AUTODISCOVER] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_SRV] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_MTA_STS] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_TLS_RPT] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_DMARC] = MZ_CLAIM_WHOLE,
		[MZ_FAMILY_MX] = MZ_CLAIM_WHOLE,
	};
	const struct mz_name owner = name_of("_993._tcp.mail.example.org");
	struct mz_fact_tlsa tlsa = {.owner = owner.wire, .set = {.count = 1}};
	struct mz_fact_dkim key = {"s1", MZ_DKIM_ED25519, ""};
	struct mz_facts facts = {.dkim = &key,
				 .dkim_count = 1,
				 .tlsa = &tlsa,
				 .tlsa_count = 1,
				 .autoconfig_digest = "x"};
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	mz_families seen = 0;
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.publish = MZ_FAMILIES_ALL;
	w.domain.mta_sts = &w.sts;
	world_service(&w, MZ_PROTO_IMAP, false, "mail.example.org");
	world_acme(&w, "ca.example", "https://a/1", true, "");
	world_record(&w, "www A 192.0.2.1");
	if (mz_records_derive(&w.domain, &facts, &list, &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	for (size_t i = 0; i < list.count; i++) {
		assert_true(list.rr[i].family > 0 && list.rr[i].family < MZ_FAMILY_COUNT);
		assert_int_equal(list.rr[i].claim, claims[list.rr[i].family]);
		seen |= 1u << list.rr[i].family;
	}
	assert_int_equal(seen, MZ_FAMILIES_ALL);
	/* What is ours matches itself. */
	for (size_t i = 0; i < list.count; i++) {
		if (list.rr[i].claim == MZ_CLAIM_MATCH)
			assert_true(
				mz_claim_matches(&list.rr[i], list.rr[i].rdata, list.rr[i].rdlen));
	}
	mz_rrlist_clear(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spf),	 cmocka_unit_test(test_odd_txt),
		cmocka_unit_test(test_persist),	 cmocka_unit_test(test_caa),
		cmocka_unit_test(test_odd_caa),	 cmocka_unit_test(test_other_claims),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
