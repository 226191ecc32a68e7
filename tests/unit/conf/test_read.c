/* SPDX-License-Identifier: BSD-2-Clause */
/* Each setting by itself: unknown, missing, of a wrong type, out of bounds. */
#include "tests/unit/conf/base.h"

#include "src/conf/schema.h"

static void test_base(void **state)
{
	struct mz_conf *conf = load_good(base);

	(void)state;
	mz_conf_free(conf);
}

static void test_unknown(void **state)
{
	static const struct breakage rows[] = {
		{"reconcile_interval", "recconcile_interval",
		 "unknown setting \"recconcile_interval\"; did you mean \"reconcile_interval\"?\n",
		 0},
		{"state_directory", "state-directory",
		 "unknown setting \"state-directory\"; did you mean \"state_directory\"?\n", 0},
		{"level = \"info\"", "lvl = \"info\"", "unknown setting \"lvl\"", 0},
		{"  algorithm =", "  Algorithm =",
		 "unknown setting \"Algorithm\"; did you mean \"algorithm\"?\n", 0},
		{"  description", "  xyzzy_foo", "unknown setting \"xyzzy_foo\"\n", 0},
		{"   priority", "   prioritiy",
		 "unknown setting \"prioritiy\"; did you mean \"priority\"?", 0},
		{"   cleartext", "   claertext",
		 "unknown setting \"claertext\"; did you mean \"cleartext\"?", 0},
		{"   max_age", "   maxage", "unknown setting \"maxage\"; did you mean \"max_age\"?",
		 0},
		{"   next_key", "   nextkey",
		 "unknown setting \"nextkey\"; did you mean \"next_key\"?", 0},
		{"  jitter", "  jiter", "unknown setting \"jiter\"; did you mean \"jitter\"?", 0},
		{" certificate_renew", " certificate_renewed",
		 "unknown setting \"certificate_renewed\"; did you mean \"certificate_renew\"?", 0},
		{"   takeover", "   take_over",
		 "unknown setting \"take_over\"; did you mean \"takeover\"?", 0},
		{"   rsa_bits", "   rsabits",
		 "unknown setting \"rsabits\"; did you mean \"rsa_bits\"?", 0},
		{"  no_mail", "  nomail", "unknown setting \"nomail\"; did you mean \"no_mail\"?",
		 0},
		{"   persist = true", "   perist = true",
		 "unknown setting \"perist\"; did you mean \"persist\"?", 0},
	};

	(void)state;
	WANT_BREAKAGES(rows);
}

static void test_missing(void **state)
{
	static const struct breakage rows[] = {
		{" { name = \"second\"; host = \"::1\"; }", " { name = \"second\"; }",
		 "this server has no \"host\"", 0},
		{" { name = \"second\"; host = \"::1\"; }", " { host = \"::1\"; }",
		 "this server has no \"name\"", 0},
		{" { name = \"second\"; host = \"::1\"; }",
		 " { name = \"a\"; host = \"::1\"; }, {\nhost = \"::1\" }",
		 "this server has no \"name\"", 0},
		{"{ issuer = \"ca.example\"; }", "{ }", "this acme entry has no \"issuer\"", 0},
		{"   { host = \"mx2.example.org\"; }", "   { priority = 3; }",
		 "this mx entry has no \"host\"", 0},
		{"   { protocol = \"smtp\"; }", "   { host = \"a.example\"; }",
		 "this service has no \"protocol\"", 0},
		{"{ file = \"chain.pem\";", "{", "this certificate has no \"file\"", 0},
		{"{ document = \"auto.json\"; }", "{ }",
		 "this autoconfig group has no \"document\"", 0},
		{"{ listen = \"127.0.0.1:8653\"; }", "{ }", "this status group has no \"listen\"",
		 0},
		{"{ listen = [ \"127.0.0.1:5300\" ]; }", "{ }",
		 "this notify group has no \"listen\"", 0},
		{"{ selector = \"s1\";", "{", "this DKIM key has no \"selector\"", 0},
		{"   file = \"s1.pem\";", "", "this DKIM key has no \"file\"", 0},
		{" { name = \"Example.ORG\";", " {", "this domain has no \"name\"", 0},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *text = replace(base, rows[i].old, rows[i].new);
		struct mz_conf_errors errors = {0};

		/* A missing name can leave a reference dangling too; the line may have moved. */
		write_file("mailzone.conf", text);
		(void)load(MZ_EINVAL, &errors);
		if (!strstr(errors.text.s, rows[i].error))
			fail_msg("%s\n%s", rows[i].error, errors.text.s);
		mz_conf_errors_clear(&errors);
		free(text);
	}
}

