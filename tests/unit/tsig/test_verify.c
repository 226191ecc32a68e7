/* SPDX-License-Identifier: BSD-2-Clause */
/* Verifying one answer: right ones of dnspython, and every wrong one that we could think of. */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tsig/peer.h"

static uint8_t msg[PEER_BUFFER];
static struct tsig_key *key;
static struct tsig_mac request_mac;
static struct tsig_info info;

static int setup(void **state)
{
	(void)state;
	key = peer_key();
	request_mac.len = 32;
	memset(request_mac.octets, 0xa5, 32);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tsig_key_free(key);
	return 0;
}

/* A peer that answers the request. */
static struct peer right_peer(void)
{
	struct peer peer;

	peer_init(&peer);
	peer.prior = request_mac;
	return peer;
}

static bool strips(enum tsig_verdict verdict)
{
	return verdict == TSIG_GOOD || verdict == TSIG_PEER_ERROR;
}

/*
 * Verifies a copy of exactly `len` octets, so that a sanitizer sees any step over its end, and
 * checks that the message is stripped or left alone as promised.
 */
static enum tsig_verdict check_at(size_t len, uint64_t now)
{
	uint8_t *copy = malloc(len + 1);
	uint8_t *exact = NULL;
	size_t left = len;
	enum tsig_verdict verdict = TSIG_FAILED;

	assert_non_null(copy);
	exact = copy + 1;
	memcpy(exact, msg, len);
	verdict = tsig_verify(key, exact, &left, &request_mac, now, &info);
	if (strips(verdict)) {
		assert_true(left < len);
		assert_int_equal(exact[11], (uint8_t)(msg[11] - 1));
		exact[11]++;
	} else {
		assert_int_equal(left, len);
	}
	assert_memory_equal(exact, msg, left);
	free(copy);
	return verdict;
}

static enum tsig_verdict check(size_t len)
{
	return check_at(len, PEER_NOW);
}

/* Signs a small answer as the peer does, and verifies it. */
static enum tsig_verdict judge(const struct peer *peer)
{
	return check(peer_sign(peer, msg, peer_answer(msg, 0x1234, 3), NULL));
}

static void verifies_dnspython(void **state)
{
	struct vectors *v = vectors_open("answers.txt");
	char *f[11] = {NULL};
	unsigned int rows = 0;

	(void)state;
	while (vectors_next(v, f, 11)) {
		enum tsig_alg alg = TSIG_HMAC_SHA1;
		struct tsig_key *its_key = NULL;
		struct tsig_mac mac = {0};
		uint8_t octets[4096] = {0};
		size_t len = unhex(f[3], octets, sizeof(octets));
		enum tsig_verdict want = strcmp(f[7], "good") == 0 ? TSIG_GOOD : TSIG_PEER_ERROR;

		assert_true(tsig_alg_from_name(f[1], &alg));
		assert_int_equal(tsig_key_new(&its_key, f[2], alg, octets, len), TSIG_OK);
		mac.len = (uint16_t)unhex(f[5], mac.octets, sizeof(mac.octets));
		len = unhex(f[6], msg, sizeof(msg));
		assert_int_equal(tsig_verify(its_key, msg, &len, mac.len > 0 ? &mac : NULL,
					     strtoull(f[4], NULL, 10), &info),
				 want);
		assert_int_equal(info.error, (int)strtol(f[8], NULL, 10));
		assert_true(info.server_time == strtoull(f[9], NULL, 10));
		assert_true(info.time_signed == PEER_NOW);
		assert_int_equal(len, unhex(f[10], octets, sizeof(octets)));
		/* The id may be another one: it is left as it came. */
		assert_memory_equal(msg + 2, octets + 2, len - 2);
		tsig_key_free(its_key);
		rows++;
	}
	vectors_close(v);
	assert_int_equal(rows, 3 * TSIG_ALG_COUNT + 3);
}

static void right_answer(void **state)
{
	struct peer peer = right_peer();

	(void)state;
	assert_int_equal(judge(&peer), TSIG_GOOD);
	/* Names are compared and digested without case. */
	peer.name = "MAIL-Update";
	peer.alg = "HMAC-sha256";
	assert_int_equal(judge(&peer), TSIG_GOOD);
}

