/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the ordered list of RRs. */
#include "tests/unit/dns/help.h"

static void expect_line(const struct mz_rrlist *list, size_t i, const char *line)
{
	struct mz_str text = {0};

	assert_true(i < list->count);
	mz_rr_to_text(&list->rr[i], &text);
	assert_string_equal(text.s, line);
	mz_str_clear(&text);
}

static void ordered_by_owner_type_and_rdata(void **state)
{
	struct mz_rrlist list = {0};

	(void)state;
	add_rr(&list, "b A 192.0.2.1");
	add_rr(&list, "@ TXT z");
	add_rr(&list, "@ MX 20 b");
	add_rr(&list, "@ MX 10 c");
	add_rr(&list, "a A 192.0.2.2");
	add_rr(&list, "x.a A 192.0.2.3");
	mz_rrlist_sort(&list, true);
	assert_int_equal(list.count, 6);
	expect_line(&list, 0, "example.org. 300 IN MX 10 c.example.org.");
	expect_line(&list, 1, "example.org. 300 IN MX 20 b.example.org.");
	expect_line(&list, 2, "example.org. 300 IN TXT \"z\"");
	expect_line(&list, 3, "a.example.org. 300 IN A 192.0.2.2");
	expect_line(&list, 4, "x.a.example.org. 300 IN A 192.0.2.3");
	expect_line(&list, 5, "b.example.org. 300 IN A 192.0.2.1");
	assert_int_equal(mz_rrlist_rrset_end(&list, 0), 2);
	assert_int_equal(mz_rrlist_rrset_end(&list, 2), 3);
	assert_int_equal(mz_rrlist_rrset_end(&list, 5), 6);
	mz_rrlist_clear(&list);
	assert_int_equal(list.count, 0);
	mz_rrlist_clear(&list);
}

static void the_first_of_equal_rrs_is_kept(void **state)
{
	struct mz_rrlist list = {0};
	const struct mz_rr rr = {.owner = EXAMPLE,
				 .type = MZ_TYPE_NS,
				 .rdata = WIRE("\1A"),
				 .rdlen = 3};

	(void)state;
	/* Many, so that an unstable sort would mix them. */
	for (uint32_t i = 0; i < 1000; i++) {
		struct mz_rr copy = rr;

		copy.ttl = i;
		copy.rdata = i % 2 == 0 ? WIRE("\1A") : WIRE("\1a");
		copy.type = i % 3 == 0 ? MZ_TYPE_NS : MZ_TYPE_CNAME;
		assert_int_equal(mz_rrlist_add(&list, &copy), MZ_OK);
	}
	mz_rrlist_sort(&list, false);
	assert_int_equal(list.count, 1000);
	for (size_t i = 1; i < list.count; i++)
		assert_true(list.rr[i].type > list.rr[i - 1].type ||
			    list.rr[i].ttl > list.rr[i - 1].ttl);
	mz_rrlist_sort(&list, true);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rr[0].ttl, 0);
	assert_int_equal(list.rr[1].ttl, 1);
	mz_rrlist_clear(&list);
}

/* A name of up to 5 labels from few octets, so that labels are prefixes of each other, hold NUL, and
 * differ in letter case or behind the eighth octet; some end alike and some do not. */
static void random_name(uint8_t name[MZ_NAME_MAX], unsigned *seed)
{
	static const uint8_t octets[] = {0, 1, 'A', 'a', 'b', 0xff};
	size_t at = 0;

	for (unsigned labels = (*seed = *seed * 1103515245u + 12345u) >> 16 & 3; labels > 0;
	     labels--) {
		unsigned n = 1 + ((*seed = *seed * 1103515245u + 12345u) >> 16) % 11;

		name[at++] = (uint8_t)n;
		for (; n > 0; n--) {
			*seed = *seed * 1103515245u + 12345u;
			name[at++] = n > 3 ? 'a' : octets[(*seed >> 16) % sizeof(octets)];
		}
	}
	if ((*seed >> 20 & 3) != 0)
		memcpy(name + at, "\7example\3org", 13);
	else
		name[at] = 0;
}

/* However long the list is, and whatever the names: each RR is not above the next. */
static void any_names_are_ordered(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct mz_rrlist list = {0};
		size_t count = round % 70;

		for (size_t i = 0; i < count; i++) {
			uint8_t owner[MZ_NAME_MAX] = {0};
			const struct mz_rr rr = {.owner = owner,
						 .type = (uint16_t)(1 + (seed >> 16 & 1)),
						 .rdata = (const uint8_t *)"",
						 .ttl = (uint32_t)i};

			random_name(owner, &seed);
			assert_int_equal(mz_rrlist_add(&list, &rr), MZ_OK);
		}
		mz_rrlist_sort(&list, false);
		assert_int_equal(list.count, count);
		for (size_t i = 1; i < list.count; i++) {
			int d = mz_rr_compare(&list.rr[i - 1], &list.rr[i]);

			assert_true(d < 0 || (d == 0 && list.rr[i - 1].ttl < list.rr[i].ttl));
		}
		mz_rrlist_clear(&list);
	}
}

