/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing rdata: canonical order, and "does it say the same". */
#include "src/dns/rdata.h"

#include <string.h>

static const struct rdata_layout layouts[] = {
	{MZ_TYPE_NS, 0, 0, 1, 0},
	{3, 0, 0, 1, 0}, /* MD */
	{4, 0, 0, 1, 0}, /* MF */
	{MZ_TYPE_CNAME, 0, 0, 1, 0},
	{MZ_TYPE_SOA, 0, 0, 2, 20},
	{7, 0, 0, 1, 0},  /* MB */
	{8, 0, 0, 1, 0},  /* MG */
	{9, 0, 0, 1, 0},  /* MR */
	{12, 0, 0, 1, 0}, /* PTR */
	{14, 0, 0, 2, 0}, /* MINFO */
	{MZ_TYPE_MX, 2, 0, 1, 0},
	{17, 0, 0, 2, 0}, /* RP */
	{18, 2, 0, 1, 0}, /* AFSDB */
	{21, 2, 0, 1, 0}, /* RT */
	{26, 2, 0, 2, 0}, /* PX */
	{MZ_TYPE_SRV, 6, 0, 1, 0},
	{35, 4, 3, 1, 0}, /* NAPTR */
	{36, 2, 0, 1, 0}, /* KX */
	{MZ_TYPE_DNAME, 0, 0, 1, 0},
};

const struct rdata_layout *rdata_layout(uint16_t type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].type == type)
			return &layouts[i];
	}
	return NULL;
}

/* The octets [*from, *to) of the rdata are names. Odd rdata has none. */
static void name_region(const struct rdata_layout *layout, const uint8_t *rdata, size_t len,
			size_t *from, size_t *to)
{
	size_t at = layout->before;

	*from = *to = len;
	for (unsigned i = 0; i < layout->strings; i++) {
		if (at >= len)
			return;
		at += rdata[at] + 1u;
	}
	if (at + layout->after > len)
		return;
	*from = at;
	*to = len - layout->after;
}

static uint8_t canonical(uint8_t c, size_t i, size_t from, size_t to)
{
	/* Lengths of labels are below 64, so they pass unchanged. */
	return i >= from && i < to && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

int mz_rdata_compare(uint16_t type, const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	const struct rdata_layout *layout = rdata_layout(type);
	size_t n = alen < blen ? alen : blen, afrom = 0, ato = 0, bfrom = 0, bto = 0;
	int d = 0;

	if (n > 0)
		d = memcmp(a, b, n);
	if (d == 0 || layout == NULL)
		return d != 0 ? d : (alen > blen) - (alen < blen);
	name_region(layout, a, alen, &afrom, &ato);
	name_region(layout, b, blen, &bfrom, &bto);
	for (size_t i = 0; i < n; i++) {
		d = canonical(a[i], i, afrom, ato) - canonical(b[i], i, bfrom, bto);
		if (d != 0)
			return d;
	}
	return (alen > blen) - (alen < blen);
}

/* Steps through the joined octets of TXT rdata without copying them. */
struct txt_cursor {
	const uint8_t *p, *end;
	unsigned left; /* of the current string */
};

/* The next octet, -1 at the end, -2 when the rdata is not well formed. */
static int txt_next(struct txt_cursor *c)
{
	while (c->left == 0) {
		if (c->p == c->end)
			return -1;
		c->left = *c->p++;
	}
	if (c->p == c->end)
		return -2;
	c->left--;
	return *c->p++;
}

static bool txt_same(const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	struct txt_cursor ca = {a, a + alen, 0}, cb = {b, b + blen, 0};

	for (;;) {
		int x = txt_next(&ca), y = txt_next(&cb);

		if (x != y || x == -2)
			return false;
		if (x == -1)
			return true;
	}
}

static bool caa_same(const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	unsigned tag = 0;

	if (alen != blen || alen < 2 || a[0] != b[0] || a[1] != b[1])
		return false;
	tag = a[1];
	if (2u + tag > alen)
		return false;
	for (unsigned i = 2; i < 2u + tag; i++) {
		if (canonical(a[i], i, 0, alen) != canonical(b[i], i, 0, blen))
			return false;
	}
	return memcmp(a + 2 + tag, b + 2 + tag, alen - 2 - tag) == 0;
}

bool mz_rdata_same(uint16_t type, const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	if (alen == blen && (alen == 0 || memcmp(a, b, alen) == 0))
		return true;
	if (type == MZ_TYPE_TXT)
		return txt_same(a, alen, b, blen);
	if (type == MZ_TYPE_CAA)
		return caa_same(a, alen, b, blen);
	return mz_rdata_compare(type, a, alen, b, blen) == 0;
}

int mz_txt_from_text(const char *text, uint8_t *out, size_t *rdlen)
{
	size_t left = strlen(text), at = 0;

	if (left > MZ_TXT_MAX)
		return MZ_ERANGE;
	do {
		size_t n = left < 255 ? left : 255;

		out[at++] = (uint8_t)n;
		memcpy(out + at, text, n);
		at += n;
		text += n;
		left -= n;
	} while (left > 0);
	*rdlen = at;
	return MZ_OK;
}

bool mz_txt_join(const uint8_t *rdata, size_t rdlen, struct mz_str *out)
{
	size_t at = 0;

	while (at < rdlen) {
		size_t n = rdata[at++];

		if (n > rdlen - at)
			return false;
		mz_str_addn(out, (const char *)rdata + at, n);
		at += n;
	}
	return rdlen > 0;
}
