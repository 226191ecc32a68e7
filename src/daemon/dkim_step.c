/* SPDX-License-Identifier: BSD-2-Clause */
/* Carries out what was decided for a domain's DKIM keys: stages, files, new keys, handing over. */
#include "src/daemon/dkim.h"
#include "src/daemon/worker.h"

#include <stdlib.h>
#include <string.h>

/* A key pair to be made. But for `part` it is the worker's. */
struct pair_order {
	struct dkim_run_part *part; /* NULL: nobody wants it any more */
	struct site *site;	    /* held */
	const struct mz_conf_domain *domain;
	enum mz_dkim_algorithm algorithm;
	int64_t now;
	struct mz_dkim_pair *pair;
	struct mz_cause cause;
	int err;
};

void dkim_failed(struct dkim_run *run, const char *why)
{
	mz_log(MZ_LOG_WARNING, "dkim", "domain", run->domain->text, "reason", why, NULL);
	if (run->reason.text[0] == '\0')
		(void)mz_cause_set(&run->reason, MZ_EFAILED, "%s", why);
}

void dkim_failed_store(struct dkim_run *run, int err)
{
	dkim_failed(run, err == MZ_ENOMEM ? mz_strerror(err) : mz_store_error(run->app->store));
}

static void log_key(const struct dkim_run *run, const struct mz_store_dkim *key,
		    enum mz_dkim_stage stage)
{
	mz_log(MZ_LOG_INFO, "dkim", "domain", run->domain->text, "selector", key->selector,
	       "algorithm", mz_dkim_algorithm_name(key->algorithm), "stage",
	       mz_dkim_stage_name(stage), NULL);
}

/* ---- decisions that are carried out at once ---------------------------------------------------------------- */

static bool set_stage(struct dkim_run *run, const struct mz_store_dkim *key,
		      enum mz_dkim_stage stage)
{
	int err = mz_store_dkim_set_stage(run->app->store, run->domain->text, key->selector, stage,
					  mz_clock_wall());

	if (err != MZ_OK) {
		dkim_failed_store(run, err);
		return false;
	}
	log_key(run, key, stage);
	run->again = true; /* what comes after this stage */
	return true;
}

/* `old`, which may be NULL, retires. */
static void switch_keys(struct dkim_run *run, const struct mz_store_dkim *key,
			const struct mz_store_dkim *old)
{
	int err = mz_store_dkim_switch(run->app->store, run->domain->text, key->selector,
				       old == NULL ? NULL : old->selector, mz_clock_wall());

	if (err != MZ_OK) {
		dkim_failed_store(run, err);
		return;
	}
	log_key(run, key, MZ_DKIM_ACTIVE);
	if (old != NULL)
		log_key(run, old, MZ_DKIM_RETIRING);
	run->again = true;
}

/* The signers do not have the key any more. */
static void set_free(struct dkim_run *run, const struct mz_store_dkim *key)
{
	int err = mz_store_dkim_set_handed(run->app->store, run->domain->text, key->selector, 0);

	if (err != MZ_OK)
		dkim_failed_store(run, err);
	else
		run->again = true;
}

/* The file first: a crash between the two leaves a key whose file is gone already, to be deleted again. */
static void delete_key(struct dkim_run *run, const struct mz_store_dkim *key)
{
	struct mz_cause cause = {0};

	if (dkim_files_forget(run->app->site->conf, run->domain->text, key->selector, &cause) !=
	    MZ_OK) {
		dkim_failed(run, cause.text);
		return;
	}
	(void)set_stage(run, key, MZ_DKIM_DELETED);
	run->publish = run->publish || key->stage == MZ_DKIM_REVOKED;
}

/* ---- a new key ------------------------------------------------------------------------------------------- */

