/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the room `records`: files that were read, remembered by path, good or bad; and what is made of
 * certificates. */
#ifndef MZ_RECORDS_CACHE_H
#define MZ_RECORDS_CACHE_H

#include "mailzone/records.h"

/* What a file gave. The pointer lives as long as the cache; NULL when the file has a fault, which
 * the first call with `errors` reports at `where`, or when memory ran out (*err is MZ_ENOMEM then). */
const struct mz_dkim_public *mz_cache_dkim(struct mz_facts_cache *cache, const char *path,
					   const struct mz_where *where,
					   struct mz_conf_errors *errors, int *err);
/* The same; where only the next key has a fault, the chain is given, too, without it. *err is MZ_OK where there is no
 * fault; `errors` may be NULL. */
const struct mz_cert *mz_cache_cert(struct mz_facts_cache *cache,
				    const struct mz_conf_certificate *certificate,
				    struct mz_conf_errors *errors, int *err);
/* A certificate that was read before and has no fault, else NULL; what is wrong with one that was, else NULL. */
const struct mz_cert *mz_cache_known_cert(struct mz_facts_cache *cache,
					  const struct mz_conf_certificate *certificate);
const char *mz_cache_known_fault(struct mz_facts_cache *cache,
				 const struct mz_conf_certificate *certificate);
/* Base64 SHA-256 of a document. */
const char *mz_cache_document(struct mz_facts_cache *cache, const char *path,
			      const struct mz_where *where, struct mz_conf_errors *errors,
			      int *err);

/* Adds the owners of TLSA records with their keys to the facts, once their `certs` are there. MZ_EINVAL and
 * errors, those of the store, or MZ_ENOMEM. */
int mz_facts_tlsa(struct mz_facts *out, const struct mz_conf_domain *domain, struct mz_store *store,
		  int64_t now, struct mz_conf_errors *errors);

#endif
