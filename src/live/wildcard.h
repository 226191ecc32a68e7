/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells RRs that are in the zone from those that a wildcard made up (RFC 4592). Pure. */
#ifndef MZ_LIVE_WILDCARD_H
#define MZ_LIVE_WILDCARD_H

#include "mailzone/dns.h"

/* What is known of a question for a wildcard. */
enum live_wild_state { LIVE_WILD_OPEN, LIVE_WILD_ANSWERED, LIVE_WILD_NO_NAME };

/* The questions that have to be asked, and what they brought. {0} is an empty one. */
struct live_wild {
	struct mz_rrlist questions; /* owner and type; ordered after live_wild_order */
	struct mz_rrlist rrs;	    /* the answers; ordered after live_wild_order_rrs */
	uint8_t *state;		    /* enum live_wild_state, one a question */
};

/* RRs of `type` were found at `name`: notes a question for each wildcard that could have made
 * them up, which is one below each ancestor up to the origin. MZ_ENOMEM. */
int live_wild_add(struct live_wild *wild, const uint8_t *origin, const uint8_t *name,
		  uint16_t type);
/* Orders the questions, each once. MZ_ENOMEM. */
int live_wild_order(struct live_wild *wild);
/* Is question i worth asking in this round? The first asks one question a wildcard; the second
 * the others, of wildcards that are there. */
bool live_wild_due(const struct live_wild *wild, size_t i, bool second);
/* Could the RRs of `type` at `name` in `rrs` (ordered) be made up? After the answers came and
 * were ordered. */
bool live_wild_doubt(const struct live_wild *wild, const struct mz_rrlist *rrs,
		     const uint8_t *origin, const uint8_t *name, uint16_t type);
void live_wild_clear(struct live_wild *wild);

#endif
