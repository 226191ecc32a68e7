/* SPDX-License-Identifier: BSD-2-Clause */
/* Where names stand in the rdata of the types of RFC 4034 6.2; private to the room. */
#ifndef MZ_DNS_RDATA_H
#define MZ_DNS_RDATA_H

#include "mailzone/dns.h"

/* `before` octets, then `strings` character-strings, then `names` names, then `after` octets. */
struct rdata_layout {
	uint16_t type;
	uint8_t before, strings, names, after;
};
/* NULL for a type without names. */
const struct rdata_layout *rdata_layout(uint16_t type);

#endif
