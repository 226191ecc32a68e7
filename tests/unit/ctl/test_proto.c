/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the lines of the control protocol. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/ctl/proto.h"

static int read_text(struct ctl_call *call, const char *line, struct mz_cause *cause)
{
	cause->text[0] = '\0';
	return ctl_call_read(call, line, strlen(line), cause);
}

static void test_call(void **state)
{
	static const char line[] = " {\"arguments\": {\"wait\": true}, \"mailzone\": 1, "
				   "\"command\": \"reconcile\"}\r";
	struct mz_cause cause;
	struct ctl_call call;

	(void)state;
	assert_int_equal(read_text(&call, line, &cause), MZ_OK);
	assert_string_equal(call.command, "reconcile");
	assert_true(json_is_true(json_object_get(call.arguments, "wait")));
	assert_string_equal(cause.text, "");
	ctl_call_clear(&call);
	assert_null(call.root);
}

static void test_call_written(void **state)
{
	json_t *arguments = json_pack("{s:[s], s:b}", "domains", "ex\xc3\xa4mple.org", "wait", 1);
	struct mz_str line = {0};
	struct ctl_call call;

	(void)state;
	assert_int_equal(ctl_call_write(&line, "a\nb", arguments, NULL), MZ_OK);
	assert_ptr_equal(strchr(line.s, '\n'), line.s + line.len - 1);
	assert_int_equal(ctl_call_read(&call, line.s, line.len - 1, NULL), MZ_OK);
	assert_string_equal(call.command, "a\nb");
	assert_true(json_equal((json_t *)call.arguments, arguments));
	ctl_call_clear(&call);
	mz_str_clear(&line);
	assert_int_equal(arguments->refcount, 1);
	json_decref(arguments);
}

static void test_call_unwritable(void **state)
{
	json_t *arguments = json_object();
	struct mz_cause cause = {""};
	struct mz_str line = {0};

	(void)state;
	assert_int_equal(ctl_call_write(&line, "\xff", arguments, &cause), MZ_EINVAL);
	assert_non_null(strstr(cause.text, "UTF-8"));
	assert_int_equal(ctl_call_write(&line, "status", NULL, &cause), MZ_EINVAL);
	mz_str_clear(&line);
	json_decref(arguments);
}

/* The line and a part of what is said about it. */
static void test_call_refused(void **state)
{
	static const struct {
		const char *line;
		const char *said;
	} bad[] = {
		{"", "not JSON"},
		{"reconcile", "not JSON"},
		{"[]", "not a JSON object"},
		{"{}", "\"mailzone\""},
		{"{\"mailzone\": 1.0, \"command\": \"x\", \"arguments\": {}}", "\"mailzone\""},
		{"{\"mailzone\": \"1\", \"command\": \"x\", \"arguments\": {}}", "\"mailzone\""},
		{"{\"mailzone\": 99999999999999999999}", "not JSON"},
		{"{\"mailzone\": 1, \"arguments\": {}}", "\"command\""},
		{"{\"mailzone\": 1, \"command\": 7, \"arguments\": {}}", "\"command\""},
		{"{\"mailzone\": 1, \"command\": \"\", \"arguments\": {}}", "\"command\""},
		{"{\"mailzone\": 1, \"command\": \"x\"}", "\"arguments\""},
		{"{\"mailzone\": 1, \"command\": \"x\", \"arguments\": []}", "\"arguments\""},
		{"{\"mailzone\": 1, \"command\": \"x\", \"arguments\": {}, \"user\": 1}",
		 "besides"},
		{"{\"mailzone\": 1, \"command\": \"x\", \"command\": \"y\", \"arguments\": {}}",
		 "duplicate"},
		{"{\"mailzone\": 1, \"command\": \"x\", \"arguments\": {\"a\": 1, \"a\": 2}}",
		 "duplicate"},
		{"{\"mailzone\": 1, \"command\": \"x\", \"arguments\": {}} {}", "not JSON"},
		{"{\"mailzone\": 1, \"command\": \"a\\u0000b\", \"arguments\": {}}", "not JSON"},
		{"{\"mailzone\": 1, \"command\": \"\xc3(\", \"arguments\": {}}", "decode"},
	};
	struct mz_cause cause;
	struct ctl_call call;
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(read_text(&call, bad[i].line, &cause), MZ_ESYNTAX);
		assert_null(call.root);
		if (strstr(cause.text, bad[i].said) == NULL)
			fail_msg("%s: %s", bad[i].line, cause.text);
	}
}

static void test_call_nul(void **state)
{
	static const char line[] = "{\"mailzone\": 1, \"command\": \"x\",\0 \"arguments\": {}}";
	struct ctl_call call;

	(void)state;
	assert_int_equal(ctl_call_read(&call, line, sizeof line - 1, NULL), MZ_ESYNTAX);
}

static void test_call_deep(void **state)
{
	size_t len = 3000;
	char *line = malloc(len);
	struct ctl_call call;

	(void)state;
	assert_non_null(line);
	memset(line, '[', len);
	assert_int_equal(ctl_call_read(&call, line, len, NULL), MZ_ESYNTAX);
	free(line);
}

