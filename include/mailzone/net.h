/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `net`: asynchronous DNS exchanges with servers, signed and checked; NOTIFY. */
#ifndef MZ_NET_H
#define MZ_NET_H

#include "mailzone/conf.h"

struct event_base;
struct mz_net;	/* all servers of one event loop */
struct mz_peer; /* one server address: its UDP socket, its TCP connections, its queues */
struct mz_ask;	/* one exchange under way */

/* What became of an exchange. Only MZ_NET_ANSWER proves anything. */
enum mz_net_outcome {
	MZ_NET_ANSWER, /* id, opcode, question are right, and the MAC where the request was signed */
	MZ_NET_UNPROVEN,    /* an error whose MAC is missing or void: rcode, TSIG error are hints */
	MZ_NET_BADTIME,	    /* BADTIME with a valid MAC: info.server_time tells the difference */
	MZ_NET_TIMEOUT,	    /* no acceptable reply in time; `dropped` replies were refused */
	MZ_NET_UNREACHABLE, /* no connection: refused, no route; `sys_errno` */
	MZ_NET_LOST,	    /* the connection went away while the answer was due: outcome unknown */
	MZ_NET_BROKEN,	    /* a stream that breaks the rules of its protocol or its signatures */
	MZ_NET_STOPPED,	    /* the stream's own handler had enough */
};

struct mz_answer {
	enum mz_net_outcome outcome;
	const uint8_t *wire; /* the reply without TSIG: ANSWER, UNPROVEN, BADTIME; else NULL */
	size_t len;
	unsigned rcode;
	enum tsig_verdict verdict; /* of the last reply seen, dropped ones included */
	struct tsig_info info;
	unsigned dropped; /* replies that were not believed */
	int sys_errno;
};

/* What a failed exchange says of the server. */
enum mz_fault {
	MZ_FAULT_NONE,
	MZ_FAULT_SILENT, /* no answer, no connection: the server or the way to it is down */
	MZ_FAULT_LATER,	 /* it is there: SERVFAIL, or nothing that counts as an answer */
	MZ_FAULT_DENIED, /* configuration here or there: REFUSED, NOTAUTH, NOTZONE, TSIG errors, clocks */
	MZ_FAULT_OTHER, /* it does not understand us, or the fault is ours */
};
/* Pure. NONE for a proven NOERROR. */
enum mz_fault mz_net_fault(const struct mz_answer *answer);

/* Called exactly once for an ask that was started and not cancelled, from the event loop, never
 * from inside mz_net_ask. `answer` and its octets hold during the call. */
typedef void (*mz_net_done)(void *arg, const struct mz_answer *answer);

/* For streams: called for each message in order, its TSIG already checked and stripped (the
 * proof of an unsigned one may still be to come). */
enum mz_stream_step { MZ_STREAM_MORE, MZ_STREAM_DONE, MZ_STREAM_STOP, MZ_STREAM_BAD };
typedef enum mz_stream_step (*mz_net_message)(void *arg, const uint8_t *wire, size_t len);

/* What kind of exchange it is decides queue, transport and retry: */
enum mz_ask_kind {
	MZ_ASK_PROBE,  /* a small query by UDP, resent; TCP on truncation, unproven errors */
	MZ_ASK_QUERY,  /* a query by TCP, pipelined; again once if a kept connection was lost */
	MZ_ASK_UPDATE, /* an UPDATE by TCP: sent once, never again; at most max_inflight of them */
	MZ_ASK_UPDATE_UDP, /* the same by UDP, sent once, for transport = "udp" and small messages */
	MZ_ASK_TRANSFER,   /* AXFR by TCP, a stream; at most 4 of them on one server */
};

struct mz_request {
	enum mz_ask_kind kind;
	struct tsig_key *key; /* NULL: unsigned */
	const uint8_t *wire;  /* unsigned; each sending replaces the id by a random one */
	size_t len;
	unsigned timeout_ms; /* from the moment it is sent, not while it waits in a queue */
	mz_net_done done;
	mz_net_message message; /* TRANSFER only */
	void *arg;
};

int mz_net_new(struct mz_net **out, struct event_base *base);
/* Cancels everything and closes every socket. */
void mz_net_free(struct mz_net *net);

/* The peer for an address, made at its first use; max_inflight is that of its updates. The peer
 * belongs to the net. */
int mz_net_peer(struct mz_net *net, const struct mz_endpoint *endpoint, unsigned max_inflight,
		struct mz_peer **out, struct mz_cause *cause);

/* Starts an exchange; the wire octets are copied. *handle is valid until `done` is called. */
int mz_net_ask(struct mz_peer *peer, const struct mz_request *request, struct mz_ask **handle);
/* `done` will not be called. */
void mz_net_cancel(struct mz_ask *ask);

/* One line on what went wrong with an exchange: the outcome, the rcode or TSIG error by name,
 * dropped replies with their verdict, clock difference; and what to check. `what` names the
 * exchange ("UPDATE", "SOA query"), `key` may be NULL. */
void mz_net_explain(const struct mz_answer *answer, const struct mz_peer *peer, const char *what,
		    const char *origin, const struct tsig_key *key, struct mz_cause *cause);
/* "127.0.0.1:53" */
const char *mz_peer_text(const struct mz_peer *peer);

/* ---- NOTIFY (RFC 1996): what others tell us ---------------------------------------------------- */

struct mz_notify; /* listens on one address, by UDP and TCP */

/* A well-formed NOTIFY request for a SOA. Anyone can send one without a key, from any address. */
struct mz_notify_event {
	const uint8_t *origin; /* the zone that changed, lower case */
	const char *host;      /* source address as text, as getnameinfo writes it */
	bool have_serial;      /* the sender's new serial came with it: a hint */
	uint32_t serial;
	const struct tsig_key *key; /* it verified with, or NULL: it was not signed */
};

enum mz_notify_reply {
	MZ_NOTIFY_TAKE,	   /* NOERROR */
	MZ_NOTIFY_REFUSE,  /* REFUSED: not from this address, not without a key */
	MZ_NOTIFY_NOTAUTH, /* NOTAUTH: no zone of ours */
};

/* Called from the loop for each request, often more than once for the same change. The event holds
 * during the call. It must not close the listener. */
typedef enum mz_notify_reply (*mz_notify_handler)(void *arg, const struct mz_notify_event *event);
/* The key of this name (lower case, no final dot), or NULL. It must live until the handler returns. */
typedef const struct tsig_key *(*mz_notify_key)(void *arg, const char *name);

/* Listens. A request whose TSIG does not verify is answered with NOTAUTH and never handled; what is
 * no NOTIFY is answered as RFC 1996 and RFC 8945 want it, a response not at all. An answer is never
 * longer than its request by more than a TSIG. MZ_EINVAL (no address), MZ_EIO (not to be bound),
 * MZ_ENOMEM, with a cause. */
int mz_notify_open(struct mz_notify **out, struct event_base *base,
		   const struct mz_endpoint *endpoint, mz_notify_key key, mz_notify_handler handler,
		   void *arg, struct mz_cause *cause);
/* Closes its sockets and connections. NULL is fine. */
void mz_notify_close(struct mz_notify *notify);

#endif
