/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `tlsa`: the keys that servers prove themselves with (RFC 6698, 7671, 7672). */
#include "src/records/families.h"

#include <string.h>

enum { SELECTOR_SPKI = 1, MATCHING_SHA256 = 1 };

static void put_tlsa(struct mz_derivation *d, const uint8_t *owner, const struct mz_tlsa_key *key)
{
	uint8_t rdata[3 + MZ_SPKI_DIGEST] = {(uint8_t)key->usage, SELECTOR_SPKI, MATCHING_SHA256};

	memcpy(rdata + 3, key->digest, MZ_SPKI_DIGEST);
	mz_derive_put(d, owner, MZ_TYPE_TLSA, MZ_CLAIM_WHOLE, rdata, sizeof(rdata));
}

void mz_derive_tlsa(struct mz_derivation *d)
{
	for (size_t i = 0; i < d->facts->tlsa_count; i++) {
		const struct mz_fact_tlsa *tlsa = &d->facts->tlsa[i];

		for (size_t k = 0; k < tlsa->set.count; k++)
			put_tlsa(d, tlsa->owner, &tlsa->set.key[k]);
	}
}
