/* SPDX-License-Identifier: BSD-2-Clause */
/* One owner and type with everybody's word on it; private to the room. */
#ifndef MZ_PLAN_SLOT_H
#define MZ_PLAN_SLOT_H

#include "mailzone/plan.h"

/* What becomes of one RR that stands in the zone. */
enum fate {
	FATE_FOREIGN, /* not ours */
	FATE_OURS,    /* desired, by a domain planned now or by another one */
	FATE_STALE,   /* ours by the ledger, no longer desired */
	FATE_TAKEN,   /* not in the ledger, but it stands in our place */
};
struct mark {
	enum fate fate;
	uint16_t domain; /* whom its deletion is accounted to, unless it is foreign */
	uint8_t family;
};

/* What becomes of one desired RR. */
enum wish {
	WISH_LEFT,  /* not planned now, and it does not stand there */
	WISH_MET,   /* it stands there */
	WISH_COMES, /* to be added */
	WISH_SAID,  /* another one that comes says the same */
};

struct slot {
	const uint8_t *owner;
	uint16_t type;
	size_t want_from, want_to;     /* in desired: planned now or not */
	size_t ledger_from, ledger_to; /* in ledger */
	size_t live_from, live_to;     /* in live->rrs */
	bool whole;		       /* a domain that is planned now claims the whole RRset */
	bool touched;		       /* some planned domain wants something here, or had it */
	uint32_t rank;	 /* how strong the claim of the domain below is: least is most */
	uint16_t domain; /* the one that speaks for the slot, and its family */
	uint8_t family;
	uint32_t ttl;	    /* smallest TTL among the wants */
	uint32_t final_ttl; /* what additions carry */
	struct mark *mark;  /* one for each live RR */
	enum wish *wish;    /* one for each want */
	bool ttl_change;    /* the RRset is made anew for its TTL */
	unsigned deletes, adds;
	const char *refused; /* reason, or NULL */
};

/* Is this RR of desired or ledger one of a domain and family that are planned now, and not held? */
bool slot_planned(const struct mz_plan_input *in, const struct mz_rr *rr);
/* Is its family published at all? What is not is let go. */
bool slot_published(const struct mz_plan_input *in, const struct mz_rr *rr);
/* The RR that stands there and says what `rr` says: the very octets where they stand there. Its
 * index in live->rrs, or slot->live_to. */
size_t slot_find_live(const struct slot *slot, const struct mz_plan_input *in,
		      const struct mz_rr *rr);
/* Does a desired RR of the slot say what `rr` says? */
bool slot_wants(const struct slot *slot, const struct mz_plan_input *in, const struct mz_rr *rr);
/* Fills in marks, wishes, TTLs and the counts from the ranges. MZ_ENOMEM. */
int slot_decide(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena);

#endif
