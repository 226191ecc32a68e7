/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: includes, the domain directory, lines, and what is no configuration at all. */
#include "tests/unit/conf/helper.h"

static void test_include(void **state)
{
	struct mz_conf *conf = NULL;
	char path[256] = "";

	(void)state;
	make_folder("sub");
	make_folder("sub/deep");
	write_file("mailzone.conf", "reconcile_interval = \"2h\";\n"
				    "  @include \"sub/a.conf\" // more\n"
				    "control_socket = \"c.sock\";\n"
				    "domains = (\n"
				    "@include\t\"sub/list\"\n"
				    ");\n");
	/* Relative to the file they stand in, without a newline at the end. */
	write_file("sub/a.conf",
		   "state_directory = \"state\"; # comment\n@include \"deep/b.conf\"");
	write_file("sub/deep/b.conf", "log = { level = \"debug\"; } # end");
	write_file("sub/list", "{ name = \"a.example\"; no_mail = true; },\n"
			       "{ name = \"b.example\"; no_mail = true; }");
	{
		struct mz_conf_errors errors = {0};

		conf = load(MZ_OK, &errors);
	}
	assert_string_equal(conf->state_directory, path_of("sub/state", path));
	assert_string_equal(conf->control_socket, path_of("c.sock", path));
	assert_int_equal(conf->log_level, MZ_LOG_DEBUG);
	assert_int_equal(conf->domain_count, 2);
	assert_string_equal(conf->domains[1].where.file, path_of("sub/list", path));
	assert_int_equal(conf->domains[1].where.line, 2);
	mz_conf_free(conf);
}

/* An error after, before and in an include has the file and line where it stands. */
static void test_include_lines(void **state)
{
	struct mz_conf_errors errors = {0};

	(void)state;
	write_file("mailzone.conf", "bad1 = 1;\n@include \"a\" bad2 = 1;\nbad3 = 1;\n\n"
				    "@include \"b\"\n@include \"a2\"\n bad4 = 1;\n");
	write_file("a", "\n\nbad5 = 1;\n");
	write_file("b", "");
	write_file("a2", "bad6\n=\n1");
	(void)load(MZ_EINVAL, &errors);
	assert_int_equal(errors.count, 6);
	want_error(&errors, "mailzone.conf", 1, "unknown setting \"bad1\"\n");
	want_error(&errors, "mailzone.conf", 2, "unknown setting \"bad2\"\n");
	want_error(&errors, "mailzone.conf", 3, "unknown setting \"bad3\"\n");
	want_error(&errors, "mailzone.conf", 7, "unknown setting \"bad4\"\n");
	want_error(&errors, "a", 3, "unknown setting \"bad5\"\n");
	want_error(&errors, "a2", 1, "unknown setting \"bad6\"\n");
	mz_conf_errors_clear(&errors);
}

/* Each domain of the list is parsed on its own: lines within and behind it stay right, and one that
 * libconfig cannot read keeps no error of the others back. */
static void test_domain_lines(void **state)
{
	struct mz_conf_errors errors = {0};

	(void)state;
	write_file("mailzone.conf",
		   "domains = ( { name = \"a.example\"; no_mail = true;\n"
		   "  records = [ \"x A 192.0.2.1\",\n"
		   "    \"bad3\" ]; }, 1,\n"
		   "  { /* one\n"
		   "     two */ name = \"b.example\"; name = \"c.example\"; },\n"
		   "  {\n"
		   "@include \"own\"\n"
		   "    bad8 = 1; records = ( \"bad8\" );\n"
		   "  }, { no_mail = true; bad9 = { domains = ( { } ); }; } ); bad9 = 2;\n"
		   "bad10 = 1;\n");
	write_file("own", "name = \"a.example\";\nno_mail = true;\n\nbad4 = (\n{ x = 1; } );");
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, "mailzone.conf", 3, "record \"bad3\"");
	want_error(&errors, "mailzone.conf", 3, "\"domains\" must be a list of groups");
	want_error(&errors, "mailzone.conf", 5, "a setting is given twice in one group\n");
	want_error(&errors, "own", 1, "the domain \"a.example\" is given twice; first at ");
	want_error(&errors, "own", 4, "unknown setting \"bad4\"\n");
	want_error(&errors, "mailzone.conf", 8, "unknown setting \"bad8\"\n");
	want_error(&errors, "mailzone.conf", 8, "record \"bad8\"");
	want_error(&errors, "mailzone.conf", 9, "this domain has no \"name\"\n");
	want_error(&errors, "mailzone.conf", 9, "unknown setting \"bad9\"\n");
	want_error(&errors, "mailzone.conf", 10, "unknown setting \"bad10\"\n");
	assert_int_equal(errors.count, 11); /* bad9 twice */
	mz_conf_errors_clear(&errors);
}

