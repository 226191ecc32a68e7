/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of this room share: names and records from text. */
#ifndef TESTS_UNIT_DNS_HELP_H
#define TESTS_UNIT_DNS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mailzone/dns.h"

/* The wire form of a literal: its octets without the final NUL, which is the root label. */
#define WIRE(literal) ((const uint8_t *)(literal))
#define EXAMPLE WIRE("\7example\3org")

static inline struct mz_name name_of(const char *text)
{
	struct mz_name name = {0};
	struct mz_cause cause = {{0}};

	if (mz_name_from_text(&name, text, NULL, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	return name;
}

/* Adds a record; its names are relative to example.org. */
static inline void add_rr(struct mz_rrlist *list, const char *line)
{
	struct mz_cause cause = {{0}};

	if (mz_rr_from_text(list, line, EXAMPLE, 300, NULL, &cause) != MZ_OK)
		fail_msg("%s: %s", line, cause.text);
}

#endif
