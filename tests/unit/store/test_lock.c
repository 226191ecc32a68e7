/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the lock of the state directory. */
#include "tests/unit/store/scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

static void taken_twice(void **state)
{
	struct scratch *s = *state;
	struct mz_lock *first = NULL, *second = NULL;
	char start[256] = "";

	assert_int_equal(mz_lock_take(&first, s->dir, "mailzoned", &s->cause), MZ_OK);
	assert_int_equal(mz_lock_take(&second, s->dir, "mailzone", &s->cause), MZ_ELOCKED);
	assert_null(second);
	snprintf(start, sizeof(start), "state directory %s is held by mailzoned, pid %ld, since 2",
		 s->dir, (long)getpid());
	assert_memory_equal(s->cause.text, start, strlen(start));
	assert_int_equal(s->cause.text[strlen(s->cause.text) - 1], 'Z');
	mz_lock_release(first);
	assert_int_equal(mz_lock_take(&second, s->dir, "mailzone", &s->cause), MZ_OK);
	mz_lock_release(second);
	mz_lock_release(NULL);
}

static void killed_holder(void **state)
{
	struct scratch *s = *state;
	struct mz_lock *lock = NULL;
	int ready[2] = {-1, -1}, status = 0;
	char octet = 0, pid[32] = "";
	pid_t child = -1;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		octet = mz_lock_take(&lock, s->dir, "mailzone", NULL) == MZ_OK ? 'y' : 'n';
		(void)!write(ready[1], &octet, 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	assert_int_equal(octet, 'y');
	assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_ELOCKED);
	snprintf(pid, sizeof(pid), "pid %ld,", (long)child);
	assert_non_null(strstr(s->cause.text, pid));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_OK);
	mz_lock_release(lock);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* A released lock is free although a forked child still has the file open. */
static void forked_child(void **state)
{
	struct scratch *s = *state;
	struct mz_lock *lock = NULL;
	pid_t child = -1;

	assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_OK);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (;;)
			(void)pause();
	}
	mz_lock_release(lock);
	lock = NULL;
	assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_OK);
	mz_lock_release(lock);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void unknown_holder(void **state)
{
	static const char *const lines[] = {"", "mailzone", "mailzone 12", "a b c d\n e",
					    "\x1b[2J 1 2\n"};
	struct scratch *s = *state;
	char path[160] = "";

	snprintf(path, sizeof(path), "%s/lock", s->dir);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct mz_lock *lock = NULL;
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
		assert_int_equal(write(fd, lines[i], strlen(lines[i])), strlen(lines[i]));
		assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_ELOCKED);
		if (i != 3) {
			assert_non_null(strstr(s->cause.text, "is held by another process"));
			assert_null(strchr(s->cause.text, '\x1b'));
		}
		(void)close(fd);
	}
}

static void made_with_parents(void **state)
{
	struct scratch *s = *state;
	struct mz_lock *lock = NULL;
	char dir[160] = "", path[180] = "";
	struct stat st = {0};

	snprintf(dir, sizeof(dir), "%s/a/b", s->dir);
	snprintf(path, sizeof(path), "%s/lock", dir);
	assert_int_equal(mz_lock_take(&lock, dir, "mailzone", &s->cause), MZ_OK);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	mz_lock_release(lock);
}

static void open_to_everyone(void **state)
{
	struct scratch *s = *state;
	struct mz_lock *lock = NULL;

	assert_int_equal(chmod(s->dir, 0777), 0);
	assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_EPERM);
	assert_non_null(strstr(s->cause.text, "(mode 0777): chmod o-w "));
	assert_null(lock);
	assert_int_equal(chmod(s->dir, 0770), 0);
	assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_OK);
	mz_lock_release(lock);
}

static void not_a_directory(void **state)
{
	struct scratch *s = *state;
	struct mz_lock *lock = NULL;
	char path[160] = "";
	FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/file", s->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fclose(f);
	assert_true(mz_lock_take(&lock, path, "mailzone", &s->cause) < 0);
	assert_non_null(strstr(s->cause.text, path));
	snprintf(path, sizeof(path), "%s/lock", s->dir);
	assert_int_equal(symlink("/nowhere/else", path), 0);
	assert_true(mz_lock_take(&lock, s->dir, "mailzone", &s->cause) < 0);
	assert_null(lock);
}

static void closed_on_exec(void **state)
{
	struct scratch *s = *state;
	struct mz_lock *lock = NULL;
	unsigned seen = 0;

	assert_int_equal(mz_lock_take(&lock, s->dir, "mailzone", &s->cause), MZ_OK);
	for (int fd = 3; fd < 64; fd++) {
		char link[64] = "", path[256] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, path, sizeof(path) - 1) < 0 || strstr(path, s->dir) == NULL)
			continue;
		seen++;
		assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	}
	assert_int_equal(seen, 1);
	mz_lock_release(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(taken_twice),	 SCRATCH_TEST(killed_holder),
		SCRATCH_TEST(forked_child),	 SCRATCH_TEST(unknown_holder),
		SCRATCH_TEST(made_with_parents), SCRATCH_TEST(open_to_everyone),
		SCRATCH_TEST(not_a_directory),	 SCRATCH_TEST(closed_on_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
