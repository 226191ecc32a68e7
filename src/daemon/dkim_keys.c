/* SPDX-License-Identifier: BSD-2-Clause */
/* The DKIM keys of a domain, from the store to the pure life, and what was seen of them back again. */
#include "src/daemon/dkim.h"

#include <string.h>

bool dkim_is_kept(const struct mz_conf_domain *domain)
{
	return domain->automatic && domain->dkim_automatic && !domain->no_mail &&
	       (domain->publish >> MZ_FAMILY_DKIM & 1u) != 0;
}

/* ---- loading ------------------------------------------------------------------------------------------ */

struct loading {
	struct dkim_keys *keys;
	size_t cap[MZ_DKIM_ALGORITHMS];
	const struct mz_life_key *key; /* whose servers are being read */
	int err;
};

static struct mz_life_key *new_key(struct loading *loading, enum mz_dkim_algorithm algorithm)
{
	struct mz_life_input *life = &loading->keys->life[algorithm];
	struct mz_life_key **keys = &loading->keys->key[algorithm], *more = NULL;
	size_t cap = loading->cap[algorithm];

	if (life->key_count == cap) {
		cap = cap == 0 ? 4 : cap * 2;
		more = mz_arena_alloc(&loading->keys->arena, cap * sizeof(*more));
		if (more == NULL)
			return NULL;
		if (life->key_count > 0)
			memcpy(more, *keys, life->key_count * sizeof(*more));
		life->keys = *keys = more;
		loading->cap[algorithm] = cap;
	}
	return &(*keys)[life->key_count];
}

static void on_seen(void *arg, const struct mz_store_dkim_seen *seen)
{
	struct loading *loading = arg;

	for (size_t i = 0; i < loading->keys->server_count; i++) {
		struct mz_store_dkim_seen *at = &loading->key->seen[i];

		if (strcmp(at->server, seen->server) == 0) {
			const char *server = at->server;

			*at = *seen;
			at->server = server;
		}
	}
}

static void on_key(void *arg, const struct mz_store_dkim *row)
{
	struct loading *loading = arg;
	struct dkim_keys *keys = loading->keys;
	struct mz_life_key *key = new_key(loading, row->algorithm);
	struct mz_store_dkim_seen *seen =
		mz_arena_alloc(&keys->arena, keys->server_count * sizeof(*seen));

	if (key == NULL || seen == NULL) {
		loading->err = MZ_ENOMEM;
		return;
	}
	for (size_t i = 0; i < keys->server_count; i++)
		seen[i] = (struct mz_store_dkim_seen){.server = keys->servers[i]};
	*key = (struct mz_life_key){.row = *row, .seen = seen};
	key->row.domain = keys->domain->text;
	key->row.selector = mz_arena_strdup(&keys->arena, row->selector);
	key->row.public_text = mz_arena_strdup(&keys->arena, row->public_text);
	if (key->row.selector == NULL || key->row.public_text == NULL)
		loading->err = MZ_ENOMEM;
	else
		keys->life[row->algorithm].key_count++;
}

/* Nobody is asked about keys of a domain that is not kept. */
static int name_servers(struct dkim_keys *keys, struct mz_net *net)
{
	const struct mz_conf_server *server = keys->domain->server;
	int err = MZ_OK;

	if (server == NULL)
		return MZ_OK;
	keys->server_count = server->secondary_count + 1;
	keys->servers = mz_arena_alloc(&keys->arena, keys->server_count * sizeof(keys->servers[0]));
	if (keys->servers == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < keys->server_count && err == MZ_OK; i++) {
		struct mz_peer *peer = NULL;

		err = mz_net_peer(net, i == 0 ? &server->endpoint : &server->secondaries[i - 1],
				  server->max_inflight, &peer, NULL);
		if (err == MZ_OK)
			keys->servers[i] = mz_peer_text(peer);
	}
	return err;
}

static bool owner_of(struct mz_name *out, const struct dkim_keys *keys,
		     const struct mz_life_key *key)
{
	struct mz_name base = {0};

	return mz_name_prefix(&base, "_domainkey", keys->domain->name) == MZ_OK &&
	       mz_name_prefix(out, key->row.selector, base.wire) == MZ_OK;
}