static void want_include_error(const char *text, const char *name, unsigned line, const char *error)
{
	struct mz_conf_errors errors = {0};

	write_file("mailzone.conf", text);
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, name, line, error);
	assert_int_equal(errors.count, 1);
	mz_conf_errors_clear(&errors);
}

static void test_include_bad(void **state)
{
	char path[256] = "", wanted[600] = "";

	(void)state;
	make_folder("dir");
	(void)snprintf(wanted, sizeof wanted, "%s is not a regular file", path_of("dir", path));
	/* libconfig would exit here. */
	want_include_error("\n@include \"dir\"\n", "mailzone.conf", 2, wanted);
	(void)snprintf(wanted, sizeof wanted, "cannot open %s: ", path_of("none", path));
	want_include_error("\n\n@include \"none\"\n", "mailzone.conf", 3, wanted);
	assert_int_equal(mkfifo(path_of("fifo", path), 0600), 0);
	(void)snprintf(wanted, sizeof wanted, "%s is not a regular file", path);
	want_include_error("@include \"fifo\"\n", "mailzone.conf", 1, wanted);
	want_include_error("@include none\n", "mailzone.conf", 1,
			   "@include needs a file name in quotes");
	want_include_error("@include \"none\n", "mailzone.conf", 1,
			   "@include needs a file name in quotes");
	want_include_error("@include \"\"\n", "mailzone.conf", 1,
			   "@include needs a file name in quotes");
	want_include_error("@include", "mailzone.conf", 1, "@include needs a file name in quotes");
	want_include_error("log = { }; @include \"none\"\n", "mailzone.conf", 1,
			   "@include is neither a name nor a number");
	/* Not an include at all. */
	write_file("mailzone.conf", "# x\n/*\n@include \"none\"\n*/\nhooks = { dkim_activated = [ "
				    "\"/x\", \"\t\" \"\" ]; };\n");
	{
		struct mz_conf_errors errors = {0};

		mz_conf_free(load(MZ_OK, &errors));
	}
}

static void test_include_faults(void **state)
{
	(void)state;
	write_file("open", "\nlog = {\n level = \"info\";\n");
	want_include_error("@include \"open\"\n", "open", 2,
			   "the bracket that opens here is never closed");
	write_file("string", "\nstate_directory = \"x;\n");
	want_include_error("@include \"string\"\n", "string", 2,
			   "the string that starts here is never closed");
	write_file("twice", "\n\nlog = { };\n");
	want_include_error("log = { };\n@include \"twice\"\n", "twice", 3,
			   "a setting is given twice");
	write_file("loop", "\n@include \"loop\"\n");
	want_include_error("@include \"loop\"\n", "loop", 2,
			   "@include \"loop\": files include each other more than 10 deep");
	want_include_error("@include \"mailzone.conf\"\n", "mailzone.conf", 1,
			   "@include \"mailzone.conf\": files include each other more than 10 "
			   "deep");
}

/* Ten files that each include the next ten times would be ten thousand million files. */
static void test_include_bomb(void **state)
{
	struct mz_conf_errors errors = {0};
	struct mz_str text = {0};
	char name[16] = "";
	int i = 0, j = 0;

	(void)state;
	for (i = 0; i < 9; i++) {
		mz_str_reset(&text);
		for (j = 0; j < 10; j++)
			mz_str_addf(&text, "@include \"f%d\"\n", i + 1);
		(void)snprintf(name, sizeof name, "f%d", i);
		write_file(name, text.s);
	}
	write_file("f9", "");
	write_file("mailzone.conf", "@include \"f0\"\n");
	(void)load(MZ_EINVAL, &errors);
	assert_non_null(strstr(errors.text.s, "more than 10000 files are included"));
	mz_conf_errors_clear(&errors);
	mz_str_clear(&text);
}

