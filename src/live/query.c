/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the slots of a zone by questions, all pipelined, in rounds of which most reads need two. */
#include "src/live/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "src/live/answer.h"
#include "src/live/wildcard.h"

/* Of answers: no set of mail domains has so much to read. */
#define OCTETS_MAX (64u * 1024 * 1024)

/*
 * The rounds:
 * SLOTS   the SOA, and each slot: its type, or ANY where the whole name matters.
 * MORE    names where ANY found something other than a CNAME: the types that matter one by one,
 *         since Knot answers ANY with one RRset only and others with none (RFC 8482);
 *         and one question for each wildcard that could have made up what was found.
 * WILD    the other types of the wildcards that are there.
 * SETTLE  names that look like a wildcard's: an UPDATE with nothing but the prerequisite "name is
 *         in use" (RFC 2136 2.4.4) says whether the name itself exists.
 */
enum stage { STAGE_SLOTS, STAGE_MORE, STAGE_WILD, STAGE_SETTLE, STAGE_END };

enum purpose { FOR_SERIAL, FOR_SLOT, FOR_MORE, FOR_WILD, FOR_SETTLE };

struct question {
	TAILQ_ENTRY(question) link;
	struct live_query *query;
	struct mz_ask *ask; /* NULL once answered */
	const uint8_t *name;
	size_t wild; /* FOR_WILD: index of the wildcard's question */
	enum purpose purpose;
	uint16_t type;
	bool found, cname;
};
TAILQ_HEAD(question_list, question);

struct live_query {
	const struct mz_live_request *request; /* the read's, which outlives this */
	struct mz_arena arena;		       /* holds the questions */
	struct question_list questions;
	size_t pending;
	size_t octets; /* of answers so far */
	enum stage stage;
	struct live_wild wild;
	struct mz_live live;
	mz_live_done done;
	void *arg;
};

static const uint16_t more_types[] = {
	MZ_TYPE_A,     MZ_TYPE_AAAA,   MZ_TYPE_CNAME,  MZ_TYPE_MX,	MZ_TYPE_TXT,
	MZ_TYPE_SRV,   MZ_TYPE_TLSA,   MZ_TYPE_CAA,    MZ_TYPE_DNAME,	12 /* PTR */,
	29 /* LOC */,  35 /* NAPTR */, 44 /* SSHFP */, 53 /* SMIMEA */, 61 /* OPENPGPKEY */,
	64 /* SVCB */, 65 /* HTTPS */, 256 /* URI */,
};

static void on_answer(void *arg, const struct mz_answer *answer);

/* ---- asking -------------------------------------------------------------------------------- */

static int send_question(struct question *q, enum mz_ask_kind kind, const uint8_t *wire, size_t len)
{
	const struct mz_live_request *request = q->query->request;
	struct mz_request ask = {.kind = kind,
				 .key = request->key,
				 .wire = wire,
				 .len = len,
				 .timeout_ms = request->timeout_ms,
				 .done = on_answer,
				 .arg = q};

	return mz_net_ask(request->peer, &ask, &q->ask);
}

static struct question *new_question(struct live_query *query, enum purpose purpose,
				     const uint8_t *name, uint16_t type)
{
	struct question *q = mz_arena_alloc(&query->arena, sizeof *q);

	if (q != NULL)
		*q = (struct question){.query = query,
				       .name = name,
				       .type = type,
				       .purpose = purpose};
	return q;
}

static int begun(struct live_query *query, struct question *q, int err)
{
	if (err == MZ_OK) {
		TAILQ_INSERT_TAIL(&query->questions, q, link);
		query->pending++;
	}
	return err;
}

static int ask(struct live_query *query, enum purpose purpose, const uint8_t *name, uint16_t type,
	       size_t wild)
{
	uint8_t wire[LIVE_QUESTION];
	struct question *q = new_question(query, purpose, name, type);

	if (q == NULL)
		return MZ_ENOMEM;
	q->wild = wild;
	return begun(query, q,
		     send_question(q, MZ_ASK_QUERY, wire, live_question(wire, name, type)));
}

