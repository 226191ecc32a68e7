/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the tokens of libconfig's language ahead of libconfig, to keep its parser from harm. */
#include "src/conf/scan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mailzone/base.h"

enum token { TOKEN_BLANK, TOKEN_STRING, TOKEN_NAME, TOKEN_SCALAR, TOKEN_PUNCT };

static size_t fault(struct conf_scan *scan, const char *fmt, ...) MZ_PRINTF(2, 3);

static size_t fault(struct conf_scan *scan, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(scan->fault, sizeof scan->fault, fmt, args);
	va_end(args);
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What an octet can be part of. */
enum { BLANK = 1, WORD = 2, PUNCT = 4 };

/* A word is what of a name, a number or a forgotten pair of quotes belongs together. */
static const unsigned char classes[256] = {
	[' '] = BLANK, ['\t'] = BLANK, ['\r'] = BLANK, ['\f'] = BLANK, ['\n'] = BLANK,
	['='] = PUNCT, [':'] = PUNCT,  [','] = PUNCT,  [';'] = PUNCT,  ['{'] = PUNCT,
	['}'] = PUNCT, ['['] = PUNCT,  [']'] = PUNCT,  ['('] = PUNCT,  [')'] = PUNCT,
	['_'] = WORD,  ['*'] = WORD,   ['.'] = WORD,   ['+'] = WORD,   ['-'] = WORD,
	['$'] = WORD,  ['@'] = WORD,   ['/'] = WORD,   ['%'] = WORD,   ['0'] = WORD,
	['1'] = WORD,  ['2'] = WORD,   ['3'] = WORD,   ['4'] = WORD,   ['5'] = WORD,
	['6'] = WORD,  ['7'] = WORD,   ['8'] = WORD,   ['9'] = WORD,   ['a'] = WORD,
	['b'] = WORD,  ['c'] = WORD,   ['d'] = WORD,   ['e'] = WORD,   ['f'] = WORD,
	['g'] = WORD,  ['h'] = WORD,   ['i'] = WORD,   ['j'] = WORD,   ['k'] = WORD,
	['l'] = WORD,  ['m'] = WORD,   ['n'] = WORD,   ['o'] = WORD,   ['p'] = WORD,
	['q'] = WORD,  ['r'] = WORD,   ['s'] = WORD,   ['t'] = WORD,   ['u'] = WORD,
	['v'] = WORD,  ['w'] = WORD,   ['x'] = WORD,   ['y'] = WORD,   ['z'] = WORD,
	['A'] = WORD,  ['B'] = WORD,   ['C'] = WORD,   ['D'] = WORD,   ['E'] = WORD,
	['F'] = WORD,  ['G'] = WORD,   ['H'] = WORD,   ['I'] = WORD,   ['J'] = WORD,
	['K'] = WORD,  ['L'] = WORD,   ['M'] = WORD,   ['N'] = WORD,   ['O'] = WORD,
	['P'] = WORD,  ['Q'] = WORD,   ['R'] = WORD,   ['S'] = WORD,   ['T'] = WORD,
	['U'] = WORD,  ['V'] = WORD,   ['W'] = WORD,   ['X'] = WORD,   ['Y'] = WORD,
	['Z'] = WORD,
};

static bool is(char c, unsigned char wanted)
{
	return (classes[(unsigned char)c] & wanted) != 0;
}

/* Blanks up to the next line, for an @include can only stand at the start of one. */
static size_t blanks(struct conf_scan *scan, const char *p, const char *end)
{
	const char *q = p;

	while (q < end && is(*q, BLANK) && *q != '\n')
		q++;
	scan->lines = q < end && *q == '\n';
	return (size_t)(q - p) + scan->lines;
}

static bool is_comment(const char *p, const char *end)
{
	return *p == '#' || (*p == '/' && p + 1 < end && (p[1] == '/' || p[1] == '*'));
}

/* A comment at p, 0 when there is none; a fault when it is not closed. */
static size_t comment(struct conf_scan *scan, const char *p, const char *end, bool *found)
{
	const char *q = NULL;

	*found = is_comment(p, end);
	if (!*found)
		return 0;
	if (*p == '#' || p[1] == '/') {
		q = memchr(p, '\n', (size_t)(end - p));
		return (size_t)((q ? q : end) - p);
	}
	q = end - p > 2 ? memmem(p + 2, (size_t)(end - p - 2), "*/", 2) : NULL;
	if (!q)
		return fault(scan, "the comment that starts here is never closed");
	for (const char *c = p; c < q; c++)
		scan->lines += *c == '\n';
	return (size_t)(q + 2 - p);
}

/* The string literal at p, quotes included. */
static size_t string(struct conf_scan *scan, const char *p, const char *end)
{
	const char *q = p + 1;

	while (q < end && *q != '"') {
		if (*q == '\\' && q + 1 < end && (q[1] == '"' || q[1] == '\\'))
			q++;
		else if (*q == '\\' && end - q > 3 && (q[1] == 'x' || q[1] == 'X') && q[2] == '0' &&
			 q[3] == '0')
			return fault(scan, "a string cannot hold a NUL octet");
		scan->lines += *q++ == '\n';
	}
	if (q >= end)
		return fault(scan, "the string that starts here is never closed");
	scan->string_len = (scan->after_string ? scan->string_len : 0) + (size_t)(q - p);
	if (scan->string_len > CONF_STRING_MAX)
		return fault(scan, "a string of more than %zu octets", CONF_STRING_MAX);
	return (size_t)(q + 1 - p);
}

static size_t digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	return i;
}

