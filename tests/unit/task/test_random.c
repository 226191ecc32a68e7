/* SPDX-License-Identifier: BSD-2-Clause */
/* Thousands of random operations on a queue, against a model that is slow and plain: a row of
 * tasks, what of them is stored, and what of that is durable. Now and then the process is killed,
 * with or without a commit before. */
#include "tests/unit/task/queue.h"

#include <time.h>

enum { ROUNDS = 6, STEPS = 3000, ROWS = STEPS + 2, DOMAINS = 12 };

struct row {
	struct mz_task task; /* domain and reason are constants */
	bool used, light;
	enum mz_task_state before;
};
/* Rows are at their numbers. */
struct rows {
	struct row row[ROWS];
	int64_t last; /* the highest number that was used */
};
static struct model {
	struct rows own, stored, durable;
	struct mz_conf_tasks rules;
	int64_t now;
} model;

static const char *const domains[DOMAINS] = {"a.org", "b.org", "c.org", "d.org", "e.org", "f.org",
					     "g.org", "h.org", "i.org", "j.org", "k.org", "l.org"};
static const char *const reasons[] = {"", "no answer", "refused"};

static uint64_t seed;

/* Repeatable: the seed is printed. */
static uint32_t below(uint32_t bound)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % bound;
}

static bool is_over(const struct mz_task *task)
{
	return task->state == MZ_TASK_FAILED || task->state == MZ_TASK_DONE;
}

static bool waits(const struct row *row)
{
	return row->used &&
	       (row->task.state == MZ_TASK_PENDING || row->task.state == MZ_TASK_RETRY);
}

static bool unfinished(const struct row *row)
{
	return waits(row) || (row->used && row->task.state == MZ_TASK_RUNNING);
}

/* ---- the model ------------------------------------------------------------------------------- */

static void model_store(const struct row *row)
{
	model.stored.row[row->task.id] = *row;
	model.stored.row[row->task.id].used = true;
	if (model.stored.last < row->task.id)
		model.stored.last = row->task.id;
}

static void model_over(struct row *row)
{
	if (!row->light || row->task.state == MZ_TASK_FAILED)
		model_store(row);
	row->used = false;
}

static struct row *model_same(const struct mz_queue_input *input)
{
	struct row *best = NULL;

	for (int64_t i = 1; i < ROWS; i++) {
		struct row *row = &model.own.row[i];

		if (waits(row) && row->task.kind == input->kind &&
		    row->task.flags == input->flags && row->task.domain == input->domain &&
		    (best == NULL || row->task.due < best->task.due))
			best = row;
	}
	return best;
}

static int64_t model_file(const struct mz_queue_input *input)
{
	struct row *row = model_same(input);

	if (row != NULL) {
		row->task.families |= input->families;
		if (row->task.due > input->due)
			row->task.due = input->due;
		row->light = row->light && input->light;
	} else {
		row = &model.own.row[++model.own.last];
		*row = (struct row){.used = true, .light = input->light};
		row->task = (struct mz_task){.id = model.own.last,
					     .kind = input->kind,
					     .domain = input->domain,
					     .families = input->families,
					     .flags = input->flags,
					     .created = model.now,
					     .due = input->due,
					     .changed = model.now,
					     .reason = ""};
	}
	if (!row->light)
		model_store(row);
	return row->task.id;
}

static void model_finish(struct row *row, enum mz_task_result result, const char *reason,
			 uint32_t random)
{
	int64_t due = model.now + mz_backoff(&model.rules, row->task.attempt,
					     result == MZ_RESULT_RETRY_SLOW, random);

	row->task.changed = model.now;
	row->task.reason = reason;
	if (result == MZ_RESULT_DONE) {
		row->task.state = MZ_TASK_DONE;
	} else if (result == MZ_RESULT_FAILED || row->task.attempt >= model.rules.max_attempts ||
		   due - row->task.created > model.rules.total_deadline) {
		row->task.state = MZ_TASK_FAILED;
	} else {
		row->task.state = MZ_TASK_RETRY;
		row->task.due = due;
		row->light = false;
		model_store(row);
		return;
	}
	model_over(row);
}

