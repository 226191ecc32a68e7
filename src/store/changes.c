/* SPDX-License-Identifier: BSD-2-Clause */
/* The history: each change is stored before it is sent, and completed after. */
#include "src/store/codec.h"
#include "src/store/db.h"

/* Both lists as octets in store->blob, the first up to *added. An error undoes what was written. */
static int encode(struct mz_store *store, const struct mz_rrlist *first,
		  const struct mz_rrlist *second, size_t *added, const char *what)
{
	int err = MZ_OK;

	mz_str_reset(&store->blob);
	err = mz_codec_add(&store->blob, first, NULL);
	*added = store->blob.len;
	if (err == MZ_OK)
		err = mz_codec_add(&store->blob, second, NULL);
	if (err == MZ_OK)
		return MZ_OK;
	(void)mz_store_fault(store, err, "cannot store the change of %s: %s", what,
			     mz_strerror(err));
	return mz_store_undo(store, err);
}

int mz_store_change_begin(struct mz_store *store, const struct mz_store_change *change, int64_t *id)
{
	struct mz_query q = {0};
	size_t added = 0;
	int err = mz_query_write(&q, store, MZ_SQL_CHANGE_BEGIN);

	*id = 0;
	if (err == MZ_OK)
		err = encode(store, change->added, change->deleted, &added, change->domain);
	if (err != MZ_OK)
		return err;
	mz_query_int(&q, change->time);
	mz_query_place(&q, change->server, change->origin, change->domain);
	mz_query_blob(&q, store->blob.s, added);
	mz_query_blob(&q, store->blob.s + added, store->blob.len - added);
	err = mz_query_run(&q);
	if (err == MZ_OK)
		*id = sqlite3_last_insert_rowid(store->db);
	return err;
}

/* Ends the query that changes one row. */
static int run_on_row(struct mz_query *q, int64_t id)
{
	int err = MZ_OK;

	mz_query_int(q, id);
	err = mz_query_run(q);
	if (err == MZ_OK && sqlite3_changes(q->store->db) == 0)
		return mz_store_fault(q->store, MZ_ENOTFOUND, "there is no change %lld",
				      (long long)id);
	return err;
}

int mz_store_change_narrow(struct mz_store *store, int64_t id, const struct mz_rrlist *added,
			   const struct mz_rrlist *deleted)
{
	struct mz_query q = {0};
	size_t first = 0;
	int err = mz_query_write(&q, store, MZ_SQL_CHANGE_NARROW);

	if (err == MZ_OK)
		err = encode(store, added, deleted, &first, "a domain");
	if (err != MZ_OK)
		return err;
	mz_query_blob(&q, store->blob.s, first);
	mz_query_blob(&q, store->blob.s + first, store->blob.len - first);
	return run_on_row(&q, id);
}

/* What fails again and again is in the history once. */
static int forget_earlier(struct mz_store *store, int64_t id)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_CHANGE_FORGET);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, id);
	mz_query_int(&q, MZ_CHANGE_FAILED);
	return mz_query_run(&q);
}

int mz_store_change_end(struct mz_store *store, int64_t id, enum mz_change_state state,
			uint32_t serial)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_CHANGE_END);

	if (err != MZ_OK)
		return err;
	mz_query_int(&q, (int64_t)state);
	mz_query_int(&q, serial);
	err = run_on_row(&q, id);
	return err == MZ_OK && state == MZ_CHANGE_FAILED ? forget_earlier(store, id) : err;
}

/* One row, copied out of the statement. */
struct row {
	struct mz_store_change change;
	struct mz_rrlist added, deleted;
	struct mz_arena texts;
	int err; /* why the row cannot be shown */
};

static int read_list(const struct mz_query *q, int column, struct mz_rrlist *out)
{
	const uint8_t *octets = sqlite3_column_blob(q->stmt, column);

	return mz_codec_read(octets, (size_t)sqlite3_column_bytes(q->stmt, column), out);
}

