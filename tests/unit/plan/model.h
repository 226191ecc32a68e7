/* SPDX-License-Identifier: BSD-2-Clause */
/* A zone that takes UPDATE messages as RFC 2136 3 says, with the ways of three servers. */
#ifndef TEST_PLAN_MODEL_H
#define TEST_PLAN_MODEL_H

#include "mailzone/dns.h"

enum model_kind {
	MODEL_BIND, /* an RR added again with another TTL gives that TTL to the RRset */
	MODEL_KNOT, /* an RR added again is ignored */
	MODEL_POWERDNS, /* deletes only what has the very octets; a CNAME conflict refuses the message */
	MODEL_KINDS
};

enum { MODEL_MAX = 128 };

struct model {
	enum model_kind kind;
	struct mz_name origin;
	struct mz_rr rr[MODEL_MAX]; /* in no order */
	size_t count;
	struct mz_arena arena;
	unsigned ignored; /* changes that were accepted and did nothing */
};

void model_init(struct model *m, enum model_kind kind, const uint8_t *origin,
		const struct mz_rrlist *rrs);
void model_clear(struct model *m);
/* Takes a message; the rcode. Nothing has changed unless it is NOERROR. */
unsigned model_update(struct model *m, const uint8_t *wire, size_t len);
/* What the zone holds now, ordered; the RRs are copied. */
void model_list(const struct model *m, struct mz_rrlist *out);

#endif
