/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks the messages of an AXFR from SOA to SOA and keeps what is at slot owners. Pure. */
#include "mailzone/live.h"
#include "src/live/internal.h"
#include "src/live/names.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX (16u * 1024 * 1024) /* octets that a server can make us hold */
#define SOA_FIXED 20		     /* serial, refresh, retry, expire, minimum */
#define SOA_MAX (2 * MZ_NAME_MAX + SOA_FIXED)

enum state { WALK_OPENING, WALK_BODY, WALK_CLOSED, WALK_FAILED };

struct mz_walk {
	struct live_names *names;
	struct mz_name origin;
	enum state state;
	enum mz_walk_step failed; /* what WALK_FAILED goes on saying */
	unsigned rcode;
	uint64_t limit, octets;
	size_t kept;
	uint32_t foreign;
	size_t soa_len;
	uint8_t soa[SOA_MAX]; /* the opening one's rdata */
	struct mz_rrlist rrs, cuts;
};

int mz_walk_new(struct mz_walk **out, const uint8_t *origin, const struct mz_rrlist *slots,
		uint64_t limit)
{
	struct mz_walk *walk = calloc(1, sizeof *walk);
	int err = MZ_ENOMEM;

	*out = NULL;
	if (walk == NULL)
		return err;
	walk->limit = limit;
	walk->origin.len = (uint8_t)mz_name_len(origin);
	memcpy(walk->origin.wire, origin, walk->origin.len);
	err = live_names_new(&walk->names, walk->origin.wire, slots);
	if (err != MZ_OK) {
		mz_walk_free(walk);
		return err;
	}
	*out = walk;
	return MZ_OK;
}

void mz_walk_free(struct mz_walk *walk)
{
	if (walk == NULL)
		return;
	live_names_free(walk->names);
	mz_rrlist_clear(&walk->rrs);
	mz_rrlist_clear(&walk->cuts);
	free(walk);
}

unsigned mz_walk_rcode(const struct mz_walk *walk)
{
	return walk->rcode;
}

/* Once an answer has gone wrong, nothing that follows makes it right. */
static enum mz_walk_step fail(struct mz_walk *walk, enum mz_walk_step step, struct mz_cause *cause,
			      const char *text)
{
	(void)mz_cause_set(cause, MZ_EFAILED, "%s", text);
	walk->state = WALK_FAILED;
	walk->failed = step;
	return step;
}

static enum mz_walk_step bad(struct mz_walk *walk, struct mz_cause *cause, const char *text)
{
	return fail(walk, MZ_WALK_BAD, cause, text);
}

static enum mz_walk_step keep(struct mz_walk *walk, struct mz_rrlist *list,
			      const struct mz_reader *r, const struct mz_rrview *rr,
			      const struct mz_name *owner, struct mz_cause *cause)
{
	walk->kept += sizeof(struct mz_rr) + owner->len + rr->rdlen;
	if (walk->kept > KEPT_MAX)
		return bad(walk, cause,
			   "more than 16 MiB of records at the names we publish: the "
			   "server's data is not what it should be");
	if (live_keep(list, r, rr, owner->wire) != MZ_OK)
		return bad(walk, cause, "out of memory");
	return MZ_WALK_MORE;
}

/* The first SOA opens the zone, the second, which must be the same, closes it. */
static enum mz_walk_step take_soa(struct mz_walk *walk, const struct mz_reader *r,
				  const struct mz_rrview *rr, struct mz_cause *cause)
{
	uint8_t rdata[SOA_MAX];
	long n = mz_reader_rdata(r, rr, rdata, sizeof rdata);

	if (n < SOA_FIXED)
		return bad(walk, cause, "a malformed SOA");
	if (walk->state == WALK_OPENING) {
		memcpy(walk->soa, rdata, (size_t)n);
		walk->soa_len = (size_t)n;
		walk->state = WALK_BODY;
		return MZ_WALK_MORE;
	}
	if (mz_rdata_compare(MZ_TYPE_SOA, rdata, (size_t)n, walk->soa, walk->soa_len) != 0)
		return bad(walk, cause,
			   "the closing SOA differs from the opening one: the zone "
			   "changed during the transfer");
	walk->state = WALK_CLOSED;
	return MZ_WALK_MORE;
}

/* NS below the apex are zone cuts; those at and above slots matter, and are kept apart. */
static enum mz_walk_step take_ns(struct mz_walk *walk, const struct mz_reader *r,
				 const struct mz_rrview *rr, const struct live_name *name,
				 struct mz_cause *cause)
{
	struct mz_name owner = {0};

	if (live_names_apex(walk->names, name))
		return MZ_WALK_MORE;
	if (live_names_find(walk->names, r, rr->owner, name, &owner) != 0)
		return keep(walk, &walk->cuts, r, rr, &owner, cause);
	walk->foreign++;
	return MZ_WALK_MORE;
}

static enum mz_walk_step take_other(struct mz_walk *walk, const struct mz_reader *r,
				    const struct mz_rrview *rr, const struct live_name *name,
				    struct mz_cause *cause)
{
	struct mz_name owner = {0};
	unsigned bits = live_names_find(walk->names, r, rr->owner, name, &owner);

