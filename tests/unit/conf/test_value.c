/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations, addresses, host names and the texts of records. */
#include "src/conf/value.h"

#include "tests/unit/conf/helper.h"

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: not a duration */
	} rows[] = {
		{"90d", 7776000},
		{"30s", 30},
		{"1h", 3600},
		{"2w", 1209600},
		{"1m", 60},
		{"0s", 0},
		{"45", 45},
		{"007s", 7},
		{"", -1},
		{"d", -1},
		{"-1s", -1},
		{"+1s", -1},
		{"1 s", -1},
		{" 1s", -1},
		{"1x", -1},
		{"1y", -1},
		{"1S", -1},
		{"1ms", -1},
		{"1h30m", -1},
		{"1.5h", -1},
		{"1s ", -1},
		{"0x10s", -1},
		{"4611686018427387904s", 4611686018427387904},
		{"4611686018427387905s", -1},
		{"7625143879212w", -1},
		{"99999999999999999999999d", -1},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t seconds = -1;
		bool good = conf_duration_parse(rows[i].text, &seconds);

		if (good != (rows[i].seconds >= 0) || (good && seconds != rows[i].seconds))
			fail_msg("\"%s\": %d, %lld", rows[i].text, good, (long long)seconds);
	}
}

static void test_duration_text(void **state)
{
	char buf[CONF_DURATION_TEXT] = "";

	(void)state;
	assert_string_equal(conf_duration_text(0, buf), "0s");
	assert_string_equal(conf_duration_text(30, buf), "30s");
	assert_string_equal(conf_duration_text(3600, buf), "1h");
	assert_string_equal(conf_duration_text(604800, buf), "7d");
	assert_string_equal(conf_duration_text(31536000, buf), "365d");
	assert_string_equal(conf_duration_text(INT64_MAX, buf), "9223372036854775807s");
	assert_string_equal(conf_duration_text(INT64_MIN, buf), "-9223372036854775808s");
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *text;
		uint16_t port; /* the default */
		const char *host;
		uint16_t want; /* 0: refused */
	} rows[] = {
		{"192.0.2.54", 53, "192.0.2.54", 53},
		{"192.0.2.54:5300", 53, "192.0.2.54", 5300},
		{"[2001:db8::54]:53", 53, "2001:db8::54", 53},
		{"[2001:db8::54]", 53, "2001:db8::54", 53},
		{"2001:db8::1", 53, "2001:db8::1", 53},
		{"2001:DB8:0:0:0:0:0:1", 53, "2001:db8::1", 53},
		{"::1", 53, "::1", 53},
		{"127.0.0.1:65535", 0, "127.0.0.1", 65535},
		{"127.0.0.1", 0, "", 0},
		{"[::1]", 0, "", 0},
		{"::1", 0, "", 0},
		{"127.0.0.1:0", 53, "", 0},
		{"127.0.0.1:65536", 53, "", 0},
		{"127.0.0.1:", 53, "", 0},
		{"127.0.0.1:-1", 53, "", 0},
		{"127.0.0.1: 53", 53, "", 0},
		{"127.0.0.1:53x", 53, "", 0},
		{"[::1]53", 53, "", 0},
		{"[::1", 53, "", 0},
		{"[192.0.2.1]:53", 53, "", 0},
		{"[fe80::1%lo]:53", 53, "", 0},
		{"ns1.example.org", 53, "", 0},
		{"ns1.example.org:53", 53, "", 0},
		{"localhost:53", 53, "", 0},
		{"127.1:53", 53, "", 0},
		{"", 53, "", 0},
		{":53", 53, "", 0},
		{"[]:53", 53, "", 0},
		{"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd]:53", 53, "",
		 0},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mz_endpoint got = {.port = 0};
		const char *why = conf_endpoint_parse(rows[i].text, rows[i].port, &got);

		if ((why == NULL) != (rows[i].want > 0))
			fail_msg("\"%s\": %s", rows[i].text, why ? why : "taken");
		if (why)
			continue;
		assert_string_equal(got.host, rows[i].host);
		assert_int_equal(got.port, rows[i].want);
	}
}

