/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts: what deriving needs beside the configuration, gathered from files and the store. */
#include "src/records/cache.h"

#include <string.h>
#include <strings.h>

/* One domain whose facts are gathered. `err` is sticky; the rest is read all the same, so that all
 * faults are reported. */
struct gathering {
	struct mz_facts *out;
	struct mz_facts_cache *cache;
	const struct mz_conf_domain *domain;
	struct mz_conf_errors *errors;
	size_t cap;	  /* of out->dkim */
	unsigned present; /* algorithms (bits) with a pending or active key */
	int err;
};

static bool published(const struct gathering *g, enum mz_family family)
{
	return !g->domain->no_mail && (g->domain->publish & 1u << family) != 0;
}

static void note(struct gathering *g, int err)
{
	if (g->err == MZ_OK || err == MZ_ENOMEM)
		g->err = err;
}

static void add_key(struct gathering *g, const char *selector, enum mz_dkim_algorithm algorithm,
		    const char *public_text)
{
	struct mz_facts *out = g->out;

	if (out->dkim_count == g->cap) {
		size_t cap = g->cap == 0 ? 4 : g->cap * 2;
		struct mz_fact_dkim *more = mz_arena_alloc(&out->arena, cap * sizeof(*more));

		if (more == NULL) {
			note(g, MZ_ENOMEM);
			return;
		}
		if (out->dkim_count > 0)
			memcpy(more, out->dkim, out->dkim_count * sizeof(*more));
		out->dkim = more;
		g->cap = cap;
	}
	out->dkim[out->dkim_count++] = (struct mz_fact_dkim){
		.selector = selector,
		.algorithm = algorithm,
		.public_text = public_text,
	};
}

static void manual_keys(struct gathering *g)
{
	for (size_t i = 0; i < g->domain->dkim_key_count; i++) {
		const struct mz_conf_dkim_key *conf = &g->domain->dkim_keys[i];
		int err = MZ_OK;
		const struct mz_dkim_public *key =
			mz_cache_dkim(g->cache, conf->file, &conf->where, g->errors, &err);

		if (key == NULL)
			note(g, err);
		else
			add_key(g, conf->selector, key->algorithm, key->text);
	}
}

static bool is_manual(const struct mz_conf_domain *domain, const char *selector)
{
	for (size_t i = 0; i < domain->dkim_key_count; i++) {
		if (strcasecmp(domain->dkim_keys[i].selector, selector) == 0)
			return true;
	}
	return false;
}

/* Published are the keys that sign, will sign or have signed of late, and the revoked ones, whose
 * empty record says so (daemon.md). Where keys are managed by hand, none of ours will sign that did not
 * before; one whose selector was taken over is the operator's. */
static void stored_key(void *arg, const struct mz_store_dkim *key)
{
	struct gathering *g = arg;
	bool signs = key->stage == MZ_DKIM_PENDING || key->stage == MZ_DKIM_ACTIVE;
	bool revoked = key->stage == MZ_DKIM_REVOKED;
	const char *selector = NULL, *text = NULL;

	if (signs)
		g->present |= 1u << key->algorithm;
	if (!signs && !revoked && key->stage != MZ_DKIM_RETIRING)
		return;
	if (key->stage == MZ_DKIM_PENDING && key->handed == 0 && !g->domain->dkim_automatic)
		return;
	if (is_manual(g->domain, key->selector))
		return;
	selector = mz_arena_strdup(&g->out->arena, key->selector);
	text = revoked ? "" : mz_arena_strdup(&g->out->arena, key->public_text);
	if (selector == NULL || text == NULL)
		note(g, MZ_ENOMEM);
	else
		add_key(g, selector, key->algorithm, text);
}

/* Every name that the template will make must be a selector, and fit the domain. */
static void check_template(struct gathering *g)
{
	const struct mz_conf_domain *domain = g->domain;
	struct mz_str selector = {0};
	struct mz_cause cause = {0};
	struct mz_name base = {0}, owner = {0};
	int err = MZ_OK;

	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		struct mz_dkim_selector_input in = {
			.algorithm = (enum mz_dkim_algorithm)a,
			.version = 100,
			.now = 1793491200, /* any time: 2026-11-01 */
			.hash_of = "",
			.random = "a0b1c2d3",
		};

		if ((domain->dkim_algorithms & 1u << a) == 0)
			continue;
		err = mz_dkim_selector(&selector, domain->selector_template, &in, &cause);
		if (err == MZ_OK && (mz_name_prefix(&base, "_domainkey", domain->name) != MZ_OK ||
				     mz_name_prefix(&owner, selector.s, base.wire) != MZ_OK))
			err = mz_cause_set(&cause, MZ_EINVAL,
					   "the selector template \"%.100s\" gives names that are "
					   "too "
					   "long",
					   domain->selector_template);
	}
	if (err != MZ_OK) {
		mz_conf_error(g->errors, &domain->selector_template_where, "%s: %s", domain->text,
			      cause.text);
		note(g, err == MZ_ENOMEM ? err : MZ_EINVAL);
	}
	mz_str_clear(&selector);
}

static void stored_keys(struct gathering *g, struct mz_store *store)
{
	const struct mz_conf_domain *domain = g->domain;
	int err = MZ_OK;

	if (domain->dkim_automatic)
		check_template(g);
	if (store != NULL)
		err = mz_store_dkim_list(store, domain->text, stored_key, g);
	if (err != MZ_OK) {
		mz_conf_error(g->errors, &domain->where,
			      "%s: cannot read the DKIM keys of the state: %s", domain->text,
			      mz_strerror(err));
		note(g, err);
	}
	if (domain->dkim_automatic)
		g->out->dkim_missing = domain->dkim_algorithms & ~g->present;
}

