/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the domains under automatic management. */
#include "tests/unit/store/scratch.h"

struct visit {
	struct mz_store *store;
	struct mz_str seen;
};

static void note(void *arg, const struct mz_store_domain *domain)
{
	struct visit *v = arg;

	mz_str_addf(&v->seen, "%s/%d ", domain->name, (int)domain->on_removal);
}

static int put(struct mz_store *store, const char *name, enum mz_on_removal on_removal)
{
	return mz_store_domain_put(store, &(struct mz_store_domain){name, on_removal, 3600});
}

static void expect(struct scratch *s, const char *seen)
{
	struct visit v = {.store = s->store};

	mz_str_add(&v.seen, "");
	assert_int_equal(mz_store_domains(s->store, note, &v), MZ_OK);
	assert_string_equal(v.seen.s, seen);
	mz_str_clear(&v.seen);
}

static void put_list_delete(void **state)
{
	struct scratch *s = *state;
	struct mz_store_domain got = {0};

	scratch_open(s);
	expect(s, "");
	assert_int_equal(put(s->store, "b.org", MZ_REMOVAL_WITHDRAW), MZ_OK);
	assert_int_equal(put(s->store, "c.org", MZ_REMOVAL_WITHDRAW), MZ_OK);
	assert_int_equal(put(s->store, "a.org", MZ_REMOVAL_KEEP), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	expect(s, "a.org/0 b.org/1 c.org/1 ");
	assert_int_equal(put(s->store, "b.org", MZ_REMOVAL_KEEP), MZ_OK);
	assert_int_equal(mz_store_domain_delete(s->store, "a.org"), MZ_OK);
	assert_int_equal(mz_store_domain_delete(s->store, "a.org"), MZ_OK);
	scratch_commit(s);
	scratch_reopen(s);
	expect(s, "b.org/0 c.org/1 ");
	assert_int_equal(mz_store_domain_get(s->store, "c.org", &got), MZ_OK);
	assert_int_equal(got.on_removal, MZ_REMOVAL_WITHDRAW);
	assert_int_equal(got.delete_after, 3600);
	assert_int_equal(put(s->store, "c.org", MZ_REMOVAL_DONE), MZ_OK);
	expect(s, "b.org/0 c.org/2 ");
	assert_int_equal(mz_store_domain_get(s->store, "a.org", &got), MZ_ENOTFOUND);
}

static void forget(void *arg, const struct mz_store_domain *domain)
{
	struct visit *v = arg;

	note(arg, domain);
	assert_int_equal(mz_store_domain_delete(v->store, domain->name), MZ_OK);
	assert_int_equal(mz_store_commit(v->store, NULL), MZ_OK);
}

/* What a reload does with those that have left the configuration. */
static void deleted_while_listed(void **state)
{
	struct scratch *s = *state;
	struct visit v = {0};

	scratch_open(s);
	v.store = s->store;
	assert_int_equal(put(s->store, "a.org", MZ_REMOVAL_WITHDRAW), MZ_OK);
	assert_int_equal(put(s->store, "b.org", MZ_REMOVAL_KEEP), MZ_OK);
	assert_int_equal(mz_store_domains(s->store, forget, &v), MZ_OK);
	assert_string_equal(v.seen.s, "a.org/1 b.org/0 ");
	expect(s, "");
	mz_str_clear(&v.seen);
}

static void damaged(void **state)
{
	struct scratch *s = *state;
	struct mz_store_domain got = {0};
	struct visit v = {0};

	scratch_open(s);
	assert_int_equal(put(s->store, "a.org", MZ_REMOVAL_WITHDRAW), MZ_OK);
	assert_int_equal(put(s->store, "b.org", MZ_REMOVAL_WITHDRAW), MZ_OK);
	assert_int_equal(put(s->store, "c.org", MZ_REMOVAL_KEEP), MZ_OK);
	scratch_commit(s);
	scratch_sql(s->path, "UPDATE domain SET on_removal = 3 WHERE name = 'b.org'");
	assert_int_equal(mz_store_domains(s->store, note, &v), MZ_ESTATE);
	assert_string_equal(v.seen.s, "a.org/1 c.org/0 ");
	assert_non_null(strstr(mz_store_error(s->store), "the domain b.org is damaged"));
	assert_int_equal(mz_store_domain_get(s->store, "b.org", &got), MZ_ESTATE);
	mz_str_clear(&v.seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(put_list_delete),
		SCRATCH_TEST(deleted_while_listed),
		SCRATCH_TEST(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
