/* SPDX-License-Identifier: BSD-2-Clause */
/* From a configuration file to the records of its domain, against a zone file written by hand. */
#include "tests/unit/records/support.h"

#include <stdlib.h>

static void test_every_family(void **state)
{
	static const struct {
		const char *name;
		unsigned mode;
	} files[] = {
		{"autoconfig.json", 0644}, {"chain.pem", 0644},	 {"chain-rsa.pem", 0644},
		{"chain-wild.pem", 0644},  {"ec.pub.pem", 0644}, {"rsa2048.pem", 0600},
		{"ed25519.pub.pem", 0644},
	};
	char *text = source_text("every.conf");
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;
	struct mz_facts_cache *cache = NULL;
	struct mz_facts facts = {0};
	struct mz_rrlist list = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)data_file(files[i].name, files[i].mode);
	if (mz_conf_load(&conf, text_file("mailzone.conf", text, 0600), &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	assert_int_equal(mz_facts_cache_new(&cache), MZ_OK);
	if (mz_facts_load(&facts, cache, &conf->domains[0], NULL, 1790000000, &errors) != MZ_OK ||
	    mz_records_derive(&conf->domains[0], &facts, &list, &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	assert_ordered(&list);
	assert_zone(&list, "every.zone");
	mz_rrlist_clear(&list);
	mz_facts_clear(&facts);
	mz_facts_cache_free(cache);
	mz_conf_free(conf);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_family),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
