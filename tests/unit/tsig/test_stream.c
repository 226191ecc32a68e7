/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams: runs of unsigned messages, their ends, and what breaks a chain of MACs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tsig/peer.h"

#define MESSAGES_MAX 210

/* A transfer as the server sent it. */
struct transfer {
	struct tsig_key *key;
	struct tsig_mac request_mac;
	struct peer peer;
	struct {
		uint8_t octets[512];
		size_t len;
	} message[MESSAGES_MAX];
	uint8_t pending[MESSAGES_MAX * 128];
};

static int setup(void **state)
{
	struct transfer *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->key = peer_key();
	t->request_mac.len = 32;
	memset(t->request_mac.octets, 0x5a, 32);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct transfer *t = *state;

	tsig_key_free(t->key);
	free(t);
	return 0;
}

/* Signs message `i`, or leaves it unsigned, in continuation of those before. */
static void send_one(struct transfer *t, unsigned int i, bool is_signed)
{
	uint8_t *octets = t->message[i].octets;
	size_t len = peer_answer(octets, 0x77, 1);

	if (i == 0) {
		peer_init(&t->peer);
		t->peer.prior = t->request_mac;
		t->peer.pending = t->pending;
	}
	octets[len - 1] = (uint8_t)i;
	if (is_signed) {
		struct tsig_mac mac = {0};

		len = peer_sign(&t->peer, octets, len, &mac);
		t->peer.prior = mac;
		t->peer.pending_len = 0;
		t->peer.timers_only = true;
	} else {
		memcpy(t->pending + t->peer.pending_len, octets, len);
		t->peer.pending_len += len;
	}
	t->message[i].len = len;
}

/* One letter a message: S signed, - unsigned. */
static void send_all(struct transfer *t, const char *pattern)
{
	for (unsigned int i = 0; pattern[i] != '\0'; i++)
		send_one(t, i, pattern[i] == 'S');
}

static enum tsig_verdict take(struct tsig_stream *stream, const struct transfer *t, unsigned int i)
{
	uint8_t copy[512] = {0};
	size_t len = t->message[i].len;
	struct tsig_info info = {0};
	enum tsig_verdict verdict = TSIG_FAILED;

	memcpy(copy, t->message[i].octets, len);
	verdict = tsig_stream_next(stream, copy, &len, PEER_NOW, &info);
	if (verdict == TSIG_GOOD) {
		assert_int_equal(copy[11], 0);
		assert_int_equal(len, 12 + 17 + 17);
	} else if (verdict != TSIG_PEER_ERROR) {
		assert_int_equal(len, t->message[i].len);
		assert_memory_equal(copy, t->message[i].octets, len);
	}
	return verdict;
}

/* Takes the messages in the order of `order`; returns the last verdict. */
static enum tsig_verdict run(const struct transfer *t, const unsigned int *order,
			     unsigned int count, bool *complete)
{
	struct tsig_stream stream;
	enum tsig_verdict verdict = TSIG_GOOD;

	assert_int_equal(tsig_stream_init(&stream, t->key, &t->request_mac), TSIG_OK);
	assert_false(tsig_stream_complete(&stream));
	for (unsigned int i = 0; i < count; i++) {
		enum tsig_verdict now = take(&stream, t, order != NULL ? order[i] : i);

		if (verdict != TSIG_GOOD)
			assert_int_equal(now, verdict);
		verdict = now;
	}
	*complete = tsig_stream_complete(&stream);
	tsig_stream_clear(&stream);
	return verdict;
}

static void verifies_dnspython(void **state)
{
	struct vectors *v = vectors_open("streams.txt");
	char *f[8] = {NULL};
	struct tsig_key *key = NULL;
	struct tsig_stream stream = {0};
	uint8_t octets[4096] = {0};
	uint8_t plain[4096] = {0};
	bool complete = false;
	unsigned int streams = 0;

	(void)state;
	while (vectors_next(v, f, 8)) {
		size_t len = 0;

		if (strcmp(f[0], "message") == 0) {
			len = unhex(f[1], octets, sizeof(octets));
			assert_int_equal(tsig_stream_next(&stream, octets, &len, PEER_NOW, NULL),
					 TSIG_GOOD);
			assert_int_equal(len, unhex(f[3], plain, sizeof(plain)));
			assert_memory_equal(octets, plain, len);
			continue;
		}
		if (streams > 0)
			assert_int_equal(tsig_stream_complete(&stream), complete);
		tsig_stream_clear(&stream);
		tsig_key_free(key);
		enum tsig_alg alg = TSIG_HMAC_SHA1;
		struct tsig_mac mac = {0};

		assert_true(tsig_alg_from_name(f[2], &alg));
		len = unhex(f[4], octets, sizeof(octets));
		assert_int_equal(tsig_key_new(&key, f[3], alg, octets, len), TSIG_OK);
		mac.len = (uint16_t)unhex(f[6], mac.octets, sizeof(mac.octets));
		assert_int_equal(tsig_stream_init(&stream, key, &mac), TSIG_OK);
		complete = strcmp(f[7], "yes") == 0;
		streams++;
	}
	assert_int_equal(tsig_stream_complete(&stream), complete);
	tsig_stream_clear(&stream);
	tsig_key_free(key);
	vectors_close(v);
	assert_int_equal(streams, 2 * TSIG_ALG_COUNT + 3);
}

