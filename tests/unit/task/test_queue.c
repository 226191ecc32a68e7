/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the life of tasks. */
#include "tests/unit/task/queue.h"

/* ---- filing ---------------------------------------------------------------------------------- */

static void filed(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	const struct mz_task *task = NULL;

	assert_int_equal(mz_queue_next(queue), 0);
	assert_null(mz_queue_find(queue, 1));
	assert_null(mz_queue_find(queue, 0));
	assert_int_equal(queue_file(queue, "a.org", false, NOW), 1);
	assert_int_equal(queue_file(queue, "b.org", true, NOW + 5), 2);
	assert_int_equal(mz_queue_next(queue), NOW);
	task = mz_queue_find(queue, 2);
	assert_non_null(task);
	assert_string_equal(task->domain, "b.org");
	assert_int_equal(task->families, MZ_FAMILIES_ALL);
	assert_int_equal(task->created, NOW + 5);
	assert_int_equal(task->changed, NOW + 5);
	queue_expect(queue, "1 a.org pending 0 0 ; 2 b.org pending 0 5 ; ");
	queue_expect_stored(s, "1 a.org pending 0 0 ; ");
	mz_queue_free(queue);
}

static void same_task(void **state)
{
	const mz_families mx = 1u << MZ_FAMILY_MX, spf = 1u << MZ_FAMILY_SPF;
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	assert_int_equal(file(queue, MZ_TASK_DNS, 0, mx, NOW + 10), 1);
	assert_int_equal(file(queue, MZ_TASK_DKIM, 0, mx, NOW + 10), 2);
	assert_int_equal(file(queue, MZ_TASK_DNS, MZ_TASK_RENEW, mx, NOW + 10), 3);
	assert_int_equal(queue_file(queue, "b.org", false, NOW), 4);
	assert_int_equal(file(queue, MZ_TASK_DNS, 0, spf, NOW + 20), 1);
	assert_int_equal(mz_queue_find(queue, 1)->families, mx | spf);
	assert_int_equal(mz_queue_find(queue, 1)->due, NOW + 10);
	assert_int_equal(file(queue, MZ_TASK_DNS, 0, spf, NOW + 5), 1);
	assert_int_equal(mz_queue_find(queue, 1)->due, NOW + 5);
	assert_int_equal(mz_queue_find(queue, 2)->families, mx);
	assert_int_equal(mz_queue_find(queue, 3)->due, NOW + 10);
	queue_restart(s, &queue, NOW);
	assert_int_equal(mz_queue_find(queue, 1)->families, mx | spf);
	assert_int_equal(mz_queue_find(queue, 1)->due, NOW + 5);
	mz_queue_free(queue);
}

static void retry_keeps_its_attempts(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	(void)queue_file(queue, "a.org", false, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "why", NOW), MZ_TASK_RETRY);
	assert_int_equal(queue_file(queue, "a.org", false, NOW + 2), 1);
	queue_expect(queue, "1 a.org retry 1 2 why; ");
	queue_restart(s, &queue, NOW + 1);
	queue_expect(queue, "1 a.org retry 1 2 why; ");
	mz_queue_free(queue);
}

static void runs_after_the_running_one(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	(void)queue_file(queue, "a.org", false, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_OK);
	assert_int_equal(queue_file(queue, "a.org", false, NOW), 2);
	assert_int_equal(queue_file(queue, "a.org", false, NOW), 2);
	queue_expect(queue, "1 a.org running 1 0 ; 2 a.org pending 0 0 ; ");
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "why", NOW), MZ_TASK_RETRY);
	/* now there are two that wait: the one that is due first is meant */
	assert_int_equal(queue_file(queue, "a.org", false, NOW), 2);
	queue_expect(queue, "1 a.org retry 1 60 why; 2 a.org pending 0 0 ; ");
	mz_queue_free(queue);
}

