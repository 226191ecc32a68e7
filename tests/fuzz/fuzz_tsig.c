/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes TSIG: verifying, streams, and that what we sign verifies and nothing near it does. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/internal.h"

#define NOW 1700000000U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tsig_key *key_of(unsigned int alg)
{
	static struct tsig_key *keys[TSIG_ALG_COUNT];
	static const uint8_t secret[16] = "a test's secret";

	alg %= TSIG_ALG_COUNT;
	if (keys[alg] == NULL &&
	    tsig_key_new(&keys[alg], "mail-update", (enum tsig_alg)alg, secret, 16) != TSIG_OK)
		abort();
	return keys[alg];
}

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Hostile octets: any verdict but a proven one; the message is left alone. */
static void verify_octets(struct tsig_key *key, const uint8_t *data, size_t size)
{
	struct tsig_mac request_mac = {20, {1, 2, 3}};
	struct tsig_info info = {0};
	uint8_t *msg = malloc(size + 1);
	size_t len = size;

	require(msg != NULL);
	memcpy(msg, data, size);
	switch (tsig_verify(key, msg, &len, &request_mac, NOW, &info)) {
	case TSIG_GOOD:
	case TSIG_PEER_ERROR:
	case TSIG_FAILED:
		abort();
	default:
		break;
	}
	require(len == size && memcmp(msg, data, size) == 0);
	free(msg);
}

/* The octets as messages of a stream, each with a length in front, as over TCP. */
static void verify_stream(struct tsig_key *key, const uint8_t *data, size_t size)
{
	struct tsig_mac request_mac = {20, {4, 5, 6}}; /* the seeds are signed for it */
	struct tsig_stream stream;

	require(tsig_stream_init(&stream, key, &request_mac) == TSIG_OK);
	while (size >= 2) {
		size_t len = tsig_get16(data);
		size_t left = len < size - 2 ? len : size - 2;
		uint8_t *msg = malloc(left + 1);

		require(msg != NULL);
		memcpy(msg, data + 2, left);
		data += 2 + left;
		size -= 2 + left;
		tsig_stream_next(&stream, msg, &left, NOW, NULL);
		free(msg);
	}
	tsig_stream_complete(&stream);
	tsig_stream_clear(&stream);
}

/* What we sign and can walk verifies; with a bit flipped it does not, but for id and case. */
static void sign_octets(struct tsig_key *key, const uint8_t *data, size_t size, uint32_t flip)
{
	struct tsig_mac mac = {0};
	struct tsig_rr rr = {0};
	size_t capacity = size + 512;
	uint8_t *msg = malloc(capacity);
	size_t len = size;
	size_t signed_len = 0;
	enum tsig_verdict found = TSIG_UNSIGNED;

	require(msg != NULL);
	memcpy(msg, data, size);
	if (tsig_sign(key, msg, &len, capacity, NOW, &mac) != TSIG_OK)
		goto done;
	signed_len = len;
	found = tsig_rr_find(msg, len, &rr);
	if (found != TSIG_GOOD || rr.start != size)
		goto done; /* the records before it are broken: its owner is not where we wrote it
			    */
	msg[2 + flip / 8 % (len - 2)] ^= (uint8_t)(1U << flip % 8);
	if (tsig_verify(key, msg, &len, NULL, NOW, NULL) == TSIG_GOOD)
		require(2 + flip / 8 % (signed_len - 2) > size && flip % 8 == 5);
	else
		msg[2 + flip / 8 % (len - 2)] ^= (uint8_t)(1U << flip % 8);
	if (len == signed_len)
		require(tsig_verify(key, msg, &len, NULL, NOW, NULL) == TSIG_GOOD);
	require(len == size && memcmp(msg, data, size) == 0);
done:
	free(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsig_key *key = NULL;

	if (size < 4)
		return 0;
	key = key_of(data[0]);
	verify_octets(key, data + 3, size - 3);
	verify_stream(key, data + 3, size - 3);
	sign_octets(key, data + 3, size - 3, (uint32_t)(data[1] << 8 | data[2]));
	return 0;
}