/* What each type says when a value of another type stands there. */
struct wrong_type {
	unsigned rows;
};

/* Behind "NAME = " at or after `at`. */
static const char *find_value(const char *at, const char *name, size_t len)
{
	char word[64] = "";

	(void)snprintf(word, sizeof word, "%.*s = ", (int)len, name);
	for (at = strstr(at, word); at; at = strstr(at + 1, word))
		if (at == base || at[-1] == ' ' || at[-1] == '\n')
			return at + strlen(word);
	return NULL;
}

/* Behind the value at `at`: before the next `;` on its own level. */
static const char *skip_value(const char *at)
{
	unsigned depth = 0;

	for (; *at != ';' || depth; at++) {
		assert_true(*at != '\0');
		if (strchr("([{", *at))
			depth++;
		if (strchr(")]}", *at))
			depth--;
		if (*at == '"')
			for (at++; *at != '"'; at++)
				at += *at == '\\';
	}
	return at;
}

/* Finds the setting in the base, group by group, and breaks its value. */
static void break_type(void *arg, const char *path, const struct conf_row *row)
{
	const char *at = base, *p = path, *value = row->type == CONF_BOOL ? "7.5" : "true";
	struct wrong_type *count = arg;
	struct mz_conf_errors errors = {0};
	struct mz_str text = {0};
	char wanted[256] = "";

	/* The first domain of the base has none of its own, and the key has no file. */
	if (strncmp(path, "domains.mx", 10) == 0 || strncmp(path, "domains.acme", 12) == 0 ||
	    strncmp(path, "domains.mta_sts", 15) == 0 || strcmp(path, "keys.file") == 0)
		return;
	while (*p) {
		size_t n = strcspn(p, ".");

		at = find_value(at, p, n);
		if (!at)
			fail_msg("the base has no %s", path);
		p += n + (p[n] == '.');
	}
	mz_str_addn(&text, base, (size_t)(at - base));
	mz_str_add(&text, value);
	mz_str_add(&text, skip_value(at));
	write_file("mailzone.conf", text.s);
	(void)load(MZ_EINVAL, &errors);
	(void)snprintf(wanted, sizeof wanted, "\"%s\" must be %s, not a %s", row->name,
		       conf_type_text(row->type), row->type == CONF_BOOL ? "fraction" : "boolean");
	if (!strstr(errors.text.s, wanted))
		fail_msg("%s: wanted %s\n%s", path, wanted, errors.text.s);
	mz_conf_errors_clear(&errors);
	mz_str_clear(&text);
	count->rows++;
}

static void test_types(void **state)
{
	struct wrong_type count = {.rows = 0};

	(void)state;
	conf_schema_each(break_type, &count);
	assert_in_range(count.rows, 90, 150);
}

