/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of each domain's last verified reconcile, and of its zone. */
#include "src/store/db.h"

#include <string.h>

/* The columns of MZ_SQL_ZONE_GET; false when one of them cannot have been written by us. */
static bool read_row(const struct mz_query *q, struct mz_store_zone *out)
{
	const void *desired = sqlite3_column_blob(q->stmt, 2);
	uint32_t known = 0, large = 0, no_axfr = 0;

	if (desired == NULL || sqlite3_column_bytes(q->stmt, 2) != MZ_DIGEST)
		return false;
	memcpy(out->desired, desired, MZ_DIGEST);
	out->last_verified = sqlite3_column_int64(q->stmt, 3);
	if (!mz_query_bounded(q, 0, 1, &known) ||
	    !mz_query_bounded(q, 1, UINT32_MAX, &out->serial) ||
	    !mz_query_bounded(q, 4, 1, &large) || !mz_query_bounded(q, 5, 1, &no_axfr) ||
	    !mz_query_bounded(q, 6, UINT32_MAX, &out->in_place) ||
	    !mz_query_bounded(q, 7, UINT32_MAX, &out->foreign))
		return false;
	out->known = known != 0;
	out->large = large != 0;
	out->no_axfr = no_axfr != 0;
	return true;
}

int mz_store_zone_get(struct mz_store *store, const char *server, const char *origin,
		      const char *domain, struct mz_store_zone *out)
{
	struct mz_query q = {0};
	int got = 0;
	bool damaged = false;

	*out = (struct mz_store_zone){0};
	mz_query_read(&q, store, MZ_SQL_ZONE_GET);
	mz_query_place(&q, server, origin, domain);
	got = mz_query_step(&q);
	if (got > 0)
		damaged = !read_row(&q, out);
	mz_query_end(&q);
	if (!damaged)
		return got < 0 ? got : MZ_OK;
	*out = (struct mz_store_zone){0};
	return mz_store_fault(store, MZ_ESTATE,
			      "%s: what is known of %s in zone %s on server %s is damaged",
			      store->path, domain, origin, server);
}

int mz_store_zone_put(struct mz_store *store, const char *server, const char *origin,
		      const char *domain, const struct mz_store_zone *zone)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_ZONE_PUT);

	if (err != MZ_OK)
		return err;
	mz_query_place(&q, server, origin, domain);
	mz_query_int(&q, zone->known);
	mz_query_int(&q, zone->serial);
	mz_query_blob(&q, zone->desired, MZ_DIGEST);
	mz_query_int(&q, zone->last_verified);
	mz_query_int(&q, zone->large);
	mz_query_int(&q, zone->no_axfr);
	mz_query_int(&q, zone->in_place);
	mz_query_int(&q, zone->foreign);
	return mz_query_run(&q);
}
