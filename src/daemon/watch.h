/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows files on disk: by inotify on the folders that they are in, and by a look from time to time. */
#ifndef MZ_DAEMON_WATCH_H
#define MZ_DAEMON_WATCH_H

#include <stddef.h>

struct event_base;
struct watch;

/* `changed` is called from the loop, once for a burst of changes, and only where a file or folder is not
 * what it was: another file, another size, another time, gone or there again. MZ_ENOMEM. */
int watch_new(struct watch **out, struct event_base *base, unsigned check_s,
	      void (*changed)(void *arg), void *arg);
/* Replaces the files and folders that are followed; the paths are copied. They need not be there yet. Of a
 * folder its entries count. MZ_ENOMEM: the old set stays. */
int watch_set(struct watch *watch, const char *const *paths, size_t count);
void watch_free(struct watch *watch);

#endif
