/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a configuration file with its includes put in, and where each line came from. */
#include "src/conf/source.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/conf/context.h"

/* A file while it is being put into the text. */
struct piece {
	struct conf_ctx *ctx;
	struct conf_unit *unit;
	const struct conf_file *file;
	const char *p, *end, *flushed;
	unsigned line; /* of p */
	unsigned depth;
};

static bool expand(struct piece *piece);

static void fault(struct piece *piece, const char *fmt, const char *text)
{
	const struct conf_place place = {.order = piece->unit->tree.order,
					 .line = piece->unit->source.line,
					 .where = {piece->file->name, piece->line}};

	conf_fault_at(piece->ctx, &place, fmt, text);
}

/* Doubles an array in malloc'd memory when it is full. */
static bool grow(void **items, size_t *cap, size_t count, size_t size)
{
	size_t next = *cap ? *cap * 2 : 16;
	void *bigger = NULL;

	if (count < *cap)
		return true;
	bigger = realloc(*items, next * size);
	if (!bigger)
		return false;
	*items = bigger;
	*cap = next;
	return true;
}

static bool add_segment(struct piece *piece)
{
	struct conf_source *source = &piece->unit->source;
	void *items = source->segments;

	if (!grow(&items, &source->segment_cap, source->segment_count, sizeof *source->segments)) {
		piece->ctx->nomem = true;
		return false;
	}
	source->segments = items;
	source->segments[source->segment_count++] = (struct conf_segment){.line = source->line,
									  .file_line = piece->line,
									  .file = piece->file};
	return true;
}

static bool add_string(struct piece *piece)
{
	struct conf_source *source = &piece->unit->source;
	struct conf_text *out = source->out;
	void *items = out->string_lines;

	if (!grow(&items, &out->string_cap, out->string_count, sizeof *out->string_lines)) {
		piece->ctx->nomem = true;
		return false;
	}
	out->string_lines = items;
	out->string_lines[out->string_count++] = source->line;
	return true;
}

