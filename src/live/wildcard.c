/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells RRs that are in the zone from those that a wildcard made up (RFC 4592). Pure. */
#include "src/live/wildcard.h"

#include <stdlib.h>
#include <string.h>

/* "*." and the ancestor into out; false when that is too long to be a name. */
static bool wildcard_of(struct mz_name *out, const uint8_t *ancestor)
{
	size_t n = mz_name_len(ancestor);

	if (n + 2 > MZ_NAME_MAX)
		return false;
	out->wire[0] = 1;
	out->wire[1] = '*';
	memcpy(out->wire + 2, ancestor, n);
	out->len = (uint8_t)(n + 2);
	return true;
}

/* The next ancestor's wildcard; *at starts as the name and ends as the origin. */
static bool next_wildcard(struct mz_name *out, const uint8_t **at, const uint8_t *origin,
			  const uint8_t *name)
{
	while (!mz_name_equal(*at, origin)) {
		*at = mz_name_parent(*at);
		if (wildcard_of(out, *at) && !mz_name_equal(out->wire, name))
			return true;
	}
	return false;
}

int live_wild_add(struct live_wild *wild, const uint8_t *origin, const uint8_t *name, uint16_t type)
{
	static const uint8_t nothing[1] = {0};
	struct mz_name owner = {0};
	struct mz_rr rr = {.owner = owner.wire, .rdata = nothing, .rdlen = 1, .type = type};
	const uint8_t *at = name;
	int err = MZ_OK;

	while (err == MZ_OK && next_wildcard(&owner, &at, origin, name))
		err = mz_rrlist_add(&wild->questions, &rr);
	return err;
}

int live_wild_order(struct live_wild *wild)
{
	mz_rrlist_sort(&wild->questions, true);
	free(wild->state);
	wild->state = calloc(wild->questions.count + 1, 1);
	return wild->state == NULL ? MZ_ENOMEM : MZ_OK;
}

static bool first_of_name(const struct live_wild *wild, size_t i)
{
	const struct mz_rr *rr = wild->questions.rr;

	return i == 0 || !mz_name_equal(rr[i].owner, rr[i - 1].owner);
}

bool live_wild_due(const struct live_wild *wild, size_t i, bool second)
{
	if (first_of_name(wild, i))
		return !second;
	if (!second)
		return false;
	i = mz_rrlist_find(&wild->questions, wild->questions.rr[i].owner, 0);
	return wild->state[i] != LIVE_WILD_NO_NAME;
}

/* Have both names the same RRset of this type, and is there one? */
static bool same_rrset(const struct mz_rrlist *a, const uint8_t *a_name, const struct mz_rrlist *b,
		       const uint8_t *b_name, uint16_t type)
{
	size_t i = mz_rrlist_find(a, a_name, type);
	size_t j = mz_rrlist_find(b, b_name, type);
	size_t a_end = i;
	size_t b_end = j;

	if (i < a->count && a->rr[i].type == type && mz_name_equal(a->rr[i].owner, a_name))
		a_end = mz_rrlist_rrset_end(a, i);
	if (j < b->count && b->rr[j].type == type && mz_name_equal(b->rr[j].owner, b_name))
		b_end = mz_rrlist_rrset_end(b, j);
	if (a_end == i || a_end - i != b_end - j)
		return false;
	for (; i < a_end; i++, j++)
		if (mz_rdata_compare(type, a->rr[i].rdata, a->rr[i].rdlen, b->rr[j].rdata,
				     b->rr[j].rdlen) != 0)
			return false;
	return true;
}

bool live_wild_doubt(const struct live_wild *wild, const struct mz_rrlist *rrs,
		     const uint8_t *origin, const uint8_t *name, uint16_t type)
{
	const uint8_t *at = name;
	struct mz_name owner = {0};
	size_t i = 0;

	while (next_wildcard(&owner, &at, origin, name)) {
		i = mz_rrlist_find(&wild->rrs, owner.wire, 0);
		if (i >= wild->rrs.count || !mz_name_equal(wild->rrs.rr[i].owner, owner.wire))
			continue;
		/* servers may answer ANY with a part of what is there: parts cannot be compared */
		if (type == MZ_TYPE_ANY || same_rrset(rrs, name, &wild->rrs, owner.wire, type) ||
		    same_rrset(rrs, name, &wild->rrs, owner.wire, MZ_TYPE_CNAME))
			return true;
	}
	return false;
}

void live_wild_clear(struct live_wild *wild)
{
	mz_rrlist_clear(&wild->questions);
	mz_rrlist_clear(&wild->rrs);
	free(wild->state);
	*wild = (struct live_wild){0};
}
