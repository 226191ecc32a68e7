/* SPDX-License-Identifier: BSD-2-Clause */
/* The domains under automatic management, remembered until their records are let go. */
#include "src/store/db.h"

#include <string.h>

int mz_store_domain_put(struct mz_store *store, const char *domain, enum mz_on_removal on_removal)
{
	struct mz_query q = {0};
	int err = mz_query_write(&q, store, MZ_SQL_DOMAIN_PUT);

	if (err != MZ_OK)
		return err;
	mz_query_text(&q, domain);
	mz_query_int(&q, (int64_t)on_removal);
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

/* Keeps the rows of MZ_SQL_DOMAINS: on_removal as an octet, the name, its NUL, row after row. They
 * are given on when no statement is open any more: fn may use the store. */
static int collect(struct mz_query *q, struct mz_str *out, struct mz_str *damaged)
{
	int got = 0;

	while ((got = mz_query_step(q)) > 0) {
		const char *name = (const char *)sqlite3_column_text(q->stmt, 1);
		uint32_t on_removal = 0;

		if (name == NULL) {
			out->failed = true;
		} else if (!mz_query_bounded(q, 0, MZ_REMOVAL_WITHDRAW, &on_removal)) {
			mz_str_reset(damaged);
			mz_str_add(damaged, name);
		} else {
			mz_str_addc(out, (char)on_removal);
			mz_str_addn(out, name, strlen(name) + 1);
		}
	}
	mz_query_end(q);
	if (got == 0 && (out->failed || damaged->failed))
		return mz_store_fault(q->store, MZ_ENOMEM, "out of memory for the list of domains");
	return got;
}

int mz_store_domains(struct mz_store *store,
		     void (*fn)(void *arg, const char *domain, enum mz_on_removal on_removal),
		     void *arg)
{
	struct mz_query q = {0};
	struct mz_str rows = {0}, damaged = {0};
	int err = MZ_OK;

	mz_query_read(&q, store, MZ_SQL_DOMAINS);
	err = collect(&q, &rows, &damaged);
	for (size_t at = 0; err == MZ_OK && at < rows.len; at += strlen(rows.s + at + 1) + 2)
		fn(arg, rows.s + at + 1, (enum mz_on_removal)rows.s[at]);
	if (err == MZ_OK && damaged.s != NULL)
		err = mz_store_fault(store, MZ_ESTATE,
				     "%s: what is known of the domain %s is damaged", store->path,
				     damaged.s);
	mz_str_clear(&rows);
	mz_str_clear(&damaged);
	return err;
}
