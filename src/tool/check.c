/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that need no network: check and export. */
#include "src/tool/tool.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tool_print_errors(const struct mz_conf_errors *errors)
{
	if (errors->text.s != NULL)
		(void)fputs(errors->text.s, stderr);
	if (errors->dropped > 0)
		(void)fprintf(stderr, "... and %zu more errors\n", errors->dropped);
}

/* Prints what loading found. */
static void print_loading(const struct options *options, int err,
			  const struct mz_conf_errors *errors)
{
	tool_print_errors(errors);
	if (err != MZ_OK && errors->count == 0)
		tool_error("%s: %s", options->config, mz_strerror(err));
}

struct mz_conf *tool_load(const struct options *options)
{
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;
	int err = mz_conf_load(&conf, options->config, &errors);

	print_loading(options, err, &errors);
	mz_conf_errors_clear(&errors);
	return conf;
}

int tool_derive(const struct mz_conf_domain *domain, struct mz_facts_cache *cache,
		struct mz_store *store, struct mz_rrlist *out, unsigned *keys_missing,
		struct mz_conf_errors *errors)
{
	struct mz_rrlist list = {0};
	struct mz_facts facts = {0};
	int err = mz_facts_load(&facts, cache, domain, store, mz_clock_wall(), errors);

	/* Whoever takes the records takes them for all. */
	if (err == MZ_OK && facts.cert_fault != NULL && out != NULL) {
		mz_conf_error(errors, &domain->where, "%s: %s", domain->text, facts.cert_fault);
		err = MZ_EINVAL;
	}
	if (err == MZ_OK)
		err = mz_records_derive(domain, &facts, &list, errors);
	if (err != MZ_OK && errors->count == 0)
		mz_conf_error(errors, &domain->where, "%s: %s", domain->text, mz_strerror(err));
	if (keys_missing != NULL)
		*keys_missing = facts.dkim_missing;
	mz_facts_clear(&facts);
	if (err == MZ_OK && out != NULL)
		*out = list;
	else
		mz_rrlist_clear(&list);
	return err;
}

/* The state, for the keys that are in it; none where there is no state yet. */
static int open_state(const struct mz_conf *conf, struct mz_store **store)
{
	struct mz_cause cause = {0};
	int err = mz_store_open_readonly(store, conf->state_directory, &cause);

	if (err == MZ_OK || err == MZ_ENOTFOUND)
		return MZ_OK;
	tool_error("%s", cause.text);
	return err;
}

/* Do domains that name one policy file want the same in it? */
static void check_policies(const struct mz_conf *conf, struct mz_conf_errors *errors)
{
	const struct mz_conf_domain **domains = calloc(conf->domain_count + 1, sizeof(*domains));

	for (size_t i = 0; i < conf->domain_count && domains != NULL; i++)
		domains[i] = &conf->domains[i];
	if (domains == NULL ||
	    mz_sts_files(domains, conf->domain_count, false, errors) == MZ_ENOMEM)
		mz_conf_error(errors, NULL, "%s", mz_strerror(MZ_ENOMEM));
	free(domains);
}

/* Of what may come later than the configuration: it does not make it wrong. */
static void warn(const struct mz_where *where, const char *what, const char *name, const char *why)
{
	(void)fprintf(stderr, "%s:%u: warning: %s %s: %s\n", where->file, where->line, what, name,
		      why);
}

static void look_for_program(const char *const *argv, const struct mz_where *where)
{
	struct stat st = {0};

	if (argv == NULL)
		return;
	if (stat(argv[0], &st) != 0)
		warn(where, "program", argv[0], strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(argv[0], X_OK) != 0)
		warn(where, "program", argv[0], "this is no program, or not ours to run");
}

/* What is outside of the configuration, but for the files that records come from. */
static void look_outside(const struct mz_conf *conf)
{
	const struct mz_conf_signers *signers = &conf->signers;

	look_for_program(conf->hooks.dkim_activated, &conf->hooks.dkim_where);
	look_for_program(conf->hooks.certificate_renew, &conf->hooks.renew_where);
	if (signers->owner[0] != '\0' && getpwnam(signers->owner) == NULL)
		warn(&signers->owner_where, "user", signers->owner, "there is none of this name");
	if (signers->group[0] != '\0' && getgrnam(signers->group) == NULL)
		warn(&signers->group_where, "group", signers->group, "there is none of this name");
}

