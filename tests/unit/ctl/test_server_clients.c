/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the listening end: clients that are slow, hostile or gone. */
#include "tests/unit/ctl/server.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
