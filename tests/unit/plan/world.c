/* SPDX-License-Identifier: BSD-2-Clause */
/* A zone and its domains, written as zone-file lines. */
#include "tests/unit/plan/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(mz_name_from_text(&w->origin, "example.org", NULL, NULL), MZ_OK);
	w->live.ok = true;
	(void)world_domain(w, "example.org");
}

void world_clear(struct world *w)
{
	mz_plan_clear(&w->plan);
	mz_rrlist_clear(&w->desired);
	mz_rrlist_clear(&w->ledger);
	mz_live_clear(&w->live);
}

uint16_t world_domain(struct world *w, const char *name)
{
	size_t i = w->domain_count++;

	assert_true(i < WORLD_DOMAINS);
	assert_int_equal(mz_name_from_text(&w->names[i], name, NULL, NULL), MZ_OK);
	(void)snprintf(w->texts[i], sizeof(w->texts[i]), "%s", name);
	w->domains[i] = (struct mz_plan_domain){.text = w->texts[i],
						.name = w->names[i].wire,
						.active = true,
						.families = MZ_FAMILIES_ALL,
						.published = MZ_FAMILIES_ALL,
						.delete_limit = 50};
	return (uint16_t)i;
}

static void add(struct mz_rrlist *list, const struct world *w, const char *line,
		const struct mz_rr *tags)
{
	struct mz_cause cause = {0};

	if (mz_rr_from_text(list, line, w->origin.wire, 300, tags, &cause) != MZ_OK)
		fail_msg("%s: %s", line, cause.text);
}

void want(struct world *w, uint16_t domain, enum mz_family family, enum mz_claim claim,
	  const char *line)
{
	add(&w->desired, w, line,
	    &(struct mz_rr){.domain = domain, .family = (uint8_t)family, .claim = (uint8_t)claim});
}

void had(struct world *w, uint16_t domain, enum mz_family family, const char *line)
{
	add(&w->ledger, w, line, &(struct mz_rr){.domain = domain, .family = (uint8_t)family});
}

void stands(struct world *w, const char *line)
{
	add(&w->live.rrs, w, line, &(struct mz_rr){0});
}

void cut(struct world *w, const char *line)
{
	add(&w->live.cuts, w, line, &(struct mz_rr){0});
}

void world_plan(struct world *w)
{
	mz_rrlist_sort(&w->desired, false);
	mz_rrlist_sort(&w->ledger, false);
	mz_rrlist_sort(&w->live.rrs, true);
	mz_rrlist_sort(&w->live.cuts, true);
	mz_plan_clear(&w->plan);
	w->input = (struct mz_plan_input){.origin = w->origin.wire,
					  .domains = w->domains,
					  .domain_count = w->domain_count,
					  .desired = &w->desired,
					  .ledger = &w->ledger,
					  .live = &w->live,
					  .signing = w->signing,
					  .in_use = w->in_use,
					  .held = w->held};
	assert_int_equal(mz_plan_make(&w->input, &w->plan), MZ_OK);
}

static void rr_text(const struct mz_rr *rr, struct mz_str *out)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	mz_str_addf(out, "%s %lu %s ", mz_name_to_text(rr->owner, owner), (unsigned long)rr->ttl,
		    mz_type_name(rr->type, type));
	mz_rdata_to_text(rr->type, rr->rdata, rr->rdlen, out);
	mz_str_addf(out, " | %s %u\n", mz_family_name((enum mz_family)rr->family), rr->domain);
}

void plan_text(const struct mz_plan *plan, struct mz_str *out)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	for (size_t u = 0; u < plan->unit_count; u++) {
		for (size_t i = plan->units[u].del_from; i < plan->units[u].add_to; i++) {
			const struct mz_change *change = &plan->changes[i];

			assert_true(change->gone == plan->units[u].gone);
			if (change->gone)
				continue;
			mz_str_add(out, change->add ? "+ " : "- ");
			rr_text(&change->rr, out);
		}
	}
	for (size_t i = 0; i < plan->refusal_count; i++)
		mz_str_addf(out, "! %s %s %s\n", mz_name_to_text(plan->refusals[i].owner, owner),
			    mz_type_name(plan->refusals[i].type, type), plan->refusals[i].reason);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void ledger_text(const struct mz_rrlist *ledger, struct mz_str *out)
{
	char **lines = calloc(ledger->count + 1, sizeof(lines[0]));

	assert_non_null(lines);
	for (size_t i = 0; i < ledger->count; i++) {
		struct mz_str line = {0};

		rr_text(&ledger->rr[i], &line);
		assert_false(line.failed);
		lines[i] = line.s;
	}
	qsort(lines, ledger->count, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < ledger->count; i++) {
		struct mz_str line = {.s = lines[i]};

		mz_str_add(out, lines[i]);
		mz_str_clear(&line);
	}
	free(lines);
}

static void assert_text(struct mz_str *text, const char *expected)
{
	assert_false(text->failed);
	assert_string_equal(text->s == NULL ? "" : text->s, expected);
	mz_str_clear(text);
}

void assert_plan(struct world *w, const char *expected)
{
	struct mz_str text = {0};

	world_plan(w);
	plan_text(&w->plan, &text);
	assert_text(&text, expected);
}

void assert_ledger(const struct world *w, const char *expected)
{
	struct mz_str text = {0};

	ledger_text(&w->plan.ledger, &text);
	assert_text(&text, expected);
}
