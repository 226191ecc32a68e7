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

/* Runs a statement that changes one key: its values were bound, domain and selector follow. */
static int change_key(struct mz_query *q, const char *domain, const char *selector)
{
	struct mz_store *store = q->store;
	int err = MZ_OK;

	mz_query_text(q, domain);
	mz_query_text(q, selector);
	err = mz_query_run(q);
	if (err == MZ_OK && sqlite3_changes(store->db) == 0)
		return mz_store_fault(store, MZ_ENOTFOUND, "%s has no DKIM key with selector %s",
				      domain, selector);
	return err;
}

static int forget_seen(struct mz_store *store, const char *domain, const char *selector)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DKIM_SEEN_DELETE);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain);
	mz_query_text(&q, selector);
	return mz_query_run(&q);
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
	err = change_key(&q, domain, selector);
	return err == MZ_OK && stage == MZ_DKIM_DELETED ? forget_seen(store, domain, selector)
							: err;
}

int mz_store_dkim_switch(struct mz_store *store, const char *domain, const char *selector,
			 const char *old, int64_t since)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DKIM_SWITCH);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain);
	mz_query_text(&q, selector);
	mz_query_text(&q, old);
	mz_query_int(&q, since);
	err = mz_query_run(&q);
	if (err == MZ_OK && sqlite3_changes(store->db) == 0)
		return mz_store_fault(store, MZ_ENOTFOUND,
				      "%s has no DKIM key %s, or none that it follows", domain,
				      selector);
	return err;
}

int mz_store_dkim_set_handed(struct mz_store *store, const char *domain, const char *selector,
			     int64_t handed)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DKIM_HANDED);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, handed);
	return change_key(&q, domain, selector);
}

int mz_store_dkim_set_rotate(struct mz_store *store, const char *domain, const char *selector,
			     enum mz_dkim_rotate rotate)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DKIM_ROTATE);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, (int64_t)rotate);
	return change_key(&q, domain, selector);
}

/* A key, copied out of the statement, so that fn may use the store. */
struct item {
	struct item *next;
	struct mz_store_dkim key;
};

/* The columns of DKIM_COLUMNS. */
static int read_key(const struct mz_query *q, struct mz_arena *arena, struct mz_store_dkim *key)
{
	uint32_t algorithm = 0, stage = 0, version = 0, rotate = 0;

	if (!mz_query_bounded(q, 1, MZ_DKIM_ALGORITHMS - 1, &algorithm) ||
	    !mz_query_bounded(q, 2, MZ_DKIM_REVOKED, &stage) ||
	    !mz_query_bounded(q, 3, UINT32_MAX, &version) ||
	    !mz_query_bounded(q, 8, MZ_ROTATE_HURRIED, &rotate))
		return MZ_ESTATE;
	key->selector = mz_query_copy(q, 0, arena);
	key->public_text = mz_query_copy(q, 4, arena);
	key->domain = mz_query_copy(q, 9, arena);
	if (key->selector == NULL || key->public_text == NULL || key->domain == NULL)
		return MZ_ENOMEM;
	key->algorithm = (enum mz_dkim_algorithm)algorithm;
	key->stage = (enum mz_dkim_stage)stage;
	key->version = version;
	key->created = sqlite3_column_int64(q->stmt, 5);
	key->since = sqlite3_column_int64(q->stmt, 6);
	key->handed = sqlite3_column_int64(q->stmt, 7);
	key->rotate = (enum mz_dkim_rotate)rotate;
	return MZ_OK;
}

/* `whose` is for messages. */
static int collect(struct mz_query *q, const char *whose, struct mz_arena *arena,
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
		*item = (struct item){0};
		err = read_key(q, arena, &item->key);
		*end = item;
		end = &item->next;
	}
	mz_query_end(q);
	if (err == MZ_ESTATE)
		return mz_store_fault(q->store, err, "%s: a DKIM key of %s is damaged",
				      q->store->path, whose);
	if (err != MZ_OK)
		return mz_store_fault(q->store, err, "out of memory for the DKIM keys of %s",
				      whose);
	return got;
}

