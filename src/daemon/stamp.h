/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be seen of a file from outside, to tell whether it is still the same. */
#ifndef MZ_DAEMON_STAMP_H
#define MZ_DAEMON_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: there is no such file, or none that may be seen. */
struct stamp {
	bool there;
	uint64_t dev, ino;
	uint64_t mode;	      /* a file that may be read at last is another one */
	uint64_t size, mtime; /* octets, nanoseconds; 0 for a folder */
	uint64_t entries;     /* of a folder: a digest of the names and stamps of those in sight */
};

/* Takes the stamp of what the path leads to, through all links. */
struct stamp stamp_take(const char *path);
bool stamp_same(const struct stamp *a, const struct stamp *b);

#endif
