/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows files on disk: certificates, keys, policies, the configuration. */
#ifndef MZ_DAEMON_WATCH_H
#define MZ_DAEMON_WATCH_H

#include <stddef.h>

struct event_base;
struct watch;

/*
 * A path is looked at through all its links, as certbot's live/x/fullchain.pem, and may lead to
 * nothing yet. Of a folder its entries are watched, with where links among them lead; what is in
 * folders below is not, nor are names with a dot in front. A file counts as changed when device,
 * inode, mode, size or time of modification of what the path leads to are others than before.
 *
 * `changed` is called from the loop, once for a burst of changes: 200 ms after the last of them, or
 * 2 s after the first. It may set other paths, and free the watch. What inotify does not tell (a
 * limit is reached, a network file system) is found by a look every `check_s` seconds; 0: never.
 * MZ_ENOMEM.
 */
int watch_new(struct watch **out, struct event_base *base, unsigned check_s,
	      void (*changed)(void *arg), void *arg);

/*
 * Replaces the set of paths, which are copied. What changes from now on counts: set them before
 * the files are read. For a path that was in the set, so does a change not yet reported. On
 * MZ_ENOMEM the old set stands.
 */
int watch_set(struct watch *watch, const char *const *paths, size_t count);

/* What was read may be of a moment between two looks: what happens next counts as a change, whatever comes of it. */
void watch_doubt(struct watch *watch);

/* `changed` is not called any more. NULL is fine. */
void watch_free(struct watch *watch);

#endif
