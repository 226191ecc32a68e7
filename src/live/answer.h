/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the answer to one question about a zone's own data. Pure. */
#ifndef MZ_LIVE_ANSWER_H
#define MZ_LIVE_ANSWER_H

#include "mailzone/dns.h"

struct live_question {
	const uint8_t *origin, *name;
	uint16_t type; /* MZ_TYPE_ANY: everything at the name */
};

/* What an answer says beside the RRs that were kept. */
struct live_answer {
	bool found;	   /* RRs at the name */
	bool cname;	   /* among them a CNAME, which is not made up by a DNAME */
	bool no_name;	   /* NXDOMAIN, and nothing at the name: no wildcard covers it either */
	uint32_t serial;   /* of a question for the SOA */
	const char *fault; /* why it cannot be used, or NULL */
};

/* Takes an answer (NOERROR or NXDOMAIN, proven) apart: RRs at the name go to `rrs`, NS RRs of a
 * delegation above it, the SOA of another zone and DNAMEs to `cuts`; what else a server adds (the end of a CNAME chain,
 * addresses, its own DNSSEC types) is left out. MZ_ENOMEM; a useless answer is out->fault. */
int live_answer_read(const struct live_question *question, const uint8_t *wire, size_t len,
		     struct mz_rrlist *rrs, struct mz_rrlist *cuts, struct live_answer *out);

#endif
