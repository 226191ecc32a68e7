/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of rdata: order, equality, and the strings of TXT. */
#include "tests/unit/dns/help.h"

static int order(uint16_t type, const char *a, size_t alen, const char *b, size_t blen)
{
	int d = mz_rdata_compare(type, WIRE(a), alen, WIRE(b), blen);
	int back = mz_rdata_compare(type, WIRE(b), blen, WIRE(a), alen);

	assert_int_equal((d > 0) - (d < 0), (back < 0) - (back > 0));
	return (d > 0) - (d < 0);
}
/* The literals' own NUL counts: it is the root label of the names at their ends. */
#define ORDER(type, a, b) order(type, a, sizeof(a), b, sizeof(b))

static bool same(uint16_t type, const char *a, size_t alen, const char *b, size_t blen)
{
	bool result = mz_rdata_same(type, WIRE(a), alen, WIRE(b), blen);

	assert_int_equal(result, mz_rdata_same(type, WIRE(b), blen, WIRE(a), alen));
	return result;
}
#define SAME(type, a, b) same(type, a, sizeof(a) - 1, b, sizeof(b) - 1)

static void order_of_plain_octets(void **state)
{
	(void)state;
	assert_int_equal(ORDER(MZ_TYPE_A, "\300\0\2\1", "\300\0\2\2"), -1);
	assert_int_equal(ORDER(MZ_TYPE_A, "\300\0\2\1", "\300\0\2\1"), 0);
	assert_int_equal(order(65280, "ab", 2, "abc", 3), -1);
	assert_int_equal(order(65280, "", 0, "", 0), 0);
	assert_int_equal(order(65280, "", 0, "a", 1), -1);
	assert_int_equal(order(65280, "A", 1, "a", 1), -1); /* no names: letters differ */
	assert_int_equal(order(65280, "\377", 1, "\1", 1), 1);
}

static void names_are_without_case(void **state)
{
	(void)state;
	assert_int_equal(ORDER(MZ_TYPE_NS, "\2NS\3Org", "\2ns\3org"), 0);
	assert_int_equal(ORDER(MZ_TYPE_MX, "\0\12\2MX", "\0\12\2mx"), 0);
	assert_int_equal(ORDER(MZ_TYPE_MX, "\0\12\2MX", "\0\13\2mx"), -1);
	assert_int_equal(ORDER(MZ_TYPE_CNAME, "\1B", "\1a"), 1);
	assert_int_equal(ORDER(MZ_TYPE_SRV, "\0\0\0\0\3\341\1A", "\0\0\0\0\3\341\1a"), 0);
	/* Octets that are no name keep their case: 'A' is 65 is a preference here. */
	assert_int_equal(ORDER(MZ_TYPE_MX, "AA\1b", "aa\1b"), -1);
	/* The tail of a SOA is numbers. */
	assert_int_equal(ORDER(MZ_TYPE_SOA, "\1M\0\1R\0AAAABBBBCCCCDDDDEEE",
			       "\1m\0\1r\0AAAABBBBCCCCDDDDEEE"),
			 0);
	assert_int_equal(ORDER(MZ_TYPE_SOA, "\1m\0\1r\0AAAABBBBCCCCDDDDEEE",
			       "\1m\0\1r\0aaaaBBBBCCCCDDDDEEE"),
			 -1);
	/* The strings of a NAPTR are no names, its replacement is one. */
	assert_int_equal(ORDER(35, "\0\1\0\1\1u\1X\0\1A", "\0\1\0\1\1u\1X\0\1a"), 0);
	assert_int_equal(ORDER(35, "\0\1\0\1\1u\1X\0\1a", "\0\1\0\1\1u\1x\0\1a"), -1);
	/* Only the types of RFC 4034 section 6.2: SVCB keeps its case. */
	assert_int_equal(ORDER(64, "\0\1\1A", "\0\1\1a"), -1);
}

static void odd_rdata_has_an_order_too(void **state)
{
	(void)state;
	assert_int_equal(order(MZ_TYPE_SOA, "AB", 2, "ab", 2), -1); /* too short for a SOA */
	assert_int_equal(order(MZ_TYPE_MX, "A", 1, "a", 1), -1);
	assert_int_equal(order(35, "\0\1\0\1\377abc", 8, "\0\1\0\1\377ABC", 8), 1);
	assert_int_equal(order(35, "", 0, "\0", 1), -1);
}

