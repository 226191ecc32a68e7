/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the room `net` share: asks, connections, peers, and who may touch them. */
#ifndef MZ_NET_INTERNAL_H
#define MZ_NET_INTERNAL_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mailzone/net.h"
#include "src/net/frame.h"

struct event;

/*
 * How it hangs together. mz_net_ask only queues; everything is sent from the pump (net.c), an
 * event of its own. An exchange that ends with a reply calls `done` where the reply is read; one
 * that ends without goes to net->ended and is called from the pump. A connection that breaks is
 * marked dead at once and freed by the pump, so that a callback can never free what its caller
 * stands on.
 */

#define NET_UDP_WINDOW 64u   /* probes outstanding on a socket; larger bursts lose datagrams */
#define NET_UDP_BATCH 32u    /* datagrams a system call */
#define NET_UDP_OUT 2048u    /* longest request by UDP, with its TSIG */
#define NET_UDP_IN 4096u     /* longest reply by UDP */
#define NET_UDP_RENEW 1000u  /* datagrams after which an idle socket gives up its port */
#define NET_RESEND_MS 300u   /* first wait before a probe is sent again, then three times that */
#define NET_PIPELINE 128u    /* queries outstanding on a connection */
#define NET_TRANSFERS 4u     /* transfers at once from a server */
#define NET_IDLE_MS 3000u    /* we close first: PowerDNS closes after 5 s, Knot after 9.6 s */
#define NET_TCP_CHUNK 65536u /* octets read at once */
#define NET_TEXT 64	     /* room for an address with its port */

enum ask_state {
	ASK_WAITING, /* in a queue of its peer */
	ASK_UDP,     /* sent, a slot of the UDP socket is its */
	ASK_TCP,     /* given to a connection */
	ASK_SKIPPED, /* cancelled there: its id stays taken until the late answer came */
	ASK_ENDED,   /* its outcome is known, `done` is about to be called */
};

TAILQ_HEAD(ask_list, mz_ask);

struct mz_ask {
	TAILQ_ENTRY(mz_ask) link;
	struct ask_list *list; /* the list it is in, or NULL */
	struct mz_peer *peer;
	struct mz_conn *conn;	   /* ASK_TCP, ASK_SKIPPED */
	struct mz_request request; /* its wire points at `wire` below */
	struct mz_answer answer;
	struct tsig_mac mac;	   /* of the request as it was last sent */
	struct tsig_stream stream; /* TRANSFER with a key */
	uint64_t deadline;	   /* ms; 0 before it was first sent */
	uint64_t resend;	   /* UDP: when to send again, 0 never */
	unsigned backoff;	   /* ms, the wait before that */
	enum ask_state state;
	uint16_t id;
	uint16_t qlen;	/* octets of the question behind the header */
	bool by_tcp;	/* goes or went by TCP */
	bool again;	/* asked again already after a lost connection */
	bool begun;	/* TRANSFER: a message was accepted */
	uint8_t wire[]; /* request.len octets */
};

enum conn_state { CONN_CONNECTING, CONN_OPEN, CONN_DRAINING, CONN_DEAD };
enum conn_use { CONN_IDLE, CONN_QUERIES, CONN_UPDATE, CONN_TRANSFER };

struct mz_conn {
	TAILQ_ENTRY(mz_conn) link; /* in peer->conns, or net->dead */
	struct mz_peer *peer;
	struct event *on_read, *on_write;
	struct ask_list asks; /* in the order in which they were sent */
	struct net_frame frame;
	uint8_t *out; /* octets to write: out_pos..out_len */
	size_t out_pos, out_len, out_cap;
	uint64_t idle_since; /* ms */
	unsigned count;	     /* asks on it */
	int fd;
	enum conn_state state;
	enum conn_use use;
	bool kept; /* it answered something already */
	bool more; /* octets follow the message that is being looked at */
};
TAILQ_HEAD(conn_list, mz_conn);

/* The UDP side of a peer. */
struct net_udp {
	struct event *on_read;
	struct ask_list waiting, sent;
	struct mz_ask *slot[NET_UDP_WINDOW];
	uint16_t id[NET_UDP_WINDOW]; /* of slot[i], where that is not NULL */
	unsigned count;
	unsigned datagrams; /* sent on this socket */
	int fd;		    /* -1: closed */
};

struct mz_peer {
	LIST_ENTRY(mz_peer) link;
	TAILQ_ENTRY(mz_peer) dirty_link;
	struct mz_net *net;
	struct mz_endpoint endpoint;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char text[NET_TEXT];
	unsigned max_inflight;
	bool dirty; /* in net->dirty */
	struct event *timer;
	uint64_t timer_at; /* ms; 0: not armed */
	struct net_udp udp;
	struct ask_list queries, updates, transfers; /* waiting for a connection */
	struct conn_list conns;
	unsigned conn_count;
	unsigned use_count[4]; /* connections by enum conn_use */
};
LIST_HEAD(peer_list, mz_peer);
TAILQ_HEAD(peer_queue, mz_peer);

