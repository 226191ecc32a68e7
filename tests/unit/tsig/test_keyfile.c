/* SPDX-License-Identifier: BSD-2-Clause */
/* Key files: what is taken, what is refused, and what the cause says. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tsig/peer.h"

#define SECRET "dGhpcnR5LXR3byBvY3RldHMgb2YgdGVzdCBzZWNyZXQ="
#define KEY(name) "key \"" name "\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n"

static char folder[] = "/tmp/tsig-keyfile-XXXXXX";
static char path[64];
static char cause[TSIG_CAUSE_MAX];
static char name_of_key[256];
static enum tsig_alg alg_of_key;
static struct tsig_mac mac_of_key;

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_octets(const void *data, size_t len, mode_t mode)
{
	int fd = -1;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void write_text(const char *text)
{
	write_octets(text, strlen(text), 0640);
}

/* The secret shows by what the key signs. */
static void remember(struct tsig_key *key, int err)
{
	uint8_t msg[512] = {0};
	size_t len = 12;

	assert_true((err == TSIG_OK) == (key != NULL));
	assert_true((err == TSIG_OK) == (cause[0] == '\0'));
	assert_null(strstr(cause, "dGhp"));
	assert_null(strchr(cause, '\n'));
	if (key == NULL)
		return;
	snprintf(name_of_key, sizeof(name_of_key), "%s", tsig_key_name(key));
	alg_of_key = tsig_key_alg(key);
	assert_int_equal(tsig_sign(key, msg, &len, sizeof(msg), PEER_NOW, &mac_of_key), 0);
	tsig_key_free(key);
}

static int secret_file(void)
{
	struct tsig_key *key = (struct tsig_key *)cause;
	int err = tsig_key_from_secret_file(&key, "mail-update", TSIG_HMAC_SHA256, path, cause);

	remember(key, err);
	return err;
}

static int bind_file(const char *name)
{
	struct tsig_key *key = (struct tsig_key *)cause;
	int err = tsig_key_from_bind_file(&key, name, path, cause);

	remember(key, err);
	return err;
}

static int secret_text(const char *text)
{
	write_text(text);
	return secret_file();
}

static int bind_text(const char *text)
{
	write_text(text);
	return bind_file(NULL);
}

/* Whether the last key is the one with the known secret. */
static void assert_known_secret(void)
{
	struct tsig_key *key = peer_key();
	struct tsig_mac mac = {0};
	uint8_t msg[512] = {0};
	size_t len = 12;

	assert_string_equal(name_of_key, "mail-update");
	assert_int_equal(alg_of_key, TSIG_HMAC_SHA256);
	assert_int_equal(tsig_sign(key, msg, &len, sizeof(msg), PEER_NOW, &mac), TSIG_OK);
	assert_memory_equal(mac.octets, mac_of_key.octets, mac.len);
	tsig_key_free(key);
}

static void bare_secret(void **state)
{
	(void)state;
	assert_int_equal(secret_text(SECRET), TSIG_OK);
	assert_known_secret();
	memset(&mac_of_key, 0, sizeof(mac_of_key));
	assert_int_equal(secret_text("\n  " SECRET "\r\n\n"), TSIG_OK);
	assert_known_secret();
}

static void not_a_bare_secret(void **state)
{
	(void)state;
	assert_int_equal(secret_text("\n"), TSIG_EEMPTY);
	assert_non_null(strstr(cause, path));
	assert_int_equal(secret_text("\nmail-update:" SECRET), TSIG_EBASE64);
	assert_non_null(strstr(cause, "/key:2: not base64"));
	assert_int_equal(secret_text(KEY("mail-update")), TSIG_EBASE64);
	assert_int_equal(secret_text("dGhpcnR5LXR3byBvY3RldHM\n"), TSIG_EBASE64);
	assert_non_null(strstr(cause, "ends too early"));
}

