/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `dkim`: DKIM keys: reading, making, selectors, their life over time. The only
 * user of OpenSSL keys. */
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
/* Adds the 32 secret octets of an Ed25519 key file in base64: a secret, to be cleansed by the caller.
 * Errors as mz_dkim_public_read; MZ_EINVAL for a key of another kind, or a public one. */
int mz_dkim_seed_read(struct mz_str *out, const char *path, struct mz_cause *cause);

/* Adds the record of a key (RFC 6376 3.6.1, RFC 8463 4): "v=DKIM1; k=...; h=sha256; p=..."; with an
 * empty public_text "v=DKIM1; p=", which says that it is revoked. Pure. */
void mz_dkim_record_text(struct mz_str *out, enum mz_dkim_algorithm algorithm,
			 const char *public_text);

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

/* A new key pair. It takes three steps, the first two of which may take long and touch nothing that is
 * shared but their arguments, so that a thread may do them with a store of its own. */
struct mz_dkim_pair;
/* Makes one that is nowhere yet; `bits` counts for RSA, which takes some 150 ms. MZ_ECRYPTO, MZ_ENOMEM with
 * a cause. */
int mz_dkim_pair_new(struct mz_dkim_pair **out, enum mz_dkim_algorithm algorithm, unsigned bits,
		     struct mz_cause *cause);
/* Gives it a selector that the domain never had, and writes its private PEM, synced:
 * STATE/dkim/DOMAIN/SELECTOR.pem (0600, folder 0700). A file that a crash left without a row becomes the
 * pair, if it is of the same kind. The store is only read. Errors with a cause: those of mz_dkim_selector, of
 * files and of the store. */
int mz_dkim_pair_write(struct mz_dkim_pair *pair, struct mz_store *store,
		       const char *state_directory, const struct mz_conf_domain *domain,
		       int64_t now, struct mz_cause *cause);
/* Its row in the store, stage pending, comes last: no record is ever published for a key that is not there.
 * Errors of the store with a cause. */
int mz_dkim_pair_keep(struct mz_dkim_pair *pair, struct mz_store *store,
		      const struct mz_conf_domain *domain, int64_t now, struct mz_cause *cause);
/* Of one that was written. */
const char *mz_dkim_pair_selector(const struct mz_dkim_pair *pair);
/* Cleanses the private half, and deletes a file that was written and got no row. NULL is fine. */
void mz_dkim_pair_free(struct mz_dkim_pair *pair);
/* Where the private half of a key is. MZ_EINVAL for a domain that is no name of a folder. */
int mz_dkim_key_path(struct mz_str *out, const char *state_directory, const char *domain,
		     const char *selector, struct mz_cause *cause);

/* Makes the first key of each algorithm that the domain is to have and has none of, and places
 * it. *made counts them. Blocking. */
int mz_dkim_make_missing(struct mz_store *store, const char *state_directory,
			 const struct mz_conf_domain *domain, int64_t now, unsigned *made,
			 struct mz_cause *cause);

/* ---- the life of keys: pure ------------------------------------------------------------------ */

/*
 *     pending -> active -> retiring -> retired -> deleted        revoked
 *
 * - A key is made where there is none that signs, or the one that signs is older than rotate_after,
 *   or a successor was asked for. There is one pending key at a time.
 * - A pending key is handed to the signers once every server of the zone has served exactly its record
 *   in two looks in a row, and what caches may remember from before has run out since, and a last look
 *   still finds it everywhere. A server that does not answer breaks its row as one that answers
 *   otherwise does: nobody knows what it tells others. So does a long time without a look. Where its
 *   record had to be put right, all of this is from then on.
 * - Only when the signers have taken it over it becomes active, and in the same step the one before it
 *   is retiring. So there is always an active key once there was one, but for one case: the operator
 *   revoked it, and mail is better not signed than signed with it until its successor is ready.
 * - A key that no longer signs and has no successor is kept as it is until the signers have given it up.
 *   One that is to sign is handed to them first.
 * - retiring: still published for retire_after, as mail signed with it is under way. retired: the
 *   record is gone; the file is kept for delete_after, then deleted. revoked: the record says so for
 *   delete_after, then record and file go.
 * - A clock that goes back makes everything wait longer, never happen earlier.
 */

/* What our changes did at the owner of a pending key's record since it was published, or as it was: somebody had
 * deleted the record, or put another one in its place or beside it. {0} before the first change is taken. */
struct mz_life_mend {
	bool any;	 /* there was such a change: the newest of all counts */
	bool touched;	 /* there was one at all; without, nothing below counts */
	bool open;	 /* it is not over, or nobody knows yet */
	int64_t at;	 /* wall: when it was begun */
	uint32_t serial; /* of the primary once it was over */
	uint32_t cached; /* seconds for which caches may keep what was there */
};
/* Takes one change of the domain's history into account; the newest is the first. Pure. */
void mz_life_mend_take(struct mz_life_mend *mend, const uint8_t *owner,
		       const struct mz_store_change *change);
