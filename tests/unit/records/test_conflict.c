/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that cannot stand together, and names that do not fit, are errors with a line. */
#include "tests/unit/records/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mz_facts none = {0};

/* Deriving fails with one error, at this line, that has these words; nothing is given out. */
static void assert_error_with(struct world *w, const struct mz_facts *facts, unsigned line,
			      const char *first, const char *second)
{
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	char where[64] = "";

	(void)snprintf(where, sizeof(where), "mailzone.conf:%u: error: ", line);
	assert_int_equal(mz_records_derive(&w->domain, facts, &list, &errors), MZ_EINVAL);
	assert_int_equal(list.count, 0);
	assert_int_equal(errors.count, 1);
	if (strncmp(errors.text.s, where, strlen(where)) != 0 ||
	    strstr(errors.text.s, first) == NULL || strstr(errors.text.s, second) == NULL)
		fail_msg("%s", errors.text.s);
	mz_conf_errors_clear(&errors);
}

static void assert_error(struct world *w, unsigned line, const char *first, const char *second)
{
	assert_error_with(w, &none, line, first, second);
}

static void assert_good(struct world *w)
{
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};

	if (mz_records_derive(&w->domain, &none, &list, &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	mz_rrlist_clear(&list);
}

static void test_own_target(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.mta_sts = &w.sts;
	assert_good(&w);
	w.system.hostname = name_of("mta-sts.example.org");
	assert_error(&w, 10, "its own target", "mta-sts");
	w.domain.publish &= ~(1u << MZ_FAMILY_MTA_STS);
	assert_good(&w);
	w.system.hostname = name_of("autodiscover.example.org");
	assert_error(&w, 10, "its own target", "autodiscover");
}

static void test_cname_and_host(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.mxs.count = 0;
	world_mx(&w, "autoconfig.example.org", 10);
	assert_error(&w, 10, "autoconfig-legacy and the TXT of spf", "autoconfig.example.org.");
}

static void test_cname_and_record(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_record(&w, "autoconfig A 192.0.2.1");
	assert_error(&w, 10, "autoconfig-legacy and the A of records", "autoconfig.example.org.");
}

static void test_two_cnames(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_record(&w, "autoconfig CNAME other");
	assert_error(&w, 10, "two different CNAMEs", "autoconfig-legacy");
	/* The very same one is no conflict. */
	w.records[0] = "autoconfig 60 CNAME MAIL";
	assert_good(&w);
}

static void test_cname_at_domain(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_record(&w, "@ CNAME elsewhere.example.");
	assert_error(&w, 10, "CNAME of records", "example.org.");
}

static void test_two_spf(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_record(&w, "@ TXT \"V=SPF1 \" \"a -all\"");
	assert_error(&w, 10, "two SPF records at example.org.", "records");
	w.records[0] = "@ TXT \"spf1 is not what this is\"";
	assert_good(&w);
	w.records[0] = "mail TXT \"v=spf1 -all\"";
	assert_error(&w, 10, "two SPF records at mail.example.org.", "records");
}

static void test_two_sole_texts(void **state)
{
	struct mz_fact_dkim keys[] = {{"s1", MZ_DKIM_RSA, "AAAA"}, {"S1", MZ_DKIM_ED25519, "BBBB"}};
	struct mz_facts facts = {.dkim = keys, .dkim_count = 2};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	assert_error_with(&w, &facts, 10, "two TXT records at s1._domainkey.example.org.", "dkim");
	world_record(&w, "_dmarc TXT \"v=DMARC1; p=none\"");
	assert_error(&w, 10, "two TXT records at _dmarc.example.org.", "of records");
}

static void test_null_mx(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_record(&w, "@ MX 0 .");
	assert_error(&w, 10, "null MX of records", "example.org.");
}

static void test_bad_records(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"www.example.net. A 192.0.2.1", "outside the zone"},
		{"www A 192.0.2.300", "www A 192.0.2.300"},
		{"www", "www"},
		{"", ""},
		{"@ NS ns1.example.net.", "belong to the server"},
		{"@ SOA a. b. 1 2 3 4 5", "belong to the server"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		world_init(&w, "example.org", "example.org");
		world_record(&w, "good A 192.0.2.1");
		world_record(&w, cases[i].line);
		assert_error(&w, 21, "example.org: the record \"", cases[i].words);
	}
}

/* A delegation below the origin is a record like any other. */
static void test_good_records(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "sub.example.org", "example.org");
	world_record(&w, "deeper NS ns1.example.net.");
	world_record(&w, "www.example.org. A 192.0.2.1");
	assert_good(&w);
}

static void test_all_are_reported(void **state)
{
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_record(&w, "nonsense");
	world_record(&w, "www.example.net. A 192.0.2.1");
	assert_int_equal(mz_records_derive(&w.domain, &none, &list, &errors), MZ_EINVAL);
	assert_int_equal(errors.count, 2);
	mz_conf_errors_clear(&errors);
	/* Conflicts too: both at once. */
	w.records[0] = "autoconfig A 192.0.2.1";
	w.records[1] = "autodiscover A 192.0.2.1";
	assert_int_equal(mz_records_derive(&w.domain, &none, &list, &errors), MZ_EINVAL);
	assert_int_equal(errors.count, 2);
	mz_conf_errors_clear(&errors);
}

static void test_long_names(void **state)
{
	/* 4 labels of 60: no room for "autodiscover." and the like, but for "_dmarc.". */
	char label[61] = "", name[256] = "";
	struct world w;

	(void)state;
	memset(label, 'a', 60);
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%s", label, label, label, label);
	world_init(&w, "example.org", "example.org");
	w.name = name_of(name);
	w.domain.publish = 1u << MZ_FAMILY_AUTODISCOVER;
	assert_error(&w, 10, "autodiscover", "too long");
	w.domain.publish = 1u << MZ_FAMILY_DMARC;
	assert_good(&w);
}

static void test_long_text(void **state)
{
	char spf[5000] = "v=spf1 ";
	struct world w;

	(void)state;
	memset(spf + 7, 'a', sizeof(spf) - 8);
	world_init(&w, "example.org", "example.org");
	w.domain.spf = spf;
	assert_error(&w, 10, "longer than 4096 octets", "spf");
	w.domain.spf = "v=spf1 -all";
	world_acme(&w, spf, "", false, "");
	assert_error(&w, 10, "longer than 4096 octets", "caa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_target),	 cmocka_unit_test(test_cname_and_host),
		cmocka_unit_test(test_cname_and_record), cmocka_unit_test(test_two_cnames),
		cmocka_unit_test(test_cname_at_domain),	 cmocka_unit_test(test_two_spf),
		cmocka_unit_test(test_two_sole_texts),	 cmocka_unit_test(test_null_mx),
		cmocka_unit_test(test_bad_records),	 cmocka_unit_test(test_good_records),
		cmocka_unit_test(test_all_are_reported), cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
