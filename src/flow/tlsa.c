/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered of TLSA keys: which are on disk, and since when every server serves them. */
#include "src/flow/flow.h"

#include <stdlib.h>
#include <string.h>

enum { TLSA_LEN = 3 + MZ_SPKI_DIGEST };

/* The digest of a key of ours, or NULL: SubjectPublicKeyInfo, SHA-256. Its usage is rr->rdata[0]. */
static const uint8_t *digest_of(const struct mz_rr *rr)
{
	return rr->type == MZ_TYPE_TLSA && rr->rdlen == TLSA_LEN &&
			       (rr->rdata[0] == MZ_TLSA_ISSUER || rr->rdata[0] == MZ_TLSA_SERVER) &&
			       rr->rdata[1] == 1 && rr->rdata[2] == 1
		       ? rr->rdata + 3
		       : NULL;
}

static struct mz_tlsa_place place_of(const struct flow *flow, const uint8_t *owner)
{
	return (struct mz_tlsa_place){.server = flow->job.server->name,
				      .origin = flow->job.origin_text,
				      .owner = owner};
}

/* The file of the certificate whose key came early. */
static const char *early_file(const struct flow *flow, size_t domain, const struct mz_facts *facts,
			      const struct mz_fact_tlsa *tlsa)
{
	const struct mz_conf_certificate *conf = flow->job.domains[domain]->system->certificates;

	for (size_t c = 0; c + 1 < tlsa->cert_count; c++) {
		const struct mz_tlsa_key *key =
			mz_rollover_find(&tlsa->set, facts->certs[tlsa->cert[c]]->leaf);

		if (key != NULL && key->since == flow->now)
			return conf[tlsa->cert[c]].file;
	}
	return conf[tlsa->cert[tlsa->cert_count - 1]].file;
}

static void warn(struct flow *flow, size_t domain, const struct mz_facts *facts,
		 const struct mz_fact_tlsa *tlsa)
{
	const char *file = early_file(flow, domain, facts, tlsa);
	char owner[MZ_NAME_TEXT] = "";

	if (flow->tlsa_warned != NULL && strcmp(flow->tlsa_warned, file) == 0)
		return; /* once a file: it has many owners */
	flow->tlsa_warned = file;
	mz_log(MZ_LOG_WARNING, "tlsa_early", "zone", flow->job.origin_text, "owner",
	       mz_name_to_text(tlsa->owner, owner), "certificate", file, "reason",
	       "its key was not published for two TTLs before it came into use: it is added now, "
	       "and senders that hold the older records may defer mail for one TTL; set next_key, "
	       "and wait for mailzone tlsa gate",
	       NULL);
}

int flow_tlsa_seen(struct flow *flow, size_t domain, const struct mz_facts *facts)
{
	int err = MZ_OK;

	if (flow->job.mode != MZ_FLOW_APPLY || !flow->domains[domain].active)
		return MZ_OK;
	flow->tlsa[domain] = mz_facts_tlsa_wait(facts, flow->job.domains[domain]);
	if ((flow->domains[domain].families >> MZ_FAMILY_TLSA & 1u) == 0)
		return MZ_OK;
	flow->tlsa_unseen = flow->tlsa_unseen || flow->tlsa[domain].unseen;
	for (size_t i = 0; i < facts->tlsa_count && err == MZ_OK; i++) {
		const struct mz_fact_tlsa *tlsa = &facts->tlsa[i];
		const struct mz_tlsa_place place =
			mz_fact_tlsa_place(flow->job.domains[domain], tlsa);

		if (tlsa->early)
			warn(flow, domain, facts, tlsa);
		if (!tlsa->changed)
			continue;
		err = mz_store_tlsa_put(flow->engine->in.store, &place, &tlsa->set);
		/* When an old key was found unused must be known also where nothing is sent. */
		if (err == MZ_OK)
			err = mz_engine_commit(flow->engine, NULL, NULL);
	}
	return err;
}

/* ---- certificates that cannot be read ---------------------------------------------------------------- */

static int hold(struct flow *flow, const uint8_t *owner)
{
	const struct mz_rr rr = {.owner = owner,
				 .rdata = (const uint8_t *)"",
				 .type = MZ_TYPE_TLSA};

	return mz_rrlist_add(&flow->held, &rr);
}

