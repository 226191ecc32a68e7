/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `mx`: who takes mail for the domain; for one without mail the null MX (RFC 7505). */
#include "src/records/families.h"

#include <string.h>

void mz_derive_mx(struct mz_derivation *d)
{
	static const uint8_t null_mx[] = {0, 0, 0}; /* preference 0, the root */
	const struct mz_conf_mxs *mx = d->domain->mx;

	if (d->domain->no_mail) {
		mz_derive_put(d, d->domain->name, MZ_TYPE_MX, MZ_CLAIM_WHOLE, null_mx,
			      sizeof(null_mx));
		return;
	}
	for (size_t i = 0; i < mx->count; i++) {
		uint8_t rdata[2 + MZ_NAME_MAX];

		mz_put16(rdata, mx->mx[i].priority);
		memcpy(rdata + 2, mx->mx[i].host.wire, mx->mx[i].host.len);
		mz_derive_put(d, d->domain->name, MZ_TYPE_MX, MZ_CLAIM_WHOLE, rdata,
			      2u + mx->mx[i].host.len);
	}
}
