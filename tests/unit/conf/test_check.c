/* SPDX-License-Identifier: BSD-2-Clause */
/* What one setting says about another: references, names given twice, values that must fit. */
#include "tests/unit/conf/base.h"

static void test_dangling(void **state)
{
	static const struct breakage rows[] = {
		{"key = \"update\"", "key = \"updat\"",
		 "key: there is no key \"updat\"; did you mean \"update\"?\n", 0},
		{"transfer_key = \"transfer\"", "transfer_key = \"xyzzy-foo\"",
		 "transfer_key: there is no key \"xyzzy-foo\"\n", 0},
		{"   server = \"primary\"", "   server = \"primry\"",
		 "server: there is no server \"primry\"; did you mean \"primary\"?\n", 0},
		{"mail_system = \"default\"", "mail_system = \"defualt\"",
		 "mail_system: there is no mail system \"defualt\"; did you mean \"default\"?\n",
		 0},
		{"   server = \"primary\";", "", "automatic dns_management needs a \"server\"\n",
		 0},
		{"mail_system = \"default\"", "mail_system = \"\"",
		 "this domain needs \"mail_system\": there is more than one to choose from\n", 0},
	};
	char *text = NULL;

	(void)state;
	want_breakages(rows, 4);
	/* These are found at the group, which starts on a line above. */
	text = replace(base, rows[4].old, rows[4].new);
	want_one(text, line_of(base, "dns_management"), rows[4].error);
	free(text);
	text = replace(base, rows[5].old, rows[5].new);
	want_one(text, line_of(base, "{ name = \"Example"), rows[5].error);
	free(text);
}

static void test_twice(void **state)
{
	static const struct {
		const char *old, *new, *error, *first;
	} rows[] = {
		{"name = \"transfer\"", "name = \"UPDATE.\"",
		 "the key \"update\" is given twice; first at", "name = \"update\""},
		{"name = \"second\"", "name = \"primary\"",
		 "the server \"primary\" is given twice; first at", "name = \"primary\""},
		{"name = \"other\"", "name = \"default\"",
		 "the mail system \"default\" is given twice; first at", "name = \"default\""},
		{"name = \"own.example.net\"", "name = \"example.org.\"",
		 "the domain \"example.org\" is given twice; first at", "name = \"Example.ORG\""},
		{"host = \"mx2.example.org\"", "host = \"MX1.example.org.\"",
		 "the MX host \"mx1.example.org\" is given twice; first at",
		 "host = \"mx1.example.org\""},
		{"{ issuer = \"ca.example\"; }",
		 "{ issuer = \"letsencrypt.org\"; account_uri = \"https://acme.example/acct/1\"; }",
		 "the issuer \"letsencrypt.org\" is given twice; first at",
		 "{ issuer = \"letsencrypt.org\""},
		{"{ protocol = \"smtp\"; }",
		 "{ protocol = \"imap\"; host = \"IMAP.example.org\"; }",
		 "the same service at the same host is given twice; first at",
		 "{ protocol = \"imap\""},
		{"file = \"s1.pem\"; }",
		 "file = \"s1.pem\"; }, { selector = \"S1\"; file = \"x\"; }",
		 "the selector \"S1\" is given twice; first at", "{ selector = \"s1\""},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *text = replace(base, rows[i].old, rows[i].new), wanted[512] = "";
		struct mz_conf_errors errors = {0};

		(void)snprintf(wanted, sizeof wanted, "%s %s/mailzone.conf:%u\n", rows[i].error,
			       folder, line_of(base, rows[i].first));
		write_file("mailzone.conf", text);
		(void)load(MZ_EINVAL, &errors);
		want_error(&errors, "mailzone.conf", line_of(base, rows[i].old), wanted);
		mz_conf_errors_clear(&errors);
		free(text);
	}
	want_one("log = { };\nstate_directory = \"/a\";\nlog = { };\n", 3,
		 "a setting is given twice in one group\n");
	want_one("notify = { listen = [ \"127.0.0.1:5300\",\n\"127.0.0.1:5300\" ]; };\n", 2,
		 "listen names 127.0.0.1 port 5300 twice\n");
	want_one("log = {\nlevel = \"info\";\nlevel = \"info\"; };\n", 3,
		 "a setting is given twice in one group\n");
}

