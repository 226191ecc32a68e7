/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks at what every server of a zone serves at some names. */
#include "src/daemon/dkim.h"

#include <event2/event.h>
#include <stdlib.h>

/* One server: its SOA, then the slots. */
struct at {
	struct dkim_look *look;
	struct mz_peer *peer;
	struct mz_live_op *op; /* NULL: it is over */
	bool unsigned_;	       /* a secondary need not know the key of the primary */
};

struct dkim_look {
	const struct mz_conf_domain *domain;
	const struct mz_rrlist *slots;
	struct at *at;
	struct dkim_server *servers;
	size_t count;
	dkim_looked done;
	void *arg;
};

static struct tsig_key *key_of(const struct at *at)
{
	return at->unsigned_ ? NULL : at->look->domain->server->transfer_key;
}

static unsigned timeout_of(const struct at *at)
{
	int64_t s = at->look->domain->server->timeout;

	return s > 10 ? 10000u : (unsigned)s * 1000u; /* the next look is soon enough */
}

void dkim_look_cancel(struct dkim_look *look)
{
	if (look == NULL)
		return;
	for (size_t i = 0; i < look->count; i++) {
		mz_live_cancel(look->at[i].op);
		mz_rrlist_clear(&look->servers[i].rrs);
	}
	free(look->at);
	free(look->servers);
	free(look);
}

static void review(struct dkim_look *look)
{
	for (size_t i = 0; i < look->count; i++) {
		if (look->at[i].op != NULL)
			return;
	}
	look->done(look->arg, look->servers, look->count);
	dkim_look_cancel(look);
}

static void on_slots(void *arg, struct mz_live *take_live)
{
	struct at *at = arg;
	struct dkim_server *server = &at->look->servers[at - at->look->at];

	at->op = NULL;
	server->answered = take_live->ok;
	if (take_live->ok) {
		server->rrs = take_live->rrs;
		take_live->rrs = (struct mz_rrlist){0};
	}
	mz_live_clear(take_live);
	review(at->look);
}

static int probe(struct at *at);

static void on_soa(void *arg, const struct mz_probe *answer)
{
	struct at *at = arg;
	struct dkim_look *look = at->look;
	struct dkim_server *server = &look->servers[at - look->at];
	const struct mz_live_request request = {.peer = at->peer,
						.key = key_of(at),
						.origin = look->domain->origin,
						.slots = look->slots,
						.mode = MZ_READ_QUERY,
						.timeout_ms = timeout_of(at)};

	at->op = NULL;
	server->serial = answer->serial;
	server->negative_ttl = answer->negative_ttl;
	server->expire = answer->expire;
	if (answer->result == MZ_PROBE_OK) {
		(void)mz_live_read(&request, on_slots, at, &at->op);
	} else if (answer->refused && key_of(at) != NULL && at != look->at) {
		at->unsigned_ = true;
		(void)probe(at);
	}
	review(look);
}

static int probe(struct at *at)
{
	return mz_live_probe(at->peer, key_of(at), at->look->domain->origin, timeout_of(at), on_soa,
			     at, &at->op);
}

int dkim_look_start(struct dkim_look **out, struct mz_net *net, const struct mz_conf_domain *domain,
		    const struct mz_rrlist *slots, dkim_looked done, void *arg)
{
	const struct mz_conf_server *server = domain->server;
	struct dkim_look *look = calloc(1, sizeof(*look));
	int err = look == NULL ? MZ_ENOMEM : MZ_OK;

	*out = NULL;
	if (err != MZ_OK)
		return err;
	look->domain = domain;
	look->slots = slots;
	look->done = done;
	look->arg = arg;
	look->at = calloc(server->secondary_count + 1, sizeof(look->at[0]));
	look->servers = calloc(server->secondary_count + 1, sizeof(look->servers[0]));
	if (look->at == NULL || look->servers == NULL)
		err = MZ_ENOMEM;
	for (size_t i = 0; i <= server->secondary_count && err == MZ_OK; i++) {
		const struct mz_endpoint *endpoint =
			i == 0 ? &server->endpoint : &server->secondaries[i - 1];

		look->at[i].look = look;
		err = mz_net_peer(net, endpoint, server->max_inflight, &look->at[i].peer, NULL);
		if (err != MZ_OK)
			break;
		look->count = i + 1;
		look->servers[i].text = mz_peer_text(look->at[i].peer);
		err = probe(&look->at[i]);
	}
	if (err == MZ_OK)
		*out = look;
	else
		dkim_look_cancel(look);
	return err;
}
