/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of following files: every way in which one becomes another, bursts, and without inotify. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "mailzone/base.h"
#include "src/daemon/watch.h"

#define SOON 300u  /* ms in which a change is told */
#define LATE 5000u /* ms after which it will not be */

int __real_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_init1(int flags);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);

static bool no_inotify, no_watches;
static struct event_base *base;
static struct watch *watch;
static char root[64];
static unsigned calls;
static unsigned size; /* no two contents have the same one */

int __wrap_inotify_init1(int flags)
{
	if (!no_inotify)
		return __real_inotify_init1(flags);
	errno = EMFILE;
	return -1;
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	if (!no_watches)
		return __real_inotify_add_watch(fd, path, mask);
	errno = ENOSPC;
	return -1;
}

static void changed(void *arg)
{
	assert_ptr_equal(arg, &calls);
	calls++;
}

/* ---- the folder --------------------------------------------------------------------------------
 */

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, 256, "%s/%s", root, name);
	return path;
}

static void put(const char *name)
{
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	(void)fprintf(file, "%*u", (int)++size, 0u);
	assert_int_equal(fclose(file), 0);
}

static void make(const char *name)
{
	assert_int_equal(mkdir(at(name), 0700), 0);
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(at(from), at(to)), 0);
}

/* As ln -sfn does it. */
static void point(const char *name, const char *target)
{
	assert_int_equal(symlink(target, at("link.tmp")), 0);
	move("link.tmp", name);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	calls = 0;
	no_inotify = no_watches = false;
	mz_log_set_level(MZ_LOG_ERROR);
	(void)snprintf(root, sizeof(root), "/tmp/mailzone-watch-XXXXXX");
	assert_non_null(mkdtemp(root));
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(watch_new(&watch, base, 0, changed, &calls), MZ_OK);
	return 0;
}

