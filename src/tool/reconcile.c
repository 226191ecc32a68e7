/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that read and change zones: plan, apply, withdraw, challenge. */
#include "src/tool/tool.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TURN_MS = 120000, TURN_PAUSE_MS = 50 };

struct run {
	const struct options *options;
	struct mz_conf *conf;
	struct mz_facts_cache *facts;
	struct mz_lock *lock;
	struct mz_store *store;
	struct event_base *base;
	struct mz_engine *engine;
	struct mz_selection selection;
	struct mz_run *run;
	struct event *progress;
	bool progress_shown;
};

static void clear_progress(struct run *run)
{
	if (run->progress_shown)
		(void)fputs("\r\033[K", stderr);
	run->progress_shown = false;
}

static void on_progress(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd;
	(void)what;
	(void)fprintf(stderr, "\r%zu of %zu domains", mz_run_finished(run->run),
		      run->selection.count);
	(void)fflush(stderr);
	run->progress_shown = true;
}

static void on_output(void *arg, const char *text)
{
	clear_progress(arg);
	(void)fputs(text, stdout);
}

static void on_error(void *arg, const char *line)
{
	clear_progress(arg);
	tool_error("%s", line);
}

static void on_doubt(void *arg, bool fault, const char *line)
{
	(void)fault; /* the run fails for it, where it matters */
	on_error(arg, line);
}

static void on_done(void *arg)
{
	struct run *run = arg;

	(void)event_base_loopbreak(run->base);
}

static int submit(void *arg, const struct mz_job *job, mz_flow_done done, void *done_arg)
{
	struct run *run = arg;

	return mz_engine_add(run->engine, job, done, done_arg);
}

/* Faults of the files that the domains name: found before anything is written. */
static int check_files(struct run *run)
{
	struct mz_conf_errors errors = {0};
	int err = MZ_OK;

	for (size_t i = 0; i < run->selection.count; i++)
		(void)tool_derive(run->selection.domain[i], run->facts, NULL, NULL, NULL, &errors);
	tool_print_errors(&errors);
	err = errors.count > 0 ? MZ_EINVAL : MZ_OK;
	mz_conf_errors_clear(&errors);
	return err;
}

/* Before the update: senders who see the new id must find the new policy. A file that cannot be written
 * is reported, and the rest goes on. */
static bool write_policies(const struct run *run)
{
	struct mz_conf_errors errors = {0};
	int err = MZ_OK;

	if ((run->options->families & 1u << MZ_FAMILY_MTA_STS) != 0)
		err = mz_sts_files(run->selection.domain, run->selection.count, true, &errors);
	tool_print_errors(&errors);
	if (err == MZ_ENOMEM)
		tool_error("%s", mz_strerror(err));
	mz_conf_errors_clear(&errors);
	return err == MZ_OK;
}

static int open_state(struct run *run, bool write)
{
	const char *directory = run->conf->state_directory;
	struct mz_cause cause = {0};
	int err = MZ_OK;

	if (write) {
		if (run->lock == NULL)
			err = mz_lock_take(&run->lock, directory, "mailzone", &cause);
		if (err == MZ_OK)
			err = mz_store_open(&run->store, directory, &cause);
	} else {
		err = mz_store_open_readonly(&run->store, directory, &cause);
		if (err == MZ_ENOTFOUND)
			err = MZ_OK;
	}
	if (err != MZ_OK)
		tool_error("%s", cause.text[0] != '\0' ? cause.text : mz_strerror(err));
	return err;
}

/* What is managed by hand now is ours no more. */
static int let_manual_go(struct run *run)
{
	bool any = false;
	int err = MZ_OK;

	for (size_t i = 0; i < run->conf->domain_count && err == MZ_OK; i++) {
		if (!run->conf->domains[i].automatic)
			err = mz_store_let_go(run->store, run->conf->domains[i].text, &any);
	}
	if (err != MZ_OK)
		tool_error("%s", mz_store_error(run->store));
	return err;
}

static int start_engine(struct run *run)
{
	struct timeval often = {1, 0};
	struct mz_engine_input input = {.state_directory = run->conf->state_directory,
					.store = run->store,
					.make_keys = true};
	int err = MZ_ENOMEM;

	input.base = run->base = event_base_new();
	if (run->base == NULL || (err = mz_engine_new(&run->engine, &input)) != MZ_OK)
		return err;
	if (isatty(STDERR_FILENO)) {
		run->progress = event_new(run->base, -1, EV_PERSIST, on_progress, run);
		if (run->progress != NULL)
			(void)event_add(run->progress, &often);
	}
	return MZ_OK;
}

static int run_jobs(struct run *run, enum mz_flow_mode mode)
{
	const struct mz_run_input input = {.conf = run->conf,
					   .facts = run->facts,
					   .selection = &run->selection,
					   .families = run->options->families,
					   .mode = mode,
					   .format = run->options->format,
					   .colour = run->options->colour,
					   .submit = submit,
					   .output = on_output,
					   .error = on_error,
					   .done = on_done,
					   .arg = run};
	int err = start_engine(run);

	if (err == MZ_OK)
		err = mz_run_start(&run->run, &input);
	if (err != MZ_OK)
		tool_error("%s", mz_strerror(err));
	else if (run->selection.count > 0)
		(void)event_base_dispatch(run->base);
	return err;
}