/* Both versions are named, whatever else the request of another version holds. */
static void test_call_version(void **state)
{
	struct mz_cause cause;
	struct ctl_call call;

	(void)state;
	assert_int_equal(read_text(&call, "{\"mailzone\": 27, \"verb\": 5}", &cause), MZ_EINVAL);
	assert_non_null(strstr(cause.text, "version 1 "));
	assert_non_null(strstr(cause.text, "version 27"));
}

static void test_reply(void **state)
{
	static const char output[] = "{\"output\": \"a\\nb\"}", error[] = "{\"error\": \"no\"}";
	static const char status[] = "{\"exit\": 255}";
	struct ctl_reply reply;

	(void)state;
	assert_int_equal(ctl_reply_read(&reply, output, sizeof output - 1, NULL), MZ_OK);
	assert_int_equal(reply.kind, CTL_OUTPUT);
	assert_int_equal(reply.len, 3);
	assert_string_equal(reply.text, "a\nb");
	ctl_reply_clear(&reply);
	assert_int_equal(ctl_reply_read(&reply, error, sizeof error - 1, NULL), MZ_OK);
	assert_int_equal(reply.kind, CTL_ERROR);
	assert_string_equal(reply.text, "no");
	ctl_reply_clear(&reply);
	assert_int_equal(ctl_reply_read(&reply, status, sizeof status - 1, NULL), MZ_OK);
	assert_int_equal(reply.kind, CTL_EXIT);
	assert_int_equal(reply.status, 255);
	ctl_reply_clear(&reply);
}

static void test_reply_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"HTTP/1.1 400 Bad Request",
		"[0]",
		"{}",
		"{\"exit\": 256}",
		"{\"exit\": -1}",
		"{\"exit\": 18446744073709551616}",
		"{\"exit\": 4294967296}",
		"{\"exit\": \"0\"}",
		"{\"exit\": null}",
		"{\"output\": 1}",
		"{\"error\": null}",
		"{\"done\": 0}",
		"{\"output\": \"\", \"exit\": 0}",
	};
	struct ctl_reply reply;
	struct mz_cause cause;
	size_t i = 0;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cause.text[0] = '\0';
		assert_int_equal(ctl_reply_read(&reply, bad[i], strlen(bad[i]), &cause),
				 MZ_ESYNTAX);
		assert_null(reply.root);
		assert_string_not_equal(cause.text, "");
	}
}

/* Reads back one line that was written. */
static void check_written(const struct mz_str *line, enum ctl_reply_kind kind, const char *text)
{
	struct ctl_reply reply;

	assert_ptr_equal(strchr(line->s, '\n'), line->s + line->len - 1);
	assert_int_equal(ctl_reply_read(&reply, line->s, line->len - 1, NULL), MZ_OK);
	assert_int_equal(reply.kind, kind);
	if (text != NULL)
		assert_string_equal(reply.text, text);
	ctl_reply_clear(&reply);
}

static void test_written(void **state)
{
	struct mz_str line = {0};

	(void)state;
	ctl_add_output(&line, "\"a\\\n\tb\xc3\xa4", 8);
	check_written(&line, CTL_OUTPUT, "\"a\\\n\tb\xc3\xa4");
	mz_str_reset(&line);
	ctl_add_output(&line, "a\xff\xc3(", 4);
	check_written(&line, CTL_OUTPUT, "a\xc3\xbf\xc3\x83(");
	mz_str_reset(&line);
	ctl_add_error(&line, "not \"this\"");
	check_written(&line, CTL_ERROR, "not \"this\"");
	mz_str_reset(&line);
	ctl_add_exit(&line, 64);
	check_written(&line, CTL_EXIT, NULL);
	mz_str_clear(&line);
}

/* No character is torn; what is no character may be. */
static void test_piece(void **state)
{
	static const char four[] = "\xf0\x9f\x98\x80";
	char text[CTL_PIECE_MAX + 8] = "";
	size_t shift = 0;

	(void)state;
	assert_int_equal(ctl_piece("abc", 3), 3);
	memset(text, 'a', sizeof text);
	assert_int_equal(ctl_piece(text, CTL_PIECE_MAX), CTL_PIECE_MAX);
	assert_int_equal(ctl_piece(text, CTL_PIECE_MAX + 1), CTL_PIECE_MAX);
	for (shift = 0; shift <= 4; shift++) {
		memset(text, 'a', sizeof text);
		memcpy(text + CTL_PIECE_MAX - shift, four, 4);
		assert_int_equal(ctl_piece(text, sizeof text),
				 shift < 4 ? CTL_PIECE_MAX - shift : CTL_PIECE_MAX);
	}
	memset(text, 0x80, sizeof text);
	assert_true(ctl_piece(text, sizeof text) >= CTL_PIECE_MAX - 3);
}

/* The longest line that we write is one that we read. */
static void test_longest(void **state)
{
	char text[CTL_PIECE_MAX + 1] = "";
	struct mz_str line = {0};

	(void)state;
	memset(text, 1, CTL_PIECE_MAX);
	ctl_add_output(&line, text, CTL_PIECE_MAX);
	assert_true(line.len < CTL_LINE_MAX);
	check_written(&line, CTL_OUTPUT, text);
	mz_str_clear(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_call_written),
		cmocka_unit_test(test_call_unwritable),
		cmocka_unit_test(test_call_refused),
		cmocka_unit_test(test_call_nul),
		cmocka_unit_test(test_call_deep),
		cmocka_unit_test(test_call_version),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_reply_refused),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_piece),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
