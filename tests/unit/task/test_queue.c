/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the queue, with a clock that the test sets and a store that survives. */
#include "tests/unit/store/scratch.h"

#include "mailzone/task.h"

static const struct mz_conf_tasks rules = {.max_attempts = 3,
					   .total_deadline = 21600,
					   .strategy = MZ_RETRY_EXPONENTIAL,
					   .initial_delay = 60,
					   .max_delay = 1800,
					   .factor = 2.0};

static struct mz_queue *open_queue(struct scratch *s, int64_t now)
{
	struct mz_queue *queue = NULL;

	assert_int_equal(mz_queue_new(&queue, s->store, &rules, now, &s->cause), MZ_OK);
	return queue;
}

/* What a kill -9 leaves: the store as it was committed. */
static struct mz_queue *crash(struct scratch *s, struct mz_queue *queue, bool committed,
			      int64_t now)
{
	if (committed)
		scratch_commit(s);
	mz_queue_free(queue);
	if (!committed)
		(void)mz_store_undo(s->store, MZ_EIO);
	if (!committed)
		(void)mz_store_commit(s->store, &s->cause);
	s->cause.text[0] = '\0';
	scratch_reopen(s);
	return open_queue(s, now);
}

static int64_t file(struct mz_queue *queue, const char *domain, int64_t due, bool light,
		    int64_t now)
{
	const struct mz_queue_input input = {.kind = MZ_TASK_DNS,
					     .domain = domain,
					     .families = MZ_FAMILIES_ALL,
					     .due = due,
					     .light = light};
	int64_t id = 0;

	assert_int_equal(mz_queue_file(queue, &input, now, &id), MZ_OK);
	return id;
}

struct seen {
	int64_t id[64];
	enum mz_task_state state[64];
	size_t count, most;
};

static bool see(void *arg, const struct mz_task *task)
{
	struct seen *seen = arg;

	seen->state[seen->count] = task->state;
	seen->id[seen->count++] = task->id;
	return seen->most == 0 || seen->count < seen->most;
}

static void see_all(void *arg, const struct mz_task *task)
{
	(void)see(arg, task);
}

static void due_in_order(void **state)
{
	struct scratch *s = *state;
	struct seen seen = {0};
	struct mz_queue *queue = NULL;
	int64_t a = 0, b = 0, c = 0;

	scratch_open(s);
	queue = open_queue(s, 100);
	assert_int_equal(mz_queue_next(queue), 0);
	a = file(queue, "a", 300, false, 100);
	b = file(queue, "b", 200, false, 100);
	c = file(queue, "c", 200, true, 100);
	assert_int_equal(a, 1);
	assert_int_equal(mz_queue_next(queue), 200);
	mz_queue_due(queue, 199, see, &seen);
	assert_int_equal(seen.count, 0);
	mz_queue_due(queue, 250, see, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.id[0], b);
	assert_int_equal(seen.id[1], c);
	seen = (struct seen){.most = 1};
	mz_queue_due(queue, 300, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_string_equal(mz_queue_find(queue, a)->domain, "a");
	assert_null(mz_queue_find(queue, 99));
	mz_queue_free(queue);
}

/* The same task filed twice while it waits is one; while it runs, it is another one. */
static void filed_twice(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	struct seen seen = {0};
	int64_t a = 0, b = 0;

	scratch_open(s);
	queue = open_queue(s, 100);
	a = file(queue, "a", 300, true, 100);
	assert_int_equal(file(queue, "a", 200, false, 101), a);
	assert_int_equal(mz_queue_next(queue), 200);
	assert_int_equal(mz_queue_start(queue, a, 200), MZ_OK);
	assert_int_equal(mz_queue_start(queue, a, 200), MZ_ENOTFOUND);
	b = file(queue, "a", 200, false, 201);
	assert_int_not_equal(b, a);
	mz_queue_due(queue, 300, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.id[0], b);
	/* The one that ran fails: the two are one again. */
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_RETRY, "lost", 210, 0, NULL), MZ_OK);
	assert_null(mz_queue_find(queue, b));
	assert_int_equal(mz_queue_find(queue, a)->due, 200);
	mz_queue_free(queue);
}

