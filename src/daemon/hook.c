/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs programs of the operator: no shell, a time limit, what they print goes to the log. */
#include "src/daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST_READS = 64 }; /* of a KiB: a pipe holds no more */

struct hook_run {
	TAILQ_ENTRY(hook_run) link; /* those of a name wait for the first of them */
	struct app *app;
	struct site *site; /* held: the argument vector is its */
	struct hook_input in;
	struct mz_arena arena;
	const char **env;
	struct event *output, *limit, *end;
	pid_t pid; /* 0: it waits */
	int fd;
	int process; /* readable once it has ended */
	bool timed_out;
	char line[512];
	size_t len;
};

static void log_line(struct hook_run *hook)
{
	hook->line[hook->len] = '\0';
	if (hook->len > 0)
		mz_log(MZ_LOG_INFO, "hook", "hook", hook->in.name, "task", MZ_NUM(hook->in.task),
		       "output", hook->line, NULL);
	hook->len = 0;
}

static void hook_free(struct hook_run *hook)
{
	TAILQ_REMOVE(&hook->app->hooks, hook, link);
	if (hook->output != NULL)
		event_free(hook->output);
	if (hook->limit != NULL)
		event_free(hook->limit);
	if (hook->end != NULL)
		event_free(hook->end);
	if (hook->fd >= 0)
		(void)close(hook->fd);
	if (hook->process >= 0)
		(void)close(hook->process);
	site_release(hook->site);
	mz_arena_clear(&hook->arena);
	free(hook);
}

static int next_soon(struct app *app);

/* It is over: whoever asked for it is told, and the next one begins. */
static void finish(struct hook_run *hook, bool good, const char *reason)
{
	struct app *app = hook->app;
	const struct hook_input in = hook->in;

	mz_log(good ? MZ_LOG_INFO : MZ_LOG_ERROR, "hook", "hook", in.name, "task", MZ_NUM(in.task),
	       "result", reason, NULL);
	hook_free(hook);
	in.done(in.arg, in.task, good, reason);
	(void)next_soon(app);
}

/* It has ended, or was told to by the signal that nothing withstands. */
static void reap(struct hook_run *hook)
{
	char reason[128] = "";
	int status = 0;
	bool good = false;

	log_line(hook);
	(void)kill(-hook->pid, SIGKILL); /* what it may have left behind in its group */
	while (waitpid(hook->pid, &status, 0) < 0 && errno == EINTR)
		;
	good = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !hook->timed_out;
	if (good)
		(void)snprintf(reason, sizeof(reason), "done");
	else if (hook->timed_out)
		(void)snprintf(reason, sizeof(reason),
			       "the hook %s took longer than hooks.timeout allows", hook->in.name);
	else if (WIFEXITED(status))
		(void)snprintf(reason, sizeof(reason), "the hook %s ended with exit status %d",
			       hook->in.name, WEXITSTATUS(status));
	else
		(void)snprintf(reason, sizeof(reason), "the hook %s was ended by signal %d",
			       hook->in.name, WTERMSIG(status));
	finish(hook, good, reason);
}

/* Reads some of its output: octets, 0 at the end, -1: nothing now. */
static ssize_t read_output(struct hook_run *hook)
{
	char buf[1024] = "";
	ssize_t n = read(hook->fd, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n' || hook->len == sizeof(hook->line) - 1)
			log_line(hook);
		if (buf[i] != '\n')
			hook->line[hook->len++] = buf[i];
	}
	return n < 0 && errno != EAGAIN && errno != EINTR ? 0 : n;
}

/* Its output may end long before it does. */
static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct hook_run *hook = arg;

	(void)fd;
	(void)what;
	if (read_output(hook) == 0)
		(void)event_del(hook->output);
}

/* What it started may hold its output open for as long as it likes: what is there now is all. */
static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct hook_run *hook = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < LAST_READS && read_output(hook) > 0; i++)
		;
	reap(hook);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct hook_run *hook = arg;

	(void)fd;
	(void)what;
	hook->timed_out = true;
	(void)kill(-hook->pid, SIGKILL);
	reap(hook);
}

