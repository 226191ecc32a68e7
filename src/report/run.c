/* SPDX-License-Identifier: BSD-2-Clause */
/* A run over some domains: a job a zone, the results in the order in which they were asked for. */
#include "src/report/report.h"

#include <stdio.h>
#include <stdlib.h>

/* The outcome of one selected domain, printed in its turn. */
struct result {
	struct mz_str text;
	bool done;
};

struct mz_run {
	struct mz_run_input in;
	struct zone_jobs jobs;
	struct result *results;
	size_t printed, finished;
	bool failed, pending;
};

static void output(struct mz_run *run, const char *text)
{
	run->in.output(run->in.arg, text);
}

/* Prints the results whose turn it is. */
static void print_ready(struct mz_run *run)
{
	while (run->printed < run->in.selection->count && run->results[run->printed].done) {
		struct result *result = &run->results[run->printed];

		if (run->printed > 0 && run->in.format == MZ_FORMAT_JSON)
			output(run, ",\n  ");
		if (run->printed > 0 && run->in.format == MZ_FORMAT_TEXT)
			output(run, "\n");
		if (result->text.s != NULL)
			output(run, result->text.s);
		mz_str_clear(&result->text);
		run->printed++;
	}
	if (run->printed == run->in.selection->count && run->in.format == MZ_FORMAT_JSON)
		output(run, "]}\n");
}

static bool has_pending(const struct mz_report *report)
{
	bool pending = report->change_count > 0;

	for (size_t i = 0; i < report->job->domain_count; i++)
		pending = pending || (report->job->active[i] && report->keys_missing != NULL &&
				      report->keys_missing[i] != 0);
	return pending;
}

static void say_error(struct mz_run *run, const char *domain, const char *error)
{
	struct mz_str line = {0};

	mz_str_addf(&line, "%s: %s", domain, error);
	run->in.error(run->in.arg, line.failed ? error : line.s);
	mz_str_clear(&line);
}

static void print_domain(struct mz_run *run, const struct mz_report *report, size_t domain,
			 struct mz_str *out)
{
	if (run->in.format == MZ_FORMAT_JSON)
		print_json(out, report, domain);
	else if (run->in.format == MZ_FORMAT_NSUPDATE)
		print_nsupdate(out, report, domain);
	else
		print_text(out, report, domain, run->in.colour);
	run->failed = run->failed || out->failed;
}

static void finish(struct zone_job *zone, const struct mz_report *report)
{
	struct mz_run *run = zone->owner;

	for (size_t i = 0; i < report->job->domain_count; i++) {
		if (!report->job->active[i])
			continue;
		if (report->error != NULL)
			say_error(run, report->job->domains[i]->text, report->error);
		print_domain(run, report, i, &run->results[zone->places[i]].text);
		run->results[zone->places[i]].done = true;
		run->finished++;
	}
	run->failed = run->failed || report->error != NULL || report->refusal_count > 0;
	run->pending = run->pending || has_pending(report);
	print_ready(run);
	if (run->finished == run->in.selection->count)
		run->in.done(run->in.arg);
}

static void on_done(void *arg, const struct mz_report *report)
{
	struct zone_job *zone = arg;
	struct mz_run *run = zone->owner;
	struct mz_report failed = *report;
	struct mz_cause cause = {0};
	int err = MZ_OK;

	if (report->alias != NULL) {
		err = challenge_follow(&run->jobs, run->in.conf, zone, report->alias, &cause);
		if (err == MZ_OK)
			err = run->in.submit(run->in.arg, &zone->job, on_done, zone);
		if (err == MZ_OK)
			return;
		failed.error = cause.text[0] != '\0' ? cause.text : mz_strerror(err);
		failed.fault = MZ_FAULT_OTHER;
		report = &failed;
	}
	finish(zone, report);
}

int mz_run_start(struct mz_run **out, const struct mz_run_input *input)
{
	struct mz_run *run = calloc(1, sizeof(*run));
	int err = run == NULL ? MZ_ENOMEM : MZ_OK;

	*out = NULL;
	if (err != MZ_OK)
		return err;
	run->in = *input;
	run->results = calloc(input->selection->count + 1, sizeof(run->results[0]));
	err = run->results == NULL ? MZ_ENOMEM : jobs_make(&run->jobs, &run->in);
	for (size_t i = 0; i < run->jobs.count && err == MZ_OK; i++) {
		run->jobs.jobs[i].owner = run;
		err = input->submit(input->arg, &run->jobs.jobs[i].job, on_done,
				    &run->jobs.jobs[i]);
	}
	if (err != MZ_OK) {
		mz_run_free(run);
		return err;
	}
	if (input->format == MZ_FORMAT_JSON)
		output(run, "{\"domains\": [");
	if (input->selection->count == 0)
		print_ready(run);
	*out = run;
	return MZ_OK;
}

void mz_run_free(struct mz_run *run)
{
	if (run == NULL)
		return;
	for (size_t i = 0; run->results != NULL && i < run->in.selection->count; i++)
		mz_str_clear(&run->results[i].text);
	free(run->results);
	jobs_clear(&run->jobs);
	free(run);
}

size_t mz_run_finished(const struct mz_run *run)
{
	return run->finished;
}

int mz_run_status(const struct mz_run *run)
{
	if (run->failed)
		return 1;
	return run->in.mode == MZ_FLOW_PLAN && run->pending ? 2 : 0;
}
