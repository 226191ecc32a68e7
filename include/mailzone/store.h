/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `store`: what must survive: ledger, zones, changes, tasks, domains, DKIM
 * keys, TLSA keys; the lock. */
#ifndef MZ_STORE_H
#define MZ_STORE_H

#include "mailzone/conf.h"

struct mz_store;

/* ---- the lock: one process keeps the state directory ------------------------------------- */

struct mz_lock;
/* Takes the lock of a state directory (made with mode 0700 when missing). `who` is "mailzone"
 * or "mailzoned". MZ_ELOCKED with a cause that names the holder's program, pid and start time;
 * MZ_EPERM also for a directory that everyone may write to; MZ_EIO, MZ_ESPACE, MZ_ENOMEM.
 * The kernel drops the lock when the process ends, however it ends. */
int mz_lock_take(struct mz_lock **out, const char *directory, const char *who,
		 struct mz_cause *cause);
void mz_lock_release(struct mz_lock *lock);

/* ---- opening ------------------------------------------------------------------------------ */

/* Opens DIRECTORY/state.db, makes or migrates the schema (WAL, synchronous FULL). The caller
 * holds the lock. MZ_ESTATE for a file that is damaged, or written by a newer version; MZ_EIO,
 * MZ_EPERM, MZ_ESPACE with a cause that says what to do. */
int mz_store_open(struct mz_store **out, const char *directory, struct mz_cause *cause);
/* For readers that hold no lock: MZ_ENOTFOUND when there is no state yet. Writes nothing, but for
 * the empty -wal and -shm files that SQLite shares with a writer. */
int mz_store_open_readonly(struct mz_store **out, const char *directory, struct mz_cause *cause);
/* Commits what is open (a failure is logged), then closes. */
void mz_store_close(struct mz_store *store);

/* The first read or write begins a transaction. Its reads see its writes, and else the state of
 * that moment. mz_store_commit ends it: call it at the end of each turn of the event loop. Nothing
 * is durable before it returns MZ_OK. When a write or the database fails, all that was written is
 * undone; further writes then return the same error, until mz_store_commit has reported it once.
 * MZ_EEXIST, MZ_ENOTFOUND and a damaged row (MZ_ESTATE) that a read meets are answers and undo
 * nothing. */
int mz_store_commit(struct mz_store *store, struct mz_cause *cause);
/* Are there writes that are not committed, or an error that mz_store_commit has to report? */
bool mz_store_dirty(const struct mz_store *store);
/* The text of the last error of a function here that has no cause parameter: what, which file,
 * what to do. "" when there was none. Valid until the next call. */
const char *mz_store_error(const struct mz_store *store);

/* All of the functions below return MZ_OK or an error: MZ_ESPACE, MZ_EPERM (opened for reading
 * only, too), MZ_ELOCKED, MZ_EIO, MZ_ENOMEM, or MZ_ESTATE for a damaged file. The callbacks of
 * those that list may use the store, also for writing. */

/* ---- zones -------------------------------------------------------------------------------- */

#define MZ_DIGEST 32
/* What is known of one domain's last verified reconcile, and of its zone. Key: the server's
 * name, the origin and the domain's name as text. */
struct mz_store_zone {
	bool known;		    /* a verified reconcile is on record */
	uint32_t serial;	    /* served by the primary when it was verified */
	uint8_t desired[MZ_DIGEST]; /* digest of the desired set that was verified */
	int64_t last_verified;	    /* wall time */
	bool large;		    /* the zone proved too large to read by AXFR */
	bool no_axfr;		    /* the server refuses AXFR of it */
	uint32_t in_place, foreign; /* counts of the last plan, for display */
};
/* MZ_OK with zeroes when nothing is known. */
int mz_store_zone_get(struct mz_store *store, const char *server, const char *origin,
		      const char *domain, struct mz_store_zone *out);
int mz_store_zone_put(struct mz_store *store, const char *server, const char *origin,
		      const char *domain, const struct mz_store_zone *zone);

/* ---- ledger: the RRs of a domain that we have published, with their families -------------- */

/* Appends the domain's ledger RRs to `out` (owner, type, ttl, rdata, family; `domain` is 0), in
 * order; a list that held RRs before is to be sorted after. MZ_OK and nothing added when there is
 * none; MZ_ESTATE and nothing added when the stored octets are damaged. */
int mz_store_ledger_get(struct mz_store *store, const char *server, const char *origin,
			const char *domain, struct mz_rrlist *out);
/* Replaces the domain's ledger by the RRs of `list` whose `domain` equals `index`; removes it
 * when there are none. */
int mz_store_ledger_put(struct mz_store *store, const char *server, const char *origin,
			const char *domain, const struct mz_rrlist *list, uint16_t index);
