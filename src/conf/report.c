/* SPDX-License-Identifier: BSD-2-Clause */
/* The errors of a configuration: where they are, their order, and the nearest known name. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/conf/context.h"

#define FAULTS_MAX 1000
#define FAULT_TEXT 1200

void mz_conf_error(struct mz_conf_errors *errors, const struct mz_where *where, const char *fmt,
		   ...)
{
	char text[FAULT_TEXT] = "";
	va_list args;

	if (errors->count >= FAULTS_MAX) {
		errors->dropped++;
		return;
	}
	errors->count++;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (where && where->file && where->line)
		mz_str_addf(&errors->text, "%s:%u: error: %s\n", where->file, where->line, text);
	else if (where && where->file)
		mz_str_addf(&errors->text, "%s: error: %s\n", where->file, text);
	else
		mz_str_addf(&errors->text, "error: %s\n", text);
}

void mz_conf_errors_clear(struct mz_conf_errors *errors)
{
	mz_str_clear(&errors->text);
	errors->count = errors->dropped = 0;
}

static void add_fault(struct conf_ctx *ctx, const struct conf_place *place, const char *fmt,
		      va_list args)
{
	char text[FAULT_TEXT] = "";
	struct conf_fault *slot = NULL;

	if (ctx->fault_count == FAULTS_MAX) {
		ctx->dropped++;
		return;
	}
	if (!ctx->faults)
		ctx->faults = conf_work(ctx, FAULTS_MAX * sizeof *ctx->faults);
	if (!ctx->faults)
		return;
	(void)vsnprintf(text, sizeof text, fmt, args);
	slot = &ctx->faults[ctx->fault_count];
	*slot = (struct conf_fault){.place = *place,
				    .seq = ctx->fault_count,
				    .text = mz_arena_strdup(&ctx->work, text)};
	if (slot->text)
		ctx->fault_count++;
	else
		ctx->nomem = true;
}

void conf_fault(struct conf_ctx *ctx, const config_setting_t *at, const char *fmt, ...)
{
	struct conf_place place = conf_place(at);
	va_list args;

	va_start(args, fmt);
	add_fault(ctx, &place, fmt, args);
	va_end(args);
}

void conf_fault_at(struct conf_ctx *ctx, const struct conf_place *place, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_fault(ctx, place, fmt, args);
	va_end(args);
}

static int compare_faults(const void *a, const void *b)
{
	const struct conf_fault *x = a, *y = b;

	if (x->place.order != y->place.order)
		return x->place.order < y->place.order ? -1 : 1;
	if (x->place.line != y->place.line)
		return x->place.line < y->place.line ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void conf_faults_emit(struct conf_ctx *ctx, struct mz_conf_errors *errors)
{
	size_t i = 0;

	if (ctx->fault_count)
		qsort(ctx->faults, ctx->fault_count, sizeof *ctx->faults, compare_faults);
	for (i = 0; i < ctx->fault_count; i++)
		mz_conf_error(errors, &ctx->faults[i].place.where, "%s", ctx->faults[i].text);
	errors->dropped += ctx->dropped;
}

struct conf_place conf_place(const config_setting_t *at)
{
	const struct conf_tree *tree = (const struct conf_tree *)at->config;
	unsigned line = config_setting_source_line(at); /* 0: the whole text */
	struct conf_place place = {.order = tree->order,
				   .line = tree->first + (line ? line - 1 : 0)};

	place.where.file = conf_source_where(tree->source, place.line, &place.where.line)->name;
	return place;
}

struct mz_where conf_where(const config_setting_t *at)
{
	return conf_place(at).where;
}

const config_setting_t *conf_member(const config_setting_t *group, const char *name)
{
	const config_setting_t *member = NULL;

	if (config_setting_is_group(group))
		member = config_setting_get_member(group, name);
	return member ? member : group;
}

const config_setting_t *conf_member2(const config_setting_t *group, const char *sub,
				     const char *name)
{
	return conf_member(conf_member(group, sub), name);
}

/* ---- the nearest name ---- */

#define NEAR_MAX 48	     /* longer names are not compared */
#define NEAR_CANDIDATES 1000 /* nor more of them than this */

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '-' ? '_' : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edit distance, with two letters in the wrong order as one edit; letter case is none. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned row[3][NEAR_MAX + 1] = {{0}};
	size_t i = 0, j = 0;

	for (j = 0; j <= blen; j++)
		row[0][j] = (unsigned)j;
	for (i = 1; i <= alen; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (j = 1; j <= blen; j++) {
			unsigned cost = fold(a[i - 1]) != fold(b[j - 1]);

			now[j] = least(least(now[j - 1], last[j]) + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return row[alen % 3][blen];
}

char *conf_hint(char buf[CONF_HINT], const char *wrong,
		const char *(*next)(const void *arg, size_t i), const void *arg)
{
	size_t len = strlen(wrong), i = 0;
	unsigned best = len < 3 ? 2 : (unsigned)(len + 2) / 3 + 1;
	const char *name = NULL, *near = NULL;

	buf[0] = '\0';
	if (len == 0 || len > NEAR_MAX)
		return buf;
	for (i = 0; i < NEAR_CANDIDATES && (name = next(arg, i)) != NULL; i++) {
		size_t n = strlen(name);
		unsigned d = 0;

		if (n == 0 || n > NEAR_MAX || (n > len ? n - len : len - n) >= best)
			continue;
		d = distance(wrong, len, name, n);
		if (d < best) {
			best = d;
			near = name;
		}
	}
	if (near)
		(void)snprintf(buf, CONF_HINT, "; did you mean \"%s\"?", near);
	return buf;
}
