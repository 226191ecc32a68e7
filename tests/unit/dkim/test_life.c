/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of DKIM keys: each rule by itself. The year at random is in test_life_year.c. */
#include "mailzone/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T0 1793491200 /* 2026-11-01T00:00:00Z */
#define DAY 86400

enum { SERVERS = 2, KEYS = 20 };

/* One domain and algorithm. */
struct scene {
	struct mz_store_dkim_seen seen[KEYS][SERVERS];
	struct mz_life_key keys[KEYS];
	struct mz_life_input in;
};

static void begin(struct scene *s)
{
	*s = (struct scene){.in = {.now = T0,
				   .wanted = true,
				   .keys = s->keys,
				   .server_count = SERVERS,
				   .rotate_after = 90 * DAY,
				   .retire_after = 7 * DAY,
				   .delete_after = 30 * DAY,
				   .look_every = 15}};
}

static struct mz_life_key *add(struct scene *s, enum mz_dkim_stage stage, int64_t since)
{
	static const char *const servers[SERVERS] = {"192.0.2.1:53", "192.0.2.2:53"};
	struct mz_life_key *key = &s->keys[s->in.key_count];

	for (size_t i = 0; i < SERVERS; i++)
		s->seen[s->in.key_count][i].server = servers[i];
	*key = (struct mz_life_key){.row = {.stage = stage, .created = since, .since = since},
				    .seen = s->seen[s->in.key_count]};
	s->in.key_count++;
	return key;
}

/* A look at one server for the last key. */
static void look_at(struct scene *s, size_t server, struct mz_life_sight sight)
{
	size_t key = s->in.key_count - 1;

	mz_life_see(&s->seen[key][server], &s->keys[key].mend, &sight, s->in.now);
	s->in.looked = true;
}

/* At both. */
static void look(struct scene *s, enum mz_life_found primary, enum mz_life_found secondary,
		 uint32_t cached)
{
	look_at(s, 0, (struct mz_life_sight){.found = primary, .cached = cached});
	look_at(s, 1, (struct mz_life_sight){.found = secondary, .cached = cached});
}

/* The decision as text: "hand 0; switch 1 0; look; next 15" (seconds from now). */
static void expect(struct scene *s, const char *want)
{
	static const char *const acts[] = {
		[MZ_LIFE_SWITCH] = "switch", [MZ_LIFE_HAND] = "hand",
		[MZ_LIFE_TELL] = "tell",     [MZ_LIFE_TOLD] = "told",
		[MZ_LIFE_MAKE] = "make",     [MZ_LIFE_PUBLISH] = "publish",
		[MZ_LIFE_RETIRE] = "retire", [MZ_LIFE_REMOVE] = "remove",
		[MZ_LIFE_DELETE] = "delete",
	};
	struct mz_life life = mz_life_decide(&s->in);
	struct mz_str text = {0};

	mz_str_add(&text, "");
	for (size_t i = 0; i < life.count; i++) {
		mz_str_add(&text, acts[life.step[i].act]);
		if (life.step[i].key != MZ_LIFE_NONE)
			mz_str_addf(&text, " %zu", life.step[i].key);
		if (life.step[i].old != MZ_LIFE_NONE)
			mz_str_addf(&text, " %zu", life.step[i].old);
		mz_str_add(&text, "; ");
	}
	if (life.look)
		mz_str_add(&text, "look; ");
	if (life.next != 0)
		mz_str_addf(&text, "next %lld; ", (long long)(life.next - s->in.now));
	assert_string_equal(text.s, want);
	mz_str_clear(&text);
	s->in.looked = false;
}

static void expect_outlook(struct scene *s, size_t key, int64_t next, const char *want)
{
	struct mz_str waiting = {0};

	mz_str_add(&waiting, "");
	assert_int_equal(mz_life_outlook(&s->in, key, &waiting), next);
	assert_string_equal(waiting.s, want);
	mz_str_clear(&waiting);
}