static void octets_are_copied(void **state)
{
	struct mz_rrlist list = {0};
	uint8_t owner[] = "\7example\3org", rdata[] = {192, 0, 2, 1};
	struct mz_rr rr = {.owner = owner,
			   .rdata = rdata,
			   .rdlen = 4,
			   .type = MZ_TYPE_A,
			   .ttl = 60,
			   .domain = 7,
			   .family = 3,
			   .claim = 2};

	(void)state;
	assert_int_equal(mz_rrlist_add(&list, &rr), MZ_OK);
	memset(owner, 'x', sizeof(owner));
	memset(rdata, 'x', sizeof(rdata));
	expect_line(&list, 0, "example.org. 60 IN A 192.0.2.1");
	assert_int_equal(list.rr[0].domain, 7);
	assert_int_equal(list.rr[0].family, 3);
	assert_int_equal(list.rr[0].claim, 2);
	mz_rrlist_clear(&list);
}

static void an_rr_of_the_list_itself_can_be_added(void **state)
{
	struct mz_rrlist list = {0};

	(void)state;
	add_rr(&list, "www A 192.0.2.1");
	for (int i = 0; i < 100; i++)
		assert_int_equal(mz_rrlist_add(&list, &list.rr[0]), MZ_OK);
	expect_line(&list, 100, "www.example.org. 300 IN A 192.0.2.1");
	mz_rrlist_sort(&list, true);
	assert_int_equal(list.count, 1);
	mz_rrlist_clear(&list);
}

static void rdata_may_be_empty(void **state)
{
	struct mz_rrlist list = {0};
	const struct mz_rr rr = {.owner = EXAMPLE, .type = 65280};

	(void)state;
	assert_int_equal(mz_rrlist_add(&list, &rr), MZ_OK);
	assert_int_equal(list.rr[0].rdlen, 0);
	assert_non_null(list.rr[0].rdata);
	mz_rrlist_clear(&list);
}

static void finding(void **state)
{
	struct mz_rrlist list = {0};
	struct mz_name a = name_of("a.example.org"), m = name_of("M.example.org"),
		       z = name_of("z.example.org");

	(void)state;
	assert_int_equal(mz_rrlist_find(&list, a.wire, 0), 0);
	add_rr(&list, "a A 192.0.2.1");
	add_rr(&list, "a TXT x");
	add_rr(&list, "m MX 1 a");
	add_rr(&list, "m MX 2 a");
	mz_rrlist_sort(&list, false);
	assert_int_equal(mz_rrlist_find(&list, EXAMPLE, 0), 0);
	assert_int_equal(mz_rrlist_find(&list, a.wire, 0), 0);
	assert_int_equal(mz_rrlist_find(&list, a.wire, MZ_TYPE_MX), 1);
	assert_int_equal(mz_rrlist_find(&list, a.wire, MZ_TYPE_TXT), 1);
	assert_int_equal(mz_rrlist_find(&list, a.wire, MZ_TYPE_CAA), 2);
	assert_int_equal(mz_rrlist_find(&list, m.wire, 0), 2);
	assert_int_equal(mz_rrlist_find(&list, m.wire, MZ_TYPE_MX), 2);
	assert_int_equal(mz_rrlist_find(&list, z.wire, 0), 4);
	mz_rrlist_clear(&list);
}

static void ttl_is_no_part_of_the_order(void **state)
{
	const struct mz_rr a = {.owner = EXAMPLE,
				.type = 1,
				.rdata = WIRE("aaaa"),
				.rdlen = 4,
				.ttl = 1};
	struct mz_rr b = a;

	(void)state;
	b.ttl = 2;
	b.family = 1;
	b.owner = WIRE("\7EXAMPLE\3org");
	assert_int_equal(mz_rr_compare(&a, &b), 0);
	b.type = 65535;
	assert_true(mz_rr_compare(&a, &b) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordered_by_owner_type_and_rdata),
		cmocka_unit_test(the_first_of_equal_rrs_is_kept),
		cmocka_unit_test(any_names_are_ordered),
		cmocka_unit_test(octets_are_copied),
		cmocka_unit_test(an_rr_of_the_list_itself_can_be_added),
		cmocka_unit_test(rdata_may_be_empty),
		cmocka_unit_test(finding),
		cmocka_unit_test(ttl_is_no_part_of_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