static void info_is_optional(void **state)
{
	struct peer peer = right_peer();
	size_t len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);

	(void)state;
	assert_int_equal(tsig_verify(key, msg, &len, &request_mac, PEER_NOW, NULL), TSIG_GOOD);
}

static void no_tsig(void **state)
{
	size_t len = peer_answer(msg, 1, 3);

	(void)state;
	assert_int_equal(check(len), TSIG_UNSIGNED);
	assert_int_equal(check(12), TSIG_UNSIGNED);
	/* an OPT record, and nothing more */
	memcpy(msg + len, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
	msg[11] = 1;
	assert_int_equal(check(len + 11), TSIG_UNSIGNED);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(check(i), TSIG_FORMAT);
	memset(msg, 0, sizeof(msg));
	assert_int_equal(check(65535), TSIG_UNSIGNED);
	assert_int_equal(check(65536), TSIG_FORMAT);
}

static void wrong_key_or_secret(void **state)
{
	struct peer peer = right_peer();
	uint8_t other_secret[32] = {1};

	(void)state;
	peer.name = "mail-updatf";
	assert_int_equal(judge(&peer), TSIG_WRONG_KEY);
	peer.name = "mail-update.example";
	assert_int_equal(judge(&peer), TSIG_WRONG_KEY);
	peer.name = "mail-updat";
	assert_int_equal(judge(&peer), TSIG_WRONG_KEY);
	peer.name = "";
	assert_int_equal(judge(&peer), TSIG_WRONG_KEY);
	peer = right_peer();
	peer.alg = "hmac-sha384";
	assert_int_equal(judge(&peer), TSIG_WRONG_ALG);
	peer.alg = "hmac-sha256.example";
	assert_int_equal(judge(&peer), TSIG_WRONG_ALG);
	peer.alg = "";
	assert_int_equal(judge(&peer), TSIG_WRONG_ALG);
	peer = right_peer();
	peer.secret = other_secret;
	assert_int_equal(judge(&peer), TSIG_BADSIG);
}

static void another_request(void **state)
{
	struct peer peer = right_peer();
	size_t len = 0;

	(void)state;
	peer.prior.octets[0] ^= 1;
	assert_int_equal(judge(&peer), TSIG_BADSIG);
	peer.prior.len = 0;
	assert_int_equal(judge(&peer), TSIG_BADSIG);
	peer = right_peer();
	len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);
	assert_int_equal(tsig_verify(key, msg, &len, NULL, PEER_NOW, &info), TSIG_BADSIG);
}

static void times(void **state)
{
	struct peer peer = right_peer();
	size_t len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);

	(void)state;
	assert_int_equal(check_at(len, PEER_NOW + 600), TSIG_BADTIME);
	assert_int_equal(check_at(len, PEER_NOW - 600), TSIG_BADTIME);
	assert_int_equal(check_at(len, PEER_NOW + 301), TSIG_BADTIME);
	assert_int_equal(check_at(len, PEER_NOW - 301), TSIG_BADTIME);
	assert_int_equal(check_at(len, PEER_NOW + 300), TSIG_GOOD);
	assert_int_equal(check_at(len, PEER_NOW - 300), TSIG_GOOD);
	assert_int_equal(check_at(len, 0), TSIG_BADTIME);
	assert_int_equal(check_at(len, UINT64_MAX), TSIG_BADTIME);
	/* the smaller fudge counts, ours or theirs */
	peer.fudge = 5;
	len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);
	assert_int_equal(check_at(len, PEER_NOW + 5), TSIG_GOOD);
	assert_int_equal(check_at(len, PEER_NOW + 6), TSIG_BADTIME);
	peer.fudge = 65535;
	len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);
	assert_int_equal(check_at(len, PEER_NOW + 301), TSIG_BADTIME);
	assert_int_equal(info.fudge, 65535);
	/* a wrong MAC is told before a wrong time */
	peer.prior.octets[0] ^= 1;
	len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);
	assert_int_equal(check_at(len, PEER_NOW + 600), TSIG_BADSIG);
}

