/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail systems, and the parts of them that a domain may have of its own. */
#include <string.h>

#include "src/conf/check.h"
#include "src/conf/value.h"

void conf_check_text(struct conf_ctx *ctx, const config_setting_t *group, const char *name,
		     const char *text, const char *(*check)(const char *text))
{
	char quoted[CONF_QUOTE_TEXT] = "";
	const char *why = text ? check(text) : NULL;

	if (why)
		conf_fault(ctx, conf_member(group, name), "%s \"%s\" %s", name,
			   conf_quote(text, quoted), why);
}

/* ---- mx ---- */

static const char *host_text(const struct mz_name *host, char buf[MZ_NAME_TEXT])
{
	size_t len = strlen(mz_name_to_text(host->wire, buf));

	if (len > 1)
		buf[len - 1] = '\0';
	return buf;
}

void conf_check_mx(struct conf_ctx *ctx, const struct raw_list *raw, struct mz_conf_mxs *out)
{
	const struct raw_mx *mx = raw->items;
	size_t i = 0, j = 0;

	for (i = 0; i < raw->count; i++)
		for (j = 0; j < i && mx[i].out.host.len; j++) {
			struct mz_where where = {0};
			char name[MZ_NAME_TEXT];

			if (memcmp(&mx[i].out.host, &mx[j].out.host, sizeof mx->out.host) != 0)
				continue;
			where = conf_where(conf_member(mx[j].at, "host"));
			conf_fault(ctx, conf_member(mx[i].at, "host"),
				   "the MX host \"%s\" is given twice; first at %s:%u",
				   host_text(&mx[i].out.host, name), where.file, where.line);
			break;
		}
	out->count = raw->count;
	/* The list is only compared and copied: a mail system's is never written to again. */
	out->mx = (struct mz_conf_mx *)(uintptr_t)conf_pack(ctx, mx, raw->count, sizeof *mx,
							    offsetof(struct raw_mx, out),
							    sizeof mx->out);
}

static void default_mx(struct conf_ctx *ctx, const struct mz_name *hostname,
		       struct mz_conf_mxs *out)
{
	out->mx = conf_keep(ctx, sizeof *out->mx);
	if (!out->mx)
		return;
	out->mx->host = *hostname;
	out->mx->priority = 10;
	out->count = 1;
}

/* ---- mta-sts ---- */

struct mz_conf_sts *conf_check_sts(struct conf_ctx *ctx, const struct raw_sts *raw)
{
	struct mz_conf_sts *out = NULL;
	const char **mx = NULL;
	char quoted[CONF_QUOTE_TEXT] = "";
	size_t i = 0;

	if (!raw)
		return NULL;
	mx = conf_keep(ctx, (raw->out.mx_count + 1) * sizeof *mx);
	for (i = 0; i < raw->out.mx_count; i++) {
		const char *why = conf_pattern_check(raw->out.mx[i]);

		if (mx)
			mx[i] = conf_intern(ctx, conf_plain_name(ctx, raw->out.mx[i]));
		if (why)
			conf_fault(ctx,
				   config_setting_get_elem(conf_member(raw->at, "mx"), (unsigned)i),
				   "mx \"%s\" %s", conf_quote(raw->out.mx[i], quoted), why);
	}
	out = conf_keep(ctx, sizeof *out);
	if (!out || !mx)
		return NULL;
	*out = raw->out;
	out->mx = mx;
	out->where = conf_where(raw->at);
	return out;
}

void conf_check_cover(struct conf_ctx *ctx, const struct mz_conf_sts *sts,
		      const struct mz_conf_mxs *mx, const config_setting_t *at)
{
	char name[MZ_NAME_TEXT] = "";
	size_t i = 0, j = 0;

	if (!sts || !mx || sts->mode != MZ_STS_ENFORCE || sts->mx_count == 0)
		return;
	for (i = 0; i < mx->count && mx->mx; i++) {
		if (!mx->mx[i].host.len)
			continue;
		for (j = 0; j < sts->mx_count; j++)
			if (conf_pattern_match(sts->mx[j], mx->mx[i].host.wire))
				break;
		if (j == sts->mx_count)
			conf_fault(ctx, at,
				   "no pattern in mta_sts.mx covers the MX host \"%s\": in enforce "
				   "mode senders would not deliver to it",
				   host_text(&mx->mx[i].host, name));
	}
}

/* ---- acme ---- */

static const char *issuer_check(const char *text)
{
	struct mz_name name = {0};

	return conf_host_parse(text, &name);
}

static const char *account_check(const char *text)
{
	return *text ? conf_account_check(text) : NULL;
}

static void check_acme_twice(struct conf_ctx *ctx, const struct raw_acme *acme, size_t i)
{
	size_t j = 0;

	for (j = 0; j < i && acme[i].out.issuer; j++) {
		struct mz_where where = {0};

		/* Equal strings are stored once. */
		if (acme[j].out.issuer != acme[i].out.issuer ||
		    acme[j].out.account_uri != acme[i].out.account_uri)
			continue;
		where = conf_where(acme[j].at);
		conf_fault(ctx, acme[i].at, "the issuer \"%s\" is given twice; first at %s:%u",
			   acme[i].out.issuer, where.file, where.line);
		break;
	}
}

