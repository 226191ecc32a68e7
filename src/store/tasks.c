/* SPDX-License-Identifier: BSD-2-Clause */
/* The tasks that must survive, and the register of domains under automatic management. */
#include "src/store/db.h"

static const char *const kind_names[] = {
	[MZ_TASK_DNS] = "dns-management",
	[MZ_TASK_DKIM] = "dkim-management",
	[MZ_TASK_CERTIFICATE] = "certificate-renewal",
};

static const char *const state_names[] = {
	[MZ_TASK_PENDING] = "pending", [MZ_TASK_RUNNING] = "running", [MZ_TASK_RETRY] = "retry",
	[MZ_TASK_FAILED] = "failed",   [MZ_TASK_DONE] = "done",
};

const char *mz_task_kind_name(enum mz_task_kind kind)
{
	return kind_names[kind];
}

const char *mz_task_state_name(enum mz_task_state state)
{
	return state_names[state];
}

int mz_store_task_put(struct mz_store *store, const struct mz_task *task)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TASK_PUT);

	if (err != MZ_OK)
		return err;
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
	mz_query_text(&q, task->reason);
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

int mz_store_tasks_trim(struct mz_store *store, unsigned keep)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TASKS_TRIM);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, keep);
	return mz_query_run(&q);
}

/* The columns of MZ_SQL_TASKS. */
static int read_task(const struct mz_query *q, struct mz_arena *arena, struct mz_task *task)
{
	uint32_t kind = 0, state = 0;

	task->id = sqlite3_column_int64(q->stmt, 0);
	if (!mz_query_bounded(q, 1, MZ_TASK_CERTIFICATE, &kind) ||
	    !mz_query_bounded(q, 3, UINT32_MAX, &task->families) ||
	    !mz_query_bounded(q, 4, MZ_TASK_RENEW | MZ_TASK_WITHDRAW, &task->flags) ||
	    !mz_query_bounded(q, 5, MZ_TASK_DONE, &state) ||
	    !mz_query_bounded(q, 6, UINT32_MAX, &task->attempt))
		return MZ_ESTATE;
	task->kind = (enum mz_task_kind)kind;
	task->state = (enum mz_task_state)state;
	task->domain = mz_query_copy(q, 2, arena);
	task->created = sqlite3_column_int64(q->stmt, 7);
	task->due = sqlite3_column_int64(q->stmt, 8);
	task->changed = sqlite3_column_int64(q->stmt, 9);
	task->reason = mz_query_copy(q, 10, arena);
	return task->domain == NULL || task->reason == NULL ? MZ_ENOMEM : MZ_OK;
}

int mz_store_tasks(struct mz_store *store, void (*fn)(void *arg, const struct mz_task *task),
		   void *arg)
{
	int64_t above = 0, damaged = 0;
	int got = 1, err = MZ_OK;

	while (got > 0 && err == MZ_OK) {
		struct mz_arena arena = {0};
		struct mz_task task = {0};
		struct mz_query q = {0};

		mz_query_read(&q, store, MZ_SQL_TASKS);
		mz_query_int(&q, above);
		got = mz_query_step(&q);
		if (got > 0)
			err = read_task(&q, &arena, &task);
		mz_query_end(&q);
		above = task.id;
		if (got > 0 && err == MZ_OK) {
			fn(arg, &task);
		} else if (err == MZ_ESTATE) {
			damaged = task.id; /* one bad row must not hide all the others */
			err = MZ_OK;
		}
		mz_arena_clear(&arena);
	}
	if (got < 0)
		return got;
	if (err != MZ_OK)
		return mz_store_fault(store, err, "out of memory for the tasks");
	if (damaged != 0)
		return mz_store_fault(store, MZ_ESTATE, "%s: task %lld is damaged", store->path,
				      (long long)damaged);
	return MZ_OK;
}

/* ---- domains ----------------------------------------------------------------------------------- */

int mz_store_domain_put(struct mz_store *store, const char *domain, enum mz_on_removal on_removal)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DOMAIN_PUT);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain);
	mz_query_int(&q, (int64_t)on_removal);
	return mz_query_run(&q);
}

int mz_store_domain_delete(struct mz_store *store, const char *domain)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DOMAIN_DELETE);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain);
	return mz_query_run(&q);
}

/* The name is a column of the statement: fn must not use the store. */
int mz_store_domains(struct mz_store *store,
		     void (*fn)(void *arg, const char *domain, enum mz_on_removal on_removal),
		     void *arg)
{
	struct mz_query q = {0};
	int got = 0;

	mz_query_read(&q, store, MZ_SQL_DOMAINS);
	while ((got = mz_query_step(&q)) > 0) {
		const char *name = (const char *)sqlite3_column_text(q.stmt, 0);
		uint32_t on_removal = 0;

		if (name != NULL && mz_query_bounded(&q, 1, MZ_REMOVAL_WITHDRAW, &on_removal))
			fn(arg, name, (enum mz_on_removal)on_removal);
	}
	mz_query_end(&q);
	return got;
}

int mz_store_ledger_all(struct mz_store *store, void (*fn)(void *arg, const char *domain),
			void *arg)
{
	struct mz_query q = {0};
	int got = 0;

	mz_query_read(&q, store, MZ_SQL_LEDGER_ALL);
	while ((got = mz_query_step(&q)) > 0) {
		const char *name = (const char *)sqlite3_column_text(q.stmt, 0);

		if (name != NULL)
			fn(arg, name);
	}
	mz_query_end(&q);
	return got;
}
