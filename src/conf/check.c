/* SPDX-License-Identifier: BSD-2-Clause */
/* References and names given twice; keys, servers and tasks. */
#include "src/conf/check.h"

#include <stdio.h>
#include <string.h>

#include "src/conf/value.h"

/* ---- names ---- */

size_t conf_refer(struct conf_ctx *ctx, const struct conf_index *index, const char *what,
		  const char *name, const config_setting_t *group, const char *setting)
{
	char quoted[CONF_QUOTE_TEXT] = "", hint[CONF_HINT] = "";
	size_t i = conf_index_find(index, name);

	if (i == SIZE_MAX)
		conf_fault(ctx, conf_member(group, setting), "%s: there is no %s \"%s\"%s", setting,
			   what, conf_quote(name, quoted),
			   conf_hint(hint, name, conf_index_name, index));
	return i;
}

void conf_index_names(struct conf_ctx *ctx, struct conf_index *index, const char *what,
		      const void *items, size_t count,
		      const char *(*name)(const void *items, size_t i),
		      struct conf_place (*place)(const void *items, size_t i))
{
	const struct conf_index_entry *first = NULL;
	size_t i = 0, n = 0;

	if (!conf_index_init(ctx, index, count))
		return;
	for (i = 0; i < count; i++)
		if (name(items, i))
			index->entries[n++] = (struct conf_index_entry){name(items, i), i};
	index->count = n;
	conf_index_sort(index);
	for (i = 0; i < n; i++) {
		const struct conf_index_entry *entry = &index->entries[i];
		struct conf_place before = {0}, here = {0};

		if (!first || strcmp(first->name, entry->name) != 0) {
			first = entry;
			continue;
		}
		before = place(items, first->i);
		here = place(items, entry->i);
		conf_fault_at(ctx, &here, "the %s \"%.255s\" is given twice; first at %s:%u", what,
			      entry->name, before.where.file, before.where.line);
	}
}

