/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that read and change zones: plan, apply, withdraw. */
#include "src/tool/tool.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The outcome of one selected domain, printed in its turn. */
struct result {
	struct mz_str text;
	bool done;
};

struct run {
	const struct options *options;
	struct mz_conf *conf;
	struct mz_facts_cache *facts;
	struct mz_lock *lock;
	struct mz_store *store;
	struct event_base *base;
	struct mz_engine *engine;
	const struct mz_conf_domain **selected;
	size_t selected_count;
	struct zone_jobs jobs;
	struct result *results;
	size_t printed, finished;
	struct event *progress;
	bool progress_shown;
	bool failed, pending;
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
	(void)fprintf(stderr, "\r%zu of %zu domains", run->finished, run->selected_count);
	(void)fflush(stderr);
	run->progress_shown = true;
}

/* Prints the results whose turn it is. */
static void print_ready(struct run *run)
{
	while (run->printed < run->selected_count && run->results[run->printed].done) {
		struct result *result = &run->results[run->printed];

		if (run->options->format == FORMAT_JSON && run->printed > 0)
			(void)fputs(",\n  ", stdout);
		if (run->options->format == FORMAT_TEXT && run->printed > 0)
			(void)fputc('\n', stdout);
		if (result->text.s != NULL)
			(void)fwrite(result->text.s, 1, result->text.len, stdout);
		mz_str_clear(&result->text);
		run->printed++;
	}
}

static bool has_pending(const struct mz_report *report)
{
	bool pending = report->change_count > 0;

	for (size_t i = 0; i < report->job->domain_count; i++)
		pending = pending || (report->job->active[i] && report->keys_missing != NULL && report->keys_missing[i] != 0);
	return pending;
}

static void on_done(void *arg, const struct mz_report *report)
{
	struct zone_job *zone = arg;
	struct run *run = zone->owner;

	clear_progress(run);
	for (size_t i = 0; i < report->job->domain_count; i++) {
		struct result *result = NULL;

		if (!report->job->active[i])
			continue;
		result = &run->results[zone->places[i]];
		if (report->error != NULL)
			tool_error("%s: %s", report->job->domains[i]->text, report->error);
		if (run->options->format == FORMAT_JSON)
			print_json(&result->text, report, i);
		else if (run->options->format == FORMAT_NSUPDATE)
			print_nsupdate(&result->text, report, i);
		else
			print_text(&result->text, report, i, run->options->colour);
		run->failed = run->failed || result->text.failed;
		result->done = true;
		run->finished++;
	}
	run->failed = run->failed || report->error != NULL || report->refusal_count > 0;
	run->pending = run->pending || has_pending(report);
	print_ready(run);
	if (run->finished == run->selected_count)
		(void)event_base_loopbreak(run->base);
}

/* ---- what to work on ------------------------------------------------------------------------------- */

static bool is_selected(const struct run *run, const struct mz_conf_domain *domain)
{
	for (size_t i = 0; i < run->selected_count; i++) {
		if (run->selected[i] == domain)
			return true;
	}
	return false;
}

static int select_domains(struct run *run, int argc, char **argv)
{
	int err = MZ_OK;

	run->selected = calloc(run->conf->domain_count + 1, sizeof(run->selected[0]));
	if (run->selected == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < run->conf->domain_count && argc == 0; i++) {
		if (run->conf->domains[i].automatic)
			run->selected[run->selected_count++] = &run->conf->domains[i];
	}
	for (int i = 0; i < argc; i++) {
		const struct mz_conf_domain *domain = mz_conf_find_domain(run->conf, argv[i]);

		if (domain == NULL) {
			tool_error("there is no domain \"%s\" in %s", argv[i], run->options->config);
			err = MZ_ENOTFOUND;
		} else if (!domain->automatic) {
			tool_error("%s is under manual management: set dns_management.mode = \"automatic\" (%s:%u)",
				   domain->text, domain->where.file, domain->where.line);
			err = MZ_EINVAL;
		} else if (!is_selected(run, domain)) {
			run->selected[run->selected_count++] = domain;
		}
	}
	return err;
}

