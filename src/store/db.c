/* SPDX-License-Identifier: BSD-2-Clause */
/* Statements, the transaction that writes gather in, and what SQLite's errors mean for people. */
#include "src/store/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sql[MZ_SQL_COUNT] = {
	[MZ_SQL_BEGIN] = "BEGIN",
	[MZ_SQL_COMMIT] = "COMMIT",
	[MZ_SQL_ROLLBACK] = "ROLLBACK",
	[MZ_SQL_ZONE_GET] =
		"SELECT known, serial, desired, last_verified, large, no_axfr, in_place, others"
		" FROM zone WHERE server = ? AND origin = ? AND domain = ?",
	[MZ_SQL_ZONE_PUT] =
		"INSERT INTO zone (server, origin, domain, known, serial, desired, last_verified,"
		" large, no_axfr, in_place, others) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET known = excluded.known, serial = excluded.serial,"
		" desired = excluded.desired, last_verified = excluded.last_verified,"
		" large = excluded.large, no_axfr = excluded.no_axfr,"
		" in_place = excluded.in_place, others = excluded.others",
	[MZ_SQL_ZONE_LET_GO] = "DELETE FROM zone WHERE domain = ?1 AND (server, origin) IN"
			       " (SELECT server, origin FROM ledger WHERE domain = ?1)",
	[MZ_SQL_LEDGER_GET] =
		"SELECT rrs FROM ledger WHERE server = ? AND origin = ? AND domain = ?",
	[MZ_SQL_LEDGER_PUT] = "INSERT INTO ledger (server, origin, domain, rrs) VALUES (?, ?, ?, ?)"
			      " ON CONFLICT DO UPDATE SET rrs = excluded.rrs",
	[MZ_SQL_LEDGER_DELETE] =
		"DELETE FROM ledger WHERE server = ? AND origin = ? AND domain = ?",
	[MZ_SQL_LEDGER_LET_GO] = "DELETE FROM ledger WHERE domain = ?",
	[MZ_SQL_LEDGER_PLACES] =
		"SELECT server, origin FROM ledger WHERE domain = ?1 UNION"
		" SELECT server, origin FROM change WHERE domain = ?1 AND state = 0"
		" ORDER BY server, origin",
	[MZ_SQL_LEDGER_DOMAINS] =
		"SELECT domain FROM ledger WHERE server = ? AND origin = ? ORDER BY domain",
	[MZ_SQL_LEDGER_ALL] = "SELECT domain FROM ledger UNION"
			      " SELECT domain FROM change WHERE state = 0 ORDER BY domain",
	[MZ_SQL_CHANGE_BEGIN] =
		"INSERT INTO change (time, server, origin, domain, state, serial, added, deleted)"
		" VALUES (?, ?, ?, ?, 0, 0, ?, ?)",
	[MZ_SQL_CHANGE_NARROW] = "UPDATE change SET added = ?, deleted = ? WHERE id = ?",
	[MZ_SQL_CHANGE_END] = "UPDATE change SET state = ?, serial = ? WHERE id = ?",
	[MZ_SQL_CHANGE_FORGET] = "DELETE FROM change WHERE id IN (SELECT old.id FROM change AS new "
				 "JOIN change AS old"
				 " USING (domain, server, origin, added, deleted)"
				 " WHERE new.id = ?1 AND old.id < ?1 AND old.state = ?2)",
