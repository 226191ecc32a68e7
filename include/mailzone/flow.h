/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `flow`: the reconcile of one zone, from the probe to the record. */
#ifndef MZ_FLOW_H
#define MZ_FLOW_H

#include "mailzone/update.h"

enum mz_flow_mode {
	MZ_FLOW_PLAN,	  /* read and plan; change nothing */
	MZ_FLOW_APPLY,	  /* plan, update, verify, wait for the secondaries, record */
	MZ_FLOW_WITHDRAW, /* the same with nothing desired of the active domains */
};

/* One zone to reconcile. All pointers are borrowed until it is done. */
struct mz_job {
	const struct mz_conf_server *server;
	const uint8_t *origin;
	const char *origin_text;
	const struct mz_conf_domain *const *domains; /* all that live in the zone */
	const bool *active;			     /* parallel: work on this one now */
	size_t domain_count;
	mz_families families; /* narrows what the domains publish */
	enum mz_flow_mode mode;
};

/* What became of a job; everything in it holds during the callback. */
struct mz_report {
	const struct mz_job *job;
	const char *error;	     /* one line, or NULL */
	bool have_serial;
	uint32_t serial;	     /* of the primary, as it was last seen */
	const char *read;	     /* "axfr", "query", "serial" (unchanged since it was verified), or NULL */
	const struct mz_change *changes; /* PLAN: to be made; else: made. Ordered by owner */
	size_t change_count;
	const struct mz_refusal *refusals;
	size_t refusal_count;
	const struct mz_plan_count *counts; /* one a domain; NULL when no plan was made */
	const unsigned *keys_missing;	    /* one a domain: DKIM algorithms (bits) to be made by apply */
	uint32_t foreign;
	const struct mz_plan *plan; /* PLAN mode with a plan: for the script; else NULL */
	const struct mz_live *live;
};
typedef void (*mz_flow_done)(void *arg, const struct mz_report *report);

/* What all jobs of a process share. */
struct mz_engine;
struct mz_engine_input {
	struct event_base *base;
	const struct mz_conf *conf;
	struct mz_store *store; /* NULL: nothing is known (then only PLAN works) */
	struct mz_facts_cache *facts;
};
int mz_engine_new(struct mz_engine **out, const struct mz_engine_input *input);
/* Cancels what runs, without callbacks. */
void mz_engine_free(struct mz_engine *engine);
/* Queues a job: `done` is called exactly once, from the loop. Jobs run side by side, no more than
 * fit the memory of a small machine; those of one zone must not be queued together. */
int mz_engine_add(struct mz_engine *engine, const struct mz_job *job, mz_flow_done done, void *arg);
/* Jobs that are not done yet. */
size_t mz_engine_pending(const struct mz_engine *engine);

#endif
