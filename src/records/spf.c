/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `spf`: who may send for the domain, and for the names its hosts say in HELO (RFC 7208). */
#include "src/records/families.h"

#include <stdlib.h>

static void put_spf(struct mz_derivation *d, const uint8_t *owner, const char *text)
{
	if (text[0] != '\0')
		mz_derive_put_txt(d, owner, MZ_CLAIM_MATCH, text);
}

static int by_name(const void *key, const void *member)
{
	const struct mz_conf_domain *const *domain = member;

	return mz_name_compare(key, (*domain)->name);
}

/* Is the host a mail domain of its own, with an SPF of its own? One name can have only one. */
static bool speaks_for_itself(const struct mz_conf_zone *zone, const uint8_t *host)
{
	const struct mz_conf_domain *const *found = NULL;

	if (zone != NULL)
		found = bsearch(host, zone->domains, zone->domain_count, sizeof(zone->domains[0]),
				by_name);
	return found != NULL && ((*found)->publish >> MZ_FAMILY_SPF & 1u) != 0;
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

		if (mz_name_within(host, domain->name) && !mz_name_equal(host, domain->name) &&
		    !speaks_for_itself(domain->zone, host))
			put_spf(d, host, domain->system->host_spf);
	}
}
