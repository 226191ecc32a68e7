/* SPDX-License-Identifier: BSD-2-Clause */
/* Drives one AXFR: the request, the walker on what arrives, and what the end of it means. */
#include "src/live/internal.h"

#include <stdlib.h>

struct live_axfr {
	struct mz_ask *ask;
	struct mz_walk *walk;
	const struct mz_live_request *request; /* the read's, which outlives this */
	enum mz_walk_step step;		       /* the walker's last word */
	struct mz_cause cause;		       /* its reason */
	live_axfr_done done;
	void *arg;
};

static enum mz_stream_step on_message(void *arg, const uint8_t *wire, size_t len)
{
	struct live_axfr *axfr = arg;

	axfr->step = mz_walk_message(axfr->walk, wire, len, &axfr->cause);
	switch (axfr->step) {
	case MZ_WALK_MORE:
		return MZ_STREAM_MORE;
	case MZ_WALK_DONE:
	case MZ_WALK_REFUSED: /* a whole answer, if not the one we want */
		return MZ_STREAM_DONE;
	case MZ_WALK_LARGE:
		return MZ_STREAM_STOP;
	case MZ_WALK_BAD:
		break;
	}
	return MZ_STREAM_BAD;
}

static bool is_refusal(unsigned rcode)
{
	return rcode == MZ_RCODE_REFUSED || rcode == MZ_RCODE_NOTAUTH || rcode == MZ_RCODE_NOTIMP;
}

static void explain(struct live_axfr *axfr, const struct mz_answer *answer, struct mz_cause *cause)
{
	const struct mz_live_request *request = axfr->request;
	char origin[MZ_NAME_TEXT] = "";

	mz_name_to_text(request->origin, origin);
	if (axfr->step == MZ_WALK_BAD)
		(void)mz_cause_set(cause, MZ_EFAILED, "AXFR of %s at %s: %s", origin,
				   mz_peer_text(request->peer), axfr->cause.text);
	else
		mz_net_explain(answer, request->peer, "AXFR", origin, request->key, cause);
}

static void on_done(void *arg, const struct mz_answer *answer)
{
	struct live_axfr *axfr = arg;
	struct live_axfr_end end = {0};
	enum mz_net_outcome outcome = answer->outcome;

	if (outcome == MZ_NET_ANSWER && axfr->step == MZ_WALK_DONE) {
		(void)mz_walk_finish(axfr->walk, &end.live);
	} else {
		explain(axfr, answer, &end.live.cause);
		end.live.fault = outcome == MZ_NET_ANSWER && axfr->step != MZ_WALK_REFUSED
					 ? MZ_FAULT_LATER
					 : mz_net_fault(answer);
		end.live.retry = outcome != MZ_NET_ANSWER || live_rcode_retry(answer->rcode);
		end.cut_off = outcome == MZ_NET_STOPPED;
		end.refused = (outcome == MZ_NET_ANSWER || outcome == MZ_NET_UNPROVEN) &&
			      is_refusal(answer->rcode);
		end.hopeless = outcome == MZ_NET_UNREACHABLE || outcome == MZ_NET_BADTIME;
	}
	axfr->ask = NULL;
	axfr->done(axfr->arg, &end);
	live_axfr_cancel(axfr);
}

int live_axfr_start(const struct mz_live_request *request, uint64_t limit, live_axfr_done done,
		    void *arg, struct live_axfr **out)
{
	uint8_t wire[LIVE_QUESTION];
	struct mz_request ask = {.kind = MZ_ASK_TRANSFER,
				 .key = request->key,
				 .wire = wire,
				 .timeout_ms = request->timeout_ms,
				 .done = on_done,
				 .message = on_message};
	struct live_axfr *axfr = calloc(1, sizeof *axfr);
	int err = MZ_ENOMEM;

	*out = NULL;
	if (axfr == NULL)
		return err;
	axfr->request = request;
	axfr->done = done;
	axfr->arg = arg;
	err = mz_walk_new(&axfr->walk, request->origin, request->slots, limit);
	if (err != MZ_OK)
		goto done;
	ask.arg = axfr;
	ask.len = live_question(wire, request->origin, MZ_TYPE_AXFR);
	err = mz_net_ask(request->peer, &ask, &axfr->ask);
done:
	if (err != MZ_OK)
		live_axfr_cancel(axfr);
	else
		*out = axfr;
	return err;
}

void live_axfr_cancel(struct live_axfr *axfr)
{
	if (axfr == NULL)
		return;
	mz_net_cancel(axfr->ask);
	mz_walk_free(axfr->walk);
	free(axfr);
}
