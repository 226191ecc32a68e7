/* SPDX-License-Identifier: BSD-2-Clause */
/* Where on disk something has to happen for a path to lead elsewhere. */
#include "src/daemon/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* in one path, as the kernel has it */

/* A file being written is no change until it is closed. */
#define EVENTS                                                                                     \
	(IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM |     \
	 IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR)

/* ---- the list -------------------------------------------------------------------------------- */

void places_clear(struct places *places)
{
	free(places->at);
	mz_arena_clear(&places->names);
	*places = (struct places){0};
}

static bool add(struct places *places, int wd, const char *name)
{
	size_t cap = places->cap > 0 ? places->cap * 2 : 64;
	struct place *at = places->at;

	if (places->count == places->cap) {
		at = realloc(places->at, cap * sizeof(*at));
		if (at == NULL)
			return false;
		places->at = at;
		places->cap = cap;
	}
	at += places->count;
	*at = (struct place){.wd = wd};
	if (name != NULL && (at->name = mz_arena_strdup(&places->names, name)) == NULL)
		return false;
	places->count++;
	return true;
}

/* By folder, then by name; "all of them" comes first. */
static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->wd != y->wd)
		return x->wd < y->wd ? -1 : 1;
	if (x->name == NULL || y->name == NULL)
		return (x->name != NULL) - (y->name != NULL);
	return strcmp(x->name, y->name);
}

void places_sort(struct places *places)
{
	size_t used = 0;

	if (places->count == 0)
		return;
	qsort(places->at, places->count, sizeof(*places->at), compare);
	for (size_t i = 1; i < places->count; i++)
		if (compare(&places->at[used], &places->at[i]) != 0)
			places->at[++used] = places->at[i];
	places->count = used + 1;
}

/* The first place of the folder; past the end or another folder's where there is none. */
static size_t find(const struct places *places, int wd)
{
	size_t low = 0, high = places->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (places->at[middle].wd < wd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool places_have(const struct places *places, int wd, const char *name)
{
	size_t i = find(places, wd);

	for (; i < places->count && places->at[i].wd == wd; i++) {
		const char *wanted = places->at[i].name;

		if (name == NULL || wanted == NULL || strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

/* ---- walking a path -------------------------------------------------------------------------- */

struct walk {
	struct places *places;
	int fd;		     /* of inotify */
	bool failed;	     /* out of memory */
	bool folder;	     /* the path led to a folder: `dir` */
	unsigned links;	     /* followed */
	char dir[PATH_MAX];  /* a folder, reached without links */
	char rest[PATH_MAX]; /* what is to be followed from there */
};

/* The folder is watched before it is looked at, so that nothing falls between. */
static void add_place(struct walk *walk, const char *name)
{
	int wd = inotify_add_watch(walk->fd, walk->dir, EVENTS);

	if (wd < 0 && (errno == ENOSPC || errno == ENOMEM))
		walk->places->limited = true;
	if (wd >= 0 && !add(walk->places, wd, name))
		walk->failed = true;
}

static bool join(char out[PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);

	return n > 0 && n < PATH_MAX;
}

/* Cuts the first name off the rest; false when there is none. */
static bool cut(char rest[PATH_MAX], char name[PATH_MAX])
{
	size_t n = 0, skip = 0;

	do {
		skip += n;
		skip += strspn(rest + skip, "/");
		n = strcspn(rest + skip, "/");
	} while (n == 1 && rest[skip] == '.');
	if (n == 0)
		return false;
	memcpy(name, rest + skip, n);
	name[n] = '\0';
	memmove(rest, rest + skip + n, strlen(rest + skip + n) + 1);
	return true;
}

static bool enter_link(struct walk *walk, const char *link)
{
	char target[PATH_MAX] = "", rest[PATH_MAX] = "";
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0 || ++walk->links > LINKS_MAX || !join(rest, target, walk->rest))
		return false;
	memcpy(walk->rest, rest, sizeof(rest));
	if (target[0] == '/')
		memcpy(walk->dir, "/", 2);
	return true;
}

/* Goes one name further. False: the path ends here, or leads no further. */
static bool step(struct walk *walk)
{
	char name[PATH_MAX] = "", next[PATH_MAX] = "";
	struct stat st = {0};

	if (!cut(walk->rest, name)) {
		walk->folder = true;
		return false;
	}
	add_place(walk, name);
	if (!join(next, walk->dir, name) || lstat(next, &st) != 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return enter_link(walk, next);
	if (!S_ISDIR(st.st_mode))
		return false;
	memcpy(walk->dir, next, sizeof(next));
	return true;
}

/* Takes the places of the path from the folder on into walk->places. */
static void follow(struct walk *walk, const char *folder, const char *path)
{
	walk->folder = false;
	walk->links = 0;
	if (snprintf(walk->dir, PATH_MAX, "%s", folder) >= PATH_MAX ||
	    snprintf(walk->rest, PATH_MAX, "%s", path) >= PATH_MAX)
		return;
	while (!walk->failed && step(walk))
		;
}

/* The links in a folder lead elsewhere. */
static void follow_entries(struct walk *walk)
{
	char folder[PATH_MAX] = "";
	const struct dirent *entry = NULL;
	struct stat st = {0};
	DIR *dir = NULL;

	add_place(walk, NULL);
	memcpy(folder, walk->dir, sizeof(folder));
	dir = opendir(folder);
	if (dir == NULL)
		return;
	while (!walk->failed && (entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			follow(walk, folder, entry->d_name);
	}
	closedir(dir);
}

int places_follow(struct places *places, int fd, const char *path)
{
	struct walk walk = {.places = places, .fd = fd};

	follow(&walk, path[0] == '/' ? "/" : ".", path);
	if (walk.folder)
		follow_entries(&walk);
	return walk.failed ? MZ_ENOMEM : MZ_OK;
}