static void test_hosts(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: good */
	} rows[] = {
		{"mail.example.org", NULL},
		{"MAIL.Example.ORG.", NULL},
		{"xn--bcher-kva.example", NULL},
		{"1a.2b", NULL},
		{"", "is empty"},
		{".", "has an empty label"},
		{"a..b", "has an empty label"},
		{".a", "has an empty label"},
		{"b\xc3\xbc"
		 "cher.example",
		 "has letters outside ASCII: use the A-label form"},
		{"192.0.2.1", "is an address"},
		{"2001:db8::1", "is an address"},
		{"[192.0.2.1]", "is an address"},
		{"a.1", "is not a host name: its last label is a number"},
		{"a_b.example", "is not a host name: only letters"},
		{"*.example", "is not a host name: only letters"},
		{"a b.example", "is not a host name: only letters"},
		{"a\\046b.example", "is not a host name: only letters"},
		{"-a.example", "has a label that starts or ends with a hyphen"},
		{"a-.example", "has a label that starts or ends with a hyphen"},
		{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123.example", NULL},
		{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234.example",
		 "has a label of more than 63"},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mz_name name = {{0}, 0};
		const char *why = conf_host_parse(rows[i].text, &name);

		if ((why == NULL) != (rows[i].why == NULL) ||
		    (why && strncmp(why, rows[i].why, strlen(rows[i].why)) != 0))
			fail_msg("\"%s\": %s", rows[i].text, why ? why : "taken");
	}
}

static void test_host_wire(void **state)
{
	static const char label[] =
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12.";
	struct mz_name name = {{0}, 0};
	char text[400] = "";

	(void)state;
	assert_null(conf_host_parse("Mail.Example.Org.", &name));
	assert_int_equal(name.len, 18);
	assert_memory_equal(name.wire, "\4mail\7example\3org", 18);
	/* Four labels of 62 and a root make 253 octets: one letter more fits, two do not. */
	(void)snprintf(text, sizeof text, "%s%s%s%s", label, label, label, label);
	assert_null(conf_host_parse(text, &name));
	assert_int_equal(name.len, 253);
	(void)snprintf(text, sizeof text, "a.%s%s%s%s", label, label, label, label);
	assert_null(conf_host_parse(text, &name));
	assert_int_equal(name.len, 255);
	(void)snprintf(text, sizeof text, "ab.%s%s%s%s", label, label, label, label);
	assert_string_equal(conf_host_parse(text, &name), "is longer than 255 octets");
}

struct text_row {
	const char *text;
	bool good;
};

static void check_rows(const struct text_row *rows, size_t count,
		       const char *(*check)(const char *))
{
	size_t i = 0;

	for (i = 0; i < count; i++) {
		const char *why = check(rows[i].text);

		if ((why == NULL) != rows[i].good)
			fail_msg("\"%s\": %s", rows[i].text, why ? why : "taken");
	}
}
#define CHECK_ROWS(rows, check) check_rows(rows, sizeof(rows) / sizeof *(rows), check)

static void test_spf(void **state)
{
	static const struct text_row rows[] = {
		{"v=spf1 mx -all", true},
		{"v=spf1", true},
		{"V=SPF1 -all", true},
		{"v=spf1 ", true},
		{"", false},
		{"v=spf10", false},
		{"v=spf1\t-all", false},
		{"v=spf2.0/pra", false},
		{" v=spf1 -all", false},
		{"v=spf1 \xc3\xbc", false},
		{"mx -all", false},
	};

	(void)state;
	CHECK_ROWS(rows, conf_spf_check);
}

static void test_dmarc(void **state)
{
	static const struct text_row rows[] = {
		{"v=DMARC1; p=reject", true},
		{"v=DMARC1;p=none", true},
		{"v=DMARC1 ; p = quarantine ; rua=mailto:a@b", true},
		{"v=DMARC1; sp=none; p=Reject;", true},
		{"v=DMARC1", false},
		{"v=DMARC1;", false},
		{"v=DMARC1; sp=reject", false},
		{"v=DMARC1; p=", false},
		{"v=DMARC1; p=rejected", false},
		{"v=DMARC1; p=rej", false},
		{"v=DMARC12; p=reject", false},
		{"v=dmarc1; p=reject", false},
		{"p=reject; v=DMARC1", false},
		{"v=DMARC1; p=reject; x=\xc3\xbc", false},
		{"", false},
	};

	(void)state;
	CHECK_ROWS(rows, conf_dmarc_check);
}

