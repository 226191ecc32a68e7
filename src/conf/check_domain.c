/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: their references, their records, and what is in force for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/conf/check.h"
#include "src/conf/read.h"
#include "src/conf/value.h"

/* The longest labels that are put before a domain's name: _validation-persist. */
#define PREFIX_MAX 20

static const struct mz_conf_mxs no_mx;
static const struct mz_conf_acmes no_acme;

/* The text of a name that conf_host_parse took, which needs no escapes, without a final dot. */
static const char *plain_text(struct conf_ctx *ctx, const uint8_t *wire)
{
	char text[MZ_NAME_MAX + 1] = "";
	size_t at = 0, n = 0;

	for (at = 0; wire[at]; at += n + 1) {
		n = wire[at];
		memcpy(text + at, wire + at + 1, n);
		text[at + n] = wire[at + n + 1] ? '.' : '\0';
	}
	return conf_intern(ctx, text);
}

static void check_names(struct conf_ctx *ctx, const struct raw_domain *raw,
			struct mz_conf_domain *out)
{
	if (!raw->name)
		return;
	if (mz_name_len(raw->name) + PREFIX_MAX > MZ_NAME_MAX)
		conf_fault(ctx, conf_member(raw->at, "name"),
			   "the name is too long: the names we publish below it would have more "
			   "than 255 octets");
	out->name = out->origin = raw->name;
	out->text = out->origin_text = plain_text(ctx, raw->name);
	/* Equal names are stored once. */
	if (!raw->origin || raw->origin == raw->name || !out->text)
		return;
	out->origin = raw->origin;
	out->origin_text = plain_text(ctx, raw->origin);
	if (!out->origin_text || mz_name_within(raw->name, raw->origin))
		return;
	conf_fault(ctx, conf_member2(raw->at, "dns_management", "origin"),
		   "\"%s\" is not within the origin \"%s\"", out->text, out->origin_text);
	/* Its records are not to be measured by the wrong origin. */
	out->origin = out->name;
}

/* ---- references ---- */

static void check_server(struct conf_ctx *ctx, const struct raw_domain *raw,
			 struct mz_conf_domain *out)
{
	const config_setting_t *group = conf_member(raw->at, "dns_management");
	size_t i = 0;

	if (!*raw->server) {
		if (out->automatic)
			conf_fault(ctx, conf_member(group, "mode"),
				   "automatic dns_management needs a \"server\"");
		return;
	}
	i = conf_refer(ctx, &ctx->servers, "server", raw->server, group, "server");
	if (i == SIZE_MAX)
		return;
	out->server = &ctx->conf->servers[i];
	if (out->server->tenant[0] && strcmp(out->server->tenant, out->tenant) != 0)
		conf_fault(ctx, conf_member(group, "server"),
			   "the server \"%.63s\" is for domains of the tenant \"%.200s\" only; "
			   "this domain's tenant is \"%.200s\"",
			   raw->server, out->server->tenant, out->tenant);
}

static void check_system(struct conf_ctx *ctx, const struct raw_domain *raw,
			 struct mz_conf_domain *out)
{
	const struct mz_conf *conf = ctx->conf;
	size_t i = 0;

	if (*raw->mail_system) {
		i = conf_refer(ctx, &ctx->systems, "mail system", raw->mail_system, raw->at,
			       "mail_system");
		out->system = i == SIZE_MAX ? NULL : &conf->systems[i];
	} else if (conf->system_count == 1) {
		out->system = &conf->systems[0];
	} else if (!out->no_mail) {
		conf_fault(ctx, raw->at,
			   conf->system_count ? "this domain needs \"mail_system\": there is "
						"more than one to choose from"
					      : "there is no mail system for this domain: add "
						"mail_systems, or no_mail = true");
	}
}

/* ---- what is in force ---- */

static void check_no_mail(struct conf_ctx *ctx, const struct raw_domain *raw,
			  struct mz_conf_domain *out)
{
	static const char *const own[] = {"mx", "spf", "dmarc", "mta_sts", "acme"};
	size_t i = 0;

	for (i = 0; i < sizeof own / sizeof *own; i++)
		if (conf_member(raw->at, own[i]) != raw->at)
			conf_fault(ctx, conf_member(raw->at, own[i]),
				   "a domain with no_mail cannot have \"%s\"", own[i]);
	out->spf = conf_intern(ctx, "v=spf1 -all");
	out->dmarc = conf_intern(ctx, "v=DMARC1; p=reject; sp=reject");
	out->mx = &no_mx;
	out->acme = &no_acme;
	out->mta_sts = NULL;
}

