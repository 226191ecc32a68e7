/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of tasks: filed, started, put off, over or to be tried again; loaded at the start. */
#include "src/task/entry.h"

#include <stdlib.h>
#include <string.h>

/* So many tasks that are over are kept for people; there may be some more between two trims. */
enum { KEEP_OVER = 1000, TRIM_EVERY = 100 };

/* ---- loading -------------------------------------------------------------------------------- */

struct load {
	struct mz_queue *queue;
	int64_t now;
	int err;
};

static void on_stored(void *arg, const struct mz_task *stored)
{
	struct load *load = arg;
	struct mz_task task = *stored;
	struct mz_entry *entry = NULL;

	if (load->queue->last < task.id)
		load->queue->last = task.id;
	if (load->err != MZ_OK || task.state == MZ_TASK_FAILED || task.state == MZ_TASK_DONE)
		return;
	if (task.state == MZ_TASK_RUNNING) {
		task.state = MZ_TASK_PENDING;
		task.due = load->now;
		task.changed = load->now;
		task.attempt -= task.attempt > 0;
		load->err = mz_store_task_put(load->queue->store, &task);
	}
	entry = mz_entry_new(&task, false);
	if (entry != NULL)
		mz_entry_add(load->queue, entry);
	else
		load->err = MZ_ENOMEM;
}

/* A damaged row is no reason not to start: the timer files what was lost. */
static int left_out(const struct mz_queue *queue, int err, struct mz_cause *cause)
{
	if (err != MZ_OK)
		(void)mz_cause_set(cause, err, "%s", mz_store_error(queue->store));
	return err == MZ_ESTATE ? MZ_OK : err;
}

static int load(struct mz_queue *queue, int64_t now, struct mz_cause *cause)
{
	struct load load = {.queue = queue, .now = now};
	int64_t last = 0;
	int err = left_out(queue, mz_store_tasks(queue->store, on_stored, &load), cause);

	if (err == MZ_OK && load.err == MZ_ENOMEM)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory for the tasks");
	if (err == MZ_OK && load.err != MZ_OK)
		return mz_cause_set(cause, load.err, "%s", mz_store_error(queue->store));
	if (err == MZ_OK)
		err = left_out(queue, mz_store_task_last(queue->store, &last), cause);
	if (queue->last < last)
		queue->last = last;
	return err;
}

int mz_queue_new(struct mz_queue **out, struct mz_store *store, const struct mz_conf_tasks *rules,
		 int64_t now, struct mz_cause *cause)
{
	struct mz_queue *queue = calloc(1, sizeof(*queue));
	int err = MZ_OK;

	*out = NULL;
	if (queue == NULL)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory for the tasks");
	queue->store = store;
	queue->rules = *rules;
	err = load(queue, now, cause);
	if (err == MZ_OK)
		*out = queue;
	else
		mz_queue_free(queue);
	return err;
}

void mz_queue_free(struct mz_queue *queue)
{
	if (queue == NULL)
		return;
	while (queue->ids != NULL)
		mz_entry_drop(queue, queue->ids->item);
	free(queue);
}

void mz_queue_set_rules(struct mz_queue *queue, const struct mz_conf_tasks *rules)
{
	queue->rules = *rules;
}

/* ---- filing ---------------------------------------------------------------------------------- */

/* The task that this one is the same as, or NULL. */
static struct mz_entry *same(const struct mz_queue *queue, const struct mz_queue_input *input)
{
	struct mz_entry *best = NULL, *entry = NULL;
	int64_t id = 0;

	while ((entry = mz_entry_of_domain(queue, input->domain, id)) != NULL) {
		id = entry->task.id;
		if (mz_entry_waits(entry) && entry->task.kind == input->kind &&
		    entry->task.flags == input->flags &&
		    (best == NULL || entry->task.due < best->task.due))
			best = entry;
	}
	return best;
}

static int join(struct mz_queue *queue, struct mz_entry *entry, const struct mz_queue_input *input)
{
	struct mz_task task = entry->task;
	bool light = entry->light && input->light, news = light != entry->light;
	int err = MZ_OK;

	task.families |= input->families;
	if (task.due > input->due)
		task.due = input->due;
	news |= task.families != entry->task.families || task.due != entry->task.due;
	if (news && !light)
		err = mz_store_task_put(queue->store, &task);
	if (err != MZ_OK)
		return err;
	entry->light = light;
	mz_entry_change(queue, entry, &task);
	return MZ_OK;
}

