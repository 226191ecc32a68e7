/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue: what is due, what there is, and what the operator does with it. */
#include "src/task/queue.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

int64_t mz_queue_next(const struct mz_queue *queue)
{
	return queue->heap.count == 0 ? 0 : queue->heap.item[0]->task.due;
}

struct due {
	int64_t due, id;
};

static int by_due(const void *a, const void *b)
{
	const struct due *x = a, *y = b;

	if (x->due != y->due)
		return x->due < y->due ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

void mz_queue_due(struct mz_queue *queue, int64_t now,
		  bool (*fn)(void *arg, const struct mz_task *task), void *arg)
{
	struct due *list = malloc((queue->heap.count + 1) * sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return; /* the next look has more luck */
	for (size_t i = 0; i < queue->heap.count; i++) {
		const struct mz_task *task = &queue->heap.item[i]->task;

		if (task->due <= now)
			list[count++] = (struct due){task->due, task->id};
	}
	qsort(list, count, sizeof(*list), by_due);
	for (size_t i = 0; i < count; i++) {
		const struct queued *entry = queue_entry(queue, list[i].id);

		if (entry == NULL || entry->place == HEAP_NONE || entry->task.due > now)
			continue; /* fn took it along before */
		if (!fn(arg, &entry->task))
			break;
	}
	free(list);
}

void mz_queue_of_domain(struct mz_queue *queue, const char *domain,
			void (*fn)(void *arg, const struct mz_task *task), void *arg)
{
	static const struct {
		enum mz_task_kind kind;
		unsigned flags;
	} keys[] = {
		{MZ_TASK_DNS, 0},  {MZ_TASK_DNS, MZ_TASK_RENEW}, {MZ_TASK_DNS, MZ_TASK_WITHDRAW},
		{MZ_TASK_DKIM, 0}, {MZ_TASK_CERTIFICATE, 0},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct queued *entry =
			queue_waiting(queue, keys[i].kind, domain, keys[i].flags);

		if (entry != NULL)
			fn(arg, &entry->task);
	}
}

const struct mz_task *mz_queue_find(const struct mz_queue *queue, int64_t id)
{
	const struct queued *entry = queue_entry(queue, id);

	return entry == NULL ? NULL : &entry->task;
}

/* ---- the operator's ---------------------------------------------------------------------------------- */

struct search {
	struct mz_queue *queue;
	int64_t id;
	enum mz_task_state state;
	struct queued *entry; /* one that has failed: brought back */
	bool found, nomem;
};

static void on_stored(void *arg, const struct mz_task *task)
{
	struct search *search = arg;

	if (task->id != search->id)
		return;
	search->found = true;
	search->state = task->state;
	if (task->state != MZ_TASK_FAILED)
		return;
	search->entry = queue_add(search->queue, task, false);
	search->nomem = search->entry == NULL;
}

/* The entry of a task that waits or has failed; a failed one is then in the queue, but does not wait. */
static int take(struct mz_queue *queue, int64_t id, struct queued **out, struct mz_cause *cause)
{
	struct search search = {.queue = queue, .id = id};
	struct queued *entry = queue_entry(queue, id);

	*out = entry;
	if (entry != NULL && entry->place == HEAP_NONE)
		return mz_cause_set(cause, MZ_ESTATE, "task %lld is running", (long long)id);
	if (entry != NULL)
		return MZ_OK;
	(void)mz_store_tasks(queue->store, on_stored, &search);
	if (!search.found)
		return mz_cause_set(cause, MZ_ENOTFOUND, "there is no task %lld", (long long)id);
	if (search.nomem)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (search.entry == NULL)
		return mz_cause_set(cause, MZ_ESTATE, "task %lld is %s", (long long)id,
				    mz_task_state_name(search.state));
	*out = search.entry;
	return MZ_OK;
}

/* Makes it wait, unless it does or one of its kind waits already, which then is the one. */
static int place(struct mz_queue *queue, struct queued *entry)
{
	struct queued *other = NULL;

	if (entry->place != HEAP_NONE) {
		heap_move(&queue->heap, entry);
		return queue_store(queue, entry);
	}
	other = queue_waiting(queue, entry->task.kind, entry->task.domain, entry->task.flags);
	if (other != NULL) {
		int err = other->light ? MZ_OK : mz_store_task_delete(queue->store, other->task.id);

		entry->task.families |= other->task.families;
		queue_drop(queue, other);
		if (err != MZ_OK)
			return err;
	}
	return queue_wait(queue, entry) == MZ_OK ? queue_store(queue, entry) : MZ_ENOMEM;
}

int mz_queue_retry(struct mz_queue *queue, int64_t id, int64_t now, struct mz_cause *cause)
{
	struct queued *entry = NULL;
	int err = take(queue, id, &entry, cause);

	if (err != MZ_OK)
		return err;
	entry->task.state = MZ_TASK_PENDING;
	entry->task.attempt = 0;
	entry->task.created = entry->task.due = entry->task.changed = now;
	return place(queue, entry);
}

int mz_queue_reschedule(struct mz_queue *queue, int64_t id, int64_t due, int64_t now,
			struct mz_cause *cause)
{
	struct queued *entry = NULL;
	int err = take(queue, id, &entry, cause);

	if (err != MZ_OK)
		return err;
	if (entry->task.state == MZ_TASK_FAILED) { /* it begins anew */
		entry->task.state = MZ_TASK_PENDING;
		entry->task.attempt = 0;
		entry->task.created = due;
		entry->task.changed = now;
	}
	entry->task.due = due;
	return place(queue, entry);
}

int mz_queue_cancel(struct mz_queue *queue, int64_t id, struct mz_cause *cause)
{
	struct queued *entry = NULL;
	int err = take(queue, id, &entry, cause);

	if (err != MZ_OK)
		return err;
	if (!entry->light)
		err = mz_store_task_delete(queue->store, id);
	queue_drop(queue, entry);
	return err;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

struct listing {
	struct mz_queue *queue;
	const struct queued **light;
	size_t count, at;
	void (*fn)(void *arg, const struct mz_task *task);
	void *arg;
};

static void collect(const void *node, VISIT visit, void *arg)
{
	const struct queued *entry = *(const struct queued *const *)node;
	struct listing *listing = arg;

	if ((visit == postorder || visit == leaf) && entry->light)
		listing->light[listing->count++] = entry;
}

static void light_before(struct listing *listing, int64_t id)
{
	for (; listing->at < listing->count && listing->light[listing->at]->task.id < id;
	     listing->at++)
		listing->fn(listing->arg, &listing->light[listing->at]->task);
}

static void on_listed(void *arg, const struct mz_task *task)
{
	struct listing *listing = arg;
	const struct queued *entry = queue_entry(listing->queue, task->id);

	light_before(listing, task->id);
	listing->fn(listing->arg, entry != NULL ? &entry->task : task);
}

int mz_queue_list(struct mz_queue *queue, void (*fn)(void *arg, const struct mz_task *task),
		  void *arg)
{
	struct listing listing = {.queue = queue, .fn = fn, .arg = arg};
	int err = MZ_OK;

	listing.light = malloc((queue->entries + 1) * sizeof(listing.light[0]));
	if (listing.light == NULL)
		return MZ_ENOMEM;
	twalk_r(queue->by_id, collect, &listing);
	err = mz_store_tasks(queue->store, on_listed, &listing);
	light_before(&listing, INT64_MAX);
	free(listing.light);
	return err;
}