static void test_servers(void **state)
{
	static const struct breakage rows[] = {
		{"   \"[2001:db8::54]:54\" ]", "   \"192.0.2.54:53\" ]",
		 "secondaries names 192.0.2.54 port 53 twice\n", 0},
	};
	char *text = NULL;

	(void)state;
	WANT_BREAKAGES(rows);
	/* A server without a tenant is for everyone; one with a tenant for its own. */
	text = replace(base, "  tenant = \"acme\";\n  report", "  tenant = \"other\";\n  report");
	want_one(text, line_of(base, "   server = \"primary\""),
		 "the server \"primary\" is for domains of the tenant \"acme\" only; this domain's "
		 "tenant is \"other\"\n");
	free(text);
	text = replace(base, "  tenant = \"acme\";\n  report", "  report");
	want_one(text, line_of(base, "   server = \"primary\"") - 1,
		 "the server \"primary\" is for domains of the tenant \"acme\" only; this domain's "
		 "tenant is \"\"\n");
	free(text);
	text = replace(base, "  tenant = \"acme\";\n  timeout", "  timeout");
	mz_conf_free(load_good(text));
	free(text);
}

static void test_texts(void **state)
{
	static const struct breakage rows[] = {
		{"\"v=spf1 a -all\"", "\"v=spf2 -all\"",
		 "spf \"v=spf2 -all\" must be \"v=spf1\", alone or followed by a space", 0},
		{"\"v=spf1 a -all\"", "\"\"", "spf \"\" must be \"v=spf1\"", 0},
		{"\"v=spf1 mx -all\"", "\"mx\"", "host_spf \"mx\" must be \"v=spf1\"", 0},
		{"\"v=DMARC1; p=none\"", "\"v=DMARC1; sp=none\"",
		 "dmarc \"v=DMARC1; sp=none\" has no policy", 0},
		{"\"v=spf1 -all\"", "\"v=spf1 \xc3\xbc\"",
		 "spf \"v=spf1 \\xc3\\xbc\" has characters outside printable ASCII", 0},
		{"\"v=DMARC1; p=quarantine\"", "\"p=none\"",
		 "dmarc \"p=none\" must start with \"v=DMARC1;\"", 0},
		{"\"mailto:reports\"", "\"reports@example.org\"",
		 "report_address \"reports@example.org\" must start with \"mailto:\" or \"https:\"",
		 0},
		{"\"letsencrypt.org\"", "\"lets encrypt\"",
		 "issuer \"lets encrypt\" is not a host name", 0},
		{"\"https://acme.example/acct/1\"", "\"acct 1\"",
		 "account_uri \"acct 1\" is not a URI", 0},
		{"   account_uri = \"https://acme.example/acct/1\";\n", "\n",
		 "\"persist\" needs \"account_uri\"\n", 1},
		{"selector = \"s1\"", "selector = \"s 1\"",
		 "selector \"s 1\" may hold letters, digits", 0},
	};
	char *text = NULL;

	(void)state;
	WANT_BREAKAGES(rows);
	text = replace(base, "\"v=spf1 mx -all\"", "\"\"");
	mz_conf_free(load_good(text));
	free(text);
}

static void test_cover(void **state)
{
	static const struct breakage rows[] = {
		{"mx = [ \"mx1.example.org\",\n    \"*.example.org\" ]",
		 "mx = [ \"mx1.example.org\" ]",
		 "no pattern in mta_sts.mx covers the MX host \"mx2.example.org\": in enforce mode",
		 0},
		{"    \"*.example.org\" ]", "    \"*.*.org\" ]", "", 0},
		{"mta_sts = { mode = \"testing\"; }",
		 "mta_sts = { mode = \"enforce\"; mx = [ \"mx.example.org\" ]; }",
		 "no pattern in mta_sts.mx covers the MX host \"mx.example.net\"", 0},
	};
	char *text = NULL;
	struct mz_conf_errors errors = {0};

	(void)state;
	want_breakages(rows, 1);
	want_breakages(rows + 2, 1);
	text = replace(base, rows[1].old, rows[1].new);
	write_file("mailzone.conf", text);
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, "mailzone.conf", line_of(base, rows[1].old),
		   "mx \"*.*.org\" is not a host name");
	mz_conf_errors_clear(&errors);
	free(text);
	/* A domain with an MX of its own must fit the mail system's policy. */
	want_one("mail_systems = ( { name = \"m\"; hostname = \"mail.example.org\";\n"
		 " mta_sts = { mx = [ \"mail.example.org\" ]; }; } );\n"
		 "domains = ( { name = \"example.org\";\n"
		 " mx = ( { host = \"mx.example.org\" } ); } );\n",
		 4, "no pattern in mta_sts.mx covers the MX host \"mx.example.org\"");
	mz_conf_free(load_good(
		"mail_systems = ( { name = \"m\"; hostname = \"mail.example.org\";\n"
		" mta_sts = { mode = \"testing\"; mx = [ \"mail.example.org\" ]; }; } );\n"
		"domains = ( { name = \"example.org\";\n"
		" mx = ( { host = \"mx.example.org\" } ); } );\n"));
}

