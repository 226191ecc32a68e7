/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read from good files: defaults, every value, what is in force for a domain. */
#include "tests/unit/conf/base.h"

static void want_name(const uint8_t *wire, const char *text)
{
	char buf[MZ_NAME_TEXT] = "";

	assert_non_null(wire);
	assert_string_equal(mz_name_to_text(wire, buf), text);
}

static void want_path(const char *path, const char *name)
{
	char buf[256] = "";

	assert_string_equal(path, path_of(name, buf));
}

static void test_empty(void **state)
{
	struct mz_conf *conf = load_good("");

	(void)state;
	assert_string_equal(conf->state_directory, "/var/lib/mailzone");
	assert_string_equal(conf->control_socket, "/run/mailzone/control.sock");
	assert_null(conf->domain_directory);
	assert_int_equal(conf->reconcile_interval, 3600);
	assert_int_equal(conf->log_level, MZ_LOG_INFO);
	assert_false(conf->log_json);
	assert_null(conf->status_listen);
	assert_int_equal(conf->notify_count, 0);
	assert_int_equal(conf->key_count + conf->server_count + conf->system_count, 0);
	assert_int_equal(conf->domain_count, 0);
	assert_int_equal(conf->tasks.max_attempts, 3);
	assert_int_equal(conf->tasks.total_deadline, 21600);
	assert_int_equal(conf->tasks.strategy, MZ_RETRY_EXPONENTIAL);
	assert_int_equal(conf->tasks.initial_delay, 60);
	assert_true(conf->tasks.factor > 1.99 && conf->tasks.factor < 2.01);
	assert_int_equal(conf->tasks.max_delay, 1800);
	assert_true(conf->tasks.jitter);
	assert_int_equal(conf->tasks.delay, 300);
	assert_null(conf->hooks.dkim_activated);
	assert_null(conf->hooks.certificate_renew);
	assert_int_equal(conf->hooks.timeout, 60);
	assert_null(mz_conf_find_domain(conf, "example.org"));
	want_path(conf->file, "mailzone.conf");
	mz_conf_free(conf);
	mz_conf_free(NULL);
}

static const char least[] =
	"servers = ( { name = \"s\"; host = \"::1\"; } );\n"
	"mail_systems = ( { name = \"m\"; hostname = \"Mail.example.org\"; } );\n"
	"domains = ( { name = \"Example.org.\"; } );\n";

static void test_server_defaults(void **state)
{
	struct mz_conf *conf = load_good(least);
	const struct mz_conf_server *server = conf->servers;

	(void)state;
	assert_string_equal(server->name, "s");
	assert_string_equal(server->description, "");
	assert_string_equal(server->tenant, "");
	assert_string_equal(server->endpoint.host, "::1");
	assert_int_equal(server->endpoint.port, 53);
	assert_int_equal(server->transport, MZ_TRANSPORT_TCP);
	assert_null(server->key);
	assert_null(server->transfer_key);
	assert_int_equal(server->timeout, 30);
	assert_int_equal(server->ttl, 300);
	assert_int_equal(server->propagation_delay, 0);
	assert_int_equal(server->polling_interval, 15);
	assert_int_equal(server->propagation_timeout, 60);
	assert_int_equal(server->secondary_count, 0);
	assert_int_equal(server->read, MZ_READ_AUTO);
	assert_int_equal(server->max_inflight, 4);
	assert_int_equal(server->delete_limit, 50);
	mz_conf_free(conf);
}

static void test_system_defaults(void **state)
{
	struct mz_conf *conf = load_good(least);
	const struct mz_conf_mail_system *system = conf->systems;

	(void)state;
	want_name(system->hostname.wire, "mail.example.org.");
	assert_int_equal(system->mx.count, 1);
	want_name(system->mx.mx[0].host.wire, "mail.example.org.");
	assert_int_equal(system->mx.mx[0].priority, 10);
	assert_int_equal(system->service_count, 0);
	assert_string_equal(system->spf, "v=spf1 mx -all");
	assert_string_equal(system->host_spf, "v=spf1 a -all");
	assert_string_equal(system->dmarc, "v=DMARC1; p=reject");
	assert_null(system->mta_sts);
	assert_null(system->autoconfig_document);
	assert_int_equal(system->acme.count, 0);
	assert_int_equal(system->certificate_count, 0);
	mz_conf_free(conf);
}

