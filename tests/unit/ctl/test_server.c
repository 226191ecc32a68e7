/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the listening end: requests, answers, clients that are slow, hostile or gone. */
#include "tests/unit/ctl/rig.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define HELLO "{\"mailzone\": 1, \"command\": \"hello\", \"arguments\": {\"n\": 7}}\n"
#define PATIENT_MS 10000 /* longer than any test */

/* accept4 as if no file descriptor were left. */
static bool no_files;
static unsigned accepts;

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __real_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	accepts++;
	if (no_files) {
		errno = EMFILE;
		return -1;
	}
	return __real_accept4(fd, addr, len, flags);
}

/* ---- the server's side --------------------------------------------------------------------- */

static void answer(void *arg, struct mz_ctl_request *request, const char *command,
		   const json_t *arguments)
{
	struct rig *rig = arg;
	json_int_t n = json_integer_value(json_object_get(arguments, "n"));

	rig->calls++;
	mz_ctl_output(request, command);
	mz_ctl_error(request, "n is %d", (int)n);
	mz_ctl_end(request, 3);
}

static void on_gone(void *arg)
{
	struct rig *rig = arg;

	rig->gone++;
}

static void hold(void *arg, struct mz_ctl_request *request, const char *command,
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

static void start_limited(struct rig *rig, mz_ctl_handler handler, unsigned requests,
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

static void start(struct rig *rig, mz_ctl_handler handler)
{
	start_limited(rig, handler, 64, PATIENT_MS, (size_t)16 << 20);
}

static void settle(struct rig *rig)
{
	int i = 0;

	for (i = 0; i < 20; i++)
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

/* ---- the client's side --------------------------------------------------------------------- */

/* Sends all of it; the server has its turns where the socket is full. */
static void say_n(struct rig *rig, int fd, const char *octets, size_t len)
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

static void say(struct rig *rig, int fd, const char *text)
{
	say_n(rig, fd, text, strlen(text));
}

/* Reads to the end of the connection. */
static void hear(struct rig *rig, int fd, struct mz_str *heard)
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

static void check_answer(struct rig *rig, int fd, const char *text)
{
	struct mz_str heard = {0};

	hear(rig, fd, &heard);
	assert_string_equal(heard.s != NULL ? heard.s : "", text);
	mz_str_clear(&heard);
	close(fd);
}

/* The answer is one error with this text in it, and exit 1. */
static void check_refused(struct rig *rig, int fd, const char *said)
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
static int ask(struct rig *rig, const char *text)
{
	int fd = rig_dial(rig);

	say(rig, fd, text);
	settle(rig);
	return fd;
}

static const char hello_answer[] =
	"{\"output\": \"hello\"}\n{\"error\": \"n is 7\"}\n{\"exit\": 3}\n";

/* The server still serves. */
static void check_serves(struct rig *rig)
{
	check_answer(rig, ask(rig, HELLO), hello_answer);
}

/* ---- requests ------------------------------------------------------------------------------ */

static void test_answer(void **state)
{
	struct rig *rig = *state;

	start(rig, answer);
	check_serves(rig);
	check_serves(rig);
	assert_int_equal(rig->calls, 2);
	assert_int_equal(rig->ctl->count, 0);
}

static void test_octet_by_octet(void **state)
{
	struct rig *rig = *state;
	int fd = -1;
	size_t i = 0;

	start(rig, answer);
	fd = rig_dial(rig);
	for (i = 0; i < strlen(HELLO); i++) {
		assert_int_equal(rig->calls, 0);
		say_n(rig, fd, &HELLO[i], 1);
		settle(rig);
	}
	check_answer(rig, fd, hello_answer);
}

/* What follows the line is no second request, in the same piece or later. */
static void test_one_request(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO HELLO);
	say(rig, fd, HELLO);
	settle(rig);
	assert_int_equal(rig->calls, 1);
	mz_ctl_end(rig->held[0], 0);
	check_answer(rig, fd, "{\"exit\": 0}\n");
	assert_int_equal(rig->gone, 0);
}

static void test_end_later(void **state)
{
	struct rig *rig = *state;
	char chunk[64] = "";
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	mz_ctl_output(rig->held[0], "one\n");
	mz_ctl_output(rig->held[0], "");
	settle(rig);
	/* it comes at once, not with the end */
	assert_int_equal(recv(fd, chunk, sizeof chunk - 1, 0), 20);
	assert_string_equal(chunk, "{\"output\": \"one\\n\"}\n");
	mz_ctl_output(rig->held[0], "two\n");
	mz_ctl_end(rig->held[0], 255);
	check_answer(rig, fd, "{\"output\": \"two\\n\"}\n{\"exit\": 255}\n");
	assert_int_equal(rig->gone, 0);
}

static void test_several(void **state)
{
	struct rig *rig = *state;
	int fd[RIG_HELD] = {0};
	char text[64] = "";
	unsigned i = 0;

	start(rig, hold);
	for (i = 0; i < RIG_HELD; i++) {
		fd[i] = ask(rig, HELLO);
		assert_int_equal(rig->held_count, i + 1);
	}
	for (i = RIG_HELD; i > 0; i--) {
		(void)snprintf(text, sizeof text, "%u", i);
		mz_ctl_output(rig->held[i - 1], text);
		mz_ctl_end(rig->held[i - 1], (int)i);
	}
	for (i = 0; i < RIG_HELD; i++) {
		(void)snprintf(text, sizeof text, "{\"output\": \"%u\"}\n{\"exit\": %u}\n", i + 1,
			       i + 1);
		check_answer(rig, fd[i], text);
	}
	assert_int_equal(rig->gone, 0);
	assert_int_equal(rig->ctl->count, 0);
}

static void test_octets(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	mz_ctl_output(rig->held[0], "\xc3\xa4\xff\t\x7f");
	mz_ctl_error(rig->held[0], "%s", "two\nlines \x1b[31m\xfe");
	mz_ctl_end(rig->held[0], 0);
	check_answer(rig, fd,
		     "{\"output\": \"\xc3\xa4\\u00ff\\u0009\\u007f\"}\n"
		     "{\"error\": \"two?lines ?[31m\\u00fe\"}\n{\"exit\": 0}\n");
}

static void test_long_error(void **state)
{
	struct rig *rig = *state;
	struct mz_str heard = {0};
	char text[10000] = "";
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	memset(text, 'x', sizeof text - 1);
	mz_ctl_error(rig->held[0], "%s", text);
	mz_ctl_end(rig->held[0], 0);
	hear(rig, fd, &heard);
	assert_int_equal(heard.len, strlen("{\"error\": \"\"}\n{\"exit\": 0}\n") + 4095);
	mz_str_clear(&heard);
	close(fd);
}

/* ---- what is no request -------------------------------------------------------------------- */

static void test_garbage(void **state)
{
	struct rig *rig = *state;
	static const char nul[] = "{\"mailzone\": 1, \0}\n";
	int fd = -1;

	start(rig, answer);
	fd = ask(rig, "GET / HTTP/1.1\r\n");
	check_refused(rig, fd, "not JSON");
	fd = ask(rig, "\n");
	check_refused(rig, fd, "not JSON");
	fd = rig_dial(rig);
	say_n(rig, fd, nul, sizeof nul - 1);
	check_refused(rig, fd, "not JSON");
	fd = ask(rig, "\xff\xfe\x80\n");
	check_refused(rig, fd, "not JSON");
	assert_int_equal(rig->calls, 0);
	check_serves(rig);
}

static void test_version(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, answer);
	fd = ask(rig, "{\"mailzone\": 2, \"command\": \"hello\", \"arguments\": {}}\n");
	check_refused(rig, fd,
		      "the daemon speaks version 1 of the control protocol, the client "
		      "version 2:");
	assert_int_equal(rig->calls, 0);
}

/* A request of `len` octets before its end, padded. */
static char *long_request(size_t len)
{
	char *text = malloc(len + 2);

	assert_non_null(text);
	memset(text, ' ', len);
	memcpy(text, HELLO, strlen(HELLO) - 1);
	text[len] = '\n';
	text[len + 1] = '\0';
	return text;
}

static void test_longest(void **state)
{
	struct rig *rig = *state;
	char *text = long_request((size_t)1 << 20);
	int fd = -1;

	start(rig, answer);
	fd = ask(rig, text);
	check_answer(rig, fd, hello_answer);
	free(text);
}

static void test_too_long(void **state)
{
	struct rig *rig = *state;
	char *text = long_request(((size_t)1 << 20) + 1);
	size_t len = (size_t)3 << 20;
	int fd = -1;

	start(rig, answer);
	fd = ask(rig, text);
	check_refused(rig, fd, "longer than 1 MiB");
	free(text);

	/* one without an end: the server does not take it all */
	text = calloc(1, len);
	assert_non_null(text);
	memset(text, '[', len);
	fd = rig_dial(rig);
	say_n(rig, fd, text, len);
	check_refused(rig, fd, "longer than 1 MiB");
	free(text);
	assert_int_equal(rig->calls, 0);
	check_serves(rig);
}

/* ---- slow ones ----------------------------------------------------------------------------- */

/* Half a request then silence, and silence from the start. */
static void test_silent(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = mz_clock_mono_ms();
	int half = -1, mute = -1;

	start_limited(rig, answer, 64, 100, 1000);
	half = rig_dial(rig);
	mute = rig_dial(rig);
	say(rig, half, "{\"mailzone\": 1, ");
	check_refused(rig, half, "in time");
	check_refused(rig, mute, "in time");
	assert_true(mz_clock_mono_ms() - begin >= 90);
	assert_int_equal(rig->ctl->count, 0);
}

/* The time is for all of the request: octets do not buy more. */
static void test_dribble(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = mz_clock_mono_ms();
	int fd = -1;

	start_limited(rig, answer, 64, 100, 1000);
	fd = rig_dial(rig);
	while (mz_clock_mono_ms() - begin < 150) {
		(void)send(fd, " ", 1, MSG_NOSIGNAL);
		(void)poll(NULL, 0, 5);
		settle(rig);
	}
	assert_int_equal(rig->ctl->count, 0);
	check_refused(rig, fd, "in time");
}

/* The time ends with the request, not with the answer. */
static void test_slow_answer(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = mz_clock_mono_ms();
	int fd = -1;

	start_limited(rig, hold, 64, 50, 1000);
	fd = ask(rig, HELLO);
	while (mz_clock_mono_ms() - begin < 120) {
		settle(rig);
		(void)poll(NULL, 0, 5);
	}
	assert_int_equal(rig->held_count, 1);
	mz_ctl_end(rig->held[0], 0);
	check_answer(rig, fd, "{\"exit\": 0}\n");
}

static void test_slow_reader(void **state)
{
	struct rig *rig = *state;
	char text[1025] = "";
	unsigned turn = 0, i = 0;
	int fd = -1;

	start_limited(rig, hold, 64, PATIENT_MS, 65536);
	fd = ask(rig, HELLO);
	memset(text, 'x', sizeof text - 1);
	assert_false(mz_ctl_is_behind(rig->held[0]));
	for (i = 0; i < 8; i++)
		mz_ctl_output(rig->held[0], text);
	assert_true(mz_ctl_is_behind(rig->held[0]));
	settle(rig); /* the socket takes that */
	assert_false(mz_ctl_is_behind(rig->held[0]));
	for (turn = 0; turn < 1000 && rig->gone == 0; turn++) {
		for (i = 0; i < 100; i++)
			mz_ctl_output(rig->held[0], text);
		assert_int_equal(rig->gone, 0); /* not from inside */
		settle(rig);
	}
	assert_int_equal(rig->gone, 1);
	assert_false(mz_ctl_is_behind(rig->held[0]));
	mz_ctl_output(rig->held[0], text);
	mz_ctl_error(rig->held[0], "%s", text);
	settle(rig);
	assert_int_equal(rig->gone, 1);
	assert_int_equal(rig->ctl->count, 1);
	mz_ctl_end(rig->held[0], 0);
	assert_int_equal(rig->ctl->count, 0);
	close(fd);
}

/* Too much at the very end. */
static void test_slow_reader_at_end(void **state)
{
	struct rig *rig = *state;
	struct mz_str heard = {0};
	char text[1001] = "";
	int fd = -1;

	start_limited(rig, hold, 64, PATIENT_MS, 1020);
	fd = ask(rig, HELLO);
	memset(text, 'x', sizeof text - 1);
	mz_ctl_output(rig->held[0], text);
	mz_ctl_end(rig->held[0], 0);
	settle(rig);
	assert_int_equal(rig->gone, 0);
	assert_int_equal(rig->ctl->count, 0);
	hear(rig, fd, &heard);
	assert_int_equal(heard.len, 0);
	mz_str_clear(&heard);
	close(fd);
}

/* All is written after the end, however slowly it is read. */
static void test_drained(void **state)
{
	struct rig *rig = *state;
	struct mz_str text = {0}, heard = {0};
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	while (text.len < 2000000)
		mz_str_add(&text, "0123456789");
	mz_ctl_output(rig->held[0], text.s);
	mz_ctl_end(rig->held[0], 0);
	settle(rig);
	assert_int_equal(rig->ctl->count, 1);
	hear(rig, fd, &heard);
	assert_true(heard.len > text.len);
	assert_string_equal(heard.s + heard.len - 12, "{\"exit\": 0}\n");
	assert_int_equal(rig->ctl->count, 0);
	mz_str_clear(&text);
	mz_str_clear(&heard);
	close(fd);
}

static void test_too_many(void **state)
{
	struct rig *rig = *state;
	int fd[3] = {-1, -1, -1};

	start_limited(rig, hold, 2, PATIENT_MS, 1000);
	fd[0] = rig_dial(rig);
	fd[1] = rig_dial(rig);
	settle(rig);
	fd[2] = rig_dial(rig);
	check_refused(rig, fd[2], "too many clients");
	say(rig, fd[0], HELLO);
	say(rig, fd[1], HELLO);
	settle(rig);
	assert_int_equal(rig->held_count, 2);

	/* one that left counts until it is ended */
	close(fd[0]);
	settle(rig);
	assert_int_equal(rig->gone, 1);
	fd[0] = ask(rig, HELLO);
	check_refused(rig, fd[0], "too many clients");
	mz_ctl_end(rig->held[0], 0);
	fd[0] = ask(rig, HELLO);
	assert_int_equal(rig->held_count, 3);
	mz_ctl_end(rig->held[1], 0);
	mz_ctl_end(rig->held[2], 0);
	check_answer(rig, fd[0], "{\"exit\": 0}\n");
	check_answer(rig, fd[1], "{\"exit\": 0}\n");
}

/* Without a free file descriptor the loop sleeps, and the client waits. */
static void test_no_files(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = 0;
	int fd = -1;

	start(rig, answer);
	fd = rig_dial(rig);
	say(rig, fd, HELLO);
	no_files = true;
	accepts = 0;
	begin = mz_clock_mono_ms();
	while (mz_clock_mono_ms() - begin < 150)
		event_base_loop(rig->base, EVLOOP_ONCE);
	no_files = false;
	assert_in_range(accepts, 1, 10);
	check_answer(rig, fd, hello_answer);
}

/* ---- gone ---------------------------------------------------------------------------------- */

static void test_gone(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	close(fd);
	assert_int_equal(rig->gone, 0);
	settle(rig);
	assert_int_equal(rig->gone, 1);
	mz_ctl_output(rig->held[0], "nobody hears this");
	settle(rig);
	assert_int_equal(rig->gone, 1);
	mz_ctl_end(rig->held[0], 0);
	assert_int_equal(rig->ctl->count, 0);
}

/* It left while much was on its way to it. */
static void test_gone_while_written(void **state)
{
	struct rig *rig = *state;
	struct mz_str text = {0};
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	while (text.len < 2000000)
		mz_str_add(&text, "0123456789");
	mz_ctl_output(rig->held[0], text.s);
	settle(rig);
	close(fd);
	settle(rig);
	assert_int_equal(rig->gone, 1);
	mz_ctl_end(rig->held[0], 0);
	mz_str_clear(&text);
}

static void test_shut_down(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	settle(rig);
	assert_int_equal(rig->gone, 1);
	mz_ctl_end(rig->held[0], 0);
	check_answer(rig, fd, "");
}

static void end_when_gone(void *arg)
{
	struct rig *rig = arg;

	rig->gone++;
	mz_ctl_end(rig->held[0], 1);
}

static void test_end_in_gone(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	mz_ctl_on_gone(rig->held[0], end_when_gone, rig);
	close(fd);
	settle(rig);
	assert_int_equal(rig->gone, 1);
	assert_int_equal(rig->ctl->count, 0);
}

static void test_told_late(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	mz_ctl_on_gone(rig->held[0], NULL, NULL);
	close(fd);
	settle(rig);
	assert_int_equal(rig->gone, 0);
	mz_ctl_on_gone(rig->held[0], on_gone, rig);
	assert_int_equal(rig->gone, 0);
	settle(rig);
	assert_int_equal(rig->gone, 1);
	mz_ctl_end(rig->held[0], 0);
}

/* An end before the loop had its turn: there is nobody left to be told. */
static void test_end_before_gone(void **state)
{
	struct rig *rig = *state;
	char text[2000] = "";
	int fd = -1;

	start_limited(rig, hold, 64, PATIENT_MS, 1000);
	fd = ask(rig, HELLO);
	memset(text, 'x', sizeof text - 1);
	mz_ctl_output(rig->held[0], text);
	mz_ctl_end(rig->held[0], 0);
	settle(rig);
	assert_int_equal(rig->gone, 0);
	assert_int_equal(rig->ctl->count, 0);
	close(fd);
}

/* It left after the end: nobody is told. */
static void test_left_after_end(void **state)
{
	struct rig *rig = *state;
	struct mz_str text = {0};
	int fd = -1;

	start(rig, hold);
	fd = ask(rig, HELLO);
	while (text.len < 2000000)
		mz_str_add(&text, "0123456789");
	mz_ctl_output(rig->held[0], text.s);
	mz_ctl_end(rig->held[0], 0);
	settle(rig);
	assert_int_equal(rig->ctl->count, 1);
	close(fd);
	settle(rig);
	assert_int_equal(rig->gone, 0);
	assert_int_equal(rig->ctl->count, 0);
	mz_str_clear(&text);
}

static void test_left_before_request(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, hold);
	close(rig_dial(rig));
	fd = ask(rig, "{\"mailzone\": 1");
	close(fd);
	settle(rig);
	assert_int_equal(rig->calls, 0);
	assert_int_equal(rig->ctl->count, 0);
}

