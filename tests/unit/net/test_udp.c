/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of exchanges by UDP: forged replies, truncation, loss, windows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "tests/unit/net/fake.h"

#define PATIENT 5000 /* ms; longer than any test */

static void good(struct fake *fake, const struct fake_request *request)
{
	fake_answer(fake, request, MZ_RCODE_NOERROR);
}

static void probe(struct fake *fake, bool sign, struct fake_result *result)
{
	fake_ask(fake, MZ_ASK_PROBE, "example.org", MZ_TYPE_SOA, sign, PATIENT, result);
	fake_run(fake, &result->calls, 1);
}

static void test_answer(void **state)
{
	struct fake fake;
	struct fake_result plain = {0};
	struct fake_result sig = {0};

	(void)state;
	fake_start(&fake, good, 1);
	probe(&fake, false, &plain);
	assert_int_equal(plain.answer.outcome, MZ_NET_ANSWER);
	probe(&fake, true, &sig);
	assert_int_equal(sig.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(sig.answer.verdict, TSIG_GOOD);
	assert_int_equal(mz_get16(sig.wire + 10), 0); /* its TSIG is gone */
	assert_int_equal(fake.udp_count, 2);
	assert_int_equal(fake.accepted, 0);
	fake_stop(&fake);
}

/* Wrong id, question and opcode, and an unsigned success, before the good one. */
static void forge(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600];
	size_t len = fake_reply(wire, request, MZ_RCODE_NOERROR);

	wire[0] ^= 0x55;
	fake_send(fake, request, wire, len);
	fake_send(fake, request, wire, 5);
	len = fake_reply(wire, request, MZ_RCODE_NOERROR);
	wire[13] ^= 1;
	fake_send(fake, request, wire, len);
	len = fake_reply(wire, request, MZ_RCODE_NOERROR);
	wire[2] |= 0x28;
	fake_send(fake, request, wire, len);
	if (mz_get16(request->wire + 10) != 0) {
		struct tsig_mac mac = {0};

		len = fake_reply(wire, request, MZ_RCODE_NOERROR);
		fake_send(fake, request, wire, len);
		fake_request_mac(fake, request, &mac);
		len = fake_sign(fake, wire, len, (struct fake_sig){.on = true, .wrong = true}, &mac,
				NULL, 0);
		fake_send(fake, request, wire, len);
	}
	fake_answer(fake, request, MZ_RCODE_NOERROR);
}

static void test_forged(void **state)
{
	struct fake fake;
	struct fake_result plain = {0};
	struct fake_result sig = {0};

	(void)state;
	fake_start(&fake, forge, 1);
	probe(&fake, false, &plain);
	assert_int_equal(plain.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(plain.answer.dropped, 2); /* with our id, that is */
	probe(&fake, true, &sig);
	assert_int_equal(sig.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(sig.answer.dropped, 4);
	assert_int_equal(fake.udp_count, 2);
	fake_stop(&fake);
}

static void truncate_udp(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600];
	size_t len = fake_reply(wire, request, MZ_RCODE_NOERROR);

	if (request->conn != NULL) {
		fake_answer(fake, request, MZ_RCODE_NXDOMAIN);
		return;
	}
	wire[2] |= MZ_FLAG_TC >> 8;
	fake_send(fake, request, wire, len);
}

static void test_truncated(void **state)
{
	struct fake fake;
	struct fake_result result = {0};

	(void)state;
	fake_start(&fake, truncate_udp, 1);
	probe(&fake, true, &result);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(result.answer.rcode, MZ_RCODE_NXDOMAIN);
	assert_int_equal(fake.udp_count, 1);
	assert_int_equal(fake.tcp_count, 1);
	fake_stop(&fake);
}

/* An unsigned REFUSED by UDP, which anybody can send; the truth by TCP. */
static void refuse_udp(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600];

	if (request->conn != NULL)
		fake_answer(fake, request, MZ_RCODE_NOERROR);
	else
		fake_send(fake, request, wire, fake_reply(wire, request, MZ_RCODE_REFUSED));
}

static void refuse(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600];

	fake_send(fake, request, wire, fake_reply(wire, request, MZ_RCODE_REFUSED));
}

