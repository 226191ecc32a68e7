/* SPDX-License-Identifier: BSD-2-Clause */
/* Signing: octet for octet as dnspython, and the limits of size. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tsig/peer.h"

static uint8_t msg[PEER_BUFFER];
static uint8_t before[PEER_BUFFER];

static void signs_as_dnspython(void **state)
{
	struct vectors *v = vectors_open("requests.txt");
	char *f[7] = {NULL};
	unsigned int algorithms[TSIG_ALG_COUNT] = {0};

	(void)state;
	while (vectors_next(v, f, 7)) {
		enum tsig_alg alg = TSIG_HMAC_SHA1;
		struct tsig_key *key = NULL;
		struct tsig_mac mac = {0};
		uint8_t secret[128] = {0};
		uint8_t want[4096] = {0};
		size_t len = 0;
		size_t want_len = 0;

		assert_true(tsig_alg_from_name(f[0], &alg));
		len = unhex(f[2], secret, sizeof(secret));
		assert_int_equal(tsig_key_new(&key, f[1], alg, secret, len), TSIG_OK);
		len = unhex(f[4], msg, sizeof(msg));
		assert_int_equal(tsig_sign(key, msg, &len, sizeof(msg), strtoull(f[3], NULL, 10),
					   &mac),
				 TSIG_OK);
		want_len = unhex(f[5], want, sizeof(want));
		assert_int_equal(len, want_len);
		assert_memory_equal(msg, want, len);
		want_len = unhex(f[6], want, sizeof(want));
		assert_int_equal(mac.len, want_len);
		assert_memory_equal(mac.octets, want, want_len);
		algorithms[alg]++;
		tsig_key_free(key);
	}
	vectors_close(v);
	for (unsigned int i = 0; i < TSIG_ALG_COUNT; i++)
		assert_int_equal(algorithms[i], 3);
}

/* A time over 32 bits, and the fields that the vectors have in common. */
static void the_record_reads_back(void **state)
{
	struct tsig_key *key = peer_key();
	struct tsig_mac mac = {0};
	struct tsig_info info = {0};
	const uint64_t now = 0x123456789abcU;
	size_t len = peer_answer(msg, 7, 1);
	size_t plain = len;

	(void)state;
	assert_int_equal(tsig_sign(key, msg, &len, sizeof(msg), now, &mac), TSIG_OK);
	assert_int_equal(len, plain + tsig_overhead(key));
	assert_int_equal(msg[11], 1);
	assert_int_equal(tsig_verify(key, msg, &len, NULL, now, &info), TSIG_GOOD);
	assert_true(info.time_signed == now);
	assert_int_equal(info.fudge, 300);
	assert_int_equal(info.mac_len, 32);
	assert_int_equal(info.error, 0);
	assert_int_equal(len, plain);
	assert_int_equal(msg[11], 0);
	tsig_key_free(key);
}

/* Tries to sign; on failure nothing may have changed. */
static int try(struct tsig_key *key, size_t len, size_t capacity)
{
	size_t now_len = len;
	struct tsig_mac mac = {0};
	int err = 0;

	memcpy(before, msg, sizeof(before));
	err = tsig_sign(key, msg, &now_len, capacity, PEER_NOW, &mac);
	if (err == TSIG_OK) {
		assert_int_equal(now_len, len + tsig_overhead(key));
		return err;
	}
	assert_int_equal(now_len, len);
	assert_int_equal(mac.len, 0);
	assert_memory_equal(msg, before, sizeof(before));
	return err;
}

static void sizes(void **state)
{
	struct tsig_key *key = peer_key();
	size_t overhead = tsig_overhead(key);
	size_t len = peer_answer(msg, 7, 1);

	(void)state;
	assert_int_equal(try(key, len, len + overhead - 1), TSIG_ESPACE);
	assert_int_equal(try(key, len, len - 1), TSIG_ESPACE);
	assert_int_equal(try(key, len, 0), TSIG_ESPACE);
	assert_int_equal(try(key, len, len + overhead), TSIG_OK);
	memset(msg, 0, sizeof(msg));
	assert_int_equal(try(key, 11, sizeof(msg)), TSIG_EFORM);
	assert_int_equal(try(key, 0, sizeof(msg)), TSIG_EFORM);
	assert_int_equal(try(key, 65535 - overhead + 1, sizeof(msg)), TSIG_ESPACE);
	assert_int_equal(try(key, 65535, sizeof(msg)), TSIG_ESPACE);
	assert_int_equal(try(key, 65900, sizeof(msg)), TSIG_ESPACE);
	assert_int_equal(try(key, 65535 - overhead, sizeof(msg)), TSIG_OK);
	tsig_key_free(key);
}

static void full_arcount(void **state)
{
	struct tsig_key *key = peer_key();

	(void)state;
	memset(msg, 0, sizeof(msg));
	msg[10] = msg[11] = 0xff;
	assert_int_equal(try(key, 60000, sizeof(msg)), TSIG_ESPACE);
	tsig_key_free(key);
}

static void not_twice(void **state)
{
	struct tsig_key *key = peer_key();
	size_t len = peer_answer(msg, 7, 1);

	(void)state;
	assert_int_equal(try(key, len, sizeof(msg)), TSIG_OK);
	assert_int_equal(try(key, len + tsig_overhead(key), sizeof(msg)), TSIG_EFORM);
	tsig_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_as_dnspython),
		cmocka_unit_test(the_record_reads_back),
		cmocka_unit_test(sizes),
		cmocka_unit_test(full_arcount),
		cmocka_unit_test(not_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
