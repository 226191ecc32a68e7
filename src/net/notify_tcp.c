/* SPDX-License-Identifier: BSD-2-Clause */
/* NOTIFY by TCP: connections that others open, several messages each. */
#include "src/net/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCEPT_ROUNDS 16     /* connections taken before others have their turn */
#define ACCEPT_PAUSE_MS 1000 /* when there are no descriptors, a listener is always readable */

struct notify_conn {
	TAILQ_ENTRY(notify_conn) link;
	struct mz_notify *notify;
	struct event *on_read;
	struct sockaddr_storage from;
	struct net_frame frame;
	uint64_t active; /* ms: when it came, or its last whole message did */
	int fd;
};

static void arm(struct event *timer, uint64_t ms)
{
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	(void)event_add(timer, &tv);
}

static void drop_conn(struct notify_conn *conn)
{
	TAILQ_REMOVE(&conn->notify->conns, conn, link);
	conn->notify->conn_count--;
	if (conn->on_read != NULL)
		event_free(conn->on_read);
	close(conn->fd);
	net_frame_clear(&conn->frame);
	free(conn);
}

/* Octets alone keep no connection open: they may trickle for ever. */
static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct mz_notify *notify = arg;
	uint64_t now = mz_clock_mono_ms();
	struct notify_conn *conn = NULL;

	(void)fd;
	(void)what;
	while ((conn = TAILQ_FIRST(&notify->conns)) != NULL && now - conn->active >= NOTIFY_IDLE_MS)
		drop_conn(conn);
	if (conn != NULL)
		arm(notify->on_idle, conn->active + NOTIFY_IDLE_MS - now);
}

static void touch(struct notify_conn *conn)
{
	conn->active = mz_clock_mono_ms();
	TAILQ_REMOVE(&conn->notify->conns, conn, link);
	TAILQ_INSERT_TAIL(&conn->notify->conns, conn, link);
}

/* ---- messages ------------------------------------------------------------------------------ */

/* Nobody sends so many requests without reading that the answers do not fit the socket's buffer. */
static bool answer(struct notify_conn *conn, uint8_t *wire, size_t len)
{
	uint8_t out[2 + NOTIFY_ANSWER] = {0};
	size_t n = notify_take(conn->notify, wire, len, &conn->from, out + 2);

	touch(conn);
	if (n == 0)
		return true;
	mz_put16(out, (uint16_t)n);
	return send(conn->fd, out, n + 2, MSG_NOSIGNAL) == (ssize_t)(n + 2);
}

/* False: the connection is of no more use. */
static bool feed(struct notify_conn *conn, uint8_t *chunk, size_t left)
{
	enum net_frame_step step = NET_FRAME_MORE;
	uint8_t *wire = NULL;
	size_t len = 0;

	for (;;) {
		step = net_frame_next(&conn->frame, &chunk, &left, &wire, &len);
		if (step != NET_FRAME_READY)
			return step == NET_FRAME_MORE;
		if (!answer(conn, wire, len))
			return false;
	}
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct notify_conn *conn = arg;
	uint8_t *chunk = conn->notify->chunk;
	ssize_t n = recv(fd, chunk, NOTIFY_CHUNK, 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !feed(conn, chunk, (size_t)n))
		drop_conn(conn);
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void take_conn(struct mz_notify *notify, int fd, const struct sockaddr_storage *from)
{
	struct notify_conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL) {
		close(fd);
		return;
	}
	/* Who comes to notify sends at once: the longest idle one has had its time. */
	if (notify->conn_count == NOTIFY_CONNS)
		drop_conn(TAILQ_FIRST(&notify->conns));
	conn->notify = notify;
	conn->fd = fd;
	conn->from = *from;
	conn->active = mz_clock_mono_ms();
	TAILQ_INSERT_TAIL(&notify->conns, conn, link);
	notify->conn_count++;
	conn->on_read = event_new(notify->base, fd, EV_READ | EV_PERSIST, on_read, conn);
	if (conn->on_read == NULL || event_add(conn->on_read, NULL) != 0)
		drop_conn(conn);
	else if (!evtimer_pending(notify->on_idle, NULL))
		arm(notify->on_idle, NOTIFY_IDLE_MS);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct mz_notify *notify = arg;

	(void)fd;
	(void)what;
	if (event_add(notify->on_tcp, NULL) != 0)
		arm(notify->on_resume, ACCEPT_PAUSE_MS);
}

static void pause_accepting(struct mz_notify *notify, int sys_errno)
{
	mz_log(MZ_LOG_WARNING, "notify_accept", "listen", notify->text, "reason",
	       strerror(sys_errno), NULL);
	(void)event_del(notify->on_tcp);
	arm(notify->on_resume, ACCEPT_PAUSE_MS);
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct mz_notify *notify = arg;

	(void)what;
	for (int round = 0; round < ACCEPT_ROUNDS; round++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof from;
		int fd = accept4(listener, (struct sockaddr *)&from, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_conn(notify, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			pause_accepting(notify, errno);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* ---- start and stop ------------------------------------------------------------------------ */

int notify_tcp_start(struct mz_notify *notify)
{
	notify->on_tcp =
		event_new(notify->base, notify->tcp, EV_READ | EV_PERSIST, on_accept, notify);
	notify->on_idle = evtimer_new(notify->base, on_idle, notify);
	notify->on_resume = evtimer_new(notify->base, on_resume, notify);
	if (notify->on_tcp == NULL || notify->on_idle == NULL || notify->on_resume == NULL ||
	    event_add(notify->on_tcp, NULL) != 0)
		return MZ_ENOMEM;
	return MZ_OK;
}

void notify_tcp_stop(struct mz_notify *notify)
{
	while (!TAILQ_EMPTY(&notify->conns))
		drop_conn(TAILQ_FIRST(&notify->conns));
	if (notify->on_tcp != NULL)
		event_free(notify->on_tcp);
	if (notify->on_idle != NULL)
		event_free(notify->on_idle);
	if (notify->on_resume != NULL)
		event_free(notify->on_resume);
}
