/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock that keeps a second process out of a state directory, and says who holds it. */
#include "src/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct mz_lock {
	int fd;
};

/* Others who may write there could exchange the files under us. */
static int check_directory(const char *directory, struct mz_cause *cause)
{
	struct stat st = {0};

	if (stat(directory, &st) != 0)
		return mz_store_errno(cause, errno, "read", directory);
	if ((st.st_mode & 0002) != 0)
		return mz_cause_set(cause, MZ_EPERM,
				    "everyone may write to the state directory %s (mode %04o): "
				    "chmod o-w %s",
				    directory, (unsigned)(st.st_mode & 07777), directory);
	return MZ_OK;
}

/* Copies one word of the holder's line; false when it is not such a word. */
static bool word(const char **p, char *out, size_t cap)
{
	size_t n = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-");

	if (n == 0 || n >= cap || ((*p)[n] != ' ' && (*p)[n] != '\n'))
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n + 1;
	return true;
}

/* "program pid start\n" of the holder. It writes its line just after it took the lock, so that
 * for a moment the line may not be there. */
static int held(int fd, const char *directory, struct mz_cause *cause)
{
	char line[128] = "", program[32] = "", pid[24] = "", since[MZ_TIME_TEXT] = "";
	const char *p = line;
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	if (n <= 0 || !word(&p, program, sizeof(program)) || !word(&p, pid, sizeof(pid)) ||
	    !word(&p, since, sizeof(since)))
		return mz_cause_set(cause, MZ_ELOCKED,
				    "state directory %s is held by another process", directory);
	return mz_cause_set(cause, MZ_ELOCKED, "state directory %s is held by %s, pid %s, since %s",
			    directory, program, pid, since);
}

static int write_holder(int fd, const char *who, const char *path, struct mz_cause *cause)
{
	char line[128] = "", when[MZ_TIME_TEXT] = "";
	int n = snprintf(line, sizeof(line), "%s %ld %s\n", who, (long)getpid(),
			 mz_clock_text(mz_clock_wall(), when));

	if (ftruncate(fd, 0) != 0 || pwrite(fd, line, (size_t)n, 0) != n)
		return mz_store_errno(cause, errno, "write", path);
	return MZ_OK;
}

static int take(struct mz_lock *lock, const char *directory, const char *path, const char *who,
		struct mz_cause *cause)
{
	/* O_NONBLOCK: a named pipe in its place must not hang us. */
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (lock->fd < 0)
		return mz_store_errno(cause, errno, "open", path);
	if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? held(lock->fd, directory, cause)
					    : mz_store_errno(cause, errno, "lock", path);
	return write_holder(lock->fd, who, path, cause);
}

int mz_lock_take(struct mz_lock **out, const char *directory, const char *who,
		 struct mz_cause *cause)
{
	struct mz_lock *lock = NULL;
	char *path = NULL;
	int err = mz_file_mkdirs(directory, 0700, cause);

	*out = NULL;
	if (err == MZ_OK)
		err = check_directory(directory, cause);
	if (err != MZ_OK)
		return err;
	if (asprintf(&path, "%s/lock", directory) < 0)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	lock = calloc(1, sizeof(*lock));
	if (lock == NULL) {
		err = mz_cause_set(cause, MZ_ENOMEM, "out of memory");
		goto done;
	}
	err = take(lock, directory, path, who, cause);
	if (err == MZ_OK) {
		*out = lock;
		lock = NULL;
	}
done:
	if (lock != NULL && lock->fd >= 0)
		(void)close(lock->fd);
	free(lock);
	free(path);
	return err;
}

void mz_lock_release(struct mz_lock *lock)
{
	if (lock == NULL)
		return;
	/* A child that was forked meanwhile may still have the file open: closing is not enough. */
	(void)flock(lock->fd, LOCK_UN);
	(void)close(lock->fd);
	free(lock);
}
