/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes the control protocol: lines of requests and answers, and any text on its way. */

#include <stdlib.h>
#include <string.h>

#include "src/ctl/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* An error has a cause and leaves nothing; a request reads the same when it was written. */
static void check_call(const char *line, size_t len)
{
	struct mz_cause cause = {""};
	struct ctl_call call = {0}, again = {0};
	struct mz_str text = {0};
	int err = ctl_call_read(&call, line, len, &cause);

	require((err == MZ_OK) == (call.root != NULL) && (err == MZ_OK) == (cause.text[0] == '\0'));
	if (err != MZ_OK)
		return;
	require(call.command[0] != '\0' && json_is_object(call.arguments));
	require(ctl_call_write(&text, call.command, json_object_get(call.root, "arguments"),
			       &cause) == MZ_OK);
	require(memchr(text.s, '\n', text.len) == text.s + text.len - 1);
	/* jansson writes a number with 17 digits, so that it is the same number */
	require(ctl_call_read(&again, text.s, text.len - 1, &cause) == MZ_OK);
	require(json_equal(call.root, again.root));
	ctl_call_clear(&again);
	ctl_call_clear(&call);
	mz_str_clear(&text);
}

static void check_reply(const char *line, size_t len)
{
	struct mz_cause cause = {""};
	struct ctl_reply reply = {0};
	int err = ctl_reply_read(&reply, line, len, &cause);

	require((err == MZ_OK) == (reply.root != NULL) &&
		(err == MZ_OK) == (cause.text[0] == '\0'));
	if (err != MZ_OK)
		return;
	if (reply.kind == CTL_EXIT)
		require(reply.status >= 0 && reply.status <= 255);
	else
		require(reply.text != NULL && strlen(reply.text) == reply.len);
	ctl_reply_clear(&reply);
}

/* Adds what the client would print of a line that we wrote. */
static void add_printed(struct mz_str *printed, const struct mz_str *line, enum ctl_reply_kind kind)
{
	struct ctl_reply reply = {0};

	require(!line->failed && line->len <= CTL_LINE_MAX);
	require(memchr(line->s, '\n', line->len) == line->s + line->len - 1);
	require(ctl_reply_read(&reply, line->s, line->len - 1, NULL) == MZ_OK);
	require(reply.kind == kind);
	mz_str_addn(printed, reply.text, reply.len);
	ctl_reply_clear(&reply);
}

/* Any text gets through; one in UTF-8 as it is. */
static void check_text(const char *text)
{
	struct mz_str line = {0}, printed = {0};
	json_t *utf8 = json_string(text);
	size_t left = strlen(text);
	const char *rest = text;

	while (left > 0) {
		size_t n = ctl_piece(rest, left);

		require(n > 0 && n <= left && n <= CTL_PIECE_MAX);
		mz_str_reset(&line);
		ctl_add_output(&line, rest, n);
		add_printed(&printed, &line, CTL_OUTPUT);
		rest += n;
		left -= n;
	}
	if (utf8 != NULL && printed.s != NULL)
		require(strcmp(printed.s, text) == 0);
	json_decref(utf8);
	mz_str_clear(&line);
	mz_str_clear(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	check_call((const char *)data, size);
	check_reply((const char *)data, size);
	check_text(text);
	free(text);
	return 0;
}
