/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of codes, and serial arithmetic. */
#include "mailzone/dns.h"

#include <ldns/ldns.h>
#include <stdio.h>

bool mz_serial_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(0x80000000);
}

const char *mz_type_name(uint16_t type, char buf[MZ_CODE_TEXT])
{
	const ldns_rr_descriptor *known = ldns_rr_descript(type);

	if (type != 0 && known != NULL && known->_type == (ldns_rr_type)type &&
	    known->_name != NULL)
		return known->_name;
	(void)snprintf(buf, MZ_CODE_TEXT, "TYPE%u", type);
	return buf;
}

const char *mz_rcode_name(unsigned rcode, char buf[MZ_CODE_TEXT])
{
	static const char *const names[] = {
		"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",
	};

	if (rcode < sizeof(names) / sizeof(names[0]))
		return names[rcode];
	(void)snprintf(buf, MZ_CODE_TEXT, "RCODE%u", rcode);
	return buf;
}

bool mz_type_is_server(uint16_t type)
{
	switch (type) {
	case MZ_TYPE_SOA:
	case 24:    /* SIG */
	case 25:    /* KEY */
	case 30:    /* NXT */
	case 46:    /* RRSIG */
	case 47:    /* NSEC */
	case 48:    /* DNSKEY */
	case 50:    /* NSEC3 */
	case 51:    /* NSEC3PARAM */
	case 59:    /* CDS */
	case 60:    /* CDNSKEY */
	case 63:    /* ZONEMD */
	case 65534: /* BIND's signing state */
		return true;
	default:
		return false;
	}
}
