/* SPDX-License-Identifier: BSD-2-Clause */
/* The key object: names, algorithms, base64, the tables of texts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tsig/peer.h"
#include "tsig/internal.h"

static const uint8_t secret[] = "secret";

static int make(const char *name)
{
	struct tsig_key *key = (struct tsig_key *)&key;
	int err = tsig_key_new(&key, name, TSIG_HMAC_SHA256, secret, sizeof(secret));

	assert_true((err == TSIG_OK) == (key != NULL));
	tsig_key_free(key);
	return err;
}

static void name_is_lower_case_on_the_wire(void **state)
{
	static const uint8_t wire[] = "\013mail-update\007example";
	struct tsig_key *key = NULL;

	(void)state;
	assert_int_equal(tsig_key_new(&key, "Mail-Update.EXAMPLE.", TSIG_HMAC_SHA1, secret, 6),
			 TSIG_OK);
	assert_string_equal(tsig_key_name(key), "mail-update.example");
	assert_int_equal(tsig_key_alg(key), TSIG_HMAC_SHA1);
	assert_int_equal(key->name_len, sizeof(wire));
	assert_memory_equal(key->vars, wire, sizeof(wire));
	/* name, fixed part, algorithm, timers, MAC with its length, id, error, other length */
	assert_int_equal(tsig_overhead(key), 21 + 10 + 11 + 8 + 2 + 20 + 6);
	tsig_key_free(key);
}

