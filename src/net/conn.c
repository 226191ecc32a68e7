/* SPDX-License-Identifier: BSD-2-Clause */
/* One TCP connection: connect, write, read, and the asks that are on it. */
#include "src/net/internal.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONN_ROUNDS 8 /* reads in a row before others have their turn */

static void on_read(evutil_socket_t fd, short what, void *arg);
static void on_write(evutil_socket_t fd, short what, void *arg);

static const char *const state_names[] = {
	[CONN_CONNECTING] = "connecting",
	[CONN_OPEN] = "open",
	[CONN_DRAINING] = "draining",
	[CONN_DEAD] = "dead",
};

static void enter(struct mz_conn *conn, enum conn_state state)
{
	if (mz_log_on(MZ_LOG_DEBUG))
		mz_log(MZ_LOG_DEBUG, "connection", "server", conn->peer->text, "fd",
		       MZ_NUM(conn->fd), "state", state_names[state], NULL);
	conn->state = state;
}

void conn_set_use(struct mz_conn *conn, enum conn_use use)
{
	conn->peer->use_count[conn->use]--;
	conn->use = use;
	conn->peer->use_count[use]++;
}

/* ---- open and close ------------------------------------------------------------------------ */

static int connect_socket(const struct mz_peer *peer, int *sys_errno)
{
	int fd = socket(peer->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0) {
		*sys_errno = errno;
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (const struct sockaddr *)&peer->addr, peer->addr_len) != 0 &&
	    errno != EINPROGRESS) {
		*sys_errno = errno;
		close(fd);
		return -1;
	}
	return fd;
}

struct mz_conn *conn_open(struct mz_peer *peer, int *sys_errno)
{
	struct event_base *base = peer->net->base;
	struct mz_conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL) {
		*sys_errno = ENOMEM;
		return NULL;
	}
	conn->peer = peer;
	TAILQ_INIT(&conn->asks);
	conn->fd = connect_socket(peer, sys_errno);
	if (conn->fd < 0) {
		free(conn);
		return NULL;
	}
	conn->on_read = event_new(base, conn->fd, EV_READ | EV_PERSIST, on_read, conn);
	conn->on_write = event_new(base, conn->fd, EV_WRITE, on_write, conn);
	TAILQ_INSERT_TAIL(&peer->conns, conn, link);
	peer->conn_count++;
	peer->use_count[CONN_IDLE]++;
	if (conn->on_read == NULL || conn->on_write == NULL ||
	    event_add(conn->on_write, NULL) != 0) {
		*sys_errno = ENOMEM;
		conn_fail(conn, MZ_NET_UNREACHABLE, ENOMEM);
		return NULL;
	}
	return conn;
}

/* From here on nothing happens on the connection; the pump frees it. */
static void bury(struct mz_conn *conn)
{
	struct mz_peer *peer = conn->peer;

	if (conn->state == CONN_DEAD)
		return;
	enter(conn, CONN_DEAD);
	if (conn->on_read != NULL)
		event_free(conn->on_read);
	if (conn->on_write != NULL)
		event_free(conn->on_write);
	conn->on_read = conn->on_write = NULL;
	close(conn->fd);
	conn->fd = -1;
	peer->conn_count--;
	peer->use_count[conn->use]--;
	TAILQ_REMOVE(&peer->conns, conn, link);
	TAILQ_INSERT_TAIL(&peer->net->dead, conn, link);
	net_kick(peer);
}

void conn_free(struct mz_conn *conn)
{
	net_frame_clear(&conn->frame);
	free(conn->out);
	free(conn);
}

/* A query, and a transfer that has not begun, may be asked again once when a connection that had
 * served before went away: servers close idle ones. An update never. */
static bool may_repeat(const struct mz_conn *conn, const struct mz_ask *ask)
{
	if (!conn->kept || ask->again || ask->request.kind == MZ_ASK_UPDATE)
		return false;
	return ask->request.kind != MZ_ASK_TRANSFER || !ask->begun;
}

static void fail_ask(struct mz_conn *conn, struct mz_ask *ask, enum mz_net_outcome outcome,
		     int sys_errno)
{
	if (ask->state == ASK_SKIPPED) {
		ask_enter(ask, ASK_ENDED, NULL);
		ask_free(ask);
	} else if (outcome == MZ_NET_LOST && may_repeat(conn, ask)) {
		tsig_stream_clear(&ask->stream);
		ask->again = true;
		ask_queue_tcp(ask, true);
	} else {
		ask->conn = NULL;
		ask_end(ask, outcome, sys_errno);
	}
}

