/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of the listening end share: a server with handlers of its own, and clients that speak by hand. */
#ifndef TESTS_UNIT_CTL_SERVER_H
#define TESTS_UNIT_CTL_SERVER_H

#include "tests/unit/ctl/rig.h"

#include <errno.h>
#include <poll.h>

#define HELLO "{\"mailzone\": 1, \"command\": \"hello\", \"arguments\": {\"n\": 7}}\n"
#define PATIENT_MS 10000 /* longer than any test */

/* ---- the server's side --------------------------------------------------------------------- */

static inline void answer(void *arg, struct mz_ctl_request *request, const char *command,
			  const json_t *arguments)
{
	struct rig *rig = arg;
	json_int_t n = json_integer_value(json_object_get(arguments, "n"));

	rig->calls++;
	mz_ctl_output(request, command);
	mz_ctl_error(request, "n is %d", (int)n);
	mz_ctl_end(request, 3);
}

static inline void on_gone(void *arg)
{
	struct rig *rig = arg;

	rig->gone++;
}

static inline void hold(void *arg, struct mz_ctl_request *request, const char *command,
			const json_t *arguments)
{
	struct rig *rig = arg;

	(void)command;
	(void)arguments;
	rig->calls++;
	assert_true(rig->held_count < RIG_HELD);
	rig->held[rig->held_count++] = request;
	mz_ctl_on_gone(request, on_gone, rig);
}

static inline void start_limited(struct rig *rig, mz_ctl_handler handler, unsigned requests,
				 unsigned request_ms, size_t output)
{
	struct ctl_limits limits = {.requests = requests,
				    .request_ms = request_ms,
				    .pause_ms = 50,
				    .output = output};
	int err = ctl_open_limited(&rig->ctl, rig->base, rig->path, (gid_t)-1, handler, rig,
				   &limits, &rig->cause);

	assert_string_equal(rig->cause.text, "");
	assert_int_equal(err, MZ_OK);
}

static inline void start(struct rig *rig, mz_ctl_handler handler)
{
	start_limited(rig, handler, 64, PATIENT_MS, (size_t)16 << 20);
}

static inline void settle(struct rig *rig)
{
	int i = 0;

	for (i = 0; i < 20; i++)
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

/* ---- the client's side --------------------------------------------------------------------- */

/* Sends all of it; the server has its turns where the socket is full. */
static inline void say_n(struct rig *rig, int fd, const char *octets, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, octets, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			event_base_loop(rig->base, EVLOOP_NONBLOCK);
			continue;
		}
		if (n < 0)
			return; /* the server has heard enough */
		octets += n;
		len -= (size_t)n;
	}
}

static inline void say(struct rig *rig, int fd, const char *text)
{
	say_n(rig, fd, text, strlen(text));
}

/* Reads to the end of the connection. */
static inline void hear(struct rig *rig, int fd, struct mz_str *heard)
{
	uint64_t end = mz_clock_mono_ms() + PATIENT_MS;
	char chunk[4096] = "";
	ssize_t n = -1;

	mz_str_reset(heard);
	while (n != 0 && mz_clock_mono_ms() < end) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		n = recv(fd, chunk, sizeof chunk, 0);
		if (n > 0) {
			mz_str_addn(heard, chunk, (size_t)n);
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

			(void)poll(&poll_fd, 1, 1);
		} else if (n < 0) { /* we said more than the server wanted */
			assert_int_equal(errno, ECONNRESET);
			n = 0;
		}
	}
	assert_int_equal(n, 0);
}

static inline void check_answer(struct rig *rig, int fd, const char *text)
{
	struct mz_str heard = {0};

	hear(rig, fd, &heard);
	assert_string_equal(heard.s != NULL ? heard.s : "", text);
	mz_str_clear(&heard);
	close(fd);
}

/* The answer is one error with this text in it, and exit 1. */
static inline void check_refused(struct rig *rig, int fd, const char *said)
{
	struct mz_str heard = {0};

	hear(rig, fd, &heard);
	assert_non_null(heard.s);
	assert_memory_equal(heard.s, "{\"error\": \"", 11);
	assert_non_null(strstr(heard.s, said));
	assert_non_null(strstr(heard.s, "\"}\n{\"exit\": 1}\n"));
	mz_str_clear(&heard);
	close(fd);
}

/* A client that has said this, and was heard. */
static inline int ask(struct rig *rig, const char *text)
{
	int fd = rig_dial(rig);

	say(rig, fd, text);
	settle(rig);
	return fd;
}

static const char hello_answer[] =
	"{\"output\": \"hello\"}\n{\"error\": \"n is 7\"}\n{\"exit\": 3}\n";

/* The server still serves. */
static inline void check_serves(struct rig *rig)
{
	check_answer(rig, ask(rig, HELLO), hello_answer);
}

#endif
