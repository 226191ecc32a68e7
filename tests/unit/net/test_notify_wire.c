/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of NOTIFY messages: what is taken, what is answered with which fault, how long answers are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "src/net/notify_wire.h"
#include "tests/unit/net/notify.h"

#define NOW 1700000000u

static struct tsig_key *key;
static struct notify_in in;
static uint8_t request[2048], wire[2048], out[NOTIFY_ANSWER];
static size_t request_len, out_len;
static unsigned lookups;

static const struct tsig_key *look_up(void *arg, const char *name)
{
	assert_ptr_equal(arg, &lookups);
	lookups++;
	return strcmp(name, tsig_key_name(key)) == 0 ? key : NULL;
}

static int setup(void **state)
{
	(void)state;
	key = notify_new_key("mail-update");
	assert_non_null(key);
	request_len = notify_request(request, sizeof request, true);
	lookups = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tsig_key_free(key);
	return 0;
}

/* Reads a copy of just the octets of the request; what is to be answered is answered. */
static enum notify_kind read_it(void)
{
	uint8_t *copy = malloc(request_len > 0 ? request_len : 1);
	enum notify_kind kind = NOTIFY_IGNORED;

	assert_non_null(copy);
	memcpy(copy, request, request_len);
	kind = notify_read(&in, copy, request_len, NOW, look_up, &lookups);
	out_len = 0;
	if (kind != NOTIFY_IGNORED) {
		out_len = notify_write(&in, copy, NOW, out);
		assert_in_range(out_len, MZ_MSG_HEADER, request_len + 536);
		assert_memory_equal(out, request, 2);
		assert_int_equal(out[2], (request[2] & 0x7c) | 0x80);
	}
	free(copy);
	return kind;
}

/* A fault that is answered with the question, or with no more than a header. */
static void assert_fault(enum mz_rcode rcode, bool question)
{
	assert_int_equal(read_it(), NOTIFY_ANSWERED);
	assert_int_equal(out[3], rcode);
	assert_int_equal(out[5], question);
	assert_int_equal(out[11], 0);
	assert_int_equal(out_len, MZ_MSG_HEADER + (question ? sizeof notify_zone + 4 : 0));
}

static struct tsig_mac sign(const struct tsig_key *with, uint64_t now)
{
	struct tsig_mac mac = {0};

	assert_int_equal(tsig_sign(with, request, &request_len, sizeof request, now, &mac),
			 TSIG_OK);
	return mac;
}

static void plain(void **state)
{
	static const uint8_t lower[] = "\7example\3org";

	(void)state;
	assert_int_equal(read_it(), NOTIFY_GOOD);
	assert_memory_equal(in.origin.wire, lower, sizeof lower);
	assert_true(in.have_serial);
	assert_int_equal(in.serial, NOTIFY_SERIAL);
	assert_null(in.key);
	assert_int_equal(lookups, 0);
	/* the question comes back as it was, capitals too */
	assert_int_equal(out_len, MZ_MSG_HEADER + sizeof notify_zone + 4);
	assert_memory_equal(out + MZ_MSG_HEADER, request + MZ_MSG_HEADER, sizeof notify_zone + 4);
	assert_int_equal(out[2], 0xa4);
	assert_int_equal(out[3], 0);
	assert_int_equal(out[7], 0);
	request_len = notify_request(request, sizeof request, false);
	assert_int_equal(read_it(), NOTIFY_GOOD);
	assert_false(in.have_serial);
}

static void not_to_be_answered(void **state)
{
	(void)state;
	for (request_len = 0; request_len < MZ_MSG_HEADER; request_len++)
		assert_int_equal(read_it(), NOTIFY_IGNORED);
	request_len = notify_request(request, sizeof request, true);
	request[2] |= 0x80;
	assert_int_equal(read_it(), NOTIFY_IGNORED);
}

static void other_opcodes(void **state)
{
	(void)state;
	for (unsigned opcode = 0; opcode < 16; opcode++) {
		if (opcode == MZ_OPCODE_NOTIFY)
			continue;
		request[2] = (uint8_t)(opcode << 3);
		assert_fault(MZ_RCODE_NOTIMP, false);
	}
}

static void questions(void **state)
{
	size_t type_at = MZ_MSG_HEADER + sizeof notify_zone;

	(void)state;
	request[5] = 0;
	assert_fault(MZ_RCODE_FORMERR, false);
	request[5] = 2;
	assert_fault(MZ_RCODE_FORMERR, false);
	request[5] = 1;
	request[type_at + 1] = MZ_TYPE_MX;
	assert_fault(MZ_RCODE_FORMERR, false);
	request[type_at + 1] = MZ_TYPE_SOA;
	request[type_at + 3] = 3;
	assert_fault(MZ_RCODE_FORMERR, false);
	request[type_at + 3] = MZ_CLASS_IN;
	request[MZ_MSG_HEADER] = 0xc0; /* a pointer with nowhere to point */
	assert_fault(MZ_RCODE_FORMERR, false);
}

/* However it is cut, there is an answer, and no more is read than there is. */
static void cut_short(void **state)
{
	size_t whole = request_len;

	(void)state;
	for (request_len = MZ_MSG_HEADER; request_len < whole; request_len++)
		assert_fault(MZ_RCODE_FORMERR,
			     request_len >= MZ_MSG_HEADER + sizeof notify_zone + 4);
	request_len = whole + 1;
	assert_fault(MZ_RCODE_FORMERR, true);
}