static void test_nul(void **state)
{
	struct mz_conf_errors errors = {0};
	static const struct {
		const char *text;
		size_t len;
		unsigned line;
	} rows[] = {
#define OCTETS(text) text, sizeof(text) - 1
		{OCTETS("\n\0"), 2},
		{OCTETS("log = { };\n# \0\n"), 2},
		{OCTETS("\n\nhooks = { dkim_activated = [ \"/x\0y\" ]; };"), 3},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		write_octets("mailzone.conf", rows[i].text, rows[i].len, 0600);
		(void)load(MZ_EINVAL, &errors);
		want_error(&errors, "mailzone.conf", rows[i].line,
			   "a NUL octet: this is not a text file\n");
		mz_conf_errors_clear(&errors);
	}
}

static void test_missing(void **state)
{
	struct mz_conf_errors errors = {0};

	(void)state;
	(void)load(MZ_EIO, &errors);
	want_error(&errors, "mailzone.conf", 0, "cannot open ");
	mz_conf_errors_clear(&errors);
	make_folder("mailzone.conf");
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, "mailzone.conf", 0, "");
	assert_int_equal(errors.count, 1);
	mz_conf_errors_clear(&errors);
}

/* 100 MB: one clear error, and no time spent on it. */
static void test_huge(void **state)
{
	struct mz_conf_errors errors = {0};
	char path[256] = "";

	(void)state;
	write_file("mailzone.conf", "");
	assert_int_equal(truncate(path_of("mailzone.conf", path), 100000000), 0);
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, "mailzone.conf", 0, "the configuration is larger than 64 MiB\n");
	assert_int_equal(errors.count, 1);
	mz_conf_errors_clear(&errors);
}

static void test_huge_include(void **state)
{
	struct mz_conf_errors errors = {0};
	char *text = malloc(33 << 20);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', 33 << 20);
	write_octets("big", text, 33 << 20, 0600);
	free(text);
	write_file("mailzone.conf", "@include \"big\"\n@include \"big\"\n");
	(void)load(MZ_EINVAL, &errors);
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.text.s, "mailzone.conf:2: error: "));
	assert_non_null(strstr(errors.text.s, "the configuration is larger than 64 MiB"));
	mz_conf_errors_clear(&errors);
}

/* Lines past 65,535, where libconfig's documentation says that they wrap. */
static void test_many_lines(void **state)
{
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;
	struct mz_str text = {0};
	int i = 0;

	(void)state;
	mz_str_add(&text, "domains = (\n");
	for (i = 0; i < 15000; i++)
		mz_str_addf(&text, "%s{\n  name = \"d%d.example.org\";\n\n  no_mail = true;\n}",
			    i ? ",\n" : "", i);
	mz_str_add(&text, ");\n");
	write_file("mailzone.conf", text.s);
	conf = load(MZ_OK, &errors);
	assert_int_equal(conf->domain_count, 15000);
	assert_int_equal(conf->domains[14999].where.line, 2 + 14999 * 5);
	assert_ptr_equal(mz_conf_find_domain(conf, "d14998.example.org"), &conf->domains[14998]);
	mz_conf_free(conf);
	mz_str_add(&text, "x = (\n \"a\"\n);\nbad = 1;\n");
	write_file("mailzone.conf", text.s);
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, "mailzone.conf", 2 + 15000 * 5, "unknown setting \"x\"\n");
	want_error(&errors, "mailzone.conf", 2 + 15000 * 5 + 3, "unknown setting \"bad\"\n");
	mz_conf_errors_clear(&errors);
	mz_str_clear(&text);
}