static void all_signed(void **state)
{
	struct transfer *t = *state;
	bool complete = false;

	send_all(t, "SSSSS");
	assert_int_equal(run(t, NULL, 5, &complete), TSIG_GOOD);
	assert_true(complete);
	/* a stream of one; and one that was cut off cannot be told here, but by its content */
	assert_int_equal(run(t, NULL, 1, &complete), TSIG_GOOD);
	assert_true(complete);
}

static void unsigned_between(void **state)
{
	struct transfer *t = *state;
	bool complete = false;

	send_one(t, 0, true);
	for (unsigned int i = 1; i <= 205; i++)
		send_one(t, i, i == 100 || i == 200);
	assert_int_equal(run(t, NULL, 100, &complete), TSIG_GOOD);
	assert_false(complete);
	assert_int_equal(run(t, NULL, 101, &complete), TSIG_GOOD);
	assert_true(complete);
	assert_int_equal(run(t, NULL, 201, &complete), TSIG_GOOD);
	assert_true(complete);
	assert_int_equal(run(t, NULL, 202, &complete), TSIG_GOOD);
	assert_false(complete);
}

static void hundred_unsigned(void **state)
{
	struct transfer *t = *state;
	bool complete = true;

	for (unsigned int i = 0; i <= 102; i++)
		send_one(t, i, i == 0 || i >= 101);
	assert_int_equal(run(t, NULL, 100, &complete), TSIG_GOOD);
	assert_int_equal(run(t, NULL, 101, &complete), TSIG_UNSIGNED);
	assert_int_equal(run(t, NULL, 103, &complete), TSIG_UNSIGNED);
	assert_false(complete);
}

static void unsigned_ends(void **state)
{
	struct transfer *t = *state;
	bool complete = true;

	send_all(t, "-SS");
	assert_int_equal(run(t, NULL, 1, &complete), TSIG_UNSIGNED);
	assert_int_equal(run(t, NULL, 3, &complete), TSIG_UNSIGNED);
	assert_false(complete);
	send_all(t, "SS-");
	assert_int_equal(run(t, NULL, 3, &complete), TSIG_GOOD);
	assert_false(complete);
}

static void reordered_or_dropped(void **state)
{
	static const unsigned int swapped[] = {0, 2, 1, 3};
	static const unsigned int swapped_unsigned[] = {0, 1, 3, 2, 4};
	static const unsigned int dropped[] = {0, 2, 3, 4};
	static const unsigned int dropped_unsigned[] = {0, 1, 2, 4};
	static const unsigned int repeated[] = {0, 1, 2, 2, 3, 4};
	static const unsigned int repeated_signed[] = {0, 1, 1};
	static const unsigned int late[] = {1, 2, 3};
	struct transfer *t = *state;
	bool complete = true;

	send_all(t, "SS--SS");
	assert_int_equal(run(t, NULL, 6, &complete), TSIG_GOOD);
	assert_int_equal(run(t, swapped_unsigned, 5, &complete), TSIG_BADSIG);
	assert_false(complete);
	assert_int_equal(run(t, dropped_unsigned, 4, &complete), TSIG_BADSIG);
	assert_int_equal(run(t, repeated, 6, &complete), TSIG_BADSIG);
	assert_int_equal(run(t, repeated_signed, 3, &complete), TSIG_BADSIG);
	send_all(t, "SSSSS");
	assert_int_equal(run(t, swapped, 4, &complete), TSIG_BADSIG);
	assert_int_equal(run(t, dropped, 4, &complete), TSIG_BADSIG);
	assert_int_equal(run(t, late, 3, &complete), TSIG_BADSIG);
	assert_false(complete);
}

/* An octet changed anywhere, also in an unsigned message, shows at the next signed one. */
static void every_bit_flip(void **state)
{
	struct transfer *t = *state;
	bool complete = false;

	send_all(t, "S-S");
	for (unsigned int i = 0; i < 3; i++) {
		for (size_t bit = 0; bit < t->message[i].len * 8; bit++) {
			uint8_t *octet = &t->message[i].octets[bit / 8];
			uint8_t was = *octet;
			uint8_t copy[512];
			struct tsig_stream s;

			/* ids are covered by the original id; names have no case */
			if (i != 1 && (bit < 16 || bit % 8 == 5))
				continue;
			*octet = (uint8_t)(was ^ 1U << bit % 8);
			assert_int_equal(tsig_stream_init(&s, t->key, &t->request_mac), TSIG_OK);
			for (unsigned int j = 0; j < 3; j++) {
				size_t len = t->message[j].len;

				memcpy(copy, t->message[j].octets, sizeof(copy));
				tsig_stream_next(&s, copy, &len, PEER_NOW, NULL);
			}
			complete = tsig_stream_complete(&s);
			tsig_stream_clear(&s);
			assert_false(complete);
			*octet = was;
		}
	}
	assert_int_equal(run(t, NULL, 3, &complete), TSIG_GOOD);
	assert_true(complete);
}

