/* SPDX-License-Identifier: BSD-2-Clause */
/* mailzone: options and the table of commands. */
#include "src/tool/tool.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
	{"check", "", "read the configuration and the files it names, print every error",
	 tool_check, 0, 0, 0},
	{"export", "DOMAIN...", "print the desired records as a zone file", tool_export, 0, 1, -1},
	{"plan", "[DOMAIN...] [--records FAMILY,...]",
	 "read the live zone and print what would change", tool_plan,
	 TAKES_RECORDS | TAKES_NSUPDATE, 0, -1},
	{"apply", "[DOMAIN...] [--records FAMILY,...]",
	 "plan, update, verify, wait for the secondaries", tool_apply, TAKES_RECORDS, 0, -1},
	{"withdraw", "DOMAIN", "remove every record of this domain that is ours", tool_withdraw, 0,
	 1, 1},
	{"challenge", "present DOMAIN VALUE | cleanup DOMAIN VALUE",
	 "add the TXT of an ACME DNS-01 challenge and wait until each server has it; remove it",
	 tool_challenge, 0, 3, 3},
	{"tlsa", "gate HOST", "may the certificate of HOST be switched to its next key now?",
	 tool_tlsa, 0, 2, 2},
	{"status", "[DOMAIN...]",
	 "how each domain stands (this and what follows ask a running mailzoned)", tool_remote, 0,
	 0, -1},
	{"reconcile",
	 "[DOMAIN...] [--records FAMILY,...] [--on-success-renew-certificate] [--wait]",
	 "file a task for each domain, due now", tool_remote, TAKES_RECORDS | TAKES_WAIT, 0, -1},
	{"tasks", "[--state STATE] | show ID | retry ID | reschedule ID TIME | cancel ID",
	 "the task queue", tool_remote, TAKES_STATE, 0, 3},
	{"dkim", "list [DOMAIN] | rotate DOMAIN [--algorithm A] [--now] | revoke DOMAIN SELECTOR",
	 "DKIM keys and their stage; a successor; a key that must not be used any more",
	 tool_remote, TAKES_ROTATE, 1, 3},
	{"history", "[DOMAIN] [--limit N]", "every change that was made, the newest first",
	 tool_remote, TAKES_LIMIT, 0, 1},
	{"undo", "CHANGE", "take one change back", tool_remote, 0, 1, 1},
	{"reload", "", "read the configuration anew", tool_remote, 0, 0, 0},
	{"version", "", "the version of the running mailzoned", tool_remote, 0, 0, 0},
};
/* Commands that go on with a word of their own, and how many words that makes. */
static const struct {
	const char *command, *word;
	int min, max;
} words[] = {
	{"tasks", "show", 2, 2},       {"tasks", "retry", 2, 2}, {"tasks", "cancel", 2, 2},
	{"tasks", "reschedule", 3, 3}, {"dkim", "list", 1, 2},	 {"dkim", "rotate", 2, 2},
	{"dkim", "revoke", 3, 3},
};
/* Memory up to this size is kept when it is freed: the next zone needs it again at once. */
enum { KEPT_OCTETS = 32 << 20 };
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

void tool_error(const char *fmt, ...)
{
	char text[4096] = "";
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* What was typed may be in it: one line, and nothing that a terminal would obey. */
	for (char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	(void)fflush(stdout);
	(void)fprintf(stderr, "mailzone: %s\n", text);
}

static void usage(FILE *to)
{
	(void)fputs("usage: mailzone [-c FILE] [--format text|json] [-v] COMMAND [ARGUMENT "
		    "...]\n\ncommands:\n",
		    to);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
			      commands[i].help);
	(void)fputs("\nfamilies:", to);
	for (enum mz_family f = MZ_FAMILY_NONE + 1; f < MZ_FAMILY_COUNT; f++)
		(void)fprintf(to, " %s", mz_family_name(f));
	(void)fprintf(to,
		      "\n\noptions:\n"
		      "  -c, --config FILE   the configuration (default %s)\n"
		      "      --format FORMAT text, json, or nsupdate for plan\n"
		      "      --records LIST  only these families\n"
		      "      --wait          until the tasks are over\n"
		      "      --on-success-renew-certificate\n"
		      "                      then run the certificate_renew hook\n"
		      "      --state STATE   pending, running, retry, failed or done\n"
		      "      --limit N       so many changes\n"
		      "      --algorithm A   rsa-sha256 or ed25519-sha256\n"
		      "      --now           hurry: look at the servers as often as may be\n"
		      "  -v, --verbose       say more on stderr; twice for every step\n"
		      "  -h, --help, -V, --version\n"
		      "\nexit status: 0 good, 1 failed or refused, 2 changes pending (plan) or "
		      "not yet (tlsa gate), 64 "
		      "wrong usage\n",
		      MZ_CONFIG_FILE);
}

