/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns one change back: what it added goes, what it deleted comes, where the zone still is as it left it. */
#include "src/flow/flow.h"

static bool in_list(const struct mz_rrlist *list, const struct mz_rr *rr)
{
	for (size_t i = mz_rrlist_find(list, rr->owner, rr->type);
	     i < list->count && list->rr[i].type == rr->type &&
	     mz_name_equal(list->rr[i].owner, rr->owner);
	     i++) {
		if (mz_rdata_same(rr->type, list->rr[i].rdata, list->rr[i].rdlen, rr->rdata,
				  rr->rdlen))
			return true;
	}
	return false;
}

int flow_undo_recall(struct flow *flow)
{
	const struct mz_store_change *change = flow->job.undo;
	int err = MZ_OK;

	for (size_t i = 0; i < change->deleted->count && err == MZ_OK; i++) {
		struct mz_rr rr = change->deleted->rr[i];

		rr.domain = 0;
		rr.claim = MZ_CLAIM_EXACT;
		err = mz_rrlist_add(&flow->desired, &rr);
	}
	for (size_t i = 0; i < change->added->count && err == MZ_OK; i++) {
		struct mz_rr rr = change->added->rr[i];

		rr.domain = 0;
		err = mz_rrlist_add(&flow->ledger, &rr);
	}
	return err;
}

/* The RRset has nothing but what the change added: then its TTL is turned back, too. */
static bool is_whole(const struct flow *flow, const struct mz_rr *rr)
{
	const struct mz_rrlist *live = &flow->live.rrs;

	for (size_t i = mz_rrlist_find(live, rr->owner, rr->type);
	     i < live->count && live->rr[i].type == rr->type &&
	     mz_name_equal(live->rr[i].owner, rr->owner);
	     i++) {
		if (!in_list(flow->job.undo->added, &live->rr[i]))
			return false;
	}
	return true;
}

static void cannot(struct flow *flow, const struct mz_rr *rr, const char *what)
{
	struct mz_str text = {0};

	mz_str_addf(&text, "change %lld cannot be undone, %s: ", (long long)flow->job.undo->id,
		    what);
	mz_rr_to_text(rr, &text);
	if (text.failed)
		flow_fail_memory(flow);
	else
		flow_fail(flow, MZ_FAULT_OTHER, text.s);
	mz_str_clear(&text);
}

/* The record of a DKIM key that signers have; who withdraws the whole domain means it. */
static bool is_signed_with(const struct flow *flow, const struct mz_rr *rr)
{
	size_t at = mz_rrlist_find(&flow->signing, rr->owner, MZ_TYPE_TXT);

	return rr->type == MZ_TYPE_TXT && at < flow->signing.count &&
	       mz_name_equal(flow->signing.rr[at].owner, rr->owner) &&
	       !in_list(flow->job.undo->deleted, rr);
}

/* The record of a key that a mail server uses, or may use still, while others of its RRset stay. */
static bool is_needed(const struct flow *flow, const struct mz_rr *rr)
{
	const struct mz_rrlist *deleted = flow->job.undo->deleted;
	size_t back = mz_rrlist_find(deleted, rr->owner, rr->type);
	bool all = is_whole(flow, rr) &&
		   (back == deleted->count || deleted->rr[back].type != rr->type ||
		    !mz_name_equal(deleted->rr[back].owner, rr->owner));

	return rr->type == MZ_TYPE_TLSA && !all && !in_list(deleted, rr) &&
	       (in_list(&flow->in_use, rr) || in_list(&flow->was_in_use, rr));
}

bool flow_undo_ready(struct flow *flow)
{
	const struct mz_store_change *change = flow->job.undo;

	/* Once something was, or may have been, turned back, the zone is not as it was left. */
	for (size_t i = 0; i < flow->log_count; i++) {
		if (flow->log[i].state != SENT_FAILED)
			return true;
	}
	for (size_t i = 0; i < change->added->count; i++) {
		if (!in_list(&flow->live.rrs, &change->added->rr[i])) {
			cannot(flow, &change->added->rr[i],
			       "the zone has moved on: this is no longer there");
			return false;
		}
	}
	for (size_t i = 0; i < change->added->count; i++) {
		if (is_signed_with(flow, &change->added->rr[i])) {
			cannot(flow, &change->added->rr[i], "mail is signed with this key");
			return false;
		}
		if (is_needed(flow, &change->added->rr[i])) {
			cannot(flow, &change->added->rr[i],
			       "no TLSA record would fit a certificate in use, or just replaced");
			return false;
		}
	}
	for (size_t i = 0; i < change->deleted->count; i++) {
		const struct mz_rr *rr = &change->deleted->rr[i];

		if (in_list(&flow->live.rrs, rr) && !in_list(change->added, rr)) {
			cannot(flow, rr, "the zone has moved on: this is there again");
			return false;
		}
	}
	for (size_t i = 0; i < flow->desired.count; i++) {
		struct mz_rr *rr = &flow->desired.rr[i];

		if (flow->domains[rr->domain].active)
			rr->claim = is_whole(flow, rr) ? MZ_CLAIM_WHOLE : MZ_CLAIM_EXACT;
	}
	return true;
}

/* What was turned back is no longer ours; what stands again counts as foreign, unless it was wanted. */
int flow_undo_record(struct flow *flow)
{
	const struct mz_conf_server *server = flow->job.server;
	struct mz_store *store = flow->engine->in.store;
	const char *origin = flow->job.origin_text, *domain = flow->domains[0].text;
	struct mz_rrlist ledger = {0};
	size_t kept = 0;
	int err = mz_store_ledger_get(store, server->name, origin, domain, &ledger);

	for (size_t i = 0; i < ledger.count; i++) {
		const struct mz_rr *rr = &ledger.rr[i];

		if (!in_list(flow->job.undo->added, rr) || in_list(flow->job.undo->deleted, rr))
			ledger.rr[kept++] = *rr;
	}
	ledger.count = kept;
	if (err == MZ_OK)
		err = mz_store_ledger_put(store, server->name, origin, domain, &ledger, 0);
	if (err == MZ_OK && flow->plan.refusal_count == 0)
		err = mz_store_change_end(store, flow->job.undo->id, MZ_CHANGE_UNDONE,
					  flow->job.undo->serial);
	mz_rrlist_clear(&ledger);
	return err;
}
