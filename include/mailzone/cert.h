/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `cert`: certificates as TLSA needs them, and their keys over time. The only user of
 * OpenSSL X.509. */
#ifndef MZ_CERT_H
#define MZ_CERT_H

#include "mailzone/store.h"

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
 * empty, truncated, no certificate, a key where a certificate should be, wrong order. Where only the next
 * key has a fault, *out holds the chain all the same (it has names then, also none), to be cleared. */
int mz_cert_read(struct mz_cert *out, const char *file, const char *next_key,
		 struct mz_cause *cause);
void mz_cert_clear(struct mz_cert *cert);
/* Does the certificate name this host (RFC 6125: a wildcard stands for one whole first label)? */
bool mz_cert_covers(const struct mz_cert *cert, const uint8_t *host);

/* ---- keys over time: pure -------------------------------------------------------------------------- */

/* What is on disk for one owner now: its certificates' keys, the keys that they will have next, their issuers. */
struct mz_rollover_disk {
	const uint8_t (*leaf)[MZ_SPKI_DIGEST];
	size_t leaf_count;
	const uint8_t (*next)[MZ_SPKI_DIGEST];
	size_t next_count;
	const uint8_t (*issuer)[MZ_SPKI_DIGEST]; /* of the certificates' chains; may repeat */
	size_t issuer_count;
	bool expired; /* a certificate is: what is on disk is in doubt, so that nothing leaves */
	bool partly; /* some file could not be read: nothing leaves, and what was in use still counts as such */
};

/* Brings the set of an owner, as it was stored, to what is on disk: the result is what is to be published.
 * - Every key on disk is in it at once, whoever knew of it before.
 * - A key that is on disk no more is OLD from now on. It leaves at mz_rollover_leaves, not before. One that is gone
 *   before its time comes back, unless two TTLs have passed since.
 * `ttl` is that of the RRset, as configured. *early: a certificate has a key that not every resolver can know
 * yet (one that was never announced, or announced too late); never so where the set was empty.
 * MZ_ESPACE: more than MZ_TLSA_KEYS keys are on disk; where those that are old do not fit beside them, the
 * oldest go. The set is ordered by usage and digest. */
int mz_rollover_see(struct mz_tlsa_set *set, const struct mz_rollover_disk *disk, uint32_t ttl,
		    int64_t now, bool *early);
/* When an OLD key may leave (wall): two TTLs after it was found unused, and after every server was seen to serve
 * all keys that are in use. Resolvers hold an RRset without those for one TTL after that; the second is for
 * mail servers that have not loaded the new certificate yet. 0: not known, a key in use is not served
 * everywhere. */
int64_t mz_rollover_leaves(const struct mz_tlsa_set *set, const struct mz_tlsa_key *old,
			   uint32_t ttl);
/* When the first of the OLD keys may leave: 0 for none, or not known. */
int64_t mz_rollover_look(const struct mz_tlsa_set *set, uint32_t ttl);
/* From when on the key may be used (wall): two TTLs after every server was seen to serve it (RFC 7671 8.1).
 * 0: not known, it is not served everywhere. */
int64_t mz_rollover_safe(const struct mz_tlsa_key *key, uint32_t ttl);
/* The server's key of this digest, or NULL. */
const struct mz_tlsa_key *mz_rollover_find(const struct mz_tlsa_set *set,
					   const uint8_t digest[MZ_SPKI_DIGEST]);

#endif