/* What the configuration's own text does not show: the files it names and, where it has no fault
 * itself, the records that come of them. */
static int check_files(const struct mz_conf *conf, bool derive, struct mz_conf_errors *errors)
{
	struct mz_facts_cache *cache = NULL;
	struct mz_store *store = NULL;
	int err = mz_facts_cache_new(&cache);

	if (err == MZ_OK)
		mz_facts_check(cache, conf, errors);
	if (err == MZ_OK && derive)
		err = open_state(conf, &store);
	for (size_t i = 0; i < conf->domain_count && derive && err == MZ_OK; i++)
		(void)tool_derive(&conf->domains[i], cache, store, NULL, NULL, errors);
	if (derive)
		check_policies(conf, errors);
	mz_facts_cache_free(cache);
	mz_store_close(store);
	return err;
}

int tool_check(const struct options *options, int argc, char **argv)
{
	struct mz_conf *conf = NULL;
	struct mz_conf_errors errors = {0};
	int err = mz_conf_load_partly(&conf, options->config, &errors), status = EXIT_FAILED;

	(void)argc;
	(void)argv;
	print_loading(options, err, &errors);
	mz_conf_errors_clear(&errors);
	if (conf == NULL)
		return EXIT_FAILED;
	if (err == MZ_OK)
		look_outside(conf);
	if (check_files(conf, err == MZ_OK, &errors) == MZ_OK && errors.count == 0 &&
	    err == MZ_OK) {
		(void)printf("%s: %zu domain%s on %zu server%s, no errors\n", options->config,
			     conf->domain_count, conf->domain_count == 1 ? "" : "s",
			     conf->server_count, conf->server_count == 1 ? "" : "s");
		status = EXIT_OK;
	}
	tool_print_errors(&errors);
	mz_conf_errors_clear(&errors);
	mz_conf_free(conf);
	return status;
}

static int export_domain(const struct mz_conf_domain *domain, struct mz_facts_cache *cache,
			 struct mz_store *store)
{
	struct mz_conf_errors errors = {0};
	struct mz_rrlist list = {0};
	struct mz_str text = {0};
	unsigned missing = 0;
	int err = tool_derive(domain, cache, store, &list, &missing, &errors);

	tool_print_errors(&errors);
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		if ((missing >> a & 1u) != 0)
			mz_str_addf(&text, "; %s: %s for %s\n", domain->text,
				    domain->automatic
					    ? "the first apply makes a DKIM key"
					    : "DNS is under manual management, so nothing "
					      "makes a DKIM key",
				    mz_dkim_algorithm_name((enum mz_dkim_algorithm)a));
	}
	for (size_t i = 0; i < list.count; i++) {
		mz_rr_to_text(&list.rr[i], &text);
		mz_str_addc(&text, '\n');
	}
	if (text.failed)
		err = MZ_ENOMEM;
	if (err == MZ_OK && text.s != NULL)
		(void)fputs(text.s, stdout);
	mz_conf_errors_clear(&errors);
	mz_rrlist_clear(&list);
	mz_str_clear(&text);
	return err;
}

int tool_export(const struct options *options, int argc, char **argv)
{
	struct mz_conf *conf = tool_load(options);
	struct mz_facts_cache *cache = NULL;
	struct mz_store *store = NULL;
	int status = EXIT_FAILED;

	if (conf == NULL || open_state(conf, &store) != MZ_OK ||
	    mz_facts_cache_new(&cache) != MZ_OK)
		goto done;
	status = EXIT_OK;
	for (int i = 0; i < argc; i++) {
		const struct mz_conf_domain *domain = mz_conf_find_domain(conf, argv[i]);

		if (domain == NULL) {
			tool_error("there is no domain \"%s\" in %s", argv[i], options->config);
			status = EXIT_FAILED;
		} else if (export_domain(domain, cache, store) != MZ_OK) {
			status = EXIT_FAILED;
		}
	}
done:
	mz_facts_cache_free(cache);
	mz_store_close(store);
	mz_conf_free(conf);
	return status;
}
