/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of RR lists as octets: what is written is read, and damage is never more than an error. */
#include "src/store/codec.h"
#include "tests/unit/store/scratch.h"

static void sample(struct mz_rrlist *list)
{
	scratch_rr(list, "example.org", MZ_TYPE_MX, 20, 'm', 1);
	scratch_rr(list, "example.org", MZ_TYPE_TXT, 420, 't', 2);
	scratch_rr(list, "_imaps._tcp.example.org", MZ_TYPE_SRV, 30, 's', 1);
	scratch_rr(list, ".", 65280, 0, 0, 1);
	list->rr[1].ttl = UINT32_MAX;
}

/* Reads a copy that ends where its memory ends, so that reading on is seen. */
static int read_exact(const char *octets, size_t len, struct mz_rrlist *out)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	int err = MZ_OK;

	assert_non_null(copy);
	memcpy(copy, octets, len);
	err = mz_codec_read(copy, len, out);
	free(copy);
	return err;
}

static void round_trip(void **state)
{
	struct mz_rrlist in = {0}, out = {0};
	struct mz_str octets = {0};

	(void)state;
	sample(&in);
	assert_int_equal(mz_codec_add(&octets, &in, NULL), MZ_OK);
	assert_int_equal(read_exact(octets.s, octets.len, &out), MZ_OK);
	scratch_same(&in, &out);
	/* a second list is appended */
	assert_int_equal(read_exact(octets.s, octets.len, &out), MZ_OK);
	assert_int_equal(out.count, 2 * in.count);
	mz_str_clear(&octets);
	mz_rrlist_clear(&in);
	mz_rrlist_clear(&out);
}

static void one_domain(void **state)
{
	struct mz_rrlist in = {0}, out = {0};
	struct mz_str octets = {0};
	const uint16_t two = 2, nine = 9;

	(void)state;
	sample(&in);
	assert_int_equal(mz_codec_add(&octets, &in, &two), MZ_OK);
	assert_int_equal(read_exact(octets.s, octets.len, &out), MZ_OK);
	assert_int_equal(out.count, 1);
	assert_int_equal(out.rr[0].type, MZ_TYPE_TXT);
	assert_int_equal(out.rr[0].domain, 0);
	mz_str_reset(&octets);
	assert_int_equal(mz_codec_add(&octets, &in, &nine), MZ_OK);
	assert_int_equal(octets.len, 5);
	mz_str_reset(&octets);
	assert_int_equal(mz_codec_add(&octets, NULL, NULL), MZ_OK);
	assert_int_equal(read_exact(octets.s, octets.len, &out), MZ_OK);
	assert_int_equal(out.count, 1);
	mz_str_clear(&octets);
	mz_rrlist_clear(&in);
	mz_rrlist_clear(&out);
}

static void known_octets(void **state)
{
	static const char expected[] = "\1\0\0\0\2"
				       "\x09\0\x0f\0\0\x0e\x10\5\3org\0\0\1m"
				       "\x09\0\x10\0\0\x0e\x10\0\0\2tt";
	struct mz_rrlist in = {0};
	struct mz_str octets = {0};

	(void)state;
	scratch_rr(&in, "org", MZ_TYPE_MX, 1, 'm', 1);
	scratch_rr(&in, "org", MZ_TYPE_TXT, 2, 't', 1);
	assert_int_equal(mz_codec_add(&octets, &in, NULL), MZ_OK);
	assert_int_equal(octets.len, sizeof(expected) - 1);
	assert_memory_equal(octets.s, expected, sizeof(expected) - 1);
	mz_str_clear(&octets);
	mz_rrlist_clear(&in);
}

