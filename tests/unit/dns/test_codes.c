/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of names of codes, and of serials. */
#include "tests/unit/dns/help.h"

static void serials(void **state)
{
	(void)state;
	assert_true(mz_serial_newer(1, 0));
	assert_false(mz_serial_newer(0, 1));
	assert_false(mz_serial_newer(5, 5));
	assert_true(mz_serial_newer(0, UINT32_MAX));
	assert_false(mz_serial_newer(UINT32_MAX, 0));
	assert_true(mz_serial_newer(0x7fffffff, 0));
	/* RFC 1982 section 3.2: pairs 2^31 apart have no order. */
	assert_false(mz_serial_newer(0x80000000, 0));
	assert_false(mz_serial_newer(0, 0x80000000));
	assert_true(mz_serial_newer(0, 0x80000001));
}

static void types(void **state)
{
	char buf[MZ_CODE_TEXT] = "";

	(void)state;
	assert_string_equal(mz_type_name(MZ_TYPE_MX, buf), "MX");
	assert_string_equal(mz_type_name(MZ_TYPE_TLSA, buf), "TLSA");
	assert_string_equal(mz_type_name(MZ_TYPE_CAA, buf), "CAA");
	assert_string_equal(mz_type_name(65, buf), "HTTPS");
	assert_string_equal(mz_type_name(0, buf), "TYPE0");
	assert_string_equal(mz_type_name(54, buf), "TYPE54");
	assert_string_equal(mz_type_name(65280, buf), "TYPE65280");
	assert_string_equal(mz_type_name(65535, buf), "TYPE65535");
	for (unsigned type = 0; type <= UINT16_MAX; type++)
		assert_true(strlen(mz_type_name((uint16_t)type, buf)) > 0);
}

static void rcodes(void **state)
{
	char buf[MZ_CODE_TEXT] = "";

	(void)state;
	assert_string_equal(mz_rcode_name(MZ_RCODE_NOERROR, buf), "NOERROR");
	assert_string_equal(mz_rcode_name(MZ_RCODE_YXRRSET, buf), "YXRRSET");
	assert_string_equal(mz_rcode_name(MZ_RCODE_NOTZONE, buf), "NOTZONE");
	assert_string_equal(mz_rcode_name(11, buf), "RCODE11");
	assert_string_equal(mz_rcode_name(UINT32_MAX, buf), "RCODE4294967295");
}

static void types_of_the_server(void **state)
{
	static const uint16_t servers[] = {6, 46, 47, 48, 50, 51, 59, 60, 63, 65534};
	static const uint16_t ours[] = {MZ_TYPE_A,   MZ_TYPE_NS,   MZ_TYPE_CNAME, MZ_TYPE_MX,
					MZ_TYPE_TXT, MZ_TYPE_TLSA, MZ_TYPE_CAA,	  43};

	(void)state;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		assert_true(mz_type_is_server(servers[i]));
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		assert_false(mz_type_is_server(ours[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serials),
		cmocka_unit_test(types),
		cmocka_unit_test(rcodes),
		cmocka_unit_test(types_of_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
