/* SPDX-License-Identifier: BSD-2-Clause */
/* Which prerequisite makes a unit a compare-and-swap of its RRset. */
#include "src/update/prereq.h"

enum prereq prereq_of(const struct mz_plan *plan, size_t index)
{
	const struct mz_unit *unit = &plan->units[index];

	if (unit->live_to > unit->live_from)
		return PREREQ_RRSET_IS;
	if (unit->type != MZ_TYPE_CNAME)
		return PREREQ_NO_RRSET;
	/* Other data of ours that the CNAME replaces stands there until this message is through;
	 * it is guarded by its own prerequisite. */
	for (size_t i = 0; i < plan->unit_count; i++) {
		const struct mz_unit *other = &plan->units[i];

		if (other->group == unit->group && other->del_to > other->del_from && !other->gone)
			return PREREQ_NO_RRSET;
	}
	return PREREQ_NAME_UNUSED;
}