/* One row at a time, so that the caller may use the store between two of them. */
#define CHANGE_COLUMNS                                                                             \
	"SELECT id, time, server, origin, domain, state, serial, added, deleted FROM change "
	[MZ_SQL_CHANGES] = CHANGE_COLUMNS "WHERE id < ? ORDER BY id DESC LIMIT 1",
	[MZ_SQL_CHANGES_INTENDED] =
		CHANGE_COLUMNS "WHERE id < ? AND state = 0 ORDER BY id DESC LIMIT 1",
	[MZ_SQL_CHANGES_DOMAIN] =
		CHANGE_COLUMNS "WHERE id < ? AND domain = ? ORDER BY id DESC LIMIT 1",
	[MZ_SQL_CHANGES_DOMAIN_INTENDED] =
		CHANGE_COLUMNS "WHERE id < ? AND domain = ? AND state = 0 ORDER BY id DESC LIMIT 1",
	[MZ_SQL_CHANGE_GET] = CHANGE_COLUMNS "WHERE id = ?",
	[MZ_SQL_TASK_PUT] =
		"INSERT INTO task (id, kind, domain, families, flags, state, attempt, created, due,"
		" changed, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET kind = excluded.kind, domain = excluded.domain,"
		" families = excluded.families, flags = excluded.flags, state = excluded.state,"
		" attempt = excluded.attempt, created = excluded.created, due = excluded.due,"
		" changed = excluded.changed, reason = excluded.reason",
	[MZ_SQL_TASK_DELETE] = "DELETE FROM task WHERE id = ?",
#define TASK_COLUMNS                                                                               \
	"SELECT id, kind, domain, families, flags, state, attempt, created, due, changed, reason"  \
	" FROM task "
	[MZ_SQL_TASK_GET] = TASK_COLUMNS "WHERE id = ?",
	[MZ_SQL_TASK_AFTER] = TASK_COLUMNS "WHERE id > ? ORDER BY id LIMIT 1",
	[MZ_SQL_TASK_LAST] = "SELECT seq FROM sqlite_sequence WHERE name = 'task'",
	[MZ_SQL_TASKS_TRIM] = "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE state >= 3"
			      " ORDER BY changed DESC, id DESC LIMIT -1 OFFSET ?)",
	[MZ_SQL_DOMAIN_PUT] = "INSERT INTO domain (name, on_removal, delete_after) VALUES (?, ?, ?)"
			      " ON CONFLICT DO UPDATE SET on_removal = excluded.on_removal,"
			      " delete_after = excluded.delete_after",
	[MZ_SQL_DOMAIN_DELETE] = "DELETE FROM domain WHERE name = ?",
#define DOMAIN_COLUMNS "SELECT on_removal, delete_after, name FROM domain "
	[MZ_SQL_DOMAINS] = DOMAIN_COLUMNS "ORDER BY name",
	[MZ_SQL_DOMAIN_GET] = DOMAIN_COLUMNS "WHERE name = ?",
	[MZ_SQL_DKIM_ADD] =
		"INSERT INTO dkim (domain, selector, algorithm, stage, version, public_text,"
		" created, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
	[MZ_SQL_DKIM_STAGE] =
		"UPDATE dkim SET stage = ?, since = ?, handed = MAX(handed, (stage = 1) * since),"
		" rotate = 0 WHERE domain = ? AND selector = ?",
	[MZ_SQL_DKIM_SWITCH] =
		"UPDATE dkim SET stage = 2 - (selector = ?2), since = ?4,"
		" handed = handed * (selector = ?2), rotate = 0"
		" WHERE domain = ?1 AND selector IN (?2, ?3) AND 1 + (?3 IS NOT NULL) ="
		" (SELECT count(*) FROM dkim WHERE domain = ?1 AND selector IN (?2, ?3))",
	[MZ_SQL_DKIM_HANDED] = "UPDATE dkim SET handed = ? WHERE domain = ? AND selector = ?",
	[MZ_SQL_DKIM_ROTATE] = "UPDATE dkim SET rotate = ? WHERE domain = ? AND selector = ?",
