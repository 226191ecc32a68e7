/* SPDX-License-Identifier: BSD-2-Clause */
/* The two-octet length framing of DNS over TCP (RFC 1035 4.2.2), read piece by piece. Pure. */
#ifndef MZ_NET_FRAME_H
#define MZ_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* A frame of which only a part has come. {0} is an empty one. */
struct net_frame {
	uint8_t *part; /* malloc'd when first needed: room for the longest frame */
	size_t have;   /* octets in `part`, length octets included */
};

enum net_frame_step {
	NET_FRAME_READY,  /* *msg and *len are a whole message */
	NET_FRAME_MORE,	  /* the chunk is used up */
	NET_FRAME_BROKEN, /* a length that no DNS message has */
	NET_FRAME_NOMEM,
};

/* Takes the next message from a chunk of what was read: *chunk and *left move on. *msg points
 * into the chunk where the frame lies whole in it, else into the frame's own memory, and is good
 * until the next call. */
enum net_frame_step net_frame_next(struct net_frame *frame, uint8_t **chunk, size_t *left,
				   uint8_t **msg, size_t *len);
/* Frees the memory and makes it {0} again. */
void net_frame_clear(struct net_frame *frame);

#endif
