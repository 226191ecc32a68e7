/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of looking at the tasks that wait. */
#include "tests/unit/task/queue.h"

struct visit {
	struct mz_queue *queue;
	struct mz_str seen;
	int left; /* how many more */
};

static bool on_due(void *arg, const struct mz_task *task)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%lld ", (long long)task->id);
	return --v->left > 0;
}

static void due_first(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	struct visit v = {.queue = queue, .left = 99};

	(void)queue_file(queue, "a.org", false, NOW + 3);
	(void)queue_file(queue, "b.org", true, NOW + 1);
	(void)queue_file(queue, "c.org", false, NOW + 2);
	(void)queue_file(queue, "d.org", true, NOW + 1);
	(void)queue_file(queue, "e.org", true, NOW + 4);
	assert_int_equal(mz_queue_next(queue), NOW + 1);
	mz_queue_due(queue, NOW, on_due, &v);
	assert_int_equal(v.seen.len, 0);
	mz_queue_due(queue, NOW + 3, on_due, &v);
	assert_string_equal(v.seen.s, "2 4 3 1 ");
	mz_str_reset(&v.seen);
	v.left = 2;
	mz_queue_due(queue, NOW + 3, on_due, &v);
	assert_string_equal(v.seen.s, "2 4 ");
	assert_int_equal(mz_queue_start(queue, 2, NOW + 3), MZ_OK);
	assert_int_equal(mz_queue_start(queue, 4, NOW + 3), MZ_OK);
	assert_int_equal(mz_queue_next(queue), NOW + 2);
	mz_str_clear(&v.seen);
	mz_queue_free(queue);
}

/* A task that is due at no time that there is still wakes the one who waits. */
static void due_long_ago(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	(void)queue_file(queue, "a.org", true, 0);
	assert_int_equal(mz_queue_next(queue), 1);
	mz_queue_free(queue);
}

/* Does something else with each, and ends all others with the first. */
static bool upset(void *arg, const struct mz_task *task)
{
	struct visit *v = arg;
	int64_t id = task->id;

	mz_str_addf(&v->seen, "%lld ", (long long)id);
	assert_int_equal(mz_queue_start(v->queue, id, NOW), MZ_OK);
	if (id == 1) {
		assert_int_equal(mz_queue_cancel(v->queue, 2, NULL), MZ_OK);
		assert_int_equal(mz_queue_reschedule(v->queue, 3, NOW + 9, NOW, NULL), MZ_OK);
		(void)queue_finish(v->queue, id, MZ_RESULT_DONE, "", NOW);
	} else if (id == 4) {
		assert_int_equal(mz_queue_postpone(v->queue, id, NOW, NOW, ""), MZ_OK);
	} else {
		(void)queue_finish(v->queue, id, MZ_RESULT_RETRY, "why", NOW);
	}
	(void)queue_file(v->queue, "new.org", true, NOW - 99);
	return true;
}

static void changed_while_visited(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	struct visit v = {.queue = queue};

	for (int i = 1; i <= 5; i++) {
		char domain[16] = "";

		(void)snprintf(domain, sizeof(domain), "d%d.org", i);
		assert_int_equal(queue_file(queue, domain, i % 2 == 0, NOW - 50 + i), i);
	}
	mz_queue_due(queue, NOW, upset, &v);
	assert_string_equal(v.seen.s, "1 4 5 4 "); /* 4 became due again */
	queue_expect(queue, "1 d1.org done 1 -49 ; 3 d3.org pending 0 9 ; 4 d4.org pending 0 0 ; "
			    "5 d5.org retry 1 60 why; 6 new.org pending 0 -99 ; ");
	mz_str_clear(&v.seen);
	mz_queue_free(queue);
}

static void start_each(void *arg, const struct mz_task *task)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%lld ", (long long)task->id);
	if (task->state == MZ_TASK_RUNNING)
		return;
	assert_int_equal(mz_queue_start(v->queue, task->id, NOW), MZ_OK);
	(void)file(v->queue, MZ_TASK_DKIM, 0, 1, NOW);
	(void)queue_finish(v->queue, task->id, MZ_RESULT_DONE, "", NOW);
}

static void of_a_domain(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	struct visit v = {.queue = queue};

	(void)file(queue, MZ_TASK_DNS, 0, 2, NOW + 1000);
	(void)queue_file(queue, "b.org", false, NOW);
	(void)file(queue, MZ_TASK_DNS, MZ_TASK_RENEW, 2, NOW);
	(void)file(queue, MZ_TASK_CERTIFICATE, 0, 2, NOW);
	assert_int_equal(mz_queue_start(queue, 4, NOW), MZ_OK);
	mz_str_add(&v.seen, "");
	mz_queue_of_domain(queue, "none.org", start_each, &v);
	assert_string_equal(v.seen.s, "");
	mz_queue_of_domain(queue, "a.org", start_each, &v);
	assert_string_equal(v.seen.s, "1 3 4 ");
	mz_str_clear(&v.seen);
	mz_queue_free(queue);
}

static bool run_one(void *arg, const struct mz_task *task)
{
	struct mz_queue *queue = arg;
	int64_t id = task->id;

	assert_int_equal(mz_queue_start(queue, id, NOW), MZ_OK);
	(void)queue_finish(queue, id, MZ_RESULT_DONE, "", NOW);
	return true;
}

/* The looks of the timer at ten thousand domains. */
static void many(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	uint64_t start = mz_clock_mono_ms(), took = 0;

	for (int i = 0; i < 10000; i++) {
		char domain[32] = "";

		(void)snprintf(domain, sizeof(domain), "domain%d.example.org", i);
		(void)queue_file(queue, domain, true, NOW - i % 97);
	}
	mz_queue_due(queue, NOW, run_one, queue);
	took = mz_clock_mono_ms() - start;
	print_message("10,000 light tasks filed, started and finished in %llu ms\n",
		      (unsigned long long)took);
	assert_true(took < 2000); /* also under a checker of memory, on a slow machine */
	assert_int_equal(mz_queue_next(queue), 0);
	assert_false(mz_store_dirty(s->store));
	mz_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(due_first),
		SCRATCH_TEST(due_long_ago),
		SCRATCH_TEST(changed_while_visited),
		SCRATCH_TEST(of_a_domain),
		SCRATCH_TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