/* In the child. */
static void run_program(const char *const *argv, const char *const *env, int fd)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	if (null > STDIN_FILENO) {
		(void)dup2(null, STDIN_FILENO);
		(void)close(null);
	}
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	(void)execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	(void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static bool start(struct hook_run *hook)
{
	struct timeval limit = {.tv_sec = (time_t)hook->site->conf->hooks.timeout};
	int pipes[2] = {-1, -1};

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	hook->fd = pipes[0];
	hook->pid = fork();
	if (hook->pid == 0)
		run_program(hook->in.argv, hook->env, pipes[1]);
	(void)close(pipes[1]);
	if (hook->pid < 0)
		return false;
	hook->process = (int)syscall(SYS_pidfd_open, hook->pid, 0);
	hook->output = event_new(hook->app->base, hook->fd, EV_READ | EV_PERSIST, on_output, hook);
	hook->limit = evtimer_new(hook->app->base, on_limit, hook);
	if (hook->process >= 0)
		hook->end = event_new(hook->app->base, hook->process, EV_READ, on_end, hook);
	if (hook->end != NULL && hook->output != NULL && hook->limit != NULL &&
	    event_add(hook->end, NULL) == 0 && event_add(hook->output, NULL) == 0 &&
	    evtimer_add(hook->limit, &limit) == 0)
		return true;
	(void)kill(hook->pid, SIGKILL);
	(void)waitpid(hook->pid, NULL, 0);
	return false;
}

/* One of a name at a time: scripts may work on the same files, as those who write them need not think of locks.
 * The one that runs is the first of its name. */
static bool may_start(const struct hook_run *hook)
{
	const struct hook_run *first = NULL;

	TAILQ_FOREACH(first, &hook->app->hooks, link)
	{
		if (strcmp(first->in.name, hook->in.name) == 0)
			break;
	}
	return first == hook && hook->pid == 0;
}

static void on_next(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;
	struct hook_run *hook = TAILQ_FIRST(&app->hooks);
	char reason[128] = "";

	(void)fd;
	(void)what;
	while (hook != NULL && !may_start(hook))
		hook = TAILQ_NEXT(hook, link);
	if (hook == NULL || start(hook))
		return;
	(void)snprintf(reason, sizeof(reason), "the hook %s cannot be started", hook->in.name);
	finish(hook, false, reason);
}

static int next_soon(struct app *app)
{
	struct timeval now = {0, 0};

	return event_base_once(app->base, -1, EV_TIMEOUT, on_next, app, &now) == 0 ? MZ_OK
										   : MZ_ENOMEM;
}

/* Our own environment, without what is set anew, and that. */
static bool make_env(struct hook_run *hook)
{
	size_t own = 0, kept = 0, set = 0;

	while (environ[own] != NULL)
		own++;
	while (hook->in.env[set].name != NULL)
		set++;
	hook->env = mz_arena_alloc(&hook->arena, (own + set + 1) * sizeof(hook->env[0]));
	if (hook->env == NULL)
		return false;
	for (size_t i = 0; i < own; i++) {
		bool again = false;

		for (size_t k = 0; k < set; k++) {
			size_t n = strlen(hook->in.env[k].name);

			again = again || (strncmp(environ[i], hook->in.env[k].name, n) == 0 &&
					  environ[i][n] == '=');
		}
		if (!again)
			hook->env[kept++] = environ[i];
	}
	for (size_t k = 0; k < set; k++) {
		struct mz_str text = {0};

		mz_str_addf(&text, "%s=%s", hook->in.env[k].name, hook->in.env[k].value);
		hook->env[kept] = text.failed ? NULL : mz_arena_strdup(&hook->arena, text.s);
		mz_str_clear(&text);
		if (hook->env[kept++] == NULL)
			return false;
	}
	hook->env[kept] = NULL;
	return true;
}

int hook_start(struct app *app, const struct hook_input *input)
{
	struct hook_run *hook = calloc(1, sizeof(*hook));

	if (hook == NULL)
		return MZ_ENOMEM;
	hook->app = app;
	hook->site = app->site;
	site_hold(hook->site);
	hook->in = *input;
	hook->fd = hook->process = -1;
	TAILQ_INSERT_TAIL(&app->hooks, hook, link);
	if (!make_env(hook) || next_soon(app) != MZ_OK) {
		hook_free(hook);
		return MZ_ENOMEM;
	}
	hook->in.env = NULL; /* it was the caller's */
	return MZ_OK;
}

/* ---- certificates ------------------------------------------------------------------------------- */

static void on_renewed(void *arg, int64_t task, bool good, const char *reason)
{
	struct app *app = arg;
	enum mz_task_state state = MZ_TASK_DONE;

	if (mz_queue_finish(app->queue, task, good ? MZ_RESULT_DONE : MZ_RESULT_RETRY,
			    good ? "" : reason, mz_clock_wall(), mz_random_below(UINT32_MAX),
			    &state) != MZ_OK)
		return;
	if (state == MZ_TASK_DONE || state == MZ_TASK_FAILED)
		command_task_over(app, task, state, reason);
	(void)mz_engine_commit(app->engine, NULL, NULL);
	run_soon(app);
}

void hook_renew(struct app *app, const struct mz_task *task)
{
	static const struct hook_env none[] = {{NULL, NULL}};
	const struct hook_input input = {.name = "certificate_renew",
					 .argv = app->site->conf->hooks.certificate_renew,
					 .env = none,
					 .task = task->id,
					 .done = on_renewed,
					 .arg = app};

	if (mz_queue_start(app->queue, input.task, mz_clock_wall()) != MZ_OK)
		return;
	if (input.argv == NULL) {
		mz_log(MZ_LOG_INFO, "hook", "hook", input.name, "task", MZ_NUM(input.task),
		       "result", "there is no such hook", NULL);
		on_renewed(app, input.task, true, "");
	} else if (hook_start(app, &input) != MZ_OK) {
		on_renewed(app, input.task, false, "out of memory");
	}
}

void hook_clear(struct app *app)
{
	struct hook_run *hook = NULL;

	while ((hook = TAILQ_FIRST(&app->hooks)) != NULL) {
		if (hook->pid > 0) {
			(void)kill(-hook->pid, SIGKILL);
			(void)waitpid(hook->pid, NULL, 0);
		}
		hook_free(hook);
	}
}
