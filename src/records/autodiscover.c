/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `autodiscover`: where Outlook finds its settings (MS-OXDISCO). */
#include "src/records/families.h"

void mz_derive_autodiscover(struct mz_derivation *d)
{
	mz_derive_put_cname_at(d, "autodiscover", &d->domain->system->hostname);
}
