/* SPDX-License-Identifier: BSD-2-Clause */
/* RR lists as octets in a row; private to the room. */
#ifndef MZ_STORE_CODEC_H
#define MZ_STORE_CODEC_H

#include "mailzone/dns.h"

/* Version octet, count (4), then for each RR: family (1), type (2), TTL (4), length of the owner
 * (1; 0: the same as before), owner, length of the rdata (2), rdata. Numbers are big-endian. */
#define MZ_CODEC_VERSION 1

/* Adds the octets of a list (NULL is an empty one) to `out`: of all its RRs, or of those of one
 * domain when `domain` is not NULL. MZ_ENOMEM, MZ_ERANGE. */
int mz_codec_add(struct mz_str *out, const struct mz_rrlist *list, const uint16_t *domain);
/* Appends the RRs to `out`, in their order, `domain` and `claim` 0. MZ_ESTATE for octets that
 * mz_codec_add did not write, MZ_ENOMEM; then nothing is appended. */
int mz_codec_read(const uint8_t *octets, size_t len, struct mz_rrlist *out);

#endif
