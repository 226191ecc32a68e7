/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `dkim`: DKIM keys: reading, making, selectors. The only user of OpenSSL keys. */
#ifndef MZ_DKIM_H
#define MZ_DKIM_H

#include "mailzone/store.h"

/* "rsa", "ed25519": the k= word; "rsa-sha256", "ed25519-sha256": the setting's word. */
const char *mz_dkim_k(enum mz_dkim_algorithm algorithm);
const char *mz_dkim_algorithm_name(enum mz_dkim_algorithm algorithm);

/* A public key as a record needs it. Owned by the caller; mz_dkim_public_clear frees. */
struct mz_dkim_public {
	enum mz_dkim_algorithm algorithm;
	unsigned bits; /* RSA modulus, or 256 */
	char *text; /* base64 for p=: SubjectPublicKeyInfo, for Ed25519 32 raw octets (RFC 8463) */
};
/* Reads the public half of a private or public PEM file (RSA 1024..4096, Ed25519). A private key
 * that others may read is MZ_EPERM. Empty, truncated, encrypted, another kind of key: MZ_EINVAL
 * or MZ_ESYNTAX with a cause that names the path and says what to do. */
int mz_dkim_public_read(struct mz_dkim_public *out, const char *path, struct mz_cause *cause);
void mz_dkim_public_clear(struct mz_dkim_public *key);

/* What a selector template is filled with. */
struct mz_dkim_selector_input {
	enum mz_dkim_algorithm algorithm;
	unsigned version;
	int64_t now;
	const char *hash_of; /* text whose SHA-256 gives {hash}: the public key's base64 */
	const char *random;  /* 8 of a-z 0-9 */
};
/* Expands the template: {algorithm} {hash} {version} {date-STRFTIME} {epoch} {random}. Unknown
 * variables, an unclosed brace, a result that is no LDH label(s): MZ_EINVAL with a cause. Pure. */
int mz_dkim_selector(struct mz_str *out, const char *template,
		     const struct mz_dkim_selector_input *in, struct mz_cause *cause);

/* Makes the first key of each algorithm that the domain is to have and has none of: key pair,
 * private PEM in STATE/dkim/DOMAIN/SELECTOR.pem (0600, folder 0700), row in the store (stage
 * pending). *made counts them. Blocking: an RSA key takes some 150 ms. */
int mz_dkim_make_missing(struct mz_store *store, const char *state_directory,
			 const struct mz_conf_domain *domain, int64_t now, unsigned *made,
			 struct mz_cause *cause);

#endif
