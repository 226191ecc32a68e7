/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reply to an UPDATE means. */
#include "mailzone/update.h"

enum mz_update_outcome mz_update_outcome(const struct mz_answer *answer)
{
	switch (answer->outcome) {
	case MZ_NET_ANSWER:
	case MZ_NET_UNPROVEN: /* a hint only; the caller ends no task for good on it */
		break;
	case MZ_NET_BADTIME:
		return MZ_UPDATE_DENIED;
	case MZ_NET_UNREACHABLE:
		return MZ_UPDATE_LATER;
	case MZ_NET_TIMEOUT:
	case MZ_NET_LOST:
	case MZ_NET_BROKEN:
	case MZ_NET_STOPPED:
		return MZ_UPDATE_UNKNOWN;
	}
	switch (answer->rcode) {
	case MZ_RCODE_NOERROR:
		return answer->outcome == MZ_NET_ANSWER ? MZ_UPDATE_APPLIED : MZ_UPDATE_UNKNOWN;
	case MZ_RCODE_NXRRSET:
	case MZ_RCODE_YXRRSET:
	case MZ_RCODE_NXDOMAIN:
	case MZ_RCODE_YXDOMAIN:
		return MZ_UPDATE_RACED;
	case MZ_RCODE_REFUSED:
	case MZ_RCODE_NOTAUTH:
	case MZ_RCODE_NOTZONE:
		return MZ_UPDATE_DENIED;
	case MZ_RCODE_FORMERR:
	case MZ_RCODE_NOTIMP:
		return MZ_UPDATE_FAULT;
	default:
		return MZ_UPDATE_LATER;
	}
}

const char *mz_update_hint(const struct mz_unit *unit, unsigned rcode, bool ignored)
{
	if (ignored)
		return unit->type == MZ_TYPE_CNAME
			       ? "; other data at this name makes a server ignore a CNAME"
			       : "; a CNAME at this name, or a policy or record limit of the "
				 "server, does that";
	switch (rcode) {
	case MZ_RCODE_REFUSED:
		return unit->type == MZ_TYPE_MX ? "; let the key write this type here (BIND: "
						  "update-policy). BIND also refuses an MX "
						  "whose host inside the zone has no A or AAAA"
						: "; let the key write this name and type (BIND: "
						  "update-policy, PowerDNS: other data at "
						  "the name of a CNAME)";
	case MZ_RCODE_NOTAUTH:
		return "; let the key write this name and type (Knot: acl with update-type and "
		       "update-owner)";
	case MZ_RCODE_FORMERR:
	case MZ_RCODE_NOTIMP:
		return "; the server does not know this type";
	case MZ_RCODE_SERVFAIL:
		return "; the RRset may be too large for the server (BIND: max-records-per-type)";
	default:
		return "";
	}
}
