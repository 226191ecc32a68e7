/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the room `report` share. */
#ifndef MZ_REPORT_INTERNAL_H
#define MZ_REPORT_INTERNAL_H

#include "mailzone/report.h"

/* ---- jobs.c: zones from domains ---- */

/* One zone's job, and where the results of its active domains go. */
struct zone_job {
	struct mz_job job;
	size_t *places; /* parallel to job.domains: index into the selection; SIZE_MAX: not active */
	void *owner;	/* for the callback */
	unsigned hops;	/* of a challenge: CNAMEs followed */
};
struct zone_jobs {
	struct zone_job *jobs;
	size_t count;
	struct mz_arena arena;
};
/* Groups the selected domains by server and origin, in the order of the selection; the other automatic
 * domains of each zone come along, not active. MZ_ENOMEM. */
int jobs_make(struct zone_jobs *out, const struct mz_run_input *input);
void jobs_clear(struct zone_jobs *jobs);

/* ---- select.c ---- */

/* Says one line. */
void complain(mz_say say, void *arg, const char *fmt, ...) MZ_PRINTF(3, 4);

/* ---- challenge.c ---- */

/* Turns the job of a challenge to the name that its CNAME leads to. MZ_EFAILED with a cause where that is
 * in no zone of ours, or after too many of them; MZ_ENOMEM. */
int challenge_follow(struct zone_jobs *jobs, const struct mz_conf *conf, struct zone_job *zone,
		     const uint8_t *alias, struct mz_cause *cause);

/* ---- text.c, json.c: a report for one of its domains ---- */

void print_text(struct mz_str *out, const struct mz_report *report, size_t domain, bool colour);
void print_json(struct mz_str *out, const struct mz_report *report, size_t domain);
/* The whole zone's plan for nsupdate; printed with its first active domain. */
void print_nsupdate(struct mz_str *out, const struct mz_report *report, size_t domain);
/* The names of the algorithms in a set of bits, with commas. */
void print_algorithms(struct mz_str *out, unsigned algorithms, const char *quote);

#endif
