/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of when a server is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailzone/task.h"

#include <string.h>

static void failures(struct mz_breaker *b, unsigned times, int64_t now)
{
	for (unsigned i = 0; i < times; i++)
		mz_breaker_bad(b, now, "no answer");
}

static void opens(void **state)
{
	struct mz_breaker b = {0};

	(void)state;
	assert_int_equal(b.state, MZ_BREAKER_OK);
	assert_true(mz_breaker_allows(&b, 1000));
	failures(&b, 1, 1001);
	assert_int_equal(b.state, MZ_BREAKER_SLOW);
	assert_int_equal(b.since, 1001);
	assert_string_equal(b.reason, "no answer");
	failures(&b, 3, 1010);
	assert_int_equal(b.state, MZ_BREAKER_SLOW);
	assert_int_equal(b.since, 1001);
	assert_true(mz_breaker_allows(&b, 1010));
	assert_true(mz_breaker_allows(&b, 1010));
	assert_int_equal(mz_breaker_wait(&b, 1010), 0);
	failures(&b, 1, 1020);
	assert_int_equal(b.state, MZ_BREAKER_DOWN);
	assert_int_equal(b.failures, 5);
	assert_int_equal(b.since, 1020);
	assert_int_equal(b.next_probe, 1025);
	assert_int_equal(mz_breaker_wait(&b, 1024), 1025);
	assert_false(mz_breaker_allows(&b, 1024));
	assert_int_equal(mz_breaker_wait(&b, 1025), 0);
}

static void success_between(void **state)
{
	struct mz_breaker b = {0};

	(void)state;
	failures(&b, 4, 1000);
	mz_breaker_good(&b, 1001);
	assert_int_equal(b.state, MZ_BREAKER_OK);
	assert_int_equal(b.since, 1001);
	assert_int_equal(b.failures, 0);
	assert_string_equal(b.reason, "");
	mz_breaker_good(&b, 1002);
	assert_int_equal(b.since, 1001);
	failures(&b, 4, 1003);
	assert_int_equal(b.state, MZ_BREAKER_SLOW);
}

/* One job is the probe; each that fails doubles the time to the next. */
static void probes(void **state)
{
	static const int64_t delays[] = {5, 10, 20, 40, 60, 60, 60};
	struct mz_breaker b = {0};
	int64_t now = 1000;

	(void)state;
	failures(&b, 5, now);
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		assert_int_equal(b.next_probe, now + delays[i]);
		now += delays[i];
		assert_false(mz_breaker_allows(&b, now - 1));
		assert_true(mz_breaker_allows(&b, now));
		assert_true(b.probing);
		assert_false(mz_breaker_allows(&b, now));
		assert_int_not_equal(mz_breaker_wait(&b, now), 0);
		now += 3;
		failures(&b, 1, now);
		assert_false(b.probing);
		assert_int_equal(b.since, 1000);
	}
	now = b.next_probe;
	assert_true(mz_breaker_allows(&b, now));
	mz_breaker_good(&b, now + 1);
	assert_int_equal(b.state, MZ_BREAKER_OK);
	assert_int_equal(b.since, now + 1);
	assert_false(b.probing);
	assert_true(mz_breaker_allows(&b, now + 1));
	assert_true(mz_breaker_allows(&b, now + 1));
	/* and it begins anew */
	failures(&b, 5, now + 2);
	assert_int_equal(b.next_probe, now + 7);
}

/* Jobs that were under way when it went down do not count as probes. */
static void stragglers(void **state)
{
	struct mz_breaker b = {0};

	(void)state;
	failures(&b, 5, 1000);
	mz_breaker_bad(&b, 1002, "late");
	failures(&b, 20, 1003);
	assert_int_equal(b.failures, 5);
	assert_int_equal(b.next_probe, 1005);
	mz_breaker_good(&b, 1004);
	assert_int_equal(b.state, MZ_BREAKER_OK);
}

static void lost_probe(void **state)
{
	struct mz_breaker b = {0};

	(void)state;
	failures(&b, 5, 1000);
	assert_true(mz_breaker_allows(&b, 1005));
	assert_false(mz_breaker_allows(&b, 1064));
	assert_true(mz_breaker_allows(&b, 1065));
	assert_false(mz_breaker_allows(&b, 1066));
}

static void clock_set_back(void **state)
{
	struct mz_breaker b = {0};

	(void)state;
	failures(&b, 5, 1000000);
	assert_int_equal(mz_breaker_wait(&b, 1000), 0);
	assert_true(mz_breaker_allows(&b, 1000));
	assert_false(mz_breaker_allows(&b, 1001));
	assert_int_equal(mz_breaker_wait(&b, 1001), 1060);
}

static void long_reason(void **state)
{
	struct mz_breaker b = {0};
	char text[1000] = "";

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	mz_breaker_bad(&b, 1000, text);
	assert_int_equal(strlen(b.reason), sizeof(b.reason) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens),       cmocka_unit_test(success_between),
		cmocka_unit_test(probes),      cmocka_unit_test(stragglers),
		cmocka_unit_test(lost_probe),  cmocka_unit_test(clock_set_back),
		cmocka_unit_test(long_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
