/* SPDX-License-Identifier: BSD-2-Clause */
/* The command status: each domain and each server. */
#include "src/daemon/command.h"

#include <stdlib.h>

/* How a domain stands: what its tasks say comes first, then the last look. */
struct standing {
	const char *state;
	int64_t since, next;
	struct mz_cause reason;
};

static void on_task(void *arg, const struct mz_task *task)
{
	struct standing *standing = arg;

	if (task->state != MZ_TASK_RUNNING && (standing->next == 0 || task->due < standing->next))
		standing->next = task->due;
	/* The next step of a DKIM key may be months away: no record waits for it. */
	if (task->kind == MZ_TASK_DKIM && task->state == MZ_TASK_PENDING &&
	    task->due > mz_clock_wall() && task->reason[0] == '\0')
		return;
	if (task->reason[0] != '\0' || standing->since == 0)
		standing->since = task->changed;
	if (task->reason[0] != '\0')
		(void)mz_cause_set(&standing->reason, MZ_OK, "%s", task->reason);
	standing->state = "pending";
}

static const char *const domain_states[] = {
	[DOMAIN_UNKNOWN] = "pending",
	[DOMAIN_IN_SYNC] = "in-sync",
	[DOMAIN_FAILED] = "failed",
};

static struct standing judge(struct app *app, const struct mz_conf_domain *domain)
{
	const struct domain_status *status = status_of(app->site, domain);
	struct standing standing = {0};
	int64_t now = mz_clock_wall(), look = 0;

	if (!domain->automatic) {
		standing.state = "manual";
		return standing;
	}
	look = look_next(domain->text, app->site->conf->reconcile_interval, now);
	mz_queue_of_domain(app->queue, domain->text, on_task, &standing);
	if (standing.state == NULL) {
		standing.state = domain_states[status->state];
		standing.since = status->since;
		if (status->reason != NULL)
			(void)mz_cause_set(&standing.reason, MZ_OK, "%s", status->reason);
	}
	if (status->dkim_reason != NULL && standing.reason.text[0] == '\0') {
		standing.state = domain_states[DOMAIN_FAILED];
		standing.since = status->dkim_since;
		(void)mz_cause_set(&standing.reason, MZ_OK, "%s", status->dkim_reason);
	}
	if (standing.since == 0)
		standing.since = app->started;
	if (standing.next == 0 || look < standing.next)
		standing.next = look;
	if (status->tlsa.look_at != 0 && status->tlsa.look_at < standing.next)
		standing.next = status->tlsa.look_at;
	return standing;
}

static json_t *domain_json(struct app *app, const struct mz_conf_domain *domain)
{
	const struct domain_status *status = status_of(app->site, domain);
	struct standing standing = judge(app, domain);

	return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:o, s:o, s:o, s:s?, s:o}", "domain",
			 domain->text, "origin", domain->origin_text, "server",
			 domain->server != NULL ? domain->server->name : NULL, "mode",
			 domain->automatic ? "automatic" : "manual", "state", standing.state,
			 "serial",
			 domain->automatic && status->have_serial ? json_integer(status->serial)
								  : json_null(),
			 "since", json_time(standing.since), "last_verified",
			 json_time(domain->automatic ? status->last_verified : 0), "next_look",
			 json_time(domain->automatic ? standing.next : 0), "reason",
			 standing.reason.text[0] != '\0' ? standing.reason.text : NULL,
			 "tlsa_until", json_time(domain->automatic ? status->tlsa.look_at : 0));
}

static const char *const server_states[] = {
	[MZ_BREAKER_OK] = "ok",
	[MZ_BREAKER_SLOW] = "slow",
	[MZ_BREAKER_DOWN] = "down",
};

static json_t *server_json(struct app *app, const struct mz_conf_server *server)
{
	const struct server_status *status = status_server(app, server->name);

	if (status == NULL)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:i, s:s?}", "name", server->name, "state",
			 server_states[status->breaker.state], "since",
			 json_time(status->breaker.since != 0 ? status->breaker.since
							      : app->started),
			 "inflight", (int)status->inflight, "reason",
			 status->breaker.state != MZ_BREAKER_OK ? status->breaker.reason : NULL);
}