static int list(struct mz_query *q, const char *whose,
		void (*fn)(void *arg, const struct mz_store_dkim *key), void *arg)
{
	struct mz_arena arena = {0};
	struct item *first = NULL;
	int err = collect(q, whose, &arena, &first);

	for (struct item *item = first; err == MZ_OK && item != NULL; item = item->next)
		fn(arg, &item->key);
	mz_arena_clear(&arena);
	return err;
}

int mz_store_dkim_list(struct mz_store *store, const char *domain,
		       void (*fn)(void *arg, const struct mz_store_dkim *key), void *arg)
{
	struct mz_query q = {0};

	mz_query_read(&q, store, MZ_SQL_DKIM_LIST);
	mz_query_text(&q, domain);
	return list(&q, domain, fn, arg);
}

int mz_store_dkim_signing(struct mz_store *store,
			  void (*fn)(void *arg, const struct mz_store_dkim *key), void *arg)
{
	struct mz_query q = {0};

	mz_query_read(&q, store, MZ_SQL_DKIM_SIGNING);
	return list(&q, "some domain", fn, arg);
}

int mz_store_dkim_domains(struct mz_store *store, void (*fn)(void *arg, const char *domain),
			  void *arg)
{
	struct mz_query q = {0};

	mz_query_read(&q, store, MZ_SQL_DKIM_DOMAINS);
	return mz_query_each_domain(&q, fn, arg);
}

/* ---- what was seen of their records -------------------------------------------------------- */

int mz_store_dkim_seen_put(struct mz_store *store, const char *domain, const char *selector,
			   const struct mz_store_dkim_seen *seen)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DKIM_SEEN_PUT);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain);
	mz_query_text(&q, selector);
	mz_query_text(&q, seen->server);
	mz_query_int(&q, seen->hits);
	mz_query_int(&q, seen->since);
	mz_query_int(&q, seen->looked);
	mz_query_int(&q, seen->cached);
	return mz_query_run(&q);
}

/* Copied out of the statement, as above. */
struct seen_item {
	struct seen_item *next;
	struct mz_store_dkim_seen seen;
};

int mz_store_dkim_seen_list(struct mz_store *store, const char *domain, const char *selector,
			    void (*fn)(void *arg, const struct mz_store_dkim_seen *seen), void *arg)
{
	struct mz_query q = {0};
	struct mz_arena arena = {0};
	struct seen_item *first = NULL, **end = &first;
	int got = 0, err = MZ_OK;

	mz_query_read(&q, store, MZ_SQL_DKIM_SEEN_LIST);
	mz_query_text(&q, domain);
	mz_query_text(&q, selector);
	while (err == MZ_OK && (got = mz_query_step(&q)) > 0) {
		struct seen_item *item = mz_arena_alloc(&arena, sizeof(*item));
		uint32_t hits = 0, cached = 0;

		if (!mz_query_bounded(&q, 1, 2, &hits) ||
		    !mz_query_bounded(&q, 4, UINT32_MAX, &cached))
			continue;
		if (item == NULL || (item->seen.server = mz_query_copy(&q, 0, &arena)) == NULL) {
			err = mz_store_fault(store, MZ_ENOMEM, "out of memory");
			break;
		}
		item->next = NULL;
		item->seen.hits = hits;
		item->seen.since = sqlite3_column_int64(q.stmt, 2);
		item->seen.looked = sqlite3_column_int64(q.stmt, 3);
		item->seen.cached = cached;
		*end = item;
		end = &item->next;
	}
	mz_query_end(&q);
	err = err == MZ_OK && got < 0 ? got : err;
	for (const struct seen_item *item = first; err == MZ_OK && item != NULL; item = item->next)
		fn(arg, &item->seen);
	mz_arena_clear(&arena);
	return err;
}