static unsigned count_lines(const char *p, size_t n)
{
	unsigned lines = 0;
	size_t i = 0;

	for (i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

/* Moves past n octets that the scanner has taken. */
static void advance(struct piece *piece, size_t n)
{
	struct conf_source *source = &piece->unit->source;

	piece->p += n;
	piece->line += source->scan.lines;
	source->line += source->scan.lines;
}

/* Writes what was passed since the last time. */
static void flush(struct piece *piece)
{
	mz_str_addn(&piece->unit->source.out->octets, piece->flushed,
		    (size_t)(piece->p - piece->flushed));
	piece->flushed = piece->p;
}

/* The same, and an octet of our own. */
static void flush_with(struct piece *piece, char octet)
{
	flush(piece);
	mz_str_addc(&piece->unit->source.out->octets, octet);
	piece->unit->source.line += octet == '\n';
}

/* Leaves out the indentation of n octets at p: libconfig's lexer would only step over it. */
static void leave_out(struct piece *piece, size_t n)
{
	flush(piece);
	piece->flushed += n;
}

/* Behind the brace that opens a domain: from here on its own text is written. */
static bool begin_domain(struct piece *piece)
{
	struct conf_source *source = &piece->unit->source;
	void *items = source->items;

	flush(piece);
	if (!grow(&items, &source->item_cap, source->item_count, sizeof *source->items)) {
		piece->ctx->nomem = true;
		return false;
	}
	source->items = items;
	source->items[source->item_count++] =
		(struct conf_item){.octet = source->domains.octets.len,
				   .string = source->domains.string_count,
				   .line = source->line};
	source->out = &source->domains;
	return true;
}

/* At the brace that closes it. The lines behind it keep their numbers. */
static void end_domain(struct piece *piece)
{
	struct conf_source *source = &piece->unit->source;
	unsigned line = source->items[source->item_count - 1].line;

	flush_with(piece, '\0');
	source->out = &source->rest;
	for (; line < source->line; line++)
		mz_str_addc(&source->rest.octets, '\n');
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

/* The word @include at the start of this line: what is behind it, or NULL. */
static const char *find_include(const char *p, const char *end)
{
	p = skip_blanks(p, end);
	return end - p >= 8 && memcmp(p, "@include", 8) == 0 ? p + 8 : NULL;
}

/* The file name in quotes at p: what is behind it, or NULL. */
static const char *read_name(const char *p, const char *end, char name[PATH_MAX])
{
	size_t n = 0;

	p = skip_blanks(p, end);
	if (p == end || *p++ != '"')
		return NULL;
	for (; p < end && *p != '"' && *p != '\n' && n + 1 < PATH_MAX; p++) {
		if (*p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
			p++;
		name[n++] = *p;
	}
	name[n] = '\0';
	return p < end && *p == '"' && n > 0 ? p + 1 : NULL;
}

/* Reads a file and puts it into the text. */
static bool put_file(struct piece *piece, const char *path, const struct mz_where *at, int *err)
{
	struct conf_ctx *ctx = piece->ctx;
	struct mz_cause cause = {.text = ""};
	struct conf_file *file = NULL;
	struct stat st = {0};
	uint8_t *text = NULL;
	size_t len = 0;
	bool good = false;

	file = mz_arena_alloc(&ctx->conf->arena, sizeof *file);
	*err = file && (file->name = conf_intern(ctx, path)) ? MZ_OK : MZ_ENOMEM;
	if (*err) {
		ctx->nomem = true;
		return false;
	}
	*err = mz_file_read(path, CONF_OCTETS_MAX - ctx->octets, &text, &len, &cause);
	if (*err) {
		struct conf_place place = {.order = piece->unit->tree.order,
					   .line = piece->unit->source.line,
					   .where = at ? *at : (struct mz_where){file->name, 0}};
		const char *reason = cause.text[0] ? cause.text : mz_strerror(*err);

		if (*err == MZ_ESPACE)
			reason = "the configuration is larger than 64 MiB";
		ctx->nomem = ctx->nomem || *err == MZ_ENOMEM;
		conf_fault_at(ctx, &place, "%s%s%s", at && *err == MZ_ESPACE ? path : "",
			      at && *err == MZ_ESPACE ? ": " : "", reason);
		return false;
	}
	ctx->octets += len;
	file->mode = stat(path, &st) == 0 ? st.st_mode & 07777u : 0;
	piece->file = file;
	piece->p = piece->flushed = (const char *)text;
	piece->end = piece->p + len;
	piece->line = 1;
	good = expand(piece);
	/* A secret may stand in it. */
	explicit_bzero(text, len);
	free(text);
	return good;
}

/* libconfig would take a NUL octet for the end of the text. */
static bool check_nul(struct piece *piece)
{
	const char *nul = memchr(piece->p, '\0', (size_t)(piece->end - piece->p));

	if (!nul)
		return true;
	piece->line += count_lines(piece->p, (size_t)(nul - piece->p));
	fault(piece, "%s", "a NUL octet: this is not a text file");
	return false;
}

/* Puts the file of an @include in its place; the name goes up to `rest`. */
static bool include(struct piece *piece, const char *name, const char *rest)
{
	struct conf_source *source = &piece->unit->source;
	struct mz_where at = {.file = piece->file->name, .line = piece->line};
	struct piece inner = {.ctx = piece->ctx, .unit = piece->unit, .depth = piece->depth + 1};
	const char *path = NULL, *why = NULL;
	int err = MZ_OK;

	if (inner.depth > CONF_INCLUDE_DEPTH) {
		fault(piece, "@include \"%s\": files include each other more than 10 deep", name);
		return false;
	}
	if (++source->includes > CONF_INCLUDE_COUNT) {
		fault(piece, "@include \"%s\": more than 10000 files are included", name);
		return false;
	}
	path = conf_path(piece->ctx, piece->file->name, name, false, &why);
	if (!path) {
		if (why)
			fault(piece, "@include: %s", why);
		return false;
	}
	flush_with(piece, '\n');
	if (!put_file(&inner, path, &at, &err))
		return false;
	piece->p = piece->flushed = rest;
	return add_segment(piece);
}

/* What stands behind the word @include. */
static bool read_include(struct piece *piece, const char *p)
{
	char name[PATH_MAX] = "";
	const char *rest = read_name(p, piece->end, name);

	if (rest)
		return include(piece, name, rest);
	fault(piece, "%s", "@include needs a file name in quotes");
	return false;
}

static bool expand(struct piece *piece)
{
	struct conf_source *source = &piece->unit->source;
	const char *behind = NULL;
	bool line_start = true;
	bool inside = false;
	size_t n = 0;

	if (!check_nul(piece) || !add_segment(piece))
		return false;
	while (piece->p < piece->end) {
		behind = line_start ? find_include(piece->p, piece->end) : NULL;
		if (behind) {
			if (!read_include(piece, behind))
				return false;
			line_start = false;
			continue;
		}
		if (line_start)
			leave_out(piece, (size_t)(skip_blanks(piece->p, piece->end) - piece->p));
		inside = conf_scan_domain(&source->scan);
		n = conf_scan_next(&source->scan, piece->p, piece->end, source->line);
		if (n == 0) {
			fault(piece, "%s", source->scan.fault);
			return false;
		}
		if (source->scan.new_string && !add_string(piece))
			return false;
		if (inside && !conf_scan_domain(&source->scan))
			end_domain(piece);
		advance(piece, n);
		if (!inside && conf_scan_domain(&source->scan) && !begin_domain(piece))
			return false;
		/* As a 64-bit number it keeps its value, and is found to be out of range. */
		if (source->scan.wide)
			flush_with(piece, 'L');
		line_start = piece->p[-1] == '\n';
	}
	/* libconfig takes a comment for one only when a newline follows. */
	flush_with(piece, '\n');
	return true;
}

bool conf_source_read(struct conf_ctx *ctx, struct conf_unit *unit, const char *path,
		      const struct mz_where *at, int *err)
{
	struct conf_source *source = &unit->source;
	struct piece piece = {.ctx = ctx, .unit = unit};
	struct conf_place place = {.order = unit->tree.order};

	source->line = 1;
	source->out = &source->rest;
	if (!put_file(&piece, path, at, err))
		return false;
	if (source->rest.octets.failed || source->domains.octets.failed) {
		ctx->nomem = true;
		return false;
	}
	if (conf_scan_end(&source->scan, &place.line))
		return true;
	place.line = place.line ? place.line : source->line - 1;
	place.where.file = conf_source_where(source, place.line, &place.where.line)->name;
	conf_fault_at(ctx, &place, "%s", source->scan.fault);
	return false;
}

void conf_text_clear(struct conf_text *text)
{
	if (text->octets.s)
		explicit_bzero(text->octets.s, text->octets.len);
	mz_str_clear(&text->octets);
	free(text->string_lines);
	*text = (struct conf_text){0};
}

void conf_source_clear(struct conf_source *source)
{
	conf_text_clear(&source->rest);
	conf_text_clear(&source->domains);
	free(source->items);
	free(source->segments);
	*source = (struct conf_source){0};
}

const struct conf_file *conf_source_where(const struct conf_source *source, unsigned line,
					  unsigned *file_line)
{
	size_t low = 0, high = source->segment_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (source->segments[middle].line <= line)
			low = middle;
		else
			high = middle;
	}
	*file_line = source->segments[low].file_line;
	if (line > source->segments[low].line)
		*file_line += line - source->segments[low].line;
	return source->segments[low].file;
}
