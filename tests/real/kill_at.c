/* SPDX-License-Identifier: BSD-2-Clause */
/* Preloaded into mailzoned: kills it (-9) at the MZ_KILL_AT-th change to a file in the folder MZ_KILL_IN. A write is
 * cut in its middle, as a crash may; anything else does not happen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long changes;

/* Is this the change to die at? */
static bool last(const char *path)
{
	const char *folder = getenv("MZ_KILL_IN"), *at = getenv("MZ_KILL_AT");

	if (folder == NULL || at == NULL || strncmp(path, folder, strlen(folder)) != 0)
		return false;
	return atomic_fetch_add(&changes, 1) + 1 == atol(at);
}

static bool last_of(int fd)
{
	char link[64] = "", path[PATH_MAX] = "";

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 0 && last(path);
}

static void die(void)
{
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

#define REAL(name) ((__typeof__(&name))(size_t)dlsym(RTLD_NEXT, #name))

#define WRITES(name, offset_type)                                                                  \
	ssize_t name(int fd, const void *data, size_t len, offset_type offset)                     \
	{                                                                                          \
		if (last_of(fd)) {                                                                 \
			(void)REAL(name)(fd, data, len / 2, offset);                               \
			die();                                                                     \
		}                                                                                  \
		return REAL(name)(fd, data, len, offset);                                          \
	}

#define CHANGES(name, parameters, arguments, is_last)                                              \
	int name parameters                                                                        \
	{                                                                                          \
		if (is_last)                                                                       \
			die();                                                                     \
		return REAL(name) arguments;                                                       \
	}

WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)
CHANGES(ftruncate, (int fd, off_t len), (fd, len), last_of(fd))
CHANGES(ftruncate64, (int fd, off64_t len), (fd, len), last_of(fd))
CHANGES(fsync, (int fd), (fd), last_of(fd))
CHANGES(fdatasync, (int fd), (fd), last_of(fd))
CHANGES(rename, (const char *from, const char *to), (from, to), last(to))
CHANGES(unlink, (const char *path), (path), last(path))

ssize_t write(int fd, const void *data, size_t len)
{
	if (last_of(fd)) {
		(void)REAL(write)(fd, data, len / 2);
		die();
	}
	return REAL(write)(fd, data, len);
}
