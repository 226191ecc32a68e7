/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the room `records`: what the families share while one domain is derived. */
#ifndef MZ_RECORDS_FAMILIES_H
#define MZ_RECORDS_FAMILIES_H

#include "mailzone/records.h"

/* One domain being derived. `err` is sticky: after a fault the families go on, so that all faults
 * are reported, and nothing is given out at the end. */
struct mz_derivation {
	const struct mz_conf_domain *domain;
	const struct mz_facts *facts;
	struct mz_conf_errors *errors;
	struct mz_rrlist list;
	const char *report;    /* the report URI, "" for none */
	struct mz_str text;    /* scratch of the family at work */
	enum mz_family family; /* at work */
	uint32_t ttl;
	int err; /* MZ_OK; MZ_EINVAL: errors were reported; MZ_ENOMEM */
};

/* Is the family published, and has the domain mail? For families that follow others (tlsa). */
bool mz_derive_published(const struct mz_derivation *d, enum mz_family family);

/* Reports an error at the domain's line. */
void mz_derive_fail(struct mz_derivation *d, const char *fmt, ...) MZ_PRINTF(2, 3);
/* Starts the scratch text afresh; mz_derive_scratch gives it back, "" when memory ran out. */
struct mz_str *mz_derive_text(struct mz_derivation *d);
const char *mz_derive_scratch(struct mz_derivation *d);

/* The name LABELS.BASE; false, and an error, when it is too long. */
bool mz_derive_below(struct mz_derivation *d, struct mz_name *out, const char *labels,
		     const uint8_t *base);
/* Add one RR of the family at work. */
void mz_derive_put(struct mz_derivation *d, const uint8_t *owner, uint16_t type,
		   enum mz_claim claim, const uint8_t *rdata, size_t rdlen);
void mz_derive_put_txt(struct mz_derivation *d, const uint8_t *owner, enum mz_claim claim,
		       const char *text);
/* TXT and CNAME at LABELS.D. */
void mz_derive_put_txt_at(struct mz_derivation *d, const char *labels, enum mz_claim claim,
			  const char *text);
void mz_derive_put_cname_at(struct mz_derivation *d, const char *labels,
			    const struct mz_name *target);

/* The families, one file each. */
void mz_derive_records(struct mz_derivation *d);
void mz_derive_tlsa(struct mz_derivation *d);
void mz_derive_dkim(struct mz_derivation *d);
void mz_derive_spf(struct mz_derivation *d);
void mz_derive_caa(struct mz_derivation *d);
void mz_derive_autoconfig(struct mz_derivation *d);
void mz_derive_autoconfig_legacy(struct mz_derivation *d);
void mz_derive_autodiscover(struct mz_derivation *d);
void mz_derive_srv(struct mz_derivation *d);
void mz_derive_mta_sts(struct mz_derivation *d);
void mz_derive_tls_rpt(struct mz_derivation *d);
void mz_derive_dmarc(struct mz_derivation *d);
void mz_derive_mx(struct mz_derivation *d);

/* Port of a protocol with TLS from the first octet (managesieve: its only port). */
uint16_t mz_protocol_port(enum mz_protocol protocol);

/* Is this text an SPF record: "v=spf1" alone or before a space, in any case (RFC 7208 4.5)? */
bool mz_is_spf(const char *text, size_t len);

/* Checks the ordered list for RRs that cannot stand together, and gives each RRset that is wholly
 * ours one TTL and one claim. */
void mz_derive_settle(struct mz_derivation *d);

#endif
