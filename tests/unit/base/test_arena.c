/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the arena. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mailzone/base.h"

static void pieces_are_aligned_and_apart(void **state)
{
	struct mz_arena arena = {0};
	uint8_t *pieces[300] = {NULL};

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		pieces[i] = mz_arena_alloc(&arena, i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		memset(pieces[i], (int)(i & 0xff), i);
		(void)mz_arena_copy(&arena, (const uint8_t *)"odd", 3);
	}
	for (size_t i = 0; i < 300; i++) {
		for (size_t j = 0; j < i; j++)
			assert_int_equal(pieces[i][j], i & 0xff);
	}
	mz_arena_clear(&arena);
	assert_null(arena.chunk);
}

static void copies_are_packed(void **state)
{
	struct mz_arena arena = {0};
	uint8_t *a = mz_arena_copy(&arena, (const uint8_t *)"abc", 3);
	uint8_t *b = mz_arena_copy(&arena, (const uint8_t *)"de", 2);
	char *s = mz_arena_strdup(&arena, "text");

	(void)state;
	assert_ptr_equal(b, a + 3);
	assert_memory_equal(a, "abcde", 5);
	assert_string_equal(s, "text");
	assert_string_equal(mz_arena_strdup(&arena, ""), "");
	mz_arena_clear(&arena);
}

static void no_octets_are_a_piece_too(void **state)
{
	struct mz_arena arena = {0};

	(void)state;
	assert_non_null(mz_arena_copy(&arena, NULL, 0));
	assert_non_null(mz_arena_alloc(&arena, 0));
	mz_arena_clear(&arena);
	mz_arena_clear(&arena);
}

static void large_pieces_have_their_place(void **state)
{
	struct mz_arena arena = {0};
	uint8_t *small = mz_arena_alloc(&arena, 1), *large = NULL, *after = NULL;

	(void)state;
	*small = 7;
	large = mz_arena_alloc(&arena, 1000000);
	assert_non_null(large);
	memset(large, 1, 1000000);
	after = mz_arena_alloc(&arena, 100);
	memset(after, 2, 100);
	assert_int_equal(large[999999], 1);
	assert_int_equal(*small, 7);
	mz_arena_clear(&arena);
}

static void too_large_is_refused(void **state)
{
	struct mz_arena arena = {0};
	void *kept = mz_arena_alloc(&arena, 8);

	(void)state;
	assert_null(mz_arena_alloc(&arena, SIZE_MAX));
	assert_null(mz_arena_alloc(&arena, SIZE_MAX - 16));
	memset(kept, 0, 8);
	assert_non_null(mz_arena_alloc(&arena, 8));
	mz_arena_clear(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_apart),
		cmocka_unit_test(copies_are_packed),
		cmocka_unit_test(no_octets_are_a_piece_too),
		cmocka_unit_test(large_pieces_have_their_place),
		cmocka_unit_test(too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
