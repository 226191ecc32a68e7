/* SPDX-License-Identifier: BSD-2-Clause */
/* From one site to the next: what is new or changed is due, what left is let go or withdrawn. */
#include "src/daemon/dkim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/daemon/watch.h"

/* Names gathered while the store lists them: it must not be changed below its own list. */
struct names {
	struct mz_arena arena;
	struct mz_store_domain *item;
	size_t count, cap;
	int err;
};

static void on_domain(void *arg, const struct mz_store_domain *domain)
{
	struct names *names = arg;

	if (names->err != MZ_OK)
		return;
	if (names->count == names->cap) {
		size_t cap = names->cap == 0 ? 64 : names->cap * 2;
		struct mz_store_domain *more = realloc(names->item, cap * sizeof(*more));

		if (more == NULL) {
			names->err = MZ_ENOMEM;
			return;
		}
		names->item = more;
		names->cap = cap;
	}
	names->item[names->count] = *domain;
	names->item[names->count].name = mz_arena_strdup(&names->arena, domain->name);
	if (names->item[names->count].name == NULL)
		names->err = MZ_ENOMEM;
	else
		names->count++;
}

static void on_name(void *arg, const char *name)
{
	on_domain(arg, &(struct mz_store_domain){.name = name});
}

static void names_clear(struct names *names)
{
	free(names->item);
	mz_arena_clear(&names->arena);
}

/* ---- what left ------------------------------------------------------------------------------------------ */

/* The records stay in the zone, and are no longer ours. */
static int let_go(struct app *app, const char *domain)
{
	bool any = false;
	int err = mz_store_let_go(app->store, domain, &any);

	if (err == MZ_OK && any)
		mz_log(MZ_LOG_INFO, "let_go", "domain", domain, NULL);
	return err;
}

/* The signers give up its keys first: until then none of its records goes. */
static int leave(struct app *app, const struct mz_store_domain *domain)
{
	bool gone = mz_conf_find_domain(app->site->conf, domain->name) == NULL;
	struct mz_store_domain known = *domain;
	int err = MZ_OK;

	if (!gone || domain->on_removal == MZ_REMOVAL_KEEP) {
		err = let_go(app, domain->name);
		known.on_removal = MZ_REMOVAL_DONE;
	}
	if (err == MZ_OK)
		err = gone ? mz_store_domain_put(app->store, &known)
			   : mz_store_domain_delete(app->store, domain->name);
	return err == MZ_OK ? dkim_file(app, domain->name, mz_clock_wall()) : err;
}

static bool is_automatic(const struct mz_conf *conf, const char *name)
{
	const struct mz_conf_domain *domain = mz_conf_find_domain(conf, name);

	return domain != NULL && domain->automatic;
}

static bool keeps_dkim(const struct mz_conf *conf, const char *name)
{
	const struct mz_conf_domain *domain = mz_conf_find_domain(conf, name);

	return domain != NULL && dkim_is_kept(domain);
}

/* Those that were under automatic management and are not any more, as a whole or with their DKIM keys. */
static int leave_all(struct app *app)
{
	const struct site *site = app->site;
	int err = MZ_OK;

	for (size_t i = 0; i < site->left_count && err == MZ_OK; i++) {
		const struct mz_conf_domain *was = site->left[i];

		if (was->automatic && !is_automatic(site->conf, was->text))
			err = leave(app, &(struct mz_store_domain){was->text, was->on_removal,
								   was->delete_after});
		else
			err = dkim_file(app, was->text, mz_clock_wall());
	}
	return err;
}

/* ---- what is new or changed ------------------------------------------------------------------------------ */

static bool has_digest(const struct site *site, size_t i)
{
	static const uint8_t none[MZ_DIGEST] = {0};

	return memcmp(site->digests[i], none, MZ_DIGEST) != 0;
}

