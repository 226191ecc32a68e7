/* SPDX-License-Identifier: BSD-2-Clause */
/* Signs a request (RFC 8945 section 5.1), and the steps that answers share. */

#include "tsig/internal.h"

#include <string.h>

int tsig_check_room(const uint8_t *msg, size_t len, size_t capacity, size_t size)
{
	struct tsig_rr rr = {0};
	size_t limit = capacity < TSIG_MESSAGE_MAX ? capacity : TSIG_MESSAGE_MAX;

	if (len < TSIG_HEADER_LEN)
		return TSIG_EFORM;
	if (len > limit || size > limit - len || tsig_get16(msg + 10) == UINT16_MAX)
		return TSIG_ESPACE;
	/* A retry that signs a signed message would never verify; say so here. */
	if (tsig_rr_find(msg, len, &rr) != TSIG_UNSIGNED)
		return TSIG_EFORM;
	return TSIG_OK;
}

void tsig_append(uint8_t *msg, size_t *len, const uint8_t *owner, size_t owner_len,
		 const struct tsig_rr *rr)
{
	tsig_rr_write(msg + *len, owner, owner_len, rr);
	tsig_put16(msg + 10, (uint16_t)(tsig_get16(msg + 10) + 1));
	*len += tsig_rr_size(owner_len, rr);
}

static bool compute(const struct tsig_key *key, const struct tsig_mac *request_mac,
		    const uint8_t *msg, size_t len, const struct tsig_rr *rr,
		    uint8_t out[TSIG_MAC_MAX])
{
	return tsig_hmac_start(key->hmac) &&
	       (request_mac == NULL || tsig_digest_mac(key->hmac, request_mac)) &&
	       tsig_hmac_add(key->hmac, msg, len) && tsig_digest_vars(key->hmac, key, rr) &&
	       tsig_hmac_finish(key->hmac, out);
}

int tsig_append_signed(const struct tsig_key *key, const struct tsig_mac *request_mac,
		       struct tsig_rr *rr, uint8_t *msg, size_t *len, size_t capacity,
		       struct tsig_mac *out_mac)
{
	uint8_t mac[TSIG_MAC_MAX] = {0};
	int err = TSIG_OK;

	rr->alg = key->vars + key->name_len + 6;
	rr->alg_len = key->vars_len - key->name_len - 6;
	rr->mac = mac;
	rr->info.mac_len = key->row->mac_len;
	err = tsig_check_room(msg, *len, capacity, tsig_rr_size(key->name_len, rr));
	if (err != TSIG_OK)
		return err;
	if (!compute(key, request_mac, msg, *len, rr, mac))
		return TSIG_ECRYPTO;
	rr->original_id = tsig_get16(msg);
	tsig_append(msg, len, key->vars, key->name_len, rr);
	out_mac->len = rr->info.mac_len;
	memcpy(out_mac->octets, mac, rr->info.mac_len);
	return TSIG_OK;
}

int tsig_sign(const struct tsig_key *key, uint8_t *msg, size_t *len, size_t capacity, uint64_t now,
	      struct tsig_mac *out_mac)
{
	uint8_t timers[TSIG_TIMERS_LEN] = {0};
	static const uint8_t no_error[4];
	struct tsig_rr rr = {.timers = timers, .error = no_error, .error_len = sizeof(no_error)};

	tsig_put_timers(timers, now);
	return tsig_append_signed(key, NULL, &rr, msg, len, capacity, out_mac);
}
