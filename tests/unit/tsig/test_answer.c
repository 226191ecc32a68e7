/* SPDX-License-Identifier: BSD-2-Clause */
/* Answering requests: octet for octet as dnspython; what a request's TSIG says; what is refused. */

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

static enum tsig_verdict verdict_of(const char *name)
{
	static const struct {
		const char *name;
		enum tsig_verdict verdict;
	} names[] = {
		{"good", TSIG_GOOD},	       {"badtime", TSIG_BADTIME},
		{"badsig", TSIG_BADSIG},       {"wrong-key", TSIG_WRONG_KEY},
		{"wrong-alg", TSIG_WRONG_ALG},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].verdict;
	fail_msg("no verdict %s", name);
	return TSIG_FAILED;
}

/* Verifies the request of a row, answers it, and compares. */
static void check_row(char *f[])
{
	enum tsig_alg alg = TSIG_HMAC_SHA1;
	struct tsig_key *key = NULL;
	struct tsig_request request = {0};
	uint8_t want[4096] = {0};
	uint64_t now = strtoull(f[4], NULL, 10);
	enum tsig_verdict verdict = verdict_of(f[6]);
	size_t len = unhex(f[3], want, sizeof(want));
	size_t want_len = 0;

	assert_true(tsig_alg_from_name(f[1], &alg));
	assert_int_equal(tsig_key_new(&key, f[2], alg, want, len), TSIG_OK);
	len = unhex(f[5], msg, sizeof(msg));
	assert_int_equal(tsig_request_read(&request, msg, len), TSIG_GOOD);
	assert_string_equal(request.name,
			    verdict == TSIG_WRONG_KEY ? "another" : tsig_key_name(key));
	assert_int_equal(tsig_verify(key, msg, &len, NULL, now, NULL), verdict);
	len = unhex(f[7], msg, sizeof(msg));
	assert_int_equal(tsig_sign_answer(verdict == TSIG_WRONG_KEY ? NULL : key, &request, verdict,
					  msg, &len, sizeof(msg), now),
			 TSIG_OK);
	want_len = unhex(f[8], want, sizeof(want));
	assert_int_equal(len, want_len);
	assert_memory_equal(msg, want, len);
	tsig_key_free(key);
}

static void answers_as_dnspython(void **state)
{
	struct vectors *v = vectors_open("replies.txt");
	char *f[9] = {NULL};
	unsigned int rows = 0;

	(void)state;
	while (vectors_next(v, f, 9)) {
		check_row(f);
		rows++;
	}
	vectors_close(v);
	assert_int_equal(rows, 4 * TSIG_ALG_COUNT + 1);
}

/* A request of the peer's, and what is read of it. */
static enum tsig_verdict read_request(const struct peer *peer, struct tsig_request *request)
{
	return tsig_request_read(request, msg, peer_sign(peer, msg, peer_answer(msg, 1, 0), NULL));
}

static void what_a_request_says(void **state)
{
	struct peer peer;
	struct tsig_request request;
	struct tsig_mac mac = {0};
	size_t len = peer_answer(msg, 1, 0);

	(void)state;
	peer_init(&peer);
	assert_int_equal(tsig_request_read(&request, msg, len), TSIG_UNSIGNED);
	assert_int_equal(request.owner_len, 0);
	peer.name = "Mail.UPDATE";
	len = peer_sign(&peer, msg, len, &mac);
	assert_int_equal(tsig_request_read(&request, msg, len), TSIG_GOOD);
	assert_string_equal(request.name, "mail.update");
	assert_true(request.time_signed == PEER_NOW);
	assert_int_equal(request.mac.len, mac.len);
	assert_memory_equal(request.mac.octets, mac.octets, mac.len);
	assert_int_equal(tsig_request_read(&request, msg, len - 1), TSIG_FORMAT);
	assert_int_equal(tsig_request_read(&request, msg, len + 1), TSIG_MISPLACED);
	assert_string_equal(request.name, "");
}

static void odd_names(void **state)
{
	struct peer peer;
	struct tsig_request request;

	(void)state;
	peer_init(&peer);
	peer.name = "";
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	assert_string_equal(request.name, "");
	peer.name = "a.b\nc.d";
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	assert_string_equal(request.name, "");
	peer.name = "a.b\\c";
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	assert_string_equal(request.name, "");
}

static void odd_macs(void **state)
{
	struct peer peer;
	struct tsig_request request;

	(void)state;
	peer_init(&peer);
	peer.mac_len = 64;
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	peer.mac_len = 65;
	assert_int_equal(read_request(&peer, &request), TSIG_FORMAT);
}

