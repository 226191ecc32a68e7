/* SPDX-License-Identifier: BSD-2-Clause */
/* NOTIFY from the servers: the zone has changed, so its domains are looked at now (RFC 1996). */
#include "src/daemon/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "mailzone/net.h"

static const struct tsig_key *key_named(void *arg, const char *name)
{
	const struct app *app = arg;
	const struct mz_conf *conf = app->site->conf;

	for (size_t i = 0; i < conf->key_count; i++)
		if (strcmp(tsig_key_name(conf->keys[i].key), name) == 0)
			return conf->keys[i].key;
	return NULL;
}

static void look_at(struct app *app, const struct mz_conf_zone *zone)
{
	for (size_t i = 0; i < zone->domain_count; i++)
		look_file(app, zone->domains[i]->text, mz_clock_wall());
}

static enum mz_notify_reply on_notify(void *arg, const struct mz_notify_event *event)
{
	struct app *app = arg;
	const struct mz_conf *conf = app->site->conf;
	enum mz_notify_reply reply = MZ_NOTIFY_REFUSE;

	for (size_t i = 0; i < conf->server_count; i++) {
		const struct mz_conf_server *server = &conf->servers[i];
		const struct mz_conf_zone *zone = NULL;

		if (strcmp(server->endpoint.host, event->host) != 0)
			continue;
		zone = mz_conf_find_zone(conf, server, event->origin);
		if (zone == NULL) {
			reply = reply == MZ_NOTIFY_TAKE ? reply : MZ_NOTIFY_NOTAUTH;
			continue;
		}
		look_at(app, zone);
		reply = MZ_NOTIFY_TAKE;
	}
	if (reply == MZ_NOTIFY_TAKE)
		run_soon(app);
	return reply;
}

static bool same_addresses(const struct app *app, const struct mz_conf *conf)
{
	if (app->notify_count != conf->notify_count)
		return false;
	for (size_t i = 0; i < conf->notify_count; i++) {
		if (app->notify_listen[i].port != conf->notify_listen[i].port ||
		    strcmp(app->notify_listen[i].host, conf->notify_listen[i].host) != 0)
			return false;
	}
	return true;
}

void notify_clear(struct app *app)
{
	for (size_t i = 0; i < app->notify_count; i++)
		mz_notify_close(app->notify[i]);
	free(app->notify);
	free(app->notify_listen);
	app->notify = NULL;
	app->notify_listen = NULL;
	app->notify_count = 0;
}

int notify_arrange(struct app *app)
{
	const struct mz_conf *conf = app->site->conf;
	int err = MZ_OK;

	if (same_addresses(app, conf))
		return MZ_OK;
	notify_clear(app);
	app->notify = calloc(conf->notify_count + 1, sizeof(app->notify[0]));
	app->notify_listen = calloc(conf->notify_count + 1, sizeof(app->notify_listen[0]));
	if (app->notify == NULL || app->notify_listen == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < conf->notify_count && err == MZ_OK; i++) {
		struct mz_cause cause = {0};

		app->notify_listen[i] = conf->notify_listen[i];
		err = mz_notify_open(&app->notify[i], app->base, &conf->notify_listen[i], key_named,
				     on_notify, app, &cause);
		if (err == MZ_OK)
			app->notify_count++;
		else
			mz_log(MZ_LOG_ERROR, "notify", "reason", cause.text, NULL);
	}
	return err;
}
