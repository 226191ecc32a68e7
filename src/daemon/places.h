/* SPDX-License-Identifier: BSD-2-Clause */
/* Where on disk something has to happen for a path to lead elsewhere: names in folders. */
#ifndef MZ_DAEMON_PLACES_H
#define MZ_DAEMON_PLACES_H

#include "mailzone/base.h"

struct place {
	int wd;		  /* of inotify, for the folder */
	const char *name; /* NULL: all that are in it */
};

/* {0} is an empty list. */
struct places {
	struct place *at; /* once sorted: by folder, each once */
	size_t count, cap;
	bool limited; /* some are missing, for inotify has its limits */
	struct mz_arena names;
};

/* Has inotify (its descriptor `fd`) watch all folders that the path goes through, with those that
 * its links lead through, and adds them. A path that leads to nothing yet ends at what is there.
 * For a folder, its entries and where links among them lead count too. MZ_ENOMEM. */
int places_follow(struct places *places, int fd, const char *path);
/* Puts the list in order, which places_have() needs. */
void places_sort(struct places *places);
/* Is the name in this folder (NULL: any, or the folder itself) one that matters? */
bool places_have(const struct places *places, int wd, const char *name);
void places_clear(struct places *places);

#endif
