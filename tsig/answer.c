/* SPDX-License-Identifier: BSD-2-Clause */
/* The other side of a request: reads its TSIG and signs the answer (RFC 8945 sections 5.2, 5.3). */

#include "tsig/internal.h"

#include <string.h>

/* The name as text; empty where a label holds what tsig_key_new() takes in no name. */
static void name_text(const uint8_t *owner, char text[TSIG_NAME_MAX + 1])
{
	size_t used = 0;

	for (const uint8_t *label = owner; *label != 0; label += 1 + *label) {
		for (size_t i = 1; i <= *label; i++) {
			if (!tsig_is_name_char(label[i])) {
				text[0] = '\0';
				return;
			}
			text[used++] = (char)label[i];
		}
		text[used++] = '.';
	}
	text[used > 0 ? used - 1 : 0] = '\0';
}

enum tsig_verdict tsig_request_read(struct tsig_request *request, const uint8_t *msg, size_t len)
{
	struct tsig_rr rr = {0};
	enum tsig_verdict verdict = tsig_rr_find(msg, len, &rr);
	size_t owner_len = 0;

	memset(request, 0, sizeof(*request));
	if (verdict != TSIG_GOOD)
		return verdict;
	owner_len = tsig_rr_owner(msg, &rr, request->owner);
	if (owner_len == 0 || rr.info.mac_len > TSIG_MAC_MAX) {
		memset(request, 0, sizeof(*request));
		return TSIG_FORMAT;
	}
	request->owner_len = (uint16_t)owner_len;
	request->alg_len = (uint16_t)rr.alg_len;
	memcpy(request->alg, rr.alg, rr.alg_len);
	request->mac.len = rr.info.mac_len;
	memcpy(request->mac.octets, rr.mac, rr.info.mac_len);
	request->time_signed = rr.info.time_signed;
	name_text(request->owner, request->name);
	return TSIG_GOOD;
}

/* How a verdict is answered; all zero: not with a TSIG. */
static const struct {
	bool unsigned_tsig, signed_tsig;
	uint16_t error;
} answers[] = {
	[TSIG_GOOD] = {.signed_tsig = true},
	[TSIG_BADTIME] = {.signed_tsig = true, .error = TSIG_ERROR_BADTIME},
	[TSIG_TRUNCATED] = {.signed_tsig = true, .error = TSIG_ERROR_BADTRUNC},
	[TSIG_BADSIG] = {.unsigned_tsig = true, .error = TSIG_ERROR_BADSIG},
	[TSIG_WRONG_KEY] = {.unsigned_tsig = true, .error = TSIG_ERROR_BADKEY},
	[TSIG_WRONG_ALG] = {.unsigned_tsig = true, .error = TSIG_ERROR_BADKEY},
	[TSIG_FAILED] = {.error = 0},
};

/* Nothing is signed for who did not prove to hold the key: an oracle would be. */
static int append_unsigned(const struct tsig_request *request, struct tsig_rr *rr, uint8_t *msg,
			   size_t *len, size_t capacity)
{
	static const uint8_t no_mac[1];
	int err = TSIG_OK;

	rr->alg = request->alg;
	rr->alg_len = request->alg_len;
	rr->mac = no_mac;
	rr->original_id = tsig_get16(msg);
	err = tsig_check_room(msg, *len, capacity, tsig_rr_size(request->owner_len, rr));
	if (err == TSIG_OK)
		tsig_append(msg, len, request->owner, request->owner_len, rr);
	return err;
}

int tsig_sign_answer(const struct tsig_key *key, const struct tsig_request *request,
		     enum tsig_verdict verdict, uint8_t *msg, size_t *len, size_t capacity,
		     uint64_t now)
{
	uint8_t timers[TSIG_TIMERS_LEN] = {0};
	uint8_t error[4 + 6] = {0}; /* error, other length, our time */
	struct tsig_rr rr = {.timers = timers, .error = error, .error_len = 4};
	struct tsig_mac mac = {0};
	unsigned int row = (unsigned int)verdict;

	if (row >= sizeof(answers) / sizeof(answers[0]))
		return TSIG_EFORM;
	tsig_put_timers(timers, verdict == TSIG_BADTIME ? request->time_signed : now);
	tsig_put16(error, answers[row].error);
	if (verdict == TSIG_BADTIME) {
		tsig_put16(error + 2, 6);
		tsig_put48(error + 4, now);
		rr.error_len += 6;
	}
	if (answers[row].unsigned_tsig)
		return append_unsigned(request, &rr, msg, len, capacity);
	if (!answers[row].signed_tsig || request->mac.len < key->row->mac_min)
		return TSIG_EFORM;
	return tsig_append_signed(key, &request->mac, &rr, msg, len, capacity, &mac);
}
