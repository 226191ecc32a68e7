/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `dkim`: the public keys that signatures are checked with (RFC 6376 3.6.1, RFC 8463). */
#include "src/records/families.h"

void mz_derive_dkim(struct mz_derivation *d)
{
	for (size_t i = 0; i < d->facts->dkim_count; i++) {
		const struct mz_fact_dkim *key = &d->facts->dkim[i];
		struct mz_str *text = mz_derive_text(d);
		struct mz_name base, owner;

		if (!mz_derive_below(d, &base, "_domainkey", d->domain->name) ||
		    !mz_derive_below(d, &owner, key->selector, base.wire))
			continue;
		mz_dkim_record_text(text, key->algorithm, key->public_text);
		mz_derive_put_txt(d, owner.wire, MZ_CLAIM_WHOLE, mz_derive_scratch(d));
	}
}
