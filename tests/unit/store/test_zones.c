/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what is known of zones. */
#include "tests/unit/store/scratch.h"

static void unknown(void **state)
{
	struct scratch *s = *state;
	struct mz_store_zone zone = {.known = true, .serial = 1}, none = {0};

	scratch_open(s);
	assert_int_equal(mz_store_zone_get(s->store, "p", "example.org", "example.org", &zone),
			 MZ_OK);
	assert_memory_equal(&zone, &none, sizeof(zone));
	assert_false(mz_store_dirty(s->store));
}

static void all_fields(void **state)
{
	struct scratch *s = *state;
	struct mz_store_zone in, zone;

	memset(&in, 0, sizeof(in));
	memset(&zone, 0xff, sizeof(zone));
	in.known = in.no_axfr = true;
	in.serial = UINT32_MAX;
	in.last_verified = 1795000000000;
	in.in_place = 25;
	in.foreign = UINT32_MAX;
	memset(in.desired, 0xa5, sizeof(in.desired));
	scratch_open(s);
	assert_int_equal(mz_store_zone_put(s->store, "p", "o", "d", &in), MZ_OK);
	assert_true(mz_store_dirty(s->store));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mz_store_zone_get(s->store, "p", "o", "d", &zone), MZ_OK);
		assert_true(zone.known && zone.no_axfr && !zone.large);
		assert_int_equal(zone.serial, in.serial);
		assert_memory_equal(zone.desired, in.desired, sizeof(in.desired));
		assert_int_equal(zone.last_verified, in.last_verified);
		assert_int_equal(zone.in_place, 25);
		assert_int_equal(zone.foreign, in.foreign);
		scratch_commit(s);
		assert_false(mz_store_dirty(s->store));
		scratch_reopen(s);
	}
}

static void replaced_and_keyed(void **state)
{
	struct scratch *s = *state;
	struct mz_store_zone zone = {.serial = 1};

	scratch_open(s);
	assert_int_equal(mz_store_zone_put(s->store, "p", "o", "d", &zone), MZ_OK);
	zone.serial = 2;
	zone.large = true;
	assert_int_equal(mz_store_zone_put(s->store, "p", "o", "d", &zone), MZ_OK);
	zone.serial = 3;
	assert_int_equal(mz_store_zone_put(s->store, "p2", "o", "d", &zone), MZ_OK);
	assert_int_equal(mz_store_zone_put(s->store, "p", "o2", "d", &zone), MZ_OK);
	assert_int_equal(mz_store_zone_put(s->store, "p", "o", "d2", &zone), MZ_OK);
	assert_int_equal(mz_store_zone_get(s->store, "p", "o", "d", &zone), MZ_OK);
	assert_int_equal(zone.serial, 2);
	assert_true(zone.large);
}

static void damaged(void **state)
{
	static const char *const sql[] = {
		"UPDATE zone SET desired = x'00'",
		"UPDATE zone SET desired = zeroblob(32), serial = -1",
		"UPDATE zone SET serial = 1, known = 2",
		"UPDATE zone SET known = 1, others = 1 << 40",
	};
	struct scratch *s = *state;
	struct mz_store_zone zone = {.serial = 9}, none = {0};

	scratch_open(s);
	assert_int_equal(mz_store_zone_put(s->store, "primary", "org", "d.org", &zone), MZ_OK);
	scratch_commit(s);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		scratch_sql(s->path, sql[i]);
		zone.serial = 9;
		assert_int_equal(mz_store_zone_get(s->store, "primary", "org", "d.org", &zone),
				 MZ_ESTATE);
		assert_memory_equal(&zone, &none, sizeof(zone));
		assert_non_null(
			strstr(mz_store_error(s->store), "d.org in zone org on server primary"));
		/* a damaged row undoes nothing, and can be written over */
		scratch_commit(s);
	}
	assert_int_equal(mz_store_zone_put(s->store, "primary", "org", "d.org", &none), MZ_OK);
	assert_int_equal(mz_store_zone_get(s->store, "primary", "org", "d.org", &zone), MZ_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(unknown),
		SCRATCH_TEST(all_fields),
		SCRATCH_TEST(replaced_and_keyed),
		SCRATCH_TEST(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
