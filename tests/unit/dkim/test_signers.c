/* SPDX-License-Identifier: BSD-2-Clause */
/* What signers read, to the letter. */
#include "mailzone/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct mz_signer_key keys[] = {
	{"a.test", "e1", "/k/a.test/e1.pem", MZ_DKIM_ED25519},
	{"a.test", "r1", "/k/a.test/r1.pem", MZ_DKIM_RSA},
	{"b.test", "e7", "/k/b.test/e7.pem", MZ_DKIM_ED25519},
};

static void expect(enum mz_signers_file which, size_t count, const char *want)
{
	struct mz_str text = {0};

	mz_signers_text(&text, which, keys, count);
	assert_string_equal(text.s, want);
	mz_str_clear(&text);
}

static void opendkim(void **state)
{
	(void)state;
	expect(MZ_SIGNERS_KEY_TABLE, 3,
	       "r1._domainkey.a.test a.test:r1:/k/a.test/r1.pem\n"
	       "e7._domainkey.b.test b.test:e7:/k/b.test/e7.pem\n");
	expect(MZ_SIGNERS_SIGNING_TABLE, 3,
	       "a.test r1._domainkey.a.test\nb.test e7._domainkey.b.test\n");
}

static void rspamd(void **state)
{
	(void)state;
	expect(MZ_SIGNERS_SELECTOR_MAP, 3, "a.test r1\nb.test e7\n");
	expect(MZ_SIGNERS_PATH_MAP, 3,
	       "a.test /k/a.test/$selector.pem\nb.test /k/b.test/$selector.seed\n");
	expect(MZ_SIGNERS_DOMAINS, 2,
	       "domain {\n  \"a.test\" {\n    selectors [\n"
	       "      { selector = \"e1\"; path = \"/k/a.test/e1.seed\"; },\n"
	       "      { selector = \"r1\"; path = \"/k/a.test/r1.pem\"; },\n"
	       "    ]\n  }\n}\n");
}

static void json(void **state)
{
	(void)state;
	expect(MZ_SIGNERS_INDEX, 2,
	       "{\"keys\": [\n  {\"domain\": \"a.test\", \"selector\": \"e1\", "
	       "\"algorithm\": \"ed25519-sha256\", \"file\": \"/k/a.test/e1.pem\"},\n"
	       "  {\"domain\": \"a.test\", \"selector\": \"r1\", "
	       "\"algorithm\": \"rsa-sha256\", \"file\": \"/k/a.test/r1.pem\"}\n]}\n");
}

static void nothing(void **state)
{
	(void)state;
	expect(MZ_SIGNERS_KEY_TABLE, 0, "");
	expect(MZ_SIGNERS_DOMAINS, 0, "domain {\n}\n");
	expect(MZ_SIGNERS_INDEX, 0, "{\"keys\": [\n]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opendkim),
		cmocka_unit_test(rspamd),
		cmocka_unit_test(json),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
