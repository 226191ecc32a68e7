/* SPDX-License-Identifier: BSD-2-Clause */
/* The task dkim-management: has the life of a domain's keys decided, and carries the decisions out. */
#include "src/daemon/dkim.h"
#include "src/daemon/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* At once, and begun in one turn of the loop; the others wait for their turn. */
enum { RUNS_MAX = 64 };

/* A key that is not served everywhere after so long is worth a warning, with each look. */
enum { LATE_SECONDS = 3600 };

/* A key pair to be made; the worker's. */
struct pair_order {
	struct dkim_run_part *part; /* NULL: nobody wants it any more */
	enum mz_dkim_algorithm algorithm;
	unsigned bits;
	struct mz_dkim_pair *pair;
	struct mz_cause cause;
};

/* One task under way. Its parts end in any order: `waits` counts them. */
struct dkim_run {
	LIST_ENTRY(dkim_run) link;
	struct app *app;
	struct site *site; /* held */
	const struct mz_conf_domain *domain;
	int64_t task;
	struct dkim_keys keys;
	struct mz_rrlist slots;
	struct dkim_look *look;
	struct dkim_run_part {
		struct dkim_run *run;
		enum mz_dkim_algorithm algorithm;
		struct pair_order *order; /* a key pair is being made */
		char *selector;		  /* handed over in this run */
		bool confirmed;		  /* the signers have taken it */
	} part[MZ_DKIM_ALGORITHMS];
	unsigned waits;
	bool looked, publish, again;
	int64_t next;
	struct mz_cause reason; /* of the first failure */
};

static void advance(struct dkim_run *run);

static void failed(struct dkim_run *run, const char *why)
{
	mz_log(MZ_LOG_WARNING, "dkim", "domain", run->domain->text, "reason", why, NULL);
	if (run->reason.text[0] == '\0')
		(void)mz_cause_set(&run->reason, MZ_EFAILED, "%s", why);
}

static void failed_store(struct dkim_run *run, int err)
{
	failed(run, err == MZ_ENOMEM ? mz_strerror(err) : mz_store_error(run->app->store));
}

static void log_key(const struct dkim_run *run, const struct mz_store_dkim *key,
		    enum mz_dkim_stage stage)
{
	mz_log(MZ_LOG_INFO, "dkim", "domain", run->domain->text, "selector", key->selector,
	       "algorithm", mz_dkim_algorithm_name(key->algorithm), "stage",
	       mz_dkim_stage_name(stage), NULL);
}

/* It is to be looked at again then, or before. */
static void come_back(struct dkim_run *run, int64_t at)
{
	if (run->next == 0 || at < run->next)
		run->next = at;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void run_free(struct dkim_run *run)
{
	LIST_REMOVE(run, link);
	run->app->dkim_running--;
	dkim_look_cancel(run->look);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		if (run->part[a].order != NULL)
			run->part[a].order->part = NULL; /* what was made is thrown away */
		free(run->part[a].selector);
	}
	mz_rrlist_clear(&run->slots);
	dkim_keys_clear(&run->keys);
	site_release(run->site);
	free(run);
}

static void file(const struct dkim_run *run, enum mz_task_kind kind, int64_t due, bool light)
{
	const struct mz_queue_input input = {.kind = kind,
					     .domain = run->domain->text,
					     .families = kind == MZ_TASK_DNS ? 1u << MZ_FAMILY_DKIM
									     : MZ_FAMILIES_ALL,
					     .due = due,
					     .light = light};
	int64_t id = 0;

	(void)run_file(run->app, &input, &id);
}