/* ---- the end of the server ----------------------------------------------------------------- */

static void test_close(void **state)
{
	struct rig *rig = *state;
	int running = -1, left = -1, reading = -1, ending = -1;

	start(rig, hold);
	running = ask(rig, HELLO);
	left = ask(rig, HELLO);
	ending = ask(rig, HELLO);
	reading = ask(rig, "{");
	mz_ctl_output(rig->held[0], "half");
	mz_ctl_end(rig->held[2], 0);
	close(left);
	mz_ctl_close(rig->ctl);
	rig->ctl = NULL;
	check_answer(rig, running, "{\"output\": \"half\"}\n");
	check_answer(rig, ending, "{\"exit\": 0}\n");
	check_answer(rig, reading, "");
	mz_ctl_output(rig->held[0], "nobody hears this");
	mz_ctl_error(rig->held[1], "nor this");
	mz_ctl_on_gone(rig->held[0], on_gone, rig);
	settle(rig);
	assert_int_equal(rig->gone, 0);
	mz_ctl_end(rig->held[0], 0);
	mz_ctl_end(rig->held[1], 0);
}

static void close_inside(void *arg, struct mz_ctl_request *request, const char *command,
			 const json_t *arguments)
{
	struct rig *rig = arg;

	(void)command;
	(void)arguments;
	mz_ctl_output(request, "stopping\n");
	mz_ctl_close(rig->ctl);
	rig->ctl = NULL;
	mz_ctl_end(request, 0);
}

