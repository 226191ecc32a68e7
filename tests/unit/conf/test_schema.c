/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of settings: complete, described, and its defaults within its own bounds. */
#include "src/conf/schema.h"

#include "src/conf/value.h"
#include "tests/unit/conf/helper.h"

/* Every setting that the design names. */
/* clang-format off */
static const char *const known[] = {
	"state_directory", "control_socket", "domain_directory", "reconcile_interval", "log",
	"log.level", "log.format", "status", "status.listen", "notify", "notify.listen", "keys",
	"keys.name", "keys.algorithm", "keys.secret", "keys.secret_file", "keys.file", "servers",
	"servers.name", "servers.description", "servers.host", "servers.port", "servers.transport",
	"servers.key", "servers.transfer_key", "servers.tenant", "servers.timeout", "servers.ttl",
	"servers.propagation_delay", "servers.polling_interval", "servers.propagation_timeout",
	"servers.secondaries", "servers.read", "servers.max_inflight", "servers.delete_limit",
	"mail_systems", "mail_systems.name", "mail_systems.hostname", "mail_systems.mx",
	"mail_systems.mx.host", "mail_systems.mx.priority", "mail_systems.services",
	"mail_systems.services.protocol", "mail_systems.services.host",
	"mail_systems.services.cleartext", "mail_systems.spf", "mail_systems.host_spf",
	"mail_systems.dmarc", "mail_systems.mta_sts", "mail_systems.mta_sts.mode",
	"mail_systems.mta_sts.max_age", "mail_systems.mta_sts.mx",
	"mail_systems.mta_sts.policy_file", "mail_systems.autoconfig",
	"mail_systems.autoconfig.document", "mail_systems.acme", "mail_systems.acme.issuer",
	"mail_systems.acme.account_uri", "mail_systems.acme.persist", "mail_systems.acme.policy",
	"mail_systems.certificates", "mail_systems.certificates.file",
	"mail_systems.certificates.next_key", "mail_systems.certificates.hosts", "task_manager",
	"task_manager.max_attempts", "task_manager.total_deadline", "task_manager.retry",
	"task_manager.retry.strategy", "task_manager.retry.initial_delay",
	"task_manager.retry.factor", "task_manager.retry.max_delay", "task_manager.retry.jitter",
	"task_manager.retry.delay", "hooks", "hooks.dkim_activated", "hooks.certificate_renew",
	"hooks.timeout", "signers", "signers.directory", "signers.opendkim_key_table",
	"signers.opendkim_signing_table", "signers.rspamd_selector_map",
	"signers.rspamd_path_map", "signers.rspamd_domains", "signers.owner", "signers.group",
	"signers.mode", "domains", "domains.name", "domains.mail_system", "domains.no_mail",
	"domains.tenant", "domains.report_address", "domains.dns_management",
	"domains.dns_management.mode", "domains.dns_management.server",
	"domains.dns_management.origin", "domains.dns_management.publish_records",
	"domains.dns_management.on_removal", "domains.dns_management.takeover",
	"domains.dkim_management", "domains.dkim_management.mode",
	"domains.dkim_management.algorithms", "domains.dkim_management.rsa_bits",
	"domains.dkim_management.selector_template", "domains.dkim_management.rotate_after",
	"domains.dkim_management.retire_after", "domains.dkim_management.delete_after",
	"domains.dkim_keys", "domains.dkim_keys.selector", "domains.dkim_keys.file",
	"domains.records", "domains.spf", "domains.dmarc", "domains.mx", "domains.mx.host",
	"domains.mx.priority", "domains.mta_sts", "domains.mta_sts.mode",
	"domains.mta_sts.max_age", "domains.mta_sts.mx", "domains.mta_sts.policy_file",
	"domains.acme", "domains.acme.issuer", "domains.acme.account_uri", "domains.acme.persist",
	"domains.acme.policy",
};
/* clang-format on */

static void check_path(void *arg, const char *path, const struct conf_row *row)
{
	size_t *i = arg;

	(void)row;
	assert_true(*i < sizeof known / sizeof *known);
	assert_string_equal(path, known[*i]);
	(*i)++;
}

static void test_paths(void **state)
{
	size_t i = 0;

	(void)state;
	conf_schema_each(check_path, &i);
	assert_int_equal(i, sizeof known / sizeof *known);
}

static bool in_choices(const struct conf_row *row, const char *text, size_t len)
{
	char choice[CONF_CHOICE_MAX] = "";
	size_t i = 0;

	for (i = 0; conf_choice(row, i, choice); i++)
		if (strlen(choice) == len && strncmp(choice, text, len) == 0)
			return true;
	return false;
}

static void check_default(const char *path, const struct conf_row *row)
{
	const char *p = row->def;
	int64_t value = 0;

	if (row->type == CONF_DURATION) {
		assert_true(conf_duration_parse(row->def, &value));
		assert_in_range(value, row->min, row->max);
	} else if (row->type == CONF_INT) {
		value = strtoll(row->def, NULL, 10);
		assert_in_range(value, row->min, row->max);
	} else if (row->type == CONF_BOOL) {
		assert_true(!strcmp(row->def, "true") || !strcmp(row->def, "false"));
	} else if (row->type == CONF_CHOICE) {
		assert_true(in_choices(row, row->def, strlen(row->def)));
	}
	while (row->type == CONF_FLAGS && *p) {
		size_t n = strcspn(p, " ");

		if (!in_choices(row, p, n))
			fail_msg("%s: %s", path, p);
		p += n + (p[n] == ' ');
	}
}

static void check_row(void *arg, const char *path, const struct conf_row *row)
{
	size_t len = row->help ? strlen(row->help) : 0;
	bool group = row->type == CONF_GROUP || row->type == CONF_SUBGROUP ||
		     row->type == CONF_LIST || row->type == CONF_ITEMS;

	(void)arg;
	if (len < 4 || row->help[len - 1] != '.')
		fail_msg("%s has no help, or not a sentence", path);
	assert_non_null(conf_type_text(row->type));
	assert_true(group == (row->group != NULL));
	assert_true((row->type == CONF_CHOICE || row->type == CONF_FLAGS) ==
		    (row->choices != NULL));
	assert_true(row->min <= row->max);
	assert_false(row->required && row->def);
	if (row->def)
		check_default(path, row);
}

static void test_rows(void **state)
{
	(void)state;
	conf_schema_each(check_row, NULL);
}

static void find_families(void *arg, const char *path, const struct conf_row *row)
{
	if (strcmp(path, "domains.dns_management.publish_records") == 0)
		*(const struct conf_row **)arg = row;
}

/* The choices stand in the order of the enum. */
static void test_families(void **state)
{
	const struct conf_row *row = NULL;
	char choice[CONF_CHOICE_MAX] = "";
	unsigned i = 0;

	(void)state;
	conf_schema_each(find_families, &row);
	assert_non_null(row);
	for (i = 0; conf_choice(row, i, choice); i++) {
		assert_int_equal(mz_family_from_name(choice), i + row->base);
		assert_string_equal(mz_family_name((enum mz_family)(i + row->base)), choice);
	}
	assert_int_equal(i + row->base, MZ_FAMILY_COUNT);
	assert_int_equal(mz_family_from_name("bimi"), MZ_FAMILY_NONE);
	assert_int_equal(mz_family_from_name(""), MZ_FAMILY_NONE);
	assert_string_equal(mz_family_name(MZ_FAMILY_NONE), "");
	assert_string_equal(mz_family_name(MZ_FAMILY_COUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
