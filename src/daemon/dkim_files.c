/* SPDX-License-Identifier: BSD-2-Clause */
/* The files for signers: keys, links, tables. They are many, and each is synced: a thread writes them. */
#include "src/daemon/dkim.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MAX = 65536, TABLE_MAX = 1 << 28 };

struct files {
	const struct mz_conf *conf;
	struct mz_arena arena;
	struct mz_signer_key *keys; /* those that sign, ordered by domain */
	size_t count, cap;
	struct mz_str left; /* domains with other keys only, each with its NUL */
	int64_t uid, gid;   /* -1: ours */
	struct mz_cause *cause;
	int err; /* while keys are listed */
};

int dkim_files_key(struct mz_str *out, const struct mz_conf *conf, const char *domain,
		   const char *selector, struct mz_cause *cause)
{
	int err = mz_dkim_key_path(out, conf->state_directory, domain, selector, cause);

	if (err != MZ_OK || conf->signers.directory == NULL)
		return err;
	mz_str_reset(out);
	mz_str_addf(out, "%s/%s/%s.pem", conf->signers.directory, domain, selector);
	return out->failed ? mz_cause_set(cause, MZ_ENOMEM, "out of memory") : MZ_OK;
}

/* ---- which keys sign --------------------------------------------------------------------- */

/* The newest of a domain and algorithm counts: one that is being handed over, else the active one. */
static struct mz_signer_key *slot_for(struct files *f, const char *domain,
				      enum mz_dkim_algorithm algorithm)
{
	for (size_t i = f->count; i > 0 && strcmp(f->keys[i - 1].domain, domain) == 0; i--) {
		if (f->keys[i - 1].algorithm == algorithm)
			return &f->keys[i - 1];
	}
	if (f->count == f->cap) {
		size_t cap = f->cap == 0 ? 64 : f->cap * 2;
		struct mz_signer_key *more = realloc(f->keys, cap * sizeof(*more));

		if (more == NULL)
			return NULL;
		f->keys = more;
		f->cap = cap;
	}
	return &f->keys[f->count++];
}

static void on_key(void *arg, const struct mz_store_dkim *row)
{
	struct files *f = arg;
	const struct mz_conf_domain *domain = mz_conf_find_domain(f->conf, row->domain);
	struct mz_signer_key key = {.algorithm = row->algorithm};
	struct mz_signer_key *slot = NULL;
	struct mz_str path = {0};

	if (f->err != MZ_OK || domain == NULL || !dkim_is_kept(domain))
		return;
	f->err = dkim_files_key(&path, f->conf, domain->text, row->selector, f->cause);
	if (f->err == MZ_OK) {
		key.domain = domain->text;
		key.selector = mz_arena_strdup(&f->arena, row->selector);
		key.path = mz_arena_strdup(&f->arena, path.s);
		slot = slot_for(f, domain->text, row->algorithm);
		if (slot == NULL || key.selector == NULL || key.path == NULL)
			f->err = mz_cause_set(f->cause, MZ_ENOMEM, "out of memory");
		else
			*slot = key;
	}
	mz_str_clear(&path);
}

static void on_left(void *arg, const char *name)
{
	struct files *f = arg;
	const struct mz_conf_domain *domain = mz_conf_find_domain(f->conf, name);

	if (domain == NULL || !dkim_is_kept(domain))
		mz_str_addn(&f->left, name, strlen(name) + 1);
}

/* By a database connection of the thread's own; what it is to see was committed before. */
static int list_keys(struct files *f)
{
	struct mz_store *store = NULL;
	int err = mz_store_open_readonly(&store, f->conf->state_directory, f->cause);

	if (err == MZ_OK) {
		err = mz_store_dkim_signing(store, on_key, f);
		if (err == MZ_OK)
			err = mz_store_dkim_domains(store, on_left, f);
		if (err != MZ_OK)
			(void)mz_cause_set(f->cause, err, "%s", mz_store_error(store));
	}
	mz_store_close(store);
	return err == MZ_OK ? f->err : err;
}

/* ---- files ---------------------------------------------------------------------------------- */