static void test_domain_defaults(void **state)
{
	struct mz_conf *conf = load_good(least);
	const struct mz_conf_domain *domain = conf->domains;
	mz_families usual = MZ_FAMILIES_ALL & ~(1u << MZ_FAMILY_TLSA);

	(void)state;
	assert_string_equal(domain->text, "example.org");
	want_name(domain->name, "example.org.");
	want_name(domain->origin, "example.org.");
	assert_string_equal(domain->origin_text, "example.org");
	assert_ptr_equal(domain->system, conf->systems);
	assert_null(domain->server);
	assert_string_equal(domain->tenant, "");
	assert_string_equal(domain->report_address, "mailto:postmaster");
	assert_false(domain->no_mail);
	assert_false(domain->automatic);
	assert_false(domain->dkim_automatic);
	assert_int_equal(domain->publish, usual);
	assert_int_equal(domain->on_removal, MZ_REMOVAL_KEEP);
	assert_int_equal(domain->takeover, MZ_TAKEOVER_REPLACE);
	assert_int_equal(domain->dkim_algorithms, 1u << MZ_DKIM_RSA | 1u << MZ_DKIM_ED25519);
	assert_int_equal(domain->rsa_bits, 2048);
	assert_string_equal(domain->selector_template, "v{version}-{algorithm}-{date-%Y%m%d}");
	assert_int_equal(domain->rotate_after, 90 * 86400);
	assert_int_equal(domain->retire_after, 7 * 86400);
	assert_int_equal(domain->delete_after, 30 * 86400);
	assert_int_equal(domain->dkim_key_count + domain->record_count, 0);
	assert_string_equal(domain->spf, "v=spf1 mx -all");
	assert_string_equal(domain->dmarc, "v=DMARC1; p=reject");
	assert_ptr_equal(domain->mx, &conf->systems[0].mx);
	assert_ptr_equal(domain->acme, &conf->systems[0].acme);
	assert_null(domain->mta_sts);
	assert_int_equal(domain->where.line, 3);
	mz_conf_free(conf);
}

static void test_globals(void **state)
{
	char *text = replace(base, "\"logfmt\"", "\"json\"");
	struct mz_conf *conf = load_good(text);

	(void)state;
	assert_true(conf->log_json);
	assert_string_equal(conf->status_listen->host, "127.0.0.1");
	assert_int_equal(conf->status_listen->port, 8653);
	assert_int_equal(conf->notify_count, 1);
	assert_int_equal(conf->notify_listen[0].port, 5300);
	assert_int_equal(conf->tasks.max_attempts, 4);
	assert_int_equal(conf->tasks.total_deadline, 7 * 3600);
	assert_int_equal(conf->tasks.strategy, MZ_RETRY_FIXED);
	assert_true(conf->tasks.factor > 3.49 && conf->tasks.factor < 3.51);
	assert_false(conf->tasks.jitter);
	assert_int_equal(conf->tasks.delay, 360);
	assert_string_equal(conf->hooks.dkim_activated[0], "/bin/true");
	assert_string_equal(conf->hooks.dkim_activated[1], "reload");
	assert_null(conf->hooks.dkim_activated[2]);
	assert_string_equal(conf->hooks.certificate_renew[0], "/bin/false");
	assert_null(conf->hooks.certificate_renew[1]);
	assert_int_equal(conf->hooks.timeout, 61);
	assert_string_equal(strrchr(conf->signers.directory, '/'), "/signers");
	assert_string_equal(conf->signers.file[MZ_SIGNERS_KEY_TABLE], "/s/keys");
	assert_string_equal(conf->signers.file[MZ_SIGNERS_SIGNING_TABLE], "/s/signing");
	assert_string_equal(conf->signers.file[MZ_SIGNERS_SELECTOR_MAP], "/s/selectors");
	assert_string_equal(conf->signers.file[MZ_SIGNERS_PATH_MAP], "/s/paths");
	assert_string_equal(conf->signers.file[MZ_SIGNERS_DOMAINS], "/s/domains");
	assert_string_equal(conf->signers.owner, "mail");
	assert_string_equal(conf->signers.group, "sign");
	assert_true(conf->signers.group_reads);
	mz_conf_free(conf);
	free(text);
}

