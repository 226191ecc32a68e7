/* SPDX-License-Identifier: BSD-2-Clause */
/* The TSIG record in a message: find, parse, compare, write and take off (RFC 8945 section 4.2). */

#include "tsig/internal.h"

#include <string.h>

#define TYPE_TO_RDATA 10 /* type, class, TTL, RDLENGTH */

/*
 * Steps over a name; 0 if it leaves the message. A compression pointer ends it: where it
 * points does not matter here.
 */
static size_t skip_name(const uint8_t *msg, size_t len, size_t pos)
{
	while (pos < len) {
		uint8_t octet = msg[pos];

		if (octet == 0)
			return pos + 1;
		if (octet >= 0xc0)
			return pos + 2 <= len ? pos + 2 : 0;
		if (octet > 63)
			return 0;
		pos += 1U + octet;
	}
	return 0;
}

/* Steps over a record and tells its type; 0 if it leaves the message. */
static size_t skip_rr(const uint8_t *msg, size_t len, size_t pos, uint16_t *type)
{
	size_t rdlength = 0;

	pos = skip_name(msg, len, pos);
	if (pos == 0 || len - pos < TYPE_TO_RDATA)
		return 0;
	*type = tsig_get16(msg + pos);
	rdlength = tsig_get16(msg + pos + 8);
	pos += TYPE_TO_RDATA;
	return rdlength <= len - pos ? pos + rdlength : 0;
}

/* The octets of the uncompressed name (RFC 3597 section 4) at `data`; 0 if it is none. */
static size_t plain_name_len(const uint8_t *data, size_t len)
{
	size_t pos = 0;

	while (pos < len && data[pos] <= 63) {
		if (data[pos] == 0)
			return pos + 1 <= TSIG_NAME_MAX ? pos + 1 : 0;
		pos += 1U + data[pos];
	}
	return 0;
}

/* Parses the record from `start` to the end of the message. False: malformed. */
static bool parse(const uint8_t *msg, size_t len, size_t start, struct tsig_rr *rr)
{
	size_t pos = skip_name(msg, len, start);
	const uint8_t *fixed = msg + pos;
	const uint8_t *end = msg + len;
	const uint8_t *p = fixed + TYPE_TO_RDATA;
	size_t other_len = 0;

	if (tsig_get16(fixed + 2) != TSIG_CLASS_ANY || tsig_get16(fixed + 4) != 0 ||
	    tsig_get16(fixed + 6) != 0)
		return false;
	rr->start = start;
	rr->alg = p;
	rr->alg_len = plain_name_len(p, (size_t)(end - p));
	p += rr->alg_len;
	if (rr->alg_len == 0 || end - p < TSIG_TIMERS_LEN + 2)
		return false;
	rr->timers = p;
	rr->info.time_signed = tsig_get48(p);
	rr->info.fudge = tsig_get16(p + 6);
	rr->info.mac_len = tsig_get16(p + 8);
	rr->mac = p + TSIG_TIMERS_LEN + 2;
	if (end - rr->mac < rr->info.mac_len + 6)
		return false;
	p = rr->mac + rr->info.mac_len;
	rr->original_id = tsig_get16(p);
	rr->error = p + 2;
	rr->info.error = tsig_get16(p + 2);
	other_len = tsig_get16(p + 4);
	rr->error_len = 4 + other_len;
	if ((size_t)(end - rr->error) != rr->error_len)
		return false;
	if (rr->info.error == TSIG_ERROR_BADTIME && other_len == 6)
		rr->info.server_time = tsig_get48(p + 6);
	return true;
}

enum tsig_verdict tsig_rr_find(const uint8_t *msg, size_t len, struct tsig_rr *rr)
{
	size_t pos = TSIG_HEADER_LEN;
	size_t start = 0;
	uint16_t type = 0;
	uint32_t records = 0;

