/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `report`: a run over some domains, and what people and programs are told of it. */
#ifndef MZ_REPORT_H
#define MZ_REPORT_H

#include "mailzone/flow.h"

enum mz_format { MZ_FORMAT_TEXT, MZ_FORMAT_JSON, MZ_FORMAT_NSUPDATE };

/* ---- which domains ----------------------------------------------------------------------------- */

/* Domains to work on; `domain` is borrowed from the configuration, or from `made`. {0} is an empty one. */
struct mz_selection {
	const struct mz_conf_domain **domain;
	size_t count;
	struct mz_conf_domain *made; /* what the ledger knows of a domain: see mz_select_places */
	const char *value;	     /* of a challenge; else NULL */
	struct mz_arena arena;
};
/* Where complaints go: one line each. */
typedef void (*mz_say)(void *arg, const char *line);

/* The domains of these names, each once, or all under automatic management for no name. A name that is
 * none, or of a domain under manual management, is a complaint and MZ_EINVAL. */
int mz_select(struct mz_selection *out, const struct mz_conf *conf, const char *const *names,
	      size_t count, mz_say say, void *arg);
/* The places where the ledger has RRs of a domain, which may have left the configuration: one made up
 * domain each, to withdraw. None for a configured domain without a ledger; MZ_ENOTFOUND with a complaint
 * where there is neither. Says where the records would come again. */
int mz_select_places(struct mz_selection *out, const struct mz_conf *conf, struct mz_store *store,
		     const char *name, mz_say say, void *arg);
/* "present" or "cleanup" to the mode of its run; false for another word. */
bool mz_challenge_mode(const char *word, enum mz_flow_mode *mode);
/* An ACME challenge (RFC 8555 8.4) for the certificate's name `name`, of which a "*." in front is dropped:
 * one made up domain at _acme-challenge.NAME, in the deepest zone that we keep. MZ_EINVAL with a complaint
 * for a name that no certificate can have, a value that is no SHA-256 in base64url, a zone that is not
 * ours; MZ_ENOMEM. Pure. */
int mz_select_challenge(struct mz_selection *out, const struct mz_conf *conf, const char *name,
			const char *value, mz_say say, void *arg);
void mz_selection_clear(struct mz_selection *selection);

/* ---- a run --------------------------------------------------------------------------------------- */

struct mz_run_input {
	const struct mz_conf *conf;
	struct mz_facts_cache *facts;
	const struct mz_selection *selection;
	mz_families families;
	enum mz_flow_mode mode;
	const struct mz_store_change *undo; /* mode UNDO */
	enum mz_format format;
	bool colour;
	/* Queues a job, as mz_engine_add does. The job is borrowed until it is done. */
	int (*submit)(void *arg, const struct mz_job *job, mz_flow_done done, void *done_arg);
	void (*output)(void *arg, const char *text); /* in the order of the selection */
	mz_say error;
	void (*done)(void *arg); /* once, from the loop: everything is printed */
	void *arg;
};
struct mz_run;
/* Starts a run over the selection: a job a zone; of a challenge a job for each CNAME, one after the other.
 * All of the input is borrowed until mz_run_free. With nothing selected it is over at once, and `done` is
 * not called. MZ_ENOMEM. */
int mz_run_start(struct mz_run **out, const struct mz_run_input *input);
void mz_run_free(struct mz_run *run);
/* How many of the domains are done. */
size_t mz_run_finished(const struct mz_run *run);
/* What commands.md has as the exit status: 0, 1 failed or refused, 2 changes pending (mode PLAN). */
int mz_run_status(const struct mz_run *run);

/* ---- the gate ------------------------------------------------------------------------------------ */

/* May the certificates of this host be switched to their next keys now? Reads the files anew: what counts is the
 * next key that is on disk, seen on every server for two TTLs wherever a certificate of the host is published.
 * Returns what commands.md has as the exit status: 0 yes, 2 not yet; 1 after a complaint. The answer is added to
 * *out as text or JSON: {"host", "safe", "until", "reason", "certificates": [{"file", "next_key"}]}. `store` may be
 * NULL: nothing is known. */
int mz_gate(const struct mz_conf *conf, struct mz_store *store, const char *host, int64_t now,
	    bool json, struct mz_str *out, mz_say say, void *arg);

#endif