static void truncated_macs(void **state)
{
	struct peer peer = right_peer();

	(void)state;
	for (peer.mac_len = 0; peer.mac_len < 32; peer.mac_len++)
		assert_int_equal(judge(&peer), TSIG_TRUNCATED);
	peer.mac_len = 33;
	assert_int_equal(judge(&peer), TSIG_FORMAT);
	/* forged, not truncated; and too short to be either */
	peer.prior.octets[0] ^= 1;
	peer.mac_len = 16;
	assert_int_equal(judge(&peer), TSIG_BADSIG);
	peer.mac_len = 15;
	assert_int_equal(judge(&peer), TSIG_TRUNCATED);
	/* the time comes before the truncation */
	peer = right_peer();
	peer.mac_len = 31;
	peer.time += 600;
	assert_int_equal(judge(&peer), TSIG_BADTIME);
}

/* A key of a truncated algorithm takes its own length and no other. */
static void truncated_algorithm(void **state)
{
	struct peer peer = right_peer();
	struct tsig_key *full = key;

	(void)state;
	peer.alg = "hmac-sha256-128";
	assert_int_equal(tsig_key_new(&key, "mail-update", TSIG_HMAC_SHA256_128, peer.secret,
				      peer.secret_len),
			 TSIG_OK);
	peer.mac_len = 16;
	assert_int_equal(judge(&peer), TSIG_GOOD);
	peer.mac_len = 15;
	assert_int_equal(judge(&peer), TSIG_TRUNCATED);
	peer.mac_len = 17;
	assert_int_equal(judge(&peer), TSIG_FORMAT);
	peer.mac_len = 32;
	assert_int_equal(judge(&peer), TSIG_FORMAT);
	tsig_key_free(key);
	key = full;
}

static void changed_id(void **state)
{
	struct peer peer = right_peer();
	size_t len = 0;

	(void)state;
	peer.original_id = 0x4321;
	assert_int_equal(judge(&peer), TSIG_GOOD);
	peer.original_id = -1;
	len = peer_sign(&peer, msg, peer_answer(msg, 0x1234, 3), NULL);
	msg[0] = 0xff;
	assert_int_equal(check(len), TSIG_GOOD);
}

static void peer_errors(void **state)
{
	static const uint8_t clock[] = {0, 0, 0x65, 0x54, 0, 0};
	struct peer peer = right_peer();

	(void)state;
	peer.error = 18;
	peer.other = clock;
	peer.other_len = sizeof(clock);
	assert_int_equal(judge(&peer), TSIG_PEER_ERROR);
	assert_int_equal(info.error, 18);
	assert_true(info.server_time == 0x65540000);
	/* with its own time rather than ours, as old servers do: still told */
	peer.time += 4000;
	assert_int_equal(judge(&peer), TSIG_BADTIME);
	assert_true(info.server_time == 0x65540000);
	peer.time -= 4000;
	peer.other_len = 5;
	assert_int_equal(judge(&peer), TSIG_PEER_ERROR);
	assert_true(info.server_time == 0);
	peer.error = 22;
	peer.other_len = 6;
	assert_int_equal(judge(&peer), TSIG_PEER_ERROR);
	assert_true(info.server_time == 0);
	peer.prior.octets[0] ^= 1;
	assert_int_equal(judge(&peer), TSIG_BADSIG);
}

static void unsigned_errors(void **state)
{
	struct peer peer = right_peer();

	(void)state;
	peer.mac_len = 0;
	peer.error = 17;
	assert_int_equal(judge(&peer), TSIG_PEER_REJECTED);
	assert_int_equal(info.error, 17);
	peer.error = 16;
	assert_int_equal(judge(&peer), TSIG_PEER_REJECTED);
	/* whatever its algorithm; but not for another key */
	peer.alg = "hmac-md5.sig-alg.reg.int";
	assert_int_equal(judge(&peer), TSIG_PEER_REJECTED);
	peer.name = "another";
	assert_int_equal(judge(&peer), TSIG_WRONG_KEY);
}