enum { HISTORY = 1000 }; /* changes that are looked at */

struct mending {
	const struct mz_conf_domain *domain;
	const struct mz_name *owner;
	struct mz_life_mend *mend;
	unsigned count;
};

/* What was done at a server that the domain has left says nothing of the serials of others. */
static void on_change(void *arg, const struct mz_store_change *change)
{
	struct mending *mending = arg;
	const struct mz_conf_domain *domain = mending->domain;

	mending->count++;
	if (strcmp(change->server, domain->server->name) == 0 &&
	    strcmp(change->origin, domain->origin_text) == 0)
		mz_life_mend_take(mending->mend, mending->owner->wire, change);
}

/* It is from the history, which is written before anything is sent: no kill makes us forget it. */
static int read_mend(struct mz_life_mend *mend, struct mz_store *store,
		     const struct dkim_keys *keys, const struct mz_life_key *key)
{
	struct mz_name owner = {0};
	struct mending mending = {.domain = keys->domain, .owner = &owner, .mend = mend};
	int err = MZ_OK;

	if (key->row.stage != MZ_DKIM_PENDING || keys->domain->server == NULL ||
	    !owner_of(&owner, keys, key))
		return MZ_OK;
	err = mz_store_changes(store, keys->domain->text, false, 0, HISTORY, on_change, &mending);
	/* The one that published it may be older still. */
	mend->any = mend->any || (mend->touched && mending.count == HISTORY);
	/* A damaged row is not worth that keys of the domain can neither change nor be revoked. */
	return err == MZ_ESTATE ? MZ_OK : err;
}

/* Domains that came together are not to rotate together, each time: some sign up to a tenth longer. */
static int64_t rotate_after(const struct mz_conf_domain *domain)
{
	return domain->rotate_after + look_phase(domain->text, domain->rotate_after / 10 + 1);
}

int dkim_keys_load(struct dkim_keys *out, struct app *app, const struct mz_conf_domain *domain,
		   int64_t now)
{
	struct loading loading = {.keys = out};
	int err = MZ_OK;

	*out = (struct dkim_keys){.domain = domain};
	err = name_servers(out, app->net);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++)
		out->life[a] =
			(struct mz_life_input){.now = now,
					       .wanted = (domain->dkim_algorithms >> a & 1u) != 0,
					       .server_count = out->server_count,
					       .rotate_after = rotate_after(domain),
					       .retire_after = domain->retire_after,
					       .delete_after = domain->delete_after,
					       .look_every =
						       domain->server == NULL
							       ? 0
							       : domain->server->polling_interval};
	if (err == MZ_OK)
		err = mz_store_dkim_list(app->store, domain->text, on_key, &loading);
	if (err == MZ_OK)
		err = loading.err;
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		for (size_t k = 0; k < out->life[a].key_count && err == MZ_OK; k++) {
			struct mz_life_key *key = &out->key[a][k];

			loading.key = key;
			if (key->row.stage != MZ_DKIM_DELETED)
				err = mz_store_dkim_seen_list(app->store, domain->text,
							      key->row.selector, on_seen, &loading);
			if (err == MZ_OK)
				err = read_mend(&key->mend, app->store, out, key);
		}
	}
	if (err != MZ_OK)
		dkim_keys_clear(out);
	return err;
}

void dkim_keys_clear(struct dkim_keys *keys)
{
	mz_arena_clear(&keys->arena);
	*keys = (struct dkim_keys){0};
}

/* ---- looks --------------------------------------------------------------------------------------------- */

static bool is_published(const struct mz_life_key *key)
{
	return key->row.stage != MZ_DKIM_RETIRED && key->row.stage != MZ_DKIM_DELETED;
}

int dkim_keys_slots(const struct dkim_keys *keys, struct mz_rrlist *out)
{
	int err = MZ_OK;

	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		for (size_t k = 0; k < keys->life[a].key_count && err == MZ_OK; k++) {
			struct mz_name owner = {0};
			const struct mz_rr rr = {.owner = owner.wire,
						 .rdata = (const uint8_t *)"",
						 .type = MZ_TYPE_TXT};

			if (is_published(&keys->life[a].keys[k]) &&
			    owner_of(&owner, keys, &keys->life[a].keys[k]))
				err = mz_rrlist_add(out, &rr);
		}
	}
	mz_rrlist_sort(out, true);
	return err;
}

