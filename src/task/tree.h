/* SPDX-License-Identifier: BSD-2-Clause */
/* An ordered set whose nodes stand in what is ordered; private to the room. */
#ifndef MZ_TASK_TREE_H
#define MZ_TASK_TREE_H

#include <stdint.h>

/* Ordered by key, then id; no two nodes of a tree have both the same. The caller sets key, id and
 * item before a node is added, and leaves them until it is removed. */
struct mz_node {
	struct mz_node *left, *right;
	uint64_t rank;
	int64_t key, id;
	void *item;
};

/* A tree is its root; NULL is an empty one. */
void mz_tree_add(struct mz_node **root, struct mz_node *node);
/* The node must be in the tree. */
void mz_tree_remove(struct mz_node **root, struct mz_node *node);
/* The first node behind (key, id), whether that is in the tree or not; NULL: none. */
struct mz_node *mz_tree_after(struct mz_node *root, int64_t key, int64_t id);

#endif
