/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes the message reader and what is done with the rdata it gives: text, order, equality. */

#include <stdlib.h>
#include <string.h>

#include "mailzone/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The RR before, kept to compare with. */
static struct {
	uint8_t rdata[MZ_MSG_MAX];
	size_t rdlen;
	uint16_t type;
} last;

static void require(int condition)
{
	if (!condition)
		abort();
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* What every name must be that the reader gives: whole, lower case, and the same in text. */
static void check_name(const struct mz_name *name)
{
	char text[MZ_NAME_TEXT] = "";
	struct mz_name again = {0};

	require(name->len > 0 && name->len == mz_name_len(name->wire));
	require(mz_name_equal(name->wire, name->wire) &&
		mz_name_compare(name->wire, name->wire) == 0);
	require(mz_name_within(name->wire, mz_name_parent(name->wire)));
	for (unsigned i = 0; i < name->len; i++)
		require(name->wire[i] < 'A' || name->wire[i] > 'Z');
	mz_name_to_text(name->wire, text);
	require(strlen(text) < MZ_NAME_TEXT);
	/* Names with spaces or octets that are not ASCII are read from the network, not from text. */
	if (mz_name_from_text(&again, text, NULL, NULL) == MZ_OK)
		require(again.len == name->len && memcmp(again.wire, name->wire, again.len) == 0);
}

static void check_pair(uint16_t type, const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	int order = mz_rdata_compare(type, a, alen, b, blen);
	bool same = mz_rdata_same(type, a, alen, b, blen);

	require(sign(order) == -sign(mz_rdata_compare(type, b, blen, a, alen)));
	require(same == mz_rdata_same(type, b, blen, a, alen));
	if (order == 0 && type != MZ_TYPE_TXT && type != MZ_TYPE_CAA)
		require(same);
}

static void check_txt(const uint8_t *rdata, size_t rdlen)
{
	struct mz_str joined = {0};

	if (mz_txt_join(rdata, rdlen, &joined))
		require(joined.len < rdlen && !joined.failed);
	mz_str_clear(&joined);
}

/* Expanded rdata that has names must be what it was when it is read again by itself. */
static void check_rdata(uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	struct mz_reader plain = {.wire = rdata, .len = rdlen};
	struct mz_rrview view = {.rdata = rdata, .type = type, .rdlen = (uint16_t)rdlen};
	uint8_t *again = malloc(rdlen + 1);
	struct mz_str text = {0};

	require(again != NULL);
	require(mz_reader_rdata(&plain, &view, again, rdlen) == (long)rdlen);
	require(rdlen == 0 || memcmp(again, rdata, rdlen) == 0);
	if (rdlen > 0)
		require(mz_reader_rdata(&plain, &view, again, rdlen - 1) == MZ_ESPACE);
	free(again);

	mz_rdata_to_text(type, rdata, rdlen, &text);
	require(!text.failed && text.len > 0 && strlen(text.s) == text.len);
	mz_str_clear(&text);
	check_txt(rdata, rdlen);
	require(mz_rdata_compare(type, rdata, rdlen, rdata, rdlen) == 0);
	require(mz_rdata_same(type, rdata, rdlen, rdata, rdlen));
	check_pair(type, rdata, rdlen, last.rdata, last.rdlen);
	check_pair(last.type, rdata, rdlen, last.rdata, last.rdlen);
}

static void check_rr(const struct mz_reader *r, const struct mz_rrview *view)
{
	uint8_t *rdata = malloc(MZ_MSG_MAX);
	struct mz_name owner = {0};
	long n = 0;

	require(rdata != NULL && view->section >= 1 && view->section <= 3);
	require(view->owner >= MZ_MSG_HEADER && view->rdata >= r->wire &&
		view->rdata + view->rdlen == r->wire + r->pos && r->pos <= r->len);
	if (mz_reader_name(r, view->owner, &owner) == MZ_OK)
		check_name(&owner);
	n = mz_reader_rdata(r, view, rdata, MZ_MSG_MAX);
	require(n >= 0 || n == MZ_ESYNTAX || n == MZ_ESPACE);
	if (n >= 0 && n <= UINT16_MAX) {
		uint8_t *exact = malloc((size_t)n + 1);

		require(exact != NULL);
		memcpy(exact, rdata, (size_t)n);
		exact = realloc(exact, n > 0 ? (size_t)n : 1);
		require(exact != NULL);
		check_rdata(view->type, exact, (size_t)n);
		free(exact);
		memcpy(last.rdata, rdata, (size_t)n);
		last.rdlen = (size_t)n;
		last.type = view->type;
	}
	free(rdata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mz_reader r = {0}, skipping = {0};
	struct mz_rrview view = {0}, other = {0};
	struct mz_name name = {0};
	uint16_t type = 0, klass = 0;
	unsigned long rrs = 0;
	int step = 0;

	last.rdlen = 0;
	if (mz_reader_open(&r, data, size) != MZ_OK) {
		require(size < MZ_MSG_HEADER || size > MZ_MSG_MAX);
		return 0;
	}
	skipping = r;
	while ((step = mz_reader_question(&r, &name, &type, &klass)) == 1)
		check_name(&name);
	if (step == 0) /* skipping is the more tolerant of the two */
		require(mz_reader_skip_questions(&skipping) == MZ_OK && skipping.pos == r.pos);
	while ((step = mz_reader_rr(&r, &view)) == 1) {
		require(mz_reader_rr(&skipping, &other) == 1 && other.owner == view.owner);
		check_rr(&r, &view);
		rrs++;
	}
	if (step == 0)
		require(rrs == (unsigned long)r.count[1] + r.count[2] + r.count[3] &&
			mz_reader_rr(&r, &view) == 0);
	return 0;
}