/* Is the name itself in use? The update section is empty: nothing is changed. */
static int ask_in_use(struct live_query *query, const uint8_t *name)
{
	uint8_t wire[LIVE_QUESTION + MZ_NAME_MAX + 10];
	struct question *q = new_question(query, FOR_SETTLE, name, MZ_TYPE_ANY);
	struct mz_writer w = {0};

	if (q == NULL)
		return MZ_ENOMEM;
	mz_writer_init(&w, wire, sizeof wire, 0, MZ_OPCODE_UPDATE << 11);
	mz_writer_question(&w, query->request->origin, MZ_TYPE_SOA, MZ_CLASS_IN);
	mz_writer_rr(&w, 1, name, MZ_TYPE_ANY, MZ_CLASS_ANY, 0, NULL, 0);
	return begun(query, q, send_question(q, MZ_ASK_UPDATE, wire, w.len));
}

/* ---- the rounds ---------------------------------------------------------------------------- */

/* Several slots at one owner may come down to one question. */
static int ask_slots(struct live_query *query)
{
	const struct mz_rrlist *slots = query->request->slots;
	const struct mz_rr *last = NULL;
	bool any = false;
	size_t i = 0;
	int err = ask(query, FOR_SERIAL, query->request->origin, MZ_TYPE_SOA, 0);

	for (i = 0; i < slots->count && err == MZ_OK; last = &slots->rr[i++]) {
		const struct mz_rr *rr = &slots->rr[i];
		bool same_owner = last != NULL && mz_name_equal(last->owner, rr->owner);
		bool whole = rr->type == MZ_TYPE_CNAME || rr->type == MZ_TYPE_ANY;

		any = same_owner && any;
		if ((whole && any) || (same_owner && last->type == rr->type))
			continue;
		any = any || whole;
		err = ask(query, FOR_SLOT, rr->owner, whole ? MZ_TYPE_ANY : rr->type, 0);
	}
	return err;
}

static int ask_more_types(struct live_query *query, const struct question *q)
{
	size_t i = 0;
	int err = MZ_OK;

	for (i = 0; i < sizeof more_types / sizeof more_types[0] && err == MZ_OK; i++)
		err = ask(query, FOR_MORE, q->name, more_types[i], 0);
	return err;
}

static int ask_wildcards(struct live_query *query, bool second)
{
	size_t i = 0;
	int err = MZ_OK;

	for (i = 0; i < query->wild.questions.count && err == MZ_OK; i++)
		if (live_wild_due(&query->wild, i, second))
			err = ask(query, FOR_WILD, query->wild.questions.rr[i].owner,
				  query->wild.questions.rr[i].type, i);
	return err;
}

static int ask_more(struct live_query *query)
{
	struct question *last = TAILQ_LAST(&query->questions, question_list);
	struct question *q = NULL;
	int err = MZ_OK;

	TAILQ_FOREACH(q, &query->questions, link)
	{
		if (q->purpose == FOR_SLOT && q->found) {
			err = live_wild_add(&query->wild, query->request->origin, q->name, q->type);
			if (err == MZ_OK && q->type == MZ_TYPE_ANY && !q->cname)
				err = ask_more_types(query, q);
		}
		if (err != MZ_OK || q == last)
			break;
	}
	if (err == MZ_OK)
		err = live_wild_order(&query->wild);
	return err == MZ_OK ? ask_wildcards(query, false) : err;
}

