/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the message reader. */
#include "tests/unit/dns/help.h"

/* A message built octet by octet; counts are set at the end. */
struct message {
	uint8_t wire[MZ_MSG_MAX + 1];
	size_t len;
};

static void put(struct message *m, const char *octets, size_t n)
{
	memcpy(m->wire + m->len, octets, n);
	m->len += n;
}
#define PUT(m, literal) put(m, literal, sizeof(literal) - 1)

static void start(struct message *m, uint16_t questions, uint16_t answers)
{
	memset(m, 0, sizeof(*m));
	m->len = MZ_MSG_HEADER;
	mz_put16(m->wire, 0x1234);
	mz_put16(m->wire + 2, MZ_FLAG_QR | MZ_FLAG_AA | 3);
	mz_put16(m->wire + 4, questions);
	mz_put16(m->wire + 6, answers);
}

static void put_rr(struct message *m, const char *owner, size_t owner_len, uint16_t type,
		   const char *rdata, size_t rdlen)
{
	uint8_t fixed[10] = {0};

	mz_put16(fixed, type);
	mz_put16(fixed + 2, MZ_CLASS_IN);
	mz_put32(fixed + 4, 300);
	mz_put16(fixed + 8, (uint16_t)rdlen);
	put(m, owner, owner_len);
	put(m, (const char *)fixed, sizeof(fixed));
	put(m, rdata, rdlen);
}
#define PUT_RR(m, owner, type, rdata)                                                              \
	put_rr(m, owner, sizeof(owner) - 1, type, rdata, sizeof(rdata) - 1)

static struct message msg;

static void header(void **state)
{
	struct mz_reader r = {0};
	struct mz_rrview rr = {0};

	(void)state;
	start(&msg, 0, 0);
	assert_int_equal(mz_reader_open(&r, msg.wire, 11), MZ_ESYNTAX);
	assert_int_equal(mz_reader_open(&r, NULL, 0), MZ_ESYNTAX);
	assert_int_equal(mz_reader_open(&r, msg.wire, MZ_MSG_MAX + 1), MZ_ESYNTAX);
	assert_int_equal(mz_reader_open(&r, msg.wire, 12), MZ_OK);
	assert_int_equal(r.id, 0x1234);
	assert_int_equal(mz_reader_opcode(&r), MZ_OPCODE_QUERY);
	assert_int_equal(mz_reader_rcode(&r), MZ_RCODE_NXDOMAIN);
	assert_true((r.flags & MZ_FLAG_AA) != 0 && (r.flags & MZ_FLAG_TC) == 0);
	assert_int_equal(mz_reader_rr(&r, &rr), 0);
	assert_int_equal(mz_reader_rr(&r, &rr), 0);
}

static void a_whole_answer(void **state)
{
	struct mz_reader r = {0};
	struct mz_name name = {0};
	struct mz_rrview rr = {0};
	uint16_t type = 0, klass = 0;
	uint8_t rdata[64] = {0};

	(void)state;
	start(&msg, 1, 2);
	mz_put16(msg.wire + 10, 1);
	PUT(&msg, "\7Example\3ORG\0\0\377\0\1");
	PUT_RR(&msg, "\xc0\x0c", MZ_TYPE_MX, "\0\12\4Mail\xc0\x0c");
	PUT_RR(&msg, "\3www\xc0\x0c", MZ_TYPE_A, "\300\0\2\1");
	PUT_RR(&msg, "\0", MZ_TYPE_OPT, "");
	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	assert_int_equal(mz_reader_question(&r, &name, &type, &klass), 1);
	assert_true(name.len == 13 && memcmp(name.wire, EXAMPLE, 13) == 0); /* in lower case */
	assert_true(type == MZ_TYPE_ANY && klass == MZ_CLASS_IN);
	assert_int_equal(mz_reader_question(&r, &name, &type, &klass), 0);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_true(rr.section == 1 && rr.type == MZ_TYPE_MX && rr.ttl == 300 && rr.rdlen == 9);
	assert_int_equal(mz_reader_rdata(&r, &rr, rdata, sizeof(rdata)), 20);
	assert_memory_equal(rdata, "\0\12\4Mail\7Example\3ORG", 20); /* with its letters */
	assert_int_equal(mz_reader_rdata(&r, &rr, rdata, 20), 20);
	for (size_t cap = 0; cap < 20; cap++)
		assert_int_equal(mz_reader_rdata(&r, &rr, rdata, cap), MZ_ESPACE);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_int_equal(mz_reader_name(&r, rr.owner, &name), MZ_OK);
	assert_memory_equal(name.wire, "\3www\7example\3org", 17);
	assert_int_equal(mz_reader_rdata(&r, &rr, rdata, 3), MZ_ESPACE);
	assert_int_equal(mz_reader_rdata(&r, &rr, rdata, 4), 4);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_true(rr.section == 3 && rr.type == MZ_TYPE_OPT && rr.rdlen == 0);
	assert_int_equal(mz_reader_rdata(&r, &rr, rdata, 0), 0);
	assert_int_equal(mz_reader_rr(&r, &rr), 0);
}