/* An exponent at s, all of it. */
static bool is_exponent(const char *s, size_t n)
{
	size_t sign = 0;

	if (n < 2 || (*s != 'e' && *s != 'E'))
		return false;
	sign = s[1] == '-' || s[1] == '+' ? 2 : 1;
	return n > sign && digits(s + sign, n - sign) == n - sign;
}

static bool is_suffix(const char *s, size_t n)
{
	return n == 0 || (n == 1 && *s == 'L') || (n == 2 && s[0] == 'L' && s[1] == 'L');
}

/* Is the whole word a number as libconfig reads it? */
static bool is_number(const char *s, size_t n)
{
	size_t whole = 0, part = 0, i = 0;

	if (n > 2 && *s == '0' && (s[1] == 'x' || s[1] == 'X')) {
		for (i = 2; i < n && is_hex(s[i]); i++)
			;
		return i > 2 && is_suffix(s + i, n - i);
	}
	if (n && (*s == '-' || *s == '+'))
		s++, n--;
	whole = digits(s, n);
	s += whole, n -= whole;
	if (whole && is_suffix(s, n))
		return true;
	if (n && *s == '.') {
		part = digits(s + 1, n - 1);
		s += part + 1, n -= part + 1;
	}
	return whole + part && (n == 0 || is_exponent(s, n));
}

/* A decimal integer that libconfig would cut to 32 bits without a word. */
static bool is_wide(const char *s, size_t n)
{
	bool minus = n && *s == '-';
	long long value = 0;

	if (n && (*s == '-' || *s == '+'))
		s++, n--;
	if (n == 0 || digits(s, n) != n)
		return false;
	for (; n > 0 && value <= INT_MAX; s++, n--)
		value = value * 10 + (*s - '0');
	return n > 0 || value > (minus ? -(long long)INT_MIN : INT_MAX);
}

static bool is_name(const char *s, size_t n)
{
	size_t i = 0;

	for (i = 0; i < n; i++)
		if (!is_letter(s[i]) && s[i] != '*' &&
		    (i == 0 || (!is_digit(s[i]) && s[i] != '_' && s[i] != '-')))
			return false;
	return n > 0;
}