static int ask_doubtful(struct live_query *query)
{
	struct question *last = TAILQ_LAST(&query->questions, question_list);
	const uint8_t *settled = NULL; /* the questions of one name stand together */
	struct question *q = NULL;
	int err = MZ_OK;

	mz_rrlist_sort(&query->wild.rrs, true);
	mz_rrlist_sort(&query->live.rrs, true);
	TAILQ_FOREACH(q, &query->questions, link)
	{
		if (q->purpose == FOR_SLOT && q->found &&
		    (settled == NULL || !mz_name_equal(settled, q->name)) &&
		    live_wild_doubt(&query->wild, &query->live.rrs, query->request->origin, q->name,
				    q->type)) {
			settled = q->name;
			err = ask_in_use(query, q->name);
		}
		if (err != MZ_OK || q == last)
			break;
	}
	return err;
}

static int ask_stage(struct live_query *query)
{
	switch (query->stage) {
	case STAGE_SLOTS:
		return ask_slots(query);
	case STAGE_MORE:
		return ask_more(query);
	case STAGE_WILD:
		return ask_wildcards(query, true);
	case STAGE_SETTLE:
		return query->wild.rrs.count > 0 ? ask_doubtful(query) : MZ_OK;
	case STAGE_END:
		break;
	}
	return MZ_OK;
}

/* ---- the answers --------------------------------------------------------------------------- */

static void free_query(struct live_query *query)
{
	live_wild_clear(&query->wild);
	mz_live_clear(&query->live);
	mz_arena_clear(&query->arena);
	free(query);
}

static void finish(struct live_query *query)
{
	struct mz_live live = query->live;
	struct question *q = NULL;

	TAILQ_FOREACH(q, &query->questions, link)
	mz_net_cancel(q->ask);
	query->live = (struct mz_live){0};
	query->done(query->arg, &live);
	free_query(query);
}

/* The read has failed: what was kept counts for nothing. */
static void fail(struct live_query *query, bool retry, enum mz_fault fault,
		 const struct mz_cause *cause)
{
	mz_live_clear(&query->live);
	query->live.retry = retry;
	query->live.fault = fault;
	query->live.cause = *cause;
	finish(query);
}

static void fail_error(struct live_query *query, int err)
{
	struct mz_cause cause = {""};

	(void)mz_cause_set(&cause, err, "%s", mz_strerror(err));
	fail(query, true, MZ_FAULT_OTHER, &cause);
}

/* "TXT query for _dmarc.example.org." */
static void question_text(const struct question *q, char *out, size_t size)
{
	char name[MZ_NAME_TEXT] = "";
	char type[MZ_CODE_TEXT] = "";

	(void)snprintf(out, size, "%s query for %s in the zone", mz_type_name(q->type, type),
		       mz_name_to_text(q->name, name));
}

static void fail_answer(struct question *q, const struct mz_answer *answer, const char *fault)
{
	struct live_query *query = q->query;
	const struct mz_live_request *request = query->request;
	char what[MZ_NAME_TEXT + 64] = "";
	char origin[MZ_NAME_TEXT] = "";
	struct mz_cause cause = {""};
	bool retry = answer->outcome != MZ_NET_ANSWER || live_rcode_retry(answer->rcode);

	question_text(q, what, sizeof what);
	mz_name_to_text(request->origin, origin);
	if (fault != NULL)
		(void)mz_cause_set(&cause, MZ_EFAILED, "%s %s at %s: %s", what, origin,
				   mz_peer_text(request->peer), fault);
	else
		mz_net_explain(answer, request->peer, what, origin, request->key, &cause);
	fail(query, retry, fault != NULL ? MZ_FAULT_LATER : mz_net_fault(answer), &cause);
}

/* The name is not in use: what was read there is a wildcard's. */
static void forget(struct mz_rrlist *rrs, const uint8_t *name)
{
	size_t first = mz_rrlist_find(rrs, name, 0);
	size_t end = first;

	while (end < rrs->count && mz_name_equal(rrs->rr[end].owner, name))
		end++;
	memmove(rrs->rr + first, rrs->rr + end, (rrs->count - end) * sizeof rrs->rr[0]);
	rrs->count -= end - first;
}

