/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash of octets. */
#include "mailzone/base.h"

uint64_t mz_hash(uint64_t hash, const void *octets, size_t n)
{
	const uint8_t *p = octets;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 1099511628211u;
	return hash;
}