static void bind_statement(void **state)
{
	(void)state;
	assert_int_equal(bind_text(KEY("mail-update")), TSIG_OK);
	assert_known_secret();
	/* other order, other blanks, no quotes but for the secret, capitals, dots at the ends */
	memset(&mac_of_key, 0, sizeof(mac_of_key));
	assert_int_equal(bind_text("KEY Mail-Update.{Secret\"" SECRET
				   "\";Algorithm HMAC-SHA256.;};"),
			 TSIG_OK);
	assert_known_secret();
	assert_int_equal(bind_text("key k { algorithm \"hmac-sha512-256\"; secret \"" SECRET
				   "\"; };"),
			 TSIG_OK);
	assert_int_equal(alg_of_key, TSIG_HMAC_SHA512_256);
}

static void comments(void **state)
{
	(void)state;
	assert_int_equal(bind_text("// key \"x\" {\n# key\n/* key\n** / * "
				   "//\n*/key/**/\"mail-update\""
				   "{//{\nalgorithm hmac-sha256;#}\nsecret/* \" */\"" SECRET
				   "\";}/**/;# end"),
			 TSIG_OK);
	assert_known_secret();
	assert_int_equal(bind_text(KEY("mail-update") "\n/* no end\n\n"), TSIG_ESYNTAX);
	assert_non_null(strstr(cause, "/key:6: this comment has no end"));
	assert_int_equal(bind_text("/"), TSIG_ESYNTAX);
	assert_int_equal(bind_text("/*"), TSIG_ESYNTAX);
	assert_int_equal(bind_text("/*/"), TSIG_ESYNTAX);
	assert_int_equal(bind_text("// nothing else"), TSIG_ENOKEY);
}

static void several_keys(void **state)
{
	(void)state;
	assert_int_equal(bind_text(KEY("one") KEY("Mail-Update") KEY("three")), TSIG_ENOKEY);
	assert_non_null(strstr(cause, "3 keys"));
	assert_int_equal(bind_file("mail-update."), TSIG_OK);
	assert_known_secret();
	assert_int_equal(bind_file("three"), TSIG_OK);
	assert_string_equal(name_of_key, "three");
	assert_int_equal(bind_file("four"), TSIG_ENOKEY);
	assert_int_equal(bind_file("thre"), TSIG_ENOKEY);
	assert_int_equal(bind_text(KEY("one") KEY("two") KEY("ONE.")), TSIG_ENOKEY);
	assert_int_equal(bind_file("one"), TSIG_ESYNTAX);
	assert_non_null(strstr(cause, "/key:9: a second key"));
	assert_int_equal(bind_file("two"), TSIG_OK);
	/* a fault in a statement that is not wanted is a fault of the file */
	write_text(KEY("one") "key two { };");
	assert_int_equal(bind_file("one"), TSIG_ESYNTAX);
}

