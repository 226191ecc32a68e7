/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the tokens of libconfig's language ahead of libconfig, to keep its parser from harm. */
#ifndef MZ_CONF_SCAN_H
#define MZ_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Why another scanner: libconfig 1.5 takes an unclosed string or comment for the end of the
 * file, leaks strings on a syntax error, recurses over nested values, exits the process when
 * an @include is a folder, and says no more than "syntax error". Only text that this scanner
 * has accepted is given to it.
 */
#define CONF_DEPTH_MAX 32	/* open brackets */
#define CONF_MEMBERS_MAX 1000	/* settings of one group: libconfig is quadratic in it */
#define CONF_VALUES_MAX 4000000 /* values of one text: libconfig needs some 150 octets each */
#define CONF_STRING_MAX ((size_t)65535) /* octets of one string */
#define CONF_FAULT_MAX 160

enum conf_expect {
	CONF_EXPECT_NAME,   /* a setting, or the end of the group */
	CONF_EXPECT_EQUALS, /* after a name */
	CONF_EXPECT_VALUE,  /* after "=" or a comma in a list */
	CONF_EXPECT_FIRST,  /* a value, or the end of a list */
	CONF_EXPECT_AFTER,  /* what may follow a value */
};

struct conf_level {
	char close;	  /* '}' ']' ')', 0 at the top */
	unsigned members; /* settings so far */
	unsigned line;	  /* expanded line of the opening bracket */
};

/* The state between two tokens. {0} is the start of a text. */
struct conf_scan {
	struct conf_level level[CONF_DEPTH_MAX + 1];
	unsigned depth;
	enum conf_expect expect;
	bool after_string; /* another string would go on with the last one */
	bool new_string;   /* the last token began a string value */
	bool wide;	   /* the last token was an integer that does not fit in 32 bits */
	bool in_domains;   /* the setting at the top is `domains` */
	unsigned lines;	   /* newlines in the last token */
	size_t string_len;
	size_t values;
	char fault[CONF_FAULT_MAX];
};

/* Takes one token, comment or run of blanks (which ends with a newline) off [p, end), which
 * stands on line `line`. Returns its octets; 0 after a fault, which is then in scan->fault. */
size_t conf_scan_next(struct conf_scan *scan, const char *p, const char *end, unsigned line);
/* Is this place within a group of the list `domains`? */
bool conf_scan_domain(const struct conf_scan *scan);
/* May the text end here? False with a fault; *line is then the line of an open bracket, if any. */
bool conf_scan_end(struct conf_scan *scan, unsigned *line);

#endif
