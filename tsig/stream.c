/* SPDX-License-Identifier: BSD-2-Clause */
/* Verifies an answer of many messages (RFC 8945 section 5.3.1). */

#include "tsig/internal.h"

#include <assert.h>
#include <string.h>

#define UNSIGNED_MAX 99

int tsig_stream_init(struct tsig_stream *stream, const struct tsig_key *key,
		     const struct tsig_mac *request_mac)
{
	assert(request_mac->len <= TSIG_MAC_MAX);
	memset(stream, 0, sizeof(*stream));
	/* One of its own: the key may sign and verify others between two of our messages. */
	stream->digest = tsig_hmac_dup(key->hmac);
	if (stream->digest == NULL)
		return TSIG_ENOMEM;
	stream->key = key;
	stream->prior = *request_mac;
	stream->verdict = TSIG_GOOD;
	return TSIG_OK;
}

void tsig_stream_clear(struct tsig_stream *stream)
{
	tsig_hmac_free(stream->digest);
	memset(stream, 0, sizeof(*stream));
}

bool tsig_stream_complete(const struct tsig_stream *stream)
{
	return stream->verdict == TSIG_GOOD && stream->started && stream->unsigned_run == 0;
}

/* A new run begins with the MAC before it. */
static bool open_run(struct tsig_stream *stream)
{
	if (stream->unsigned_run > 0)
		return true;
	return tsig_hmac_start(stream->digest) && tsig_digest_mac(stream->digest, &stream->prior);
}

static enum tsig_verdict take_unsigned(struct tsig_stream *stream, const uint8_t *msg, size_t len)
{
	if (!stream->started || stream->unsigned_run == UNSIGNED_MAX)
		return TSIG_UNSIGNED;
	if (!open_run(stream) || !tsig_hmac_add(stream->digest, msg, len))
		return TSIG_FAILED;
	stream->unsigned_run++;
	return TSIG_GOOD;
}

/* The first message is digested with all variables, later ones with the timers only. */
static bool close_run(struct tsig_stream *stream, const uint8_t *msg, const struct tsig_rr *rr,
		      uint8_t out[TSIG_MAC_MAX])
{
	if (!open_run(stream) || !tsig_digest_message(stream->digest, msg, rr))
		return false;
	if (!stream->started) {
		if (!tsig_digest_vars(stream->digest, stream->key, rr))
			return false;
	} else if (!tsig_hmac_add(stream->digest, rr->timers, TSIG_TIMERS_LEN)) {
		return false;
	}
	return tsig_hmac_finish(stream->digest, out);
}

static enum tsig_verdict take_signed(struct tsig_stream *stream, const uint8_t *msg,
				     const struct tsig_rr *rr, uint64_t now)
{
	uint8_t computed[TSIG_MAC_MAX] = {0};
	enum tsig_verdict verdict = tsig_check_form(stream->key, msg, rr);

	if (verdict != TSIG_GOOD)
		return verdict;
	/* After the first message the MAC covers neither error nor other data: they are hearsay. */
	if (stream->started && rr->info.error != 0)
		return TSIG_PEER_REJECTED;
	if (stream->started && rr->error_len != 4)
		return TSIG_FORMAT;
	if (!close_run(stream, msg, rr, computed))
		return TSIG_FAILED;
	verdict = tsig_check_mac(stream->key, rr, computed, now);
	if (verdict != TSIG_GOOD)
		return verdict;
	stream->prior.len = rr->info.mac_len;
	memcpy(stream->prior.octets, rr->mac, rr->info.mac_len);
	stream->unsigned_run = 0;
	stream->started = true;
	return TSIG_GOOD;
}

enum tsig_verdict tsig_stream_next(struct tsig_stream *stream, uint8_t *msg, size_t *len,
				   uint64_t now, struct tsig_info *info)
{
	struct tsig_rr rr = {0};
	enum tsig_verdict found = TSIG_FORMAT;

	if (stream->verdict == TSIG_GOOD) {
		found = tsig_rr_find(msg, *len, &rr);
		if (found == TSIG_UNSIGNED)
			stream->verdict = take_unsigned(stream, msg, *len);
		else if (found == TSIG_GOOD)
			stream->verdict = take_signed(stream, msg, &rr, now);
		else
			stream->verdict = found;
		if (found == TSIG_GOOD &&
		    (stream->verdict == TSIG_GOOD || stream->verdict == TSIG_PEER_ERROR))
			tsig_rr_strip(msg, len, &rr);
	}
	if (info != NULL)
		*info = rr.info;
	return stream->verdict;
}