static void test_server(void **state)
{
	struct mz_conf *conf = load_good(base);
	const struct mz_conf_server *server = conf->servers;

	(void)state;
	assert_int_equal(conf->key_count, 2);
	assert_string_equal(tsig_key_name(server->key), "update");
	assert_string_equal(tsig_key_name(server->transfer_key), "transfer");
	assert_int_equal(server->endpoint.port, 5353);
	assert_int_equal(server->transport, MZ_TRANSPORT_UDP);
	assert_string_equal(server->tenant, "acme");
	assert_int_equal(server->timeout, 20);
	assert_int_equal(server->ttl, 600);
	assert_int_equal(server->propagation_delay, 1);
	assert_int_equal(server->polling_interval, 2);
	assert_int_equal(server->propagation_timeout, 3);
	assert_int_equal(server->secondary_count, 2);
	assert_string_equal(server->secondaries[1].host, "2001:db8::54");
	assert_int_equal(server->secondaries[0].port, 53);
	assert_int_equal(server->secondaries[1].port, 54);
	assert_int_equal(server->read, MZ_READ_AXFR);
	assert_int_equal(server->max_inflight, 5);
	assert_int_equal(server->delete_limit, 51);
	mz_conf_free(conf);
}

static void test_system(void **state)
{
	struct mz_conf *conf = load_good(base);
	const struct mz_conf_mail_system *system = conf->systems;

	(void)state;
	assert_int_equal(system->mx.count, 2);
	want_name(system->mx.mx[1].host.wire, "mx2.example.org.");
	assert_int_equal(system->mx.mx[0].priority, 11);
	assert_int_equal(system->mx.mx[1].priority, 10);
	assert_int_equal(system->service_count, 2);
	assert_int_equal(system->services[0].protocol, MZ_PROTO_IMAP);
	assert_true(system->services[0].cleartext);
	want_name(system->services[0].host.wire, "imap.example.org.");
	assert_int_equal(system->services[1].protocol, MZ_PROTO_SMTP);
	want_name(system->services[1].host.wire, "mail.example.org.");
	assert_int_equal(system->mta_sts->mode, MZ_STS_ENFORCE);
	assert_int_equal(system->mta_sts->max_age, 8 * 86400);
	assert_int_equal(system->mta_sts->mx_count, 2);
	assert_string_equal(system->mta_sts->mx[1], "*.example.org");
	want_path(system->mta_sts->policy_file, "sts.txt");
	want_path(system->autoconfig_document, "auto.json");
	assert_int_equal(system->autoconfig_where.line, line_of(base, "autoconfig"));
	assert_int_equal(system->acme.count, 2);
	assert_string_equal(system->acme.acme[0].issuer, "letsencrypt.org");
	assert_string_equal(system->acme.acme[0].policy, "wildcard");
	assert_true(system->acme.acme[0].persist);
	assert_string_equal(system->acme.acme[1].account_uri, "");
	assert_string_equal(system->acme.acme[1].policy, "");
	assert_int_equal(system->certificate_count, 1);
	want_path(system->certificates[0].file, "chain.pem");
	want_path(system->certificates[0].next_key, "next.pem");
	want_name(system->certificates[0].hosts[0].wire, "mx1.example.org.");
	mz_conf_free(conf);
}

