/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the framing: any split gives the same messages, bad lengths are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mailzone/dns.h"
#include "src/net/frame.h"

/* Three messages of 12, 300 and 65,535 octets, each filled with its own number. */
static size_t build(uint8_t **out)
{
	static const uint16_t lens[] = {12, 300, 65535};
	uint8_t *octets = malloc(12 + 300 + 65535 + 6);
	size_t at = 0;
	size_t i = 0;

	assert_non_null(octets);
	for (i = 0; i < 3; i++) {
		mz_put16(octets + at, lens[i]);
		memset(octets + at + 2, (int)(i + 1), lens[i]);
		at += 2u + lens[i];
	}
	*out = octets;
	return at;
}

/* Feeds the octets in pieces and checks that the three messages come out whole. */
static void feed(size_t piece)
{
	static const size_t lens[] = {12, 300, 65535};
	struct net_frame frame = {0};
	uint8_t *octets = NULL;
	size_t total = build(&octets);
	size_t at = 0;
	size_t seen = 0;

	while (at < total) {
		uint8_t *chunk = octets + at;
		size_t left = piece < total - at ? piece : total - at;
		uint8_t *msg = NULL;
		size_t len = 0;

		at += left;
		while (net_frame_next(&frame, &chunk, &left, &msg, &len) == NET_FRAME_READY) {
			assert_true(seen < 3);
			assert_int_equal(len, lens[seen]);
			assert_int_equal(msg[0], seen + 1);
			assert_int_equal(msg[len - 1], seen + 1);
			seen++;
		}
		assert_int_equal(left, 0);
	}
	assert_int_equal(seen, 3);
	net_frame_clear(&frame);
	free(octets);
}

static void test_pieces(void **state)
{
	(void)state;
	feed(1);
	feed(2);
	feed(3);
	feed(13);
	feed(14);
	feed(15);
	feed(1000);
	feed(65536);
	feed(1000000);
}

static void refuse(uint16_t length, size_t piece)
{
	struct net_frame frame = {0};
	uint8_t octets[20] = {0};
	enum net_frame_step step = NET_FRAME_MORE;
	uint8_t *msg = NULL;
	size_t at = 0;
	size_t len = 0;

	mz_put16(octets, length);
	for (at = 0; at < sizeof octets && step == NET_FRAME_MORE; at += piece) {
		uint8_t *chunk = octets + at;
		size_t left = piece;

		step = net_frame_next(&frame, &chunk, &left, &msg, &len);
	}
	assert_int_equal(step, NET_FRAME_BROKEN);
	net_frame_clear(&frame);
}

static void test_bad_length(void **state)
{
	(void)state;
	refuse(0, 20);
	refuse(0, 1);
	refuse(11, 20);
	refuse(11, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_bad_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
