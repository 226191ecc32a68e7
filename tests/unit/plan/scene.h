/* SPDX-License-Identifier: BSD-2-Clause */
/* Random zones, random wishes and a random ledger: what a plan is made of. */
#ifndef TESTS_UNIT_PLAN_SCENE_H
#define TESTS_UNIT_PLAN_SCENE_H

#include "tests/unit/plan/world.h"

/* One random zone: lists of copies of these. */
struct scene {
	struct mz_rrlist pool; /* owners x values, in that order */
	struct world w;
};

/* Before the first scene, and after the last. */
void scene_open(struct scene *s);
void scene_close(struct scene *s);

/* The scene of this round: the same number makes the same scene. */
void scene_make(struct scene *s, unsigned long round);
void scene_clear(struct scene *s);

/* More of the same random numbers: below n; true in so many of a hundred. */
unsigned scene_below(unsigned n);
bool scene_chance(unsigned percent);

/* Do two RRs belong to one RRset; have they the same data; the same octets of data? */
bool rr_same_set(const struct mz_rr *a, const struct mz_rr *b);
bool rr_same(const struct mz_rr *a, const struct mz_rr *b);
bool rr_octets(const struct mz_rr *a, const struct mz_rr *b);
bool rr_is_spf(const struct mz_rr *rr);

/* Is this RR in the list, by_domain: as this domain's? */
bool list_holds(const struct mz_rrlist *list, const struct mz_rr *rr, bool by_domain);
void list_add(struct mz_rrlist *list, const struct mz_rr *rr);

#endif
