/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the room `conf` share: a folder of their own, files in it, errors wanted. */
#ifndef MZ_TEST_CONF_HELPER_H
#define MZ_TEST_CONF_HELPER_H

#include <ftw.h>
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

#include "mailzone/conf.h"

#define SECRET "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"

static char folder[64];

static inline char *path_of(const char *name, char buf[256])
{
	(void)snprintf(buf, 256, "%s/%s", folder, name);
	return buf;
}

static inline void write_octets(const char *name, const void *data, size_t len, unsigned mode)
{
	char path[256] = "";
	FILE *file = fopen(path_of(name, path), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static inline void write_file(const char *name, const char *text)
{
	write_octets(name, text, strlen(text), 0640);
}

static inline void make_folder(const char *name)
{
	char path[256] = "";

	assert_int_equal(mkdir(path_of(name, path), 0755), 0);
}

/* A fresh folder for each test, with a key file in it. */
static inline int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/mz-conf-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	write_file("test.secret", SECRET "\n");
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Loads FOLDER/mailzone.conf; the result must be `want`. The errors go into `errors`. */
static inline struct mz_conf *load(int want, struct mz_conf_errors *errors)
{
	struct mz_conf *conf = NULL;
	char path[256] = "";
	int err = mz_conf_load(&conf, path_of("mailzone.conf", path), errors);

	if (err != want && errors->text.s)
		print_error("%s", errors->text.s);
	assert_int_equal(err, want);
	assert_true((conf != NULL) == (err == MZ_OK));
	assert_true((errors->count == 0) == (err == MZ_OK));
	return conf;
}

static inline struct mz_conf *load_good(const char *text)
{
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;

	write_file("mailzone.conf", text);
	conf = load(MZ_OK, &errors);
	mz_conf_errors_clear(&errors);
	return conf;
}

/* Is there a line "FOLDER/NAME:LINE: error: TEXT", where TEXT starts as wanted? Line 0: none. */
static inline void want_error(const struct mz_conf_errors *errors, const char *name, unsigned line,
			      const char *text)
{
	char wanted[2048] = "";
	const char *found = NULL;

	if (line)
		(void)snprintf(wanted, sizeof wanted, "%s/%s:%u: error: %s", folder, name, line,
			       text);
	else
		(void)snprintf(wanted, sizeof wanted, "%s/%s: error: %s", folder, name, text);
	found = errors->text.s ? strstr(errors->text.s, wanted) : NULL;
	if (!found || (found != errors->text.s && found[-1] != '\n'))
		fail_msg("wanted:\n%s\ngot:\n%s", wanted, errors->text.s ? errors->text.s : "");
}

/* This text must give exactly one error. */
static inline void want_one(const char *text, unsigned line, const char *error)
{
	struct mz_conf_errors errors = {0};

	write_file("mailzone.conf", text);
	(void)load(MZ_EINVAL, &errors);
	want_error(&errors, "mailzone.conf", line, error);
	if (errors.count != 1)
		fail_msg("more than one error:\n%s", errors.text.s);
	mz_conf_errors_clear(&errors);
}

/* The line of the first place where `part` stands in `text`. */
static inline unsigned line_of(const char *text, const char *part)
{
	const char *at = strstr(text, part);
	unsigned line = 1;

	if (!at)
		fail_msg("not in the text: %s", part);
	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* `text` with the first `old` replaced by `new`. The caller frees it. */
static inline char *replace(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	size_t size = strlen(text) + strlen(new) + 1;
	char *out = malloc(size);

	if (!at)
		fail_msg("not in the text: %s", old);
	assert_non_null(out);
	(void)snprintf(out, size, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
	return out;
}

#endif
