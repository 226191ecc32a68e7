/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what is taken from the answer to one question. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "src/live/answer.h"
#include "tests/unit/live/build.h"

static const uint8_t origin[] = "\7example\3org";
static struct build message;
static struct mz_rrlist rrs, cuts;
static struct live_answer out;

static void read_answer(const char *name, uint16_t type)
{
	struct mz_name owner = {0};
	struct live_question question = {origin, owner.wire, type};

	mz_rrlist_clear(&rrs);
	mz_rrlist_clear(&cuts);
	assert_int_equal(mz_name_from_text(&owner, name, NULL, NULL), MZ_OK);
	assert_int_equal(live_answer_read(&question, message.wire, message.w.len, &rrs, &cuts,
					  &out),
			 MZ_OK);
}

static void test_positive(void **state)
{
	(void)state;
	build_start(&message, "_dmarc.example.org", MZ_TYPE_TXT, MZ_FLAG_AA);
	build_rr(&message, 1, "_DMARC.example.org. 60 IN TXT \"v=DMARC1\"");
	build_rr(&message, 1, "other.example.org. 60 IN TXT \"not asked\"");
	build_rr(&message, 1, "_dmarc.example.org. 60 IN A 192.0.2.1");
	build_rr_class(&message, 1, "_dmarc.example.org. 60 IN TXT \"chaos\"", 3);
	build_rr(&message, 2, "_dmarc.example.org. 60 IN TXT \"authority\"");
	read_answer("_dmarc.example.org", MZ_TYPE_TXT);
	assert_null(out.fault);
	assert_true(out.found);
	build_expect(&rrs, LINES("_dmarc.example.org. 60 IN TXT \"v=DMARC1\""));
	build_expect(&cuts, NO_LINES);
}

static void test_negative(void **state)
{
	(void)state;
	build_start(&message, "x.example.org", MZ_TYPE_TXT, MZ_FLAG_AA | MZ_RCODE_NXDOMAIN);
	build_rr(&message, 2, SOA_LINE);
	read_answer("x.example.org", MZ_TYPE_TXT);
	assert_null(out.fault);
	assert_false(out.found);
	assert_true(out.no_name);
	build_start(&message, "x.example.org", MZ_TYPE_TXT, MZ_FLAG_AA);
	build_rr(&message, 2, SOA_LINE);
	read_answer("x.example.org", MZ_TYPE_TXT);
	assert_null(out.fault);
	assert_false(out.no_name);
	assert_int_equal(rrs.count, 0);
}

static void test_cname(void **state)
{
	(void)state;
	/* the end of the chain does not exist: that is no word on the name itself */
	build_start(&message, "x.example.org", MZ_TYPE_TXT, MZ_FLAG_AA | MZ_RCODE_NXDOMAIN);
	build_rr(&message, 1, "x.example.org. 60 IN CNAME y.example.org.");
	build_rr(&message, 1, "y.example.org. 60 IN CNAME z.example.org.");
	read_answer("x.example.org", MZ_TYPE_TXT);
	assert_null(out.fault);
	assert_true(out.cname && out.found);
	assert_false(out.no_name);
	build_expect(&rrs, LINES("x.example.org. 60 IN CNAME y.example.org."));
}

static void test_dname(void **state)
{
	(void)state;
	build_start(&message, "x.d.example.org", MZ_TYPE_TXT, MZ_FLAG_AA);
	build_rr(&message, 1, "x.d.example.org. 60 IN CNAME x.other.example.");
	build_rr(&message, 1, "d.example.org. 60 IN DNAME other.example.");
	read_answer("x.d.example.org", MZ_TYPE_TXT);
	assert_null(out.fault);
	assert_false(out.found);
	build_expect(&rrs, NO_LINES);
	build_expect(&cuts, LINES("d.example.org. 60 IN DNAME other.example."));
}

static void test_referral(void **state)
{
	(void)state;
	build_start(&message, "x.sub.example.org", MZ_TYPE_TXT, 0);
	build_rr(&message, 2, "sub.example.org. 60 IN NS ns.sub.example.org.");
	build_rr(&message, 2, "other.example.org. 60 IN NS ns.sub.example.org.");
	build_rr(&message, 3, "ns.sub.example.org. 60 IN A 192.0.2.1");
	read_answer("x.sub.example.org", MZ_TYPE_TXT);
	assert_null(out.fault);
	assert_false(out.found);
	build_expect(&cuts, LINES("sub.example.org. 60 IN NS ns.sub.example.org."));
	/* to the zone itself, or above it: nothing of ours */
	build_start(&message, "x.example.org", MZ_TYPE_TXT, 0);
	build_rr(&message, 2, "example.org. 60 IN NS ns.example.org.");
	read_answer("x.example.org", MZ_TYPE_TXT);
	assert_non_null(out.fault);
	build_start(&message, "x.example.org", MZ_TYPE_TXT, 0);
	build_rr(&message, 2, "org. 60 IN NS ns.example.org.");
	read_answer("x.example.org", MZ_TYPE_TXT);
	assert_non_null(out.fault);
}