static void first_key(void **state)
{
	struct scene s;
	struct mz_life_key *key = NULL;

	(void)state;
	begin(&s);
	expect(&s, "make; ");
	key = add(&s, MZ_DKIM_PENDING, T0);
	expect(&s, "look; ");
	expect_outlook(&s, 0, 0,
		       "two looks in a row that find its record at 192.0.2.1:53, 192.0.2.2:53");
	look(&s, MZ_SIGHT_OTHER, MZ_SIGHT_OTHER, 300);
	expect(&s, "publish 0; next 15; ");
	s.in.now += 15;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_OTHER, 300);
	expect(&s, "next 15; ");
	s.in.now += 14;
	expect(&s, "next 1; ");
	s.in.now += 1;
	expect(&s, "look; ");
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "next 15; ");
	expect_outlook(&s, 0, 0, "two looks in a row that find its record at 192.0.2.2:53");
	s.in.now += 15;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	/* served everywhere, twice: what caches say runs out */
	expect(&s, "next 300; ");
	expect_outlook(&s, 0, s.in.now + 300, "what caches keep from before to run out");
	s.in.now += 300;
	expect(&s, "look; ");
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "hand 0; ");
	key->row.handed = s.in.now;
	expect(&s, "hand 0; ");
	expect_outlook(&s, 0, 0, "the signers to take it over");
	key->confirmed = true;
	expect(&s, "switch 0; ");
	key->row.stage = MZ_DKIM_ACTIVE;
	key->row.since = s.in.now;
	expect(&s, "next 7776000; ");
	expect_outlook(&s, 0, s.in.now + 90 * DAY, "");
}

/* Between two looks the record was gone, or another one, and put right: caches may have what no look saw. */
static void mended(void **state)
{
	struct scene s;
	struct mz_life_key *key = NULL;

	(void)state;
	begin(&s);
	key = add(&s, MZ_DKIM_PENDING, T0);
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	s.in.now += 15;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "next 300; ");
	s.in.now += 290;
	key->mend = (struct mz_life_mend){.any = true, .open = true, .at = s.in.now, .cached = 600};
	s.in.looked = false;
	expect(&s, "look; ");
	expect_outlook(&s, 0, 0,
		       "two looks in a row that find its record as it was put right at "
		       "192.0.2.1:53, 192.0.2.2:53");
	/* what is not over does not count */
	for (int i = 0; i < 2; i++) {
		s.in.now += 30;
		look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	}
	key->mend.open = false;
	s.in.now += 37;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "next 40; ");
	s.in.now += 40;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "next 600; ");
	s.in.now += 600;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "hand 0; ");
}

/* A server that lags has the record as it was before somebody changed it, and what was changed to come. */
static void mended_and_behind(void **state)
{
	const uint32_t mended = 5; /* serials go round */
	struct mz_life_sight ahead = {MZ_SIGHT_SERVED, 300, mended + 1, 7 * DAY};
	struct mz_life_sight same = {MZ_SIGHT_SERVED, 300, mended, 7 * DAY};
	struct mz_life_sight behind = {MZ_SIGHT_SERVED, 300, UINT32_MAX, 7 * DAY};
	struct scene s;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_PENDING, T0)->mend =
		(struct mz_life_mend){.any = true, .at = T0, .serial = mended};
	for (int i = 0; i < 10; i++) {
		s.in.now += 60;
		look_at(&s, 0, ahead);
		look_at(&s, 1, behind);
		assert_int_equal(s.seen[0][0].hits, i == 0 ? 1 : 2);
		assert_int_equal(s.seen[0][1].hits, 0);
		assert_int_equal(s.seen[0][1].since, s.in.now);
	}
	expect_outlook(&s, 0, 0,
		       "two looks in a row that find its record as it was put right at "
		       "192.0.2.2:53");
	for (int i = 0; i < 2; i++) {
		s.in.now += 60;
		look_at(&s, 0, ahead);
		look_at(&s, 1, same);
	}
	expect(&s, "next 300; ");
	/* it goes back to an old copy */
	s.in.now += 300;
	look_at(&s, 0, ahead);
	look_at(&s, 1, behind);
	assert_int_equal(s.seen[0][1].hits, 0);
	/* nobody may answer for so long without a transfer: it has serials of its own */
	s.in.now = T0 + 7 * DAY;
	look_at(&s, 1, behind);
	assert_int_equal(s.seen[0][1].hits, 0);
	s.in.now++;
	look_at(&s, 1, behind);
	assert_int_equal(s.seen[0][1].hits, 1);
}

/* A server that is silent, or whose record is gone again, begins anew. */
static void row_is_broken(void **state)
{
	static const enum mz_life_found breaks[] = {MZ_SIGHT_SILENT, MZ_SIGHT_OTHER};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scene s;

		begin(&s);
		add(&s, MZ_DKIM_PENDING, T0);
		look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 60);
		s.in.now += 15;
		look(&s, MZ_SIGHT_SERVED, breaks[i], 60);
		s.in.now += 15;
		look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 60);
		expect(&s, "next 15; ");
		s.in.now += 15;
		look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 60);
		expect(&s, "next 60; ");
		/* also in the last look */
		s.in.now += 60;
		look(&s, MZ_SIGHT_SERVED, breaks[i], 60);
		expect(&s, "next 15; ");
	}
}

