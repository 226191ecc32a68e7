/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of names. */
#include "tests/unit/dns/help.h"

static void expect_wire(const char *text, const uint8_t *origin, const char *wire, size_t len)
{
	struct mz_name name = {0};
	struct mz_cause cause = {{0}};

	assert_int_equal(mz_name_from_text(&name, text, origin, &cause), MZ_OK);
	assert_int_equal(name.len, len);
	assert_memory_equal(name.wire, wire, len);
	assert_int_equal(mz_name_len(name.wire), len);
}
#define expect(text, origin, wire) expect_wire(text, origin, wire, sizeof(wire))

static void expect_refused(const char *text, const char *why)
{
	struct mz_name name = {0};
	struct mz_cause cause = {{0}};

	assert_int_equal(mz_name_from_text(&name, text, EXAMPLE, &cause), MZ_ESYNTAX);
	if (strstr(cause.text, why) == NULL)
		fail_msg("\"%s\" is not in: %s", why, cause.text);
	assert_int_equal(mz_name_from_text(&name, text, NULL, NULL), MZ_ESYNTAX);
}

static void from_text(void **state)
{
	(void)state;
	expect("mail", EXAMPLE, "\4mail\7example\3org");
	expect("MaiL.Example.ORG.", EXAMPLE, "\4mail\7example\3org");
	expect("Example.ORG", NULL, "\7example\3org");
	expect("Example.ORG.", NULL, "\7example\3org");
	expect("@", EXAMPLE, "\7example\3org");
	expect(".", EXAMPLE, "");
	expect(".", NULL, "");
	expect("*._tcp", WIRE(""), "\1*\4_tcp");
	expect("a\\.b\\@c\\\"\\\\", NULL, "\7a.b@c\"\\");
	expect("\\065\\098", NULL, "\2ab");
}

static void from_bad_text(void **state)
{
	(void)state;
	expect_refused("", "is empty");
	expect_refused(".a", "empty label");
	expect_refused("a..b", "empty label");
	expect_refused("a..", "empty label");
	expect_refused("..", "empty label");
	expect_refused("a\\", "bad escape");
	expect_refused("a\\25", "bad escape");
	expect_refused("a\\256", "bad escape");
	expect_refused("a\\2x5", "bad escape");
	expect_refused("a b", "space or control");
	expect_refused("a\\032b", "space or control");
	expect_refused("a\tb", "space or control");
	expect_refused("a\x7f", "space or control");
	expect_refused("b\xc3\xbc"
		       "cher",
		       "xn--");
	expect_refused("user@host", "backslash");
	expect_refused("\"mail\"", "backslash");
	expect_refused("a;b", "backslash");
	expect_refused("(a)", "backslash");
}

static void an_at_sign_needs_an_origin(void **state)
{
	struct mz_name name = {0};

	(void)state;
	assert_int_equal(mz_name_from_text(&name, "@", NULL, NULL), MZ_ESYNTAX);
}

static void lengths(void **state)
{
	char text[300] = "", label[65] = "";
	struct mz_name name = {0};

	(void)state;
	memset(label, 'a', 64);
	expect_refused(label, "more than 63 octets");
	label[63] = '\0';
	assert_int_equal(mz_name_from_text(&name, label, NULL, NULL), MZ_OK);
	assert_int_equal(name.len, 65);
	/* Three labels of 63 octets and one of 61: 255 octets, the most that can be. */
	for (int i = 0; i < 3; i++) {
		memcpy(text + 64 * i, label, 63);
		text[64 * i + 63] = '.';
	}
	memset(text + 192, 'b', 61);
	assert_int_equal(mz_name_from_text(&name, text, NULL, NULL), MZ_OK);
	assert_int_equal(name.len, 255);
	text[253] = '.';
	assert_int_equal(mz_name_from_text(&name, text, NULL, NULL), MZ_OK);
	assert_int_equal(name.len, 255);
	text[253] = 'b';
	expect_refused(text, "longer than 255 octets");
	text[240] = '\0'; /* and with the origin it is too long again */
	assert_int_equal(mz_name_from_text(&name, text, NULL, NULL), MZ_OK);
	assert_int_equal(mz_name_from_text(&name, text, EXAMPLE, NULL), MZ_OK);
	text[240] = 'b';
	text[242] = '\0';
	assert_int_equal(mz_name_from_text(&name, text, EXAMPLE, NULL), MZ_ESYNTAX);
}