struct mz_life_key {
	struct mz_store_dkim row;
	struct mz_life_mend mend;
	struct mz_store_dkim_seen *seen; /* one a server, in the order of the input's servers */
	bool confirmed; /* signers have taken it over, or given it up (for one that was handed to them) */
};
/* The keys of one domain and algorithm. */
struct mz_life_input {
	int64_t now;
	bool wanted; /* the algorithm is configured */
	bool looked; /* `seen` has the results of a look at all servers, made just now */
	const struct mz_life_key *keys; /* oldest first */
	size_t key_count;
	size_t server_count; /* the primary is the first; at least one */
	int64_t rotate_after, retire_after, delete_after, look_every; /* seconds */
};
enum mz_life_act {
	MZ_LIFE_SWITCH, /* `key` becomes active and `old`, where there is one, retiring, at once */
	MZ_LIFE_HAND, /* signers are to use `key` from now on; then decide again, with `confirmed` */
	MZ_LIFE_TELL, /* signers are to stop using `key`; then decide again, with `confirmed` */
	MZ_LIFE_TOLD, /* they have: it is handed to nobody; if it is retiring, its time begins now */
	MZ_LIFE_MAKE,	 /* a new key, and its record; no `key` */
	MZ_LIFE_PUBLISH, /* the primary does not serve the record of `key`, or another: reconcile */
	MZ_LIFE_RETIRE,	 /* `key` becomes retiring without a successor: it is no longer wanted */
	MZ_LIFE_REMOVE,	 /* `key` becomes retired: its record goes */
	MZ_LIFE_DELETE, /* the file of `key` goes, then the key becomes deleted, and what it has of a
			    record goes */
};
#define MZ_LIFE_NONE SIZE_MAX
struct mz_life_step {
	enum mz_life_act act;
	size_t key, old; /* indexes into keys; MZ_LIFE_NONE */
};
enum { MZ_LIFE_STEPS = 16 };
struct mz_life {
	struct mz_life_step
		step[MZ_LIFE_STEPS]; /* to be done in this order; each can stand alone */
	size_t count;
	bool look;    /* look at all servers now, and decide again with `looked` */
	int64_t next; /* wall: decide again then at the latest; 0: not before something changes */
};
/* What is to be done now. All that it knows is in the input: a step that was lost is decided again. */
struct mz_life mz_life_decide(const struct mz_life_input *in);

/* What a look found at one server. */
enum mz_life_found {
	MZ_SIGHT_SILENT, /* no answer that counts */
	MZ_SIGHT_OTHER,	 /* no record there, or another one, or more than one */
	MZ_SIGHT_SERVED, /* exactly the key's record */
};
struct mz_life_sight {
	enum mz_life_found found;
	/* seconds for which caches may keep what the server says besides the record: the zone's negative TTL, or
	 * the TTL of another record */
	uint32_t cached;
	uint32_t serial; /* of the zone; the record was asked for after it */
	uint32_t expire; /* seconds: of its SOA */
};
/* Takes one look at one server into account. After a mend the record counts only at a serial that is not
 * older than it: a server that lags serves it as it was before, and may come by what was there in between
 * as it catches up (RFC 1995 2). One that still answers after `expire` numbers the zone in its own way (RFC
 * 1035 3.3.13). */
void mz_life_see(struct mz_store_dkim_seen *seen, const struct mz_life_mend *mend,
		 const struct mz_life_sight *sight, int64_t now);

/* What people are told of one key: when its stage changes next at the earliest (0: nobody knows, or
 * never), and in `waiting` what else it waits for, nothing where only time has to pass. */
int64_t mz_life_outlook(const struct mz_life_input *in, size_t key, struct mz_str *waiting);

/* ---- what signers read: pure ------------------------------------------------------------------ */

/* A key that a domain's mail is signed with. */
struct mz_signer_key {
	const char *domain, *selector;
	const char *path; /* absolute, ends in "/SELECTOR.pem" */
	enum mz_dkim_algorithm algorithm;
};
/* Adds the text of one file. `keys`: those of a domain one after the other, one an algorithm. OpenDKIM
 * and the maps of Rspamd know one signature a domain: RSA where there is such a key. Rspamd is to find
 * Ed25519 keys as SELECTOR.seed beside the path, as mz_dkim_seed_read gives them. */
void mz_signers_text(struct mz_str *out, enum mz_signers_file which,
		     const struct mz_signer_key *keys, size_t count);

#endif