int mz_queue_file(struct mz_queue *queue, const struct mz_queue_input *input, int64_t now,
		  int64_t *id)
{
	struct mz_entry *entry = same(queue, input);
	const struct mz_task task = {.id = queue->last + 1,
				     .kind = input->kind,
				     .domain = input->domain,
				     .families = input->families,
				     .flags = input->flags,
				     .state = MZ_TASK_PENDING,
				     .created = now,
				     .due = input->due,
				     .changed = now,
				     .reason = ""};
	int err = MZ_OK;

	*id = entry != NULL ? entry->task.id : task.id;
	if (entry != NULL)
		return join(queue, entry, input);
	entry = mz_entry_new(&task, input->light);
	if (entry == NULL)
		return MZ_ENOMEM;
	if (!input->light)
		err = mz_store_task_put(queue->store, &task);
	if (err != MZ_OK) {
		mz_entry_free(entry);
		return err;
	}
	queue->last = task.id;
	mz_entry_add(queue, entry);
	return MZ_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Its time counts from when it fell due: somebody may have foreseen it months before. */
static void count_from_due(struct mz_task *task)
{
	bool first = task->reason[0] == '\0'; /* nothing went wrong so far */

	if (first && task->created < task->due)
		task->created = task->due;
}

int mz_queue_start(struct mz_queue *queue, int64_t id, int64_t now)
{
	struct mz_entry *entry = mz_entry_find(queue, id);
	struct mz_task task = {0};
	int err = MZ_OK;

	if (entry == NULL || !mz_entry_waits(entry))
		return MZ_ENOTFOUND;
	task = entry->task;
	count_from_due(&task);
	task.state = MZ_TASK_RUNNING;
	task.attempt++;
	task.changed = now;
	if (!entry->light)
		err = mz_store_task_put(queue->store, &task);
	if (err != MZ_OK)
		return err;
	entry->before = entry->task.state;
	mz_entry_change(queue, entry, &task);
	return MZ_OK;
}

static struct mz_entry *running(const struct mz_queue *queue, int64_t id)
{
	struct mz_entry *entry = mz_entry_find(queue, id);

	return entry != NULL && entry->task.state == MZ_TASK_RUNNING ? entry : NULL;
}

int mz_queue_postpone(struct mz_queue *queue, int64_t id, int64_t due, int64_t now,
		      const char *reason)
{
	struct mz_entry *entry = running(queue, id);
	struct mz_task task = {0};
	int err = MZ_OK;

	if (entry == NULL)
		return MZ_ENOTFOUND;
	task = entry->task;
	task.state = entry->before;
	task.attempt--;
	task.due = due;
	task.changed = now;
	task.reason = reason;
	if (!entry->light)
		err = mz_store_task_put(queue->store, &task);
	mz_entry_change(queue, entry, &task);
	return err;
}

/* Makes a task that failed due again, or failed where it has had its attempts or its time. */
static void try_again(const struct mz_queue *queue, struct mz_task *task, bool slow, int64_t now,
		      uint32_t random)
{
	int64_t due = now + mz_backoff(&queue->rules, task->attempt, slow, random);

	if (task->attempt >= queue->rules.max_attempts ||
	    due > task->created + queue->rules.total_deadline) {
		task->state = MZ_TASK_FAILED;
		return;
	}
	task->state = MZ_TASK_RETRY;
	task->due = due;
}

/* Takes a task that is over out of the queue. One that was light to the end leaves no trace. */
static int end(struct mz_queue *queue, struct mz_entry *entry, const struct mz_task *task)
{
	bool trace = !entry->light || task->state == MZ_TASK_FAILED;
	int err = trace ? mz_store_task_put(queue->store, task) : MZ_OK;

	mz_entry_drop(queue, entry);
	if (trace && err == MZ_OK && ++queue->over % TRIM_EVERY == 0)
		err = mz_store_tasks_trim(queue->store, KEEP_OVER);
	return err;
}

int mz_queue_finish(struct mz_queue *queue, int64_t id, enum mz_task_result result,
		    const char *reason, int64_t now, uint32_t random, enum mz_task_state *state)
{
	struct mz_entry *entry = running(queue, id);
	struct mz_task task = {0};
	int err = MZ_OK;

	if (entry == NULL)
		return MZ_ENOTFOUND;
	task = entry->task;
	task.changed = now;
	task.reason = reason;
	if (result == MZ_RESULT_DONE)
		task.state = MZ_TASK_DONE;
	else if (result == MZ_RESULT_FAILED)
		task.state = MZ_TASK_FAILED;
	else
		try_again(queue, &task, result == MZ_RESULT_RETRY_SLOW, now, random);
	if (state != NULL)
		*state = task.state;
	if (task.state != MZ_TASK_RETRY)
		return end(queue, entry, &task);
	err = mz_store_task_put(queue->store, &task);
	entry->light = false;
	mz_entry_change(queue, entry, &task);
	return err;
}
