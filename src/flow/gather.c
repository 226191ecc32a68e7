/* SPDX-License-Identifier: BSD-2-Clause */
/* Gathers what a zone's reconcile starts from: desired, ledger, and what is known. */
#include "src/flow/flow.h"

#include <stdlib.h>
#include <string.h>

bool flow_complete(const struct flow *flow, size_t i)
{
	return flow->domains[i].active && !flow->domains[i].withdraw &&
	       flow->domains[i].families == flow->domains[i].published;
}

static void describe(struct flow *flow, size_t i)
{
	const struct mz_conf_domain *domain = flow->job.domains[i];
	bool withdraw = flow->job.mode >= MZ_FLOW_WITHDRAW && flow->job.active[i];

	flow->domains[i] = (struct mz_plan_domain){
		.text = domain->text,
		.name = domain->name,
		.active = flow->job.active[i],
		.refuse_takeover = domain->takeover == MZ_TAKEOVER_REFUSE,
		.dkim_automatic = domain->dkim_automatic,
		.withdraw = withdraw,
		.families = withdraw ? MZ_FAMILIES_ALL : domain->publish & flow->job.families,
		.published = withdraw ? MZ_FAMILIES_ALL : domain->publish,
		.delete_limit = flow->job.server->delete_limit,
	};
}

/* Keys are made just before they are first published, one domain after the other. */
static int make_keys(struct flow *flow, const struct mz_conf_domain *domain, struct mz_facts *facts,
		     struct mz_conf_errors *errors, struct mz_cause *cause)
{
	unsigned made = 0;
	int err = mz_dkim_make_missing(flow->engine->in.store, flow->engine->in.state_directory,
				       domain, mz_clock_wall(), &made, cause);

	if (err != MZ_OK || made == 0)
		return err;
	mz_facts_clear(facts);
	return mz_facts_load(facts, flow->job.facts, domain, flow->engine->in.store, flow->now,
			     errors);
}

/* Senders who see the new id must find the new policy: they ask for it once (RFC 8461 3.3). */
static int hold_back_policy(struct flow *flow, size_t i)
{
	const struct mz_conf_domain *domain = flow->job.domains[i];
	struct mz_cause cause = {0};
	struct mz_name owner = {0};
	int err = MZ_OK;

	if (flow->job.mode != MZ_FLOW_APPLY || !flow->domains[i].active ||
	    (flow->domains[i].families >> MZ_FAMILY_MTA_STS & 1u) == 0)
		return MZ_OK;
	err = mz_sts_file_check(domain, &cause);
	if (err != MZ_EFAILED || mz_name_prefix(&owner, "_mta-sts", domain->name) != MZ_OK)
		return err;
	return flow_deny_slot(flow, owner.wire, MZ_TYPE_TXT, cause.text);
}

static int derive(struct flow *flow, size_t i, struct mz_cause *cause)
{
	const struct mz_conf_domain *domain = flow->job.domains[i];
	struct mz_conf_errors errors = {0};
	struct mz_rrlist desired = {0};
	struct mz_facts facts = {0};
	int err = mz_facts_load(&facts, flow->job.facts, domain, flow->engine->in.store, flow->now,
				&errors);

	if (err == MZ_OK && facts.dkim_missing != 0 && flow->job.mode == MZ_FLOW_APPLY &&
	    flow->engine->in.make_keys && (flow->domains[i].families >> MZ_FAMILY_DKIM & 1u) != 0 &&
	    flow->domains[i].active)
		err = make_keys(flow, domain, &facts, &errors, cause);
	if (err == MZ_OK)
		err = mz_records_derive(domain, &facts, &desired, &errors);
	if (err == MZ_OK)
		err = flow_tlsa_hold(flow, i, &facts);
	if (err == MZ_OK)
		err = flow_tlsa_seen(flow, i, &facts);
	if (err == MZ_OK)
		err = hold_back_policy(flow, i);
	/* A file's fault is reported once, to whoever met it first: here it is always wanted. */
	if (err == MZ_EINVAL && errors.count == 0 && cause->text[0] == '\0' &&
	    mz_facts_fault(flow->job.facts) != NULL)
		(void)mz_cause_set(cause, err, "%s", mz_facts_fault(flow->job.facts));
	if (err != MZ_OK && errors.count > 0)
		(void)mz_cause_set(cause, err, "%.*s", (int)strcspn(errors.text.s, "\n"),
				   errors.text.s);
	if (err != MZ_OK)
		goto done;
	if ((flow->domains[i].families >> MZ_FAMILY_DKIM & 1u) != 0)
		flow->keys_missing[i] = facts.dkim_missing;
	mz_records_digest(&desired, flow->digests[i]);
	for (size_t k = 0; k < desired.count; k++)
		desired.rr[k].domain = (uint16_t)i;
	if (flow->job.domain_count == 1) { /* the common case: nothing to merge */
		flow->desired = desired;
		desired = (struct mz_rrlist){0};
	}
	for (size_t k = 0; k < desired.count && err == MZ_OK; k++)
		err = mz_rrlist_add(&flow->desired, &desired.rr[k]);
done:
	mz_conf_errors_clear(&errors);
	mz_facts_clear(&facts);
	mz_rrlist_clear(&desired);
	return err;
}

