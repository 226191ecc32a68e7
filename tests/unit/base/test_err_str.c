/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of error texts, causes, growing text, base64, SHA-256, time texts and random numbers. */
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "mailzone/base.h"

static void every_error_has_a_text(void **state)
{
	(void)state;
	for (int err = MZ_OK; err >= MZ_EFAILED; err--) {
		assert_non_null(mz_strerror(err));
		assert_string_not_equal(mz_strerror(err), "unknown error");
	}
	assert_string_equal(mz_strerror(MZ_ENOMEM), "out of memory");
	assert_string_equal(mz_strerror(1), "unknown error");
	assert_string_equal(mz_strerror(MZ_EFAILED - 1), "unknown error");
	assert_string_equal(mz_strerror(INT_MIN), "unknown error");
}

static void a_cause_is_one_line(void **state)
{
	struct mz_cause cause = {{0}};

	(void)state;
	assert_int_equal(mz_cause_set(NULL, MZ_EIO, "x"), MZ_EIO);
	assert_int_equal(mz_cause_set(&cause, MZ_EPERM, "a\nb\r%s\x7f", "c\x1b[2J"), MZ_EPERM);
	assert_string_equal(cause.text, "a?b?c?[2J?");
}

static void a_cause_is_cut_at_its_size(void **state)
{
	struct mz_cause cause = {{0}};
	char big[2000] = "";

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	mz_cause_set(&cause, MZ_EIO, "%s", big);
	assert_int_equal(strlen(cause.text), sizeof(cause.text) - 1);
}

static void a_cause_can_wrap_itself(void **state)
{
	struct mz_cause cause = {{0}};

	(void)state;
	mz_cause_set(&cause, MZ_EIO, "inner");
	mz_cause_set(&cause, MZ_EIO, "outer: %s, %s", cause.text, cause.text);
	assert_string_equal(cause.text, "outer: inner, inner");
}

static void text_grows(void **state)
{
	struct mz_str str = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		mz_str_addc(&str, 'a');
		mz_str_addn(&str, "bc", 2);
		mz_str_add(&str, "");
		mz_str_addf(&str, "%d", i % 10);
	}
	assert_false(str.failed);
	assert_int_equal(str.len, 4000);
	assert_int_equal(strlen(str.s), 4000);
	assert_string_equal(str.s + 3992, "abc8abc9");
	mz_str_reset(&str);
	assert_string_equal(str.s, "");
	assert_int_equal(str.len, 0);
	mz_str_clear(&str);
	assert_null(str.s);
	mz_str_clear(&str);
}

static void text_that_failed_stays_as_it_is(void **state)
{
	struct mz_str str = {0};

	(void)state;
	mz_str_add(&str, "kept");
	str.failed = true;
	mz_str_add(&str, "a");
	mz_str_addf(&str, "%d", 1);
	mz_str_add_json(&str, "x");
	assert_string_equal(str.s, "kept");
	mz_str_clear(&str);
	assert_false(str.failed);
}

static void a_format_that_fails_is_told(void **state)
{
	struct mz_str str = {0};
	const wchar_t unmappable[] = {(wchar_t)0x7ffffff0, 0};

	(void)state;
	mz_str_add(&str, "kept");
	mz_str_addf(&str, "%ls", unmappable); /* no octets for this one in the C locale */
	assert_true(str.failed);
	assert_string_equal(str.s, "kept");
	mz_str_clear(&str);
}

static void json(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", "\"\""},
		{"a\"b\\c\nd", "\"a\\\"b\\\\c\\nd\""},
		{"\t\x01\x7f", "\"\\u0009\\u0001\\u007f\""},
		{"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		 "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
		{"\xc3", "\"\\u00c3\""},				  /* cut short */
		{"\xe2\x82", "\"\\u00e2\\u0082\""},			  /* cut short */
		{"\xc0\xaf", "\"\\u00c0\\u00af\""},			  /* overlong */
		{"\xe0\x80\x80", "\"\\u00e0\\u0080\\u0080\""},		  /* overlong */
		{"\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\""},		  /* surrogate */
		{"\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\""}, /* past U+10FFFF */
		{"\xff"
		 "a",
		 "\"\\u00ffa\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mz_str str = {0};

		mz_str_add_json(&str, cases[i].in);
		assert_string_equal(str.s, cases[i].out);
		mz_str_clear(&str);
	}
}

