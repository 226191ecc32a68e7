/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `update`: a plan's units to UPDATE messages, replies to outcomes (RFC 2136). */
#ifndef MZ_UPDATE_H
#define MZ_UPDATE_H

#include "mailzone/plan.h"

/* The limits of one message: octets of changes, and deletions (PowerDNS needs a time that grows
 * with the square of their number). */
enum { MZ_UPDATE_OCTETS = 16384, MZ_UPDATE_DELETIONS = 64 };

/* The end of the longest run of units from `from` on that fits one message; at least one group,
 * however large it is. Pure. */
size_t mz_update_pack(const struct mz_plan *plan, size_t from);

/* Writes the message for the units [from, to) that are not gone, unsigned and with id 0: the
 * zone, for each RRset the prerequisite that it stands as it was read, deletions, additions (RFC
 * 2136 2.3 to 2.5). `room` octets are kept free for the TSIG. MZ_ESPACE when it cannot fit. Pure. */
int mz_update_build(const struct mz_plan *plan, const struct mz_live *live, const uint8_t *origin,
		    size_t from, size_t to, size_t room, uint8_t wire[MZ_MSG_MAX], size_t *len);

/* The same as a script for nsupdate, one `send` a message. */
void mz_update_script(const struct mz_plan *plan, const struct mz_live *live, const uint8_t *origin,
		      struct mz_str *out);

enum mz_update_outcome {
	MZ_UPDATE_APPLIED, /* NOERROR, proven: to be verified by reading */
	MZ_UPDATE_RACED,   /* a prerequisite failed: somebody changed it since */
	MZ_UPDATE_UNKNOWN, /* no reply: it may or may not have been applied */
	MZ_UPDATE_LATER,   /* SERVFAIL, no connection: perhaps later */
	MZ_UPDATE_DENIED,  /* REFUSED, NOTAUTH, NOTZONE, TSIG errors: configuration here or there */
	MZ_UPDATE_FAULT,   /* FORMERR, NOTIMP: it will not take this message */
};
/* What a reply to an UPDATE means. Pure. */
enum mz_update_outcome mz_update_outcome(const struct mz_answer *answer);

/* Why a server may have answered this to an update of a single RRset, or nothing ("") when there
 * is no typical cause: for the operator. `ignored`: it said NOERROR and did nothing. */
const char *mz_update_hint(const struct mz_unit *unit, unsigned rcode, bool ignored);

#endif
