/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening the database: by the one writer, and by readers that hold no lock and write nothing. */
#include "src/store/db.h"
#include "src/store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a reader waits while the writer recovers or removes its log. */
enum { BUSY_MS = 1000 };

/* SQLite would make the file with the mode of the umask. An existing file is not opened here:
 * closing it would drop the locks that this process holds on it (POSIX). */
static int make_file(const char *path, struct mz_cause *cause)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return errno == EEXIST ? MZ_OK : mz_store_errno(cause, errno, "make", path);
	(void)close(fd);
	return MZ_OK;
}

/* The file as a URI of SQLite that is read as if nobody could change it; NULL: no memory. */
static char *immutable_uri(const char *path)
{
	struct mz_str uri = {0};

	/* An empty authority keeps a path that begins with two slashes whole. */
	mz_str_add(&uri, *path == '/' ? "file://" : "file:");
	for (const char *p = path; *p != '\0'; p++) {
		if (strchr("%?#", *p) != NULL)
			mz_str_addf(&uri, "%%%02X", (unsigned)*p);
		else
			mz_str_addc(&uri, *p);
	}
	mz_str_add(&uri, "?immutable=1");
	if (uri.failed)
		mz_str_clear(&uri);
	return uri.s;
}

static int connect_db(struct mz_store *store, const char *name, int flags)
{
	static const char settings[] =
		"PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;"
		/* Nothing in the file is secret: do not pay for zeroed pages. */
		"PRAGMA secure_delete = OFF;"
		/* Pages. A row is hardly asked for twice in a short time: a few pages that are in use all the time
		 * cost less than many that rest in between. */
		"PRAGMA cache_size = 64";
	int rc = SQLITE_OK;

	/* Pages are allocated when they are needed, not twenty at once. It may be set before the first
	 * use of SQLite only. */
	(void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	rc = sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			     NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(store->db, BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, settings, NULL, NULL, NULL);
	return rc == SQLITE_OK ? MZ_OK : mz_store_sqlite_fault(store, rc);
}

/* The log mode is kept in the file; it cannot be set on file systems without shared memory. */
static int set_wal(struct mz_store *store)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	int err = MZ_OK;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW) {
		err = mz_store_sqlite_fault(store, rc);
	} else {
		const char *mode = (const char *)sqlite3_column_text(stmt, 0);

		if (mode == NULL || strcmp(mode, "wal") != 0)
			err = mz_store_fault(store, MZ_EIO,
					     "%s cannot have a write-ahead log: use a state "
					     "directory "
					     "on a local file system",
					     store->path);
	}
	(void)sqlite3_finalize(stmt);
	return err;
}

static int open_writer(struct mz_store *store)
{
	int version = 0, err = connect_db(store, store->path, SQLITE_OPEN_READWRITE);

	if (err != MZ_OK)
		return err;
	if (sqlite3_db_readonly(store->db, "main") != 0)
		return mz_store_fault(store, MZ_EPERM,
				      "may not write %s: run as its owner, on a file system that "
				      "is "
				      "writable",
				      store->path);
	/* Before anything is changed in a file that may not be ours. */
	err = mz_store_identify(store, mz_store_version, &version);
	if (err == MZ_OK)
		err = set_wal(store);
	if (err == MZ_OK)
		err = mz_store_migrate(store, mz_store_steps, version, mz_store_version);
	if (err == MZ_OK)
		err = mz_store_prepare(store);
	return err;
}

int mz_store_open(struct mz_store **out, const char *directory, struct mz_cause *cause)
{
	struct mz_store *store = mz_store_new(directory);
	int err = MZ_OK;

	*out = NULL;
	if (store == NULL)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	err = make_file(store->path, cause);
	if (err == MZ_OK) {
		err = open_writer(store);
		if (err != MZ_OK)
			(void)mz_cause_set(cause, err, "%s", store->error.text);
	}
	if (err == MZ_OK)
		*out = store;
	else
		mz_store_free(store);
	return err;
}

static int open_reader(struct mz_store *store, const char *name, int flags)
{
	int version = 0, err = connect_db(store, name, SQLITE_OPEN_READONLY | flags);

	if (err == MZ_OK)
		err = mz_store_identify(store, mz_store_version, &version);
	if (err != MZ_OK)
		return err;
	if (version == 0)
		return mz_store_fault(store, MZ_ENOTFOUND, "%s is still empty", store->path);
	if (version < mz_store_version)
		return mz_store_fault(store, MZ_ESTATE,
				      "%s is of the older version %d: mailzone apply or mailzoned "
				      "brings "
				      "it up to date",
				      store->path, version);
	return mz_store_prepare(store);
}

/* Is there a log that holds changes? */
static bool has_log(const char *path)
{
	struct stat st = {0};
	char *log = NULL;
	bool result = true;

	if (asprintf(&log, "%s-wal", path) >= 0) {
		result = stat(log, &st) == 0 ? st.st_size > 0 : errno != ENOENT;
		free(log);
	}
	return result;
}

/* A reader of a log shares memory with the writer through a file beside it. Where that file is
 * not there and cannot be made, and no log is there either, the database is complete by itself
 * and can be read as it is. */
static int open_unshared(struct mz_store *store, int err)
{
	char *uri = NULL;

	if (has_log(store->path)) {
		struct mz_cause first = store->error;

		return mz_store_fault(store, err,
				      "%.300s; its log %.100s-wal is read only by those who "
				      "may write to the directory: run as the owner",
				      first.text, store->path);
	}
	uri = immutable_uri(store->path);
	if (uri == NULL)
		return mz_store_fault(store, MZ_ENOMEM, "out of memory");
	(void)sqlite3_close(store->db);
	store->db = NULL;
	err = open_reader(store, uri, SQLITE_OPEN_URI);
	free(uri);
	return err;
}

int mz_store_open_readonly(struct mz_store **out, const char *directory, struct mz_cause *cause)
{
	struct mz_store *store = mz_store_new(directory);
	struct stat st = {0};
	int err = MZ_OK;

	*out = NULL;
	if (store == NULL)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (stat(store->path, &st) != 0) {
		err = mz_store_errno(&store->error, errno, "open", store->path);
	} else {
		err = open_reader(store, store->path, 0);
		if (err == MZ_EPERM || err == MZ_EIO)
			err = open_unshared(store, err);
	}
	if (err == MZ_OK) {
		*out = store;
		return MZ_OK;
	}
	(void)mz_cause_set(cause, err, "%s", store->error.text);
	mz_store_free(store);
	return err;
}
