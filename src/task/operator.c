/* SPDX-License-Identifier: BSD-2-Clause */
/* What the operator sees of the tasks and does with them, also with those that are over. */
#include "src/task/entry.h"

/* Why the store refused. */
static int refused(const struct mz_queue *queue, int err, struct mz_cause *cause)
{
	return mz_cause_set(cause, err, "%s", mz_store_error(queue->store));
}

static void copy(void *arg, const struct mz_task *task)
{
	struct mz_entry **entry = arg;

	*entry = mz_entry_new(task, false);
}

/* A task that only the store has, as an entry that is in no queue. MZ_ENOTFOUND; MZ_ESTATE when it
 * is damaged. */
static int fetch(struct mz_queue *queue, int64_t id, struct mz_entry **out, struct mz_cause *cause)
{
	int err = mz_store_task_get(queue->store, id, copy, out);

	if (err != MZ_OK)
		return refused(queue, err, cause);
	return *out != NULL ? MZ_OK : mz_cause_set(cause, MZ_ENOMEM, "out of memory for the task");
}

/* Those that run or are done are left alone. */
static int check_state(const struct mz_task *task, struct mz_cause *cause)
{
	if (task->state != MZ_TASK_RUNNING && task->state != MZ_TASK_DONE)
		return MZ_OK;
	return mz_cause_set(cause, MZ_ESTATE, "task %lld is %s", (long long)task->id,
			    mz_task_state_name(task->state));
}

int mz_queue_retry(struct mz_queue *queue, int64_t id, int64_t now, struct mz_cause *cause)
{
	struct mz_entry *entry = mz_entry_find(queue, id), *fetched = NULL;
	struct mz_task task = {0};
	int err = MZ_OK;

	if (entry == NULL) {
		err = fetch(queue, id, &fetched, cause);
		entry = fetched;
	}
	if (err == MZ_OK)
		err = check_state(&entry->task, cause);
	if (err != MZ_OK)
		goto done;
	task = entry->task;
	task.state = MZ_TASK_PENDING;
	task.attempt = 0;
	task.created = task.due = task.changed = now;
	task.reason = "";
	err = mz_store_task_put(queue->store, &task);
	if (err != MZ_OK) {
		err = refused(queue, err, cause);
		goto done;
	}
	if (fetched != NULL)
		mz_entry_add(queue, entry);
	fetched = NULL;
	entry->light = false;
	mz_entry_change(queue, entry, &task);
done:
	mz_entry_free(fetched);
	return err;
}

int mz_queue_reschedule(struct mz_queue *queue, int64_t id, int64_t due, int64_t now,
			struct mz_cause *cause)
{
	struct mz_entry *entry = mz_entry_find(queue, id), *fetched = NULL;
	struct mz_task task = {0};
	int err = MZ_OK;

	if (entry == NULL) {
		err = fetch(queue, id, &fetched, cause);
		if (err == MZ_OK)
			err = check_state(&fetched->task, cause);
		if (err == MZ_OK)
			err = mz_cause_set(cause, MZ_ESTATE, "task %lld has failed: retry it",
					   (long long)id);
		mz_entry_free(fetched);
		return err;
	}
	err = check_state(&entry->task, cause);
	if (err != MZ_OK)
		return err;
	task = entry->task;
	task.due = due > now ? due : now;
	err = mz_store_task_put(queue->store, &task);
	if (err != MZ_OK)
		return refused(queue, err, cause);
	entry->light = false;
	mz_entry_change(queue, entry, &task);
	return MZ_OK;
}

int mz_queue_cancel(struct mz_queue *queue, int64_t id, struct mz_cause *cause)
{
	struct mz_entry *entry = mz_entry_find(queue, id), *fetched = NULL;
	int err = entry == NULL ? fetch(queue, id, &fetched, cause) : MZ_OK;

	if (err == MZ_OK)
		err = check_state(entry != NULL ? &entry->task : &fetched->task, cause);
	else if (err == MZ_ESTATE)
		err = MZ_OK; /* damaged: nobody else removes it */
	mz_entry_free(fetched);
	if (err == MZ_OK && (entry == NULL || !entry->light)) {
		err = mz_store_task_delete(queue->store, id);
		if (err != MZ_OK)
			err = refused(queue, err, cause);
	}
	if (err == MZ_OK && entry != NULL)
		mz_entry_drop(queue, entry);
	return err;
}

/* ---- the list -------------------------------------------------------------------------------- */

struct listing {
	struct mz_queue *queue;
	void (*fn)(void *arg, const struct mz_task *task);
	void *arg;
	int64_t shown; /* the last of the queue's own */
};

/* The queue's own tasks with numbers below `below` that were not shown yet. */
static void show_own(struct listing *listing, int64_t below)
{
	const struct mz_node *node = NULL;

	while ((node = mz_tree_after(listing->queue->ids, 0, listing->shown)) != NULL &&
	       node->id < below) {
		const struct mz_entry *entry = node->item;

		listing->shown = node->id;
		listing->fn(listing->arg, &entry->task);
	}
}

static void on_stored(void *arg, const struct mz_task *task)
{
	struct listing *listing = arg;
	bool over = task->state == MZ_TASK_FAILED || task->state == MZ_TASK_DONE;

	show_own(listing, task->id);
	if (over && mz_entry_find(listing->queue, task->id) == NULL)
		listing->fn(listing->arg, task);
}

int mz_queue_list(struct mz_queue *queue, void (*fn)(void *arg, const struct mz_task *task),
		  void *arg)
{
	struct listing listing = {.queue = queue, .fn = fn, .arg = arg};
	int err = mz_store_tasks(queue->store, on_stored, &listing);

	show_own(&listing, INT64_MAX);
	return err;
}
