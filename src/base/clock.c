/* SPDX-License-Identifier: BSD-2-Clause */
/* Time and randomness, as the kernel gives them. */
#include "mailzone/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

int64_t mz_clock_wall(void)
{
	return (int64_t)time(NULL);
}

uint64_t mz_clock_mono_ns(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t mz_clock_mono_ms(void)
{
	return mz_clock_mono_ns() / 1000000u;
}

char *mz_clock_text(int64_t wall, char buf[MZ_TIME_TEXT])
{
	time_t t = (time_t)wall;
	struct tm tm = {0};

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, MZ_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

/* Random octets are drawn in blocks: an id for each message must not cost a system call each. Threads that
 * write files draw too: each has its own. */
static _Thread_local struct {
	uint8_t octets[1024];
	size_t left;
} pool;

static void draw(uint8_t *out, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(out, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* no kernel that we build for fails here; guessing is no choice */
		out += got;
		n -= (size_t)got;
	}
}

void mz_random(void *buf, size_t n)
{
	uint8_t *out = buf;

	while (n > 0) {
		if (pool.left == 0) {
			draw(pool.octets, sizeof(pool.octets));
			pool.left = sizeof(pool.octets);
		}
		pool.left--;
		*out++ = pool.octets[pool.left];
		pool.octets[pool.left] = 0;
		n--;
	}
}

uint32_t mz_random_below(uint32_t bound)
{
	uint32_t limit = UINT32_MAX - UINT32_MAX % bound, v = 0;

	do {
		mz_random(&v, sizeof(v));
	} while (v >= limit);
	return v % bound;
}
