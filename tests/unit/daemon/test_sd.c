/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what systemd is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/daemon/sd.h"

/* A socket in the abstract namespace, which leaves nothing behind. */
static int listen_at(char name[64])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)snprintf(name, 64, "@mz-sd-%ld", (long)getpid());
	memcpy(at.sun_path, name, strlen(name));
	at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	return fd;
}

static void notified(void **state)
{
	char name[64] = "", got[256] = "";
	int fd = listen_at(name);

	(void)state;
	(void)unsetenv("NOTIFY_SOCKET");
	sd_notify_state("READY=1");
	assert_true(recv(fd, got, sizeof(got), 0) < 0);
	(void)setenv("NOTIFY_SOCKET", name, 1);
	sd_notify_state("READY=1\nSTATUS=%d domains", 7);
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, "READY=1\nSTATUS=7 domains");
	(void)setenv("NOTIFY_SOCKET", "relative/path", 1);
	sd_notify_state("READY=1");
	(void)close(fd);
}

static void watchdog(void **state)
{
	char pid[24] = "";

	(void)state;
	(void)unsetenv("WATCHDOG_USEC");
	assert_int_equal(sd_watchdog_usec(), 0);
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	(void)unsetenv("WATCHDOG_PID");
	assert_int_equal(sd_watchdog_usec(), 30000000);
	(void)setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(sd_watchdog_usec(), 0);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	(void)setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(sd_watchdog_usec(), 30000000);
	(void)setenv("WATCHDOG_USEC", "30s", 1);
	assert_int_equal(sd_watchdog_usec(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(notified), cmocka_unit_test(watchdog)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
