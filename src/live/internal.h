/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the room `live` share. */
#ifndef MZ_LIVE_INTERNAL_H
#define MZ_LIVE_INTERNAL_H

#include "mailzone/live.h"

/* The head of every operation: mz_live_cancel knows no more of it. */
struct mz_live_op {
	void (*cancel)(struct mz_live_op *op); /* cancels what is under way and frees the op */
};

/* Room for a question about the longest name. */
#define LIVE_QUESTION (MZ_MSG_HEADER + MZ_NAME_MAX + 4)

/* Writes a query for (name, type) without RD; returns its octets. */
size_t live_question(uint8_t out[LIVE_QUESTION], const uint8_t *name, uint16_t type);

/* Adds a copy of the RR at the view, its rdata expanded, to the list; rdata of a known type that
 * is not well formed is kept as the octets it came as (RFC 3597). MZ_ENOMEM. */
int live_keep(struct mz_rrlist *list, const struct mz_reader *r, const struct mz_rrview *view,
	      const uint8_t *owner);

/* May a reply with this rcode turn out otherwise later? */
bool live_rcode_retry(unsigned rcode);

/* axfr.c: one transfer. `done` exactly once from the loop, never after cancel. `refused` says
 * that the server does not give this zone away; cut_off that it is larger than `limit`. */
struct live_axfr;
struct live_axfr_end {
	struct mz_live live; /* ok, or a cause; belongs to the callback */
	bool refused, cut_off;
	bool hopeless; /* asking otherwise will not help either: no connection, clocks apart */
};
typedef void (*live_axfr_done)(void *arg, struct live_axfr_end *end);
int live_axfr_start(const struct mz_live_request *request, uint64_t limit, live_axfr_done done,
		    void *arg, struct live_axfr **out);
void live_axfr_cancel(struct live_axfr *axfr);

/* query.c: the slots by questions. */
struct live_query;
int live_query_start(const struct mz_live_request *request, mz_live_done done, void *arg,
		     struct live_query **out);
void live_query_cancel(struct live_query *query);

#endif
