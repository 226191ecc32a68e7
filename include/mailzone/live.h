/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `live`: what the zone holds now, at the owners that matter. */
#ifndef MZ_LIVE_H
#define MZ_LIVE_H

#include "mailzone/net.h"

/* ---- SOA probe ----------------------------------------------------------------------------- */

enum mz_probe_result {
	MZ_PROBE_OK,	   /* authoritative, serial known */
	MZ_PROBE_NO_ZONE,  /* REFUSED or NOTAUTH, proven, or an answer that is a referral upwards */
	MZ_PROBE_NOT_AUTH, /* answered without authority, or the SOA is another zone's */
	MZ_PROBE_FAILED,   /* no proven answer; the cause says why */
};
struct mz_probe {
	enum mz_probe_result result;
	uint32_t serial;
	uint32_t negative_ttl; /* min(SOA TTL, MINIMUM), RFC 2308 */
	uint32_t expire;       /* seconds */
	bool retry;	       /* FAILED or SERVFAIL that may pass later */
	enum mz_fault fault;   /* NONE when OK */
	bool refused;	       /* it would not answer this key: a TSIG error, REFUSED, NOTAUTH */
	struct mz_cause cause; /* one line: server, zone and what to do; "" when OK */
};
/* A probe or a read under way. It is cancelled before the net it runs on is freed. */
struct mz_live_op;
typedef void (*mz_probe_done)(void *arg, const struct mz_probe *probe);

/* Asks `peer` for the SOA of the zone. `done` exactly once from the loop, never after cancel. */
int mz_live_probe(struct mz_peer *peer, struct tsig_key *key, const uint8_t *origin,
		  unsigned timeout_ms, mz_probe_done done, void *arg, struct mz_live_op **op);

/* ---- reading ------------------------------------------------------------------------------- */

/* The question: an ordered list of distinct (owner, type) pairs. Only owner and type of the RRs
 * count. For a type of CNAME or ANY the whole name matters: every type there is read. */
struct mz_live_request {
	struct mz_peer *peer;
	struct tsig_key *key; /* the transfer key */
	const uint8_t *origin;
	const struct mz_rrlist *slots; /* borrowed until done */
	enum mz_read_mode mode;
	bool large, no_axfr; /* what the store remembers: `auto` then goes to queries at once */
	unsigned timeout_ms;
};

struct mz_live {
	bool ok;   /* a complete and proven read; else nothing below but the cause counts */
	bool axfr; /* the source: AXFR, or queries */
	bool large, no_axfr; /* learnt: remember it */
	bool retry;	     /* when not ok: may pass later */
	enum mz_fault fault; /* NONE when ok */
	uint32_t serial;     /* of the zone as it was read */
	uint32_t foreign; /* AXFR: RRs of the zone that are at no slot (server types not counted) */
	struct mz_rrlist rrs; /* every RR read at slot owners, ordered; server types left out */
	/* NS RRsets below the apex, SOAs of child zones and DNAMEs above, at or beside slots: a slot
	 * at or below an NS or SOA owner, or below a DNAME, must not be written. */
	struct mz_rrlist cuts;
	struct mz_cause cause;
};
/* `live` belongs to the callback: it takes it and clears it with mz_live_clear. */
typedef void (*mz_live_done)(void *arg, struct mz_live *take_live);

/* Reads the zone: by AXFR, by queries, or in `auto` by AXFR that is cut off and replaced by
 * queries once it proves large beside what is wanted, queries where AXFR is refused or fails.
 * A wildcard's synthesised answer is told from real RRs. `done` exactly once from the loop, never
 * after cancel. MZ_EINVAL: a slot outside the origin; MZ_ENOMEM. Then nothing was started. */
int mz_live_read(const struct mz_live_request *request, mz_live_done done, void *arg,
		 struct mz_live_op **op);
void mz_live_cancel(struct mz_live_op *op);
void mz_live_clear(struct mz_live *live);

/* ---- the AXFR walker: pure, one message at a time (RFC 5936 2.2) ---------------------------- */

struct mz_walk;
/* `slots` as above, borrowed while the walk lives. `limit`: octets of messages after which the
 * transfer is too large to be worth it, 0 for none. */
int mz_walk_new(struct mz_walk **out, const uint8_t *origin, const struct mz_rrlist *slots,
		uint64_t limit);
void mz_walk_free(struct mz_walk *walk);
enum mz_walk_step { MZ_WALK_MORE, MZ_WALK_DONE, MZ_WALK_LARGE, MZ_WALK_REFUSED, MZ_WALK_BAD };
/* Walks one message (without TSIG). REFUSED: the rcode is not NOERROR (see mz_walk_rcode). */
enum mz_walk_step mz_walk_message(struct mz_walk *walk, const uint8_t *wire, size_t len,
				  struct mz_cause *cause);
/* After DONE: moves what was kept into `live` (ok, serial, rrs, cuts, foreign). */
int mz_walk_finish(struct mz_walk *walk, struct mz_live *live);
unsigned mz_walk_rcode(const struct mz_walk *walk);

#endif
