/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes what signers read, in a thread: the keys are many, and each file is synced. */
#include "src/daemon/dkim.h"
#include "src/daemon/worker.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MAX = 65536, TABLE_MAX = 1 << 28 };

/* Whoever waits for a write. */
struct signers_wait {
	STAILQ_ENTRY(signers_wait) link;
	signers_written done;
	void *arg;
};

/* One write. But for `app` and `waits` it is the thread's while it is under way. */
struct signers_job {
	struct app *app;
	STAILQ_HEAD(, signers_wait) waits;
	struct site *site; /* held */
	struct mz_arena arena;
	struct mz_signer_key *keys;
	size_t count, cap;
	int64_t uid, gid; /* -1: ours */
	struct mz_cause cause;
	int err;
};

int signers_key_path(struct mz_str *out, const struct mz_conf *conf, const char *domain,
		     const char *selector, struct mz_cause *cause)
{
	int err = mz_dkim_key_path(out, conf->state_directory, domain, selector, cause);

	if (err != MZ_OK || conf->signers.directory == NULL)
		return err;
	mz_str_reset(out);
	mz_str_addf(out, "%s/%s/%s.pem", conf->signers.directory, domain, selector);
	return out->failed ? mz_cause_set(cause, MZ_ENOMEM, "out of memory") : MZ_OK;
}

/* ---- in the thread: which keys sign --------------------------------------------------------------------- */

/* The newest of a domain and algorithm counts: one that is being handed over, else the active one. */
static struct mz_signer_key *slot_for(struct signers_job *job, const char *domain,
				      enum mz_dkim_algorithm algorithm)
{
	for (size_t i = job->count; i > 0 && strcmp(job->keys[i - 1].domain, domain) == 0; i--) {
		if (job->keys[i - 1].algorithm == algorithm)
			return &job->keys[i - 1];
	}
	if (job->count == job->cap) {
		size_t cap = job->cap == 0 ? 64 : job->cap * 2;
		struct mz_signer_key *more = realloc(job->keys, cap * sizeof(*more));

		if (more == NULL)
			return NULL;
		job->keys = more;
		job->cap = cap;
	}
	return &job->keys[job->count++];
}

static void on_key(void *arg, const struct mz_store_dkim *row)
{
	struct signers_job *job = arg;
	const struct mz_conf_domain *domain = mz_conf_find_domain(job->site->conf, row->domain);
	struct mz_signer_key key = {.algorithm = row->algorithm};
	struct mz_signer_key *slot = NULL;
	struct mz_str path = {0};

	if (job->err != MZ_OK || domain == NULL || !dkim_is_kept(domain))
		return;
	job->err =
		signers_key_path(&path, job->site->conf, domain->text, row->selector, &job->cause);
	if (job->err == MZ_OK) {
		key.domain = domain->text;
		key.selector = mz_arena_strdup(&job->arena, row->selector);
		key.path = mz_arena_strdup(&job->arena, path.s);
		slot = slot_for(job, domain->text, row->algorithm);
		if (slot == NULL || key.selector == NULL || key.path == NULL)
			job->err = mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory");
		else
			*slot = key;
	}
	mz_str_clear(&path);
}

/* By a database connection of the thread's own; what it is to see was committed before. */
static int list_keys(struct signers_job *job)
{
	struct mz_store *store = NULL;
	int err = mz_store_open_readonly(&store, job->site->conf->state_directory, &job->cause);

	if (err == MZ_OK) {
		err = mz_store_dkim_signing(store, on_key, job);
		if (err != MZ_OK)
			(void)mz_cause_set(&job->cause, err, "%s", mz_store_error(store));
	}
	mz_store_close(store);
	return err == MZ_OK ? job->err : err;
}

/* ---- in the thread: files ---------------------------------------------------------------------------------- */

