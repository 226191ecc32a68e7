/* SPDX-License-Identifier: BSD-2-Clause */
/* Which hosts a certificate names: whole names, and one wildcard for one label. */
#include "tests/unit/records/support.h"

static void test_covers(void **state)
{
	static const struct {
		const char *name, *host;
		bool covered;
	} cases[] = {
		{"mx.example.org", "mx.example.org", true},
		{"mx.example.org", "MX.Example.Org", true},
		{"MX.example.org", "mx.example.org", true},
		{"mx.example.org", "mx2.example.org", false},
		{"mx.example.org", "example.org", false},
		{"mx.example.org", "a.mx.example.org", false},
		{"*.example.org", "mx.example.org", true},
		{"*.EXAMPLE.org", "mx.example.ORG", true},
		{"*.example.org", "example.org", false},
		{"*.example.org", "a.mx.example.org", false},
		{"*.example.org", "mx.example.net", false},
		{"*x.example.org", "mx.example.org", false}, /* not the whole label */
		{"m*.example.org", "mx.example.org", false},
		{"mx.*.org", "mx.example.org", false}, /* not the first label */
		{"*.example.org", ".", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mz_name name = name_of(cases[i].name), host = name_of(cases[i].host);
		struct mz_cert cert = {.names = &name, .name_count = 1};

		if (mz_cert_covers(&cert, host.wire) != cases[i].covered)
			fail_msg("%s and %s", cases[i].name, cases[i].host);
	}
}

static void test_several(void **state)
{
	struct mz_name names[] = {name_of("a.example"), name_of("b.example")};
	struct mz_cert cert = {.names = names, .name_count = 2};

	(void)state;
	assert_true(mz_cert_covers(&cert, names[1].wire));
	cert.name_count = 1;
	assert_false(mz_cert_covers(&cert, names[1].wire));
	cert.name_count = 0;
	assert_false(mz_cert_covers(&cert, names[0].wire));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