static void test_unproven(void **state)
{
	struct fake fake;
	struct fake_result saved = {0};
	struct fake_result result = {0};
	struct fake_result plain = {0};

	(void)state;
	fake_start(&fake, refuse_udp, 1);
	probe(&fake, true, &saved);
	assert_int_equal(saved.answer.outcome, MZ_NET_ANSWER);
	fake.handler = refuse;
	probe(&fake, true, &result);
	assert_int_equal(result.answer.outcome, MZ_NET_UNPROVEN);
	assert_int_equal(result.answer.rcode, MZ_RCODE_REFUSED);
	assert_int_equal(result.answer.verdict, TSIG_UNSIGNED);
	probe(&fake, false, &plain); /* without a key there is nothing to prove */
	assert_int_equal(plain.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(plain.answer.rcode, MZ_RCODE_REFUSED);
	fake_stop(&fake);
}

static void badtime(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600];
	struct tsig_mac mac = {0};
	struct fake_sig sig = {.on = true,
			       .error = 18,
			       .other_time = (uint64_t)mz_clock_wall() + 4000};
	size_t len = fake_reply(wire, request, MZ_RCODE_NOTAUTH);

	fake_request_mac(fake, request, &mac);
	fake_send(fake, request, wire, fake_sign(fake, wire, len, sig, &mac, NULL, 0));
}

static void test_badtime(void **state)
{
	struct fake fake;
	struct fake_result result = {0};

	(void)state;
	fake_start(&fake, badtime, 1);
	probe(&fake, true, &result);
	assert_int_equal(result.answer.outcome, MZ_NET_BADTIME);
	assert_true(result.answer.info.server_time > (uint64_t)mz_clock_wall() + 3900);
	fake_stop(&fake);
}

/* The first datagram is lost; what comes again is signed afresh, with another id. */
static uint16_t lost_id;
static void lossy(struct fake *fake, const struct fake_request *request)
{
	if (fake->udp_count == 1) {
		lost_id = mz_get16(request->wire);
		return;
	}
	assert_int_not_equal(mz_get16(request->wire), lost_id);
	fake_answer(fake, request, MZ_RCODE_NOERROR);
}

static void test_resent(void **state)
{
	struct fake fake;
	struct fake_result result = {0};

	(void)state;
	fake_start(&fake, lossy, 1);
	probe(&fake, true, &result);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.udp_count, 2);
	fake_stop(&fake);
}

static void silent(struct fake *fake, const struct fake_request *request)
{
	(void)fake;
	(void)request;
}

static void test_timeout(void **state)
{
	struct fake fake;
	struct fake_result result = {0};
	struct fake_result update = {0};

	(void)state;
	fake_start(&fake, silent, 1);
	fake_ask(&fake, MZ_ASK_PROBE, "example.org", MZ_TYPE_SOA, true, 400, &result);
	fake_ask(&fake, MZ_ASK_UPDATE_UDP, "example.org", MZ_TYPE_SOA, true, 400, &update);
	fake_run(&fake, &result.calls, 1);
	fake_run(&fake, &update.calls, 1);
	assert_int_equal(result.answer.outcome, MZ_NET_TIMEOUT);
	assert_int_equal(update.answer.outcome, MZ_NET_TIMEOUT);
	assert_int_equal(fake.udp_count, 3); /* the probe twice, the update once */
	fake_stop(&fake);
}

/* An update by UDP is sent once: an error without proof ends the attempt. */
static void test_update_udp(void **state)
{
	struct fake fake;
	struct fake_result refused = {0};
	struct fake_result done = {0};

	(void)state;
	fake_start(&fake, refuse, 1);
	fake_ask(&fake, MZ_ASK_UPDATE_UDP, "example.org", MZ_TYPE_SOA, true, PATIENT, &refused);
	fake_run(&fake, &refused.calls, 1);
	assert_int_equal(refused.answer.outcome, MZ_NET_UNPROVEN);
	fake.handler = good;
	fake_ask(&fake, MZ_ASK_UPDATE_UDP, "example.org", MZ_TYPE_SOA, true, PATIENT, &done);
	fake_run(&fake, &done.calls, 1);
	assert_int_equal(done.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.udp_count, 2);
	assert_int_equal(fake.accepted, 0);
	fake_stop(&fake);
}