static void read_row(const struct mz_query *q, struct row *row)
{
	struct mz_store_change *c = &row->change;
	uint32_t state = 0;

	c->id = sqlite3_column_int64(q->stmt, 0);
	c->time = sqlite3_column_int64(q->stmt, 1);
	c->server = mz_query_copy(q, 2, &row->texts);
	c->origin = mz_query_copy(q, 3, &row->texts);
	c->domain = mz_query_copy(q, 4, &row->texts);
	if (!mz_query_bounded(q, 5, MZ_CHANGE_UNDONE, &state) ||
	    !mz_query_bounded(q, 6, UINT32_MAX, &c->serial))
		row->err = MZ_ESTATE;
	else if (c->server == NULL || c->origin == NULL || c->domain == NULL)
		row->err = MZ_ENOMEM;
	if (row->err == MZ_OK)
		row->err = read_list(q, 7, &row->added);
	if (row->err == MZ_OK)
		row->err = read_list(q, 8, &row->deleted);
	c->state = (enum mz_change_state)state;
	c->added = &row->added;
	c->deleted = &row->deleted;
}

/* The newest change with an id below `below`: 1, 0 when there is none, or an error. */
static int next_row(struct mz_store *store, const char *domain, bool intended, int64_t below,
		    struct row *row)
{
	enum mz_store_sql which = MZ_SQL_CHANGES;
	struct mz_query q = {0};
	int got = 0;

	if (domain == NULL)
		which = intended ? MZ_SQL_CHANGES_INTENDED : MZ_SQL_CHANGES;
	else
		which = intended ? MZ_SQL_CHANGES_DOMAIN_INTENDED : MZ_SQL_CHANGES_DOMAIN;
	mz_query_read(&q, store, which);
	mz_query_int(&q, below);
	if (domain != NULL)
		mz_query_text(&q, domain);
	got = mz_query_step(&q);
	if (got > 0)
		read_row(&q, row);
	mz_query_end(&q);
	return got;
}

static void clear_row(struct row *row)
{
	mz_rrlist_clear(&row->added);
	mz_rrlist_clear(&row->deleted);
	mz_arena_clear(&row->texts);
}

int mz_store_changes(struct mz_store *store, const char *domain, bool intended, int64_t below,
		     unsigned limit, void (*fn)(void *arg, const struct mz_store_change *change),
		     void *arg)
{
	int64_t damaged = 0;
	unsigned shown = 0;
	int got = 1, err = MZ_OK;

	below = below == 0 ? INT64_MAX : below;
	while (got > 0 && err == MZ_OK && (limit == 0 || shown < limit)) {
		struct row row = {0};

		got = next_row(store, domain, intended, below, &row);
		below = row.change.id;
		if (got > 0 && row.err == MZ_OK) {
			fn(arg, &row.change);
			shown++;
		} else if (row.err == MZ_ESTATE) {
			damaged = row.change.id; /* one bad row must not hide all the others */
		} else if (row.err != MZ_OK) {
			err = mz_store_fault(store, row.err, "out of memory for the history");
		}
		clear_row(&row);
	}
	if (got < 0)
		return got;
	if (err == MZ_OK && damaged != 0)
		err = mz_store_fault(store, MZ_ESTATE, "%s: change %lld is damaged", store->path,
				     (long long)damaged);
	return err;
}

int mz_store_change_get(struct mz_store *store, int64_t id,
			void (*fn)(void *arg, const struct mz_store_change *change), void *arg)
{
	struct mz_query q = {0};
	struct row row = {0};
	int got = 0, err = MZ_OK;

	mz_query_read(&q, store, MZ_SQL_CHANGE_GET);
	mz_query_int(&q, id);
	got = mz_query_step(&q);
	if (got > 0)
		read_row(&q, &row);
	mz_query_end(&q);
	if (got < 0)
		return got;
	if (got == 0)
		err = mz_store_fault(store, MZ_ENOTFOUND, "there is no change %lld", (long long)id);
	else if (row.err == MZ_ESTATE)
		err = mz_store_fault(store, MZ_ESTATE, "%s: change %lld is damaged", store->path,
				     (long long)id);
	else if (row.err != MZ_OK)
		err = mz_store_fault(store, row.err, "out of memory for change %lld",
				     (long long)id);
	else
		fn(arg, &row.change);
	clear_row(&row);
	return err;
}
