/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan as a script for nsupdate. */
#include "src/update/unit.h"

static void add_line(struct mz_str *out, const char *verb, const struct mz_rr *rr, bool ttl)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	mz_str_addf(out, "%s %s ", verb, mz_name_to_text(rr->owner, owner));
	if (ttl)
		mz_str_addf(out, "%lu ", (unsigned long)rr->ttl);
	mz_str_addf(out, "IN %s ", mz_type_name(rr->type, type));
	mz_rdata_to_text(rr->type, rr->rdata, rr->rdlen, out);
	mz_str_addc(out, '\n');
}

static void add_prereq(struct mz_str *out, const struct mz_plan *plan, const struct mz_live *live,
		       size_t index)
{
	const struct mz_unit *unit = &plan->units[index];
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	switch (prereq_of(plan, index)) {
	case PREREQ_RRSET_IS:
		for (size_t i = unit->live_from; i < unit->live_to; i++)
			add_line(out, "prereq yxrrset", &live->rrs.rr[i], false);
		break;
	case PREREQ_NO_RRSET:
		mz_str_addf(out, "prereq nxrrset %s IN %s\n", mz_name_to_text(unit->owner, owner),
			    mz_type_name(unit->type, type));
		break;
	case PREREQ_NAME_UNUSED:
		mz_str_addf(out, "prereq nxdomain %s\n", mz_name_to_text(unit->owner, owner));
		break;
	}
}

static void add_deletions(struct mz_str *out, const struct mz_plan *plan,
			  const struct mz_unit *unit)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	if (unit_deletes_rrset(unit)) {
		mz_str_addf(out, "update delete %s IN %s\n", mz_name_to_text(unit->owner, owner),
			    mz_type_name(unit->type, type));
		return;
	}
	for (size_t i = unit->del_from; i < unit->del_to; i++)
		add_line(out, "update delete", &plan->changes[i].rr, false);
}

static void add_message(struct mz_str *out, const struct mz_plan *plan, const struct mz_live *live,
			size_t from, size_t to)
{
	for (size_t u = from; u < to; u++) {
		if (!plan->units[u].gone)
			add_prereq(out, plan, live, u);
	}
	for (size_t u = from; u < to; u++) {
		const struct mz_unit *unit = &plan->units[u];

		if (!unit->gone)
			add_deletions(out, plan, unit);
	}
	for (size_t u = from; u < to; u++) {
		const struct mz_unit *unit = &plan->units[u];

		for (size_t i = unit->live_from; i < unit->live_to && !unit->gone; i++) {
			if (unit_adds_again(plan, live, unit, i))
				add_line(out, "update add", &live->rrs.rr[i], true);
		}
		for (size_t i = unit->add_from; i < unit->add_to && !unit->gone; i++)
			add_line(out, "update add", &plan->changes[i].rr, true);
	}
	mz_str_add(out, "send\n");
}

void mz_update_script(const struct mz_plan *plan, const struct mz_live *live, const uint8_t *origin,
		      struct mz_str *out)
{
	char zone[MZ_NAME_TEXT] = "";

	for (size_t from = 0, to = 0; from < plan->unit_count; from = to) {
		to = mz_update_pack(plan, from);
		mz_str_addf(out, "zone %s\n", mz_name_to_text(origin, zone));
		add_message(out, plan, live, from, to);
	}
}
