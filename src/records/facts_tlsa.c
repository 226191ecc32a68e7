/* SPDX-License-Identifier: BSD-2-Clause */
/* The owners of a domain's TLSA records, and the keys of each: from the certificates as they are on disk, and
 * from what the store remembers. */
#include "src/records/cache.h"
#include "src/records/families.h"

#include <stdio.h>
#include <string.h>

struct gathering {
	struct mz_facts *out;
	const struct mz_conf_domain *domain;
	struct mz_store *store;
	int64_t now;
	struct mz_conf_errors *errors;
	size_t cap; /* of out->tlsa */
	int err;    /* sticky */
};

struct mz_tlsa_place mz_fact_tlsa_place(const struct mz_conf_domain *domain,
					const struct mz_fact_tlsa *tlsa)
{
	return (struct mz_tlsa_place){.server = domain->server->name,
				      .origin = domain->origin_text,
				      .owner = tlsa->owner,
				      .system = domain->system->name};
}

struct mz_tlsa_wait mz_facts_tlsa_wait(const struct mz_facts *facts,
				       const struct mz_conf_domain *domain)
{
	struct mz_tlsa_wait wait = {0};

	for (size_t i = 0; i < facts->tlsa_count; i++) {
		const struct mz_fact_tlsa *tlsa = &facts->tlsa[i];
		int64_t at =
			tlsa->expired ? 0 : mz_rollover_look(&tlsa->set, mz_records_ttl(domain));

		for (size_t k = 0; k < tlsa->set.count; k++) {
			bool old = tlsa->set.key[k].role == MZ_TLSA_OLD;

			wait.old = wait.old || old;
			wait.unseen = wait.unseen || (!old && tlsa->set.key[k].served == 0);
		}
		if (at != 0 && (wait.look_at == 0 || at < wait.look_at))
			wait.look_at = at;
	}
	return wait;
}

static void fail(struct gathering *g, const struct mz_fact_tlsa *tlsa, const char *why)
{
	char owner[MZ_NAME_TEXT] = "";

	mz_conf_error(g->errors, &g->domain->where, "%s: tlsa: %.255s: %s", g->domain->text,
		      mz_name_to_text(tlsa->owner, owner), why);
	g->err = MZ_EINVAL;
}

static bool covers(const struct mz_conf_certificate *conf, const struct mz_cert *cert,
		   const uint8_t *host)
{
	if (conf->host_count == 0)
		return cert == NULL || mz_cert_covers(cert, host);
	for (size_t i = 0; i < conf->host_count; i++) {
		if (mz_name_equal(conf->hosts[i].wire, host))
			return true;
	}
	return false;
}

/* Every certificate that covers the host: a server may have one of each key type. *unread: one that cannot be read
 * may be among them; where it has no list of hosts only its text would say. */
static void find_certificates(struct gathering *g, struct mz_fact_tlsa *tlsa, bool *unread)
{
	const struct mz_conf_mail_system *system = g->domain->system;
	size_t *list = mz_arena_alloc(&g->out->arena, system->certificate_count * sizeof(*list));

	if (list == NULL) {
		g->err = MZ_ENOMEM;
		return;
	}
	for (size_t i = 0; i < system->certificate_count; i++) {
		const struct mz_cert *cert = g->out->certs[i];

		if (!covers(&system->certificates[i], cert, tlsa->host))
			continue;
		if (g->out->cert_faults[i] != NULL)
			tlsa->fault = g->out->cert_faults[i];
		if (cert != NULL)
			list[tlsa->cert_count++] = i;
		else
			*unread = true;
	}
	tlsa->cert = list;
}

static bool is_same(const struct mz_tlsa_set *a, const struct mz_tlsa_set *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++) {
		const struct mz_tlsa_key *x = &a->key[i], *y = &b->key[i];

		same = x->usage == y->usage && memcmp(x->digest, y->digest, MZ_SPKI_DIGEST) == 0 &&
		       x->role == y->role && x->since == y->since && x->served == y->served &&
		       x->gone == y->gone && x->ttl == y->ttl;
	}
	return same;
}

