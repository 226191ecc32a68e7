/* SPDX-License-Identifier: BSD-2-Clause */
/* Domain names in wire form. */
#include "mailzone/dns.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Octets that mean something in zone-file syntax (RFC 1035 5.1). */
static bool is_special(uint8_t c)
{
	switch (c) {
	case '.':
	case '\\':
	case '"':
	case '(':
	case ')':
	case ';':
	case '@':
	case '$':
		return true;
	default:
		return false;
	}
}

/* Reads one octet of text, with the escapes of RFC 1035 5.1. Returns octets eaten, 0 on error. */
static size_t text_octet(const char *p, uint8_t *out)
{
	if (*p != '\\') {
		*out = (uint8_t)*p;
		return 1;
	}
	if (p[1] >= '0' && p[1] <= '9') {
		unsigned v = 0;

		for (int i = 1; i <= 3; i++) {
			if (p[i] < '0' || p[i] > '9')
				return 0;
			v = v * 10 + (unsigned)(p[i] - '0');
		}
		*out = (uint8_t)v;
		return v <= 255 ? 4 : 0;
	}
	*out = (uint8_t)p[1];
	return p[1] == '\0' ? 0 : 2;
}

int mz_name_from_text(struct mz_name *out, const char *text, const uint8_t *origin,
		      struct mz_cause *cause)
{
	size_t len = 1, label = 0; /* label: where the length octet of the current one stands */
	const char *p = text, *wrong = NULL;
	bool absolute = origin == NULL;

	*out = (struct mz_name){0};
	if (strcmp(text, "@") == 0 && origin != NULL)
		p++;
	if (strcmp(text, ".") == 0) {
		absolute = true;
		p++;
	} else if (*text == '\0') {
		wrong = "is empty";
	}
	while (*p != '\0' && wrong == NULL) {
		uint8_t octet = 0;
		size_t n = text_octet(p, &octet);

		if (*p == '.') {
			if (len - label < 2) {
				wrong = "has an empty label";
			} else {
				out->wire[label] = (uint8_t)(len - label - 1);
				label = len++;
				absolute = absolute || p[1] == '\0';
			}
			p++;
			continue;
		}
		if (n == 0)
			wrong = "has a bad escape";
		else if (n == 1 && *p != '$' && is_special(octet))
			wrong = "has one of \" ( ) ; @ without a backslash before it";
		else if (octet <= ' ' || octet >= 0x7f)
			wrong = octet >= 0x80 ? "is not ASCII: use the A-label form (xn--...)"
					      : "has a space or control character";
		else if (len - label > 63)
			wrong = "has a label of more than 63 octets";
		else if (len >= MZ_NAME_MAX)
			wrong = "is longer than 255 octets";
		if (wrong == NULL)
			out->wire[len++] = lower(octet);
		p += n;
	}
	if (wrong != NULL)
		return mz_cause_set(cause, MZ_ESYNTAX, "the name \"%.300s\" %s", text, wrong);
	if (len - label > 1) { /* the last label had no final dot */
		out->wire[label] = (uint8_t)(len - label - 1);
		label = len;
	}
	/* label is now where the root, or the origin, goes */
	len = label + (absolute ? 1 : mz_name_len(origin));
	if (len > MZ_NAME_MAX)
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "the name \"%.300s\" is longer than 255 octets", text);
	if (absolute)
		out->wire[label] = 0;
	else
		memcpy(out->wire + label, origin, mz_name_len(origin));
	out->len = (uint8_t)len;
	return MZ_OK;
}

char *mz_name_to_text(const uint8_t *wire, char buf[MZ_NAME_TEXT])
{
	size_t at = 0;

	if (*wire == 0)
		buf[at++] = '.';
	while (*wire != 0) {
		for (unsigned n = *wire++; n > 0; n--, wire++) {
			if (*wire <= ' ' || *wire >= 0x7f)
				at += (size_t)snprintf(buf + at, 5, "\\%03u", *wire);
			else if (is_special(*wire))
				at += (size_t)snprintf(buf + at, 3, "\\%c", *wire);
			else
				buf[at++] = (char)*wire;
		}
		buf[at++] = '.';
	}
	buf[at] = '\0';
	return buf;
}

size_t mz_name_len(const uint8_t *wire)
{
	size_t n = 0;

	while (wire[n] != 0)
		n += wire[n] + 1u;
	return n + 1;
}

static int label_count(const uint8_t *wire)
{
	int count = 0;

	for (; *wire != 0; wire += *wire + 1)
		count++;
	return count;
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
	unsigned n = *a < *b ? *a : *b;

	if (*a == *b && memcmp(a + 1, b + 1, n) == 0) /* most often, and fast */
		return 0;
	for (unsigned i = 1; i <= n; i++) {
		int d = a[i] == b[i] ? 0 : lower(a[i]) - lower(b[i]);

		if (d != 0)
			return d;
	}
	return *a - *b;
}

/* The last label that differs decides, counted from the left. */
int mz_name_compare(const uint8_t *a, const uint8_t *b)
{
	int an = 0, bn = 0, d = 0;

	if (a == b)
		return 0;
	an = label_count(a);
	bn = label_count(b);
	d = an - bn;
	for (; an > bn; an--)
		a += *a + 1;
	for (; bn > an; bn--)
		b += *b + 1;
	for (; an > 0; an--, a += *a + 1, b += *b + 1) {
		int label = label_compare(a, b);

		if (label != 0)
			d = label;
	}
	return d;
}

bool mz_name_equal(const uint8_t *a, const uint8_t *b)
{
	for (;;) {
		unsigned n = *a;

		if (n != *b)
			return false;
		if (n == 0)
			return true;
		for (unsigned i = 1; i <= n; i++) {
			if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
				return false;
		}
		a += n + 1;
		b += n + 1;
	}
}

bool mz_name_within(const uint8_t *name, const uint8_t *ancestor)
{
	size_t have = mz_name_len(name), want = mz_name_len(ancestor);

	while (have > want) {
		have -= *name + 1u;
		name += *name + 1u;
	}
	return have == want && mz_name_equal(name, ancestor);
}

const uint8_t *mz_name_parent(const uint8_t *wire)
{
	return *wire == 0 ? wire : wire + *wire + 1;
}

int mz_name_prefix(struct mz_name *out, const char *text, const uint8_t *base)
{
	size_t at = 0, base_len = mz_name_len(base);

	out->len = 0;
	while (*text != '\0') {
		size_t label = at++;

		for (; *text != '.' && *text != '\0'; text++) {
			if (*text <= ' ' || *text >= 0x7f || is_special((uint8_t)*text) ||
			    at + 1 + base_len > MZ_NAME_MAX)
				return MZ_ERANGE;
			out->wire[at++] = lower((uint8_t)*text);
		}
		if (at - label < 2 || at - label > 64)
			return MZ_ERANGE;
		out->wire[label] = (uint8_t)(at - label - 1);
		/* With a final dot it would be a name of its own, out of the zone. */
		if (*text == '.' && *++text == '\0')
			return MZ_ERANGE;
	}
	if (at == 0)
		return MZ_ERANGE;
	memcpy(out->wire + at, base, base_len);
	out->len = (uint8_t)(at + base_len);
	return MZ_OK;
}
