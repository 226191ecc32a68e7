/* SPDX-License-Identifier: BSD-2-Clause */
/* mailzoned: its options. */
#include "src/daemon/daemon.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

/* Memory up to this size is kept when it is freed: the next zone needs it again at once. */
enum { KEPT_OCTETS = 1 << 20 };

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_WRONG_USAGE = 64 };

static void usage(FILE *to)
{
	(void)fprintf(to,
		      "usage: mailzoned [-c FILE] [--check]\n\n"
		      "  -c, --config FILE  the configuration (default %s)\n"
		      "      --check        read the configuration, print its errors, and end\n"
		      "  -h, --help, -V, --version\n",
		      MZ_CONFIG_FILE);
}

static int check(const char *path)
{
	struct mz_conf_errors errors = {0};
	struct site *site = NULL;
	int err = site_make(&site, path, NULL, NULL, &errors);
	bool good = false;

	if (err == MZ_OK)
		mz_facts_check(site->facts, site->conf, &errors);
	good = err == MZ_OK && errors.count == 0;
	if (errors.text.s != NULL)
		(void)fputs(errors.text.s, stderr);
	mz_conf_errors_clear(&errors);
	if (site != NULL) {
		site->conf_ref->sites = 1;
		site_release(site);
	}
	return good ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *path = MZ_CONFIG_FILE;
	bool only_check = false;
	int c = 0;

	while ((c = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			only_check = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		case 'V':
			(void)printf("mailzoned %s\n", PACKAGE_VERSION);
			return EXIT_OK;
		default:
			return EXIT_WRONG_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_WRONG_USAGE;
	}
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_OCTETS);
	(void)signal(SIGPIPE, SIG_IGN);
	mz_crypto_start();
	return only_check ? check(path) : app_run(path);
}