static void syntax_errors(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *cause;
	} rows[] = {
		{"options { };", TSIG_ESYNTAX, ":1: only key"},
		{KEY("a") "zone x { };", TSIG_ESYNTAX, ":5: only key"},
		{"\"key\" a { };", TSIG_ESYNTAX, ":1: only key"},
		{"key", TSIG_ESYNTAX, ":1: the name"},
		{"key {", TSIG_ESYNTAX, ":1: the name"},
		{"key a\n;", TSIG_ESYNTAX, ":2: {"},
		{"key a {", TSIG_ESYNTAX, ":1: algorithm, secret"},
		{"key a {\n algorithm;", TSIG_ESYNTAX, ":2: a value"},
		{"key a {\n algorithm hmac-sha1\n secret", TSIG_ESYNTAX, ":3: a semicolon"},
		{"key a {\n secret \"" SECRET "\n\";", TSIG_ESYNTAX, ":2: no quote"},
		{"key a {\n secret \"" SECRET, TSIG_ESYNTAX, ":2: no quote"},
		{"key a {\n secret " SECRET "; algorithm hmac-sha1; };", TSIG_ESYNTAX,
		 ":2: the secret must stand in quotes"},
		{"key a {\n\n " SECRET ";", TSIG_ESYNTAX, ":3: algorithm, secret"},
		{"key a { algorithm hmac-sha1;\n};", TSIG_ESYNTAX, ":2: the key needs both"},
		{"key a { secret \"" SECRET "\";\n};", TSIG_ESYNTAX, ":2: the key needs both"},
		{"key a { secret \"\"; secret \"\"; };", TSIG_ESYNTAX, ":1: algorithm or secret"},
		{"key a { algorithm x; algorithm x; };", TSIG_ESYNTAX, ":1: algorithm or secret"},
		{"key a { algorithm hmac-sha1; secret \"" SECRET "\"; }\n", TSIG_ESYNTAX,
		 ":2: a semicolon must come after }"},
		{"key a { algorithm\nhmac-md5; secret \"" SECRET "\"; };", TSIG_EALG,
		 ":2: unknown TSIG algorithm"},
		{"key a { algorithm hmac-sha256-and-then-much-more; secret \"" SECRET "\"; };",
		 TSIG_EALG, ":1: unknown TSIG algorithm"},
		{"key a { algorithm hmac-sha1;\n secret \"dGhp*\"; };", TSIG_EBASE64,
		 ":2: the secret is not base64"},
		{"key a { algorithm hmac-sha1;\n secret \"\"; };", TSIG_EEMPTY,
		 ":2: the secret is empty"},
		{"key \"a..b\" { algorithm hmac-sha1;\n secret \"" SECRET "\"; };", TSIG_EKEYNAME,
		 ":1: the key name"},
		{"key \"\" { algorithm hmac-sha1;\n secret \"" SECRET "\"; };", TSIG_EKEYNAME,
		 ":1: the key name"},
		{"key a { algorithm\nhmac-sha1;\n/* secret", TSIG_ESYNTAX, ":3: this comment"},
		{"};", TSIG_ESYNTAX, ":1: only key"},
		{"\"", TSIG_ESYNTAX, ":1: no quote"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = bind_text(rows[i].text);

		if (err != rows[i].err || strstr(cause, rows[i].cause) == NULL)
			fail_msg("row %zu: %d, %s", i, err, cause);
	}
}

static void longest_names(void **state)
{
	char text[600] = "";
	char name[300] = "";

	(void)state;
	for (size_t i = 0; i < 253; i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	snprintf(text, sizeof(text), "key \"%s\" { algorithm hmac-sha1; secret \"" SECRET "\"; };",
		 name);
	assert_int_equal(bind_text(text), TSIG_OK);
	assert_string_equal(name_of_key, name);
	text[5 + 100] = 'x'; /* still a letter, so still a name */
	assert_int_equal(bind_text(text), TSIG_OK);
	memset(text + 5, 'a', 253);
	assert_int_equal(bind_text(text), TSIG_EKEYNAME);
	memset(name, 'a', sizeof(name) - 1);
	snprintf(text, sizeof(text), "key %s { algorithm hmac-sha1; secret \"" SECRET "\"; };",
		 name);
	assert_int_equal(bind_text(text), TSIG_EKEYNAME);
}

/* What the file system says is told before any octet is read. */
static void modes(void **state)
{
	static const mode_t open_modes[] = {0604, 0602, 0606, 0644, 0666};
	static const mode_t closed_modes[] = {0600, 0400, 0640, 0660, 0601};
	char wanted[128] = "";

	(void)state;
	snprintf(wanted, sizeof(wanted), "chmod o-rwx %s", path);
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		write_octets(SECRET, sizeof(SECRET) - 1, open_modes[i]);
		assert_int_equal(secret_file(), TSIG_EPERM);
		assert_non_null(strstr(cause, wanted));
		assert_int_equal(bind_file(NULL), TSIG_EPERM);
	}
	for (size_t i = 0; i < sizeof(closed_modes) / sizeof(closed_modes[0]); i++) {
		write_octets(SECRET, sizeof(SECRET) - 1, closed_modes[i]);
		assert_int_equal(secret_file(), TSIG_OK);
	}
}

