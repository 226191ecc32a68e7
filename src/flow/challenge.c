/* SPDX-License-Identifier: BSD-2-Clause */
/* One ACME challenge (RFC 8555 8.4): a TXT beside others at one name, to be there or to be gone. */
#include "src/flow/flow.h"

bool flow_is_challenge(const struct flow *flow)
{
	return flow->job.mode == MZ_FLOW_PRESENT || flow->job.mode == MZ_FLOW_CLEANUP;
}

int flow_challenge_recall(struct flow *flow)
{
	uint8_t rdata[MZ_TXT_RDATA] = {0};
	struct mz_rr rr = {.owner = flow->domains[0].name,
			   .rdata = rdata,
			   .ttl = flow->job.server->ttl,
			   .type = MZ_TYPE_TXT,
			   .family = MZ_FAMILY_RECORDS,
			   .claim = MZ_CLAIM_EXACT};
	size_t len = 0;
	int err = mz_txt_from_text(flow->job.value, rdata, &len);

	rr.rdlen = (uint16_t)len;
	if (err != MZ_OK)
		return err;
	return mz_rrlist_add(flow->job.mode == MZ_FLOW_PRESENT ? &flow->desired : &flow->ledger,
			     &rr);
}

bool flow_challenge_leads_on(struct flow *flow)
{
	const struct mz_rrlist *live = &flow->live.rrs;
	const uint8_t *name = flow->domains[0].name;
	size_t i = mz_rrlist_find(live, name, MZ_TYPE_CNAME);

	/* One that comes once we have sent something is for the plan to refuse. */
	if (flow->log_count > 0 || i == live->count || live->rr[i].type != MZ_TYPE_CNAME ||
	    !mz_name_equal(live->rr[i].owner, name))
		return false;
	flow->alias = live->rr[i].rdata;
	flow_finish(flow);
	return true;
}

bool flow_challenge_refused(struct flow *flow)
{
	char owner[MZ_NAME_TEXT] = "";
	struct mz_str text = {0};

	if (flow->plan.refusal_count == 0)
		return false;
	mz_str_addf(&text, "zone %s on %s: %s TXT: %s", flow->job.origin_text,
		    flow->job.server->name, mz_name_to_text(flow->plan.refusals[0].owner, owner),
		    flow->plan.refusals[0].reason);
	flow_fail(flow, MZ_FAULT_DENIED, text.failed ? mz_strerror(MZ_ENOMEM) : text.s);
	mz_str_clear(&text);
	return true;
}
