/* SPDX-License-Identifier: BSD-2-Clause */
/* Work that takes its time, done by a thread. */
#include "src/daemon/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "mailzone/base.h"

struct order {
	TAILQ_ENTRY(order) link;
	int fd; /* the thread counts it up when it is done */
	void (*run)(void *arg);
	void (*done)(void *arg, bool over);
	void *arg;
};

struct worker {
	struct event *ready;
	int fd;
	bool busy; /* with the first order */
	pthread_t thread;
	TAILQ_HEAD(, order) orders;
};

/* In the thread. */
static void *work(void *arg)
{
	struct order *order = arg;
	uint64_t one = 1;

	order->run(order->arg);
	while (write(order->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

/* Where no thread can be had, the loop waits after all. */
static void begin(struct worker *worker)
{
	struct order *order = TAILQ_FIRST(&worker->orders);

	if (order == NULL || worker->busy)
		return;
	worker->busy = pthread_create(&worker->thread, NULL, work, order) == 0;
	if (!worker->busy) {
		mz_log(MZ_LOG_WARNING, "thread", "reason", "none can be started", NULL);
		(void)work(order);
	}
}

static void finish(struct worker *worker, bool over)
{
	struct order *order = TAILQ_FIRST(&worker->orders);
	void (*done)(void *arg, bool over) = order->done;
	void *arg = order->arg;

	TAILQ_REMOVE(&worker->orders, order, link);
	free(order);
	done(arg, over);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	uint64_t count = 0;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	if (worker->busy)
		(void)pthread_join(worker->thread, NULL);
	worker->busy = false;
	finish(worker, false);
	begin(worker);
}

int worker_new(struct worker **out, struct event_base *base)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	*out = worker;
	if (worker == NULL)
		return MZ_ENOMEM;
	TAILQ_INIT(&worker->orders);
	worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->fd < 0)
		return MZ_EIO;
	worker->ready = event_new(base, worker->fd, EV_READ | EV_PERSIST, on_ready, worker);
	return worker->ready == NULL || event_add(worker->ready, NULL) != 0 ? MZ_ENOMEM : MZ_OK;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	if (worker->busy)
		(void)pthread_join(worker->thread, NULL);
	while (!TAILQ_EMPTY(&worker->orders))
		finish(worker, true);
	if (worker->ready != NULL)
		event_free(worker->ready);
	if (worker->fd >= 0)
		(void)close(worker->fd);
	free(worker);
}

int worker_order(struct worker *worker, void (*run)(void *arg), void (*done)(void *arg, bool over),
		 void *arg)
{
	struct order *order = malloc(sizeof(*order));
	bool idle = TAILQ_EMPTY(&worker->orders);

	if (order == NULL)
		return MZ_ENOMEM;
	*order = (struct order){.fd = worker->fd, .run = run, .done = done, .arg = arg};
	TAILQ_INSERT_TAIL(&worker->orders, order, link);
	if (idle)
		begin(worker);
	return MZ_OK;
}
