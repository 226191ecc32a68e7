/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the AXFR walker: what it keeps, and every way in which a transfer can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mailzone/live.h"
#include "tests/unit/live/build.h"

static const uint8_t origin[] = "\7example\3org";
static struct build message;

static struct mz_walk *start(struct mz_rrlist *slots, uint64_t limit)
{
	struct mz_walk *walk = NULL;

	build_slot(slots, "example.org", MZ_TYPE_MX);
	build_slot(slots, "_dmarc.example.org", MZ_TYPE_TXT);
	build_slot(slots, "a.sub.example.org", MZ_TYPE_TXT);
	build_slot(slots, "cut.example.org", MZ_TYPE_CNAME);
	build_slot(slots, "x.dn.example.org", MZ_TYPE_TXT);
	assert_int_equal(mz_walk_new(&walk, origin, slots, limit), MZ_OK);
	return walk;
}

static void first(void)
{
	build_start(&message, "example.org", MZ_TYPE_AXFR, MZ_FLAG_AA);
	build_rr(&message, 1, SOA_LINE);
}

static enum mz_walk_step feed(struct mz_walk *walk, struct mz_cause *cause)
{
	assert_false(message.w.full);
	return mz_walk_message(walk, message.wire, message.w.len, cause);
}

static void test_keeps(void **state)
{
	struct mz_rrlist slots = {0};
	struct mz_walk *walk = start(&slots, 0);
	struct mz_live live = {0};
	struct mz_cause cause = {""};

	(void)state;
	first();
	build_rr(&message, 1, "example.org. 60 IN NS ns1.example.org.");
	build_rr(&message, 1, "EXAMPLE.org. 60 IN MX 10 Mail.example.org.");
	build_rr(&message, 1, "example.org. 60 IN TXT \"v=spf1 -all\"");
	build_rr(&message, 1, "mail.example.org. 60 IN A 192.0.2.1");
	build_rr(&message, 1, "sub.example.org. 60 IN NS ns.sub.example.org.");
	build_rr(&message, 1, "other.example.org. 60 IN NS ns.other.example.org.");
	assert_int_equal(feed(walk, &cause), MZ_WALK_MORE);
	build_start(&message, NULL, 0, MZ_FLAG_AA);
	build_rr(&message, 1, "_DMARC.example.org. 60 IN TXT \"v=DMARC1\"");
	build_rr(&message, 1, "_dmarc.example.org. 60 IN TXT \"v=DMARC1\"");
	build_rr(&message, 1, "cut.example.org. 60 IN NS ns.cut.example.org.");
	build_rr(&message, 1, "dn.example.org. 60 IN DNAME elsewhere.example.");
	build_rr(&message, 1, "x.dn.example.org. 60 IN TYPE65280 \\# 2 abcd");
	build_rr(&message, 1, "www.example.org. 60 IN DNAME elsewhere.example.");
	build_rr(&message, 1, SOA_LINE);
	assert_int_equal(feed(walk, &cause), MZ_WALK_DONE);
	assert_int_equal(mz_walk_finish(walk, &live), MZ_OK);
	assert_true(live.ok && live.axfr);
	assert_int_equal(live.serial, 7);
	/* mail A, other NS, dn DNAME and www DNAME */
	assert_int_equal(live.foreign, 4);
	build_expect(&live.rrs, LINES("example.org. 60 IN MX 10 Mail.example.org.",
				      "example.org. 60 IN TXT \"v=spf1 -all\"",
				      "_dmarc.example.org. 60 IN TXT \"v=DMARC1\"",
				      "x.dn.example.org. 60 IN TYPE65280 \\# 2 abcd"));
	build_expect(&live.cuts, LINES("cut.example.org. 60 IN NS ns.cut.example.org.",
				       "dn.example.org. 60 IN DNAME elsewhere.example.",
				       "sub.example.org. 60 IN NS ns.sub.example.org."));
	mz_live_clear(&live);
	mz_walk_free(walk);
	mz_rrlist_clear(&slots);
}

