/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of transfers: signatures over streams, limits, what is cut off and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "tests/unit/net/fake.h"

#define PATIENT 5000 /* ms; longer than any test */

/* The script of the next answers. */
static struct {
	unsigned messages;	/* in an answer */
	unsigned unsigned_from; /* messages from .. to - 1 are not signed */
	unsigned unsigned_to;
	unsigned wrong; /* this one's MAC does not verify (counted from 1) */
	unsigned other_id;
	bool in_one_write; /* an extra frame goes along with the last one */
} script;

static size_t one(struct fake *fake, const struct fake_request *request, unsigned i, uint8_t *wire,
		  struct tsig_mac *mac)
{
	static uint8_t run[MZ_MSG_MAX];
	static size_t run_len;
	bool sign = i < script.unsigned_from || i >= script.unsigned_to;
	struct fake_sig sig = {.on = true, .later = i > 0, .wrong = i + 1 == script.wrong};
	size_t len = fake_reply(wire, request, MZ_RCODE_NOERROR);

	if (i == 0)
		run_len = 0;
	if (i + 1 == script.other_id)
		wire[0] ^= 1;
	if (!sign) {
		memcpy(run + run_len, wire, len);
		run_len += len;
		return len;
	}
	len = fake_sign(fake, wire, len, sig, mac, run, run_len);
	run_len = 0;
	return len;
}

static void transfer(struct fake *fake, const struct fake_request *request)
{
	static uint8_t out[200000];
	struct tsig_mac mac = {0};
	size_t at = 0;
	unsigned i = 0;

	fake_request_mac(fake, request, &mac);
	for (i = 0; i < script.messages; i++) {
		size_t len = one(fake, request, i, out + at + 2, &mac);

		mz_put16(out + at, (uint16_t)len);
		at += 2 + len;
	}
	if (script.in_one_write) {
		memcpy(out + at, "\0\14", 2);
		memcpy(out + at + 2, request->wire, 12);
		at += 14;
	}
	fake_write(request->conn, out, at);
}

/* Runs one transfer whose handler says `step` after `done_after` messages. */
static struct fake_result run(struct fake *fake, unsigned done_after, enum mz_stream_step step)
{
	static struct fake_result result;

	result = (struct fake_result){.done_after = done_after, .step = step};
	fake_ask(fake, MZ_ASK_TRANSFER, "example.org", MZ_TYPE_AXFR, true, PATIENT, &result);
	fake_run(fake, &result.calls, 1);
	return result;
}

static void test_good(void **state)
{
	struct fake fake;
	struct fake_result result;

	(void)state;
	fake_start(&fake, transfer, 1);
	memset(&script, 0, sizeof script);
	script.messages = 3;
	result = run(&fake, 3, MZ_STREAM_DONE);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(result.messages, 3);
	script.messages = 101; /* 99 unsigned ones between two that are signed */
	script.unsigned_from = 1;
	script.unsigned_to = 100;
	result = run(&fake, 101, MZ_STREAM_DONE);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.accepted, 1); /* the connection is kept */
	fake_stop(&fake);
}

static void expect_broken(struct fake *fake, unsigned messages, unsigned from, unsigned to,
			  unsigned seen)
{
	struct fake_result result;

	script.messages = messages;
	script.unsigned_from = from;
	script.unsigned_to = to;
	result = run(fake, messages, MZ_STREAM_DONE);
	assert_int_equal(result.answer.outcome, MZ_NET_BROKEN);
	assert_int_equal(result.messages, seen);
	assert_null(result.answer.wire);
}

static void test_unsigned(void **state)
{
	struct fake fake;

	(void)state;
	fake_start(&fake, transfer, 1);
	memset(&script, 0, sizeof script);
	expect_broken(&fake, 3, 2, 3, 3);	/* the last one */
	expect_broken(&fake, 3, 0, 1, 0);	/* the first one */
	expect_broken(&fake, 102, 1, 101, 100); /* a hundred in a row */
	script.wrong = 2;
	expect_broken(&fake, 3, 0, 0, 1);
	script.wrong = 0;
	script.other_id = 2;
	expect_broken(&fake, 3, 0, 0, 1);
	script.other_id = 0;
	script.in_one_write = true; /* something follows the end */
	expect_broken(&fake, 3, 0, 0, 3);
	assert_int_equal(fake.accepted, 6);
	fake_stop(&fake);
}

static void refuse(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600];

	fake_send(fake, request, wire, fake_reply(wire, request, MZ_RCODE_REFUSED));
}

static void test_refused(void **state)
{
	struct fake fake;
	struct fake_result result;

	(void)state;
	fake_start(&fake, refuse, 1);
	result = run(&fake, 1, MZ_STREAM_DONE);
	assert_int_equal(result.answer.outcome, MZ_NET_UNPROVEN);
	assert_int_equal(result.answer.rcode, MZ_RCODE_REFUSED);
	assert_int_equal(result.messages, 0);
	fake_stop(&fake);
}

