/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's tool: what its files share. */
#ifndef MZ_TOOL_TOOL_H
#define MZ_TOOL_TOOL_H

#include "mailzone/report.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_PENDING = 2, EXIT_WRONG_USAGE = 64 };

struct options {
	const char *config;
	enum mz_format format;
	mz_families families; /* --records */
	bool records_given;
	int verbose;
	bool colour;
	bool wait, renew;      /* reconcile */
	const char *state;     /* tasks: only these; NULL: all */
	long limit;	       /* history; 0: the daemon's own */
	const char *algorithm; /* dkim rotate: only this one; NULL: all */
	bool now;	       /* dkim rotate */
	const char *command;
};

enum {
	TAKES_RECORDS = 1,
	TAKES_NSUPDATE = 2,
	TAKES_WAIT = 4,
	TAKES_STATE = 8,
	TAKES_LIMIT = 16,
	TAKES_ROTATE = 32
};

/* A command: its arguments are what is left of the line. Returns the exit status. */
struct command {
	const char *name, *arguments, *help;
	int (*run)(const struct options *options, int argc, char **argv);
	unsigned takes; /* TAKES_ bits: the options that it has beside those of all */
	int min_arguments, max_arguments; /* max < 0: any number */
};

int tool_check(const struct options *options, int argc, char **argv);
int tool_export(const struct options *options, int argc, char **argv);
int tool_plan(const struct options *options, int argc, char **argv);
int tool_apply(const struct options *options, int argc, char **argv);
int tool_withdraw(const struct options *options, int argc, char **argv);
int tool_challenge(const struct options *options, int argc, char **argv);
int tool_tlsa(const struct options *options, int argc, char **argv);
int tool_remote(const struct options *options, int argc, char **argv);
/* Has a running mailzoned do the command: false when none answers at the control socket. */
bool tool_hand_over(const struct options *options, const struct mz_conf *conf, int argc,
		    char **argv, int *status);

/* Says one line on stderr, with the program's name. */
void tool_error(const char *fmt, ...) MZ_PRINTF(1, 2);
/* Prints the errors on stderr. */
void tool_print_errors(const struct mz_conf_errors *errors);
/* Loads the configuration or prints all its errors; NULL then. */
struct mz_conf *tool_load(const struct options *options);
/* Derives the records of the domain, to find the faults of the files it names. `out` may be NULL. */
int tool_derive(const struct mz_conf_domain *domain, struct mz_facts_cache *cache,
		struct mz_store *store, struct mz_rrlist *out, unsigned *keys_missing,
		struct mz_conf_errors *errors);

#endif
