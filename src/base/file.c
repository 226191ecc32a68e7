/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: read whole, written atomically, folders made. */
#include "mailzone/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct mz_cause *cause, const char *verb, const char *path)
{
	int e = errno;

	return mz_cause_set(cause, mz_err_of_errno(e), "cannot %s %s: %s", verb, path, strerror(e));
}

static int read_all(int fd, const char *path, size_t max, uint8_t **out, size_t *len,
		    struct mz_cause *cause)
{
	size_t used = 0, cap = 0;
	uint8_t *buf = NULL;
	struct stat st = {0};
	int err = MZ_OK;

	if (fstat(fd, &st) != 0)
		return fail(cause, "read", path);
	cap = st.st_size > 0 && (uint64_t)st.st_size <= max ? (size_t)st.st_size + 1 : 4096;
	for (;;) {
		ssize_t n = 0;

		if (buf == NULL || used == cap) { /* the file may grow while it is read */
			size_t want = buf == NULL ? cap : cap * 2;
			uint8_t *more = realloc(buf, want + 1);

			if (more == NULL) {
				err = mz_cause_set(cause, MZ_ENOMEM,
						   "cannot read %s: out of memory", path);
				goto done;
			}
			buf = more;
			cap = want;
		}
		n = read(fd, buf + used, cap - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = fail(cause, "read", path);
			goto done;
		}
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max) {
			err = mz_cause_set(cause, MZ_ESPACE, "%s is larger than %zu octets", path,
					   max);
			goto done;
		}
	}
	buf[used] = '\0';
	*out = buf;
	*len = used;
	buf = NULL;
done:
	free(buf);
	return err;
}

static int read_checked(const char *path, size_t max, bool secret, uint8_t **out, size_t *len,
			struct mz_cause *cause)
{
	/* O_NONBLOCK: a named pipe must not hang us; it is refused below. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = MZ_OK;
	struct stat st = {0};

	*out = NULL;
	*len = 0;
	if (fd < 0)
		return fail(cause, "open", path);
	if (fstat(fd, &st) != 0) {
		err = fail(cause, "read", path);
	} else if (!S_ISREG(st.st_mode)) {
		err = mz_cause_set(cause, MZ_EINVAL, "%s is not a regular file", path);
	} else if (secret && (st.st_mode & 0007) != 0) {
		err = mz_cause_set(cause, MZ_EPERM,
				   "%s holds a secret and is open to everyone (mode %04o): chmod "
				   "o-rwx %s",
				   path, (unsigned)(st.st_mode & 07777), path);
	} else if (st.st_size > 0 && (uint64_t)st.st_size > max) {
		err = mz_cause_set(cause, MZ_ESPACE, "%s has %lld octets; the limit is %zu", path,
				   (long long)st.st_size, max);
	} else {
		err = read_all(fd, path, max, out, len, cause);
	}
	(void)close(fd);
	return err;
}

int mz_file_read(const char *path, size_t max, uint8_t **out, size_t *len, struct mz_cause *cause)
{
	return read_checked(path, max, false, out, len, cause);
}

int mz_file_read_secret(const char *path, size_t max, uint8_t **out, size_t *len,
			struct mz_cause *cause)
{
	return read_checked(path, max, true, out, len, cause);
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Syncs the folder that holds `path`, so that a rename in it survives a power failure. */
static int sync_folder(const char *path)
{
	char folder[PATH_MAX] = ".";
	const char *slash = strrchr(path, '/');
	int fd = -1, result = -1;

	if (slash == path)
		(void)snprintf(folder, sizeof(folder), "/");
	else if (slash != NULL)
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = fsync(fd);
	(void)close(fd);
	return result;
}

int mz_file_write_atomic(const char *path, const void *data, size_t len, unsigned mode,
			 struct mz_cause *cause)
{
	return mz_file_write_for(path, data, len, mode, -1, -1, cause);
}

int mz_file_write_for(const char *path, const void *data, size_t len, unsigned mode, int64_t uid,
		      int64_t gid, struct mz_cause *cause)
{
	char tmp[PATH_MAX] = "";
	uint32_t tag = 0;
	int fd = -1, err = MZ_OK, n = 0;

	mz_random(&tag, sizeof(tag));
	n = snprintf(tmp, sizeof(tmp), "%s.%08x.tmp", path, (unsigned)tag);
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return mz_cause_set(cause, MZ_ERANGE, "the path %.100s... is too long", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0700);
	if (fd < 0)
		return fail(cause, "write", path);
	/* fchmod: the umask may have taken bits away that the mode asks for. */
	if (((uid >= 0 || gid >= 0) && fchown(fd, (uid_t)uid, (gid_t)gid) != 0) ||
	    fchmod(fd, mode) != 0 || write_all(fd, data, len) != 0 || fsync(fd) != 0) {
		err = fail(cause, "write", path);
		(void)close(fd);
		goto done;
	}
	if (close(fd) != 0 || rename(tmp, path) != 0) {
		err = fail(cause, "write", path);
		goto done;
	}
	if (sync_folder(path) != 0)
		return fail(cause, "sync the folder of", path);
done:
	if (err != MZ_OK)
		(void)unlink(tmp);
	return err;
}

int mz_file_mkdirs(const char *path, unsigned mode, struct mz_cause *cause)
{
	char part[PATH_MAX] = "";
	struct stat st = {0};

	if (strlen(path) >= sizeof(part))
		return mz_cause_set(cause, MZ_ERANGE, "the path %.100s... is too long", path);
	(void)snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + (part[0] == '/');; slash++) {
		char end = '\0';

		while (*slash != '/' && *slash != '\0')
			slash++;
		end = *slash;
		*slash = '\0';
		if (part[0] != '\0' && mkdir(part, mode) == 0) {
			if (sync_folder(part) != 0)
				return fail(cause, "sync the folder of", part);
		} else if (part[0] != '\0' && errno != EEXIST) {
			return fail(cause, "make the folder", part);
		}
		if (end == '\0')
			break;
		*slash = '/';
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return mz_cause_set(cause, MZ_EINVAL, "%s is not a folder", path);
	return MZ_OK;
}
