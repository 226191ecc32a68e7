/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: those that wait or run, and the last ones that are over. */
#include "src/store/db.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *mz_task_kind_name(enum mz_task_kind kind)
{
	static const char *const names[] = {
		[MZ_TASK_DNS] = "dns-management",
		[MZ_TASK_DKIM] = "dkim-management",
		[MZ_TASK_CERTIFICATE] = "certificate-renewal",
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

const char *mz_task_state_name(enum mz_task_state state)
{
	static const char *const names[] = {
		[MZ_TASK_PENDING] = "pending", [MZ_TASK_RUNNING] = "running",
		[MZ_TASK_RETRY] = "retry",     [MZ_TASK_FAILED] = "failed",
		[MZ_TASK_DONE] = "done",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

int mz_store_task_put(struct mz_store *store, const struct mz_task *task)
{
	struct mz_query q = {0};
	char reason[MZ_TASK_REASON] = "";
	int err = mz_query_write(&q, store, MZ_SQL_TASK_PUT);

	assert(task->id > 0 && strlen(task->domain) < MZ_NAME_TEXT);
	if (err != MZ_OK)
		return err;
	(void)snprintf(reason, sizeof(reason), "%s", task->reason);
	mz_query_int(&q, task->id);
	mz_query_int(&q, (int64_t)task->kind);
	mz_query_text(&q, task->domain);
	mz_query_int(&q, task->families);
	mz_query_int(&q, task->flags);
	mz_query_int(&q, (int64_t)task->state);
	mz_query_int(&q, task->attempt);
	mz_query_int(&q, task->created);
	mz_query_int(&q, task->due);
	mz_query_int(&q, task->changed);
	mz_query_text(&q, reason);
	return mz_query_run(&q);
}

int mz_store_task_delete(struct mz_store *store, int64_t id)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TASK_DELETE);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, id);
	return mz_query_run(&q);
}

/* One row, copied out of the statement, so that fn may use the store. */
struct row {
	struct mz_task task;
	char domain[MZ_NAME_TEXT], reason[MZ_TASK_REASON];
	bool damaged;
};

/* Copies a text column; false when it is none, or too long to be ours. */
static bool read_text(const struct mz_query *q, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);

	return text != NULL && snprintf(out, size, "%s", text) < (int)size;
}

/* The columns of TASK_COLUMNS; false when one of them cannot have been written by us. */
static bool read_columns(const struct mz_query *q, struct row *row)
{
	struct mz_task *task = &row->task;
	uint32_t kind = 0, state = 0;

	task->id = sqlite3_column_int64(q->stmt, 0);
	task->created = sqlite3_column_int64(q->stmt, 7);
	task->due = sqlite3_column_int64(q->stmt, 8);
	task->changed = sqlite3_column_int64(q->stmt, 9);
	if (!mz_query_bounded(q, 1, MZ_TASK_CERTIFICATE, &kind) ||
	    !mz_query_bounded(q, 3, MZ_FAMILIES_ALL, &task->families) ||
	    !mz_query_bounded(q, 4, MZ_TASK_RENEW | MZ_TASK_WITHDRAW, &task->flags) ||
	    !mz_query_bounded(q, 5, MZ_TASK_DONE, &state) ||
	    !mz_query_bounded(q, 6, UINT32_MAX, &task->attempt))
		return false;
	task->kind = (enum mz_task_kind)kind;
	task->state = (enum mz_task_state)state;
	task->domain = row->domain;
	task->reason = row->reason;
	return (task->families & ~MZ_FAMILIES_ALL) == 0 &&
	       read_text(q, 2, row->domain, sizeof(row->domain)) &&
	       read_text(q, 10, row->reason, sizeof(row->reason));
}

/* The row of a query for this number: 1, 0 when there is none, or an error. */
static int take_row(struct mz_store *store, enum mz_store_sql which, int64_t id, struct row *row)
{
	struct mz_query q = {0};
	int got = 0;

	mz_query_read(&q, store, which);
	mz_query_int(&q, id);
	got = mz_query_step(&q);
	if (got > 0)
		row->damaged = !read_columns(&q, row);
	mz_query_end(&q);
	return got;
}

static int damaged_fault(struct mz_store *store, int64_t id)
{
	return mz_store_fault(store, MZ_ESTATE, "%s: task %lld is damaged", store->path,
			      (long long)id);
}

int mz_store_tasks(struct mz_store *store, void (*fn)(void *arg, const struct mz_task *task),
		   void *arg)
{
	struct row row = {0};
	int64_t damaged = 0;
	int got = 0;

	while ((got = take_row(store, MZ_SQL_TASK_AFTER, row.task.id, &row)) > 0) {
		if (row.damaged)
			damaged = row.task.id; /* one bad row must not hide all the others */
		else
			fn(arg, &row.task);
	}
	return got == 0 && damaged != 0 ? damaged_fault(store, damaged) : got;
}

int mz_store_task_get(struct mz_store *store, int64_t id,
		      void (*fn)(void *arg, const struct mz_task *task), void *arg)
{
	struct row row = {0};
	int got = take_row(store, MZ_SQL_TASK_GET, id, &row);

	if (got == 0)
		return mz_store_fault(store, MZ_ENOTFOUND, "there is no task %lld", (long long)id);
	if (got < 0)
		return got;
	if (row.damaged)
		return damaged_fault(store, id);
	fn(arg, &row.task);
	return MZ_OK;
}

int mz_store_task_last(struct mz_store *store, int64_t *id)
{
	struct mz_query q = {0};
	int got = 0;

	*id = 0;
	mz_query_read(&q, store, MZ_SQL_TASK_LAST);
	got = mz_query_step(&q);
	if (got > 0)
		*id = sqlite3_column_int64(q.stmt, 0);
	mz_query_end(&q);
	if (*id >= 0)
		return got < 0 ? got : MZ_OK;
	*id = 0;
	return mz_store_fault(store, MZ_ESTATE, "%s: the highest number of a task is damaged",
			      store->path);
}

int mz_store_tasks_trim(struct mz_store *store, unsigned keep)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TASKS_TRIM);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, keep);
	return mz_query_run(&q);
}
