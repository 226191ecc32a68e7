/* SPDX-License-Identifier: BSD-2-Clause */
/* The scanner ahead of libconfig: what it takes, libconfig takes; what it refuses, and why. */
#include "src/conf/scan.h"

#include <libconfig.h>

#include "tests/unit/conf/helper.h"

/* Scans a whole text. Returns the fault, or NULL. */
static const char *scan_text(struct conf_scan *scan, const char *text, size_t len, unsigned *at)
{
	const char *p = text, *end = text + len;

	*scan = (struct conf_scan){.depth = 0};
	*at = 1;
	while (p < end) {
		size_t n = conf_scan_next(scan, p, end, *at), i = 0;

		if (n == 0)
			return scan->fault;
		assert_true(n <= (size_t)(end - p));
		for (i = 0; i < n; i++)
			*at += p[i] == '\n';
		p += n;
	}
	return conf_scan_end(scan, at) ? NULL : scan->fault;
}

static void test_good(void **state)
{
	static const char *const texts[] = {
		"",
		" \t\r\n\f",
		"a = 1",
		"a = 1; b = 2, c = 3 d = 4;",
		"a : \"x\" \"y\"\n/* c */ \"z\"; b = true",
		"a = TRUE; b = False; c = -1; d = +1L; e = 1LL; f = 0x1F; g = 0xffL",
		"a = 1.; b = .5; c = -1.5e-3; d = 1e9; e = 1.e+2",
		"a = (); b = []; c = {}; d = ( {}, [], (), 1, \"x\", true );",
		"a = [ 1, 2 ]; b = ( ( ( { x = [ \"y\" ]; } ) ) )",
		"# comment\n// comment\n/* /* */ a = 1 # end\n",
		"a = \"\\\"\\\\ \\n \\x41 \\q \n new line # no comment\";",
		"a-b_c*1 = 1; *x = 2",
		"a = 1//comment\n",
		"a = 1/*comment*/",
	};
	struct conf_scan scan = {.depth = 0};
	size_t i = 0;
	unsigned line = 0;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *why = scan_text(&scan, texts[i], strlen(texts[i]), &line);
		char *text = NULL;
		config_t config = {0};

		if (why)
			fail_msg("%s\n%s", texts[i], why);
		/* libconfig wants a newline behind a comment. */
		text = malloc(strlen(texts[i]) + 2);
		assert_non_null(text);
		(void)snprintf(text, strlen(texts[i]) + 2, "%s\n", texts[i]);
		config_init(&config);
		if (!config_read_string(&config, text))
			fail_msg("libconfig refuses: %s\n%s", texts[i], config_error_text(&config));
		config_destroy(&config);
		free(text);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *why;
		unsigned line;
	} rows[] = {
		{"a = \"x", "the string that starts here is never closed", 1},
		{"\n/* x", "the comment that starts here is never closed", 2},
		{"/*/", "the comment that starts here is never closed", 1},
		{"a = \n(1,", "the bracket that opens here is never closed: \")\" is missing", 2},
		{"a = {\nb = 1;", "the bracket that opens here is never closed: \"}\" is missing",
		 1},
		{"a =", "the file ends in the middle of a setting", 1},
		{"a", "the file ends in the middle of a setting", 1},
		{"a = ;", "expected a value, found ;", 1},
		{"a = 1;;", "expected the name of a setting, found ;", 1},
		{"a 1", "expected \"=\" after the name of a setting, found 1", 1},
		{"a b", "expected \"=\" after the name of a setting, found b", 1},
		{"1 = a", "expected the name of a setting, found 1", 1},
		{"true = 1", "expected the name of a setting, found true", 1},
		{"\"a\" = 1", "expected the name of a setting, found a string", 1},
		{"a = 1 2", "expected \";\" after the value, found 2", 1},
		{"a = (1 2)", "expected \",\" between the values, found 2", 1},
		{"a = (1; 2)", "expected \",\" between the values, found ;", 1},
		{"a = (1, )", "expected a value, found )", 1},
		{"a = (1]", "expected \",\" between the values, found ]", 1},
		{"a = 1 }", "expected \";\" after the value, found }", 1},
		{"}", "expected the name of a setting, found }", 1},
		{"a = [ {} ]", "an array [ ] holds single values only: use a list ( )", 1},
		{"a = [ (1) ]", "an array [ ] holds single values only: use a list ( )", 1},
		{"a = tcp", "tcp needs quotes: a text is written \"...\"", 1},
		{"a = (tcp)", "tcp needs quotes: a text is written \"...\"", 1},
		{"a = (c2VjcmV0IHRoYXQgaXM=)", "a long word needs quotes: a text is written", 1},
		{"a = 2VjcmV0IHRoYXQgaXM=", "a long word is neither a name nor a number", 1},
		{"a c2VjcmV0IHRoYXQgaXM;",
		 "expected \"=\" after the name of a setting, found a long "
		 "word",
		 1},
		{"a = 90d", "90d is neither a name nor a number: a text needs quotes", 1},
		{"a = 192.0.2.1", "192.0.2.1 is neither a name nor a number", 1},
		{"a = mail.example.org", "mail.example.org is neither a name nor a number", 1},
		{"a = /etc/x", "/etc/x is neither a name nor a number", 1},
		{"a = 0x", "0x is neither", 1},
		{"a = .", ". is neither", 1},
		{"a = 1e", "1e is neither", 1},
		{"a = -", "- is neither", 1},
		{"a = 'x'", "unexpected character \"'\"", 1},
		{"a = \x01", "unexpected octet 0x01", 1},
		{"\xef\xbb\xbf"
		 "a = 1",
		 "unexpected octet 0xef", 1},
		{"a = \"\\x00\"", "a string cannot hold a NUL octet", 1},
	};
	struct conf_scan scan = {.depth = 0};
	size_t i = 0;
	unsigned line = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = scan_text(&scan, rows[i].text, strlen(rows[i].text), &line);

		if (!why || strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("%s\n%s", rows[i].text, why ? why : "taken");
		if (line && line != rows[i].line)
			fail_msg("%s\nline %u", rows[i].text, line);
	}
}