#define DKIM_COLUMNS                                                                               \
	"SELECT selector, algorithm, stage, version, public_text, created, since, handed, rotate," \
	" domain FROM dkim "
	[MZ_SQL_DKIM_LIST] = DKIM_COLUMNS "WHERE domain = ? ORDER BY id",
	[MZ_SQL_DKIM_SIGNING] =
		DKIM_COLUMNS "WHERE stage = 1 OR (stage = 0 AND handed > 0) ORDER BY domain, id",
	[MZ_SQL_DKIM_DOMAINS] = "SELECT DISTINCT domain FROM dkim WHERE stage <> 4 ORDER BY domain",
	[MZ_SQL_DKIM_SEEN_PUT] =
		"INSERT INTO dkim_seen (domain, selector, server, hits, since, looked, cached)"
		" VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET hits = excluded.hits,"
		" since = excluded.since, looked = excluded.looked, cached = excluded.cached",
	[MZ_SQL_DKIM_SEEN_LIST] = "SELECT server, hits, since, looked, cached FROM dkim_seen"
				  " WHERE domain = ? AND selector = ? ORDER BY server",
	[MZ_SQL_DKIM_SEEN_DELETE] = "DELETE FROM dkim_seen WHERE domain = ? AND selector = ?",
#define TLSA_OWNER " server = ? AND origin = ? AND owner = ?"
#define TLSA_KEY " WHERE server = ?1 AND origin = ?2 AND owner = ?3 AND usage = ?4 AND digest = ?5"
	[MZ_SQL_TLSA_GET] = "SELECT digest, role, since, served, ttl, usage, gone FROM tlsa"
			    " WHERE" TLSA_OWNER " AND system = ? ORDER BY usage, digest",
	/* 32: MZ_TLSA_KEYS */
	[MZ_SQL_TLSA_ANYWHERE] =
		"SELECT digest, min(role), max(since), 0, max(ttl), usage, iif(min(gone) = 0, 0, "
		"max(gone))"
		" FROM tlsa WHERE owner = ? GROUP BY usage, digest ORDER BY usage, digest LIMIT 32",
	[MZ_SQL_TLSA_CLEAR] = "DELETE FROM tlsa WHERE" TLSA_OWNER " AND system = ?",
	[MZ_SQL_TLSA_PUT] = "INSERT INTO tlsa (server, origin, owner, system, usage, digest, role, "
			    "since, served,"
			    " gone, ttl) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[MZ_SQL_TLSA_ADDING] = "UPDATE tlsa SET served = 0, gone = 0, ttl = max(?6, (SELECT "
			       "coalesce(max(o.ttl), 0)"
			       " FROM tlsa o WHERE o.server = ?1 AND o.origin = ?2 AND o.owner = ?3"
			       " AND (o.served = 0 OR o.served + o.ttl > ?7)))" TLSA_KEY,
	[MZ_SQL_TLSA_SERVED] = "UPDATE tlsa SET served = ?6" TLSA_KEY " AND served = 0",
	[MZ_SQL_TLSA_DELETING] = "UPDATE tlsa SET served = 0, gone = ?6" TLSA_KEY " AND gone = 0",
	[MZ_SQL_TLSA_FORGET] = "DELETE FROM tlsa WHERE gone > 0 AND gone + 2 * ttl < ?",
	/* 3: MZ_TLSA_SERVER, 0: MZ_TLSA_NEXT */
	[MZ_SQL_TLSA_IN_USE] = "SELECT digest, role FROM tlsa WHERE" TLSA_OWNER
			       " AND usage = 3 AND role > 0 AND gone = 0",
};

struct mz_store *mz_store_new(const char *directory)
{
	struct mz_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	if (asprintf(&store->path, "%s/state.db", directory) < 0) {
		free(store);
		return NULL;
	}
	return store;
}

int mz_store_prepare(struct mz_store *store)
{
	for (size_t i = 0; i < MZ_SQL_COUNT; i++) {
		int rc = sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
					    &store->stmt[i], NULL);

		if (rc != SQLITE_OK)
			return mz_store_sqlite_fault(store, rc);
	}
	return MZ_OK;
}