static void other_request(void **state)
{
	struct transfer *t = *state;
	bool complete = true;

	send_all(t, "SS");
	t->request_mac.octets[3] ^= 4;
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_BADSIG);
	assert_false(complete);
}

/* In the first message the error is signed; later ones do not cover it. */
static void errors_of_the_peer(void **state)
{
	static const uint8_t other[] = "other";
	struct transfer *t = *state;
	bool complete = true;

	send_all(t, "S");
	peer_init(&t->peer);
	t->peer.prior = t->request_mac;
	t->peer.error = 18;
	t->message[0].len = peer_sign(&t->peer, t->message[0].octets,
				      peer_answer(t->message[0].octets, 1, 1), NULL);
	assert_int_equal(run(t, NULL, 1, &complete), TSIG_PEER_ERROR);
	assert_false(complete);

	send_all(t, "S");
	t->peer.error = 17;
	send_one(t, 1, true);
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_PEER_REJECTED);
	assert_false(complete);

	send_all(t, "S");
	t->peer.other = other;
	t->peer.other_len = sizeof(other);
	send_one(t, 1, true);
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_FORMAT);
}

/* Each signed message is held to the clock, the key and the form. */
static void later_messages_are_checked(void **state)
{
	struct transfer *t = *state;
	bool complete = true;

	send_all(t, "S");
	t->peer.time += 301;
	send_one(t, 1, true);
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_BADTIME);
	send_all(t, "S");
	t->peer.name = "another";
	send_one(t, 1, true);
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_WRONG_KEY);
	send_all(t, "S");
	t->peer.alg = "hmac-sha1";
	send_one(t, 1, true);
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_WRONG_ALG);
	send_all(t, "S");
	t->peer.mac_len = 20;
	send_one(t, 1, true);
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_TRUNCATED);
	send_all(t, "SS");
	t->message[1].len++;
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_MISPLACED);
	t->message[1].len = 11;
	assert_int_equal(run(t, NULL, 2, &complete), TSIG_FORMAT);
	assert_false(complete);
}

/* A key in use for other messages between those of a stream, and two streams at once. */
static void key_is_shared(void **state)
{
	struct transfer *t = *state;
	struct tsig_stream a;
	struct tsig_stream b;

	send_all(t, "S-S-S");
	assert_int_equal(tsig_stream_init(&a, t->key, &t->request_mac), TSIG_OK);
	assert_int_equal(tsig_stream_init(&b, t->key, &t->request_mac), TSIG_OK);
	for (unsigned int i = 0; i < 5; i++) {
		uint8_t msg[512] = {0};
		size_t len = 12;
		struct tsig_mac mac = {0};

		assert_int_equal(take(&a, t, i), TSIG_GOOD);
		assert_int_equal(tsig_sign(t->key, msg, &len, sizeof(msg), PEER_NOW, &mac), 0);
		assert_int_equal(take(&b, t, i), TSIG_GOOD);
	}
	assert_true(tsig_stream_complete(&a));
	assert_true(tsig_stream_complete(&b));
	tsig_stream_clear(&a);
	tsig_stream_clear(&b);
}

static void zeroed_and_cleared_refuse(void **state)
{
	struct transfer *t = *state;
	struct tsig_stream stream = {0};

	send_all(t, "SS");
	assert_int_not_equal(take(&stream, t, 0), TSIG_GOOD);
	assert_false(tsig_stream_complete(&stream));
	tsig_stream_clear(&stream);
	assert_int_equal(tsig_stream_init(&stream, t->key, &t->request_mac), TSIG_OK);
	assert_int_equal(take(&stream, t, 0), TSIG_GOOD);
	tsig_stream_clear(&stream);
	assert_false(tsig_stream_complete(&stream));
	assert_int_not_equal(take(&stream, t, 1), TSIG_GOOD);
	tsig_stream_clear(&stream);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verifies_dnspython), TEST(all_signed),
		TEST(unsigned_between),	  TEST(hundred_unsigned),
		TEST(unsigned_ends),	  TEST(reordered_or_dropped),
		TEST(every_bit_flip),	  TEST(other_request),
		TEST(errors_of_the_peer), TEST(later_messages_are_checked),
		TEST(key_is_shared),	  TEST(zeroed_and_cleared_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
