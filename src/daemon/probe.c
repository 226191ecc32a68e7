/* SPDX-License-Identifier: BSD-2-Clause */
/* A look begins with the serial of the zone. Where that is the one at which the domain was found right, and no task
 * was filed since, it ends with it; everything else becomes a task. */
#include "src/daemon/daemon.h"

#include <stdlib.h>

#include "mailzone/live.h"

/* Zones that are asked at once: a look is in no hurry, and what is asked takes memory. */
enum { AT_ONCE = 16 };

/* One zone that is asked. */
struct probe {
	struct probes *all;
	struct mz_live_op *op; /* NULL: free */
	size_t from, to;       /* its looks */
};

struct probes {
	struct app *app;
	struct site *site;   /* held */
	struct look **looks; /* those of a zone in a row; NULL: it is a task already */
	size_t count, next;  /* `next`: nobody asked for it so far */
	struct probe probe[AT_ONCE];
};

static void go_on(struct probes *all);

static void probes_free(struct probes *all)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		mz_live_cancel(all->probe[i].op);
	all->app->probes = NULL;
	site_release(all->site);
	free(all->looks);
	free(all);
}

/* A reload in between took what was proven over to the new site: nothing is here, and there a task looks. */
static bool is_unchanged(const struct look *look, const struct mz_probe *answer)
{
	return answer->result == MZ_PROBE_OK && look->status.proven &&
	       look->status.serial == answer->serial;
}

static void log_unchanged(const struct look *look)
{
	mz_log(MZ_LOG_DEBUG, "unchanged", "domain", look->domain->text, "zone",
	       look->zone->origin_text, "server", look->server->name, "serial",
	       MZ_NUM(look->status.serial), NULL);
}

/* A server that says nothing is not asked for its other zones: their tasks know how to wait for it. */
static void give_up(struct probes *all, const struct mz_conf_server *server)
{
	for (size_t i = all->next; i < all->count; i++) {
		if (all->looks[i] == NULL || all->looks[i]->server != server)
			continue;
		look_whole(all->app, all->looks[i]);
		all->looks[i] = NULL;
	}
}

static void on_answer(void *arg, const struct mz_probe *answer)
{
	struct probe *probe = arg;
	struct probes *all = probe->all;

	probe->op = NULL;
	for (size_t i = probe->from; i < probe->to; i++) {
		struct look *look = all->looks[i];

		if (!is_unchanged(look, answer)) {
			look_whole(all->app, look);
			continue;
		}
		look->status.last_verified = mz_clock_wall();
		if (mz_log_on(MZ_LOG_DEBUG))
			log_unchanged(look);
	}
	if (answer->fault == MZ_FAULT_SILENT)
		give_up(all, all->looks[probe->from]->server);
	go_on(all);
}

static int ask(struct probe *probe)
{
	const struct look *look = probe->all->looks[probe->from];
	const struct mz_conf_server *server = look->server;
	struct mz_peer *peer = NULL;
	int err = mz_net_peer(probe->all->app->net, &server->endpoint, server->max_inflight, &peer,
			      NULL);

	return err != MZ_OK ? err
			    : mz_live_probe(peer, server->transfer_key, look->origin,
					    (unsigned)server->timeout * 1000u, on_answer, probe,
					    &probe->op);
}

/* Asks for the next zone. */
static void ask_next(struct probes *all, struct probe *probe)
{
	const struct mz_conf_zone *zone = all->looks[all->next]->zone;

	probe->all = all;
	probe->from = all->next;
	while (all->next < all->count && all->looks[all->next] != NULL &&
	       all->looks[all->next]->zone == zone)
		all->next++;
	probe->to = all->next;
	if (ask(probe) == MZ_OK)
		return;
	for (size_t i = probe->from; i < probe->to; i++)
		look_whole(all->app, all->looks[i]);
}

static void go_on(struct probes *all)
{
	bool busy = false;

	for (size_t i = 0; i < AT_ONCE; i++) {
		while (all->probe[i].op == NULL && all->next < all->count) {
			if (all->looks[all->next] != NULL)
				ask_next(all, &all->probe[i]);
			else
				all->next++;
		}
		busy = busy || all->probe[i].op != NULL;
	}
	if (!busy)
		probes_free(all);
}

bool probe_may(struct app *app, const struct look *look)
{
	const struct server_status *server = NULL;

	/* One round at a time. */
	if (!look->status.proven || look->status.dkim_reason != NULL || app->probes != NULL)
		return false;
	server = status_server(app, look->server->name);
	return server != NULL && server->breaker.state == MZ_BREAKER_OK;
}

static int by_zone(const void *a, const void *b)
{
	const struct look *x = *(struct look *const *)a, *y = *(struct look *const *)b;

	return (x->zone > y->zone) - (x->zone < y->zone);
}

void probe_start(struct app *app, struct look **take_looks, size_t count)
{
	struct probes *all = count > 0 ? calloc(1, sizeof(*all)) : NULL;

	if (all == NULL) {
		for (size_t i = 0; i < count; i++)
			look_whole(app, take_looks[i]);
		free(take_looks);
		return;
	}
	qsort(take_looks, count, sizeof(take_looks[0]), by_zone);
	*all = (struct probes){.app = app, .site = app->site, .looks = take_looks, .count = count};
	site_hold(all->site);
	app->probes = all;
	go_on(all);
}

void probe_clear(struct app *app)
{
	if (app->probes != NULL)
		probes_free(app->probes);
}
