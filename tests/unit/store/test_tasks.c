/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the tasks. */
#include "tests/unit/store/scratch.h"

struct visit {
	struct mz_store *store;
	struct mz_str seen;
};

static void note(void *arg, const struct mz_task *task)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%lld:%s/%s ", (long long)task->id, task->domain,
		    mz_task_state_name(task->state));
}

static void put(struct scratch *s, int64_t id, enum mz_task_state state, int64_t changed)
{
	const struct mz_task task = {.id = id,
				     .domain = id % 2 == 0 ? "even" : "odd",
				     .families = MZ_FAMILIES_ALL,
				     .state = state,
				     .changed = changed,
				     .reason = ""};

	assert_int_equal(mz_store_task_put(s->store, &task), MZ_OK);
}

static void expect(struct scratch *s, const char *seen)
{
	struct visit v = {.store = s->store};

	mz_str_add(&v.seen, "");
	assert_int_equal(mz_store_tasks(s->store, note, &v), MZ_OK);
	assert_string_equal(v.seen.s, seen);
	mz_str_clear(&v.seen);
}

static void put_list_delete(void **state)
{
	struct scratch *s = *state;
	struct visit v = {0};

	scratch_open(s);
	expect(s, "");
	put(s, 12, MZ_TASK_RETRY, 1);
	put(s, 3, MZ_TASK_PENDING, 2);
	put(s, 4, MZ_TASK_RUNNING, 3);
	scratch_commit(s);
	scratch_reopen(s);
	expect(s, "3:odd/pending 4:even/running 12:even/retry ");
	put(s, 4, MZ_TASK_DONE, 4);
	assert_int_equal(mz_store_task_delete(s->store, 3), MZ_OK);
	assert_int_equal(mz_store_task_delete(s->store, 3), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	expect(s, "4:even/done 12:even/retry ");
	assert_int_equal(mz_store_task_get(s->store, 12, note, &v), MZ_OK);
	assert_string_equal(v.seen.s, "12:even/retry ");
	assert_int_equal(mz_store_task_get(s->store, 3, note, &v), MZ_ENOTFOUND);
	assert_string_equal(mz_store_error(s->store), "there is no task 3");
	assert_string_equal(v.seen.s, "12:even/retry ");
	scratch_commit(s); /* which undid nothing */
	mz_str_clear(&v.seen);
}

static void same_task(void *arg, const struct mz_task *task)
{
	const struct mz_task *expected = arg;

	assert_int_equal(task->id, expected->id);
	assert_int_equal(task->kind, expected->kind);
	assert_string_equal(task->domain, expected->domain);
	assert_int_equal(task->families, expected->families);
	assert_int_equal(task->flags, expected->flags);
	assert_int_equal(task->state, expected->state);
	assert_int_equal(task->attempt, expected->attempt);
	assert_int_equal(task->created, expected->created);
	assert_int_equal(task->due, expected->due);
	assert_int_equal(task->changed, expected->changed);
	assert_int_equal(strlen(task->reason), MZ_TASK_REASON - 1);
	assert_memory_equal(task->reason, expected->reason, MZ_TASK_REASON - 1);
}

static void all_fields(void **state)
{
	struct scratch *s = *state;
	char reason[MZ_TASK_REASON + 10] = "", domain[MZ_NAME_TEXT] = "";
	struct mz_task task = {.id = INT64_MAX,
			       .kind = MZ_TASK_CERTIFICATE,
			       .domain = domain,
			       .families = MZ_FAMILIES_ALL,
			       .flags = MZ_TASK_RENEW | MZ_TASK_WITHDRAW,
			       .state = MZ_TASK_RETRY,
			       .attempt = UINT32_MAX,
			       .created = 1795000000,
			       .due = INT64_MAX,
			       .changed = -1,
			       .reason = reason};

	memset(reason, 'r', sizeof(reason) - 1);
	memset(domain, 'd', sizeof(domain) - 1);
	scratch_open(s);
	assert_int_equal(mz_store_task_put(s->store, &task), MZ_OK);
	assert_int_equal(mz_store_tasks(s->store, same_task, &task), MZ_OK);
	/* each of them is replaced */
	task.kind = MZ_TASK_DKIM;
	domain[0] = '\0';
	task.families = 1u << MZ_FAMILY_MX;
	task.flags = 0;
	task.state = MZ_TASK_FAILED;
	task.attempt = 7;
	task.created = 1;
	task.due = 2;
	task.changed = 3;
	memset(reason, 's', sizeof(reason) - 1);
	assert_int_equal(mz_store_task_put(s->store, &task), MZ_OK);
	assert_int_equal(mz_store_task_get(s->store, INT64_MAX, same_task, &task), MZ_OK);
}

static int64_t last(struct scratch *s)
{
	int64_t id = -1;

	assert_int_equal(mz_store_task_last(s->store, &id), MZ_OK);
	return id;
}

static void highest_number(void **state)
{
	struct scratch *s = *state;
	int64_t id = -1;

	scratch_open(s);
	assert_int_equal(last(s), 0);
	put(s, 7, MZ_TASK_PENDING, 1);
	put(s, 9, MZ_TASK_PENDING, 1);
	put(s, 8, MZ_TASK_PENDING, 1);
	assert_int_equal(last(s), 9);
	assert_int_equal(mz_store_task_delete(s->store, 9), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	assert_int_equal(last(s), 9);
	scratch_commit(s);
	scratch_sql(s->path, "UPDATE sqlite_sequence SET seq = -1 WHERE name = 'task'");
	assert_int_equal(mz_store_task_last(s->store, &id), MZ_ESTATE);
	assert_int_equal(id, 0);
	assert_non_null(strstr(mz_store_error(s->store), "highest number of a task is damaged"));
}

static void trimmed(void **state)
{
	struct scratch *s = *state;

	scratch_open(s);
	assert_int_equal(mz_store_tasks_trim(s->store, 0), MZ_OK);
	put(s, 1, MZ_TASK_FAILED, 50); /* it took the longest */
	put(s, 2, MZ_TASK_DONE, 20);
	put(s, 3, MZ_TASK_DONE, 40);
	put(s, 4, MZ_TASK_DONE, 40);
	put(s, 5, MZ_TASK_PENDING, 1);
	put(s, 6, MZ_TASK_RUNNING, 2);
	put(s, 7, MZ_TASK_RETRY, 3);
	assert_int_equal(mz_store_tasks_trim(s->store, 4), MZ_OK);
	expect(s, "1:odd/failed 2:even/done 3:odd/done 4:even/done 5:odd/pending 6:even/running "
		  "7:odd/retry ");
	assert_int_equal(mz_store_tasks_trim(s->store, 2), MZ_OK);
	expect(s, "1:odd/failed 4:even/done 5:odd/pending 6:even/running 7:odd/retry ");
	assert_int_equal(mz_store_tasks_trim(s->store, 0), MZ_OK);
	expect(s, "5:odd/pending 6:even/running 7:odd/retry ");
}

static void restart(void *arg, const struct mz_task *task)
{
	struct visit *v = arg;
	struct mz_task again = *task;

	note(arg, task);
	again.state = MZ_TASK_PENDING;
	assert_int_equal(mz_store_task_put(v->store, &again), MZ_OK);
	assert_int_equal(mz_store_task_get(v->store, task->id, note, arg), MZ_OK);
	assert_int_equal(mz_store_task_delete(v->store, task->id + 1), MZ_OK);
	assert_int_equal(mz_store_commit(v->store, NULL), MZ_OK);
}

static void used_while_listed(void **state)
{
	struct scratch *s = *state;
	struct visit v = {0};

	scratch_open(s);
	v.store = s->store;
	for (int64_t i = 1; i <= 4; i++)
		put(s, i, MZ_TASK_RUNNING, i);
	assert_int_equal(mz_store_tasks(s->store, restart, &v), MZ_OK);
	assert_string_equal(v.seen.s, "1:odd/running 1:odd/pending 3:odd/running 3:odd/pending ");
	expect(s, "1:odd/pending 3:odd/pending ");
	mz_str_clear(&v.seen);
}

static void damaged(void **state)
{
	static const char *const sql[] = {
		"kind = 3",
		"kind = -1",
		"families = 1",
		"flags = 4",
		"families = -1",
		"families = 1 << 14",
		"state = 5",
		"attempt = -1",
		"domain = hex(zeroblob(512))",
		"reason = hex(zeroblob(256))",
	};
	struct scratch *s = *state;

	scratch_open(s);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		struct visit v = {0};
		char text[128] = "";

		for (int64_t id = 1; id <= 3; id++)
			put(s, id, MZ_TASK_PENDING, 1);
		scratch_commit(s);
		(void)snprintf(text, sizeof(text), "UPDATE task SET %s WHERE id = 2", sql[i]);
		scratch_sql(s->path, text);
		assert_int_equal(mz_store_tasks(s->store, note, &v), MZ_ESTATE);
		assert_string_equal(v.seen.s, "1:odd/pending 3:odd/pending ");
		assert_non_null(strstr(mz_store_error(s->store), "task 2 is damaged"));
		assert_int_equal(mz_store_task_get(s->store, 2, note, &v), MZ_ESTATE);
		assert_non_null(strstr(mz_store_error(s->store), "task 2 is damaged"));
		assert_string_equal(v.seen.s, "1:odd/pending 3:odd/pending ");
		scratch_commit(s);
		mz_str_clear(&v.seen);
	}
}

static void read_only(void **state)
{
	const struct mz_task task = {.id = 1, .domain = "d", .reason = ""};
	struct scratch *s = *state;

	scratch_open(s);
	mz_store_close(s->store);
	assert_int_equal(mz_store_open_readonly(&s->store, s->dir, &s->cause), MZ_OK);
	assert_int_equal(mz_store_task_put(s->store, &task), MZ_EPERM);
	assert_int_equal(mz_store_task_delete(s->store, 1), MZ_EPERM); /* undone, until reported */
	assert_int_equal(mz_store_tasks_trim(s->store, 1), MZ_EPERM);
	assert_int_equal(mz_store_domain_put(s->store, &(struct mz_store_domain){.name = "d"}),
			 MZ_EPERM);
	assert_int_equal(mz_store_domain_delete(s->store, "d"), MZ_EPERM);
	assert_int_equal(mz_store_commit(s->store, &s->cause), MZ_EPERM);
	expect(s, "");
}

/* Ten thousand domains change at a reload: each has a task in one turn of the event loop. */
static void many(void **state)
{
	struct scratch *s = *state;
	struct visit v = {0};
	uint64_t start = 0, took = 0;

	scratch_open(s);
	start = mz_clock_mono_ms();
	for (int64_t i = 1; i <= 10000; i++)
		put(s, i, MZ_TASK_PENDING, i);
	scratch_commit(s);
	took = mz_clock_mono_ms() - start;
	print_message("10,000 tasks stored in %llu ms\n", (unsigned long long)took);
	assert_true(took < 5000); /* also under a checker of memory, on a slow machine */
	start = mz_clock_mono_ms();
	assert_int_equal(mz_store_tasks(s->store, note, &v), MZ_OK);
	print_message("and listed in %llu ms\n", (unsigned long long)(mz_clock_mono_ms() - start));
	mz_str_clear(&v.seen);
}

static void names(void **state)
{
	static const char *const states[] = {"pending", "running", "retry",
					     "failed",	"done",	   "unknown"};
	static const char *const kinds[] = {"dns-management", "dkim-management",
					    "certificate-renewal", "unknown"};

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_string_equal(mz_task_state_name((enum mz_task_state)i), states[i]);
	for (int i = 0; i < 4; i++)
		assert_string_equal(mz_task_kind_name((enum mz_task_kind)i), kinds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(put_list_delete),	 SCRATCH_TEST(all_fields),
		SCRATCH_TEST(highest_number),	 SCRATCH_TEST(trimmed),
		SCRATCH_TEST(used_while_listed), SCRATCH_TEST(damaged),
		SCRATCH_TEST(read_only),	 SCRATCH_TEST(many),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