void conn_fail(struct mz_conn *conn, enum mz_net_outcome outcome, int sys_errno)
{
	struct mz_ask *ask = NULL;

	if (conn->state == CONN_DEAD)
		return;
	if (outcome == MZ_NET_LOST && conn->state == CONN_CONNECTING)
		outcome = MZ_NET_UNREACHABLE;
	bury(conn);
	/* from the last to the first: those that are asked again go to the head of their queue */
	while ((ask = TAILQ_LAST(&conn->asks, ask_list)) != NULL)
		fail_ask(conn, ask, outcome, sys_errno);
	conn->count = 0;
}

void conn_drain(struct mz_conn *conn)
{
	if (conn->state == CONN_DEAD)
		return;
	enter(conn, CONN_DRAINING);
	if (conn->count == 0)
		bury(conn);
}

void conn_release(struct mz_ask *ask)
{
	struct mz_conn *conn = ask->conn;

	ask_enter(ask, ASK_ENDED, NULL);
	ask->conn = NULL;
	conn->count--;
	net_kick(conn->peer);
	if (conn->count > 0)
		return;
	if (conn->state == CONN_DRAINING) {
		bury(conn);
	} else if (conn->state != CONN_DEAD) {
		conn_set_use(conn, CONN_IDLE);
		conn->idle_since = mz_clock_mono_ms();
		net_arm(conn->peer, conn->idle_since + NET_IDLE_MS);
	}
}

bool conn_alive(const struct mz_conn *conn)
{
	uint8_t octet = 0;

	if (conn->state == CONN_CONNECTING)
		return true;
	return recv(conn->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* ---- writing ------------------------------------------------------------------------------- */

static bool reserve(struct mz_conn *conn, size_t more)
{
	size_t cap = conn->out_cap > 0 ? conn->out_cap : 4096;
	uint8_t *out = NULL;

	if (conn->out_pos == conn->out_len)
		conn->out_pos = conn->out_len = 0;
	if (conn->out_cap - conn->out_len >= more)
		return true;
	while (cap - conn->out_len < more)
		cap *= 2;
	out = realloc(conn->out, cap);
	if (out == NULL)
		return false;
	conn->out = out;
	conn->out_cap = cap;
	return true;
}

static uint16_t fresh_id(const struct mz_conn *conn)
{
	const struct mz_ask *ask = NULL;
	uint16_t id = 0;

	do {
		id = net_random_id();
		TAILQ_FOREACH(ask, &conn->asks, link)
		if (ask->id == id)
			break;
	} while (ask != NULL);
	return id;
}

bool conn_send(struct mz_conn *conn, struct mz_ask *ask, uint64_t now)
{
	const struct mz_request *request = &ask->request;
	size_t cap = request->len + (request->key != NULL ? tsig_overhead(request->key) : 0);
	size_t len = 0;
	uint8_t *frame = NULL;
	bool ok = false;

	ok = reserve(conn, 2 + cap);
	if (ok) {
		frame = conn->out + conn->out_len;
		ok = ask_sign(ask, fresh_id(conn), frame + 2, cap, &len) == MZ_OK;
	}
	if (ok && request->kind == MZ_ASK_TRANSFER && request->key != NULL)
		ok = tsig_stream_init(&ask->stream, request->key, &ask->mac) == TSIG_OK;
	if (!ok) {
		ask_end(ask, MZ_NET_BROKEN, ENOMEM);
		return false;
	}
	mz_put16(frame, (uint16_t)len);
	conn->out_len += 2 + len;
	ask->conn = conn;
	ask_enter(ask, ASK_TCP, &conn->asks);
	conn->count++;
	if (ask->deadline == 0 || request->kind == MZ_ASK_TRANSFER)
		ask->deadline = now + request->timeout_ms;
	net_arm(conn->peer, ask->deadline);
	return true;
}

void conn_flush(struct mz_conn *conn)
{
	ssize_t n = 0;

	while (conn->out_pos < conn->out_len) {
		n = send(conn->fd, conn->out + conn->out_pos, conn->out_len - conn->out_pos,
			 MSG_NOSIGNAL);
		if (n >= 0) {
			conn->out_pos += (size_t)n;
		} else if (errno == EAGAIN) {
			if (event_add(conn->on_write, NULL) != 0)
				conn_fail(conn, MZ_NET_LOST, ENOMEM);
			return;
		} else if (errno != EINTR) {
			conn_fail(conn, MZ_NET_LOST, errno);
			return;
		}
	}
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct mz_conn *conn = arg;
	socklen_t size = sizeof(int);
	int err = 0;

	(void)what;
	if (conn->state == CONN_CONNECTING) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) != 0)
			err = errno;
		if (err == 0 && event_add(conn->on_read, NULL) != 0)
			err = ENOMEM;
		if (err != 0) {
			conn_fail(conn, MZ_NET_UNREACHABLE, err);
			return;
		}
		enter(conn, CONN_OPEN);
	}
	conn_flush(conn);
}

