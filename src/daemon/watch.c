/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows files on disk. inotify only says when to look: what counts is what stat then finds. */
#include "src/daemon/watch.h"

#include <dirent.h>
#include <event2/event.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailzone/base.h"

enum {
	QUIET_MS = 200,
	FOLDERS_MASK =
		IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB
};

/* What a path was when it was looked at. */
struct stamp {
	uint64_t device, inode, size, entries;
	int64_t seconds, nanoseconds;
	mode_t mode;
};

struct item {
	char *path;
	struct stamp stamp;
};

struct watch {
	struct event_base *base;
	struct event *readable, *quiet, *check;
	int fd; /* of inotify; -1: there is none, the check alone has to do */
	struct timeval check_every;
	struct item *items;
	size_t count;
	void (*changed)(void *arg);
	void *arg;
};

/* ---- looking ------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *octets, size_t n)
{
	const uint8_t *p = octets;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 1099511628211u;
	return hash;
}

/* The entries of a folder in one number, whatever their order. */
static uint64_t folder_stamp(const char *path)
{
	DIR *dir = opendir(path);
	uint64_t sum = 0;

	if (dir == NULL)
		return 0;
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		struct stat st = {0};
		uint64_t hash = mix(14695981039346656037u, entry->d_name, strlen(entry->d_name));

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
			continue;
		hash = mix(hash, &st.st_ino, sizeof(st.st_ino));
		hash = mix(hash, &st.st_size, sizeof(st.st_size));
		sum += mix(hash, &st.st_mtim, sizeof(st.st_mtim));
	}
	(void)closedir(dir);
	return sum;
}

static struct stamp look(const char *path)
{
	struct stamp stamp = {0};
	struct stat st = {0};

	if (stat(path, &st) != 0)
		return stamp;
	stamp.device = st.st_dev;
	stamp.inode = st.st_ino;
	stamp.mode = st.st_mode;
	if (S_ISDIR(st.st_mode)) {
		stamp.entries = folder_stamp(path);
		return stamp;
	}
	stamp.size = (uint64_t)st.st_size;
	stamp.seconds = st.st_mtim.tv_sec;
	stamp.nanoseconds = st.st_mtim.tv_nsec;
	return stamp;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->entries == b->entries && a->seconds == b->seconds &&
	       a->nanoseconds == b->nanoseconds && a->mode == b->mode;
}

/* ---- inotify --------------------------------------------------------------------------------------- */

static void follow_folder(const struct watch *watch, const char *path)
{
	char folder[PATH_MAX] = "";

	(void)snprintf(folder, sizeof(folder), "%s", path);
	(void)inotify_add_watch(watch->fd, dirname(folder), FOLDERS_MASK);
}

/* The folder of the path, of each link on its way, and of where it leads to. */
static void follow(const struct watch *watch, const char *path)
{
	char at[PATH_MAX] = "", target[PATH_MAX] = "", real[PATH_MAX] = "";
	struct stat st = {0};

	if (watch->fd < 0)
		return;
	(void)snprintf(at, sizeof(at), "%s", path);
	for (int hops = 0; hops < 8; hops++) {
		ssize_t n = readlink(at, target, sizeof(target) - 1);
		char *slash = strrchr(at, '/');

		follow_folder(watch, at);
		if (n <= 0 || slash == NULL)
			break;
		target[n] = '\0';
		if (target[0] == '/')
			memcpy(at, target, (size_t)n + 1);
		else if ((size_t)(slash + 1 - at) + (size_t)n < sizeof(at))
			memcpy(slash + 1, target, (size_t)n + 1);
		else
			break;
	}
	if (realpath(path, real) != NULL)
		follow_folder(watch, real);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		(void)inotify_add_watch(watch->fd, path, FOLDERS_MASK);
}

static void look_again(struct watch *watch)
{
	bool changed = false;

	for (size_t i = 0; i < watch->count; i++) {
		struct stamp now = look(watch->items[i].path);

		if (same(&now, &watch->items[i].stamp))
			continue;
		watch->items[i].stamp = now;
		follow(watch, watch->items[i].path); /* its links may lead elsewhere now */
		changed = true;
	}
	if (changed)
		watch->changed(watch->arg);
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look_again(arg);
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look_again(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	struct timeval quiet = {0, QUIET_MS * 1000};
	char buf[4096] = "";

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	/* Not put off by what comes after: a folder that never rests must not hide a change for ever. */
	if (!evtimer_pending(watch->quiet, NULL))
		(void)evtimer_add(watch->quiet, &quiet);
}

/* ---- the contract ------------------------------------------------------------------------------------ */

int watch_new(struct watch **out, struct event_base *base, unsigned check_s,
	      void (*changed)(void *arg), void *arg)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	*out = watch;
	if (watch == NULL)
		return MZ_ENOMEM;
	watch->base = base;
	watch->changed = changed;
	watch->arg = arg;
	watch->check_every.tv_sec = (time_t)check_s;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->quiet = evtimer_new(base, on_quiet, watch);
	watch->check = event_new(base, -1, EV_PERSIST, on_check, watch);
	if (watch->fd >= 0)
		watch->readable =
			event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
	if (watch->quiet == NULL || watch->check == NULL ||
	    (watch->fd >= 0 && watch->readable == NULL) ||
	    event_add(watch->check, &watch->check_every) != 0 ||
	    (watch->readable != NULL && event_add(watch->readable, NULL) != 0))
		return MZ_ENOMEM;
	return MZ_OK;
}

static void items_free(struct item *items, size_t count)
{
	for (size_t i = 0; items != NULL && i < count; i++)
		free(items[i].path);
	free(items);
}

int watch_set(struct watch *watch, const char *const *paths, size_t count)
{
	struct item *items = calloc(count + 1, sizeof(*items));

	if (items == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		items[i].path = strdup(paths[i]);
		if (items[i].path == NULL) {
			items_free(items, count);
			return MZ_ENOMEM;
		}
		follow(watch, paths[i]); /* before the look: what changes between the two is seen */
		items[i].stamp = look(paths[i]);
	}
	items_free(watch->items, watch->count);
	watch->items = items;
	watch->count = count;
	return MZ_OK;
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->readable != NULL)
		event_free(watch->readable);
	if (watch->quiet != NULL)
		event_free(watch->quiet);
	if (watch->check != NULL)
		event_free(watch->check);
	if (watch->fd >= 0)
		(void)close(watch->fd);
	items_free(watch->items, watch->count);
	free(watch);
}
