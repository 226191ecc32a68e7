/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds answers from zone-file lines for the tests of `live`. */
#ifndef MZ_TEST_BUILD_H
#define MZ_TEST_BUILD_H

#include "mailzone/dns.h"

#define SOA_LINE "example.org. 3600 IN SOA ns1.example.org. host.example.org. 7 3600 600 86400 300"

struct build {
	uint8_t wire[MZ_MSG_MAX];
	struct mz_writer w;
};

/* A reply to a question; name NULL: without one. */
static inline void build_start(struct build *b, const char *name, uint16_t type, uint16_t flags)
{
	struct mz_name owner = {0};

	mz_writer_init(&b->w, b->wire, sizeof b->wire, 0x1234, (uint16_t)(MZ_FLAG_QR | flags));
	if (name == NULL)
		return;
	assert_int_equal(mz_name_from_text(&owner, name, NULL, NULL), MZ_OK);
	/* the writer compresses to this name, which has to stay: it is in the message itself */
	mz_writer_question(&b->w, owner.wire, type, MZ_CLASS_IN);
	b->w.zone = NULL;
}

static inline void build_rr_class(struct build *b, unsigned section, const char *line,
				  uint16_t klass)
{
	struct mz_rrlist list = {0};
	struct mz_cause cause = {""};

	if (mz_rr_from_text(&list, line, NULL, 3600, NULL, &cause) != MZ_OK)
		fail_msg("%s: %s", line, cause.text);
	mz_writer_rr(&b->w, section, list.rr[0].owner, list.rr[0].type, klass, list.rr[0].ttl,
		     list.rr[0].rdata, list.rr[0].rdlen);
	mz_rrlist_clear(&list);
}

static inline void build_rr(struct build *b, unsigned section, const char *line)
{
	build_rr_class(b, section, line, MZ_CLASS_IN);
}

/* A slot list from "name TYPE-number" pairs. */
static inline void build_slot(struct mz_rrlist *slots, const char *name, uint16_t type)
{
	struct mz_name owner = {0};
	struct mz_rr rr = {.owner = owner.wire, .rdata = (const uint8_t *)"", .type = type};

	assert_int_equal(mz_name_from_text(&owner, name, NULL, NULL), MZ_OK);
	assert_int_equal(mz_rrlist_add(slots, &rr), MZ_OK);
	mz_rrlist_sort(slots, true);
}

/* Checks that the list is these lines, in this order. */
static inline void build_expect(const struct mz_rrlist *list, const char *const *lines)
{
	struct mz_str text = {0};
	size_t i = 0;

	for (i = 0; i < list->count && lines[i] != NULL; i++) {
		mz_str_reset(&text);
		mz_rr_to_text(&list->rr[i], &text);
		assert_string_equal(text.s, lines[i]);
	}
	assert_null(lines[i]);
	assert_int_equal(i, list->count);
	mz_str_clear(&text);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_LINES ((const char *const[]){NULL})

#endif