static void misplaced(void **state)
{
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
	struct peer peer = right_peer();
	size_t plain = peer_answer(msg, 1, 2);
	size_t len = peer_sign(&peer, msg, plain, NULL);

	(void)state;
	assert_int_equal(check(len + 1), TSIG_MISPLACED); /* an octet after it */
	memcpy(msg + len, opt, sizeof(opt));
	msg[11] = 2;
	assert_int_equal(check(len + sizeof(opt)), TSIG_MISPLACED); /* a record after it */
	msg[11] = 1;
	msg[7] = 1; /* one answer less: now the TSIG counts as one after the last */
	assert_int_equal(check(len), TSIG_UNSIGNED);
	msg[7] = 3; /* the same among the answers, with an OPT in the additional section */
	assert_int_equal(check(len + sizeof(opt)), TSIG_MISPLACED);
	/* two of them, both right */
	len = peer_sign(&peer, msg, peer_answer(msg, 1, 2), NULL);
	len = peer_sign(&peer, msg, len, NULL);
	assert_int_equal(check(len), TSIG_MISPLACED);
}

static void wrong_fixed_fields(void **state)
{
	struct peer peer = right_peer();

	(void)state;
	peer.dns_class = 1;
	assert_int_equal(judge(&peer), TSIG_FORMAT);
	peer = right_peer();
	peer.ttl = 1;
	assert_int_equal(judge(&peer), TSIG_FORMAT);
	peer.ttl = 0x10000;
	assert_int_equal(judge(&peer), TSIG_FORMAT);
}

/* Where the parts of a TSIG of the usual peer are, from the end of the message. */
enum { FROM_OTHER = 2, FROM_MAC_LEN = 40, FROM_ALG = 61, FROM_RDLENGTH = 63, FROM_OWNER = 84 };

static void wrong_lengths(void **state)
{
	static const size_t from_end[] = {FROM_OTHER, FROM_MAC_LEN, FROM_RDLENGTH};
	struct peer peer = right_peer();

	(void)state;
	for (size_t i = 0; i < sizeof(from_end) / sizeof(from_end[0]); i++) {
		for (unsigned int value = 0; value < 65536; value++) {
			size_t len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);
			uint8_t *p = msg + len - from_end[i];

			if (value == (unsigned int)(p[0] << 8 | p[1]))
				continue;
			p[0] = (uint8_t)(value >> 8);
			p[1] = (uint8_t)value;
			/* a short RDLENGTH leaves octets after the record */
			if (check(len) != TSIG_FORMAT)
				assert_int_equal(check(len), TSIG_MISPLACED);
			value += value > 300 ? 211 : 0;
		}
	}
}

/* RFC 8945 section 4.2: the algorithm's name is not compressed. */
static void compressed_algorithm(void **state)
{
	struct peer peer = right_peer();
	size_t len = 0;
	size_t alg = 0;

	(void)state;
	peer.alg = "hmac-sha256";
	len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);
	alg = len - FROM_ALG;
	assert_int_equal(msg[alg], 11);
	memmove(msg + alg + 2, msg + alg + 13, len - alg - 13);
	msg[alg] = 0xc0;
	msg[alg + 1] = 12;
	msg[alg - 1] = (uint8_t)(msg[alg - 1] - 11);
	assert_int_equal(check(len - 11), TSIG_FORMAT);
}

/* Replaces the owner of the TSIG by `size` octets. */
static size_t with_owner(const void *owner, size_t size)
{
	struct peer peer = right_peer();
	size_t len = peer_sign(&peer, msg, peer_answer(msg, 1, 1), NULL);
	size_t start = len - FROM_OWNER;

	assert_int_equal(msg[start], 11);
	memmove(msg + start + size, msg + start + 13, len - start - 13);
	memcpy(msg + start, owner, size);
	return len - 13 + size;
}

static void compressed_owner(void **state)
{
	uint8_t self[2] = {0xc0, 0};
	size_t len = with_owner("\013mail-update", 13);
	size_t start = len - FROM_OWNER;

	(void)state;
	assert_int_equal(check(len), TSIG_GOOD);
	assert_int_equal(check(with_owner("\xc0\x0c", 2)), TSIG_WRONG_KEY); /* the question */
	assert_int_equal(check(with_owner("\xc0\x00", 2)), TSIG_WRONG_KEY); /* the header */
	assert_int_equal(check(with_owner("\xff\xff", 2)), TSIG_WRONG_KEY); /* beyond the end */
	assert_int_equal(check(with_owner("\013mail-update\xc0\x1c", 14)), TSIG_WRONG_KEY);
	assert_int_equal(check(with_owner("\x80", 1)), TSIG_FORMAT);
	assert_int_equal(check(with_owner("\x40", 1)), TSIG_FORMAT);
	self[1] = (uint8_t)start;
	assert_int_equal(check(with_owner(self, 2)), TSIG_WRONG_KEY);
	/* the name, then a pointer back to its start: for ever, if followed */
	self[1] = (uint8_t)start;
	assert_int_equal(check(with_owner("\013mail-update\xc0\x3a", 14)), TSIG_WRONG_KEY);
	/* a pointer to the root label at the end of the question's name: right again */
	assert_int_equal(msg[24], 0);
	assert_int_equal(check(with_owner("\013mail-update\xc0\x18", 14)), TSIG_GOOD);
}

