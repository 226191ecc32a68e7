/* SPDX-License-Identifier: BSD-2-Clause */
/* What probe, queries and transfers have in common. */
#include "src/live/internal.h"

#include <stdlib.h>

/* Expanding names needs room for them even where they are short. */
#define RDATA_ROOM (MZ_MSG_MAX + 2 * (MZ_NAME_MAX + 1))

size_t live_question(uint8_t out[LIVE_QUESTION], const uint8_t *name, uint16_t type)
{
	struct mz_writer w = {0};

	mz_writer_init(&w, out, LIVE_QUESTION, 0, 0);
	mz_writer_question(&w, name, type, MZ_CLASS_IN);
	return w.len;
}

int live_keep(struct mz_rrlist *list, const struct mz_reader *r, const struct mz_rrview *view,
	      const uint8_t *owner)
{
	uint8_t rdata[RDATA_ROOM];
	long n = mz_reader_rdata(r, view, rdata, sizeof rdata);
	struct mz_rr rr = {.owner = owner,
			   .rdata = n >= 0 ? rdata : view->rdata,
			   .rdlen = n >= 0 ? (uint16_t)n : view->rdlen,
			   .ttl = view->ttl,
			   .type = view->type};

	return mz_rrlist_add(list, &rr);
}

bool live_rcode_retry(unsigned rcode)
{
	return rcode != MZ_RCODE_FORMERR && rcode != MZ_RCODE_NOTIMP;
}

void mz_live_cancel(struct mz_live_op *op)
{
	if (op != NULL)
		op->cancel(op);
}

void mz_live_clear(struct mz_live *live)
{
	mz_rrlist_clear(&live->rrs);
	mz_rrlist_clear(&live->cuts);
	*live = (struct mz_live){0};
}