/* What the store has, brought to what is on disk. */
static void find_keys(struct gathering *g, struct mz_fact_tlsa *tlsa,
		      const struct mz_tlsa_set *stored)
{
	uint8_t(*issuer)[MZ_SPKI_DIGEST] = NULL;
	size_t size = tlsa->cert_count * MZ_SPKI_DIGEST;
	uint8_t(*leaf)[MZ_SPKI_DIGEST] = mz_arena_alloc(&g->out->arena, size);
	uint8_t(*next)[MZ_SPKI_DIGEST] = mz_arena_alloc(&g->out->arena, size);
	struct mz_rollover_disk disk = {.partly = tlsa->fault != NULL};

	for (size_t i = 0; i < tlsa->cert_count; i++)
		disk.issuer_count += g->out->certs[tlsa->cert[i]]->issuer_count;
	issuer = mz_arena_alloc(&g->out->arena, disk.issuer_count * MZ_SPKI_DIGEST);
	if (leaf == NULL || next == NULL || issuer == NULL) {
		g->err = MZ_ENOMEM;
		return;
	}
	disk.issuer_count = 0;
	for (size_t i = 0; i < tlsa->cert_count; i++) {
		const struct mz_cert *cert = g->out->certs[tlsa->cert[i]];

		for (size_t k = 0; k < cert->issuer_count; k++)
			memcpy(issuer[disk.issuer_count++], cert->issuers[k], MZ_SPKI_DIGEST);
		memcpy(leaf[disk.leaf_count++], cert->leaf, MZ_SPKI_DIGEST);
		if (cert->has_next)
			memcpy(next[disk.next_count++], cert->next, MZ_SPKI_DIGEST);
		disk.expired = disk.expired || cert->not_after < g->now;
	}
	disk.leaf = (const uint8_t(*)[MZ_SPKI_DIGEST])leaf;
	disk.next = (const uint8_t(*)[MZ_SPKI_DIGEST])next;
	disk.issuer = (const uint8_t(*)[MZ_SPKI_DIGEST])issuer;
	tlsa->expired = disk.expired || disk.partly;
	tlsa->set = *stored;
	if (mz_rollover_see(&tlsa->set, &disk, mz_records_ttl(g->domain), g->now, &tlsa->early) !=
	    MZ_OK)
		fail(g, tlsa, "too many keys of certificates, next keys and issuers for one host");
	tlsa->changed = tlsa->changed || !is_same(&tlsa->set, stored);
}

/* Resolvers do not know which server of ours they asked, nor whose certificate it was: a place that is new begins
 * with what is known of the owner anywhere. */
static void recall_keys(struct gathering *g, struct mz_fact_tlsa *tlsa, struct mz_tlsa_set *stored)
{
	const struct mz_tlsa_place place = g->domain->server == NULL
						   ? (struct mz_tlsa_place){0}
						   : mz_fact_tlsa_place(g->domain, tlsa);
	int err = MZ_OK;

	if (g->store == NULL || g->domain->server == NULL)
		return;
	err = mz_store_tlsa_get(g->store, &place, stored);
	if (err == MZ_OK && stored->count == 0) {
		err = mz_store_tlsa_anywhere(g->store, &place, stored);
		tlsa->changed = stored->count > 0;
	}
	if (err == MZ_OK)
		return;
	fail(g, tlsa, mz_store_error(g->store));
	g->err = err;
}

static bool is_known(const struct mz_facts *facts, const uint8_t *owner)
{
	for (size_t i = 0; i < facts->tlsa_count; i++) {
		if (mz_name_equal(facts->tlsa[i].owner, owner))
			return true;
	}
	return false;
}

static struct mz_fact_tlsa *new_entry(struct gathering *g)
{
	struct mz_facts *out = g->out;