/* The owner points at itself, at the header, forward. */
static void bad_owner(void **state)
{
	uint16_t start = (uint16_t)peer_answer(msg, 1, 0);
	const uint16_t targets[] = {0, 11, 12, start, (uint16_t)(start + 1), 16383};
	struct peer peer;
	struct tsig_request request;

	(void)state;
	peer_init(&peer);
	peer.name = "";
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		size_t len = peer_sign(&peer, msg, peer_answer(msg, 1, 0), NULL);

		memmove(msg + start + 1, msg + start, len - start);
		msg[start] = (uint8_t)(0xc0 | targets[i] >> 8);
		msg[start + 1] = (uint8_t)targets[i];
		assert_int_equal(tsig_request_read(&request, msg, len + 1),
				 targets[i] == 12 ? TSIG_GOOD : TSIG_FORMAT);
	}
}

/* Tries to answer; on failure nothing may have changed. */
static int answer(const struct tsig_key *key, const struct tsig_request *request,
		  enum tsig_verdict verdict, size_t len, size_t capacity, size_t *grown)
{
	size_t now_len = len;
	int err = 0;

	memcpy(before, msg, sizeof(before));
	err = tsig_sign_answer(key, request, verdict, msg, &now_len, capacity, PEER_NOW);
	*grown = now_len - len;
	if (err != TSIG_OK) {
		assert_int_equal(now_len, len);
		assert_memory_equal(msg, before, sizeof(before));
	}
	return err;
}

static void sizes(void **state)
{
	struct tsig_key *key = peer_key();
	struct peer peer;
	struct tsig_request request;
	size_t room = tsig_overhead(key);
	size_t plain = 0;
	size_t grown = 0;

	(void)state;
	peer_init(&peer);
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	plain = peer_answer(msg, 1, 1);
	assert_int_equal(answer(key, &request, TSIG_GOOD, plain, plain + room - 1, &grown),
			 TSIG_ESPACE);
	assert_int_equal(answer(key, &request, TSIG_BADTIME, plain, plain + room + 5, &grown),
			 TSIG_ESPACE);
	assert_int_equal(answer(key, &request, TSIG_BADSIG, plain, plain + room - 33, &grown),
			 TSIG_ESPACE);
	assert_int_equal(answer(key, &request, TSIG_GOOD, plain, plain + room, &grown), TSIG_OK);
	assert_int_equal(grown, room);
	peer_answer(msg, 1, 1);
	assert_int_equal(answer(key, &request, TSIG_BADTIME, plain, plain + room + 6, &grown),
			 TSIG_OK);
	assert_int_equal(grown, room + 6);
	peer_answer(msg, 1, 1);
	assert_int_equal(answer(key, &request, TSIG_BADSIG, plain, plain + room - 32, &grown),
			 TSIG_OK);
	assert_int_equal(grown, room - 32);
	tsig_key_free(key);
}

static void what_no_tsig_answers(void **state)
{
	static const enum tsig_verdict none[] = {TSIG_UNSIGNED,	       TSIG_FORMAT,
						 TSIG_MISPLACED,       TSIG_PEER_ERROR,
						 TSIG_FAILED,	       TSIG_PEER_REJECTED,
						 (enum tsig_verdict)99};
	struct tsig_key *key = peer_key();
	struct peer peer;
	struct tsig_request request;
	size_t grown = 0;

	(void)state;
	peer_init(&peer);
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(answer(key, &request, none[i], peer_answer(msg, 1, 1), sizeof(msg),
					&grown),
				 TSIG_EFORM);
	peer.mac_len = 15;
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	assert_int_equal(answer(key, &request, TSIG_TRUNCATED, peer_answer(msg, 1, 1), sizeof(msg),
				&grown),
			 TSIG_EFORM);
	peer.mac_len = 16;
	assert_int_equal(read_request(&peer, &request), TSIG_GOOD);
	assert_int_equal(answer(key, &request, TSIG_TRUNCATED, peer_answer(msg, 1, 1), sizeof(msg),
				&grown),
			 TSIG_OK);
	tsig_key_free(key);
}

/* Both ends are ours: a whole exchange, also with a MAC that was cut. */
static void round_trip(void **state)
{
	struct tsig_key *key = peer_key();
	struct peer peer;
	struct tsig_request request;
	struct tsig_info info;
	struct tsig_mac mac = {0};
	size_t len = peer_answer(msg, 7, 0);

	(void)state;
	peer_init(&peer);
	peer.mac_len = 20;
	len = peer_sign(&peer, msg, len, &mac);
	assert_int_equal(tsig_request_read(&request, msg, len), TSIG_GOOD);
	assert_int_equal(tsig_verify(key, msg, &len, NULL, PEER_NOW, NULL), TSIG_TRUNCATED);
	len = peer_answer(msg, 7, 0);
	assert_int_equal(tsig_sign_answer(key, &request, TSIG_TRUNCATED, msg, &len, sizeof(msg),
					  PEER_NOW),
			 TSIG_OK);
	mac.len = 20;
	assert_int_equal(tsig_verify(key, msg, &len, &mac, PEER_NOW, &info), TSIG_PEER_ERROR);
	assert_int_equal(info.error, 22);
	tsig_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_dnspython),
		cmocka_unit_test(what_a_request_says),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(odd_macs),
		cmocka_unit_test(bad_owner),
		cmocka_unit_test(sizes),
		cmocka_unit_test(what_no_tsig_answers),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