static void test_domain(void **state)
{
	struct mz_conf *conf = load_good(base);
	const struct mz_conf_domain *domain = conf->domains;

	(void)state;
	want_name(domain->origin, "org.");
	assert_string_equal(domain->origin_text, "org");
	assert_ptr_equal(domain->server, conf->servers);
	assert_true(domain->automatic && domain->dkim_automatic);
	assert_int_equal(domain->publish,
			 1u << MZ_FAMILY_MX | 1u << MZ_FAMILY_TLSA | 1u << MZ_FAMILY_RECORDS);
	assert_int_equal(domain->on_removal, MZ_REMOVAL_WITHDRAW);
	assert_int_equal(domain->takeover, MZ_TAKEOVER_REFUSE);
	assert_int_equal(domain->dkim_algorithms, 1u << MZ_DKIM_RSA);
	assert_int_equal(domain->rsa_bits, 3072);
	assert_int_equal(domain->dkim_key_count, 1);
	assert_string_equal(domain->dkim_keys[0].selector, "s1");
	want_path(domain->dkim_keys[0].file, "s1.pem");
	assert_int_equal(domain->dkim_keys[0].where.line, line_of(base, "dkim_keys"));
	assert_int_equal(domain->record_count, 2);
	assert_string_equal(domain->records[0], "www 300 IN A 192.0.2.80");
	assert_int_equal(domain->record_where[0].line, line_of(base, "www 300"));
	assert_int_equal(domain->record_where[1].line, line_of(base, "@ CAA"));
	assert_string_equal(domain->spf, "v=spf1 a -all");
	assert_ptr_equal(domain->mta_sts, conf->systems[0].mta_sts);
	mz_conf_free(conf);
}

/* The domain's own values win. */
static void test_own(void **state)
{
	struct mz_conf *conf = load_good(base);
	const struct mz_conf_domain *domain = mz_conf_find_domain(conf, "OWN.example.net.");

	(void)state;
	assert_ptr_equal(domain, &conf->domains[1]);
	assert_ptr_equal(domain->system, &conf->systems[1]);
	assert_string_equal(domain->spf, "v=spf1 -all");
	assert_string_equal(domain->dmarc, "v=DMARC1; p=quarantine");
	assert_int_equal(domain->mx->count, 1);
	assert_int_equal(domain->mx->mx[0].priority, 5);
	want_name(domain->mx->mx[0].host.wire, "mx.example.net.");
	assert_int_equal(domain->mta_sts->mode, MZ_STS_TESTING);
	assert_int_equal(domain->mta_sts->max_age, 7 * 86400);
	assert_int_equal(domain->acme->count, 1);
	assert_string_equal(domain->acme->acme[0].issuer, "own.example");
	mz_conf_free(conf);
}

static void test_no_mail(void **state)
{
	struct mz_conf *conf =
		load_good("domains = ( { name = \"example.org\"; no_mail = true; } );\n");
	const struct mz_conf_domain *domain = conf->domains;

	(void)state;
	assert_true(domain->no_mail);
	assert_null(domain->system);
	assert_string_equal(domain->spf, "v=spf1 -all");
	assert_string_equal(domain->dmarc, "v=DMARC1; p=reject; sp=reject");
	assert_int_equal(domain->mx->count + domain->acme->count, 0);
	assert_null(domain->mta_sts);
	mz_conf_free(conf);
}

/* An empty list of the domain's own means none, not the mail system's. */
static void test_no_acme(void **state)
{
	struct mz_conf *conf =
		load_good("mail_systems = ( { name = \"m\"; hostname = \"mail.example.org\";\n"
			  " acme = ( { issuer = \"ca.example\"; } ); } );\n"
			  "domains = ( { name = \"a.example\"; acme = ( ); }, { name = "
			  "\"b.example\"; } );\n");

	(void)state;
	assert_int_equal(conf->domains[0].acme->count, 0);
	assert_int_equal(conf->domains[1].acme->count, 1);
	mz_conf_free(conf);
}

