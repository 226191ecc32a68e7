/* SPDX-License-Identifier: BSD-2-Clause */
/* NOTIFY requests (RFC 1996) and their answers, as octets. Pure but for the caller's keys. */
#ifndef MZ_NET_NOTIFY_WIRE_H
#define MZ_NET_NOTIFY_WIRE_H

#include "mailzone/net.h"

/* Room for the longest answer: header, question, TSIG. */
#define NOTIFY_ANSWER (MZ_MSG_HEADER + MZ_NAME_MAX + 4 + 536)

/* What a message turned out to be. */
enum notify_kind {
	NOTIFY_IGNORED,	 /* to be left without an answer */
	NOTIFY_ANSWERED, /* at fault: `rcode` is the answer */
	NOTIFY_GOOD,	 /* the handler says what `rcode` is */
};

struct notify_in {
	struct mz_name origin;
	struct tsig_request tsig;
	enum tsig_verdict verdict;
	const struct tsig_key *key; /* the one its TSIG names, whatever the verdict; or NULL */
	uint16_t id, flags;
	size_t qlen; /* octets of the question; 0: there is none to be repeated */
	uint32_t serial;
	bool have_serial;
	enum mz_rcode rcode; /* of the answer */
};

/* Reads a message; its TSIG is taken off. `key` is asked once at most, with nothing proven. */
enum notify_kind notify_read(struct notify_in *in, uint8_t *wire, size_t len, uint64_t now,
			     mz_notify_key key, void *arg);
/* Writes the answer with in->rcode to the message that was read. Returns its length. */
size_t notify_write(const struct notify_in *in, const uint8_t *wire, uint64_t now,
		    uint8_t out[NOTIFY_ANSWER]);

#endif
