/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the time between attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailzone/task.h"

static struct mz_conf_tasks rules(void)
{
	return (struct mz_conf_tasks){.max_attempts = 3,
				      .total_deadline = 21600,
				      .strategy = MZ_RETRY_EXPONENTIAL,
				      .initial_delay = 60,
				      .max_delay = 1800,
				      .factor = 2.0,
				      .jitter = false};
}

static void exponential(void **state)
{
	static const int64_t want[] = {60, 120, 240, 480, 960, 1800, 1800};
	struct mz_conf_tasks r = rules();

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(mz_backoff(&r, i + 1, false, 0), want[i]);
	assert_int_equal(mz_backoff(&r, 4000000000u, false, 0), 1800);
	r.factor = 1.0;
	assert_int_equal(mz_backoff(&r, 1000, false, 0), 60);
}

static void slow(void **state)
{
	struct mz_conf_tasks r = rules();

	(void)state;
	assert_int_equal(mz_backoff(&r, 1, true, 0), 1800);
}

static void jitter(void **state)
{
	struct mz_conf_tasks r = rules();

	(void)state;
	r.jitter = true;
	assert_int_equal(mz_backoff(&r, 1, false, 0), 60);
	assert_int_equal(mz_backoff(&r, 1, false, UINT32_MAX), 30);
	for (uint32_t i = 0; i < 1000; i++) {
		int64_t delay = mz_backoff(&r, 1, false, i * 4294967u);

		assert_in_range(delay, 30, 60);
	}
}

static void fixed(void **state)
{
	struct mz_conf_tasks r = rules();

	(void)state;
	r.strategy = MZ_RETRY_FIXED;
	r.delay = 300;
	for (unsigned i = 1; i < 10; i++)
		assert_int_equal(mz_backoff(&r, i, i % 2 == 0, i), 300);
	r.delay = 0;
	assert_int_equal(mz_backoff(&r, 1, false, 0), 1);
	r.strategy = MZ_RETRY_EXPONENTIAL;
	r.initial_delay = 0;
	assert_int_equal(mz_backoff(&r, 1, false, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exponential),
		cmocka_unit_test(slow),
		cmocka_unit_test(jitter),
		cmocka_unit_test(fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