static void txt_says_the_same_however_split(void **state)
{
	(void)state;
	assert_true(SAME(MZ_TYPE_TXT, "\6v=spf1", "\6v=spf1"));
	assert_true(SAME(MZ_TYPE_TXT, "\6v=spf1", "\2v=\4spf1"));
	assert_true(SAME(MZ_TYPE_TXT, "\6v=spf1", "\0\6v=spf1\0"));
	assert_true(SAME(MZ_TYPE_TXT, "\0", "\0\0"));
	assert_false(SAME(MZ_TYPE_TXT, "\6v=spf1", "\6V=spf1"));
	assert_false(SAME(MZ_TYPE_TXT, "\6v=spf1", "\5v=spf"));
	assert_false(SAME(MZ_TYPE_TXT, "\6v=spf1", "\7v=spf1")); /* not well formed */
	assert_false(SAME(MZ_TYPE_TXT, "\1a\5", "\1a\6"));
}

static void caa_tags_are_without_case(void **state)
{
	(void)state;
	assert_true(SAME(MZ_TYPE_CAA, "\0\5issueca.net", "\0\5ISSUEca.net"));
	assert_false(SAME(MZ_TYPE_CAA, "\0\5issueca.net", "\200\5issueca.net"));
	assert_false(SAME(MZ_TYPE_CAA, "\0\5issueca.net", "\0\5issueCA.net"));
	assert_false(SAME(MZ_TYPE_CAA, "\0\5issueca.net", "\0\6issueca.net"));
	assert_false(SAME(MZ_TYPE_CAA, "\0\40issue", "\0\40ISSUE")); /* the tag runs past the end */
	assert_false(SAME(MZ_TYPE_CAA, "\0", "\1"));
	assert_false(SAME(MZ_TYPE_CAA, "", "\0\1a"));
}

static void other_types_by_canonical_order(void **state)
{
	(void)state;
	assert_true(SAME(MZ_TYPE_MX, "\0\12\2MX\0", "\0\12\2mx\0"));
	assert_false(SAME(MZ_TYPE_MX, "\0\12\2mx\0", "\0\12\3mxx\0"));
	assert_false(SAME(64, "\0\1\1A\0", "\0\1\1a\0"));
	assert_true(same(MZ_TYPE_A, "", 0, "", 0));
}

static void expect_split(size_t length, size_t strings)
{
	char *text = malloc(length + 1);
	uint8_t rdata[MZ_TXT_RDATA] = {0};
	struct mz_str joined = {0};
	size_t rdlen = 0;

	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = (char)('a' + i % 26);
	text[length] = '\0';
	assert_int_equal(mz_txt_from_text(text, rdata, &rdlen), MZ_OK);
	assert_int_equal(rdlen, length + strings);
	assert_int_equal(rdata[0], length < 255 ? length : 255);
	assert_true(mz_txt_join(rdata, rdlen, &joined));
	assert_int_equal(joined.len, length);
	assert_memory_equal(length > 0 ? joined.s : "", text, length);
	mz_str_clear(&joined);
	free(text);
}

static void text_is_split_at_255(void **state)
{
	uint8_t rdata[MZ_TXT_RDATA] = {0};
	char *text = malloc(MZ_TXT_MAX + 2);
	size_t rdlen = 0;

	(void)state;
	expect_split(0, 1);
	expect_split(1, 1);
	expect_split(255, 1);
	expect_split(256, 2);
	expect_split(510, 2);
	expect_split(511, 3);
	expect_split(MZ_TXT_MAX, 17);
	assert_non_null(text);
	memset(text, 'a', MZ_TXT_MAX + 1);
	text[MZ_TXT_MAX + 1] = '\0';
	assert_int_equal(mz_txt_from_text(text, rdata, &rdlen), MZ_ERANGE);
	free(text);
}

static void only_whole_strings_are_joined(void **state)
{
	struct mz_str out = {0};

	(void)state;
	assert_false(mz_txt_join(WIRE(""), 0, &out));
	assert_false(mz_txt_join(WIRE("\3ab"), 3, &out));
	assert_false(mz_txt_join(WIRE("\1a\1"), 3, &out));
	mz_str_reset(&out);
	assert_true(mz_txt_join(WIRE("\2a\0\0\1b"), 6, &out));
	assert_int_equal(out.len, 3);
	assert_memory_equal(out.s, "a\0b", 3);
	mz_str_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_plain_octets),
		cmocka_unit_test(names_are_without_case),
		cmocka_unit_test(odd_rdata_has_an_order_too),
		cmocka_unit_test(txt_says_the_same_however_split),
		cmocka_unit_test(caa_tags_are_without_case),
		cmocka_unit_test(other_types_by_canonical_order),
		cmocka_unit_test(text_is_split_at_255),
		cmocka_unit_test(only_whole_strings_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