static void light(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	/* one that goes well */
	(void)queue_file(queue, "a.org", true, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_OK);
	assert_int_equal(mz_queue_postpone(queue, 1, NOW + 5, NOW, "server down"), MZ_OK);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 5), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_DONE, "", NOW + 6), MZ_TASK_DONE);
	queue_expect(queue, "");
	assert_false(mz_store_dirty(s->store));
	/* one that is the same as another */
	assert_int_equal(queue_file(queue, "a.org", true, NOW), 2);
	assert_int_equal(queue_file(queue, "a.org", true, NOW), 2);
	queue_expect_stored(s, "");
	assert_int_equal(queue_file(queue, "a.org", false, NOW), 2);
	assert_int_equal(queue_file(queue, "a.org", true, NOW), 2);
	queue_expect_stored(s, "2 a.org pending 0 0 ; ");
	assert_int_equal(mz_queue_cancel(queue, 2, NULL), MZ_OK);
	/* one that fails at first */
	assert_int_equal(queue_file(queue, "a.org", true, NOW), 3);
	assert_int_equal(mz_queue_start(queue, 3, NOW), MZ_OK);
	queue_expect_stored(s, "");
	assert_int_equal(queue_finish(queue, 3, MZ_RESULT_RETRY, "why", NOW), MZ_TASK_RETRY);
	queue_expect_stored(s, "3 a.org retry 1 60 why; ");
	assert_int_equal(mz_queue_start(queue, 3, NOW), MZ_OK);
	assert_int_equal(queue_finish(queue, 3, MZ_RESULT_DONE, "", NOW), MZ_TASK_DONE);
	queue_expect_stored(s, "3 a.org done 2 60 ; ");
	/* one that fails for good */
	assert_int_equal(queue_file(queue, "b.org", true, NOW), 4);
	assert_int_equal(mz_queue_start(queue, 4, NOW), MZ_OK);
	assert_int_equal(queue_finish(queue, 4, MZ_RESULT_FAILED, "no", NOW), MZ_TASK_FAILED);
	queue_expect(queue, "3 a.org done 2 60 ; 4 b.org failed 1 0 no; ");
	mz_queue_free(queue);
}

static void numbers(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	assert_int_equal(queue_file(queue, "a.org", false, NOW), 1);
	assert_int_equal(mz_queue_cancel(queue, 1, NULL), MZ_OK);
	assert_int_equal(queue_file(queue, "a.org", true, NOW), 2);
	assert_int_equal(mz_queue_cancel(queue, 2, NULL), MZ_OK);
	assert_int_equal(queue_file(queue, "a.org", false, NOW), 3);
	assert_int_equal(mz_queue_cancel(queue, 3, NULL), MZ_OK);
	queue_restart(s, &queue, NOW);
	assert_int_equal(queue_file(queue, "a.org", false, NOW), 4);
	mz_queue_free(queue);
}

/* ---- running --------------------------------------------------------------------------------- */

static void not_found(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	enum mz_task_state after = MZ_TASK_RUNNING;

	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_ENOTFOUND);
	assert_int_equal(mz_queue_start(queue, -1, NOW), MZ_ENOTFOUND);
	assert_int_equal(mz_queue_start(queue, INT64_MIN, NOW), MZ_ENOTFOUND);
	(void)queue_file(queue, "a.org", false, NOW);
	assert_int_equal(mz_queue_finish(queue, 1, MZ_RESULT_DONE, "", NOW, 0, &after),
			 MZ_ENOTFOUND);
	assert_int_equal(mz_queue_postpone(queue, 1, NOW, NOW, ""), MZ_ENOTFOUND);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_OK);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_ENOTFOUND);
	assert_int_equal(mz_queue_finish(queue, 1, MZ_RESULT_DONE, "", NOW, 0, NULL), MZ_OK);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_ENOTFOUND);
	assert_int_equal(mz_queue_finish(queue, 1, MZ_RESULT_DONE, "", NOW, 0, &after),
			 MZ_ENOTFOUND);
	assert_int_equal(after, MZ_TASK_RUNNING);
	mz_queue_free(queue);
}

static void postponed(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	(void)queue_file(queue, "a.org", false, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_OK);
	assert_int_equal(mz_queue_postpone(queue, 1, NOW + 5, NOW + 1, "server down"), MZ_OK);
	queue_expect(queue, "1 a.org pending 0 5 server down; ");
	assert_int_equal(mz_queue_find(queue, 1)->changed, NOW + 1);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 5), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "why", NOW + 5), MZ_TASK_RETRY);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 65), MZ_OK);
	queue_expect_stored(s, "1 a.org running 2 65 why; ");
	assert_int_equal(mz_queue_postpone(queue, 1, NOW + 70, NOW + 66, "server down"), MZ_OK);
	queue_restart(s, &queue, NOW + 67);
	queue_expect(queue, "1 a.org retry 1 70 server down; ");
	mz_queue_free(queue);
}

static void attempts(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	int64_t now = NOW;

	(void)queue_file(queue, "a.org", false, now);
	assert_int_equal(mz_queue_start(queue, 1, now), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "one", now), MZ_TASK_RETRY);
	queue_expect(queue, "1 a.org retry 1 60 one; ");
	queue_restart(s, &queue, now); /* which does not forget them */
	now += 60;
	assert_int_equal(mz_queue_start(queue, 1, now), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY_SLOW, "two", now), MZ_TASK_RETRY);
	queue_expect(queue, "1 a.org retry 2 1860 two; ");
	queue_restart(s, &queue, now);
	now += 1800;
	assert_int_equal(mz_queue_start(queue, 1, now), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "three", now), MZ_TASK_FAILED);
	queue_expect(queue, "1 a.org failed 3 1860 three; ");
	queue_restart(s, &queue, now);
	queue_expect(queue, "1 a.org failed 3 1860 three; ");
	assert_null(mz_queue_find(queue, 1));
	assert_int_equal(mz_queue_next(queue), 0);
	mz_queue_free(queue);
}

