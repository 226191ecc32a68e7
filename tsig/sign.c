/* SPDX-License-Identifier: BSD-2-Clause */
/* Signs requests and answers (RFC 8945 sections 5.1 and 5.3). */

#include "tsig/internal.h"

#include <string.h>

/* Whether the message can take another record. */
static int check_room(const struct tsig_key *key, const uint8_t *msg, size_t len, size_t capacity)
{
	struct tsig_rr rr = {0};
	size_t limit = capacity < TSIG_MESSAGE_MAX ? capacity : TSIG_MESSAGE_MAX;

	if (len < TSIG_HEADER_LEN)
		return TSIG_EFORM;
	if (len > limit || tsig_overhead(key) > limit - len || tsig_get16(msg + 10) == UINT16_MAX)
		return TSIG_ESPACE;
	/* A retry that signs a signed message would never verify; say so here. */
	if (tsig_rr_find(msg, len, &rr) != TSIG_UNSIGNED)
		return TSIG_EFORM;
	return TSIG_OK;
}

static int sign(const struct tsig_key *key, const struct tsig_mac *request_mac, uint8_t *msg,
		size_t *len, size_t capacity, uint64_t now, struct tsig_mac *out_mac)
{
	/* time signed, fudge, error 0, other length 0: the end of the variables */
	uint8_t times[TSIG_TIMERS_LEN + 4] = {0};
	uint8_t mac[TSIG_MAC_MAX] = {0};
	int err = check_room(key, msg, *len, capacity);

	if (err != TSIG_OK)
		return err;
	tsig_put16(times, (uint16_t)(now >> 32));
	tsig_put16(times + 2, (uint16_t)(now >> 16));
	tsig_put16(times + 4, (uint16_t)now);
	tsig_put16(times + 6, TSIG_FUDGE);
	if (!tsig_hmac_start(key->hmac) ||
	    (request_mac != NULL && !tsig_digest_mac(key->hmac, request_mac)) ||
	    !tsig_hmac_add(key->hmac, msg, *len) ||
	    !tsig_hmac_add(key->hmac, key->vars, key->vars_len) ||
	    !tsig_hmac_add(key->hmac, times, sizeof(times)) || !tsig_hmac_finish(key->hmac, mac))
		return TSIG_ECRYPTO;
	tsig_rr_write(msg + *len, key, times, mac, tsig_get16(msg));
	tsig_put16(msg + 10, (uint16_t)(tsig_get16(msg + 10) + 1));
	*len += tsig_overhead(key);
	out_mac->len = key->row->mac_len;
	memcpy(out_mac->octets, mac, out_mac->len);
	return TSIG_OK;
}

int tsig_sign(const struct tsig_key *key, uint8_t *msg, size_t *len, size_t capacity, uint64_t now,
	      struct tsig_mac *out_mac)
{
	return sign(key, NULL, msg, len, capacity, now, out_mac);
}

int tsig_sign_answer(const struct tsig_key *key, const struct tsig_mac *request_mac, uint8_t *msg,
		     size_t *len, size_t capacity, uint64_t now)
{
	struct tsig_mac mac = {0};

	return sign(key, request_mac, msg, len, capacity, now, &mac);
}

bool tsig_find_mac(const uint8_t *msg, size_t len, struct tsig_mac *out_mac)
{
	struct tsig_rr rr = {0};

	*out_mac = (struct tsig_mac){0};
	if (tsig_rr_find(msg, len, &rr) != TSIG_GOOD || rr.info.mac_len > TSIG_MAC_MAX)
		return false;
	out_mac->len = rr.info.mac_len;
	memcpy(out_mac->octets, rr.mac, out_mac->len);
	return true;
}
