/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the ordered set, against an array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailzone/base.h"
#include "src/task/tree.h"

enum { NODES = 200, STEPS = 20000 };

static bool less(const struct mz_node *a, int64_t key, int64_t id)
{
	return a->key < key || (a->key == key && a->id < id);
}

/* The same as mz_tree_after, the slow way. */
static const struct mz_node *after(const struct mz_node *nodes, const bool *in, int64_t key,
				   int64_t id)
{
	const struct mz_node *best = NULL;

	for (size_t i = 0; i < NODES; i++) {
		if (in[i] && !less(&nodes[i], key, id) &&
		    (nodes[i].key != key || nodes[i].id != id) &&
		    (best == NULL || less(&nodes[i], best->key, best->id)))
			best = &nodes[i];
	}
	return best;
}

static void against_array(void **state)
{
	static struct mz_node nodes[NODES];
	static bool in[NODES];
	struct mz_node *root = NULL;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		size_t i = mz_random_below(NODES);
		int64_t key = (int64_t)mz_random_below(12) - 6, id = mz_random_below(NODES + 2);

		if (in[i]) {
			mz_tree_remove(&root, &nodes[i]);
		} else {
			nodes[i].key = key;
			nodes[i].id = (int64_t)i + 1;
			mz_tree_add(&root, &nodes[i]);
		}
		in[i] = !in[i];
		key = (int64_t)mz_random_below(14) - 7;
		assert_ptr_equal(mz_tree_after(root, key, id), after(nodes, in, key, id));
	}
	for (size_t i = 0; i < NODES; i++) {
		if (in[i])
			mz_tree_remove(&root, &nodes[i]);
	}
	assert_null(root);
}

static unsigned depth(const struct mz_node *node)
{
	unsigned left = node == NULL ? 0 : depth(node->left);
	unsigned right = node == NULL ? 0 : depth(node->right);

	return node == NULL ? 0 : 1 + (left > right ? left : right);
}

/* In whatever order they come: a list would be ten thousand deep. */
static void shallow(void **state)
{
	static struct mz_node nodes[10000];
	struct mz_node *root = NULL;

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		nodes[i].id = (int64_t)i + 1;
		mz_tree_add(&root, &nodes[i]);
	}
	assert_in_range(depth(root), 14, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_array),
		cmocka_unit_test(shallow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