/* Faults of the files that the domains name: found before anything is written. */
static int check_files(struct run *run)
{
	struct mz_conf_errors errors = {0};
	int err = MZ_OK;

	for (size_t i = 0; i < run->selected_count; i++)
		(void)tool_derive(run->selected[i], run->facts, NULL, NULL, NULL, &errors);
	if (errors.count > 0) {
		(void)fputs(errors.text.s, stderr);
		err = MZ_EINVAL;
	}
	mz_conf_errors_clear(&errors);
	return err;
}

static int open_state(struct run *run, bool write)
{
	const char *directory = run->conf->state_directory;
	struct mz_cause cause = {0};
	int err = MZ_OK;

	if (write) {
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

/* ---- the run ------------------------------------------------------------------------------------------ */

static int start_engine(struct run *run)
{
	struct event_config *config = event_config_new();
	struct timeval often = {0, 500000};
	struct mz_engine_input input = {.conf = run->conf, .store = run->store, .facts = run->facts};
	int err = MZ_ENOMEM;

	if (config == NULL)
		return MZ_ENOMEM;
	run->base = event_base_new_with_config(config);
	event_config_free(config);
	input.base = run->base;
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
	int err = jobs_make(&run->jobs, run->conf, run->selected, run->selected_count, run->options->families, mode);

	if (err == MZ_OK && (run->results = calloc(run->selected_count + 1, sizeof(run->results[0]))) == NULL)
		err = MZ_ENOMEM;
	if (err == MZ_OK)
		err = start_engine(run);
	for (size_t i = 0; i < run->jobs.count && err == MZ_OK; i++) {
		run->jobs.jobs[i].owner = run;
		err = mz_engine_add(run->engine, &run->jobs.jobs[i].job, on_done, &run->jobs.jobs[i]);
	}
	if (err != MZ_OK) {
		tool_error("%s", mz_strerror(err));
		return err;
	}
	if (run->options->format == FORMAT_JSON)
		(void)fputs("{\"domains\": [", stdout);
	if (run->selected_count > 0)
		(void)event_base_dispatch(run->base);
	if (run->options->format == FORMAT_JSON)
		(void)fputs("]}\n", stdout);
	return MZ_OK;
}

static void run_clear(struct run *run)
{
	struct mz_cause cause = {0};

	clear_progress(run);
	if (run->progress != NULL)
		event_free(run->progress);
	mz_engine_free(run->engine);
	if (run->base != NULL)
		event_base_free(run->base);
	/* What failed work left behind: its history. */
	if (run->store != NULL && mz_store_dirty(run->store) && mz_store_commit(run->store, &cause) != MZ_OK) {
		tool_error("%s", cause.text);
		run->failed = true;
	}
	mz_store_close(run->store);
	mz_lock_release(run->lock);
	for (size_t i = 0; run->results != NULL && i < run->selected_count; i++)
		mz_str_clear(&run->results[i].text);
	free(run->results);
	free(run->selected);
	jobs_clear(&run->jobs);
	mz_facts_cache_free(run->facts);
	mz_conf_free(run->conf);
}

static int reconcile(const struct options *options, int argc, char **argv, enum mz_flow_mode mode)
{
	struct run run = {.options = options, .conf = tool_load(options)};
	bool good = run.conf != NULL && mz_facts_cache_new(&run.facts) == MZ_OK &&
		    select_domains(&run, argc, argv) == MZ_OK &&
		    (mode == MZ_FLOW_PLAN || check_files(&run) == MZ_OK) &&
		    open_state(&run, mode != MZ_FLOW_PLAN) == MZ_OK && run_jobs(&run, mode) == MZ_OK;

	run_clear(&run);
	if (!good || run.failed)
		return EXIT_FAILED;
	return mode == MZ_FLOW_PLAN && run.pending ? EXIT_PENDING : EXIT_OK;
}

int tool_plan(const struct options *options, int argc, char **argv)
{
	return reconcile(options, argc, argv, MZ_FLOW_PLAN);
}

int tool_apply(const struct options *options, int argc, char **argv)
{
	return reconcile(options, argc, argv, MZ_FLOW_APPLY);
}

/* ---- withdraw ------------------------------------------------------------------------------------------ */

/* The places in the ledger of a domain, which may have left the configuration. */
struct places {
	const struct mz_conf *conf;
	const char *name;
	struct mz_conf_domain domains[16];
	struct mz_name wire, origins[16];
	struct mz_arena arena;
	size_t count;
	bool failed;
};

static void on_place(void *arg, const char *server, const char *origin)
{
	struct places *places = arg;
	struct mz_conf_domain *domain = &places->domains[places->count];
	struct mz_name *wire = &places->origins[places->count];

	if (places->count == sizeof(places->domains) / sizeof(places->domains[0]))
		return;
	*domain = (struct mz_conf_domain){.text = places->name, .name = places->wire.wire, .publish = MZ_FAMILIES_ALL,
					  .origin = wire->wire, .origin_text = mz_arena_strdup(&places->arena, origin),
					  .report_address = ""};
	for (size_t i = 0; i < places->conf->server_count; i++) {
		if (strcmp(places->conf->servers[i].name, server) == 0)
			domain->server = &places->conf->servers[i];
	}
	if (domain->server == NULL) {
		tool_error("%s: its records are on the server \"%s\", which is not in the configuration", places->name,
			   server);
		places->failed = true;
	} else if (domain->origin_text == NULL || mz_name_from_text(wire, origin, NULL, NULL) != MZ_OK) {
		tool_error("%s: %s", places->name, mz_strerror(MZ_ENOMEM));
		places->failed = true;
	} else {
		places->count++;
	}
}

static int find_places(struct run *run, struct places *places, const char *argument)
{
	const struct mz_conf_domain *configured = mz_conf_find_domain(run->conf, argument);
	struct mz_cause cause = {0};
	char text[MZ_NAME_TEXT] = "";
	size_t len = 0;

	if (mz_name_from_text(&places->wire, argument, NULL, &cause) != MZ_OK) {
		tool_error("%s", cause.text);
		return MZ_EINVAL;
	}
	len = strlen(mz_name_to_text(places->wire.wire, text));
	text[len > 1 ? len - 1 : len] = '\0';
	places->name = configured != NULL ? configured->text : mz_arena_strdup(&places->arena, text);
	if (places->name == NULL ||
	    mz_store_ledger_places(run->store, places->name, on_place, places) != MZ_OK || places->failed)
		return MZ_EFAILED;
	run->selected = calloc(places->count + 1, sizeof(run->selected[0]));
	if (run->selected == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < places->count; i++)
		run->selected[run->selected_count++] = &places->domains[i];
	if (places->count == 0 && configured == NULL)
		tool_error("%s is not in the configuration, and the ledger holds no record of it", places->name);
	else if (places->count == 0 && run->options->format == FORMAT_TEXT)
		(void)printf("%s: the ledger holds no record of it, nothing to withdraw\n", places->name);
	return places->count == 0 && configured == NULL ? MZ_ENOTFOUND : MZ_OK;
}

int tool_withdraw(const struct options *options, int argc, char **argv)
{
	struct run run = {.options = options, .conf = tool_load(options)};
	struct places *places = calloc(1, sizeof(*places));
	bool good = false;

	(void)argc;
	if (places != NULL && run.conf != NULL) {
		places->conf = run.conf;
		good = mz_facts_cache_new(&run.facts) == MZ_OK && open_state(&run, true) == MZ_OK &&
		       find_places(&run, places, argv[0]) == MZ_OK && run_jobs(&run, MZ_FLOW_WITHDRAW) == MZ_OK;
	}
	run_clear(&run);
	if (places != NULL)
		mz_arena_clear(&places->arena);
	free(places);
	return good && !run.failed ? EXIT_OK : EXIT_FAILED;
}
