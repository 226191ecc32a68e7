/* SPDX-License-Identifier: BSD-2-Clause */
/* Preloaded: while the file MZ_DISK_FLAG exists, the disk below the folder MZ_DISK_FOLDER is full, or with
 * MZ_DISK=read-only it takes no writer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))(size_t)dlsym(RTLD_NEXT, #name))

static bool read_only(void)
{
	const char *kind = getenv("MZ_DISK");

	return kind != NULL && strcmp(kind, "read-only") == 0;
}

static bool within(const char *path)
{
	const char *folder = getenv("MZ_DISK_FOLDER"), *flag = getenv("MZ_DISK_FLAG");

	return folder != NULL && flag != NULL && strncmp(path, folder, strlen(folder)) == 0 &&
	       access(flag, F_OK) == 0;
}

static bool full(int fd)
{
	char link[64] = "", path[PATH_MAX] = "";

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) <= 0 || !within(path))
		return false;
	errno = read_only() ? EROFS : ENOSPC;
	return true;
}

#define WRITES(name, offset_type)                                                                  \
	ssize_t name(int fd, const void *data, size_t len, offset_type offset)                     \
	{                                                                                          \
		return full(fd) ? -1 : REAL(name)(fd, data, len, offset);                          \
	}

WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t len)
{
	return full(fd) ? -1 : REAL(write)(fd, data, len);
}

#define OPENS(name)                                                                                \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode = 0;                                                                   \
                                                                                                   \
		va_start(args, flags);                                                             \
		if ((flags & O_CREAT) != 0)                                                        \
			mode = va_arg(args, mode_t);                                               \
		va_end(args);                                                                      \
		if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0 && read_only() && within(path)) { \
			errno = EROFS;                                                             \
			return -1;                                                                 \
		}                                                                                  \
		return REAL(name)(path, flags, mode);                                              \
	}

OPENS(open)
OPENS(open64)
