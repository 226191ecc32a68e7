/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of following files on disk. */
#include <event2/event.h>
#include <ftw.h>
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

#include "src/daemon/watch.h"

static struct event_base *base;
static struct watch *watch;
static unsigned changes;
static char dir[64];

static void on_change(void *arg)
{
	(void)arg;
	changes++;
	(void)event_base_loopbreak(base);
}

static void give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	(void)event_base_loopbreak(base);
}

/* Runs the loop until something changed, or for so long. */
static unsigned wait_for(unsigned ms)
{
	struct timeval tv = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};
	struct event *end = evtimer_new(base, give_up, NULL);
	unsigned before = changes;

	(void)evtimer_add(end, &tv);
	(void)event_base_dispatch(base);
	event_free(end);
	return changes - before;
}

static const char *path(char buf[128], const char *name)
{
	(void)snprintf(buf, 128, "%.60s/%.60s", dir, name);
	return buf;
}

static void put(const char *name, const char *text)
{
	char buf[128] = "";
	FILE *f = fopen(path(buf, name), "w");

	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/mz-watch-XXXXXX");
	base = event_base_new();
	return mkdtemp(dir) == NULL || watch_new(&watch, base, 3600, on_change, NULL) != 0 ? -1 : 0;
}

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(name);
}

static int teardown(void **state)
{
	(void)state;
	watch_free(watch);
	event_base_free(base);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void follow(const char *name)
{
	char buf[128] = "";
	const char *paths[] = {path(buf, name)};

	assert_int_equal(watch_set(watch, paths, 1), 0);
}

static void rewritten_and_renamed(void **state)
{
	char from[128] = "", to[128] = "";

	(void)state;
	put("cert.pem", "one");
	follow("cert.pem");
	put("cert.pem", "other");
	assert_int_equal(wait_for(5000), 1);
	put("new", "third");
	assert_int_equal(rename(path(from, "new"), path(to, "cert.pem")), 0);
	assert_int_equal(wait_for(5000), 1);
	assert_int_equal(unlink(to), 0);
	assert_int_equal(wait_for(5000), 1);
	put("cert.pem", "fourth");
	assert_int_equal(wait_for(5000), 1);
}

/* A neighbour that changes is nobody's business. */
static void neighbours(void **state)
{
	(void)state;
	put("cert.pem", "one");
	follow("cert.pem");
	put("other.pem", "one");
	assert_int_equal(wait_for(500), 0);
}

/* As certbot lays them: live/cert.pem -> ../archive/cert1.pem, then -> ../archive/cert2.pem. */
static void symlinks(void **state)
{
	char live[128] = "", archive[128] = "", link[128] = "", fresh[128] = "";

	(void)state;
	assert_int_equal(mkdir(path(live, "live"), 0700), 0);
	assert_int_equal(mkdir(path(archive, "archive"), 0700), 0);
	put("archive/cert1.pem", "one");
	assert_int_equal(symlink("../archive/cert1.pem", path(link, "live/cert.pem")), 0);
	follow("live/cert.pem");
	put("archive/cert1.pem", "changed in place");
	assert_int_equal(wait_for(5000), 1);
	put("archive/cert2.pem", "two");
	assert_int_equal(symlink("../archive/cert2.pem", path(fresh, "live/fresh")), 0);
	assert_int_equal(rename(fresh, link), 0);
	assert_int_equal(wait_for(5000), 1);
}

static void folders(void **state)
{
	char buf[128] = "";

	(void)state;
	assert_int_equal(mkdir(path(buf, "domains.d"), 0700), 0);
	follow("domains.d");
	put("domains.d/one.conf", "domains = ();");
	assert_int_equal(wait_for(5000), 1);
	put("domains.d/one.conf", "domains = ( );");
	assert_int_equal(wait_for(5000), 1);
	assert_int_equal(unlink(path(buf, "domains.d/one.conf")), 0);
	assert_int_equal(wait_for(5000), 1);
}

/* A burst is one change. */
static void bursts(void **state)
{
	(void)state;
	put("cert.pem", "one");
	follow("cert.pem");
	for (int i = 0; i < 50; i++)
		put("cert.pem", i % 2 == 0 ? "two" : "three and more");
	assert_int_equal(wait_for(5000), 1);
	assert_int_equal(wait_for(500), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rewritten_and_renamed, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours, setup, teardown),
		cmocka_unit_test_setup_teardown(symlinks, setup, teardown),
		cmocka_unit_test_setup_teardown(folders, setup, teardown),
		cmocka_unit_test_setup_teardown(bursts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