static void deadline(void **state)
{
	struct mz_conf_tasks rules = queue_rules;
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	rules.total_deadline = 100;
	mz_queue_set_rules(queue, &rules);
	memset(&rules, 0, sizeof(rules)); /* it was copied */
	(void)queue_file(queue, "a.org", false, NOW);
	(void)queue_file(queue, "b.org", false, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 40), MZ_OK);
	assert_int_equal(mz_queue_start(queue, 2, NOW + 40), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "why", NOW + 40), MZ_TASK_RETRY);
	assert_int_equal(queue_finish(queue, 2, MZ_RESULT_RETRY, "why", NOW + 41), MZ_TASK_FAILED);
	queue_expect(queue, "1 a.org retry 1 100 why; 2 b.org failed 1 0 why; ");
	assert_int_equal(mz_queue_start(queue, 1, NOW + 100), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_DONE, "", NOW + 900), MZ_TASK_DONE);
	mz_queue_free(queue);
}

/* The time of a task that was foreseen long before counts from when it fell due. */
static void foreseen(void **state)
{
	struct mz_conf_tasks rules = queue_rules;
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	rules.total_deadline = 100;
	mz_queue_set_rules(queue, &rules);
	assert_int_equal(file(queue, MZ_TASK_DKIM, 0, MZ_FAMILIES_ALL, NOW + 1000), 1);
	assert_int_equal(mz_queue_find(queue, 1)->created, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 1000), MZ_OK);
	assert_int_equal(mz_queue_postpone(queue, 1, NOW + 1060, NOW + 1000, "down"), MZ_OK);
	assert_int_equal(mz_queue_find(queue, 1)->created, NOW + 1000);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 1060), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "why", NOW + 1060),
			 MZ_TASK_FAILED);
	assert_int_equal(file(queue, MZ_TASK_DKIM, 0, MZ_FAMILIES_ALL, NOW + 1000), 2);
	assert_int_equal(mz_queue_start(queue, 2, NOW + 1000), MZ_OK);
	assert_int_equal(queue_finish(queue, 2, MZ_RESULT_RETRY, "why", NOW + 1000), MZ_TASK_RETRY);
	mz_queue_free(queue);
}

static void jitter(void **state)
{
	struct mz_conf_tasks rules = queue_rules;
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	rules.jitter = true;
	mz_queue_set_rules(queue, &rules);
	(void)queue_file(queue, "a.org", false, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_OK);
	assert_int_equal(mz_queue_finish(queue, 1, MZ_RESULT_RETRY, "why", NOW, UINT32_MAX, NULL),
			 MZ_OK);
	queue_expect(queue, "1 a.org retry 1 30 why; ");
	mz_queue_free(queue);
}

static void killed_while_running(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);

	(void)queue_file(queue, "a.org", false, NOW);
	(void)queue_file(queue, "b.org", false, NOW);
	(void)queue_file(queue, "c.org", true, NOW);
	assert_int_equal(mz_queue_start(queue, 1, NOW), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_RETRY, "why", NOW), MZ_TASK_RETRY);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 60), MZ_OK);
	assert_int_equal(mz_queue_start(queue, 2, NOW + 60), MZ_OK);
	queue_restart(s, &queue, NOW + 70);
	queue_expect(queue, "1 a.org pending 1 70 why; 2 b.org pending 0 70 ; ");
	queue_expect_stored(s, "1 a.org pending 1 70 why; 2 b.org pending 0 70 ; ");
	assert_int_equal(mz_queue_find(queue, 1)->changed, NOW + 70);
	assert_int_equal(mz_queue_find(queue, 1)->created, NOW);
	/* the end of the task is lost: it is done again */
	scratch_commit(s);
	assert_int_equal(mz_queue_start(queue, 1, NOW + 70), MZ_OK);
	assert_int_equal(queue_finish(queue, 1, MZ_RESULT_DONE, "", NOW + 71), MZ_TASK_DONE);
	queue_kill(s, &queue, NOW + 80);
	queue_expect(queue, "1 a.org pending 1 70 why; 2 b.org pending 0 70 ; ");
	mz_queue_free(queue);
}

/* ---- the store fails ------------------------------------------------------------------------- */

