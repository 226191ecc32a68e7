/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of exchanges by TCP: pipelining, split frames, lost connections, limits. */
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

static void ask(struct fake *fake, enum mz_ask_kind kind, struct fake_result *result)
{
	fake_ask(fake, kind, "example.org", MZ_TYPE_SOA, true, PATIENT, result);
}

static struct fake_request held[256];
static unsigned held_count;
static void hold(struct fake *fake, const struct fake_request *request)
{
	(void)fake;
	if (held_count < 256)
		held[held_count++] = *request;
}

static void settle(struct fake *fake)
{
	int i = 0;

	for (i = 0; i < 20; i++)
		event_base_loop(fake->base, EVLOOP_NONBLOCK);
}

static void test_kept(void **state)
{
	struct fake fake;
	struct fake_result result[3] = {{0}};

	(void)state;
	fake_start(&fake, good, 1);
	ask(&fake, MZ_ASK_QUERY, &result[0]);
	fake_run(&fake, &result[0].calls, 1);
	ask(&fake, MZ_ASK_UPDATE, &result[1]);
	fake_run(&fake, &result[1].calls, 1);
	ask(&fake, MZ_ASK_QUERY, &result[2]);
	fake_run(&fake, &result[2].calls, 1);
	assert_int_equal(result[0].answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(result[1].answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(result[2].answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.accepted, 1);
	fake_stop(&fake);
}

/* Answers in the opposite order, in one connection. */
static void test_out_of_order(void **state)
{
	static const char *const names[] = {"a.example.org", "b.example.org", "c.example.org"};
	struct fake fake;
	struct fake_result result[3] = {{0}};
	unsigned i = 0;

	(void)state;
	held_count = 0;
	fake_start(&fake, hold, 1);
	for (i = 0; i < 3; i++)
		fake_ask(&fake, MZ_ASK_QUERY, names[i], MZ_TYPE_TXT, true, PATIENT, &result[i]);
	fake_run(&fake, &held_count, 3);
	for (i = 3; i > 0; i--)
		fake_answer(&fake, &held[i - 1], MZ_RCODE_NOERROR);
	for (i = 0; i < 3; i++) {
		fake_run(&fake, &result[i].calls, 1);
		assert_int_equal(result[i].answer.outcome, MZ_NET_ANSWER);
		assert_int_equal(result[i].wire[13], names[i][0]);
	}
	assert_int_equal(fake.accepted, 1);
	fake_stop(&fake);
}

/* Our id with another question, and an unsigned success, are not the answer. */
static void forge(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600];
	size_t len = fake_reply(wire, request, MZ_RCODE_NOERROR);

	fake_send(fake, request, wire, len);
	wire[13] ^= 1;
	fake_send(fake, request, wire, len);
	wire[0] ^= 0x55;
	fake_send(fake, request, wire, len);
	fake_answer(fake, request, MZ_RCODE_NXDOMAIN);
}

static void test_forged(void **state)
{
	struct fake fake;
	struct fake_result result = {0};

	(void)state;
	fake_start(&fake, forge, 1);
	ask(&fake, MZ_ASK_QUERY, &result);
	fake_run(&fake, &result.calls, 1);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(result.answer.rcode, MZ_RCODE_NXDOMAIN);
	assert_int_equal(result.answer.dropped, 2);
	fake_stop(&fake);
}

/* One octet at a time; the loop turns between them. */
static void test_octets(void **state)
{
	struct fake fake;
	struct fake_result result = {0};
	uint8_t frame[600];
	struct tsig_mac mac = {0};
	size_t len = 0;
	size_t i = 0;

	(void)state;
	held_count = 0;
	fake_start(&fake, hold, 1);
	ask(&fake, MZ_ASK_UPDATE, &result);
	fake_run(&fake, &held_count, 1);
	fake_request_mac(&fake, &held[0], &mac);
	len = fake_reply(frame + 2, &held[0], MZ_RCODE_NOERROR);
	len = fake_sign(&fake, frame + 2, len, (struct fake_sig){.on = true}, &mac, NULL, 0);
	mz_put16(frame, (uint16_t)len);
	for (i = 0; i < len + 2; i++) {
		assert_int_equal(result.calls, 0);
		fake_write(held[0].conn, frame + i, 1);
		settle(&fake);
	}
	fake_run(&fake, &result.calls, 1);
	assert_int_equal(result.answer.outcome, MZ_NET_ANSWER);
	fake_stop(&fake);
}

/* An answer to an update may leave out the zone; an error may leave out the question. */
static void bare(struct fake *fake, const struct fake_request *request)
{
	uint8_t wire[600] = {0};
	struct tsig_mac mac = {0};
	bool update = (request->wire[2] & 0x78) != 0;

	memcpy(wire, request->wire, 4);
	wire[2] |= 0x80;
	wire[3] = update ? MZ_RCODE_NOERROR : MZ_RCODE_FORMERR;
	fake_request_mac(fake, request, &mac);
	fake_send(fake, request, wire,
		  fake_sign(fake, wire, MZ_MSG_HEADER, (struct fake_sig){.on = true}, &mac, NULL,
			    0));
}

static void test_bare(void **state)
{
	struct fake fake;
	struct fake_result update = {0};
	struct fake_result query = {0};

	(void)state;
	fake_start(&fake, bare, 1);
	ask(&fake, MZ_ASK_UPDATE, &update);
	ask(&fake, MZ_ASK_QUERY, &query);
	fake_run(&fake, &update.calls, 1);
	fake_run(&fake, &query.calls, 1);
	assert_int_equal(update.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(update.answer.rcode, MZ_RCODE_NOERROR);
	assert_int_equal(query.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(query.answer.rcode, MZ_RCODE_FORMERR);
	fake_stop(&fake);
}

static void cut_mid_frame(struct fake *fake, const struct fake_request *request)
{
	(void)fake;
	fake_write(request->conn, (const uint8_t *)"\0\100half", 6);
	fake_close(request->conn);
}

static void test_eof_mid_frame(void **state)
{
	struct fake fake;
	struct fake_result query = {0};
	struct fake_result update = {0};

	(void)state;
	fake_start(&fake, cut_mid_frame, 1);
	ask(&fake, MZ_ASK_QUERY, &query);
	ask(&fake, MZ_ASK_UPDATE, &update);
	fake_run(&fake, &query.calls, 1);
	fake_run(&fake, &update.calls, 1);
	assert_int_equal(query.answer.outcome, MZ_NET_LOST);
	assert_int_equal(update.answer.outcome, MZ_NET_LOST);
	assert_int_equal(fake.tcp_count, 2); /* a fresh connection: nothing is asked again */
	fake_stop(&fake);
}

static void zero_frame(struct fake *fake, const struct fake_request *request)
{
	(void)fake;
	fake_write(request->conn, (const uint8_t *)"\0\0", 2);
}

static void test_zero_frame(void **state)
{
	struct fake fake;
	struct fake_result result = {0};

	(void)state;
	fake_start(&fake, zero_frame, 1);
	ask(&fake, MZ_ASK_QUERY, &result);
	fake_run(&fake, &result.calls, 1);
	assert_int_equal(result.answer.outcome, MZ_NET_LOST);
	fake_stop(&fake);
}

/* The first request of a connection is answered, the second loses it. */
static unsigned answered_conns;
static void answer_once(struct fake *fake, const struct fake_request *request)
{
	if (request->conn->number < answered_conns && request->conn->have == 0 &&
	    fake->tcp_count == request->conn->number + 1)
		fake_answer(fake, request, MZ_RCODE_NOERROR);
	else
		fake_close(request->conn);
}

/* Closes the connection that served the first request, at the second; serves others. */
static void close_kept(struct fake *fake, const struct fake_request *request)
{
	if (request->conn->number == 0 && fake->tcp_count > 1)
		fake_close(request->conn);
	else
		fake_answer(fake, request, MZ_RCODE_NOERROR);
}

static void test_kept_lost(void **state)
{
	struct fake fake;
	struct fake_result first = {0};
	struct fake_result again = {0};

	(void)state;
	fake_start(&fake, close_kept, 1);
	ask(&fake, MZ_ASK_QUERY, &first);
	fake_run(&fake, &first.calls, 1);
	ask(&fake, MZ_ASK_QUERY, &again);
	fake_run(&fake, &again.calls, 1);
	assert_int_equal(again.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.accepted, 2);
	assert_int_equal(fake.tcp_count, 3);
	fake_stop(&fake);
}

static void test_kept_lost_once(void **state)
{
	struct fake fake;
	struct fake_result first = {0};
	struct fake_result again = {0};

	(void)state;
	answered_conns = 1;
	fake_start(&fake, answer_once, 1);
	ask(&fake, MZ_ASK_QUERY, &first);
	fake_run(&fake, &first.calls, 1);
	assert_int_equal(first.answer.outcome, MZ_NET_ANSWER);
	ask(&fake, MZ_ASK_QUERY, &again);
	fake_run(&fake, &again.calls, 1);
	assert_int_equal(again.answer.outcome, MZ_NET_LOST);
	assert_int_equal(fake.tcp_count, 3);
	fake_stop(&fake);
}

static void test_update_not_repeated(void **state)
{
	struct fake fake;
	struct fake_result first = {0};
	struct fake_result update = {0};

	(void)state;
	fake_start(&fake, close_kept, 1);
	ask(&fake, MZ_ASK_QUERY, &first);
	fake_run(&fake, &first.calls, 1);
	ask(&fake, MZ_ASK_UPDATE, &update);
	fake_run(&fake, &update.calls, 1);
	assert_int_equal(update.answer.outcome, MZ_NET_LOST);
	assert_int_equal(fake.accepted, 1);
	assert_int_equal(fake.tcp_count, 2);
	fake_stop(&fake);
}

/* A connection that the server has closed meanwhile is not used for an update. */
static void test_closed_idle(void **state)
{
	struct fake fake;
	struct fake_result first = {0};
	struct fake_result update = {0};

	(void)state;
	fake_start(&fake, good, 1);
	ask(&fake, MZ_ASK_QUERY, &first);
	fake_run(&fake, &first.calls, 1);
	fake_close(&fake.conn[0]);
	ask(&fake, MZ_ASK_UPDATE, &update);
	fake_run(&fake, &update.calls, 1);
	assert_int_equal(update.answer.outcome, MZ_NET_ANSWER);
	assert_int_equal(fake.accepted, 2);
	fake_stop(&fake);
}

static void test_max_inflight(void **state)
{
	struct fake fake;
	struct fake_result result[5] = {{0}};
	unsigned i = 0;

	(void)state;
	held_count = 0;
	fake_start(&fake, hold, 2);
	for (i = 0; i < 5; i++)
		ask(&fake, MZ_ASK_UPDATE, &result[i]);
	fake_run(&fake, &held_count, 2);
	settle(&fake);
	assert_int_equal(held_count, 2);
	assert_int_equal(fake.accepted, 2);
	for (i = 0; i < 5; i++) {
		fake_run(&fake, &held_count, i + 1);
		fake_answer(&fake, &held[i], MZ_RCODE_NOERROR);
		fake_run(&fake, &result[i].calls, 1);
	}
	assert_int_equal(fake.accepted, 2);
	fake_stop(&fake);
}

static void test_pipeline(void **state)
{
	static struct fake_result result[200];
	struct fake fake;
	unsigned i = 0;

	(void)state;
	held_count = 0;
	memset(result, 0, sizeof result);
	fake_start(&fake, hold, 1);
	for (i = 0; i < 200; i++)
		ask(&fake, MZ_ASK_QUERY, &result[i]);
	fake_run(&fake, &held_count, 128);
	settle(&fake);
	assert_int_equal(held_count, 128);
	fake.handler = good;
	for (i = 0; i < 128; i++)
		fake_answer(&fake, &held[i], MZ_RCODE_NOERROR);
	for (i = 0; i < 200; i++)
		fake_run(&fake, &result[i].calls, 1);
	assert_int_equal(fake.accepted, 1);
	fake_stop(&fake);
}

/* The answer to a cancelled query is skipped; its neighbours on the connection get theirs. */
static void test_cancel(void **state)
{
	struct fake fake;
	struct fake_result result[3] = {{0}};
	struct fake_result update = {0};
	unsigned i = 0;

	(void)state;
	held_count = 0;
	fake_start(&fake, hold, 1);
	for (i = 0; i < 3; i++)
		ask(&fake, MZ_ASK_QUERY, &result[i]);
	fake_run(&fake, &held_count, 3);
	mz_net_cancel(result[1].ask);
	fake_answer(&fake, &held[1], MZ_RCODE_NOERROR);
	fake_answer(&fake, &held[2], MZ_RCODE_NOERROR);
	fake_run(&fake, &result[2].calls, 1);
	mz_net_cancel(result[0].ask); /* its answer never comes: the net goes first */
	ask(&fake, MZ_ASK_UPDATE, &update);
	fake_run(&fake, &held_count, 4);
	mz_net_cancel(update.ask);
	settle(&fake);
	assert_int_equal(result[0].calls + result[1].calls + update.calls, 0);
	assert_int_equal(fake.open, 1); /* the update's connection is closed */
	fake_stop(&fake);
}

/* A callback that cancels its neighbours and asks anew. */
struct meddler {
	struct fake *fake;
	struct mz_ask *victim;
	struct fake_result next;
	unsigned calls;
};

static void on_meddler(void *arg, const struct mz_answer *answer)
{
	struct meddler *meddler = arg;

	assert_int_equal(answer->outcome, MZ_NET_ANSWER);
	meddler->calls++;
	mz_net_cancel(meddler->victim);
	ask(meddler->fake, MZ_ASK_QUERY, &meddler->next);
}

static void test_callback_cancels(void **state)
{
	static const uint8_t wire[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 6, 0, 1};
	struct fake fake;
	struct meddler meddler = {.fake = &fake};
	struct fake_result victim = {0};
	struct mz_ask *handle = NULL;
	struct mz_request request = {.kind = MZ_ASK_QUERY,
				     .wire = wire,
				     .len = sizeof wire,
				     .timeout_ms = PATIENT,
				     .done = on_meddler,
				     .arg = &meddler};

	(void)state;
	fake_start(&fake, good, 1);
	assert_int_equal(mz_net_ask(fake.peer, &request, &handle), MZ_OK);
	ask(&fake, MZ_ASK_QUERY, &victim);
	meddler.victim = victim.ask;
	fake_run(&fake, &meddler.next.calls, 1);
	assert_int_equal(meddler.calls, 1);
	assert_int_equal(victim.calls, 0);
	fake_stop(&fake);
}

/* The neighbours of a query that timed out still get their answers; nothing new goes there. */
static void test_timeout(void **state)
{
	struct fake fake;
	struct fake_result slow = {0};
	struct fake_result other = {0};
	struct fake_result next = {0};

	(void)state;
	held_count = 0;
	fake_start(&fake, hold, 1);
	fake_ask(&fake, MZ_ASK_QUERY, "slow.example.org", MZ_TYPE_SOA, true, 50, &slow);
	ask(&fake, MZ_ASK_QUERY, &other);
	fake_run(&fake, &slow.calls, 1);
	assert_int_equal(slow.answer.outcome, MZ_NET_TIMEOUT);
	fake_run(&fake, &held_count, 2);
	ask(&fake, MZ_ASK_QUERY, &next);
	fake_run(&fake, &held_count, 3);
	assert_int_equal(fake.accepted, 2);
	fake_answer(&fake, &held[0], MZ_RCODE_NOERROR); /* too late */
	fake_answer(&fake, &held[1], MZ_RCODE_NOERROR);
	fake_answer(&fake, &held[2], MZ_RCODE_NOERROR);
	fake_run(&fake, &other.calls, 1);
	fake_run(&fake, &next.calls, 1);
	settle(&fake);
	assert_int_equal(slow.calls, 1);
	assert_int_equal(fake.open, 1);
	fake_stop(&fake);
}

static void test_bad_requests(void **state)
{
	static const uint8_t wire[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 6, 0, 1};
	static uint8_t big[MZ_MSG_MAX];
	struct fake fake;
	struct mz_ask *handle = NULL;
	struct meddler meddler = {0};
	struct mz_endpoint bad = {.host = "not an address", .port = 53};
	struct mz_peer *peer = NULL;
	struct mz_cause cause = {""};
	struct mz_request request = {.kind = MZ_ASK_QUERY,
				     .wire = wire,
				     .len = sizeof wire - 1,
				     .done = on_meddler,
				     .arg = &meddler};

	(void)state;
	fake_start(&fake, good, 1);
	assert_int_equal(mz_net_ask(fake.peer, &request, &handle), MZ_EINVAL);
	request.kind = MZ_ASK_TRANSFER; /* without a handler for its messages */
	request.len = sizeof wire;
	assert_int_equal(mz_net_ask(fake.peer, &request, &handle), MZ_EINVAL);
	memcpy(big, wire, sizeof wire);
	request = (struct mz_request){.kind = MZ_ASK_UPDATE,
				      .key = fake.key,
				      .wire = big,
				      .len = sizeof big,
				      .done = on_meddler};
	assert_int_equal(mz_net_ask(fake.peer, &request, &handle), MZ_ERANGE);
	assert_int_equal(mz_net_peer(fake.net, &bad, 1, &peer, &cause), MZ_EINVAL);
	assert_non_null(strstr(cause.text, "not an address"));
	assert_int_equal(mz_net_peer(fake.net, &fake.endpoint, 1, &peer, &cause), MZ_OK);
	assert_ptr_equal(peer, fake.peer);
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_eof_mid_frame),
		cmocka_unit_test(test_zero_frame),
		cmocka_unit_test(test_kept_lost),
		cmocka_unit_test(test_kept_lost_once),
		cmocka_unit_test(test_update_not_repeated),
		cmocka_unit_test(test_closed_idle),
		cmocka_unit_test(test_max_inflight),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_callback_cancels),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_bad_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