static bool parse_families(struct options *options, const char *list)
{
	const char *p = list;

	options->families = 0;
	options->records_given = true;
	while (*p != '\0') {
		size_t n = strcspn(p, ",");
		char name[32] = "";
		enum mz_family family = MZ_FAMILY_NONE;

		if (n > 0 && n < sizeof(name)) {
			(void)snprintf(name, sizeof(name), "%.*s", (int)n, p);
			family = mz_family_from_name(name);
		}
		if (family == MZ_FAMILY_NONE) {
			tool_error("--records: there is no family \"%.*s\" (see mailzone --help)",
				   (int)n, p);
			return false;
		}
		options->families |= 1u << family;
		p += n + (p[n] == ',');
	}
	if (options->families == 0)
		tool_error("--records: name at least one family (see mailzone --help)");
	return options->families != 0;
}

static bool parse_format(struct options *options, const char *name)
{
	static const char *const names[] = {"text", "json", "nsupdate"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			options->format = (enum mz_format)i;
			return true;
		}
	}
	tool_error("--format: \"%s\" is none of text, json, nsupdate", name);
	return false;
}

static bool parse_state(struct options *options, const char *name)
{
	static const char *const names[] = {"pending", "running", "retry", "failed", "done"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			options->state = name;
			return true;
		}
	}
	tool_error("--state: \"%s\" is none of pending, running, retry, failed, done", name);
	return false;
}

static bool parse_limit(struct options *options, const char *text)
{
	char *end = NULL;

	options->limit = strtol(text, &end, 10);
	if (end == text || *end != '\0' || options->limit < 1 || options->limit > 100000)
		tool_error("--limit: \"%s\" is no number from 1 to 100000", text);
	return end != text && *end == '\0' && options->limit >= 1 && options->limit <= 100000;
}

/* The words up to here may be options. A challenge's value may begin with a hyphen, and is none. */
static int options_end(int argc, char **argv)
{
	enum { WORDS = 4 }; /* challenge present DOMAIN VALUE */
	bool challenge = argc > WORDS && strcmp(argv[argc - WORDS], "challenge") == 0;

	return challenge ? argc - WORDS : argc;
}

static bool parse_algorithm(struct options *options, const char *name)
{
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		if (strcmp(name, mz_dkim_algorithm_name((enum mz_dkim_algorithm)a)) == 0)
			options->algorithm = name;
	}
	if (options->algorithm == NULL)
		tool_error("--algorithm: \"%s\" is none of rsa-sha256, ed25519-sha256", name);
	return options->algorithm != NULL;
}

