/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing text. */
#include "mailzone/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct mz_str *str, size_t more)
{
	size_t need = str->len + more + 1, cap = str->cap;
	char *s = NULL;

	if (str->failed)
		return false;
	if (need <= cap)
		return true;
	if (cap < 64)
		cap = 64;
	while (cap < need)
		cap *= 2;
	s = realloc(str->s, cap);
	if (s == NULL) {
		str->failed = true;
		return false;
	}
	str->s = s;
	str->cap = cap;
	return true;
}

void mz_str_addn(struct mz_str *str, const char *octets, size_t n)
{
	if (!reserve(str, n))
		return;
	if (n > 0)
		memcpy(str->s + str->len, octets, n);
	str->len += n;
	str->s[str->len] = '\0';
}

void mz_str_add(struct mz_str *str, const char *text)
{
	mz_str_addn(str, text, strlen(text));
}

void mz_str_addc(struct mz_str *str, char c)
{
	mz_str_addn(str, &c, 1);
}

void mz_str_addf(struct mz_str *str, const char *fmt, ...)
{
	va_list args;
	int n = 0;

	if (!reserve(str, 63)) /* most often enough at once */
		return;
	va_start(args, fmt);
	n = vsnprintf(str->s + str->len, str->cap - str->len, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n >= str->cap - str->len && reserve(str, (size_t)n)) {
		va_start(args, fmt);
		(void)vsnprintf(str->s + str->len, (size_t)n + 1, fmt, args);
		va_end(args);
	}
	if (n < 0 || str->failed)
		str->failed = true;
	else
		str->len += (size_t)n;
	str->s[str->len] = '\0';
}

/* The length of the valid UTF-8 sequence at p, or 0. */
static size_t utf8_length(const unsigned char *p)
{
	size_t n = *p < 0xc2 || *p > 0xf4 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Terminals obey the control characters above ASCII too. */
static void add_utf8(struct mz_str *str, const unsigned char *p, size_t n)
{
	if (p[0] == 0xc2 && p[1] < 0xa0)
		mz_str_addf(str, "\\u%04x", p[1]);
	else
		mz_str_addn(str, (const char *)p, n);
}

void mz_str_add_json(struct mz_str *str, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	mz_str_addc(str, '"');
	while (*p != '\0') {
		size_t n = 0;

		if (*p == '"' || *p == '\\')
			mz_str_addf(str, "\\%c", *p);
		else if (*p == '\n')
			mz_str_add(str, "\\n");
		else if (*p >= ' ' && *p < 0x7f)
			mz_str_addc(str, (char)*p);
		else if (*p >= 0x80 && (n = utf8_length(p)) > 0)
			add_utf8(str, p, n);
		else
			mz_str_addf(str, "\\u%04x", *p);
		p += n > 0 ? n : 1;
	}
	mz_str_addc(str, '"');
}

void mz_str_add_base64(struct mz_str *str, const uint8_t *octets, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)octets[i] << 16;
		char quad[4] = {0};

		if (i + 1 < n)
			v |= (unsigned)octets[i + 1] << 8;
		if (i + 2 < n)
			v |= octets[i + 2];
		quad[0] = digits[v >> 18];
		quad[1] = digits[v >> 12 & 63];
		quad[2] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		quad[3] = i + 2 < n ? digits[v & 63] : '=';
		mz_str_addn(str, quad, 4);
	}
}

void mz_str_reset(struct mz_str *str)
{
	str->len = 0;
	str->failed = false;
	if (str->s != NULL)
		str->s[0] = '\0';
}

void mz_str_clear(struct mz_str *str)
{
	free(str->s);
	*str = (struct mz_str){0};
}
