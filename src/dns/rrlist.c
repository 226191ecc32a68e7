/* SPDX-License-Identifier: BSD-2-Clause */
/* The ordered list of RRs that desired, live and ledger are made of. */
#include "mailzone/dns.h"

#include <stdlib.h>
#include <string.h>

int mz_rr_compare(const struct mz_rr *a, const struct mz_rr *b)
{
	int d = a->owner == b->owner ? 0 : mz_name_compare(a->owner, b->owner);

	if (d == 0)
		d = (int)a->type - (int)b->type;
	if (d == 0)
		d = mz_rdata_compare(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
	return d;
}

int mz_rrlist_add(struct mz_rrlist *list, const struct mz_rr *rr)
{
	struct mz_rr copy = *rr;

	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 16 : list->cap * 2;
		struct mz_rr *more = realloc(list->rr, cap * sizeof(*more));

		if (more == NULL)
			return MZ_ENOMEM;
		list->rr = more;
		list->cap = cap;
	}
	/* From here on `rr` may be gone: it may have stood in the list that was moved.
	 * RRs of one owner tend to come together: keep the name once. */
	if (list->count > 0 && mz_name_equal(list->rr[list->count - 1].owner, copy.owner))
		copy.owner = list->rr[list->count - 1].owner;
	else
		copy.owner = mz_arena_copy(&list->arena, copy.owner, mz_name_len(copy.owner));
	copy.rdata = mz_arena_copy(&list->arena, copy.rdata, copy.rdlen);
	if (copy.owner == NULL || copy.rdata == NULL)
		return MZ_ENOMEM;
	list->rr[list->count++] = copy;
	return MZ_OK;
}

/* qsort need not be stable: equal RRs keep their order by their places before. */
static int by_order(const void *a, const void *b)
{
	const struct mz_rr *x = a, *y = b;
	int d = mz_rr_compare(x, y);

	return d != 0 ? d : (x->order > y->order) - (x->order < y->order);
}

void mz_rrlist_sort(struct mz_rrlist *list, bool unique)
{
	size_t kept = 0;

	if (list->count < 2)
		return;
	for (size_t i = 0; i < list->count; i++)
		list->rr[i].order = (uint32_t)i;
	qsort(list->rr, list->count, sizeof(list->rr[0]), by_order);
	if (!unique)
		return;
	for (size_t i = 1; i < list->count; i++) {
		if (mz_rr_compare(&list->rr[kept], &list->rr[i]) != 0)
			list->rr[++kept] = list->rr[i];
	}
	list->count = kept + 1;
}

size_t mz_rrlist_rrset_end(const struct mz_rrlist *list, size_t i)
{
	size_t end = i + 1;

	while (end < list->count && list->rr[end].type == list->rr[i].type &&
	       mz_name_equal(list->rr[end].owner, list->rr[i].owner))
		end++;
	return end;
}

size_t mz_rrlist_find(const struct mz_rrlist *list, const uint8_t *owner, uint16_t type)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int d = mz_name_compare(list->rr[mid].owner, owner);

		if (d < 0 || (d == 0 && list->rr[mid].type < type))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void mz_rrlist_clear(struct mz_rrlist *list)
{
	free(list->rr);
	mz_arena_clear(&list->arena);
	*list = (struct mz_rrlist){0};
}
