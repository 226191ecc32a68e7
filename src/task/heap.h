/* SPDX-License-Identifier: BSD-2-Clause */
/* A binary heap of waiting tasks, the first due on top; private to the room. */
#ifndef MZ_TASK_HEAP_H
#define MZ_TASK_HEAP_H

#include <stddef.h>
#include <stdint.h>

#define HEAP_NONE SIZE_MAX

struct queued;
struct heap {
	struct queued **item;
	size_t count, cap;
};
/* MZ_ENOMEM. */
int heap_add(struct heap *heap, struct queued *entry);
void heap_remove(struct heap *heap, struct queued *entry);
/* Its due has changed. */
void heap_move(struct heap *heap, struct queued *entry);
void heap_clear(struct heap *heap);

#endif