static int find_owner(struct signers_job *job)
{
	const struct mz_conf_signers *conf = &job->site->conf->signers;
	char buf[4096] = "";
	struct passwd pwd, *user = NULL;
	struct group grp, *group = NULL;

	job->uid = job->gid = -1;
	if (conf->owner[0] != '\0') {
		(void)getpwnam_r(conf->owner, &pwd, buf, sizeof(buf), &user);
		if (user == NULL)
			return mz_cause_set(&job->cause, MZ_ENOTFOUND,
					    "signers.owner: there is no user \"%s\"", conf->owner);
		job->uid = (int64_t)user->pw_uid;
	}
	if (conf->group[0] != '\0') {
		(void)getgrnam_r(conf->group, &grp, buf, sizeof(buf), &group);
		if (group == NULL)
			return mz_cause_set(&job->cause, MZ_ENOTFOUND,
					    "signers.group: there is no group \"%s\"", conf->group);
		job->gid = (int64_t)group->gr_gid;
	}
	return MZ_OK;
}

static unsigned mode_of(const struct signers_job *job)
{
	return job->site->conf->signers.group_reads ? 0640 : 0600;
}

/* Is the file there as it should be? Those who follow a file are not to be woken for nothing. */
static bool is_there(const struct signers_job *job, const char *path, const char *text, size_t len)
{
	struct stat st = {0};
	uint8_t *found = NULL;
	size_t n = 0;
	bool same = lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    (st.st_mode & 07777) == mode_of(job) &&
		    (job->uid < 0 || (int64_t)st.st_uid == job->uid) &&
		    (job->gid < 0 || (int64_t)st.st_gid == job->gid) && (size_t)st.st_size == len &&
		    mz_file_read(path, TABLE_MAX, &found, &n, NULL) == MZ_OK && n == len &&
		    memcmp(found, text, len) == 0;

	if (found != NULL)
		explicit_bzero(found, n);
	free(found);
	return same;
}

static int put_file(struct signers_job *job, const char *path, const char *text, size_t len)
{
	if (is_there(job, path, text, len))
		return MZ_OK;
	return mz_file_write_for(path, text, len, mode_of(job), job->uid, job->gid, &job->cause);
}

static int put_table(struct signers_job *job, enum mz_signers_file which, const char *path)
{
	struct mz_str text = {0};
	int err = MZ_OK;

	mz_signers_text(&text, which, job->keys, job->count);
	err = text.failed ? mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory")
			  : put_file(job, path, text.s, text.len);
	mz_str_clear(&text);
	return err;
}

/* Signers go through the folder to a file whose name they know; they need not list it. */
static int make_folder(struct signers_job *job, const char *path)
{
	int err = mz_file_mkdirs(path, 0711, &job->cause);

	if (err == MZ_OK && chmod(path, 0711) != 0)
		err = mz_cause_set(&job->cause, MZ_EPERM, "cannot change the mode of %s: %s", path,
				   strerror(errno));
	return err;
}

static int copy_key(struct signers_job *job, const struct mz_signer_key *key)
{
	struct mz_str from = {0};
	uint8_t *text = NULL;
	size_t len = 0;
	int err = mz_dkim_key_path(&from, job->site->conf->state_directory, key->domain,
				   key->selector, &job->cause);

	if (err == MZ_OK)
		err = mz_file_read_secret(from.s, KEY_MAX, &text, &len, &job->cause);
	if (err == MZ_OK)
		err = put_file(job, key->path, (const char *)text, len);
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
	mz_str_clear(&from);
	return err;
}

/* The same as its bare seed, for Rspamd. */
static int copy_seed(struct signers_job *job, const struct mz_signer_key *key)
{
	struct mz_str from = {0}, to = {0}, seed = {0};
	int err = mz_dkim_key_path(&from, job->site->conf->state_directory, key->domain,
				   key->selector, &job->cause);

	mz_str_addn(&to, key->path, strlen(key->path) - strlen("pem"));
	mz_str_add(&to, "seed");
	if (err == MZ_OK && to.failed)
		err = mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory");
	if (err == MZ_OK)
		err = mz_dkim_seed_read(&seed, from.s, &job->cause);
	if (err == MZ_OK)
		err = put_file(job, to.s, seed.s, seed.len);
	if (seed.s != NULL)
		explicit_bzero(seed.s, seed.cap);
	mz_str_clear(&seed);
	mz_str_clear(&from);
	mz_str_clear(&to);
	return err;
}

