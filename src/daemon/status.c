/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of domains and servers while the daemon runs. */
#include "src/daemon/daemon.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct domain_status *status_of(const struct app *app, const struct mz_conf_domain *domain)
{
	return &app->site->status[domain - app->site->conf->domains];
}

struct domain_status *status_domain(const struct app *app, const char *name)
{
	const struct mz_conf_domain *domain = mz_conf_find_domain(app->site->conf, name);

	return domain == NULL ? NULL : status_of(app, domain);
}

void status_adopt(struct site *site, struct site *old)
{
	for (size_t i = 0; i < site->conf->domain_count; i++) {
		const struct mz_conf_domain *was =
			mz_conf_find_domain(old->conf, site->conf->domains[i].text);

		if (was == NULL)
			continue;
		site->status[i] = old->status[was - old->conf->domains];
		old->status[was - old->conf->domains] = (struct domain_status){0};
	}
}

void status_free(struct domain_status *status, size_t count)
{
	for (size_t i = 0; i < count && status != NULL; i++) {
		free(status[i].reason);
		free(status[i].dkim_reason);
	}
	free(status);
}

/* The struct begins with its name. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct server_status *status_server(struct app *app, const char *name)
{
	void **found = tfind(&name, &app->servers, by_name);
	size_t octets = strlen(name) + 1;
	struct server_status *made = NULL;

	if (found != NULL)
		return *found;
	made = calloc(1, sizeof(*made) + octets);
	if (made == NULL)
		return NULL;
	made->name = memcpy((char *)made + sizeof(*made), name, octets);
	if (tsearch(made, &app->servers, by_name) == NULL) {
		free(made);
		return NULL;
	}
	return made;
}

static void enter(struct domain_status *status, enum domain_state state, int64_t now)
{
	if (status->state != state)
		status->since = now;
	status->state = state;
}

void status_good(struct domain_status *status, const struct mz_report *report, int64_t now)
{
	enter(status, DOMAIN_IN_SYNC, now);
	status->last_verified = now;
	status->have_serial = report->have_serial;
	status->serial = report->serial;
	free(status->reason);
	status->reason = NULL;
}

static void set_reason(char **place, const char *reason)
{
	char *copy = strdup(reason);

	if (copy == NULL)
		return;
	free(*place);
	*place = copy;
}

void status_bad(struct domain_status *status, const char *reason, int64_t now)
{
	enter(status, DOMAIN_FAILED, now);
	set_reason(&status->reason, reason);
}

void status_taken(struct app *app, const char *name)
{
	struct domain_status *status = status_domain(app, name);

	if (status == NULL)
		return;
	enter(status, DOMAIN_UNKNOWN, mz_clock_wall());
	status->have_serial = false;
	set_reason(&status->reason,
		   "records were taken back by hand: the next look brings again what the "
		   "configuration asks for");
}

void status_dkim(struct app *app, const char *name, const char *reason)
{
	struct domain_status *status = status_domain(app, name);

	if (status == NULL)
		return;
	if (reason == NULL) {
		free(status->dkim_reason);
		status->dkim_reason = NULL;
		return;
	}
	if (status->dkim_reason == NULL)
		status->dkim_since = mz_clock_wall();
	set_reason(&status->dkim_reason, reason);
}

void status_store(struct app *app)
{
	const struct mz_conf *conf = app->site->conf;

	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct mz_conf_domain *domain = &conf->domains[i];
		const struct domain_status *status = &app->site->status[i];
		struct mz_store_zone zone = {0};

		if (!domain->automatic || status->state != DOMAIN_IN_SYNC ||
		    mz_store_zone_get(app->store, domain->server->name, domain->origin_text,
				      domain->text, &zone) != MZ_OK ||
		    !zone.known || zone.last_verified == status->last_verified)
			continue;
		zone.last_verified = status->last_verified;
		if (mz_store_zone_put(app->store, domain->server->name, domain->origin_text,
				      domain->text, &zone) != MZ_OK)
			return; /* the commit says why */
	}
}

void status_clear(struct app *app)
{
	tdestroy(app->servers, free);
}