static void test_ranges(void **state)
{
	static const struct breakage rows[] = {
		{"port = 5353", "port = 0", "\"port\" must be between 1 and 65535, not 0\n", 0},
		{"port = 5353", "port = 65536", "\"port\" must be between 1 and 65535, not 65536\n",
		 0},
		{"port = 5353", "port = -1", "\"port\" must be between 1 and 65535, not -1\n", 0},
		{"port = 5353", "port = 4294967349",
		 "\"port\" must be between 1 and 65535, not 4294967349\n", 0},
		{"port = 5353", "port = 18446744073709551669",
		 "\"port\" must be between 1 and 65535, not 9223372036854775807\n", 0},
		{"port = 5353", "port = 0x35", "\"port\" must be written as a decimal number\n", 0},
		{"port = 5353", "port = 53.0", "\"port\" must be a whole number, not a fraction\n",
		 0},
		{"port = 5353", "port = \"53\"", "\"port\" must be a whole number, not a string\n",
		 0},
		{"\"20s\"", "\"0s\"", "\"timeout\" must be between 1s and 1h, not 0s\n", 0},
		{"\"20s\"", "7200", "\"timeout\" must be between 1s and 1h, not 2h\n", 0},
		{"\"20s\"", "-1", "\"timeout\" must be between 1s and 1h, not -1s\n", 0},
		{"\"20s\"", "5000000000",
		 "\"timeout\" must be between 1s and 1h, not 5000000000s\n", 0},
		{"\"20s\"", "\"20x\"",
		 "timeout \"20x\" is not a duration: write a number and one of the units s m h d w",
		 0},
		{"\"20s\"", "\"-20s\"", "timeout \"-20s\" is not a duration", 0},
		{"\"20s\"", "\"99999999999999999999d\"",
		 "timeout \"99999999999999999999d\" is not a duration", 0},
		{"\"20s\"", "1.5",
		 "\"timeout\" must be a duration such as \"90d\" (units s m h d w), not a fraction",
		 0},
		{"ttl = \"10m\"", "ttl = \"4000w\"",
		 "\"ttl\" must be between 0s and 2147483647s, not 28000d", 0},
		{"propagation_delay = \"1s\"", "propagation_delay = \"2d\"",
		 "\"propagation_delay\" must be between 0s and 1d, not 2d", 0},
		{"polling_interval = \"2s\"", "polling_interval = 0",
		 "\"polling_interval\" must be between 1s and 1d, not 0s", 0},
		{"propagation_timeout = \"3s\"", "propagation_timeout = \"8d\"",
		 "\"propagation_timeout\" must be between 1s and 7d, not 8d", 0},
		{"max_inflight = 5", "max_inflight = 0",
		 "\"max_inflight\" must be between 1 and 1000, not 0", 0},
		{"delete_limit = 51", "delete_limit = 101",
		 "\"delete_limit\" must be between 0 and 100, not 101", 0},
		{"delete_limit = 51", "delete_limit = -1",
		 "\"delete_limit\" must be between 0 and 100, not -1", 0},
		{"priority = 11", "priority = 70000",
		 "\"priority\" must be between 0 and 65535, not 70000", 0},
		{"max_age = \"8d\"", "max_age = 31557601",
		 "\"max_age\" must be between 0s and 8766h, not 31557601s", 0},
		{"rsa_bits = 3072", "rsa_bits = 1024",
		 "\"rsa_bits\" must be between 2048 and 4096, not 1024", 0},
		{"rsa_bits = 3072", "rsa_bits = 8192",
		 "\"rsa_bits\" must be between 2048 and 4096, not 8192", 0},
		{"rotate_after = \"91d\"", "rotate_after = 0",
		 "\"rotate_after\" must be between 1s and 3650d, not 0s", 0},
		{"retire_after = \"8d\"", "retire_after = \"530w\"",
		 "\"retire_after\" must be between 0s and 3650d, not 3710d", 0},
		{"delete_after = \"31d\"", "delete_after = \"d\"",
		 "delete_after \"d\" is not a duration", 0},
		{"reconcile_interval = \"1h\"", "reconcile_interval = 0",
		 "\"reconcile_interval\" must be between 1s and 365d, not 0s", 0},
		{"max_attempts = 4", "max_attempts = 0",
		 "\"max_attempts\" must be between 1 and 1000, not 0", 0},
		{"total_deadline = \"7h\"", "total_deadline = 0",
		 "\"total_deadline\" must be between 1s and 365d, not 0s", 0},
		{"initial_delay = \"2m\"", "initial_delay = 0",
		 "\"initial_delay\" must be between 1s and 30d, not 0s", 0},
		{"factor = 3.5", "factor = 0.5", "\"factor\" must be between 1 and 100, not 0.5",
		 0},
		{"factor = 3.5", "factor = 1e999", "\"factor\" must be between 1 and 100, not inf",
		 0},
		{"factor = 3.5", "factor = \"2\"", "\"factor\" must be a number, not a string", 0},
		{"max_delay = \"31m\"", "max_delay = \"31d\"",
		 "\"max_delay\" must be between 1s and 30d, not 31d", 0},
		{"  delay = \"6m\"", "  delay = 0", "\"delay\" must be between 1s and 30d, not 0s",
		 0},
		{"timeout = \"61s\"", "timeout = \"25h\"",
		 "\"timeout\" must be between 1s and 1d, not 25h", 0},
	};

	(void)state;
	WANT_BREAKAGES(rows);
}