/* At the start: as the last process left it? *look: its look is overdue. */
static bool verified(struct app *app, size_t i, int64_t now, bool *look)
{
	const struct mz_conf_domain *domain = &app->site->conf->domains[i];
	struct mz_store_zone zone = {0};
	struct domain_status *status = status_of(app->site, domain);

	if (mz_store_zone_get(app->store, domain->server->name, domain->origin_text, domain->text,
			      &zone) != MZ_OK ||
	    !zone.known || !has_digest(app->site, i) ||
	    memcmp(zone.desired, app->site->digests[i], MZ_DIGEST) != 0)
		return false;
	*look = zone.last_verified > now ||
		now - zone.last_verified >= app->site->conf->reconcile_interval;
	status->state = DOMAIN_IN_SYNC;
	status->since = status->last_verified = zone.last_verified;
	status->have_serial = true;
	status->serial = zone.serial;
	status_prove(status, &app->site->tlsa[i]);
	return true;
}

/* Servers that are down are asked at once whether they are back. */
static void probe_servers(struct app *app)
{
	const struct mz_conf *conf = app->site->conf;

	for (size_t i = 0; i < conf->server_count; i++) {
		struct server_status *server = status_server(app, conf->servers[i].name);

		if (server != NULL && server->breaker.state == MZ_BREAKER_DOWN)
			server->breaker.next_probe = mz_clock_wall();
	}
}

/* What is new or changed of a domain under automatic management. */
static int file_domain(struct app *app, size_t i, bool first, size_t *filed)
{
	const struct in_common *common = &app->site->common[i];
	const struct mz_conf_domain *domain = &app->site->conf->domains[i];
	int64_t now = mz_clock_wall(), id = 0;
	struct mz_queue_input input = {.kind = MZ_TASK_DNS,
				       .domain = domain->text,
				       .families = MZ_FAMILIES_ALL,
				       .due = now};
	bool look = false, same = first ? verified(app, i, now, &look) : common->records;
	const struct domain_status *status = status_of(app->site, domain);
	int err = MZ_OK;

	/* What is to become of it when it leaves is remembered. */
	if (!common->end)
		err = mz_store_domain_put(app->store,
					  &(struct mz_store_domain){domain->text,
								    domain->on_removal,
								    domain->delete_after});
	if (err == MZ_OK && dkim_is_kept(domain) && !(common->keys && status->dkim_rests))
		err = dkim_file(app, domain->text, now);
	if (err != MZ_OK)
		return err;
	if (same && !app->site->due[i]) {
		if (app->site->tlsa[i].old)
			look_tlsa(app, domain->text, &app->site->tlsa[i]);
		/* Whoever reloads may have mended what kept it from being right: a key, an address. */
		if (!look && status->state != DOMAIN_FAILED)
			return MZ_OK;
		input.light = true;
	}
	(*filed)++;
	return run_file(app, &input, &id);
}

static int file_changed(struct app *app, bool first, size_t *filed)
{
	const struct mz_conf *conf = app->site->conf;
	int err = MZ_OK;

	for (size_t i = 0; i < conf->domain_count && err == MZ_OK; i++) {
		if (conf->domains[i].automatic)
			err = file_domain(app, i, first, filed);
	}
	return err;
}

/* What an earlier process sent and did not live to see settled. */
static void on_intended(void *arg, const struct mz_store_change *change)
{
	on_name(arg, change->domain);
}

static int file_intended(struct app *app)
{
	struct names names = {0};
	int64_t id = 0;
	int err = mz_store_changes(app->store, NULL, true, 0, 0, on_intended, &names);

	if (err == MZ_OK)
		err = names.err;
	for (size_t i = 0; i < names.count && err == MZ_OK; i++) {
		const struct mz_conf_domain *domain =
			mz_conf_find_domain(app->site->conf, names.item[i].name);
		struct mz_queue_input input = {.kind = MZ_TASK_DNS,
					       .domain = names.item[i].name,
					       .families = MZ_FAMILIES_ALL,
					       .due = mz_clock_wall()};

		if (domain != NULL && domain->automatic)
			err = run_file(app, &input, &id);
	}
	names_clear(&names);
	return err;
}

/* Keys of domains whose DKIM keys we keep no more, in whatever stage. */
static int leave_keys_before(struct app *app)
{
	struct names names = {0};
	int err = mz_store_dkim_domains(app->store, on_name, &names);

	if (err == MZ_OK)
		err = names.err;
	for (size_t i = 0; i < names.count && err == MZ_OK; i++) {
		if (!keeps_dkim(app->site->conf, names.item[i].name))
			err = dkim_file(app, names.item[i].name, mz_clock_wall());
	}
	names_clear(&names);
	return err;
}

