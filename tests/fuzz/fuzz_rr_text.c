/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes zone-file syntax: what is read is well formed, and reads the same when it was printed. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailzone/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t origin[] = "\7example\3org";

static void require(int condition)
{
	if (!condition)
		abort();
}

/* The octets must bear the reader's own doubts: names whole, addresses of their length. */
static void check_form(const struct mz_rr *rr)
{
	struct mz_reader plain = {.wire = rr->rdata, .len = rr->rdlen};
	struct mz_rrview view = {.rdata = rr->rdata, .type = rr->type, .rdlen = rr->rdlen};
	uint8_t *again = malloc((size_t)rr->rdlen + 1);

	require(again != NULL);
	require(mz_reader_rdata(&plain, &view, again, rr->rdlen) == (long)rr->rdlen);
	require(mz_name_len(rr->owner) <= MZ_NAME_MAX);
	free(again);
}

static void check_round_trip(const struct mz_rr *rr)
{
	struct mz_rrlist list = {0};
	struct mz_str text = {0};
	struct mz_cause cause = {{0}};

	mz_rr_to_text(rr, &text);
	require(!text.failed);
	if (mz_rr_from_text(&list, text.s, NULL, 7, NULL, &cause) != MZ_OK) {
		fprintf(stderr, "printed as: %.400s\nrefused: %s\n", text.s, cause.text);
		abort();
	}
	require(list.count == 1 && list.rr[0].ttl == rr->ttl && list.rr[0].type == rr->type);
	require(mz_name_equal(list.rr[0].owner, rr->owner));
	if (list.rr[0].rdlen != rr->rdlen ||
	    (rr->rdlen > 0 && memcmp(list.rr[0].rdata, rr->rdata, rr->rdlen) != 0)) {
		fprintf(stderr, "another record when read again: %.400s\n", text.s);
		abort();
	}
	mz_str_clear(&text);
	mz_rrlist_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mz_cause cause = {{0}};
	struct mz_rrlist list = {0};
	char *line = malloc(size + 1);
	int err = MZ_OK;

	require(line != NULL);
	if (size > 0)
		memcpy(line, data, size);
	line[size] = '\0';
	err = mz_rr_from_text(&list, line, size % 2 != 0 ? origin : NULL, 3600, NULL, &cause);
	if (err == MZ_OK) {
		require(list.count == 1 && cause.text[0] == '\0');
		check_form(&list.rr[0]);
		check_round_trip(&list.rr[0]);
	} else {
		require(list.count == 0 && cause.text[0] != '\0');
	}
	mz_rrlist_clear(&list);
	free(line);
	return 0;
}
