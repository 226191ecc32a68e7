/* SPDX-License-Identifier: BSD-2-Clause */
/* Doubts a reply, in order: length, id, opcode, question, TSIG. Pure. */
#include "src/net/internal.h"

#include <string.h>

#define HEADER_OPCODE 0x7800u
#define TSIG_ERROR_BADTIME 18

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

size_t judge_question(const uint8_t *request, size_t len)
{
	size_t pos = MZ_MSG_HEADER;

	if (len < MZ_MSG_HEADER || mz_get16(request + 4) != 1)
		return 0;
	while (pos < len && request[pos] != 0 && request[pos] < 64)
		pos += request[pos] + 1u;
	if (pos >= len || request[pos] != 0 || len - pos < 5 || pos - MZ_MSG_HEADER >= MZ_NAME_MAX)
		return 0;
	return pos + 5 - MZ_MSG_HEADER;
}

/* Label lengths are below 'A', so the name can be compared octet by octet. */
static bool question_equal(const uint8_t *a, const uint8_t *b, size_t qlen)
{
	size_t i = 0;

	for (i = 0; i < qlen - 4; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return memcmp(a + i, b + i, 4) == 0;
}

enum judge_match judge_match(const uint8_t *request, size_t qlen, uint16_t id, const uint8_t *wire,
			     size_t len)
{
	unsigned flags = 0;

	if (len < MZ_MSG_HEADER || mz_get16(wire) != id)
		return JUDGE_OTHER;
	flags = mz_get16(wire + 2);
	if ((flags & MZ_FLAG_QR) == 0 || ((flags ^ mz_get16(request + 2)) & HEADER_OPCODE) != 0)
		return JUDGE_OTHER;
	if (mz_get16(wire + 4) == 0)
		return JUDGE_BARE;
	if (mz_get16(wire + 4) != 1 || len - MZ_MSG_HEADER < qlen ||
	    !question_equal(request + MZ_MSG_HEADER, wire + MZ_MSG_HEADER, qlen))
		return JUDGE_OTHER;
	return JUDGE_MATCH;
}

bool judge_reply(enum tsig_verdict verdict, const struct tsig_info *info, unsigned rcode,
		 enum mz_net_outcome *outcome)
{
	if (verdict == TSIG_GOOD) {
		*outcome = MZ_NET_ANSWER;
		return true;
	}
	if (verdict == TSIG_PEER_ERROR) {
		*outcome = info->error == TSIG_ERROR_BADTIME ? MZ_NET_BADTIME : MZ_NET_UNPROVEN;
		return true;
	}
	/* An error that proves nothing may end an attempt, where it is one that servers send without
	 * a MAC. Any other answer that proves nothing is not one. */
	*outcome = MZ_NET_UNPROVEN;
	return rcode == MZ_RCODE_FORMERR || rcode == MZ_RCODE_SERVFAIL ||
	       rcode == MZ_RCODE_NOTIMP || rcode == MZ_RCODE_REFUSED || rcode == MZ_RCODE_NOTAUTH;
}

enum mz_fault mz_net_fault(const struct mz_answer *answer)
{
	switch (answer->outcome) {
	case MZ_NET_TIMEOUT:
	case MZ_NET_UNREACHABLE:
	case MZ_NET_LOST:
		return MZ_FAULT_SILENT;
	case MZ_NET_BADTIME:
		return MZ_FAULT_DENIED;
	case MZ_NET_BROKEN:
	case MZ_NET_STOPPED:
		return MZ_FAULT_LATER;
	case MZ_NET_ANSWER:
	case MZ_NET_UNPROVEN:
		break;
	}
	switch (answer->rcode) {
	case MZ_RCODE_NOERROR:
		return answer->outcome == MZ_NET_ANSWER ? MZ_FAULT_NONE : MZ_FAULT_LATER;
	case MZ_RCODE_REFUSED:
	case MZ_RCODE_NOTAUTH:
	case MZ_RCODE_NOTZONE:
		return MZ_FAULT_DENIED;
	case MZ_RCODE_FORMERR:
	case MZ_RCODE_NOTIMP:
		return MZ_FAULT_OTHER;
	default:
		return MZ_FAULT_LATER;
	}
}
