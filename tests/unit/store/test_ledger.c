/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the ledger. */
#include "tests/unit/store/scratch.h"

static void get(struct scratch *s, const char *domain, struct mz_rrlist *out)
{
	mz_rrlist_clear(out);
	assert_int_equal(mz_store_ledger_get(s->store, "p", "o", domain, out), MZ_OK);
}

static void put_get_remove(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist all = {0}, one = {0}, out = {0}, none = {0};

	scratch_rr(&all, "a.org", MZ_TYPE_MX, 20, 'm', 1);
	scratch_rr(&all, "a.org", MZ_TYPE_TXT, 420, 't', 1);
	scratch_rr(&all, "b.org", MZ_TYPE_TXT, 5, 'u', 2);
	scratch_rr(&one, "b.org", MZ_TYPE_TXT, 5, 'u', 2);
	scratch_open(s);
	get(s, "a.org", &out);
	assert_int_equal(out.count, 0);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "a.org", &all, 1), MZ_OK);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "b.org", &all, 2), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	get(s, "b.org", &out);
	scratch_same(&out, &one);
	assert_int_equal(out.rr[0].domain, 0);
	get(s, "a.org", &out);
	assert_int_equal(out.count, 2);
	/* appended to what is there */
	assert_int_equal(mz_store_ledger_get(s->store, "p", "o", "b.org", &out), MZ_OK);
	assert_int_equal(out.count, 3);
	/* replaced, then removed by an empty subset */
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "a.org", &one, 2), MZ_OK);
	get(s, "a.org", &out);
	scratch_same(&out, &one);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "a.org", &all, 7), MZ_OK);
	get(s, "a.org", &out);
	assert_int_equal(out.count, 0);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "b.org", &none, 0), MZ_OK);
	get(s, "b.org", &out);
	assert_int_equal(out.count, 0);
	mz_rrlist_clear(&all);
	mz_rrlist_clear(&one);
	mz_rrlist_clear(&out);
}

static void let_go(void **state)
{
	struct scratch *s = *state;
	struct mz_store_zone zone = {.known = true, .serial = 7}, got = {0};
	struct mz_rrlist one = {0}, out = {0};
	const char *const names[] = {"a.org", "b.org"};
	bool any = false;

	scratch_rr(&one, "a.org", MZ_TYPE_MX, 20, 'm', 1);
	scratch_open(s);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(mz_store_ledger_put(s->store, "p", "o", names[i], &one, 1), MZ_OK);
		assert_int_equal(mz_store_zone_put(s->store, "p", "o", names[i], &zone), MZ_OK);
	}
	assert_int_equal(mz_store_ledger_put(s->store, "q", "o", "a.org", &one, 1), MZ_OK);
	assert_int_equal(mz_store_let_go(s->store, "a.org", &any), MZ_OK);
	assert_true(any);
	get(s, "a.org", &out);
	assert_int_equal(out.count, 0);
	assert_int_equal(mz_store_ledger_get(s->store, "q", "o", "a.org", &out), MZ_OK);
	assert_int_equal(out.count, 0);
	assert_int_equal(mz_store_zone_get(s->store, "p", "o", "a.org", &got), MZ_OK);
	assert_false(got.known);
	get(s, "b.org", &out);
	scratch_same(&out, &one);
	assert_int_equal(mz_store_zone_get(s->store, "p", "o", "b.org", &got), MZ_OK);
	assert_true(got.known);
	assert_int_equal(mz_store_let_go(s->store, "a.org", &any), MZ_OK);
	assert_false(any);
	mz_rrlist_clear(&one);
	mz_rrlist_clear(&out);
}

static void ordered_when_read(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist list = {0}, out = {0};

	scratch_rr(&list, "z.a.org", MZ_TYPE_TXT, 4, 'z', 0);
	scratch_rr(&list, "a.org", MZ_TYPE_TXT, 4, 'b', 0);
	scratch_rr(&list, "a.org", MZ_TYPE_MX, 4, 'a', 0);
	scratch_open(s);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "a.org", &list, 0), MZ_OK);
	get(s, "a.org", &out);
	mz_rrlist_sort(&list, true);
	scratch_same(&list, &out);
	mz_rrlist_clear(&list);
	mz_rrlist_clear(&out);
}

/* RRs with the longest rdata there is: the row is of many pages. */
static void large(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist list = {0}, out = {0};

	for (int i = 0; i < 60; i++)
		scratch_rr(&list, "a.org", (uint16_t)(1000 + i), 65535, i, 0);
	scratch_open(s);
	assert_int_equal(mz_store_ledger_put(s->store, "p", "o", "a.org", &list, 0), MZ_OK);
	scratch_commit(s);
	get(s, "a.org", &out);
	scratch_same(&list, &out);
	mz_rrlist_clear(&list);
	mz_rrlist_clear(&out);
}

