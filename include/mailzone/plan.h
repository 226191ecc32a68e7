/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `plan`: desired, live and ledger to deletions, additions, refusals. Pure. */
#ifndef MZ_PLAN_H
#define MZ_PLAN_H

#include "mailzone/live.h"
#include "mailzone/records.h"

/* One domain of the zone. Its index is `domain` of the RRs of desired and ledger. */
struct mz_plan_domain {
	const char *text;     /* its name, for people */
	const uint8_t *name;  /* wire */
	bool active;	      /* planned now; else its wishes are only protected */
	bool refuse_takeover; /* dns_management.takeover = "refuse" */
	bool dkim_automatic; /* its DKIM keys are ours: a selector that is in use is not taken over */
	bool withdraw;	     /* its deletions are asked for: no delete limit, no guards */
	mz_families families;  /* planned now */
	mz_families published; /* families that are published at all: the others are let go */
	unsigned delete_limit; /* percent */
};

struct mz_plan_input {
	const uint8_t *origin;
	const struct mz_plan_domain *domains;
	size_t domain_count;
	/* Of all the domains, ordered; families not planned too. An RR that several domains want is
	 * accounted to the one that stands first. */
	const struct mz_rrlist *desired;
	const struct mz_rrlist *ledger; /* of the active domains, ordered */
	const struct mz_live *live;	/* read at the slots of desired and ledger */
	/* Owners of TXT RRsets, ordered, of DKIM keys that sign now; NULL: there are none. */
	const struct mz_rrlist *signing;
	/* TLSA RRs, ordered, of the keys that mail servers use now; NULL: none are known. */
	const struct mz_rrlist *in_use;
	/* Owners and types of RRsets, ordered, that are left alone as they stand, whoever wants what there: nobody knows
	 * now what is to be. NULL: none. */
	const struct mz_rrlist *held;
};

/* The changes of one RRset: the atom of an update. The RRs borrow from the input. */
struct mz_unit {
	const uint8_t *owner;
	uint16_t type;
	uint16_t domain; /* whom it is accounted to */
	uint8_t family;
	bool delete_rrset;	   /* every RR that stands there goes: one deletion does it */
	bool whole;		   /* all that stands there is ours: it may be written anew */
	size_t live_from, live_to; /* what stands there: indices into live->rrs */
	size_t live_octets;	   /* of what stands there, in a message: for the prerequisite */
	size_t del_from, del_to;   /* indices into plan->changes: deletions ... */
	size_t add_from, add_to;   /* ... and additions */
	size_t group;		   /* units of one group follow each other and share a message */
	bool gone;		   /* refused after all: it no longer counts */
};

struct mz_change {
	struct mz_rr rr; /* with the TTL that stands, or that is to be */
	bool add;
	bool gone; /* its unit was refused after all */
};

struct mz_refusal {
	const uint8_t *owner;
	uint16_t type, domain;
	uint8_t family;
	const char *reason; /* owned by the plan, or by whoever added it */
};

/* What a plan says of one domain. */
struct mz_plan_count {
	unsigned in_place, add, del, refused;
};

struct mz_plan {
	struct mz_change *changes;
	size_t change_count, change_cap;
	struct mz_unit *units; /* in the order to send: what others depend on first */
	size_t unit_count, unit_cap;
	struct mz_refusal *refusals;
	size_t refusal_count, refusal_cap;
	struct mz_plan_count *counts; /* one a domain */
	uint32_t foreign;	      /* RRs of the zone that were seen and left alone */
	struct mz_rrlist ledger;      /* once everything is applied, of all active domains */
	struct mz_arena arena;
};

/* Makes the plan. The same input in another order gives the same plan; planning its result gives
 * nothing. MZ_OK or MZ_ENOMEM (then *out is cleared). */
int mz_plan_make(const struct mz_plan_input *input, struct mz_plan *out);
void mz_plan_clear(struct mz_plan *plan);
/* Adds a refusal of what is not in the plan at all, and counts it. MZ_ENOMEM. */
int mz_plan_add_refusal(struct mz_plan *plan, const struct mz_refusal *refusal);
/* Marks a unit and its changes as gone and refuses it with this reason: of its slot the ledger
 * keeps what it had. For what the server would not do. MZ_ENOMEM. */
int mz_plan_refuse(struct mz_plan *plan, const struct mz_plan_input *input, size_t unit,
		   const char *reason);

#endif
