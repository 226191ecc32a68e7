/* SPDX-License-Identifier: BSD-2-Clause */
/* A scripted name server inside the test's own event loop, by UDP and TCP on one port. */
#ifndef MZ_TEST_FAKE_H
#define MZ_TEST_FAKE_H

#include <netinet/in.h>

#include "mailzone/net.h"

#define FAKE_SECRET "0123456789abcdef0123456789abcdef"
#define FAKE_CONNS 32
#define FAKE_IN 70000

struct event_base;
struct event;
struct fake;

struct fake_conn {
	struct fake *fake;
	struct event *event;
	unsigned number; /* in the order of arrival, from 0 */
	int fd;		 /* -1: closed */
	size_t have;
	uint8_t *in; /* FAKE_IN octets, while it is open */
};

/* A request as it came. */
struct fake_request {
	uint8_t wire[MZ_MSG_MAX];
	size_t len;
	struct fake_conn *conn; /* NULL: by UDP, from `from` */
	struct sockaddr_in from;
};

/* Called for each request. */
typedef void (*fake_handler)(struct fake *fake, const struct fake_request *request);

struct fake {
	struct event_base *base;
	struct event *on_udp, *on_tcp;
	int udp, tcp;
	struct mz_endpoint endpoint;
	fake_handler handler;
	struct fake_conn conn[FAKE_CONNS];
	unsigned accepted, open;       /* TCP connections ever, and now */
	unsigned udp_count, tcp_count; /* requests */
	struct tsig_key *key;	       /* what it signs with, where a script says so */
	struct mz_net *net;	       /* the client */
	struct mz_peer *peer;
};

void fake_start(struct fake *fake, fake_handler handler, unsigned max_inflight);
void fake_stop(struct fake *fake);
/* Nobody listens any more. */
void fake_shut(struct fake *fake);
/* Runs the loop until *flag is at least `want`; fails the test after ten seconds. */
void fake_run(struct fake *fake, const unsigned *flag, unsigned want);

/* How a reply is signed. */
struct fake_sig {
	bool on;
	bool later;	     /* a later message of a stream: timers only */
	uint16_t error;	     /* TSIG error */
	uint64_t other_time; /* with BADTIME: the server's clock */
	bool wrong;	     /* a MAC that does not verify */
};

/* The MAC of a request that is signed with the fake's key. */
void fake_request_mac(const struct fake *fake, const struct fake_request *request,
		      struct tsig_mac *mac);
/* Starts a reply: header and question of the request, QR and AA set, rcode. Returns its length. */
size_t fake_reply(uint8_t *out, const struct fake_request *request, unsigned rcode);
/* Appends a TSIG to the message. *prior is the request's or the last message's MAC and becomes
 * this one's; `run`/`run_len`: the unsigned messages before it in a stream. */
size_t fake_sign(const struct fake *fake, uint8_t *wire, size_t len, struct fake_sig sig,
		 struct tsig_mac *prior, const uint8_t *run, size_t run_len);
/* Sends to where the request came from, framed by TCP. */
void fake_send(struct fake *fake, const struct fake_request *request, const uint8_t *wire,
	       size_t len);
/* The plain good reply: signed when the client has a key. */
void fake_answer(struct fake *fake, const struct fake_request *request, unsigned rcode);
void fake_close(struct fake_conn *conn);
void fake_write(struct fake_conn *conn, const uint8_t *octets, size_t len);

/* The other side of an ask: what came of it. */
struct fake_result {
	unsigned calls;
	struct mz_answer answer;
	uint8_t wire[512];
	bool inside; /* set while mz_net_ask runs: `done` must not come then */
	struct mz_ask *ask;
	/* for transfers */
	unsigned messages, done_after;
	enum mz_stream_step step; /* given after `done_after` messages */
};
/* Asks (name, type) of the fake; `key` by fake->key when signed. */
void fake_ask(struct fake *fake, enum mz_ask_kind kind, const char *name, uint16_t type, bool sign,
	      unsigned timeout_ms, struct fake_result *result);

#endif
