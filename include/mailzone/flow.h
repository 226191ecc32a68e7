/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `flow`: the reconcile of one zone, from the probe to the record. */
#ifndef MZ_FLOW_H
#define MZ_FLOW_H

#include "mailzone/update.h"

enum mz_flow_mode {
	MZ_FLOW_PLAN,	  /* read and plan; change nothing */
	MZ_FLOW_APPLY,	  /* plan, update, verify, wait for the secondaries, record */
	MZ_FLOW_WITHDRAW, /* the same with nothing desired of the active domains */
	MZ_FLOW_UNDO,	  /* turn one change of the active domain back */
	MZ_FLOW_PRESENT, /* add one TXT at the name of the one domain; wait until each server has it */
	MZ_FLOW_CLEANUP, /* delete it */
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
	struct mz_facts_cache *facts;
	/* How long what may pass is tried again; what was begun is ended all the same. */
	unsigned patience_ms;
	/* UNDO: the change of the active domain, its lists ordered. */
	const struct mz_store_change *undo;
	/* PRESENT, CLEANUP: the text of the TXT. No ledger has it: who knows it may delete it. */
	const char *value;
	/* Called once at most, from the loop and before `done`, with its argument: nothing more is sent to the zone,
	 * only the servers are looked at. May be NULL. */
	void (*settled)(void *arg);
};

/* What became of a job; everything in it holds during the callback. */
struct mz_report {
	const struct mz_job *job;
	const char *error;   /* one line, or NULL */
	enum mz_fault fault; /* of what kind it is; NONE where there is no error */
	bool have_serial;
	uint32_t serial;  /* of the primary, as it was last seen */
	const char *read; /* "axfr", "query", "serial" (unchanged since it was verified), or NULL */
	const struct mz_change *changes; /* PLAN: to be made; else: made. Ordered by owner */
	size_t change_count;
	const struct mz_refusal *refusals;
	size_t refusal_count;
	const struct mz_plan_count *counts; /* one a domain; NULL when no plan was made */
	const unsigned *keys_missing; /* one a domain: DKIM algorithms (bits) to be made by apply */
	const struct mz_tlsa_wait *tlsa; /* one a domain: what its TLSA records wait for */
	uint32_t foreign;
	const struct mz_plan *plan; /* PLAN mode with a plan: for the script; else NULL */
	const struct mz_live *live;
	/* PRESENT, CLEANUP: the name is a CNAME to this one (wire), and nothing was done; else NULL */
	const uint8_t *alias;
};
typedef void (*mz_flow_done)(void *arg, const struct mz_report *report);

/* What all jobs of a process share. */
struct mz_engine;
struct mz_engine_input {
	struct event_base *base;
	const char *state_directory;
	struct mz_store *store; /* NULL: nothing is known (then only PLAN works) */
	bool make_keys; /* APPLY makes the DKIM keys that are missing, which blocks the loop */
};
int mz_engine_new(struct mz_engine **out, const struct mz_engine_input *input);
/* Cancels what runs, without callbacks. */
void mz_engine_free(struct mz_engine *engine);
/* Queues a job: `done` is called exactly once, from the loop. Jobs run side by side, no more than
 * fit the memory of a small machine. Those of one zone must not be queued together, but for challenges once
 * the job before them is settled. */
int mz_engine_add(struct mz_engine *engine, const struct mz_job *job, mz_flow_done done, void *arg);
/* What was written to the store becomes durable soon, together with what the jobs wrote; only the
 * engine commits. `fn`, which may be NULL, is called once from the loop: MZ_OK, or an error and its
 * text, and then all that was written since the last commit is undone. MZ_ENOMEM: it will not be
 * called, and nothing is committed for it. */
typedef void (*mz_committed)(void *arg, int err, const char *why);
int mz_engine_commit(struct mz_engine *engine, mz_committed fn, void *arg);
/* Jobs that are not done yet. */
size_t mz_engine_pending(const struct mz_engine *engine);

#endif