static int find_owner(struct files *f)
{
	const struct mz_conf_signers *conf = &f->conf->signers;
	char buf[4096] = "";
	struct passwd pwd, *user = NULL;
	struct group grp, *group = NULL;

	f->uid = f->gid = -1;
	if (conf->owner[0] != '\0') {
		(void)getpwnam_r(conf->owner, &pwd, buf, sizeof(buf), &user);
		if (user == NULL)
			return mz_cause_set(f->cause, MZ_ENOTFOUND,
					    "signers.owner: there is no user \"%s\"", conf->owner);
		f->uid = (int64_t)user->pw_uid;
	}
	if (conf->group[0] != '\0') {
		(void)getgrnam_r(conf->group, &grp, buf, sizeof(buf), &group);
		if (group == NULL)
			return mz_cause_set(f->cause, MZ_ENOTFOUND,
					    "signers.group: there is no group \"%s\"", conf->group);
		f->gid = (int64_t)group->gr_gid;
	}
	return MZ_OK;
}

static unsigned mode_of(const struct files *f)
{
	return f->conf->signers.group_reads ? 0640 : 0600;
}

/* Is the file there as it should be? Those who follow a file are not to be woken for nothing. */
static bool is_there(const struct files *f, const char *path, const char *text, size_t len)
{
	struct stat st = {0};
	uint8_t *found = NULL;
	size_t n = 0;
	bool same = lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    (st.st_mode & 07777) == mode_of(f) &&
		    (f->uid < 0 || (int64_t)st.st_uid == f->uid) &&
		    (f->gid < 0 || (int64_t)st.st_gid == f->gid) && (size_t)st.st_size == len &&
		    mz_file_read(path, TABLE_MAX, &found, &n, NULL) == MZ_OK && n == len &&
		    memcmp(found, text, len) == 0;

	if (found != NULL)
		explicit_bzero(found, n);
	free(found);
	return same;
}

static int put_file(struct files *f, const char *path, const char *text, size_t len)
{
	if (is_there(f, path, text, len))
		return MZ_OK;
	return mz_file_write_for(path, text, len, mode_of(f), f->uid, f->gid, f->cause);
}

static int put_table(struct files *f, enum mz_signers_file which, const char *path)
{
	struct mz_str text = {0};
	int err = MZ_OK;

	mz_signers_text(&text, which, f->keys, f->count);
	err = text.failed ? mz_cause_set(f->cause, MZ_ENOMEM, "out of memory")
			  : put_file(f, path, text.s, text.len);
	mz_str_clear(&text);
	return err;
}

/* Signers go through the folder to a file whose name they know; they need not list it. */
static int make_folder(struct files *f, const char *path)
{
	int err = mz_file_mkdirs(path, 0711, f->cause);

	if (err == MZ_OK && chmod(path, 0711) != 0)
		err = mz_cause_set(f->cause, MZ_EPERM, "cannot change the mode of %s: %s", path,
				   strerror(errno));
	return err;
}

static int copy_key(struct files *f, const struct mz_signer_key *key)
{
	struct mz_str from = {0};
	uint8_t *text = NULL;
	size_t len = 0;
	int err = mz_dkim_key_path(&from, f->conf->state_directory, key->domain, key->selector,
				   f->cause);

	if (err == MZ_OK)
		err = mz_file_read_secret(from.s, KEY_MAX, &text, &len, f->cause);
	if (err == MZ_OK)
		err = put_file(f, key->path, (const char *)text, len);
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
	mz_str_clear(&from);
	return err;
}

/* The same as its bare seed, for Rspamd. */
static int copy_seed(struct files *f, const struct mz_signer_key *key)
{
	struct mz_str from = {0}, to = {0}, seed = {0};
	int err = mz_dkim_key_path(&from, f->conf->state_directory, key->domain, key->selector,
				   f->cause);

	mz_str_addn(&to, key->path, strlen(key->path) - strlen("pem"));
	mz_str_add(&to, "seed");
	if (err == MZ_OK && to.failed)
		err = mz_cause_set(f->cause, MZ_ENOMEM, "out of memory");
	if (err == MZ_OK)
		err = mz_dkim_seed_read(&seed, from.s, f->cause);
	if (err == MZ_OK)
		err = put_file(f, to.s, seed.s, seed.len);
	if (seed.s != NULL)
		explicit_bzero(seed.s, seed.cap);
	mz_str_clear(&seed);
	mz_str_clear(&from);
	mz_str_clear(&to);
	return err;
}