/* Once a name: a host has many owners. */
static int add_doubt(struct flow *flow, size_t domain, const uint8_t *name, const char *fault)
{
	struct mz_refusal *more = NULL, doubt = {.type = MZ_TYPE_TLSA,
						 .domain = (uint16_t)domain,
						 .family = MZ_FAMILY_TLSA,
						 .reason = fault};

	for (size_t i = 0; i < flow->doubt_count; i++) {
		if (flow->doubts[i].domain == domain && mz_name_equal(flow->doubts[i].owner, name))
			return MZ_OK;
	}
	more = realloc(flow->doubts, (flow->doubt_count + 1) * sizeof(*more));
	if (more == NULL)
		return MZ_ENOMEM;
	flow->doubts = more;
	doubt.owner = mz_arena_copy(&flow->arena, name, mz_name_len(name));
	if (doubt.owner == NULL)
		return MZ_ENOMEM;
	more[flow->doubt_count++] = doubt;
	return MZ_OK;
}

static bool is_asked_for(const struct flow *flow, size_t domain)
{
	return flow->domains[domain].active &&
	       (flow->domains[domain].families >> MZ_FAMILY_TLSA & 1u) != 0;
}

int flow_tlsa_hold(struct flow *flow, size_t domain, const struct mz_facts *facts)
{
	int err = MZ_OK;

	flow->cert_faults[domain] = facts->cert_fault;
	for (size_t i = 0; i < facts->tlsa_count && err == MZ_OK; i++) {
		const struct mz_fact_tlsa *tlsa = &facts->tlsa[i];

		if (tlsa->held)
			err = hold(flow, tlsa->owner);
		if (err == MZ_OK && tlsa->fault != NULL && is_asked_for(flow, domain))
			err = add_doubt(flow, domain, tlsa->host, tlsa->fault);
	}
	return err;
}

/* What the ledger has of a host that is not known for such a certificate's any more is held, too. */
static int hold_ledger(struct flow *flow)
{
	size_t held = flow->held.count; /* those of hosts that are known */
	int err = MZ_OK;

	for (size_t i = 0; i < flow->ledger.count && err == MZ_OK; i++) {
		const struct mz_rr *rr = &flow->ledger.rr[i];
		const char *fault = flow->cert_faults[rr->domain];
		bool known = false;

		if (fault == NULL || rr->family != MZ_FAMILY_TLSA || rr->type != MZ_TYPE_TLSA)
			continue;
		for (size_t k = mz_rrlist_find(&flow->desired, rr->owner, MZ_TYPE_TLSA);
		     k < flow->desired.count && mz_name_equal(flow->desired.rr[k].owner, rr->owner);
		     k++)
			known = known || flow->desired.rr[k].domain == rr->domain;
		for (size_t k = 0; k < held; k++)
			known = known || mz_name_equal(flow->held.rr[k].owner, rr->owner);
		if (known)
			continue;
		err = hold(flow, rr->owner);
		if (err == MZ_OK && is_asked_for(flow, rr->domain))
			err = add_doubt(flow, rr->domain, rr->owner, fault);
	}
	return err;
}

struct recall {
	struct flow *flow;
	const uint8_t *owner;
	int err;
};

static void on_in_use(void *arg, enum mz_tlsa_role role, const uint8_t digest[MZ_SPKI_DIGEST])
{
	struct recall *recall = arg;
	uint8_t rdata[TLSA_LEN] = {MZ_TLSA_SERVER, 1, 1};
	const struct mz_rr rr = {.owner = recall->owner,
				 .rdata = rdata,
				 .type = MZ_TYPE_TLSA,
				 .rdlen = TLSA_LEN};

	memcpy(rdata + 3, digest, MZ_SPKI_DIGEST);
	if (recall->err == MZ_OK)
		recall->err = mz_rrlist_add(role == MZ_TLSA_USED ? &recall->flow->in_use
								 : &recall->flow->was_in_use,
					    &rr);
}

