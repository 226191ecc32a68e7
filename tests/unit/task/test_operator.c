/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what the operator does with tasks. */
#include "tests/unit/task/queue.h"

static const char mixed[] = "1 a.org pending 0 0 ; 2 b.org retry 1 60 why; 3 c.org running 1 0 ; "
			    "4 d.org failed 1 0 no; 5 e.org done 1 0 ; 6 f.org pending 0 0 ; ";

/* A queue with a task in each state; the last one is light. */
static struct mz_queue *in_each_state(struct scratch *s)
{
	struct mz_queue *queue = queue_open(s);

	for (const char *d = "abcdef"; *d != '\0'; d++)
		(void)queue_file(queue, (const char[]){*d, '.', 'o', 'r', 'g', '\0'}, *d == 'f',
				 NOW);
	for (int i = 2; i <= 5; i++)
		assert_int_equal(mz_queue_start(queue, i, NOW), MZ_OK);
	(void)queue_finish(queue, 2, MZ_RESULT_RETRY, "why", NOW);
	(void)queue_finish(queue, 4, MZ_RESULT_FAILED, "no", NOW);
	(void)queue_finish(queue, 5, MZ_RESULT_DONE, "", NOW);
	scratch_commit(s);
	return queue;
}

static void listed(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = in_each_state(s);

	queue_expect(queue, mixed);
	mz_queue_free(queue);
}

static void retried(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = in_each_state(s);

	assert_int_equal(mz_queue_retry(queue, 3, NOW + 9, &s->cause), MZ_ESTATE);
	assert_string_equal(s->cause.text, "task 3 is running");
	assert_int_equal(mz_queue_retry(queue, 5, NOW + 9, &s->cause), MZ_ESTATE);
	assert_string_equal(s->cause.text, "task 5 is done");
	assert_int_equal(mz_queue_retry(queue, 7, NOW + 9, &s->cause), MZ_ENOTFOUND);
	assert_string_equal(s->cause.text, "there is no task 7");
	queue_expect(queue, mixed);
	assert_false(mz_store_dirty(s->store));
	assert_int_equal(mz_queue_finish(queue, 3, MZ_RESULT_DONE, "", NOW, 0, NULL), MZ_OK);
	for (int id = 1; id <= 6; id++) {
		if (id == 3 || id == 5)
			continue;
		assert_int_equal(mz_queue_retry(queue, id, NOW + 9, NULL), MZ_OK);
		assert_int_equal(mz_queue_find(queue, id)->created, NOW + 9);
		assert_int_equal(mz_queue_find(queue, id)->changed, NOW + 9);
	}
	s->cause.text[0] = '\0';
	queue_restart(s, &queue, NOW + 9);
	queue_expect(queue, "1 a.org pending 0 9 ; 2 b.org pending 0 9 ; 3 c.org done 1 0 ; "
			    "4 d.org pending 0 9 ; 5 e.org done 1 0 ; 6 f.org pending 0 9 ; ");
	/* its attempts were forgotten, and it has its time anew */
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(mz_queue_start(queue, 4, NOW + 9 + 7 * 3600), MZ_OK);
		assert_int_equal(mz_queue_find(queue, 4)->attempt, i);
		assert_int_equal(queue_finish(queue, 4, MZ_RESULT_RETRY, "why", NOW + 9),
				 i < 3 ? MZ_TASK_RETRY : MZ_TASK_FAILED);
	}
	mz_queue_free(queue);
}

/* A failed task comes back while the same was filed again: both run. */
static void retried_beside_another(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = in_each_state(s);

	assert_int_equal(queue_file(queue, "d.org", false, NOW + 5), 7);
	assert_int_equal(mz_queue_retry(queue, 4, NOW + 9, NULL), MZ_OK);
	assert_int_equal(queue_file(queue, "d.org", false, NOW + 9), 7);
	assert_int_equal(mz_queue_start(queue, 4, NOW + 9), MZ_OK);
	assert_int_equal(mz_queue_start(queue, 7, NOW + 9), MZ_OK);
	mz_queue_free(queue);
}

static void rescheduled(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = in_each_state(s);

	assert_int_equal(mz_queue_reschedule(queue, 3, NOW + 9, NOW, &s->cause), MZ_ESTATE);
	assert_string_equal(s->cause.text, "task 3 is running");
	assert_int_equal(mz_queue_reschedule(queue, 4, NOW + 9, NOW, &s->cause), MZ_ESTATE);
	assert_string_equal(s->cause.text, "task 4 has failed: retry it");
	assert_int_equal(mz_queue_reschedule(queue, 5, NOW + 9, NOW, &s->cause), MZ_ESTATE);
	assert_string_equal(s->cause.text, "task 5 is done");
	assert_int_equal(mz_queue_reschedule(queue, 7, NOW + 9, NOW, &s->cause), MZ_ENOTFOUND);
	assert_string_equal(s->cause.text, "there is no task 7");
	queue_expect(queue, mixed);
	assert_int_equal(mz_queue_reschedule(queue, 1, NOW + 99, NOW, NULL), MZ_OK);
	assert_int_equal(mz_queue_reschedule(queue, 2, NOW - 99, NOW + 4, NULL), MZ_OK);
	assert_int_equal(mz_queue_reschedule(queue, 6, NOW + 7, NOW, NULL), MZ_OK);
	assert_int_equal(mz_queue_next(queue), NOW + 4);
	assert_int_equal(mz_queue_cancel(queue, 4, NULL), MZ_OK);
	s->cause.text[0] = '\0';
	queue_restart(s, &queue, NOW + 50);
	queue_expect(queue, "1 a.org pending 0 99 ; 2 b.org retry 1 4 why; 3 c.org pending 0 50 ; "
			    "5 e.org done 1 0 ; 6 f.org pending 0 7 ; ");
	mz_queue_free(queue);
}

static void cancelled(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = in_each_state(s);

	assert_int_equal(mz_queue_cancel(queue, 3, &s->cause), MZ_ESTATE);
	assert_string_equal(s->cause.text, "task 3 is running");
	assert_int_equal(mz_queue_cancel(queue, 5, &s->cause), MZ_ESTATE);
	assert_string_equal(s->cause.text, "task 5 is done");
	assert_int_equal(mz_queue_cancel(queue, 7, &s->cause), MZ_ENOTFOUND);
	assert_string_equal(s->cause.text, "there is no task 7");
	queue_expect(queue, mixed);
	assert_int_equal(mz_queue_cancel(queue, 6, NULL), MZ_OK);
	assert_false(mz_store_dirty(s->store));
	assert_int_equal(mz_queue_cancel(queue, 1, NULL), MZ_OK);
	assert_int_equal(mz_queue_cancel(queue, 2, NULL), MZ_OK);
	assert_int_equal(mz_queue_cancel(queue, 4, NULL), MZ_OK);
	assert_int_equal(mz_queue_cancel(queue, 4, NULL), MZ_ENOTFOUND);
	queue_expect(queue, "3 c.org running 1 0 ; 5 e.org done 1 0 ; ");
	queue_expect_stored(s, "3 c.org running 1 0 ; 5 e.org done 1 0 ; ");
	mz_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(listed),
		SCRATCH_TEST(retried),
		SCRATCH_TEST(retried_beside_another),
		SCRATCH_TEST(rescheduled),
		SCRATCH_TEST(cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
