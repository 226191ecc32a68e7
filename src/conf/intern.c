/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of a loading: equal strings and structs stored once, and names in order. */
#include <stdlib.h>
#include <string.h>

#include "src/conf/context.h"

/* The octets are the operator's own, and a slow table is the worst that can happen. */
static uint32_t hash_of(const uint8_t *p, size_t n, bool aligned)
{
	uint32_t hash = (uint32_t)mz_hash(MZ_HASH, p, n);

	/* One bit tells the aligned from the packed. */
	return aligned ? hash | 1u : hash & ~1u;
}

static struct conf_interned *slot_of(struct conf_interned *table, size_t cap, const void *data,
				     size_t len, uint32_t hash)
{
	size_t i = (hash >> 1) & (cap - 1);

	while (table[i].data && (table[i].hash != hash || table[i].len != len ||
				 memcmp(table[i].data, data, len) != 0))
		i = (i + 1) & (cap - 1);
	return &table[i];
}

static bool grow(struct conf_ctx *ctx)
{
	size_t cap = ctx->interned_cap ? ctx->interned_cap * 2 : 1024, i = 0;
	struct conf_interned *table = NULL;

	if (ctx->interned_count * 4 < ctx->interned_cap * 3)
		return true;
	table = calloc(cap, sizeof *table);
	if (!table)
		return false;
	for (i = 0; i < ctx->interned_cap; i++) {
		const struct conf_interned *old = &ctx->interned[i];

		if (old->data)
			*slot_of(table, cap, old->data, old->len, old->hash) = *old;
	}
	free(ctx->interned);
	ctx->interned = table;
	ctx->interned_cap = cap;
	return true;
}

const void *conf_intern_octets(struct conf_ctx *ctx, const void *data, size_t len, bool aligned)
{
	uint32_t hash = hash_of(data, len, aligned);
	struct conf_interned *slot = NULL;
	uint8_t *copy = NULL;

	if (!grow(ctx)) {
		ctx->nomem = true;
		return NULL;
	}
	slot = slot_of(ctx->interned, ctx->interned_cap, data, len, hash);
	if (slot->data)
		return slot->data;
	if (aligned) {
		copy = mz_arena_alloc(&ctx->conf->arena, len);
		if (copy)
			memcpy(copy, data, len);
	} else {
		copy = mz_arena_copy(&ctx->conf->arena, data, len);
	}
	if (!copy) {
		ctx->nomem = true;
		return NULL;
	}
	*slot = (struct conf_interned){.data = copy, .len = (uint32_t)len, .hash = hash};
	ctx->interned_count++;
	return copy;
}

const char *conf_intern(struct conf_ctx *ctx, const char *text)
{
	return conf_intern_octets(ctx, text, strlen(text) + 1, false);
}

const void *conf_pack(struct conf_ctx *ctx, const void *items, size_t count, size_t stride,
		      size_t offset, size_t size)
{
	const uint8_t *from = items;
	uint8_t *packed = NULL;
	const void *kept = NULL;
	size_t i = 0;

	if (count == 0)
		return NULL;
	packed = malloc(count * size);
	if (!packed) {
		ctx->nomem = true;
		return NULL;
	}
	for (i = 0; i < count; i++)
		memcpy(packed + i * size, from + i * stride + offset, size);
	kept = conf_intern_octets(ctx, packed, count * size, true);
	free(packed);
	return kept;
}

void *conf_work(struct conf_ctx *ctx, size_t size)
{
	void *p = mz_arena_alloc(&ctx->work, size ? size : 1);

	if (p)
		memset(p, 0, size);
	else
		ctx->nomem = true;
	return p;
}

void *conf_keep(struct conf_ctx *ctx, size_t size)
{
	void *p = mz_arena_alloc(&ctx->conf->arena, size ? size : 1);

	if (p)
		memset(p, 0, size);
	else
		ctx->nomem = true;
	return p;
}

bool conf_index_init(struct conf_ctx *ctx, struct conf_index *index, size_t count)
{
	index->entries = conf_work(ctx, count * sizeof *index->entries);
	index->count = index->entries ? count : 0;
	return index->entries != NULL;
}

static int compare_entries(const void *a, const void *b)
{
	const struct conf_index_entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return x->i < y->i ? -1 : x->i > y->i;
}

void conf_index_sort(struct conf_index *index)
{
	if (index->count)
		qsort(index->entries, index->count, sizeof *index->entries, compare_entries);
}

size_t conf_index_find(const struct conf_index *index, const char *name)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(index->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < index->count && strcmp(index->entries[low].name, name) == 0)
		return index->entries[low].i;
	return SIZE_MAX;
}

const char *conf_index_name(const void *index, size_t i)
{
	const struct conf_index *names = index;

	return i < names->count ? names->entries[i].name : NULL;
}
