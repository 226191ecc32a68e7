/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the control socket; what their files share. */
#ifndef MZ_DAEMON_COMMAND_H
#define MZ_DAEMON_COMMAND_H

#include "src/daemon/daemon.h"

/* What every command gets; all of it holds during the call only, but the request. */
struct call {
	struct app *app;
	struct mz_ctl_request *request;
	const json_t *arguments;
	const char *const *argv; /* the words behind the command */
	size_t argc;
	enum mz_format format;
	bool json, colour;
	mz_families families;
};
/* One string, integer or flag of the arguments; the default where it is missing or of another type. */
const char *call_text(const struct call *call, const char *name, const char *otherwise);
int64_t call_number(const struct call *call, const char *name, int64_t otherwise);
bool call_flag(const struct call *call, const char *name);
/* Prints a JSON value with a newline and releases it; NULL: out of memory. */
void call_print(const struct call *call, json_t *take_value);
/* Ends the request. */
void call_end(const struct call *call, int status);
/* The same once what was written is durable; err: it was not even written, for the cause's reason. Has
 * tasks that are due looked for. */
void call_end_durable(const struct call *call, int err, const struct mz_cause *cause);

/* A time as RFC 3339, or null for 0. */
json_t *json_time(int64_t wall);

/* command_status.c */
void command_status(const struct call *call);
/* command_tlsa.c */
void command_tlsa(const struct call *call);
/* command_tasks.c */
void command_tasks(const struct call *call);
void command_reconcile(const struct call *call);
/* command_dkim.c */
void command_dkim(const struct call *call);
/* command_keys.c: dkim list, of one domain or of all (NULL) */
void command_keys(const struct call *call, const struct mz_conf_domain *only);
/* command_history.c */
void command_history(const struct call *call);
/* command_run.c: what changes or reads zones */
void command_plan(const struct call *call);
void command_apply(const struct call *call);
void command_withdraw(const struct call *call);
void command_undo(const struct call *call);
void command_challenge(const struct call *call);
/* The daemon stops: ends the requests that are under way. */
void command_run_clear(void);
void command_tasks_clear(void);

/* command_pieces.c: an answer that comes piece by piece */
struct pieces_input {
	/* Adds a little more to the text, and says when it is over; an error ends the answer, after a
	 * complaint. */
	int (*more)(void *arg, struct mz_str *text, bool *over);
	void (*free)(void *arg); /* NULL is let pass */
	void *arg;		 /* NULL: out of memory */
};
/* Answers the request, now and in later turns of the loop, and ends it; *in is copied. */
void pieces_start(const struct call *call, const struct pieces_input *in);
/* Ends those that are under way. */
void pieces_clear(void);

#endif