static void certificates(struct gathering *g, struct mz_store *store, int64_t now)
{
	const struct mz_conf_mail_system *system = g->domain->system;
	const struct mz_cert **certs =
		mz_arena_alloc(&g->out->arena,
			       system->certificate_count * sizeof(struct mz_cert *));
	const char **faults =
		mz_arena_alloc(&g->out->arena, system->certificate_count * sizeof(*faults));

	if (certs == NULL || faults == NULL) {
		note(g, MZ_ENOMEM);
		return;
	}
	/* What cannot be read now is a matter of the hosts that it covers. */
	for (size_t i = 0; i < system->certificate_count; i++) {
		int err = MZ_OK;

		faults[i] = NULL;
		certs[i] = mz_cache_cert(g->cache, &system->certificates[i], NULL, &err);
		if (err == MZ_ENOMEM)
			note(g, err);
		else if (err != MZ_OK)
			faults[i] = g->out->cert_fault = mz_facts_fault(g->cache);
	}
	g->out->certs = certs;
	g->out->cert_faults = faults;
	if (g->err != MZ_ENOMEM)
		note(g, mz_facts_tlsa(g->out, g->domain, store, now, g->errors));
}

static void document(struct gathering *g)
{
	const struct mz_conf_mail_system *system = g->domain->system;
	int err = MZ_OK;

	g->out->autoconfig_digest = mz_cache_document(g->cache, system->autoconfig_document,
						      &system->autoconfig_where, g->errors, &err);
	if (g->out->autoconfig_digest == NULL)
		note(g, err);
}

int mz_facts_load(struct mz_facts *out, struct mz_facts_cache *cache,
		  const struct mz_conf_domain *domain, struct mz_store *store, int64_t now,
		  struct mz_conf_errors *errors)
{
	struct gathering g = {.out = out, .cache = cache, .domain = domain, .errors = errors};

	*out = (struct mz_facts){0};
	if (published(&g, MZ_FAMILY_DKIM)) {
		manual_keys(&g);
		stored_keys(&g, store);
	}
	if (published(&g, MZ_FAMILY_TLSA) && domain->system->certificate_count > 0)
		certificates(&g, store, now);
	if (published(&g, MZ_FAMILY_AUTOCONFIG) && domain->system->autoconfig_document != NULL)
		document(&g);
	if (g.err != MZ_OK)
		mz_facts_clear(out);
	return g.err;
}

int mz_facts_load_tlsa(struct mz_facts *out, struct mz_facts_cache *cache,
		       const struct mz_conf_domain *domain, struct mz_store *store, int64_t now,
		       struct mz_conf_errors *errors)
{
	struct gathering g = {.out = out, .cache = cache, .domain = domain, .errors = errors};

	*out = (struct mz_facts){0};
	if (published(&g, MZ_FAMILY_TLSA) && domain->system->certificate_count > 0)
		certificates(&g, store, now);
	if (g.err != MZ_OK)
		mz_facts_clear(out);
	return g.err;
}

static void check_system(struct mz_facts_cache *cache, const struct mz_conf_mail_system *system,
			 struct mz_conf_errors *errors)
{
	int err = MZ_OK;

	if (system->autoconfig_document != NULL)
		(void)mz_cache_document(cache, system->autoconfig_document,
					&system->autoconfig_where, errors, &err);
	for (size_t i = 0; i < system->certificate_count; i++) {
		if (system->certificates[i].file != NULL)
			(void)mz_cache_cert(cache, &system->certificates[i], errors, &err);
	}
}

void mz_facts_check(struct mz_facts_cache *cache, const struct mz_conf *conf,
		    struct mz_conf_errors *errors)
{
	int err = MZ_OK;

	for (size_t i = 0; i < conf->system_count; i++)
		check_system(cache, &conf->systems[i], errors);
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct mz_conf_domain *domain = &conf->domains[i];

		for (size_t k = 0; k < domain->dkim_key_count; k++) {
			if (domain->dkim_keys[k].file != NULL)
				(void)mz_cache_dkim(cache, domain->dkim_keys[k].file,
						    &domain->dkim_keys[k].where, errors, &err);
		}
	}
}

static void tell_doubt(struct mz_facts_cache *cache, const struct mz_conf_certificate *certificate,
		       int64_t now, void (*fn)(void *arg, bool fault, const char *line), void *arg)
{
	const struct mz_cert *cert = mz_cache_known_cert(cache, certificate);
	const char *fault = mz_cache_known_fault(cache, certificate);
	struct mz_cause line = {0};
	char time[MZ_TIME_TEXT] = "";

	if (fault != NULL)
		(void)mz_cause_set(&line, MZ_OK, "%s:%u: %s", certificate->where.file,
				   certificate->where.line, fault);
	else if (cert != NULL && cert->not_after < now)
		(void)mz_cause_set(&line, MZ_OK,
				   "%.300s: the certificate has expired (%s): its TLSA records "
				   "stay, and no older one leaves until it is renewed",
				   certificate->file, mz_clock_text(cert->not_after, time));
	if (line.text[0] != '\0')
		fn(arg, fault != NULL, line.text);
}

void mz_facts_doubts(struct mz_facts_cache *cache, const struct mz_conf *conf, int64_t now,
		     void (*fn)(void *arg, bool fault, const char *line), void *arg)
{
	for (size_t i = 0; i < conf->system_count; i++) {
		for (size_t k = 0; k < conf->systems[i].certificate_count; k++)
			tell_doubt(cache, &conf->systems[i].certificates[k], now, fn, arg);
	}
}

void mz_facts_clear(struct mz_facts *facts)
{
	if (facts == NULL)
		return;
	mz_arena_clear(&facts->arena);
	*facts = (struct mz_facts){0};
}
