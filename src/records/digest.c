/* SPDX-License-Identifier: BSD-2-Clause */
/* The digest of a list: the same for the same list, on every machine and in every version. */
#include "mailzone/records.h"

#include <string.h>

void mz_records_digest(const struct mz_rrlist *list, uint8_t digest[MZ_DIGEST])
{
	/* A chain of digests: no memory that could run out, whatever the size of the list. */
	uint8_t step[MZ_DIGEST + MZ_NAME_MAX + 10 + MZ_DIGEST];

	memset(digest, 0, MZ_DIGEST);
	for (size_t i = 0; i < list->count; i++) {
		const struct mz_rr *rr = &list->rr[i];
		size_t at = 0, owner = mz_name_len(rr->owner);

		memcpy(step, digest, MZ_DIGEST);
		at = MZ_DIGEST;
		memcpy(step + at, rr->owner, owner);
		at += owner;
		mz_put16(step + at, rr->type);
		mz_put32(step + at + 2, rr->ttl);
		mz_put16(step + at + 6, rr->rdlen);
		step[at + 8] = rr->claim;
		step[at + 9] = rr->family;
		mz_sha256(rr->rdata, rr->rdlen, step + at + 10);
		mz_sha256(step, at + 10 + MZ_DIGEST, digest);
	}
}
