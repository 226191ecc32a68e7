/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `spf`: who may send for the domain, and for the names its hosts say in HELO (RFC 7208). */
#include "src/records/families.h"

static void put_spf(struct mz_derivation *d, const uint8_t *owner, const char *text)
{
	if (text[0] != '\0')
		mz_derive_put_txt(d, owner, MZ_CLAIM_MATCH, text);
}

void mz_derive_spf(struct mz_derivation *d)
{
	const struct mz_conf_domain *domain = d->domain;

	if (domain->no_mail) {
		put_spf(d, domain->name, "v=spf1 -all");
		return;
	}
	put_spf(d, domain->name, domain->spf);
	for (size_t i = 0; i < domain->mx->count; i++) {
		const uint8_t *host = domain->mx->mx[i].host.wire;

		if (mz_name_within(host, domain->name) && !mz_name_equal(host, domain->name))
			put_spf(d, host, domain->system->host_spf);
	}
}