static void base64(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		/* RFC 4648 section 10 */
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfd", "//79"},
	};
	struct mz_str str = {0};

	(void)state;
	mz_str_add_base64(&str, (const uint8_t *)"", 0);
	assert_int_equal(str.len, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mz_str_reset(&str);
		mz_str_add_base64(&str, (const uint8_t *)cases[i].in, strlen(cases[i].in));
		assert_string_equal(str.s, cases[i].out);
	}
	mz_str_clear(&str);
}

static void no_dump(void **state)
{
	(void)state;
	mz_crypto_start();
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

static void sha256(void **state)
{
	/* FIPS 180-2, appendix B.1 */
	static const uint8_t abc[32] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	uint8_t digest[32] = {0};

	(void)state;
	mz_sha256("abc", 3, digest);
	assert_memory_equal(digest, abc, sizeof(abc));
	mz_sha256("", 0, digest);
	assert_int_equal(digest[0], 0xe3);
}

static void time_as_text(void **state)
{
	char buf[MZ_TIME_TEXT] = "";

	(void)state;
	assert_string_equal(mz_clock_text(0, buf), "1970-01-01T00:00:00Z");
	assert_string_equal(mz_clock_text(1795428000, buf), "2026-11-23T10:00:00Z");
	assert_string_equal(mz_clock_text(-1, buf), "1969-12-31T23:59:59Z");
	assert_string_equal(mz_clock_text(INT64_MAX, buf), ""); /* no year that long */
	assert_true(mz_clock_mono_ns() <= mz_clock_mono_ns());
	assert_true(mz_clock_wall() > 1700000000);
}

static void random_numbers(void **state)
{
	uint8_t a[3000] = {0}, b[3000] = {0};
	bool seen[5] = {false};
	unsigned zeros = 0;

	(void)state;
	mz_random(a, sizeof(a));
	mz_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, a + 1024, 1024); /* a pool's length apart */
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	assert_true(zeros < 100);
	for (int i = 0; i < 1000; i++) {
		uint32_t v = mz_random_below(5);

		assert_true(v < 5);
		seen[v] = true;
	}
	for (int i = 0; i < 5; i++)
		assert_true(seen[i]);
	assert_int_equal(mz_random_below(1), 0);
}

enum { DRAWS = 100000 };

static void *draw(void *arg)
{
	uint64_t *drawn = arg;

	for (int i = 0; i < DRAWS; i++)
		mz_random(&drawn[i], sizeof(drawn[i]));
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Files are written by threads, and their temporary names are drawn beside the ids of messages. */
static void random_in_threads(void **state)
{
	static uint64_t drawn[2 * DRAWS];
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, draw, drawn), 0);
	draw(drawn + DRAWS);
	assert_int_equal(pthread_join(thread, NULL), 0);
	qsort(drawn, sizeof(drawn) / sizeof(drawn[0]), sizeof(drawn[0]), by_value);
	for (size_t i = 1; i < sizeof(drawn) / sizeof(drawn[0]); i++)
		assert_true(drawn[i - 1] != drawn[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_a_text),
		cmocka_unit_test(a_cause_is_one_line),
		cmocka_unit_test(a_cause_is_cut_at_its_size),
		cmocka_unit_test(a_cause_can_wrap_itself),
		cmocka_unit_test(text_grows),
		cmocka_unit_test(text_that_failed_stays_as_it_is),
		cmocka_unit_test(a_format_that_fails_is_told),
		cmocka_unit_test(json),
		cmocka_unit_test(base64),
		cmocka_unit_test(no_dump),
		cmocka_unit_test(sha256),
		cmocka_unit_test(time_as_text),
		cmocka_unit_test(random_in_threads),
		cmocka_unit_test(random_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