/* The process is gone: what is durable is all that there is. */
static void model_kill(void)
{
	model.stored = model.durable;
	model.own = model.durable;
	for (int64_t i = 1; i < ROWS; i++) {
		struct row *row = &model.own.row[i];

		row->light = false;
		if (row->used && is_over(&row->task))
			row->used = false;
		if (row->used && row->task.state == MZ_TASK_RUNNING) {
			row->task.state = MZ_TASK_PENDING;
			row->task.attempt--;
			row->task.due = row->task.changed = model.now;
			model_store(row);
		}
	}
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void same_task(const struct mz_task *task, const struct mz_task *expected)
{
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
	assert_string_equal(task->reason, expected->reason);
}

static const struct row *shown(int64_t id)
{
	const struct row *own = &model.own.row[id], *stored = &model.stored.row[id];

	if (own->used)
		return own;
	return stored->used && is_over(&stored->task) ? stored : NULL;
}

static void on_listed(void *arg, const struct mz_task *task)
{
	int64_t *at = arg;

	while (++*at < ROWS && shown(*at) == NULL)
		;
	assert_in_range(*at, 1, ROWS - 1);
	same_task(task, &shown(*at)->task);
}

static void compare_all(struct mz_queue *queue)
{
	int64_t at = 0;

	assert_int_equal(mz_queue_list(queue, on_listed, &at), MZ_OK);
	while (++at < ROWS)
		assert_null(shown(at));
}

struct order {
	int64_t due, id;
	unsigned count;
};

static bool on_due(void *arg, const struct mz_task *task)
{
	struct order *order = arg;

	assert_true(task->due > order->due || (task->due == order->due && task->id > order->id));
	assert_true(task->due <= model.now);
	same_task(task, &model.own.row[task->id].task);
	*order = (struct order){task->due, task->id, order->count + 1};
	return true;
}

static void on_domain(void *arg, const struct mz_task *task)
{
	struct order *order = arg;

	assert_true(task->id > order->id);
	same_task(task, &model.own.row[task->id].task);
	order->id = task->id;
	order->count++;
}

static void compare_waiting(struct mz_queue *queue)
{
	const char *domain = domains[below(DOMAINS)];
	struct order due = {INT64_MIN, 0, 0}, of_domain = {0, 0, 0};
	unsigned n_due = 0, n_domain = 0;
	int64_t next = 0;

	for (int64_t i = 1; i < ROWS; i++) {
		const struct row *row = &model.own.row[i];

		n_domain += unfinished(row) && row->task.domain == domain;
		if (!waits(row))
			continue;
		n_due += row->task.due <= model.now;
		if (next == 0 || next > row->task.due)
			next = row->task.due;
	}
	assert_int_equal(mz_queue_next(queue), next);
	mz_queue_due(queue, model.now, on_due, &due);
	mz_queue_of_domain(queue, domain, on_domain, &of_domain);
	assert_int_equal(due.count, n_due);
	assert_int_equal(of_domain.count, n_domain);
}

/* ---- operations ------------------------------------------------------------------------------ */

static void op_file(struct mz_queue *queue)
{
	const struct mz_queue_input input = {.kind = (enum mz_task_kind)below(3),
					     .domain = domains[below(DOMAINS)],
					     .families = 2u << below(4),
					     .flags = below(2),
					     .due = model.now + below(200) - 50,
					     .light = below(2) == 0};
	int64_t id = 0;

	assert_int_equal(mz_queue_file(queue, &input, model.now, &id), MZ_OK);
	assert_int_equal(id, model_file(&input));
}

static void op_start(struct mz_queue *queue, int64_t id)
{
	struct row *row = &model.own.row[id];
	int err = mz_queue_start(queue, id, model.now);

	assert_int_equal(err, waits(row) ? MZ_OK : MZ_ENOTFOUND);
	if (err != MZ_OK)
		return;
	row->before = row->task.state;
	if (row->task.reason[0] == '\0' && row->task.created < row->task.due)
		row->task.created = row->task.due; /* its time counts from its first due */
	row->task.state = MZ_TASK_RUNNING;
	row->task.attempt++;
	row->task.changed = model.now;
	if (!row->light)
		model_store(row);
}

static void op_end(struct mz_queue *queue, int64_t id)
{
	struct row *row = &model.own.row[id];
	bool running = row->used && row->task.state == MZ_TASK_RUNNING, postpone = below(4) == 0;
	enum mz_task_result result = (enum mz_task_result)below(4);
	const char *reason = reasons[below(3)];
	uint32_t random = below(UINT32_MAX);
	int64_t due = model.now + below(100);
	enum mz_task_state state = MZ_TASK_PENDING;
	int err = postpone ? mz_queue_postpone(queue, id, due, model.now, reason)
			   : mz_queue_finish(queue, id, result, reason, model.now, random, &state);

	assert_int_equal(err, running ? MZ_OK : MZ_ENOTFOUND);
	if (running && postpone) {
		row->task.state = row->before;
		row->task.attempt--;
		row->task.due = due;
		row->task.changed = model.now;
		row->task.reason = reason;
		if (!row->light)
			model_store(row);
	} else if (running) {
		model_finish(row, result, reason, random);
		assert_int_equal(state, row->task.state);
	}
}

static void op_operator(struct mz_queue *queue, int64_t id)
{
	const struct row *there = shown(id);
	struct row *row = &model.own.row[id];
	uint32_t what = below(3);
	int64_t due = model.now + below(100);
	int err = MZ_OK, expected = MZ_OK;

	if (what == 0)
		err = mz_queue_retry(queue, id, model.now, NULL);
	else if (what == 1)
		err = mz_queue_reschedule(queue, id, due, model.now, NULL);
	else
		err = mz_queue_cancel(queue, id, NULL);
	if (there == NULL)
		expected = MZ_ENOTFOUND;
	else if (there->task.state == MZ_TASK_RUNNING || there->task.state == MZ_TASK_DONE ||
		 (what == 1 && there->task.state == MZ_TASK_FAILED))
		expected = MZ_ESTATE;
	assert_int_equal(err, expected);
	if (err != MZ_OK)
		return;
	if (what == 2) {
		row->used = model.stored.row[id].used = false;
		return;
	}
	*row = *there;
	row->light = false;
	row->task.due = due;
	if (what == 0) {
		row->task.state = MZ_TASK_PENDING;
		row->task.attempt = 0;
		row->task.created = row->task.due = row->task.changed = model.now;
		row->task.reason = "";
	}
	model_store(row);
}

static void op_commit(struct scratch *s)
{
	scratch_commit(s);
	model.durable = model.stored;
}

static void op_kill(struct scratch *s, struct mz_queue **queue)
{
	if (below(2) == 0)
		op_commit(s);
	queue_kill(s, queue, model.now);
	mz_queue_set_rules(*queue, &model.rules);
	model_kill();
	compare_all(*queue);
}

static void step(struct scratch *s, struct mz_queue **queue)
{
	/* one of the last ones, most often */
	int64_t back = below(10) == 0 ? ROWS : 60, last = model.own.last + 1;
	int64_t id = last - (int64_t)below((uint32_t)(last < back ? last : back));
	uint32_t what = below(100);

	model.now += below(10);
	if (what < 30)
		op_file(*queue);
	else if (what < 60)
		op_start(*queue, id);
	else if (what < 85)
		op_end(*queue, id);
	else if (what < 92)
		op_operator(*queue, id);
	else if (what < 99)
		op_commit(s);
	else
		op_kill(s, queue);
}

static void against_model(void **state)
{
	struct scratch *s = *state;
	struct mz_queue *queue = NULL;

	memset(&model, 0, sizeof(model));
	model.now = NOW;
	model.rules = queue_rules;
	model.rules.total_deadline = 600;
	model.rules.jitter = true;
	seed = (uint64_t)time(NULL) * 1000 + below(1000);
	print_message("seed %llu\n", (unsigned long long)seed);
	queue = queue_open(s);
	mz_queue_set_rules(queue, &model.rules);
	for (int i = 0; i < STEPS; i++) {
		step(s, &queue);
		compare_waiting(queue);
		if (i % 50 == 0)
			compare_all(queue);
	}
	compare_all(queue);
	op_kill(s, &queue);
	mz_queue_free(queue);
}

int main(void)
{
	struct CMUnitTest tests[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++)
		tests[i] = (struct CMUnitTest)SCRATCH_TEST(against_model);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