static void test_directory(void **state)
{
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;
	char path[256] = "";

	(void)state;
	make_folder("domains.d");
	write_file("domains.d/20-b.conf",
		   "# one domain, bare\nname = \"b.example\";\nno_mail = true;\n");
	write_file("domains.d/10-a.conf",
		   "domains = ( { name = \"a1.example\"; no_mail = true; },\n"
		   "{ name = \"a2.example\"; no_mail = true; } );\n");
	write_file("domains.d/30-empty.conf", "");
	write_file("domains.d/40-inc.conf", "domains = (\n@include \"part\"\n);\n");
	write_file("domains.d/part", "{ name = \"c.example\"; no_mail = true;\n dkim_keys = ( { "
				     "selector = \"s\"; file = \"k.pem\"; } ); }");
	write_file("domains.d/.hidden.conf", "bad");
	write_file("domains.d/backup.conf~", "bad");
	write_file("domains.d/.conf", "bad");
	write_file("mailzone.conf",
		   "domain_directory = \"domains.d\";\n"
		   "domains = ( { name = \"main.example\"; no_mail = true; } );\n");
	conf = load(MZ_OK, &errors);
	assert_int_equal(conf->domain_count, 5);
	assert_string_equal(conf->domain_directory, path_of("domains.d", path));
	assert_string_equal(conf->domains[0].text, "main.example");
	assert_string_equal(conf->domains[1].text, "a1.example");
	assert_string_equal(conf->domains[2].text, "a2.example");
	assert_string_equal(conf->domains[3].text, "b.example");
	assert_string_equal(conf->domains[3].where.file, path_of("domains.d/20-b.conf", path));
	assert_int_equal(conf->domains[3].where.line, 2);
	assert_string_equal(conf->domains[4].text, "c.example");
	assert_string_equal(conf->domains[4].dkim_keys[0].file, path_of("domains.d/k.pem", path));
	mz_conf_free(conf);
}

static void test_directory_bad(void **state)
{
	struct mz_conf_errors errors = {0};
	char path[256] = "", wanted[600] = "";

	(void)state;
	write_file("mailzone.conf", "domains = ( { name = \"main.example\"; no_mail = true; } );\n"
				    "domain_directory = \"domains.d\";\n");
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, "mailzone.conf", 2, "cannot read the folder ");
	mz_conf_errors_clear(&errors);
	make_folder("domains.d");
	make_folder("domains.d/dir.conf");
	write_file("domains.d/a.conf", "\nname = \"MAIN.example\";\nno_mail = 1;\n");
	write_file("domains.d/b.conf", "servers = ( );\n");
	write_file("domains.d/c.conf",
		   "\ndomains = (\n { name = \"x.example\"; no_mail = true; bad = 1; };\n");
	write_file("domains.d/d.conf", "no_mail = true;\n");
	write_file("domains.d/e.conf", "\n domains = ( { name = \"e.example\" } );\n");
	(void)load(MZ_EINVAL, &errors);
	(void)snprintf(wanted, sizeof wanted,
		       "the domain \"main.example\" is given twice; first at %s:1\n",
		       path_of("mailzone.conf", path));
	want_error(&errors, "domains.d/a.conf", 2, wanted);
	want_error(&errors, "domains.d/a.conf", 3,
		   "\"no_mail\" must be true or false, not a number\n");
	want_error(&errors, "domains.d/b.conf", 1, "unknown setting \"servers\"");
	want_error(&errors, "domains.d/c.conf", 3, "expected \",\" between the values, found ;\n");
	want_error(&errors, "domains.d/d.conf", 1, "unknown setting \"no_mail\"");
	want_error(&errors, "domains.d/e.conf", 2, "there is no mail system for this domain");
	want_error(&errors, "mailzone.conf", 2, "");
	mz_conf_errors_clear(&errors);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_include),	  TEST(test_include_lines),  TEST(test_domain_lines),
		TEST(test_include_bad),	  TEST(test_include_faults), TEST(test_include_bomb),
		TEST(test_nul),		  TEST(test_missing),	     TEST(test_huge),
		TEST(test_huge_include),  TEST(test_many_lines),     TEST(test_directory),
		TEST(test_directory_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