/* -1: go on; else the exit status. */
static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"format", required_argument, NULL, 'f'},
		{"records", required_argument, NULL, 'r'},
		{"verbose", no_argument, NULL, 'v'},
		{"wait", no_argument, NULL, 'w'},
		{"state", required_argument, NULL, 's'},
		{"limit", required_argument, NULL, 'l'},
		{"algorithm", required_argument, NULL, 'a'},
		{"now", no_argument, NULL, 'o'},
		{"on-success-renew-certificate", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c = 0;

	while ((c = getopt_long(argc, argv, "c:vhV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 'f':
			if (!parse_format(options, optarg))
				return EXIT_WRONG_USAGE;
			break;
		case 'r':
			if (!parse_families(options, optarg))
				return EXIT_WRONG_USAGE;
			break;
		case 'w':
			options->wait = true;
			break;
		case 'n':
			options->renew = true;
			break;
		case 's':
			if (!parse_state(options, optarg))
				return EXIT_WRONG_USAGE;
			break;
		case 'a':
			if (!parse_algorithm(options, optarg))
				return EXIT_WRONG_USAGE;
			break;
		case 'o':
			options->now = true;
			break;
		case 'l':
			if (!parse_limit(options, optarg))
				return EXIT_WRONG_USAGE;
			break;
		case 'v':
			options->verbose++;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		case 'V':
			(void)printf("mailzone %s\n", PACKAGE_VERSION);
			return EXIT_OK;
		default:
			return EXIT_WRONG_USAGE;
		}
	}
	return -1;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* Has the command all the options that were given? */
static bool fits(const struct options *options, const struct command *command)
{
	const struct {
		bool given;
		unsigned bit;
		const char *name;
	} given[] = {
		{options->records_given, TAKES_RECORDS, "--records"},
		{options->format == MZ_FORMAT_NSUPDATE, TAKES_NSUPDATE, "--format nsupdate"},
		{options->wait, TAKES_WAIT, "--wait"},
		{options->renew, TAKES_WAIT, "--on-success-renew-certificate"},
		{options->state != NULL, TAKES_STATE, "--state"},
		{options->limit != 0, TAKES_LIMIT, "--limit"},
		{options->algorithm != NULL, TAKES_ROTATE, "--algorithm"},
		{options->now, TAKES_ROTATE, "--now"},
	};

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		if (given[i].given && (command->takes & given[i].bit) == 0) {
			tool_error("%s does not take %s", command->name, given[i].name);
			return false;
		}
	}
	return true;
}

static bool words_fit(const struct command *command, int argc, char **argv)
{
	bool has_words = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && argc > 0; i++) {
		if (strcmp(words[i].command, command->name) != 0)
			continue;
		has_words = true;
		if (strcmp(words[i].word, argv[0]) == 0)
			return argc >= words[i].min && argc <= words[i].max;
	}
	return !has_words && argc >= command->min_arguments &&
	       (command->max_arguments < 0 || argc <= command->max_arguments);
}

static int run(struct options *options, int argc, char **argv)
{
	const struct command *command = NULL;

	if (argc == 0) {
		usage(stderr);
		return EXIT_WRONG_USAGE;
	}
	command = find_command(argv[0]);
	if (command == NULL) {
		tool_error("there is no command \"%s\" (see mailzone --help)", argv[0]);
		return EXIT_WRONG_USAGE;
	}
	options->command = command->name;
	argc--;
	argv++;
	if (!words_fit(command, argc, argv)) {
		tool_error("usage: mailzone %s %s", command->name, command->arguments);
		return EXIT_WRONG_USAGE;
	}
	if (!fits(options, command))
		return EXIT_WRONG_USAGE;
	return command->run(options, argc, argv);
}

int main(int argc, char **argv)
{
	struct options options = {.config = MZ_CONFIG_FILE, .families = MZ_FAMILIES_ALL};
	const char *no_color = getenv("NO_COLOR");
	int status = parse_options(&options, options_end(argc, argv), argv);

	if (status >= 0)
		return status;
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_OCTETS);
	(void)mallopt(M_MMAP_THRESHOLD, KEPT_OCTETS);
	(void)mallopt(M_MXFAST,
		      0); /* else each larger piece has all the small free ones gathered */
	(void)signal(SIGPIPE, SIG_IGN);
	mz_crypto_start();
	options.colour = isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0');
	mz_log_set_level(options.verbose >= 2	? MZ_LOG_DEBUG
			 : options.verbose == 1 ? MZ_LOG_INFO
						: MZ_LOG_WARNING);
	status = run(&options, argc - optind, argv + optind);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		tool_error("cannot write the output");
		return EXIT_FAILED;
	}
	return status;
}
