/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a message that came from the network: nothing is believed, nothing is allocated. */
#include "mailzone/dns.h"
#include "src/dns/rdata.h"

#include <string.h>

int mz_reader_open(struct mz_reader *r, const uint8_t *wire, size_t len)
{
	*r = (struct mz_reader){.wire = wire, .len = len, .pos = MZ_MSG_HEADER};
	if (len < MZ_MSG_HEADER || len > MZ_MSG_MAX)
		return MZ_ESYNTAX;
	r->id = mz_get16(wire);
	r->flags = mz_get16(wire + 2);
	for (unsigned i = 0; i < 4; i++)
		r->count[i] = mz_get16(wire + 4 + 2 * i);
	r->left = r->count[0];
	return MZ_OK;
}

/* The position after the name at `pos`, or 0. A pointer's target is checked when it is followed. */
static size_t skip_name(const struct mz_reader *r, size_t pos)
{
	while (pos < r->len) {
		uint8_t n = r->wire[pos];

		if (n == 0)
			return pos + 1;
		if (n >= 0xc0)
			return pos + 2 <= r->len ? pos + 2 : 0;
		if (n > 63)
			return 0;
		pos += n + 1u;
	}
	return 0;
}

/* A pointer for each label that a name can hold. More is no name but an attack: chains of pointers
 * to pointers would make every RR cost thousands of steps. */
enum { MAX_JUMPS = 127 };

/* Expands the name at `pos` into out (no more than MZ_NAME_MAX octets); 0 when it is malformed. */
static size_t expand(const struct mz_reader *r, size_t pos, uint8_t *out)
{
	size_t used = 0, floor = pos, jumps = 0;

	for (;;) {
		uint8_t n = 0;

		if (pos >= r->len)
			return 0;
		n = r->wire[pos];
		if (n >= 0xc0) {
			size_t target = 0;

			if (pos + 2 > r->len)
				return 0;
			target = mz_get16(r->wire + pos) & 0x3fffu;
			/* Only backwards, each jump further than the last: no loop is possible. */
			if (target >= floor || target < MZ_MSG_HEADER || ++jumps > MAX_JUMPS)
				return 0;
			floor = pos = target;
			continue;
		}
		if (n > 63 || pos + n + 1u > r->len || used + n + 1u + (n > 0) > MZ_NAME_MAX)
			return 0;
		memcpy(out + used, r->wire + pos, n + 1u);
		used += n + 1u;
		if (n == 0)
			return used;
		pos += n + 1u;
	}
}

int mz_reader_name(const struct mz_reader *r, size_t offset, struct mz_name *out)
{
	size_t n = expand(r, offset, out->wire);

	if (n == 0)
		return MZ_ESYNTAX;
	for (size_t i = 0; i < n; i++) {
		if (out->wire[i] >= 'A' && out->wire[i] <= 'Z')
			out->wire[i] = (uint8_t)(out->wire[i] + 32);
	}
	out->len = (uint8_t)n;
	return MZ_OK;
}

int mz_reader_question(struct mz_reader *r, struct mz_name *name, uint16_t *type, uint16_t *klass)
{
	size_t end = 0;

	if (r->section != 0 || r->left == 0)
		return 0;
	end = skip_name(r, r->pos);
	if (end == 0 || r->len - end < 4 || mz_reader_name(r, r->pos, name) != MZ_OK)
		return MZ_ESYNTAX;
	*type = mz_get16(r->wire + end);
	*klass = mz_get16(r->wire + end + 2);
	r->pos = end + 4;
	r->left--;
	return 1;
}

int mz_reader_skip_questions(struct mz_reader *r)
{
	while (r->section == 0 && r->left > 0) {
		size_t end = skip_name(r, r->pos);

		if (end == 0 || r->len - end < 4)
			return MZ_ESYNTAX;
		r->pos = end + 4;
		r->left--;
	}
	return MZ_OK;
}

int mz_reader_rr(struct mz_reader *r, struct mz_rrview *rr)
{
	const uint8_t *fixed = NULL;
	size_t end = 0;

	if (r->section == 0 && r->left > 0 && mz_reader_skip_questions(r) != MZ_OK)
		return MZ_ESYNTAX;
	while (r->left == 0) {
		if (r->section == 3)
			return 0;
		r->left = r->count[++r->section];
	}
	end = skip_name(r, r->pos);
	if (end == 0 || r->len - end < 10)
		return MZ_ESYNTAX;
	fixed = r->wire + end;
	rr->owner = r->pos;
	rr->type = mz_get16(fixed);
	rr->klass = mz_get16(fixed + 2);
	rr->ttl = mz_get32(fixed + 4);
	rr->rdlen = mz_get16(fixed + 8);
	rr->rdata = fixed + 10;
	rr->section = (uint8_t)r->section;
	if (r->len - end - 10 < rr->rdlen)
		return MZ_ESYNTAX;
	r->pos = end + 10 + rr->rdlen;
	r->left--;
	return 1;
}

long mz_reader_rdata(const struct mz_reader *r, const struct mz_rrview *rr, uint8_t *out,
		     size_t cap)
{
	const struct rdata_layout *layout = rdata_layout(rr->type);
	size_t at = (size_t)(rr->rdata - r->wire), end = at + rr->rdlen, used = 0, head = 0;

	if (layout == NULL) {
		if ((rr->type == MZ_TYPE_A && rr->rdlen != 4) ||
		    (rr->type == MZ_TYPE_AAAA && rr->rdlen != 16))
			return MZ_ESYNTAX;
		if (rr->rdlen > cap)
			return MZ_ESPACE;
		if (rr->rdlen > 0)
			memcpy(out, rr->rdata, rr->rdlen);
		return rr->rdlen;
	}
	head = layout->before;
	for (unsigned i = 0; i < layout->strings && head < rr->rdlen; i++)
		head += rr->rdata[head] + 1u;
	if (head > rr->rdlen)
		return MZ_ESYNTAX;
	if (head > cap)
		return MZ_ESPACE;
	if (head > 0)
		memcpy(out, rr->rdata, head);
	used = head;
	at += head;
	for (unsigned i = 0; i < layout->names; i++) {
		uint8_t name[MZ_NAME_MAX] = {0};
		size_t next = skip_name(r, at), n = 0;

		if (next == 0 || next > end || (n = expand(r, at, name)) == 0)
			return MZ_ESYNTAX;
		if (n > cap - used)
			return MZ_ESPACE;
		memcpy(out + used, name, n);
		used += n;
		at = next;
	}
	if (end - at != layout->after)
		return MZ_ESYNTAX;
	if (layout->after > cap - used)
		return MZ_ESPACE;
	memcpy(out + used, r->wire + at, layout->after);
	return (long)(used + layout->after);
}
