/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket in the file system: connect to it, or put it there and listen. */
#include "src/ctl/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int fail(struct mz_cause *cause, const char *verb, const char *path)
{
	int e = errno;
	int err = e == EACCES || e == EPERM || e == EROFS ? MZ_EPERM
		  : e == ENOMEM				  ? MZ_ENOMEM
							  : MZ_EIO;

	return mz_cause_set(cause, err, "cannot %s %s: %s", verb, path, strerror(e));
}

static int make_address(struct sockaddr_un *addr, const char *path, struct mz_cause *cause)
{
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path[0] == '\0' || strlen(path) >= sizeof addr->sun_path)
		return mz_cause_set(cause, MZ_ERANGE,
				    "the path of a socket has 1 to %zu octets: \"%s\"",
				    sizeof addr->sun_path - 1, path);
	(void)snprintf(addr->sun_path, sizeof addr->sun_path, "%s", path);
	return MZ_OK;
}

/* A socket that is connected, or -1 with errno. */
static int connect_socket(const struct sockaddr_un *addr, int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int e = 0;

	if (fd < 0)
		return -1;
	while (connect(fd, (const struct sockaddr *)addr, sizeof *addr) != 0)
		if (errno != EINTR) {
			e = errno;
			close(fd);
			errno = e;
			return -1;
		}
	return fd;
}

int ctl_connect(int *fd, const char *path, struct mz_cause *cause)
{
	struct sockaddr_un addr = {0};
	int err = make_address(&addr, path, cause);

	if (err != MZ_OK)
		return err;
	*fd = connect_socket(&addr, 0);
	if (*fd >= 0)
		return MZ_OK;
	if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED)
		return mz_cause_set(cause, MZ_ENOTFOUND,
				    "no daemon answers at %s: is mailzoned running?", path);
	return fail(cause, "connect to", path);
}

/* Removes what a dead process left at the path. */
static int clear_path(const struct sockaddr_un *addr, struct mz_cause *cause)
{
	const char *path = addr->sun_path;
	struct stat st = {0};
	int fd = -1;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? MZ_OK : fail(cause, "look at", path);
	if (!S_ISSOCK(st.st_mode))
		return mz_cause_set(cause, MZ_EEXIST,
				    "%s is there and is no socket: move it away, or name another "
				    "control socket",
				    path);
	fd = connect_socket(addr, SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	/* EAGAIN: somebody listens and is busy. EPROTOTYPE: a socket that is no stream. */
	if (fd >= 0 || errno == EAGAIN || errno == EPROTOTYPE)
		return mz_cause_set(cause, MZ_EEXIST, "another process answers at %s", path);
	if (errno != ECONNREFUSED)
		return fail(cause, "connect to", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return fail(cause, "remove", path);
	return MZ_OK;
}

static int make_folder(const char *path, struct mz_cause *cause)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = "";
	struct stat st = {0};
	int err = MZ_OK;

	if (slash == NULL || slash == path)
		return MZ_OK;
	(void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	if (stat(folder, &st) == 0 || errno != ENOENT)
		return MZ_OK; /* what is wrong with it shows when the socket is put there */
	err = mz_file_mkdirs(folder, 0755, cause);
	/* the umask may have taken bits away */
	if (err == MZ_OK && chmod(folder, 0755) != 0)
		err = fail(cause, "make the folder", folder);
	return err;
}

/* Nobody gets in before listen, so that the mode is right when the first one comes. */
static int put_socket(int fd, struct stat *st, const struct sockaddr_un *addr, gid_t gid,
		      struct mz_cause *cause)
{
	const char *path = addr->sun_path;
	int err = MZ_OK;

	if (bind(fd, (const struct sockaddr *)addr, sizeof *addr) != 0)
		return fail(cause, "make the socket", path);
	if (gid != (gid_t)-1 && lchown(path, (uid_t)-1, gid) != 0)
		err = fail(cause, "change the group of", path);
	else if (chmod(path, 0660) != 0)
		err = fail(cause, "change the mode of", path);
	else if (lstat(path, st) != 0 || listen(fd, BACKLOG) != 0)
		err = fail(cause, "listen at", path);
	if (err != MZ_OK)
		(void)unlink(path);
	return err;
}

int ctl_listen(int *fd, struct stat *st, const char *path, gid_t gid, struct mz_cause *cause)
{
	struct sockaddr_un addr = {0};
	int err = make_address(&addr, path, cause);

	if (err == MZ_OK)
		err = make_folder(path, cause);
	if (err == MZ_OK)
		err = clear_path(&addr, cause);
	if (err != MZ_OK)
		return err;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return fail(cause, "make the socket", path);
	err = put_socket(*fd, st, &addr, gid, cause);
	if (err != MZ_OK) {
		close(*fd);
		*fd = -1;
	}
	return err;
}
