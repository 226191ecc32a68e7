/* SPDX-License-Identifier: BSD-2-Clause */
/* A binary heap of waiting tasks, the first due on top. */
#include "src/task/queue.h"

#include <stdlib.h>

static bool before(const struct queued *a, const struct queued *b)
{
	return a->task.due != b->task.due ? a->task.due < b->task.due : a->task.id < b->task.id;
}

static void put(struct heap *heap, size_t place, struct queued *entry)
{
	heap->item[place] = entry;
	entry->place = place;
}

static void up(struct heap *heap, size_t place)
{
	struct queued *entry = heap->item[place];

	for (; place > 0 && before(entry, heap->item[(place - 1) / 2]); place = (place - 1) / 2)
		put(heap, place, heap->item[(place - 1) / 2]);
	put(heap, place, entry);
}

static void down(struct heap *heap, size_t place)
{
	struct queued *entry = heap->item[place];

	for (;;) {
		size_t child = 2 * place + 1;

		if (child + 1 < heap->count && before(heap->item[child + 1], heap->item[child]))
			child++;
		if (child >= heap->count || !before(heap->item[child], entry))
			break;
		put(heap, place, heap->item[child]);
		place = child;
	}
	put(heap, place, entry);
}

int heap_add(struct heap *heap, struct queued *entry)
{
	if (heap->count == heap->cap) {
		size_t cap = heap->cap == 0 ? 64 : heap->cap * 2;
		struct queued **more = realloc(heap->item, cap * sizeof(*more));

		if (more == NULL)
			return MZ_ENOMEM;
		heap->item = more;
		heap->cap = cap;
	}
	put(heap, heap->count++, entry);
	up(heap, entry->place);
	return MZ_OK;
}

void heap_move(struct heap *heap, struct queued *entry)
{
	up(heap, entry->place);
	down(heap, entry->place);
}

void heap_remove(struct heap *heap, struct queued *entry)
{
	size_t place = entry->place;
	struct queued *last = heap->item[--heap->count];

	entry->place = HEAP_NONE;
	if (last == entry)
		return;
	put(heap, place, last);
	heap_move(heap, last);
}

void heap_clear(struct heap *heap)
{
	free(heap->item);
	*heap = (struct heap){0};
}