/* DOMAIN/current-ALGORITHM leads to the key, or to nothing where there is none. */
static int put_link(struct signers_job *job, const char *folder, enum mz_dkim_algorithm algorithm,
		    const char *selector)
{
	struct mz_str link = {0}, tmp = {0}, to = {0};
	char now[512] = "";
	int err = MZ_OK;

	mz_str_addf(&link, "%s/current-%s", folder, mz_dkim_algorithm_name(algorithm));
	mz_str_addf(&tmp, "%s.tmp", link.s);
	mz_str_addf(&to, "%s.pem", selector != NULL ? selector : "");
	if (link.failed || tmp.failed || to.failed) {
		err = mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory");
	} else if (selector == NULL) {
		if (unlink(link.s) != 0 && errno != ENOENT)
			err = MZ_EIO;
	} else if (readlink(link.s, now, sizeof(now) - 1) < 0 || strcmp(now, to.s) != 0) {
		(void)unlink(tmp.s); /* of one that did not live */
		if (symlink(to.s, tmp.s) != 0 || rename(tmp.s, link.s) != 0)
			err = MZ_EIO;
	}
	if (err == MZ_EIO)
		(void)mz_cause_set(&job->cause, err, "cannot make the link %s: %s", link.s,
				   strerror(errno));
	mz_str_clear(&link);
	mz_str_clear(&tmp);
	mz_str_clear(&to);
	return err;
}

/* The keys of one domain: those from job->keys[i] on that are its own. */
static int put_domain(struct signers_job *job, const struct mz_conf_domain *domain, size_t i)
{
	const char *selector[MZ_DKIM_ALGORITHMS] = {NULL};
	struct mz_str folder = {0};
	int err = MZ_OK;

	mz_str_addf(&folder, "%s/%s", job->site->conf->signers.directory, domain->text);
	if (folder.failed)
		err = mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory");
	if (err == MZ_OK && i < job->count)
		err = make_folder(job, folder.s);
	for (; err == MZ_OK && i < job->count && strcmp(job->keys[i].domain, domain->text) == 0;
	     i++) {
		selector[job->keys[i].algorithm] = job->keys[i].selector;
		err = copy_key(job, &job->keys[i]);
		if (err == MZ_OK && job->keys[i].algorithm == MZ_DKIM_ED25519)
			err = copy_seed(job, &job->keys[i]);
	}
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++)
		err = put_link(job, folder.s, (enum mz_dkim_algorithm)a, selector[a]);
	mz_str_clear(&folder);
	return err;
}

static int by_domain(const void *name, const void *key)
{
	return strcmp(name, ((const struct mz_signer_key *)key)->domain);
}

/* The keys are ordered by domain; job->count: it has none. */
static size_t first_key(const struct signers_job *job, const char *domain)
{
	const struct mz_signer_key *key =
		job->count == 0 ? NULL
				: bsearch(domain, job->keys, job->count, sizeof(*key), by_domain);

	while (key != NULL && key > job->keys && strcmp(key[-1].domain, domain) == 0)
		key--;
	return key == NULL ? job->count : (size_t)(key - job->keys);
}

static int put_directory(struct signers_job *job)
{
	const struct mz_conf *conf = job->site->conf;
	struct mz_str index = {0};
	int err = make_folder(job, conf->signers.directory);

	for (size_t i = 0; i < conf->domain_count && err == MZ_OK; i++) {
		if (dkim_is_kept(&conf->domains[i]))
			err = put_domain(job, &conf->domains[i],
					 first_key(job, conf->domains[i].text));
	}
	mz_str_addf(&index, "%s/index.json", conf->signers.directory);
	if (err == MZ_OK)
		err = index.failed ? mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory")
				   : put_table(job, MZ_SIGNERS_INDEX, index.s);
	mz_str_clear(&index);
	return err;
}

/* Keys before the tables that name them. */
static void run(void *arg)
{
	struct signers_job *job = arg;
	const struct mz_conf_signers *conf = &job->site->conf->signers;
	int err = list_keys(job);

	if (err == MZ_OK)
		err = find_owner(job);
	if (err == MZ_OK && conf->directory != NULL)
		err = put_directory(job);
	for (unsigned i = 0; i < MZ_SIGNERS_INDEX && err == MZ_OK; i++) {
		if (conf->file[i] != NULL)
			err = put_table(job, (enum mz_signers_file)i, conf->file[i]);
	}
	job->err = err;
}

