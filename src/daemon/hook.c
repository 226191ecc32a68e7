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
#include <sys/wait.h>
#include <unistd.h>

struct hook_run {
	LIST_ENTRY(hook_run) link;
	struct app *app;
	struct event *output, *limit;
	int64_t task;
	pid_t pid;
	int fd;
	bool timed_out;
	char line[512];
	size_t len;
};

static void log_line(struct hook_run *hook)
{
	hook->line[hook->len] = '\0';
	if (hook->len > 0)
		mz_log(MZ_LOG_INFO, "hook", "task", MZ_NUM(hook->task), "output", hook->line, NULL);
	hook->len = 0;
}

static void hook_free(struct hook_run *hook)
{
	LIST_REMOVE(hook, link);
	if (hook->output != NULL)
		event_free(hook->output);
	if (hook->limit != NULL)
		event_free(hook->limit);
	if (hook->fd >= 0)
		(void)close(hook->fd);
	free(hook);
}

static void finish(struct app *app, int64_t task, bool good, const char *reason)
{
	enum mz_task_state state = MZ_TASK_DONE;

	mz_log(good ? MZ_LOG_INFO : MZ_LOG_ERROR, "certificate_renew", "task", MZ_NUM(task),
	       "result", reason, NULL);
	if (mz_queue_finish(app->queue, task, good ? MZ_RESULT_DONE : MZ_RESULT_RETRY,
			    good ? "" : reason, mz_clock_wall(), mz_random_below(UINT32_MAX),
			    &state) != MZ_OK)
		return;
	if (state == MZ_TASK_DONE || state == MZ_TASK_FAILED)
		command_task_over(app, task, state, reason);
	(void)mz_engine_commit(app->engine, NULL, NULL);
	run_soon(app);
}

/* Its output has ended: so has it, or it is about to. */
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
			       "the hook certificate_renew took longer than hooks.timeout allows");
	else if (WIFEXITED(status))
		(void)snprintf(reason, sizeof(reason),
			       "the hook certificate_renew ended with exit status %d",
			       WEXITSTATUS(status));
	else
		(void)snprintf(reason, sizeof(reason),
			       "the hook certificate_renew was ended by signal %d",
			       WTERMSIG(status));
	finish(hook->app, hook->task, good, reason);
	hook_free(hook);
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct hook_run *hook = arg;
	char buf[1024] = "";
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n' || hook->len == sizeof(hook->line) - 1)
			log_line(hook);
		if (buf[i] != '\n')
			hook->line[hook->len++] = buf[i];
	}
	if (n <= 0)
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
static void run_program(const char *const *argv, int fd)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	(void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static bool start(struct hook_run *hook, const char *const *argv, int64_t seconds)
{
	struct timeval limit = {.tv_sec = (time_t)seconds};
	int pipes[2] = {-1, -1};

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	hook->fd = pipes[0];
	hook->pid = fork();
	if (hook->pid == 0)
		run_program(argv, pipes[1]);
	(void)close(pipes[1]);
	if (hook->pid < 0)
		return false;
	hook->output = event_new(hook->app->base, hook->fd, EV_READ | EV_PERSIST, on_output, hook);
	hook->limit = evtimer_new(hook->app->base, on_limit, hook);
	if (hook->output != NULL && hook->limit != NULL && event_add(hook->output, NULL) == 0 &&
	    evtimer_add(hook->limit, &limit) == 0)
		return true;
	(void)kill(hook->pid, SIGKILL);
	(void)waitpid(hook->pid, NULL, 0);
	return false;
}

void hook_renew(struct app *app, const struct mz_task *task)
{
	const struct mz_conf_hooks *hooks = &app->site->conf->hooks;
	struct hook_run *hook = NULL;
	int64_t id = task->id;

	/* One at a time: two of them may work on the same files. */
	if (!LIST_EMPTY(&app->hooks) || mz_queue_start(app->queue, id, mz_clock_wall()) != MZ_OK)
		return;
	if (hooks->certificate_renew == NULL) {
		finish(app, id, true, "there is no hook certificate_renew");
		return;
	}
	hook = calloc(1, sizeof(*hook));
	if (hook == NULL) {
		finish(app, id, false, "out of memory");
		return;
	}
	hook->app = app;
	hook->task = id;
	hook->fd = -1;
	LIST_INSERT_HEAD(&app->hooks, hook, link);
	if (!start(hook, hooks->certificate_renew, hooks->timeout)) {
		finish(app, id, false, "the hook certificate_renew cannot be started");
		hook_free(hook);
	}
}

void hook_clear(struct app *app)
{
	struct hook_run *hook = NULL;

	while ((hook = LIST_FIRST(&app->hooks)) != NULL) {
		(void)kill(-hook->pid, SIGKILL);
		(void)waitpid(hook->pid, NULL, 0);
		hook_free(hook);
	}
}
