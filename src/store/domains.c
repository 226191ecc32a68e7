/* SPDX-License-Identifier: BSD-2-Clause */
/* The domains under automatic management, remembered until nothing is to be done for them. */
#include "src/store/db.h"

int mz_store_domain_put(struct mz_store *store, const struct mz_store_domain *domain)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DOMAIN_PUT);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain->name);
	mz_query_int(&q, (int64_t)domain->on_removal);
	mz_query_int(&q, domain->delete_after);
	return mz_query_run(&q);
}

int mz_store_domain_delete(struct mz_store *store, const char *domain)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DOMAIN_DELETE);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain);
	return mz_query_run(&q);
}

/* The columns of DOMAIN_COLUMNS but the name. False: damaged. */
static bool read_domain(const struct mz_query *q, struct mz_store_domain *out)
{
	uint32_t on_removal = 0, delete_after = 0;

	if (!mz_query_bounded(q, 0, MZ_REMOVAL_DONE, &on_removal) ||
	    !mz_query_bounded(q, 1, UINT32_MAX, &delete_after))
		return false;
	out->on_removal = (enum mz_on_removal)on_removal;
	out->delete_after = delete_after;
	return true;
}

static int damaged_fault(struct mz_store *store, const char *name)
{
	return mz_store_fault(store, MZ_ESTATE, "%s: what is known of the domain %s is damaged",
			      store->path, name);
}

int mz_store_domain_get(struct mz_store *store, const char *name, struct mz_store_domain *out)
{
	struct mz_query q = {0};
	bool good = false;
	int got = 0;

	mz_query_read(&q, store, MZ_SQL_DOMAIN_GET);
	mz_query_text(&q, name);
	got = mz_query_step(&q);
	good = got > 0 && read_domain(&q, out);
	mz_query_end(&q);
	if (got < 0)
		return got;
	if (got == 0)
		return mz_store_fault(store, MZ_ENOTFOUND, "nothing is known of the domain %s",
				      name);
	return good ? MZ_OK : damaged_fault(store, name);
}

/* A row, copied out of the statement, so that fn may use the store. */
struct item {
	struct item *next;
	struct mz_store_domain domain;
};

static int collect(struct mz_query *q, struct mz_arena *arena, struct item **end,
		   const char **damaged)
{
	int got = 0;

	while ((got = mz_query_step(q)) > 0) {
		struct item *item = mz_arena_alloc(arena, sizeof(*item));
		const char *name = mz_query_copy(q, 2, arena);

		if (item == NULL || name == NULL) {
			mz_query_end(q);
			return mz_store_fault(q->store, MZ_ENOMEM,
					      "out of memory for the list of domains");
		}
		*item = (struct item){.domain.name = name};
		if (read_domain(q, &item->domain)) {
			*end = item;
			end = &item->next;
		} else {
			*damaged = name;
		}
	}
	mz_query_end(q);
	return got;
}

int mz_store_domains(struct mz_store *store,
		     void (*fn)(void *arg, const struct mz_store_domain *domain), void *arg)
{
	struct mz_query q = {0};
	struct mz_arena arena = {0};
	struct item *first = NULL;
	const char *damaged = NULL;
	int err = MZ_OK;

	mz_query_read(&q, store, MZ_SQL_DOMAINS);
	err = collect(&q, &arena, &first, &damaged);
	for (const struct item *item = first; err == MZ_OK && item != NULL; item = item->next)
		fn(arg, &item->domain);
	if (err == MZ_OK && damaged != NULL)
		err = damaged_fault(store, damaged);
	mz_arena_clear(&arena);
	return err;
}