/* Nothing is under way any more. */
static void finish(struct dkim_run *run)
{
	struct app *app = run->app;
	bool good = run->reason.text[0] == '\0';
	int64_t now = mz_clock_wall();
	enum mz_task_state state = MZ_TASK_DONE;

	if (run->publish)
		file(run, MZ_TASK_DNS, now, false);
	if (mz_queue_finish(app->queue, run->task, good ? MZ_RESULT_DONE : MZ_RESULT_RETRY,
			    run->reason.text, now, mz_random_below(UINT32_MAX), &state) != MZ_OK)
		state = MZ_TASK_FAILED;
	if (state == MZ_TASK_FAILED)
		mz_log(MZ_LOG_ERROR, "task_failed", "task", MZ_NUM(run->task), "reason",
		       run->reason.text, NULL);
	if (state == MZ_TASK_DONE || state == MZ_TASK_FAILED)
		command_task_over(app, run->task, state, run->reason.text);
	/* A failed task does not stop what is to come; and what is to come for one algorithm does not
	 * wait for the retry of another. */
	if (state == MZ_TASK_FAILED)
		come_back(run, now + app->site->conf->reconcile_interval);
	if (run->publish)
		come_back(run, now + run->domain->server->polling_interval);
	if (run->next != 0)
		file(run, MZ_TASK_DKIM, run->next > now ? run->next : now + 1, true);
	if (mz_store_dirty(app->store))
		(void)mz_engine_commit(app->engine, NULL, NULL);
	run_soon(app);
	run_free(run);
}

/* One of the parts under way is over. */
static void part_over(struct dkim_run *run)
{
	if (--run->waits > 0)
		return;
	if (run->again)
		advance(run);
	else
		finish(run);
}

/* ---- decisions that are carried out at once ---------------------------------------------------------------- */

static void set_stage(struct dkim_run *run, const struct mz_store_dkim *key,
		      enum mz_dkim_stage stage)
{
	int err = mz_store_dkim_set_stage(run->app->store, run->domain->text, key->selector, stage,
					  mz_clock_wall());

	if (err != MZ_OK) {
		failed_store(run, err);
		return;
	}
	log_key(run, key, stage);
	run->again = true; /* what comes after this stage */
}

/* The file first: a crash between the two leaves a key whose file is gone already, to be deleted again. */
static void delete_key(struct dkim_run *run, const struct mz_store_dkim *key)
{
	struct mz_str path = {0};
	struct mz_cause cause = {0};
	int err = mz_dkim_key_path(&path, run->site->conf->state_directory, run->domain->text,
				   key->selector, &cause);

	if (err == MZ_OK && unlink(path.s) != 0 && errno != ENOENT)
		err = mz_cause_set(&cause, MZ_EIO, "cannot delete %s: %s", path.s, strerror(errno));
	mz_str_clear(&path);
	if (err != MZ_OK) {
		failed(run, cause.text);
		return;
	}
	signers_forget(run->site->conf, run->domain->text, key->selector);
	set_stage(run, key, MZ_DKIM_DELETED);
	run->publish = run->publish || key->stage == MZ_DKIM_REVOKED;
}

/* ---- a new key ------------------------------------------------------------------------------------------- */

static void place(struct dkim_run_part *part, const struct pair_order *order)
{
	struct dkim_run *run = part->run;
	struct mz_store_dkim key = {.algorithm = part->algorithm};
	struct mz_cause why = order->cause;
	struct mz_str selector = {0};
	int err = MZ_ECRYPTO;

	if (order->pair != NULL)
		err = mz_dkim_pair_place(order->pair, run->app->store,
					 run->site->conf->state_directory, run->domain,
					 mz_clock_wall(), &selector, &why);
	if (err != MZ_OK) {
		failed(run, why.text);
	} else {
		key.selector = selector.s;
		log_key(run, &key, MZ_DKIM_PENDING);
		run->publish = true;
	}
	mz_str_clear(&selector);
}

/* In the thread. */
static void make_pair(void *arg)
{
	struct pair_order *order = arg;

	(void)mz_dkim_pair_new(&order->pair, order->algorithm, order->bits, &order->cause);
}

static void on_made(void *arg, bool over)
{
	struct pair_order *order = arg;
	struct dkim_run_part *part = over ? NULL : order->part;

	if (part != NULL) {
		part->order = NULL;
		place(part, order);
	}
	mz_dkim_pair_free(order->pair);
	free(order);
	if (part != NULL)
		part_over(part->run);
}

static void make(struct dkim_run *run, struct dkim_run_part *part)
{
	struct pair_order *order = calloc(1, sizeof(*order));

	if (order != NULL)
		*order = (struct pair_order){.part = part,
					     .algorithm = part->algorithm,
					     .bits = run->domain->rsa_bits};
	if (order == NULL || worker_order(run->app->maker, make_pair, on_made, order) != MZ_OK) {
		free(order);
		failed(run, mz_strerror(MZ_ENOMEM));
		return;
	}
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
		failed(run, reason);
	part_over(run);
}

