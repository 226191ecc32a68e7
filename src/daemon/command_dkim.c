/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands dkim rotate and revoke; dkim list is in command_keys.c. */
#include "src/daemon/command.h"
#include "src/daemon/dkim.h"

#include <string.h>
#include <strings.h>

static void on_key(void *arg, const struct mz_store_dkim *key)
{
	bool *found = arg;

	*found = *found || key->stage != MZ_DKIM_DELETED;
}

/* The domain of this name whose keys we keep, or, with `kept`, kept and did not delete yet; NULL after a
 * complaint. */
static const struct mz_conf_domain *find_domain(const struct call *call, const char *name,
						bool kept)
{
	const struct mz_conf_domain *domain = mz_conf_find_domain(call->app->site->conf, name);
	bool found = domain != NULL && dkim_is_kept(domain);

	if (domain == NULL)
		mz_ctl_error(call->request, "there is no domain \"%.255s\" in the configuration",
			     name);
	else if (!found && kept)
		(void)mz_store_dkim_list(call->app->store, domain->text, on_key, &found);
	if (domain != NULL && !found)
		mz_ctl_error(call->request,
			     "%s: its DKIM keys are not under automatic management: see "
			     "dkim_management "
			     "and dns_management",
			     domain->text);
	return found ? domain : NULL;
}

static void list(const struct call *call)
{
	const struct mz_conf_domain *only = NULL;

	if (call->argc < 2)
		command_keys(call, NULL);
	else if ((only = find_domain(call, call->argv[1], true)) != NULL)
		command_keys(call, only);
	else
		call_end(call, 1);
}

/* ---- rotate ----------------------------------------------------------------------------------------------- */

/* Asks for a successor of the key that signs. False after a complaint. */
static bool rotate_one(const struct call *call, const struct dkim_keys *keys, unsigned algorithm)
{
	const char *name = mz_dkim_algorithm_name((enum mz_dkim_algorithm)algorithm);
	const struct mz_life_input *life = &keys->life[algorithm];
	const struct mz_store_dkim *active = NULL;
	struct mz_str text = {0};
	int err = MZ_OK;

	for (size_t k = 0; k < life->key_count; k++) {
		if (life->keys[k].row.stage == MZ_DKIM_ACTIVE)
			active = &life->keys[k].row;
	}
	if (active == NULL) {
		mz_ctl_error(call->request,
			     "%s: no %s key signs yet: its first one is under way (see dkim list)",
			     keys->domain->text, name);
		return false;
	}
	err = mz_store_dkim_set_rotate(call->app->store, keys->domain->text, active->selector,
				       call_flag(call, "now") ? MZ_ROTATE_HURRIED
							      : MZ_ROTATE_ASKED);
	if (err != MZ_OK) {
		mz_ctl_error(call->request, "%s", mz_store_error(call->app->store));
		return false;
	}
	mz_str_addf(&text, "%s: %s is to be followed by a new %s key\n", keys->domain->text,
		    active->selector, name);
	if (!call->json && !text.failed)
		mz_ctl_output(call->request, text.s);
	mz_str_clear(&text);
	return true;
}

/* What changed is carried out by a task, which is due now. */
static void end_changed(const struct call *call, const struct mz_conf_domain *domain)
{
	struct mz_cause cause = {0};
	int err = dkim_file(call->app, domain->text, mz_clock_wall());

	if (err == MZ_OK && call->json)
		mz_ctl_output(call->request, "{}\n");
	call_end_durable(call, err, &cause);
}

/* One algorithm that cannot be rotated does not hold up the other. */
static void rotate(const struct call *call, const struct mz_conf_domain *domain)
{
	const char *only = call_text(call, "algorithm", NULL);
	struct dkim_keys keys = {0};
	size_t found = 0, done = 0;
	int err = domain == NULL ? MZ_ENOTFOUND
				 : dkim_keys_load(&keys, call->app, domain, mz_clock_wall());

	if (domain != NULL && err != MZ_OK)
		mz_ctl_error(call->request, "%s", mz_store_error(call->app->store));
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		const char *name = mz_dkim_algorithm_name((enum mz_dkim_algorithm)a);

		if ((domain->dkim_algorithms >> a & 1u) == 0 ||
		    (only != NULL && strcmp(only, name) != 0))
			continue;
		found++;
		done += rotate_one(call, &keys, a);
	}
	if (err == MZ_OK && found == 0)
		mz_ctl_error(call->request, "%s has no keys of the algorithm \"%.40s\"",
			     domain->text, only != NULL ? only : "");
	dkim_keys_clear(&keys);
	if (done > 0)
		end_changed(call, domain);
	else
		call_end(call, 1);
}

