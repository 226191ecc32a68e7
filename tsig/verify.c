/* SPDX-License-Identifier: BSD-2-Clause */
/* Verifies one answer (RFC 8945 section 5.4), and the steps that streams share. */

#include "tsig/internal.h"

#include <assert.h>
#include <string.h>

static const char *const verdicts[] = {
	[TSIG_UNSIGNED] = "not signed",
	[TSIG_GOOD] = "good",
	[TSIG_FORMAT] = "malformed TSIG or message",
	[TSIG_MISPLACED] = "TSIG not at the end of the message",
	[TSIG_WRONG_KEY] = "signed with another key name",
	[TSIG_WRONG_ALG] = "signed with another algorithm",
	[TSIG_BADSIG] = "the signature does not verify",
	[TSIG_TRUNCATED] = "the signature is truncated",
	[TSIG_BADTIME] = "signed at a time too far from ours",
	[TSIG_PEER_ERROR] = "the peer reports a TSIG error",
	[TSIG_PEER_REJECTED] = "the peer reports a TSIG error, unsigned",
	[TSIG_FAILED] = "the signature could not be computed",
};

const char *tsig_verdict_text(enum tsig_verdict verdict)
{
	unsigned int index = (unsigned int)verdict;

	return index < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[index] : "unknown";
}

/* The IANA registry of rcodes, as far as a TSIG error field can hold them. */
static const struct {
	uint16_t error;
	const char *name;
} error_names[] = {
	{0, "NOERROR"},	 {1, "FORMERR"},  {2, "SERVFAIL"},  {3, "NXDOMAIN"}, {4, "NOTIMP"},
	{5, "REFUSED"},	 {6, "YXDOMAIN"}, {7, "YXRRSET"},   {8, "NXRRSET"},  {9, "NOTAUTH"},
	{10, "NOTZONE"}, {16, "BADSIG"},  {17, "BADKEY"},   {18, "BADTIME"}, {19, "BADMODE"},
	{20, "BADNAME"}, {21, "BADALG"},  {22, "BADTRUNC"},
};

const char *tsig_error_name(uint16_t error)
{
	for (size_t i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++)
		if (error_names[i].error == error)
			return error_names[i].name;
	return "unknown";
}

bool tsig_digest_mac(struct evp_mac_ctx_st *ctx, const struct tsig_mac *mac)
{
	uint8_t octets[2 + TSIG_MAC_MAX] = {0};

	assert(mac->len <= TSIG_MAC_MAX);
	tsig_put16(octets, mac->len);
	memcpy(octets + 2, mac->octets, mac->len);
	return tsig_hmac_add(ctx, octets, 2U + mac->len);
}

bool tsig_digest_message(struct evp_mac_ctx_st *ctx, const uint8_t *msg, const struct tsig_rr *rr)
{
	uint8_t header[TSIG_HEADER_LEN] = {0};

	/* Only the header differs from what was signed, so only the header is copied. */
	memcpy(header, msg, sizeof(header));
	tsig_put16(header, rr->original_id);
	tsig_put16(header + 10, (uint16_t)(tsig_get16(msg + 10) - 1));
	return tsig_hmac_add(ctx, header, sizeof(header)) &&
	       tsig_hmac_add(ctx, msg + sizeof(header), rr->start - sizeof(header));
}

bool tsig_digest_vars(struct evp_mac_ctx_st *ctx, const struct tsig_key *key,
		      const struct tsig_rr *rr)
{
	return tsig_hmac_add(ctx, key->vars, key->vars_len) &&
	       tsig_hmac_add(ctx, rr->timers, TSIG_TIMERS_LEN) &&
	       tsig_hmac_add(ctx, rr->error, rr->error_len);
}

enum tsig_verdict tsig_check_form(const struct tsig_key *key, const uint8_t *msg,
				  const struct tsig_rr *rr)
{
	if (!tsig_rr_has_key(msg, rr, key))
		return TSIG_WRONG_KEY;
	/* Before the algorithm: a server that knows no such key need not know its algorithm. */
	if (rr->info.mac_len == 0 && rr->info.error != 0)
		return TSIG_PEER_REJECTED;
	if (!tsig_rr_has_alg(rr, key))
		return TSIG_WRONG_ALG;
	if (rr->info.mac_len > key->row->mac_len)
		return TSIG_FORMAT;
	if (rr->info.mac_len < key->row->mac_min)
		return TSIG_TRUNCATED;
	return TSIG_GOOD;
}

static bool time_fits(const struct tsig_info *info, uint64_t now)
{
	uint64_t fudge = info->fudge < TSIG_FUDGE ? info->fudge : TSIG_FUDGE;
	uint64_t off = info->time_signed > now ? info->time_signed - now : now - info->time_signed;

	return off <= fudge;
}

enum tsig_verdict tsig_check_mac(const struct tsig_key *key, const struct tsig_rr *rr,
				 const uint8_t computed[TSIG_MAC_MAX], uint64_t now)
{
	if (!tsig_mac_equal(rr->mac, computed, rr->info.mac_len))
		return TSIG_BADSIG;
	if (!time_fits(&rr->info, now))
		return TSIG_BADTIME;
	/* Only now, as section 5.2 has it: a forged MAC must not pass for a truncated one. */
	if (rr->info.mac_len < key->row->mac_len)
		return TSIG_TRUNCATED;
	return rr->info.error != 0 ? TSIG_PEER_ERROR : TSIG_GOOD;
}

static bool compute(const struct tsig_key *key, const uint8_t *msg, const struct tsig_rr *rr,
		    const struct tsig_mac *request_mac, uint8_t out[TSIG_MAC_MAX])
{
	return tsig_hmac_start(key->hmac) &&
	       (request_mac == NULL || tsig_digest_mac(key->hmac, request_mac)) &&
	       tsig_digest_message(key->hmac, msg, rr) && tsig_digest_vars(key->hmac, key, rr) &&
	       tsig_hmac_finish(key->hmac, out);
}

enum tsig_verdict tsig_verify(const struct tsig_key *key, uint8_t *msg, size_t *len,
			      const struct tsig_mac *request_mac, uint64_t now,
			      struct tsig_info *info)
{
	struct tsig_rr rr = {0};
	uint8_t computed[TSIG_MAC_MAX] = {0};
	enum tsig_verdict verdict = tsig_rr_find(msg, *len, &rr);

	if (info != NULL)
		*info = rr.info;
	if (verdict != TSIG_GOOD)
		return verdict;
	verdict = tsig_check_form(key, msg, &rr);
	if (verdict != TSIG_GOOD)
		return verdict;
	if (!compute(key, msg, &rr, request_mac, computed))
		return TSIG_FAILED;
	verdict = tsig_check_mac(key, &rr, computed, now);
	if (verdict == TSIG_GOOD || verdict == TSIG_PEER_ERROR)
		tsig_rr_strip(msg, len, &rr);
	return verdict;
}