void conf_check_acme(struct conf_ctx *ctx, const struct raw_list *raw, struct mz_conf_acmes *out)
{
	struct raw_acme *acme = raw->items;
	size_t i = 0;

	for (i = 0; i < raw->count; i++) {
		if (acme[i].out.issuer)
			acme[i].out.issuer =
				conf_intern(ctx, conf_plain_name(ctx, acme[i].out.issuer));
		acme[i].out.policy = conf_intern(ctx, acme[i].wildcard ? "wildcard" : "");
		conf_check_text(ctx, acme[i].at, "issuer", acme[i].out.issuer, issuer_check);
		conf_check_text(ctx, acme[i].at, "account_uri", acme[i].out.account_uri,
				account_check);
		if (acme[i].out.persist && acme[i].out.account_uri && !acme[i].out.account_uri[0])
			conf_fault(ctx, conf_member(acme[i].at, "persist"),
				   "\"persist\" needs \"account_uri\"");
		check_acme_twice(ctx, acme, i);
	}
	out->count = raw->count;
	out->acme = (struct mz_conf_acme *)(uintptr_t)conf_pack(ctx, acme, raw->count, sizeof *acme,
								offsetof(struct raw_acme, out),
								sizeof acme->out);
}

/* ---- services, certificates ---- */

static void check_services(struct conf_ctx *ctx, const struct raw_system *raw,
			   struct mz_conf_mail_system *out)
{
	struct raw_service *service = raw->services.items;
	size_t i = 0, j = 0;

	for (i = 0; i < raw->services.count; i++) {
		if (!service[i].out.host.len)
			service[i].out.host = out->hostname;
		for (j = 0; j < i; j++) {
			struct mz_where where = {0};

			if (service[i].out.protocol != service[j].out.protocol ||
			    memcmp(&service[i].out.host, &service[j].out.host,
				   sizeof service->out.host) != 0)
				continue;
			where = conf_where(service[j].at);
			conf_fault(ctx, service[i].at,
				   "the same service at the same host is given twice; first at "
				   "%s:%u",
				   where.file, where.line);
			break;
		}
	}
	out->service_count = raw->services.count;
	out->services =
		(struct mz_conf_service *)(uintptr_t)conf_pack(ctx, service, raw->services.count,
							       sizeof *service,
							       offsetof(struct raw_service, out),
							       sizeof service->out);
}

static void check_certificates(struct conf_ctx *ctx, const struct raw_system *raw,
			       struct mz_conf_mail_system *out)
{
	struct raw_certificate *certificate = raw->certificates.items;
	size_t i = 0;

	for (i = 0; i < raw->certificates.count; i++)
		certificate[i].out.where = conf_where(certificate[i].at);
	out->certificate_count = raw->certificates.count;
	out->certificates = (struct mz_conf_certificate *)(uintptr_t)
		conf_pack(ctx, certificate, raw->certificates.count, sizeof *certificate,
			  offsetof(struct raw_certificate, out), sizeof certificate->out);
}

/* ---- mail systems ---- */

static const char *host_spf_check(const char *text)
{
	return *text ? conf_spf_check(text) : NULL;
}

static void check_system(struct conf_ctx *ctx, const struct raw_system *raw,
			 struct mz_conf_mail_system *out)
{
	*out = raw->out;
	out->where = conf_where(raw->at);
	out->autoconfig_where = conf_where(conf_member2(raw->at, "autoconfig", "document"));
	if (raw->mx.count)
		conf_check_mx(ctx, &raw->mx, &out->mx);
	else
		default_mx(ctx, &out->hostname, &out->mx);
	check_services(ctx, raw, out);
	conf_check_text(ctx, raw->at, "spf", out->spf, conf_spf_check);
	conf_check_text(ctx, raw->at, "host_spf", out->host_spf, host_spf_check);
	conf_check_text(ctx, raw->at, "dmarc", out->dmarc, conf_dmarc_check);
	out->mta_sts = conf_check_sts(ctx, raw->sts);
	if (raw->sts)
		conf_check_cover(ctx, out->mta_sts, &out->mx, conf_member(raw->sts->at, "mx"));
	conf_check_acme(ctx, &raw->acme, &out->acme);
	check_certificates(ctx, raw, out);
}

static const char *raw_system_name(const void *items, size_t i)
{
	return ((const struct raw_system *)items)[i].out.name;
}

static struct conf_place raw_system_place(const void *items, size_t i)
{
	return conf_place(conf_member(((const struct raw_system *)items)[i].at, "name"));
}

void conf_check_systems(struct conf_ctx *ctx, const struct raw_list *systems)
{
	struct mz_conf *conf = ctx->conf;
	const struct raw_system *raw = systems->items;
	size_t i = 0;

	conf->systems = conf_keep(ctx, systems->count * sizeof *conf->systems);
	if (!conf->systems)
		return;
	conf->system_count = systems->count;
	for (i = 0; i < systems->count; i++)
		check_system(ctx, &raw[i], &conf->systems[i]);
	conf_index_names(ctx, &ctx->systems, "mail system", raw, systems->count, raw_system_name,
			 raw_system_place);
}
