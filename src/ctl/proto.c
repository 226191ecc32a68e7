/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of the control protocol, read and written. Pure. */
#include "src/ctl/proto.h"

#include <assert.h>
#include <string.h>

/* Reads one object. Duplicates, NUL octets, bad UTF-8 and deep nesting are jansson's to refuse. */
static int read_object(json_t **out, const char *what, const char *line, size_t len,
		       struct mz_cause *cause)
{
	json_error_t error = {0};
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);

	*out = NULL;
	if (root == NULL && json_error_code(&error) == json_error_out_of_memory)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (root == NULL)
		return mz_cause_set(cause, MZ_ESYNTAX, "the %s is not JSON: %s at octet %d", what,
				    error.text, error.position);
	if (!json_is_object(root)) {
		json_decref(root);
		return mz_cause_set(cause, MZ_ESYNTAX, "the %s is not a JSON object", what);
	}
	*out = root;
	return MZ_OK;
}

/* ---- the request --------------------------------------------------------------------------- */

/* The version comes first: what else stands in a request of another one is not ours to judge. */
static int check_call(const json_t *root, struct mz_cause *cause)
{
	const json_t *version = json_object_get(root, "mailzone");

	if (!json_is_integer(version))
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "\"mailzone\" of the request must be a whole number, the "
				    "version of the protocol");
	if (json_integer_value(version) != MZ_CTL_VERSION)
		return mz_cause_set(cause, MZ_EINVAL,
				    "the daemon speaks version %d of the control protocol, the "
				    "client version %" JSON_INTEGER_FORMAT
				    ": install one release of both and restart mailzoned",
				    MZ_CTL_VERSION, json_integer_value(version));
	if (json_string_length(json_object_get(root, "command")) == 0)
		return mz_cause_set(cause, MZ_ESYNTAX, "\"command\" of the request must be a text");
	if (!json_is_object(json_object_get(root, "arguments")))
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "\"arguments\" of the request must be an object");
	if (json_object_size(root) != 3)
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "the request has members besides \"mailzone\", \"command\" "
				    "and \"arguments\"");
	return MZ_OK;
}

int ctl_call_read(struct ctl_call *out, const char *line, size_t len, struct mz_cause *cause)
{
	json_t *root = NULL;
	int err = MZ_OK;

	*out = (struct ctl_call){0};
	err = read_object(&root, "request", line, len, cause);
	if (err != MZ_OK)
		return err;
	err = check_call(root, cause);
	if (err != MZ_OK) {
		json_decref(root);
		return err;
	}
	out->root = root;
	out->command = json_string_value(json_object_get(root, "command"));
	out->arguments = json_object_get(root, "arguments");
	return MZ_OK;
}

void ctl_call_clear(struct ctl_call *call)
{
	json_decref(call->root);
	*call = (struct ctl_call){0};
}

static int add_dumped(const char *octets, size_t n, void *arg)
{
	struct mz_str *line = arg;

	mz_str_addn(line, octets, n);
	return line->failed ? -1 : 0;
}

int ctl_call_write(struct mz_str *line, const char *command, json_t *arguments,
		   struct mz_cause *cause)
{
	json_error_t error = {0};
	json_t *root = json_pack_ex(&error, 0, "{s:i, s:s, s:O}", "mailzone", MZ_CTL_VERSION,
				    "command", command, "arguments", arguments);
	int err = MZ_OK;

	if (root == NULL && json_error_code(&error) == json_error_out_of_memory)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (root == NULL)
		return mz_cause_set(cause, MZ_EINVAL, "cannot write the request: %s", error.text);
	if (json_dump_callback(root, add_dumped, line, JSON_COMPACT) != 0 && !line->failed)
		err = mz_cause_set(cause, MZ_EINVAL, "cannot write the request");
	mz_str_addc(line, '\n');
	if (line->failed)
		err = mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	json_decref(root);
	return err;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static bool take_text(struct ctl_reply *reply, enum ctl_reply_kind kind, const json_t *value)
{
	reply->kind = kind;
	reply->text = json_string_value(value);
	reply->len = json_string_length(value);
	return reply->text != NULL;
}

static bool take_status(struct ctl_reply *reply, const json_t *value)
{
	json_int_t status = json_integer_value(value);

	reply->kind = CTL_EXIT;
	reply->status = status >= 0 && status <= 255 ? (int)status : -1;
	return json_is_integer(value) && reply->status >= 0;
}

static bool take_reply(struct ctl_reply *reply)
{
	const json_t *value = NULL;

	if (json_object_size(reply->root) != 1)
		return false;
	if ((value = json_object_get(reply->root, "output")) != NULL)
		return take_text(reply, CTL_OUTPUT, value);
	if ((value = json_object_get(reply->root, "error")) != NULL)
		return take_text(reply, CTL_ERROR, value);
	return take_status(reply, json_object_get(reply->root, "exit"));
}

int ctl_reply_read(struct ctl_reply *out, const char *line, size_t len, struct mz_cause *cause)
{
	int err = MZ_OK;

	*out = (struct ctl_reply){0};
	err = read_object(&out->root, "answer", line, len, cause);
	if (err == MZ_OK && !take_reply(out)) {
		ctl_reply_clear(out);
		err = mz_cause_set(cause, MZ_ESYNTAX,
				   "the answer is neither output, error nor exit");
	}
	return err;
}

void ctl_reply_clear(struct ctl_reply *reply)
{
	json_decref(reply->root);
	*reply = (struct ctl_reply){0};
}

size_t ctl_piece(const char *text, size_t len)
{
	size_t n = CTL_PIECE_MAX;

	if (len <= CTL_PIECE_MAX)
		return len;
	/* a character has at most three octets behind its first */
	while (n > CTL_PIECE_MAX - 3 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void ctl_add_output(struct mz_str *line, const char *text, size_t len)
{
	char piece[CTL_PIECE_MAX + 1] = "";

	assert(len <= CTL_PIECE_MAX);
	memcpy(piece, text, len);
	mz_str_add(line, "{\"output\": ");
	mz_str_add_json(line, piece);
	mz_str_add(line, "}\n");
}

void ctl_add_error(struct mz_str *line, const char *text)
{
	mz_str_add(line, "{\"error\": ");
	mz_str_add_json(line, text);
	mz_str_add(line, "}\n");
}

void ctl_add_exit(struct mz_str *line, int status)
{
	mz_str_addf(line, "{\"exit\": %d}\n", status);
}
