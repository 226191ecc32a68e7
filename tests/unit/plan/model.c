/* SPDX-License-Identifier: BSD-2-Clause */
/* A zone that takes UPDATE messages as RFC 2136 3 says. Slow and plain: it is the judge of ours. */
#include "tests/unit/plan/model.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS_MAX = 512 };

/* An RR of a message, out of it. */
struct item {
	struct mz_name owner;
	uint8_t rdata[512];
	struct mz_rr rr;
	uint16_t klass;
	uint8_t section;
};

static void keep(struct model *m, const struct mz_rr *rr)
{
	struct mz_rr copy = *rr;

	if (m->count == MODEL_MAX)
		abort();
	copy.owner = mz_arena_copy(&m->arena, rr->owner, mz_name_len(rr->owner));
	copy.rdata = mz_arena_copy(&m->arena, rr->rdata, rr->rdlen);
	m->rr[m->count++] = copy;
}

void model_init(struct model *m, enum model_kind kind, const uint8_t *origin,
		const struct mz_rrlist *rrs)
{
	memset(m, 0, sizeof(*m));
	m->kind = kind;
	m->origin.len = (uint8_t)mz_name_len(origin);
	memcpy(m->origin.wire, origin, m->origin.len);
	for (size_t i = 0; i < rrs->count; i++)
		keep(m, &rrs->rr[i]);
}

void model_clear(struct model *m)
{
	mz_arena_clear(&m->arena);
	m->count = 0;
}

