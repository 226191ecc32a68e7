/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole domains, derived: every record against zone files that were written by hand. */
#include "tests/unit/records/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Loads facts, derives, compares. Facts of DKIM may be given. */
static void assert_world(struct world *w, struct mz_fact_dkim *keys, size_t count, const char *file)
{
	struct mz_conf_errors errors = {0};
	struct mz_facts_cache *cache = NULL;
	struct mz_facts facts = {0};
	struct mz_rrlist list = {0};

	assert_int_equal(mz_facts_cache_new(&cache), MZ_OK);
	if (mz_facts_load(&facts, cache, &w->domain, NULL, 1790000000, &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	if (keys != NULL) {
		facts.dkim = keys;
		facts.dkim_count = count;
	}
	if (mz_records_derive(&w->domain, &facts, &list, &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	assert_int_equal(errors.count, 0);
	assert_ordered(&list);
	assert_zone(&list, file);
	mz_rrlist_clear(&list);
	mz_facts_clear(&facts);
	mz_facts_cache_free(cache);
}

static void every_world(struct world *w)
{
	world_init(w, "example.org", "example.org");
	w->domain.publish = MZ_FAMILIES_ALL;
	w->mxs.count = 0;
	world_mx(w, "mx1.example.org", 10);
	world_mx(w, "mx2.example.org", 20);
	world_service(w, MZ_PROTO_IMAP, true, "imap.example.org");
	world_service(w, MZ_PROTO_POP3, true, "mail.example.org");
	world_service(w, MZ_PROTO_SMTP, true, "mail.example.org");
	world_service(w, MZ_PROTO_JMAP, true, "mail.example.org");
	world_service(w, MZ_PROTO_CALDAV, false, "dav.example.net");
	world_service(w, MZ_PROTO_CARDDAV, false, "dav.example.net");
	world_service(w, MZ_PROTO_MANAGESIEVE, true, "mail.example.org");
	w->sts = (struct mz_conf_sts){.mode = MZ_STS_ENFORCE, .max_age = 604800};
	w->domain.mta_sts = &w->sts;
	w->system.autoconfig_document = data_file("autoconfig.json", 0644);
	world_acme(w, "letsencrypt.org", "https://acme.example/acct/1", true, "wildcard");
	world_acme(w, "pki.goog", "", true, "");
	world_certificate(w, data_file("chain.pem", 0644), data_file("ec.pub.pem", 0644), NULL);
	world_certificate(w, data_file("chain-rsa.pem", 0644), NULL, "mx1.example.org",
			  "imap.example.org", NULL);
	world_certificate(w, data_file("chain-wild.pem", 0644), NULL, "mail.example.org",
			  "mta-sts.example.org", "autoconfig.example.org", NULL);
	world_key(w, "s1", data_file("rsa2048.pem", 0600));
	world_key(w, "s2", data_file("ed25519.pub.pem", 0644));
	world_record(w, "www 300 IN A 192.0.2.80");
	world_record(w, "@ IN TXT \"google-site-verification=abc123\"");
	world_record(w, "ftp.example.org. IN CNAME www");
}

static void test_every_family(void **state)
{
	struct world w;

	(void)state;
	every_world(&w);
	assert_world(&w, NULL, 0, "every.zone");
}

static void test_below_the_origin(void **state)
{
	struct mz_fact_dkim keys[] = {
		{"v1-ed25519-20261101", MZ_DKIM_ED25519,
		 "INz1wjNQfRjAsvhNP4b4pjzutea/Z7GHRmsTe8ujac0="},
		{"v1-rsa-20261101", MZ_DKIM_RSA, ""},
	};
	struct world w;

	(void)state;
	world_init(&w, "sub.example.org", "example.org");
	w.domain.publish = MZ_FAMILIES_ALL & ~(1u << MZ_FAMILY_MTA_STS);
	w.domain.server = NULL;
	w.domain.automatic = false;
	w.domain.dkim_automatic = true;
	w.domain.report_address = "";
	w.domain.spf = "v=spf1 mx ~all";
	w.domain.dmarc = "v=DMARC1; p=none";
	w.system.hostname = name_of("mx1.example.org");
	w.mxs.count = 0;
	world_mx(&w, "mx.sub.example.org", 10);
	world_mx(&w, "mx1.example.org", 20);
	world_service(&w, MZ_PROTO_JMAP, false, "mx1.example.org");
	w.sts = (struct mz_conf_sts){.mode = MZ_STS_ENFORCE, .max_age = 604800};
	w.domain.mta_sts = &w.sts;
	world_certificate(&w, data_file("chain-wild.pem", 0644), NULL, NULL);
	world_record(&w, "www IN AAAA 2001:db8::80");
	world_record(&w, "other.example.org. 60 A 192.0.2.1");
	assert_world(&w, keys, 2, "below.zone");
}

static void test_no_mail(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "parked.example", "parked.example");
	w.domain.publish = MZ_FAMILIES_ALL;
	w.domain.no_mail = true;
	w.domain.system = NULL;
	w.domain.mx = NULL;
	w.domain.acme = NULL;
	w.domain.server = NULL;
	w.domain.spf = w.domain.dmarc = "";
	w.domain.report_address = "https://reports.example.net/dmarc";
	world_record(&w, "www 600 A 192.0.2.81");
	assert_world(&w, NULL, 0, "no-mail.zone");
}

static void test_hosts_outside(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.com", "example.com");
	w.domain.publish = MZ_FAMILIES_ALL;
	w.domain.report_address = "mailto:abuse";
	w.domain.spf = "v=spf1 include:provider.net -all";
	w.domain.dmarc = "v=DMARC1; p=quarantine; RUA = mailto:d@provider.net;";
	w.system.hostname = name_of("mx.provider.net");
	w.mxs.count = 0;
	world_mx(&w, "mx.provider.net", 5);
	world_service(&w, MZ_PROTO_IMAP, false, "imap.provider.net");
	w.sts_mx[0] = "*.provider.net";
	w.sts = (struct mz_conf_sts){.mode = MZ_STS_TESTING,
				     .max_age = 86400,
				     .mx = w.sts_mx,
				     .mx_count = 1};
	w.domain.mta_sts = &w.sts;
	world_certificate(&w, data_file("selfsigned.pem", 0644), NULL, "mx.provider.net",
			  "imap.provider.net", NULL);
	assert_world(&w, NULL, 0, "outside.zone");
}

static void test_idn(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "xn--bcher-kva.example", "xn--bcher-kva.example");
	w.domain.publish = MZ_FAMILIES_ALL;
	w.domain.spf = "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 ip4:203.0.113.0/24 "
		       "ip6:2001:db8:1::/48 ip6:2001:db8:2::/48 ip6:2001:db8:3::/48 "
		       "ip6:2001:db8:4::/48 ip6:2001:db8:5::/48 ip6:2001:db8:6::/48 "
		       "ip6:2001:db8:7::/48 ip6:2001:db8:8::/48 ip6:2001:db8:9::/48 "
		       "ip6:2001:db8:a::/48 -all";
	w.system.hostname = w.name;
	w.mxs.count = 0;
	world_mx(&w, "xn--bcher-kva.example", 10);
	w.sts = (struct mz_conf_sts){.mode = MZ_STS_NONE, .max_age = 86400};
	w.domain.mta_sts = &w.sts;
	world_certificate(&w, data_file("selfsigned.pem", 0644), NULL, "xn--bcher-kva.example",
			  NULL);
	assert_world(&w, NULL, 0, "idn.zone");
}

/* ---- one thing at a time --------------------------------------------------------------------- */

/* The joined text of the only TXT RR at LABELS.DOMAIN; NULL for none. The caller frees it. */
static char *text_at(struct world *w, const char *labels)
{
	const struct mz_facts none = {0};
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	struct mz_name owner = {0};
	struct mz_str text = {0};
	size_t i = 0;

	if (mz_records_derive(&w->domain, &none, &list, &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	assert_int_equal(mz_name_prefix(&owner, labels, w->domain.name), MZ_OK);
	i = mz_rrlist_find(&list, owner.wire, MZ_TYPE_TXT);
	if (i < list.count && list.rr[i].type == MZ_TYPE_TXT &&
	    mz_name_equal(list.rr[i].owner, owner.wire)) {
		assert_int_equal(mz_rrlist_rrset_end(&list, i), i + 1);
		assert_true(mz_txt_join(list.rr[i].rdata, list.rr[i].rdlen, &text));
	}
	mz_rrlist_clear(&list);
	return text.s;
}

static void assert_text_at(struct world *w, const char *labels, const char *want)
{
	char *got = text_at(w, labels);

	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
	free(got);
}

static void test_dmarc_rua(void **state)
{
	static const struct {
		const char *setting, *report, *want;
	} cases[] = {
		{"v=DMARC1; p=reject", "mailto:postmaster",
		 "v=DMARC1; p=reject; rua=mailto:postmaster@example.org"},
		{"v=DMARC1; p=reject;", "mailto:postmaster",
		 "v=DMARC1; p=reject; rua=mailto:postmaster@example.org"},
		{"v=DMARC1; p=reject ; ", "mailto:a@b.example",
		 "v=DMARC1; p=reject; rua=mailto:a@b.example"},
		{"v=DMARC1; p=reject;", "", "v=DMARC1; p=reject;"},
		{"v=DMARC1;p=none;rua=mailto:x@y", "mailto:postmaster",
		 "v=DMARC1;p=none;rua=mailto:x@y"},
		{"v=DMARC1; p=none;\tRua\t= mailto:x@y", "mailto:postmaster",
		 "v=DMARC1; p=none;\tRua\t= mailto:x@y"},
		/* Not the tag itself. */
		{"v=DMARC1; p=none; xrua=1", "https://r.example/",
		 "v=DMARC1; p=none; xrua=1; rua=https://r.example/"},
		{"v=DMARC1; p=none; ruaa=1", "https://r.example/",
		 "v=DMARC1; p=none; ruaa=1; rua=https://r.example/"},
		{"v=DMARC1; p=none; ruf=mailto:rua=x@y", "https://r.example/",
		 "v=DMARC1; p=none; ruf=mailto:rua=x@y; rua=https://r.example/"},
		{"v=DMARC1; p=none; rua", "https://r.example/",
		 "v=DMARC1; p=none; rua; rua=https://r.example/"},
		{"v=DMARC1; p=none", "MAILTO:d?subject=a@b",
		 "v=DMARC1; p=none; rua=MAILTO:d@example.org?subject=a@b"},
		{"", "mailto:postmaster", NULL},
	};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w.domain.dmarc = cases[i].setting;
		w.domain.report_address = cases[i].report;
		assert_text_at(&w, "_dmarc", cases[i].want);
	}
}

static void test_no_report_address(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.report_address = "";
	assert_text_at(&w, "_smtp._tls", NULL);
	assert_text_at(&w, "_dmarc", "v=DMARC1; p=reject");
}

static void test_host_spf(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	assert_text_at(&w, "mail", "v=spf1 a -all");
	w.system.host_spf = "";
	assert_text_at(&w, "mail", NULL);
	w.domain.publish &= ~(1u << MZ_FAMILY_SPF);
	w.system.host_spf = "v=spf1 a -all";
	assert_text_at(&w, "mail", NULL);
}

/* A host that is a mail domain itself has one SPF: its own. */
static void test_host_is_a_domain(void **state)
{
	struct world w;
	struct mz_name host = {0};
	struct mz_conf_domain other = {0};
	const struct mz_conf_domain *domains[] = {&w.domain, &other}; /* ordered by name */
	const struct mz_conf_zone zone = {.domains = domains, .domain_count = 2};

	(void)state;
	world_init(&w, "example.org", "example.org");
	assert_int_equal(mz_name_from_text(&host, "mail.example.org", NULL, NULL), MZ_OK);
	other.name = host.wire;
	other.publish = MZ_FAMILIES_ALL;
	w.domain.zone = &zone;
	assert_text_at(&w, "mail", NULL);
	other.publish &= ~(1u << MZ_FAMILY_SPF);
	assert_text_at(&w, "mail", "v=spf1 a -all");
}

static void test_persist_needs_an_account(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_acme(&w, "letsencrypt.org", "", true, "wildcard");
	assert_text_at(&w, "_validation-persist", NULL);
	w.acme[0].account_uri = "https://acme.example/1";
	w.acme[0].persist = false;
	assert_text_at(&w, "_validation-persist", NULL);
	w.acme[0].persist = true;
	w.acme[0].policy = "";
	assert_text_at(&w, "_validation-persist",
		       "letsencrypt.org; accounturi=https://acme.example/1");
}

static void test_sts_policy(void **state)
{
	struct mz_str text = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	assert_int_equal(mz_records_sts_policy(&w.domain, &text), MZ_EINVAL);
	w.sts = (struct mz_conf_sts){.mode = MZ_STS_ENFORCE, .max_age = 604800};
	w.domain.mta_sts = &w.sts;
	assert_int_equal(mz_records_sts_policy(&w.domain, &text), MZ_OK);
	assert_string_equal(text.s, "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\n"
				    "max_age: 604800\r\n");
	mz_str_clear(&text);
}

/* Equal records of two families are one, of the first family. */
static void test_merge(void **state)
{
	const struct mz_facts none = {0};
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.publish = 1u << MZ_FAMILY_RECORDS | 1u << MZ_FAMILY_SPF;
	w.system.host_spf = "";
	world_record(&w, "@ 60 IN TXT \"v=spf1 mx -all\"");
	assert_int_equal(mz_records_derive(&w.domain, &none, &list, &errors), MZ_OK);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.rr[0].family, MZ_FAMILY_RECORDS);
	assert_int_equal(list.rr[0].claim, MZ_CLAIM_EXACT);
	assert_int_equal(list.rr[0].ttl, 60);
	mz_rrlist_clear(&list);
}

/* An MX of the list beside ours: one RRset, wholly ours, with one TTL. */
static void test_level(void **state)
{
	const struct mz_facts none = {0};
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.publish = 1u << MZ_FAMILY_RECORDS | 1u << MZ_FAMILY_MX;
	world_record(&w, "@ 60 IN MX 90 backup.example.net.");
	world_record(&w, "@ 30 IN TXT \"a\"");
	world_record(&w, "@ 90 IN TXT \"b\"");
	assert_int_equal(mz_records_derive(&w.domain, &none, &list, &errors), MZ_OK);
	assert_int_equal(list.count, 4);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(list.rr[i].type, MZ_TYPE_MX);
		assert_int_equal(list.rr[i].ttl, 60);
		assert_int_equal(list.rr[i].claim, MZ_CLAIM_WHOLE);
	}
	assert_int_equal(list.rr[2].ttl, 30);
	assert_int_equal(list.rr[3].ttl, 90);
	assert_int_equal(list.rr[3].claim, MZ_CLAIM_EXACT);
	mz_rrlist_clear(&list);
}

/* Deriving adds to a list that has RRs already, and keeps it in order. */
static void test_adds(void **state)
{
	const struct mz_facts none = {0};
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	struct world w, other;
	size_t first = 0;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_init(&other, "example.net", "example.net");
	assert_int_equal(mz_records_derive(&w.domain, &none, &list, &errors), MZ_OK);
	first = list.count;
	assert_true(first > 0);
	assert_int_equal(mz_records_derive(&other.domain, &none, &list, &errors), MZ_OK);
	assert_int_equal(list.count, 2 * first);
	assert_ordered(&list);
	mz_rrlist_clear(&list);
}

static void digest_of(struct world *w, uint8_t digest[MZ_DIGEST])
{
	const struct mz_facts none = {0};
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};

	assert_int_equal(mz_records_derive(&w->domain, &none, &list, &errors), MZ_OK);
	mz_records_digest(&list, digest);
	mz_rrlist_clear(&list);
}

