/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold of every plan, written apart from the planner. Each fails the test that asks.
 * after: the zone when all messages of the plan were taken. */
#ifndef TESTS_UNIT_PLAN_RULES_H
#define TESTS_UNIT_PLAN_RULES_H

#include "tests/unit/plan/world.h"

/* Is this RR's RRset refused by the plan? */
bool rules_refused(const struct mz_plan *plan, const struct mz_rr *rr);

/* What is foreign stands as it stood. */
void rules_foreign(const struct world *w, const struct mz_rrlist *after);

/* Of an RRset that is shared goes no more than the ledger has, or a claim matches. */
void rules_deletions(const struct world *w);

/* What is desired stands, and what was ours and is not desired is gone. */
void rules_desired(const struct world *w, const struct mz_rrlist *after);

/* The ledger has what is ours, and nothing else. */
void rules_ledger(const struct world *w, const struct mz_rrlist *after);

/* A CNAME is alone, there is no second SPF, mail has an MX, and nothing is written below a cut. */
void rules_dns(const struct world *w, const struct mz_rrlist *after);

/* The counts are those of the changes and the refusals. */
void rules_counts(const struct world *w);

/* Families in their order, but for what shares a group with an earlier one. */
void rules_order(const struct mz_plan *plan);

#endif
