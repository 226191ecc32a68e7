/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of reading a zone: modes, what gives way to what, wildcards, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "mailzone/live.h"
#include "tests/unit/live/build.h"
#include "tests/unit/net/fake.h"

static const uint8_t origin[] = "\7example\3org";

/* The server's zone; SOA and wildcards apart. */
static const char *const zone[] = {
	"example.org. 60 IN MX 10 mail.example.org.",
	"_dmarc.example.org. 60 IN TXT \"v=DMARC1\"",
	"alias.example.org. 60 IN CNAME mail.example.org.",
	"mail.example.org. 60 IN A 192.0.2.1",
	"mail.example.org. 60 IN AAAA 2001:db8::1",
	"sub.example.org. 60 IN NS ns.sub.example.org.",
	"real.example.org. 60 IN TXT \"wild\"",
};
static const char *const wildcard = "*.example.org. 60 IN TXT \"wild\"";

enum axfr_script { AXFR_GOOD, AXFR_REFUSED, AXFR_SERVFAIL, AXFR_LARGE, AXFR_CLOSE, AXFR_CHANGED };
static struct {
	enum axfr_script axfr;
	bool wildcard; /* the zone has one */
	bool one_any;  /* ANY brings one RRset only, as Knot does */
	bool no_update;
	unsigned servfail_type; /* questions of this type fail */
	unsigned transfers, queries, updates;
} script;

static struct build message;

static void send_built(struct fake *fake, const struct fake_request *request)
{
	static uint8_t wire[MZ_MSG_MAX];
	struct tsig_mac mac = {0};
	size_t len = message.w.len;

	memcpy(wire, message.wire, len);
	memcpy(wire, request->wire, 2);
	fake_request_mac(fake, request, &mac);
	len = fake_sign(fake, wire, len, (struct fake_sig){.on = true}, &mac, NULL, 0);
	fake_send(fake, request, wire, len);
}

static void transfer(struct fake *fake, const struct fake_request *request)
{
	size_t i = 0;

	script.transfers++;
	if (script.axfr == AXFR_CLOSE) {
		fake_close(request->conn);
		return;
	}
	build_start(&message, "example.org", MZ_TYPE_AXFR, MZ_FLAG_AA);
	if (script.axfr == AXFR_REFUSED || script.axfr == AXFR_SERVFAIL) {
		build_start(&message, "example.org", MZ_TYPE_AXFR,
			    script.axfr == AXFR_REFUSED ? MZ_RCODE_REFUSED : MZ_RCODE_SERVFAIL);
		send_built(fake, request);
		return;
	}
	build_rr(&message, 1, SOA_LINE);
	for (i = 0; i < sizeof zone / sizeof zone[0]; i++)
		build_rr(&message, 1, zone[i]);
	if (script.axfr == AXFR_CHANGED)
		build_rr(&message, 1, "example.org. 60 IN SOA a. b. 8 1 1 1 1");
	else if (script.axfr == AXFR_GOOD)
		build_rr(&message, 1, SOA_LINE);
	else
		message.w.len = 60000; /* filled below: one RR of many octets */
	if (script.axfr == AXFR_LARGE) {
		struct tsig_mac mac = {0};
		size_t len = 0;
		unsigned n = 0;

		fake_request_mac(fake, request, &mac);
		for (n = 0; n < 6; n++) {
			static uint8_t rdata[60000];

			build_start(&message, n == 0 ? "example.org" : NULL, MZ_TYPE_AXFR,
				    MZ_FLAG_AA);
			if (n == 0)
				build_rr(&message, 1, SOA_LINE);
			mz_writer_rr(&message.w, 1, origin, 65280, MZ_CLASS_IN, 60, rdata,
				     sizeof rdata);
			memcpy(message.wire, request->wire, 2);
			len = fake_sign(fake, message.wire, message.w.len,
					(struct fake_sig){.on = true, .later = n > 0}, &mac, NULL,
					0);
			fake_send(fake, request, message.wire, len);
		}
		return;
	}
	send_built(fake, request);
}