/* The exit status. */
static int finish(struct run *run, bool good)
{
	struct mz_cause cause = {0};

	clear_progress(run);
	if (run->progress != NULL)
		event_free(run->progress);
	mz_engine_free(run->engine);
	if (run->base != NULL)
		event_base_free(run->base);
	/* What failed work left behind: its history. */
	if (run->store != NULL && mz_store_dirty(run->store) &&
	    mz_store_commit(run->store, &cause) != MZ_OK) {
		tool_error("%s", cause.text);
		good = false;
	}
	mz_store_close(run->store);
	mz_lock_release(run->lock);
	good = good && run->run != NULL;
	return good ? mz_run_status(run->run) : EXIT_FAILED;
}

static void run_clear(struct run *run)
{
	mz_run_free(run->run);
	mz_selection_clear(&run->selection);
	mz_facts_cache_free(run->facts);
	mz_conf_free(run->conf);
}

static int reconcile(const struct options *options, int argc, char **argv, enum mz_flow_mode mode)
{
	bool written = true;
	struct run run = {.options = options, .conf = tool_load(options)};
	int status = EXIT_FAILED;
	bool handed = run.conf != NULL && tool_hand_over(options, run.conf, argc, argv, &status);
	bool good = !handed && run.conf != NULL && mz_facts_cache_new(&run.facts) == MZ_OK &&
		    mz_select(&run.selection, run.conf, (const char *const *)argv, (size_t)argc,
			      on_error, &run) == MZ_OK &&
		    (mode == MZ_FLOW_PLAN || check_files(&run) == MZ_OK) &&
		    open_state(&run, mode != MZ_FLOW_PLAN) == MZ_OK;

	if (good && mode == MZ_FLOW_APPLY)
		good = let_manual_go(&run) == MZ_OK;
	if (good && mode == MZ_FLOW_APPLY)
		mz_facts_doubts(run.facts, run.conf, mz_clock_wall(), on_doubt, &run);
	if (good && mode == MZ_FLOW_APPLY)
		written = write_policies(&run);
	good = good && run_jobs(&run, mode) == MZ_OK;
	if (!handed)
		status = finish(&run, good);
	run_clear(&run);
	return written ? status : EXIT_FAILED;
}

int tool_plan(const struct options *options, int argc, char **argv)
{
	return reconcile(options, argc, argv, MZ_FLOW_PLAN);
}

int tool_apply(const struct options *options, int argc, char **argv)
{
	return reconcile(options, argc, argv, MZ_FLOW_APPLY);
}

int tool_withdraw(const struct options *options, int argc, char **argv)
{
	struct run run = {.options = options, .conf = tool_load(options)};
	int status = EXIT_FAILED;
	bool handed = run.conf != NULL && tool_hand_over(options, run.conf, argc, argv, &status);
	bool good = !handed && run.conf != NULL && mz_facts_cache_new(&run.facts) == MZ_OK &&
		    open_state(&run, true) == MZ_OK &&
		    mz_select_places(&run.selection, run.conf, run.store, argv[0], on_error,
				     &run) == MZ_OK &&
		    run_jobs(&run, MZ_FLOW_WITHDRAW) == MZ_OK;

	if (good && run.selection.count == 0 && options->format == MZ_FORMAT_TEXT)
		(void)printf("%s: the ledger holds no record of it, nothing to withdraw\n",
			     argv[0]);
	if (!handed)
		status = finish(&run, good);
	run_clear(&run);
	return status;
}

/* ACME clients come side by side, and none of them tries again: the second waits for the first to give the
 * state back, or for a daemon that starts. True where the daemon did the command. */
static bool take_turn(struct run *run, int argc, char **argv, int *status)
{
	const struct timespec pause = {.tv_nsec = TURN_PAUSE_MS * 1000000L};
	uint64_t end = mz_clock_mono_ms() + TURN_MS;
	struct mz_cause cause = {0};

	for (;;) {
		if (tool_hand_over(run->options, run->conf, argc, argv, status))
			return true;
		if (mz_lock_take(&run->lock, run->conf->state_directory, "mailzone", &cause) !=
			    MZ_ELOCKED ||
		    mz_clock_mono_ms() >= end)
			return false; /* open_state says what is wrong */
		(void)nanosleep(&pause, NULL);
	}
}

int tool_challenge(const struct options *options, int argc, char **argv)
{
	struct run run = {.options = options};
	enum mz_flow_mode mode = MZ_FLOW_PRESENT;
	int status = EXIT_FAILED;
	bool handed = false, good = false;

	if (!mz_challenge_mode(argv[0], &mode)) {
		tool_error("challenge: \"%s\" is neither present nor cleanup", argv[0]);
		return EXIT_WRONG_USAGE;
	}
	run.conf = tool_load(options);
	handed = run.conf != NULL && take_turn(&run, argc, argv, &status);
	good = !handed && run.conf != NULL &&
	       mz_select_challenge(&run.selection, run.conf, argv[1], argv[2], on_error, &run) ==
		       MZ_OK &&
	       open_state(&run, true) == MZ_OK && run_jobs(&run, mode) == MZ_OK;
	if (!handed)
		status = finish(&run, good);
	run_clear(&run);
	return status;
}