static void keep(struct dkim_run_part *part, struct pair_order *order)
{
	struct dkim_run *run = part->run;
	struct mz_store_dkim key = {.algorithm = part->algorithm};

	if (order->err == MZ_OK)
		order->err = mz_dkim_pair_keep(order->pair, run->app->store, run->domain,
					       mz_clock_wall(), &order->cause);
	if (order->err != MZ_OK) {
		dkim_failed(run, order->cause.text);
		return;
	}
	key.selector = mz_dkim_pair_selector(order->pair);
	log_key(run, &key, MZ_DKIM_PENDING);
	run->publish = true;
}

/* In the thread. It reads by a database connection of its own. */
static void make_pair(void *arg)
{
	struct pair_order *order = arg;
	const char *state = order->site->conf->state_directory;
	struct mz_store *store = NULL;

	order->err = mz_dkim_pair_new(&order->pair, order->algorithm, order->domain->rsa_bits,
				      &order->cause);
	if (order->err == MZ_OK)
		order->err = mz_store_open_readonly(&store, state, &order->cause);
	if (order->err == MZ_OK)
		order->err = mz_dkim_pair_write(order->pair, store, state, order->domain,
						order->now, &order->cause);
	mz_store_close(store);
}

static void on_made(void *arg, bool over)
{
	struct pair_order *order = arg;
	struct dkim_run_part *part = over ? NULL : order->part;

	if (part != NULL) {
		part->order = NULL;
		keep(part, order);
	}
	mz_dkim_pair_free(order->pair);
	site_release(order->site);
	free(order);
	if (part != NULL)
		dkim_part_over(part->run);
}

void dkim_part_clear(struct dkim_run_part *part)
{
	if (part->order != NULL)
		part->order->part = NULL; /* what was made is thrown away */
	free(part->selector);
}

static void make(struct dkim_run *run, struct dkim_run_part *part)
{
	struct pair_order *order = calloc(1, sizeof(*order));

	if (order != NULL)
		*order = (struct pair_order){.part = part,
					     .site = run->site,
					     .domain = run->domain,
					     .algorithm = part->algorithm,
					     .now = mz_clock_wall()};
	if (order == NULL || worker_order(run->app->maker, make_pair, on_made, order) != MZ_OK) {
		free(order);
		dkim_failed(run, mz_strerror(MZ_ENOMEM));
		return;
	}
	site_hold(order->site);
	part->order = order;
	run->waits++;
}

/* ---- handing over ------------------------------------------------------------------------------------------ */

static void handed(void *arg, int64_t task, bool good, const char *reason)
{
	struct dkim_run_part *part = arg;
	struct dkim_run *run = part->run;

	(void)task;
	part->confirmed = good;
	run->again = run->again || good;
	if (!good)
		dkim_failed(run, reason);
	dkim_part_over(run);
}

static void handed_not(struct dkim_run_part *part, const char *why)
{
	handed(part, part->run->task, false, why);
}

/* The key that is signed with now, or none. */
static const char *active_of(const struct mz_life_input *life)
{
	const char *selector = "";

	for (size_t k = 0; k < life->key_count; k++) {
		if (life->keys[k].row.stage == MZ_DKIM_ACTIVE)
			selector = life->keys[k].row.selector;
	}
	return selector;
}

