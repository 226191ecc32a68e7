/* SPDX-License-Identifier: BSD-2-Clause */
/* The prerequisite of a unit; private to the room. */
#ifndef MZ_UPDATE_PREREQ_H
#define MZ_UPDATE_PREREQ_H

#include "mailzone/update.h"

enum prereq {
	PREREQ_RRSET_IS,   /* the very RRset that was read (RFC 2136 2.4.2) */
	PREREQ_NO_RRSET,   /* no such RRset (2.4.3) */
	PREREQ_NAME_UNUSED /* nothing at all at the name (2.4.5): before a CNAME */
};
enum prereq prereq_of(const struct mz_plan *plan, size_t unit);

#endif