static void odd_records(void **state)
{
	static const uint8_t other[] = "\7example\3net";
	struct mz_writer w = {0};

	(void)state;
	/* the SOA of another zone, and one in another section, say nothing */
	mz_writer_init(&w, request, sizeof request, NOTIFY_ID, NOTIFY_FLAGS);
	mz_writer_question(&w, notify_zone, MZ_TYPE_SOA, MZ_CLASS_IN);
	mz_writer_rr(&w, 1, other, MZ_TYPE_SOA, MZ_CLASS_IN, 300, notify_soa,
		     sizeof notify_soa - 1);
	mz_writer_rr(&w, 2, notify_zone, MZ_TYPE_SOA, MZ_CLASS_IN, 300, notify_soa,
		     sizeof notify_soa - 1);
	mz_writer_edns(&w, 1232);
	request_len = w.len;
	assert_int_equal(read_it(), NOTIFY_GOOD);
	assert_false(in.have_serial);
	/* a SOA that is none */
	for (uint16_t rdlen = 0; rdlen < sizeof notify_soa - 1; rdlen++) {
		mz_writer_init(&w, request, sizeof request, NOTIFY_ID, NOTIFY_FLAGS);
		mz_writer_question(&w, notify_zone, MZ_TYPE_SOA, MZ_CLASS_IN);
		mz_writer_rr(&w, 1, notify_zone, MZ_TYPE_SOA, MZ_CLASS_IN, 300, notify_soa, rdlen);
		request_len = w.len;
		assert_fault(MZ_RCODE_FORMERR, true);
	}
}

static void good_tsig(void **state)
{
	struct tsig_mac mac = sign(key, NOW);
	struct tsig_info info = {0};

	(void)state;
	assert_int_equal(read_it(), NOTIFY_GOOD);
	assert_ptr_equal(in.key, key);
	assert_true(in.have_serial);
	assert_int_equal(lookups, 1);
	assert_int_equal(tsig_verify(key, out, &out_len, &mac, NOW, &info), TSIG_GOOD);
	assert_int_equal(out_len, MZ_MSG_HEADER + sizeof notify_zone + 4);
	/* also when what it signs is malformed */
	request_len = notify_request(request, sizeof request, true) - 1;
	mac = sign(key, NOW);
	request[7] = 0;
	request[11] = 1;
	assert_int_equal(read_it(), NOTIFY_ANSWERED);
	assert_int_equal(in.rcode, MZ_RCODE_FORMERR);
}

/* The TSIG of an unsigned error answer, and its error. */
static uint16_t unsigned_error(enum tsig_verdict want)
{
	struct tsig_mac mac = {0};
	struct tsig_info info = {0};

	assert_int_equal(in.rcode, MZ_RCODE_NOTAUTH);
	assert_int_equal(out[3], MZ_RCODE_NOTAUTH);
	memcpy(wire, out, out_len);
	assert_int_equal(tsig_verify(key, wire, &out_len, &mac, NOW, &info), want);
	assert_int_equal(info.mac_len, 0);
	return info.error;
}

static void bad_key(void **state)
{
	struct tsig_key *other = notify_new_key("other");
	struct tsig_key *sha1 = NULL;

	(void)state;
	(void)sign(other, NOW);
	assert_int_equal(read_it(), NOTIFY_ANSWERED);
	assert_int_equal(unsigned_error(TSIG_WRONG_KEY), 17);
	assert_int_equal(tsig_key_new(&sha1, "mail-update", TSIG_HMAC_SHA1, request, 20), TSIG_OK);
	request_len = notify_request(request, sizeof request, true);
	(void)sign(sha1, NOW);
	assert_int_equal(read_it(), NOTIFY_ANSWERED);
	assert_int_equal(unsigned_error(TSIG_PEER_REJECTED), 17);
	tsig_key_free(other);
	tsig_key_free(sha1);
}

static void bad_signature(void **state)
{
	(void)state;
	(void)sign(key, NOW);
	request[request_len - 7] ^= 1;
	assert_int_equal(read_it(), NOTIFY_ANSWERED);
	assert_int_equal(unsigned_error(TSIG_PEER_REJECTED), 16);
}

static void bad_time(void **state)
{
	struct tsig_mac mac = sign(key, NOW - 301);
	struct tsig_info info = {0};

	(void)state;
	assert_int_equal(read_it(), NOTIFY_ANSWERED);
	assert_int_equal(out[3], MZ_RCODE_NOTAUTH);
	assert_int_equal(tsig_verify(key, out, &out_len, &mac, NOW - 301, &info), TSIG_PEER_ERROR);
	assert_int_equal(info.error, 18);
	assert_true(info.server_time == NOW);
}

/* Octets behind the TSIG, and a MAC of a few octets: no TSIG answers them. */
static void bad_form(void **state)
{
	uint8_t *mac_len = NULL;

	(void)state;
	(void)sign(key, NOW);
	request_len++;
	assert_fault(MZ_RCODE_FORMERR, true);
	request_len--;
	mac_len = request + request_len - 40;
	mac_len[1] = 8;
	memmove(mac_len + 2 + 8, mac_len + 2 + 32, 6);
	mac_len[-22] = (uint8_t)(mac_len[-22] - 24); /* RDLENGTH */
	request_len -= 24;
	assert_fault(MZ_RCODE_FORMERR, true);
	assert_int_equal(in.verdict, TSIG_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, setup, teardown),
		cmocka_unit_test_setup_teardown(not_to_be_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(other_opcodes, setup, teardown),
		cmocka_unit_test_setup_teardown(questions, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_short, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_records, setup, teardown),
		cmocka_unit_test_setup_teardown(good_tsig, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_key, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_signature, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_time, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_form, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
