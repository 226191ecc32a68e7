/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of opening: modes, readers without a lock, folders that cannot be written to. */
#include "tests/unit/store/scratch.h"

#include <signal.h>
#include <sys/wait.h>

static int put(struct mz_store *store, uint32_t serial)
{
	const struct mz_store_zone zone = {.serial = serial};

	return mz_store_zone_put(store, "p", "o", "d", &zone);
}

static unsigned mode_of(const char *path, const char *suffix)
{
	char whole[256] = "";
	struct stat st = {0};

	snprintf(whole, sizeof(whole), "%s%s", path, suffix);
	return stat(whole, &st) == 0 ? (unsigned)(st.st_mode & 07777) : 0;
}

static void modes(void **state)
{
	struct scratch *s = *state;
	mode_t before = umask(0);

	scratch_open(s);
	assert_int_equal(put(s->store, 1), MZ_OK);
	scratch_commit(s);
	(void)umask(before);
	assert_int_equal(mode_of(s->path, ""), 0600);
	assert_int_equal(mode_of(s->path, "-wal"), 0600);
	assert_int_equal(mode_of(s->path, "-shm"), 0600);
	mz_store_close(s->store);
	s->store = NULL;
	assert_int_equal(mode_of(s->path, "-wal"), 0);
	assert_int_equal(mode_of(s->path, "-shm"), 0);
}

static void nothing_there(void **state)
{
	struct scratch *s = *state;
	char missing[160] = "";
	FILE *f = NULL;

	snprintf(missing, sizeof(missing), "%s/none", s->dir);
	assert_int_equal(mz_store_open_readonly(&s->store, missing, &s->cause), MZ_ENOTFOUND);
	assert_int_equal(mz_store_open_readonly(&s->store, s->dir, &s->cause), MZ_ENOTFOUND);
	assert_int_equal(mode_of(s->path, ""), 0);
	assert_int_equal(mz_store_open(&s->store, missing, &s->cause), MZ_ENOTFOUND);
	assert_non_null(strstr(s->cause.text, missing));
	f = fopen(s->path, "w");
	assert_non_null(f);
	(void)fclose(f);
	assert_int_equal(mz_store_open_readonly(&s->store, s->dir, &s->cause), MZ_ENOTFOUND);
	assert_null(s->store);
}

/* Reads the serial without a lock: the serial, or an error code. */
static int read_serial(const char *dir, struct mz_cause *cause)
{
	struct mz_store *store = NULL;
	struct mz_store_zone zone = {0};
	int err = mz_store_open_readonly(&store, dir, cause);

	if (err == MZ_OK)
		err = mz_store_zone_get(store, "p", "o", "d", &zone);
	mz_store_close(store);
	return err == MZ_OK ? (int)zone.serial : err;
}

static void while_written(void **state)
{
	struct scratch *s = *state;

	scratch_open(s);
	assert_int_equal(put(s->store, 1), MZ_OK);
	scratch_commit(s);
	assert_int_equal(read_serial(s->dir, &s->cause), 1);
	assert_int_equal(put(s->store, 2), MZ_OK);
	assert_int_equal(read_serial(s->dir, &s->cause), 1);
	scratch_commit(s);
	assert_int_equal(read_serial(s->dir, &s->cause), 2);
	assert_int_equal(mz_store_commit(s->store, NULL), MZ_OK);
}

