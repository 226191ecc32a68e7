/* SPDX-License-Identifier: BSD-2-Clause */
/* The digest of a list: the same for the same list, on every machine and in every version. */
#include "mailzone/records.h"

#include <string.h>

/* A chain of digests over pieces of this size: no memory that could run out. */
enum { PIECE = 4096 };

struct chain {
	uint8_t octets[MZ_DIGEST + PIECE]; /* the digest so far, and what is not digested yet */
	size_t len;
};

static void chain_step(struct chain *chain)
{
	uint8_t digest[MZ_DIGEST] = {0};

	mz_sha256(chain->octets, chain->len, digest);
	memcpy(chain->octets, digest, MZ_DIGEST);
	chain->len = MZ_DIGEST;
}

static void chain_add(struct chain *chain, const uint8_t *octets, size_t n)
{
	while (n > 0) {
		size_t room = sizeof(chain->octets) - chain->len, part = n < room ? n : room;

		memcpy(chain->octets + chain->len, octets, part);
		chain->len += part;
		octets += part;
		n -= part;
		if (chain->len == sizeof(chain->octets))
			chain_step(chain);
	}
}

void mz_records_digest(const struct mz_rrlist *list, uint8_t digest[MZ_DIGEST])
{
	struct chain chain = {.len = MZ_DIGEST};

	for (size_t i = 0; i < list->count; i++) {
		const struct mz_rr *rr = &list->rr[i];
		uint8_t fixed[10] = {0};

		mz_put16(fixed, rr->type);
		mz_put32(fixed + 2, rr->ttl);
		mz_put16(fixed + 6, rr->rdlen);
		fixed[8] = rr->claim;
		fixed[9] = rr->family;
		chain_add(&chain, rr->owner, mz_name_len(rr->owner));
		chain_add(&chain, fixed, sizeof(fixed));
		chain_add(&chain, rr->rdata, rr->rdlen);
	}
	chain_step(&chain);
	memcpy(digest, chain.octets, MZ_DIGEST);
}
