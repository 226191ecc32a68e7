/* SPDX-License-Identifier: BSD-2-Clause */
/* Transfers: the messages of one answer in order, each checked before its handler sees it. */
#include "src/net/internal.h"

/* The transfer ends with a whole message: the connection is fit for the next one. */
static void finish(struct mz_conn *conn, struct mz_ask *ask, enum mz_net_outcome outcome,
		   const uint8_t *wire, size_t len)
{
	conn->kept = true;
	conn_release(ask);
	ask_answer(ask, outcome, wire, len);
}

/* The rest of the stream is not wanted or not to be trusted: only closing gets rid of it. */
static void cut(struct mz_conn *conn, struct mz_ask *ask, enum mz_net_outcome outcome)
{
	conn_release(ask);
	ask_end(ask, outcome, 0);
	conn_fail(conn, MZ_NET_LOST, 0);
}

/* True when the message is good so far; else the transfer has ended. */
static bool verify(struct mz_conn *conn, struct mz_ask *ask, uint8_t *wire, size_t *len)
{
	unsigned rcode = mz_get16(wire + 2) & 15u;
	enum mz_net_outcome outcome = MZ_NET_BROKEN;

	if (ask->request.key == NULL)
		return true;
	ask->answer.verdict = tsig_stream_next(&ask->stream, wire, len, (uint64_t)mz_clock_wall(),
					       &ask->answer.info);
	if (ask->answer.verdict == TSIG_GOOD)
		return true;
	if (!ask->begun && judge_reply(ask->answer.verdict, &ask->answer.info, rcode, &outcome))
		finish(conn, ask, outcome, wire, *len);
	else
		cut(conn, ask, MZ_NET_BROKEN);
	return false;
}

/* The handler has seen the end of its answer. Nothing may follow, and all of it must be proven. */
static void complete(struct mz_conn *conn, struct mz_ask *ask, const uint8_t *wire, size_t len)
{
	if (conn->more) {
		cut(conn, ask, MZ_NET_BROKEN);
	} else if (ask->request.key != NULL && !tsig_stream_complete(&ask->stream)) {
		ask->answer.verdict = TSIG_UNSIGNED;
		cut(conn, ask, MZ_NET_BROKEN);
	} else {
		finish(conn, ask, MZ_NET_ANSWER, wire, len);
	}
}

void stream_message(struct mz_conn *conn, struct mz_ask *ask, uint8_t *wire, size_t len)
{
	enum judge_match match = judge_match(ask->wire, ask->qlen, ask->id, wire, len);
	unsigned rcode = mz_get16(wire + 2) & 15u;
	enum mz_stream_step step = MZ_STREAM_BAD;

	if (match == JUDGE_OTHER ||
	    (match == JUDGE_BARE && !ask->begun && rcode == MZ_RCODE_NOERROR)) {
		ask->answer.dropped++;
		cut(conn, ask, MZ_NET_BROKEN);
		return;
	}
	if (!verify(conn, ask, wire, &len))
		return;
	ask->begun = true;
	step = ask->request.message(ask->request.arg, wire, len);
	if (conn->state == CONN_DEAD)
		return; /* the handler cancelled the ask */
	if (step == MZ_STREAM_MORE)
		ask->deadline = mz_clock_mono_ms() + ask->request.timeout_ms;
	else if (step == MZ_STREAM_DONE)
		complete(conn, ask, wire, len);
	else
		cut(conn, ask, step == MZ_STREAM_STOP ? MZ_NET_STOPPED : MZ_NET_BROKEN);
}