/* Feeds what `message` holds to a fresh walker and expects it to be refused. */
static void expect_bad(enum mz_walk_step want, const char *why)
{
	struct mz_rrlist slots = {0};
	struct mz_walk *walk = start(&slots, 0);
	struct mz_cause cause = {""};
	struct mz_live live = {0};

	assert_int_equal(feed(walk, &cause), want);
	if (strstr(cause.text, why) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", cause.text, why);
	/* it stays that way */
	first();
	build_rr(&message, 1, SOA_LINE);
	assert_int_equal(feed(walk, &cause), want);
	assert_int_equal(mz_walk_finish(walk, &live), MZ_EINVAL);
	mz_walk_free(walk);
	mz_rrlist_clear(&slots);
}

static void test_refuses(void **state)
{
	(void)state;
	build_start(&message, "example.org", MZ_TYPE_AXFR, MZ_RCODE_REFUSED);
	expect_bad(MZ_WALK_REFUSED, "error");
	build_start(&message, "example.com", MZ_TYPE_AXFR, 0);
	build_rr(&message, 1, SOA_LINE);
	expect_bad(MZ_WALK_BAD, "another question");
	build_start(&message, "example.org", MZ_TYPE_SOA, 0);
	build_rr(&message, 1, SOA_LINE);
	expect_bad(MZ_WALK_BAD, "another question");
	build_start(&message, NULL, 0, 0);
	build_rr(&message, 1, SOA_LINE);
	expect_bad(MZ_WALK_BAD, "another question");
	build_start(&message, "example.org", MZ_TYPE_AXFR, 0);
	expect_bad(MZ_WALK_BAD, "without records");
	build_start(&message, "example.org", MZ_TYPE_AXFR, 0);
	build_rr(&message, 1, "example.org. 60 IN A 192.0.2.1");
	expect_bad(MZ_WALK_BAD, "not the zone's SOA");
	first();
	build_rr(&message, 1, "example.com. 60 IN A 192.0.2.1");
	expect_bad(MZ_WALK_BAD, "outside the zone");
	first();
	build_rr(&message, 1, "org. 60 IN A 192.0.2.1");
	expect_bad(MZ_WALK_BAD, "outside the zone");
	first();
	build_rr(&message, 1, "xexample.org. 60 IN A 192.0.2.1");
	expect_bad(MZ_WALK_BAD, "outside the zone");
	first();
	build_rr_class(&message, 1, "example.org. 60 IN A 192.0.2.1", 3);
	expect_bad(MZ_WALK_BAD, "class");
	first();
	build_rr(&message, 1, "x." SOA_LINE);
	expect_bad(MZ_WALK_BAD, "SOA below");
	first();
	message.wire[2] &= 0x7f;
	expect_bad(MZ_WALK_BAD, "no answer");
	first();
	message.wire[2] |= MZ_FLAG_TC >> 8;
	expect_bad(MZ_WALK_BAD, "truncated");
	first();
	message.w.len -= 3;
	expect_bad(MZ_WALK_BAD, "malformed");
}

static void test_closing(void **state)
{
	(void)state;
	first();
	build_rr(&message, 1,
		 "example.org. 3600 IN SOA ns1.example.org. host.example.org. 8 3600 600 86400 "
		 "300");
	expect_bad(MZ_WALK_BAD, "closing SOA differs");
	first();
	build_rr(&message, 1,
		 "example.org. 3600 IN SOA ns2.example.org. host.example.org. 7 3600 600 86400 "
		 "300");
	expect_bad(MZ_WALK_BAD, "closing SOA differs");
	first();
	build_rr(&message, 1, SOA_LINE);
	build_rr(&message, 1, "example.org. 60 IN A 192.0.2.1");
	expect_bad(MZ_WALK_BAD, "after the closing SOA");
}

static void test_after_done(void **state)
{
	struct mz_rrlist slots = {0};
	struct mz_walk *walk = start(&slots, 0);
	struct mz_live live = {0};
	struct mz_cause cause = {""};

	(void)state;
	first();
	build_rr(&message, 1, SOA_LINE);
	assert_int_equal(feed(walk, &cause), MZ_WALK_DONE);
	assert_int_equal(feed(walk, &cause), MZ_WALK_BAD);
	assert_int_equal(mz_walk_finish(walk, &live), MZ_EINVAL);
	mz_walk_free(walk);
	mz_rrlist_clear(&slots);
}

/* Headers that promise more than there is, or end in the middle. */
static void test_counts(void **state)
{
	(void)state;
	first();
	mz_put16(message.wire + 6, 65535);
	expect_bad(MZ_WALK_BAD, "malformed");
	first();
	mz_put16(message.wire + 10, 1);
	expect_bad(MZ_WALK_BAD, "malformed");
	first();
	mz_put16(message.wire + 4, 65535);
	expect_bad(MZ_WALK_BAD, "another question");
}

static void put_raw(const void *octets, size_t n)
{
	memcpy(message.wire + message.w.len, octets, n);
	message.w.len += n;
	mz_put16(message.wire + 6, (uint16_t)(mz_get16(message.wire + 6) + 1));
}

/* Compression as servers use it, and as attackers would. */
static void test_pointers(void **state)
{
	struct mz_rrlist slots = {0};
	struct mz_walk *walk = start(&slots, 0);
	struct mz_live live = {0};
	struct mz_cause cause = {""};
	size_t at = 0;

	(void)state;
	first();
	at = message.w.len;
	put_raw("\6_dmarc\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\2\1a", 21);
	put_raw("\xc0\x00\0\x10\0\1\0\0\0\x3c\0\2\1b", 14);
	mz_put16(message.wire + message.w.len - 14, (uint16_t)(0xc000 | at));
	put_raw("\5other\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\2\1c", 20);
	build_rr(&message, 1, SOA_LINE);
	assert_int_equal(feed(walk, &cause), MZ_WALK_DONE);
	assert_int_equal(mz_walk_finish(walk, &live), MZ_OK);
	build_expect(&live.rrs, LINES("_dmarc.example.org. 60 IN TXT \"a\"",
				      "_dmarc.example.org. 60 IN TXT \"b\""));
	assert_int_equal(live.foreign, 1);
	mz_live_clear(&live);
	mz_walk_free(walk);
	mz_rrlist_clear(&slots);
	first(); /* a pointer to itself */
	at = message.w.len;
	put_raw("\xc0\x00\0\x10\0\1\0\0\0\x3c\0\2\1b", 14);
	mz_put16(message.wire + at, (uint16_t)(0xc000 | at));
	expect_bad(MZ_WALK_BAD, "owner name");
	first(); /* into the header */
	put_raw("\xc0\x02\0\x10\0\1\0\0\0\x3c\0\2\1b", 14);
	expect_bad(MZ_WALK_BAD, "owner name");
	first(); /* forwards */
	put_raw("\xff\xff\0\x10\0\1\0\0\0\x3c\0\2\1b", 14);
	expect_bad(MZ_WALK_BAD, "owner name");
}

static void test_large(void **state)
{
	struct mz_rrlist slots = {0};
	struct mz_walk *walk = start(&slots, 2000);
	struct mz_cause cause = {""};
	enum mz_walk_step step = MZ_WALK_MORE;
	unsigned messages = 0;

	(void)state;
	first();
	while ((step = feed(walk, &cause)) == MZ_WALK_MORE) {
		messages++;
		build_start(&message, NULL, 0, MZ_FLAG_AA);
		build_rr(&message, 1, "www.example.org. 60 IN TXT \"some text of some length\"");
	}
	assert_int_equal(step, MZ_WALK_LARGE);
	assert_in_range(messages, 20, 40);
	mz_walk_free(walk);
	mz_rrlist_clear(&slots);
}

/* What we hold is bounded, whatever a server sends at our names. */
static void test_bounded(void **state)
{
	struct mz_rrlist slots = {0};
	struct mz_walk *walk = start(&slots, 0);
	struct mz_cause cause = {""};
	enum mz_walk_step step = MZ_WALK_MORE;
	uint8_t rdata[60000] = {0};
	uint32_t i = 0;

	(void)state;
	first();
	for (i = 0; step == MZ_WALK_MORE && i < 1000; i++) {
		step = feed(walk, &cause);
		mz_put32(rdata, i);
		build_start(&message, NULL, 0, MZ_FLAG_AA);
		mz_writer_rr(&message.w, 1, origin, 65280, MZ_CLASS_IN, 60, rdata, sizeof rdata);
	}
	assert_int_equal(step, MZ_WALK_BAD);
	assert_non_null(strstr(cause.text, "16 MiB"));
	assert_in_range(i, 250, 300);
	mz_walk_free(walk);
	mz_rrlist_clear(&slots);
}

/* Many owners, each found again among many that are not ours, in any case. */
static void test_many(void **state)
{
	struct mz_rrlist slots = {0};
	struct mz_rrlist none = {0};
	struct mz_walk *walk = NULL;
	struct mz_live live = {0};
	struct mz_cause cause = {""};
	char line[128] = "";
	int i = 0;

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(line, sizeof line, "name-number-%d.some.example.org", i * 2);
		build_slot(&slots, line, MZ_TYPE_A);
	}
	assert_int_equal(mz_walk_new(&walk, origin, &slots, 0), MZ_OK);
	first();
	for (i = 0; i < 600; i++) {
		snprintf(line, sizeof line, "NAME-number-%d.Some.EXAMPLE.org. 60 IN A 192.0.2.1",
			 i);
		build_rr(&message, 1, line);
	}
	build_rr(&message, 1, SOA_LINE);
	assert_int_equal(feed(walk, &cause), MZ_WALK_DONE);
	assert_int_equal(mz_walk_finish(walk, &live), MZ_OK);
	assert_int_equal(live.rrs.count, 300);
	assert_int_equal(live.foreign, 300);
	mz_live_clear(&live);
	mz_walk_free(walk);
	/* an owner outside the zone is the caller's mistake */
	build_slot(&slots, "example.com", MZ_TYPE_A);
	assert_int_equal(mz_walk_new(&walk, origin, &slots, 0), MZ_EINVAL);
	assert_int_equal(mz_walk_new(&walk, origin, &none, 0), MZ_OK);
	mz_walk_free(walk);
	mz_rrlist_clear(&slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps),	cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_closing), cmocka_unit_test(test_after_done),
		cmocka_unit_test(test_counts),	cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_large),	cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