static void store_fails(void **state)
{
	const struct mz_queue_input input = {.domain = "new.org", .due = NOW};
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	enum mz_task_state after = MZ_TASK_RUNNING;
	int64_t id = 0;

	for (const char *d = "abcde"; *d != '\0'; d++)
		(void)queue_file(queue, (const char[]){*d, '\0'}, false, NOW);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(mz_queue_start(queue, i, NOW), MZ_OK);
	scratch_commit(s);
	(void)mz_store_fault(s->store, MZ_ESPACE, "no space left");
	(void)mz_store_undo(s->store, MZ_ESPACE);
	assert_int_equal(mz_queue_file(queue, &input, NOW, &id), MZ_ESPACE);
	assert_int_equal(mz_queue_start(queue, 4, NOW), MZ_ESPACE);
	assert_int_equal(mz_queue_reschedule(queue, 4, NOW + 9, NOW, &s->cause), MZ_ESPACE);
	assert_string_equal(s->cause.text, "no space left");
	assert_int_equal(mz_queue_retry(queue, 4, NOW + 9, NULL), MZ_ESPACE);
	assert_int_equal(mz_queue_cancel(queue, 4, NULL), MZ_ESPACE);
	/* what runs must end nevertheless */
	assert_int_equal(mz_queue_postpone(queue, 1, NOW + 5, NOW, "down"), MZ_ESPACE);
	assert_int_equal(mz_queue_finish(queue, 2, MZ_RESULT_RETRY, "why", NOW, 0, &after),
			 MZ_ESPACE);
	assert_int_equal(after, MZ_TASK_RETRY);
	assert_int_equal(mz_queue_finish(queue, 3, MZ_RESULT_DONE, "", NOW, 0, &after), MZ_ESPACE);
	assert_int_equal(after, MZ_TASK_DONE);
	assert_int_equal(mz_store_commit(s->store, NULL), MZ_ESPACE);
	s->cause.text[0] = '\0';
	queue_expect(queue, "1 a pending 0 5 down; 2 b retry 1 60 why; 4 d pending 0 0 ; "
			    "5 e pending 0 0 ; ");
	/* what is written later is whole */
	assert_int_equal(mz_queue_start(queue, 2, NOW + 60), MZ_OK);
	queue_restart(s, &queue, NOW + 61);
	queue_expect(queue, "1 a pending 0 61 ; 2 b pending 1 61 why; 3 c pending 0 61 ; "
			    "4 d pending 0 0 ; 5 e pending 0 0 ; ");
	mz_queue_free(queue);
}

static void damaged(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	struct mz_str text = {0};

	(void)queue_file(queue, "a.org", false, NOW);
	(void)queue_file(queue, "b.org", false, NOW);
	scratch_commit(s);
	mz_queue_free(queue);
	scratch_sql(s->path, "UPDATE task SET kind = 9 WHERE id = 2");
	assert_int_equal(mz_queue_new(&queue, s->store, &queue_rules, NOW, &s->cause), MZ_OK);
	assert_non_null(strstr(s->cause.text, "task 2 is damaged"));
	assert_int_equal(mz_queue_list(queue, queue_note, &text), MZ_ESTATE);
	assert_string_equal(text.s, "1 a.org pending 0 0 ; ");
	assert_int_equal(queue_file(queue, "b.org", false, NOW), 3);
	assert_int_equal(mz_queue_retry(queue, 2, NOW, &s->cause), MZ_ESTATE);
	assert_int_equal(mz_queue_cancel(queue, 2, NULL), MZ_OK);
	queue_expect(queue, "1 a.org pending 0 0 ; 3 b.org pending 0 0 ; ");
	mz_str_clear(&text);
	mz_queue_free(queue);
}

static void count(void *arg, const struct mz_task *task)
{
	(void)task;
	(*(unsigned *)arg)++;
}

static void trimmed(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = queue_open(s);
	unsigned n = 0;

	(void)queue_file(queue, "waits.org", false, NOW);
	for (int i = 0; i < 2150; i++) {
		int64_t id = queue_file(queue, "a.org", false, NOW + i);

		assert_int_equal(mz_queue_start(queue, id, NOW + i), MZ_OK);
		(void)queue_finish(queue, id, i % 2 == 0 ? MZ_RESULT_DONE : MZ_RESULT_FAILED, "",
				   NOW + i);
	}
	assert_int_equal(mz_queue_list(queue, count, &n), MZ_OK);
	assert_in_range(n, 1001, 1101);
	mz_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(filed),
		SCRATCH_TEST(same_task),
		SCRATCH_TEST(retry_keeps_its_attempts),
		SCRATCH_TEST(runs_after_the_running_one),
		SCRATCH_TEST(light),
		SCRATCH_TEST(numbers),
		SCRATCH_TEST(not_found),
		SCRATCH_TEST(postponed),
		SCRATCH_TEST(attempts),
		SCRATCH_TEST(deadline),
		SCRATCH_TEST(foreseen),
		SCRATCH_TEST(jitter),
		SCRATCH_TEST(killed_while_running),
		SCRATCH_TEST(store_fails),
		SCRATCH_TEST(damaged),
		SCRATCH_TEST(trimmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
