/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue and its entries in memory; private to the room. */
#ifndef MZ_TASK_ENTRY_H
#define MZ_TASK_ENTRY_H

#include "mailzone/task.h"
#include "src/task/tree.h"

/* An unfinished task. */
struct mz_entry {
	struct mz_task task;
	bool light;		   /* not in the store */
	enum mz_task_state before; /* it was started in this state */
	struct mz_node by_id, by_domain;
	struct mz_node by_due; /* in the tree while the task waits */
	char *reason;	       /* owned; NULL: task.reason is a constant */
	char domain[];
};

struct mz_queue {
	struct mz_store *store;
	struct mz_conf_tasks rules;
	struct mz_node *ids;	 /* (0, id) */
	struct mz_node *domains; /* (hash of the domain, id) */
	struct mz_node *due;	 /* (due, id): those that wait */
	int64_t last;		 /* the highest number that was ever given */
	unsigned over;		 /* how many have gone into the store as done or failed */
};

/* A copy of the task that is in no queue yet; NULL when out of memory. */
struct mz_entry *mz_entry_new(const struct mz_task *task, bool light);
void mz_entry_free(struct mz_entry *entry);
void mz_entry_add(struct mz_queue *queue, struct mz_entry *entry);
/* Takes it out of the queue and frees it. */
void mz_entry_drop(struct mz_queue *queue, struct mz_entry *entry);
/* Takes over all fields but the domain (and the number, which stays the same). */
void mz_entry_change(struct mz_queue *queue, struct mz_entry *entry, const struct mz_task *task);

/* NULL when there is none. */
struct mz_entry *mz_entry_find(const struct mz_queue *queue, int64_t id);
/* Is it pending or in retry? */
bool mz_entry_waits(const struct mz_entry *entry);
/* The first entry of the domain with a number above `id`; NULL: none. */
struct mz_entry *mz_entry_of_domain(const struct mz_queue *queue, const char *domain, int64_t id);

#endif