static void handed_not(struct dkim_run_part *part, const char *why)
{
	handed(part, part->run->task, false, why);
}

/* The files are written: the hook, where there is one, tells the signers. */
static void on_written(void *arg, int err, const char *why)
{
	struct dkim_run_part *part = arg;
	struct dkim_run *run = part->run;
	const struct mz_life_input *life = &run->keys.life[part->algorithm];
	const char *const *argv = run->app->site->conf->hooks.dkim_activated;
	const char *old = "";
	struct mz_str path = {0};
	struct mz_cause cause = {0};

	if (err != MZ_OK || argv == NULL) {
		handed(part, run->task, err == MZ_OK, why);
		return;
	}
	for (size_t k = 0; k < life->key_count; k++) {
		if (life->keys[k].row.stage == MZ_DKIM_ACTIVE)
			old = life->keys[k].row.selector;
	}
	err = signers_key_path(&path, run->site->conf, run->domain->text, part->selector, &cause);
	if (err == MZ_OK) {
		const struct hook_env env[] = {{"DOMAIN", run->domain->text},
					       {"SELECTOR", part->selector},
					       {"ALGORITHM",
						mz_dkim_algorithm_name(part->algorithm)},
					       {"KEYFILE", path.s},
					       {"OLD_SELECTOR", old},
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

/* What was handed over is durable: now whoever signs may learn of it. */
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

static void hand(struct dkim_run *run, struct dkim_run_part *part, const struct mz_store_dkim *key)
{
	int err = MZ_OK;

	if (part->selector != NULL)
		return; /* it failed: once a run is enough */
	part->selector = strdup(key->selector);
	if (key->handed == 0)
		err = mz_store_dkim_set_handed(run->app->store, run->domain->text, key->selector,
					       mz_clock_wall());
	if (err != MZ_OK) {
		failed_store(run, err);
		return;
	}
	if (part->selector == NULL ||
	    mz_engine_commit(run->app->engine, on_durable, part) != MZ_OK) {
		failed(run, mz_strerror(MZ_ENOMEM));
		return;
	}
	run->waits++;
}

/* ---- decisions --------------------------------------------------------------------------------------------- */

static void carry_out(struct dkim_run *run, enum mz_dkim_algorithm algorithm,
		      const struct mz_life_step *step)
{
	const struct mz_life_key *keys = run->keys.life[algorithm].keys;
	const struct mz_store_dkim *key = step->key == MZ_LIFE_NONE ? NULL : &keys[step->key].row;

	switch (step->act) {
	case MZ_LIFE_SWITCH: /* one turn of the loop is one transaction */
		set_stage(run, key, MZ_DKIM_ACTIVE);
		if (step->old != MZ_LIFE_NONE)
			set_stage(run, &keys[step->old].row, MZ_DKIM_RETIRING);
		break;
	case MZ_LIFE_HAND:
		hand(run, &run->part[algorithm], key);
		break;
	case MZ_LIFE_MAKE:
		make(run, &run->part[algorithm]);
		break;
	case MZ_LIFE_PUBLISH:
		run->publish = true;
		break;
	case MZ_LIFE_RETIRE:
		set_stage(run, key, MZ_DKIM_RETIRING);
		signers_refresh(run->app);
		break;
	case MZ_LIFE_REMOVE:
		set_stage(run, key, MZ_DKIM_RETIRED);
		run->publish = true;
		break;
	case MZ_LIFE_DELETE:
		delete_key(run, key);
		break;
	}
}

static void warn_late(const struct dkim_run *run, const struct mz_life_input *life)
{
	for (size_t k = 0; k < life->key_count; k++) {
		const struct mz_store_dkim *row = &life->keys[k].row;
		struct mz_str waiting = {0};

		if (row->stage == MZ_DKIM_PENDING && row->created + LATE_SECONDS < life->now) {
			(void)mz_life_outlook(life, k, &waiting);
			mz_log(MZ_LOG_WARNING, "dkim", "domain", run->domain->text, "selector",
			       row->selector, "waiting_for", waiting.s, NULL);
		}
		mz_str_clear(&waiting);
	}
}

static void on_looked(void *arg, const struct dkim_server *servers, size_t count)
{
	struct dkim_run *run = arg;
	int err = MZ_OK;

	(void)count;
	run->look = NULL;
	run->looked = true;
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++)
		run->keys.life[a].now = mz_clock_wall();
	err = dkim_keys_see(&run->keys, run->app->store, servers);
	if (err != MZ_OK)
		failed_store(run, err);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++)
		warn_late(run, &run->keys.life[a]);
	run->again = err == MZ_OK;
	part_over(run);
}

/* The servers are asked before anything that depends on it. False: it cannot be. */
static bool look(struct dkim_run *run)
{
	int err = dkim_keys_slots(&run->keys, &run->slots);

	if (err == MZ_OK)
		err = dkim_look_start(&run->look, run->app->net, run->domain, &run->slots,
				      on_looked, run);
	if (err != MZ_OK)
		failed(run, mz_strerror(err));
	return err == MZ_OK;
}

/* Reads the keys; after a look they are at hand, with what was seen. */
static bool load(struct dkim_run *run)
{
	int err = MZ_OK;

	if (run->looked && run->keys.life[0].looked)
		return true;
	dkim_keys_clear(&run->keys);
	err = dkim_keys_load(&run->keys, run->app, run->domain, mz_clock_wall());
	if (err != MZ_OK)
		failed_store(run, err);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		for (size_t k = 0; k < run->keys.life[a].key_count; k++)
			run->keys.key[a][k].confirmed =
				run->part[a].confirmed &&
				strcmp(run->part[a].selector, run->keys.key[a][k].row.selector) ==
					0;
	}
	return err == MZ_OK;
}

