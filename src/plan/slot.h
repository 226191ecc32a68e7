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

struct slot {
	const uint8_t *owner;
	uint16_t type;
	size_t want_from, want_to;     /* in desired: planned now or not */
	size_t ledger_from, ledger_to; /* in ledger */
	size_t live_from, live_to;     /* in live->rrs */
	bool whole;		       /* a domain that is planned now claims the whole RRset */
	bool touched;		       /* some planned domain wants something here, or had it */
	uint16_t domain;	       /* the first such domain, and its family */
	uint8_t family;
	uint32_t ttl;		       /* smallest TTL among the planned wants */
	uint32_t final_ttl;	       /* what additions carry */
	enum fate *fate;	       /* one for each live RR */
	bool *met;		       /* one for each want: it stands there */
	bool ttl_change;	       /* the RRset is made anew for its TTL */
	unsigned deletes, adds;
	const char *refused;	       /* reason, or NULL */
};

/* Is this desired RR of a domain and family that are planned now? */
bool slot_planned(const struct mz_plan_input *in, const struct mz_rr *rr);
/* Fills in fate, met, ttl and the counts from the ranges. MZ_ENOMEM. */
int slot_decide(struct slot *slot, const struct mz_plan_input *in, struct mz_arena *arena);

#endif
