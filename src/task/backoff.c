/* SPDX-License-Identifier: BSD-2-Clause */
/* How long to wait after a failure. */
#include "mailzone/task.h"

static double exponential(const struct mz_conf_tasks *rules, unsigned attempt, uint32_t random)
{
	double delay = (double)rules->initial_delay, longest = (double)rules->max_delay;

	for (unsigned i = 1; i < attempt && delay < longest && rules->factor > 1; i++)
		delay *= rules->factor;
	if (delay > longest)
		delay = longest;
	if (rules->jitter)
		delay -= delay / 2 * random / UINT32_MAX;
	return delay + 0.5; /* to the nearest second */
}

int64_t mz_backoff(const struct mz_conf_tasks *rules, unsigned attempt, bool slow, uint32_t random)
{
	int64_t delay = 0;

	if (slow)
		delay = rules->max_delay;
	else if (rules->strategy == MZ_RETRY_FIXED)
		delay = rules->delay;
	else
		delay = (int64_t)exponential(rules, attempt, random);
	return delay < 1 ? 1 : delay;
}
