/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of DKIM keys that are no more: deleted, unless somebody else uses them. */
#include "src/daemon/dkim.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Does the configuration name the file as one of its keys? By another path it is the same file. */
static bool is_named(const struct mz_conf *conf, const char *path)
{
	struct stat st = {0}, other = {0};

	if (stat(path, &st) != 0)
		return false;
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct mz_conf_domain *domain = &conf->domains[i];

		for (size_t k = 0; k < domain->dkim_key_count; k++) {
			if (stat(domain->dkim_keys[k].file, &other) == 0 &&
			    other.st_dev == st.st_dev && other.st_ino == st.st_ino)
				return true;
		}
	}
	return false;
}

static int forget(const struct mz_conf *conf, const struct mz_str *path, struct mz_cause *cause)
{
	if (path->failed)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (is_named(conf, path->s) || unlink(path->s) == 0 || errno == ENOENT)
		return MZ_OK;
	return mz_cause_set(cause, MZ_EIO, "cannot delete %s: %s", path->s, strerror(errno));
}

static int forget_copies(const struct mz_conf *conf, const char *domain, const char *selector,
			 struct mz_cause *cause)
{
	static const char *const ends[] = {"pem", "seed"};
	int err = MZ_OK;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && err == MZ_OK; i++) {
		struct mz_str path = {0};

		mz_str_addf(&path, "%s/%s/%s.%s", conf->signers.directory, domain, selector,
			    ends[i]);
		err = forget(conf, &path, cause);
		mz_str_clear(&path);
	}
	return err;
}

int dkim_files_forget(const struct mz_conf *conf, const char *domain, const char *selector,
		      struct mz_cause *cause)
{
	struct mz_str path = {0};
	int err = mz_dkim_key_path(&path, conf->state_directory, domain, selector, cause);

	if (err == MZ_OK)
		err = forget(conf, &path, cause);
	if (err == MZ_OK && conf->signers.directory != NULL)
		err = forget_copies(conf, domain, selector, cause);
	mz_str_clear(&path);
	return err;
}

void dkim_files_leave(const struct mz_conf *conf, const char *domain)
{
	struct mz_str folder = {0};

	mz_str_addf(&folder, "%s/dkim/%s", conf->state_directory, domain);
	if (!folder.failed)
		(void)rmdir(folder.s);
	mz_str_reset(&folder);
	if (conf->signers.directory != NULL)
		mz_str_addf(&folder, "%s/%s", conf->signers.directory, domain);
	if (!folder.failed && folder.len > 0)
		(void)rmdir(folder.s);
	mz_str_clear(&folder);
}
