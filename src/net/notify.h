/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the NOTIFY listener share. */
#ifndef MZ_NET_NOTIFY_H
#define MZ_NET_NOTIFY_H

#include "src/net/internal.h"
#include "src/net/notify_wire.h"

#define NOTIFY_CONNS 64u      /* connections at once; one more, and the longest idle one goes */
#define NOTIFY_IDLE_MS 10000u /* without a whole message */
#define NOTIFY_CHUNK 65536u   /* octets read at once: the longest datagram */

struct notify_conn;
TAILQ_HEAD(notify_conn_list, notify_conn);

struct mz_notify {
	struct event_base *base;
	mz_notify_key key;
	mz_notify_handler handler;
	void *arg;
	char text[NET_TEXT];
	struct event *on_udp;
	struct event *on_tcp, *on_idle, *on_resume;
	struct notify_conn_list conns; /* the longest idle first */
	unsigned conn_count;
	int udp, tcp;
	uint8_t *chunk; /* NOTIFY_CHUNK octets, for whoever reads */
};

/* notify.c */

/* Room for a source address with its zone. */
#define NOTIFY_HOST 80

/* Takes a message (which it changes) and writes its answer: octets, 0 for none. */
size_t notify_take(struct mz_notify *notify, uint8_t *wire, size_t len,
		   const struct sockaddr_storage *from, uint8_t out[NOTIFY_ANSWER]);

/* notify_tcp.c */

/* Listens on the socket notify->tcp. 0 or MZ_ENOMEM. */
int notify_tcp_start(struct mz_notify *notify);
/* Closes all connections and frees the events; the socket stays. */
void notify_tcp_stop(struct mz_notify *notify);

#endif
