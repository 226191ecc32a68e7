/* SPDX-License-Identifier: BSD-2-Clause */
/* The command dkim list: every key and its stage, some domains a turn of the loop. */
#include "src/daemon/command.h"
#include "src/daemon/dkim.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* Some five milliseconds. */
enum { DOMAINS_A_TURN = 100 };

/* One such command under way. */
struct listing {
	LIST_ENTRY(listing) link;
	struct app *app;
	struct site *site; /* held */
	struct mz_ctl_request *request;
	struct event *turn;
	size_t at, end; /* domains: the next one, and where it is over */
	size_t keys;	/* listed */
	bool json, gone;
	struct mz_str text; /* of this turn */
};
static LIST_HEAD(, listing) listings = LIST_HEAD_INITIALIZER(listings);

/* What people call a server: the primary by its name. */
static const char *server_name(const struct dkim_keys *keys, size_t i)
{
	return i == 0 ? keys->domain->server->name : keys->servers[i];
}

static json_t *seen_at(const struct dkim_keys *keys, const struct mz_life_key *key)
{
	json_t *out = json_array();

	for (size_t s = 0; s < keys->server_count; s++) {
		if (key->seen[s].hits > 0)
			(void)json_array_append_new(out, json_string(server_name(keys, s)));
	}
	return out;
}

static void list_json(struct listing *listing, json_t *take_key)
{
	char *text = take_key == NULL ? NULL : json_dumps(take_key, JSON_PRESERVE_ORDER);

	if (text == NULL)
		listing->text.failed = true;
	mz_str_add(&listing->text, listing->keys++ == 0 ? "" : ", ");
	mz_str_add(&listing->text, text == NULL ? "" : text);
	free(text);
	json_decref(take_key);
}

static void list_key(struct listing *listing, const struct dkim_keys *keys, unsigned algorithm,
		     size_t i)
{
	const struct mz_life_key *key = &keys->life[algorithm].keys[i];
	const struct mz_store_dkim *row = &key->row;
	const char *name = mz_dkim_algorithm_name(row->algorithm);
	char since[MZ_TIME_TEXT] = "", then[MZ_TIME_TEXT] = "";
	struct mz_str waiting = {0};
	int64_t next = mz_life_outlook(&keys->life[algorithm], i, &waiting);

	if (listing->json) {
		list_json(listing,
			  json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s?}", "domain",
				    keys->domain->text, "selector", row->selector, "algorithm",
				    name, "stage", mz_dkim_stage_name(row->stage), "since",
				    json_time(row->since), "next_transition", json_time(next),
				    "seen_at", seen_at(keys, key), "waiting_for", waiting.s));
	} else {
		mz_str_addf(&listing->text, "%s  %s  %s  %s since %s", keys->domain->text,
			    row->selector, name, mz_dkim_stage_name(row->stage),
			    mz_clock_text(row->since, since));
		if (next != 0)
			mz_str_addf(&listing->text, ", until %s", mz_clock_text(next, then));
		if (waiting.len > 0)
			mz_str_addf(&listing->text, ", waits for %s", waiting.s);
		mz_str_addc(&listing->text, '\n');
	}
	mz_str_clear(&waiting);
}

/* Oldest first, whatever the algorithm. */
static void list_domain(struct listing *listing, const struct dkim_keys *keys)
{
	size_t at[MZ_DKIM_ALGORITHMS] = {0};

	for (;;) {
		unsigned best = MZ_DKIM_ALGORITHMS;

		for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
			if (at[a] < keys->life[a].key_count &&
			    (best == MZ_DKIM_ALGORITHMS ||
			     keys->life[a].keys[at[a]].row.created <
				     keys->life[best].keys[at[best]].row.created))
				best = a;
		}
		if (best == MZ_DKIM_ALGORITHMS)
			return;
		if (keys->life[best].keys[at[best]].row.stage != MZ_DKIM_DELETED)
			list_key(listing, keys, best, at[best]);
		at[best]++;
	}
}

static int list_one(struct listing *listing, const struct mz_conf_domain *domain)
{
	struct app *app = listing->app;
	struct dkim_keys keys = {0};
	int err = dkim_keys_load(&keys, app, domain, mz_clock_wall());

	if (err == MZ_OK)
		list_domain(listing, &keys);
	else
		mz_ctl_error(listing->request, "%s: %s", domain->text,
			     err == MZ_ENOMEM ? mz_strerror(err) : mz_store_error(app->store));
	dkim_keys_clear(&keys);
	return err;
}

static void listing_end(struct listing *listing, int status)
{
	LIST_REMOVE(listing, link);
	mz_ctl_end(listing->request, status);
	if (listing->turn != NULL)
		event_free(listing->turn);
	mz_str_clear(&listing->text);
	site_release(listing->site);
	free(listing);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct listing *listing = arg;
	const struct mz_conf_domain *domains = listing->site->conf->domains;
	struct timeval now = {0, 0};
	int err = MZ_OK;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < DOMAINS_A_TURN && listing->at < listing->end && err == MZ_OK; i++) {
		err = list_one(listing, &domains[listing->at]);
		listing->at++;
	}
	if (err == MZ_OK && listing->json && listing->at == listing->end)
		mz_str_add(&listing->text, "]}\n");
	if (listing->text.failed)
		mz_ctl_error(listing->request, "out of memory");
	else if (err == MZ_OK && listing->text.len > 0)
		mz_ctl_output(listing->request, listing->text.s);
	err = listing->text.failed ? MZ_ENOMEM : err;
	mz_str_reset(&listing->text);
	if (err != MZ_OK || listing->gone)
		listing_end(listing, 1);
	else if (listing->at == listing->end)
		listing_end(listing, 0);
	else
		(void)evtimer_add(listing->turn, &now);
}

static void on_gone(void *arg)
{
	struct listing *listing = arg;

	listing->gone = true;
}

void command_keys(const struct call *call, const struct mz_conf_domain *only)
{
	const struct mz_conf *conf = call->app->site->conf;
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing == NULL) {
		mz_ctl_error(call->request, "out of memory");
		call_end(call, 1);
		return;
	}
	LIST_INSERT_HEAD(&listings, listing, link);
	listing->app = call->app;
	listing->site = call->app->site;
	site_hold(listing->site);
	listing->request = call->request;
	listing->json = call->json;
	listing->at = only == NULL ? 0 : (size_t)(only - conf->domains);
	listing->end = only == NULL ? conf->domain_count : listing->at + 1;
	listing->turn = evtimer_new(call->app->base, on_turn, listing);
	if (listing->turn == NULL) {
		mz_ctl_error(call->request, "out of memory");
		listing_end(listing, 1);
		return;
	}
	mz_ctl_on_gone(call->request, on_gone, listing);
	if (listing->json)
		mz_str_add(&listing->text, "{\"keys\": [");
	on_turn(-1, EV_TIMEOUT, listing);
}

void command_keys_clear(void)
{
	while (!LIST_EMPTY(&listings))
		listing_end(LIST_FIRST(&listings), 1);
}