	if (rr->type == MZ_TYPE_DNAME && (bits & LIVE_NAME_ANCESTOR) != 0 &&
	    keep(walk, &walk->cuts, r, rr, &owner, cause) != MZ_WALK_MORE)
		return MZ_WALK_BAD;
	if ((bits & LIVE_NAME_SLOT) != 0)
		return keep(walk, &walk->rrs, r, rr, &owner, cause);
	walk->foreign++;
	return MZ_WALK_MORE;
}

static enum mz_walk_step take(struct mz_walk *walk, const struct mz_reader *r,
			      const struct mz_rrview *rr, struct mz_cause *cause)
{
	struct live_name name;

	if (walk->state == WALK_CLOSED)
		return bad(walk, cause, "records after the closing SOA");
	if (rr->klass != MZ_CLASS_IN)
		return bad(walk, cause, "a record of a class other than IN");
	if (!live_names_look(walk->names, r, rr->owner, &name))
		return bad(walk, cause, "a malformed owner name");
	if (!live_names_inside(walk->names, &name))
		return bad(walk, cause, "a record outside the zone");
	if (rr->type == MZ_TYPE_SOA) {
		if (!live_names_apex(walk->names, &name))
			return bad(walk, cause, "an SOA below the zone's origin");
		return take_soa(walk, r, rr, cause);
	}
	if (walk->state == WALK_OPENING)
		return bad(walk, cause, "the first record is not the zone's SOA");
	if (mz_type_is_server(rr->type))
		return MZ_WALK_MORE;
	if (rr->type == MZ_TYPE_NS)
		return take_ns(walk, r, rr, &name, cause);
	return take_other(walk, r, rr, &name, cause);
}

/* The question is there in the first message, and may be left out in later ones (RFC 5936 2.2). */
static bool question_ok(const struct mz_walk *walk, struct mz_reader *r)
{
	struct mz_name name = {0};
	uint16_t type = 0;
	uint16_t klass = 0;

	if (r->count[0] == 0)
		return walk->state != WALK_OPENING;
	return r->count[0] == 1 && mz_reader_question(r, &name, &type, &klass) == 1 &&
	       type == MZ_TYPE_AXFR && klass == MZ_CLASS_IN &&
	       mz_name_equal(name.wire, walk->origin.wire);
}

static enum mz_walk_step check_header(struct mz_walk *walk, struct mz_reader *r,
				      struct mz_cause *cause)
{
	if ((r->flags & MZ_FLAG_QR) == 0 || mz_reader_opcode(r) != MZ_OPCODE_QUERY)
		return bad(walk, cause, "a message that is no answer to a query");
	walk->rcode = mz_reader_rcode(r);
	if (walk->rcode != MZ_RCODE_NOERROR)
		return fail(walk, MZ_WALK_REFUSED, cause, "the server answers with an error");
	if ((r->flags & MZ_FLAG_TC) != 0)
		return bad(walk, cause, "a truncated message");
	if (!question_ok(walk, r))
		return bad(walk, cause, "the answer is to another question");
	if (r->count[1] == 0)
		return bad(walk, cause, "a message without records");
	return MZ_WALK_MORE;
}

enum mz_walk_step mz_walk_message(struct mz_walk *walk, const uint8_t *wire, size_t len,
				  struct mz_cause *cause)
{
	enum mz_walk_step step = MZ_WALK_MORE;
	struct mz_rrview rr = {0};
	struct mz_reader r;
	int more = 1;

	if (walk->state == WALK_FAILED)
		return walk->failed;
	if (walk->state == WALK_CLOSED)
		return bad(walk, cause, "a message after the closing SOA");
	if (mz_reader_open(&r, wire, len) != MZ_OK)
		return bad(walk, cause, "a malformed message");
	step = check_header(walk, &r, cause);
	live_names_message(walk->names);
	/* the other sections hold OPT and TSIG, or what RFC 5936 says to ignore */
	while (step == MZ_WALK_MORE && (more = mz_reader_rr(&r, &rr)) == 1)
		if (rr.section == 1)
			step = take(walk, &r, &rr, cause);
	if (step != MZ_WALK_MORE)
		return step;
	if (more != 0)
		return bad(walk, cause, "a malformed message");
	if (walk->state == WALK_CLOSED)
		return MZ_WALK_DONE;
	walk->octets += len;
	if (walk->limit != 0 && walk->octets > walk->limit)
		return fail(walk, MZ_WALK_LARGE, cause, "the zone is large beside what is wanted");
	return MZ_WALK_MORE;
}

int mz_walk_finish(struct mz_walk *walk, struct mz_live *live)
{
	if (walk->state != WALK_CLOSED)
		return MZ_EINVAL;
	mz_rrlist_sort(&walk->rrs, true);
	mz_rrlist_sort(&walk->cuts, true);
	mz_rrlist_clear(&live->rrs);
	mz_rrlist_clear(&live->cuts);
	live->rrs = walk->rrs;
	live->cuts = walk->cuts;
	walk->rrs = walk->cuts = (struct mz_rrlist){0};
	live->ok = true;
	live->axfr = true;
	live->serial = mz_get32(walk->soa + walk->soa_len - SOA_FIXED);
	live->foreign = walk->foreign;
	return MZ_OK;
}
