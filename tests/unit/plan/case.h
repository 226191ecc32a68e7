/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests that each have a world of their own: CASE() makes it, and short names for what is wanted in it. */
#ifndef TEST_PLAN_CASE_H
#define TEST_PLAN_CASE_H

#include "tests/unit/plan/world.h"

#define SPF MZ_FAMILY_SPF
#define RECORDS MZ_FAMILY_RECORDS
#define WHOLE MZ_CLAIM_WHOLE
#define MATCH MZ_CLAIM_MATCH
#define EXACT MZ_CLAIM_EXACT

static inline int case_setup(void **state)
{
	static struct world w;

	world_init(&w);
	*state = &w;
	return 0;
}

static inline int case_teardown(void **state)
{
	world_clear(*state);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)

#endif
