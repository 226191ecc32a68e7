/* SPDX-License-Identifier: BSD-2-Clause */
/* NOTIFY requests (RFC 1996) and their answers, as octets. */
#include "src/net/notify_wire.h"

#include <string.h>

#define FLAGS_OPCODE 0x7800u

static bool read_question(struct notify_in *in, const uint8_t *wire, size_t len)
{
	struct mz_reader r = {0};
	uint16_t type = 0, klass = 0;

	if (mz_reader_open(&r, wire, len) != MZ_OK || r.count[0] != 1 ||
	    mz_reader_question(&r, &in->origin, &type, &klass) != 1)
		return false;
	if (type != MZ_TYPE_SOA || klass != MZ_CLASS_IN)
		return false;
	in->qlen = r.pos - MZ_MSG_HEADER;
	return true;
}

/* The key is looked up by a name that nobody vouched for. */
static enum tsig_verdict prove(struct notify_in *in, uint8_t *wire, size_t *len, uint64_t now,
			       mz_notify_key key, void *arg)
{
	enum tsig_verdict found = tsig_request_read(&in->tsig, wire, *len);

	if (found != TSIG_GOOD)
		return found;
	if (in->tsig.name[0] != '\0')
		in->key = key(arg, in->tsig.name);
	return in->key == NULL ? TSIG_WRONG_KEY : tsig_verify(in->key, wire, len, NULL, now, NULL);
}

static enum mz_rcode rcode_of(enum tsig_verdict verdict)
{
	switch (verdict) {
	case TSIG_UNSIGNED:
	case TSIG_GOOD:
		return MZ_RCODE_NOERROR;
	case TSIG_WRONG_KEY:
	case TSIG_WRONG_ALG:
	case TSIG_BADSIG:
	case TSIG_TRUNCATED:
	case TSIG_BADTIME:
		return MZ_RCODE_NOTAUTH;
	case TSIG_FAILED:
		return MZ_RCODE_SERVFAIL;
	default:
		return MZ_RCODE_FORMERR;
	}
}

/* Takes the serial where the record is the zone's SOA in the answer section. */
static bool read_soa(struct notify_in *in, const struct mz_reader *r, const struct mz_rrview *rr)
{
	uint8_t rdata[2 * MZ_NAME_MAX + 20] = {0};
	struct mz_name owner = {0};
	long n = 0;

	if (rr->section != 1 || rr->type != MZ_TYPE_SOA || rr->klass != MZ_CLASS_IN)
		return true;
	if (mz_reader_name(r, rr->owner, &owner) != MZ_OK)
		return false;
	if (!mz_name_equal(owner.wire, in->origin.wire))
		return true;
	n = mz_reader_rdata(r, rr, rdata, sizeof rdata);
	if (n < 20)
		return false;
	in->serial = mz_get32(rdata + n - 20);
	in->have_serial = true;
	return true;
}

/* False: the records do not fill the message, no less and no more. */
static bool read_records(struct notify_in *in, const uint8_t *wire, size_t len)
{
	struct mz_reader r = {0};
	struct mz_rrview rr = {0};
	int got = 0;

	if (mz_reader_open(&r, wire, len) != MZ_OK)
		return false;
	while ((got = mz_reader_rr(&r, &rr)) == 1)
		if (!read_soa(in, &r, &rr))
			return false;
	return got == 0 && r.pos == len;
}

enum notify_kind notify_read(struct notify_in *in, uint8_t *wire, size_t len, uint64_t now,
			     mz_notify_key key, void *arg)
{
	*in = (struct notify_in){.rcode = MZ_RCODE_FORMERR};
	if (len < MZ_MSG_HEADER || len > MZ_MSG_MAX)
		return NOTIFY_IGNORED;
	in->id = mz_get16(wire);
	in->flags = mz_get16(wire + 2);
	if ((in->flags & MZ_FLAG_QR) != 0)
		return NOTIFY_IGNORED;
	if (mz_reader_opcode(in) != MZ_OPCODE_NOTIFY) {
		in->rcode = MZ_RCODE_NOTIMP;
		return NOTIFY_ANSWERED;
	}
	if (!read_question(in, wire, len))
		return NOTIFY_ANSWERED;
	in->verdict = prove(in, wire, &len, now, key, arg);
	in->rcode = rcode_of(in->verdict);
	if (in->rcode != MZ_RCODE_NOERROR)
		return NOTIFY_ANSWERED;
	if (!read_records(in, wire, len)) {
		in->rcode = MZ_RCODE_FORMERR;
		return NOTIFY_ANSWERED;
	}
	return NOTIFY_GOOD;
}

size_t notify_write(const struct notify_in *in, const uint8_t *wire, uint64_t now,
		    uint8_t out[NOTIFY_ANSWER])
{
	uint16_t flags = (uint16_t)(MZ_FLAG_QR | (in->flags & (FLAGS_OPCODE | MZ_FLAG_AA)));
	enum mz_rcode rcode = in->rcode;
	size_t len = MZ_MSG_HEADER + in->qlen;
	int err = TSIG_OK;

	memset(out, 0, MZ_MSG_HEADER);
	mz_put16(out, in->id);
	mz_put16(out + 2, (uint16_t)(flags | rcode));
	mz_put16(out + 4, in->qlen > 0 ? 1 : 0);
	memcpy(out + MZ_MSG_HEADER, wire + MZ_MSG_HEADER, in->qlen);
	if (in->verdict == TSIG_UNSIGNED)
		return len;
	err = tsig_sign_answer(in->key, &in->tsig, in->verdict, out, &len, NOTIFY_ANSWER, now);
	if (err != TSIG_OK && rcode != MZ_RCODE_FORMERR) {
		/* A MAC too short is an error of form too (RFC 8945 5.2.2.1); else the fault is
		 * ours. */
		rcode = err == TSIG_EFORM && in->verdict == TSIG_TRUNCATED ? MZ_RCODE_FORMERR
									   : MZ_RCODE_SERVFAIL;
		mz_put16(out + 2, (uint16_t)(flags | rcode));
	}
	return len;
}
