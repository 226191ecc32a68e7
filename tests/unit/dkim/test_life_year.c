/* SPDX-License-Identifier: BSD-2-Clause */
/* Years in the life of DKIM keys, at random: secondaries that lag and stop, a daemon that restarts and
 * loses steps, hooks and key making that fail, rotations and revocations. What must hold is checked
 * after every event. */
#include "mailzone/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T0 1793491200
#define DAY 86400
#define YEAR (365 * (int64_t)DAY)

enum { DOMAINS = 3, LIVES = DOMAINS * 2, SERVERS = 3, KEYS = 64, NEGATIVE = 3600 };
enum { ROTATE = 30 * DAY, RETIRE = 7 * DAY, DELETE = 20 * DAY };

/* What a server says at a selector. */
enum said { NOTHING, THE_KEY, REVOKED };

/* The keys of one domain and algorithm. */
struct life {
	struct mz_life_key key[KEYS];
	struct mz_store_dkim_seen seen[KEYS][SERVERS];
	bool file[KEYS];
	int64_t signed_last[KEYS];  /* 0: never */
	int64_t denied_until[KEYS]; /* some cache says that there is nothing */
	enum said said[SERVERS][KEYS];
	unsigned in_a_row[KEYS][SERVERS]; /* looks that found the record */
	int64_t looked[KEYS];
	size_t count;
	size_t signs;		  /* what the signers were told; MZ_LIFE_NONE */
	bool had_active, excused; /* excused: the operator revoked the active one */
	int64_t next, publish;	  /* due; publish 0: nothing is filed */
	unsigned switches, hands, revocations;
};

struct world {
	uint64_t random;
	int64_t now;
	struct life life[LIVES];
	bool up[SERVERS];
	int64_t stopped_until[SERVERS], transfer[SERVERS]; /* transfer 0: none is due */
	int64_t daemon_until;				   /* down until then; 0: it runs */
	unsigned events;
};

static uint32_t below(struct world *w, uint32_t bound)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->random >> 33) % bound;
}

static bool chance(struct world *w, uint32_t percent)
{
	return below(w, 100) < percent;
}

/* ---- what must hold ------------------------------------------------------------------------------ */

static void check_signing(const struct world *w, const struct life *l)
{
	const struct mz_store_dkim *row = NULL;

	if (l->signs == MZ_LIFE_NONE)
		return;
	row = &l->key[l->signs].row;
	assert_true(l->file[l->signs]);
	assert_true(row->stage == MZ_DKIM_ACTIVE ||
		    (row->stage == MZ_DKIM_PENDING && row->handed != 0));
	assert_true(l->denied_until[l->signs] <= w->now);
	for (size_t s = 0; s < SERVERS; s++) {
		if (w->up[s])
			assert_int_equal(l->said[s][l->signs], THE_KEY);
	}
}

static void check_key(const struct world *w, const struct life *l, size_t k)
{
	const struct mz_store_dkim *row = &l->key[k].row;

	/* old mail verifies, wherever one asks */
	if (l->signed_last[k] != 0 && w->now < l->signed_last[k] + RETIRE &&
	    row->stage != MZ_DKIM_REVOKED && row->stage != MZ_DKIM_DELETED) {
		for (size_t s = 0; s < SERVERS; s++) {
			if (w->up[s])
				assert_int_equal(l->said[s][k], THE_KEY);
		}
	}
	/* a file is there until its key is deleted, and then it is gone */
	if (row->stage == MZ_DKIM_DELETED)
		assert_false(l->file[k]);
	else if (row->stage != MZ_DKIM_RETIRED && row->stage != MZ_DKIM_REVOKED)
		assert_true(l->file[k]);
	/* not much later than it should be: the daemon is down for two days at most */
	if ((row->stage == MZ_DKIM_RETIRED || row->stage == MZ_DKIM_REVOKED) &&
	    w->now > row->since + DELETE + 4 * DAY)
		assert_false(l->file[k]);
}

static void check(struct world *w)
{
	for (size_t i = 0; i < LIVES; i++) {
		struct life *l = &w->life[i];
		size_t active = 0, pending = 0;

		for (size_t k = 0; k < l->count; k++) {
			active += l->key[k].row.stage == MZ_DKIM_ACTIVE;
			pending += l->key[k].row.stage == MZ_DKIM_PENDING;
			check_key(w, l, k);
		}
		assert_true(active <= 1 && pending <= 1);
		assert_true(active == 1 || !l->had_active || l->excused);
		check_signing(w, l);
	}
	w->events++;
}

/* ---- the servers ------------------------------------------------------------------------------------ */

static enum said should_say(enum mz_dkim_stage stage)
{
	if (stage == MZ_DKIM_REVOKED)
		return REVOKED;
	return stage == MZ_DKIM_RETIRED || stage == MZ_DKIM_DELETED ? NOTHING : THE_KEY;
}

