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

/* ---- sorting ------------------------------------------------------------------------------- */

/* Lists of up to this many RRs are sorted by keys: those of one domain. */
enum { KEYED_MAX = 64 };

/* An RR, and what decides most comparisons: the first octets of its owner's labels, in the order of
 * RFC 4034 6.1. */
struct keyed {
	uint64_t key[2];
	const struct mz_rr *rr;
};

static unsigned label_count(const uint8_t *name)
{
	unsigned count = 0;

	for (; *name != 0; name += *name + 1)
		count++;
	return count;
}

/* How many labels at the end both names have in common. */
static unsigned common_labels(const uint8_t *a, unsigned a_count, const uint8_t *b,
			      unsigned b_count)
{
	unsigned common = 0;

	for (; a_count > b_count; a_count--)
		a += *a + 1;
	for (; b_count > a_count; b_count--)
		b += *b + 1;
	for (; *a != 0; a += *a + 1, b += *b + 1)
		common = *a == *b && memcmp(a, b, *a + 1u) == 0 ? common + 1 : 0;
	return common;
}

/* A key of 16 octets that is being filled. */
struct filling {
	uint64_t key[2];
	unsigned used;
};

static void fill(struct filling *f, uint8_t octet)
{
	if (f->used < 16)
		f->key[f->used / 8] |= (uint64_t)octet << (56 - f->used % 8 * 8);
	f->used++;
}

/* The labels in front of the common ones, the last first, in lower case, with a zero behind each: a
 * shorter label, and a name with fewer of them, sorts first. In a label 0 and 1 are two octets. */
static void fill_labels(struct filling *f, const uint8_t *name, unsigned labels)
{
	for (; labels > 0 && f->used < 16; labels--) {
		const uint8_t *label = name;

		for (unsigned skip = labels; skip > 1; skip--)
			label += *label + 1;
		for (unsigned i = 1; i <= *label; i++) {
			uint8_t c = label[i];

			if (c <= 1)
				fill(f, 1);
			fill(f, (uint8_t)(c <= 1 ? c + 1 : c >= 'A' && c <= 'Z' ? c + 32 : c));
		}
		fill(f, 0);
	}
}

/* qsort need not be stable: equal RRs keep their order by their places before. */
static int by_order(const void *a, const void *b)
{
	const struct mz_rr *x = a, *y = b;
	int d = mz_rr_compare(x, y);

	return d != 0 ? d : (x->order > y->order) - (x->order < y->order);
}

static int by_key(const struct keyed *x, const struct keyed *y)
{
	for (unsigned i = 0; i < 2; i++)
		if (x->key[i] != y->key[i])
			return x->key[i] < y->key[i] ? -1 : 1;
	return by_order(x->rr, y->rr);
}

/* By insertion: the families derive their RRs in runs that are in order, and a key is compared fast. */
static void sort_keyed(struct mz_rr *rr, size_t count)
{
	struct mz_rr unsorted[KEYED_MAX];
	struct keyed keyed[KEYED_MAX];
	unsigned labels[KEYED_MAX], common = UINT32_MAX;

	for (size_t i = 0; i < count; i++) {
		unsigned shared = 0;

		unsorted[i] = rr[i];
		labels[i] = label_count(rr[i].owner);
		shared = common_labels(rr[0].owner, labels[0], rr[i].owner, labels[i]);
		common = shared < common ? shared : common;
	}
	for (size_t i = 0; i < count; i++) {
		struct filling f = {.used = 0};
		struct keyed next = {.rr = &unsorted[i]};
		size_t at = i;

		fill_labels(&f, rr[i].owner, labels[i] - common);
		memcpy(next.key, f.key, sizeof(next.key));
		for (; at > 0 && by_key(&next, &keyed[at - 1]) < 0; at--)
			keyed[at] = keyed[at - 1];
		keyed[at] = next;
	}
	for (size_t i = 0; i < count; i++)
		rr[i] = *keyed[i].rr;
}

/* The same RR but for its TTL. */
static bool same(const struct mz_rr *a, const struct mz_rr *b)
{
	return a->type == b->type && a->rdlen == b->rdlen && mz_rr_compare(a, b) == 0;
}

void mz_rrlist_sort(struct mz_rrlist *list, bool unique)
{
	size_t kept = 0;

	if (list->count < 2)
		return;
	for (size_t i = 0; i < list->count; i++)
		list->rr[i].order = (uint32_t)i;
	if (list->count <= KEYED_MAX)
		sort_keyed(list->rr, list->count);
	else
		qsort(list->rr, list->count, sizeof(list->rr[0]), by_order);
	if (!unique)
		return;
	for (size_t i = 1; i < list->count; i++) {
		if (!same(&list->rr[kept], &list->rr[i]))
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