static void questions_are_skipped_for_the_rrs(void **state)
{
	struct mz_reader r = {0};
	struct mz_rrview rr = {0};

	(void)state;
	start(&msg, 2, 1);
	PUT(&msg, "\1a\0\0\1\0\1\1b\0\0\1\0\1");
	PUT_RR(&msg, "\0", 65280, "x");
	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	assert_int_equal(rr.type, 65280);
	assert_int_equal(mz_reader_open(&r, msg.wire, 20), MZ_OK);
	assert_int_equal(mz_reader_skip_questions(&r), MZ_ESYNTAX);
	assert_int_equal(mz_reader_rr(&r, &rr), MZ_ESYNTAX);
}

/* At each length short of the whole, a message of valid counts is malformed and nothing is read
 * past its end (a copy of just that length, for the sanitizers). */
static void cut_short(void **state)
{
	struct mz_name name = {0};
	struct mz_rrview rr = {0};
	uint16_t type = 0, klass = 0;

	(void)state;
	start(&msg, 1, 1);
	PUT(&msg, "\7example\3org\0\0\17\0\1");
	PUT_RR(&msg, "\xc0\x0c", MZ_TYPE_MX, "\0\12\4mail\xc0\x0c");
	for (size_t len = MZ_MSG_HEADER; len < msg.len; len++) {
		uint8_t *cut = malloc(len);
		struct mz_reader r = {0};
		int step = 0;

		assert_non_null(cut);
		memcpy(cut, msg.wire, len);
		assert_int_equal(mz_reader_open(&r, cut, len), MZ_OK);
		step = mz_reader_question(&r, &name, &type, &klass);
		if (step == 1)
			step = mz_reader_rr(&r, &rr);
		assert_int_equal(step, MZ_ESYNTAX);
		free(cut);
	}
}

/* The name at the first octet behind the header. */
static int name_at_start(struct mz_name *name)
{
	struct mz_reader r = {0};

	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	return mz_reader_name(&r, MZ_MSG_HEADER, name);
}

static void pointers_point_backwards(void **state)
{
	struct mz_name name = {0};
	struct mz_reader r = {0};

	(void)state;
	start(&msg, 0, 1);
	PUT(&msg, "\xc0\x0c"); /* to itself */
	assert_int_equal(name_at_start(&name), MZ_ESYNTAX);
	start(&msg, 0, 1);
	PUT(&msg, "\xc0\x0e\0"); /* forwards */
	assert_int_equal(name_at_start(&name), MZ_ESYNTAX);
	start(&msg, 0, 1);
	PUT(&msg, "\xc0\x04"); /* into the header */
	assert_int_equal(name_at_start(&name), MZ_ESYNTAX);
	start(&msg, 0, 1);
	PUT(&msg, "\1a\xc0\x0c"); /* back to the name's own start: a loop */
	assert_int_equal(name_at_start(&name), MZ_ESYNTAX);
	start(&msg, 0, 1);
	PUT(&msg, "\1a\0\1b\xc0\x0c\1c\xc0\x0f"); /* two steps back */
	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	assert_int_equal(mz_reader_name(&r, 19, &name), MZ_OK);
	assert_memory_equal(name.wire, "\1c\1b\1a", 7);
	start(&msg, 0, 1);
	PUT(&msg, "\1a\xc0"); /* half a pointer */
	assert_int_equal(name_at_start(&name), MZ_ESYNTAX);
	assert_int_equal(mz_reader_name(&r, MZ_MSG_MAX, &name), MZ_ESYNTAX);
}

static void long_chains_of_pointers_are_refused(void **state)
{
	struct mz_reader r = {0};
	struct mz_name name = {0};
	uint8_t pointer[2] = {0};

	(void)state;
	start(&msg, 0, 1);
	PUT(&msg, "\1a\0");
	for (unsigned i = 0; i < 1000; i++) {
		mz_put16(pointer, (uint16_t)(0xc000 | (i == 0 ? 12 : msg.len - 2)));
		put(&msg, (const char *)pointer, 2);
	}
	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	assert_int_equal(mz_reader_name(&r, 15 + 2 * 126, &name), MZ_OK);
	assert_int_equal(mz_reader_name(&r, 15 + 2 * 127, &name), MZ_ESYNTAX);
	assert_int_equal(mz_reader_name(&r, msg.len - 2, &name), MZ_ESYNTAX);
}

/* The most labels that a name can have, a pointer before each. */
static void honest_chains_are_read(void **state)
{
	struct mz_reader r = {0};
	struct mz_name name = {0};
	size_t at = MZ_MSG_HEADER;

	(void)state;
	start(&msg, 0, 1);
	PUT(&msg, "\1a\0");
	for (int i = 1; i < 127; i++) {
		uint8_t label[4] = {1, 'a', 0, 0};

		mz_put16(label + 2, (uint16_t)(0xc000 | at));
		at = msg.len;
		put(&msg, (const char *)label, 4);
	}
	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	assert_int_equal(mz_reader_name(&r, at, &name), MZ_OK);
	assert_int_equal(name.len, 255);
}