static bool is_bool(const char *s, size_t n)
{
	return (n == 4 && !strncasecmp(s, "true", 4)) || (n == 5 && !strncasecmp(s, "false", 5));
}

enum { SHOWN_MAX = 16 };

/* A word for a message. A long one may be a secret that should have quotes: it is not shown. */
static const char *shown(char out[SHOWN_MAX + 1], const char *p, size_t n)
{
	(void)snprintf(out, SHOWN_MAX + 1, "%.*s", n > SHOWN_MAX ? 0 : (int)n, p);
	return n > SHOWN_MAX ? "a long word" : out;
}

/* A name, a boolean or a number. */
static size_t word(struct conf_scan *scan, const char *p, const char *end, enum token *kind)
{
	char text[SHOWN_MAX + 1] = "";
	size_t n = 0;

	while (p + n < end && is(p[n], WORD) && !(p[n] == '/' && is_comment(p + n, end)))
		n++;
	if (is_bool(p, n) || is_number(p, n))
		*kind = TOKEN_SCALAR;
	else if (is_name(p, n))
		*kind = TOKEN_NAME;
	else
		return fault(scan, "%s is neither a name nor a number: a text needs quotes",
			     shown(text, p, n));
	return n;
}

/* One token and its kind; 0 after a fault. */
static size_t lex(struct conf_scan *scan, const char *p, const char *end, enum token *kind)
{
	bool found = false;
	size_t n = 0;

	*kind = TOKEN_BLANK;
	if (is(*p, BLANK))
		return blanks(scan, p, end);
	n = comment(scan, p, end, &found);
	if (found)
		return n;
	if (*p == '"') {
		*kind = TOKEN_STRING;
		return string(scan, p, end);
	}
	if (is(*p, WORD))
		return word(scan, p, end, kind);
	*kind = TOKEN_PUNCT;
	if (is(*p, PUNCT))
		return 1;
	if (*p > ' ' && *p < 127)
		return fault(scan, "unexpected character \"%c\"", *p);
	return fault(scan, "unexpected octet 0x%02x", (unsigned)(unsigned char)*p);
}

static bool open_bracket(struct conf_scan *scan, char c, unsigned line)
{
	struct conf_level *level = NULL;

	if (scan->level[scan->depth].close == ']')
		return fault(scan, "an array [ ] holds single values only: use a list ( )") > 0;
	if (scan->depth == CONF_DEPTH_MAX)
		return fault(scan, "more than %d brackets are open here", CONF_DEPTH_MAX) > 0;
	level = &scan->level[++scan->depth];
	level->close = c == '{' ? '}' : c == '[' ? ']' : ')';
	level->members = 0;
	level->line = line;
	scan->expect = c == '{' ? CONF_EXPECT_NAME : CONF_EXPECT_FIRST;
	return true;
}

static bool is_group(const struct conf_scan *scan)
{
	char close = scan->level[scan->depth].close;

	return close == '}' || close == 0;
}

static bool close_bracket(struct conf_scan *scan, char c)
{
	char close = scan->level[scan->depth].close;

	if (close != c || scan->expect == CONF_EXPECT_EQUALS || scan->expect == CONF_EXPECT_VALUE)
		return false;
	scan->depth--;
	scan->expect = CONF_EXPECT_AFTER;
	return true;
}

/* A value begins: is it allowed here? */
static bool value(struct conf_scan *scan)
{
	if (scan->expect != CONF_EXPECT_VALUE && scan->expect != CONF_EXPECT_FIRST)
		return false;
	if (++scan->values > CONF_VALUES_MAX)
		return fault(scan, "more than %d values", CONF_VALUES_MAX) > 0;
	scan->expect = CONF_EXPECT_AFTER;
	return true;
}

