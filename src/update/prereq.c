/* SPDX-License-Identifier: BSD-2-Clause */
/* Which prerequisite makes a unit a compare-and-swap of its RRset. */
#include "src/update/prereq.h"

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
