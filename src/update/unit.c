/* SPDX-License-Identifier: BSD-2-Clause */
/* Which prerequisite makes a unit a compare-and-swap of its RRset, and how its deletions are written. */
#include "src/update/unit.h"

/* Other data of ours that a CNAME replaces stands there until the message is through; it is
 * guarded by its own prerequisite. The units of a group stand side by side. */
static bool replaces_data(const struct mz_plan *plan, size_t index)
{
	const struct mz_unit *units = plan->units;
	size_t group = units[index].group, from = index, to = index + 1;

	while (from > 0 && units[from - 1].group == group)
		from--;
	while (to < plan->unit_count && units[to].group == group)
		to++;
	for (size_t i = from; i < to; i++) {
		if (units[i].del_to > units[i].del_from && !units[i].gone)
			return true;
	}
	return false;
}

enum prereq prereq_of(const struct mz_plan *plan, size_t index)
{
	const struct mz_unit *unit = &plan->units[index];

	if (unit->live_to > unit->live_from)
		return PREREQ_RRSET_IS;
	if (unit->type != MZ_TYPE_CNAME)
		return PREREQ_NO_RRSET;
	return replaces_data(plan, index) ? PREREQ_NO_RRSET : PREREQ_NAME_UNUSED;
}

bool unit_deletes_rrset(const struct mz_unit *unit)
{
	return unit->delete_rrset || (unit->whole && unit->del_to > unit->del_from);
}

bool unit_adds_again(const struct mz_plan *plan, const struct mz_live *live,
		     const struct mz_unit *unit, size_t index)
{
	if (unit->delete_rrset || !unit_deletes_rrset(unit))
		return false;
	/* The changes borrow their octets from what was read. */
	for (size_t i = unit->del_from; i < unit->del_to; i++) {
		if (plan->changes[i].rr.rdata == live->rrs.rr[index].rdata)
			return false;
	}
	return true;
}
