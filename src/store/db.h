/* SPDX-License-Identifier: BSD-2-Clause */
/* The open database: its statements, its one transaction, its errors; private to the room. */
#ifndef MZ_STORE_DB_H
#define MZ_STORE_DB_H

#include "mailzone/store.h"

#include <sqlite3.h>

/* Every statement there is: each is prepared once, when the database is opened. */
enum mz_store_sql {
	MZ_SQL_BEGIN,
	MZ_SQL_COMMIT,
	MZ_SQL_ROLLBACK,
	MZ_SQL_ZONE_GET,
	MZ_SQL_ZONE_PUT,
	MZ_SQL_ZONE_LET_GO,
	MZ_SQL_LEDGER_GET,
	MZ_SQL_LEDGER_PUT,
	MZ_SQL_LEDGER_DELETE,
	MZ_SQL_LEDGER_LET_GO,
	MZ_SQL_LEDGER_PLACES,
	MZ_SQL_LEDGER_DOMAINS,
	MZ_SQL_LEDGER_ALL,
	MZ_SQL_CHANGE_BEGIN,
	MZ_SQL_CHANGE_NARROW,
	MZ_SQL_CHANGE_END,
	MZ_SQL_CHANGE_FORGET,
	MZ_SQL_CHANGES,
	MZ_SQL_CHANGES_INTENDED,
	MZ_SQL_CHANGES_DOMAIN,
	MZ_SQL_CHANGES_DOMAIN_INTENDED,
	MZ_SQL_CHANGE_GET,
	MZ_SQL_TASK_PUT,
	MZ_SQL_TASK_DELETE,
	MZ_SQL_TASK_GET,
	MZ_SQL_TASK_AFTER,
	MZ_SQL_TASK_LAST,
	MZ_SQL_TASKS_TRIM,
	MZ_SQL_DOMAIN_PUT,
	MZ_SQL_DOMAIN_DELETE,
	MZ_SQL_DOMAINS,
	MZ_SQL_DOMAIN_GET,
	MZ_SQL_DKIM_ADD,
	MZ_SQL_DKIM_STAGE,
	MZ_SQL_DKIM_SWITCH,
	MZ_SQL_DKIM_HANDED,
	MZ_SQL_DKIM_ROTATE,
	MZ_SQL_DKIM_LIST,
	MZ_SQL_DKIM_SIGNING,
	MZ_SQL_DKIM_DOMAINS,
	MZ_SQL_DKIM_SEEN_PUT,
	MZ_SQL_DKIM_SEEN_LIST,
	MZ_SQL_DKIM_SEEN_DELETE,
	MZ_SQL_TLSA_GET,
	MZ_SQL_TLSA_ANYWHERE,
	MZ_SQL_TLSA_CLEAR,
	MZ_SQL_TLSA_PUT,
	MZ_SQL_TLSA_ADDING,
	MZ_SQL_TLSA_SERVED,
	MZ_SQL_TLSA_DELETING,
	MZ_SQL_TLSA_FORGET,
	MZ_SQL_TLSA_IN_USE,
	MZ_SQL_COUNT
};

struct mz_store {
	sqlite3 *db;
	sqlite3_stmt *stmt[MZ_SQL_COUNT];
	char *path;
	struct mz_str blob;	/* RR lists on their way into a row */
	struct mz_cause error;	/* of the last call that failed */
	bool writing;		/* the open transaction has writes */
	int undone;		/* why the open transaction was undone; MZ_OK: it was not */
	struct mz_cause reason; /* the same as text */
};

/* A store for DIRECTORY/state.db, nothing opened yet; NULL when out of memory. */
struct mz_store *mz_store_new(const char *directory);
/* Prepares all statements. MZ_ESTATE when the tables are not those that we made. */
int mz_store_prepare(struct mz_store *store);
/* Gives everything back and commits nothing. */
void mz_store_free(struct mz_store *store);

/* Keeps the text of an error for mz_store_error; returns err. */
int mz_store_fault(struct mz_store *store, int err, const char *fmt, ...) MZ_PRINTF(3, 4);
/* The same for a result code of SQLite: says what, which file, and what to do. */
int mz_store_sqlite_fault(struct mz_store *store, int rc);
/* Rolls the open transaction back; mz_store_commit is going to report `err` and the kept text.
 * Returns err. */
int mz_store_undo(struct mz_store *store, int err);
/* Sets the cause for a failed system call: "cannot VERB PATH: why"; returns the error code. */
int mz_store_errno(struct mz_cause *cause, int e, const char *verb, const char *path);

/* One run of a prepared statement. Values are bound in the order of the calls and must stay
 * valid until the end; what goes wrong while binding is reported by mz_query_step. */
struct mz_query {
	struct mz_store *store;
	sqlite3_stmt *stmt;
	int rc, bound;
};
/* Begins the transaction if there is none. */
void mz_query_read(struct mz_query *q, struct mz_store *store, enum mz_store_sql which);
/* When the transaction was undone before: that error, again. */
int mz_query_write(struct mz_query *q, struct mz_store *store, enum mz_store_sql which);
void mz_query_text(struct mz_query *q, const char *text);
void mz_query_int(struct mz_query *q, int64_t value);
void mz_query_blob(struct mz_query *q, const void *octets, size_t len);
/* The key of zones and ledgers: three texts. */
void mz_query_place(struct mz_query *q, const char *server, const char *origin, const char *domain);
/* 1: a row, 0: no more, or an error; an error undoes what was written before. */
int mz_query_step(struct mz_query *q);
/* Resets the statement: columns are not valid any more. */
void mz_query_end(struct mz_query *q);
/* Step and end, for statements that give no rows. */
int mz_query_run(struct mz_query *q);

/* For statements whose one column is a domain: calls fn for each row, when no statement is open any more. */
int mz_query_each_domain(struct mz_query *q, void (*fn)(void *arg, const char *domain), void *arg);

/* A column that must lie in 0..max; false when it does not. */
bool mz_query_bounded(const struct mz_query *q, int column, uint32_t max, uint32_t *out);
/* A copy of a text column; NULL when it is no text or memory ran out. */
const char *mz_query_copy(const struct mz_query *q, int column, struct mz_arena *arena);

#endif