static void test_digest(void **state)
{
	uint8_t first[MZ_DIGEST] = {0}, other[MZ_DIGEST] = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	digest_of(&w, first);
	digest_of(&w, other);
	assert_memory_equal(first, other, MZ_DIGEST);
	w.server.ttl = 3601;
	digest_of(&w, other);
	assert_memory_not_equal(first, other, MZ_DIGEST);
	w.server.ttl = 3600;
	w.domain.spf = "v=spf1 mx ~all";
	digest_of(&w, other);
	assert_memory_not_equal(first, other, MZ_DIGEST);
	w.domain.spf = "v=spf1 mx -all";
	digest_of(&w, other);
	assert_memory_equal(first, other, MZ_DIGEST);
}

static void test_digest_of_claims(void **state)
{
	static const uint8_t owner[] = "\7example", rdata[] = {1, 'x'};
	struct mz_rr rr = {
		.owner = owner,
		.rdata = rdata,
		.ttl = 300,
		.type = MZ_TYPE_TXT,
		.rdlen = 2,
		.family = MZ_FAMILY_SPF,
		.claim = MZ_CLAIM_MATCH,
	};
	struct mz_rrlist list = {.rr = &rr, .count = 1};
	uint8_t first[MZ_DIGEST] = {0}, other[MZ_DIGEST] = {0};

	(void)state;
	mz_records_digest(&list, first);
	rr.domain = 7; /* the holder's business */
	mz_records_digest(&list, other);
	assert_memory_equal(first, other, MZ_DIGEST);
	rr.claim = MZ_CLAIM_EXACT;
	mz_records_digest(&list, other);
	assert_memory_not_equal(first, other, MZ_DIGEST);
	rr.claim = MZ_CLAIM_MATCH;
	rr.family = MZ_FAMILY_RECORDS;
	mz_records_digest(&list, other);
	assert_memory_not_equal(first, other, MZ_DIGEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_family),
		cmocka_unit_test(test_below_the_origin),
		cmocka_unit_test(test_no_mail),
		cmocka_unit_test(test_hosts_outside),
		cmocka_unit_test(test_idn),
		cmocka_unit_test(test_dmarc_rua),
		cmocka_unit_test(test_no_report_address),
		cmocka_unit_test(test_host_spf),
		cmocka_unit_test(test_host_is_a_domain),
		cmocka_unit_test(test_persist_needs_an_account),
		cmocka_unit_test(test_sts_policy),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_adds),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_digest_of_claims),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