/* Nobody looked for long: what was served meanwhile? */
static void not_looked(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_PENDING, T0);
	for (int i = 0; i < 2; i++) {
		look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
		s.in.now += 300;
	}
	s.in.now += 1800;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "hand 0; ");
	s.in.now += 2101;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	expect(&s, "next 60; ");
}

/* What stood there before the record is remembered for its own TTL. */
static void other_record(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_PENDING, T0);
	look(&s, MZ_SIGHT_OTHER, MZ_SIGHT_OTHER, DAY);
	for (int i = 0; i < 2; i++) {
		s.in.now += 15;
		look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
	}
	expect(&s, "next 86400; ");
}

static void successor(void **state)
{
	struct scene s;
	struct mz_life_key *key = NULL;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_ACTIVE, T0);
	s.in.now += 90 * DAY - 1;
	expect(&s, "next 1; ");
	s.in.now += 1;
	expect(&s, "make; ");
	expect_outlook(&s, 0, 0, "its successor");
	key = add(&s, MZ_DKIM_PENDING, s.in.now);
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 0);
	expect(&s, "next 30; "); /* no hurry: somebody signs */
	s.in.now += 30;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 0);
	expect(&s, "hand 1; ");
	key->row.handed = s.in.now;
	key->confirmed = true;
	expect(&s, "switch 1 0; ");
	s.keys[0].row.stage = MZ_DKIM_RETIRING;
	s.keys[0].row.since = s.in.now;
	s.keys[1].row.stage = MZ_DKIM_ACTIVE;
	s.keys[1].row.since = s.in.now;
	expect(&s, "next 604800; ");
	expect_outlook(&s, 0, s.in.now + 7 * DAY, "");
	s.in.now += 7 * DAY;
	expect(&s, "remove 0; next 7171200; ");
	s.keys[0].row.stage = MZ_DKIM_RETIRED;
	s.keys[0].row.since = s.in.now;
	expect(&s, "next 2592000; ");
	s.in.now += 30 * DAY;
	expect(&s, "delete 0; next 4579200; ");
	s.keys[0].row.stage = MZ_DKIM_DELETED;
	expect(&s, "next 4579200; ");
	expect_outlook(&s, 0, 0, "");
}

static void asked_for(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_ACTIVE, T0)->row.rotate = MZ_ROTATE_ASKED;
	expect(&s, "make; ");
	add(&s, MZ_DKIM_PENDING, T0);
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 0);
	expect(&s, "next 30; ");
	s.keys[0].row.rotate = MZ_ROTATE_HURRIED;
	s.in.now += 15;
	expect(&s, "look; ");
	/* a key that nothing is to follow yet stands by */
	s.keys[0].row.rotate = MZ_ROTATE_BY_AGE;
	expect(&s, "next 7775985; ");
	expect_outlook(&s, 1, T0 + 90 * DAY, "the key before it");
}

static void revoked(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_REVOKED, T0);
	expect(&s, "make; next 2592000; ");
	add(&s, MZ_DKIM_PENDING, T0);
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 0);
	expect(&s, "next 15; "); /* hurried */
	expect_outlook(&s, 0, T0 + 30 * DAY, "");
	s.keys[1].row.stage = MZ_DKIM_ACTIVE;
	s.in.now += 30 * DAY;
	expect(&s, "delete 0; next 5184000; ");
}

/* Whoever still has a key to sign with must give it up before its record or its file goes. */
static void given_up(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.wanted = false;
	add(&s, MZ_DKIM_RETIRING, T0)->row.handed = T0;
	add(&s, MZ_DKIM_REVOKED, T0)->row.handed = T0;
	add(&s, MZ_DKIM_RETIRED, T0)->row.handed = T0;
	s.in.now += 90 * DAY;
	expect(&s, "tell 0; ");
	expect_outlook(&s, 0, 0, "the signers to give it up");
	s.keys[0].confirmed = true;
	expect(&s, "told 0; tell 1; ");
	s.keys[0].row.handed = 0;
	s.keys[0].row.since = s.in.now;
	s.keys[1].row.handed = s.keys[2].row.handed = 0;
	expect(&s, "delete 1; delete 2; next 604800; ");
}

/* A successor is made and looked for meanwhile; once it may sign, it comes first: signers are told one thing
 * at a time. */
