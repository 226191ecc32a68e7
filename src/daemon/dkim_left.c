/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM keys of domains that the daemon does not keep any more: they left the configuration, or their keys are
 * managed by hand. Signers give them up, and in time they are deleted. */
#include "src/daemon/dkim.h"

#include <stdlib.h>
#include <string.h>

/* Of a domain that left before this was remembered. */
enum { DELETE_AFTER = 30 * 86400 };

/* The records of a domain that left are not ours, or go as a whole: its keys need not retire. */
int dkim_left_describe(struct dkim_run *run, const char *name)
{
	const struct mz_conf_domain *domain = mz_conf_find_domain(run->site->conf, name);
	struct mz_store_domain known = {.delete_after = DELETE_AFTER};

	if (domain != NULL) {
		run->left = *domain;
	} else {
		(void)mz_store_domain_get(run->app->store, name, &known);
		run->name = strdup(name);
		if (run->name == NULL)
			return MZ_ENOMEM;
		run->left.text = run->name;
		run->left.delete_after = known.delete_after;
	}
	run->left.dkim_algorithms = 0; /* none is wanted */
	run->domain = &run->left;
	return MZ_OK;
}

int dkim_left_over(const struct dkim_run *run)
{
	struct app *app = run->app;
	const char *name = run->domain->text;
	bool told = true, deleted = true;
	int err = MZ_OK;

	if (mz_conf_find_domain(app->site->conf, name) != NULL)
		return MZ_OK;
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		for (size_t k = 0; k < run->keys.life[a].key_count; k++) {
			const struct mz_store_dkim *key = &run->keys.life[a].keys[k].row;

			told = told && key->stage != MZ_DKIM_ACTIVE && key->handed == 0;
			deleted = deleted && key->stage == MZ_DKIM_DELETED;
		}
	}
	if (told)
		err = withdraw_file(app, name);
	if (err != MZ_OK || !deleted)
		return err;
	dkim_files_leave(app->site->conf, name);
	return mz_store_domain_delete(app->store, name);
}