/* The records of one life reach the primary; secondaries follow later. */
static void publish(struct world *w, struct life *l)
{
	for (size_t k = 0; k < l->count; k++)
		l->said[0][k] = should_say(l->key[k].row.stage);
	for (size_t s = 1; s < SERVERS; s++) {
		if (w->transfer[s] == 0)
			w->transfer[s] =
				w->now + 1 + (chance(w, 10) ? below(w, 6 * 3600) : below(w, 60));
	}
}

static void run_servers(struct world *w)
{
	for (size_t s = 1; s < SERVERS; s++) {
		if (!w->up[s] && w->now >= w->stopped_until[s])
			w->up[s] = true; /* with what it served before */
		if (w->up[s] && below(w, 20000) == 0) {
			w->up[s] = false;
			w->stopped_until[s] = w->now + below(w, 3 * DAY);
		}
		if (!w->up[s] || w->transfer[s] == 0 || w->now < w->transfer[s])
			continue;
		for (size_t i = 0; i < LIVES; i++)
			memcpy(w->life[i].said[s], w->life[i].said[0], sizeof(w->life[i].said[s]));
		w->transfer[s] = 0;
	}
}

/* Somebody asks for a selector, and a cache keeps it where there is nothing. */
static void ask(struct world *w)
{
	struct life *l = &w->life[below(w, LIVES)];
	size_t s = below(w, SERVERS), k = l->count == 0 ? 0 : l->count - 1;

	if (l->count > 0 && w->up[s] && l->said[s][k] == NOTHING)
		l->denied_until[k] = w->now + NEGATIVE;
}

/* ---- the daemon --------------------------------------------------------------------------------------- */

static struct mz_life_input input(const struct world *w, const struct life *l, bool looked)
{
	return (struct mz_life_input){.now = w->now,
				      .wanted = true,
				      .looked = looked,
				      .keys = l->key,
				      .key_count = l->count,
				      .server_count = SERVERS,
				      .rotate_after = ROTATE,
				      .retire_after = RETIRE,
				      .delete_after = DELETE,
				      .look_every = 15};
}

static void look(struct world *w, struct life *l)
{
	for (size_t k = 0; k < l->count; k++) {
		if (should_say(l->key[k].row.stage) == NOTHING)
			continue;
		l->looked[k] = w->now;
		for (size_t s = 0; s < SERVERS; s++) {
			bool same = l->said[s][k] == should_say(l->key[k].row.stage);

			struct mz_life_sight sight = {.found = !w->up[s] || chance(w, 2)
								       ? MZ_SIGHT_SILENT
							       : same ? MZ_SIGHT_SERVED
								      : MZ_SIGHT_OTHER,
						      .cached = NEGATIVE};

			mz_life_see(&l->seen[k][s], &l->key[k].mend, &sight, w->now);
			l->in_a_row[k][s] =
				sight.found == MZ_SIGHT_SERVED ? l->in_a_row[k][s] + 1 : 0;
		}
	}
}

static void set_stage(struct world *w, struct life *l, size_t k, enum mz_dkim_stage stage)
{
	l->key[k].row.stage = stage;
	l->key[k].row.since = w->now;
	l->key[k].confirmed = false;
	l->key[k].row.rotate = MZ_ROTATE_BY_AGE;
	l->publish = w->now + below(w, 30);
}

static void make(struct world *w, struct life *l)
{
	static const char *const servers[SERVERS] = {"a:53", "b:53", "c:53"};
	size_t k = l->count;

	assert_true(k < KEYS);
	/* the second domain cannot make its second kind of key for half a year */
	if (l == &w->life[3] && w->now < T0 + YEAR / 2)
		return;
	l->key[k] = (struct mz_life_key){.row = {.created = w->now}, .seen = l->seen[k]};
	for (size_t s = 0; s < SERVERS; s++)
		l->seen[k][s] = (struct mz_store_dkim_seen){.server = servers[s]};
	l->file[k] = true;
	l->count++;
	set_stage(w, l, k, MZ_DKIM_PENDING);
}

/* True: decide again. */
static bool carry_out(struct world *w, struct life *l, const struct mz_life_step *step)
{
	struct mz_life_key *key = step->key == MZ_LIFE_NONE ? NULL : &l->key[step->key];

	switch (step->act) {
	case MZ_LIFE_MAKE:
		make(w, l);
		break;
	case MZ_LIFE_PUBLISH:
		l->publish = w->now;
		break;
	case MZ_LIFE_HAND:
		for (size_t s = 0; s < SERVERS && key->row.handed == 0; s++)
			assert_true(l->in_a_row[step->key][s] >= 2);
		assert_true(key->row.handed != 0 || l->looked[step->key] == w->now);
		key->row.handed = w->now;
		l->signs = step->key;
		l->hands++;
		check(w);
		key->confirmed = chance(w, 70);
		return key->confirmed;
	case MZ_LIFE_SWITCH:
		set_stage(w, l, step->key, MZ_DKIM_ACTIVE);
		if (step->old != MZ_LIFE_NONE) {
			set_stage(w, l, step->old, MZ_DKIM_RETIRING);
			l->key[step->old].row.handed = 0;
		}
		l->had_active = true;
		l->excused = false;
		l->switches++;
		break;
	case MZ_LIFE_TELL:
		assert_true(l->signs != step->key);
		key->confirmed = chance(w, 70);
		return key->confirmed;
	case MZ_LIFE_TOLD:
		key->row.handed = 0;
		break;
	case MZ_LIFE_RETIRE:
		fail();
		break;
	case MZ_LIFE_REMOVE:
		set_stage(w, l, step->key, MZ_DKIM_RETIRED);
		break;
	case MZ_LIFE_DELETE:
		l->file[step->key] = false;
		if (chance(w, 80)) /* else it ends between the two */
			set_stage(w, l, step->key, MZ_DKIM_DELETED);
		break;
	}
	return false;
}

