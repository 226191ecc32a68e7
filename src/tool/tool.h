/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's tool: what its files share. */
#ifndef MZ_TOOL_TOOL_H
#define MZ_TOOL_TOOL_H

#include "mailzone/flow.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_PENDING = 2, EXIT_WRONG_USAGE = 64 };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_NSUPDATE };

struct options {
	const char *config;
	enum format format;
	mz_families families; /* --records */
	bool records_given;
	int verbose;
	bool colour;
};

/* A command: its arguments are what is left of the line. Returns the exit status. */
struct command {
	const char *name, *arguments, *help;
	int (*run)(const struct options *options, int argc, char **argv);
	bool takes_records, takes_nsupdate;
	int min_arguments, max_arguments; /* max < 0: any number */
};

int tool_check(const struct options *options, int argc, char **argv);
int tool_export(const struct options *options, int argc, char **argv);
int tool_plan(const struct options *options, int argc, char **argv);
int tool_apply(const struct options *options, int argc, char **argv);
int tool_withdraw(const struct options *options, int argc, char **argv);

/* Says one line on stderr, with the program's name. */
void tool_error(const char *fmt, ...) MZ_PRINTF(1, 2);
/* Loads the configuration or prints all its errors; NULL then. */
struct mz_conf *tool_load(const struct options *options);
/* Derives the records of the domain, to find the faults of the files it names. `out` may be NULL. */
int tool_derive(const struct mz_conf_domain *domain, struct mz_facts_cache *cache, struct mz_store *store,
		struct mz_rrlist *out, unsigned *keys_missing, struct mz_conf_errors *errors);

/* ---- jobs.c: zones from domains ------------------------------------------------------------------ */

/* One zone's job, and where the results of its active domains go. */
struct zone_job {
	struct mz_job job;
	size_t *places; /* parallel to job.domains: index into the results */
	void *owner;	/* for the callback */
};
struct zone_jobs {
	struct zone_job *jobs;
	size_t count;
	struct mz_arena arena;
};
/* Groups the selected domains by server and origin; the other automatic domains of each zone come
 * along, not active. places[i] is i of `selected`. MZ_ENOMEM. */
int jobs_make(struct zone_jobs *out, const struct mz_conf *conf, const struct mz_conf_domain *const *selected,
	      size_t count, mz_families families, enum mz_flow_mode mode);
void jobs_clear(struct zone_jobs *jobs);

/* ---- print.c, print_json.c: a report for one of its domains ------------------------------------------ */

void print_text(struct mz_str *out, const struct mz_report *report, size_t domain, bool colour);
void print_json(struct mz_str *out, const struct mz_report *report, size_t domain);
/* The whole zone's plan for nsupdate; printed with its first active domain. */
void print_nsupdate(struct mz_str *out, const struct mz_report *report, size_t domain);
/* The names of the algorithms in a set of bits, with commas. */
void print_algorithms(struct mz_str *out, unsigned algorithms, const char *quote);

#endif
