/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the listening end: requests and answers, what is no request, and the end of the server. */
#include "tests/unit/ctl/server.h"

#include <pthread.h>
#include <stdatomic.h>

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
		RIG_TEST(test_answer),	     RIG_TEST(test_octet_by_octet),
		RIG_TEST(test_one_request),  RIG_TEST(test_end_later),
		RIG_TEST(test_several),	     RIG_TEST(test_octets),
		RIG_TEST(test_long_error),   RIG_TEST(test_garbage),
		RIG_TEST(test_version),	     RIG_TEST(test_longest),
		RIG_TEST(test_too_long),     RIG_TEST(test_close),
		RIG_TEST(test_close_inside), RIG_TEST(test_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
