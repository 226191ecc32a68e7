/* SPDX-License-Identifier: BSD-2-Clause */
/* The command dkim list: every key and its stage. */
#include "src/daemon/command.h"
#include "src/daemon/dkim.h"

#include <stdlib.h>
#include <string.h>

/* One such command under way. */
struct listing {
	struct app *app;
	struct site *site; /* held */
	struct mz_ctl_request *request;
	size_t begin, at, end; /* domains: the first one, the next one, and where it is over */
	size_t keys;	       /* listed */
	bool json;
	struct mz_str *text; /* of this piece */
};

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
		listing->text->failed = true;
	mz_str_add(listing->text, listing->keys++ == 0 ? "" : ", ");
	mz_str_add(listing->text, text == NULL ? "" : text);
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
		mz_str_addf(listing->text, "%s  %s  %s  %s since %s", keys->domain->text,
			    row->selector, name, mz_dkim_stage_name(row->stage),
			    mz_clock_text(row->since, since));
		if (next != 0)
			mz_str_addf(listing->text, ", until %s", mz_clock_text(next, then));
		if (waiting.len > 0)
			mz_str_addf(listing->text, ", waits for %s", waiting.s);
		mz_str_addc(listing->text, '\n');
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

static int more(void *arg, struct mz_str *text, bool *over)
{
	struct listing *listing = arg;
	int err = MZ_OK;

	listing->text = text;
	if (listing->json && listing->at == listing->begin)
		mz_str_add(text, "{\"keys\": [");
	if (listing->at < listing->end)
		err = list_one(listing, &listing->site->conf->domains[listing->at++]);
	*over = listing->at == listing->end;
	if (listing->json && *over)
		mz_str_add(text, "]}\n");
	return err;
}

static void listing_free(void *arg)
{
	struct listing *listing = arg;

	if (listing != NULL)
		site_release(listing->site);
	free(listing);
}

void command_keys(const struct call *call, const struct mz_conf_domain *only)
{
	const struct mz_conf *conf = call->app->site->conf;
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing != NULL) {
		listing->app = call->app;
		listing->site = call->app->site;
		site_hold(listing->site);
		listing->request = call->request;
		listing->json = call->json;
		listing->begin = only == NULL ? 0 : (size_t)(only - conf->domains);
		listing->at = listing->begin;
		listing->end = only == NULL ? conf->domain_count : listing->at + 1;
	}
	pieces_start(call, &(struct pieces_input){more, listing_free, listing});
}
