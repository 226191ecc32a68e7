/* SPDX-License-Identifier: BSD-2-Clause */
/* What a plan must never do; private to the room. */
#ifndef MZ_PLAN_GUARD_H
#define MZ_PLAN_GUARD_H

#include "src/plan/slot.h"

/* Refuses the slots whose changes would break a rule: sets `refused` to a text in the arena. The
 * slots are ordered by owner. MZ_ENOMEM. */
int guard_slots(struct slot *slots, size_t count, const struct mz_plan_input *in,
		struct mz_arena *arena);

#endif
