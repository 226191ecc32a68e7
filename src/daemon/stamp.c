/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be seen of a file from outside. */
#include "src/daemon/stamp.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "mailzone/base.h"

static struct stamp from_stat(const struct stat *st)
{
	return (struct stamp){
		.there = true,
		.dev = (uint64_t)st->st_dev,
		.ino = (uint64_t)st->st_ino,
		.mode = (uint64_t)st->st_mode,
		.size = (uint64_t)st->st_size,
		.mtime = (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec,
	};
}

/* Whoever may write to the folder has no need to find collisions. */
static uint64_t entry_digest(int folder, const char *name)
{
	uint64_t fields[5] = {0};
	struct stat st = {0};
	struct stamp stamp = {0};

	/* A link to nothing is an entry too. */
	if (fstatat(folder, name, &st, 0) == 0 ||
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		stamp = from_stat(&st);
	fields[0] = stamp.dev;
	fields[1] = stamp.ino;
	fields[2] = stamp.size;
	fields[3] = stamp.mtime;
	fields[4] = stamp.mode;
	return mz_hash(mz_hash(MZ_HASH, name, strlen(name) + 1), fields, sizeof(fields));
}

/* A sum, for the entries come in no order. What an editor keeps while it writes has a name with a
 * dot in front, and is none of them. */
static uint64_t entries_digest(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry = NULL;
	uint64_t sum = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			sum += entry_digest(dirfd(dir), entry->d_name);
	}
	closedir(dir);
	return sum;
}

struct stamp stamp_take(const char *path)
{
	struct stat st = {0};
	struct stamp stamp = {0};

	if (stat(path, &st) != 0)
		return stamp;
	stamp = from_stat(&st);
	if (S_ISDIR(st.st_mode)) {
		stamp.size = stamp.mtime = 0;
		stamp.entries = entries_digest(path);
	}
	return stamp;
}

bool stamp_same(const struct stamp *a, const struct stamp *b)
{
	return a->there == b->there && a->dev == b->dev && a->ino == b->ino && a->mode == b->mode &&
	       a->size == b->size && a->mtime == b->mtime && a->entries == b->entries;
}
