/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of DKIM keys: what is to be done now, from what is known of keys and servers. */
#include "mailzone/dkim.h"

enum {
	HITS = 2,      /* in a row, of every server */
	SPACING = 30,  /* seconds between two looks at a server: some are many behind one address */
	SLOWEST = 900, /* between two looks while a server lags for long ... */
	SLOWEST_HURRIED = 60, /* ... also where nobody signs meanwhile */
	UNSEEN =
		1800, /* after the time for the next look: nobody knows what was served meanwhile */
};

/* Does the server serve the zone from before the record was put right? */
static bool is_behind(const struct mz_life_mend *mend, const struct mz_life_sight *sight,
		      int64_t now)
{
	return mend->open || (mz_serial_newer(mend->serial, sight->serial) &&
			      now - mend->at <= (int64_t)sight->expire);
}

/* Was the last look before the record was put right? */
static bool is_void(const struct mz_life_mend *mend, const struct mz_store_dkim_seen *seen,
		    int64_t now)
{
	return mend->any && mend->at >= seen->looked && mend->at <= now;
}

void mz_life_see(struct mz_store_dkim_seen *seen, const struct mz_life_mend *mend,
		 const struct mz_life_sight *sight, int64_t now)
{
	bool served =
		sight->found == MZ_SIGHT_SERVED && !(mend->any && is_behind(mend, sight, now));
	bool back = seen->looked > now; /* the clock: what it said before means nothing */
	bool late = now > seen->looked + seen->cached + UNSEEN;

	if (!served || back || late || is_void(mend, seen, now)) {
		seen->hits = 0;
		seen->since = now;
	}
	if (sight->cached > seen->cached)
		seen->cached = sight->cached;
	if (mend->any && mend->cached > seen->cached)
		seen->cached = mend->cached;
	if (served && seen->hits < HITS) {
		seen->hits++;
		seen->since = now;
	}
	seen->looked = now;
}

/* ---- what the keys are --------------------------------------------------------------------------- */

/* The newest key that signs; the oldest that is to follow it. */
struct places {
	size_t active, pending;
	bool due; /* the pending key is to become active as soon as it can */
	bool hurried;
};

static struct places find_places(const struct mz_life_input *in)
{
	struct places at = {.active = MZ_LIFE_NONE, .pending = MZ_LIFE_NONE};

	for (size_t i = 0; i < in->key_count; i++) {
		enum mz_dkim_stage stage = in->keys[i].row.stage;

		if (stage == MZ_DKIM_ACTIVE)
			at.active = i;
		else if (stage == MZ_DKIM_PENDING && at.pending == MZ_LIFE_NONE)
			at.pending = i;
	}
	at.due = at.hurried = at.active == MZ_LIFE_NONE;
	if (at.active != MZ_LIFE_NONE) {
		const struct mz_store_dkim *active = &in->keys[at.active].row;

		at.due = active->rotate != MZ_ROTATE_BY_AGE ||
			 active->since + in->rotate_after <= in->now;
		at.hurried = active->rotate == MZ_ROTATE_HURRIED;
	}
	return at;
}

/* Was the record seen everywhere, twice in a row? *settled: when no cache says otherwise any more. */
static bool served(const struct mz_life_input *in, const struct mz_life_key *key, int64_t *settled)
{
	*settled = 0;
	for (size_t i = 0; i < in->server_count; i++) {
		int64_t at = key->seen[i].since + key->seen[i].cached;

		if (key->seen[i].hits < HITS || is_void(&key->mend, &key->seen[i], in->now))
			return false;
		if (at > *settled)
			*settled = at;
	}
	return in->server_count > 0;
}

/* When the servers are to be asked for a pending key. */
static int64_t look_at(const struct mz_life_input *in, const struct mz_life_key *key, bool hurried)
{
	int64_t settled = 0, last = in->now, wait = (in->now - key->row.created) / 10;
	int64_t step = hurried || in->look_every > SPACING ? in->look_every : SPACING;
	int64_t slowest = hurried ? SLOWEST_HURRIED : SLOWEST;

	for (size_t i = 0; i < in->server_count; i++) {
		if (key->seen[i].looked == 0 || key->seen[i].looked > in->now)
			return in->now; /* never, or by a clock that was wrong */
		if (key->seen[i].looked < last)
			last = key->seen[i].looked;
	}
	if (served(in, key, &settled))
		return settled;
	wait = wait > slowest ? slowest : wait;
	return last + (wait > step ? wait : step);
}

/* ---- decisions -------------------------------------------------------------------------------------- */

static void add(struct mz_life *out, const struct mz_life_input *in, enum mz_life_act act,
		size_t key, size_t old)
{
	if (out->count == MZ_LIFE_STEPS)
		out->next = in->now; /* the others come with the next decision */
	else
		out->step[out->count++] = (struct mz_life_step){.act = act, .key = key, .old = old};
}

/* True when `at` has come; else it is noted. */
static bool is_due(struct mz_life *out, const struct mz_life_input *in, int64_t at)
{
	if (at <= in->now)
		return true;
	if (out->next == 0 || at < out->next)
		out->next = at;
	return false;
}

/* Signers may still have a key that nobody is to sign with. One after the other, and alone: each takes
 * its files and hook. `busy`: with something better. */
static void decide_told(struct mz_life *out, const struct mz_life_input *in, bool busy)
{
	for (size_t i = 0; i < in->key_count; i++) {
		const struct mz_life_key *key = &in->keys[i];

		if (key->row.handed == 0 || key->row.stage == MZ_DKIM_PENDING ||
		    key->row.stage == MZ_DKIM_ACTIVE)
			continue;
		if (key->confirmed) {
			add(out, in, MZ_LIFE_TOLD, i, MZ_LIFE_NONE);
		} else {
			if (!busy)
				add(out, in, MZ_LIFE_TELL, i, MZ_LIFE_NONE);
			return;
		}
	}
}

