/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the message writer; what it writes is read back with the reader. */
#include "tests/unit/dns/help.h"

static uint8_t buf[MZ_MSG_MAX + 100];

static void an_update(void **state)
{
	struct mz_writer w = {0};
	struct mz_reader r = {0};
	struct mz_name name = {0}, www = name_of("www.example.org"), other = name_of("example.net");
	struct mz_rrview rr = {0};
	uint16_t type = 0, klass = 0;

	(void)state;
	mz_writer_init(&w, buf, sizeof(buf), 0xbeef, MZ_OPCODE_UPDATE << 11);
	mz_writer_question(&w, EXAMPLE, MZ_TYPE_SOA, MZ_CLASS_IN);
	mz_writer_rr(&w, 1, www.wire, MZ_TYPE_A, MZ_CLASS_NONE, 0, NULL, 0);
	mz_writer_rr(&w, 2, www.wire, MZ_TYPE_A, MZ_CLASS_IN, 300, WIRE("\300\0\2\1"), 4);
	mz_writer_rr(&w, 2, EXAMPLE, MZ_TYPE_MX, MZ_CLASS_ANY, 0, NULL, 0);
	mz_writer_rr(&w, 2, other.wire, MZ_TYPE_A, MZ_CLASS_ANY, 0, NULL, 0);
	mz_writer_edns(&w, 1232);
	assert_false(w.full);
	/* header, question, four RRs whose owners end in a pointer or not, OPT */
	assert_int_equal(w.len, 12 + 17 + (6 + 10) + (6 + 14) + (2 + 10) + (13 + 10) + 11);

	assert_int_equal(mz_reader_open(&r, buf, w.len), MZ_OK);
	assert_int_equal(r.id, 0xbeef);
	assert_int_equal(mz_reader_opcode(&r), MZ_OPCODE_UPDATE);
	assert_int_equal(mz_reader_question(&r, &name, &type, &klass), 1);
	assert_true(mz_name_equal(name.wire, EXAMPLE) && type == MZ_TYPE_SOA &&
		    klass == MZ_CLASS_IN);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_true(rr.section == 1 && rr.klass == MZ_CLASS_NONE && rr.rdlen == 0);
	assert_int_equal(mz_reader_name(&r, rr.owner, &name), MZ_OK);
	assert_true(mz_name_equal(name.wire, www.wire));
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_true(rr.section == 2 && rr.ttl == 300 && rr.rdlen == 4 && rr.type == MZ_TYPE_A);
	assert_memory_equal(rr.rdata, "\300\0\2\1", 4);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_int_equal(mz_reader_name(&r, rr.owner, &name), MZ_OK);
	assert_true(mz_name_equal(name.wire, EXAMPLE));
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_int_equal(mz_reader_name(&r, rr.owner, &name), MZ_OK);
	assert_true(mz_name_equal(name.wire, other.wire));
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_true(rr.section == 3 && rr.type == MZ_TYPE_OPT && rr.klass == 1232);
	assert_int_equal(mz_reader_rr(&r, &rr), 0);
	assert_int_equal(r.pos, w.len);
}

static void the_root_zone_is_not_compressed_to(void **state)
{
	struct mz_writer w = {0};

	(void)state;
	mz_writer_init(&w, buf, sizeof(buf), 0, 0);
	mz_writer_question(&w, WIRE(""), MZ_TYPE_SOA, MZ_CLASS_IN);
	mz_writer_rr(&w, 2, EXAMPLE, MZ_TYPE_A, MZ_CLASS_ANY, 0, NULL, 0);
	assert_int_equal(w.len, 12 + 5 + 13 + 10);
}

/* At each size of the buffer: nothing is written past it, and what stands is whole. */
static void what_does_not_fit_is_left_out(void **state)
{
	struct mz_name www = name_of("www.example.org");

	(void)state;
	for (size_t cap = 0; cap < 70; cap++) {
		uint8_t *exact = malloc(cap > 0 ? cap : 1);
		struct mz_writer w = {0};
		struct mz_reader r = {0};
		struct mz_rrview rr = {0};
		unsigned rrs = 0;

		assert_non_null(exact);
		mz_writer_init(&w, exact, cap, 1, 0);
		mz_writer_question(&w, EXAMPLE, MZ_TYPE_SOA, MZ_CLASS_IN);
		mz_writer_rr(&w, 2, www.wire, MZ_TYPE_A, MZ_CLASS_IN, 300, WIRE("\300\0\2\1"), 4);
		mz_writer_rr(&w, 2, EXAMPLE, MZ_TYPE_A, MZ_CLASS_ANY, 0, NULL, 0);
		assert_int_equal(w.full, cap < 12 + 17 + 20 + 12);
		assert_true(w.len <= cap);
		if (cap >= MZ_MSG_HEADER) {
			assert_int_equal(mz_reader_open(&r, exact, w.len), MZ_OK);
			while (mz_reader_rr(&r, &rr) == 1)
				rrs++;
			assert_int_equal(r.pos, w.len);
			assert_int_equal(rrs, (cap >= 12 + 17 + 20) + (cap >= 12 + 17 + 20 + 12));
		}
		free(exact);
	}
}

static void no_more_than_a_message_can_hold(void **state)
{
	struct mz_writer w = {0};
	static uint8_t rdata[UINT16_MAX];

	(void)state;
	mz_writer_init(&w, buf, sizeof(buf), 1, 0);
	mz_writer_question(&w, EXAMPLE, MZ_TYPE_SOA, MZ_CLASS_IN);
	mz_writer_rr(&w, 2, EXAMPLE, 65280, MZ_CLASS_IN, 0, rdata, MZ_MSG_MAX - 12 - 17 - 12);
	assert_false(w.full);
	assert_int_equal(w.len, MZ_MSG_MAX);
	mz_writer_rr(&w, 2, EXAMPLE, 65280, MZ_CLASS_IN, 0, NULL, 0);
	assert_true(w.full);
	assert_int_equal(w.len, MZ_MSG_MAX);
	assert_int_equal(mz_get16(buf + 8), 1);
}

static void full_stays_full(void **state)
{
	struct mz_writer w = {0};

	(void)state;
	mz_writer_init(&w, buf, 40, 1, 0);
	mz_writer_question(&w, EXAMPLE, MZ_TYPE_SOA, MZ_CLASS_IN);
	mz_writer_rr(&w, 2, EXAMPLE, MZ_TYPE_A, MZ_CLASS_IN, 0, WIRE("\1\2\3\4"), 4);
	assert_true(w.full);
	mz_writer_edns(&w, 512); /* would fit */
	assert_true(w.full);
	assert_int_equal(w.len, 29);
	assert_int_equal(mz_get16(buf + 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_update),
		cmocka_unit_test(the_root_zone_is_not_compressed_to),
		cmocka_unit_test(what_does_not_fit_is_left_out),
		cmocka_unit_test(no_more_than_a_message_can_hold),
		cmocka_unit_test(full_stays_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
