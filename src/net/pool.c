/* SPDX-License-Identifier: BSD-2-Clause */
/* Which ask goes on which connection: kept ones first, bounded numbers, deadlines, idle closing. */
#include "src/net/internal.h"

#include <errno.h>

/* Each connection serves one use at a time: queries share one, an update or a transfer has its
 * own, so that cutting a transfer off, or an update that hangs, hurts nobody else. */
static unsigned conn_limit(const struct mz_peer *peer)
{
	return peer->max_inflight + NET_TRANSFERS + 1;
}

/* An idle connection that is still good, or a new one. NULL: none could be opened, *sys_errno says
 * why; or, with *sys_errno as it was, others have to end first. */
static struct mz_conn *take_conn(struct mz_peer *peer, enum conn_use use, int *sys_errno)
{
	struct mz_conn *conn = TAILQ_FIRST(&peer->conns);
	struct mz_conn *next = NULL;

	for (; conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (conn->use != CONN_IDLE || conn->state == CONN_DRAINING)
			continue;
		if (conn_alive(conn))
			break;
		conn_fail(conn, MZ_NET_LOST, 0);
	}
	if (conn == NULL && peer->conn_count >= conn_limit(peer))
		return NULL;
	if (conn == NULL)
		conn = conn_open(peer, sys_errno);
	if (conn != NULL)
		conn_set_use(conn, use);
	return conn;
}

static struct mz_conn *query_conn(struct mz_peer *peer, int *sys_errno)
{
	struct mz_conn *conn = NULL;
	bool full = false;

	TAILQ_FOREACH(conn, &peer->conns, link)
	{
		if (conn->use != CONN_QUERIES || conn->state == CONN_DRAINING)
			continue;
		if (conn->count < NET_PIPELINE)
			return conn;
		full = true;
	}
	return full ? NULL : take_conn(peer, CONN_QUERIES, sys_errno);
}

static void pump_queue(struct mz_peer *peer, struct ask_list *queue, enum conn_use use,
		       unsigned limit, uint64_t now)
{
	struct mz_conn *conn = NULL;
	struct mz_ask *ask = NULL;
	int sys_errno = 0;

	while ((ask = TAILQ_FIRST(queue)) != NULL) {
		sys_errno = 0;
		if (use == CONN_QUERIES)
			conn = query_conn(peer, &sys_errno);
		else
			conn = peer->use_count[use] < limit ? take_conn(peer, use, &sys_errno)
							    : NULL;
		if (conn == NULL && sys_errno == 0)
			return;
		if (conn == NULL)
			ask_end(ask, MZ_NET_UNREACHABLE, sys_errno);
		else if (!conn_send(conn, ask, now) && conn->count == 0)
			conn_drain(conn);
	}
}

void pool_pump(struct mz_peer *peer, uint64_t now)
{
	struct mz_conn *conn = NULL;
	struct mz_conn *next = NULL;

	pump_queue(peer, &peer->queries, CONN_QUERIES, 1, now);
	pump_queue(peer, &peer->updates, CONN_UPDATE, peer->max_inflight, now);
	pump_queue(peer, &peer->transfers, CONN_TRANSFER, NET_TRANSFERS, now);
	for (conn = TAILQ_FIRST(&peer->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (conn->state != CONN_CONNECTING)
			conn_flush(conn);
	}
}

/* The ask got no answer in time. What the connection then says cannot be trusted to be in time
 * either: it takes nothing new, and one that served this ask alone is closed. */
static void expire(struct mz_conn *conn, struct mz_ask *ask)
{
	if (conn->state == CONN_CONNECTING) {
		conn_fail(conn, MZ_NET_UNREACHABLE, ETIMEDOUT);
		return;
	}
	conn_drain(conn);
	if (ask->state == ASK_SKIPPED) {
		conn_release(ask);
		ask_free(ask);
	} else {
		conn_release(ask);
		ask_end(ask, MZ_NET_TIMEOUT, 0);
	}
}

static uint64_t conn_tick(struct mz_conn *conn, uint64_t now)
{
	struct mz_ask *ask = TAILQ_FIRST(&conn->asks);
	struct mz_ask *next = NULL;
	uint64_t at = 0;

	if (conn->use == CONN_IDLE) {
		if (conn->idle_since + NET_IDLE_MS > now)
			return conn->idle_since + NET_IDLE_MS;
		conn_drain(conn);
		return 0;
	}
	for (; ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, link);
		if (ask->deadline <= now)
			expire(conn, ask);
		else
			at = net_earlier(at, ask->deadline);
		if (conn->state == CONN_DEAD)
			return 0;
	}
	return at;
}

uint64_t pool_tick(struct mz_peer *peer, uint64_t now)
{
	struct mz_conn *conn = TAILQ_FIRST(&peer->conns);
	struct mz_conn *next = NULL;
	uint64_t at = 0;

	for (; conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		at = net_earlier(at, conn_tick(conn, now));
	}
	return at;
}
