/* SPDX-License-Identifier: BSD-2-Clause */
/* Selector templates: each variable, and what is no selector. */
#include "tests/unit/records/support.h"

#include <string.h>

static const struct mz_dkim_selector_input input = {
	.algorithm = MZ_DKIM_RSA,
	.version = 7,
	.now = 1793491199, /* 2026-10-31T23:59:59Z */
	.hash_of = "abc",
	.random = "a0b1c2d3",
};

static void assert_selector(const char *template, const char *want)
{
	struct mz_str out = {0};
	struct mz_cause cause = {0};

	if (mz_dkim_selector(&out, template, &input, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	assert_string_equal(out.s, want);
	mz_str_clear(&out);
}

static void assert_refused(const char *template, const char *words)
{
	struct mz_str out = {0};
	struct mz_cause cause = {0};

	assert_int_equal(mz_dkim_selector(&out, template, &input, &cause), MZ_EINVAL);
	if (strstr(cause.text, words) == NULL)
		fail_msg("the cause is \"%s\"", cause.text);
	mz_str_clear(&out);
}

static void test_variables(void **state)
{
	(void)state;
	assert_selector("plain", "plain");
	assert_selector("{algorithm}", "rsa");
	assert_selector("v{version}", "v7");
	assert_selector("{epoch}", "1793491199");
	assert_selector("{random}", "a0b1c2d3");
	/* printf abc | sha256sum | cut -c1-16 */
	assert_selector("{hash}", "ba7816bf8f01cfea");
	assert_selector("{date-%Y%m%d}", "20261031");
	assert_selector("s{date-%H-%M}", "s23-59");
	assert_selector("{date-%b}", "oct");
	assert_selector("v{version}-{algorithm}-{date-%Y%m%d}", "v7-rsa-20261031");
	assert_selector("K{version}.{algorithm}", "k7.rsa");
}

static void test_ed25519(void **state)
{
	struct mz_dkim_selector_input in = input;
	struct mz_str out = {0};

	(void)state;
	in.algorithm = MZ_DKIM_ED25519;
	assert_int_equal(mz_dkim_selector(&out, "{algorithm}", &in, NULL), MZ_OK);
	assert_string_equal(out.s, "ed25519");
	mz_str_clear(&out);
}

static void test_unknown(void **state)
{
	(void)state;
	assert_refused("{foo}", "unknown variable \"{foo}\"");
	assert_refused("{}", "unknown variable \"{}\"");
	assert_refused("{Version}", "unknown variable");
	assert_refused("{versions}", "unknown variable");
	assert_refused("{date}", "unknown variable");
	assert_refused("{{version}}", "unknown variable");
	assert_refused("a{version", "a { without its }");
	assert_refused("{", "a { without its }");
	assert_refused("{date-%Y", "a { without its }");
}

static void test_dates(void **state)
{
	(void)state;
	assert_refused("{date-}", "not a date");
	assert_refused("{date-%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%"
		       "Y}",
		       "not a date");
	assert_refused("{date-%999Y}", "not a date");
	assert_refused("{date-%Y/%m}", "no selector");
}

static void test_no_label(void **state)
{
	static const char *const wrong[] = {"",	    "a_b",    "a b",	      "-a", "a-",
					    "a-.b", "a.-b",   ".a",	      "a.", "a..b",
					    "v}",   "a/../b", "b\303\274cher"};
	char label[65] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_refused(wrong[i], "no selector");
	memset(label, 'a', 64);
	assert_refused(label, "no selector");
	label[63] = '\0';
	assert_selector(label, label);
}

/* Labels that are good each may still make a name that is too long. */
static void test_long(void **state)
{
	struct mz_str text = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		mz_str_add(&text, "ab.");
	mz_str_add(&text, "c");
	assert_refused(text.s, "no selector");
	mz_str_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variables), cmocka_unit_test(test_ed25519),
		cmocka_unit_test(test_unknown),	  cmocka_unit_test(test_dates),
		cmocka_unit_test(test_no_label),  cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
