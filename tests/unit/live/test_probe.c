/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the SOA probe: what each kind of answer says about zone and server. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "mailzone/live.h"
#include "tests/unit/live/build.h"
#include "tests/unit/net/fake.h"

static const uint8_t origin[] = "\7example\3org";

/* What the server sends next. */
static struct build message;
static bool sign;

static void answer(struct fake *fake, const struct fake_request *request)
{
	struct tsig_mac mac = {0};
	uint8_t wire[2048];
	size_t len = message.w.len;

	memcpy(wire, message.wire, len);
	memcpy(wire, request->wire, 2);
	if (sign) {
		fake_request_mac(fake, request, &mac);
		len = fake_sign(fake, wire, len, (struct fake_sig){.on = true}, &mac, NULL, 0);
	}
	fake_send(fake, request, wire, len);
}

struct result {
	unsigned calls;
	struct mz_probe probe;
};

static void on_probe(void *arg, const struct mz_probe *probe)
{
	struct result *result = arg;

	result->calls++;
	result->probe = *probe;
}

static struct mz_probe probe(void)
{
	struct fake fake;
	struct result result = {0};
	struct mz_live_op *op = NULL;

	fake_start(&fake, answer, 1);
	assert_int_equal(mz_live_probe(fake.peer, fake.key, origin, 5000, on_probe, &result, &op),
			 MZ_OK);
	fake_run(&fake, &result.calls, 1);
	fake_stop(&fake);
	return result.probe;
}

static void start(uint16_t flags)
{
	sign = true;
	build_start(&message, "example.org", MZ_TYPE_SOA, flags);
}

static void expect(enum mz_probe_result want, bool retry, const char *part)
{
	struct mz_probe got = probe();

	assert_int_equal(got.result, want);
	assert_int_equal(got.retry, retry);
	if (strstr(got.cause.text, part) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", got.cause.text, part);
	assert_non_null(strstr(got.cause.text, "example.org"));
	assert_non_null(strstr(got.cause.text, "127.0.0.1:"));
}

static void test_good(void **state)
{
	struct mz_probe got;

	(void)state;
	start(MZ_FLAG_AA);
	build_rr(&message, 1,
		 "EXAMPLE.org. 200 IN SOA ns1.example.org. host.example.org. "
		 "4294967295 3600 600 86400 300");
	got = probe();
	assert_int_equal(got.result, MZ_PROBE_OK);
	assert_int_equal(got.serial, 4294967295u);
	assert_int_equal(got.negative_ttl, 200);
	assert_string_equal(got.cause.text, "");
	start(MZ_FLAG_AA);
	build_rr(&message, 1, SOA_LINE);
	got = probe();
	assert_int_equal(got.negative_ttl, 300);
}

static void test_no_zone(void **state)
{
	(void)state;
	start(MZ_RCODE_REFUSED);
	expect(MZ_PROBE_NO_ZONE, true, "REFUSED");
	start(MZ_RCODE_NOTAUTH);
	expect(MZ_PROBE_NO_ZONE, true, "NOTAUTH");
	start(0);
	build_rr(&message, 2, "org. 60 IN NS ns.example.");
	expect(MZ_PROBE_NO_ZONE, false, "does not serve this zone");
}

static void test_not_auth(void **state)
{
	(void)state;
	start(0);
	build_rr(&message, 1, SOA_LINE);
	expect(MZ_PROBE_NOT_AUTH, false, "without authority");
	start(MZ_FLAG_AA | MZ_RCODE_NXDOMAIN);
	build_rr(&message, 2, "org. 60 IN SOA a. b. 1 2 3 4 5");
	expect(MZ_PROBE_NOT_AUTH, false, "origin");
	start(0);
	build_rr(&message, 2, "example.org. 60 IN NS ns.example.");
	expect(MZ_PROBE_NOT_AUTH, false, "delegated");
}

/* A server that knows the zone but not the key may be asked without one. */
static void test_key_refused(void **state)
{
	(void)state;
	start(MZ_RCODE_NOTAUTH);
	sign = false;
	assert_true(probe().refused);
	start(MZ_RCODE_REFUSED);
	assert_true(probe().refused);
	start(MZ_RCODE_SERVFAIL);
	assert_false(probe().refused);
	start(MZ_FLAG_AA);
	build_rr(&message, 1, SOA_LINE);
	assert_false(probe().refused);
}

static void test_failed(void **state)
{
	(void)state;
	start(MZ_RCODE_SERVFAIL);
	expect(MZ_PROBE_FAILED, true, "SERVFAIL");
	start(MZ_RCODE_FORMERR);
	expect(MZ_PROBE_FAILED, false, "FORMERR");
	start(MZ_RCODE_REFUSED);
	sign = false;
	expect(MZ_PROBE_FAILED, true, "unproven");
	start(MZ_FLAG_AA);
	build_rr(&message, 1, SOA_LINE);
	build_rr(&message, 1, SOA_LINE);
	expect(MZ_PROBE_FAILED, true, "malformed");
	start(MZ_FLAG_AA);
	mz_writer_rr(&message.w, 1, origin, MZ_TYPE_SOA, MZ_CLASS_IN, 60, origin, sizeof origin);
	expect(MZ_PROBE_FAILED, true, "malformed");
}

static void test_cancel(void **state)
{
	struct fake fake;
	struct result gone = {0};
	struct result other = {0};
	struct mz_live_op *op = NULL;

	(void)state;
	start(MZ_FLAG_AA);
	build_rr(&message, 1, SOA_LINE);
	fake_start(&fake, answer, 1);
	assert_int_equal(mz_live_probe(fake.peer, fake.key, origin, 5000, on_probe, &gone, &op),
			 MZ_OK);
	mz_live_cancel(op);
	assert_int_equal(mz_live_probe(fake.peer, fake.key, origin, 5000, on_probe, &other, &op),
			 MZ_OK);
	fake_run(&fake, &other.calls, 1);
	assert_int_equal(gone.calls, 0);
	mz_live_cancel(NULL);
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	 cmocka_unit_test(test_no_zone),
		cmocka_unit_test(test_not_auth), cmocka_unit_test(test_failed),
		cmocka_unit_test(test_cancel),	 cmocka_unit_test(test_key_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