static void test_domains(void **state)
{
	static const struct breakage rows[] = {
		{"origin = \"org\"", "origin = \"net\"",
		 "\"example.org\" is not within the origin \"net\"\n", 0},
		{"origin = \"org\"", "origin = \"ple.org\"",
		 "\"example.org\" is not within the origin \"ple.org\"\n", 0},
		{"\"www 300 IN A 192.0.2.80\"", "\"www 300 IN A 192.0.2.800\"",
		 "record \"www 300 IN A 192.0.2.800\": ", 0},
		{"\"www 300 IN A 192.0.2.80\"", "\"www.example.net. 300 IN A 192.0.2.80\"",
		 "record \"www.example.net. 300 IN A 192.0.2.80\": its owner is not within the "
		 "domain's zone\n",
		 0},
		{"\"www 300 IN A 192.0.2.80\"", "\"@ 300 IN SOA a. b. 1 2 3 4 5\"",
		 "record \"@ 300 IN SOA a. b. 1 2 3 4 5\": records of this type belong to the "
		 "server\n",
		 0},
		{"\"www 300 IN A 192.0.2.80\"", "\"org. 300 IN NS ns1.org.\"",
		 "record \"org. 300 IN NS ns1.org.\": the NS records at the zone's origin belong "
		 "to the server\n",
		 0},
		{"\"www 300 IN A 192.0.2.80\"", "\"www 300 CH A 192.0.2.80\"",
		 "record \"www 300 CH A 192.0.2.80\": ", 0},
		{"\"www 300 IN A 192.0.2.80\"", "\"$INCLUDE /etc/passwd\"",
		 "record \"$INCLUDE /etc/passwd\": ", 0},
		{"\"www 300 IN A 192.0.2.80\"", "\"\"", "record \"\": ", 0},
		/* The second record is found on its own line. */
		{"   \"@ CAA 0 issue \\\"x.example\\\"\" );", "   \"bad\"\n\n );",
		 "record \"bad\": ", 0},
		{"records = ( \"www 300 IN A 192.0.2.80\",\n",
		 "records = ( \"a A 192.0.2.1\",\n\"b\"\n\"c\",\n", "record \"bc\": ", 1},
	};
	char *text = NULL;

	(void)state;
	WANT_BREAKAGES(rows);
	/* NS below the origin is a delegation, and the domain is below the origin here. */
	text = replace(base, "\"www 300 IN A 192.0.2.80\"", "\"sub 300 IN NS ns1\"");
	mz_conf_free(load_good(text));
	free(text);
	want_one("domains = ( {\n name = \"example.org\"; } );\n", 1,
		 "there is no mail system for this domain: add mail_systems, or no_mail = true\n");
	want_one("domains = ( { no_mail = true;\n"
		 " name = \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
		 ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
		 ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
		 ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee12\"; } );\n",
		 2, "the name is too long: ");
}

static void test_no_mail(void **state)
{
	static const char *const own[] = {
		"spf = \"v=spf1\"",
		"dmarc = \"v=DMARC1; p=none\"",
		"mx = ( { host = \"mx.example\"; } )",
		"mta_sts = { }",
		"acme = ( )",
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof own / sizeof *own; i++) {
		char text[256] = "";

		(void)snprintf(text, sizeof text,
			       "domains = ( { name = \"example.org\"; no_mail = true;\n%s; } );\n",
			       own[i]);
		want_one(text, 2, "a domain with no_mail cannot have \"");
	}
}

static void test_keys(void **state)
{
	static const struct breakage rows[] = {
		{"{ name = \"transfer\";\n  secret = \"" SECRET "\"; }", "{ name = \"transfer\"; }",
		 "this key has no secret: give \"secret_file\", \"file\" or \"secret\"\n", 0},
		{"{ name = \"transfer\";", "{ name = \"transfer\"; file = \"x.key\";",
		 "this key has more than one of \"secret\", \"secret_file\" and \"file\"\n", 0},
		{"secret = \"" SECRET "\"", "secret = \"%%%\"", "key \"transfer\": ", 0},
		{"secret = \"" SECRET "\"", "secret = \"\"", "\"secret\" is empty\n", 0},
		{"\"test.secret\"", "\"none.secret\"", "key \"update\": ", 0},
		{"\"test.secret\"", "\"open.secret\"", "key \"update\": ", 0},
	};
	struct mz_conf_errors errors = {0};
	char path[256] = "";

	(void)state;
	write_octets("open.secret", SECRET, strlen(SECRET), 0644);
	WANT_BREAKAGES(rows);
	/* A secret in a file that everyone can read, and the secret is in no message. */
	write_file("mailzone.conf", base);
	assert_int_equal(chmod(path_of("mailzone.conf", path), 0644), 0);
	(void)load(MZ_EINVAL, &errors);
	assert_int_equal(errors.count, 1);
	want_error(&errors, "mailzone.conf", line_of(base, "  secret = "),
		   "a secret stands here, and the file can be read by everyone: chmod o-rw ");
	assert_null(strstr(errors.text.s, SECRET));
	mz_conf_errors_clear(&errors);
}