	if (out->tlsa_count == g->cap) {
		size_t cap = g->cap == 0 ? 4 : g->cap * 2;
		struct mz_fact_tlsa *more = mz_arena_alloc(&out->arena, cap * sizeof(*more));

		if (more == NULL) {
			g->err = MZ_ENOMEM;
			return NULL;
		}
		if (out->tlsa_count > 0)
			memcpy(more, out->tlsa, out->tlsa_count * sizeof(*more));
		out->tlsa = more;
		g->cap = cap;
	}
	return &out->tlsa[out->tlsa_count];
}

/* `mail`: the configuration names the host; one that is made up for the domain may well have no certificate. */
static void add_host(struct gathering *g, const uint8_t *host, uint16_t port, bool mail)
{
	struct mz_fact_tlsa tlsa = {.host = host}, *entry = NULL;
	struct mz_tlsa_set stored = {0};
	struct mz_name owner = {0};
	char labels[24] = "", text[MZ_NAME_TEXT] = "";
	bool unread = false;

	if (!mz_name_within(host, g->domain->origin))
		return;
	find_certificates(g, &tlsa, &unread);
	if ((tlsa.cert_count == 0 && !unread) || g->err == MZ_ENOMEM)
		return;
	(void)snprintf(labels, sizeof(labels), "_%u._tcp", port);
	if (mz_name_prefix(&owner, labels, host) != MZ_OK) {
		mz_conf_error(g->errors, &g->domain->where,
			      "%s: tlsa: the name %s.%.260s is too long", g->domain->text, labels,
			      mz_name_to_text(host, text));
		g->err = MZ_EINVAL;
		return;
	}
	if (is_known(g->out, owner.wire) || (entry = new_entry(g)) == NULL)
		return;
	tlsa.owner = mz_arena_copy(&g->out->arena, owner.wire, owner.len);
	tlsa.host = tlsa.owner == NULL ? NULL : mz_name_parent(mz_name_parent(tlsa.owner));
	if (tlsa.owner == NULL) {
		g->err = MZ_ENOMEM;
		return;
	}
	recall_keys(g, &tlsa, &stored);
	if (tlsa.cert_count == 0 && stored.count == 0 && !mail)
		return;
	/* Beside a set that is known, the keys that can be read are added. A first set must have them all. */
	tlsa.held = unread && (tlsa.cert_count == 0 || stored.count == 0);
	*entry = tlsa;
	if (!entry->held)
		find_keys(g, entry, &stored);
	g->out->tlsa_count++;
}

static void add_web(struct gathering *g, enum mz_family family, bool condition, const char *label)
{
	struct mz_name host = {0};

	/* One that is too long is a fault of that family. */
	if (condition && (g->domain->publish & 1u << family) != 0 &&
	    mz_name_prefix(&host, label, g->domain->name) == MZ_OK)
		add_host(g, host.wire, 443, false);
}

int mz_facts_tlsa(struct mz_facts *out, const struct mz_conf_domain *domain, struct mz_store *store,
		  int64_t now, struct mz_conf_errors *errors)
{
	const struct mz_conf_mail_system *system = domain->system;
	struct gathering g = {.out = out,
			      .domain = domain,
			      .store = store,
			      .now = now,
			      .errors = errors};

	for (size_t i = 0; i < domain->mx->count; i++)
		add_host(&g, domain->mx->mx[i].host.wire, 25, true);
	for (size_t i = 0; i < system->service_count; i++)
		add_host(&g, system->services[i].host.wire,
			 mz_protocol_port(system->services[i].protocol), true);
	add_web(&g, MZ_FAMILY_AUTOCONFIG, system->autoconfig_document != NULL, "ua-auto-config");
	add_web(&g, MZ_FAMILY_AUTOCONFIG_LEGACY, true, "autoconfig");
	add_web(&g, MZ_FAMILY_AUTODISCOVER, true, "autodiscover");
	add_web(&g, MZ_FAMILY_MTA_STS, domain->mta_sts != NULL, "mta-sts");
	return g.err;
}
