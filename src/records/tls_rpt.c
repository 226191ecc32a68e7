/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `tls-rpt`: where reports about failed TLS go (RFC 8460 3). */
#include "src/records/families.h"

void mz_derive_tls_rpt(struct mz_derivation *d)
{
	struct mz_str *text = mz_derive_text(d);

	if (d->report[0] == '\0')
		return;
	mz_str_add(text, "v=TLSRPTv1; rua=");
	mz_str_add(text, d->report);
	mz_derive_put_txt_at(d, "_smtp._tls", MZ_CLAIM_WHOLE, mz_derive_scratch(d));
}