/* Nothing is the domain's any more: its ledgers go, wherever they are. *any: there were some. */
int mz_store_let_go(struct mz_store *store, const char *domain, bool *any);
/* Every (server, origin) where this domain has a ledger, or a change that is intended and may have
 * been made: calls fn for each. */
int mz_store_ledger_places(struct mz_store *store, const char *domain,
			   void (*fn)(void *arg, const char *server, const char *origin),
			   void *arg);
/* Every domain that has a ledger in this zone: calls fn for each. */
int mz_store_ledger_domains(struct mz_store *store, const char *server, const char *origin,
			    void (*fn)(void *arg, const char *domain), void *arg);
/* Every domain that has such a place anywhere: calls fn for each once, ordered by name. */
int mz_store_ledger_all(struct mz_store *store, void (*fn)(void *arg, const char *domain),
			void *arg);

/* ---- changes: history, written before it is sent ------------------------------------------ */

enum mz_change_state {
	MZ_CHANGE_INTENDED,
	MZ_CHANGE_APPLIED,
	MZ_CHANGE_FAILED,
	MZ_CHANGE_UNDONE,
};
struct mz_store_change {
	int64_t id, time; /* wall */
	const char *server, *origin, *domain;
	enum mz_change_state state;
	uint32_t serial;			 /* after it was applied */
	const struct mz_rrlist *added, *deleted; /* with TTLs as they were */
};
/* Stores an intended change (its id, state and serial are not read; a list may be NULL); *id is its
 * number, from 1, never used again. Strings and lists are copied. */
int mz_store_change_begin(struct mz_store *store, const struct mz_store_change *change,
			  int64_t *id);
/* A part of a change was not made: the lists become these. MZ_ENOTFOUND when there is none of this
 * number. */
int mz_store_change_narrow(struct mz_store *store, int64_t id, const struct mz_rrlist *added,
			   const struct mz_rrlist *deleted);
/* Completes (or undoes) a change. MZ_ENOTFOUND when there is none of this number. */
int mz_store_change_end(struct mz_store *store, int64_t id, enum mz_change_state state,
			uint32_t serial);
/* Calls fn for the changes, newest first: of one domain, or of all when domain is NULL; with
 * state INTENDED only those when `intended`; with a number below `below`, 0: from the newest on; at
 * most `limit`, 0: all. The pointers hold during the
 * call. A damaged row is left out, and MZ_ESTATE returned at the end. */
int mz_store_changes(struct mz_store *store, const char *domain, bool intended, int64_t below,
		     unsigned limit, void (*fn)(void *arg, const struct mz_store_change *change),
		     void *arg);
/* Calls fn once, with the change of this number. MZ_ENOTFOUND; MZ_ESTATE when its row is damaged. */
int mz_store_change_get(struct mz_store *store, int64_t id,
			void (*fn)(void *arg, const struct mz_store_change *change), void *arg);

/* ---- tasks -------------------------------------------------------------------------------- */

enum mz_task_kind { MZ_TASK_DNS, MZ_TASK_DKIM, MZ_TASK_CERTIFICATE };
enum mz_task_state {
	MZ_TASK_PENDING,
	MZ_TASK_RUNNING,
	MZ_TASK_RETRY,
	MZ_TASK_FAILED,
	MZ_TASK_DONE,
};
/* What a dns-management task is to do beside. */
enum {
	MZ_TASK_RENEW =
		1, /* the certificate_renew hook runs once the change is served everywhere */
	MZ_TASK_WITHDRAW = 2, /* remove what is ours: the domain has left the configuration */
};
#define MZ_TASK_REASON 512 /* room for a reason: a longer one is cut */
struct mz_task {
	int64_t id; /* from 1 */
	enum mz_task_kind kind;
	const char *domain;   /* shorter than MZ_NAME_TEXT */
	mz_families families; /* MZ_FAMILIES_ALL: all that it publishes */
	unsigned flags;
	enum mz_task_state state;
	unsigned attempt;   /* how many were begun */
	int64_t created;    /* wall */
	int64_t due;	    /* wall: pending, retry */
	int64_t changed;    /* wall: in this state since */
	const char *reason; /* why the last attempt failed; "" where none did */
};
const char *mz_task_kind_name(enum mz_task_kind kind);	  /* "dns-management", ... */
const char *mz_task_state_name(enum mz_task_state state); /* "pending", "running", ... */
/* Inserts or replaces the task of this number. */
int mz_store_task_put(struct mz_store *store, const struct mz_task *task);
/* MZ_OK also when there is no task of this number. */
int mz_store_task_delete(struct mz_store *store, int64_t id);
/* Calls fn for each task, in the order of their numbers. The pointers hold during the call. A
 * damaged row is left out, and MZ_ESTATE returned at the end. */
int mz_store_tasks(struct mz_store *store, void (*fn)(void *arg, const struct mz_task *task),
		   void *arg);
