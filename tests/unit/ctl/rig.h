/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the control socket share: a folder of their own, and a socket in it. */
#ifndef MZ_TEST_CTL_RIG_H
#define MZ_TEST_CTL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/ctl/internal.h"

#define RIG_HELD 8

struct rig {
	char dir[80];
	char path[96]; /* dir/control */
	struct event_base *base;
	struct mz_ctl *ctl; /* closed at the end of the test */
	struct mz_cause cause;
	struct mz_ctl_request *held[RIG_HELD]; /* what the handler kept */
	unsigned calls, held_count, gone;
};

static inline int rig_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof *rig);
	const char *tmp = getenv("TMPDIR");

	if (rig == NULL)
		return -1;
	mz_log_set_level(MZ_LOG_ERROR);
	(void)snprintf(rig->dir, sizeof rig->dir, "%.50s/mz-ctl-XXXXXX",
		       tmp == NULL ? "/tmp" : tmp);
	rig->base = event_base_new();
	if (rig->base == NULL || mkdtemp(rig->dir) == NULL) {
		free(rig);
		return -1;
	}
	(void)snprintf(rig->path, sizeof rig->path, "%s/control", rig->dir);
	*state = rig;
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *rig = *state;

	mz_ctl_close(rig->ctl);
	event_base_free(rig->base);
	(void)chmod(rig->dir, 0700);
	(void)nftw(rig->dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(rig);
	return 0;
}

static inline struct sockaddr_un rig_address(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
	return addr;
}

/* A socket that is bound to the path, and listens where `listening`. */
static inline int rig_bind(const char *path, bool listening)
{
	struct sockaddr_un addr = rig_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
	if (listening)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* A client that does nothing yet; it does not block. */
static inline int rig_dial(const struct rig *rig)
{
	struct sockaddr_un addr = rig_address(rig->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
	return fd;
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

#endif