void model_list(const struct model *m, struct mz_rrlist *out)
{
	for (size_t i = 0; i < m->count; i++) {
		if (mz_rrlist_add(out, &m->rr[i]) != MZ_OK)
			abort();
	}
	mz_rrlist_sort(out, true);
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static bool take_item(const struct mz_reader *r, const struct mz_rrview *view, struct item *item)
{
	long n = mz_reader_rdata(r, view, item->rdata, sizeof(item->rdata));

	if (view->rdlen == 0)
		n = 0; /* a prerequisite or deletion without rdata is no odd RR */
	if (n < 0 || mz_reader_name(r, view->owner, &item->owner) != MZ_OK)
		return false;
	item->rr = (struct mz_rr){.owner = item->owner.wire,
				  .rdata = item->rdata,
				  .ttl = view->ttl,
				  .type = view->type,
				  .rdlen = (uint16_t)n};
	item->klass = view->klass;
	item->section = view->section;
	return true;
}

static bool take_zone(struct mz_reader *r, const struct model *m)
{
	struct mz_name name = {0};
	uint16_t type = 0, klass = 0;

	return mz_reader_opcode(r) == MZ_OPCODE_UPDATE && (r->flags & 0x87ffu) == 0 &&
	       r->count[0] == 1 && mz_reader_question(r, &name, &type, &klass) == 1 &&
	       type == MZ_TYPE_SOA && klass == MZ_CLASS_IN &&
	       mz_name_equal(name.wire, m->origin.wire);
}

/* ---- prerequisites (3.2.5) ------------------------------------------------------------------------------ */

static bool at(const struct mz_rr *rr, const uint8_t *owner, uint16_t type)
{
	return mz_name_equal(rr->owner, owner) && (type == MZ_TYPE_ANY || rr->type == type);
}

static size_t standing(const struct model *m, const uint8_t *owner, uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += at(&m->rr[i], owner, type);
	return n;
}

static bool same_rdata(const struct mz_rr *a, const struct mz_rr *b)
{
	return mz_rdata_compare(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen) == 0;
}

static unsigned check_absent(const struct model *m, const struct item *item)
{
	size_t n = standing(m, item->owner.wire, item->rr.type);

	if (item->klass == MZ_CLASS_ANY)
		return n > 0			      ? MZ_RCODE_NOERROR
		       : item->rr.type == MZ_TYPE_ANY ? MZ_RCODE_NXDOMAIN
						      : MZ_RCODE_NXRRSET;
	return n == 0			      ? MZ_RCODE_NOERROR
	       : item->rr.type == MZ_TYPE_ANY ? MZ_RCODE_YXDOMAIN
					      : MZ_RCODE_YXRRSET;
}

/* The RRs of one owner and type among the prerequisites are that RRset, no more and no less. */
static unsigned check_exact(const struct model *m, const struct item *items, size_t count,
			    size_t index)
{
	const struct mz_rr *first = &items[index].rr;
	size_t named = 0;

	for (size_t i = 0; i < count; i++) {
		bool found = false;

		if (items[i].section != 1 || items[i].klass != MZ_CLASS_IN ||
		    !at(&items[i].rr, first->owner, first->type))
			continue;
		named++;
		for (size_t k = 0; k < m->count && !found; k++)
			found = at(&m->rr[k], first->owner, first->type) &&
				same_rdata(&m->rr[k], &items[i].rr);
		if (!found)
			return MZ_RCODE_NXRRSET;
	}
	return named == standing(m, first->owner, first->type) ? MZ_RCODE_NOERROR
							       : MZ_RCODE_NXRRSET;
}

static unsigned check_prerequisites(const struct model *m, const struct item *items, size_t count)
{
	unsigned rcode = MZ_RCODE_NOERROR;

	for (size_t i = 0; i < count && rcode == MZ_RCODE_NOERROR; i++) {
		if (items[i].section != 1)
			continue;
		if (!mz_name_within(items[i].owner.wire, m->origin.wire))
			return MZ_RCODE_NOTZONE;
		if (items[i].rr.ttl != 0 ||
		    (items[i].klass != MZ_CLASS_IN && items[i].rr.rdlen != 0))
			return MZ_RCODE_FORMERR;
		rcode = items[i].klass == MZ_CLASS_IN ? check_exact(m, items, count, i)
						      : check_absent(m, &items[i]);
	}
	return rcode;
}

/* ---- changes (3.4.2) -------------------------------------------------------------------------------------- */

static void drop(struct model *m, size_t i)
{
	m->rr[i] = m->rr[--m->count];
}

static bool deleted_by(const struct model *m, const struct mz_rr *rr, const struct item *item)
{
	if (!at(rr, item->owner.wire, item->rr.type))
		return false;
	if (item->klass == MZ_CLASS_ANY)
		return true;
	if (m->kind == MODEL_POWERDNS)
		return rr->rdlen == item->rr.rdlen &&
		       memcmp(rr->rdata, item->rr.rdata, rr->rdlen) == 0;
	return same_rdata(rr, &item->rr);
}

static void take_deletion(struct model *m, const struct item *item)
{
	size_t before = m->count;

	for (size_t i = m->count; i > 0; i--) {
		if (deleted_by(m, &m->rr[i - 1], item))
			drop(m, i - 1);
	}
	m->ignored += m->count == before;
}

static bool cname_conflict(const struct model *m, const struct item *item)
{
	for (size_t i = 0; i < m->count; i++) {
		if (at(&m->rr[i], item->owner.wire, MZ_TYPE_ANY) &&
		    (m->rr[i].type == MZ_TYPE_CNAME) != (item->rr.type == MZ_TYPE_CNAME))
			return true;
	}
	return false;
}

static void take_addition(struct model *m, const struct item *item)
{
	bool there = false, same_ttl = true;

	for (size_t i = m->count; i > 0; i--) {
		struct mz_rr *rr = &m->rr[i - 1];

		if (!at(rr, item->owner.wire, item->rr.type))
			continue;
		if (item->rr.type == MZ_TYPE_CNAME && !same_rdata(rr, &item->rr)) {
			drop(m, i - 1); /* there is one only: the new one replaces it */
			continue;
		}
		there = there || same_rdata(rr, &item->rr);
		same_ttl = same_ttl && rr->ttl == item->rr.ttl;
	}
	m->ignored += there && (same_ttl || m->kind == MODEL_KNOT);
	if (there && m->kind == MODEL_KNOT)
		return;
	if (!there)
		keep(m, &item->rr);
	for (size_t i = 0; i < m->count; i++) {
		if (at(&m->rr[i], item->owner.wire, item->rr.type))
			m->rr[i].ttl = item->rr.ttl;
	}
}

static unsigned take_changes(struct model *m, const struct item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct item *item = &items[i];

		if (item->section != 2)
			continue;
		if (!mz_name_within(item->owner.wire, m->origin.wire))
			return MZ_RCODE_NOTZONE;
		if (item->klass != MZ_CLASS_IN &&
		    (item->rr.ttl != 0 || (item->klass == MZ_CLASS_ANY && item->rr.rdlen != 0)))
			return MZ_RCODE_FORMERR;
		if (item->klass != MZ_CLASS_IN)
			take_deletion(m, item);
		else if (!cname_conflict(m, item))
			take_addition(m, item);
		else if (m->kind == MODEL_POWERDNS)
			return MZ_RCODE_REFUSED;
		else
			m->ignored++;
	}
	return MZ_RCODE_NOERROR;
}

unsigned model_update(struct model *m, const uint8_t *wire, size_t len)
{
	static struct model before;
	static struct item items[ITEMS_MAX];
	struct mz_rrview view = {0};
	struct mz_reader r = {0};
	unsigned rcode = MZ_RCODE_FORMERR;
	size_t count = 0;
	int more = 1;

	before = *m;
	if (mz_reader_open(&r, wire, len) != MZ_OK || !take_zone(&r, m))
		goto done;
	for (; count < ITEMS_MAX && (more = mz_reader_rr(&r, &view)) == 1; count++) {
		if (!take_item(&r, &view, &items[count]))
			goto done;
	}
	if (more != 0)
		goto done;
	rcode = check_prerequisites(m, items, count);
	if (rcode == MZ_RCODE_NOERROR)
		rcode = take_changes(m, items, count);
done:
	if (rcode != MZ_RCODE_NOERROR) {
		memcpy(m->rr, before.rr, sizeof(m->rr));
		m->count = before.count;
	}
	return rcode;
}
