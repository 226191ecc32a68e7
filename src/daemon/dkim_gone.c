/* SPDX-License-Identifier: BSD-2-Clause */
/* Deletes the files of DKIM keys that are no more, unless somebody may use them. */
#include "src/daemon/dkim.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
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

/* ---- what a process that was killed left --------------------------------------------------- */

/* The files of one domain. */
struct folder {
	struct app *app;
	const char *path, *name;
	DIR *dir;
};

static bool ends(const char *name, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && strncmp(name + len - n, end, n) == 0;
}

/* SELECTOR.pem.XXXXXXXX.tmp, as mz_file_write_atomic names it: nobody ever used what is in it. */
static bool is_unfinished(const char *name)
{
	size_t len = strlen(name), digits = 0;

	if (!ends(name, len, ".tmp"))
		return false;
	len -= strlen(".tmp");
	while (digits < len && isxdigit((unsigned char)name[len - digits - 1]))
		digits++;
	if (digits != 8 || len < 9 || name[len - 9] != '.')
		return false;
	return ends(name, len - 9, ".pem") || ends(name, len - 9, ".seed");
}

struct known {
	const char *file; /* "SELECTOR.pem" */
	bool found;
};

static void on_key(void *arg, const struct mz_store_dkim *key)
{
	struct known *known = arg;
	size_t len = strlen(key->selector);

	known->found = known->found || (strncasecmp(known->file, key->selector, len) == 0 &&
					strcmp(known->file + len, ".pem") == 0);
}

static void say(enum mz_log_level level, const struct folder *folder, const char *file,
		const char *reason)
{
	struct mz_str path = {0};

	mz_str_addf(&path, "%s/%s", folder->path, file);
	mz_log(level, "dkim_file", "path", path.s, "reason", reason, NULL);
	mz_str_clear(&path);
}

/* The key of a file without a row may be live: the state may have been lost, or be an old copy. */
static void look_at_key(const struct folder *folder, const char *file)
{
	struct app *app = folder->app;
	struct known known = {.file = file};
	struct mz_str path = {0};

	mz_str_addf(&path, "%s/%s", folder->path, file);
	if (mz_store_dkim_list(app->store, folder->name, on_key, &known) == MZ_OK && !known.found &&
	    !path.failed && !is_named(app->site->conf, path.s))
		say(MZ_LOG_WARNING, folder, file,
		    "the state does not know this key, which may be published all the same: "
		    "delete the file once no record has its selector");
	mz_str_clear(&path);
}

static void look_at_file(const struct folder *folder, const char *file, bool keys)
{
	struct stat st = {0};

	if (fstatat(dirfd(folder->dir), file, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return;
	if (!is_unfinished(file)) {
		if (keys && ends(file, strlen(file), ".pem"))
			look_at_key(folder, file);
	} else if (unlinkat(dirfd(folder->dir), file, 0) == 0) {
		say(MZ_LOG_INFO, folder, file, "unfinished: deleted");
	} else {
		say(MZ_LOG_ERROR, folder, file, strerror(errno));
	}
}

static void sweep_domain(struct app *app, const char *base, const char *name, bool keys)
{
	struct folder folder = {.app = app, .name = name};
	struct mz_str path = {0};
	int fd = -1;

	mz_str_addf(&path, "%s/%s", base, name);
	folder.path = path.s;
	if (!path.failed)
		fd = open(path.s, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	folder.dir = fd < 0 ? NULL : fdopendir(fd);
	for (const struct dirent *entry = NULL;
	     folder.dir != NULL && (entry = readdir(folder.dir)) != NULL;)
		look_at_file(&folder, entry->d_name, keys);
	if (folder.dir != NULL)
		(void)closedir(folder.dir);
	else if (fd >= 0)
		(void)close(fd);
	mz_str_clear(&path);
}

static void sweep(struct app *app, const char *base, bool keys)
{
	DIR *dir = opendir(base);

	for (const struct dirent *entry = NULL; dir != NULL && (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] != '.')
			sweep_domain(app, base, entry->d_name, keys);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void dkim_sweep(struct app *app)
{
	const struct mz_conf *conf = app->site->conf;
	struct mz_str base = {0};

	mz_str_addf(&base, "%s/dkim", conf->state_directory);
	if (!base.failed)
		sweep(app, base.s, true);
	mz_str_clear(&base);
	if (conf->signers.directory != NULL)
		sweep(app, conf->signers.directory, false);
}
