/* SPDX-License-Identifier: BSD-2-Clause */
/* What reading and printing of RRs by ldns share; private to the room. */
#ifndef MZ_DNS_TEXT_H
#define MZ_DNS_TEXT_H

#include "mailzone/dns.h"

#include <ldns/ldns.h>

/* May ldns read and print data of the type? */
bool text_is_known(uint16_t type);
/* Is it one or more character-strings and nothing else? */
bool text_is_txt(const uint8_t *rdata, size_t rdlen);
/* The rdata as ldns reads it, for ldns_rr_free; NULL when it is empty, longer than 4096 octets or
 * not of the type's form, or when memory ran out. */
ldns_rr *text_parse_wire(uint16_t type, const uint8_t *rdata, size_t rdlen);
/* The data at `p`, of a type that is known, to octets added to `data`. Errors as mz_rr_from_text. */
int text_read_known(const char *p, uint16_t type, const uint8_t *origin, struct mz_str *data,
		    struct mz_cause *cause);

#endif