static void retries_and_fails(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	enum mz_task_state now = MZ_TASK_DONE;
	struct seen seen = {0};
	int64_t a = 0;

	scratch_open(s);
	queue = open_queue(s, 1000);
	a = file(queue, "a", 1000, false, 1000);
	assert_int_equal(mz_queue_start(queue, a, 1000), MZ_OK);
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_RETRY, "no answer", 1010, 0, &now),
			 MZ_OK);
	assert_int_equal(now, MZ_TASK_RETRY);
	assert_int_equal(mz_queue_find(queue, a)->due, 1070);
	assert_string_equal(mz_queue_find(queue, a)->reason, "no answer");
	queue = crash(s, queue, true, 1020); /* a restart resets no attempts */
	assert_int_equal(mz_queue_find(queue, a)->attempt, 1);
	assert_int_equal(mz_queue_start(queue, a, 1070), MZ_OK);
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_RETRY_SLOW, "REFUSED", 1071, 0, &now),
			 MZ_OK);
	assert_int_equal(mz_queue_find(queue, a)->due, 1071 + 1800);
	assert_int_equal(mz_queue_start(queue, a, 2871), MZ_OK);
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_RETRY, "REFUSED", 2872, 0, &now),
			 MZ_OK);
	assert_int_equal(now, MZ_TASK_FAILED);
	assert_null(mz_queue_find(queue, a));
	assert_int_equal(mz_queue_list(queue, see_all, &seen), MZ_OK);
	assert_int_equal(seen.state[0], MZ_TASK_FAILED);
	/* The operator brings it back. */
	assert_int_equal(mz_queue_retry(queue, a, 5000, &s->cause), MZ_OK);
	assert_int_equal(mz_queue_find(queue, a)->attempt, 0);
	assert_int_equal(mz_queue_find(queue, a)->state, MZ_TASK_PENDING);
	assert_int_equal(mz_queue_next(queue), 5000);
	mz_queue_free(queue);
}

static void total_deadline(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	enum mz_task_state now = MZ_TASK_DONE;
	int64_t a = 0;

	scratch_open(s);
	queue = open_queue(s, 0);
	a = file(queue, "a", 0, false, 0);
	assert_int_equal(mz_queue_start(queue, a, 21590), MZ_OK);
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_RETRY, "late", 21590, 0, &now), MZ_OK);
	assert_int_equal(now, MZ_TASK_FAILED);
	mz_queue_free(queue);
}

static void postponed(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	int64_t a = 0;

	scratch_open(s);
	queue = open_queue(s, 100);
	a = file(queue, "a", 100, true, 100);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(mz_queue_start(queue, a, 100 + i), MZ_OK);
		assert_int_equal(mz_queue_postpone(queue, a, 101 + i, 100 + i,
						   "the server is down"),
				 MZ_OK);
	}
	assert_int_equal(mz_queue_find(queue, a)->attempt, 0);
	assert_int_equal(mz_queue_find(queue, a)->state, MZ_TASK_PENDING);
	assert_string_equal(mz_queue_find(queue, a)->reason, "the server is down");
	mz_queue_free(queue);
}

/* Light tasks leave no trace when they go well, and are kept once they fail. */
static void light(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	struct seen seen = {0};
	int64_t a = 0;

	scratch_open(s);
	queue = open_queue(s, 100);
	a = file(queue, "a", 100, true, 100);
	assert_false(mz_store_dirty(s->store));
	assert_int_equal(mz_queue_list(queue, see_all, &seen), MZ_OK);
	assert_int_equal(seen.count, 1);
	assert_int_equal(mz_queue_start(queue, a, 100), MZ_OK);
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_DONE, "", 100, 0, NULL), MZ_OK);
	assert_false(mz_store_dirty(s->store));
	a = file(queue, "a", 100, true, 100);
	assert_int_equal(a, 2);
	assert_int_equal(mz_queue_start(queue, a, 100), MZ_OK);
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_RETRY, "lost", 100, 0, NULL), MZ_OK);
	queue = crash(s, queue, true, 101);
	assert_int_equal(mz_queue_find(queue, a)->state, MZ_TASK_RETRY);
	mz_queue_free(queue);
}

