/* SPDX-License-Identifier: BSD-2-Clause */
/* Who waits for the files of signers, and one write of them after the other. */
#include "src/daemon/dkim.h"
#include "src/daemon/worker.h"

#include <stdlib.h>

/* Whoever waits for a write. */
struct signers_wait {
	STAILQ_ENTRY(signers_wait) link;
	signers_written done;
	void *arg;
};

/* One write. But for `app` and `waits` it is the thread's while it is under way. */
struct signers_job {
	struct app *app;
	STAILQ_HEAD(, signers_wait) waits;
	struct site *site; /* held */
	struct mz_cause cause;
	int err;
};

/* In the thread. */
static void run(void *arg)
{
	struct signers_job *job = arg;

	job->err = dkim_files_write(job->site->conf, &job->cause);
}

static void job_free(struct signers_job *job)
{
	struct signers_wait *wait = NULL;

	while ((wait = STAILQ_FIRST(&job->waits)) != NULL) {
		STAILQ_REMOVE_HEAD(&job->waits, link);
		free(wait);
	}
	site_release(job->site);
	free(job);
}

static void on_done(void *arg, bool over);

/* Starts the write that was asked for last, when none is under way. */
static void begin(struct app *app)
{
	struct signers_job *job = app->signers_next;

	if (job == NULL || app->signers_now != NULL)
		return;
	app->signers_next = NULL;
	app->signers_now = job;
	job->site = app->site;
	site_hold(job->site);
	if (worker_order(app->writer, run, on_done, job) == MZ_OK)
		return;
	job->err = mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory");
	on_done(job, false);
}

static void on_done(void *arg, bool over)
{
	struct signers_job *job = arg;
	struct app *app = job->app;
	const struct signers_wait *wait = NULL;

	app->signers_now = NULL;
	if (job->err != MZ_OK && !over)
		mz_log(MZ_LOG_ERROR, "signers", "reason", job->cause.text, NULL);
	STAILQ_FOREACH(wait, &job->waits, link)
	{
		if (!over)
			wait->done(wait->arg, job->err, job->cause.text);
	}
	job_free(job);
	if (!over)
		begin(app);
}

static struct signers_job *job_new(struct app *app)
{
	struct signers_job *job = calloc(1, sizeof(*job));

	if (job != NULL) {
		STAILQ_INIT(&job->waits);
		job->app = app;
	}
	return job;
}

bool signers_are_wanted(const struct mz_conf *conf)
{
	bool wanted = conf->signers.directory != NULL;

	for (unsigned i = 0; i < MZ_SIGNERS_INDEX; i++)
		wanted = wanted || conf->signers.file[i] != NULL;
	return wanted;
}

/* A write that is under way may have read the store before what this one is about was there. */
int signers_write(struct app *app, signers_written done, void *arg)
{
	struct signers_wait *wait = malloc(sizeof(*wait));

	if (wait != NULL && app->signers_next == NULL)
		app->signers_next = job_new(app);
	if (wait == NULL || app->signers_next == NULL) {
		free(wait);
		return MZ_ENOMEM;
	}
	*wait = (struct signers_wait){.done = done, .arg = arg};
	STAILQ_INSERT_TAIL(&app->signers_next->waits, wait, link);
	begin(app);
	return MZ_OK;
}

static void on_refreshed(void *arg, int err, const char *why)
{
	(void)arg;
	(void)err;
	(void)why; /* it is in the log */
}

static void on_committed(void *arg, int err, const char *why)
{
	struct app *app = arg;

	(void)why;
	if (err == MZ_OK && signers_write(app, on_refreshed, NULL) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "signers", "reason", mz_strerror(MZ_ENOMEM), NULL);
}

void signers_refresh(struct app *app)
{
	if (signers_are_wanted(app->site->conf) &&
	    mz_engine_commit(app->engine, on_committed, app) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "signers", "reason", mz_strerror(MZ_ENOMEM), NULL);
}

void signers_clear(struct app *app)
{
	worker_free(app->writer);
	app->writer = NULL;
	if (app->signers_next != NULL)
		job_free(app->signers_next);
	app->signers_next = NULL;
}
