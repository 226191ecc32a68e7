/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that were being handed over to signers when the last process ended: did they learn of them? */
#include "src/daemon/dkim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MAX = 1 << 28 };

static bool holds(const uint8_t *text, size_t len, const char *before, const char *first,
		  const char *between, const char *second, const char *after)
{
	struct mz_str sought = {0};
	bool found = false;

	mz_str_addf(&sought, "%s%s%s%s%s", before, first, between, second, after);
	found = sought.failed || memmem(text, len, sought.s, sought.len) != NULL;
	mz_str_clear(&sought);
	return found;
}

/* Each table names its keys in one of three ways. Of one that cannot be read nobody knows: it may. */
static bool table_names(const char *path, const struct mz_store_dkim *key)
{
	const char *domain = key->domain, *selector = key->selector;
	uint8_t *text = NULL;
	size_t len = 0;
	int err = mz_file_read(path, TABLE_MAX, &text, &len, NULL);
	bool found = err == MZ_OK ? holds(text, len, "/", domain, "/", selector, ".") ||
					    holds(text, len, "", selector, "._domainkey.", domain,
						  "\n") ||
					    holds(text, len, "", domain, " ", selector, "\n")
				  : err != MZ_ENOTFOUND;

	free(text);
	return found;
}

/* Does the domain's link for the algorithm lead to the key? */
static bool link_names(const char *directory, const struct mz_store_dkim *key)
{
	struct mz_str link = {0}, to = {0};
	char now[512] = "";
	bool found = true;

	mz_str_addf(&link, "%s/%s/current-%s", directory, key->domain,
		    mz_dkim_algorithm_name(key->algorithm));
	mz_str_addf(&to, "%s.pem", key->selector);
	if (!link.failed && !to.failed)
		found = readlink(link.s, now, sizeof(now) - 1) < 0 ? errno != ENOENT
								   : strcmp(now, to.s) == 0;
	mz_str_clear(&link);
	mz_str_clear(&to);
	return found;
}

static bool is_told(const struct mz_conf *conf, const struct mz_store_dkim *key)
{
	bool told = conf->signers.directory != NULL && link_names(conf->signers.directory, key);

	for (unsigned i = 0; i < MZ_SIGNERS_INDEX && !told; i++)
		told = conf->signers.file[i] != NULL && table_names(conf->signers.file[i], key);
	return told;
}

struct recall {
	struct app *app;
	int err;
};

static void on_key(void *arg, const struct mz_store_dkim *key)
{
	struct recall *recall = arg;

	if (key->stage != MZ_DKIM_PENDING || is_told(recall->app->site->conf, key))
		return;
	mz_log(MZ_LOG_WARNING, "dkim", "domain", key->domain, "selector", key->selector, "reason",
	       "no signer was told of it before the last process ended: it is looked at again",
	       NULL);
	if (recall->err == MZ_OK)
		recall->err =
			mz_store_dkim_set_handed(recall->app->store, key->domain, key->selector, 0);
}

void dkim_recall(struct app *app)
{
	struct recall recall = {.app = app};
	int err = MZ_OK;

	if (!signers_are_wanted(app->site->conf))
		return;
	err = mz_store_dkim_signing(app->store, on_key, &recall);
	if (err == MZ_OK)
		err = recall.err;
	if (err != MZ_OK) /* where they cannot be listed or committed, no file is written either */
		mz_log(MZ_LOG_ERROR, "dkim", "reason",
		       err == MZ_ENOMEM ? mz_strerror(err) : mz_store_error(app->store), NULL);
}
