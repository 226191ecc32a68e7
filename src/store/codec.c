/* SPDX-License-Identifier: BSD-2-Clause */
/* RR lists as octets in a row: compact, and safe to read whatever became of the file. */
#include "src/store/codec.h"

#include "mailzone/conf.h"

#include <assert.h>
#include <string.h>

enum { LIST_HEAD = 5, RR_HEAD = 8 };

static bool chosen(const struct mz_rr *rr, const uint16_t *domain)
{
	return domain == NULL || rr->domain == *domain;
}

/* One RR; `before` is the owner of the one before it, or NULL. */
static void add_rr(struct mz_str *out, const struct mz_rr *rr, const uint8_t *before)
{
	uint8_t head[RR_HEAD + MZ_NAME_MAX + 2] = {0};
	size_t owner = mz_name_len(rr->owner);

	assert(owner <= MZ_NAME_MAX);
	if (before != NULL && (before == rr->owner || (mz_name_len(before) == owner &&
						       memcmp(before, rr->owner, owner) == 0)))
		owner = 0;
	head[0] = rr->family;
	mz_put16(head + 1, rr->type);
	mz_put32(head + 3, rr->ttl);
	head[7] = (uint8_t)owner;
	memcpy(head + RR_HEAD, rr->owner, owner);
	mz_put16(head + RR_HEAD + owner, rr->rdlen);
	mz_str_addn(out, (const char *)head, RR_HEAD + owner + 2);
	mz_str_addn(out, (const char *)rr->rdata, rr->rdlen);
}

int mz_codec_add(struct mz_str *out, const struct mz_rrlist *list, const uint16_t *domain)
{
	size_t all = list == NULL ? 0 : list->count, count = 0;
	uint8_t head[LIST_HEAD] = {MZ_CODEC_VERSION};
	const uint8_t *before = NULL;

	for (size_t i = 0; i < all; i++)
		count += chosen(&list->rr[i], domain);
	if (count > UINT32_MAX)
		return MZ_ERANGE;
	mz_put32(head + 1, (uint32_t)count);
	mz_str_addn(out, (const char *)head, sizeof(head));
	for (size_t i = 0; i < all; i++) {
		if (!chosen(&list->rr[i], domain))
			continue;
		add_rr(out, &list->rr[i], before);
		before = list->rr[i].owner;
	}
	return out->failed ? MZ_ENOMEM : MZ_OK;
}

/* Are these octets exactly one uncompressed name? */
static bool is_name(const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len && p[at] != 0) {
		if (p[at] > 63)
			return false;
		at += p[at] + 1u;
	}
	return at + 1 == len;
}

/* Reads the RR at *at and steps over it; `before` is as in add_rr. */
static bool read_rr(const uint8_t *octets, size_t len, size_t *at, const uint8_t *before,
		    struct mz_rr *rr)
{
	const uint8_t *p = octets + *at;
	size_t left = len - *at, owner = 0;

	if (left < RR_HEAD + 2)
		return false;
	owner = p[7];
	if (left < RR_HEAD + owner + 2)
		return false;
	*rr = (struct mz_rr){.owner = owner == 0 ? before : p + RR_HEAD,
			     .rdata = p + RR_HEAD + owner + 2,
			     .ttl = mz_get32(p + 3),
			     .type = mz_get16(p + 1),
			     .rdlen = mz_get16(p + RR_HEAD + owner),
			     .family = p[0]};
	/* Families index tables elsewhere. */
	if (rr->owner == NULL || rr->family >= MZ_FAMILY_COUNT ||
	    (owner != 0 && !is_name(rr->owner, owner)))
		return false;
	if (left - RR_HEAD - owner - 2 < rr->rdlen)
		return false;
	*at += RR_HEAD + owner + 2 + rr->rdlen;
	return true;
}

int mz_codec_read(const uint8_t *octets, size_t len, struct mz_rrlist *out)
{
	size_t start = out->count, at = LIST_HEAD;
	uint32_t count = 0;
	const uint8_t *before = NULL;
	int err = MZ_OK;

	if (octets == NULL || len < LIST_HEAD || octets[0] != MZ_CODEC_VERSION)
		return MZ_ESTATE;
	count = mz_get32(octets + 1);
	for (uint32_t i = 0; i < count && err == MZ_OK; i++) {
		struct mz_rr rr = {0};

		if (!read_rr(octets, len, &at, before, &rr))
			err = MZ_ESTATE;
		else
			err = mz_rrlist_add(out, &rr);
		before = rr.owner;
	}
	if (err == MZ_OK && at != len)
		err = MZ_ESTATE;
	if (err != MZ_OK)
		out->count = start; /* the octets stay in the arena until the list is cleared */
	return err;
}