static void long_names(void **state)
{
	struct mz_name name = {0};
	char label[64] = "";

	(void)state;
	label[0] = 63;
	memset(label + 1, 'a', 63);
	start(&msg, 0, 1);
	for (int i = 0; i < 3; i++)
		put(&msg, label, 64);
	label[0] = 61;
	put(&msg, label, 62);
	PUT(&msg, "\0");
	assert_int_equal(name_at_start(&name), MZ_OK);
	assert_int_equal(name.len, 255);
	msg.len -= 63;
	label[0] = 62;
	put(&msg, label, 63);
	PUT(&msg, "\0");
	assert_int_equal(name_at_start(&name), MZ_ESYNTAX);
	start(&msg, 0, 1);
	label[0] = 64;
	put(&msg, label, 64);
	PUT(&msg, "a\0");
	assert_int_equal(name_at_start(&name), MZ_ESYNTAX);
}

/* What mz_reader_rdata says of one RR of this type and data. */
static long expanded(uint16_t type, const char *rdata, size_t rdlen)
{
	static uint8_t out[2048];
	struct mz_reader r = {0};
	struct mz_rrview rr = {0};

	start(&msg, 0, 1);
	put_rr(&msg, "\7example\3org", 13, type, rdata, rdlen);
	PUT(&msg, "\0\0\0\0\0\0\0\0"); /* more follows: it must not be taken for rdata */
	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	assert_int_equal(mz_reader_rr(&r, &rr), 1);
	return mz_reader_rdata(&r, &rr, out, sizeof(out));
}
#define EXPANDED(type, rdata) expanded(type, rdata, sizeof(rdata) - 1)

static void rdata_of_its_type(void **state)
{
	(void)state;
	assert_int_equal(EXPANDED(MZ_TYPE_A, "\1\2\3\4"), 4);
	assert_int_equal(EXPANDED(MZ_TYPE_A, "\1\2\3\4\5"), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(MZ_TYPE_A, ""), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(MZ_TYPE_AAAA, "0123456789abcdef"), 16);
	assert_int_equal(EXPANDED(MZ_TYPE_AAAA, "0123456789abcde"), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(MZ_TYPE_NS, "\2ns\xc0\x0c"), 16);
	assert_int_equal(EXPANDED(MZ_TYPE_NS, "\2ns"), MZ_ESYNTAX); /* ends behind the RDLENGTH */
	assert_int_equal(EXPANDED(MZ_TYPE_NS, "\2ns\0x"), MZ_ESYNTAX); /* octets left over */
	assert_int_equal(EXPANDED(MZ_TYPE_NS, ""), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(MZ_TYPE_MX, "\0\12\0"), 3);
	assert_int_equal(EXPANDED(MZ_TYPE_MX, "\0\12"), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(MZ_TYPE_MX, "\0"), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(MZ_TYPE_SRV, "\0\0\0\0\0\0\xc0\x0c"), 19);
	assert_int_equal(EXPANDED(MZ_TYPE_SOA, "\xc0\x0c\0"
					       "aaaabbbbccccddddeeee"),
			 34);
	assert_int_equal(EXPANDED(MZ_TYPE_SOA, "\xc0\x0c\0"
					       "aaaabbbbccccddddeee"),
			 MZ_ESYNTAX);
	assert_int_equal(EXPANDED(35, "\0\1\0\1\1u\1s\0\0"), 10);
	assert_int_equal(EXPANDED(35, "\0\1\0\1\1u\1s"), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(35, "\0\1\0\1\1u\1s\0"), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(35, "\0\1\0\1\1u\100s\0\0"), MZ_ESYNTAX);
	assert_int_equal(EXPANDED(MZ_TYPE_TXT, "\377x"), 2); /* strings are the reader's no more */
	assert_int_equal(EXPANDED(65280, ""), 0);
}

/* As many RRs as fit, and counts that promise more. */
static void the_most_rrs(void **state)
{
	struct mz_reader r = {0};
	struct mz_rrview rr = {0};
	unsigned n = 0;

	(void)state;
	start(&msg, 0, UINT16_MAX);
	while (msg.len + 11 <= MZ_MSG_MAX)
		PUT_RR(&msg, "\0", 65280, "");
	assert_int_equal(mz_reader_open(&r, msg.wire, msg.len), MZ_OK);
	while (mz_reader_rr(&r, &rr) == 1)
		n++;
	assert_int_equal(n, (MZ_MSG_MAX - MZ_MSG_HEADER) / 11);
	assert_int_equal(mz_reader_rr(&r, &rr), MZ_ESYNTAX); /* more were promised */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),
		cmocka_unit_test(a_whole_answer),
		cmocka_unit_test(questions_are_skipped_for_the_rrs),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(pointers_point_backwards),
		cmocka_unit_test(long_chains_of_pointers_are_refused),
		cmocka_unit_test(honest_chains_are_read),
		cmocka_unit_test(long_names),
		cmocka_unit_test(rdata_of_its_type),
		cmocka_unit_test(the_most_rrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
