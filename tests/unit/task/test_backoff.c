/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of how long to wait after a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailzone/task.h"

static const struct mz_conf_tasks plain = {.strategy = MZ_RETRY_EXPONENTIAL,
					   .initial_delay = 60,
					   .max_delay = 1800,
					   .delay = 300,
					   .factor = 2.0};

static void exponential(void **state)
{
	static const int64_t expected[] = {60, 120, 240, 480, 960, 1800, 1800};
	struct mz_conf_tasks rules = plain;

	(void)state;
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(mz_backoff(&plain, i + 1, false, UINT32_MAX), expected[i]);
	assert_int_equal(mz_backoff(&plain, UINT32_MAX, false, 0), 1800);
	rules.factor = 1.5;
	assert_int_equal(mz_backoff(&rules, 4, false, 0), 203); /* 202.5 */
	rules.factor = 1.0;
	assert_int_equal(mz_backoff(&rules, UINT32_MAX, false, 0), 60);
	rules.factor = 100.0;
	rules.max_delay = 30 * 86400;
	assert_int_equal(mz_backoff(&rules, 1000, false, 0), 30 * 86400);
	rules.max_delay = 60;
	assert_int_equal(mz_backoff(&rules, 1, false, 0), 60);
}

static void jitter(void **state)
{
	struct mz_conf_tasks rules = plain;
	double sum = 0;

	(void)state;
	rules.jitter = true;
	assert_int_equal(mz_backoff(&rules, 1, false, 0), 60);
	assert_int_equal(mz_backoff(&rules, 1, false, UINT32_MAX), 30);
	assert_int_equal(mz_backoff(&rules, 1, false, UINT32_MAX / 2), 45);
	assert_int_equal(mz_backoff(&rules, 9, false, 0), 1800); /* the cap comes first */
	assert_int_equal(mz_backoff(&rules, 9, false, UINT32_MAX), 900);
	for (uint32_t i = 0; i < 10000; i++) {
		int64_t delay = mz_backoff(&rules, 3, false, i * 429496u);

		assert_in_range(delay, 120, 240);
		sum += (double)delay;
	}
	assert_in_range((uint64_t)(sum / 10000), 179, 181);
}

static void fixed(void **state)
{
	struct mz_conf_tasks rules = plain;

	(void)state;
	rules.strategy = MZ_RETRY_FIXED;
	rules.jitter = true;
	assert_int_equal(mz_backoff(&rules, 1, false, UINT32_MAX), 300);
	assert_int_equal(mz_backoff(&rules, 100, false, 0), 300);
}

static void slow(void **state)
{
	struct mz_conf_tasks rules = plain;

	(void)state;
	rules.jitter = true;
	assert_int_equal(mz_backoff(&rules, 1, true, UINT32_MAX), 1800);
	rules.strategy = MZ_RETRY_FIXED;
	assert_int_equal(mz_backoff(&rules, 1, true, 0), 1800);
}

static void at_least_a_second(void **state)
{
	struct mz_conf_tasks rules = {.jitter = true};

	(void)state;
	assert_int_equal(mz_backoff(&rules, 1, false, 0), 1);
	assert_int_equal(mz_backoff(&rules, 1, true, 0), 1);
	rules.strategy = MZ_RETRY_FIXED;
	assert_int_equal(mz_backoff(&rules, 1, false, 0), 1);
	rules = plain;
	rules.initial_delay = 1;
	rules.jitter = true;
	assert_int_equal(mz_backoff(&rules, 1, false, UINT32_MAX), 1);
	assert_int_equal(mz_backoff(&rules, 0, false, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exponential),
		cmocka_unit_test(jitter),
		cmocka_unit_test(fixed),
		cmocka_unit_test(slow),
		cmocka_unit_test(at_least_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