/* The handler has had enough, or finds fault: the connection goes, the next one works. */
static void test_stop(void **state)
{
	struct fake fake;
	struct fake_result result;

	(void)state;
	fake_start(&fake, transfer, 1);
	memset(&script, 0, sizeof script);
	script.messages = 5;
	result = run(&fake, 2, MZ_STREAM_STOP);
	assert_int_equal(result.answer.outcome, MZ_NET_STOPPED);
	assert_int_equal(result.messages, 2);
	result = run(&fake, 1, MZ_STREAM_BAD);
	assert_int_equal(result.answer.outcome, MZ_NET_BROKEN);
	result = run(&fake, 5, MZ_STREAM_DONE);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.accepted, 3);
	fake_stop(&fake);
}

static struct fake_request held[8];
static unsigned held_count;
static void hold(struct fake *fake, const struct fake_request *request)
{
	(void)fake;
	held[held_count++] = *request;
}

/* Four at once; the others wait, and a cancelled one makes room. */
static void test_limit(void **state)
{
	struct fake fake;
	struct fake_result result[6] = {{0}};
	unsigned i = 0;

	(void)state;
	held_count = 0;
	memset(&script, 0, sizeof script);
	script.messages = 1;
	fake_start(&fake, hold, 1);
	for (i = 0; i < 6; i++) {
		result[i] = (struct fake_result){.done_after = 1, .step = MZ_STREAM_DONE};
		fake_ask(&fake, MZ_ASK_TRANSFER, "example.org", MZ_TYPE_AXFR, true, PATIENT,
			 &result[i]);
	}
	fake_run(&fake, &held_count, 4);
	for (i = 0; i < 20; i++)
		event_base_loop(fake.base, EVLOOP_NONBLOCK);
	assert_int_equal(held_count, 4);
	transfer(&fake, &held[0]);
	fake_run(&fake, &held_count, 5);
	mz_net_cancel(result[1].ask);
	fake_run(&fake, &held_count, 6);
	for (i = 2; i < 6; i++)
		transfer(&fake, &held[i]);
	for (i = 2; i < 6; i++)
		fake_run(&fake, &result[i].calls, 1);
	assert_int_equal(result[1].calls, 0);
	assert_int_equal(fake.accepted, 5);
	fake_stop(&fake);
}

/* The time is counted from message to message. */
static void test_stall(void **state)
{
	struct fake fake;
	struct fake_result result = {.done_after = 2, .step = MZ_STREAM_DONE};

	(void)state;
	memset(&script, 0, sizeof script);
	script.messages = 1;
	fake_start(&fake, transfer, 1);
	fake_ask(&fake, MZ_ASK_TRANSFER, "example.org", MZ_TYPE_AXFR, true, 100, &result);
	fake_run(&fake, &result.calls, 1);
	assert_int_equal(result.answer.outcome, MZ_NET_TIMEOUT);
	assert_int_equal(result.messages, 1);
	fake_stop(&fake);
}

/* A kept connection that goes before the first message: asked again once. After it: lost. */
static unsigned good_transfers;
static void lose(struct fake *fake, const struct fake_request *request)
{
	if (fake->tcp_count != good_transfers + 1) {
		transfer(fake, request);
		return;
	}
	if (script.in_one_write) {
		script.in_one_write = false;
		transfer(fake, request);
	}
	fake_close(request->conn);
}

static void test_lost(void **state)
{
	struct fake fake;
	struct fake_result result;

	(void)state;
	memset(&script, 0, sizeof script);
	script.messages = 1;
	good_transfers = 1;
	fake_start(&fake, lose, 1);
	(void)run(&fake, 1, MZ_STREAM_DONE);
	result = run(&fake, 1, MZ_STREAM_DONE);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.accepted, 2);
	good_transfers = 3;
	script.in_one_write = true; /* here: one message before the end */
	result = run(&fake, 2, MZ_STREAM_DONE);
	assert_int_equal(result.answer.outcome, MZ_NET_LOST);
	assert_int_equal(result.messages, 1);
	fake_stop(&fake);
}

/* The handler cancels its own transfer. */
static struct mz_ask *own;
static unsigned own_messages;

static enum mz_stream_step cancel_own(void *arg, const uint8_t *wire, size_t len)
{
	(void)arg;
	(void)wire;
	(void)len;
	own_messages++;
	mz_net_cancel(own);
	return MZ_STREAM_MORE;
}

static void never(void *arg, const struct mz_answer *answer)
{
	(void)arg;
	(void)answer;
	fail();
}

static void test_cancel_inside(void **state)
{
	static const uint8_t wire[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 252, 0, 1};
	struct fake fake;
	struct mz_request request = {.kind = MZ_ASK_TRANSFER,
				     .wire = wire,
				     .len = sizeof wire,
				     .timeout_ms = PATIENT,
				     .done = never,
				     .message = cancel_own};
	unsigned i = 0;

	(void)state;
	memset(&script, 0, sizeof script);
	script.messages = 3;
	fake_start(&fake, transfer, 1);
	request.key = fake.key;
	assert_int_equal(mz_net_ask(fake.peer, &request, &own), MZ_OK);
	fake_run(&fake, &own_messages, 1);
	for (i = 0; i < 20; i++)
		event_base_loop(fake.base, EVLOOP_NONBLOCK);
	assert_int_equal(own_messages, 1);
	assert_int_equal(fake.open, 0);
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_stop),
		cmocka_unit_test(test_limit),	cmocka_unit_test(test_stall),
		cmocka_unit_test(test_lost),	cmocka_unit_test(test_cancel_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