static void test_find(void **state)
{
	struct mz_conf *conf = NULL;
	struct mz_conf bare = {.file = NULL};
	char longest[400] = "";

	(void)state;
	conf = load_good("domains = ( { name = \"b.example\"; no_mail = true; },\n"
			 "{ name = \"c.example\"; no_mail = true; },\n"
			 "{ name = \"a.example\"; no_mail = true; } );\n");
	assert_ptr_equal(mz_conf_find_domain(conf, "a.example"), &conf->domains[2]);
	assert_ptr_equal(mz_conf_find_domain(conf, "B.Example."), &conf->domains[0]);
	assert_ptr_equal(mz_conf_find_domain(conf, "c.example"), &conf->domains[1]);
	assert_null(mz_conf_find_domain(conf, "d.example"));
	assert_null(mz_conf_find_domain(conf, ""));
	assert_null(mz_conf_find_domain(conf, "."));
	memset(longest, 'a', sizeof longest - 1);
	assert_null(mz_conf_find_domain(conf, longest));
	/* A configuration that was put together by hand has no index. */
	bare.domains = conf->domains;
	bare.domain_count = conf->domain_count;
	assert_ptr_equal(mz_conf_find_domain(&bare, "c.example"), &conf->domains[1]);
	mz_conf_free(conf);
}

static void test_credentials(void **state)
{
	struct mz_conf *conf = NULL;

	(void)state;
	make_folder("credentials");
	write_file("credentials/key", SECRET);
	{
		char path[256] = "";

		assert_int_equal(setenv("CREDENTIALS_DIRECTORY", path_of("credentials", path), 1),
				 0);
	}
	conf = load_good(
		"keys = ( { name = \"k\"; secret_file = \"$CREDENTIALS_DIRECTORY/key\"; } );");
	assert_int_equal(conf->key_count, 1);
	mz_conf_free(conf);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

/* A relative path of the configuration: the paths in it become absolute all the same. */
static void test_relative(void **state)
{
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;
	char before[256] = "";

	(void)state;
	assert_non_null(getcwd(before, sizeof before));
	write_file("mailzone.conf", "state_directory = \"state\";\n");
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mz_conf_load(&conf, "mailzone.conf", &errors), MZ_OK);
	assert_int_equal(chdir(before), 0);
	want_path(conf->state_directory, "state");
	assert_string_equal(conf->file, "mailzone.conf");
	mz_conf_free(conf);
}

/* Copies a file of the source tree. */
static void copy_sample(const char *from, const char *to)
{
	const char *top = getenv("srcdir");
	char path[512] = "";
	struct mz_cause cause = {.text = ""};
	uint8_t *text = NULL;
	size_t len = 0;

	(void)snprintf(path, sizeof path, "%s/%s", top ? top : ".", from);
	if (mz_file_read(path, 1 << 20, &text, &len, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	write_octets(to, text, len, 0644);
	free(text);
}

static void test_sample(void **state)
{
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;

	(void)state;
	copy_sample("conf/mailzone.conf.sample", "mailzone.conf");
	make_folder("domains.d");
	make_folder("keys");
	write_file("keys/mail-update.secret", SECRET "\n");
	conf = load(MZ_OK, &errors);
	assert_int_equal(conf->domain_count, 2);
	assert_string_equal(tsig_key_name(conf->servers[0].transfer_key), "mail-update");
	assert_int_equal(conf->systems[0].certificate_count, 1);
	assert_null(conf->systems[0].certificates[0].next_key);
	mz_conf_free(conf);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_empty),	    TEST(test_server_defaults), TEST(test_system_defaults),
		TEST(test_domain_defaults), TEST(test_globals),		TEST(test_server),
		TEST(test_system),	    TEST(test_domain),		TEST(test_own),
		TEST(test_no_mail),	    TEST(test_no_acme),		TEST(test_find),
		TEST(test_credentials),	    TEST(test_relative),	TEST(test_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
