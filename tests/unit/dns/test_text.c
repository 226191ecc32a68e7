/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of RRs from and to zone-file syntax. */
#include "tests/unit/dns/help.h"

/* Reads a line and prints the record again. */
static void expect(const char *line, const char *printed)
{
	struct mz_rrlist list = {0};
	struct mz_cause cause = {{0}};
	struct mz_str text = {0};

	if (mz_rr_from_text(&list, line, EXAMPLE, 300, NULL, &cause) != MZ_OK)
		fail_msg("%s: %s", line, cause.text);
	assert_int_equal(list.count, 1);
	mz_rr_to_text(&list.rr[0], &text);
	assert_string_equal(text.s, printed);
	mz_str_clear(&text);
	mz_rrlist_clear(&list);
}

static void expect_error(const char *line, int err, const char *why)
{
	struct mz_rrlist list = {0};
	struct mz_cause cause = {{0}};
	int got = mz_rr_from_text(&list, line, EXAMPLE, 300, NULL, &cause);

	if (got != err || strstr(cause.text, why) == NULL)
		fail_msg("%s: %d, \"%s\" for %d, \"%s\"", line, got, cause.text, err, why);
	assert_int_equal(list.count, 0);
	assert_int_equal(mz_rr_from_text(&list, line, EXAMPLE, 300, NULL, NULL), err);
	mz_rrlist_clear(&list);
}

