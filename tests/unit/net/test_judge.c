/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what makes a reply ours, and what it is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "src/net/internal.h"

/* A query for eXample. TXT IN with id 0x1234 */
static const uint8_t query[] = {0x12, 0x34, 0,	 0,   0,   1,	0,   0, 0, 0,  0, 0, 7,
				'e',  'X',  'a', 'm', 'p', 'l', 'e', 0, 0, 16, 0, 1};
#define QLEN (sizeof query - 12)

static void reply(uint8_t out[sizeof query])
{
	memcpy(out, query, sizeof query);
	out[2] = 0x84;
	out[13] = 'E';
	out[14] = 'x';
}

static void test_question(void **state)
{
	uint8_t bad[sizeof query];

	(void)state;
	assert_int_equal(judge_question(query, sizeof query), QLEN);
	assert_int_equal(judge_question(query, sizeof query - 1), 0);
	assert_int_equal(judge_question(query, 11), 0);
	memcpy(bad, query, sizeof bad);
	bad[5] = 2;
	assert_int_equal(judge_question(bad, sizeof bad), 0);
	memcpy(bad, query, sizeof bad);
	bad[12] = 0xc0;
	assert_int_equal(judge_question(bad, sizeof bad), 0);
}

static void test_match(void **state)
{
	uint8_t wire[sizeof query];

	(void)state;
	reply(wire);
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire), JUDGE_MATCH);
	assert_int_equal(judge_match(query, QLEN, 0x1235, wire, sizeof wire), JUDGE_OTHER);
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire - 1), JUDGE_OTHER);
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, 11), JUDGE_OTHER);
	wire[2] = 0x04; /* no reply */
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire), JUDGE_OTHER);
	reply(wire);
	wire[2] = 0xac; /* opcode UPDATE */
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire), JUDGE_OTHER);
	reply(wire);
	wire[22] = 15; /* MX */
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire), JUDGE_OTHER);
	reply(wire);
	wire[24] = 3; /* class CH */
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire), JUDGE_OTHER);
	reply(wire);
	wire[15] = 'b';
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire), JUDGE_OTHER);
	reply(wire);
	wire[5] = 0;
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, 12), JUDGE_BARE);
	wire[5] = 2;
	assert_int_equal(judge_match(query, QLEN, 0x1234, wire, sizeof wire), JUDGE_OTHER);
}

static void test_worth(void **state)
{
	enum mz_net_outcome outcome = MZ_NET_STOPPED;
	struct tsig_info badtime = {.error = 18};
	struct tsig_info badtrunc = {.error = 22};
	struct tsig_info none = {0};

	(void)state;
	assert_true(judge_reply(TSIG_GOOD, &none, 0, &outcome));
	assert_int_equal(outcome, MZ_NET_ANSWER);
	assert_true(judge_reply(TSIG_GOOD, &none, MZ_RCODE_REFUSED, &outcome));
	assert_int_equal(outcome, MZ_NET_ANSWER);
	assert_true(judge_reply(TSIG_PEER_ERROR, &badtime, MZ_RCODE_NOTAUTH, &outcome));
	assert_int_equal(outcome, MZ_NET_BADTIME);
	assert_true(judge_reply(TSIG_PEER_ERROR, &badtrunc, MZ_RCODE_NOTAUTH, &outcome));
	assert_int_equal(outcome, MZ_NET_UNPROVEN);
	assert_true(judge_reply(TSIG_UNSIGNED, &none, MZ_RCODE_REFUSED, &outcome));
	assert_int_equal(outcome, MZ_NET_UNPROVEN);
	assert_true(judge_reply(TSIG_PEER_REJECTED, &none, MZ_RCODE_NOTAUTH, &outcome));
	assert_int_equal(outcome, MZ_NET_UNPROVEN);
	assert_false(judge_reply(TSIG_UNSIGNED, &none, 0, &outcome));
	assert_false(judge_reply(TSIG_BADSIG, &none, 0, &outcome));
	assert_false(judge_reply(TSIG_BADTIME, &none, 0, &outcome));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
