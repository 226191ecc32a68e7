/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows files on disk by inotify, with a look now and then behind it. */
#include "src/daemon/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "mailzone/base.h"
#include "src/daemon/places.h"
#include "src/daemon/stamp.h"

#define QUIET_MS 200u	 /* without an event: the burst is over */
#define LONGEST_MS 2000u /* no burst is waited for longer */

struct item {
	const char *path;
	struct stamp stamp;
};

struct items {
	struct item *at;
	size_t count;
	struct mz_arena paths;
};

struct watch {
	struct event *on_event, *on_burst, *on_check;
	void (*changed)(void *arg);
	void *arg;
	struct items items;
	struct places places;
	uint64_t first; /* ms: the first event of the burst; 0: there is none */
	int fd;		/* -1: no inotify */
	bool limited;	/* it was said that not all can be watched */
	bool unsure;	/* the stamps may not be of what was read */
};

/* ---- looking --------------------------------------------------------------------------------- */

/* Has inotify watch what `fresh` names and nothing else. */
static void swap_places(struct watch *watch, struct places *fresh)
{
	struct places old = watch->places;

	watch->places = *fresh;
	for (size_t i = 0; i < old.count; i++) {
		if ((i == 0 || old.at[i].wd != old.at[i - 1].wd) &&
		    !places_have(fresh, old.at[i].wd, NULL))
			(void)inotify_rm_watch(watch->fd, old.at[i].wd);
	}
	places_clear(&old);
}

static void say_limited(struct watch *watch, const char *reason)
{
	if (!watch->limited)
		mz_log(MZ_LOG_WARNING, "watch_limited", "reason", reason, NULL);
	watch->limited = true;
}

/* Follows all paths anew, for links and folders may be others by now. MZ_ENOMEM: nothing changed.
 */
static int place_all(struct watch *watch, const struct items *items)
{
	struct places fresh = {0};
	bool limited = false;
	int err = MZ_OK;

	if (watch->fd < 0)
		return MZ_OK;
	for (size_t i = 0; i < items->count && err == MZ_OK; i++)
		err = places_follow(&fresh, watch->fd, items->at[i].path);
	if (err != MZ_OK) {
		places_clear(&fresh);
		return err;
	}
	places_sort(&fresh);
	limited = fresh.limited;
	swap_places(watch, &fresh);
	if (limited)
		say_limited(watch, "no more inotify watches: raise fs.inotify.max_user_watches");
	return MZ_OK;
}

/* Without memory for new places the old ones serve; the stamps tell all the same. */
static void look(struct watch *watch)
{
	bool differs = watch->unsure && watch->first != 0;

	if (watch->first != 0)
		watch->unsure = false;
	watch->first = 0;
	(void)place_all(watch, &watch->items);
	for (size_t i = 0; i < watch->items.count; i++) {
		struct item *item = &watch->items.at[i];
		struct stamp now = stamp_take(item->path);

		differs = differs || !stamp_same(&now, &item->stamp);
		item->stamp = now;
	}
	if (differs)
		watch->changed(watch->arg);
}

static void on_burst(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	if (watch->first == 0) /* else the burst is about to be over */
		look(watch);
}

/* Something happened: looks when nothing has for a while. */
static void stir(struct watch *watch)
{
	uint64_t now = mz_clock_mono_ms(), end = now + QUIET_MS;
	struct timeval wait = {0};

	if (watch->first == 0)
		watch->first = now;
	if (end > watch->first + LONGEST_MS)
		end = watch->first + LONGEST_MS;
	if (end > now)
		wait.tv_usec = (suseconds_t)((end - now) * 1000);
	if (event_add(watch->on_burst, &wait) != 0)
		watch->first = 0; /* the check will find it */
}

/* ---- inotify --------------------------------------------------------------------------------- */

static bool concerns(const struct watch *watch, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	return places_have(&watch->places, event->wd, event->len > 0 ? event->name : NULL);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct inotify_event) char buf[16384];
	struct watch *watch = arg;
	bool stirred = false;
	ssize_t n = 0;

	(void)what;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *event = (const void *)p;

			stirred = stirred || concerns(watch, event);
			p += sizeof(*event) + event->len;
		}
	}
	if (stirred)
		stir(watch);
}

