/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue: tasks that wait, that run, and what becomes of them. */
#include "src/task/queue.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* So many tasks that are over stay in the store; it is trimmed once a tenth more have come. */
enum { OVER_KEPT = 1000, OVER_TRIM = 100 };

static int by_id(const void *a, const void *b)
{
	const struct mz_task *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int by_key(const void *a, const void *b)
{
	const struct mz_task *x = a, *y = b;
	int d = (int)x->kind - (int)y->kind;

	if (d == 0)
		d = (x->flags > y->flags) - (x->flags < y->flags);
	return d != 0 ? d : strcmp(x->domain, y->domain);
}

/* ---- entries ------------------------------------------------------------------------------------ */

static void entry_free(void *node)
{
	struct queued *entry = node;

	free(entry->domain);
	free(entry->reason);
	free(entry);
}

int queue_set_reason(struct queued *entry, const char *reason)
{
	char *copy = strdup(reason);

	if (copy == NULL)
		return MZ_ENOMEM;
	free(entry->reason);
	entry->reason = copy;
	entry->task.reason = copy;
	return MZ_OK;
}

struct queued *queue_entry(const struct mz_queue *queue, int64_t id)
{
	const struct mz_task key = {.id = id};
	void *const *found = tfind(&key, &queue->by_id, by_id);

	return found == NULL ? NULL : *found;
}

struct queued *queue_waiting(const struct mz_queue *queue, enum mz_task_kind kind,
			     const char *domain, unsigned flags)
{
	const struct mz_task key = {.kind = kind, .domain = domain, .flags = flags};
	void *const *found = tfind(&key, &queue->by_key, by_key);

	return found == NULL ? NULL : *found;
}

struct queued *queue_add(struct mz_queue *queue, const struct mz_task *task, bool light)
{
	struct queued *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->task = *task;
	entry->place = HEAP_NONE;
	entry->light = light;
	entry->domain = strdup(task->domain);
	entry->task.domain = entry->domain;
	if (entry->domain == NULL || queue_set_reason(entry, task->reason) != MZ_OK ||
	    tsearch(entry, &queue->by_id, by_id) == NULL) {
		entry_free(entry);
		return NULL;
	}
	queue->entries++;
	if (task->id > queue->last_id)
		queue->last_id = task->id;
	return entry;
}

int queue_wait(struct mz_queue *queue, struct queued *entry)
{
	if (tsearch(entry, &queue->by_key, by_key) == NULL)
		return MZ_ENOMEM;
	if (heap_add(&queue->heap, entry) == MZ_OK)
		return MZ_OK;
	(void)tdelete(entry, &queue->by_key, by_key);
	return MZ_ENOMEM;
}

static void stop_waiting(struct mz_queue *queue, struct queued *entry)
{
	if (entry->place == HEAP_NONE)
		return;
	heap_remove(&queue->heap, entry);
	(void)tdelete(entry, &queue->by_key, by_key);
}

void queue_drop(struct mz_queue *queue, struct queued *entry)
{
	stop_waiting(queue, entry);
	(void)tdelete(entry, &queue->by_id, by_id);
	queue->entries--;
	entry_free(entry);
}

int queue_store(struct mz_queue *queue, const struct queued *entry)
{
	return entry->light ? MZ_OK : mz_store_task_put(queue->store, &entry->task);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

struct loading {
	struct mz_queue *queue;
	int64_t now;
	int err;
};

static void on_stored(void *arg, const struct mz_task *stored)
{
	struct loading *loading = arg;
	struct mz_task task = *stored;
	struct queued *entry = NULL;

	if (task.id > loading->queue->last_id)
		loading->queue->last_id = task.id;
	if (task.state == MZ_TASK_DONE || task.state == MZ_TASK_FAILED || loading->err != MZ_OK)
		return;
	if (task.state == MZ_TASK_RUNNING) { /* its process did not live to see the end */
		task.state = MZ_TASK_PENDING;
		task.due = task.changed = loading->now;
		task.attempt -= task.attempt > 0;
	}
	/* What was filed while one of its kind ran is the same now that both wait. */
	entry = queue_waiting(loading->queue, task.kind, task.domain, task.flags);
	if (entry != NULL) {
		entry->task.families |= task.families;
		loading->err = mz_store_task_delete(loading->queue->store, task.id);
		return;
	}
	entry = queue_add(loading->queue, &task, false);
	loading->err = entry == NULL ? MZ_ENOMEM : queue_wait(loading->queue, entry);
}

int mz_queue_new(struct mz_queue **out, struct mz_store *store, const struct mz_conf_tasks *rules,
		 int64_t now, struct mz_cause *cause)
{
	struct mz_queue *queue = calloc(1, sizeof(*queue));
	struct loading loading = {.queue = queue, .now = now};
	int err = MZ_ENOMEM;

	*out = NULL;
	if (queue == NULL)
		return mz_cause_set(cause, err, "out of memory");
	queue->store = store;
	queue->rules = *rules;
	err = mz_store_tasks(store, on_stored, &loading);
	if (err == MZ_ESTATE) { /* a damaged row: the others go on */
		mz_log(MZ_LOG_ERROR, "task", "reason", mz_store_error(store), NULL);
		err = MZ_OK;
	}
	if (err == MZ_OK)
		err = loading.err;
	if (err != MZ_OK) {
		(void)mz_cause_set(cause, err, "%s",
				   err == MZ_ENOMEM ? "out of memory" : mz_store_error(store));
		mz_queue_free(queue);
		return err;
	}
	*out = queue;
	return MZ_OK;
}

static void no_free(void *node)
{
	(void)node;
}

void mz_queue_free(struct mz_queue *queue)
{
	if (queue == NULL)
		return;
	tdestroy(queue->by_key, no_free);
	tdestroy(queue->by_id, entry_free);
	heap_clear(&queue->heap);
	free(queue);
}

void mz_queue_set_rules(struct mz_queue *queue, const struct mz_conf_tasks *rules)
{
	queue->rules = *rules;
}

/* ---- filing ------------------------------------------------------------------------------------------- */

static int join(struct mz_queue *queue, struct queued *entry, const struct mz_queue_input *input)
{
	entry->task.families |= input->families;
	entry->light = entry->light && input->light;
	if (input->due < entry->task.due) {
		entry->task.due = input->due;
		heap_move(&queue->heap, entry);
	}
	return queue_store(queue, entry);
}

int mz_queue_file(struct mz_queue *queue, const struct mz_queue_input *input, int64_t now,
		  int64_t *id)
{
	struct queued *entry = queue_waiting(queue, input->kind, input->domain, input->flags);
	struct mz_task task = {.id = queue->last_id + 1,
			       .kind = input->kind,
			       .domain = input->domain,
			       .families = input->families,
			       .flags = input->flags,
			       .state = MZ_TASK_PENDING,
			       .created = now,
			       .due = input->due,
			       .changed = now,
			       .reason = ""};

	*id = 0;
	if (entry != NULL) {
		*id = entry->task.id;
		return join(queue, entry, input);
	}
	entry = queue_add(queue, &task, input->light);
	if (entry == NULL)
		return MZ_ENOMEM;
	if (queue_wait(queue, entry) != MZ_OK) {
		queue_drop(queue, entry);
		return MZ_ENOMEM;
	}
	*id = task.id;
	return queue_store(queue, entry);
}

/* ---- running ---------------------------------------------------------------------------------------------- */

int mz_queue_start(struct mz_queue *queue, int64_t id, int64_t now)
{
	struct queued *entry = queue_entry(queue, id);

	if (entry == NULL || entry->place == HEAP_NONE)
		return MZ_ENOTFOUND;
	stop_waiting(queue, entry);
	entry->task.state = MZ_TASK_RUNNING;
	entry->task.attempt++;
	entry->task.changed = now;
	return queue_store(queue, entry);
}

/* Waits again; where one of its kind was filed meanwhile, the two become one. */
static int wait_again(struct mz_queue *queue, struct queued *entry, enum mz_task_state state,
		      int64_t due, int64_t now)
{
	struct queued *other =
		queue_waiting(queue, entry->task.kind, entry->task.domain, entry->task.flags);
	int err = MZ_OK;

	entry->task.state = state;
	entry->task.due = due;
	entry->task.changed = now;
	entry->light = false; /* what failed once is worth remembering */
	if (other != NULL) {
		entry->task.families |= other->task.families;
		if (other->task.due < due)
			entry->task.due = other->task.due;
		if (!other->light)
			err = mz_store_task_delete(queue->store, other->task.id);
		queue_drop(queue, other);
	}
	if (err == MZ_OK)
		err = queue_wait(queue, entry);
	return err == MZ_OK ? queue_store(queue, entry) : err;
}

int mz_queue_postpone(struct mz_queue *queue, int64_t id, int64_t due, int64_t now,
		      const char *reason)
{
	struct queued *entry = queue_entry(queue, id);
	int err = MZ_OK;

	if (entry == NULL || entry->place != HEAP_NONE)
		return MZ_ENOTFOUND;
	entry->task.attempt -= entry->task.attempt > 0;
	err = queue_set_reason(entry, reason);
	return err != MZ_OK ? err
			    : wait_again(queue, entry,
					 entry->task.attempt > 0 ? MZ_TASK_RETRY : MZ_TASK_PENDING,
					 due, now);
}

static int end(struct mz_queue *queue, struct queued *entry, enum mz_task_state state, int64_t now)
{
	int err = MZ_OK;

	entry->task.state = state;
	entry->task.changed = now;
	if (state == MZ_TASK_FAILED)
		entry->light = false;
	err = queue_store(queue, entry);
	if (err == MZ_OK && !entry->light && ++queue->over >= OVER_TRIM) {
		queue->over = 0;
		err = mz_store_tasks_trim(queue->store, OVER_KEPT);
	}
	queue_drop(queue, entry);
	return err;
}

int mz_queue_finish(struct mz_queue *queue, int64_t id, enum mz_task_result result,
		    const char *reason, int64_t now, uint32_t random, enum mz_task_state *state)
{
	struct queued *entry = queue_entry(queue, id);
	enum mz_task_state next = result == MZ_RESULT_DONE ? MZ_TASK_DONE : MZ_TASK_FAILED;
	int64_t due = 0;
	int err = MZ_OK;

	if (entry == NULL || entry->place != HEAP_NONE)
		return MZ_ENOTFOUND;
	err = queue_set_reason(entry, result == MZ_RESULT_DONE ? "" : reason);
	if (result == MZ_RESULT_RETRY || result == MZ_RESULT_RETRY_SLOW) {
		due = now + mz_backoff(&queue->rules, entry->task.attempt,
				       result == MZ_RESULT_RETRY_SLOW, random);
		if (entry->task.attempt < queue->rules.max_attempts &&
		    due <= entry->task.created + queue->rules.total_deadline)
			next = MZ_TASK_RETRY;
	}
	if (state != NULL)
		*state = next;
	if (err != MZ_OK)
		return err;
	return next == MZ_TASK_RETRY ? wait_again(queue, entry, next, due, now)
				     : end(queue, entry, next, now);
}