static void test_choices(void **state)
{
	static const struct breakage rows[] = {
		{"\"info\"", "\"inf\"",
		 "level \"inf\" must be \"error\", \"warning\", \"info\" or \"debug\"; did you "
		 "mean \"info\"?\n",
		 0},
		{"\"logfmt\"", "\"xml\"", "format \"xml\" must be \"logfmt\" or \"json\"\n", 0},
		{"\"hmac-sha256\"", "\"hmac-md5\"",
		 "algorithm \"hmac-md5\" must be \"hmac-sha1\", \"hmac-sha224\"", 0},
		{"\"udp\"", "\"UDP\"",
		 "transport \"UDP\" must be \"tcp\" or \"udp\"; did you mean \"udp\"?\n", 0},
		{"\"axfr\"", "\"ixfr\"", "read \"ixfr\" must be \"auto\", \"query\" or \"axfr\"",
		 0},
		{"protocol = \"imap\"", "protocol = \"imaps\"",
		 "protocol \"imaps\" must be \"imap\", ", 0},
		{"mode = \"enforce\"", "mode = \"enforced\"",
		 "mode \"enforced\" must be \"enforce\", \"testing\" or \"none\"", 0},
		{"\"wildcard\"", "\"*\"", "policy \"*\" must be \"\" or \"wildcard\"", 0},
		{"\"fixed\"", "\"linear\"",
		 "strategy \"linear\" must be \"exponential\" or \"fixed\"", 0},
		{"\"withdraw\"", "\"delete\"",
		 "on_removal \"delete\" must be \"keep\" or \"withdraw\"", 0},
		{"\"refuse\"", "\"ask\"", "takeover \"ask\" must be \"replace\" or \"refuse\"", 0},
		{"dkim_management = { mode = \"automatic\"", "dkim_management = { mode = \"auto\"",
		 "mode \"auto\" must be \"manual\" or \"automatic\"", 0},
		{"\"rsa-sha256\"", "\"rsa-sha1\"",
		 "algorithms \"rsa-sha1\" must be \"rsa-sha256\" or \"ed25519-sha256\"; did you "
		 "mean \"rsa-sha256\"?",
		 0},
		{"[ \"rsa-sha256\" ]", "[ ]", "\"algorithms\" is empty", 0},
		{"[ \"rsa-sha256\" ]", "[ \"rsa-sha256\", \"rsa-sha256\" ]",
		 "algorithms \"rsa-sha256\" is given twice", 0},
		{"\"mx\", \"tlsa\"", "\"mx\", \"tlsaa\"", "publish_records \"tlsaa\" must be ", 0},
		{"\"mx\", \"tlsa\"", "\"mx\", \"mx\"", "publish_records \"mx\" is given twice", 0},
		{"\"mx\", \"tlsa\"", "1", "\"publish_records\" must be an array of strings", 0},
		{"\"mx\", \"tlsa\" ]", "\"mx\", 1 ]", "mismatched element type in array", 0},
	};

	(void)state;
	WANT_BREAKAGES(rows);
}

