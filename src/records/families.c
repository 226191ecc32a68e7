/* SPDX-License-Identifier: BSD-2-Clause */
/* Deriving: the table of families, and one domain taken through it. */
#include "src/records/families.h"

#include <string.h>
#include <strings.h>

/* In the order of enum mz_family: of two equal RRs the first family's is kept. */
static const struct {
	enum mz_family family;
	bool no_mail; /* also for a domain without mail */
	void (*derive)(struct mz_derivation *d);
} families[] = {
	{MZ_FAMILY_RECORDS, true, mz_derive_records},
	{MZ_FAMILY_TLSA, false, mz_derive_tlsa},
	{MZ_FAMILY_DKIM, false, mz_derive_dkim},
	{MZ_FAMILY_SPF, true, mz_derive_spf},
	{MZ_FAMILY_CAA, false, mz_derive_caa},
	{MZ_FAMILY_AUTOCONFIG, false, mz_derive_autoconfig},
	{MZ_FAMILY_AUTOCONFIG_LEGACY, false, mz_derive_autoconfig_legacy},
	{MZ_FAMILY_AUTODISCOVER, false, mz_derive_autodiscover},
	{MZ_FAMILY_SRV, false, mz_derive_srv},
	{MZ_FAMILY_MTA_STS, false, mz_derive_mta_sts},
	{MZ_FAMILY_TLS_RPT, false, mz_derive_tls_rpt},
	{MZ_FAMILY_DMARC, true, mz_derive_dmarc},
	{MZ_FAMILY_MX, true, mz_derive_mx},
};

/* The report URI: "mailto:LOCAL" without "@" means LOCAL at the domain. */
static int report_uri(const struct mz_conf_domain *domain, struct mz_str *out)
{
	const char *address = domain->report_address;
	size_t part = strcspn(address, "?");

	mz_str_addn(out, address, part);
	if (strncasecmp(address, "mailto:", 7) == 0 && memchr(address, '@', part) == NULL) {
		mz_str_addc(out, '@');
		mz_str_add(out, domain->text);
	}
	mz_str_add(out, address + part);
	return out->failed ? MZ_ENOMEM : MZ_OK;
}

static void derive_all(struct mz_derivation *d)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if ((d->domain->publish & 1u << families[i].family) == 0 ||
		    (d->domain->no_mail && !families[i].no_mail))
			continue;
		d->family = families[i].family;
		families[i].derive(d);
	}
	if (d->err != MZ_OK)
		return;
	mz_rrlist_sort(&d->list, true);
	mz_derive_settle(d);
}

/* Moves what was derived to the end of *out. */
static int give(struct mz_rrlist *list, struct mz_rrlist *out)
{
	if (out->count == 0 && out->rr == NULL && out->arena.chunk == NULL) {
		*out = *list;
		*list = (struct mz_rrlist){0};
		return MZ_OK;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (mz_rrlist_add(out, &list->rr[i]) != MZ_OK)
			return MZ_ENOMEM;
	}
	mz_rrlist_sort(out, false);
	return MZ_OK;
}

uint32_t mz_records_ttl(const struct mz_conf_domain *domain)
{
	return domain->server != NULL ? domain->server->ttl : 300;
}

int mz_records_derive(const struct mz_conf_domain *domain, const struct mz_facts *facts,
		      struct mz_rrlist *out, struct mz_conf_errors *errors)
{
	struct mz_derivation d = {
		.domain = domain,
		.facts = facts,
		.errors = errors,
		.ttl = mz_records_ttl(domain),
	};
	struct mz_str report = {0};

	d.err = report_uri(domain, &report);
	if (d.err == MZ_OK) {
		d.report = report.s;
		derive_all(&d);
	}
	if (d.err == MZ_OK)
		d.err = give(&d.list, out);
	mz_rrlist_clear(&d.list);
	mz_str_clear(&d.text);
	mz_str_clear(&report);
	return d.err;
}
