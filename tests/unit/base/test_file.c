/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of reading, atomic writing and making of folders. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
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

#include "mailzone/base.h"

static char folder[] = "/tmp/test_file.XXXXXX";
static char path_buf[PATH_MAX];

/* A path in the test's own folder; good until the next call. */
static const char *in(const char *name)
{
	(void)snprintf(path_buf, sizeof(path_buf), "%s/%s", folder, name);
	return path_buf;
}

static int make_folder(void **state)
{
	(void)state;
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static unsigned entries(void)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2; /* . and .. */
}

static void expect(const char *name, size_t max, const char *content)
{
	struct mz_cause cause = {{0}};
	uint8_t *octets = NULL;
	size_t len = 0;

	assert_int_equal(mz_file_read(in(name), max, &octets, &len, &cause), MZ_OK);
	assert_int_equal(len, strlen(content));
	assert_string_equal((char *)octets, content);
	free(octets);
}

static void expect_error(const char *path, size_t max, int err, const char *text)
{
	struct mz_cause cause = {{0}};
	uint8_t *octets = (uint8_t *)"x";
	size_t len = 1;

	assert_int_equal(mz_file_read(path, max, &octets, &len, &cause), err);
	assert_null(octets);
	assert_int_equal(len, 0);
	assert_non_null(strstr(cause.text, text));
	assert_int_equal(mz_file_read(path, max, &octets, &len, NULL), err);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	assert_int_equal(mz_file_write_atomic(in("a"), "hello", 5, 0600, NULL), MZ_OK);
	expect("a", 5, "hello");
	assert_int_equal(mz_file_write_atomic(in("a"), "other", 5, 0600, NULL), MZ_OK);
	expect("a", 100, "other");
	assert_int_equal(mz_file_write_atomic(in("a"), "", 0, 0600, NULL), MZ_OK);
	expect("a", 0, "");
	assert_int_equal(entries(), 1);
}

static void large_files(void **state)
{
	char *big = malloc(300001);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 300000);
	big[300000] = '\0';
	assert_int_equal(mz_file_write_atomic(in("big"), big, 300000, 0600, NULL), MZ_OK);
	expect("big", 300000, big);
	expect_error(in("big"), 299999, MZ_ESPACE, "the limit is 299999");
	free(big);
}

/* /proc tells no size before the reading. */
static void files_without_a_size(void **state)
{
	uint8_t *octets = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(mz_file_read("/proc/self/stat", 65536, &octets, &len, NULL), MZ_OK);
	assert_true(len > 10 && octets[len] == '\0');
	free(octets);
	expect_error("/proc/self/stat", 10, MZ_ESPACE, "larger than 10 octets");
}

static void faults_name_the_path(void **state)
{
	(void)state;
	expect_error(in("none"), 10, MZ_ENOTFOUND, "/none: No such file");
	expect_error(folder, 10, MZ_EINVAL, "is not a regular file");
	expect_error("/dev/null", 10, MZ_EINVAL, "is not a regular file");
	assert_int_equal(mkfifo(in("pipe"), 0600), 0);
	expect_error(in("pipe"), 10, MZ_EINVAL, "is not a regular file"); /* and does not wait */
}

static void secrets_are_closed_to_others(void **state)
{
	struct mz_cause cause = {{0}};
	uint8_t *octets = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(mz_file_write_atomic(in("key"), "secret", 6, 0640, NULL), MZ_OK);
	assert_int_equal(mz_file_read_secret(in("key"), 10, &octets, &len, &cause), MZ_OK);
	free(octets);
	for (unsigned bit = 1; bit <= 4; bit *= 2) {
		assert_int_equal(chmod(in("key"), 0600 | bit), 0);
		assert_int_equal(mz_file_read_secret(in("key"), 10, &octets, &len, &cause),
				 MZ_EPERM);
		assert_null(octets);
		assert_non_null(strstr(cause.text, "chmod o-rwx"));
		assert_null(strstr(cause.text, "secret\n"));
	}
}

static void the_mode_is_what_was_asked(void **state)
{
	mode_t old = umask(0077);
	struct stat st = {0};

	(void)state;
	assert_int_equal(mz_file_write_atomic(in("open"), "x", 1, 0644, NULL), MZ_OK);
	umask(0);
	assert_int_equal(mz_file_write_atomic(in("closed"), "x", 1, 0600, NULL), MZ_OK);
	umask(old);
	assert_int_equal(stat(in("open"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(stat(in("closed"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_failed_write_leaves_nothing(void **state)
{
	struct mz_cause cause = {{0}};
	char name[400] = "";

	(void)state;
	assert_int_equal(mz_file_write_atomic(in("no/such"), "x", 1, 0600, &cause), MZ_ENOTFOUND);
	assert_non_null(strstr(cause.text, "/no/such"));
	assert_int_equal(mkdir(in("dir"), 0700), 0);
	assert_true(mz_file_write_atomic(in("dir"), "x", 1, 0600, &cause) <
		    0); /* the rename fails */
	assert_int_equal(entries(), 1);
	memset(name, 'n', sizeof(name) - 1);
	assert_true(mz_file_write_atomic(in(name), "x", 1, 0600, &cause) < 0);
	assert_int_equal(entries(), 1);
}

static void overlong_paths(void **state)
{
	struct mz_cause cause = {{0}};
	char *path = malloc(PATH_MAX + 10);

	(void)state;
	assert_non_null(path);
	memset(path, '/', PATH_MAX + 9);
	path[PATH_MAX + 9] = '\0';
	assert_int_equal(mz_file_write_atomic(path, "x", 1, 0600, &cause), MZ_ERANGE);
	assert_int_equal(mz_file_mkdirs(path, 0700, &cause), MZ_ERANGE);
	free(path);
}

static void folders_with_their_parents(void **state)
{
	struct mz_cause cause = {{0}};
	struct stat st = {0};

	(void)state;
	assert_int_equal(mz_file_mkdirs(in("x//y/z/"), 0700, &cause), MZ_OK);
	assert_int_equal(mz_file_mkdirs(in("x/y/z"), 0755, &cause), MZ_OK);
	assert_int_equal(stat(in("x/y/z"), &st), 0);
	assert_true(S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700);
	assert_int_equal(mz_file_mkdirs("/", 0700, &cause), MZ_OK);
	assert_int_equal(mz_file_mkdirs("", 0700, &cause), MZ_EINVAL);
	assert_int_equal(mz_file_write_atomic(in("file"), "x", 1, 0600, NULL), MZ_OK);
	assert_int_equal(mz_file_mkdirs(in("file"), 0700, &cause), MZ_EINVAL);
	assert_int_equal(mz_file_mkdirs(in("file/below"), 0700, &cause), MZ_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(large_files, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(files_without_a_size, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(faults_name_the_path, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(secrets_are_closed_to_others, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(the_mode_is_what_was_asked, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_failed_write_leaves_nothing, make_folder,
						remove_folder),
		cmocka_unit_test(overlong_paths),
		cmocka_unit_test_setup_teardown(folders_with_their_parents, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
