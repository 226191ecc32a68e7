/* SPDX-License-Identifier: BSD-2-Clause */
/* NOTIFY requests for the tests of the listener and of its messages. */
#ifndef MZ_TEST_NOTIFY_H
#define MZ_TEST_NOTIFY_H

#include <string.h>

#include "mailzone/net.h"

#define NOTIFY_ID 0x1234
#define NOTIFY_SERIAL 2026112301u
#define NOTIFY_FLAGS (MZ_OPCODE_NOTIFY << 11 | MZ_FLAG_AA)

static const uint8_t notify_zone[] = "\7Example\3ORG";
/* "ns.", "host.", serial, refresh, retry, expire, minimum */
static const uint8_t notify_soa[] = "\2ns\0\4host\0\x78\xc4\x05\x2d"
				    "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";

/* A request as BIND sends it, with the SOA, or as PowerDNS does, without. Returns its length. */
static inline size_t notify_request(uint8_t *wire, size_t cap, bool soa)
{
	struct mz_writer w = {0};

	mz_writer_init(&w, wire, cap, NOTIFY_ID, NOTIFY_FLAGS);
	mz_writer_question(&w, notify_zone, MZ_TYPE_SOA, MZ_CLASS_IN);
	if (soa)
		mz_writer_rr(&w, 1, notify_zone, MZ_TYPE_SOA, MZ_CLASS_IN, 300, notify_soa,
			     sizeof notify_soa - 1);
	return w.len;
}

static inline struct tsig_key *notify_new_key(const char *name)
{
	static const uint8_t secret[32] = "0123456789abcdef0123456789abcde";
	struct tsig_key *key = NULL;

	return tsig_key_new(&key, name, TSIG_HMAC_SHA256, secret, sizeof secret) == TSIG_OK ? key
											    : NULL;
}

#endif