	memset(rr, 0, sizeof(*rr));
	if (len < TSIG_HEADER_LEN || len > TSIG_MESSAGE_MAX)
		return TSIG_FORMAT;
	if (tsig_get16(msg + 10) == 0)
		return TSIG_UNSIGNED;
	for (uint32_t i = tsig_get16(msg + 4); i > 0; i--) {
		pos = skip_name(msg, len, pos);
		if (pos == 0 || len - pos < 4)
			return TSIG_FORMAT;
		pos += 4;
	}
	records = (uint32_t)tsig_get16(msg + 6) + tsig_get16(msg + 8) + tsig_get16(msg + 10);
	for (uint32_t i = records; i > 0; i--) {
		if (type == TSIG_TYPE)
			return TSIG_MISPLACED;
		start = pos;
		pos = skip_rr(msg, len, pos, &type);
		if (pos == 0)
			return TSIG_FORMAT;
	}
	if (type != TSIG_TYPE)
		return TSIG_UNSIGNED;
	if (pos != len)
		return TSIG_MISPLACED;
	if (!parse(msg, len, start, rr)) {
		memset(rr, 0, sizeof(*rr));
		return TSIG_FORMAT;
	}
	return TSIG_GOOD;
}

size_t tsig_rr_owner(const uint8_t *msg, const struct tsig_rr *rr, uint8_t *out)
{
	size_t pos = rr->start;
	size_t limit = rr->start; /* a pointer must go below the one before it, so that it ends */
	size_t used = 0;

	/* The record was found by skip_name(), so all before rr->alg can be read. */
	for (;;) {
		size_t octets = msg[pos];

		if (octets >= 0xc0) {
			size_t target = tsig_get16(msg + pos) & 0x3fffU;

			if (target >= limit || target < TSIG_HEADER_LEN)
				return 0;
			limit = target;
			pos = target;
			continue;
		}
		if (octets > 63 || used + 1 + octets > TSIG_NAME_MAX ||
		    pos + 1 + octets > (size_t)(rr->alg - msg))
			return 0;
		out[used++] = msg[pos++];
		for (size_t i = 0; i < octets; i++)
			out[used++] = tsig_lower(msg[pos++]);
		if (octets == 0)
			return used;
	}
}

bool tsig_rr_has_key(const uint8_t *msg, const struct tsig_rr *rr, const struct tsig_key *key)
{
	uint8_t owner[TSIG_NAME_MAX] = {0};

	return tsig_rr_owner(msg, rr, owner) == key->name_len &&
	       memcmp(owner, key->vars, key->name_len) == 0;
}

bool tsig_rr_has_alg(const struct tsig_rr *rr, const struct tsig_key *key)
{
	const uint8_t *ours = key->vars + key->name_len + 6;
	size_t len = key->vars_len - key->name_len - 6;

	if (rr->alg_len != len)
		return false;
	/* A length octet is at most 63, which tsig_lower() leaves alone. */
	for (size_t i = 0; i < len; i++)
		if (tsig_lower(rr->alg[i]) != ours[i])
			return false;
	return true;
}

size_t tsig_rr_size(size_t owner_len, const struct tsig_rr *rr)
{
	return owner_len + TYPE_TO_RDATA + rr->alg_len + TSIG_TIMERS_LEN + 2 + rr->info.mac_len +
	       2 + rr->error_len;
}

static uint8_t *put(uint8_t *p, const uint8_t *octets, size_t len)
{
	memcpy(p, octets, len);
	return p + len;
}

static uint8_t *put16(uint8_t *p, uint16_t value)
{
	tsig_put16(p, value);
	return p + 2;
}

void tsig_rr_write(uint8_t *out, const uint8_t *owner, size_t owner_len, const struct tsig_rr *rr)
{
	uint8_t *p = put(out, owner, owner_len);

	p = put16(p, TSIG_TYPE);
	p = put16(p, TSIG_CLASS_ANY);
	p = put16(p, 0); /* TTL */
	p = put16(p, 0);
	p = put16(p, (uint16_t)(tsig_rr_size(owner_len, rr) - owner_len - TYPE_TO_RDATA));
	p = put(p, rr->alg, rr->alg_len);
	p = put(p, rr->timers, TSIG_TIMERS_LEN);
	p = put16(p, rr->info.mac_len);
	p = put(p, rr->mac, rr->info.mac_len);
	p = put16(p, rr->original_id);
	put(p, rr->error, rr->error_len);
}

void tsig_rr_strip(uint8_t *msg, size_t *len, const struct tsig_rr *rr)
{
	*len = rr->start;
	tsig_put16(msg + 10, (uint16_t)(tsig_get16(msg + 10) - 1));
}