static void names_that_are_none(void **state)
{
	static const char *const bad[] = {"",	  ".",	 "..",	 "a..b",  ".a",	 "a b", "a\\.b",
					  "a\"b", "a\n", "\x7f", "k\xc3", "a..", "\001"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(make(bad[i]), TSIG_EKEYNAME);
	assert_int_equal(make("a"), TSIG_OK);
	assert_int_equal(make("a/b_c@d.1."), TSIG_OK);
}

static void names_at_their_limits(void **state)
{
	char name[260] = "";

	(void)state;
	memset(name, 'a', 63);
	assert_int_equal(make(name), TSIG_OK);
	name[63] = 'a';
	assert_int_equal(make(name), TSIG_EKEYNAME);
	/* 127 labels of one letter: 255 octets on the wire, 253 in text */
	for (size_t i = 0; i < 253; i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	assert_int_equal(make(name), TSIG_OK);
	name[253] = '.';
	assert_int_equal(make(name), TSIG_OK);
	name[254] = 'a';
	assert_int_equal(make(name), TSIG_EKEYNAME);
	name[253] = 'a';
	name[254] = '\0';
	assert_int_equal(make(name), TSIG_EKEYNAME);
}

static void largest_overhead_fits_its_promise(void **state)
{
	char name[254] = "";

	(void)state;
	for (size_t i = 0; i < 253; i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	for (unsigned int i = 0; i < TSIG_ALG_COUNT; i++) {
		struct tsig_key *key = NULL;

		assert_int_equal(tsig_key_new(&key, name, (enum tsig_alg)i, secret, 6), TSIG_OK);
		assert_in_range(tsig_overhead(key), 300, 358);
		assert_true(key->vars_len <= TSIG_VARS_MAX);
		tsig_key_free(key);
	}
}

static void bad_arguments(void **state)
{
	struct tsig_key *key = NULL;

	(void)state;
	assert_int_equal(tsig_key_new(&key, "k", (enum tsig_alg)TSIG_ALG_COUNT, secret, 6),
			 TSIG_EALG);
	assert_null(key);
	assert_int_equal(tsig_key_new(&key, "k", TSIG_HMAC_SHA1, secret, 0), TSIG_EEMPTY);
	assert_null(key);
	tsig_key_free(NULL);
}

static void algorithm_names(void **state)
{
	enum tsig_alg alg = TSIG_HMAC_SHA1;

	(void)state;
	for (unsigned int i = 0; i < TSIG_ALG_COUNT; i++) {
		char dotted[32] = "";

		snprintf(dotted, sizeof(dotted), "%s.", tsig_alg_name((enum tsig_alg)i));
		assert_true(tsig_alg_from_name(dotted, &alg));
		assert_int_equal(alg, i);
	}
	assert_true(tsig_alg_from_name("HMAC-SHA512-256", &alg));
	assert_int_equal(alg, TSIG_HMAC_SHA512_256);
	assert_false(tsig_alg_from_name("hmac-md5.sig-alg.reg.int", &alg));
	assert_false(tsig_alg_from_name("hmac-sha25", &alg));
	assert_false(tsig_alg_from_name("hmac-sha256..", &alg));
	assert_false(tsig_alg_from_name("", &alg));
	assert_false(tsig_alg_from_name(".", &alg));
	assert_int_equal(alg, TSIG_HMAC_SHA512_256);
	assert_string_equal(tsig_alg_name((enum tsig_alg)99), "unknown");
}

static int from_base64(const char *text)
{
	struct tsig_key *key = NULL;
	int err = tsig_key_from_base64(&key, "k", TSIG_HMAC_SHA256, text);

	assert_true((err == TSIG_OK) == (key != NULL));
	tsig_key_free(key);
	return err;
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = {"Zg",	   "Zg=",    "Zg=g",  "Z===",
					  "=",	   "====",   "Zh==",  "Zm9=",
					  "Zg===", "Zm8",    "Zm9v=", "Zg==Zg==",
					  "Z!==",  "Zm-v",   "Zm_v",  "Z",
					  "Zm9v:", "Zg= =g", "Zm8=v", "\xff\xff\xff\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (from_base64(bad[i]) != TSIG_EBASE64)
			fail_msg("taken for base64: %s", bad[i]);
	assert_int_equal(from_base64(""), TSIG_EEMPTY);
	assert_int_equal(from_base64(" \n\t\r"), TSIG_EEMPTY);
	assert_int_equal(from_base64("Zg=="), TSIG_OK);
	assert_int_equal(from_base64("Zm8="), TSIG_OK);
	assert_int_equal(from_base64(" Z m\t9v\r\nYg=\n=\n"), TSIG_OK);
}

/* The right octets come out: two ways to the same key sign alike. */
static void base64_gives_the_secret(void **state)
{
	static const uint8_t octets[] = {0xfb, 0xef, 0xff, 0x00, 0x10, 0x83, 0x61, 0x7a, 0x5c};
	static const struct {
		size_t len;
		const char *text;
	} rows[] = {{9, "++//ABCDYXpc"}, {8, "++//ABCDYXo="}, {7, "++//ABCDYQ=="}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tsig_key *a = NULL;
		struct tsig_key *b = NULL;
		struct tsig_mac mac_a = {0};
		struct tsig_mac mac_b = {0};
		uint8_t msg[512] = {0};
		size_t len = 12;

		assert_int_equal(tsig_key_new(&a, "k", TSIG_HMAC_SHA1, octets, rows[i].len), 0);
		assert_int_equal(tsig_key_from_base64(&b, "k", TSIG_HMAC_SHA1, rows[i].text), 0);
		assert_int_equal(tsig_sign(a, msg, &len, sizeof(msg), 1, &mac_a), TSIG_OK);
		memset(msg, 0, sizeof(msg));
		len = 12;
		assert_int_equal(tsig_sign(b, msg, &len, sizeof(msg), 1, &mac_b), TSIG_OK);
		assert_memory_equal(mac_a.octets, mac_b.octets, 20);
		tsig_key_free(a);
		tsig_key_free(b);
	}
}

static void texts(void **state)
{
	(void)state;
	for (int err = TSIG_EFORM; err <= TSIG_OK; err++)
		assert_string_not_equal(tsig_strerror(err), "unknown error");
	assert_string_equal(tsig_strerror(1), "unknown error");
	assert_string_equal(tsig_strerror(TSIG_EFORM - 1), "unknown error");
	for (unsigned int i = 0; i <= TSIG_FAILED; i++)
		assert_string_not_equal(tsig_verdict_text((enum tsig_verdict)i), "unknown");
	assert_string_equal(tsig_verdict_text((enum tsig_verdict)(TSIG_FAILED + 1)), "unknown");
	assert_string_equal(tsig_error_name(0), "NOERROR");
	assert_string_equal(tsig_error_name(16), "BADSIG");
	assert_string_equal(tsig_error_name(17), "BADKEY");
	assert_string_equal(tsig_error_name(18), "BADTIME");
	assert_string_equal(tsig_error_name(22), "BADTRUNC");
	assert_string_equal(tsig_error_name(4095), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_is_lower_case_on_the_wire),
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(names_at_their_limits),
		cmocka_unit_test(largest_overhead_fits_its_promise),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(algorithm_names),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(base64_gives_the_secret),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
