/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the room `conf` share while one configuration is being read. */
#ifndef MZ_CONF_CONTEXT_H
#define MZ_CONF_CONTEXT_H

#include <libconfig.h>

#include "mailzone/conf.h"
#include "src/conf/source.h"

/* One parsed text. The config_t comes first, so that the `config` pointer of each setting leads
 * here. */
struct conf_tree {
	config_t config;
	const struct conf_source *source;
	unsigned first; /* expanded line on which the text starts */
	unsigned order; /* 0: the main file, then the files of the domain directory */
};

/* A file with its includes. */
struct conf_unit {
	struct conf_tree tree;
	struct conf_source source;
};

/* Where something stands, for people and in the order of the files. */
struct conf_place {
	unsigned order, line; /* unit, and line of its expanded text */
	struct mz_where where;
};

/* An error that waits to be put in order. */
struct conf_fault {
	struct conf_place place;
	size_t seq;
	const char *text;
};

/* Equal strings and equal structs are stored once. */
struct conf_interned {
	const void *data;
	uint32_t len;
	uint32_t hash; /* the alignment is part of it */
};

/* Names in order, to find one and to see which is given twice. */
struct conf_index_entry {
	const char *name;
	size_t i; /* the caller's index */
};
struct conf_index {
	struct conf_index_entry *entries;
	size_t count;
};

/* The defaults of one kind of group. */
struct conf_group;
struct conf_defaults {
	const struct conf_group *group;
	void *values;
	struct conf_defaults *next;
};

struct conf_ctx {
	struct mz_conf *conf; /* being filled; its arena holds what stays */
	struct mz_arena work; /* what goes when loading ends */
	unsigned unit_count;
	size_t octets; /* read so far, of all files */
	struct conf_fault *faults;
	size_t fault_count, dropped;
	struct conf_interned *interned;
	size_t interned_count, interned_cap;
	struct conf_defaults *defaults;
	struct conf_index keys, servers, systems; /* by name; filled by the checks */
	struct conf_place *domain_places;	  /* of the names of conf->domains */
	size_t domain_cap;			  /* of both */
	bool nomem;
};

/* ---- errors (report.c) ---- */

/* Adds an error at this setting, or at this place of the text that is being read. */
void conf_fault(struct conf_ctx *ctx, const config_setting_t *at, const char *fmt, ...)
	MZ_PRINTF(3, 4);
void conf_fault_at(struct conf_ctx *ctx, const struct conf_place *place, const char *fmt, ...)
	MZ_PRINTF(3, 4);
/* Hands the errors to the caller's list, in the order of the files. */
void conf_faults_emit(struct conf_ctx *ctx, struct mz_conf_errors *errors);
/* Where a setting stands. The file's name lives in the configuration's arena. */
struct conf_place conf_place(const config_setting_t *at);
struct mz_where conf_where(const config_setting_t *at);
/* The member `name` of a group, else the group itself: the best place to point at. */
const config_setting_t *conf_member(const config_setting_t *group, const char *name);
/* The member `name` of the group `sub` of a group, in the same way. */
const config_setting_t *conf_member2(const config_setting_t *group, const char *sub,
				     const char *name);
/* `; did you mean "NEAR"?` for the nearest of the names, or "". `next` returns the i-th name,
 * NULL at the end. Returns buf. */
#define CONF_HINT 160
char *conf_hint(char buf[CONF_HINT], const char *wrong,
		const char *(*next)(const void *arg, size_t i), const void *arg);

/* ---- memory and names (intern.c) ---- */

/* One copy of a string in the configuration's arena; NULL when out of memory (noted). */
const char *conf_intern(struct conf_ctx *ctx, const char *text);
/* The same for octets; with `aligned` fit for any struct. */
const void *conf_intern_octets(struct conf_ctx *ctx, const void *data, size_t len, bool aligned);
/* Copies the member at `offset`, `size` octets wide, of `count` structs of `stride` octets into
 * one shared array. NULL when there are none, or out of memory (noted). */
const void *conf_pack(struct conf_ctx *ctx, const void *items, size_t count, size_t stride,
		      size_t offset, size_t size);
/* Zeroed memory that lives as long as the loading; NULL when out of memory (noted). */
void *conf_work(struct conf_ctx *ctx, size_t size);
/* Zeroed memory of the configuration; NULL when out of memory (noted). */
void *conf_keep(struct conf_ctx *ctx, size_t size);
/* Room for `count` names in the work arena; entries are set by the caller, then sorted. */
bool conf_index_init(struct conf_ctx *ctx, struct conf_index *index, size_t count);
void conf_index_sort(struct conf_index *index);
/* The caller's index of this name, or SIZE_MAX. Of equal names the first. */
size_t conf_index_find(const struct conf_index *index, const char *name);
/* Names for conf_hint. */
const char *conf_index_name(const void *index, size_t i);

#endif
