/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue's insides; private to the room. */
#ifndef MZ_TASK_QUEUE_H
#define MZ_TASK_QUEUE_H

#include "mailzone/task.h"
#include "src/task/heap.h"

/* A task that is not over. */
struct queued {
	struct mz_task task; /* first: trees and heap look at it */
	size_t place;	     /* in the heap while it waits; HEAP_NONE: it runs */
	bool light;
	char *domain, *reason;
};

struct mz_queue {
	struct mz_store *store;
	struct mz_conf_tasks rules;
	struct heap heap;     /* those that wait, by due */
	void *by_id, *by_key; /* tsearch(3): all; those that wait, by kind, domain and flags */
	size_t entries;	      /* in by_id */
	int64_t last_id;
	unsigned over; /* since the store was trimmed */
};

/* Makes an entry and enters it. NULL: no memory. */
struct queued *queue_add(struct mz_queue *queue, const struct mz_task *task, bool light);
struct queued *queue_entry(const struct mz_queue *queue, int64_t id);
/* The one of this key that waits, or NULL. */
struct queued *queue_waiting(const struct mz_queue *queue, enum mz_task_kind kind,
			     const char *domain, unsigned flags);
/* The entry waits (again); MZ_ENOMEM. */
int queue_wait(struct mz_queue *queue, struct queued *entry);
/* Writes a task that is not light. */
int queue_store(struct mz_queue *queue, const struct queued *entry);
void queue_drop(struct mz_queue *queue, struct queued *entry);
int queue_set_reason(struct queued *entry, const char *reason);

#endif
