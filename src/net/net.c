/* SPDX-License-Identifier: BSD-2-Clause */
/* All servers of one event loop: the pump that sends, peers and their timers. */
#include "src/net/internal.h"

#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void net_wake(struct mz_net *net)
{
	event_active(net->pump, EV_TIMEOUT, 0);
}

void net_kick(struct mz_peer *peer)
{
	if (!peer->dirty) {
		peer->dirty = true;
		TAILQ_INSERT_TAIL(&peer->net->dirty, peer, dirty_link);
	}
	net_wake(peer->net);
}

void net_arm(struct mz_peer *peer, uint64_t at)
{
	uint64_t now = 0;
	uint64_t wait = 0;
	struct timeval tv = {0, 0};

	if (at == 0 || (peer->timer_at != 0 && peer->timer_at <= at))
		return;
	now = mz_clock_mono_ms();
	wait = at > now ? at - now : 0;
	tv.tv_sec = (time_t)(wait / 1000);
	tv.tv_usec = (suseconds_t)(wait % 1000 * 1000);
	peer->timer_at = event_add(peer->timer, &tv) == 0 ? at : 0;
}

uint16_t net_random_id(void)
{
	uint16_t id = 0;

	mz_random(&id, sizeof id);
	return id;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct mz_peer *peer = arg;
	uint64_t now = mz_clock_mono_ms();

	(void)fd;
	(void)what;
	peer->timer_at = 0;
	net_arm(peer, net_earlier(udp_tick(peer, now), pool_tick(peer, now)));
}

/* Only what is there at the start is handled: what callbacks add has another turn of the loop. */
static void call_ended(struct mz_net *net)
{
	struct mz_ask *last = TAILQ_LAST(&net->ended, ask_list);
	struct mz_ask *ask = NULL;
	bool more = last != NULL;

	while (more && (ask = TAILQ_FIRST(&net->ended)) != NULL) {
		more = ask != last;
		ask_answer(ask, ask->answer.outcome, NULL, 0);
	}
	if (!TAILQ_EMPTY(&net->ended))
		net_wake(net);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct mz_net *net = arg;
	struct mz_conn *conn = NULL;
	struct mz_peer *peer = NULL;
	uint64_t now = 0;

	(void)fd;
	(void)what;
	while ((conn = TAILQ_FIRST(&net->dead)) != NULL) {
		TAILQ_REMOVE(&net->dead, conn, link);
		conn_free(conn);
	}
	call_ended(net);
	now = mz_clock_mono_ms();
	while ((peer = TAILQ_FIRST(&net->dirty)) != NULL) {
		TAILQ_REMOVE(&net->dirty, peer, dirty_link);
		peer->dirty = false;
		udp_pump(peer, now);
		pool_pump(peer, now);
	}
}

int mz_net_new(struct mz_net **out, struct event_base *base)
{
	struct mz_net *net = calloc(1, sizeof *net);

	*out = NULL;
	if (net == NULL)
		return MZ_ENOMEM;
	net->base = base;
	TAILQ_INIT(&net->dirty);
	TAILQ_INIT(&net->ended);
	TAILQ_INIT(&net->dead);
	net->chunk = malloc(NET_TCP_CHUNK);
	net->pump = event_new(base, -1, 0, on_pump, net);
	if (net->chunk == NULL || net->pump == NULL || udp_init(net) != MZ_OK) {
		mz_net_free(net);
		return MZ_ENOMEM;
	}
	*out = net;
	return MZ_OK;
}

/* ---- peers --------------------------------------------------------------------------------- */

static unsigned bucket(const struct mz_endpoint *endpoint)
{
	uint64_t hash = mz_hash(MZ_HASH, endpoint->host, strlen(endpoint->host));

	return (unsigned)((hash + endpoint->port) % NET_PEER_BUCKETS);
}

bool net_resolve(const struct mz_endpoint *endpoint, struct sockaddr_storage *addr, socklen_t *len)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	char port[8] = "";
	bool ok = false;

	(void)snprintf(port, sizeof port, "%u", endpoint->port);
	if (getaddrinfo(endpoint->host, port, &hints, &found) != 0)
		return false;
	if (found->ai_addrlen <= sizeof *addr) {
		memcpy(addr, found->ai_addr, found->ai_addrlen);
		*len = found->ai_addrlen;
		ok = true;
	}
	freeaddrinfo(found);
	return ok;
}

