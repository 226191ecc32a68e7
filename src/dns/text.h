/* SPDX-License-Identifier: BSD-2-Clause */
/* What reading and printing of RRs by ldns share; private to the room. */
#ifndef MZ_DNS_TEXT_H
#define MZ_DNS_TEXT_H

#include "mailzone/dns.h"

#include <ldns/ldns.h>

/* Does ldns know the form of the type's data? */
bool text_is_known(uint16_t type);
/* Is it one or more character-strings and nothing else? */
bool text_is_txt(const uint8_t *rdata, size_t rdlen);
/* The rdata as ldns reads it, for ldns_rr_free; NULL when it is empty, longer than 4096 octets or
 * not of the type's form, or when memory ran out. */
ldns_rr *text_parse_wire(uint16_t type, const uint8_t *rdata, size_t rdlen);

#endif