/* The largest message there is, all of it covered by the MAC. */
static void largest_message(void **state)
{
	struct peer peer = right_peer();
	size_t len = peer_answer(msg, 1, 3844);
	size_t start = len - 5; /* the text of the last record grows to fill the message */
	size_t room = 65535 - len - FROM_OWNER;

	(void)state;
	msg[start - 1] = (uint8_t)(msg[start - 1] + room);
	memset(msg + len, 'x', room);
	len = peer_sign(&peer, msg, len + room, NULL);
	assert_int_equal(len, 65535);
	assert_int_equal(check(len), TSIG_GOOD);
	msg[len - FROM_OWNER - 1] ^= 1;
	assert_int_equal(check(len), TSIG_BADSIG);
}

static void every_truncation(void **state)
{
	struct peer peer = right_peer();
	size_t len = peer_sign(&peer, msg, peer_answer(msg, 1, 3), NULL);

	(void)state;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(check(i), TSIG_FORMAT);
	assert_int_equal(check(len), TSIG_GOOD);
}

/* Two changes are no changes: the id, and the case of the TSIG's names. */
static bool is_harmless(size_t len, size_t octet, unsigned int bit)
{
	size_t owner = len - FROM_OWNER;
	size_t alg = len - FROM_ALG;
	bool name = (octet > owner && octet < owner + 12) || (octet > alg && octet < alg + 12);

	return octet < 2 || (name && bit == 5 && isalpha(msg[octet]));
}

static void every_bit_flip(void **state)
{
	struct peer peer = right_peer();
	size_t len = peer_sign(&peer, msg, peer_answer(msg, 1, 3), NULL);
	unsigned int harmless = 0;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			enum tsig_verdict verdict = TSIG_FAILED;

			msg[i] ^= (uint8_t)(1U << bit);
			verdict = check(len);
			if (is_harmless(len, i, bit)) {
				harmless++;
				assert_int_equal(verdict, TSIG_GOOD);
			} else {
				assert_false(strips(verdict));
				assert_int_not_equal(verdict, TSIG_FAILED);
			}
			msg[i] ^= (uint8_t)(1U << bit);
		}
	}
	assert_int_equal(harmless, 16 + 10 + 7);
}

/* Counts that the message does not hold. */
static void lying_counts(void **state)
{
	struct peer peer = right_peer();
	size_t len = 0;

	(void)state;
	for (size_t i = 4; i < 12; i += 2) {
		len = peer_sign(&peer, msg, peer_answer(msg, 1, 3), NULL);
		msg[i] = msg[i + 1] = 0xff;
		/* more records than there are: the TSIG is not the last one, by the count */
		assert_int_equal(check(len), i == 4 ? TSIG_FORMAT : TSIG_MISPLACED);
	}
	memset(msg + 4, 0xff, 8);
	assert_int_equal(check(len), TSIG_FORMAT);
	memset(msg + 12, 0, 65535 - 12);
	assert_int_equal(check(65535), TSIG_FORMAT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verifies_dnspython),
		TEST(right_answer),
		TEST(info_is_optional),
		TEST(no_tsig),
		TEST(wrong_key_or_secret),
		TEST(another_request),
		TEST(times),
		TEST(truncated_macs),
		TEST(truncated_algorithm),
		TEST(changed_id),
		TEST(peer_errors),
		TEST(unsigned_errors),
		TEST(misplaced),
		TEST(wrong_fixed_fields),
		TEST(wrong_lengths),
		TEST(compressed_algorithm),
		TEST(compressed_owner),
		TEST(largest_message),
		TEST(every_truncation),
		TEST(every_bit_flip),
		TEST(lying_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