int flow_tlsa_recall(struct flow *flow)
{
	struct mz_store *store = flow->engine->in.store;
	struct recall recall = {.flow = flow};

	recall.err = hold_ledger(flow);
	mz_rrlist_sort(&flow->held, true);
	for (size_t i = 0; i < flow->slots.count && store != NULL && recall.err == MZ_OK; i++) {
		const struct mz_tlsa_place place = place_of(flow, flow->slots.rr[i].owner);
		int err = MZ_OK;

		if (flow->slots.rr[i].type != MZ_TYPE_TLSA)
			continue;
		recall.owner = place.owner;
		err = mz_store_tlsa_in_use(store, &place, on_in_use, &recall);
		if (err != MZ_OK)
			return err;
	}
	mz_rrlist_sort(&flow->in_use, true);
	mz_rrlist_sort(&flow->was_in_use, true);
	return recall.err;
}

/* The TTL of the RRset as it stands, 0 where there is none. */
static uint32_t live_ttl(const struct flow *flow, const struct mz_rr *rr)
{
	const struct mz_rrlist *live = &flow->live.rrs;
	size_t at = mz_rrlist_find(live, rr->owner, rr->type);

	return at < live->count && live->rr[at].type == rr->type &&
			       mz_name_equal(live->rr[at].owner, rr->owner)
		       ? live->rr[at].ttl
		       : 0;
}

/* Is the RR also added by the message that deletes it: for its TTL? */
static bool comes_again(const struct flow *flow, const struct mz_rr *rr)
{
	for (size_t i = flow->log_current; i < flow->log_count; i++) {
		if (flow->log[i].change.add && mz_rr_compare(&flow->log[i].change.rr, rr) == 0)
			return true;
	}
	return false;
}

int flow_tlsa_sending(struct flow *flow, const struct mz_change *change)
{
	const uint8_t *digest = digest_of(&change->rr);
	const struct mz_tlsa_place place = place_of(flow, change->rr.owner);
	uint32_t ttl = 0;

	if (digest == NULL)
		return MZ_OK;
	if (!change->add)
		return comes_again(flow, &change->rr)
			       ? MZ_OK
			       : mz_store_tlsa_deleting(flow->engine->in.store, &place,
							change->rr.rdata[0], digest,
							mz_clock_wall());
	flow->tlsa_unseen = true;
	ttl = live_ttl(flow, &change->rr);
	return mz_store_tlsa_adding(flow->engine->in.store, &place, change->rr.rdata[0], digest,
				    ttl > change->rr.ttl ? ttl : change->rr.ttl, mz_clock_wall());
}

static bool stands(const struct flow *flow, const struct mz_rr *rr)
{
	struct sight sight = {0};

	for (size_t i = 0; i < flow->plan.refusal_count; i++) {
		const struct mz_refusal *refusal = &flow->plan.refusals[i];

		if (refusal->type == rr->type && mz_name_equal(refusal->owner, rr->owner))
			return false;
	}
	flow_see(&sight, &flow->live, rr, true);
	return sight.came;
}

/* When to look again is known only now. */
static int look_again(struct flow *flow, size_t domain)
{
	struct mz_conf_errors errors = {0};
	struct mz_facts facts = {0};
	int err = mz_facts_load_tlsa(&facts, flow->job.facts, flow->job.domains[domain],
				     flow->engine->in.store, flow->now, &errors);

	if (err == MZ_OK)
		flow->tlsa[domain] = mz_facts_tlsa_wait(&facts, flow->job.domains[domain]);
	mz_facts_clear(&facts);
	mz_conf_errors_clear(&errors);
	return err;
}

int flow_tlsa_served(struct flow *flow, size_t domain)
{
	int64_t now = mz_clock_wall();
	int err = MZ_OK;

	if (flow->job.mode != MZ_FLOW_APPLY || !flow->tlsa_unseen ||
	    (flow->domains[domain].families >> MZ_FAMILY_TLSA & 1u) == 0)
		return MZ_OK;
	for (size_t i = 0; i < flow->desired.count && err == MZ_OK; i++) {
		const struct mz_rr *rr = &flow->desired.rr[i];
		const struct mz_tlsa_place place = place_of(flow, rr->owner);
		const uint8_t *digest = rr->domain == domain ? digest_of(rr) : NULL;

		if (digest != NULL && stands(flow, rr))
			err = mz_store_tlsa_served(flow->engine->in.store, &place, rr->rdata[0],
						   digest, now);
	}
	return err == MZ_OK ? look_again(flow, domain) : err;
}
