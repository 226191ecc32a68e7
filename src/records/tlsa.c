/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `tlsa`: the keys that servers prove themselves with (RFC 6698, 7671, 7672). */
#include "src/records/families.h"

#include <stdio.h>
#include <string.h>

enum { USAGE_TA = 2, USAGE_EE = 3, SELECTOR_SPKI = 1, MATCHING_SHA256 = 1 };

static void put_tlsa(struct mz_derivation *d, const uint8_t *owner, uint8_t usage,
		     const uint8_t digest[MZ_SPKI_DIGEST])
{
	uint8_t rdata[3 + MZ_SPKI_DIGEST] = {usage, SELECTOR_SPKI, MATCHING_SHA256};

	memcpy(rdata + 3, digest, MZ_SPKI_DIGEST);
	mz_derive_put(d, owner, MZ_TYPE_TLSA, MZ_CLAIM_WHOLE, rdata, sizeof(rdata));
}

static void put_cert(struct mz_derivation *d, const uint8_t *owner, const struct mz_cert *cert)
{
	put_tlsa(d, owner, USAGE_EE, cert->leaf);
	if (cert->has_next)
		put_tlsa(d, owner, USAGE_EE, cert->next);
	for (size_t i = 0; i < cert->issuer_count; i++)
		put_tlsa(d, owner, USAGE_TA, cert->issuers[i]);
}

static bool covers(const struct mz_conf_certificate *conf, const struct mz_cert *cert,
		   const uint8_t *host)
{
	if (conf->host_count == 0)
		return mz_cert_covers(cert, host);
	for (size_t i = 0; i < conf->host_count; i++) {
		if (mz_name_equal(conf->hosts[i].wire, host))
			return true;
	}
	return false;
}

/* Every certificate that covers the host: a server may have one of each key type. */
static void put_host(struct mz_derivation *d, const uint8_t *host, uint16_t port)
{
	const struct mz_conf_mail_system *system = d->domain->system;
	struct mz_name owner = {0};
	char labels[24] = "";

	if (!mz_name_within(host, d->domain->origin))
		return;
	for (size_t i = 0; i < system->certificate_count; i++) {
		const struct mz_cert *cert = d->facts->certs[i];

		if (cert == NULL || !covers(&system->certificates[i], cert, host))
			continue;
		if (owner.len == 0) {
			(void)snprintf(labels, sizeof(labels), "_%u._tcp", port);
			if (!mz_derive_below(d, &owner, labels, host))
				return;
		}
		put_cert(d, owner.wire, cert);
	}
}

static void put_web(struct mz_derivation *d, enum mz_family family, bool condition,
		    const char *label)
{
	struct mz_name host;

	if (condition && mz_derive_published(d, family) &&
	    mz_derive_below(d, &host, label, d->domain->name))
		put_host(d, host.wire, 443);
}

void mz_derive_tlsa(struct mz_derivation *d)
{
	const struct mz_conf_domain *domain = d->domain;

	if (domain->system->certificate_count == 0 || d->facts->certs == NULL)
		return;
	for (size_t i = 0; i < domain->mx->count; i++)
		put_host(d, domain->mx->mx[i].host.wire, 25);
	for (size_t i = 0; i < domain->system->service_count; i++)
		put_host(d, domain->system->services[i].host.wire,
			 mz_protocol_port(domain->system->services[i].protocol));
	put_web(d, MZ_FAMILY_AUTOCONFIG, d->facts->autoconfig_digest != NULL, "ua-auto-config");
	put_web(d, MZ_FAMILY_AUTOCONFIG_LEGACY, true, "autoconfig");
	put_web(d, MZ_FAMILY_AUTODISCOVER, true, "autodiscover");
	put_web(d, MZ_FAMILY_MTA_STS, domain->mta_sts != NULL, "mta-sts");
}
