/* SPDX-License-Identifier: BSD-2-Clause */
/* One configuration with the files that it names and what is derived from them. */
#include "src/daemon/daemon.h"

#include <stdlib.h>
#include <string.h>

static int derive(struct site *site, size_t i, struct mz_store *store,
		  struct mz_conf_errors *errors)
{
	const struct mz_conf_domain *domain = &site->conf->domains[i];
	struct mz_rrlist desired = {0};
	struct mz_facts facts = {0};
	int err = mz_facts_load(&facts, site->facts, domain, store, mz_clock_wall(), errors);

	if (err == MZ_OK)
		err = mz_records_derive(domain, &facts, &desired, errors);
	if (err == MZ_OK)
		mz_records_digest(&desired, site->digests[i]);
	if (err == MZ_OK)
		site->tlsa[i] = mz_facts_tlsa_wait(&facts, domain);
	for (size_t k = 0; k < facts.tlsa_count && err == MZ_OK; k++)
		site->due[i] = site->due[i] || facts.tlsa[k].changed || facts.tlsa[k].fault != NULL;
	mz_facts_clear(&facts);
	mz_rrlist_clear(&desired);
	return err == MZ_ENOMEM ? err : MZ_OK;
}

static void free_derived(struct site *site)
{
	mz_facts_cache_free(site->facts);
	free(site->digests);
	free(site->due);
	free(site->tlsa);
	free(site->looks);
	free(site->look_of);
	free(site->origins);
	free(site->common);
	free(site->left);
}

int site_make(struct site **out, const char *path, const struct site *old, struct mz_store *store,
	      struct mz_conf_errors *errors)
{
	struct site *site = calloc(1, sizeof(*site));
	int err = site == NULL ? MZ_ENOMEM : MZ_OK;

	*out = NULL;
	if (err != MZ_OK)
		return err;
	site->holders = 1;
	site->conf_ref = old != NULL ? old->conf_ref : calloc(1, sizeof(*site->conf_ref));
	if (site->conf_ref == NULL)
		err = MZ_ENOMEM;
	else if (old == NULL)
		err = mz_conf_load(&site->conf_ref->conf, path, errors);
	if (err != MZ_OK)
		goto done;
	site->conf = site->conf_ref->conf;
	site->digests = calloc(site->conf->domain_count + 1, sizeof(site->digests[0]));
	site->tlsa = calloc(site->conf->domain_count + 1, sizeof(site->tlsa[0]));
	site->due = calloc(site->conf->domain_count + 1, sizeof(site->due[0]));
	site->common = calloc(site->conf->domain_count + 1, sizeof(site->common[0]));
	err = site->digests == NULL || site->due == NULL || site->tlsa == NULL ||
			      site->common == NULL
		      ? MZ_ENOMEM
		      : mz_facts_cache_new(&site->facts);
	if (err == MZ_OK)
		err = look_order(site);
	for (size_t i = 0; i < site->conf->domain_count && err == MZ_OK; i++) {
		if (site->conf->domains[i].automatic)
			err = derive(site, i, store, errors);
	}
done:
	if (err == MZ_OK) {
		*out = site;
		return MZ_OK;
	}
	free_derived(site);
	if (old == NULL && site->conf_ref != NULL) {
		mz_conf_free(site->conf_ref->conf);
		free(site->conf_ref);
	}
	free(site);
	return err;
}

void site_hold(struct site *site)
{
	site->holders++;
}

void site_release(struct site *site)
{
	if (site == NULL || --site->holders > 0)
		return;
	status_free(site);
	free_derived(site);
	if (--site->conf_ref->sites == 0) {
		mz_conf_free(site->conf_ref->conf);
		free(site->conf_ref);
	}
	free(site);
}

/* ---- files ------------------------------------------------------------------------------------------- */

struct paths {
	const char **path;
	size_t count, cap;
	bool failed;
};

static void add(struct paths *paths, const char *path)
{
	if (path == NULL || paths->failed ||
	    (paths->count > 0 && paths->path[paths->count - 1] == path))
		return;
	if (paths->count == paths->cap) {
		size_t cap = paths->cap == 0 ? 64 : paths->cap * 2;
		const char **more = realloc(paths->path, cap * sizeof(*more));

		paths->failed = more == NULL;
		if (more == NULL)
			return;
		paths->path = more;
		paths->cap = cap;
	}
	paths->path[paths->count++] = path;
}

static void add_system(struct paths *paths, const struct mz_conf_mail_system *system)
{
	add(paths, system->autoconfig_document);
	for (size_t i = 0; i < system->certificate_count; i++) {
		add(paths, system->certificates[i].file);
		add(paths, system->certificates[i].next_key);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int site_paths(const struct site *site, const char ***out, size_t *count)
{
	const struct mz_conf *conf = site->conf;
	struct paths paths = {0};
	size_t kept = 0;

	*out = NULL;
	*count = 0;
	for (size_t i = 0; i < conf->system_count; i++)
		add_system(&paths, &conf->systems[i]);
	for (size_t i = 0; i < conf->domain_count; i++) {
		/* We write it; when somebody else does, it is written again. */
		if (conf->domains[i].automatic && conf->domains[i].mta_sts != NULL)
			add(&paths, conf->domains[i].mta_sts->policy_file);
		for (size_t k = 0; k < conf->domains[i].dkim_key_count; k++)
			add(&paths, conf->domains[i].dkim_keys[k].file);
	}
	if (paths.failed) {
		free(paths.path);
		return MZ_ENOMEM;
	}
	if (paths.count > 0)
		qsort(paths.path, paths.count, sizeof(paths.path[0]), by_text);
	for (size_t i = 0; i < paths.count; i++) {
		if (kept == 0 || strcmp(paths.path[kept - 1], paths.path[i]) != 0)
			paths.path[kept++] = paths.path[i];
	}
	*out = paths.path;
	*count = kept;
	return MZ_OK;
}