/* What ran when the process died runs again; what was not committed was never filed. */
static void crashes(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	int64_t a = 0, b = 0;

	scratch_open(s);
	queue = open_queue(s, 100);
	a = file(queue, "a", 100, false, 100);
	assert_int_equal(mz_queue_start(queue, a, 100), MZ_OK);
	queue = crash(s, queue, true, 150);
	assert_int_equal(mz_queue_find(queue, a)->state, MZ_TASK_PENDING);
	assert_int_equal(mz_queue_find(queue, a)->attempt, 0);
	assert_int_equal(mz_queue_next(queue), 150);
	b = file(queue, "b", 100, false, 150);
	queue = crash(s, queue, false, 160);
	assert_null(mz_queue_find(queue, b));
	assert_non_null(mz_queue_find(queue, a));
	/* One that runs and one that was filed meanwhile become one. */
	assert_int_equal(mz_queue_start(queue, a, 160), MZ_OK);
	b = file(queue, "a", 170, false, 160);
	queue = crash(s, queue, true, 180);
	assert_true((mz_queue_find(queue, a) == NULL) != (mz_queue_find(queue, b) == NULL));
	mz_queue_free(queue);
}

static void by_operator(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	int64_t a = 0;

	scratch_open(s);
	queue = open_queue(s, 100);
	a = file(queue, "a", 500, false, 100);
	assert_int_equal(mz_queue_reschedule(queue, a, 400, 100, &s->cause), MZ_OK);
	assert_int_equal(mz_queue_next(queue), 400);
	assert_int_equal(mz_queue_start(queue, a, 400), MZ_OK);
	assert_int_equal(mz_queue_cancel(queue, a, &s->cause), MZ_ESTATE);
	assert_non_null(strstr(s->cause.text, "running"));
	assert_int_equal(mz_queue_finish(queue, a, MZ_RESULT_DONE, "", 401, 0, NULL), MZ_OK);
	assert_int_equal(mz_queue_retry(queue, a, 500, &s->cause), MZ_ESTATE);
	assert_non_null(strstr(s->cause.text, "done"));
	assert_int_equal(mz_queue_retry(queue, 77, 500, &s->cause), MZ_ENOTFOUND);
	s->cause.text[0] = '\0';
	a = file(queue, "a", 500, false, 500);
	assert_int_equal(mz_queue_cancel(queue, a, &s->cause), MZ_OK);
	queue = crash(s, queue, true, 600);
	assert_int_equal(mz_queue_next(queue), 0);
	mz_queue_free(queue);
}

/* Ten thousand of them in a random order come out by their due. */
static void many(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;
	int64_t last = 0;

	scratch_open(s);
	queue = open_queue(s, 0);
	for (int i = 0; i < 10000; i++) {
		char name[32] = "";

		(void)snprintf(name, sizeof(name), "d%d.test", i);
		(void)file(queue, name, 1 + (i * 7919) % 10007, true, 0);
	}
	for (int i = 0; i < 10000; i++) {
		struct seen seen = {.most = 1};
		int64_t next = mz_queue_next(queue);

		assert_true(next >= last);
		last = next;
		if (i % 100 != 0) { /* the walk over all that is due is not free */
			continue;
		}
		mz_queue_due(queue, next, see, &seen);
		assert_int_equal(seen.count, 1);
		assert_int_equal(mz_queue_start(queue, seen.id[0], next), MZ_OK);
		assert_int_equal(mz_queue_finish(queue, seen.id[0], MZ_RESULT_DONE, "", next, 0,
						 NULL),
				 MZ_OK);
	}
	mz_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(due_in_order),
		SCRATCH_TEST(filed_twice),
		SCRATCH_TEST(retries_and_fails),
		SCRATCH_TEST(total_deadline),
		SCRATCH_TEST(postponed),
		SCRATCH_TEST(light),
		SCRATCH_TEST(crashes),
		SCRATCH_TEST(by_operator),
		SCRATCH_TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
