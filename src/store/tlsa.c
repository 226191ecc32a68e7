/* SPDX-License-Identifier: BSD-2-Clause */
/* TLSA keys: a row a key, for each owner that has the records of a mail system. */
#include "src/store/db.h"

#include <string.h>

static void bind_owner(struct mz_query *q, const struct mz_tlsa_place *place)
{
	mz_query_text(q, place->server);
	mz_query_text(q, place->origin);
	mz_query_blob(q, place->owner, mz_name_len(place->owner));
}

static void bind_key(struct mz_query *q, const struct mz_tlsa_place *place,
		     enum mz_tlsa_usage usage, const uint8_t digest[MZ_SPKI_DIGEST])
{
	bind_owner(q, place);
	mz_query_int(q, (int64_t)usage);
	mz_query_blob(q, digest, MZ_SPKI_DIGEST);
}

/* The digest in the first column; NULL when it is none. */
static const uint8_t *read_digest(const struct mz_query *q)
{
	const uint8_t *digest = sqlite3_column_blob(q->stmt, 0);

	return sqlite3_column_bytes(q->stmt, 0) == MZ_SPKI_DIGEST ? digest : NULL;
}

/* The columns of MZ_SQL_TLSA_GET and _ANYWHERE; false when one of them cannot have been written by us. */
static bool read_key(const struct mz_query *q, struct mz_tlsa_key *key)
{
	const uint8_t *digest = read_digest(q);
	uint32_t role = 0, usage = 0;

	if (digest == NULL || !mz_query_bounded(q, 1, MZ_TLSA_OLD, &role) ||
	    !mz_query_bounded(q, 4, UINT32_MAX, &key->ttl) ||
	    !mz_query_bounded(q, 5, MZ_TLSA_SERVER, &usage) || usage < MZ_TLSA_ISSUER)
		return false;
	key->usage = (enum mz_tlsa_usage)usage;
	memcpy(key->digest, digest, MZ_SPKI_DIGEST);
	key->role = (enum mz_tlsa_role)role;
	key->since = sqlite3_column_int64(q->stmt, 2);
	key->served = sqlite3_column_int64(q->stmt, 3);
	key->gone = sqlite3_column_int64(q->stmt, 6);
	return true;
}

static int damaged(struct mz_store *store, const struct mz_tlsa_place *place)
{
	char owner[MZ_NAME_TEXT] = "";

	return mz_store_fault(store, MZ_ESTATE,
			      "%s: what is known of the TLSA keys of %.255s on server %s is "
			      "damaged",
			      store->path, mz_name_to_text(place->owner, owner), place->server);
}

static int read_set(struct mz_query *q, struct mz_store *store, const struct mz_tlsa_place *place,
		    struct mz_tlsa_set *out)
{
	bool good = true;
	int got = 0;

	*out = (struct mz_tlsa_set){0};
	while (good && (got = mz_query_step(q)) > 0) {
		good = out->count < MZ_TLSA_KEYS && read_key(q, &out->key[out->count]);
		out->count++;
	}
	mz_query_end(q);
	if (good)
		return got;
	*out = (struct mz_tlsa_set){0};
	return damaged(store, place);
}

int mz_store_tlsa_get(struct mz_store *store, const struct mz_tlsa_place *place,
		      struct mz_tlsa_set *out)
{
	struct mz_query q = {0};

	mz_query_read(&q, store, MZ_SQL_TLSA_GET);
	bind_owner(&q, place);
	mz_query_text(&q, place->system);
	return read_set(&q, store, place, out);
}

int mz_store_tlsa_anywhere(struct mz_store *store, const struct mz_tlsa_place *place,
			   struct mz_tlsa_set *out)
{
	struct mz_query q = {0};

	mz_query_read(&q, store, MZ_SQL_TLSA_ANYWHERE);
	mz_query_blob(&q, place->owner, mz_name_len(place->owner));
	return read_set(&q, store, place, out);
}

static int put_key(struct mz_store *store, const struct mz_tlsa_place *place,
		   const struct mz_tlsa_key *key)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TLSA_PUT);

	if (err != MZ_OK)
		return err;
	bind_owner(&q, place);
	mz_query_text(&q, place->system);
	mz_query_int(&q, (int64_t)key->usage);
	mz_query_blob(&q, key->digest, MZ_SPKI_DIGEST);
	mz_query_int(&q, (int64_t)key->role);
	mz_query_int(&q, key->since);
	mz_query_int(&q, key->served);
	mz_query_int(&q, key->gone);
	mz_query_int(&q, key->ttl);
	return mz_query_run(&q);
}

int mz_store_tlsa_put(struct mz_store *store, const struct mz_tlsa_place *place,
		      const struct mz_tlsa_set *set)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TLSA_CLEAR);

	if (err != MZ_OK)
		return err;
	bind_owner(&q, place);
	mz_query_text(&q, place->system);
	err = mz_query_run(&q);
	for (size_t i = 0; i < set->count && err == MZ_OK; i++)
		err = put_key(store, place, &set->key[i]);
	return err;
}

int mz_store_tlsa_adding(struct mz_store *store, const struct mz_tlsa_place *place,
			 enum mz_tlsa_usage usage, const uint8_t digest[MZ_SPKI_DIGEST],
			 uint32_t ttl, int64_t now)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TLSA_ADDING);

	if (err != MZ_OK)
		return err;
	bind_key(&q, place, usage, digest);
	mz_query_int(&q, ttl);
	mz_query_int(&q, now);
	return mz_query_run(&q);
}

int mz_store_tlsa_served(struct mz_store *store, const struct mz_tlsa_place *place,
			 enum mz_tlsa_usage usage, const uint8_t digest[MZ_SPKI_DIGEST],
			 int64_t now)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TLSA_SERVED);

	if (err != MZ_OK)
		return err;
	bind_key(&q, place, usage, digest);
	mz_query_int(&q, now);
	return mz_query_run(&q);
}

int mz_store_tlsa_deleting(struct mz_store *store, const struct mz_tlsa_place *place,
			   enum mz_tlsa_usage usage, const uint8_t digest[MZ_SPKI_DIGEST],
			   int64_t now)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_TLSA_FORGET);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, now);
	err = mz_query_run(&q);
	if (err == MZ_OK)
		err = mz_query_write(&q, store, MZ_SQL_TLSA_DELETING);
	if (err != MZ_OK)
		return err;
	bind_key(&q, place, usage, digest);
	mz_query_int(&q, now);
	return mz_query_run(&q);
}

int mz_store_tlsa_in_use(struct mz_store *store, const struct mz_tlsa_place *place,
			 void (*fn)(void *arg, enum mz_tlsa_role role,
				    const uint8_t digest[MZ_SPKI_DIGEST]),
			 void *arg)
{
	struct mz_query q = {0};
	uint32_t role = 0;
	bool good = true;
	int got = 0;

	mz_query_read(&q, store, MZ_SQL_TLSA_IN_USE);
	bind_owner(&q, place);
	while (good && (got = mz_query_step(&q)) > 0) {
		const uint8_t *digest = read_digest(&q);

		good = digest != NULL && mz_query_bounded(&q, 1, MZ_TLSA_OLD, &role);
		if (good)
			fn(arg, (enum mz_tlsa_role)role, digest);
	}
	mz_query_end(&q);
	return good ? got : damaged(store, place);
}
