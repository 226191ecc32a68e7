/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that writes is killed at random moments: all that it reported as committed is there,
 * and nothing half. Round n writes the number n into every row of it. */
#include "tests/unit/store/scratch.h"

#include <signal.h>
#include <sys/wait.h>

enum { KILLS = 50, DOMAINS = 6 };

static const char *domain_name(unsigned i, char buf[16])
{
	snprintf(buf, 16, "d%u.org", i);
	return buf;
}

static void list_of_round(struct mz_rrlist *list, uint32_t round)
{
	mz_rrlist_clear(list);
	for (uint16_t i = 0; i < 1 + round % 9; i++) {
		scratch_rr(list, "a.org", (uint16_t)(300 + i), (uint16_t)(round * 37 % 3000),
			   (int)round, 0);
		list->rr[i].ttl = round;
	}
}

/* Writes round after round, and reports each when it is committed. */
static void write_rounds(struct mz_store *store, uint32_t round, int report)
{
	struct mz_rrlist list = {0};

	for (;; round++) {
		struct mz_store_zone zone = {.known = true, .serial = round};
		bool failed = false;

		list_of_round(&list, round);
		for (unsigned i = 0; i < DOMAINS; i++) {
			char domain[16] = "";
			struct mz_store_change c = {.time = round,
						    .server = "p",
						    .origin = "o",
						    .domain = domain_name(i, domain),
						    .added = &list};
			int64_t id = 0;

			failed |=
				mz_store_change_begin(store, &c, &id) != MZ_OK ||
				mz_store_change_end(store, id, MZ_CHANGE_APPLIED, round) != MZ_OK ||
				mz_store_ledger_put(store, "p", "o", domain, &list, 0) != MZ_OK ||
				mz_store_zone_put(store, "p", "o", domain, &zone) != MZ_OK;
		}
		if (failed || mz_store_commit(store, NULL) != MZ_OK)
			_exit(1);
		if (write(report, &round, sizeof(round)) != sizeof(round))
			_exit(2);
	}
}

/* Runs a writer from `round` on, lets it report `rounds` of them, waits for `spin` turns, kills
 * it. Returns the last round that it reported. */
static uint32_t run_and_kill(struct scratch *s, uint32_t round, uint32_t rounds, uint32_t spin)
{
	int report[2] = {-1, -1}, status = 0;
	uint32_t last = round - 1, got = 0;
	pid_t child = -1;

	assert_int_equal(pipe(report), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(report[0]);
		if (mz_store_open(&s->store, s->dir, NULL) != MZ_OK)
			_exit(3);
		/* so that checkpoints are hit, too */
		(void)sqlite3_wal_autocheckpoint(s->store->db, 30);
		write_rounds(s->store, round, report[1]);
	}
	(void)close(report[1]);
	for (uint32_t i = 0; i < rounds; i++) {
		assert_int_equal(read(report[0], &got, sizeof(got)), sizeof(got));
		last = got;
	}
	for (volatile uint32_t i = 0; i < spin; i++)
		;
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(report[0], &got, sizeof(got)) == sizeof(got))
		last = got;
	(void)close(report[0]);
	return last;
}

struct history {
	uint32_t last, count;
};

static void on_change(void *arg, const struct mz_store_change *c)
{
	struct history *h = arg;

	assert_int_equal(c->state, MZ_CHANGE_APPLIED);
	assert_int_equal(c->serial, c->time);
	assert_int_equal(c->added->count, 1 + c->serial % 9);
	if (h->count == 0)
		h->last = c->serial;
	assert_int_equal(c->serial, h->last - h->count); /* none is missing */
	h->count++;
}

/* All rows must be of one round. Returns it. */
static uint32_t check(struct scratch *s)
{
	struct mz_rrlist expected = {0}, list = {0};
	struct mz_store_zone zone = {0};
	sqlite3_stmt *stmt = NULL;
	uint32_t round = 0;

	scratch_open(s);
	assert_int_equal(sqlite3_prepare_v2(s->store->db, "PRAGMA integrity_check", -1, &stmt,
					    NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
	(void)sqlite3_finalize(stmt);
	for (unsigned i = 0; i < DOMAINS; i++) {
		struct history h = {0, 0};
		char domain[16] = "";

		(void)domain_name(i, domain);
		assert_int_equal(mz_store_zone_get(s->store, "p", "o", domain, &zone), MZ_OK);
		if (i == 0) {
			round = zone.serial;
			if (round > 0)
				list_of_round(&expected, round);
		}
		assert_int_equal(zone.serial, round);
		mz_rrlist_clear(&list);
		assert_int_equal(mz_store_ledger_get(s->store, "p", "o", domain, &list), MZ_OK);
		scratch_same(&list, &expected);
		assert_int_equal(mz_store_changes(s->store, domain, false, 0, 20, on_change, &h),
				 MZ_OK);
		assert_int_equal(h.last, round);
		assert_int_equal(h.count, round < 20 ? round : 20);
	}
	mz_rrlist_clear(&list);
	mz_rrlist_clear(&expected);
	mz_store_close(s->store);
	s->store = NULL;
	return round;
}

static void killed(void **state)
{
	struct scratch *s = *state;
	uint32_t round = 0;

	for (int i = 0; i < KILLS; i++) {
		/* some die before their first commit, or while the file is made */
		uint32_t rounds = mz_random_below(6), spin = mz_random_below(2000000);
		uint32_t last = run_and_kill(s, round + 1, rounds, spin);

		if (rounds == 0 && access(s->path, F_OK) != 0)
			continue;
		/* what was committed need not have been reported yet */
		round = check(s);
		assert_true(round == last || round == last + 1);
	}
	assert_true(round >= KILLS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {SCRATCH_TEST(killed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