/* DOMAIN/current-ALGORITHM leads to the key, or to nothing where there is none. */
static int put_link(struct files *f, const char *folder, enum mz_dkim_algorithm algorithm,
		    const char *selector)
{
	struct mz_str link = {0}, tmp = {0}, to = {0};
	char now[512] = "";
	int err = MZ_OK;

	mz_str_addf(&link, "%s/current-%s", folder, mz_dkim_algorithm_name(algorithm));
	mz_str_addf(&tmp, "%s.tmp", link.s);
	mz_str_addf(&to, "%s.pem", selector != NULL ? selector : "");
	if (link.failed || tmp.failed || to.failed) {
		err = mz_cause_set(f->cause, MZ_ENOMEM, "out of memory");
	} else if (selector == NULL) {
		if (unlink(link.s) != 0 && errno != ENOENT)
			err = MZ_EIO;
	} else if (readlink(link.s, now, sizeof(now) - 1) < 0 || strcmp(now, to.s) != 0) {
		(void)unlink(tmp.s); /* of one that did not live */
		if (symlink(to.s, tmp.s) != 0 || rename(tmp.s, link.s) != 0)
			err = MZ_EIO;
	}
	if (err == MZ_EIO)
		(void)mz_cause_set(f->cause, err, "cannot make the link %s: %s", link.s,
				   strerror(errno));
	mz_str_clear(&link);
	mz_str_clear(&tmp);
	mz_str_clear(&to);
	return err;
}

/* The keys of one domain: those from f->keys[i] on that are its own. */
static int put_domain(struct files *f, const char *domain, size_t i)
{
	const char *selector[MZ_DKIM_ALGORITHMS] = {NULL};
	struct mz_str folder = {0};
	int err = MZ_OK;

	mz_str_addf(&folder, "%s/%s", f->conf->signers.directory, domain);
	if (folder.failed)
		err = mz_cause_set(f->cause, MZ_ENOMEM, "out of memory");
	if (err == MZ_OK && i < f->count)
		err = make_folder(f, folder.s);
	for (; err == MZ_OK && i < f->count && strcmp(f->keys[i].domain, domain) == 0; i++) {
		selector[f->keys[i].algorithm] = f->keys[i].selector;
		err = copy_key(f, &f->keys[i]);
		if (err == MZ_OK && f->keys[i].algorithm == MZ_DKIM_ED25519)
			err = copy_seed(f, &f->keys[i]);
	}
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++)
		err = put_link(f, folder.s, (enum mz_dkim_algorithm)a, selector[a]);
	mz_str_clear(&folder);
	return err;
}

static int by_domain(const void *name, const void *key)
{
	return strcmp(name, ((const struct mz_signer_key *)key)->domain);
}

/* The keys are ordered by domain; f->count: it has none. */
static size_t first_key(const struct files *f, const char *domain)
{
	const struct mz_signer_key *key =
		f->count == 0 ? NULL : bsearch(domain, f->keys, f->count, sizeof(*key), by_domain);

	while (key != NULL && key > f->keys && strcmp(key[-1].domain, domain) == 0)
		key--;
	return key == NULL ? f->count : (size_t)(key - f->keys);
}

static int put_directory(struct files *f)
{
	const struct mz_conf *conf = f->conf;
	struct mz_str index = {0};
	int err = make_folder(f, conf->signers.directory);

	for (size_t i = 0; i < conf->domain_count && err == MZ_OK; i++) {
		if (dkim_is_kept(&conf->domains[i]))
			err = put_domain(f, conf->domains[i].text,
					 first_key(f, conf->domains[i].text));
	}
	for (const char *name = f->left.s;
	     name != NULL && name < f->left.s + f->left.len && err == MZ_OK;
	     name += strlen(name) + 1)
		err = put_domain(f, name, f->count);
	mz_str_addf(&index, "%s/index.json", conf->signers.directory);
	if (err == MZ_OK)
		err = index.failed ? mz_cause_set(f->cause, MZ_ENOMEM, "out of memory")
				   : put_table(f, MZ_SIGNERS_INDEX, index.s);
	mz_str_clear(&index);
	return err;
}

/* Keys before the tables that name them. */
int dkim_files_write(const struct mz_conf *conf, struct mz_cause *cause)
{
	struct files f = {.conf = conf, .cause = cause};
	int err = list_keys(&f);

	if (err == MZ_OK && f.left.failed)
		err = mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (err == MZ_OK)
		err = find_owner(&f);
	if (err == MZ_OK && conf->signers.directory != NULL)
		err = put_directory(&f);
	for (unsigned i = 0; i < MZ_SIGNERS_INDEX && err == MZ_OK; i++) {
		if (conf->signers.file[i] != NULL)
			err = put_table(&f, (enum mz_signers_file)i, conf->signers.file[i]);
	}
	mz_arena_clear(&f.arena);
	mz_str_clear(&f.left);
	free(f.keys);
	return err;
}