/* ---- revoke ------------------------------------------------------------------------------------------------ */

static const struct mz_store_dkim *find_key(const struct dkim_keys *keys, const char *selector)
{
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		for (size_t k = 0; k < keys->life[a].key_count; k++) {
			if (strcasecmp(keys->life[a].keys[k].row.selector, selector) == 0)
				return &keys->life[a].keys[k].row;
		}
	}
	return NULL;
}

/* Its record says so at once; a successor is hurried, as nothing signs any more. */
static int revoke_key(const struct call *call, const struct mz_conf_domain *domain,
		      const struct mz_store_dkim *key)
{
	const struct mz_queue_input dns = {.kind = MZ_TASK_DNS,
					   .domain = domain->text,
					   .families = 1u << MZ_FAMILY_DKIM,
					   .due = mz_clock_wall()};
	int64_t id = 0;
	int err = MZ_OK;

	if (key->stage >= MZ_DKIM_RETIRED) {
		mz_ctl_error(call->request, "%s: the key %s is %s already", domain->text,
			     key->selector, mz_dkim_stage_name(key->stage));
		return MZ_ESTATE;
	}
	if (!domain->automatic || (domain->publish >> MZ_FAMILY_DKIM & 1u) == 0) {
		mz_ctl_error(call->request, "%s: its DKIM records are not ours: see dns_management",
			     domain->text);
		return MZ_ESTATE;
	}
	err = mz_store_dkim_set_stage(call->app->store, domain->text, key->selector,
				      MZ_DKIM_REVOKED, mz_clock_wall());
	if (err == MZ_OK)
		err = run_file(call->app, &dns, &id);
	if (err != MZ_OK)
		mz_ctl_error(call->request, "%s", mz_store_error(call->app->store));
	else
		mz_log(MZ_LOG_WARNING, "dkim", "domain", domain->text, "selector", key->selector,
		       "stage", "revoked", NULL);
	return err;
}

static void revoke(const struct call *call, const struct mz_conf_domain *domain,
		   const char *selector)
{
	struct dkim_keys keys = {0};
	const struct mz_store_dkim *key = NULL;
	int err = domain == NULL ? MZ_ENOTFOUND : MZ_OK;

	if (err == MZ_OK &&
	    (err = dkim_keys_load(&keys, call->app, domain, mz_clock_wall())) != MZ_OK)
		mz_ctl_error(call->request, "%s", mz_store_error(call->app->store));
	if (err == MZ_OK && (key = find_key(&keys, selector)) == NULL) {
		mz_ctl_error(call->request, "%s has no DKIM key with the selector \"%.200s\"",
			     domain->text, selector);
		err = MZ_ENOTFOUND;
	}
	if (err == MZ_OK)
		err = revoke_key(call, domain, key);
	dkim_keys_clear(&keys);
	if (err == MZ_OK) {
		signers_refresh(call->app);
		end_changed(call, domain);
	} else {
		call_end(call, 1);
	}
}

void command_dkim(const struct call *call)
{
	const char *what = call->argc > 0 ? call->argv[0] : "";

	if (strcmp(what, "list") == 0 && call->argc <= 2) {
		list(call);
	} else if (strcmp(what, "rotate") == 0 && call->argc == 2) {
		rotate(call, find_domain(call, call->argv[1], false));
	} else if (strcmp(what, "revoke") == 0 && call->argc == 3) {
		revoke(call, find_domain(call, call->argv[1], true), call->argv[2]);
	} else {
		mz_ctl_error(call->request,
			     "usage: mailzone dkim list [DOMAIN] | rotate DOMAIN [--algorithm A] "
			     "[--now] | revoke DOMAIN SELECTOR");
		call_end(call, 64);
	}
}
