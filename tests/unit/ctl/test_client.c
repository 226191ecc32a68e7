/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the client's end against a scripted server. */
#include "tests/unit/ctl/rig.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

/* What the server does once it has the request. */
struct script {
	int listener;
	void (*answer)(struct script *script, int fd);
	const char *text;
	int progress; /* a pipe's end that the client writes its output to */
	bool deaf;    /* it answers before it reads, and never reads */
	char request[256];
};

static void send_text(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0)
			return; /* the client has heard enough */
		text += n;
		len -= (size_t)n;
	}
}

static void say(struct script *script, int fd)
{
	send_text(fd, script->text);
}

static void *serve(void *arg)
{
	struct script *script = arg;
	int fd = accept(script->listener, NULL, NULL);
	size_t have = 0;

	while (!script->deaf && have < sizeof script->request - 1 &&
	       memchr(script->request, '\n', have) == NULL) {
		ssize_t n = recv(fd, script->request + have, sizeof script->request - 1 - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	script->answer(script, fd);
	close(fd);
	return NULL;
}

/* What the client made of it. */
struct outcome {
	int err, status;
	char *out, *error;
	struct mz_cause cause;
};

static void run(struct rig *rig, struct script *script, json_t *take_arguments,
		struct outcome *outcome)
{
	size_t out_len = 0, err_len = 0;
	FILE *out = NULL, *err = NULL;
	pthread_t thread;

	*outcome = (struct outcome){.status = -1};
	out = open_memstream(&outcome->out, &out_len);
	err = open_memstream(&outcome->error, &err_len);
	script->listener = rig_bind(rig->path, true);
	assert_int_equal(pthread_create(&thread, NULL, serve, script), 0);
	outcome->err = mz_ctl_call(rig->path, "status", take_arguments, out, err, &outcome->status,
				   &outcome->cause);
	assert_int_equal(pthread_join(thread, NULL), 0);
	json_decref(take_arguments);
	close(script->listener);
	assert_int_equal(unlink(rig->path), 0);
	fclose(out);
	fclose(err);
}

static void outcome_clear(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->error);
}

/* The server says `text`; the call ends with `err` and has relayed these. */
static void check(struct rig *rig, const char *text, int err, const char *out, const char *error)
{
	struct script script = {.answer = say, .text = text};
	struct outcome outcome;

	run(rig, &script, json_object(), &outcome);
	assert_int_equal(outcome.err, err);
	assert_int_equal(outcome.cause.text[0] == '\0', err == MZ_OK);
	assert_string_equal(outcome.out, out);
	assert_string_equal(outcome.error, error);
	outcome_clear(&outcome);
}

static void test_call(void **state)
{
	struct rig *rig = *state;
	struct script script = {.answer = say, .text = "{\"exit\": 2}\n"};
	struct outcome outcome;

	run(rig, &script, json_pack("{s:s}", "domain", "example.org"), &outcome);
	assert_int_equal(outcome.err, MZ_OK);
	assert_int_equal(outcome.status, 2);
	assert_string_equal(script.request, "{\"mailzone\":1,\"command\":\"status\","
					    "\"arguments\":{\"domain\":\"example.org\"}}\n");
	outcome_clear(&outcome);
}

static void test_relayed(void **state)
{
	check(*state,
	      "{\"output\": \"a\\n\"}\n{\"error\": \"no\"}\n{\"output\": \"b \\u00e4\"}\n"
	      "{\"exit\": 0}\n",
	      MZ_OK, "a\nb \xc3\xa4", "mailzone: no\n");
}

/* Nothing that follows "exit" is read. */
static void test_after_exit(void **state)
{
	check(*state, "{\"exit\": 0}\n{\"output\": \"more\"}\ngarbage", MZ_OK, "", "");
}

static void test_hung_up(void **state)
{
	struct rig *rig = *state;

	check(rig, "", MZ_EIO, "", "");
	check(rig, "{\"output\": \"half\"}\n", MZ_EIO, "half", "");
	check(rig, "{\"output\": \"half\"}\n{\"exit\": 0}", MZ_EIO, "half", "");
}

static void test_not_protocol(void **state)
{
	struct rig *rig = *state;

	check(rig, "SSH-2.0-OpenSSH_9.2\r\n", MZ_ESYNTAX, "", "");
	check(rig, "{\"output\": \"a\"}\n\n{\"exit\": 0}\n", MZ_ESYNTAX, "a", "");
	check(rig, "{\"exit\": 1000}\n", MZ_ESYNTAX, "", "");
	check(rig, "{\"output\": \"a\", \"exit\": 0}\n", MZ_ESYNTAX, "", "");
}

static void test_line_without_end(void **state)
{
	size_t len = (size_t)3 << 20;
	char *text = calloc(1, len);

	assert_non_null(text);
	memset(text, '{', len - 1);
	check(*state, text, MZ_ESYNTAX, "", "");
	free(text);
}

/* Lines that end where they like, not where a piece that was sent does. */
static void trickle(struct script *script, int fd)
{
	size_t i = 0;

	for (i = 0; script->text[i] != '\0'; i++)
		(void)send(fd, script->text + i, 1, MSG_NOSIGNAL);
}

static void test_trickle(void **state)
{
	struct rig *rig = *state;
	struct script script =
		{.answer = trickle,
		 .text = "{\"output\": \"a\"}\n{\"output\": \"b\"}\n{\"exit\": 9}\n"};
	struct outcome outcome;

	run(rig, &script, json_object(), &outcome);
	assert_int_equal(outcome.err, MZ_OK);
	assert_int_equal(outcome.status, 9);
	assert_string_equal(outcome.out, "ab");
	outcome_clear(&outcome);
}

/* A server that turns us away does not read what we say: its answer counts, not our EPIPE. */
static void test_turned_away(void **state)
{
	struct rig *rig = *state;
	struct script script = {.answer = say,
				.deaf = true,
				.text = "{\"error\": \"too many clients\"}\n{\"exit\": 1}\n"};
	size_t len = (size_t)4 << 20;
	char *text = calloc(1, len);
	struct outcome outcome;

	assert_non_null(text);
	memset(text, 'x', len - 1);
	run(rig, &script, json_pack("{s:s}", "long", text), &outcome);
	free(text);
	assert_string_equal(outcome.cause.text, "");
	assert_int_equal(outcome.err, MZ_OK);
	assert_int_equal(outcome.status, 1);
	assert_string_equal(outcome.error, "mailzone: too many clients\n");
	outcome_clear(&outcome);
}

/* Goes on only when the client has written the first piece. */
static void wait_for_progress(struct script *script, int fd)
{
	char seen[8] = "";

	send_text(fd, "{\"output\": \"one\"}\n");
	if (read(script->progress, seen, 3) == 3 && memcmp(seen, "one", 3) == 0)
		send_text(fd, "{\"exit\": 0}\n");
}

static void test_flushed(void **state)
{
	struct rig *rig = *state;
	struct script script = {.answer = wait_for_progress};
	json_t *arguments = json_object();
	int pipe_fd[2] = {-1, -1}, status = -1;
	FILE *out = NULL;
	pthread_t thread;

	assert_int_equal(pipe(pipe_fd), 0);
	script.progress = pipe_fd[0];
	out = fdopen(pipe_fd[1], "w");
	assert_non_null(out);
	script.listener = rig_bind(rig->path, true);
	assert_int_equal(pthread_create(&thread, NULL, serve, &script), 0);
	assert_int_equal(mz_ctl_call(rig->path, "x", arguments, out, stderr, &status, NULL), MZ_OK);
	assert_int_equal(status, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	json_decref(arguments);
	close(script.listener);
	fclose(out);
	close(pipe_fd[0]);
}

/* The reader of our output went away: the call ends, so that the daemon hears of it. */
static void test_output_closed(void **state)
{
	struct rig *rig = *state;
	struct script script = {.answer = say, .text = "{\"output\": \"one\"}\n{\"exit\": 0}\n"};
	json_t *arguments = json_object();
	struct mz_cause cause = {""};
	int pipe_fd[2] = {-1, -1}, status = -1;
	FILE *out = NULL;
	pthread_t thread;

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(pipe_fd), 0);
	close(pipe_fd[0]);
	out = fdopen(pipe_fd[1], "w");
	assert_non_null(out);
	script.listener = rig_bind(rig->path, true);
	assert_int_equal(pthread_create(&thread, NULL, serve, &script), 0);
	assert_int_equal(mz_ctl_call(rig->path, "x", arguments, out, stderr, &status, &cause),
			 MZ_EIO);
	assert_int_equal(status, -1);
	assert_non_null(strstr(cause.text, "Broken pipe"));
	assert_int_equal(pthread_join(thread, NULL), 0);
	json_decref(arguments);
	close(script.listener);
	fclose(out);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

static void pause_then_say(struct script *script, int fd)
{
	while (alarms < 5)
		usleep(1000);
	send_text(fd, script->text);
}

static void test_interrupted(void **state)
{
	struct rig *rig = *state;
	struct script script = {.answer = pause_then_say, .text = "{\"exit\": 4}\n"};
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
	struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
	struct outcome outcome;

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	run(rig, &script, json_object(), &outcome);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(outcome.err, MZ_OK);
	assert_int_equal(outcome.status, 4);
	outcome_clear(&outcome);
}

/* ---- nobody there -------------------------------------------------------------------------- */

static int call_nobody(const char *path, struct mz_cause *cause)
{
	json_t *arguments = json_object();
	int status = -1;
	int err = mz_ctl_call(path, "status", arguments, stdout, stderr, &status, cause);

	json_decref(arguments);
	assert_int_equal(status, -1);
	return err;
}

static void test_nobody(void **state)
{
	struct rig *rig = *state;
	char path[120] = "";

	assert_int_equal(call_nobody(rig->path, &rig->cause), MZ_ENOTFOUND);
	assert_non_null(strstr(rig->cause.text, "is mailzoned running?"));
	close(rig_bind(rig->path, true)); /* a dead one's */
	assert_int_equal(call_nobody(rig->path, &rig->cause), MZ_ENOTFOUND);
	(void)snprintf(path, sizeof path, "%s/below", rig->path);
	assert_int_equal(call_nobody(path, &rig->cause), MZ_ENOTFOUND);
	memset(path, 'a', sizeof path - 1);
	assert_int_equal(call_nobody(path, &rig->cause), MZ_ERANGE);
}

static void test_no_permission(void **state)
{
	struct rig *rig = *state;
	bool root = geteuid() == 0;
	int fd = rig_bind(rig->path, true), err = MZ_OK;

	assert_int_equal(chmod(rig->path, 0), 0);
	assert_int_equal(chmod(rig->dir, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	err = call_nobody(rig->path, &rig->cause);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(err, MZ_EPERM);
	assert_non_null(strstr(rig->cause.text, rig->path));
	close(fd);
}

static void test_not_text(void **state)
{
	struct rig *rig = *state;
	json_t *arguments = json_object();
	int status = -1;

	assert_int_equal(mz_ctl_call(rig->path, "\xff", arguments, stdout, stderr, &status, NULL),
			 MZ_EINVAL);
	json_decref(arguments);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_call),	      RIG_TEST(test_relayed),
		RIG_TEST(test_after_exit),    RIG_TEST(test_hung_up),
		RIG_TEST(test_not_protocol),  RIG_TEST(test_line_without_end),
		RIG_TEST(test_trickle),	      RIG_TEST(test_turned_away),
		RIG_TEST(test_flushed),	      RIG_TEST(test_output_closed),
		RIG_TEST(test_interrupted),   RIG_TEST(test_nobody),
		RIG_TEST(test_no_permission), RIG_TEST(test_not_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