static void test_closed_port(void **state)
{
	struct fake fake;
	struct fake_result result = {0};

	(void)state;
	fake_start(&fake, silent, 1);
	fake_shut(&fake);
	probe(&fake, true, &result);
	assert_int_equal(result.answer.outcome, MZ_NET_UNREACHABLE);
	assert_int_equal(result.answer.sys_errno, ECONNREFUSED);
	fake_stop(&fake);
}

/* Requests are held back and answered later. */
static struct fake_request held[128];
static unsigned held_count;
static void hold(struct fake *fake, const struct fake_request *request)
{
	(void)fake;
	if (held_count < 128)
		held[held_count++] = *request;
}

static void test_window(void **state)
{
	static struct fake_result result[100];
	struct fake fake;
	unsigned i = 0;

	(void)state;
	held_count = 0;
	memset(result, 0, sizeof result);
	fake_start(&fake, hold, 1);
	for (i = 0; i < 100; i++)
		fake_ask(&fake, MZ_ASK_PROBE, "example.org", MZ_TYPE_SOA, false, PATIENT,
			 &result[i]);
	fake_run(&fake, &held_count, 64);
	event_base_loop(fake.base, EVLOOP_NONBLOCK);
	event_base_loop(fake.base, EVLOOP_NONBLOCK);
	assert_int_equal(held_count, 64);
	for (i = 0; i < 64; i++)
		fake_answer(&fake, &held[i], MZ_RCODE_NOERROR);
	fake_run(&fake, &held_count, 100);
	for (i = 64; i < 100; i++)
		fake_answer(&fake, &held[i], MZ_RCODE_NOERROR);
	for (i = 0; i < 100; i++)
		fake_run(&fake, &result[i].calls, 1);
	fake_stop(&fake);
}

/* A late answer to a cancelled probe reaches nobody. */
static void test_cancel(void **state)
{
	struct fake fake;
	struct fake_result gone = {0};
	struct fake_result waiting = {0};
	struct fake_result other = {0};

	(void)state;
	held_count = 0;
	fake_start(&fake, hold, 1);
	fake_ask(&fake, MZ_ASK_PROBE, "example.org", MZ_TYPE_SOA, false, PATIENT, &gone);
	fake_run(&fake, &held_count, 1);
	mz_net_cancel(gone.ask);
	fake_ask(&fake, MZ_ASK_PROBE, "example.com", MZ_TYPE_SOA, false, PATIENT, &waiting);
	mz_net_cancel(waiting.ask); /* never sent */
	fake_ask(&fake, MZ_ASK_PROBE, "example.net", MZ_TYPE_SOA, false, PATIENT, &other);
	fake_run(&fake, &held_count, 2);
	fake_answer(&fake, &held[0], MZ_RCODE_NOERROR);
	fake_answer(&fake, &held[1], MZ_RCODE_NOERROR);
	fake_run(&fake, &other.calls, 1);
	assert_int_equal(gone.calls, 0);
	assert_int_equal(waiting.calls, 0);
	assert_int_equal(fake.udp_count, 2);
	fake_stop(&fake);
}

/* What is under way when the net goes is never heard of again. */
static void test_net_gone(void **state)
{
	struct fake fake;
	struct fake_result result[3] = {{0}};

	(void)state;
	held_count = 0;
	fake_start(&fake, hold, 1);
	fake_ask(&fake, MZ_ASK_PROBE, "example.org", MZ_TYPE_SOA, true, PATIENT, &result[0]);
	fake_ask(&fake, MZ_ASK_QUERY, "example.org", MZ_TYPE_SOA, true, PATIENT, &result[1]);
	fake_run(&fake, &held_count, 2);
	fake_ask(&fake, MZ_ASK_TRANSFER, "example.org", MZ_TYPE_AXFR, true, PATIENT, &result[2]);
	fake_stop(&fake);
	assert_int_equal(result[0].calls + result[1].calls + result[2].calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),	    cmocka_unit_test(test_forged),
		cmocka_unit_test(test_truncated),   cmocka_unit_test(test_unproven),
		cmocka_unit_test(test_badtime),	    cmocka_unit_test(test_resent),
		cmocka_unit_test(test_timeout),	    cmocka_unit_test(test_update_udp),
		cmocka_unit_test(test_closed_port), cmocka_unit_test(test_window),
		cmocka_unit_test(test_cancel),	    cmocka_unit_test(test_net_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