/* `n` times `part` behind `head`, with `tail` behind it. The caller frees it. */
static char *repeat(const char *head, const char *part, size_t n, const char *tail)
{
	struct mz_str text = {0};
	size_t i = 0;

	mz_str_add(&text, head);
	for (i = 0; i < n; i++)
		mz_str_add(&text, part);
	mz_str_add(&text, tail);
	assert_false(text.failed);
	return text.s;
}

static void test_limits(void **state)
{
	const struct {
		const char *head, *part;
		size_t n;
		const char *tail, *why; /* NULL: good */
	} rows[] = {
		{"a = ", "(", 32, "))))))))))))))))))))))))))))))))", NULL},
		{"a = ", "(", 33, "", "more than 32 brackets are open here"},
		{"a = ", "(", 1000000, "", "more than 32 brackets are open here"},
		{"a = \"", "x", 65534, "\"", NULL},
		{"a = \"", "x", 65535, "\"", "a string of more than 65535 octets"},
		{"a = ", "\"x\" ", 60000, "", "a string of more than 65535 octets"},
		{"", "a=1;", 1000, "", NULL},
		{"", "a=1;", 1001, "", "more than 1000 settings in one group"},
		{"a = (0", ",1", CONF_VALUES_MAX, ")", "more than 4000000 values"},
	};
	struct conf_scan scan = {.depth = 0};
	size_t i = 0;
	unsigned line = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *text = repeat(rows[i].head, rows[i].part, rows[i].n, rows[i].tail);
		const char *why = scan_text(&scan, text, strlen(text), &line);

		if ((why == NULL) != (rows[i].why == NULL) ||
		    (why && strcmp(why, rows[i].why) != 0))
			fail_msg("row %zu: %s", i, why ? why : "taken");
		free(text);
	}
}

static void test_wide(void **state)
{
	static const struct {
		const char *number;
		bool wide;
	} rows[] = {
		{"2147483647", false},	  {"2147483648", true},	  {"-2147483648", false},
		{"-2147483649", true},	  {"5000000000", true},	  {"99999999999999999999999", true},
		{"0000000000001", false}, {"5000000000L", false}, {"5000000000.0", false},
	};
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct conf_scan scan = {.depth = 0};

		scan.expect = CONF_EXPECT_VALUE;
		assert_int_equal(conf_scan_next(&scan, rows[i].number,
						rows[i].number + strlen(rows[i].number), 1),
				 strlen(rows[i].number));
		if (scan.wide != rows[i].wide)
			fail_msg("%s", rows[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
