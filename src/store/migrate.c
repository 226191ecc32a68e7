/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose database it is, of which version, and the numbered steps that bring it up to date. */
#include "src/store/migrate.h"

#include <stdio.h>

const char *const mz_store_steps[] = {
	/* 0 -> 1. `others` is the count of foreign RRs. A selector is a DNS label: no case. */
	"CREATE TABLE zone ("
	" server TEXT NOT NULL, origin TEXT NOT NULL, domain TEXT NOT NULL,"
	" known INTEGER NOT NULL, serial INTEGER NOT NULL, desired BLOB NOT NULL,"
	" last_verified INTEGER NOT NULL, large INTEGER NOT NULL, no_axfr INTEGER NOT NULL,"
	" in_place INTEGER NOT NULL, others INTEGER NOT NULL,"
	" PRIMARY KEY (server, origin, domain)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE ledger ("
	" server TEXT NOT NULL, origin TEXT NOT NULL, domain TEXT NOT NULL, rrs BLOB NOT NULL,"
	" PRIMARY KEY (server, origin, domain)) STRICT;"
	"CREATE INDEX ledger_domain ON ledger (domain);"
	"CREATE TABLE change ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, server TEXT NOT NULL,"
	" origin TEXT NOT NULL, domain TEXT NOT NULL, state INTEGER NOT NULL,"
	" serial INTEGER NOT NULL, added BLOB NOT NULL, deleted BLOB NOT NULL) STRICT;"
	"CREATE INDEX change_domain ON change (domain);"
	"CREATE INDEX change_intended ON change (id) WHERE state = 0;"
	"CREATE INDEX change_domain_intended ON change (domain) WHERE state = 0;"
	"CREATE TABLE dkim ("
	" id INTEGER PRIMARY KEY, domain TEXT NOT NULL, selector TEXT NOT NULL COLLATE NOCASE,"
	" algorithm INTEGER NOT NULL, stage INTEGER NOT NULL, version INTEGER NOT NULL,"
	" public_text TEXT NOT NULL, created INTEGER NOT NULL, since INTEGER NOT NULL,"
	" UNIQUE (domain, selector)) STRICT;",
	/* 1 -> 2. AUTOINCREMENT remembers the highest number, so that none is given twice. States
	 * from 3 on are those of tasks that are over. */
	"CREATE TABLE task ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, domain TEXT NOT NULL,"
	" families INTEGER NOT NULL, flags INTEGER NOT NULL, state INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL,"
	" changed INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;"
	"CREATE INDEX task_over ON task (changed, id) WHERE state >= 3;"
	"CREATE TABLE domain ("
	" name TEXT NOT NULL PRIMARY KEY, on_removal INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
	/* 2 -> 3. What was seen of the records of DKIM keys, and who was told of them. */
	"ALTER TABLE dkim ADD COLUMN handed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE dkim ADD COLUMN rotate INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE dkim_seen ("
	" domain TEXT NOT NULL, selector TEXT NOT NULL COLLATE NOCASE, server TEXT NOT NULL,"
	" hits INTEGER NOT NULL, since INTEGER NOT NULL, looked INTEGER NOT NULL,"
	" cached INTEGER NOT NULL,"
	" PRIMARY KEY (domain, selector, server)) STRICT, WITHOUT ROWID;",
	/* 3 -> 4. TLSA keys. `owner` is a name in wire form, `digest` that of the key. */
	"CREATE TABLE tlsa ("
	" server TEXT NOT NULL, origin TEXT NOT NULL, owner BLOB NOT NULL, system TEXT NOT NULL,"
	" digest BLOB NOT NULL, role INTEGER NOT NULL, since INTEGER NOT NULL,"
	" served INTEGER NOT NULL, ttl INTEGER NOT NULL,"
	" PRIMARY KEY (server, origin, owner, system, digest)) STRICT, WITHOUT ROWID;",
	/* 4 -> 5. For how long the DKIM keys of a domain that left are kept: 30 days by default. */
	"ALTER TABLE domain ADD COLUMN delete_after INTEGER NOT NULL DEFAULT 2592000;",
	/* 5 -> 6. Issuers' keys beside those of servers (`usage`), and keys that left before their time. */
	"ALTER TABLE tlsa RENAME TO tlsa_before;"
	"CREATE TABLE tlsa ("
	" server TEXT NOT NULL, origin TEXT NOT NULL, owner BLOB NOT NULL, system TEXT NOT NULL,"
	" usage INTEGER NOT NULL, digest BLOB NOT NULL, role INTEGER NOT NULL,"
	" since INTEGER NOT NULL, served INTEGER NOT NULL, gone INTEGER NOT NULL,"
	" ttl INTEGER NOT NULL,"
	" PRIMARY KEY (server, origin, owner, system, usage, digest)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX tlsa_owner ON tlsa (owner);"
	"CREATE INDEX tlsa_gone ON tlsa (gone) WHERE gone > 0;"
	"INSERT INTO tlsa SELECT server, origin, owner, system, 3, digest, role, since, served, 0,"
	" ttl FROM tlsa_before;"
	"DROP TABLE tlsa_before;",
};
const int mz_store_version = (int)(sizeof(mz_store_steps) / sizeof(mz_store_steps[0]));

int mz_store_identify(struct mz_store *store, int newest, int *version)
{
	static const char question[] =
		"SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
		" FROM pragma_application_id, pragma_user_version";
	sqlite3_stmt *stmt = NULL;
	int64_t application = 0, found = 0, tables = 0;
	int rc = sqlite3_prepare_v2(store->db, question, -1, &stmt, NULL), err = MZ_OK;

	*version = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		application = sqlite3_column_int64(stmt, 0);
		found = sqlite3_column_int64(stmt, 1);
		tables = sqlite3_column_int64(stmt, 2);
	} else {
		err = mz_store_sqlite_fault(store, rc);
	}
	(void)sqlite3_finalize(stmt);
	if (err != MZ_OK)
		return err;
	if (application == 0 && found == 0 && tables == 0)
		return MZ_OK;
	if (application != MZ_STORE_APPLICATION || found < 0)
		return mz_store_fault(store, MZ_ESTATE,
				      "%s is a database of another program: use another state "
				      "directory",
				      store->path);
	if (found > newest)
		return mz_store_fault(store, MZ_ESTATE,
				      "%s is of version %lld, and this program knows versions up "
				      "to "
				      "%d: use the newer program that wrote it",
				      store->path, (long long)found, newest);
	*version = (int)found;
	return MZ_OK;
}

int mz_store_migrate(struct mz_store *store, const char *const *steps, int from, int to)
{
	char stamp[128] = "";
	int rc = SQLITE_OK, err = MZ_OK;

	if (from == to)
		return MZ_OK;
	(void)snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		       MZ_STORE_APPLICATION, to);
	rc = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int i = from; i < to && rc == SQLITE_OK; i++)
		rc = sqlite3_exec(store->db, steps[i], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, stamp, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return MZ_OK;
	err = mz_store_sqlite_fault(store, rc);
	if (sqlite3_get_autocommit(store->db) == 0)
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}
