/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the log: both forms, escapes, levels, lines of any length in one write. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "mailzone/base.h"

#define TIME_LEN 20 /* "2026-11-23T10:00:00Z" */

static char line[200000];
static int ends[2]; /* datagrams: one write is one of them */
static int saved;

static void catch_stderr(void)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
}

/* Gives stderr back; the first datagram is in `line`, and there was no second one. */
static void caught(void)
{
	ssize_t n = recv(ends[0], line, sizeof(line) - 1, MSG_DONTWAIT);
	char more = 0;

	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	line[n > 0 ? n : 0] = '\0';
	assert_int_equal(recv(ends[0], &more, 1, MSG_DONTWAIT), -1);
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

/* What is written for one value. */
static void log_value(const char *value)
{
	catch_stderr();
	mz_log(MZ_LOG_INFO, "event", "key", value, NULL);
	caught();
}

static int setup(void **state)
{
	(void)state;
	mz_log_set_level(MZ_LOG_INFO);
	mz_log_set_format(false);
	return 0;
}

static void levels(void **state)
{
	(void)state;
	mz_log_set_level(MZ_LOG_WARNING);
	assert_true(mz_log_on(MZ_LOG_ERROR));
	assert_true(mz_log_on(MZ_LOG_WARNING));
	assert_false(mz_log_on(MZ_LOG_INFO));
	log_value("x");
	assert_string_equal(line, "");
}

static void pairs(void **state)
{
	(void)state;
	catch_stderr();
	mz_log(MZ_LOG_INFO, "event", "key", "value", "none", NULL, "key2", "value with \"spaces\"",
	       "min", MZ_NUM(INT64_MIN), "n", MZ_NUM(65535u), NULL);
	caught();
	assert_int_equal(line[TIME_LEN - 1], 'Z');
	assert_string_equal(line + TIME_LEN,
			    " info event key=value key2=\"value with \\\"spaces\\\"\""
			    " min=-9223372036854775808 n=65535\n");
	catch_stderr();
	mz_log(MZ_LOG_ERROR, "bare", NULL);
	caught();
	assert_string_equal(line + TIME_LEN, " error bare\n");
}

static void json(void **state)
{
	(void)state;
	mz_log_set_format(true);
	catch_stderr();
	mz_log(MZ_LOG_WARNING, "event", "key", "a \"b\"\\", "none", NULL, "n", MZ_NUM(7), NULL);
	caught();
	assert_memory_equal(line, "{\"time\": \"2", 11);
	assert_string_equal(strchr(line, 'Z'), "Z\", \"level\": \"warning\", \"event\": \"event\","
					       " \"key\": \"a \\\"b\\\"\\\\\", \"n\": \"7\"}\n");
	catch_stderr();
	mz_log(MZ_LOG_ERROR, "bare", NULL);
	caught();
	assert_string_equal(strchr(line, 'Z'), "Z\", \"level\": \"error\", \"event\": \"bare\"}\n");
}

static void escapes(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"", "\"\""},
		{"a=b", "\"a=b\""},
		{"a\\b", "\"a\\\\b\""},
		{"192.0.2.1:53", "192.0.2.1:53"},
		{"a\n2026-01-01T00:00:00Z error forged",
		 "\"a\\n2026-01-01T00:00:00Z error forged\""},
		{"\r\x1b[0m\x7f", "\"\\u000d\\u001b[0m\\u007f\""},
		{"m\xc3\xbcller", "\"m\xc3\xbcller\""},
		{"\xff\xc3", "\"\\u00ff\\u00c3\""},
		{"\xc2\x9b", "\"\\u009b\""}, /* a control character of terminals */
		{"\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\""}, /* half a surrogate pair */
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = i / 2;
		char want[200] = "";

		mz_log_set_format(i % 2 == 1);
		log_value(cases[n].value);
		if (i % 2 == 0)
			(void)snprintf(want, sizeof(want), " info event key=%s\n", cases[n].want);
		else
			(void)snprintf(want, sizeof(want), "\"key\": %s%s%s}\n",
				       cases[n].want[0] == '"' ? "" : "\"", cases[n].want,
				       cases[n].want[0] == '"' ? "" : "\"");
		assert_string_equal(line + strlen(line) - strlen(want), want);
		assert_ptr_equal(strpbrk(line, "\n\r\x1b"), line + strlen(line) - 1);
	}
}

static void long_lines(void **state)
{
	static char big[100001];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	log_value(big);
	assert_int_equal(strlen(line), TIME_LEN + strlen(" info event key=\n") + 100000);
	mz_log_set_format(true);
	log_value(big);
	assert_string_equal(line + strlen(line) - 4, "x\"}\n");
}

/* stderr may be gone: nothing is lost but the line. */
static void errno_stays(void **state)
{
	(void)state;
	catch_stderr();
	close(STDERR_FILENO);
	errno = EDOM;
	mz_log(MZ_LOG_INFO, "event", NULL);
	assert_int_equal(errno, EDOM);
	caught();
	assert_string_equal(line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(levels, setup),
		cmocka_unit_test_setup(pairs, setup),
		cmocka_unit_test_setup(json, setup),
		cmocka_unit_test_setup(escapes, setup),
		cmocka_unit_test_setup(long_lines, setup),
		cmocka_unit_test_setup(errno_stays, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