/* Calls fn once, with the task of this number. MZ_ENOTFOUND; MZ_ESTATE when its row is damaged. */
int mz_store_task_get(struct mz_store *store, int64_t id,
		      void (*fn)(void *arg, const struct mz_task *task), void *arg);
/* The highest number that a task ever had, also one that was deleted; 0: there never was one. */
int mz_store_task_last(struct mz_store *store, int64_t *id);
/* Of the tasks that are done or failed, keeps the `keep` that ended last and deletes the others. */
int mz_store_tasks_trim(struct mz_store *store, unsigned keep);

/* ---- domains under automatic management --------------------------------------------------- */

/* What must be known of a domain once it has left the configuration, also while no daemon runs. It is
 * kept until nothing is to be done for the domain any more. */
struct mz_store_domain {
	const char *name;
	enum mz_on_removal on_removal;
	int64_t delete_after; /* seconds: its retired DKIM keys are deleted so long after */
};
/* Inserts or replaces what is known of a domain. */
int mz_store_domain_put(struct mz_store *store, const struct mz_store_domain *domain);
/* MZ_OK also when there is no such domain. */
int mz_store_domain_delete(struct mz_store *store, const char *domain);
/* Calls fn for each, ordered by name. The pointers hold during the call. A damaged row is left out, and
 * MZ_ESTATE returned at the end. */
int mz_store_domains(struct mz_store *store,
		     void (*fn)(void *arg, const struct mz_store_domain *domain), void *arg);
/* The domain of this name into *out, but for its name. MZ_ENOTFOUND; MZ_ESTATE when its row is damaged. */
int mz_store_domain_get(struct mz_store *store, const char *name, struct mz_store_domain *out);

/* ---- DKIM keys ----------------------------------------------------------------------------- */

enum mz_dkim_stage {
	MZ_DKIM_PENDING,
	MZ_DKIM_ACTIVE,
	MZ_DKIM_RETIRING,
	MZ_DKIM_RETIRED,
	MZ_DKIM_DELETED,
	MZ_DKIM_REVOKED,
};
const char *mz_dkim_stage_name(enum mz_dkim_stage stage);
enum mz_dkim_rotate { MZ_ROTATE_BY_AGE, MZ_ROTATE_ASKED, MZ_ROTATE_HURRIED };
struct mz_store_dkim {
	const char *domain, *selector;
	enum mz_dkim_algorithm algorithm;
	enum mz_dkim_stage stage;
	unsigned version;	    /* counts the keys made for this domain and algorithm from 1 */
	const char *public_text;    /* base64 for p= */
	int64_t created, since;	    /* wall: made; in this stage since */
	int64_t handed;		    /* wall: signers may have it since; 0: none has */
	enum mz_dkim_rotate rotate; /* ACTIVE: a successor was asked for */
};
/* Adds a key: MZ_EEXIST when this domain ever had this selector (in any stage or letter case). */
int mz_store_dkim_add(struct mz_store *store, const struct mz_store_dkim *key);
/* The next stage, in which nobody asked for a successor yet. A key that was ACTIVE counts as handed. What was seen of a
 * key that becomes DELETED is forgotten. MZ_ENOTFOUND when the domain has no such selector. */
int mz_store_dkim_set_stage(struct mz_store *store, const char *domain, const char *selector,
			    enum mz_dkim_stage stage, int64_t since);
/* One takes over from the other: `selector` becomes ACTIVE and `old`, where it is not NULL, RETIRING and
 * handed to nobody; both or, with MZ_ENOTFOUND, none. */
int mz_store_dkim_switch(struct mz_store *store, const char *domain, const char *selector,
			 const char *old, int64_t since);
/* Both MZ_ENOTFOUND as above. */
int mz_store_dkim_set_handed(struct mz_store *store, const char *domain, const char *selector,
			     int64_t handed);
int mz_store_dkim_set_rotate(struct mz_store *store, const char *domain, const char *selector,
			     enum mz_dkim_rotate rotate);
/* Calls fn for each key of the domain, oldest first. The pointers hold during the call. */
int mz_store_dkim_list(struct mz_store *store, const char *domain,
		       void (*fn)(void *arg, const struct mz_store_dkim *key), void *arg);
/* The same for the keys that sign, or are being handed over to the signers, of all domains: ordered by
 * domain, then oldest first. */
int mz_store_dkim_signing(struct mz_store *store,
			  void (*fn)(void *arg, const struct mz_store_dkim *key), void *arg);

/* Every domain that has a key which is not deleted: calls fn for each once, ordered by name. */
int mz_store_dkim_domains(struct mz_store *store, void (*fn)(void *arg, const char *domain),
			  void *arg);