static void test_bind_key(void **state)
{
	static const char key[] =
		"key \"bind.key\" {\n algorithm hmac-sha512;\n secret \"" SECRET "\";\n};\n";
	struct mz_conf *conf = NULL;

	(void)state;
	write_file("bind.key", key);
	conf = load_good("keys = ( { name = \"bind.key\"; file = \"bind.key\"; } );\n");
	assert_int_equal(conf->key_count, 1);
	assert_int_equal(tsig_key_alg(conf->keys[0].key), TSIG_HMAC_SHA512);
	mz_conf_free(conf);
	want_one("keys = ( { name = \"bind.key\"; file = \"bind.key\";\n algorithm = "
		 "\"hmac-sha256\"; } );\n",
		 2, "the key in ");
	want_one("keys = ( {\n name = \"other\";\n file = \"bind.key\"; } );\n", 3,
		 "key \"other\": ");
}

static void test_tasks(void **state)
{
	char *text = replace(base, "\"fixed\"", "\"exponential\"");
	char *longer = replace(text, "\"2m\"", "\"32m\"");

	(void)state;
	want_one(longer, line_of(base, "initial_delay"),
		 "\"initial_delay\" is longer than \"max_delay\"\n");
	mz_conf_free(load_good(text));
	free(longer);
	free(text);
}

static void test_signers(void **state)
{
	struct mz_conf *conf = NULL;

	(void)state;
	want_one("signers = {\n rspamd_domains = \"/x\"; };\n", 2,
		 "\"rspamd_domains\" needs \"directory\": ");
	want_one("signers = {\n directory = \"/a b\"; };\n", 2, "\"/a b\" has a colon, ");
	want_one("state_directory = \"/a:b\";\nsigners = { opendkim_key_table = \"/x\"; };\n", 1,
		 "\"/a:b\" has a colon, ");
	conf = load_good("state_directory = \"/a:b\";\nsigners = { directory = \"/d\";"
			 " rspamd_path_map = \"/x\"; mode = \"0640\"; };\n");
	assert_string_equal(conf->signers.file[MZ_SIGNERS_PATH_MAP], "/x");
	assert_null(conf->signers.file[MZ_SIGNERS_DOMAINS]);
	assert_true(conf->signers.group_reads);
	assert_string_equal(conf->signers.owner, "");
	mz_conf_free(conf);
}

/* Errors come in the order of the file, however they were found. */
static void test_order(void **state)
{
	struct mz_conf_errors errors = {0};
	unsigned line = 0, last = 0;
	const char *p = NULL;

	(void)state;
	write_file("mailzone.conf", "domains = (\n { name = \"a.example\";\n mail_system = \"x\";\n"
				    "  dns_management = { server = \"y\";\n   mode = \"auto\"; };\n"
				    "  bad = 1; } );\n"
				    "log = { level = 1; };\n"
				    "servers = ( { name = \"s\";\n  port = 0; key = \"k\"; } );\n");
	(void)load(MZ_EINVAL, &errors);
	assert_int_equal(errors.count, 8);
	for (p = errors.text.s; *p; p = strchr(p, '\n') + 1) {
		p = strstr(p, "mailzone.conf:") + strlen("mailzone.conf:");
		line = (unsigned)strtoul(p, NULL, 10);
		assert_true(line >= last);
		last = line;
	}
	assert_int_equal(last, 9);
	mz_conf_errors_clear(&errors);
}

static void test_many_errors(void **state)
{
	struct mz_conf_errors errors = {0};
	struct mz_str text = {0};
	int i = 0;

	(void)state;
	mz_str_add(&text, "domains = (\n");
	for (i = 0; i < 1500; i++)
		mz_str_addf(&text, "%s{ name = \"d%d.example\"; mail_system = \"x\"; }\n",
			    i ? "," : "", i);
	mz_str_add(&text, ");\n");
	write_file("mailzone.conf", text.s);
	(void)load(MZ_EINVAL, &errors);
	assert_int_equal(errors.count, 1000);
	assert_int_equal(errors.dropped, 500);
	mz_conf_errors_clear(&errors);
	mz_str_clear(&text);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_dangling), TEST(test_twice),	 TEST(test_servers), TEST(test_texts),
		TEST(test_cover),    TEST(test_domains), TEST(test_no_mail), TEST(test_keys),
		TEST(test_bind_key), TEST(test_tasks),	 TEST(test_order),   TEST(test_many_errors),
		TEST(test_signers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
