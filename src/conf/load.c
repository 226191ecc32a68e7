/* SPDX-License-Identifier: BSD-2-Clause */
/* From the files of a configuration to a checked struct mz_conf. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/conf/check.h"
#include "src/conf/read.h"

/* ---- one file ---- */

/* libconfig notes the line of a string in a list only after it has read the token behind it:
 * the lines that were noted while scanning are put in. */
static void number_strings(config_setting_t *at, const struct conf_source *source, size_t *next)
{
	int count = config_setting_is_aggregate(at) ? config_setting_length(at) : 0, i = 0;

	for (i = 0; i < count; i++)
		number_strings(config_setting_get_elem(at, (unsigned)i), source, next);
	if (config_setting_type(at) != CONFIG_TYPE_STRING || *next >= source->string_count)
		return;
	if (!config_setting_name(at))
		at->line = source->string_lines[*next];
	(*next)++;
}

static void parse_fault(struct conf_ctx *ctx, struct conf_tree *tree)
{
	unsigned line = (unsigned)config_error_line(&tree->config);
	const char *text = config_error_text(&tree->config);
	struct mz_where where = {0};

	where.file = conf_source_where(&tree->source, line, &where.line)->name;
	if (text && strcmp(text, "duplicate setting name") == 0)
		text = "a setting is given twice in one group";
	conf_fault_at(ctx, tree->order, line, where, "%s", text ? text : "syntax error");
}

/* Reads and parses one file. NULL after a fault; the tree belongs to ctx. *err: conf_source_read. */
static struct conf_tree *read_tree(struct conf_ctx *ctx, const char *path,
				   const struct mz_where *at, int *err)
{
	struct conf_tree *tree = calloc(1, sizeof *tree);
	size_t next = 0;

	*err = MZ_OK;
	if (!tree) {
		ctx->nomem = true;
		return NULL;
	}
	config_init(&tree->config);
	tree->order = ctx->tree_count++;
	*ctx->last_tree = tree;
	ctx->last_tree = &tree->next;
	if (!conf_source_read(ctx, tree, path, at, err))
		return NULL;
	if (!config_read_string(&tree->config, tree->source.text.s)) {
		parse_fault(ctx, tree);
		return NULL;
	}
	number_strings(config_root_setting(&tree->config), &tree->source, &next);
	conf_source_drop_text(&tree->source);
	return tree;
}

/* ---- the domain directory ---- */

struct block {
	struct raw_list domains;
	struct block *next;
};

struct blocks {
	struct block *first, **last;
	size_t count; /* of domains */
};

static void add_block(struct conf_ctx *ctx, struct blocks *blocks, struct raw_list domains)
{
	struct block *block = conf_work(ctx, sizeof *block);

	if (!block)
		return;
	block->domains = domains;
	*blocks->last = block;
	blocks->last = &block->next;
	blocks->count += domains.count;
}

/* A list `domains`, or the settings of one domain. */
static void read_domain_file(struct conf_ctx *ctx, struct blocks *blocks, const char *path,
			     const struct mz_where *at)
{
	const config_setting_t *root = NULL;
	struct raw_list one = {.count = 1};
	struct raw_conf *raw = NULL;
	int err = MZ_OK;
	struct conf_tree *tree = read_tree(ctx, path, at, &err);

	if (!tree)
		return;
	root = config_root_setting(&tree->config);
	if (conf_member(root, "name") != root) {
		one.items = conf_work(ctx, sizeof(struct raw_domain));
		if (!one.items)
			return;
		conf_read(ctx, &conf_schema_domain, root, one.items);
		add_block(ctx, blocks, one);
		return;
	}
	raw = conf_work(ctx, sizeof *raw);
	if (!raw)
		return;
	conf_read(ctx, &conf_schema_domain_file, root, raw);
	add_block(ctx, blocks, raw->domains);
}

static int is_domain_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".conf");
}