struct intended {
	struct flow *flow;
	uint16_t domain;
	int err;
};

/* What an earlier run sent and could not finish may be on its way still; and it counts as ours, as it may stand in
 * the zone. For one single change only that one is. */
static void on_intended(void *arg, const struct mz_store_change *change)
{
	struct intended *in = arg;
	bool single = in->flow->job.mode == MZ_FLOW_UNDO || flow_is_challenge(in->flow);

	if (strcmp(change->server, in->flow->job.server->name) != 0 ||
	    strcmp(change->origin, in->flow->job.origin_text) != 0)
		return;
	if (in->flow->intended_at < change->time)
		in->flow->intended_at = change->time;
	for (size_t i = 0; i < change->added->count && in->err == MZ_OK && !single; i++) {
		struct mz_rr rr = change->added->rr[i];

		rr.domain = in->domain;
		in->err = mz_rrlist_add(&in->flow->ledger, &rr);
	}
}

static int recall_intended(struct flow *flow, size_t i)
{
	struct intended intended = {.flow = flow, .domain = (uint16_t)i};
	int err = mz_store_changes(flow->engine->in.store, flow->domains[i].text, true, 0, 1000,
				   on_intended, &intended);

	return err != MZ_OK ? err : intended.err;
}

static int recall_ledger(struct flow *flow, size_t i)
{
	const struct mz_conf_domain *domain = flow->job.domains[i];
	struct mz_store *store = flow->engine->in.store;
	struct mz_rrlist ledger = {0};
	int err = mz_store_ledger_get(store, flow->job.server->name, flow->job.origin_text,
				      domain->text, &ledger);

	for (size_t k = 0; k < ledger.count && err == MZ_OK; k++) {
		ledger.rr[k].domain = (uint16_t)i;
		err = mz_rrlist_add(&flow->ledger, &ledger.rr[k]);
	}
	mz_rrlist_clear(&ledger);
	return err;
}

/* Notes the selector of a key that signers have, or may have. */
static void on_key(void *arg, const struct mz_store_dkim *key)
{
	struct intended *in = arg;
	struct mz_name base = {0}, owner = {0};
	const struct mz_rr rr = {.owner = owner.wire,
				 .rdata = (const uint8_t *)"",
				 .type = MZ_TYPE_TXT,
				 .domain = in->domain};

	if ((key->stage != MZ_DKIM_ACTIVE && (key->handed == 0 || key->stage > MZ_DKIM_RETIRING)) ||
	    in->err != MZ_OK ||
	    mz_name_prefix(&base, "_domainkey", in->flow->domains[in->domain].name) != MZ_OK ||
	    mz_name_prefix(&owner, key->selector, base.wire) != MZ_OK)
		return;
	in->err = mz_rrlist_add(&in->flow->signing, &rr);
}

static int recall_signing(struct flow *flow, size_t i)
{
	struct intended keys = {.flow = flow, .domain = (uint16_t)i};
	int err = mz_store_dkim_list(flow->engine->in.store, flow->domains[i].text, on_key, &keys);

	return err != MZ_OK ? err : keys.err;
}

