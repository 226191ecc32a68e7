/* SPDX-License-Identifier: BSD-2-Clause */
/* Packs units into messages and writes them. */
#include "src/update/unit.h"

/* Changes and prerequisites together: what surely fits a message beside header, zone and TSIG. */
enum { MESSAGE_OCTETS = 60000 };

static size_t unit_octets(const struct mz_plan *plan, const struct mz_unit *unit)
{
	size_t octets = 0;

	for (size_t i = unit->del_from; i < unit->add_to; i++)
		octets += mz_name_len(unit->owner) + 10u + plan->changes[i].rr.rdlen;
	return unit_deletes_rrset(unit) && !unit->delete_rrset ? octets + unit->live_octets
							       : octets;
}

static size_t unit_deletions(const struct mz_unit *unit)
{
	return unit_deletes_rrset(unit) ? 1 : unit->del_to - unit->del_from;
}

size_t mz_update_pack(const struct mz_plan *plan, size_t from)
{
	size_t to = from, octets = 0, deletions = 0, all = 0;

	while (to < plan->unit_count) {
		size_t end = to, more = 0, dels = 0, standing = 0;

		for (; end < plan->unit_count && plan->units[end].group == plan->units[to].group;
		     end++) {
			if (plan->units[end].gone)
				continue;
			more += unit_octets(plan, &plan->units[end]);
			dels += unit_deletions(&plan->units[end]);
			standing += mz_name_len(plan->units[end].owner) + 10u +
				    plan->units[end].live_octets;
		}
		if (to > from &&
		    (octets + more > MZ_UPDATE_OCTETS || deletions + dels > MZ_UPDATE_DELETIONS ||
		     all + more + standing > MESSAGE_OCTETS))
			break;
		octets += more;
		all += more + standing;
		deletions += dels;
		to = end;
	}
	return to;
}

static void write_prereq(struct mz_writer *w, const struct mz_plan *plan,
			 const struct mz_live *live, size_t index)
{
	const struct mz_unit *unit = &plan->units[index];

	switch (prereq_of(plan, index)) {
	case PREREQ_RRSET_IS:
		for (size_t i = unit->live_from; i < unit->live_to; i++) {
			const struct mz_rr *rr = &live->rrs.rr[i];

			mz_writer_rr(w, 1, unit->owner, unit->type, MZ_CLASS_IN, 0, rr->rdata,
				     rr->rdlen);
		}
		break;
	case PREREQ_NO_RRSET:
		mz_writer_rr(w, 1, unit->owner, unit->type, MZ_CLASS_NONE, 0, NULL, 0);
		break;
	case PREREQ_NAME_UNUSED:
		mz_writer_rr(w, 1, unit->owner, MZ_TYPE_ANY, MZ_CLASS_NONE, 0, NULL, 0);
		break;
	}
}

static void write_deletions(struct mz_writer *w, const struct mz_plan *plan,
			    const struct mz_unit *unit)
{
	if (unit_deletes_rrset(unit)) {
		mz_writer_rr(w, 2, unit->owner, unit->type, MZ_CLASS_ANY, 0, NULL, 0);
		return;
	}
	/* With the octets that were read: PowerDNS finds no others. */
	for (size_t i = unit->del_from; i < unit->del_to; i++)
		mz_writer_rr(w, 2, unit->owner, unit->type, MZ_CLASS_NONE, 0,
			     plan->changes[i].rr.rdata, plan->changes[i].rr.rdlen);
}

static void write_additions(struct mz_writer *w, const struct mz_plan *plan,
			    const struct mz_live *live, const struct mz_unit *unit)
{
	for (size_t i = unit->live_from; i < unit->live_to; i++) {
		const struct mz_rr *rr = &live->rrs.rr[i];

		if (unit_adds_again(plan, live, unit, i))
			mz_writer_rr(w, 2, unit->owner, unit->type, MZ_CLASS_IN, rr->ttl, rr->rdata,
				     rr->rdlen);
	}
	for (size_t i = unit->add_from; i < unit->add_to; i++) {
		const struct mz_rr *rr = &plan->changes[i].rr;

		mz_writer_rr(w, 2, unit->owner, unit->type, MZ_CLASS_IN, rr->ttl, rr->rdata,
			     rr->rdlen);
	}
}

int mz_update_build(const struct mz_plan *plan, const struct mz_live *live, const uint8_t *origin,
		    size_t from, size_t to, size_t room, uint8_t wire[MZ_MSG_MAX], size_t *len)
{
	struct mz_writer w = {0};

	mz_writer_init(&w, wire, MZ_MSG_MAX - room, 0, MZ_OPCODE_UPDATE << 11);
	mz_writer_question(&w, origin, MZ_TYPE_SOA, MZ_CLASS_IN);
	for (size_t u = from; u < to; u++) {
		if (!plan->units[u].gone)
			write_prereq(&w, plan, live, u);
	}
	for (size_t u = from; u < to; u++) {
		if (!plan->units[u].gone)
			write_deletions(&w, plan, &plan->units[u]);
	}
	for (size_t u = from; u < to; u++) {
		if (!plan->units[u].gone)
			write_additions(&w, plan, live, &plan->units[u]);
	}
	*len = w.len;
	return w.full ? MZ_ESPACE : MZ_OK;
}