/* What one server was seen to serve in the place of a key's record. {0}: it was never asked. */
struct mz_store_dkim_seen {
	const char *server; /* "192.0.2.54:53" */
	unsigned hits;	    /* looks in a row that found exactly the record; counts up to 2 */
	int64_t since;	    /* wall: when it came to so many */
	int64_t looked;	    /* wall: the last look */
	uint32_t cached;    /* seconds for which a cache may keep what was there before it */
};
/* Inserts or replaces what is known of this server and key. */
int mz_store_dkim_seen_put(struct mz_store *store, const char *domain, const char *selector,
			   const struct mz_store_dkim_seen *seen);
/* Calls fn for each server that was asked for the key, by name. The pointers hold during the call. A
 * damaged row is left out: the server is then asked anew. */
int mz_store_dkim_seen_list(struct mz_store *store, const char *domain, const char *selector,
			    void (*fn)(void *arg, const struct mz_store_dkim_seen *seen),
			    void *arg);

/* ---- TLSA keys: what is or was published at an owner, and since when -------------------------- */

#define MZ_SPKI_DIGEST 32 /* SHA-256 of a SubjectPublicKeyInfo: TLSA selector 1, matching type 1 */
#define MZ_TLSA_KEYS 32	  /* at one owner: an answer with them takes some 1600 octets */

enum mz_tlsa_usage { MZ_TLSA_ISSUER = 2, MZ_TLSA_SERVER = 3 }; /* DANE-TA, DANE-EE (RFC 7218) */
enum mz_tlsa_role {
	MZ_TLSA_NEXT, /* the next key of a certificate */
	MZ_TLSA_USED, /* a certificate has it, or one of its issuers */
	MZ_TLSA_OLD,  /* was one of these */
};
struct mz_tlsa_key {
	enum mz_tlsa_usage usage;
	uint8_t digest[MZ_SPKI_DIGEST];
	enum mz_tlsa_role role;
	int64_t since;	/* wall: when it was first seen in this role */
	int64_t served; /* wall: every server was seen to serve it then; 0: not yet */
	int64_t gone;	/* wall: it was deleted before its time, as its host left; 0: it was not */
	uint32_t ttl;	/* seconds from `served` on that resolvers may hold an RRset without it */
};
struct mz_tlsa_set {
	struct mz_tlsa_key key[MZ_TLSA_KEYS];
	size_t count;
};
/* Whose set it is: the certificates are of a mail system, and many domains may share an owner in a
 * zone. */
struct mz_tlsa_place {
	const char *server, *origin;
	const uint8_t *owner; /* wire, lower case: _25._tcp.HOST */
	const char *system;   /* the mail system's name */
};
/* The set of one place, ordered by usage and digest; empty where nothing is known. MZ_ESTATE for a
 * damaged row. */
int mz_store_tlsa_get(struct mz_store *store, const struct mz_tlsa_place *place,
		      struct mz_tlsa_set *out);
/* What is known of the owner anywhere (only `owner` is read): for a place of which nothing is. None of the keys
 * counts as served. */
int mz_store_tlsa_anywhere(struct mz_store *store, const struct mz_tlsa_place *place,
			   struct mz_tlsa_set *out);
/* Replaces the set of one place. */
int mz_store_tlsa_put(struct mz_store *store, const struct mz_tlsa_place *place,
		      const struct mz_tlsa_set *set);
/* Of all mail systems (`system` is not read): the key is being added to the RRset, or written anew.
 * It is not served until that is seen. `ttl` is the longer one of the RRset's before and after; one
 * of the owner's other keys that resolvers may still hold counts too. */
int mz_store_tlsa_adding(struct mz_store *store, const struct mz_tlsa_place *place,
			 enum mz_tlsa_usage usage, const uint8_t digest[MZ_SPKI_DIGEST],
			 uint32_t ttl, int64_t now);
/* Of all mail systems: the key was seen on every server. Those that were seen before stay. */
int mz_store_tlsa_served(struct mz_store *store, const struct mz_tlsa_place *place,
			 enum mz_tlsa_usage usage, const uint8_t digest[MZ_SPKI_DIGEST],
			 int64_t now);
/* Of all mail systems: the key is being deleted from the RRset, and gone. It is forgotten two TTLs later. */
int mz_store_tlsa_deleting(struct mz_store *store, const struct mz_tlsa_place *place,
			   enum mz_tlsa_usage usage, const uint8_t digest[MZ_SPKI_DIGEST],
			   int64_t now);
/* Of all mail systems: calls fn for each server's key at the owner that is USED, or OLD, and not gone. fn may
 * not use the store. */
int mz_store_tlsa_in_use(struct mz_store *store, const struct mz_tlsa_place *place,
			 void (*fn)(void *arg, enum mz_tlsa_role role,
				    const uint8_t digest[MZ_SPKI_DIGEST]),
			 void *arg);

#endif