static void run_life(struct world *w, struct life *l)
{
	struct mz_life_input in = input(w, l, false);
	struct mz_life life = mz_life_decide(&in);

	if (life.look) {
		look(w, l);
		in.looked = true;
		life = mz_life_decide(&in);
		assert_false(life.look);
	}
	assert_true(life.next == 0 || life.next > w->now || life.count == MZ_LIFE_STEPS);
	l->next = life.next != 0 ? life.next : INT64_MAX;
	for (size_t i = 0; i < life.count; i++) {
		l->next = w->now + 1 + below(w, 120); /* after a step, or its retry */
		if (chance(w, 15))
			return; /* a crash */
		while (carry_out(w, l, &life.step[i])) {
			in = input(w, l, false);
			life = mz_life_decide(&in);
			i = 0;
			if (life.count == 0)
				return;
		}
		check(w);
	}
}

static void restart(struct world *w)
{
	w->daemon_until = 0;
	for (size_t i = 0; i < LIVES; i++) {
		w->life[i].next = w->now;
		w->life[i].publish = w->now;
		for (size_t k = 0; k < w->life[i].count; k++)
			w->life[i].key[k].confirmed = false;
	}
}

static void run_daemon(struct world *w)
{
	if (w->daemon_until != 0 && w->now >= w->daemon_until)
		restart(w);
	if (w->daemon_until == 0 && below(w, 3000) == 0)
		w->daemon_until = w->now + (chance(w, 10) ? below(w, 2 * DAY) : below(w, 60));
	if (w->daemon_until != 0)
		return;
	for (size_t i = 0; i < LIVES; i++) {
		struct life *l = &w->life[i];

		if (w->now >= l->next)
			run_life(w, l);
		if (w->now >= l->publish && chance(w, 80))
			publish(w, l);
		if (w->now >= l->publish)
			l->publish = w->now + 3600; /* the timer; also after one that was lost */
	}
}

/* ---- people ------------------------------------------------------------------------------------------ */

static void rotate_or_revoke(struct world *w)
{
	struct life *l = &w->life[below(w, LIVES)];
	size_t k = l->count == 0 ? 0 : below(w, (uint32_t)l->count);
	enum mz_dkim_stage stage = l->key[k].row.stage;

	if (l->count == 0 || l->count > KEYS - 8 || w->daemon_until != 0)
		return;
	if (stage == MZ_DKIM_ACTIVE && chance(w, 50)) {
		l->key[k].row.rotate = chance(w, 50) ? MZ_ROTATE_ASKED : MZ_ROTATE_HURRIED;
	} else if (stage < MZ_DKIM_RETIRED) {
		l->excused |= stage == MZ_DKIM_ACTIVE;
		l->revocations++;
		set_stage(w, l, k, MZ_DKIM_REVOKED);
		if (l->signs == k) { /* back to the one before it, where there still is one */
			l->signs = MZ_LIFE_NONE;
			for (size_t o = 0; o < l->count; o++) {
				if (l->key[o].row.stage == MZ_DKIM_ACTIVE)
					l->signs = o;
			}
		}
	}
	l->next = w->now;
}

static void one_year(uint64_t seed)
{
	static struct world w;

	w = (struct world){.random = seed, .now = T0, .up = {true, true, true}};
	for (size_t i = 0; i < LIVES; i++)
		w.life[i].signs = MZ_LIFE_NONE;
	for (; w.now < T0 + YEAR; w.now += 1 + below(&w, chance(&w, 50) ? 20 : 900)) {
		run_servers(&w);
		run_daemon(&w);
		ask(&w);
		if (below(&w, 10000) == 0)
			rotate_or_revoke(&w);
		for (size_t i = 0; i < LIVES; i++) {
			if (w.life[i].signs != MZ_LIFE_NONE)
				w.life[i].signed_last[w.life[i].signs] = w.now;
		}
		check(&w);
	}
	for (size_t i = 0; i < LIVES; i++) {
		assert_true(w.life[i].switches >= (i == 3 ? 4 : 8));
		assert_true(w.life[i].hands >= w.life[i].switches);
	}
	assert_true(w.events > 100000);
}

static void years(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		print_message("seed %u\n", (unsigned)seed);
		one_year(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(years)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
