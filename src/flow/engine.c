/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the jobs of a process side by side, and commits what they write together. */
#include "src/flow/flow.h"

#include <stdlib.h>

/* Enough to keep every server's queues full; each running flow holds some 50 KiB. */
enum { RUNNING_MAX = 96 };

/* While other flows are at work, a commit waits this long for theirs: a sync costs more. */
enum { COMMIT_DELAY_US = 8000 };

static void poke(struct mz_engine *engine)
{
	struct timeval now = {0, 0};

	if (!evtimer_pending(engine->pump, NULL))
		(void)evtimer_add(engine->pump, &now);
}

/* What many flows and others wrote becomes durable in one transaction. */
static void on_commit(evutil_socket_t fd, short what, void *arg)
{
	struct mz_engine *engine = arg;
	struct waiters ready = TAILQ_HEAD_INITIALIZER(ready);
	struct mz_cause cause = {0};
	struct waiter *waiter = NULL;
	int err = mz_store_commit(engine->in.store, &cause);

	(void)fd;
	(void)what;
	engine->committing_count = 0;
	TAILQ_CONCAT(&ready, &engine->waiters, link);
	while ((waiter = TAILQ_FIRST(&ready)) != NULL) {
		struct waiter *own = waiter->own ? waiter : NULL;

		TAILQ_REMOVE(&ready, waiter, link);
		if (waiter->fn != NULL)
			waiter->fn(waiter->arg, err,
				   cause.text); /* a flow may end here, and its waiter with it */
		free(own);
	}
}

static void start(struct mz_engine *engine, const struct queued *queued)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (flow == NULL) {
		const struct mz_report report = {.job = &queued->job,
						 .error = mz_strerror(MZ_ENOMEM),
						 .fault = MZ_FAULT_LATER};

		engine->pending--;
		queued->done(queued->arg, &report);
		return;
	}
	flow->engine = engine;
	flow->job = queued->job;
	flow->done = queued->done;
	flow->arg = queued->arg;
	TAILQ_INSERT_TAIL(&engine->running, flow, link);
	engine->running_count++;
	flow_start(flow);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct mz_engine *engine = arg;

	(void)fd;
	(void)what;
	while (engine->running_count < RUNNING_MAX && !TAILQ_EMPTY(&engine->waiting)) {
		struct queued *queued = TAILQ_FIRST(&engine->waiting);

		TAILQ_REMOVE(&engine->waiting, queued, link);
		start(engine, queued);
		free(queued);
	}
}

int mz_engine_new(struct mz_engine **out, const struct mz_engine_input *input)
{
	struct mz_engine *engine = calloc(1, sizeof(*engine));
	int err = engine == NULL ? MZ_ENOMEM : MZ_OK;

	*out = NULL;
	if (err != MZ_OK)
		return err;
	engine->in = *input;
	TAILQ_INIT(&engine->waiting);
	TAILQ_INIT(&engine->running);
	TAILQ_INIT(&engine->waiters);
	err = mz_net_new(&engine->net, input->base);
	engine->pump = evtimer_new(input->base, on_pump, engine);
	engine->committer = evtimer_new(input->base, on_commit, engine);
	if (err == MZ_OK && (engine->pump == NULL || engine->committer == NULL))
		err = MZ_ENOMEM;
	if (err != MZ_OK) {
		mz_engine_free(engine);
		return err;
	}
	*out = engine;
	return MZ_OK;
}

void mz_engine_free(struct mz_engine *engine)
{
	struct waiter *waiter = NULL;
	struct queued *queued = NULL;
	struct flow *flow = NULL;

	if (engine == NULL)
		return;
	while ((flow = TAILQ_FIRST(&engine->running)) != NULL) {
		TAILQ_REMOVE(&engine->running, flow, link);
		flow_free(flow);
	}
	while ((queued = TAILQ_FIRST(&engine->waiting)) != NULL) {
		TAILQ_REMOVE(&engine->waiting, queued, link);
		free(queued);
	}
	/* The flows took their own away. */
	while ((waiter = TAILQ_FIRST(&engine->waiters)) != NULL) {
		TAILQ_REMOVE(&engine->waiters, waiter, link);
		free(waiter);
	}
	if (engine->pump != NULL)
		event_free(engine->pump);
	if (engine->committer != NULL)
		event_free(engine->committer);
	mz_net_free(engine->net);
	free(engine);
}

int mz_engine_add(struct mz_engine *engine, const struct mz_job *job, mz_flow_done done, void *arg)
{
	struct queued *queued = malloc(sizeof(*queued));

	if (queued == NULL)
		return MZ_ENOMEM;
	*queued = (struct queued){.job = *job, .done = done, .arg = arg};
	TAILQ_INSERT_TAIL(&engine->waiting, queued, link);
	engine->pending++;
	poke(engine);
	return MZ_OK;
}

size_t mz_engine_pending(const struct mz_engine *engine)
{
	return engine->pending;
}

static void add_waiter(struct mz_engine *engine, struct waiter *waiter)
{
	struct timeval soon = {0, COMMIT_DELAY_US}, now = {0, 0};

	TAILQ_INSERT_TAIL(&engine->waiters, waiter, link);
	if (engine->committing_count == engine->running_count)
		(void)evtimer_add(engine->committer, &now); /* nobody is left to wait for */
	else if (!evtimer_pending(engine->committer, NULL))
		(void)evtimer_add(engine->committer, &soon);
}

static void on_flow_committed(void *arg, int err, const char *why)
{
	struct flow *flow = arg;

	flow->committing = false;
	if (err != MZ_OK)
		flow_fail(flow, MZ_FAULT_LATER, why);
	else if (flow->state == STATE_RECORD)
		flow_recorded(flow);
	else
		flow_send_committed(flow);
}

void engine_commit(struct flow *flow)
{
	flow->waiter = (struct waiter){.fn = on_flow_committed, .arg = flow};
	flow->committing = true;
	flow->engine->committing_count++;
	add_waiter(flow->engine, &flow->waiter);
}

int mz_engine_commit(struct mz_engine *engine, mz_committed fn, void *arg)
{
	struct waiter *waiter = malloc(sizeof(*waiter));

	if (waiter == NULL)
		return MZ_ENOMEM;
	*waiter = (struct waiter){.fn = fn, .arg = arg, .own = true};
	add_waiter(engine, waiter);
	return MZ_OK;
}

void engine_done(struct flow *flow)
{
	struct mz_engine *engine = flow->engine;

	TAILQ_REMOVE(&engine->running, flow, link);
	engine->running_count--;
	engine->pending--;
	flow_free(flow);
	if (!TAILQ_EMPTY(&engine->waiting))
		poke(engine);
}