/* ---- in the loop --------------------------------------------------------------------------------------------- */

static void job_free(struct signers_job *job)
{
	struct signers_wait *wait = NULL;

	while ((wait = STAILQ_FIRST(&job->waits)) != NULL) {
		STAILQ_REMOVE_HEAD(&job->waits, link);
		free(wait);
	}
	mz_arena_clear(&job->arena);
	free(job->keys);
	site_release(job->site);
	free(job);
}

static void on_done(void *arg, bool over);

/* Starts the write that was asked for last, when none is under way. */
static void begin(struct app *app)
{
	struct signers_job *job = app->signers_next;

	if (job == NULL || app->signers_now != NULL)
		return;
	app->signers_next = NULL;
	app->signers_now = job;
	job->site = app->site;
	site_hold(job->site);
	if (worker_order(app->writer, run, on_done, job) == MZ_OK)
		return;
	job->err = mz_cause_set(&job->cause, MZ_ENOMEM, "out of memory");
	on_done(job, false);
}

static void on_done(void *arg, bool over)
{
	struct signers_job *job = arg;
	struct app *app = job->app;
	const struct signers_wait *wait = NULL;

	app->signers_now = NULL;
	if (job->err != MZ_OK && !over)
		mz_log(MZ_LOG_ERROR, "signers", "reason", job->cause.text, NULL);
	STAILQ_FOREACH(wait, &job->waits, link)
	{
		if (!over)
			wait->done(wait->arg, job->err, job->cause.text);
	}
	job_free(job);
	if (!over)
		begin(app);
}

static struct signers_job *job_new(struct app *app)
{
	struct signers_job *job = calloc(1, sizeof(*job));

	if (job != NULL) {
		STAILQ_INIT(&job->waits);
		job->app = app;
	}
	return job;
}

bool signers_are_wanted(const struct mz_conf *conf)
{
	bool wanted = conf->signers.directory != NULL;

	for (unsigned i = 0; i < MZ_SIGNERS_INDEX; i++)
		wanted = wanted || conf->signers.file[i] != NULL;
	return wanted;
}

/* A write that is under way may have read the store before what this one is about was there. */
int signers_write(struct app *app, signers_written done, void *arg)
{
	struct signers_wait *wait = malloc(sizeof(*wait));

	if (wait != NULL && app->signers_next == NULL)
		app->signers_next = job_new(app);
	if (wait == NULL || app->signers_next == NULL) {
		free(wait);
		return MZ_ENOMEM;
	}
	*wait = (struct signers_wait){.done = done, .arg = arg};
	STAILQ_INSERT_TAIL(&app->signers_next->waits, wait, link);
	begin(app);
	return MZ_OK;
}

static void on_refreshed(void *arg, int err, const char *why)
{
	(void)arg;
	(void)err;
	(void)why; /* it is in the log */
}

static void on_committed(void *arg, int err, const char *why)
{
	struct app *app = arg;

	(void)why;
	if (err == MZ_OK && signers_write(app, on_refreshed, NULL) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "signers", "reason", mz_strerror(MZ_ENOMEM), NULL);
}

void signers_refresh(struct app *app)
{
	if (signers_are_wanted(app->site->conf) &&
	    mz_engine_commit(app->engine, on_committed, app) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "signers", "reason", mz_strerror(MZ_ENOMEM), NULL);
}

static void forget(const char *path)
{
	if (unlink(path) != 0 && errno != ENOENT)
		mz_log(MZ_LOG_ERROR, "signers", "path", path, "reason", strerror(errno), NULL);
}

void signers_forget(const struct mz_conf *conf, const char *domain, const char *selector)
{
	struct mz_str path = {0};

	if (conf->signers.directory != NULL &&
	    signers_key_path(&path, conf, domain, selector, NULL) == MZ_OK) {
		forget(path.s);
		path.len -= strlen("pem");
		mz_str_add(&path, "seed");
		if (!path.failed)
			forget(path.s);
	}
	mz_str_clear(&path);
}

void signers_clear(struct app *app)
{
	worker_free(app->writer);
	app->writer = NULL;
	if (app->signers_next != NULL)
		job_free(app->signers_next);
	app->signers_next = NULL;
}
