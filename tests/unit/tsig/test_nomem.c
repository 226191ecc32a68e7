/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory runs out at every allocation, ours and OpenSSL's: an error, and nothing leaks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/crypto.h>

#include "tests/unit/tsig/peer.h"
#include "tsig/internal.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool armed;
static unsigned int left; /* allocations until all fail */

static bool fails(void)
{
	if (!armed)
		return false;
	if (left == 0)
		return true;
	left--;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : __real_malloc(size);
}

static void *crypto_realloc(void *data, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : realloc(data, size);
}

static void crypto_free(void *data, const char *file, int line)
{
	(void)file;
	(void)line;
	free(data);
}

static void arm(unsigned int after)
{
	left = after;
	armed = true;
}

static void keys(void **state)
{
	static const char text[] = "key k { algorithm hmac-sha256; secret \"Zm9vYmFy\"; };";
	char cause[TSIG_CAUSE_MAX] = "";
	int err = TSIG_ENOMEM;
	unsigned int i = 0;

	(void)state;
	for (i = 0; err != TSIG_OK && i < 1000; i++) {
		struct tsig_key *key = NULL;

		arm(i);
		err = tsig_parse_bind(&key, NULL, "file", text, strlen(text), cause);
		armed = false;
		assert_true((err == TSIG_OK) == (key != NULL));
		assert_true(err == TSIG_OK || err == TSIG_ENOMEM || err == TSIG_ECRYPTO);
		tsig_key_free(key);
	}
	assert_int_equal(err, TSIG_OK);
	assert_in_range(i, 4, 999);
}

static void streams(void **state)
{
	struct tsig_key *key = peer_key();
	struct tsig_mac mac = {32, {0}};
	int err = TSIG_ENOMEM;
	unsigned int i = 0;

	(void)state;
	for (i = 0; err != TSIG_OK && i < 1000; i++) {
		struct tsig_stream stream;

		arm(i);
		err = tsig_stream_init(&stream, key, &mac);
		armed = false;
		assert_true(err == TSIG_OK || err == TSIG_ENOMEM);
		assert_false(tsig_stream_complete(&stream));
		tsig_stream_clear(&stream);
	}
	assert_int_equal(err, TSIG_OK);
	assert_in_range(i, 2, 999);
	tsig_key_free(key);
}

/* Signing and verifying need none, or say so: never a wrong verdict. */
static void messages(void **state)
{
	struct tsig_key *key = peer_key();

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		uint8_t msg[1024] = {0};
		size_t len = peer_answer(msg, 1, 1);
		struct tsig_mac mac = {0};
		int err = TSIG_OK;
		enum tsig_verdict verdict = TSIG_FAILED;

		arm(i);
		err = tsig_sign(key, msg, &len, sizeof(msg), PEER_NOW, &mac);
		armed = false;
		assert_true(err == TSIG_OK || err == TSIG_ECRYPTO);
		if (err != TSIG_OK)
			continue;
		arm(i);
		verdict = tsig_verify(key, msg, &len, NULL, PEER_NOW, NULL);
		armed = false;
		assert_true(verdict == TSIG_GOOD || verdict == TSIG_FAILED);
	}
	tsig_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(streams),
		cmocka_unit_test(messages),
	};

	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
		return 1;
	/* What OpenSSL allocates once and keeps is none of ours. */
	tsig_key_free(peer_key());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
