/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the key statements of a BIND key file. */

#include "tsig/internal.h"

#include <string.h>
#include <strings.h>

/* A file's octets, or what is left of them. No function quotes them: they may be the secret. */
struct reader {
	const char *path;
	char *cause;
	const char *pos;
	const char *end;
	unsigned int line;
};

struct slice {
	const char *text;
	size_t len;
	unsigned int line;
	bool quoted;
};

/* One key { } statement. */
struct statement {
	struct slice name;
	struct slice algorithm;
	struct slice secret;
};

enum token { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SEMICOLON, TOKEN_WORD, TOKEN_BAD };

static int fail_here(const struct reader *in, const char *what)
{
	return tsig_fail(in->path, in->cause, TSIG_ESYNTAX, in->line, "%s", what);
}

static bool starts_with(const struct reader *in, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(in->end - in->pos) >= len && memcmp(in->pos, text, len) == 0;
}

/* Takes one character and counts lines. */
static void advance(struct reader *in)
{
	in->line += *in->pos == '\n';
	in->pos++;
}

static void skip_line(struct reader *in)
{
	while (in->pos < in->end && *in->pos != '\n')
		in->pos++;
}

/* False, at the line where it began: a comment that does not end. */
static bool skip_c_comment(struct reader *in)
{
	unsigned int line = in->line;

	in->pos += 2;
	while (in->pos < in->end && !starts_with(in, "*/"))
		advance(in);
	if (in->pos == in->end) {
		in->line = line;
		return false;
	}
	in->pos += 2;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool at_comment(const struct reader *in)
{
	return *in->pos == '#' || starts_with(in, "//") || starts_with(in, "/*");
}

static bool skip_blanks(struct reader *in)
{
	while (in->pos < in->end) {
		if (is_space(*in->pos)) {
			advance(in);
		} else if (!at_comment(in)) {
			break;
		} else if (!starts_with(in, "/*")) {
			skip_line(in);
		} else if (!skip_c_comment(in)) {
			return false;
		}
	}
	return true;
}

static enum token quoted_word(struct reader *in, struct slice *word)
{
	in->pos++;
	word->text = in->pos;
	word->quoted = true;
	while (in->pos < in->end && *in->pos != '"') {
		if (*in->pos == '\n') {
			fail_here(in, "no quote ends the text on this line: add it");
			return TOKEN_BAD;
		}
		in->pos++;
	}
	if (in->pos == in->end) {
		fail_here(in, "no quote ends the text on this line: add it");
		return TOKEN_BAD;
	}
	word->len = (size_t)(in->pos - word->text);
	in->pos++;
	return TOKEN_WORD;
}

static enum token next_token(struct reader *in, struct slice *word)
{
	memset(word, 0, sizeof(*word));
	if (!skip_blanks(in)) {
		fail_here(in, "this comment has no end: add */");
		return TOKEN_BAD;
	}
	word->line = in->line;
	if (in->pos == in->end)
		return TOKEN_END;
	switch (*in->pos) {
	case '{':
		in->pos++;
		return TOKEN_OPEN;
	case '}':
		in->pos++;
		return TOKEN_CLOSE;
	case ';':
		in->pos++;
		return TOKEN_SEMICOLON;
	case '"':
		return quoted_word(in, word);
	default:
		break;
	}
	word->text = in->pos;
	while (in->pos < in->end && !is_space(*in->pos) && memchr("{};\"", *in->pos, 4) == NULL &&
	       !at_comment(in))
		in->pos++;
	word->len = (size_t)(in->pos - word->text);
	return TOKEN_WORD;
}

/* Takes a token that must come next; else the cause is `what`. */
static int expect(struct reader *in, enum token wanted, struct slice *word, const char *what)
{
	enum token token = next_token(in, word);

	if (token == wanted)
		return TSIG_OK;
	return token == TOKEN_BAD ? TSIG_ESYNTAX : fail_here(in, what);
}

static bool word_is(const struct slice *word, const char *text)
{
	return !word->quoted && word->len == strlen(text) &&
	       strncasecmp(word->text, text, word->len) == 0;
}

/* Takes `VALUE ;` after the word `algorithm` or `secret`. */
static int take_value(struct reader *in, struct slice *value)
{
	struct slice none = {0};
	int err = TSIG_OK;

	if (value->text != NULL)
		return fail_here(in, "algorithm or secret given twice: leave one");
	err = expect(in, TOKEN_WORD, value, "a value must come here");
	if (err == TSIG_OK)
		err = expect(in, TOKEN_SEMICOLON, &none, "a semicolon must come here");
	return err;
}

/* Takes the rest of a statement: NAME { algorithm VALUE; secret "VALUE"; }; in any order. */
static int take_statement(struct reader *in, struct statement *st)
{
	struct slice word = {0};
	int err = expect(in, TOKEN_WORD, &st->name, "the name of the key must come here");

	if (err == TSIG_OK)
		err = expect(in, TOKEN_OPEN, &word, "{ must come after the name of the key");
	while (err == TSIG_OK) {
		enum token token = next_token(in, &word);

		if (token == TOKEN_CLOSE)
			break;
		if (token == TOKEN_WORD && word_is(&word, "algorithm"))
			err = take_value(in, &st->algorithm);
		else if (token == TOKEN_WORD && word_is(&word, "secret"))
			err = take_value(in, &st->secret);
		else if (token == TOKEN_BAD)
			err = TSIG_ESYNTAX;
		else
			err = fail_here(in, "algorithm, secret or } must come here");
	}
	if (err == TSIG_OK && (st->algorithm.text == NULL || st->secret.text == NULL))
		err = fail_here(in, "the key needs both algorithm and secret");
	/* BIND ends an unquoted word at a comment, and // is base64: two readers, two secrets. */
	if (err == TSIG_OK && !st->secret.quoted)
		err = tsig_fail(in->path, in->cause, TSIG_ESYNTAX, st->secret.line,
				"the secret must stand in quotes");
	if (err == TSIG_OK)
		err = expect(in, TOKEN_SEMICOLON, &word, "a semicolon must come after }");
	return err;
}

static bool same_name(const struct slice *name, const char *wanted)
{
	size_t a = name->len;
	size_t b = strlen(wanted);

	if (a > 0 && name->text[a - 1] == '.')
		a--;
	if (b > 0 && wanted[b - 1] == '.')
		b--;
	return a == b && strncasecmp(name->text, wanted, a) == 0;
}

/* Takes all statements; *chosen is the one of that name, or the only one. */
static int take_file(struct reader *in, const char *name, struct statement *chosen)
{
	int err = TSIG_OK;
	unsigned int found = 0;
	struct slice word = {0};

	for (;;) {
		struct statement st = {0};
		enum token token = next_token(in, &word);

		if (token == TOKEN_END)
			break;
		if (token == TOKEN_BAD)
			return TSIG_ESYNTAX;
		if (token != TOKEN_WORD || !word_is(&word, "key"))
			return fail_here(in, "only key \"NAME\" { ... }; may stand in a key file");
		err = take_statement(in, &st);
		if (err != TSIG_OK)
			return err;
		if (name != NULL && !same_name(&st.name, name))
			continue;
		if (found++ > 0 && name != NULL)
			return tsig_fail(in->path, in->cause, TSIG_ESYNTAX, st.name.line,
					 "a second key of this name: leave one");
		*chosen = st;
	}
	if (found == 0 && name != NULL)
		return tsig_fail(in->path, in->cause, TSIG_ENOKEY, 0,
				 "no key of the wanted name: check the name in the file");
	if (found == 0)
		return tsig_fail(in->path, in->cause, TSIG_ENOKEY, 0,
				 "no key statement: write key \"NAME\" { ... }; as tsig-keygen "
				 "does");
	if (found > 1)
		return tsig_fail(in->path, in->cause, TSIG_ENOKEY, 0,
				 "%u keys: say by its name which one to take", found);
	return TSIG_OK;
}

/* Copies a word to a string of `size`; false if it does not fit. */
static bool to_string(const struct slice *word, char *out, size_t size)
{
	if (word->len >= size)
		return false;
	memcpy(out, word->text, word->len);
	out[word->len] = '\0';
	return true;
}

int tsig_parse_bind(struct tsig_key **out, const char *name, const char *path, const char *text,
		    size_t len, char cause[TSIG_CAUSE_MAX])
{
	struct reader in = {path, cause, text, text + len, 1};
	struct statement st = {0};
	char key_name[TSIG_NAME_MAX] = "";
	char alg_name[32] = "";
	enum tsig_alg alg = TSIG_HMAC_SHA256;
	size_t fault = 0;
	int err = take_file(&in, name, &st);

	*out = NULL;
	if (err != TSIG_OK)
		return err;
	if (!to_string(&st.name, key_name, sizeof(key_name)))
		return tsig_explain(path, cause, TSIG_EKEYNAME, st.name.line);
	if (!to_string(&st.algorithm, alg_name, sizeof(alg_name)) ||
	    !tsig_alg_from_name(alg_name, &alg))
		return tsig_fail(path, cause, TSIG_EALG, st.algorithm.line,
				 "unknown TSIG algorithm: use hmac-sha256, or sha1, sha224, "
				 "sha384, "
				 "sha512 (hmac-md5 is not supported)");
	err = tsig_key_decode(out, key_name, alg, st.secret.text, st.secret.len, &fault);
	if (err == TSIG_EBASE64)
		return tsig_fail(path, cause, err, st.secret.line,
				 "the secret is not base64, or cut off: write the key again");
	return tsig_explain(path, cause, err, err == TSIG_EKEYNAME ? st.name.line : st.secret.line);
}
