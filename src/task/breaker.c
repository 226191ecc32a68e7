/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that does not answer is left alone, and asked now and then whether it is back. */
#include "mailzone/task.h"

#include <stdio.h>

enum { FAILURES_MAX = 5, FIRST_PROBE = 5, LAST_PROBE = 60 };

static void set_state(struct mz_breaker *breaker, enum mz_breaker_state state, int64_t now)
{
	if (breaker->state != state)
		breaker->since = now;
	breaker->state = state;
}

int64_t mz_breaker_wait(const struct mz_breaker *breaker, int64_t now)
{
	/* A clock that was set back must not keep a server away for long. */
	if (breaker->state != MZ_BREAKER_DOWN || breaker->next_probe <= now ||
	    breaker->next_probe - now > LAST_PROBE)
		return 0;
	return breaker->next_probe;
}

bool mz_breaker_allows(struct mz_breaker *breaker, int64_t now)
{
	if (mz_breaker_wait(breaker, now) != 0)
		return false;
	if (breaker->state == MZ_BREAKER_DOWN) {
		breaker->probing = true;
		breaker->next_probe = now + LAST_PROBE;
	}
	return true;
}

void mz_breaker_good(struct mz_breaker *breaker, int64_t now)
{
	set_state(breaker, MZ_BREAKER_OK, now);
	breaker->failures = 0;
	breaker->next_probe = 0;
	breaker->probing = false;
	breaker->reason[0] = '\0';
}

static int64_t probe_delay(unsigned failures)
{
	int64_t delay = FIRST_PROBE;

	for (unsigned i = FAILURES_MAX; i < failures && delay < LAST_PROBE; i++)
		delay *= 2;
	return delay < LAST_PROBE ? delay : LAST_PROBE;
}

void mz_breaker_bad(struct mz_breaker *breaker, int64_t now, const char *reason)
{
	(void)snprintf(breaker->reason, sizeof(breaker->reason), "%s", reason);
	/* Many jobs may be under way when a server goes down: they all say the same. */
	if (breaker->state == MZ_BREAKER_DOWN && !breaker->probing)
		return;
	breaker->failures++;
	breaker->probing = false;
	if (breaker->failures < FAILURES_MAX) {
		set_state(breaker, MZ_BREAKER_SLOW, now);
		return;
	}
	set_state(breaker, MZ_BREAKER_DOWN, now);
	breaker->next_probe = now + probe_delay(breaker->failures);
}