static bool name(struct conf_scan *scan, const char *p, size_t n)
{
	char text[SHOWN_MAX + 1] = "";

	if (scan->expect == CONF_EXPECT_VALUE || scan->expect == CONF_EXPECT_FIRST)
		return fault(scan, "%s needs quotes: a text is written \"...\"",
			     shown(text, p, n)) > 0;
	if (!is_group(scan) || scan->expect == CONF_EXPECT_EQUALS)
		return false;
	if (++scan->level[scan->depth].members > CONF_MEMBERS_MAX)
		return fault(scan, "more than %d settings in one group", CONF_MEMBERS_MAX) > 0;
	if (scan->depth == 0)
		scan->in_domains = n == 7 && memcmp(p, "domains", 7) == 0;
	scan->expect = CONF_EXPECT_EQUALS;
	return true;
}

static bool punct(struct conf_scan *scan, char c, unsigned line)
{
	switch (c) {
	case '=':
	case ':':
		if (scan->expect != CONF_EXPECT_EQUALS)
			return false;
		scan->expect = CONF_EXPECT_VALUE;
		return true;
	case ',':
	case ';':
		if (scan->expect != CONF_EXPECT_AFTER || (c == ';' && !is_group(scan)))
			return false;
		scan->expect = is_group(scan) ? CONF_EXPECT_NAME : CONF_EXPECT_VALUE;
		return true;
	case '{':
	case '[':
	case '(':
		return value(scan) && open_bracket(scan, c, line);
	default:
		return close_bracket(scan, c);
	}
}

/* What should have stood here, for a token that may not. */
static size_t unexpected(struct conf_scan *scan, const char *p, size_t n)
{
	static const char *const wanted[] = {
		[CONF_EXPECT_NAME] = "the name of a setting",
		[CONF_EXPECT_EQUALS] = "\"=\" after the name of a setting",
		[CONF_EXPECT_VALUE] = "a value",
		[CONF_EXPECT_FIRST] = "a value",
		[CONF_EXPECT_AFTER] = "\",\" between the values",
	};
	const char *want = wanted[scan->expect];
	char text[SHOWN_MAX + 1] = "";

	if (scan->fault[0])
		return 0;
	if (scan->expect == CONF_EXPECT_AFTER && is_group(scan))
		want = "\";\" after the value";
	if (*p == '"')
		return fault(scan, "expected %s, found a string", want);
	return fault(scan, "expected %s, found %s", want, shown(text, p, n));
}

size_t conf_scan_next(struct conf_scan *scan, const char *p, const char *end, unsigned line)
{
	enum token kind = TOKEN_BLANK;
	bool good = true;
	size_t n = 0;

	scan->lines = 0;
	n = lex(scan, p, end, &kind);
	scan->new_string = scan->wide = false;
	if (n == 0 || kind == TOKEN_BLANK)
		return n;
	if (kind == TOKEN_STRING && scan->after_string)
		return n;
	if (kind == TOKEN_STRING || kind == TOKEN_SCALAR)
		good = value(scan);
	else if (kind == TOKEN_NAME)
		good = name(scan, p, n);
	else
		good = punct(scan, *p, line);
	scan->after_string = scan->new_string = kind == TOKEN_STRING;
	scan->wide = kind == TOKEN_SCALAR && is_wide(p, n);
	return good ? n : unexpected(scan, p, n);
}

bool conf_scan_domain(const struct conf_scan *scan)
{
	return scan->in_domains && scan->depth >= 2 && scan->level[1].close == ')' &&
	       scan->level[2].close == '}';
}

bool conf_scan_end(struct conf_scan *scan, unsigned *line)
{
	*line = 0;
	if (scan->depth > 0) {
		*line = scan->level[scan->depth].line;
		(void)fault(scan, "the bracket that opens here is never closed: \"%c\" is missing",
			    scan->level[scan->depth].close);
		return false;
	}
	if (scan->expect == CONF_EXPECT_EQUALS || scan->expect == CONF_EXPECT_VALUE) {
		(void)fault(scan, "the file ends in the middle of a setting");
		return false;
	}
	return true;
}