static void domain_text(struct app *app, const struct mz_conf_domain *domain, struct mz_str *out)
{
	const struct domain_status *status = status_of(app->site, domain);
	struct standing standing = judge(app, domain);
	char since[MZ_TIME_TEXT] = "", next[MZ_TIME_TEXT] = "";

	mz_str_addf(out, "%s  %s", domain->text, standing.state);
	if (!domain->automatic) {
		mz_str_addc(out, '\n');
		return;
	}
	mz_str_addf(out, " since %s  zone %s on %s", mz_clock_text(standing.since, since),
		    domain->origin_text, domain->server->name);
	if (status->have_serial)
		mz_str_addf(out, "  serial %lu", (unsigned long)status->serial);
	mz_str_addf(out, "  next look %s\n", mz_clock_text(standing.next, next));
	if (standing.reason.text[0] != '\0')
		mz_str_addf(out, "  %s\n", standing.reason.text);
	if (status->tlsa.old)
		mz_str_addf(out, "  TLSA: a key that is no longer in use stays until %s\n",
			    status->tlsa.look_at != 0
				    ? mz_clock_text(status->tlsa.look_at, since)
				    : "a good certificate is served for two TTLs");
}

static void server_text(struct app *app, const struct mz_conf_server *server, struct mz_str *out)
{
	const struct server_status *status = status_server(app, server->name);
	char since[MZ_TIME_TEXT] = "";

	if (status == NULL || status->breaker.state == MZ_BREAKER_OK)
		return;
	mz_str_addf(out, "server %s  %s since %s: %s\n", server->name,
		    server_states[status->breaker.state],
		    mz_clock_text(status->breaker.since, since), status->breaker.reason);
}

static void print_json(const struct call *call, const bool *named)
{
	const struct mz_conf *conf = call->app->site->conf;
	json_t *domains = json_array(), *servers = json_array();

	for (size_t i = 0; i < conf->domain_count; i++) {
		if (named[i])
			(void)json_array_append_new(domains,
						    domain_json(call->app, &conf->domains[i]));
	}
	for (size_t i = 0; i < conf->server_count; i++)
		(void)json_array_append_new(servers, server_json(call->app, &conf->servers[i]));
	call_print(call, json_pack("{s:o, s:o}", "domains", domains, "servers", servers));
}

static void print_text(const struct call *call, const bool *named)
{
	const struct mz_conf *conf = call->app->site->conf;
	struct mz_str text = {0};

	for (size_t i = 0; i < conf->domain_count; i++) {
		if (named[i])
			domain_text(call->app, &conf->domains[i], &text);
	}
	for (size_t i = 0; i < conf->server_count && call->argc == 0; i++)
		server_text(call->app, &conf->servers[i], &text);
	if (text.failed)
		mz_ctl_error(call->request, "out of memory");
	else if (text.len > 0)
		mz_ctl_output(call->request, text.s);
	mz_str_clear(&text);
}

void command_status(const struct call *call)
{
	const struct mz_conf *conf = call->app->site->conf;
	bool *named = calloc(conf->domain_count + 1, sizeof(named[0]));
	int status = 0;

	if (named == NULL) {
		mz_ctl_error(call->request, "out of memory");
		call_end(call, 1);
		return;
	}
	for (size_t i = 0; i < conf->domain_count; i++)
		named[i] = call->argc == 0;
	for (size_t i = 0; i < call->argc; i++) {
		const struct mz_conf_domain *domain = mz_conf_find_domain(conf, call->argv[i]);

		if (domain != NULL) {
			named[domain - conf->domains] = true;
			continue;
		}
		mz_ctl_error(call->request, "there is no domain \"%.255s\" in %s", call->argv[i],
			     conf->file);
		status = 1;
	}
	if (call->json)
		print_json(call, named);
	else
		print_text(call, named);
	free(named);
	call_end(call, status);
}