static int start_inotify(struct watch *watch, struct event_base *base)
{
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		say_limited(watch, strerror(errno));
		return MZ_OK;
	}
	watch->on_event = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_event, watch);
	if (watch->on_event == NULL || event_add(watch->on_event, NULL) != 0)
		return MZ_ENOMEM;
	return MZ_OK;
}

/* ---- the set --------------------------------------------------------------------------------- */

static void items_clear(struct items *items)
{
	free(items->at);
	mz_arena_clear(&items->paths);
	*items = (struct items){0};
}

static int by_path(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* In the order of their paths. */
static int items_fill(struct items *items, const char *const *paths, size_t count)
{
	if (count == 0)
		return MZ_OK;
	items->at = calloc(count, sizeof(*items->at));
	if (items->at == NULL)
		return MZ_ENOMEM;
	for (; items->count < count; items->count++) {
		const char *path = mz_arena_strdup(&items->paths, paths[items->count]);

		if (path == NULL)
			return MZ_ENOMEM;
		items->at[items->count].path = path;
	}
	qsort(items->at, count, sizeof(*items->at), by_path);
	return MZ_OK;
}

static const struct item *items_find(const struct items *items, const char *path)
{
	struct item key = {.path = path};

	if (items->count == 0)
		return NULL;
	return bsearch(&key, items->at, items->count, sizeof(key), by_path);
}

/* The stamps of the new set; where the old one has another one, the file changed between. */
static void take_stamps(struct watch *watch, struct items *fresh)
{
	for (size_t i = 0; i < fresh->count; i++) {
		struct item *item = &fresh->at[i];
		const struct item *old = items_find(&watch->items, item->path);

		item->stamp = stamp_take(item->path);
		if (old == NULL || stamp_same(&old->stamp, &item->stamp))
			continue;
		/* It may be as it was when we look: what counts is what was read between. */
		watch->unsure = true;
		stir(watch);
	}
}

int watch_set(struct watch *watch, const char *const *paths, size_t count)
{
	struct items fresh = {0};
	int err = items_fill(&fresh, paths, count);

	if (err == MZ_OK)
		err = place_all(watch, &fresh);
	if (err != MZ_OK) {
		items_clear(&fresh);
		return err;
	}
	take_stamps(watch, &fresh);
	items_clear(&watch->items);
	watch->items = fresh;
	return MZ_OK;
}

void watch_doubt(struct watch *watch)
{
	watch->unsure = true;
}

/* ---- new and free ---------------------------------------------------------------------------- */

static int start(struct watch *watch, struct event_base *base, unsigned check_s)
{
	struct timeval every = {(time_t)check_s, 0};

	watch->on_burst = evtimer_new(base, on_burst, watch);
	watch->on_check = event_new(base, -1, EV_PERSIST, on_check, watch);
	if (watch->on_burst == NULL || watch->on_check == NULL ||
	    (check_s > 0 && event_add(watch->on_check, &every) != 0))
		return MZ_ENOMEM;
	return start_inotify(watch, base);
}

int watch_new(struct watch **out, struct event_base *base, unsigned check_s,
	      void (*changed)(void *arg), void *arg)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int err = MZ_OK;

	*out = NULL;
	if (watch == NULL)
		return MZ_ENOMEM;
	watch->changed = changed;
	watch->arg = arg;
	watch->fd = -1;
	err = start(watch, base, check_s);
	if (err != MZ_OK) {
		watch_free(watch);
		return err;
	}
	*out = watch;
	return MZ_OK;
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->on_event != NULL)
		event_free(watch->on_event);
	if (watch->on_burst != NULL)
		event_free(watch->on_burst);
	if (watch->on_check != NULL)
		event_free(watch->on_check);
	if (watch->fd >= 0)
		close(watch->fd);
	items_clear(&watch->items);
	places_clear(&watch->places);
	free(watch);
}
