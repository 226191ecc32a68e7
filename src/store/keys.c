/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM keys: every selector that a domain ever had, and the stage of its key. */
#include "src/store/db.h"

const char *mz_dkim_stage_name(enum mz_dkim_stage stage)
{
	static const char *const names[] = {
		[MZ_DKIM_PENDING] = "pending",	 [MZ_DKIM_ACTIVE] = "active",
		[MZ_DKIM_RETIRING] = "retiring", [MZ_DKIM_RETIRED] = "retired",
		[MZ_DKIM_DELETED] = "deleted",	 [MZ_DKIM_REVOKED] = "revoked",
	};

	return (size_t)stage < sizeof(names) / sizeof(names[0]) ? names[stage] : "unknown";
}

int mz_store_dkim_add(struct mz_store *store, const struct mz_store_dkim *key)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DKIM_ADD);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, key->domain);
	mz_query_text(&q, key->selector);
	mz_query_int(&q, (int64_t)key->algorithm);
	mz_query_int(&q, (int64_t)key->stage);
	mz_query_int(&q, key->version);
	mz_query_text(&q, key->public_text);
	mz_query_int(&q, key->created);
	mz_query_int(&q, key->since);
	err = mz_query_run(&q);
	if (err == MZ_OK && sqlite3_changes(store->db) == 0)
		return mz_store_fault(store, MZ_EEXIST, "%s has used the selector %s before",
				      key->domain, key->selector);
	return err;
}

int mz_store_dkim_set_stage(struct mz_store *store, const char *domain, const char *selector,
			    enum mz_dkim_stage stage, int64_t since)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DKIM_STAGE);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, (int64_t)stage);
	mz_query_int(&q, since);
	mz_query_text(&q, domain);
	mz_query_text(&q, selector);
	err = mz_query_run(&q);
	if (err == MZ_OK && sqlite3_changes(store->db) == 0)
		return mz_store_fault(store, MZ_ENOTFOUND, "%s has no DKIM key with selector %s",
				      domain, selector);
	return err;
}

/* A key, copied out of the statement, so that fn may use the store. */
struct item {
	struct item *next;
	struct mz_store_dkim key;
};

/* The columns of MZ_SQL_DKIM_LIST. */
static int read_key(const struct mz_query *q, struct mz_arena *arena, struct mz_store_dkim *key)
{
	uint32_t algorithm = 0, stage = 0, version = 0;

	if (!mz_query_bounded(q, 1, MZ_DKIM_ALGORITHMS - 1, &algorithm) ||
	    !mz_query_bounded(q, 2, MZ_DKIM_REVOKED, &stage) ||
	    !mz_query_bounded(q, 3, UINT32_MAX, &version))
		return MZ_ESTATE;
	key->selector = mz_query_copy(q, 0, arena);
	key->public_text = mz_query_copy(q, 4, arena);
	if (key->selector == NULL || key->public_text == NULL)
		return MZ_ENOMEM;
	key->algorithm = (enum mz_dkim_algorithm)algorithm;
	key->stage = (enum mz_dkim_stage)stage;
	key->version = version;
	key->created = sqlite3_column_int64(q->stmt, 5);
	key->since = sqlite3_column_int64(q->stmt, 6);
	return MZ_OK;
}

static int collect(struct mz_query *q, const char *domain, struct mz_arena *arena,
		   struct item **first)
{
	struct item **end = first;
	int got = 0, err = MZ_OK;

	while (err == MZ_OK && (got = mz_query_step(q)) > 0) {
		struct item *item = mz_arena_alloc(arena, sizeof(*item));

		if (item == NULL) {
			err = MZ_ENOMEM;
			break;
		}
		*item = (struct item){.key.domain = domain};
		err = read_key(q, arena, &item->key);
		*end = item;
		end = &item->next;
	}
	mz_query_end(q);
	if (err == MZ_ESTATE)
		return mz_store_fault(q->store, err, "%s: a DKIM key of %s is damaged",
				      q->store->path, domain);
	if (err != MZ_OK)
		return mz_store_fault(q->store, err, "out of memory for the DKIM keys of %s",
				      domain);
	return got;
}

int mz_store_dkim_list(struct mz_store *store, const char *domain,
		       void (*fn)(void *arg, const struct mz_store_dkim *key), void *arg)
{
	struct mz_query q = {0};
	struct mz_arena arena = {0};
	struct item *first = NULL;
	int err = MZ_OK;

	mz_query_read(&q, store, MZ_SQL_DKIM_LIST);
	mz_query_text(&q, domain);
	err = collect(&q, domain, &arena, &first);
	for (struct item *item = first; err == MZ_OK && item != NULL; item = item->next)
		fn(arg, &item->key);
	mz_arena_clear(&arena);
	return err;
}