static void test_child_zone(void **state)
{
	(void)state;
	build_start(&message, "x.sub.example.org", MZ_TYPE_TXT, MZ_FLAG_AA | MZ_RCODE_NXDOMAIN);
	build_rr(&message, 2, "sub.example.org. 60 IN SOA ns. host. 7 3600 600 86400 300");
	read_answer("x.sub.example.org", MZ_TYPE_TXT);
	assert_null(out.fault);
	build_expect(&cuts, LINES("sub.example.org. 60 IN SOA ns. host. 7 3600 600 86400 300"));
	/* one above the zone is none of its child zones */
	build_start(&message, "x.example.org", MZ_TYPE_TXT, MZ_FLAG_AA);
	build_rr(&message, 2, "org. 60 IN SOA ns. host. 7 3600 600 86400 300");
	read_answer("x.example.org", MZ_TYPE_TXT);
	build_expect(&cuts, NO_LINES);
}

static void test_any(void **state)
{
	(void)state;
	build_start(&message, "example.org", MZ_TYPE_ANY, MZ_FLAG_AA);
	build_rr(&message, 1, "example.org. 60 IN HINFO \"RFC8482\" \"\"");
	read_answer("example.org", MZ_TYPE_ANY);
	assert_null(out.fault);
	assert_false(out.found);
	build_start(&message, "example.org", MZ_TYPE_ANY, MZ_FLAG_AA);
	build_rr(&message, 1, SOA_LINE);
	build_rr(&message, 1, "example.org. 60 IN NS ns.example.org.");
	build_rr(&message, 1, "example.org. 60 IN A 192.0.2.1");
	build_rr(&message, 1, "example.org. 60 IN TYPE65280 \\# 1 ff");
	read_answer("example.org", MZ_TYPE_ANY);
	assert_true(out.found);
	build_expect(&rrs, LINES("example.org. 60 IN A 192.0.2.1",
				 "example.org. 60 IN TYPE65280 \\# 1 ff"));
	build_expect(&cuts, NO_LINES);
}

static void test_soa(void **state)
{
	(void)state;
	build_start(&message, "example.org", MZ_TYPE_SOA, MZ_FLAG_AA);
	build_rr(&message, 1, SOA_LINE);
	read_answer("example.org", MZ_TYPE_SOA);
	assert_null(out.fault);
	assert_true(out.found);
	assert_int_equal(out.serial, 7);
}

static void test_faults(void **state)
{
	(void)state;
	build_start(&message, "example.org", MZ_TYPE_TXT, 0);
	build_rr(&message, 1, "example.org. 60 IN TXT \"from a resolver\"");
	read_answer("example.org", MZ_TYPE_TXT);
	assert_non_null(strstr(out.fault, "authority"));
	build_start(&message, "example.org", MZ_TYPE_TXT, MZ_FLAG_AA | MZ_FLAG_TC);
	read_answer("example.org", MZ_TYPE_TXT);
	assert_non_null(strstr(out.fault, "truncated"));
	build_start(&message, "example.org", MZ_TYPE_TXT, MZ_FLAG_AA);
	mz_put16(message.wire + 6, 3);
	read_answer("example.org", MZ_TYPE_TXT);
	assert_non_null(strstr(out.fault, "malformed"));
}

/* An A of five octets is not dropped: it is there, and has to be dealt with. */
static void test_odd_rdata(void **state)
{
	(void)state;
	build_start(&message, "example.org", MZ_TYPE_A, MZ_FLAG_AA);
	mz_writer_rr(&message.w, 1, origin, MZ_TYPE_A, MZ_CLASS_IN, 60, (const uint8_t *)"12345",
		     5);
	mz_writer_rr(&message.w, 1, origin, MZ_TYPE_A, MZ_CLASS_IN, 60, NULL, 0);
	read_answer("example.org", MZ_TYPE_A);
	assert_null(out.fault);
	assert_int_equal(rrs.count, 2);
	assert_int_equal(rrs.rr[0].rdlen, 5);
	assert_int_equal(rrs.rr[1].rdlen, 0);
}

static int teardown(void **state)
{
	(void)state;
	mz_rrlist_clear(&rrs);
	mz_rrlist_clear(&cuts);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positive), cmocka_unit_test(test_negative),
		cmocka_unit_test(test_cname),	 cmocka_unit_test(test_dname),
		cmocka_unit_test(test_referral), cmocka_unit_test(test_child_zone),
		cmocka_unit_test(test_any),	 cmocka_unit_test(test_soa),
		cmocka_unit_test(test_faults),	 cmocka_unit_test(test_odd_rdata),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