#define NET_PEER_BUCKETS 256u

struct net_batch; /* buffers of udp.c */

struct mz_net {
	struct event_base *base;
	struct event *pump;
	struct peer_list peers[NET_PEER_BUCKETS];
	struct peer_queue dirty; /* peers with something to send */
	struct ask_list ended;
	struct conn_list dead;
	struct net_batch *batch;
	uint8_t *chunk; /* NET_TCP_CHUNK octets, for whichever connection is being read */
};

/* net.c */

/* Has the pump look at the peer soon. */
void net_kick(struct mz_peer *peer);
/* Has the pump run soon, for net->ended and net->dead. */
void net_wake(struct mz_net *net);
/* Has the peer's timer fire at `at` (ms) or before. */
void net_arm(struct mz_peer *peer, uint64_t at);
uint16_t net_random_id(void);
/* The socket address of an endpoint; false where its host is no address. */
bool net_resolve(const struct mz_endpoint *endpoint, struct sockaddr_storage *addr, socklen_t *len);
/* "127.0.0.1:53", "[::1]:53" */
void net_endpoint_text(const struct mz_endpoint *endpoint, char text[NET_TEXT]);

/* ask.c */

/* The one function that changes an ask's state and moves it to the list of that state. */
void ask_enter(struct mz_ask *ask, enum ask_state state, struct ask_list *list);
/* Writes the request with `id`, signed, into out[cap]. *len: its octets. 0 or an error. */
int ask_sign(struct mz_ask *ask, uint16_t id, uint8_t *out, size_t cap, size_t *len);
/* Ends an ask without a reply; `done` is called from the pump. */
void ask_end(struct mz_ask *ask, enum mz_net_outcome outcome, int sys_errno);
/* Ends an ask with the reply that is being looked at: takes it from its list, calls, frees. */
void ask_answer(struct mz_ask *ask, enum mz_net_outcome outcome, const uint8_t *wire, size_t len);
/* Puts the ask into the queue of its peer for TCP; `first` before all others. */
void ask_queue_tcp(struct mz_ask *ask, bool first);
void ask_free(struct mz_ask *ask);

/* judge.c: pure */

/* How a message stands to a request, by id, QR, opcode and question (RFC 5452 9.1). */
enum judge_match {
	JUDGE_MATCH,
	JUDGE_BARE, /* all but the question, which is left out (errors, updates, later envelopes) */
	JUDGE_OTHER,
};
/* `request` is a message with one question of `qlen` octets behind the header. */
enum judge_match judge_match(const uint8_t *request, size_t qlen, uint16_t id, const uint8_t *wire,
			     size_t len);
/* Octets of the question (name, type, class) of a request; 0 when it has not exactly one. */
size_t judge_question(const uint8_t *request, size_t len);
/* What a reply that matches is worth, by its TSIG verdict and rcode. False: not to be believed. */
bool judge_reply(enum tsig_verdict verdict, const struct tsig_info *info, unsigned rcode,
		 enum mz_net_outcome *outcome);

/* udp.c */

int udp_init(struct mz_net *net);
void udp_pump(struct mz_peer *peer, uint64_t now);
/* Resends and expires; returns when to look again (ms), 0 never. */
uint64_t udp_tick(struct mz_peer *peer, uint64_t now);
/* Takes the ask off its slot. */
void udp_release(struct mz_ask *ask);
void udp_close(struct mz_peer *peer);

/* conn.c */

/* Opens a connection: NULL with *sys_errno when that fails at once. */
struct mz_conn *conn_open(struct mz_peer *peer, int *sys_errno);
/* Gives the ask to the connection and writes its frame to the output buffer. False: it could not
 * be signed or there is no memory; the ask has ended. */
bool conn_send(struct mz_conn *conn, struct mz_ask *ask, uint64_t now);
void conn_flush(struct mz_conn *conn);
/* Nothing more was sent by the peer, which has not closed it: fit for another exchange. */
bool conn_alive(const struct mz_conn *conn);
/* Takes the ask off the connection, which is then idle, or closed when it was draining. */
void conn_release(struct mz_ask *ask);
/* Breaks the connection; its asks are asked again or end with `outcome`. */
void conn_fail(struct mz_conn *conn, enum mz_net_outcome outcome, int sys_errno);
/* No new asks; closed once the last one on it has ended. */
void conn_drain(struct mz_conn *conn);
void conn_free(struct mz_conn *conn);
void conn_set_use(struct mz_conn *conn, enum conn_use use);

/* stream.c */

/* Takes a message for the transfer that the connection carries. */
void stream_message(struct mz_conn *conn, struct mz_ask *ask, uint8_t *wire, size_t len);

/* pool.c */

void pool_pump(struct mz_peer *peer, uint64_t now);
/* Expires asks and closes idle connections; returns when to look again (ms), 0 never. */
uint64_t pool_tick(struct mz_peer *peer, uint64_t now);

/* The earlier of two times where 0 is never. */
static inline uint64_t net_earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

#endif