/* What left while no process of ours ran, or is set to manual since. */
static int leave_before(struct app *app)
{
	struct names names = {0}, ledgers = {0};
	int err = mz_store_domains(app->store, on_domain, &names);

	if (err == MZ_OK)
		err = mz_store_ledger_all(app->store, on_name, &ledgers);
	if (err == MZ_OK)
		err = names.err != MZ_OK ? names.err : ledgers.err;
	for (size_t i = 0; i < names.count && err == MZ_OK; i++) {
		if (!is_automatic(app->site->conf, names.item[i].name))
			err = leave(app, &names.item[i]);
	}
	/* A domain that is unknown here may have been published by hand: its ledger is for `withdraw`. */
	for (size_t i = 0; i < ledgers.count && err == MZ_OK; i++) {
		const struct mz_conf_domain *domain =
			mz_conf_find_domain(app->site->conf, ledgers.item[i].name);

		if (domain != NULL && !domain->automatic)
			err = let_go(app, ledgers.item[i].name);
	}
	names_clear(&names);
	names_clear(&ledgers);
	return err == MZ_OK ? leave_keys_before(app) : err;
}

static int follow_files(struct app *app)
{
	const char *folder = app->site->conf->domain_directory;
	const char **paths = NULL;
	size_t count = 0;
	int err = site_paths(app->site, &paths, &count);

	if (err == MZ_OK)
		err = watch_set(app->files, paths, count);
	free(paths);
	return err == MZ_OK ? watch_set(app->folder, &folder, folder != NULL) : err;
}

static void on_doubt(void *arg, bool fault, const char *line)
{
	bool *faulty = arg;

	*faulty = *faulty || fault;
	mz_log(fault ? MZ_LOG_ERROR : MZ_LOG_WARNING,
	       fault ? "certificate_fault" : "certificate_expired", "reason", line, NULL);
}

int adopt_site(struct app *app, struct site *site, bool first)
{
	struct site *old = app->site;
	bool faulty = false;
	size_t filed = 0;
	char domains[24] = "", changed[24] = "";
	int err = MZ_OK;

	app->site = site;
	if (!first)
		status_adopt(site, old);
	mz_log_set_level(site->conf->log_level);
	mz_log_set_format(site->conf->log_json);
	mz_queue_set_rules(app->queue, &site->conf->tasks);
	if (!first && (strcmp(old->conf->state_directory, site->conf->state_directory) != 0 ||
		       strcmp(old->conf->control_socket, site->conf->control_socket) != 0))
		mz_log(MZ_LOG_WARNING, "reload", "reason",
		       "another state_directory or control_socket takes a restart", NULL);
	if (first && site->conf->status_listen != NULL)
		mz_log(MZ_LOG_WARNING, "status", "reason",
		       "this version has no status page: status.listen has no effect", NULL);
	mz_facts_doubts(site->facts, site->conf, mz_clock_wall(), on_doubt, &faulty);
	signers_refresh(app);
	err = policies_write(app);
	if (err == MZ_OK)
		err = first ? leave_before(app) : leave_all(app);
	if (err == MZ_OK && first)
		err = file_intended(app);
	probe_servers(app);
	if (err == MZ_OK)
		err = file_changed(app, first, &filed);
	if (err == MZ_OK)
		err = look_arrange(app);
	if (err == MZ_OK)
		err = notify_arrange(app);
	if (err == MZ_OK)
		err = follow_files(app);
	if (faulty)
		watch_doubt(app->files);
	if (mz_store_dirty(app->store) && mz_engine_commit(app->engine, NULL, NULL) != MZ_OK)
		err = MZ_ENOMEM;
	(void)snprintf(domains, sizeof(domains), "%zu", site->conf->domain_count);
	(void)snprintf(changed, sizeof(changed), "%zu", filed);
	if (err == MZ_OK || !first)
		mz_log(MZ_LOG_INFO, first ? "started" : "reloaded", "file", site->conf->file,
		       "domains", domains, "due", changed, NULL);
	site->left_count = 0; /* they go with the old site */
	if (!first)
		site_release(old);
	run_soon(app);
	return err;
}
