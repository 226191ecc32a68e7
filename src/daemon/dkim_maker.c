/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes DKIM key pairs in a thread of its own: the loop never waits for a prime. */
#include "src/daemon/dkim.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct dkim_order {
	TAILQ_ENTRY(dkim_order) link;
	struct dkim_maker *maker;
	enum mz_dkim_algorithm algorithm;
	unsigned bits;
	dkim_made done; /* NULL: cancelled while it was being made */
	void *arg;
	/* The thread writes these two, the loop reads them when it has ended. */
	struct mz_dkim_pair *pair;
	struct mz_cause cause;
};

struct dkim_maker {
	struct event *ready;
	int fd; /* the thread counts it up when it is done */
	bool busy;
	pthread_t thread;
	TAILQ_HEAD(, dkim_order) orders; /* the first is being made */
};

/* In the thread. */
static void *make(void *arg)
{
	struct dkim_order *order = arg;
	uint64_t one = 1;

	(void)mz_dkim_pair_new(&order->pair, order->algorithm, order->bits, &order->cause);
	while (write(order->maker->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

static void order_free(struct dkim_order *order)
{
	TAILQ_REMOVE(&order->maker->orders, order, link);
	mz_dkim_pair_free(order->pair);
	free(order);
}

/* The first order is over. */
static void finish(struct dkim_maker *maker)
{
	struct dkim_order *order = TAILQ_FIRST(&maker->orders);
	struct mz_dkim_pair *pair = order->pair;
	struct mz_cause cause = order->cause;
	dkim_made done = order->done;
	void *arg = order->arg;

	order->pair = NULL;
	order_free(order);
	if (done != NULL)
		done(arg, pair, &cause);
	else
		mz_dkim_pair_free(pair);
}

static void begin(struct dkim_maker *maker)
{
	struct dkim_order *order = NULL;

	while (!maker->busy && (order = TAILQ_FIRST(&maker->orders)) != NULL) {
		maker->busy = pthread_create(&maker->thread, NULL, make, order) == 0;
		if (!maker->busy) {
			(void)mz_cause_set(&order->cause, MZ_ENOMEM,
					   "no thread can be started to make a DKIM key");
			finish(maker);
		}
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct dkim_maker *maker = arg;
	uint64_t count = 0;

	(void)what;
	if (maker->busy) {
		if (read(fd, &count, sizeof(count)) < 0)
			return;
		(void)pthread_join(maker->thread, NULL);
		maker->busy = false;
		finish(maker);
	}
	begin(maker);
}

int dkim_maker_new(struct dkim_maker **out, struct event_base *base)
{
	struct dkim_maker *maker = calloc(1, sizeof(*maker));

	*out = maker;
	if (maker == NULL)
		return MZ_ENOMEM;
	TAILQ_INIT(&maker->orders);
	maker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (maker->fd < 0)
		return MZ_EIO;
	maker->ready = event_new(base, maker->fd, EV_READ | EV_PERSIST, on_ready, maker);
	return maker->ready == NULL || event_add(maker->ready, NULL) != 0 ? MZ_ENOMEM : MZ_OK;
}

void dkim_maker_free(struct dkim_maker *maker)
{
	struct dkim_order *order = NULL;

	if (maker == NULL)
		return;
	if (maker->busy)
		(void)pthread_join(maker->thread, NULL);
	while ((order = TAILQ_FIRST(&maker->orders)) != NULL)
		order_free(order);
	if (maker->ready != NULL)
		event_free(maker->ready);
	if (maker->fd >= 0)
		(void)close(maker->fd);
	free(maker);
}

int dkim_maker_order(struct dkim_maker *maker, enum mz_dkim_algorithm algorithm, unsigned bits,
		     dkim_made done, void *arg, struct dkim_order **order)
{
	struct dkim_order *made = calloc(1, sizeof(*made));

	*order = made;
	if (made == NULL)
		return MZ_ENOMEM;
	*made = (struct dkim_order){.maker = maker,
				    .algorithm = algorithm,
				    .bits = bits,
				    .done = done,
				    .arg = arg};
	TAILQ_INSERT_TAIL(&maker->orders, made, link);
	event_active(maker->ready, EV_TIMEOUT, 0); /* begin() never calls `done` from in here */
	return MZ_OK;
}

void dkim_maker_cancel(struct dkim_order *order)
{
	if (order == NULL)
		return;
	order->done = NULL;
	if (!order->maker->busy || TAILQ_FIRST(&order->maker->orders) != order)
		order_free(order);
}
