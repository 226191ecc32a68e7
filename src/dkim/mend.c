/* SPDX-License-Identifier: BSD-2-Clause */
/* From the history of a domain: was the record of a key put right after it was published? */
#include "mailzone/dkim.h"

/* Is there the RR itself, with whatever TTL? */
static bool holds(const struct mz_rrlist *list, const struct mz_rr *rr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (mz_rr_compare(&list->rr[i], rr) == 0)
			return true;
	}
	return false;
}

/* Is there an RR of the owner in one list of a change that is not in the other one too? *ttl: the longest. */
static bool touches(const struct mz_rrlist *list, const struct mz_rrlist *other,
		    const uint8_t *owner, uint32_t *ttl)
{
	bool any = false;

	for (size_t i = 0; i < list->count; i++) {
		const struct mz_rr *rr = &list->rr[i];

		if (!mz_name_equal(rr->owner, owner) || holds(other, rr))
			continue;
		any = true;
		if (rr->ttl > *ttl)
			*ttl = rr->ttl;
	}
	return any;
}

void mz_life_mend_take(struct mz_life_mend *mend, const uint8_t *owner,
		       const struct mz_store_change *change)
{
	uint32_t unused = 0;
	bool deleted = touches(change->deleted, change->added, owner, &mend->cached);

	if (!deleted && !touches(change->added, change->deleted, owner, &unused))
		return;
	if (!mend->touched && change->state == MZ_CHANGE_FAILED)
		return; /* the record is still to be put right */
	/* One that is called failed may have been served until somebody undid it. */
	mend->any = mend->any || deleted || mend->touched;
	if (mend->touched)
		return;
	mend->touched = true;
	mend->open = change->state == MZ_CHANGE_INTENDED;
	mend->at = change->time;
	mend->serial = change->serial;
}
