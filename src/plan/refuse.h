/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusals of a plan, and the ledger that they leave; private to the room. */
#ifndef MZ_PLAN_REFUSE_H
#define MZ_PLAN_REFUSE_H

#include "mailzone/plan.h"

/* Does the plan's ledger hold this RR for its domain, at index `from` or after it? */
bool plan_in_ledger(const struct mz_plan *plan, size_t from, const struct mz_rr *rr);

/* Was the domain told of a refusal, at index `from` or after it? */
bool plan_told(const struct mz_plan *plan, size_t from, uint16_t domain);

#endif
