/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that a running mailzoned answers, by its control socket. */
#include "src/tool/tool.h"

#include "mailzone/ctl.h"

#include <stdio.h>

/* The words and options of a command as the daemon wants them; NULL: out of memory. */
static json_t *pack(const struct options *options, int argc, char **argv)
{
	static const char *const formats[] = {"text", "json", "nsupdate"};
	json_t *words = json_array();
	json_t *arguments =
		json_pack("{s:s, s:b, s:I, s:b, s:b}", "format", formats[options->format], "colour",
			  options->colour, "families", (json_int_t)options->families, "wait",
			  options->wait, "renew", options->renew);

	for (int i = 0; i < argc; i++) {
		if (json_array_append_new(words, json_string(argv[i])) != 0) {
			tool_error("\"%s\" is not UTF-8", argv[i]);
			json_decref(words);
			json_decref(arguments);
			return NULL;
		}
	}
	if (options->state != NULL)
		(void)json_object_set_new(arguments, "state", json_string(options->state));
	if (options->limit > 0)
		(void)json_object_set_new(arguments, "limit", json_integer(options->limit));
	if (options->algorithm != NULL)
		(void)json_object_set_new(arguments, "algorithm", json_string(options->algorithm));
	if (options->now)
		(void)json_object_set_new(arguments, "now", json_true());
	(void)json_object_set_new(arguments, "argv", words);
	return arguments;
}

bool tool_hand_over(const struct options *options, const struct mz_conf *conf, int argc,
		    char **argv, int *status)
{
	json_t *arguments = pack(options, argc, argv);
	struct mz_cause cause = {0};
	int err = MZ_EINVAL;

	*status = EXIT_FAILED;
	if (arguments != NULL)
		err = mz_ctl_call(conf->control_socket, options->command, arguments, stdout, stderr,
				  status, &cause);
	json_decref(arguments);
	if (err == MZ_ENOTFOUND)
		return false;
	if (err != MZ_OK && cause.text[0] != '\0')
		tool_error("%s", cause.text);
	if (err != MZ_OK)
		*status = EXIT_FAILED;
	return true;
}

/* A configuration with faults says where the daemon listens all the same: it goes on with the old one. */
int tool_remote(const struct options *options, int argc, char **argv)
{
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;
	int status = EXIT_FAILED, err = mz_conf_load_partly(&conf, options->config, &errors);
	const char *path = conf == NULL ? NULL : conf->control_socket;

	if (path == NULL) {
		tool_print_errors(&errors);
		if (errors.count == 0)
			tool_error("%s: %s", options->config, mz_strerror(err));
	} else if (!tool_hand_over(options, conf, argc, argv, &status)) {
		tool_print_errors(&errors);
		tool_error("no mailzoned answers at %s: start it, or check control_socket in %s",
			   path, options->config);
	}
	mz_conf_errors_clear(&errors);
	mz_conf_free(conf);
	return status;
}