/* ---- reading ------------------------------------------------------------------------------- */

static struct mz_ask *find(const struct mz_conn *conn, uint16_t id)
{
	struct mz_ask *ask = NULL;

	/* most servers answer in order, so that the first is the one */
	TAILQ_FOREACH(ask, &conn->asks, link)
	if (ask->id == id)
		return ask;
	return NULL;
}

/* An error may come without its question, and so may any answer to an update. */
static bool acceptable(const struct mz_ask *ask, enum judge_match match, unsigned rcode)
{
	if (match == JUDGE_BARE)
		return rcode != MZ_RCODE_NOERROR || ask->request.kind == MZ_ASK_UPDATE;
	return match == JUDGE_MATCH;
}

static void reply(struct mz_ask *ask, uint8_t *wire, size_t len)
{
	enum judge_match match = judge_match(ask->wire, ask->qlen, ask->id, wire, len);
	enum mz_net_outcome outcome = MZ_NET_ANSWER;
	unsigned rcode = mz_get16(wire + 2) & 15u;
	bool believed = acceptable(ask, match, rcode);

	if (believed && ask->state != ASK_SKIPPED && ask->request.key != NULL) {
		ask->answer.verdict = tsig_verify(ask->request.key, wire, &len, &ask->mac,
						  (uint64_t)mz_clock_wall(), &ask->answer.info);
		believed = judge_reply(ask->answer.verdict, &ask->answer.info, rcode, &outcome);
	}
	if (!believed) {
		ask->answer.dropped++;
		return;
	}
	ask->conn->kept = true;
	if (ask->state == ASK_SKIPPED) {
		conn_release(ask);
		ask_free(ask);
	} else {
		conn_release(ask);
		ask_answer(ask, outcome, wire, len);
	}
}

static void feed(struct mz_conn *conn, uint8_t *chunk, size_t left)
{
	enum net_frame_step step = NET_FRAME_MORE;
	struct mz_ask *ask = NULL;
	uint8_t *wire = NULL;
	size_t len = 0;

	while (conn->state != CONN_DEAD) {
		step = net_frame_next(&conn->frame, &chunk, &left, &wire, &len);
		if (step == NET_FRAME_MORE)
			return;
		if (step != NET_FRAME_READY) {
			conn_fail(conn, conn->use == CONN_TRANSFER ? MZ_NET_BROKEN : MZ_NET_LOST,
				  step == NET_FRAME_NOMEM ? ENOMEM : 0);
			return;
		}
		conn->more = left > 0;
		ask = conn->use == CONN_TRANSFER ? TAILQ_FIRST(&conn->asks)
						 : find(conn, mz_get16(wire));
		if (ask == NULL)
			continue; /* nobody's: a late answer to an ask that timed out, or worse */
		if (conn->use == CONN_TRANSFER)
			stream_message(conn, ask, wire, len);
		else
			reply(ask, wire, len);
	}
}

/* BIND and PowerDNS hold a small answer back until the last one is acknowledged (Nagle), and our
 * kernel waits 40 ms for something to send with the acknowledgement. The option does not last. */
static void acknowledge(const struct mz_conn *conn)
{
	int one = 1;

	if (conn->state != CONN_DEAD && conn->count > 0)
		(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

/* Knot cuts off a transfer whose reader stalls for a second: large reads, little work a message. */
static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct mz_conn *conn = arg;
	uint8_t *chunk = conn->peer->net->chunk;
	int round = 0;
	ssize_t n = 0;

	(void)what;
	for (round = 0; round < CONN_ROUNDS; round++) {
		n = recv(fd, chunk, NET_TCP_CHUNK, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			conn_fail(conn, MZ_NET_LOST, n < 0 ? errno : 0);
			break;
		}
		feed(conn, chunk, (size_t)n);
		if (conn->state == CONN_DEAD || (size_t)n < NET_TCP_CHUNK)
			break;
	}
	acknowledge(conn);
}