/* Decides, and begins what was decided. What was confirmed meanwhile is decided anew. */
static void advance(struct dkim_run *run)
{
	struct mz_life life[MZ_DKIM_ALGORITHMS];

	run->again = false;
	run->next = 0;
	if (!load(run)) {
		finish(run);
		return;
	}
	run->waits = 1; /* this function itself: nothing ends before all has begun */
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		life[a] = mz_life_decide(&run->keys.life[a]);
		if (life[a].look && !run->looked && look(run))
			return; /* its end is what is waited for */
		if (life[a].look)
			come_back(run, run->keys.life[a].now);
		if (life[a].next != 0)
			come_back(run, life[a].next);
	}
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		run->keys.life[a].looked = false;
		for (size_t i = 0; i < life[a].count; i++)
			carry_out(run, (enum mz_dkim_algorithm)a, &life[a].step[i]);
	}
	part_over(run);
}

void dkim_start(struct app *app, const struct mz_task *task, const struct mz_conf_domain *domain)
{
	struct dkim_run *run = NULL;

	LIST_FOREACH(run, &app->dkim_runs, link)
	{
		if (strcmp(run->domain->text, task->domain) == 0)
			return; /* its turn comes after that one */
	}
	if (app->dkim_running >= RUNS_MAX || app->dkim_started >= RUNS_MAX)
		return;
	run = calloc(1, sizeof(*run));
	if (run == NULL || mz_queue_start(app->queue, task->id, mz_clock_wall()) != MZ_OK) {
		free(run);
		return;
	}
	run->app = app;
	run->site = app->site;
	site_hold(run->site);
	run->domain = domain;
	run->task = task->id;
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		run->part[a].run = run;
		run->part[a].algorithm = (enum mz_dkim_algorithm)a;
	}
	LIST_INSERT_HEAD(&app->dkim_runs, run, link);
	app->dkim_running++;
	app->dkim_started++;
	advance(run);
}

void dkim_clear(struct app *app)
{
	struct dkim_run *run = NULL;

	while ((run = LIST_FIRST(&app->dkim_runs)) != NULL)
		run_free(run);
}

int dkim_file(struct app *app, const struct mz_conf_domain *domain, int64_t due)
{
	const struct mz_queue_input input = {.kind = MZ_TASK_DKIM,
					     .domain = domain->text,
					     .families = MZ_FAMILIES_ALL,
					     .due = due,
					     .light = true};
	int64_t id = 0;

	return dkim_is_kept(domain) ? run_file(app, &input, &id) : MZ_OK;
}