/* The slots to read: owner and type of every wish and every ledger entry of the active domains. */
static int make_slots(struct flow *flow)
{
	const struct mz_rrlist *lists[2] = {&flow->desired, &flow->ledger};
	int err = MZ_OK;

	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; i < lists[l]->count && err == MZ_OK; i++) {
			const struct mz_rr *rr = &lists[l]->rr[i];
			struct mz_rr slot = {.owner = rr->owner,
					     .rdata = (const uint8_t *)"",
					     .type = rr->type};

			if (flow->domains[rr->domain].active)
				err = mz_rrlist_add(&flow->slots, &slot);
		}
	}
	mz_rrlist_sort(&flow->slots, true);
	return err;
}

/* Two intended changes, or one and the ledger, may name the same RR of the same domain. */
static void drop_repeats(struct mz_rrlist *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		bool repeated = false;

		for (size_t k = kept;
		     k > 0 && mz_rr_compare(&list->rr[k - 1], &list->rr[i]) == 0 && !repeated; k--)
			repeated = list->rr[k - 1].domain == list->rr[i].domain;
		if (!repeated)
			list->rr[kept++] = list->rr[i];
	}
	list->count = kept;
}

int flow_gather(struct flow *flow, struct mz_cause *cause)
{
	size_t n = flow->job.domain_count;
	int err = MZ_OK;

	flow->domains = calloc(n, sizeof(flow->domains[0]));
	flow->known = calloc(n, sizeof(flow->known[0]));
	flow->digests = calloc(n, sizeof(flow->digests[0]));
	flow->keys_missing = calloc(n, sizeof(flow->keys_missing[0]));
	flow->tlsa = calloc(n, sizeof(flow->tlsa[0]));
	flow->cert_faults = calloc(n, sizeof(flow->cert_faults[0]));
	if (flow->domains == NULL || flow->known == NULL || flow->digests == NULL ||
	    flow->keys_missing == NULL || flow->tlsa == NULL || flow->cert_faults == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < n; i++)
		describe(flow, i);
	for (size_t i = 0; i < n && err == MZ_OK; i++) {
		if (flow->domains[i].active && !flow->domains[i].withdraw)
			err = derive(flow, i, cause);
		if (err == MZ_OK && flow->domains[i].active && flow->engine->in.store != NULL)
			err = mz_store_zone_get(flow->engine->in.store, flow->job.server->name,
						flow->job.origin_text, flow->domains[i].text,
						&flow->known[i]);
	}
	return err;
}

int flow_recall(struct flow *flow, struct mz_cause *cause)
{
	size_t n = flow->job.domain_count;
	int err = MZ_OK;

	if (flow->recalled)
		return MZ_OK;
	for (size_t i = 0; i < n && err == MZ_OK; i++) {
		if (!flow->domains[i].active)
			err = derive(flow, i, cause);
		else if (flow->job.mode == MZ_FLOW_UNDO)
			err = flow_undo_recall(flow);
		else if (flow_is_challenge(flow))
			err = flow_challenge_recall(flow);
		else if (flow->engine->in.store != NULL)
			err = recall_ledger(flow, i);
		if (err != MZ_OK || !flow->domains[i].active || flow->engine->in.store == NULL)
			continue;
		err = recall_intended(flow, i);
		if (err == MZ_OK)
			err = recall_signing(flow, i);
	}
	if (err != MZ_OK)
		return err;
	if (n > 1)
		mz_rrlist_sort(&flow->desired, false);
	mz_rrlist_sort(&flow->signing, true);
	mz_rrlist_sort(&flow->ledger, false);
	drop_repeats(&flow->ledger);
	flow->recalled = true;
	err = make_slots(flow);
	return err == MZ_OK ? flow_tlsa_recall(flow) : err;
}

unsigned flow_on_its_way(const struct flow *flow)
{
	int64_t left = flow->intended_at + IN_FLIGHT + 1 - mz_clock_wall(); /* whole seconds */

	if (flow->intended_at == 0 || left <= 0)
		return 0;
	return (unsigned)(left < IN_FLIGHT ? left : IN_FLIGHT) * 1000u; /* it may leap back */
}
