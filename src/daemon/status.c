/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of domains and servers while the daemon runs. */
#include "src/daemon/daemon.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* Both structs begin with their name. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entry of this name, made of `size` zero octets and the name when missing; NULL: no memory. */
static void *entry(void **tree, const char *name, size_t size)
{
	void **found = tfind(&name, tree, by_name);
	size_t octets = strlen(name) + 1;
	char **made = NULL;

	if (found != NULL)
		return *found;
	made = calloc(1, size + octets);
	if (made == NULL)
		return NULL;
	*made = memcpy((char *)made + size, name, octets);
	if (tsearch(made, tree, by_name) == NULL) {
		free(made);
		return NULL;
	}
	return made;
}

struct domain_status *status_domain(struct app *app, const char *name)
{
	return entry(&app->domains, name, sizeof(struct domain_status));
}

const struct domain_status *status_find(const struct app *app, const char *name)
{
	void *const *found = tfind(&name, &app->domains, by_name);

	return found == NULL ? NULL : *found;
}

struct server_status *status_server(struct app *app, const char *name)
{
	return entry(&app->servers, name, sizeof(struct server_status));
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
	struct domain_status *const *found = tfind(&name, &app->domains, by_name);

	if (found == NULL)
		return;
	enter(*found, DOMAIN_UNKNOWN, mz_clock_wall());
	(*found)->have_serial = false;
	set_reason(&(*found)->reason,
		   "records were taken back by hand: the next look brings again what the "
		   "configuration asks for");
}

void status_dkim(struct app *app, const char *name, const char *reason)
{
	struct domain_status *status = mz_conf_find_domain(app->site->conf, name) == NULL
					       ? NULL
					       : status_domain(app, name);

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
		const struct domain_status *status = status_find(app, domain->text);
		struct mz_store_zone zone = {0};

		if (!domain->automatic || status == NULL || status->state != DOMAIN_IN_SYNC ||
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

static void free_domain(void *node)
{
	struct domain_status *status = node;

	free(status->reason);
	free(status->dkim_reason);
	free(status);
}

void status_clear(struct app *app)
{
	tdestroy(app->domains, free_domain);
	tdestroy(app->servers, free);
}
