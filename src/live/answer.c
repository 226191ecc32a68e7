/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the answer to one question about a zone's own data. Pure. */
#include "src/live/answer.h"

#include <string.h>

#include "src/live/internal.h"

#define TYPE_HINFO 13
#define SOA_FIXED 20 /* serial, refresh, retry, expire, minimum */

/* An answer under the hand: it is walked twice, for a DNAME says what to make of a CNAME. */
struct scan {
	const struct live_question *question;
	struct mz_reader reader;
	struct mz_rrlist *rrs, *cuts;
	struct live_answer *out;
	bool dname;    /* one above the name was seen */
	bool referral; /* the name is below a zone cut */
};

/* "RFC8482" in a HINFO stands for "no answer to ANY here" (RFC 8482 4.2). */
static bool is_no_any(const struct mz_rrview *rr)
{
	static const uint8_t text[] = {7, 'R', 'F', 'C', '8', '4', '8', '2'};

	return rr->type == TYPE_HINFO && rr->rdlen >= sizeof text &&
	       memcmp(rr->rdata, text, sizeof text) == 0;
}

static bool wanted(const struct live_question *question, const struct mz_rrview *rr)
{
	if (mz_type_is_server(rr->type) || rr->type == MZ_TYPE_NS)
		return false;
	if (question->type == MZ_TYPE_ANY)
		return !is_no_any(rr);
	return rr->type == question->type || rr->type == MZ_TYPE_CNAME;
}

static int take_soa(struct scan *scan, const struct mz_rrview *rr)
{
	uint8_t rdata[2 * MZ_NAME_MAX + SOA_FIXED];
	long n = mz_reader_rdata(&scan->reader, rr, rdata, sizeof rdata);

	if (n < SOA_FIXED) {
		scan->out->fault = "a malformed SOA";
		return MZ_OK;
	}
	scan->out->found = true;
	scan->out->serial = mz_get32(rdata + n - SOA_FIXED);
	return MZ_OK;
}

/* An RR of the answer section at the name that was asked for. */
static int take_own(struct scan *scan, const struct mz_rrview *rr, const uint8_t *owner)
{
	const struct live_question *question = scan->question;

	if (rr->type == MZ_TYPE_SOA && question->type == MZ_TYPE_SOA)
		return take_soa(scan, rr);
	if (rr->type == MZ_TYPE_NS && !mz_name_equal(owner, question->origin))
		return live_keep(scan->cuts, &scan->reader, rr, owner);
	if (!wanted(question, rr) || (rr->type == MZ_TYPE_CNAME && scan->dname))
		return MZ_OK;
	scan->out->found = true;
	scan->out->cname |= rr->type == MZ_TYPE_CNAME;
	return live_keep(scan->rrs, &scan->reader, rr, owner);
}

/* First walk: what is above the name. Zone cuts count only from the authority section. */
static int take_above(struct scan *scan, const struct mz_rrview *rr, const uint8_t *owner)
{
	const struct live_question *question = scan->question;
	bool above = !mz_name_equal(owner, question->name);

	if (!mz_name_within(question->name, owner) || !mz_name_within(owner, question->origin))
		return MZ_OK;
	if (rr->section == 1 && rr->type == MZ_TYPE_DNAME && above) {
		scan->dname = true;
		return live_keep(scan->cuts, &scan->reader, rr, owner);
	}
	if (rr->section == 2 && rr->type == MZ_TYPE_NS && !mz_name_equal(owner, question->origin) &&
	    (scan->reader.flags & MZ_FLAG_AA) == 0) {
		scan->referral = true;
		return live_keep(scan->cuts, &scan->reader, rr, owner);
	}
	/* The server has the child zone, too, and answers from there: what is asked is not our zone's. */
	if (rr->section == 2 && rr->type == MZ_TYPE_SOA && !mz_name_equal(owner, question->origin))
		return live_keep(scan->cuts, &scan->reader, rr, owner);
	return MZ_OK;
}

static int walk(struct scan *scan, bool above)
{
	struct mz_reader *r = &scan->reader;
	struct mz_reader start = *r;
	struct mz_rrview rr = {0};
	struct mz_name owner = {0};
	int err = MZ_OK;
	int more = 0;

	while (err == MZ_OK && (more = mz_reader_rr(r, &rr)) == 1) {
		if (rr.section == 3 || rr.klass != MZ_CLASS_IN)
			continue;
		if (mz_reader_name(r, rr.owner, &owner) != MZ_OK) {
			more = MZ_ESYNTAX;
			break;
		}
		if (above)
			err = take_above(scan, &rr, owner.wire);
		else if (rr.section == 1 && mz_name_equal(owner.wire, scan->question->name))
			err = take_own(scan, &rr, owner.wire);
	}
	if (more == MZ_ESYNTAX)
		scan->out->fault = "a malformed answer";
	*r = start;
	return err;
}

int live_answer_read(const struct live_question *question, const uint8_t *wire, size_t len,
		     struct mz_rrlist *rrs, struct mz_rrlist *cuts, struct live_answer *out)
{
	struct scan scan = {.question = question, .rrs = rrs, .cuts = cuts, .out = out};
	int err = MZ_OK;

	*out = (struct live_answer){0};
	if (mz_reader_open(&scan.reader, wire, len) != MZ_OK) {
		out->fault = "a malformed answer";
		return MZ_OK;
	}
	if ((scan.reader.flags & MZ_FLAG_TC) != 0) {
		out->fault = "a truncated answer by TCP";
		return MZ_OK;
	}
	err = walk(&scan, true);
	if (err == MZ_OK && out->fault == NULL)
		err = walk(&scan, false);
	if (err != MZ_OK || out->fault != NULL)
		return err;
	if ((scan.reader.flags & MZ_FLAG_AA) == 0 && !scan.referral)
		out->fault =
			"an answer without authority: the server does not serve the zone, or it "
			"has expired there";
	out->no_name = mz_reader_rcode(&scan.reader) == MZ_RCODE_NXDOMAIN && !out->found;
	return MZ_OK;
}
