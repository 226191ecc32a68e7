/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `cert`: certificates as TLSA needs them. The only user of OpenSSL X.509. */
#ifndef MZ_CERT_H
#define MZ_CERT_H

#include "mailzone/conf.h"

/* SHA-256 of the SubjectPublicKeyInfo: TLSA selector 1, matching type 1. */
#define MZ_SPKI_DIGEST 32

/* One certificate file, read. Owned by the caller; mz_cert_clear frees. */
struct mz_cert {
	uint8_t leaf[MZ_SPKI_DIGEST];
	uint8_t (*issuers)[MZ_SPKI_DIGEST]; /* of the further certificates in the file, in order */
	size_t issuer_count;
	bool has_next;
	uint8_t next[MZ_SPKI_DIGEST]; /* of next_key */
	struct mz_name *names; /* DNS names of the leaf's subjectAltName; may hold wildcards */
	size_t name_count;
	int64_t not_after; /* wall */
};
/* Reads a PEM chain, leaf first, and the next key (private or public PEM, or NULL). Each further
 * certificate must be the issuer of the one before it. Errors with a cause that names the path:
 * empty, truncated, no certificate, a key where a certificate should be, wrong order. */
int mz_cert_read(struct mz_cert *out, const char *file, const char *next_key,
		 struct mz_cause *cause);
void mz_cert_clear(struct mz_cert *cert);
/* Does the certificate name this host (RFC 6125: a wildcard stands for one whole first label)? */
bool mz_cert_covers(const struct mz_cert *cert, const uint8_t *host);

#endif