static const struct mz_conf_mxs *own_mx(struct conf_ctx *ctx, const struct raw_domain *raw)
{
	struct mz_conf_mxs mx = {0};

	conf_check_mx(ctx, &raw->mx, &mx);
	return conf_intern_octets(ctx, &mx, sizeof mx, true);
}

static const struct mz_conf_acmes *own_acme(struct conf_ctx *ctx, const struct raw_domain *raw)
{
	struct mz_conf_acmes acme = {0};

	conf_check_acme(ctx, &raw->acme, &acme);
	return conf_intern_octets(ctx, &acme, sizeof acme, true);
}

/* The domain's own values win over its mail system's. */
static void check_effective(struct conf_ctx *ctx, const struct raw_domain *raw,
			    struct mz_conf_domain *out)
{
	const struct mz_conf_mail_system *system = out->system;
	bool has_acme = conf_member(raw->at, "acme") != raw->at;

	if (out->no_mail) {
		check_no_mail(ctx, raw, out);
		return;
	}
	conf_check_text(ctx, raw->at, "spf", out->spf, conf_spf_check);
	conf_check_text(ctx, raw->at, "dmarc", out->dmarc, conf_dmarc_check);
	if (!out->spf && system)
		out->spf = system->spf;
	if (!out->dmarc && system)
		out->dmarc = system->dmarc;
	out->mx = raw->mx.count ? own_mx(ctx, raw) : system ? &system->mx : &no_mx;
	out->acme = has_acme ? own_acme(ctx, raw) : system ? &system->acme : &no_acme;
	out->mta_sts = raw->sts ? conf_check_sts(ctx, raw->sts) : system ? system->mta_sts : NULL;
	if (raw->sts || raw->mx.count)
		conf_check_cover(ctx, out->mta_sts, out->mx,
				 raw->sts ? conf_member(raw->sts->at, "mx")
					  : conf_member(raw->at, "mx"));
}

/* ---- DKIM keys ---- */

static void check_selector(struct conf_ctx *ctx, const struct raw_domain *raw,
			   const struct raw_dkim_key *key)
{
	const char *why = conf_selector_check(key->out.selector);
	size_t labels = strlen(key->out.selector) + sizeof "._domainkey";
	char quoted[CONF_QUOTE_TEXT] = "";

	if (!why && raw->name && labels + mz_name_len(raw->name) > MZ_NAME_MAX)
		why = "is too long for this domain";
	if (why)
		conf_fault(ctx, conf_member(key->at, "selector"), "selector \"%s\" %s",
			   conf_quote(key->out.selector, quoted), why);
}

static void check_dkim_keys(struct conf_ctx *ctx, const struct raw_domain *raw,
			    struct mz_conf_domain *out)
{
	struct raw_dkim_key *key = raw->dkim_keys.items;
	size_t i = 0, j = 0;

	for (i = 0; i < raw->dkim_keys.count; i++) {
		key[i].out.where = conf_where(key[i].at);
		if (!key[i].out.selector)
			continue;
		check_selector(ctx, raw, &key[i]);
		for (j = 0; j < i; j++) {
			struct mz_where where = key[j].out.where;

			if (!key[j].out.selector ||
			    strcasecmp(key[i].out.selector, key[j].out.selector) != 0)
				continue;
			conf_fault(ctx, conf_member(key[i].at, "selector"),
				   "the selector \"%.200s\" is given twice; first at %s:%u",
				   key[i].out.selector, where.file, where.line);
			break;
		}
	}
	out->dkim_key_count = raw->dkim_keys.count;
	out->dkim_keys = conf_pack(ctx, key, raw->dkim_keys.count, sizeof *key,
				   offsetof(struct raw_dkim_key, out), sizeof key->out);
}

/* ---- further records ---- */

static const char *record_check(const struct mz_conf_domain *domain, const char *line,
				struct mz_cause *cause)
{
	struct mz_rrlist list = {0};
	const char *why = NULL;
	const struct mz_rr *rr = NULL;
	uint32_t ttl = domain->server ? domain->server->ttl : 300;

	if (mz_rr_from_text(&list, line, domain->name, ttl, NULL, cause) != MZ_OK) {
		why = cause->text[0] ? cause->text : "it cannot be read";
		goto done;
	}
	rr = list.count == 1 ? list.rr : NULL;
	if (!rr)
		why = "it must be one record";
	else if (!mz_name_within(rr->owner, domain->origin))
		why = "its owner is not within the domain's zone";
	else if (mz_type_is_server(rr->type))
		why = "records of this type belong to the server";
	else if (rr->type == MZ_TYPE_NS && mz_name_equal(rr->owner, domain->origin))
		why = "the NS records at the zone's origin belong to the server";
	else if (rr->type == MZ_TYPE_CNAME && mz_name_equal(rr->owner, domain->origin))
		why = "a CNAME cannot be at the zone's origin, where SOA and NS are";
done:
	mz_rrlist_clear(&list);
	return why;
}

