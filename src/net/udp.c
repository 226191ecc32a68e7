/* SPDX-License-Identifier: BSD-2-Clause */
/* Exchanges by UDP: a connected socket a peer, a window, retransmission, the way on to TCP. */
#include "src/net/internal.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One system call moves many datagrams; the buffers serve all peers, one after the other. */
struct net_batch {
	struct mmsghdr out[NET_UDP_BATCH], in[NET_UDP_BATCH];
	struct iovec out_iov[NET_UDP_BATCH], in_iov[NET_UDP_BATCH];
	struct mz_ask *ask[NET_UDP_BATCH];
	unsigned count; /* of out */
	uint8_t out_buf[NET_UDP_BATCH][NET_UDP_OUT];
	uint8_t in_buf[NET_UDP_BATCH][NET_UDP_IN];
};

int udp_init(struct mz_net *net)
{
	struct net_batch *b = malloc(sizeof *b);
	unsigned i = 0;

	if (b == NULL)
		return MZ_ENOMEM;
	memset(b, 0, offsetof(struct net_batch, out_buf)); /* the buffers are touched when used */
	for (i = 0; i < NET_UDP_BATCH; i++) {
		b->out_iov[i].iov_base = b->out_buf[i];
		b->out[i].msg_hdr.msg_iov = &b->out_iov[i];
		b->out[i].msg_hdr.msg_iovlen = 1;
		b->in_iov[i].iov_base = b->in_buf[i];
		b->in_iov[i].iov_len = NET_UDP_IN;
		b->in[i].msg_hdr.msg_iov = &b->in_iov[i];
		b->in[i].msg_hdr.msg_iovlen = 1;
	}
	net->batch = b;
	return MZ_OK;
}

/* ---- slots --------------------------------------------------------------------------------- */

static struct mz_ask *find(const struct net_udp *udp, uint16_t id)
{
	unsigned i = 0;

	for (i = 0; i < NET_UDP_WINDOW; i++)
		if (udp->id[i] == id && udp->slot[i] != NULL)
			return udp->slot[i];
	return NULL;
}

static unsigned slot_of(const struct net_udp *udp, const struct mz_ask *ask)
{
	unsigned i = 0;

	while (i < NET_UDP_WINDOW && udp->slot[i] != ask)
		i++;
	return i;
}

void udp_release(struct mz_ask *ask)
{
	struct net_udp *udp = &ask->peer->udp;
	unsigned i = slot_of(udp, ask);

	if (i == NET_UDP_WINDOW)
		return;
	udp->slot[i] = NULL;
	udp->count--;
	if (udp->count == 0)
		net_arm(ask->peer, mz_clock_mono_ms() + NET_RESEND_MS);
	if (!TAILQ_EMPTY(&udp->waiting))
		net_kick(ask->peer);
}

static uint16_t fresh_id(struct mz_peer *peer)
{
	uint16_t id = 0;

	do
		id = net_random_id();
	while (find(&peer->udp, id) != NULL);
	return id;
}

/* ---- the socket ---------------------------------------------------------------------------- */

static void on_read(evutil_socket_t fd, short what, void *arg);

void udp_close(struct mz_peer *peer)
{
	if (peer->udp.on_read != NULL)
		event_free(peer->udp.on_read);
	peer->udp.on_read = NULL;
	if (peer->udp.fd >= 0)
		close(peer->udp.fd);
	peer->udp.fd = -1;
	peer->udp.datagrams = 0;
}