static void damaged(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist list = {0}, out = {0};

	scratch_rr(&list, "a.org", MZ_TYPE_TXT, 4, 'z', 0);
	scratch_open(s);
	assert_int_equal(mz_store_ledger_put(s->store, "primary", "org", "a.org", &list, 0), MZ_OK);
	scratch_commit(s);
	scratch_sql(s->path, "UPDATE ledger SET rrs = substr(rrs, 1, length(rrs) - 1)");
	assert_int_equal(mz_store_ledger_get(s->store, "primary", "org", "a.org", &out), MZ_ESTATE);
	assert_int_equal(out.count, 0);
	assert_non_null(strstr(mz_store_error(s->store),
			       "the ledger of a.org in zone org on server primary is damaged"));
	mz_rrlist_clear(&list);
	mz_rrlist_clear(&out);
}

struct visit {
	struct mz_store *store;
	struct mz_str seen;
};

static void on_place(void *arg, const char *server, const char *origin)
{
	struct visit *v = arg;
	struct mz_rrlist none = {0};

	mz_str_addf(&v->seen, "%s/%s ", server, origin);
	/* writing while listing must work: this is how a domain that moved is cleaned up */
	assert_int_equal(mz_store_ledger_put(v->store, server, origin, "d", &none, 0), MZ_OK);
}

static void on_domain(void *arg, const char *domain)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%s ", domain);
}

static void places_and_domains(void **state)
{
	struct scratch *s = *state;
	struct mz_rrlist list = {0};
	struct visit v = {0};
	struct mz_store_change change = {.server = "p3",
					 .origin = "o",
					 .domain = "d",
					 .added = &list};
	int64_t id = 0;

	scratch_rr(&list, "a.org", MZ_TYPE_TXT, 4, 'z', 0);
	scratch_open(s);
	v.store = s->store;
	assert_int_equal(mz_store_ledger_put(s->store, "p2", "o", "d", &list, 0), MZ_OK);
	assert_int_equal(mz_store_ledger_put(s->store, "p1", "o", "d", &list, 0), MZ_OK);
	assert_int_equal(mz_store_ledger_put(s->store, "p1", "n", "d", &list, 0), MZ_OK);
	assert_int_equal(mz_store_ledger_put(s->store, "p1", "n", "e", &list, 0), MZ_OK);
	assert_int_equal(mz_store_ledger_put(s->store, "p1", "n", "c", &list, 0), MZ_OK);
	mz_str_add(&v.seen, "domains: ");
	assert_int_equal(mz_store_ledger_domains(s->store, "p1", "n", on_domain, &v), MZ_OK);
	assert_int_equal(mz_store_ledger_domains(s->store, "p1", "x", on_domain, &v), MZ_OK);
	assert_string_equal(v.seen.s, "domains: c d e ");
	mz_str_reset(&v.seen);
	assert_int_equal(mz_store_ledger_put(s->store, "p1", "x", "b", &list, 0), MZ_OK);
	assert_int_equal(mz_store_ledger_all(s->store, on_domain, &v), MZ_OK);
	assert_string_equal(v.seen.s, "b c d e ");
	mz_str_reset(&v.seen);
	assert_int_equal(mz_store_ledger_places(s->store, "x", on_place, &v), MZ_OK);
	assert_int_equal(mz_store_ledger_places(s->store, "d", on_place, &v), MZ_OK);
	assert_string_equal(v.seen.s, "p1/n p1/o p2/o ");
	mz_str_reset(&v.seen);
	assert_int_equal(mz_store_ledger_places(s->store, "d", on_place, &v), MZ_OK);
	assert_int_equal(v.seen.len, 0);
	/* what a crash left open may stand in a zone without a ledger */
	assert_int_equal(mz_store_change_begin(s->store, &change, &id), MZ_OK);
	assert_int_equal(mz_store_ledger_places(s->store, "d", on_place, &v), MZ_OK);
	assert_string_equal(v.seen.s, "p3/o ");
	mz_str_reset(&v.seen);
	assert_int_equal(mz_store_ledger_all(s->store, on_domain, &v), MZ_OK);
	assert_string_equal(v.seen.s, "b c d e ");
	mz_str_reset(&v.seen);
	assert_int_equal(mz_store_change_end(s->store, id, MZ_CHANGE_FAILED, 0), MZ_OK);
	assert_int_equal(mz_store_ledger_places(s->store, "d", on_place, &v), MZ_OK);
	assert_int_equal(v.seen.len, 0);
	mz_str_clear(&v.seen);
	mz_rrlist_clear(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(put_get_remove),	 SCRATCH_TEST(let_go),
		SCRATCH_TEST(ordered_when_read), SCRATCH_TEST(large),
		SCRATCH_TEST(damaged),		 SCRATCH_TEST(places_and_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
