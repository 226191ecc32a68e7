/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes the AXFR walker with a stream of framed messages, and the reader of single answers. */

#include <stdlib.h>
#include <string.h>

#include "mailzone/live.h"
#include "src/live/answer.h"
#include "src/live/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t origin[] = "\7example\3org";
static struct mz_rrlist slots;

static void add_slot(const char *text, uint16_t type)
{
	struct mz_name owner = {0};
	struct mz_rr rr = {.owner = owner.wire, .rdata = (const uint8_t *)"", .type = type};

	if (mz_name_from_text(&owner, text, origin, NULL) != MZ_OK ||
	    mz_rrlist_add(&slots, &rr) != MZ_OK)
		abort();
}

static void make_slots(void)
{
	if (slots.count > 0)
		return;
	add_slot("@", MZ_TYPE_MX);
	add_slot("_dmarc", MZ_TYPE_TXT);
	add_slot("x.dn", MZ_TYPE_TXT);
	add_slot("a.sub", MZ_TYPE_CNAME);
	mz_rrlist_sort(&slots, true);
}

/* A look at a name must agree with its expansion: length, and whether it is in the zone. */
static void check_name(struct live_names *names, const struct mz_reader *r, size_t offset)
{
	struct live_name look;
	struct mz_name name = {0};
	struct mz_name found = {0};
	bool good = mz_reader_name(r, offset, &name) == MZ_OK;

	if (live_names_look(names, r, offset, &look) != good)
		abort();
	if (!good)
		return;
	if (look.len != name.len ||
	    live_names_inside(names, &look) != mz_name_within(name.wire, origin) ||
	    live_names_apex(names, &look) != mz_name_equal(name.wire, origin))
		abort();
	if (live_names_find(names, r, offset, &look, &found) == 0 &&
	    mz_rrlist_find(&slots, name.wire, 0) < slots.count &&
	    mz_name_equal(slots.rr[mz_rrlist_find(&slots, name.wire, 0)].owner, name.wire))
		abort();
}

static void check_names(const uint8_t *wire, size_t len)
{
	struct live_names *names = NULL;
	struct mz_reader r;
	struct mz_rrview rr;

	if (live_names_new(&names, origin, &slots) != MZ_OK)
		abort();
	if (mz_reader_open(&r, wire, len) == MZ_OK)
		while (mz_reader_rr(&r, &rr) == 1)
			check_name(names, &r, rr.owner);
	live_names_free(names);
}

static void check_answer(const uint8_t *wire, size_t len)
{
	static const uint8_t name[] = "\6_dmarc\7example\3org";
	static const uint16_t types[] = {MZ_TYPE_TXT, MZ_TYPE_ANY, MZ_TYPE_SOA};
	struct live_question question = {origin, name, 0};
	struct live_answer answer;
	size_t i = 0;

	for (i = 0; i < 3; i++) {
		struct mz_rrlist rrs = {0};
		struct mz_rrlist cuts = {0};

		question.type = types[i];
		(void)live_answer_read(&question, wire, len, &rrs, &cuts, &answer);
		mz_rrlist_sort(&rrs, true);
		mz_rrlist_sort(&cuts, true);
		mz_rrlist_clear(&rrs);
		mz_rrlist_clear(&cuts);
	}
}

static void check_live(const struct mz_live *live)
{
	size_t i = 0;

	for (i = 0; i < live->rrs.count; i++) {
		size_t at = mz_rrlist_find(&slots, live->rrs.rr[i].owner, 0);

		if (at >= slots.count ||
		    !mz_name_equal(slots.rr[at].owner, live->rrs.rr[i].owner) ||
		    (i > 0 && mz_rr_compare(&live->rrs.rr[i - 1], &live->rrs.rr[i]) >= 0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mz_walk *walk = NULL;
	struct mz_live live = {0};
	struct mz_cause cause = {""};
	enum mz_walk_step step = MZ_WALK_MORE;

	make_slots();
	if (mz_walk_new(&walk, origin, &slots, 1u << 20) != MZ_OK)
		abort();
	while (size >= 2) {
		size_t len = mz_get16(data);

		if (len > size - 2)
			len = size - 2;
		check_names(data + 2, len);
		check_answer(data + 2, len);
		step = mz_walk_message(walk, data + 2, len, &cause);
		data += 2 + len;
		size -= 2 + len;
	}
	if (mz_walk_finish(walk, &live) == MZ_OK) {
		if (step != MZ_WALK_DONE || !live.ok)
			abort();
		check_live(&live);
	}
	mz_live_clear(&live);
	mz_walk_free(walk);
	return 0;
}
