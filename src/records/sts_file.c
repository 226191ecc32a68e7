/* SPDX-License-Identifier: BSD-2-Clause */
/* The files from which the web server serves the MTA-STS policies. */
#include "mailzone/records.h"

#include <stdlib.h>
#include <string.h>

#define POLICY_MAX 65536 /* octets that readers take (RFC 8461 3.3) */
#define POLICY_MODE 0644 /* the web server is another user */

static bool has_file(const struct mz_conf_domain *domain)
{
	return !domain->no_mail && domain->mta_sts != NULL &&
	       domain->mta_sts->policy_file != NULL &&
	       (domain->publish & 1u << MZ_FAMILY_MTA_STS) != 0;
}

static int by_file(const void *a, const void *b)
{
	const struct mz_conf_domain *x = *(const struct mz_conf_domain *const *)a;
	const struct mz_conf_domain *y = *(const struct mz_conf_domain *const *)b;
	int d = strcmp(x->mta_sts->policy_file, y->mta_sts->policy_file);

	return d != 0 ? d : strcmp(x->text, y->text);
}

static bool holds(const char *path, const struct mz_str *policy)
{
	uint8_t *octets = NULL;
	size_t len = 0;
	bool same = mz_file_read(path, POLICY_MAX, &octets, &len, NULL) == MZ_OK &&
		    len == policy->len && memcmp(octets, policy->s, len) == 0;

	free(octets);
	return same;
}

static int write_policy(const char *path, const struct mz_str *policy, struct mz_cause *cause)
{
	return holds(path, policy)
		       ? MZ_OK
		       : mz_file_write_atomic(path, policy->s, policy->len, POLICY_MODE, cause);
}

int mz_sts_file_check(const struct mz_conf_domain *domain, struct mz_cause *cause)
{
	struct mz_str policy = {0};
	int err = MZ_OK;

	if (!has_file(domain))
		return MZ_OK;
	err = mz_records_sts_policy(domain, &policy);
	if (err == MZ_OK && !holds(domain->mta_sts->policy_file, &policy))
		err = mz_cause_set(cause, MZ_EFAILED,
				   "the policy must be served before its id is published, and is "
				   "not in %.300s: see the error when it was to be written",
				   domain->mta_sts->policy_file);
	mz_str_clear(&policy);
	return err;
}

/* The domains [0, count) name one file: they must want the same in it. */
static int one_file(const struct mz_conf_domain *const *domain, size_t count, bool write,
		    struct mz_conf_errors *errors)
{
	const struct mz_conf_sts *sts = domain[0]->mta_sts;
	struct mz_str policy = {0}, other = {0};
	struct mz_cause cause = {0};
	int err = mz_records_sts_policy(domain[0], &policy);

	for (size_t i = 1; i < count && err == MZ_OK; i++) {
		if (domain[i]->mta_sts == sts && domain[i]->mx == domain[0]->mx)
			continue;
		mz_str_reset(&other);
		err = mz_records_sts_policy(domain[i], &other);
		if (err != MZ_OK ||
		    (other.len == policy.len && memcmp(other.s, policy.s, policy.len) == 0))
			continue;
		mz_conf_error(errors, &domain[i]->where,
			      "%s and %s have different MTA-STS policies, but one policy_file: %s",
			      domain[i]->text, domain[0]->text, sts->policy_file);
		err = MZ_EINVAL;
	}
	if (err == MZ_OK && write) {
		err = write_policy(sts->policy_file, &policy, &cause);
		if (err != MZ_OK)
			mz_conf_error(errors, &sts->where, "%s", cause.text);
	}
	mz_str_clear(&policy);
	mz_str_clear(&other);
	return err;
}

int mz_sts_files(const struct mz_conf_domain *const *domains, size_t count, bool write,
		 struct mz_conf_errors *errors)
{
	const struct mz_conf_domain **with = calloc(count + 1, sizeof(struct mz_conf_domain *));
	size_t n = 0, end = 0;
	int err = with == NULL ? MZ_ENOMEM : MZ_OK;

	for (size_t i = 0; i < count && with != NULL; i++) {
		if (has_file(domains[i]))
			with[n++] = domains[i];
	}
	if (n > 1)
		qsort(with, n, sizeof(struct mz_conf_domain *), by_file);
	for (size_t i = 0; i < n; i = end) {
		int one = MZ_OK;

		for (end = i + 1; end < n && strcmp(with[end]->mta_sts->policy_file,
						    with[i]->mta_sts->policy_file) == 0;)
			end++;
		one = one_file(with + i, end - i, write, errors);
		err = err == MZ_OK ? one : err;
	}
	free(with);
	return err;
}
