/* SPDX-License-Identifier: BSD-2-Clause */
/* The command tlsa gate: from the state of a running mailzoned, or as the last run left it. */
#include "src/tool/tool.h"

#include <stdio.h>
#include <string.h>

static void say(void *arg, const char *line)
{
	(void)arg;
	tool_error("%s", line);
}

static int gate(const struct options *options, const struct mz_conf *conf, const char *host)
{
	struct mz_store *store = NULL;
	struct mz_cause cause = {0};
	struct mz_str out = {0};
	int status = EXIT_FAILED,
	    err = mz_store_open_readonly(&store, conf->state_directory, &cause);

	if (err == MZ_OK || err == MZ_ENOTFOUND)
		status = mz_gate(conf, store, host, mz_clock_wall(),
				 options->format == MZ_FORMAT_JSON, &out, say, NULL);
	else
		tool_error("%s", cause.text);
	if (out.failed) {
		tool_error("%s", mz_strerror(MZ_ENOMEM));
		status = EXIT_FAILED;
	} else if (out.s != NULL) {
		(void)fputs(out.s, stdout);
	}
	mz_str_clear(&out);
	mz_store_close(store);
	return status;
}

int tool_tlsa(const struct options *options, int argc, char **argv)
{
	struct mz_conf *conf = NULL;
	int status = EXIT_FAILED;

	if (strcmp(argv[0], "gate") != 0) {
		tool_error("usage: mailzone tlsa gate HOST");
		return EXIT_WRONG_USAGE;
	}
	conf = tool_load(options);
	if (conf != NULL && !tool_hand_over(options, conf, argc, argv, &status))
		status = gate(options, conf, argv[1]);
	mz_conf_free(conf);
	return status;
}
