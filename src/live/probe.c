/* SPDX-License-Identifier: BSD-2-Clause */
/* The SOA probe: does the server serve the zone with authority, and at which serial (RFC 1035). */
#include "src/live/internal.h"

#include <stdlib.h>
#include <string.h>

#define SOA_TAIL 20 /* serial, refresh, retry, expire, minimum */

struct probe {
	struct mz_live_op op;
	struct mz_ask *ask;
	const struct mz_peer *peer;
	const struct tsig_key *key;
	mz_probe_done done;
	void *arg;
	struct mz_name origin;
};

/* What the answer holds; nothing of it is trusted to be of our zone yet. */
struct found {
	unsigned soas;	/* SOA RRs of the origin in the answer */
	bool other_soa; /* an SOA of another name, anywhere */
	bool referral;	/* NS RRs in the authority section */
	bool upward;	/* they are of a name above the origin */
	bool malformed;
	uint32_t serial, ttl, expire, minimum;
};

static void cause(struct mz_probe *result, const struct probe *probe, const char *text)
{
	char origin[MZ_NAME_TEXT] = "";

	(void)mz_cause_set(&result->cause, MZ_EFAILED, "SOA query of %s at %s: %s",
			   mz_name_to_text(probe->origin.wire, origin), mz_peer_text(probe->peer),
			   text);
}

static void take_soa(struct found *found, const struct mz_reader *r, const struct mz_rrview *rr)
{
	uint8_t rdata[2 * MZ_NAME_MAX + SOA_TAIL];
	long n = mz_reader_rdata(r, rr, rdata, sizeof rdata);

	found->soas++;
	if (n < SOA_TAIL) {
		found->malformed = true;
		return;
	}
	found->serial = mz_get32(rdata + n - SOA_TAIL);
	found->expire = mz_get32(rdata + n - 8);
	found->minimum = mz_get32(rdata + n - 4);
	found->ttl = rr->ttl;
}

static void scan(struct found *found, const uint8_t *origin, struct mz_reader *r)
{
	struct mz_rrview rr = {0};
	struct mz_name owner = {0};
	int more = 0;

	while ((more = mz_reader_rr(r, &rr)) == 1) {
		bool soa = rr.type == MZ_TYPE_SOA && rr.section < 3;
		bool ns = rr.type == MZ_TYPE_NS && rr.section == 2;

		if ((!soa && !ns) || rr.klass != MZ_CLASS_IN)
			continue;
		if (mz_reader_name(r, rr.owner, &owner) != MZ_OK)
			break;
		if (soa && rr.section == 1 && mz_name_equal(owner.wire, origin))
			take_soa(found, r, &rr);
		else if (soa)
			found->other_soa = true;
		if (ns) {
			found->referral = true;
			found->upward |= !mz_name_equal(owner.wire, origin) &&
					 mz_name_within(origin, owner.wire);
		}
	}
	if (more == MZ_ESYNTAX || more == 1)
		found->malformed = true;
}

static void judge_found(struct mz_probe *result, const struct probe *probe,
			const struct mz_reader *r, const struct found *found)
{
	bool authority = (r->flags & MZ_FLAG_AA) != 0;

	if (found->malformed || found->soas > 1) {
		result->result = MZ_PROBE_FAILED;
		result->retry = true;
		result->fault = MZ_FAULT_LATER;
		cause(result, probe, "the answer is malformed");
	} else if (found->soas == 1 && authority) {
		result->result = MZ_PROBE_OK;
		result->serial = found->serial;
		result->expire = found->expire;
		result->negative_ttl = found->ttl < found->minimum ? found->ttl : found->minimum;
	} else if (found->soas == 0 && !authority && (found->upward || !found->referral)) {
		result->result = MZ_PROBE_NO_ZONE;
		result->fault = MZ_FAULT_DENIED;
		cause(result, probe, "the server does not serve this zone: it refers to others");
	} else {
		result->result = MZ_PROBE_NOT_AUTH;
		result->fault = MZ_FAULT_DENIED;
		cause(result, probe,
		      authority
			      ? "the server serves a zone above it, but not this one: check the "
				"zone's origin"
			      : "the answer is without authority: it comes from a resolver, or the "
				"zone is delegated to other servers or has expired");
	}
}

/* It answered, proven or not, but will not answer this key. */
static bool is_refusal(const struct mz_answer *answer)
{
	return answer->wire != NULL &&
	       (answer->rcode == MZ_RCODE_REFUSED || answer->rcode == MZ_RCODE_NOTAUTH ||
		answer->info.error != 0);
}

static void judge_answer(struct mz_probe *result, const struct probe *probe,
			 const struct mz_answer *answer)
{
	char origin[MZ_NAME_TEXT] = "";
	struct mz_reader r = {0};
	struct found found = {0};

	if (answer->outcome == MZ_NET_ANSWER &&
	    (answer->rcode == MZ_RCODE_NOERROR || answer->rcode == MZ_RCODE_NXDOMAIN)) {
		if (mz_reader_open(&r, answer->wire, answer->len) != MZ_OK)
			found.malformed = true;
		else
			scan(&found, probe->origin.wire, &r);
		judge_found(result, probe, &r, &found);
		return;
	}
	mz_net_explain(answer, probe->peer, "SOA query",
		       mz_name_to_text(probe->origin.wire, origin), probe->key, &result->cause);
	result->result = MZ_PROBE_FAILED;
	result->retry = true;
	result->fault = mz_net_fault(answer);
	result->refused = is_refusal(answer);
	if (answer->outcome != MZ_NET_ANSWER)
		return;
	result->retry = live_rcode_retry(answer->rcode);
	if (answer->rcode == MZ_RCODE_REFUSED || answer->rcode == MZ_RCODE_NOTAUTH)
		result->result = MZ_PROBE_NO_ZONE;
}

static void on_answer(void *arg, const struct mz_answer *answer)
{
	struct probe *probe = arg;
	struct mz_probe result = {.result = MZ_PROBE_FAILED};

	judge_answer(&result, probe, answer);
	probe->done(probe->arg, &result);
	free(probe);
}

static void cancel(struct mz_live_op *op)
{
	struct probe *probe = (struct probe *)op;

	mz_net_cancel(probe->ask);
	free(probe);
}

int mz_live_probe(struct mz_peer *peer, struct tsig_key *key, const uint8_t *origin,
		  unsigned timeout_ms, mz_probe_done done, void *arg, struct mz_live_op **op)
{
	uint8_t wire[LIVE_QUESTION];
	struct mz_request request = {.kind = MZ_ASK_PROBE,
				     .key = key,
				     .wire = wire,
				     .timeout_ms = timeout_ms,
				     .done = on_answer};
	struct probe *probe = malloc(sizeof *probe);
	int err = MZ_ENOMEM;

	*op = NULL;
	if (probe == NULL)
		return err;
	*probe = (struct probe){.op.cancel = cancel,
				.peer = peer,
				.key = key,
				.done = done,
				.arg = arg};
	probe->origin.len = (uint8_t)mz_name_len(origin);
	memcpy(probe->origin.wire, origin, probe->origin.len);
	request.arg = probe;
	request.len = live_question(wire, origin, MZ_TYPE_SOA);
	err = mz_net_ask(peer, &request, &probe->ask);
	if (err != MZ_OK)
		free(probe);
	else
		*op = &probe->op;
	return err;
}