const char *conf_plain_name(struct conf_ctx *ctx, const char *name)
{
	size_t len = strlen(name), i = 0;
	char *plain = conf_work(ctx, len + 1);

	if (!plain)
		return name;
	for (i = 0; i < len; i++)
		plain[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	if (len > 1 && plain[len - 1] == '.')
		plain[len - 1] = '\0';
	return plain;
}

/* ---- keys ---- */

static void check_secret_mode(struct conf_ctx *ctx, const struct raw_key *raw)
{
	const config_setting_t *at = conf_member(raw->at, "secret");
	const struct conf_tree *tree = (const struct conf_tree *)at->config;
	const struct conf_file *file = NULL;
	unsigned line = 0;

	file = conf_source_where(tree->source, conf_place(at).line, &line);
	if (file->mode & 0006u)
		conf_fault(ctx, at,
			   "a secret stands here, and the file can be %s by everyone: chmod o-rw "
			   "%s",
			   file->mode & 0004u ? "read" : "written", file->name);
}

/* The key from wherever its secret is. Returns an enum tsig_err; `at` is what to point at. */
static int load_key(struct conf_ctx *ctx, const struct raw_key *raw, struct tsig_key **out,
		    char cause[TSIG_CAUSE_MAX], const config_setting_t **at)
{
	int err = TSIG_OK;

	if (raw->secret) {
		*at = conf_member(raw->at, "secret");
		check_secret_mode(ctx, raw);
		err = tsig_key_from_base64(out, raw->name, raw->algorithm, raw->secret);
		/* It is libconfig's memory, which is not wiped when it is freed. */
		explicit_bzero((*at)->value.sval, strlen(raw->secret));
		return err;
	}
	if (raw->secret_file) {
		*at = conf_member(raw->at, "secret_file");
		return tsig_key_from_secret_file(out, raw->name, raw->algorithm, raw->secret_file,
						 cause);
	}
	*at = conf_member(raw->at, "file");
	err = tsig_key_from_bind_file(out, raw->name, raw->file, cause);
	if (err == TSIG_OK && conf_member(raw->at, "algorithm") != raw->at &&
	    tsig_key_alg(*out) != raw->algorithm)
		conf_fault(ctx, conf_member(raw->at, "algorithm"),
			   "the key in %s is for %s: leave algorithm out here", raw->file,
			   tsig_alg_name(tsig_key_alg(*out)));
	return err;
}

static void check_key(struct conf_ctx *ctx, struct raw_key *raw, struct mz_conf_key *out)
{
	int given = (raw->secret != NULL) + (raw->secret_file != NULL) + (raw->file != NULL);
	char cause[TSIG_CAUSE_MAX] = "";
	const config_setting_t *at = raw->at;
	int err = TSIG_OK;

	out->name = raw->name;
	out->where = conf_where(raw->at);
	if (given > 1)
		conf_fault(ctx, raw->at,
			   "this key has more than one of \"secret\", \"secret_file\" and "
			   "\"file\"");
	else if (given == 0 && conf_member(raw->at, "secret") == raw->at &&
		 conf_member(raw->at, "secret_file") == raw->at &&
		 conf_member(raw->at, "file") == raw->at)
		conf_fault(ctx, raw->at,
			   "this key has no secret: give \"secret_file\", \"file\" or \"secret\"");
	if (given != 1 || !raw->name)
		return;
	err = load_key(ctx, raw, &out->key, cause, &at);
	if (err == TSIG_ENOMEM)
		ctx->nomem = true;
	else if (err == TSIG_EKEYNAME)
		conf_fault(ctx, conf_member(raw->at, "name"), "name \"%s\" %s", raw->name,
			   tsig_strerror(err));
	else if (err != TSIG_OK)
		conf_fault(ctx, at, "key \"%s\": %s", raw->name,
			   cause[0] ? cause : tsig_strerror(err));
}

static const char *raw_key_name(const void *items, size_t i)
{
	return ((const struct raw_key *)items)[i].plain;
}

static struct conf_place raw_key_place(const void *items, size_t i)
{
	return conf_place(conf_member(((const struct raw_key *)items)[i].at, "name"));
}

void conf_check_keys(struct conf_ctx *ctx, const struct raw_list *keys)
{
	struct mz_conf *conf = ctx->conf;
	struct raw_key *raw = keys->items;
	size_t i = 0;

	conf->keys = conf_keep(ctx, keys->count * sizeof *conf->keys);
	if (!conf->keys)
		return;
	conf->key_count = keys->count;
	for (i = 0; i < keys->count; i++) {
		raw[i].plain = raw[i].name ? conf_plain_name(ctx, raw[i].name) : NULL;
		check_key(ctx, &raw[i], &conf->keys[i]);
	}
	conf_index_names(ctx, &ctx->keys, "key", raw, keys->count, raw_key_name, raw_key_place);
}

static struct tsig_key *find_key(struct conf_ctx *ctx, const struct raw_server *raw,
				 const char *setting, const char *name)
{
	size_t i = 0;

	if (!*name)
		return NULL;
	i = conf_refer(ctx, &ctx->keys, "key", conf_plain_name(ctx, name), raw->at, setting);
	return i == SIZE_MAX ? NULL : ctx->conf->keys[i].key;
}

/* ---- servers ---- */

static const char *raw_server_name(const void *items, size_t i)
{
	return ((const struct raw_server *)items)[i].out.name;
}

static struct conf_place raw_server_place(const void *items, size_t i)
{
	return conf_place(conf_member(((const struct raw_server *)items)[i].at, "name"));
}

static void check_endpoints(struct conf_ctx *ctx, const config_setting_t *list,
			    const struct mz_endpoint *all, size_t count)
{
	size_t i = 0, j = 0;

	for (i = 1; i < count; i++)
		for (j = 0; j < i; j++)
			if (memcmp(&all[i], &all[j], sizeof *all) == 0)
				conf_fault(ctx, config_setting_get_elem(list, (unsigned)i),
					   "%s names %s port %u twice", config_setting_name(list),
					   all[i].host, all[i].port);
}

void conf_check_servers(struct conf_ctx *ctx, const struct raw_list *servers)
{
	struct mz_conf *conf = ctx->conf;
	const struct raw_server *raw = servers->items;
	size_t i = 0;

	conf->servers = conf_keep(ctx, servers->count * sizeof *conf->servers);
	if (!conf->servers)
		return;
	conf->server_count = servers->count;
	for (i = 0; i < servers->count; i++) {
		struct mz_conf_server *out = &conf->servers[i];

		*out = raw[i].out;
		out->where = conf_where(raw[i].at);
		out->key = find_key(ctx, &raw[i], "key", raw[i].key);
		out->transfer_key = find_key(ctx, &raw[i], "transfer_key", raw[i].transfer_key);
		if (!out->transfer_key)
			out->transfer_key = out->key;
		check_endpoints(ctx, conf_member(raw[i].at, "secondaries"), out->secondaries,
				out->secondary_count);
	}
	conf_index_names(ctx, &ctx->servers, "server", raw, servers->count, raw_server_name,
			 raw_server_place);
}

void conf_check_notify(struct conf_ctx *ctx, const struct raw_conf *raw)
{
	check_endpoints(ctx, conf_member2(raw->at, "notify", "listen"), raw->out.notify_listen,
			raw->out.notify_count);
}

/* ---- tasks ---- */

void conf_check_tasks(struct conf_ctx *ctx, const struct raw_conf *raw)
{
	const struct mz_conf_tasks *tasks = &raw->out.tasks;
	const config_setting_t *retry = conf_member2(raw->at, "task_manager", "retry");

	if (tasks->strategy == MZ_RETRY_EXPONENTIAL && tasks->initial_delay > tasks->max_delay)
		conf_fault(ctx, conf_member(retry, "initial_delay"),
			   "\"initial_delay\" is longer than \"max_delay\"");
}

/* ---- signers ---- */

/* OpenDKIM's table has colons between its fields, Rspamd's maps have blanks. */
static void check_signers_path(struct conf_ctx *ctx, const config_setting_t *at, const char *path)
{
	char quoted[CONF_QUOTE_TEXT] = "";

	if (path && strpbrk(path, ": \t\"\\"))
		conf_fault(ctx, at,
			   "\"%s\" has a colon, a blank, a quote or a backslash: the tables of "
			   "signers cannot name it",
			   conf_quote(path, quoted));
}

void conf_check_signers(struct conf_ctx *ctx, const struct raw_conf *raw)
{
	const struct mz_conf_signers *signers = &raw->out.signers;
	const config_setting_t *group = conf_member(raw->at, "signers");
	static const char *const names[MZ_SIGNERS_INDEX] = {
		[MZ_SIGNERS_SELECTOR_MAP] = "rspamd_selector_map",
		[MZ_SIGNERS_PATH_MAP] = "rspamd_path_map",
		[MZ_SIGNERS_DOMAINS] = "rspamd_domains",
	};
	bool any = false;
	size_t i = 0;

	for (i = 0; i < MZ_SIGNERS_INDEX; i++) {
		any = any || signers->file[i];
		if (names[i] && signers->file[i] && !signers->directory)
			conf_fault(ctx, conf_member(group, names[i]),
				   "\"%s\" needs \"directory\": Rspamd reads Ed25519 keys in a "
				   "form "
				   "of its own, which is written there",
				   names[i]);
	}
	check_signers_path(ctx, conf_member(group, "directory"), signers->directory);
	if (any && !signers->directory)
		check_signers_path(ctx, conf_member(raw->at, "state_directory"),
				   raw->out.state_directory);
}