static void test_close_inside(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	start(rig, close_inside);
	fd = ask(rig, HELLO);
	check_answer(rig, fd, "{\"output\": \"stopping\\n\"}\n");
}

/* ---- both ends ----------------------------------------------------------------------------- */

struct caller {
	const char *path;
	FILE *out, *err;
	struct mz_cause cause;
	int result, status;
	atomic_bool done;
};

static void *call(void *arg)
{
	struct caller *caller = arg;
	json_t *arguments = json_pack("{s:i}", "n", 7);

	caller->result = mz_ctl_call(caller->path, "hello", arguments, caller->out, caller->err,
				     &caller->status, &caller->cause);
	json_decref(arguments);
	atomic_store(&caller->done, true);
	return NULL;
}

static void much(void *arg, struct mz_ctl_request *request, const char *command,
		 const json_t *arguments)
{
	const struct mz_str *text = &((struct mz_str *)arg)[0];

	(void)command;
	(void)arguments;
	mz_ctl_output(request, text->s);
	mz_ctl_error(request, "that was much");
	mz_ctl_end(request, 2);
}

/* A status of ten thousand domains and more, of characters that a line may tear. */
static void test_much(void **state)
{
	struct rig *rig = *state;
	struct caller caller = {.path = rig->path};
	struct mz_str text = {0};
	char *out = NULL, *err = NULL;
	size_t out_len = 0, err_len = 0;
	pthread_t thread;

	while (text.len < 6000000)
		mz_str_add(&text, "ex\xc3\xa4mple.org \xf0\x9f\x98\x80\n");
	assert_int_equal(mz_ctl_open(&rig->ctl, rig->base, rig->path, (gid_t)-1, much, &text, NULL),
			 MZ_OK);
	caller.out = open_memstream(&out, &out_len);
	caller.err = open_memstream(&err, &err_len);
	assert_int_equal(pthread_create(&thread, NULL, call, &caller), 0);
	while (!atomic_load(&caller.done)) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	fclose(caller.out);
	fclose(caller.err);
	assert_string_equal(caller.cause.text, "");
	assert_int_equal(caller.result, MZ_OK);
	assert_int_equal(caller.status, 2);
	assert_int_equal(out_len, text.len);
	assert_memory_equal(out, text.s, text.len);
	assert_string_equal(err, "mailzone: that was much\n");
	free(out);
	free(err);
	mz_str_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_answer),
		RIG_TEST(test_octet_by_octet),
		RIG_TEST(test_one_request),
		RIG_TEST(test_end_later),
		RIG_TEST(test_several),
		RIG_TEST(test_octets),
		RIG_TEST(test_long_error),
		RIG_TEST(test_garbage),
		RIG_TEST(test_version),
		RIG_TEST(test_longest),
		RIG_TEST(test_too_long),
		RIG_TEST(test_silent),
		RIG_TEST(test_dribble),
		RIG_TEST(test_slow_answer),
		RIG_TEST(test_slow_reader),
		RIG_TEST(test_slow_reader_at_end),
		RIG_TEST(test_drained),
		RIG_TEST(test_too_many),
		RIG_TEST(test_no_files),
		RIG_TEST(test_gone),
		RIG_TEST(test_gone_while_written),
		RIG_TEST(test_shut_down),
		RIG_TEST(test_end_in_gone),
		RIG_TEST(test_told_late),
		RIG_TEST(test_end_before_gone),
		RIG_TEST(test_left_after_end),
		RIG_TEST(test_left_before_request),
		RIG_TEST(test_close),
		RIG_TEST(test_close_inside),
		RIG_TEST(test_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