/* Adds the RRs at `name`; returns whether the name is there. */
static bool add_rrs(const uint8_t *name, uint16_t type)
{
	struct mz_rrlist list = {0};
	bool there = false;
	size_t i = 0;
	unsigned added = 0;

	for (i = 0; i < sizeof zone / sizeof zone[0] + (script.wildcard ? 1 : 0); i++) {
		const char *line = i < sizeof zone / sizeof zone[0] ? zone[i] : wildcard;

		assert_int_equal(mz_rr_from_text(&list, line, NULL, 60, NULL, NULL), MZ_OK);
		if (mz_name_equal(list.rr[0].owner, name)) {
			there = true;
			if (list.rr[0].type == type || list.rr[0].type == MZ_TYPE_CNAME ||
			    (type == MZ_TYPE_ANY && (added++ == 0 || !script.one_any)))
				build_rr(&message, 1, line);
		}
		mz_rrlist_clear(&list);
	}
	return there || mz_name_equal(name, origin);
}

static void answer_query(const struct fake_request *request)
{
	struct mz_reader r;
	struct mz_name name = {0};
	char text[MZ_NAME_TEXT] = "";
	char line[MZ_NAME_TEXT + 64] = "";
	uint16_t type = 0;
	uint16_t klass = 0;

	script.queries++;
	assert_int_equal(mz_reader_open(&r, request->wire, request->len), MZ_OK);
	assert_int_equal(mz_reader_question(&r, &name, &type, &klass), 1);
	mz_name_to_text(name.wire, text);
	build_start(&message, text, type, MZ_FLAG_AA);
	if (script.servfail_type == type) {
		build_start(&message, text, type, MZ_RCODE_SERVFAIL);
	} else if (strstr(text, "sub.example.org.") != NULL) {
		build_start(&message, text, type, 0);
		build_rr(&message, 2, "sub.example.org. 60 IN NS ns.sub.example.org.");
	} else if (type == MZ_TYPE_SOA) {
		build_rr(&message, 1, SOA_LINE);
	} else if (!add_rrs(name.wire, type) && script.wildcard) {
		snprintf(line, sizeof line, "%s 60 IN TXT \"wild\"", text);
		if (type == MZ_TYPE_TXT || type == MZ_TYPE_ANY)
			build_rr(&message, 1, line);
	} else if (mz_get16(message.wire + 6) == 0 && !add_rrs(name.wire, type)) {
		mz_put16(message.wire + 2, MZ_FLAG_QR | MZ_FLAG_AA | MZ_RCODE_NXDOMAIN);
	}
}

/* Answers prerequisites "name is in use"; whoever sends an update section has a bug. */
static void answer_update(const struct fake_request *request)
{
	struct mz_reader r;
	struct mz_rrview rr;
	struct mz_name name = {0};
	bool there = false;

	script.updates++;
	assert_int_equal(mz_reader_open(&r, request->wire, request->len), MZ_OK);
	assert_int_equal(r.count[1], 1);
	assert_int_equal(r.count[2], 0);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_int_equal(rr.type, MZ_TYPE_ANY);
	assert_int_equal(rr.klass, MZ_CLASS_ANY);
	assert_int_equal(mz_reader_name(&r, rr.owner, &name), MZ_OK);
	build_start(&message, "example.org", MZ_TYPE_SOA, 0);
	there = add_rrs(name.wire, MZ_TYPE_ANY);
	build_start(&message, "example.org", MZ_TYPE_SOA,
		    (uint16_t)(MZ_OPCODE_UPDATE << 11 |
			       (script.no_update ? (unsigned)MZ_RCODE_REFUSED
				: there		 ? (unsigned)MZ_RCODE_NOERROR
						 : (unsigned)MZ_RCODE_NXDOMAIN)));
}

static void serve(struct fake *fake, const struct fake_request *request)
{
	size_t end = MZ_MSG_HEADER;

	while (request->wire[end] != 0)
		end += request->wire[end] + 1u;
	if (mz_get16(request->wire + end + 1) == MZ_TYPE_AXFR) {
		transfer(fake, request);
		return;
	}
	if ((request->wire[2] & 0x78) != 0)
		answer_update(request);
	else
		answer_query(request);
	send_built(fake, request);
}

struct result {
	unsigned calls;
	struct mz_live live;
};

static void on_read(void *arg, struct mz_live *live)
{
	struct result *result = arg;

	result->calls++;
	result->live = *live;
}