/* False: the read has failed and is over. Anything but "no such name" lets the RRs stand: a key
 * that may not update is told REFUSED, and a real name must not be taken for a made-up one. */
static bool take_settled(struct question *q, const struct mz_answer *answer)
{
	if (answer->outcome != MZ_NET_ANSWER && answer->outcome != MZ_NET_UNPROVEN) {
		fail_answer(q, answer, NULL);
		return false;
	}
	if (answer->outcome == MZ_NET_ANSWER && answer->rcode == MZ_RCODE_NXDOMAIN)
		forget(&q->query->live.rrs, q->name);
	return true;
}

static bool take_query(struct question *q, const struct mz_answer *answer)
{
	struct live_query *query = q->query;
	struct live_question question = {query->request->origin, q->name, q->type};
	struct live_answer out = {0};
	int err = MZ_OK;

	if (answer->outcome != MZ_NET_ANSWER ||
	    (answer->rcode != MZ_RCODE_NOERROR && answer->rcode != MZ_RCODE_NXDOMAIN)) {
		fail_answer(q, answer, NULL);
		return false;
	}
	err = live_answer_read(&question, answer->wire, answer->len,
			       q->purpose == FOR_WILD ? &query->wild.rrs : &query->live.rrs,
			       &query->live.cuts, &out);
	query->octets += answer->len;
	if (out.fault == NULL && query->octets > OCTETS_MAX)
		out.fault =
			"more than 64 MiB of answers: the server's data is not what it should be";
	if (err == MZ_OK && q->purpose == FOR_SERIAL && out.fault == NULL && !out.found)
		out.fault = "there is no SOA: the server does not serve this zone";
	if (out.fault != NULL)
		fail_answer(q, answer, out.fault);
	else if (err != MZ_OK)
		fail_error(query, err);
	if (out.fault != NULL || err != MZ_OK)
		return false;
	q->found = out.found;
	q->cname = out.cname;
	if (q->purpose == FOR_SERIAL)
		query->live.serial = out.serial;
	if (q->purpose == FOR_WILD)
		query->wild.state[q->wild] = out.no_name ? LIVE_WILD_NO_NAME : LIVE_WILD_ANSWERED;
	return true;
}

/* All questions of the round are answered: on to the next one that has any. */
static void advance(struct live_query *query)
{
	int err = MZ_OK;

	while (err == MZ_OK && query->pending == 0 && query->stage != STAGE_END) {
		query->stage++;
		err = ask_stage(query);
	}
	if (err != MZ_OK) {
		fail_error(query, err);
	} else if (query->stage == STAGE_END) {
		mz_rrlist_sort(&query->live.rrs, true);
		mz_rrlist_sort(&query->live.cuts, true);
		query->live.ok = true;
		finish(query);
	}
}

static void on_answer(void *arg, const struct mz_answer *answer)
{
	struct question *q = arg;
	struct live_query *query = q->query;

	q->ask = NULL;
	query->pending--;
	if (!(q->purpose == FOR_SETTLE ? take_settled(q, answer) : take_query(q, answer)))
		return;
	if (query->pending == 0)
		advance(query);
}

int live_query_start(const struct mz_live_request *request, mz_live_done done, void *arg,
		     struct live_query **out)
{
	struct live_query *query = calloc(1, sizeof *query);
	int err = MZ_ENOMEM;

	*out = NULL;
	if (query == NULL)
		return err;
	TAILQ_INIT(&query->questions);
	query->request = request;
	query->done = done;
	query->arg = arg;
	err = ask_slots(query);
	if (err != MZ_OK)
		live_query_cancel(query);
	else
		*out = query;
	return err;
}

void live_query_cancel(struct live_query *query)
{
	struct question *q = NULL;

	if (query == NULL)
		return;
	TAILQ_FOREACH(q, &query->questions, link)
	mz_net_cancel(q->ask);
	free_query(query);
}
