/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold whatever is desired, stands there, and is in the ledger: random zones are planned, the
 * messages are taken by a model of each server, and what stands then is judged by rules written apart
 * from the planner. A failure names its round: MZ_ROUND=N runs that one alone. */
#include "tests/unit/plan/model.h"
#include "tests/unit/plan/rules.h"
#include "tests/unit/plan/scene.h"

#include "mailzone/update.h"

#include <limits.h>
#include <stdlib.h>

enum { ROUNDS = 3000 };

static unsigned long current; /* the round, or DONE */
#define DONE ULONG_MAX

static void apply(const struct world *w, struct model *m)
{
	static uint8_t wire[MZ_MSG_MAX];
	size_t len = 0;

	for (size_t from = 0, to = 0; from < w->plan.unit_count; from = to) {
		/* Groups one by one, or as many as go into a message. */
		to = mz_update_pack(&w->plan, from);
		if (scene_chance(50)) {
			for (to = from; to < w->plan.unit_count &&
					w->plan.units[to].group == w->plan.units[from].group;)
				to++;
		}
		assert_int_equal(mz_update_build(&w->plan, &w->live, w->origin.wire, from, to, 0,
						 wire, &len),
				 MZ_OK);
		assert_int_equal(model_update(m, wire, len), MZ_RCODE_NOERROR);
	}
	assert_int_equal(m->ignored, 0);
}

/* The plan of what the plan leaves: nothing, and the same refusals. */
static void check_again(struct world *w, const struct mz_rrlist *after)
{
	struct mz_live live = w->live;
	struct mz_rrlist ledger = {0};
	struct mz_plan_input in = w->input;
	struct mz_plan again = {0};

	for (size_t i = 0; i < w->plan.ledger.count; i++)
		list_add(&ledger, &w->plan.ledger.rr[i]);
	mz_rrlist_sort(&ledger, false);
	live.rrs = *after;
	in.live = &live;
	in.ledger = &ledger;
	assert_int_equal(mz_plan_make(&in, &again), MZ_OK);
	assert_int_equal(again.unit_count, 0);
	assert_int_equal(again.refusal_count, w->plan.refusal_count);
	for (size_t i = 0; i < again.refusal_count; i++)
		assert_true(
			rules_refused(&w->plan, &(struct mz_rr){.owner = again.refusals[i].owner,
								.type = again.refusals[i].type}));
	for (size_t i = 0; i < again.ledger.count; i++)
		assert_true(list_holds(&ledger, &again.ledger.rr[i], true));
	assert_int_equal(again.ledger.count, ledger.count);
	mz_plan_clear(&again);
	mz_rrlist_clear(&ledger);
}

static void shuffle(struct mz_rrlist *list)
{
	struct mz_rrlist mixed = {0};

	for (size_t left = list->count; left > 0; left--) {
		size_t i = scene_below((unsigned)left);

		list_add(&mixed, &list->rr[i]);
		list->rr[i] = list->rr[left - 1];
	}
	mz_rrlist_clear(list);
	*list = mixed;
}

/* Where several domains want one RR, the caller has the first domain first. */
static void order_ties(struct mz_rrlist *list)
{
	for (size_t i = 1; i < list->count; i++) {
		for (size_t k = i; k > 0 && mz_rr_compare(&list->rr[k - 1], &list->rr[k]) == 0 &&
				   list->rr[k - 1].domain > list->rr[k].domain;
		     k--) {
			struct mz_rr swap = list->rr[k];

			list->rr[k] = list->rr[k - 1];
			list->rr[k - 1] = swap;
		}
	}
}

static void render(struct world *w, struct mz_str *text)
{
	mz_rrlist_sort(&w->desired, false);
	mz_rrlist_sort(&w->ledger, false);
	order_ties(&w->desired);
	order_ties(&w->ledger);
	world_plan(w);
	plan_text(&w->plan, text);
	ledger_text(&w->plan.ledger, text);
	mz_str_addf(text, "%u foreign", w->plan.foreign);
	assert_false(text->failed);
}

static void check_round(struct scene *s)
{
	struct world *w = &s->w;
	struct mz_str first = {0}, second = {0};

	render(w, &first);
	rules_counts(w);
	rules_order(&w->plan);
	rules_deletions(w);
	for (enum model_kind kind = MODEL_BIND; kind < MODEL_KINDS; kind++) {
		static struct model m;
		struct mz_rrlist after = {0};

		model_init(&m, kind, w->origin.wire, &w->live.rrs);
		apply(w, &m);
		model_list(&m, &after);
		rules_foreign(w, &after);
		rules_desired(w, &after);
		rules_ledger(w, &after);
		rules_dns(w, &after);
		check_again(w, &after);
		mz_rrlist_clear(&after);
		model_clear(&m);
	}
	shuffle(&w->desired);
	shuffle(&w->ledger);
	shuffle(&w->live.rrs);
	render(w, &second);
	assert_string_equal(first.s, second.s);
	mz_str_clear(&first);
	mz_str_clear(&second);
}

static void test_rounds(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	const char *one = getenv("MZ_ROUND"), *many = getenv("MZ_ROUNDS");
	unsigned long from = one == NULL ? 0 : strtoul(one, NULL, 10);
	unsigned long to = one != NULL ? from + 1 : many != NULL ? strtoul(many, NULL, 10) : ROUNDS;
	unsigned long changes = 0, refusals = 0;

	(void)state;
	assert_non_null(s);
	scene_open(s);
	for (unsigned long round = from; round < to; round++) {
		scene_make(s, round);
		current = round;
		check_round(s);
		changes += s->w.plan.change_count;
		refusals += s->w.plan.refusal_count;
		scene_clear(s);
	}
	/* A generator that makes nothing of interest would prove nothing. */
	assert_true(one != NULL || (changes > 2 * (to - from) && refusals > (to - from) / 4));
	current = DONE;
	scene_close(s);
	free(s);
}

static int name_round(void **state)
{
	(void)state;
	if (current != DONE)
		print_error("it was MZ_ROUND=%lu\n", current);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_rounds, name_round),
	};

	return cmocka_run_group_tests_name("property", tests, NULL, NULL);
}
