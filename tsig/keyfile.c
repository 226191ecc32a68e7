/* SPDX-License-Identifier: BSD-2-Clause */
/* Key files: opened, checked and read; the file that holds a bare base64 secret. */

#include "tsig/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tsig_fail(const char *path, char *cause, int err, unsigned int line, const char *format, ...)
{
	int n = 0;
	va_list args;

	if (line > 0)
		n = snprintf(cause, TSIG_CAUSE_MAX, "%s:%u: ", path, line);
	else
		n = snprintf(cause, TSIG_CAUSE_MAX, "%s: ", path);
	if (n < 0 || n >= TSIG_CAUSE_MAX)
		return err;
	va_start(args, format);
	vsnprintf(cause + n, TSIG_CAUSE_MAX - (size_t)n, format, args);
	va_end(args);
	return err;
}

static unsigned int line_of(const char *text, size_t offset)
{
	unsigned int line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

int tsig_explain(const char *path, char *cause, int err, unsigned int line)
{
	switch (err) {
	case TSIG_OK:
		return err;
	case TSIG_EKEYNAME:
		return tsig_fail(path, cause, err, line, "%s: letters, digits, '-', '_' and dots",
				 tsig_strerror(err));
	case TSIG_EEMPTY:
		return tsig_fail(path, cause, err, line, "%s: make one with tsig-keygen",
				 tsig_strerror(err));
	default:
		return tsig_fail(path, cause, err, line, "%s", tsig_strerror(err));
	}
}

/* Opens the file and checks it. -1 with *err and the cause on failure. */
static int open_checked(const char *path, char *cause, int *err)
{
	struct stat st = {0};
	/* NONBLOCK: a FIFO must be refused, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) != 0)
		*err = tsig_fail(path, cause, TSIG_EOPEN, 0, "cannot read the key file: %s",
				 strerror(errno));
	else if (!S_ISREG(st.st_mode))
		*err = tsig_fail(path, cause, TSIG_EOPEN, 0,
				 "not a regular file: name the key file");
	else if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		*err = tsig_fail(path, cause, TSIG_EPERM, 0,
				 "others can read or write the key: chmod o-rwx %s", path);
	else if (st.st_size > TSIG_FILE_MAX)
		*err = tsig_fail(path, cause, TSIG_ETOOBIG, 0,
				 "larger than 64 KiB, so not a key file: name another one");
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * Reads the whole file to `text`, which has TSIG_FILE_MAX + 1 octets: one more than is
 * allowed, because the file may have grown since it was checked.
 */
static int read_text(const char *path, char *cause, char *text, size_t *len)
{
	int err = TSIG_OK;
	int fd = open_checked(path, cause, &err);
	const char *nul = NULL;

	*len = 0;
	if (fd < 0)
		return err;
	while (*len <= TSIG_FILE_MAX) {
		ssize_t n = read(fd, text + *len, TSIG_FILE_MAX + 1 - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = tsig_fail(path, cause, TSIG_EOPEN, 0, "cannot read the key file: %s",
					strerror(errno));
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	close(fd);
	if (err != TSIG_OK)
		return err;
	if (*len > TSIG_FILE_MAX)
		return tsig_fail(path, cause, TSIG_ETOOBIG, 0,
				 "larger than 64 KiB, so not a key file: name another one");
	if (*len == 0)
		return tsig_fail(path, cause, TSIG_EEMPTY, 0,
				 "the key file is empty: write the key again");
	nul = memchr(text, '\0', *len);
	if (nul != NULL)
		return tsig_fail(path, cause, TSIG_ESYNTAX, line_of(text, (size_t)(nul - text)),
				 "a NUL octet, so not a text file: write the key again");
	return TSIG_OK;
}

int tsig_parse_secret(struct tsig_key **out, const char *name, enum tsig_alg alg, const char *path,
		      const char *text, size_t len, char cause[TSIG_CAUSE_MAX])
{
	size_t fault = 0;
	int err = tsig_key_decode(out, name, alg, text, len, &fault);

	if (err == TSIG_EBASE64 && fault == len)
		return tsig_fail(path, cause, err, 0,
				 "the base64 secret ends too early: write the whole secret again");
	if (err == TSIG_EBASE64)
		return tsig_fail(path, cause, err, line_of(text, fault),
				 "not base64: the file must hold the base64 secret and nothing "
				 "else");
	return tsig_explain(path, cause, err, 0);
}

int tsig_key_from_secret_file(struct tsig_key **out, const char *name, enum tsig_alg alg,
			      const char *path, char cause[TSIG_CAUSE_MAX])
{
	int err = TSIG_OK;
	size_t len = 0;
	char *text = malloc(TSIG_FILE_MAX + 1);

	*out = NULL;
	cause[0] = '\0';
	if (text == NULL)
		return tsig_explain(path, cause, TSIG_ENOMEM, 0);
	err = read_text(path, cause, text, &len);
	if (err == TSIG_OK)
		err = tsig_parse_secret(out, name, alg, path, text, len, cause);
	tsig_wipe(text, len);
	free(text);
	return err;
}

int tsig_key_from_bind_file(struct tsig_key **out, const char *name, const char *path,
			    char cause[TSIG_CAUSE_MAX])
{
	int err = TSIG_OK;
	size_t len = 0;
	char *text = malloc(TSIG_FILE_MAX + 1);

	*out = NULL;
	cause[0] = '\0';
	if (text == NULL)
		return tsig_explain(path, cause, TSIG_ENOMEM, 0);
	err = read_text(path, cause, text, &len);
	if (err == TSIG_OK)
		err = tsig_parse_bind(out, name, path, text, len, cause);
	tsig_wipe(text, len);
	free(text);
	return err;
}
