/* SPDX-License-Identifier: BSD-2-Clause */
/* The other end for the tests: signs as a server, rightly or wrongly; and reads the vectors. */

#ifndef TESTS_TSIG_PEER_H
#define TESTS_TSIG_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsig/tsig.h"

#define PEER_NOW 1700000000U
#define PEER_BUFFER 66000

/* How a message is signed. Everything that a TSIG record holds can be wrong. */
struct peer {
	const char *name;   /* dotted, taken as it is, capitals too */
	const char *alg;    /* the same */
	const char *digest; /* of OpenSSL */
	const uint8_t *secret;
	size_t secret_len;
	struct tsig_mac prior;	/* digested first, with its length; none if len is 0 */
	const uint8_t *pending; /* unsigned messages, digested next */
	size_t pending_len;
	uint64_t time;
	uint16_t fudge;
	size_t mac_len; /* octets of the digest that are sent */
	uint16_t error;
	const uint8_t *other;
	size_t other_len;
	uint16_t dns_class;
	uint32_t ttl;
	int original_id; /* -1: the header's */
	bool timers_only;
};

/* The usual: hmac-sha256, PEER_NOW, all right; and the key that fits. */
void peer_init(struct peer *peer);
struct tsig_key *peer_key(void);

/* Appends the TSIG to the message; returns its new length. *mac, if given, is what was sent. */
size_t peer_sign(const struct peer *peer, uint8_t *msg, size_t len, struct tsig_mac *mac);

/* Writes an answer with one question and `records` TXT records; returns its length. */
size_t peer_answer(uint8_t *msg, uint16_t id, unsigned int records);

/* The lines of a vector file: next line split at blanks to `fields`; false at the end. */
struct vectors;
struct vectors *vectors_open(const char *name);
bool vectors_next(struct vectors *v, char *fields[], size_t count);
void vectors_close(struct vectors *v);

/* Decodes hexadecimal; "-" is nothing. Fails the test if it is not. */
size_t unhex(const char *text, uint8_t *out, size_t size);

#endif
