/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a message from RRs in wire form. */
#include "mailzone/dns.h"

#include <string.h>

void mz_writer_init(struct mz_writer *w, uint8_t *buf, size_t cap, uint16_t id, uint16_t flags)
{
	*w = (struct mz_writer){.wire = buf, .cap = cap < MZ_MSG_MAX ? cap : MZ_MSG_MAX};
	if (w->cap < MZ_MSG_HEADER) {
		w->full = true;
		return;
	}
	memset(buf, 0, MZ_MSG_HEADER);
	mz_put16(buf, id);
	mz_put16(buf + 2, flags);
	w->len = MZ_MSG_HEADER;
}

static void put(struct mz_writer *w, const void *octets, size_t n)
{
	if (w->full || w->cap - w->len < n) {
		w->full = true;
		return;
	}
	if (n > 0)
		memcpy(w->wire + w->len, octets, n);
	w->len += n;
}

static void count(struct mz_writer *w, unsigned section)
{
	uint8_t *at = w->wire + 4 + 2 * section;

	if (!w->full)
		mz_put16(at, (uint16_t)(mz_get16(at) + 1));
}

/* An owner at or below the zone ends in a pointer to the zone's name in the question. */
static void put_owner(struct mz_writer *w, const uint8_t *owner)
{
	static const uint8_t pointer[2] = {0xc0, MZ_MSG_HEADER};
	size_t n = mz_name_len(owner);

	if (w->zone != NULL && *w->zone != 0 && mz_name_within(owner, w->zone)) {
		put(w, owner, n - mz_name_len(w->zone));
		put(w, pointer, sizeof(pointer));
	} else {
		put(w, owner, n);
	}
}

void mz_writer_question(struct mz_writer *w, const uint8_t *name, uint16_t type, uint16_t klass)
{
	uint8_t fixed[4] = {0};
	size_t start = w->len;

	mz_put16(fixed, type);
	mz_put16(fixed + 2, klass);
	put(w, name, mz_name_len(name));
	put(w, fixed, sizeof(fixed));
	count(w, 0);
	if (w->full)
		w->len = start;
	else if (w->zone == NULL)
		w->zone = name;
}

void mz_writer_rr(struct mz_writer *w, unsigned section, const uint8_t *owner, uint16_t type,
		  uint16_t klass, uint32_t ttl, const uint8_t *rdata, uint16_t rdlen)
{
	uint8_t fixed[10] = {0};
	size_t start = w->len;

	mz_put16(fixed, type);
	mz_put16(fixed + 2, klass);
	mz_put32(fixed + 4, ttl);
	mz_put16(fixed + 8, rdlen);
	put_owner(w, owner);
	put(w, fixed, sizeof(fixed));
	put(w, rdata, rdlen);
	count(w, section);
	if (w->full) /* what stands stays a whole message */
		w->len = start;
}

void mz_writer_edns(struct mz_writer *w, uint16_t payload)
{
	static const uint8_t root = 0;

	mz_writer_rr(w, 3, &root, MZ_TYPE_OPT, payload, 0, NULL, 0);
}
