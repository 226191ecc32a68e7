/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the breaker: a server that is down is probed, not hammered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailzone/task.h"

static void opens_after_five(void **state)
{
	struct mz_breaker b = {0};

	(void)state;
	assert_true(mz_breaker_allows(&b, 100));
	for (int i = 0; i < 4; i++) {
		mz_breaker_bad(&b, 100 + i, "no answer in time");
		assert_int_equal(b.state, MZ_BREAKER_SLOW);
		assert_true(mz_breaker_allows(&b, 100 + i));
	}
	mz_breaker_bad(&b, 104, "no answer in time");
	assert_int_equal(b.state, MZ_BREAKER_DOWN);
	assert_int_equal(b.since, 104);
	assert_int_equal(b.next_probe, 109);
	assert_string_equal(b.reason, "no answer in time");
	assert_false(mz_breaker_allows(&b, 108));
	assert_int_equal(mz_breaker_wait(&b, 108), 109);
}

static struct mz_breaker down(int64_t now)
{
	struct mz_breaker b = {0};

	for (int i = 0; i < 5; i++)
		mz_breaker_bad(&b, now, "down");
	return b;
}

/* One job goes through, and no other until it is known how it went. */
static void one_probe(void **state)
{
	static const int64_t waits[] = {10, 20, 40, 60, 60, 60};
	struct mz_breaker b = down(100);
	int64_t now = b.next_probe;

	(void)state;
	for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		assert_true(mz_breaker_allows(&b, now));
		assert_false(mz_breaker_allows(&b, now));
		mz_breaker_bad(&b, now, "down");
		assert_int_equal(b.next_probe, now + waits[i]);
		assert_int_equal(b.since, 100);
		now = b.next_probe;
	}
	assert_true(mz_breaker_allows(&b, now));
	mz_breaker_good(&b, now);
	assert_int_equal(b.state, MZ_BREAKER_OK);
	assert_int_equal(b.since, now);
	assert_true(mz_breaker_allows(&b, now));
	assert_true(mz_breaker_allows(&b, now));
}

/* Jobs that were under way when it went down all fail: that puts no probe off. */
static void late_failures(void **state)
{
	struct mz_breaker b = down(100);

	(void)state;
	for (int i = 0; i < 100; i++)
		mz_breaker_bad(&b, 101, "down");
	assert_int_equal(b.next_probe, 105);
}

static void good_resets(void **state)
{
	struct mz_breaker b = {0};

	(void)state;
	for (int i = 0; i < 50; i++) {
		mz_breaker_bad(&b, i, "lost");
		mz_breaker_bad(&b, i, "lost");
		mz_breaker_good(&b, i);
		assert_int_equal(b.state, MZ_BREAKER_OK);
		assert_string_equal(b.reason, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_after_five),
		cmocka_unit_test(one_probe),
		cmocka_unit_test(late_failures),
		cmocka_unit_test(good_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