void mz_store_free(struct mz_store *store)
{
	if (store == NULL)
		return;
	for (size_t i = 0; i < MZ_SQL_COUNT; i++)
		(void)sqlite3_finalize(store->stmt[i]);
	(void)sqlite3_close(store->db);
	mz_str_clear(&store->blob);
	free(store->path);
	free(store);
}

void mz_store_close(struct mz_store *store)
{
	struct mz_cause cause = {{0}};

	if (store == NULL)
		return;
	if (mz_store_commit(store, &cause) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "state_lost", "cause", cause.text, NULL);
	mz_store_free(store);
}

/* ---- errors ------------------------------------------------------------------------------- */

int mz_store_fault(struct mz_store *store, int err, const char *fmt, ...)
{
	struct mz_cause text = {{0}};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text.text, sizeof(text.text), fmt, args);
	va_end(args);
	return mz_cause_set(&store->error, err, "%s", text.text);
}

int mz_store_errno(struct mz_cause *cause, int e, const char *verb, const char *path)
{
	static const char *const hints[] = {
		[-MZ_EPERM] = ": run as the owner of the state directory",
		[-MZ_ESPACE] = ": make room on its file system",
	};
	int err = mz_err_of_errno(e);
	bool hint = (size_t)-err < sizeof(hints) / sizeof(hints[0]) && hints[-err] != NULL;

	return mz_cause_set(cause, err, "cannot %s %s: %s%s", verb, path, strerror(e),
			    hint ? hints[-err] : "");
}

/* What a primary result code of SQLite means here. */
static int from_sqlite(struct mz_store *store, int rc)
{
	int err = MZ_EIO;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return MZ_ESPACE;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return MZ_EPERM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* our statements are constant: the tables are not ours */
		return MZ_ESTATE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return MZ_ELOCKED;
	case SQLITE_NOMEM:
		return MZ_ENOMEM;
	case SQLITE_TOOBIG:
		return MZ_ERANGE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		/* A quota that is used up comes as a plain write error. */
		err = mz_err_of_errno(sqlite3_system_errno(store->db));
		return err == MZ_ESPACE || err == MZ_EPERM ? err : MZ_EIO;
	default:
		return MZ_EIO;
	}
}

int mz_store_sqlite_fault(struct mz_store *store, int rc)
{
	static const struct {
		int err;
		const char *what, *remedy;
	} texts[] = {
		{MZ_ESPACE, "no space left for", "make room on its file system and run again"},
		{MZ_EPERM, "may not write", "run as its owner, on a file system that is writable"},
		{MZ_ESTATE, "damaged:",
		 "restore it, or move it away: the zones are then read again, but history and "
		 "the list of DKIM keys are lost"},
		{MZ_ELOCKED, "in use:", "end the other program that has this database open"},
		{MZ_ENOMEM, "out of memory for", "run with more memory"},
		{MZ_ERANGE, "too large for", "publish fewer records in one domain"},
		{MZ_EIO, "cannot read or write", "check the disk and the system's log"},
	};
	const char *why = sqlite3_errstr(rc);
	int err = from_sqlite(store, rc);
	size_t i = 0;

	if (store->db != NULL && sqlite3_extended_errcode(store->db) == rc)
		why = sqlite3_errmsg(store->db);
	while (i + 1 < sizeof(texts) / sizeof(texts[0]) && texts[i].err != err)
		i++;
	return mz_store_fault(store, err, "%s %s (%s): %s", texts[i].what, store->path, why,
			      texts[i].remedy);
}

const char *mz_store_error(const struct mz_store *store)
{
	return store->error.text;
}

/* ---- the transaction ---------------------------------------------------------------------- */

/* Between two transactions SQLite locks and unlocks the file for each read, which costs several
 * times the read itself. So the first read or write begins a transaction and mz_store_commit
 * ends it. There is one writer, so that a read can always go on to write. */
