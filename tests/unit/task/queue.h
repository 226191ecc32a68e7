/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the queue share: a queue on a scratch store, and tasks as text. */
#ifndef MZ_TEST_TASK_QUEUE_H
#define MZ_TEST_TASK_QUEUE_H

#include "mailzone/task.h"
#include "tests/unit/store/scratch.h"

enum { NOW = 1795000000 };

static const struct mz_conf_tasks queue_rules = {.max_attempts = 3,
						 .total_deadline = 6 * 3600,
						 .strategy = MZ_RETRY_EXPONENTIAL,
						 .initial_delay = 60,
						 .max_delay = 1800,
						 .delay = 300,
						 .factor = 2.0};

static inline struct mz_queue *queue_load(struct scratch *s, int64_t now)
{
	struct mz_queue *queue = NULL;

	assert_int_equal(mz_queue_new(&queue, s->store, &queue_rules, now, &s->cause), MZ_OK);
	assert_string_equal(s->cause.text, "");
	return queue;
}

static inline struct mz_queue *queue_open(struct scratch *s)
{
	scratch_open(s);
	return queue_load(s, NOW);
}

/* What a kill -9 and a new start do: what was not committed is lost. */
static inline void queue_kill(struct scratch *s, struct mz_queue **queue, int64_t now)
{
	mz_queue_free(*queue);
	mz_store_free(s->store);
	s->store = NULL;
	scratch_open(s);
	*queue = queue_load(s, now);
}

static inline void queue_restart(struct scratch *s, struct mz_queue **queue, int64_t now)
{
	scratch_commit(s);
	queue_kill(s, queue, now);
}

/* Files a dns-management task for all families, due now. */
static inline int64_t queue_file(struct mz_queue *queue, const char *domain, bool light,
				 int64_t now)
{
	const struct mz_queue_input input = {.domain = domain,
					     .families = MZ_FAMILIES_ALL,
					     .due = now,
					     .light = light};
	int64_t id = 0;

	assert_int_equal(mz_queue_file(queue, &input, now, &id), MZ_OK);
	return id;
}

static inline enum mz_task_state queue_finish(struct mz_queue *queue, int64_t id,
					      enum mz_task_result result, const char *reason,
					      int64_t now)
{
	enum mz_task_state state = MZ_TASK_PENDING;

	assert_int_equal(mz_queue_finish(queue, id, result, reason, now, 0, &state), MZ_OK);
	return state;
}

/* "ID DOMAIN STATE ATTEMPT DUE REASON; ", due since NOW. */
static inline void queue_note(void *arg, const struct mz_task *task)
{
	mz_str_addf(arg, "%lld %s %s %u %lld %s; ", (long long)task->id, task->domain,
		    mz_task_state_name(task->state), task->attempt, (long long)(task->due - NOW),
		    task->reason);
}

static inline void queue_expect(struct mz_queue *queue, const char *expected)
{
	struct mz_str text = {0};

	mz_str_add(&text, "");
	assert_int_equal(mz_queue_list(queue, queue_note, &text), MZ_OK);
	assert_string_equal(text.s, expected);
	mz_str_clear(&text);
}

/* The same of what stands in the store. */
static inline void queue_expect_stored(struct scratch *s, const char *expected)
{
	struct mz_str text = {0};

	mz_str_add(&text, "");
	assert_int_equal(mz_store_tasks(s->store, queue_note, &text), MZ_OK);
	assert_string_equal(text.s, expected);
	mz_str_clear(&text);
}

/* Files a task of a.org at NOW; its number. */
static inline int64_t file(struct mz_queue *queue, enum mz_task_kind kind, unsigned flags,
			   mz_families families, int64_t due)
{
	const struct mz_queue_input input = {.kind = kind,
					     .domain = "a.org",
					     .families = families,
					     .flags = flags,
					     .due = due};
	int64_t id = 0;

	assert_int_equal(mz_queue_file(queue, &input, NOW, &id), MZ_OK);
	return id;
}

#endif
