/* SPDX-License-Identifier: BSD-2-Clause */
/* How one unit is written; private to the room. */
#ifndef MZ_UPDATE_UNIT_H
#define MZ_UPDATE_UNIT_H

#include "mailzone/update.h"

enum prereq {
	PREREQ_RRSET_IS,   /* the very RRset that was read (RFC 2136 2.4.2) */
	PREREQ_NO_RRSET,   /* no such RRset (2.4.3) */
	PREREQ_NAME_UNUSED /* nothing at all at the name (2.4.5): before a CNAME */
};
enum prereq prereq_of(const struct mz_plan *plan, size_t unit);

/* Is the whole RRset deleted by one deletion? So it is where nothing stays, and where what stays is
 * ours: it is added again. PowerDNS finds no RR to delete whose names it stores in other letter case
 * than it shows, and answers NOERROR. */
bool unit_deletes_rrset(const struct mz_unit *unit);
/* Is live RR `index` of the unit, which the plan leaves in place, to be added again? */
bool unit_adds_again(const struct mz_plan *plan, const struct mz_live *live,
		     const struct mz_unit *unit, size_t index);

#endif