static void to_text(void **state)
{
	char buf[MZ_NAME_TEXT] = "";
	uint8_t worst[MZ_NAME_MAX] = {0};
	size_t at = 0;

	(void)state;
	assert_string_equal(mz_name_to_text(WIRE(""), buf), ".");
	assert_string_equal(mz_name_to_text(EXAMPLE, buf), "example.org.");
	assert_string_equal(mz_name_to_text(WIRE("\14a.b\\\"(;)@$ \377"), buf),
			    "a\\.b\\\\\\\"\\(\\;\\)\\@\\$\\032\\255.");
	for (int i = 0; i < 3; i++) {
		worst[at] = 63;
		memset(worst + at + 1, 0x80, 63);
		at += 64;
	}
	worst[at] = 61;
	memset(worst + at + 1, 0x80, 61);
	assert_int_equal(strlen(mz_name_to_text(worst, buf)), 250 * 4 + 4);
}

static void canonical_order(void **state)
{
	/* RFC 4034 section 6.1 */
	static const char *const names[] = {
		"\7example",	      "\1a\7example",	    "\10yljkjljk\1a\7example",
		"\1Z\1a\7example",    "\4zABC\1a\7EXAMPLE", "\1z\7example",
		"\1\001\1z\7example", "\1*\1z\7example",    "\1\200\1z\7example",
	};
	size_t count = sizeof(names) / sizeof(names[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			int d = mz_name_compare(WIRE(names[i]), WIRE(names[j]));

			assert_int_equal((d > 0) - (d < 0), (i > j) - (i < j));
			assert_int_equal(mz_name_equal(WIRE(names[i]), WIRE(names[j])), i == j);
		}
	}
	assert_true(mz_name_compare(WIRE(""), WIRE("\1a")) < 0);
	assert_int_equal(mz_name_compare(WIRE("\1A"), WIRE("\1a")), 0);
}

static void the_most_labels(void **state)
{
	struct mz_name deep = {0};

	(void)state;
	for (size_t i = 0; i < 254; i += 2) {
		deep.wire[i] = 1;
		deep.wire[i + 1] = 'x';
	}
	assert_int_equal(mz_name_len(deep.wire), 255);
	assert_true(mz_name_compare(deep.wire, mz_name_parent(deep.wire)) > 0);
	assert_true(mz_name_within(deep.wire, WIRE("\1x")));
}

static void within(void **state)
{
	(void)state;
	assert_true(mz_name_within(EXAMPLE, EXAMPLE));
	assert_true(mz_name_within(WIRE("\4mail\7EXAMPLE\3org"), EXAMPLE));
	assert_true(mz_name_within(EXAMPLE, WIRE("")));
	assert_true(mz_name_within(WIRE(""), WIRE("")));
	assert_false(mz_name_within(WIRE("\3org"), EXAMPLE));
	assert_false(mz_name_within(WIRE(""), EXAMPLE));
	/* Whole labels: not "evilexample.org", nor a label that holds the octets. */
	assert_false(mz_name_within(WIRE("\13evilexample\3org"), EXAMPLE));
	assert_false(mz_name_within(WIRE("\15a\7example\3org"), EXAMPLE));
}

static void parent(void **state)
{
	(void)state;
	assert_true(mz_name_equal(mz_name_parent(EXAMPLE), WIRE("\3org")));
	assert_int_equal(*mz_name_parent(mz_name_parent(EXAMPLE)), 0);
	assert_int_equal(*mz_name_parent(WIRE("")), 0);
}

static void prefix(void **state)
{
	struct mz_name name = {0};
	char label[65] = "";

	(void)state;
	assert_int_equal(mz_name_prefix(&name, "_25._tcp", EXAMPLE), MZ_OK);
	assert_true(mz_name_equal(name.wire, WIRE("\3_25\4_tcp\7example\3org")));
	assert_int_equal(mz_name_prefix(&name, "elsewhere.", EXAMPLE), MZ_ERANGE);
	assert_int_equal(mz_name_prefix(&name, "", EXAMPLE), MZ_ERANGE);
	memset(label, 'a', 64);
	assert_int_equal(mz_name_prefix(&name, label, EXAMPLE), MZ_ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_text),
		cmocka_unit_test(from_bad_text),
		cmocka_unit_test(an_at_sign_needs_an_origin),
		cmocka_unit_test(lengths),
		cmocka_unit_test(to_text),
		cmocka_unit_test(canonical_order),
		cmocka_unit_test(the_most_labels),
		cmocka_unit_test(within),
		cmocka_unit_test(parent),
		cmocka_unit_test(prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
