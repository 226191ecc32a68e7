/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `task`: what is to be done when, what failed how often, and whom to leave
 * alone. Nothing here looks at a clock: `now` is wall time in seconds. */
#ifndef MZ_TASK_H
#define MZ_TASK_H

#include "mailzone/store.h"

/* ---- backoff: pure ------------------------------------------------------------------------ */

/* Seconds until the next attempt after `attempt` (1 after the first) failed, never less than 1:
 * exponential, initial_delay * factor^(attempt-1), at most max_delay, of which `jitter` takes a
 * random part of up to half away (`random` is uniform in 0..UINT32_MAX); or the fixed delay.
 * `slow`: max_delay at once, as the operator has to mend something. */
int64_t mz_backoff(const struct mz_conf_tasks *rules, unsigned attempt, bool slow, uint32_t random);

/* ---- breaker: pure; one a server ---------------------------------------------------------- */

enum mz_breaker_state { MZ_BREAKER_OK, MZ_BREAKER_SLOW, MZ_BREAKER_DOWN };
struct mz_breaker { /* {0}: a server of which nothing is known is OK */
	enum mz_breaker_state state;
	unsigned failures;  /* in a row; in DOWN only those of probes are added */
	int64_t since;	    /* wall: in this state since */
	int64_t next_probe; /* wall: DOWN: when one job may go through */
	bool probing;	    /* it is under way */
	char reason[256];   /* of the last failure, "" in OK */
};
/* May a job for this server start now? In DOWN one may at next_probe, and is then the probe; one
 * that has not reported after a minute is given up. */
bool mz_breaker_allows(struct mz_breaker *breaker, int64_t now);
/* The same without taking the probe: when to ask again (wall), 0: now. */
int64_t mz_breaker_wait(const struct mz_breaker *breaker, int64_t now);
/* A job heard from the server / did not (silence, no connection). Any failure since the last
 * success: SLOW. The fifth in a row: DOWN; probes then come after 5 s, 10 s, 20 s, ... at most
 * 60 s. In DOWN a job that had started before fails without a further delay. */
void mz_breaker_good(struct mz_breaker *breaker, int64_t now);
void mz_breaker_bad(struct mz_breaker *breaker, int64_t now, const char *reason);

/* ---- the queue ---------------------------------------------------------------------------- */

/* The tasks that are not over yet, in memory and (but for light ones) in the store. Writes go into
 * the store's open transaction; whoever must know that they are durable waits for its commit.
 * Besides what is said below the functions return the errors of the store, and MZ_ENOMEM. The
 * queue is then as it was before, and a task that was to be filed or started is not: but
 * postponing and finishing always happen in memory. */
struct mz_queue;

/* Loads the unfinished tasks; those that were running when the last process ended are pending
 * again, due now, with the attempt not counted. `rules` is copied. Damaged tasks are left out: the
 * cause then says so, although MZ_OK is returned. The queue must be freed before the store is
 * closed. */
int mz_queue_new(struct mz_queue **out, struct mz_store *store, const struct mz_conf_tasks *rules,
		 int64_t now, struct mz_cause *cause);
void mz_queue_free(struct mz_queue *queue);
void mz_queue_set_rules(struct mz_queue *queue, const struct mz_conf_tasks *rules);

struct mz_queue_input {
	enum mz_task_kind kind;
	const char *domain; /* shorter than MZ_NAME_TEXT; copied */
	mz_families families;
	unsigned flags;
	int64_t due;
	/* A look by timer: stored only once it has failed (from then on it is a task like the
	 * others), gone without a trace when it went well. */
	bool light;
};
/* Files a task. One of the same kind, domain and flags that is pending (or in retry) is the same
 * task: families are joined, the earlier due counts (a retry keeps its attempts), and it is no
 * longer light when this one is not. Of two such tasks, the one that is due first is meant. A
 * running one does not count: what is filed meanwhile runs after it. *id: its number; a new one is
 * above all that were ever stored, or given in this process. */
int mz_queue_file(struct mz_queue *queue, const struct mz_queue_input *input, int64_t now,
		  int64_t *id);

/* The functions that call fn hand out tasks as mz_queue_find does, and fn may call any function
 * of the queue but mz_queue_free. Tasks that it files need not be visited. */

/* When the next task is due (wall); 0: none is waiting. */
int64_t mz_queue_next(const struct mz_queue *queue);
/* Calls fn for each task that is due, the longest due first, until it returns false. */
void mz_queue_due(struct mz_queue *queue, int64_t now,
		  bool (*fn)(void *arg, const struct mz_task *task), void *arg);
/* The unfinished tasks of a domain (pending, retry, running), whenever they are due, in the order of
 * their numbers. */
void mz_queue_of_domain(struct mz_queue *queue, const char *domain,
			void (*fn)(void *arg, const struct mz_task *task), void *arg);
/* An unfinished task, or NULL; valid until the queue is changed. */
const struct mz_task *mz_queue_find(const struct mz_queue *queue, int64_t id);

/* pending or retry -> running; attempt + 1. MZ_ENOTFOUND when no such task waits. */
int mz_queue_start(struct mz_queue *queue, int64_t id, int64_t now);
/* running -> back as it was before, due at `due`, the attempt not counted: nobody could be asked.
 * MZ_ENOTFOUND when no such task runs. */
int mz_queue_postpone(struct mz_queue *queue, int64_t id, int64_t due, int64_t now,
		      const char *reason);
enum mz_task_result { MZ_RESULT_DONE, MZ_RESULT_RETRY, MZ_RESULT_RETRY_SLOW, MZ_RESULT_FAILED };
/* running -> done, retry or failed: failed after max_attempts, or where the next attempt would come
 * after created + total_deadline. What is over leaves the queue, and the store keeps the last
 * thousand. Returns the new state in *state (may be NULL). MZ_ENOTFOUND when no such task runs. */
int mz_queue_finish(struct mz_queue *queue, int64_t id, enum mz_task_result result,
		    const char *reason, int64_t now, uint32_t random, enum mz_task_state *state);

/* The operator's. Such a task is no longer light. MZ_ENOTFOUND; MZ_ESTATE when it runs or is done,
 * with a cause that says so. */
/* A failed, retry or pending task becomes pending, due now, attempts forgotten, created now. */
int mz_queue_retry(struct mz_queue *queue, int64_t id, int64_t now, struct mz_cause *cause);
/* Another due time for a task that waits, at the earliest now. MZ_ESTATE also for a failed one. */
int mz_queue_reschedule(struct mz_queue *queue, int64_t id, int64_t due, int64_t now,
			struct mz_cause *cause);
/* Away with it, also with a failed or a damaged one. */
int mz_queue_cancel(struct mz_queue *queue, int64_t id, struct mz_cause *cause);
/* All tasks, also light ones, and those that are over (from the store), in the order of their
 * numbers. Damaged ones are left out, and MZ_ESTATE returned at the end. */
int mz_queue_list(struct mz_queue *queue, void (*fn)(void *arg, const struct mz_task *task),
		  void *arg);

#endif
