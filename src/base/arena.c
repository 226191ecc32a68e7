/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that is freed all at once. */
#include "mailzone/base.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct mz_arena_chunk {
	struct mz_arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) uint8_t octets[];
};

/* The first chunk is small, since most lists hold a few RRs; later ones double. */
enum { FIRST_CHUNK = 512, LARGEST_CHUNK = 65536 };

static void *alloc(struct mz_arena *arena, size_t size, size_t align)
{
	struct mz_arena_chunk *chunk = arena->chunk;
	size_t start = chunk == NULL ? 0 : (chunk->used + align - 1) & ~(align - 1);

	if (chunk == NULL || start > chunk->size || chunk->size - start < size) {
		size_t want = chunk == NULL ? FIRST_CHUNK : chunk->size * 2;

		if (want > LARGEST_CHUNK)
			want = LARGEST_CHUNK;
		if (want < size)
			want = size;
		if (want > SIZE_MAX - sizeof(*chunk))
			return NULL;
		chunk = malloc(sizeof(*chunk) + want);
		if (chunk == NULL)
			return NULL;
		*chunk = (struct mz_arena_chunk){.next = arena->chunk, .size = want};
		arena->chunk = chunk;
		start = 0;
	}
	chunk->used = start + size;
	return chunk->octets + start;
}

void *mz_arena_alloc(struct mz_arena *arena, size_t size)
{
	return alloc(arena, size, alignof(max_align_t));
}

uint8_t *mz_arena_copy(struct mz_arena *arena, const uint8_t *octets, size_t n)
{
	uint8_t *copy = alloc(arena, n, 1);

	if (copy != NULL && n > 0)
		memcpy(copy, octets, n);
	return copy;
}

char *mz_arena_strdup(struct mz_arena *arena, const char *text)
{
	return (char *)mz_arena_copy(arena, (const uint8_t *)text, strlen(text) + 1);
}

void mz_arena_clear(struct mz_arena *arena)
{
	while (arena->chunk != NULL) {
		struct mz_arena_chunk *chunk = arena->chunk;

		arena->chunk = chunk->next;
		free(chunk);
	}
}
