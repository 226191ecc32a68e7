/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of plan and update: a zone and its domains, written as zone-file lines. */
#ifndef TEST_PLAN_WORLD_H
#define TEST_PLAN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailzone/plan.h"

enum { WORLD_DOMAINS = 3 };

struct world {
	struct mz_name origin, names[WORLD_DOMAINS];
	char texts[WORLD_DOMAINS][64];
	struct mz_plan_domain domains[WORLD_DOMAINS];
	size_t domain_count;
	struct mz_rrlist desired, ledger;
	struct mz_live live;
	const struct mz_rrlist *signing; /* NULL: no key signs */
	const struct mz_rrlist *in_use;	 /* NULL: no certificate is known */
	const struct mz_rrlist *held;	 /* NULL: nothing is */
	struct mz_plan_input input;
	struct mz_plan plan;
};

/* The zone example.org with the domain example.org: active, every family planned. */
void world_init(struct world *w);
void world_clear(struct world *w);
/* One more domain, the same way; its index. */
uint16_t world_domain(struct world *w, const char *name);

/* Lines have no class; the default TTL is 300. */
void want(struct world *w, uint16_t domain, enum mz_family family, enum mz_claim claim,
	  const char *line);
void had(struct world *w, uint16_t domain, enum mz_family family, const char *line);
void stands(struct world *w, const char *line);
void cut(struct world *w, const char *line);

/* Makes the plan; what an earlier one was is cleared. */
void world_plan(struct world *w);
/* The plan as text: for each unit in order its deletions and additions,
 * "-|+ OWNER TTL TYPE RDATA | FAMILY DOMAIN", then refusals, "! OWNER TYPE REASON". */
void plan_text(const struct mz_plan *plan, struct mz_str *out);
/* The same of what `plan` leaves in the ledger, sorted: "OWNER TTL TYPE RDATA | FAMILY DOMAIN". */
void ledger_text(const struct mz_rrlist *ledger, struct mz_str *out);
/* Makes the plan and compares it. */
void assert_plan(struct world *w, const char *expected);
void assert_ledger(const struct world *w, const char *expected);

#endif