/* Is what stands at the key's owner exactly its record? */
static struct mz_life_sight sight_of(const struct dkim_keys *keys, const struct mz_life_key *key,
				     const struct dkim_server *server)
{
	struct mz_life_sight sight = {.found = MZ_SIGHT_OTHER,
				      .cached = server->negative_ttl,
				      .serial = server->serial,
				      .expire = server->expire};
	struct mz_str want = {0}, found = {0};
	struct mz_name owner = {0};
	size_t i = 0, end = 0;

	if (!server->answered || !owner_of(&owner, keys, key)) {
		sight.found = MZ_SIGHT_SILENT;
		return sight;
	}
	i = mz_rrlist_find(&server->rrs, owner.wire, MZ_TYPE_TXT);
	end = i;
	while (end < server->rrs.count && server->rrs.rr[end].type == MZ_TYPE_TXT &&
	       mz_name_equal(server->rrs.rr[end].owner, owner.wire))
		end++;
	mz_dkim_record_text(&want, key->row.algorithm,
			    key->row.stage == MZ_DKIM_REVOKED ? "" : key->row.public_text);
	if (end == i + 1 && mz_txt_join(server->rrs.rr[i].rdata, server->rrs.rr[i].rdlen, &found) &&
	    !want.failed && !found.failed && strcmp(want.s, found.s) == 0 && want.len == found.len)
		sight.found = MZ_SIGHT_SERVED;
	for (; i < end && sight.found != MZ_SIGHT_SERVED; i++) {
		if (server->rrs.rr[i].ttl > sight.cached)
			sight.cached = server->rrs.rr[i].ttl;
	}
	mz_str_clear(&want);
	mz_str_clear(&found);
	return sight;
}

static int see(struct dkim_keys *keys, struct mz_store *store, const struct mz_life_key *key,
	       const struct dkim_server *servers, int64_t now)
{
	int err = MZ_OK;

	for (size_t s = 0; s < keys->server_count && err == MZ_OK; s++) {
		struct mz_life_sight sight = sight_of(keys, key, &servers[s]);

		/* The primary lags behind nobody: a lower serial is that of a zone which was set up anew. */
		if (s == 0)
			sight.serial = key->mend.serial;
		mz_life_see(&key->seen[s], &key->mend, &sight, now);
		err = mz_store_dkim_seen_put(store, keys->domain->text, key->row.selector,
					     &key->seen[s]);
	}
	return err;
}

int dkim_keys_see(struct dkim_keys *keys, struct mz_store *store, const struct dkim_server *servers,
		  int64_t now)
{
	int err = MZ_OK;

	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		for (size_t k = 0; k < keys->life[a].key_count && err == MZ_OK; k++) {
			if (is_published(&keys->life[a].keys[k]))
				err = see(keys, store, &keys->life[a].keys[k], servers, now);
		}
	}
	return err;
}

struct changed {
	const struct mz_conf_domain *domain;
	const struct mz_change *change;
	bool pending; /* its key is not used yet */
};

static void on_changed(void *arg, const struct mz_store_dkim *row)
{
	struct changed *changed = arg;
	const struct dkim_keys keys = {.domain = changed->domain};
	const struct mz_life_key key = {.row = *row};
	struct mz_name owner = {0};

	if (row->stage > MZ_DKIM_RETIRING || !owner_of(&owner, &keys, &key) ||
	    !mz_name_equal(owner.wire, changed->change->rr.owner))
		return;
	if (row->stage == MZ_DKIM_PENDING)
		changed->pending = true;
	else if (changed->change->add)
		mz_log(MZ_LOG_WARNING, "dkim_repaired", "domain", changed->domain->text, "selector",
		       row->selector, "reason",
		       "its record was missing or another one: it is published again", NULL);
}

void dkim_changed(struct app *app, const struct mz_conf_domain *domain,
		  const struct mz_change *change)
{
	struct changed changed = {.domain = domain, .change = change};

	if (dkim_is_kept(domain))
		(void)mz_store_dkim_list(app->store, domain->text, on_changed, &changed);
	if (changed.pending)
		(void)dkim_file(app, domain->text, mz_clock_wall());
}
