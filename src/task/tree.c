/* SPDX-License-Identifier: BSD-2-Clause */
/* A treap: a search tree by key and id that is at the same time a heap by rank. As ranks are
 * random, it is about as deep as a balanced tree. */
#include "src/task/tree.h"

#include <stdbool.h>
#include <stddef.h>

/* Spreads ids, which count up, over all numbers (the finalizer of splitmix64). */
static uint64_t rank_of(int64_t id)
{
	uint64_t x = (uint64_t)id + 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Does (key, id) stand behind the node? */
static bool behind(int64_t key, int64_t id, const struct mz_node *node)
{
	return key > node->key || (key == node->key && id > node->id);
}

/* Where to go on from `at` on the way to (key, id). */
static struct mz_node **down(struct mz_node *at, int64_t key, int64_t id)
{
	return behind(key, id, at) ? &at->right : &at->left;
}

void mz_tree_add(struct mz_node **root, struct mz_node *node)
{
	struct mz_node **left = &node->left, **right = &node->right, *rest = NULL;

	node->rank = rank_of(node->id);
	while (*root != NULL && (*root)->rank >= node->rank)
		root = down(*root, node->key, node->id);
	/* The node takes this place, and what was below it is split into its two sides. */
	rest = *root;
	*root = node;
	while (rest != NULL) {
		if (behind(node->key, node->id, rest)) {
			*left = rest;
			left = &rest->right;
			rest = rest->right;
		} else {
			*right = rest;
			right = &rest->left;
			rest = rest->left;
		}
	}
	*left = NULL;
	*right = NULL;
}

void mz_tree_remove(struct mz_node **root, struct mz_node *node)
{
	struct mz_node *left = node->left, *right = node->right;

	while (*root != node)
		root = down(*root, node->key, node->id);
	while (left != NULL && right != NULL) {
		if (left->rank >= right->rank) {
			*root = left;
			root = &left->right;
			left = left->right;
		} else {
			*root = right;
			root = &right->left;
			right = right->left;
		}
	}
	*root = left != NULL ? left : right;
}

struct mz_node *mz_tree_after(struct mz_node *root, int64_t key, int64_t id)
{
	struct mz_node *best = NULL;

	while (root != NULL) {
		bool after = root->key > key || (root->key == key && root->id > id);

		if (after)
			best = root;
		root = after ? root->left : root->right;
	}
	return best;
}
