/* SPDX-License-Identifier: BSD-2-Clause */
/* The two-octet length framing of DNS over TCP, read piece by piece. Pure. */
#include "src/net/frame.h"

#include <stdlib.h>
#include <string.h>

#include "mailzone/dns.h"

#define FRAME_MAX (2u + MZ_MSG_MAX)

static enum net_frame_step check_len(size_t len)
{
	return len < MZ_MSG_HEADER ? NET_FRAME_BROKEN : NET_FRAME_READY;
}

/* Moves octets from the chunk to the part until that holds `want`. False: the chunk ran out. */
static bool fill(struct net_frame *frame, size_t want, uint8_t **chunk, size_t *left)
{
	size_t n = want - frame->have;

	if (n > *left)
		n = *left;
	memcpy(frame->part + frame->have, *chunk, n);
	frame->have += n;
	*chunk += n;
	*left -= n;
	return frame->have == want;
}

static enum net_frame_step next_part(struct net_frame *frame, uint8_t **chunk, size_t *left,
				     uint8_t **msg, size_t *len)
{
	if (frame->part == NULL && (frame->part = malloc(FRAME_MAX)) == NULL)
		return NET_FRAME_NOMEM;
	if (frame->have < 2 && !fill(frame, 2, chunk, left))
		return NET_FRAME_MORE;
	*len = mz_get16(frame->part);
	if (check_len(*len) == NET_FRAME_BROKEN)
		return NET_FRAME_BROKEN;
	if (!fill(frame, 2 + *len, chunk, left))
		return NET_FRAME_MORE;
	*msg = frame->part + 2;
	frame->have = 0;
	return NET_FRAME_READY;
}

enum net_frame_step net_frame_next(struct net_frame *frame, uint8_t **chunk, size_t *left,
				   uint8_t **msg, size_t *len)
{
	if (*left == 0)
		return NET_FRAME_MORE;
	if (frame->have == 0 && *left >= 2) {
		*len = mz_get16(*chunk);
		if (check_len(*len) == NET_FRAME_BROKEN)
			return NET_FRAME_BROKEN;
		if (*left - 2 >= *len) {
			*msg = *chunk + 2;
			*chunk += 2 + *len;
			*left -= 2 + *len;
			return NET_FRAME_READY;
		}
	}
	return next_part(frame, chunk, left, msg, len);
}

void net_frame_clear(struct net_frame *frame)
{
	free(frame->part);
	*frame = (struct net_frame){0};
}
