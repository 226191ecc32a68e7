/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the owners that matter among the many of a zone, without expanding names. Pure. */
#ifndef MZ_LIVE_NAMES_H
#define MZ_LIVE_NAMES_H

#include "mailzone/dns.h"

/* What a slot list says about a name. */
#define LIVE_NAME_SLOT 1u     /* it is the owner of a slot */
#define LIVE_NAME_ANCESTOR 2u /* an owner of a slot is below it; at or below the origin */

/* What is known of a name in a message after one look at it. */
struct live_name {
	uint64_t hash; /* without regard to case; equal names have equal hashes, not the reverse */
	uint16_t len;
	uint8_t depth;	 /* labels without the root */
	uint8_t matched; /* labels from the right that are the origin's */
	uint8_t hops;	 /* compression pointers on the way to its root */
};

struct live_names;

/* The owners in `slots` (ordered, borrowed while this lives), and their ancestors up to `origin`
 * (borrowed). MZ_ENOMEM; MZ_EINVAL when an owner is outside the origin. */
int live_names_new(struct live_names **out, const uint8_t *origin, const struct mz_rrlist *slots);
void live_names_free(struct live_names *names);
/* Another message: what was remembered of the last one's offsets is forgotten. */
void live_names_message(struct live_names *names);
/* Looks at the name at `offset`: false when the octets do not bear it. */
bool live_names_look(struct live_names *names, const struct mz_reader *r, size_t offset,
		     struct live_name *out);
bool live_names_inside(const struct live_names *names, const struct live_name *name);
bool live_names_apex(const struct live_names *names, const struct live_name *name);
/* LIVE_NAME_ bits of the name at `offset`; where any is set, the name is expanded into *owner. */
unsigned live_names_find(const struct live_names *names, const struct mz_reader *r, size_t offset,
			 const struct live_name *name, struct mz_name *owner);

#endif
