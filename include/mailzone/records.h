/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `records`: configuration and facts to desired RRs (pure), and the claims. */
#ifndef MZ_RECORDS_H
#define MZ_RECORDS_H

#include "mailzone/cert.h"
#include "mailzone/dkim.h"

/* What of the RRset at a desired RR's owner and type is ours. */
enum mz_claim {
	MZ_CLAIM_NONE,
	MZ_CLAIM_WHOLE, /* the whole RRset */
	MZ_CLAIM_MATCH, /* the RRs that match ours: see mz_claim_matches */
	MZ_CLAIM_EXACT, /* this very RR and no other */
};
/* Would `rdata` be in the place of the desired RR `want`, whose claim is MATCH? TXT "v=spf1" for
 * SPF; same tag and issuer and accounturi, or same tag iodef and value, for CAA; same issuer
 * and accounturi for _validation-persist. Pure. */
bool mz_claim_matches(const struct mz_rr *want, const uint8_t *rdata, size_t rdlen);

/* ---- facts: what deriving needs beside the configuration ------------------------------------ */

struct mz_fact_dkim {
	const char *selector;
	enum mz_dkim_algorithm algorithm;
	const char *public_text; /* base64 for p=; "" when revoked */
};
/* One owner of TLSA records: a host and port that certificates of the mail system cover, or may cover. */
struct mz_fact_tlsa {
	const uint8_t *owner, *host; /* wire: _25._tcp.HOST, HOST */
	const size_t *cert;	     /* which of the mail system's certificates */
	size_t cert_count;
	struct mz_tlsa_set set; /* the keys to publish: mz_rollover_see made it */
	bool changed;		/* the store has another one */
	bool expired;		/* a certificate has, or cannot be read: no key leaves */
	bool early;		/* a key is in use that not every resolver can know yet */
	/* Why a certificate that covers the host, or may, cannot be read; else NULL. held: nothing is known of its
	 * keys then, and what stands there is to be left alone. */
	const char *fault;
	bool held;
};
struct mz_facts {
	struct mz_arena arena;
	struct mz_fact_dkim *dkim; /* of the domain: manual keys, or those of the store */
	size_t dkim_count;
	unsigned dkim_missing; /* automatic: algorithms (bits) that have no key yet */
	/* Parallel to the mail system's certificates: NULL for one that cannot be read, and what is wrong with it or
	 * its next key; and one of those faults. */
	const struct mz_cert *const *certs;
	const char *const *cert_faults;
	const char *cert_fault;
	struct mz_fact_tlsa *tlsa; /* each owner once */
	size_t tlsa_count;
	const char *autoconfig_digest; /* base64 SHA-256 of the document; NULL: no document */
};
/* Files read once and shared by many domains. Certificates, documents and keys are remembered
 * by path, good or bad. */
struct mz_facts_cache;
int mz_facts_cache_new(struct mz_facts_cache **out);
void mz_facts_cache_free(struct mz_facts_cache *cache);
/* Gathers the facts of one domain. Each fault of a file is an error with the setting's file and
 * line (reported once a path). `store` may be NULL: automatic keys are then missing, and of TLSA
 * only what is on disk is known; nothing is written to it. `now` is wall time.
 * The facts borrow from the cache and the configuration. Certificates and key files are only
 * read where a family that is published needs them. A fault of a certificate is no error: it stands in the
 * facts, as the domain's other families do not depend on it. */
int mz_facts_load(struct mz_facts *out, struct mz_facts_cache *cache,
		  const struct mz_conf_domain *domain, struct mz_store *store, int64_t now,
		  struct mz_conf_errors *errors);
/* The same for the family tlsa alone. */
int mz_facts_load_tlsa(struct mz_facts *out, struct mz_facts_cache *cache,
		       const struct mz_conf_domain *domain, struct mz_store *store, int64_t now,
		       struct mz_conf_errors *errors);
/* The fault that a load met last, also where it was reported before: says what is wrong with which file.
 * NULL: none so far. */
const char *mz_facts_fault(const struct mz_facts_cache *cache);
/* What a domain's TLSA records wait for. */
struct mz_tlsa_wait {
	bool old;	 /* a key that is no longer in use is still published */
	int64_t look_at; /* wall: the first of those may leave then; 0: not known, or there is none */
	bool unseen;	 /* a key that is to stay was not seen on every server yet */
};
struct mz_tlsa_wait mz_facts_tlsa_wait(const struct mz_facts *facts,
				       const struct mz_conf_domain *domain);
/* Where the store keeps the keys of an owner. */
struct mz_tlsa_place mz_fact_tlsa_place(const struct mz_conf_domain *domain,
					const struct mz_fact_tlsa *tlsa);
/* The TTL of a domain's records: that of its server, 300 without one. */
uint32_t mz_records_ttl(const struct mz_conf_domain *domain);
void mz_facts_clear(struct mz_facts *facts);
/* Reads every file that the configuration names, published or not, for its faults. The configuration
 * may be one of mz_conf_load_partly. */
void mz_facts_check(struct mz_facts_cache *cache, const struct mz_conf *conf,
		    struct mz_conf_errors *errors);

/* Calls fn with a line for each certificate, read before, that has a fault (`fault`) or has expired: the TLSA
 * records of its hosts stay. `now` is wall time. */
void mz_facts_doubts(struct mz_facts_cache *cache, const struct mz_conf *conf, int64_t now,
		     void (*fn)(void *arg, bool fault, const char *line), void *arg);

/* ---- deriving ------------------------------------------------------------------------------- */

/* Adds every RR that the domain desires in the families of its publish_records to `out`, ordered,
 * with family and claim set and the TTL of the domain's server (300 without one). Pure. Faults
 * (a CNAME whose owner is its target or needed for other data, a name too long, two SPF strings
 * at one name, an owner outside the zone ...) are errors at the domain's line; MZ_EINVAL then.
 * Families: docs in design page records.md. */
int mz_records_derive(const struct mz_conf_domain *domain, const struct mz_facts *facts,
		      struct mz_rrlist *out, struct mz_conf_errors *errors);
/* The MTA-STS policy of a domain (RFC 8461 3.2): CRLF lines: version, mode, mx..., max_age. Pure. */
int mz_records_sts_policy(const struct mz_conf_domain *domain, struct mz_str *out);
/* The policy_file of each of these domains whose family mta-sts is published: domains with one file must
 * have one policy. With `write` the files are written where they differ, readable to all; the others
 * are written when one has a fault. Faults are errors with file and line: MZ_EINVAL, or one of
 * mz_file_write_atomic; MZ_ENOMEM. */
int mz_sts_files(const struct mz_conf_domain *const *domains, size_t count, bool write,
		 struct mz_conf_errors *errors);
/* Does the policy_file hold the domain's policy, to the octet? MZ_OK also for a domain without one. Else a cause
 * that names the file: its id must not be published yet. */
int mz_sts_file_check(const struct mz_conf_domain *domain, struct mz_cause *cause);
/* SHA-256 over an ordered list: owners, types, TTLs, rdata, claims, families. Pure. */
void mz_records_digest(const struct mz_rrlist *list, uint8_t digest[MZ_DIGEST]);

#endif
