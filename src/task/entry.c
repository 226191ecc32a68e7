/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of the queue, ordered three times: by number, domain and due time. */
#include "src/task/entry.h"

#include <stdlib.h>
#include <string.h>

/* Domains that share a hash are told apart when they are looked up. */
static int64_t hash_of(const char *domain)
{
	return (int64_t)mz_hash(MZ_HASH, domain, strlen(domain));
}

/* Without memory the task goes on, and only its reason is lost. */
static void set_reason(struct mz_entry *entry, const char *reason)
{
	char *copy = NULL;
	const char *text = "";

	if (*reason != '\0') {
		copy = strndup(reason, MZ_TASK_REASON - 1);
		text = copy != NULL ? copy : mz_strerror(MZ_ENOMEM);
	}
	free(entry->reason);
	entry->reason = copy;
	entry->task.reason = text;
}

struct mz_entry *mz_entry_new(const struct mz_task *task, bool light)
{
	size_t size = strlen(task->domain) + 1;
	struct mz_entry *entry = malloc(sizeof(*entry) + size);

	if (entry == NULL)
		return NULL;
	*entry = (struct mz_entry){.task = *task, .light = light};
	memcpy(entry->domain, task->domain, size);
	entry->task.domain = entry->domain;
	set_reason(entry, task->reason);
	entry->by_id = (struct mz_node){.id = task->id, .item = entry};
	entry->by_domain = entry->by_id;
	entry->by_domain.key = hash_of(task->domain);
	entry->by_due = entry->by_id;
	return entry;
}

void mz_entry_free(struct mz_entry *entry)
{
	if (entry == NULL)
		return;
	free(entry->reason);
	free(entry);
}

bool mz_entry_waits(const struct mz_entry *entry)
{
	return entry->task.state == MZ_TASK_PENDING || entry->task.state == MZ_TASK_RETRY;
}

static void add_due(struct mz_queue *queue, struct mz_entry *entry)
{
	entry->by_due.key = entry->task.due;
	if (mz_entry_waits(entry))
		mz_tree_add(&queue->due, &entry->by_due);
}

static void remove_due(struct mz_queue *queue, struct mz_entry *entry)
{
	if (mz_entry_waits(entry))
		mz_tree_remove(&queue->due, &entry->by_due);
}

void mz_entry_add(struct mz_queue *queue, struct mz_entry *entry)
{
	mz_tree_add(&queue->ids, &entry->by_id);
	mz_tree_add(&queue->domains, &entry->by_domain);
	add_due(queue, entry);
}

void mz_entry_drop(struct mz_queue *queue, struct mz_entry *entry)
{
	remove_due(queue, entry);
	mz_tree_remove(&queue->domains, &entry->by_domain);
	mz_tree_remove(&queue->ids, &entry->by_id);
	mz_entry_free(entry);
}

void mz_entry_change(struct mz_queue *queue, struct mz_entry *entry, const struct mz_task *task)
{
	const char *reason = entry->task.reason;

	remove_due(queue, entry);
	entry->task = *task;
	entry->task.domain = entry->domain;
	if (task->reason != reason)
		set_reason(entry, task->reason);
	add_due(queue, entry);
}

struct mz_entry *mz_entry_find(const struct mz_queue *queue, int64_t id)
{
	struct mz_node *node = id > 0 ? mz_tree_after(queue->ids, 0, id - 1) : NULL;

	return node != NULL && node->id == id ? node->item : NULL;
}

struct mz_entry *mz_entry_of_domain(const struct mz_queue *queue, const char *domain, int64_t id)
{
	int64_t hash = hash_of(domain);
	struct mz_node *node = NULL;

	while ((node = mz_tree_after(queue->domains, hash, id)) != NULL && node->key == hash) {
		struct mz_entry *entry = node->item;

		if (strcmp(entry->domain, domain) == 0)
			return entry;
		id = node->id;
	}
	return NULL;
}

/* ---- what the header offers of it ---------------------------------------------------------- */

int64_t mz_queue_next(const struct mz_queue *queue)
{
	const struct mz_node *node = mz_tree_after(queue->due, INT64_MIN, 0);

	if (node == NULL)
		return 0;
	return node->key > 0 ? node->key : 1; /* 0 means that there is none */
}

void mz_queue_due(struct mz_queue *queue, int64_t now,
		  bool (*fn)(void *arg, const struct mz_task *task), void *arg)
{
	int64_t key = INT64_MIN, id = 0, last = queue->last;
	const struct mz_node *node = NULL;

	/* Each step looks anew, as fn may have changed anything. What fn files is left out, so that
	 * this comes to an end. */
	while ((node = mz_tree_after(queue->due, key, id)) != NULL && node->key <= now) {
		const struct mz_entry *entry = node->item;

		key = node->key;
		id = node->id;
		if (id <= last && !fn(arg, &entry->task))
			return;
	}
}

void mz_queue_of_domain(struct mz_queue *queue, const char *domain,
			void (*fn)(void *arg, const struct mz_task *task), void *arg)
{
	int64_t id = 0, last = queue->last;
	const struct mz_entry *entry = NULL;

	while ((entry = mz_entry_of_domain(queue, domain, id)) != NULL && entry->task.id <= last) {
		id = entry->task.id;
		fn(arg, &entry->task);
	}
}

const struct mz_task *mz_queue_find(const struct mz_queue *queue, int64_t id)
{
	const struct mz_entry *entry = mz_entry_find(queue, id);

	return entry == NULL ? NULL : &entry->task;
}
