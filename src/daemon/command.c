/* SPDX-License-Identifier: BSD-2-Clause */
/* What the control socket is asked for: the table of commands. */
#include "src/daemon/command.h"

#include <stdlib.h>
#include <string.h>

static void command_reload(const struct call *call)
{
	if (loader_start(call->app->loader, true, call->request) == MZ_ESPACE) {
		mz_ctl_error(call->request, "too many reloads wait already");
		call_end(call, 1);
	}
}

static void command_version(const struct call *call)
{
	mz_ctl_output(call->request, "mailzoned " PACKAGE_VERSION "\n");
	call_end(call, 0);
}

static const struct {
	const char *name;
	void (*run)(const struct call *call); /* ends the request sooner or later */
} commands[] = {
	{"apply", command_apply},	{"challenge", command_challenge},
	{"dkim", command_dkim},		{"history", command_history},
	{"plan", command_plan},		{"reconcile", command_reconcile},
	{"reload", command_reload},	{"status", command_status},
	{"tasks", command_tasks},	{"tlsa", command_tlsa},
	{"undo", command_undo},		{"version", command_version},
	{"withdraw", command_withdraw},
};

const char *call_text(const struct call *call, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(call->arguments, name));

	return text != NULL ? text : otherwise;
}

int64_t call_number(const struct call *call, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(call->arguments, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool call_flag(const struct call *call, const char *name)
{
	return json_is_true(json_object_get(call->arguments, name));
}

void call_print(const struct call *call, json_t *take_value)
{
	char *text = take_value == NULL ? NULL : json_dumps(take_value, JSON_PRESERVE_ORDER);

	if (text == NULL) {
		mz_ctl_error(call->request, "out of memory");
	} else {
		mz_ctl_output(call->request, text);
		mz_ctl_output(call->request, "\n");
	}
	free(text);
	json_decref(take_value);
}

void call_end(const struct call *call, int status)
{
	mz_ctl_end(call->request, status);
}

/* What was asked for is said to be done once it is durable. */
static void on_committed(void *arg, int err, const char *why)
{
	struct mz_ctl_request *request = arg;

	if (err != MZ_OK)
		mz_ctl_error(request, "%s", why);
	mz_ctl_end(request, err == MZ_OK ? 0 : 1);
}

static void on_gone(void *arg)
{
	(void)arg; /* it ends all the same; nobody hears it */
}

void call_end_durable(const struct call *call, int err, const struct mz_cause *cause)
{
	if (err == MZ_OK) {
		mz_ctl_on_gone(call->request, on_gone, NULL);
		run_soon(call->app);
		err = mz_engine_commit(call->app->engine, on_committed, call->request);
		if (err == MZ_OK)
			return;
	}
	mz_ctl_error(call->request, "%s", cause->text[0] != '\0' ? cause->text : mz_strerror(err));
	call_end(call, 1);
}

json_t *json_time(int64_t wall)
{
	char text[MZ_TIME_TEXT] = "";

	return wall == 0 ? json_null() : json_string(mz_clock_text(wall, text));
}

/* The words of the arguments, the caller's to free; NULL after a complaint. */
static const char **read_words(const struct call *call, size_t *count)
{
	const json_t *array = json_object_get(call->arguments, "argv");
	const char **words = NULL;

	*count = json_array_size(array);
	words = calloc(*count + 1, sizeof(words[0]));
	if (words == NULL)
		mz_ctl_error(call->request, "out of memory");
	for (size_t i = 0; i < *count && words != NULL; i++) {
		words[i] = json_string_value(json_array_get(array, i));
		if (words[i] == NULL) {
			mz_ctl_error(call->request, "argv holds something that is no string");
			free(words);
			words = NULL;
		}
	}
	return words;
}

static void run(const struct call *call, const char *command)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, command) == 0) {
			commands[i].run(call);
			return;
		}
	}
	mz_ctl_error(call->request, "this mailzoned knows no command \"%.40s\"", command);
	call_end(call, 64);
}

void command_handle(void *app, struct mz_ctl_request *request, const char *command,
		    const json_t *arguments)
{
	struct call call = {.app = app, .request = request, .arguments = arguments};
	const char **words = read_words(&call, &call.argc);

	call.json = strcmp(call_text(&call, "format", "text"), "json") == 0;
	call.format = call.json ? MZ_FORMAT_JSON : MZ_FORMAT_TEXT;
	if (strcmp(call_text(&call, "format", "text"), "nsupdate") == 0)
		call.format = MZ_FORMAT_NSUPDATE;
	call.colour = call_flag(&call, "colour");
	call.families =
		(mz_families)call_number(&call, "families", MZ_FAMILIES_ALL) & MZ_FAMILIES_ALL;
	call.argv = words;
	if (words != NULL)
		run(&call, command);
	else
		call_end(&call, 64);
	free(words);
}

void command_clear(void)
{
	command_run_clear();
	command_tasks_clear();
	pieces_clear();
}