static void watch_names(const char *a, const char *b)
{
	const char *paths[2] = {at(a), b != NULL ? at(b) : NULL};

	assert_int_equal(watch_set(watch, paths, b != NULL ? 2 : 1), MZ_OK);
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static void run(unsigned ms)
{
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	assert_int_equal(event_base_loopexit(base, &tv), 0);
	event_base_dispatch(base);
}

/* Told once; that there is no second time is seen at the end of the test. */
static void assert_told(void)
{
	uint64_t end = mz_clock_mono_ms() + LATE;

	while (calls == 0 && mz_clock_mono_ms() < end)
		run(10);
	assert_int_equal(calls, 1);
	calls = 0;
}

static void assert_quiet(void)
{
	run(SOON);
	assert_int_equal(calls, 0);
}

static int teardown(void **state)
{
	(void)state;
	assert_quiet();
	watch_free(watch);
	event_base_free(base);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static void a_file(void **state)
{
	(void)state;
	put("file");
	watch_names("file", NULL);
	assert_quiet();
	put("file");
	assert_told();
	put("new");
	assert_quiet(); /* another name in the same folder */
	move("new", "file");
	assert_told();
	assert_int_equal(unlink(at("file")), 0);
	assert_told();
	put("file");
	assert_told();
	assert_int_equal(chmod(at("file"), 0400), 0);
	assert_told();
	move("file", "away");
	move("away", "file");
	assert_quiet();
}

/* What was read in between may be what it was not before and is not after. */
static void there_and_back(void **state)
{
	(void)state;
	put("file");
	watch_names("file", NULL);
	move("file", "away");
	watch_names("file", NULL);
	move("away", "file");
	assert_told();
	watch_doubt(watch);
	move("file", "away");
	move("away", "file");
	assert_told();
}

static void times(void **state)
{
	struct timespec old[2] = {{1000000000, 0}, {1000000000, 1}};

	(void)state;
	put("file");
	watch_names("file", NULL);
	assert_int_equal(utimensat(AT_FDCWD, at("file"), old, 0), 0);
	assert_told();
	old[1].tv_nsec = 2;
	assert_int_equal(utimensat(AT_FDCWD, at("file"), old, 0), 0);
	assert_told();
}

static void nothing_there_yet(void **state)
{
	(void)state;
	watch_names("a/b/c/file", NULL);
	make("a");
	assert_quiet();
	make("a/b");
	make("a/b/c");
	assert_quiet();
	put("a/b/c/file");
	assert_told();
	move("a", "z");
	assert_told();
	make("a");
	assert_quiet();
	move("z/b", "a/b");
	assert_told();
	/* all at once: the folders are found after they were filled */
	move("a", "z2");
	assert_told();
	make("a");
	make("a/b");
	make("a/b/c");
	put("a/b/c/file");
	assert_told();
	put("a/b/c/file");
	assert_told();
}

/* ---- links -------------------------------------------------------------------------------------
 */

static void certbot(void **state)
{
	(void)state;
	make("live");
	make("live/x");
	make("archive");
	make("archive/x");
	put("archive/x/fullchain1.pem");
	point("live/x/fullchain.pem", "../../archive/x/fullchain1.pem");
	watch_names("live/x/fullchain.pem", NULL);
	put("archive/x/fullchain2.pem");
	assert_quiet();
	point("live/x/fullchain.pem", "../../archive/x/fullchain2.pem");
	assert_told();
	/* what the link leads to is followed, and what it led to is not */
	put("archive/x/fullchain2.pem");
	assert_told();
	put("archive/x/fullchain1.pem");
	assert_quiet();
}

/* The folder on the way is the link, as projected volumes have it. */
static void folder_link(void **state)
{
	(void)state;
	make("one");
	make("two");
	put("one/key");
	put("two/key");
	point("now", "one");
	point("key", at("now/key"));
	watch_names("key", NULL);
	point("now", "two");
	assert_told();
	put("two/key");
	assert_told();
	put("one/key");
	assert_quiet();
	point("now", "nowhere");
	assert_told();
	move("one", "nowhere");
	assert_told();
}

static void endless_links(void **state)
{
	(void)state;
	point("a", "b");
	point("b", "a");
	watch_names("a", NULL);
	assert_quiet();
	put("c");
	point("b", "c");
	assert_told();
}

/* ---- folders -----------------------------------------------------------------------------------
 */

static void a_folder(void **state)
{
	(void)state;
	make("conf.d");
	put("conf.d/a.conf");
	watch_names("conf.d", NULL);
	assert_quiet();
	put("conf.d/b.conf");
	assert_told();
	put("conf.d/a.conf");
	assert_told();
	move("conf.d/a.conf", "conf.d/c.conf");
	assert_told();
	assert_int_equal(unlink(at("conf.d/b.conf")), 0);
	assert_told();
	put("conf.d/.b.conf.swp");
	put("conf.d/tmp");
	assert_int_equal(unlink(at("conf.d/tmp")), 0);
	assert_quiet(); /* came and went */
	move("conf.d", "old.d");
	assert_told();
	make("conf.d");
	assert_told();
}

static void links_in_a_folder(void **state)
{
	(void)state;
	make("enabled");
	make("available");
	put("available/a");
	watch_names("enabled", NULL);
	point("enabled/a", "../available/a");
	assert_told();
	put("available/a");
	assert_told();
	assert_int_equal(unlink(at("available/a")), 0);
	assert_told();
}

/* ---- bursts ------------------------------------------------------------------------------------
 */

static void one_burst(void **state)
{
	(void)state;
	put("a");
	put("b");
	watch_names("a", "b");
	for (int i = 0; i < 20; i++) {
		put("a");
		put("b");
		run(20);
	}
	assert_int_equal(calls, 0);
	assert_told();
}

static void long_burst(void **state)
{
	uint64_t begin = mz_clock_mono_ms();

	(void)state;
	put("a");
	watch_names("a", NULL);
	while (calls == 0 && mz_clock_mono_ms() < begin + LATE) {
		put("a");
		run(50);
	}
	assert_int_equal(calls, 1);
	assert_in_range(mz_clock_mono_ms() - begin, 1900, 2900);
	run(SOON);
	calls = 0;
}

/* ---- the set -----------------------------------------------------------------------------------
 */

static void other_set(void **state)
{
	(void)state;
	put("a");
	put("b");
	watch_names("a", NULL);
	watch_names("b", NULL);
	put("a");
	assert_quiet();
	put("b");
	assert_told();
	/* a change that was not told yet is none the less one */
	put("b");
	watch_names("a", "b");
	assert_told();
	assert_int_equal(watch_set(watch, NULL, 0), MZ_OK);
	put("a");
	put("b");
	assert_quiet();
	watch_free(NULL);
}

static void relative(void **state)
{
	const char *paths[] = {"./a//b/../file"};
	char before[PATH_MAX] = "";

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(root), 0);
	make("a");
	make("a/b");
	assert_int_equal(watch_set(watch, paths, 1), MZ_OK);
	put("a/file");
	assert_told();
	assert_int_equal(chdir(before), 0);
}

static void free_inside(void *arg)
{
	calls++;
	watch_free(watch);
	watch = NULL;
	event_base_loopbreak(arg);
}

static void freed_by_changed(void **state)
{
	const char *path = at("file");

	(void)state;
	watch_free(watch);
	assert_int_equal(watch_new(&watch, base, 1, free_inside, base), MZ_OK);
	assert_int_equal(watch_set(watch, &path, 1), MZ_OK);
	put("file");
	run(LATE);
	assert_int_equal(calls, 1);
	assert_null(watch);
	calls = 0;
}

/* ---- without inotify ---------------------------------------------------------------------------
 */

static void by_looking(void)
{
	watch_free(watch);
	assert_int_equal(watch_new(&watch, base, 1, changed, &calls), MZ_OK);
	put("file");
	watch_names("file", "missing");
	run(1200);
	assert_int_equal(calls, 0);
	put("file");
	assert_told();
	put("missing");
	assert_told();
}

static void without_inotify(void **state)
{
	(void)state;
	no_inotify = true;
	by_looking();
}

static void without_watches(void **state)
{
	(void)state;
	no_watches = true;
	by_looking();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file),
		TEST(there_and_back),
		TEST(times),
		TEST(nothing_there_yet),
		TEST(certbot),
		TEST(folder_link),
		TEST(endless_links),
		TEST(a_folder),
		TEST(links_in_a_folder),
		TEST(one_burst),
		TEST(long_burst),
		TEST(other_set),
		TEST(relative),
		TEST(freed_by_changed),
		TEST(without_inotify),
		TEST(without_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