/* The pending key is to become active: what does it lack? True: signers are to take it over, or have. */
static bool advance(struct mz_life *out, const struct mz_life_input *in, const struct places *at)
{
	const struct mz_life_key *key = &in->keys[at->pending];
	int64_t settled = 0;

	if (key->row.handed != 0) {
		add(out, in, key->confirmed ? MZ_LIFE_SWITCH : MZ_LIFE_HAND, at->pending,
		    key->confirmed ? at->active : MZ_LIFE_NONE);
		return true;
	}
	if (in->looked && served(in, key, &settled) && settled <= in->now) {
		add(out, in, MZ_LIFE_HAND, at->pending, MZ_LIFE_NONE);
		return true;
	}
	if (is_due(out, in, look_at(in, key, at->hurried)))
		out->look = !in->looked;
	return false;
}

static bool decide_successor(struct mz_life *out, const struct mz_life_input *in)
{
	struct places at = find_places(in);

	if (!at.due) {
		(void)is_due(out, in, in->keys[at.active].row.since + in->rotate_after);
		return false;
	}
	if (at.pending != MZ_LIFE_NONE)
		return advance(out, in, &at);
	add(out, in, MZ_LIFE_MAKE, MZ_LIFE_NONE, MZ_LIFE_NONE);
	return false;
}

static bool is_published(enum mz_dkim_stage stage)
{
	return stage != MZ_DKIM_RETIRED && stage != MZ_DKIM_DELETED;
}

/* What time alone does to a key, and the wish for none of its kind. */
static void decide_key(struct mz_life *out, const struct mz_life_input *in, size_t i)
{
	const struct mz_store_dkim *row = &in->keys[i].row;
	bool here = in->looked && is_published(row->stage);
	bool told = row->handed == 0; /* no signer has it any more */

	if (here && in->keys[i].seen[0].looked == in->now && in->keys[i].seen[0].hits == 0)
		add(out, in, MZ_LIFE_PUBLISH, i, MZ_LIFE_NONE);
	switch (row->stage) {
	case MZ_DKIM_PENDING: /* one that never signed is asked for by nobody */
		if (!in->wanted)
			add(out, in, told ? MZ_LIFE_REMOVE : MZ_LIFE_RETIRE, i, MZ_LIFE_NONE);
		break;
	case MZ_DKIM_ACTIVE:
		if (!in->wanted)
			add(out, in, MZ_LIFE_RETIRE, i, MZ_LIFE_NONE);
		break;
	case MZ_DKIM_RETIRING:
		if (told && is_due(out, in, row->since + in->retire_after))
			add(out, in, MZ_LIFE_REMOVE, i, MZ_LIFE_NONE);
		break;
	case MZ_DKIM_RETIRED:
	case MZ_DKIM_REVOKED:
		if (told && is_due(out, in, row->since + in->delete_after))
			add(out, in, MZ_LIFE_DELETE, i, MZ_LIFE_NONE);
		break;
	case MZ_DKIM_DELETED:
		break;
	}
}

struct mz_life mz_life_decide(const struct mz_life_input *in)
{
	struct mz_life out = {0};
	/* A key to sign with comes before one to be given up: nothing may sign until then. */
	bool handing = in->wanted && decide_successor(&out, in);

	decide_told(&out, in, handing);
	for (size_t i = 0; i < in->key_count; i++)
		decide_key(&out, in, i);
	return out;
}

/* ---- for people --------------------------------------------------------------------------------------- */

static int64_t pending_outlook(const struct mz_life_input *in, size_t i, struct mz_str *waiting)
{
	const struct mz_life_key *key = &in->keys[i];
	struct places at = find_places(in);
	const char *between = " ";
	int64_t settled = 0;

	if (at.pending != i || !at.due) {
		mz_str_add(waiting, "the key before it");
		return at.due ? 0 : in->keys[at.active].row.since + in->rotate_after;
	}
	if (key->row.handed != 0) {
		mz_str_add(waiting, "the signers to take it over");
		return 0;
	}
	if (served(in, key, &settled)) {
		mz_str_add(waiting, "what caches keep from before to run out");
		return settled;
	}
	mz_str_add(waiting,
		   key->mend.any ? "two looks in a row that find its record as it was put right at"
				 : "two looks in a row that find its record at");
	for (size_t s = 0; s < in->server_count; s++) {
		if (key->seen[s].hits >= HITS && !is_void(&key->mend, &key->seen[s], in->now))
			continue;
		mz_str_addf(waiting, "%s%s", between, key->seen[s].server);
		between = ", ";
	}
	return 0;
}

int64_t mz_life_outlook(const struct mz_life_input *in, size_t key, struct mz_str *waiting)
{
	const struct mz_store_dkim *row = &in->keys[key].row;

	switch (row->stage) {
	case MZ_DKIM_PENDING:
		return pending_outlook(in, key, waiting);
	case MZ_DKIM_ACTIVE:
		if (row->rotate == MZ_ROTATE_BY_AGE && row->since + in->rotate_after > in->now)
			return row->since + in->rotate_after;
		mz_str_add(waiting, "its successor");
		return 0;
	case MZ_DKIM_RETIRING:
	case MZ_DKIM_RETIRED:
	case MZ_DKIM_REVOKED:
		if (row->handed != 0) {
			mz_str_add(waiting, "the signers to give it up");
			return 0;
		}
		return row->since +
		       (row->stage == MZ_DKIM_RETIRING ? in->retire_after : in->delete_after);
	case MZ_DKIM_DELETED:
		break;
	}
	return 0;
}