static int begin(struct mz_store *store)
{
	int rc = SQLITE_OK;

	if (sqlite3_get_autocommit(store->db) == 0)
		return SQLITE_OK;
	rc = sqlite3_step(store->stmt[MZ_SQL_BEGIN]);
	(void)sqlite3_reset(store->stmt[MZ_SQL_BEGIN]);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void roll_back(struct mz_store *store)
{
	/* SQLite itself rolls back after some errors. */
	if (sqlite3_get_autocommit(store->db) != 0)
		return;
	(void)sqlite3_step(store->stmt[MZ_SQL_ROLLBACK]);
	(void)sqlite3_reset(store->stmt[MZ_SQL_ROLLBACK]);
}

int mz_store_undo(struct mz_store *store, int err)
{
	roll_back(store);
	store->writing = false;
	if (store->undone == MZ_OK) {
		store->undone = err;
		store->reason = store->error;
	}
	return err;
}

bool mz_store_dirty(const struct mz_store *store)
{
	return store->undone != MZ_OK || store->writing;
}

int mz_store_commit(struct mz_store *store, struct mz_cause *cause)
{
	int err = MZ_OK;

	if (sqlite3_get_autocommit(store->db) == 0) {
		struct mz_query q = {0};

		mz_query_read(&q, store, MZ_SQL_COMMIT);
		(void)mz_query_run(&q); /* a failure is kept as `undone` */
	}
	store->writing = false;
	err = store->undone;
	if (err == MZ_OK)
		return MZ_OK;
	store->error = store->reason;
	store->undone = MZ_OK;
	return mz_cause_set(cause, err, "%s", store->error.text);
}

/* ---- queries ------------------------------------------------------------------------------ */

void mz_query_read(struct mz_query *q, struct mz_store *store, enum mz_store_sql which)
{
	*q = (struct mz_query){.store = store, .stmt = store->stmt[which], .rc = begin(store)};
}

int mz_query_write(struct mz_query *q, struct mz_store *store, enum mz_store_sql which)
{
	if (store->undone != MZ_OK) {
		store->error = store->reason;
		return store->undone;
	}
	store->writing = true;
	mz_query_read(q, store, which);
	return MZ_OK;
}

static void keep_first(struct mz_query *q, int rc)
{
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

void mz_query_text(struct mz_query *q, const char *text)
{
	keep_first(q, sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_STATIC));
}

void mz_query_int(struct mz_query *q, int64_t value)
{
	keep_first(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
}

void mz_query_blob(struct mz_query *q, const void *octets, size_t len)
{
	keep_first(q, sqlite3_bind_blob64(q->stmt, ++q->bound, octets, len, SQLITE_STATIC));
}

void mz_query_place(struct mz_query *q, const char *server, const char *origin, const char *domain)
{
	mz_query_text(q, server);
	mz_query_text(q, origin);
	mz_query_text(q, domain);
}

int mz_query_step(struct mz_query *q)
{
	int rc = q->rc != SQLITE_OK ? q->rc : sqlite3_step(q->stmt), err = MZ_OK;

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	err = mz_store_sqlite_fault(q->store, rc);
	mz_query_end(q);
	if (q->store->writing)
		return mz_store_undo(q->store, err);
	roll_back(q->store);
	return err;
}

void mz_query_end(struct mz_query *q)
{
	(void)sqlite3_reset(q->stmt); /* repeats the error of the step, which was reported */
}

int mz_query_run(struct mz_query *q)
{
	int err = mz_query_step(q);

	mz_query_end(q);
	return err < 0 ? err : MZ_OK;
}

bool mz_query_bounded(const struct mz_query *q, int column, uint32_t max, uint32_t *out)
{
	int64_t value = sqlite3_column_int64(q->stmt, column);

	if (value < 0 || value > (int64_t)max)
		return false;
	*out = (uint32_t)value;
	return true;
}

const char *mz_query_copy(const struct mz_query *q, int column, struct mz_arena *arena)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);

	return text == NULL ? NULL : mz_arena_strdup(arena, text);
}
