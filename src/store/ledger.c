/* SPDX-License-Identifier: BSD-2-Clause */
/* The ledger: which RRs of a domain we have published, and for which family. */
#include "src/store/codec.h"
#include "src/store/db.h"

#include <string.h>

/* Are the RRs from `start` on in order? A damaged file must not break a sorted merge. */
static bool ordered(const struct mz_rrlist *list, size_t start)
{
	for (size_t i = start + 1; i < list->count; i++) {
		if (mz_rr_compare(&list->rr[i - 1], &list->rr[i]) > 0)
			return false;
	}
	return true;
}

int mz_store_ledger_get(struct mz_store *store, const char *server, const char *origin,
			const char *domain, struct mz_rrlist *out)
{
	struct mz_query q = {0};
	size_t start = out->count;
	int got = 0, err = MZ_OK;

	mz_query_read(&q, store, MZ_SQL_LEDGER_GET);
	mz_query_place(&q, server, origin, domain);
	got = mz_query_step(&q);
	if (got > 0) {
		const uint8_t *octets = sqlite3_column_blob(q.stmt, 0);

		err = mz_codec_read(octets, (size_t)sqlite3_column_bytes(q.stmt, 0), out);
	}
	mz_query_end(&q);
	if (got < 0)
		return got;
	if (err == MZ_ESTATE)
		return mz_store_fault(store, err,
				      "%s: the ledger of %s in zone %s on server %s is damaged",
				      store->path, domain, origin, server);
	if (err != MZ_OK)
		return mz_store_fault(store, err, "out of memory for the ledger of %s", domain);
	if (!ordered(out, start))
		mz_rrlist_sort(out, false);
	return MZ_OK;
}

int mz_store_ledger_put(struct mz_store *store, const char *server, const char *origin,
			const char *domain, const struct mz_rrlist *list, uint16_t index)
{
	struct mz_query q = {0};
	bool any = false;
	int err = MZ_OK;

	for (size_t i = 0; i < list->count && !any; i++)
		any = list->rr[i].domain == index;
	err = mz_query_write(&q, store, any ? MZ_SQL_LEDGER_PUT : MZ_SQL_LEDGER_DELETE);
	if (err != MZ_OK)
		return err;
	mz_query_place(&q, server, origin, domain);
	if (any) {
		mz_str_reset(&store->blob);
		err = mz_codec_add(&store->blob, list, &index);
		if (err != MZ_OK) {
			(void)mz_store_fault(store, err, "cannot store the ledger of %s: %s",
					     domain, mz_strerror(err));
			return mz_store_undo(store, err);
		}
		mz_query_blob(&q, store->blob.s, store->blob.len);
	}
	return mz_query_run(&q);
}

int mz_store_let_go(struct mz_store *store, const char *domain, bool *any)
{
	/* A zone that is not known as verified is read, should the domain come back. */
	static const enum mz_store_sql steps[] = {MZ_SQL_ZONE_LET_GO, MZ_SQL_LEDGER_LET_GO};
	int err = MZ_OK;

	*any = false;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && err == MZ_OK; i++) {
		struct mz_query q = {0};

		err = mz_query_write(&q, store, steps[i]);
		if (err != MZ_OK)
			return err;
		mz_query_text(&q, domain);
		err = mz_query_run(&q);
		*any = sqlite3_changes(store->db) > 0;
	}
	return err;
}

/* Runs the query and keeps its `columns` text columns, each with its NUL, row after row: the
 * caller of the store gets them when no statement is open any more, and may use the store. */
static int collect(struct mz_query *q, int columns, struct mz_str *out)
{
	int got = 0;

	while ((got = mz_query_step(q)) > 0) {
		for (int i = 0; i < columns; i++) {
			const char *text = (const char *)sqlite3_column_text(q->stmt, i);

			mz_str_addn(out, text == NULL ? "" : text,
				    text == NULL ? 1 : strlen(text) + 1);
		}
	}
	mz_query_end(q);
	if (got == 0 && out->failed)
		return mz_store_fault(q->store, MZ_ENOMEM, "out of memory for a list of domains");
	return got;
}

int mz_store_ledger_places(struct mz_store *store, const char *domain,
			   void (*fn)(void *arg, const char *server, const char *origin), void *arg)
{
	struct mz_query q = {0};
	struct mz_str rows = {0};
	int err = MZ_OK;

	mz_query_read(&q, store, MZ_SQL_LEDGER_PLACES);
	mz_query_text(&q, domain);
	err = collect(&q, 2, &rows);
	for (size_t at = 0; err == MZ_OK && at < rows.len;) {
		const char *server = rows.s + at, *origin = server + strlen(server) + 1;

		fn(arg, server, origin);
		at = (size_t)(origin - rows.s) + strlen(origin) + 1;
	}
	mz_str_clear(&rows);
	return err;
}

int mz_query_each_domain(struct mz_query *q, void (*fn)(void *arg, const char *domain), void *arg)
{
	struct mz_str rows = {0};
	int err = collect(q, 1, &rows);

	for (size_t at = 0; err == MZ_OK && at < rows.len; at += strlen(rows.s + at) + 1)
		fn(arg, rows.s + at);
	mz_str_clear(&rows);
	return err;
}

int mz_store_ledger_domains(struct mz_store *store, const char *server, const char *origin,
			    void (*fn)(void *arg, const char *domain), void *arg)
{
	struct mz_query q = {0};

	mz_query_read(&q, store, MZ_SQL_LEDGER_DOMAINS);
	mz_query_text(&q, server);
	mz_query_text(&q, origin);
	return mz_query_each_domain(&q, fn, arg);
}

int mz_store_ledger_all(struct mz_store *store, void (*fn)(void *arg, const char *domain),
			void *arg)
{
	struct mz_query q = {0};

	mz_query_read(&q, store, MZ_SQL_LEDGER_ALL);
	return mz_query_each_domain(&q, fn, arg);
}
