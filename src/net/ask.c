/* SPDX-License-Identifier: BSD-2-Clause */
/* One exchange from its start to the call of `done`: states, signing, cancelling. */
#include "src/net/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
	[ASK_WAITING] = "waiting", [ASK_UDP] = "udp",	  [ASK_TCP] = "tcp",
	[ASK_SKIPPED] = "skipped", [ASK_ENDED] = "ended",
};

void ask_enter(struct mz_ask *ask, enum ask_state state, struct ask_list *list)
{
	if (mz_log_on(MZ_LOG_DEBUG))
		mz_log(MZ_LOG_DEBUG, "ask", "server", ask->peer->text, "id", MZ_NUM(ask->id),
		       "state", state_names[state], NULL);
	if (ask->list != NULL)
		TAILQ_REMOVE(ask->list, ask, link);
	ask->list = list;
	ask->state = state;
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, ask, link);
}

int ask_sign(struct mz_ask *ask, uint16_t id, uint8_t *out, size_t cap, size_t *len)
{
	const struct mz_request *request = &ask->request;

	if (request->len > cap)
		return MZ_ESPACE;
	memcpy(out, ask->wire, request->len);
	*len = request->len;
	ask->id = id;
	mz_put16(out, id);
	if (request->key == NULL)
		return MZ_OK;
	if (tsig_sign(request->key, out, len, cap, (uint64_t)mz_clock_wall(), &ask->mac) != TSIG_OK)
		return MZ_ECRYPTO;
	return MZ_OK;
}

void ask_free(struct mz_ask *ask)
{
	if (ask == NULL)
		return;
	tsig_stream_clear(&ask->stream);
	free(ask);
}

void ask_end(struct mz_ask *ask, enum mz_net_outcome outcome, int sys_errno)
{
	ask->answer.outcome = outcome;
	ask->answer.sys_errno = sys_errno;
	ask_enter(ask, ASK_ENDED, &ask->peer->net->ended);
	net_wake(ask->peer->net);
}

void ask_answer(struct mz_ask *ask, enum mz_net_outcome outcome, const uint8_t *wire, size_t len)
{
	ask->answer.outcome = outcome;
	ask->answer.wire = wire;
	ask->answer.len = len;
	if (wire != NULL)
		ask->answer.rcode = mz_get16(wire + 2) & 15u;
	ask_enter(ask, ASK_ENDED, NULL);
	ask->request.done(ask->request.arg, &ask->answer);
	ask_free(ask);
}

void ask_queue_tcp(struct mz_ask *ask, bool first)
{
	struct mz_peer *peer = ask->peer;
	struct ask_list *list = &peer->queries;

	if (ask->request.kind == MZ_ASK_UPDATE)
		list = &peer->updates;
	else if (ask->request.kind == MZ_ASK_TRANSFER)
		list = &peer->transfers;
	ask->by_tcp = true;
	ask->conn = NULL;
	ask_enter(ask, ASK_WAITING, list);
	if (first) {
		TAILQ_REMOVE(list, ask, link);
		TAILQ_INSERT_HEAD(list, ask, link);
	}
	net_kick(peer);
}

/* The request is our own making, but what is wrong with it must not show up on the wire. */
static int check(const struct mz_request *request)
{
	size_t signature = request->key != NULL ? tsig_overhead(request->key) : 0;
	bool transfer = request->kind == MZ_ASK_TRANSFER;

	if (request->done == NULL || transfer != (request->message != NULL) ||
	    judge_question(request->wire, request->len) == 0)
		return MZ_EINVAL;
	if (request->len + signature > MZ_MSG_MAX)
		return MZ_ERANGE;
	if (request->kind == MZ_ASK_UPDATE_UDP && request->len + signature > NET_UDP_OUT)
		return MZ_ERANGE;
	return MZ_OK;
}

int mz_net_ask(struct mz_peer *peer, const struct mz_request *request, struct mz_ask **handle)
{
	struct mz_ask *ask = NULL;
	size_t signature = request->key != NULL ? tsig_overhead(request->key) : 0;
	int err = check(request);

	*handle = NULL;
	if (err != MZ_OK)
		return err;
	ask = malloc(sizeof *ask + request->len);
	if (ask == NULL)
		return MZ_ENOMEM;
	*ask = (struct mz_ask){.peer = peer, .request = *request};
	memcpy(ask->wire, request->wire, request->len);
	ask->request.wire = ask->wire;
	ask->qlen = (uint16_t)judge_question(ask->wire, request->len);
	if (request->kind == MZ_ASK_UPDATE_UDP ||
	    (request->kind == MZ_ASK_PROBE && request->len + signature <= NET_UDP_OUT)) {
		ask_enter(ask, ASK_WAITING, &peer->udp.waiting);
		net_kick(peer);
	} else {
		ask_queue_tcp(ask, false);
	}
	*handle = ask;
	return MZ_OK;
}

void mz_net_cancel(struct mz_ask *ask)
{
	struct mz_conn *conn = NULL;

	if (ask == NULL)
		return;
	conn = ask->conn;
	/* others share the connection; an update or a transfer is alone on its own and cut off */
	if (ask->state == ASK_TCP && conn->use == CONN_QUERIES) {
		ask_enter(ask, ASK_SKIPPED, &conn->asks);
		return;
	}
	if (ask->state == ASK_UDP)
		udp_release(ask);
	if (ask->state == ASK_TCP) {
		conn_release(ask);
		conn_fail(conn, MZ_NET_LOST, 0);
	}
	ask_enter(ask, ASK_ENDED, NULL);
	ask_free(ask);
}
