/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that does not answer is probed, not hammered. Pure. */
#include "mailzone/task.h"

#include <stdio.h>

enum { FAILURES_MAX = 5, PROBE_FIRST_S = 5, PROBE_MOST_S = 60 };

int64_t mz_breaker_wait(const struct mz_breaker *breaker, int64_t now)
{
	if (breaker->state != MZ_BREAKER_DOWN)
		return 0;
	if (breaker->probing) /* its outcome tells more */
		return now + PROBE_FIRST_S;
	return breaker->next_probe > now ? breaker->next_probe : 0;
}

bool mz_breaker_allows(struct mz_breaker *breaker, int64_t now)
{
	if (mz_breaker_wait(breaker, now) != 0)
		return false;
	breaker->probing = breaker->state == MZ_BREAKER_DOWN;
	return true;
}

static void enter(struct mz_breaker *breaker, enum mz_breaker_state state, int64_t now)
{
	if (breaker->state != state)
		breaker->since = now;
	breaker->state = state;
}

void mz_breaker_good(struct mz_breaker *breaker, int64_t now)
{
	enter(breaker, MZ_BREAKER_OK, now);
	breaker->failures = 0;
	breaker->probing = false;
	breaker->reason[0] = '\0';
}

void mz_breaker_bad(struct mz_breaker *breaker, int64_t now, const char *reason)
{
	int64_t wait = PROBE_FIRST_S;

	/* Of many jobs that were under way when it went down, only the first ones say something new. */
	if (breaker->state == MZ_BREAKER_DOWN && !breaker->probing)
		return;
	breaker->failures++;
	breaker->probing = false;
	(void)snprintf(breaker->reason, sizeof(breaker->reason), "%s", reason);
	if (breaker->failures < FAILURES_MAX) {
		enter(breaker, MZ_BREAKER_SLOW, now);
		return;
	}
	enter(breaker, MZ_BREAKER_DOWN, now);
	for (unsigned i = FAILURES_MAX; i < breaker->failures && wait < PROBE_MOST_S; i++)
		wait *= 2;
	breaker->next_probe = now + (wait < PROBE_MOST_S ? wait : PROBE_MOST_S);
}