static void test_report(void **state)
{
	static const struct text_row rows[] = {
		{"", true},
		{"mailto:postmaster", true},
		{"mailto:a@example.org", true},
		{"https://example.org/report?x=1", true},
		{"mailto:a%2Cb@example.org", true},
		{"mailto:", false},
		{"mailto:@", false},
		{"postmaster@example.org", false},
		{"http://example.org/", false},
		{"mailto:a@example.org,mailto:b@example.org", false},
		{"mailto:a@example.org!10m", false},
		{"mailto:a;b@example.org", false},
		{"mailto:a b@example.org", false},
		{"mailto:\"a\"@example.org", false},
		{"mailto:\xc3\xbc@example.org", false},
	};

	(void)state;
	CHECK_ROWS(rows, conf_report_check);
}

static void test_selector(void **state)
{
	static const struct text_row rows[] = {
		{"s1", true},	{"a.b", true},	     {"v1-rsa_x", true}, {"", false},
		{".", false},	{"a.", false},	     {"-a", false},	 {"a b", false},
		{"a/b", false}, {"\xc3\xbc", false},
	};

	(void)state;
	CHECK_ROWS(rows, conf_selector_check);
}

static void test_account(void **state)
{
	static const struct text_row rows[] = {
		{"https://acme.example/acct/1", true},
		{"", false},
		{"acct", false},
		{"https:", false},
		{":x", false},
		{"https://a b", false},
		{"https://a;b", false},
		{"https://a\"b", false},
	};

	(void)state;
	CHECK_ROWS(rows, conf_account_check);
}

static void test_text(void **state)
{
	char *text = malloc(MZ_TXT_MAX + 2);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', MZ_TXT_MAX + 1);
	text[MZ_TXT_MAX] = '\0';
	assert_null(conf_text_check(text));
	text[MZ_TXT_MAX] = 'x';
	text[MZ_TXT_MAX + 1] = '\0';
	assert_non_null(conf_text_check(text));
	assert_non_null(conf_text_check("a\tb"));
	free(text);
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *host;
		bool match;
	} rows[] = {
		{"mx1.example.org", "mx1.example.org", true},
		{"MX1.example.org.", "mx1.example.org", true},
		{"mx1.example.org", "mx2.example.org", false},
		{"*.example.org", "mx1.example.org", true},
		{"*.example.org", "example.org", false},
		{"*.example.org", "a.mx1.example.org", false},
		{"*.example.org", "mx1.example.net", false},
		{"*.*.org", "a.b.org", false},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mz_name host = {{0}, 0};

		assert_null(conf_host_parse(rows[i].host, &host));
		if (conf_pattern_match(rows[i].pattern, host.wire) != rows[i].match)
			fail_msg("%s, %s", rows[i].pattern, rows[i].host);
	}
	assert_null(conf_pattern_check("*.example.org"));
	assert_non_null(conf_pattern_check("mx*.example.org"));
	assert_non_null(conf_pattern_check("*"));
	assert_non_null(conf_pattern_check(""));
}

static void test_quote(void **state)
{
	char buf[CONF_QUOTE_TEXT] = "", text[300] = "";

	(void)state;
	assert_string_equal(conf_quote("a\nb\x7f\xff", buf), "a\\x0ab\\x7f\\xff");
	memset(text, '\n', sizeof text - 1);
	(void)conf_quote(text, buf);
	assert_true(strlen(buf) < CONF_QUOTE_TEXT);
	assert_string_equal(buf + strlen(buf) - 3, "...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations), cmocka_unit_test(test_duration_text),
		cmocka_unit_test(test_endpoints), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_host_wire), cmocka_unit_test(test_spf),
		cmocka_unit_test(test_dmarc),	  cmocka_unit_test(test_report),
		cmocka_unit_test(test_selector),  cmocka_unit_test(test_account),
		cmocka_unit_test(test_text),	  cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