static void given_up_first(void **state)
{
	struct scene s;
	struct mz_life_key *pending = NULL;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_REVOKED, T0)->row.handed = T0;
	expect(&s, "make; tell 0; ");
	pending = add(&s, MZ_DKIM_PENDING, T0);
	expect(&s, "tell 0; look; ");
	pending->row.handed = T0;
	expect(&s, "hand 1; ");
	s.keys[0].confirmed = true;
	expect(&s, "hand 1; told 0; ");
}

/* The clock was wrong while servers were asked: they are asked again, not once it is that late again. */
static void looked_in_future(void **state)
{
	struct scene s;

	(void)state;
	for (int served = 0; served < 2; served++) {
		begin(&s);
		add(&s, MZ_DKIM_PENDING, T0);
		for (int i = 0; i < 2; i++) {
			s.in.now += 15;
			look(&s, MZ_SIGHT_SERVED, served ? MZ_SIGHT_SERVED : MZ_SIGHT_SILENT, 300);
		}
		s.in.now -= 365 * DAY;
		s.in.looked = false;
		expect(&s, "look; ");
		look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 300);
		expect(&s, "next 15; "); /* what was seen before counts for nothing */
	}
}

static void not_wanted(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.wanted = false;
	expect(&s, "");
	add(&s, MZ_DKIM_ACTIVE, T0);
	add(&s, MZ_DKIM_PENDING, T0);
	expect(&s, "retire 0; remove 1; ");
	s.keys[1].row.handed = T0; /* signers may have signed with it */
	expect(&s, "retire 0; retire 1; ");
}

/* What the primary does not serve as it should is published again, whatever the stage. */
static void repaired(void **state)
{
	static const struct {
		enum mz_dkim_stage stage;
		const char *want;
	} cases[] = {
		{MZ_DKIM_ACTIVE, "publish 0; next 7776000; "},
		{MZ_DKIM_RETIRING, "make; publish 0; next 604800; "},
		{MZ_DKIM_REVOKED, "make; publish 0; next 2592000; "},
		{MZ_DKIM_RETIRED, "make; next 2592000; "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s;

		begin(&s);
		add(&s, cases[i].stage, T0);
		look(&s, MZ_SIGHT_OTHER, MZ_SIGHT_SERVED, 0);
		expect(&s, cases[i].want);
	}
}

/* A server that lags for long is asked less often; how often depends on whether somebody signs. */
static void lagging(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_ACTIVE, T0)->row.rotate = MZ_ROTATE_ASKED;
	add(&s, MZ_DKIM_PENDING, T0);
	s.in.now += 3000;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SILENT, 0);
	expect(&s, "next 300; ");
	s.in.now += DAY;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SILENT, 0);
	expect(&s, "next 900; ");
	s.keys[0].row.rotate = MZ_ROTATE_HURRIED;
	expect(&s, "next 60; ");
}

/* A clock that goes back makes all wait, and what was seen in the future counts for nothing. */
static void clock_back(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	add(&s, MZ_DKIM_PENDING, T0);
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 0);
	s.in.now -= 50 * DAY;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 0);
	expect(&s, "next 15; ");
	s.in.now += 15;
	look(&s, MZ_SIGHT_SERVED, MZ_SIGHT_SERVED, 0);
	expect(&s, "hand 0; ");
	begin(&s);
	add(&s, MZ_DKIM_RETIRING, T0 + DAY);
	add(&s, MZ_DKIM_ACTIVE, T0 + DAY);
	expect(&s, "next 691200; ");
}

/* More than fits into one decision: the rest comes at once. */
static void many(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	for (int i = 0; i < KEYS; i++)
		add(&s, MZ_DKIM_RETIRED, T0 - 40 * DAY);
	s.keys[KEYS - 1].row.stage = MZ_DKIM_ACTIVE;
	s.keys[KEYS - 1].row.since = T0;
	assert_int_equal(mz_life_decide(&s.in).count, MZ_LIFE_STEPS);
	assert_int_equal(mz_life_decide(&s.in).next, T0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_key),	    cmocka_unit_test(row_is_broken),
		cmocka_unit_test(mended),	    cmocka_unit_test(mended_and_behind),
		cmocka_unit_test(other_record),	    cmocka_unit_test(successor),
		cmocka_unit_test(asked_for),	    cmocka_unit_test(revoked),
		cmocka_unit_test(given_up),	    cmocka_unit_test(given_up_first),
		cmocka_unit_test(looked_in_future), cmocka_unit_test(not_wanted),
		cmocka_unit_test(repaired),	    cmocka_unit_test(lagging),
		cmocka_unit_test(clock_back),	    cmocka_unit_test(many),
		cmocka_unit_test(not_looked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