static void every_truncation(void **state)
{
	struct mz_rrlist in = {0}, out = {0};
	struct mz_str octets = {0};

	(void)state;
	sample(&in);
	assert_int_equal(mz_codec_add(&octets, &in, NULL), MZ_OK);
	for (size_t len = 0; len < octets.len; len++) {
		assert_int_equal(read_exact(octets.s, len, &out), MZ_ESTATE);
		assert_int_equal(out.count, 0);
	}
	mz_str_addc(&octets, 'x');
	assert_int_equal(read_exact(octets.s, octets.len, &out), MZ_ESTATE);
	assert_int_equal(mz_codec_read(NULL, 0, &out), MZ_ESTATE);
	mz_str_clear(&octets);
	mz_rrlist_clear(&in);
	mz_rrlist_clear(&out);
}

/* Whatever is read without an error must be fit for use: names that end, families we know. */
static void check_fit(const struct mz_rrlist *list)
{
	char text[MZ_NAME_TEXT] = "";

	for (size_t i = 0; i < list->count; i++) {
		assert_true(mz_name_len(list->rr[i].owner) <= MZ_NAME_MAX);
		assert_true(strlen(mz_name_to_text(list->rr[i].owner, text)) > 0);
		assert_true(list->rr[i].family < MZ_FAMILY_COUNT);
		assert_true(i == 0 || mz_rr_compare(&list->rr[i - 1], &list->rr[i]) <= 0 ||
			    mz_rr_compare(&list->rr[i], &list->rr[i - 1]) <= 0);
	}
}

static void flipped(void **state)
{
	struct mz_rrlist in = {0};
	struct mz_str octets = {0};
	uint32_t seed = 20261123;
	unsigned refused = 0;

	(void)state;
	sample(&in);
	assert_int_equal(mz_codec_add(&octets, &in, NULL), MZ_OK);
	for (unsigned i = 0; i < 40000; i++) {
		struct mz_rrlist out = {0};
		size_t at = 0;
		char was = 0;
		int err = MZ_OK;

		seed = seed * 1664525u + 1013904223u;
		/* the first octets decide most: half of the flips go there */
		at = (seed >> 8) % ((seed & 0x80) != 0 ? 120 : octets.len);
		was = octets.s[at];
		octets.s[at] = (char)(octets.s[at] ^ (1 << (seed >> 28 & 7)));
		err = read_exact(octets.s, octets.len, &out);
		assert_true(err == MZ_OK || (err == MZ_ESTATE && out.count == 0));
		refused += err == MZ_ESTATE;
		check_fit(&out);
		mz_rrlist_clear(&out);
		if ((seed & 0x40) != 0) /* the others stay and add up */
			octets.s[at] = was;
	}
	assert_true(refused > 100);
	mz_str_clear(&octets);
	mz_rrlist_clear(&in);
}

static void crafted(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} bad[] = {
		{"\2\0\0\0\0", 5},				/* version */
		{"\1\xff\xff\xff\xff", 5},			/* count without RRs */
		{"\1\0\0\0\1\1\0\1\0\0\0\0\0\0\0", 15},		/* no owner to repeat */
		{"\1\0\0\0\1\xff\0\1\0\0\0\0\1\0\0\0", 16},	/* family */
		{"\1\0\0\0\1\1\0\1\0\0\0\0\2\0\0\0\0", 17},	/* name ends early */
		{"\1\0\0\0\1\1\0\1\0\0\0\0\2\1a\0\0", 17},	/* name does not end */
		{"\1\0\0\0\1\1\0\1\0\0\0\0\2\xc0\x0c\0\0", 17}, /* pointer */
		{"\1\0\0\0\1\1\0\1\0\0\0\0\1\0\xff\xff"
		 "abc",
		 19}, /* rdata too short */
	};
	struct mz_rrlist out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_exact(bad[i].octets, bad[i].len, &out), MZ_ESTATE);
	assert_int_equal(out.count, 0);
	mz_rrlist_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),	cmocka_unit_test(one_domain),
		cmocka_unit_test(known_octets), cmocka_unit_test(every_truncation),
		cmocka_unit_test(flipped),	cmocka_unit_test(crafted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