void net_endpoint_text(const struct mz_endpoint *endpoint, char text[NET_TEXT])
{
	(void)snprintf(text, NET_TEXT, strchr(endpoint->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
		       endpoint->host, endpoint->port);
}

static void peer_free(struct mz_peer *peer)
{
	if (peer->timer != NULL)
		event_free(peer->timer);
	udp_close(peer);
	free(peer);
}

static struct mz_peer *peer_new(struct mz_net *net, const struct mz_endpoint *endpoint)
{
	struct mz_peer *peer = calloc(1, sizeof *peer);

	if (peer == NULL)
		return NULL;
	peer->net = net;
	peer->endpoint = *endpoint;
	peer->udp.fd = -1;
	TAILQ_INIT(&peer->udp.waiting);
	TAILQ_INIT(&peer->udp.sent);
	TAILQ_INIT(&peer->queries);
	TAILQ_INIT(&peer->updates);
	TAILQ_INIT(&peer->transfers);
	TAILQ_INIT(&peer->conns);
	net_endpoint_text(endpoint, peer->text);
	peer->timer = event_new(net->base, -1, 0, on_timer, peer);
	if (peer->timer == NULL) {
		peer_free(peer);
		return NULL;
	}
	return peer;
}

int mz_net_peer(struct mz_net *net, const struct mz_endpoint *endpoint, unsigned max_inflight,
		struct mz_peer **out, struct mz_cause *cause)
{
	struct peer_list *list = &net->peers[bucket(endpoint)];
	struct mz_peer *peer = NULL;

	*out = NULL;
	LIST_FOREACH(peer, list, link)
	if (peer->endpoint.port == endpoint->port &&
	    strcmp(peer->endpoint.host, endpoint->host) == 0)
		break;
	if (peer == NULL) {
		peer = peer_new(net, endpoint);
		if (peer == NULL)
			return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
		if (!net_resolve(endpoint, &peer->addr, &peer->addr_len)) {
			mz_cause_set(cause, MZ_EINVAL,
				     "\"%s\" is not an IPv4 or IPv6 address: write one, names "
				     "are not looked up",
				     endpoint->host);
			peer_free(peer);
			return MZ_EINVAL;
		}
		LIST_INSERT_HEAD(list, peer, link);
	}
	peer->max_inflight = max_inflight > 0 ? max_inflight : 1;
	*out = peer;
	return MZ_OK;
}

const char *mz_peer_text(const struct mz_peer *peer)
{
	return peer->text;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void drop_all(struct ask_list *list)
{
	struct mz_ask *ask = NULL;

	while ((ask = TAILQ_FIRST(list)) != NULL) {
		ask_enter(ask, ASK_ENDED, NULL);
		ask_free(ask);
	}
}

static void peer_shutdown(struct mz_peer *peer)
{
	struct mz_conn *conn = NULL;

	drop_all(&peer->udp.waiting);
	drop_all(&peer->udp.sent);
	drop_all(&peer->queries);
	drop_all(&peer->updates);
	drop_all(&peer->transfers);
	while ((conn = TAILQ_FIRST(&peer->conns)) != NULL) {
		drop_all(&conn->asks);
		conn_fail(conn, MZ_NET_LOST, 0);
	}
}

void mz_net_free(struct mz_net *net)
{
	struct mz_conn *conn = NULL;
	struct mz_peer *peer = NULL;
	unsigned i = 0;

	if (net == NULL)
		return;
	for (i = 0; i < NET_PEER_BUCKETS; i++)
		LIST_FOREACH(peer, &net->peers[i], link)
	peer_shutdown(peer);
	drop_all(&net->ended);
	while ((conn = TAILQ_FIRST(&net->dead)) != NULL) {
		TAILQ_REMOVE(&net->dead, conn, link);
		conn_free(conn);
	}
	for (i = 0; i < NET_PEER_BUCKETS; i++)
		while ((peer = LIST_FIRST(&net->peers[i])) != NULL) {
			LIST_REMOVE(peer, link);
			peer_free(peer);
		}
	if (net->pump != NULL)
		event_free(net->pump);
	free(net->batch);
	free(net->chunk);
	free(net);
}
