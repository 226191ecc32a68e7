/* SPDX-License-Identifier: BSD-2-Clause */
/* How long to wait before the next attempt. Pure. */
#include "mailzone/task.h"

int64_t mz_backoff(const struct mz_conf_tasks *rules, unsigned attempt, bool slow, uint32_t random)
{
	double delay = (double)rules->initial_delay, most = (double)rules->max_delay;

	if (rules->strategy == MZ_RETRY_FIXED)
		return rules->delay > 0 ? rules->delay : 1;
	for (unsigned i = 1; i < attempt && delay < most; i++)
		delay *= rules->factor;
	if (slow || delay > most)
		delay = most;
	if (rules->jitter)
		delay -= delay / 2 * ((double)random / (double)UINT32_MAX);
	return delay < 1 ? 1 : (int64_t)delay;
}