static void records_of_mail(void **state)
{
	(void)state;
	expect("www A 192.0.2.80", "www.example.org. 300 IN A 192.0.2.80");
	expect("www 60 IN AAAA 2001:DB8::1", "www.example.org. 60 IN AAAA 2001:db8::1");
	expect("@ MX 10 Mail", "example.org. 300 IN MX 10 Mail.example.org.");
	expect("@ MX 0 .", "example.org. 300 IN MX 0 .");
	expect("x.Example.NET. CNAME y", "x.example.net. 300 IN CNAME y.example.org.");
	expect("@ TXT \"v=spf1 mx -all\"", "example.org. 300 IN TXT \"v=spf1 mx -all\"");
	expect("_imaps._tcp SRV 0 1 993 mail",
	       "_imaps._tcp.example.org. 300 IN SRV 0 1 993 mail.example.org.");
	expect("@ CAA 128 issue \"ca.example.net; a=b\"",
	       "example.org. 300 IN CAA 128 issue \"ca.example.net; a=b\"");
	expect("_25._tcp TLSA 3 1 1 00112233445566778899aabbccddeeff "
	       "00112233445566778899aabbccddeeff",
	       "_25._tcp.example.org. 300 IN TLSA 3 1 1 "
	       "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	expect("@ NS ns1", "example.org. 300 IN NS ns1.example.org.");
	expect("@ TXT a \"b c\" \"\"", "example.org. 300 IN TXT \"a\" \"b c\" \"\"");
}

static void the_head_of_a_line(void **state)
{
	(void)state;
	expect("a 1h30m A 192.0.2.1", "a.example.org. 5400 IN A 192.0.2.1");
	expect("a 1W2D A 192.0.2.1", "a.example.org. 777600 IN A 192.0.2.1");
	expect("a in 60 a 192.0.2.1", "a.example.org. 60 IN A 192.0.2.1");
	expect("a 0 A 192.0.2.1", "a.example.org. 0 IN A 192.0.2.1");
	expect("a 2147483647 A 192.0.2.1", "a.example.org. 2147483647 IN A 192.0.2.1");
	expect("\tA 192.0.2.1", "example.org. 300 IN A 192.0.2.1");
	expect("  A  192.0.2.1  ", "example.org. 300 IN A 192.0.2.1");
	expect("a TYPE1 192.0.2.1", "a.example.org. 300 IN A 192.0.2.1");
	expect("60 60 A 192.0.2.1", "60.example.org. 60 IN A 192.0.2.1");
	expect("mx MX 1 mx", "mx.example.org. 300 IN MX 1 mx.example.org.");
}

static void the_default_ttl_may_be_zero(void **state)
{
	struct mz_rrlist list = {0};
	const struct mz_rr tags = {.ttl = 99, .domain = 4, .family = 5, .claim = 3};

	(void)state;
	assert_int_equal(mz_rr_from_text(&list, "a A 192.0.2.1", EXAMPLE, 0, &tags, NULL), MZ_OK);
	assert_int_equal(list.rr[0].ttl, 0);
	assert_int_equal(list.rr[0].domain, 4);
	assert_int_equal(list.rr[0].family, 5);
	assert_int_equal(list.rr[0].claim, 3);
	mz_rrlist_clear(&list);
}

static void comments_and_parentheses(void **state)
{
	(void)state;
	expect("a A 192.0.2.1 ; comment", "a.example.org. 300 IN A 192.0.2.1");
	expect("a TXT ( \"x(y\" \"z;\" ) ; (", "a.example.org. 300 IN TXT \"x(y\" \"z;\"");
	expect("a MX (10 b)", "a.example.org. 300 IN MX 10 b.example.org.");
	expect("a TXT x\\;y", "a.example.org. 300 IN TXT \"x;y\"");
	expect_error("a TXT (x", MZ_ESYNTAX, "no partner");
	expect_error("a TXT x)", MZ_ESYNTAX, "no partner");
	expect_error("a TXT )x(", MZ_ESYNTAX, "no partner");
	expect_error("a TXT \"x", MZ_ESYNTAX, "no partner");
}

static void one_line_one_record(void **state)
{
	char *big = malloc(40001);

	(void)state;
	expect_error("", MZ_ESYNTAX, "no record");
	expect_error("; comment", MZ_ESYNTAX, "no record");
	expect_error("   ", MZ_ESYNTAX, "type is missing");
	expect_error("a", MZ_ESYNTAX, "type is missing");
	expect_error("a 60 IN", MZ_ESYNTAX, "type is missing");
	expect_error("a A 192.0.2.1\nb A 192.0.2.2", MZ_ESYNTAX, "one line");
	expect_error("$INCLUDE /etc/passwd", MZ_ESYNTAX, "one line");
	expect_error("a A 192.0.2.1 192.0.2.2", MZ_ESYNTAX, "data of A");
	expect_error("a A", MZ_ESYNTAX, "data of A");
	expect_error("a TXT", MZ_ESYNTAX, "data of TXT");
	assert_non_null(big);
	memset(big, 'x', 40000);
	big[40000] = '\0';
	expect_error(big, MZ_ESYNTAX, "one line");
	free(big);
}

static void classes_and_types(void **state)
{
	(void)state;
	expect_error("a CH TXT x", MZ_EINVAL, "class IN");
	expect_error("a ANY A 192.0.2.1", MZ_EINVAL, "class IN");
	expect_error("a CLASS3 TXT x", MZ_EINVAL, "class IN");
	expect_error("a IN ANY", MZ_ESYNTAX, "unknown type ANY");
	expect_error("a OPT \\# 0", MZ_EINVAL, "no type of data");
	expect_error("a TYPE250 \\# 0", MZ_EINVAL, "no type of data");
	expect_error("a TYPE0 \\# 0", MZ_ESYNTAX, "unknown type");
	expect_error("a MXX 10 b", MZ_ESYNTAX, "unknown type MXX (expected");
	expect_error("a TYPE65537 \\# 4 01020304", MZ_ESYNTAX, "unknown type");
	expect_error("a TYPE1x 192.0.2.1", MZ_ESYNTAX, "unknown type");
	expect_error("a 60 60 A 192.0.2.1", MZ_ESYNTAX, "unknown type 60");
	expect_error("a IPSECKEY 10 1 2 192.0.2.1 AAAA", MZ_ESYNTAX, "\\# LENGTH HEX");
}

/* ldns would take the low bits of each of these. */
static void numbers_out_of_their_range(void **state)
{
	(void)state;
	expect_error("a 5000000000 A 192.0.2.1", MZ_ERANGE, "5000000000");
	expect_error("a 2147483648 A 192.0.2.1", MZ_ERANGE, "2147483648");
	expect_error("a 99999999999w A 192.0.2.1", MZ_ERANGE, "99999999999w");
	expect_error("a 1x A 192.0.2.1", MZ_ESYNTAX, "no time");
	expect_error("a 1hm A 192.0.2.1", MZ_ESYNTAX, "no time");
	expect_error("a MX 65536 b", MZ_ERANGE, "65536 is larger than 65535");
	expect_error("a MX (70000) b", MZ_ERANGE, "70000");
	expect_error("a MX -1 b", MZ_ESYNTAX, "-1 is no number");
	expect_error("a MX +1 b", MZ_ESYNTAX, "+1 is no number");
	expect_error("a SRV 0 70000 1 b", MZ_ERANGE, "70000");
	expect_error("a SRV 0 0 65538 b", MZ_ERANGE, "65538");
	expect_error("a CAA 256 issue \"x\"", MZ_ERANGE, "256");
	expect_error("a TLSA 259 1 1 aabb", MZ_ERANGE, "259");
	expect_error("a TLSA 3 257 1 aabb", MZ_ERANGE, "257");
	expect_error("a TLSA 3 1 257 aabb", MZ_ERANGE, "257");
	expect_error("a DS 1 300 2 aabb", MZ_ERANGE, "300");
	expect_error("a SOA b c 1 5000000000 1 1 1", MZ_ERANGE, "5000000000");
	expect("a TXT 5000000000", "a.example.org. 300 IN TXT \"5000000000\"");
	expect("a TLSA DANE-EE SPKI SHA2-256 aabb", "a.example.org. 300 IN TLSA 3 1 1 aabb");
}

static void names_that_ldns_misreads(void **state)
{
	char line[600] = "a MX 10 ";

	(void)state;
	expect_error("@x A 192.0.2.1", MZ_ESYNTAX, "backslash");
	expect_error("a MX 10 @x", MZ_ESYNTAX, "backslash");
	expect_error("a MX 10 \"b\"", MZ_ESYNTAX, "backslash");
	expect_error("a MX 10 b..c", MZ_ESYNTAX, "");
	expect_error("a MX 10 b\xc3\xbc", MZ_ESYNTAX, "xn--");
	expect_error("a..b A 192.0.2.1", MZ_ESYNTAX, "empty label");
	/* A relative name that is too long only with the origin. */
	for (size_t i = 8; i < 256; i++)
		line[i] = i % 60 == 0 ? '.' : 'x';
	expect_error(line, MZ_ESYNTAX, "");
	memcpy(line, "a SVCB 1", 8);
	line[8] = ' ';
	expect_error(line, MZ_ESYNTAX, "");
}

static void generic_data(void **state)
{
	(void)state;
	expect("a TYPE65280 \\# 4 0102 03 04", "a.example.org. 300 IN TYPE65280 \\# 4 01020304");
	expect("a TYPE65280 \\# 0", "a.example.org. 300 IN TYPE65280 \\# 0");
	/* Digits that are no number: hexadecimal. */
	expect("a TYPE65280 \\# 10 99999999999999999999",
	       "a.example.org. 300 IN TYPE65280 \\# 10 99999999999999999999");
	expect_error("a TYPE65280 \\# 3 01020304", MZ_ESYNTAX, "3 octets");
	expect_error("a TYPE65280 \\# 5 01020304", MZ_ESYNTAX, "5 octets");
	expect_error("a TYPE65280 \\# 1 0", MZ_ESYNTAX, "1 octets");
	expect_error("a TYPE65280 \\# 65537 01", MZ_ESYNTAX, "65537");
	expect_error("a TYPE65280 \\# 1 0z", MZ_ESYNTAX, "hexadecimal");
	expect_error("a TYPE65280 \\# x", MZ_ESYNTAX, "no number");
	expect_error("a TYPE65280 \\#", MZ_ESYNTAX, "number is missing");
	expect_error("a TYPE65280 01020304", MZ_ESYNTAX, "\\# LENGTH HEX");
}

static void generic_data_of_known_types(void **state)
{
	(void)state;
	expect("a A \\# 4 c0000201", "a.example.org. 300 IN A 192.0.2.1");
	expect("a TYPE15 \\# 5 000a 0162 00", "a.example.org. 300 IN MX 10 b.");
	expect("a SRV \\# 7 00010002000300", "a.example.org. 300 IN SRV 1 2 3 .");
	expect_error("a TYPE14 \\# 0", MZ_ESYNTAX, "form of its type");
	expect_error("a TYPE15 \\# 6 000a 0162 0000", MZ_ESYNTAX, "form of its type");
	expect_error("a MX \\# 0", MZ_ESYNTAX, "form of its type");
	expect_error("a MX \\# 4 000ac00c", MZ_ESYNTAX, "form of its type");
	expect_error("a A \\# 5 c000020101", MZ_ESYNTAX, "form of its type");
	expect_error("a A \\# 4 c000020g", MZ_ESYNTAX, "hexadecimal");
	expect_error("a TXT \\# 3 0561", MZ_ESYNTAX, "3 octets");
	expect_error("a TXT \\# 2 0561", MZ_ESYNTAX, "form of its type");
	expect_error("a TXT \\# 0", MZ_ESYNTAX, "form of its type");
	expect_error("a TYPE14 \\# 4 000a0161", MZ_ESYNTAX, "form of its type");
	expect_error("a MX 10 \\# 1 00", MZ_ESYNTAX, "");
}

static void hostile_rdata_is_printed_as_hex(void **state)
{
	static const struct {
		uint16_t type;
		const char *rdata;
		size_t rdlen;
		const char *text;
	} cases[] = {
		{MZ_TYPE_A, "\1\2\3\4\5", 5, "\\# 5 0102030405"},
		{MZ_TYPE_A, "\1\2\3", 3, "\\# 3 010203"},
		{MZ_TYPE_A, "", 0, "\\# 0"},
		{MZ_TYPE_MX, "\0\12", 2, "\\# 2 000a"},
		{MZ_TYPE_MX, "\0\12\xc0\0", 4, "\\# 4 000ac000"},
		{MZ_TYPE_MX, "\0\12\0\0", 4, "\\# 4 000a0000"},
		{MZ_TYPE_NS, "\3a\0.\1\"\0", 7, "a\\000\\..\\\"."},
		{MZ_TYPE_CAA, "\0\0x", 3, "\\# 3 000078"},
		{MZ_TYPE_CAA, "\0\5issue", 7, "0 issue \"\""},
		{MZ_TYPE_TXT, "", 0, "\\# 0"},
		{MZ_TYPE_TXT, "\5a", 2, "\\# 2 0561"},
		{MZ_TYPE_TXT, "\4\"\\\0\377", 5, "\"\\\"\\\\\\000\\255\""},
		{MZ_TYPE_CAA, "\0\5issuex", 8, "0 issue \"x\""},
		{MZ_TYPE_CAA, "\0\5iss/ex", 8, "\\# 8 00056973732f6578"},
		{64, "\0\1\0\0\1\0\3\2h2", 10, "\\# 10 00010000010003026832"},
		{0, "x", 1, "\\# 1 78"},
		{MZ_TYPE_TSIG, "x", 1, "\\# 1 78"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mz_str text = {0};

		mz_rdata_to_text(cases[i].type, WIRE(cases[i].rdata), cases[i].rdlen, &text);
		assert_string_equal(text.s, cases[i].text);
		mz_str_clear(&text);
	}
}

static unsigned next(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

static void random_octets(uint8_t *octets, size_t n, unsigned *seed)
{
	for (size_t i = 0; i < n; i++)
		octets[i] = (uint8_t)next(seed, 256);
}

/* Of octets that mean something in the text and a few others, but for the @ that ldns misreads. */
static size_t random_name(uint8_t *name, unsigned *seed)
{
	static const char octets[] = "aZ-_0.\\\"();$*~!";
	size_t at = 0;

	for (unsigned labels = next(seed, 4); labels > 0; labels--) {
		unsigned n = 1 + next(seed, 12);

		name[at++] = (uint8_t)n;
		for (; n > 0; n--)
			name[at++] = (uint8_t)octets[next(seed, sizeof(octets) - 1)];
	}
	name[at++] = 0;
	return at;
}

/* The text of what is of its type's form reads back, by ldns, as the same octets; so does what is
 * left when it is cut short. */
static void the_types_of_the_families_read_back(void **state)
{
	static const struct {
		uint16_t type;
		unsigned fixed; /* octets before the name, the tag or the rest */
		char rest;
	} forms[] = {
		{MZ_TYPE_A, 4, 0},	 {MZ_TYPE_AAAA, 16, 0},	  {MZ_TYPE_NS, 0, 'n'},
		{MZ_TYPE_CNAME, 0, 'n'}, {MZ_TYPE_DNAME, 0, 'n'}, {MZ_TYPE_MX, 2, 'n'},
		{MZ_TYPE_SRV, 6, 'n'},	 {MZ_TYPE_TLSA, 3, 'h'},  {MZ_TYPE_CAA, 1, 't'},
	};
	unsigned seed = 11, hex = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		unsigned f = next(&seed, sizeof(forms) / sizeof(forms[0]));
		uint8_t rdata[256] = {0};
		size_t n = forms[f].fixed;
		struct mz_rrlist list = {0};
		struct mz_str line = {0};
		struct mz_cause cause = {{0}};

		random_octets(rdata, n, &seed);
		if (forms[f].rest == 'n')
			n += random_name(rdata + n, &seed);
		if (forms[f].rest == 't') {
			memcpy(rdata + n, "\5issue", 6);
			n += 6;
		}
		if (forms[f].rest == 't' || forms[f].rest == 'h') {
			size_t more = 1 + next(&seed, 40); /* ldns reads no empty value */

			random_octets(rdata + n, more, &seed);
			n += more;
		}
		if (round % 4 == 0 && forms[f].rest != 't')
			n = next(&seed, (unsigned)n + 1);
		mz_str_addf(&line, "x 60 IN TYPE%u ", forms[f].type);
		mz_rdata_to_text(forms[f].type, rdata, n, &line);
		if (strstr(line.s, "\\# ") != NULL) {
			hex++;
		} else if (mz_rr_from_text(&list, line.s, EXAMPLE, 300, NULL, &cause) != MZ_OK) {
			fail_msg("%s: %s", line.s, cause.text);
		} else if (list.rr[0].rdlen != n || memcmp(list.rr[0].rdata, rdata, n) != 0) {
			fail_msg("%s: other octets", line.s);
		}
		mz_rrlist_clear(&list);
		mz_str_clear(&line);
	}
	assert_in_range(hex, 1000, 6000);
}

/* The RR that makes ldns take 754 MB. */
static void the_largest_rdata(void **state)
{
	static uint8_t rdata[65512];
	struct mz_str text = {0};

	(void)state;
	mz_rdata_to_text(MZ_TYPE_TXT, rdata, sizeof(rdata), &text);
	assert_false(text.failed);
	assert_int_equal(text.len, 3 * sizeof(rdata) - 1);
	mz_str_reset(&text);
	for (unsigned type = 0; type <= 260; type++)
		mz_rdata_to_text((uint16_t)type, rdata, 4096, &text);
	mz_rdata_to_text(61, rdata, sizeof(rdata), &text);
	assert_false(text.failed);
	mz_str_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_mail),
		cmocka_unit_test(the_head_of_a_line),
		cmocka_unit_test(the_default_ttl_may_be_zero),
		cmocka_unit_test(comments_and_parentheses),
		cmocka_unit_test(one_line_one_record),
		cmocka_unit_test(classes_and_types),
		cmocka_unit_test(numbers_out_of_their_range),
		cmocka_unit_test(names_that_ldns_misreads),
		cmocka_unit_test(generic_data),
		cmocka_unit_test(generic_data_of_known_types),
		cmocka_unit_test(hostile_rdata_is_printed_as_hex),
		cmocka_unit_test(the_types_of_the_families_read_back),
		cmocka_unit_test(the_largest_rdata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