static void check_records(struct conf_ctx *ctx, const struct raw_domain *raw,
			  struct mz_conf_domain *out)
{
	const config_setting_t *list = conf_member(raw->at, "records");
	struct mz_where *where = NULL;
	size_t i = 0;

	if (out->record_count == 0)
		return;
	where = conf_keep(ctx, out->record_count * sizeof *where);
	out->record_where = where;
	for (i = 0; where && out->name && out->origin && i < out->record_count; i++) {
		const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
		char quoted[CONF_QUOTE_TEXT] = "";
		struct mz_cause cause = {.text = ""};
		const char *why = record_check(out, out->records[i], &cause);

		where[i] = conf_where(at);
		if (why)
			conf_fault(ctx, at, "record \"%s\": %s",
				   conf_quote(out->records[i], quoted), why);
	}
}

/* ---- domains ---- */

static void check_domain(struct conf_ctx *ctx, const struct raw_domain *raw,
			 struct mz_conf_domain *out)
{
	out->selector_template_where =
		conf_where(conf_member2(raw->at, "dkim_management", "selector_template"));
	out->publish |= 1u << MZ_FAMILY_RECORDS;
	check_names(ctx, raw, out);
	check_server(ctx, raw, out);
	check_system(ctx, raw, out);
	conf_check_text(ctx, raw->at, "report_address", out->report_address, conf_report_check);
	check_effective(ctx, raw, out);
	check_dkim_keys(ctx, raw, out);
	check_records(ctx, raw, out);
}

/* Room for one more domain. Nobody points at a domain before all are there. */
static bool grow(struct conf_ctx *ctx)
{
	struct mz_conf *conf = ctx->conf;
	size_t cap = ctx->domain_cap ? ctx->domain_cap * 2 : 16;
	void *domains = NULL, *places = NULL;

	if (conf->domain_count < ctx->domain_cap)
		return true;
	domains = realloc(conf->domains, cap * sizeof *conf->domains);
	conf->domains = domains ? domains : conf->domains;
	places = realloc(ctx->domain_places, cap * sizeof *ctx->domain_places);
	ctx->domain_places = places ? places : ctx->domain_places;
	if (!domains || !places) {
		ctx->nomem = true;
		return false;
	}
	ctx->domain_cap = cap;
	return true;
}

void conf_check_domain(struct conf_ctx *ctx, const config_setting_t *root, struct mz_where where)
{
	struct raw_domain raw = {.at = root};
	size_t i = ctx->conf->domain_count;

	if (!grow(ctx))
		return;
	conf_read(ctx, &conf_schema_domain, root, &raw);
	if (ctx->nomem)
		return;
	ctx->domain_places[i] = conf_place(conf_member(root, "name"));
	ctx->conf->domains[i] = raw.out;
	ctx->conf->domains[i].where = where;
	ctx->conf->domain_count++;
	check_domain(ctx, &raw, &ctx->conf->domains[i]);
}

static const char *domain_name(const void *items, size_t i)
{
	const struct conf_ctx *ctx = items;

	return ctx->conf->domains[i].text;
}

static struct conf_place domain_place(const void *items, size_t i)
{
	const struct conf_ctx *ctx = items;

	return ctx->domain_places[i];
}

void conf_check_domain_names(struct conf_ctx *ctx)
{
	struct mz_conf *conf = ctx->conf;
	struct conf_index index = {0};
	size_t size = 2, i = 0, at = 0;

	conf_index_names(ctx, &index, "domain", ctx, conf->domain_count, domain_name, domain_place);
	while (size <= conf->domain_count + conf->domain_count / 2)
		size *= 2;
	conf->by_name = conf_keep(ctx, size * sizeof *conf->by_name);
	if (!conf->by_name)
		return;
	conf->by_name_size = size;
	for (i = 0; i < index.count; i++) {
		const char *name = index.entries[i].name;

		at = mz_hash(MZ_HASH, name, strlen(name)) & (size - 1);
		while (conf->by_name[at])
			at = (at + 1) & (size - 1);
		conf->by_name[at] = (uint32_t)index.entries[i].i + 1;
	}
}