static void not_regular_or_missing(void **state)
{
	char target[80] = "";

	(void)state;
	unlink(path);
	assert_int_equal(secret_file(), TSIG_EOPEN);
	assert_non_null(strstr(cause, "No such file"));
	assert_int_equal(bind_file(NULL), TSIG_EOPEN);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(secret_file(), TSIG_EOPEN);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(secret_file(), TSIG_EOPEN);
	assert_non_null(strstr(cause, "not a regular file"));
	rmdir(path);
	/* symbolic links are followed */
	write_text(SECRET);
	snprintf(target, sizeof(target), "%s/target", folder);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(secret_file(), TSIG_OK);
	assert_int_equal(chmod(target, 0604), 0);
	assert_int_equal(secret_file(), TSIG_EPERM);
	unlink(target);
}

static void empty_or_zeroed(void **state)
{
	uint8_t zeros[64] = {0};

	(void)state;
	assert_int_equal(secret_text(""), TSIG_EEMPTY);
	assert_int_equal(bind_file(NULL), TSIG_EEMPTY);
	assert_non_null(strstr(cause, "empty"));
	write_octets(zeros, sizeof(zeros), 0600);
	assert_int_equal(secret_file(), TSIG_ESYNTAX);
	assert_int_equal(bind_file(NULL), TSIG_ESYNTAX);
	write_octets(KEY("a") "\0", sizeof(KEY("a")), 0600);
	assert_int_equal(bind_file(NULL), TSIG_ESYNTAX);
	assert_non_null(strstr(cause, "/key:5: a NUL octet"));
}

static void sizes(void **state)
{
	char *text = malloc(65537);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', 65537);
	memcpy(text, KEY("mail-update"), strlen(KEY("mail-update")));
	write_octets(text, 65536, 0600);
	assert_int_equal(bind_file(NULL), TSIG_OK);
	assert_known_secret();
	write_octets(text, 65537, 0600);
	assert_int_equal(bind_file(NULL), TSIG_ETOOBIG);
	assert_int_equal(secret_file(), TSIG_ETOOBIG);
	/* a secret as large as the file may be */
	memset(text, 'A', 65536);
	write_octets(text, 65536, 0600);
	assert_int_equal(secret_file(), TSIG_OK);
	free(text);
}

static void long_paths_are_cut(void **state)
{
	char long_path[2000] = "/";
	struct tsig_key *key = NULL;

	(void)state;
	memset(long_path + 1, 'a', 1900);
	assert_int_equal(tsig_key_from_bind_file(&key, NULL, long_path, cause), TSIG_EOPEN);
	assert_int_equal(strlen(cause), TSIG_CAUSE_MAX - 1);
}

static void names_that_are_given(void **state)
{
	struct tsig_key *key = NULL;

	(void)state;
	write_text(SECRET);
	assert_int_equal(tsig_key_from_secret_file(&key, "a b", TSIG_HMAC_SHA1, path, cause),
			 TSIG_EKEYNAME);
	assert_null(key);
	assert_int_equal(tsig_key_from_secret_file(&key, "a", (enum tsig_alg)TSIG_ALG_COUNT, path,
						   cause),
			 TSIG_EALG);
	assert_null(key);
	assert_true(cause[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_secret),
		cmocka_unit_test(not_a_bare_secret),
		cmocka_unit_test(bind_statement),
		cmocka_unit_test(comments),
		cmocka_unit_test(several_keys),
		cmocka_unit_test(syntax_errors),
		cmocka_unit_test(longest_names),
		cmocka_unit_test(modes),
		cmocka_unit_test(empty_or_zeroed),
		cmocka_unit_test(not_regular_or_missing),
		cmocka_unit_test(sizes),
		cmocka_unit_test(long_paths_are_cut),
		cmocka_unit_test(names_that_are_given),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
