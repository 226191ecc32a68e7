/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema and its versions; private to the room. */
#ifndef MZ_STORE_MIGRATE_H
#define MZ_STORE_MIGRATE_H

#include "src/store/db.h"

/* In the header of the file, so that another program's database is known as such: "mzst". */
#define MZ_STORE_APPLICATION 0x6d7a7374

/* mz_store_steps[n] brings version n to n + 1. */
extern const char *const mz_store_steps[];
extern const int mz_store_version; /* the version that this program works with */

/* Reads the version of the file: 0 for a new, empty one. MZ_ESTATE for a file of another
 * program, or of a version above `newest`. */
int mz_store_identify(struct mz_store *store, int newest, int *version);
/* Brings the file from version `from` to `to`, all or nothing. */
int mz_store_migrate(struct mz_store *store, const char *const *steps, int from, int to);

#endif