static void test_strings(void **state)
{
	static const struct breakage rows[] = {
		{"\"/var/lib/mailzone\"", "\"\"", "\"state_directory\" is empty", 0},
		{"\"/var/lib/mailzone\"", "\"/a\\nb\"",
		 "\"state_directory\" has a line break or another control character", 0},
		{"\"/run/mailzone/control.sock\"",
		 "\"/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
		 "0123456789/0123456789/01234567\"",
		 "\"control_socket\" is longer than 107 octets", 0},
		{"\"127.0.0.1:8653\"", "\"127.0.0.1\"",
		 "listen \"127.0.0.1\" has no port: write ADDRESS:PORT", 0},
		{"\"127.0.0.1:8653\"", "\"localhost:8653\"",
		 "listen \"localhost:8653\" is not an IPv4 or IPv6 address: give the address of "
		 "the host, not its name",
		 0},
		{"\"127.0.0.1:5300\"", "\"127.0.0.1:0\"",
		 "listen \"127.0.0.1:0\" has a port that is not between 1 and 65535", 0},
		{"[ \"127.0.0.1:5300\" ]", "[ ]", "\"listen\" is empty", 0},
		{"\"127.0.0.1\";", "\"ns1.example.org\";",
		 "host \"ns1.example.org\" is not an IPv4 or IPv6 address: give the address of the "
		 "host, not its name",
		 0},
		{"\"127.0.0.1\";", "\"127.0.0.1:53\";",
		 "host \"127.0.0.1:53\" is not an IPv4 or IPv6 address", 0},
		{"\"192.0.2.54\"", "\"192.0.2.540\"",
		 "secondaries \"192.0.2.540\" is not an IPv4 or IPv6 address", 0},
		{"   \"[2001:db8::54]:54\" ]", "   \"[2001:db8::54]:x\" ]",
		 "secondaries \"[2001:db8::54]:x\" has a port", 0},
		{"\"mail.example.org\"", "\"192.0.2.1\"",
		 "hostname \"192.0.2.1\" is an address, not a host name", 0},
		{"\"mx1.example.org\";", "\"2001:db8::1\";",
		 "host \"2001:db8::1\" is an address, not a host name", 0},
		{"\"mx1.example.org\";",
		 "\"b\xc3\xbc"
		 "cher.example\";",
		 "host \"b\\xc3\\xbccher.example\" has letters outside ASCII: use the A-label form "
		 "(xn--...)",
		 0},
		{"\"Example.ORG\"", "\"example..org\"", "name \"example..org\" has an empty label",
		 0},
		{"origin = \"org\"", "origin = \"\"", "origin \"\" is empty: a host name is needed",
		 0},
		{"hosts = [ \"mx1.example.org\" ]", "hosts = [ \"*.example.org\" ]",
		 "hosts \"*.example.org\" is not a host name", 0},
		{"[ \"/bin/true\", \"reload\" ]", "[ \"true\" ]",
		 "dkim_activated \"true\" is not the absolute path of a program", 0},
		{"\"s{version}\"", "\"\"", "\"selector_template\" is empty", 0},
		{"\"s1.pem\"", "\"\"", "\"file\" is empty", 0},
		{"\"s1.pem\"", "\"$CREDENTIALS_DIRECTORY/x\"",
		 "\"file\": $CREDENTIALS_DIRECTORY is not set", 0},
		{"mx = ( { host = \"mx.example.net\"; priority = 5; } )", "mx = ( )",
		 "\"mx\" is empty", 0},
		{"mx = ( { host = \"mx.example.net\"; priority = 5; } )",
		 "mx = ( \"mx.example.net\" )",
		 "\"mx\" must be a list of groups, ( { ... }, { ... } ), not a string", 0},
		{"mx = ( { host = \"mx.example.net\"; priority = 5; } )",
		 "mx = [ \"mx.example.net\" ]",
		 "\"mx\" must be a list of groups, ( { ... }, { ... } ), not an array", 0},
	};

	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	WANT_BREAKAGES(rows);
}

static void test_empty_list(void **state)
{
	char *text = replace(base, "[ \"192.0.2.54\",\n   \"[2001:db8::54]:54\" ]", "( )");
	struct mz_conf *conf = load_good(text);

	(void)state;
	assert_int_equal(conf->servers[0].secondary_count, 0);
	assert_null(conf->servers[0].secondaries);
	mz_conf_free(conf);
	free(text);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_base),   TEST(test_unknown), TEST(test_missing), TEST(test_types),
		TEST(test_ranges), TEST(test_choices), TEST(test_strings), TEST(test_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
