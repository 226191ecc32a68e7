/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of domains and servers while the daemon runs. */
#include "src/daemon/daemon.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct domain_status *status_of(const struct site *site, const struct mz_conf_domain *domain)
{
	return &site->looks[site->look_of[domain - site->conf->domains]].status;
}

struct domain_status *status_domain(const struct app *app, const char *name)
{
	const struct mz_conf_domain *domain = mz_conf_find_domain(app->site->conf, name);

	return domain == NULL ? NULL : status_of(app->site, domain);
}

void status_adopt(struct site *site, struct site *old)
{
	for (size_t i = 0; i < site->conf->domain_count; i++) {
		struct look *now = &site->looks[i], *was = NULL;
		uint32_t place = site->common[now->domain - site->conf->domains].was;

		if (place == 0)
			continue;
		was = &old->looks[old->look_of[place - 1]];
		now->status = was->status;
		was->status = (struct domain_status){0};
	}
}

void status_free(struct site *site)
{
	for (size_t i = 0; i < site->conf->domain_count && site->looks != NULL; i++) {
		free(site->looks[i].status.reason);
		free(site->looks[i].status.dkim_reason);
	}
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

void status_prove(struct domain_status *status, const struct mz_tlsa_wait *wait)
{
	status->proven = status->have_serial && !wait->old && !wait->unseen;
}

void status_good(struct domain_status *status, const struct mz_report *report, size_t i,
		 int64_t now)
{
	enter(status, DOMAIN_IN_SYNC, now);
	status->last_verified = now;
	status->have_serial = report->have_serial;
	status->serial = report->serial;
	status->proven = false;
	/* A part of the families says nothing of the others. */
	if (report->job->families == MZ_FAMILIES_ALL)
		status_prove(status, &report->tlsa[i]);
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
	status->proven = false;
	set_reason(&status->reason, reason);
}

void status_doubt(struct app *app, const char *name)
{
	struct domain_status *status = status_domain(app, name);

	if (status != NULL)
		status->proven = false;
}

void status_taken(struct app *app, const char *name)
{
	struct domain_status *status = status_domain(app, name);

	if (status == NULL)
		return;
	enter(status, DOMAIN_UNKNOWN, mz_clock_wall());
	status->have_serial = status->proven = false;
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
	for (size_t i = 0; i < app->site->look_count; i++) {
		const struct mz_conf_domain *domain = app->site->looks[i].domain;
		const struct domain_status *status = &app->site->looks[i].status;
		struct mz_store_zone zone = {0};

		if (status->state != DOMAIN_IN_SYNC ||
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