static void add_slots(struct mz_rrlist *slots)
{
	build_slot(slots, "example.org", MZ_TYPE_MX);
	build_slot(slots, "_dmarc.example.org", MZ_TYPE_TXT);
	build_slot(slots, "alias.example.org", MZ_TYPE_CNAME);
	build_slot(slots, "mail.example.org", MZ_TYPE_CNAME);
	build_slot(slots, "a.sub.example.org", MZ_TYPE_TXT);
	build_slot(slots, "real.example.org", MZ_TYPE_TXT);
	build_slot(slots, "fake.example.org", MZ_TYPE_TXT);
	build_slot(slots, "none.example.org", MZ_TYPE_TLSA);
}

static struct mz_live read_zone(enum mz_read_mode mode, bool large)
{
	struct fake fake;
	struct result result = {0};
	struct mz_live_op *op = NULL;
	struct mz_rrlist slots = {0};
	struct mz_live_request request = {.origin = origin,
					  .slots = &slots,
					  .mode = mode,
					  .large = large,
					  .timeout_ms = 5000};

	script.transfers = script.queries = script.updates = 0;
	add_slots(&slots);
	fake_start(&fake, serve, 1);
	request.peer = fake.peer;
	request.key = fake.key;
	assert_int_equal(mz_live_read(&request, on_read, &result, &op), MZ_OK);
	fake_run(&fake, &result.calls, 1);
	fake_stop(&fake);
	mz_rrlist_clear(&slots);
	return result.live;
}

/* What every good read of the zone brings, whichever way. */
static void expect_zone(struct mz_live *live)
{
	if (!live->ok)
		fail_msg("%s", live->cause.text);
	assert_int_equal(live->serial, 7);
	build_expect(&live->rrs, LINES("example.org. 60 IN MX 10 mail.example.org.",
				       "_dmarc.example.org. 60 IN TXT \"v=DMARC1\"",
				       "alias.example.org. 60 IN CNAME mail.example.org.",
				       "mail.example.org. 60 IN A 192.0.2.1",
				       "mail.example.org. 60 IN AAAA 2001:db8::1",
				       "real.example.org. 60 IN TXT \"wild\""));
	build_expect(&live->cuts, LINES("sub.example.org. 60 IN NS ns.sub.example.org."));
	mz_live_clear(live);
}

static void test_axfr(void **state)
{
	struct mz_live live;

	(void)state;
	memset(&script, 0, sizeof script);
	live = read_zone(MZ_READ_AUTO, false);
	assert_true(live.axfr);
	assert_false(live.large || live.no_axfr);
	assert_int_equal(script.queries, 0);
	expect_zone(&live);
	live = read_zone(MZ_READ_AXFR, true);
	assert_true(live.axfr);
	expect_zone(&live);
}

static void test_gives_way(void **state)
{
	struct mz_live live;

	(void)state;
	memset(&script, 0, sizeof script);
	script.axfr = AXFR_REFUSED;
	live = read_zone(MZ_READ_AUTO, false);
	assert_true(live.no_axfr && !live.large && !live.axfr);
	expect_zone(&live);
	script.axfr = AXFR_LARGE;
	live = read_zone(MZ_READ_AUTO, false);
	assert_true(live.large && !live.no_axfr && !live.axfr);
	expect_zone(&live);
	script.axfr = AXFR_SERVFAIL;
	live = read_zone(MZ_READ_AUTO, false);
	assert_false(live.large || live.no_axfr || live.axfr);
	expect_zone(&live);
	script.axfr = AXFR_CLOSE;
	live = read_zone(MZ_READ_AUTO, false);
	assert_false(live.large || live.no_axfr || live.axfr);
	expect_zone(&live);
	script.axfr = AXFR_CHANGED;
	live = read_zone(MZ_READ_AUTO, false);
	assert_false(live.large || live.no_axfr || live.axfr);
	expect_zone(&live);
}

static void test_axfr_only(void **state)
{
	struct mz_live live;

	(void)state;
	memset(&script, 0, sizeof script);
	script.axfr = AXFR_REFUSED;
	live = read_zone(MZ_READ_AXFR, false);
	assert_false(live.ok);
	assert_true(live.retry);
	assert_non_null(strstr(live.cause.text, "AXFR of example.org. at 127.0.0.1"));
	assert_non_null(strstr(live.cause.text, "REFUSED"));
	script.axfr = AXFR_CHANGED;
	live = read_zone(MZ_READ_AXFR, false);
	assert_false(live.ok);
	assert_int_equal(live.rrs.count, 0);
	assert_non_null(strstr(live.cause.text, "closing SOA"));
	assert_int_equal(script.queries, 0);
}

