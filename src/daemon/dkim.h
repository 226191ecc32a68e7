/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM keys over time: what the files about them share. */
#ifndef MZ_DAEMON_DKIM_H
#define MZ_DAEMON_DKIM_H

#include "src/daemon/daemon.h"

/* ---- dkim_look.c: what every server of a zone serves ------------------------------------------------ */

/* One server; the first is the primary. */
struct dkim_server {
	const char *text;      /* "192.0.2.54:53": by this it is remembered */
	bool answered;	       /* the zone and the slots, with authority */
	uint32_t serial;       /* of the zone, from before the slots were read */
	uint32_t negative_ttl; /* seconds: RFC 2308 */
	uint32_t expire;       /* seconds: of the SOA */
	struct mz_rrlist rrs;  /* what it has at the slots; empty where it did not answer */
};
struct dkim_look;
/* `servers` holds during the call. Once, from the loop, never after cancel. */
typedef void (*dkim_looked)(void *arg, const struct dkim_server *servers, size_t count);
/* Asks the domain's primary and all of its secondaries, side by side. `slots`: owners and types, borrowed
 * until it is over, as the domain is. MZ_ENOMEM, or an address that is none: nothing was started. */
int dkim_look_start(struct dkim_look **out, struct mz_net *net, const struct mz_conf_domain *domain,
		    const struct mz_rrlist *slots, dkim_looked done, void *arg);
void dkim_look_cancel(struct dkim_look *look);

/* ---- dkim_files.c: what signers read, on disk ----------------------------------------------------------- */

/* Where signers find a key: its copy for them, or the file in the state. As mz_dkim_key_path. */
int dkim_files_key(struct mz_str *out, const struct mz_conf *conf, const char *domain,
		   const char *selector, struct mz_cause *cause);
/* Writes all files for signers, where they differ, from what is committed in the store. For a thread: it
 * opens the store for itself. Errors with a cause. */
int dkim_files_write(const struct mz_conf *conf, struct mz_cause *cause);

/* ---- dkim_gone.c: files of keys that are no more ------------------------------------------------------- */

/* Deletes the files of a key, the copies for signers too, as no table names it any more. One that the
 * configuration names, as the operator took it over, stays. MZ_EIO, MZ_ENOMEM with a cause. */
int dkim_files_forget(const struct mz_conf *conf, const char *domain, const char *selector,
		      struct mz_cause *cause);
/* The domain's folders go, where nothing is in them. */
void dkim_files_leave(const struct mz_conf *conf, const char *domain);
/* At the start, before any key is made: deletes what was being written when a process was killed. A key
 * file that the state does not know is named in a warning, and stays: if the state was lost, it may be all
 * that is left of a key in use. */
void dkim_sweep(struct app *app);

/* ---- dkim_told.c ---------------------------------------------------------------------------------------- */

/* At the start, before signers' files are written: a pending key that was to be handed over, and that none of the
 * files names, is handed to nobody. What made it ready may be long ago, so that it is decided anew. Where there are
 * no files it may have been told all the same. Errors are logged. */
void dkim_recall(struct app *app);

/* ---- dkim_signers.c: one write after the other ---------------------------------------------------------- */

/* Are any files for signers configured? */
bool signers_are_wanted(const struct mz_conf *conf);
/* Once, from the loop: MZ_OK, or an error and why. */
typedef void (*signers_written)(void *arg, int err, const char *why);
/* Has the files written anew; writes that are asked for while one is under way are one. MZ_ENOMEM. */
int signers_write(struct app *app, signers_written done, void *arg);
/* Waits for what is being written; nobody is told. */
void signers_clear(struct app *app);

/* ---- dkim_keys.c: the keys of a domain as the pure life wants them ------------------------------------- */

/* {0} is an empty one. */
struct dkim_keys {
	struct mz_arena arena;
	const struct mz_conf_domain *domain;
	const char **servers; /* as dkim_server.text */
	size_t server_count;
	struct mz_life_key *key[MZ_DKIM_ALGORITHMS]; /* the keys of the lives */
	struct mz_life_input life[MZ_DKIM_ALGORITHMS];
};
/* Reads them from the store. `now` is the time of their decisions. MZ_ENOMEM or an error of the store. */
int dkim_keys_load(struct dkim_keys *out, struct app *app, const struct mz_conf_domain *domain,
		   int64_t now);
void dkim_keys_clear(struct dkim_keys *keys);
/* The slots of all records that should be there or may be. MZ_ENOMEM. */
int dkim_keys_slots(const struct dkim_keys *keys, struct mz_rrlist *out);
/* Puts what a look found into the store. MZ_ENOMEM or an error of the store. */
int dkim_keys_see(struct dkim_keys *keys, struct mz_store *store, const struct dkim_server *servers,
		  int64_t now);
/* Does the daemon keep the domain's DKIM keys? */
bool dkim_is_kept(const struct mz_conf_domain *domain);

/* ---- dkim.c and dkim_step.c: one task ------------------------------------------------------------------- */

struct pair_order;

/* One task under way. Its parts end in any order: `waits` counts them. */
struct dkim_run {
	LIST_ENTRY(dkim_run) link;
	struct app *app;
	struct site *site; /* held */
	const struct mz_conf_domain *domain;
	struct mz_conf_domain left; /* it, where its keys are not kept any more ... */
	char *name;		    /* ... and its name, where it is not in the configuration */
	int64_t task;
	struct dkim_keys keys;
	struct mz_rrlist slots;
	struct dkim_look *look;
	struct dkim_run_part {
		struct dkim_run *run;
		enum mz_dkim_algorithm algorithm;
		struct pair_order *order; /* a key pair is being made */
		enum mz_life_act act;	  /* HAND or TELL: what signers are told in this run ... */
		char *selector;		  /* ... of this key; NULL: nothing yet */
		bool confirmed;		  /* they have done so */
	} part[MZ_DKIM_ALGORITHMS];
	unsigned waits;
	int64_t looked;	     /* wall: when the servers were asked; 0: not yet */
	bool publish, again; /* a record changes; something to be decided anew */
	bool acted;	     /* some step was taken */
	int64_t next;
	struct mz_cause reason; /* of the first failure */
};

/* One of the parts under way is over, good or not: `waits` counts down. The run may be gone after it. */
void dkim_part_over(struct dkim_run *run);
/* Begins one step; what does not end at once counts in `waits`. */
void dkim_carry_out(struct dkim_run *run, enum mz_dkim_algorithm algorithm,
		    const struct mz_life_step *step);
/* Something went wrong; the rest goes on, and the task is tried again. */
void dkim_failed(struct dkim_run *run, const char *why);
/* The same for an error of the store. */
void dkim_failed_store(struct dkim_run *run, int err);
void dkim_part_clear(struct dkim_run_part *part);

/* ---- dkim_left.c: keys that are not kept any more ------------------------------------------------------- */

/* Makes run->domain what is known of the domain; no key of it is wanted. MZ_ENOMEM. */
int dkim_left_describe(struct dkim_run *run, const char *name);
/* A run went well: what follows for a domain that left, once its signers have no key of it, and once all of
 * its keys are deleted. MZ_ENOMEM or an error of the store. */
int dkim_left_over(const struct dkim_run *run);

#endif
