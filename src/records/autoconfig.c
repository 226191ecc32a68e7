/* SPDX-License-Identifier: BSD-2-Clause */
/* The families `autoconfig` (draft-ietf-mailmaint-pacc) and `autoconfig-legacy`: where mail programs
 * find their settings. */
#include "src/records/families.h"

void mz_derive_autoconfig(struct mz_derivation *d)
{
	struct mz_str *text = mz_derive_text(d);

	if (d->facts->autoconfig_digest == NULL)
		return;
	mz_str_add(text, "v=UAAC1; a=sha256; d=");
	mz_str_add(text, d->facts->autoconfig_digest);
	mz_derive_put_txt_at(d, "_ua-auto-config", MZ_CLAIM_WHOLE, mz_derive_scratch(d));
	mz_derive_put_cname_at(d, "ua-auto-config", &d->domain->system->hostname);
}

void mz_derive_autoconfig_legacy(struct mz_derivation *d)
{
	mz_derive_put_cname_at(d, "autoconfig", &d->domain->system->hostname);
}