/* The kernel picks a random port for each new socket, and lets only the peer's datagrams in. */
static int udp_open(struct mz_peer *peer)
{
	struct net_udp *udp = &peer->udp;
	int err = 0;

	udp->fd = socket(peer->addr.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (udp->fd < 0)
		return errno;
	if (connect(udp->fd, (const struct sockaddr *)&peer->addr, peer->addr_len) != 0) {
		err = errno;
		udp_close(peer);
		return err;
	}
	udp->on_read = event_new(peer->net->base, udp->fd, EV_READ | EV_PERSIST, on_read, peer);
	if (udp->on_read == NULL || event_add(udp->on_read, NULL) != 0) {
		udp_close(peer);
		return ENOMEM;
	}
	return 0;
}

/* The ask leaves UDP: a probe goes on by TCP; an update may have arrived and is not sent again. */
static void leave(struct mz_ask *ask, int sys_errno)
{
	udp_release(ask);
	if (ask->request.kind == MZ_ASK_PROBE)
		ask_queue_tcp(ask, false);
	else
		ask_end(ask, MZ_NET_LOST, sys_errno);
}

/* An ICMP error, or no route: the socket does not say for which datagram. */
static void broken(struct mz_peer *peer, int sys_errno)
{
	unsigned i = 0;

	for (i = 0; i < NET_UDP_WINDOW; i++)
		if (peer->udp.slot[i] != NULL)
			leave(peer->udp.slot[i], sys_errno);
	udp_close(peer);
}

/* ---- sending ------------------------------------------------------------------------------- */

/* No room in the socket's buffer: a probe will be sent again, an update has to say so. */
static void unsent(struct mz_ask *ask, int sys_errno)
{
	if (ask->request.kind == MZ_ASK_PROBE)
		return;
	udp_release(ask);
	ask_end(ask, MZ_NET_UNREACHABLE, sys_errno);
}

static void flush(struct mz_peer *peer)
{
	struct net_batch *b = peer->net->batch;
	unsigned sent = 0;
	int n = 0;

	while (sent < b->count) {
		n = sendmmsg(peer->udp.fd, b->out + sent, b->count - sent, MSG_NOSIGNAL);
		if (n > 0) {
			sent += (unsigned)n;
			peer->udp.datagrams += (unsigned)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			unsent(b->ask[sent++], errno);
		} else if (errno != EINTR) {
			broken(peer, errno);
			break;
		}
	}
	b->count = 0;
}

/* Signs the ask afresh and adds it to the batch. It has its slot already. */
static void batch_add(struct mz_peer *peer, struct mz_ask *ask, unsigned slot, uint64_t now)
{
	struct net_batch *b = peer->net->batch;
	size_t len = 0;
	int err = ask_sign(ask, fresh_id(peer), b->out_buf[b->count], NET_UDP_OUT, &len);

	if (err != MZ_OK) {
		udp_release(ask);
		ask_end(ask, MZ_NET_BROKEN, 0);
		return;
	}
	peer->udp.id[slot] = ask->id;
	ask->resend = ask->request.kind == MZ_ASK_PROBE ? now + ask->backoff : 0;
	net_arm(peer, net_earlier(ask->deadline, ask->resend));
	b->out_iov[b->count].iov_len = len;
	b->ask[b->count++] = ask;
	if (b->count == NET_UDP_BATCH)
		flush(peer);
}

static void start(struct mz_peer *peer, struct mz_ask *ask, uint64_t now)
{
	struct net_udp *udp = &peer->udp;
	unsigned slot = slot_of(udp, NULL);

	udp->slot[slot] = ask;
	udp->id[slot] = 0;
	udp->count++;
	ask_enter(ask, ASK_UDP, &udp->sent);
	ask->deadline = now + ask->request.timeout_ms;
	ask->backoff = NET_RESEND_MS;
	batch_add(peer, ask, slot, now);
}

static void open_failed(struct mz_peer *peer, int sys_errno)
{
	struct mz_ask *ask = NULL;

	while ((ask = TAILQ_FIRST(&peer->udp.waiting)) != NULL)
		ask_end(ask, MZ_NET_UNREACHABLE, sys_errno);
}

void udp_pump(struct mz_peer *peer, uint64_t now)
{
	struct net_udp *udp = &peer->udp;
	struct mz_ask *ask = NULL;
	int sys_errno = 0;

	if (TAILQ_EMPTY(&udp->waiting))
		return;
	if (udp->count == 0 && udp->datagrams >= NET_UDP_RENEW)
		udp_close(peer);
	while (udp->count < NET_UDP_WINDOW && (ask = TAILQ_FIRST(&udp->waiting)) != NULL) {
		if (udp->fd < 0 && (sys_errno = udp_open(peer)) != 0) {
			open_failed(peer, sys_errno);
			return;
		}
		start(peer, ask, now);
	}
	flush(peer);
}

uint64_t udp_tick(struct mz_peer *peer, uint64_t now)
{
	struct net_udp *udp = &peer->udp;
	struct mz_ask *ask = NULL;
	uint64_t next = 0;
	unsigned i = 0;

	for (i = 0; i < NET_UDP_WINDOW && udp->count > 0; i++) {
		ask = udp->slot[i];
		if (ask == NULL)
			continue;
		if (ask->deadline <= now) {
			udp_release(ask);
			ask_end(ask, MZ_NET_TIMEOUT, 0);
		} else if (ask->resend != 0 && ask->resend <= now) {
			ask->backoff *= 3;
			batch_add(peer, ask, i, now);
		}
	}
	flush(peer);
	for (i = 0; i < NET_UDP_WINDOW; i++)
		if (udp->slot[i] != NULL)
			next = net_earlier(next, net_earlier(udp->slot[i]->deadline,
							     udp->slot[i]->resend));
	/* A socket is made in no time, and waking for the end of its idle time would cost more. */
	if (udp->count == 0)
		udp_close(peer);
	return next;
}

/* ---- receiving ----------------------------------------------------------------------------- */

/* Truncated, or an error without its question: the same by TCP. An update is never sent twice. */
static bool wants_tcp(const struct mz_ask *ask, enum judge_match match, unsigned flags)
{
	if (ask->request.kind != MZ_ASK_PROBE)
		return false;
	return (flags & MZ_FLAG_TC) != 0 || match == JUDGE_BARE;
}

/* Nothing may be assumed about the octets: whoever can send to our port may have written them. */
static void reply(struct mz_peer *peer, uint8_t *wire, size_t len)
{
	struct mz_ask *ask = len < MZ_MSG_HEADER ? NULL : find(&peer->udp, mz_get16(wire));
	enum mz_net_outcome outcome = MZ_NET_ANSWER;
	enum judge_match match = JUDGE_OTHER;
	unsigned flags = 0;

	if (ask == NULL)
		return;
	flags = mz_get16(wire + 2);
	match = judge_match(ask->wire, ask->qlen, ask->id, wire, len);
	if (match == JUDGE_OTHER ||
	    (match == JUDGE_BARE && (flags & 15u) == 0 && ask->request.kind == MZ_ASK_PROBE)) {
		ask->answer.dropped++;
		return;
	}
	if (wants_tcp(ask, match, flags)) {
		leave(ask, 0);
		return;
	}
	if (ask->request.key != NULL) {
		ask->answer.verdict = tsig_verify(ask->request.key, wire, &len, &ask->mac,
						  (uint64_t)mz_clock_wall(), &ask->answer.info);
		if (!judge_reply(ask->answer.verdict, &ask->answer.info, flags & 15u, &outcome)) {
			ask->answer.dropped++;
			return;
		}
	}
	if (outcome == MZ_NET_UNPROVEN && ask->request.kind == MZ_ASK_PROBE) {
		leave(ask, 0);
		return;
	}
	udp_release(ask);
	ask_answer(ask, outcome, wire, len);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct mz_peer *peer = arg;
	struct net_batch *b = peer->net->batch;
	unsigned round = 0;
	int n = 0;
	int i = 0;

	(void)what;
	for (round = 0; round < 4; round++) {
		n = recvmmsg(fd, b->in, NET_UDP_BATCH, MSG_DONTWAIT, NULL);
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				broken(peer, errno);
			return;
		}
		for (i = 0; i < n; i++)
			if ((b->in[i].msg_hdr.msg_flags & MSG_TRUNC) == 0)
				reply(peer, b->in_buf[i], b->in[i].msg_len);
		if ((unsigned)n < NET_UDP_BATCH)
			return;
	}
}
