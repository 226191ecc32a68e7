/* SPDX-License-Identifier: BSD-2-Clause */
/* The command tlsa gate. */
#include "src/daemon/command.h"

#include <string.h>

static void say(void *arg, const char *line)
{
	mz_ctl_error(arg, "%s", line);
}

void command_tlsa(const struct call *call)
{
	struct mz_str out = {0};
	int status = 1;

	if (call->argc != 2 || strcmp(call->argv[0], "gate") != 0) {
		mz_ctl_error(call->request, "usage: mailzone tlsa gate HOST");
		call_end(call, 64);
		return;
	}
	status = mz_gate(call->app->site->conf, call->app->store, call->argv[1], mz_clock_wall(),
			 call->json, &out, say, call->request);
	if (out.failed) {
		mz_ctl_error(call->request, "out of memory");
		status = 1;
	} else if (out.s != NULL) {
		mz_ctl_output(call->request, out.s);
	}
	mz_str_clear(&out);
	call_end(call, status);
}