static void test_query(void **state)
{
	struct mz_live live;

	(void)state;
	memset(&script, 0, sizeof script);
	live = read_zone(MZ_READ_QUERY, false);
	assert_int_equal(script.transfers, 0);
	assert_int_equal(script.updates, 0);
	expect_zone(&live);
	script.one_any = true;
	live = read_zone(MZ_READ_QUERY, false);
	expect_zone(&live);
	live = read_zone(MZ_READ_AUTO, true); /* remembered as large */
	assert_true(live.large);
	assert_int_equal(script.transfers, 0);
	expect_zone(&live);
}

static void test_made_up(void **state)
{
	struct mz_live live;

	(void)state;
	memset(&script, 0, sizeof script);
	script.wildcard = true;
	live = read_zone(MZ_READ_QUERY, false);
	assert_true(script.updates >= 2); /* real and fake look alike */
	expect_zone(&live);
	script.no_update = true; /* nobody to ask: what was read stands */
	live = read_zone(MZ_READ_QUERY, false);
	assert_true(live.ok);
	assert_int_equal(live.rrs.count, 7);
	mz_live_clear(&live);
}

static void test_query_fails(void **state)
{
	struct mz_live live;

	(void)state;
	memset(&script, 0, sizeof script);
	script.servfail_type = MZ_TYPE_TLSA;
	live = read_zone(MZ_READ_QUERY, false);
	assert_false(live.ok);
	assert_true(live.retry);
	assert_int_equal(live.rrs.count, 0);
	assert_non_null(strstr(live.cause.text, "TLSA"));
	assert_non_null(strstr(live.cause.text, "none.example.org."));
	assert_non_null(strstr(live.cause.text, "SERVFAIL"));
}

static void test_unreachable(void **state)
{
	struct fake fake;
	struct result result = {0};
	struct mz_live_op *op = NULL;
	struct mz_rrlist slots = {0};
	struct mz_live_request request = {.origin = origin,
					  .slots = &slots,
					  .mode = MZ_READ_AUTO,
					  .timeout_ms = 5000};

	(void)state;
	add_slots(&slots);
	fake_start(&fake, serve, 1);
	fake_shut(&fake);
	request.peer = fake.peer;
	assert_int_equal(mz_live_read(&request, on_read, &result, &op), MZ_OK);
	fake_run(&fake, &result.calls, 1);
	assert_false(result.live.ok);
	assert_true(result.live.retry);
	assert_non_null(strstr(result.live.cause.text, "no connection"));
	fake_stop(&fake);
	mz_rrlist_clear(&slots);
}

/* Cancelled at each step: `done` never comes, and nothing leaks. */
static void test_cancel(void **state)
{
	struct fake fake;
	struct result result = {0};
	struct mz_live_op *op = NULL;
	struct mz_rrlist slots = {0};
	struct mz_live_request request = {.origin = origin, .slots = &slots, .timeout_ms = 5000};
	unsigned turns = 0;
	unsigned i = 0;

	(void)state;
	memset(&script, 0, sizeof script);
	script.wildcard = true;
	script.axfr = AXFR_REFUSED;
	add_slots(&slots);
	fake_start(&fake, serve, 2);
	request.peer = fake.peer;
	request.key = fake.key;
	for (turns = 0; result.calls == 0 && turns < 1000; turns++) {
		assert_int_equal(mz_live_read(&request, on_read, &result, &op), MZ_OK);
		for (i = 0; i < turns && result.calls == 0; i++)
			event_base_loop(fake.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		if (result.calls == 0)
			mz_live_cancel(op);
		for (i = 0; i < 3; i++)
			event_base_loop(fake.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	assert_int_equal(result.calls, 1);
	mz_live_clear(&result.live);
	fake_stop(&fake);
	mz_rrlist_clear(&slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_axfr),	    cmocka_unit_test(test_gives_way),
		cmocka_unit_test(test_axfr_only),   cmocka_unit_test(test_query),
		cmocka_unit_test(test_made_up),	    cmocka_unit_test(test_query_fails),
		cmocka_unit_test(test_unreachable), cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