/* The files are written: the hook, where there is one, tells the signers. */
static void on_written(void *arg, int err, const char *why)
{
	struct dkim_run_part *part = arg;
	struct dkim_run *run = part->run;
	const char *active = active_of(&run->keys.life[part->algorithm]);
	bool hand = part->act == MZ_LIFE_HAND;
	const char *selector = hand ? part->selector : active;
	const char *const *argv = run->app->site->conf->hooks.dkim_activated;
	struct mz_str path = {0};
	struct mz_cause cause = {0};

	if (err != MZ_OK || argv == NULL) {
		handed(part, run->task, err == MZ_OK, why);
		return;
	}
	mz_str_add(&path, "");
	if (selector[0] != '\0')
		err = dkim_files_key(&path, run->site->conf, run->domain->text, selector, &cause);
	if (err == MZ_OK && path.failed)
		err = MZ_ENOMEM;
	if (err == MZ_OK) {
		const struct hook_env env[] = {{"DOMAIN", run->domain->text},
					       {"SELECTOR", selector},
					       {"ALGORITHM",
						mz_dkim_algorithm_name(part->algorithm)},
					       {"KEYFILE", path.s},
					       {"OLD_SELECTOR", hand ? active : part->selector},
					       {NULL, NULL}};

		err = hook_start(run->app, &(struct hook_input){.name = "dkim_activated",
								.argv = argv,
								.env = env,
								.task = run->task,
								.done = handed,
								.arg = part});
	}
	mz_str_clear(&path);
	if (err != MZ_OK)
		handed_not(part, cause.text[0] != '\0' ? cause.text : mz_strerror(err));
}

/* What is to be signed with is durable: now whoever signs may learn of it. */
static void on_durable(void *arg, int err, const char *why)
{
	struct dkim_run_part *part = arg;
	struct app *app = part->run->app;

	if (err != MZ_OK)
		handed_not(part, why);
	else if (!signers_are_wanted(app->site->conf))
		on_written(part, MZ_OK, "");
	else if (signers_write(app, on_written, part) != MZ_OK)
		handed_not(part, mz_strerror(MZ_ENOMEM));
}

/* `act`: HAND, or TELL. */
static void tell(struct dkim_run *run, struct dkim_run_part *part, enum mz_life_act act,
		 const struct mz_store_dkim *key)
{
	int err = MZ_OK;

	if (part->selector != NULL && part->act == act &&
	    strcmp(part->selector, key->selector) == 0)
		return; /* it failed: once a run is enough */
	free(part->selector);
	part->selector = strdup(key->selector);
	part->act = act;
	part->confirmed = false;
	if (key->handed == 0)
		err = mz_store_dkim_set_handed(run->app->store, run->domain->text, key->selector,
					       mz_clock_wall());
	if (err != MZ_OK) {
		dkim_failed_store(run, err);
		return;
	}
	if (part->selector == NULL ||
	    mz_engine_commit(run->app->engine, on_durable, part) != MZ_OK) {
		dkim_failed(run, mz_strerror(MZ_ENOMEM));
		return;
	}
	run->waits++;
}

void dkim_carry_out(struct dkim_run *run, enum mz_dkim_algorithm algorithm,
		    const struct mz_life_step *step)
{
	const struct mz_life_key *keys = run->keys.life[algorithm].keys;
	const struct mz_store_dkim *key = step->key == MZ_LIFE_NONE ? NULL : &keys[step->key].row;

	switch (step->act) {
	case MZ_LIFE_SWITCH:
		switch_keys(run, key, step->old == MZ_LIFE_NONE ? NULL : &keys[step->old].row);
		break;
	case MZ_LIFE_HAND:
	case MZ_LIFE_TELL:
		tell(run, &run->part[algorithm], step->act, key);
		break;
	case MZ_LIFE_TOLD:
		if (key->stage != MZ_DKIM_RETIRING || set_stage(run, key, MZ_DKIM_RETIRING))
			set_free(run, key);
		/* As long as they had it, a record that is no longer wanted was not let go. */
		run->publish = run->publish || !dkim_is_kept(run->domain);
		break;
	case MZ_LIFE_MAKE:
		make(run, &run->part[algorithm]);
		break;
	case MZ_LIFE_PUBLISH:
		run->publish = true;
		break;
	case MZ_LIFE_RETIRE:
		(void)set_stage(run, key, MZ_DKIM_RETIRING);
		break;
	case MZ_LIFE_REMOVE:
		(void)set_stage(run, key, MZ_DKIM_RETIRED);
		run->publish = true;
		break;
	case MZ_LIFE_DELETE:
		delete_key(run, key);
		break;
	}
}