/* Runs read_serial in a process that cannot write to the directory (root can, always). */
static int read_unprivileged(struct scratch *s, unsigned dir_mode, char text[512])
{
	int result[2] = {-1, -1}, serial = 0, status = 0;
	pid_t child = -1;

	assert_int_equal(pipe(result), 0);
	assert_int_equal(chmod(s->dir, dir_mode), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct mz_cause cause = {{0}};

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		serial = read_serial(s->dir, &cause);
		(void)!write(result[1], &serial, sizeof(serial));
		(void)!write(result[1], cause.text, sizeof(cause.text));
		_exit(0);
	}
	(void)close(result[1]);
	assert_int_equal(read(result[0], &serial, sizeof(serial)), sizeof(serial));
	assert_int_equal(read(result[0], text, 512), 512);
	(void)close(result[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return serial;
}

static void made_readable(const char *path)
{
	char whole[256] = "";

	assert_int_equal(chmod(path, 0444), 0);
	snprintf(whole, sizeof(whole), "%s-wal", path);
	(void)chmod(whole, 0444);
	snprintf(whole, sizeof(whole), "%s-shm", path);
	(void)chmod(whole, 0444);
}

/* A process that wrote 7 and has the database open; a forked child of one that has it open would
 * share its memory. */
static pid_t start_writer(struct scratch *s)
{
	int ready[2] = {-1, -1};
	char octet = 0;
	pid_t child = -1;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (mz_store_open(&s->store, s->dir, NULL) == MZ_OK && put(s->store, 7) == MZ_OK &&
		    mz_store_commit(s->store, NULL) == MZ_OK)
			(void)!write(ready[1], "y", 1);
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	(void)close(ready[0]);
	return child;
}

static void directory_not_writable(void **state)
{
	struct scratch *s = *state;
	char text[512] = "", shm[180] = "";
	pid_t writer = start_writer(s);

	snprintf(shm, sizeof(shm), "%s-shm", s->path);
	/* a writer is there, and its shared memory can be read */
	made_readable(s->path);
	assert_int_equal(read_unprivileged(s, 0555, text), 7);
	assert_int_equal(kill(writer, SIGKILL), 0);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	assert_int_equal(read_unprivileged(s, 0555, text), 7);
	/* a log with changes, and nothing to share it by: an error that says so */
	assert_int_equal(chmod(s->dir, 0700), 0);
	assert_int_equal(unlink(shm), 0);
	assert_true(read_unprivileged(s, 0555, text) < 0);
	assert_non_null(strstr(text, "-wal is read only by those who may write to the directory"));
	/* the last writer ended well: the file is complete by itself */
	assert_int_equal(chmod(s->dir, 0700), 0);
	assert_int_equal(chmod(s->path, 0644), 0);
	scratch_open(s);
	mz_store_close(s->store);
	s->store = NULL;
	assert_int_equal(mode_of(s->path, "-wal"), 0);
	assert_int_equal(read_unprivileged(s, 0555, text), 7);
	assert_int_equal(mode_of(s->path, "-shm"), 0);
}

static void file_not_readable(void **state)
{
	struct scratch *s = *state;
	char text[512] = "";

	scratch_open(s);
	mz_store_close(s->store);
	s->store = NULL;
	assert_int_equal(chmod(s->path, 0), 0);
	assert_int_equal(read_unprivileged(s, 0555, text), MZ_EPERM);
	assert_non_null(strstr(text, s->path));
	if (geteuid() == 0) { /* the directory of somebody else */
		assert_int_equal(read_unprivileged(s, 0700, text), MZ_EPERM);
		assert_non_null(strstr(text, "Permission denied: run as the owner"));
	}
}

/* A path with the characters that mean something in a URI is read as it stands. */
static void odd_path(void **state)
{
	struct scratch *s = *state;
	char text[512] = "", odd[120] = "";

	snprintf(odd, sizeof(odd), "%.100s/a?b%%20#c", s->dir);
	assert_int_equal(mkdir(odd, 0700), 0);
	assert_int_equal(chmod(s->dir, 0755), 0);
	snprintf(s->dir, sizeof(s->dir), "%s", odd);
	snprintf(s->path, sizeof(s->path), "%s/state.db", s->dir);
	scratch_open(s);
	assert_int_equal(put(s->store, 5), MZ_OK);
	mz_store_close(s->store);
	s->store = NULL;
	assert_int_equal(mode_of(s->path, ""), 0600);
	made_readable(s->path);
	assert_int_equal(read_unprivileged(s, 0555, text), 5);
	/* leave the outer directory for the clean-up */
	assert_int_equal(chmod(s->dir, 0700), 0);
	*strrchr(s->dir, '/') = '\0';
}

static void writer_not_permitted(void **state)
{
	struct scratch *s = *state;
	int status = 0;
	pid_t child = -1;

	scratch_open(s);
	mz_store_close(s->store);
	s->store = NULL;
	assert_int_equal(chmod(s->path, 0444), 0);
	assert_int_equal(chmod(s->dir, 0755), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		if (mz_store_open(&s->store, s->dir, &s->cause) != MZ_EPERM)
			_exit(2);
		_exit(strstr(s->cause.text, "may not write ") == NULL ? 3 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(modes),
		SCRATCH_TEST(nothing_there),
		SCRATCH_TEST(while_written),
		SCRATCH_TEST(directory_not_writable),
		SCRATCH_TEST(file_not_readable),
		SCRATCH_TEST(odd_path),
		SCRATCH_TEST(writer_not_permitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
