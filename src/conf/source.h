/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a configuration file with its includes put in, and where each line came from. */
#ifndef MZ_CONF_SOURCE_H
#define MZ_CONF_SOURCE_H

#include "mailzone/conf.h"
#include "src/conf/scan.h"

/* Octets of all the files of a configuration together. */
#define CONF_OCTETS_MAX ((size_t)64 << 20)
#define CONF_INCLUDE_DEPTH 10
#define CONF_INCLUDE_COUNT 10000

struct conf_ctx;
struct conf_unit;

struct conf_file {
	const char *name; /* as it is shown: in the configuration's arena */
	unsigned mode;	  /* permission bits */
};

/* From line `line` of the expanded text on, the lines are those of `file` from `file_line` on. */
struct conf_segment {
	unsigned line, file_line;
	const struct conf_file *file;
};

/* A text for libconfig, and the expanded line on which each of its string values starts. */
struct conf_text {
	struct mz_str octets;
	unsigned *string_lines;
	size_t string_count, string_cap;
};

/* Where a group of the list `domains` begins in the text of these groups. */
struct conf_item {
	size_t octet, string;
	unsigned line; /* expanded line of its opening brace */
};

/* libconfig's tree takes ten times the memory of its text. So the groups of the list `domains`, of
 * which there may be many, are kept apart as text and parsed one after the other. */
struct conf_source {
	struct conf_text rest;	  /* the file, with an empty group in the place of each domain */
	struct conf_text domains; /* what stood between the braces of each, and a NUL behind it */
	struct conf_text *out;	  /* the one of the two that is being written */
	struct conf_item *items;
	size_t item_count, item_cap;
	struct conf_segment *segments;
	size_t segment_count, segment_cap;
	unsigned line; /* expanded line being written */
	unsigned includes;
	struct conf_scan scan;
};

/* Reads the file into unit->source. False after an error, which has been added; *err is MZ_OK
 * when the file could be read, else why not. `at` is where the file is named, NULL for the main
 * file. */
bool conf_source_read(struct conf_ctx *ctx, struct conf_unit *unit, const char *path,
		      const struct mz_where *at, int *err);
/* Wipes a text, which may hold a secret. */
void conf_text_clear(struct conf_text *text);
void conf_source_clear(struct conf_source *source);
/* The file and line of a line of the expanded text. */
const struct conf_file *conf_source_where(const struct conf_source *source, unsigned line,
					  unsigned *file_line);

/* `value` as an absolute path: relative ones are relative to the folder of `file`; with
 * `absolute` false the folder is only put before it, as for names that are shown. A leading
 * $CREDENTIALS_DIRECTORY/ is replaced. NULL with a complaint in *why (ends a sentence), or
 * with *why NULL when out of memory. In the work arena. */
const char *conf_path(struct conf_ctx *ctx, const char *file, const char *value, bool absolute,
		      const char **why);

#endif