static int by_octets(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_domain_directory(struct conf_ctx *ctx, struct blocks *blocks,
				  const config_setting_t *root, const char *folder)
{
	const config_setting_t *at = conf_member(root, "domain_directory");
	struct mz_where where = conf_where(at);
	struct dirent **entries = NULL;
	const char *shown = NULL, *why = NULL;
	int count = 0, i = 0;

	shown = conf_path(ctx, where.file, config_setting_get_string(at), false, &why);
	count = scandir(folder, &entries, is_domain_file, by_octets);
	if (count < 0 && errno == ENOMEM)
		ctx->nomem = true;
	else if (count < 0)
		conf_fault(ctx, at, "cannot read the folder %s: %s", folder, strerror(errno));
	for (i = 0; i < count; i++) {
		size_t size = shown ? strlen(shown) + strlen(entries[i]->d_name) + 2 : 0;
		char *path = size ? conf_work(ctx, size) : NULL;

		if (path) {
			(void)snprintf(path, size, "%s/%s", shown, entries[i]->d_name);
			read_domain_file(ctx, blocks, path, &where);
		}
		free(entries[i]);
	}
	free(entries);
}

/* ---- the whole ---- */

/* What was read stays; the memory and the file's name are the configuration's already. */
static void keep_settings(struct mz_conf *conf, const struct raw_conf *raw)
{
	struct mz_conf kept = raw->out;

	kept.arena = conf->arena;
	kept.file = conf->file;
	*conf = kept;
}

static void keep_status(struct conf_ctx *ctx, const struct raw_conf *raw)
{
	if (!raw->status.port)
		return;
	ctx->conf->status_listen = conf_keep(ctx, sizeof raw->status);
	if (ctx->conf->status_listen)
		*ctx->conf->status_listen = raw->status;
}

static void check_all_domains(struct conf_ctx *ctx, const struct blocks *blocks)
{
	struct raw_domain **all = conf_work(ctx, (blocks->count + 1) * sizeof *all);
	const struct block *block = NULL;
	size_t i = 0, n = 0;

	if (!all)
		return;
	for (block = blocks->first; block; block = block->next)
		for (i = 0; i < block->domains.count; i++)
			all[n++] = (struct raw_domain *)block->domains.items + i;
	conf_check_domains(ctx, all, n);
}

static void read_all(struct conf_ctx *ctx, const struct conf_tree *tree)
{
	const config_setting_t *root = config_root_setting(&tree->config);
	struct raw_conf *raw = conf_work(ctx, sizeof *raw);
	struct blocks blocks = {0};

	if (!raw)
		return;
	blocks.last = &blocks.first;
	conf_read(ctx, &conf_schema, root, raw);
	keep_settings(ctx->conf, raw);
	keep_status(ctx, raw);
	add_block(ctx, &blocks, raw->domains);
	if (ctx->conf->domain_directory)
		read_domain_directory(ctx, &blocks, root, ctx->conf->domain_directory);
	if (ctx->nomem)
		return;
	conf_check_keys(ctx, &raw->keys);
	conf_check_servers(ctx, &raw->servers);
	conf_check_tasks(ctx, raw);
	conf_check_signers(ctx, raw);
	conf_check_systems(ctx, &raw->systems);
	check_all_domains(ctx, &blocks);
	if (ctx->fault_count == 0 && conf_zones_make(ctx->conf) != MZ_OK)
		ctx->nomem = true;
}

static void clear_ctx(struct conf_ctx *ctx)
{
	while (ctx->trees) {
		struct conf_tree *tree = ctx->trees;

		ctx->trees = tree->next;
		config_destroy(&tree->config);
		conf_source_clear(&tree->source);
		free(tree);
	}
	free(ctx->interned);
	mz_arena_clear(&ctx->work);
}

/* How the loading went, after all that could be read has been checked. */
static int outcome(const struct conf_ctx *ctx, int read_err)
{
	if (ctx->nomem)
		return MZ_ENOMEM;
	if (read_err == MZ_ENOTFOUND || read_err == MZ_EPERM || read_err == MZ_EIO)
		return MZ_EIO;
	return ctx->fault_count || read_err ? MZ_EINVAL : MZ_OK;
}

int mz_conf_load_partly(struct mz_conf **out, const char *path, struct mz_conf_errors *errors)
{
	struct conf_ctx ctx = {0};
	struct conf_tree *tree = NULL;
	int err = MZ_ENOMEM, read_err = MZ_OK;

	*out = NULL;
	ctx.last_tree = &ctx.trees;
	ctx.conf = calloc(1, sizeof *ctx.conf);
	if (!ctx.conf || !(ctx.conf->file = conf_intern(&ctx, path)))
		goto done;
	tree = read_tree(&ctx, path, NULL, &read_err);
	if (tree)
		read_all(&ctx, tree);
	err = outcome(&ctx, read_err);
	conf_faults_emit(&ctx, errors);
	if (err == MZ_OK || err == MZ_EINVAL) {
		*out = ctx.conf;
		ctx.conf = NULL;
	}
done:
	if (err == MZ_ENOMEM)
		mz_conf_error(errors, &(struct mz_where){.file = path}, "out of memory");
	clear_ctx(&ctx);
	mz_conf_free(ctx.conf);
	return err;
}

int mz_conf_load(struct mz_conf **out, const char *path, struct mz_conf_errors *errors)
{
	int err = mz_conf_load_partly(out, path, errors);

	if (err != MZ_OK) {
		mz_conf_free(*out);
		*out = NULL;
	}
	return err;
}

void mz_conf_free(struct mz_conf *conf)
{
	struct mz_arena arena = {0};
	size_t i = 0;

	if (!conf)
		return;
	for (i = 0; i < conf->key_count; i++)
		tsig_key_free(conf->keys[i].key);
	arena = conf->arena;
	mz_arena_clear(&arena);
	free(conf);
}

/* ---- looking up ---- */

const struct mz_conf_domain *mz_conf_find_domain(const struct mz_conf *conf, const char *name)
{
	char text[256] = "";
	size_t len = strlen(name), i = 0, low = 0, high = conf->domain_count;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len >= sizeof text)
		return NULL;
	for (i = 0; i < len; i++)
		text[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	for (i = 0; !conf->by_name && i < conf->domain_count; i++)
		if (strcmp(conf->domains[i].text, text) == 0)
			return &conf->domains[i];
	while (conf->by_name && low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(conf->by_name[middle]->text, text);

		if (order == 0)
			return conf->by_name[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct mz_conf_server *mz_conf_find_server(const struct mz_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->server_count; i++)
		if (strcmp(conf->servers[i].name, name) == 0)
			return &conf->servers[i];
	return NULL;
}
