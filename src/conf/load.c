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
static void number_strings(config_setting_t *at, const struct conf_tree *tree,
			   const struct conf_text *text, size_t *next)
{
	int count = config_setting_is_aggregate(at) ? config_setting_length(at) : 0, i = 0;

	for (i = 0; i < count; i++)
		number_strings(config_setting_get_elem(at, (unsigned)i), tree, text, next);
	if (config_setting_type(at) != CONFIG_TYPE_STRING || *next >= text->string_count)
		return;
	if (!config_setting_name(at))
		at->line = text->string_lines[*next] - tree->first + 1;
	(*next)++;
}

static void parse_fault(struct conf_ctx *ctx, const struct conf_tree *tree)
{
	struct conf_place place = {.order = tree->order};
	const char *text = config_error_text(&tree->config);

	place.line = tree->first + (unsigned)config_error_line(&tree->config) - 1;
	place.where.file = conf_source_where(tree->source, place.line, &place.where.line)->name;
	if (text && strcmp(text, "duplicate setting name") == 0)
		text = "a setting is given twice in one group";
	conf_fault_at(ctx, &place, "%s", text ? text : "syntax error");
}

/* Reads the text from this octet and this string on. */
static bool parse(struct conf_ctx *ctx, struct conf_tree *tree, const struct conf_text *text,
		  size_t octet, size_t string)
{
	if (!config_read_string(&tree->config, text->octets.s + octet)) {
		parse_fault(ctx, tree);
		return false;
	}
	number_strings(config_root_setting(&tree->config), tree, text, &string);
	return true;
}

static void unit_free(struct conf_unit *unit)
{
	if (!unit)
		return;
	config_destroy(&unit->tree.config);
	conf_source_clear(&unit->source);
	free(unit);
}

/* Reads a file and parses all but its domains. NULL after a fault. *err: conf_source_read. */
static struct conf_unit *unit_read(struct conf_ctx *ctx, const char *path,
				   const struct mz_where *at, int *err)
{
	struct conf_unit *unit = calloc(1, sizeof *unit);

	*err = MZ_OK;
	if (!unit) {
		ctx->nomem = true;
		return NULL;
	}
	config_init(&unit->tree.config);
	unit->tree.source = &unit->source;
	unit->tree.first = 1;
	unit->tree.order = ctx->unit_count++;
	if (!conf_source_read(ctx, unit, path, at, err) ||
	    !parse(ctx, &unit->tree, &unit->source.rest, 0, 0)) {
		unit_free(unit);
		return NULL;
	}
	conf_text_clear(&unit->source.rest);
	return unit;
}

/* ---- domains ---- */

/* Each domain of the file's list. */
static void read_domains(struct conf_ctx *ctx, const struct conf_unit *unit)
{
	const struct conf_source *source = &unit->source;
	struct conf_tree tree = {.source = source, .order = unit->tree.order};
	size_t i = 0;

	config_init(&tree.config);
	for (i = 0; i < source->item_count && !ctx->nomem; i++) {
		const struct conf_item *item = &source->items[i];
		const config_setting_t *root = NULL;

		tree.first = item->line;
		if (!parse(ctx, &tree, &source->domains, item->octet, item->string))
			continue;
		root = config_root_setting(&tree.config);
		conf_check_domain(ctx, root, conf_where(root));
	}
	config_destroy(&tree.config);
}

/* A list `domains`, or the settings of one domain. */
static void read_domain_file(struct conf_ctx *ctx, const char *path, const struct mz_where *at)
{
	struct raw_domain_file raw = {0};
	const config_setting_t *root = NULL, *name = NULL;
	int err = MZ_OK;
	struct conf_unit *unit = unit_read(ctx, path, at, &err);

	if (!unit)
		return;
	root = config_root_setting(&unit->tree.config);
	name = conf_member(root, "name");
	if (name != root) {
		conf_check_domain(ctx, root, conf_where(name));
	} else {
		conf_read(ctx, &conf_schema_domain_file, root, &raw);
		read_domains(ctx, unit);
	}
	unit_free(unit);
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

static void read_domain_directory(struct conf_ctx *ctx, const config_setting_t *root,
				  const char *folder)
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
			read_domain_file(ctx, path, &where);
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

static void read_all(struct conf_ctx *ctx, const struct conf_unit *unit)
{
	const config_setting_t *root = config_root_setting(&unit->tree.config);
	struct raw_conf *raw = conf_work(ctx, sizeof *raw);

	if (!raw)
		return;
	conf_read(ctx, &conf_schema, root, raw);
	keep_settings(ctx->conf, raw);
	keep_status(ctx, raw);
	if (ctx->nomem)
		return;
	conf_check_keys(ctx, &raw->keys);
	conf_check_servers(ctx, &raw->servers);
	conf_check_notify(ctx, raw);
	conf_check_tasks(ctx, raw);
	conf_check_signers(ctx, raw);
	conf_note_outside(ctx, raw);
	conf_check_systems(ctx, &raw->systems);
	read_domains(ctx, unit);
	if (ctx->conf->domain_directory)
		read_domain_directory(ctx, root, ctx->conf->domain_directory);
	if (ctx->nomem)
		return;
	conf_check_domain_names(ctx);
	if (ctx->fault_count == 0 && conf_zones_make(ctx->conf) != MZ_OK)
		ctx->nomem = true;
}

static void clear_ctx(struct conf_ctx *ctx)
{
	free(ctx->domain_places);
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
	struct conf_unit *unit = NULL;
	int err = MZ_ENOMEM, read_err = MZ_OK;

	*out = NULL;
	ctx.conf = calloc(1, sizeof *ctx.conf);
	if (!ctx.conf || !(ctx.conf->file = conf_intern(&ctx, path)))
		goto done;
	unit = unit_read(&ctx, path, NULL, &read_err);
	if (unit)
		read_all(&ctx, unit);
	err = outcome(&ctx, read_err);
	conf_faults_emit(&ctx, errors);
	if (err == MZ_OK || err == MZ_EINVAL) {
		*out = ctx.conf;
		ctx.conf = NULL;
	}
done:
	if (err == MZ_ENOMEM)
		mz_conf_error(errors, &(struct mz_where){.file = path}, "out of memory");
	unit_free(unit);
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
	free(conf->domains);
	arena = conf->arena;
	mz_arena_clear(&arena);
	free(conf);
}

/* ---- looking up ---- */

const struct mz_conf_domain *mz_conf_find_domain(const struct mz_conf *conf, const char *name)
{
	char text[256] = "";
	size_t len = strlen(name), i = 0, mask = conf->by_name_size - 1;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len >= sizeof text)
		return NULL;
	for (i = 0; i < len; i++)
		text[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	for (i = 0; !conf->by_name && i < conf->domain_count; i++)
		if (strcmp(conf->domains[i].text, text) == 0)
			return &conf->domains[i];
	if (!conf->by_name)
		return NULL;
	for (i = mz_hash(MZ_HASH, text, len) & mask; conf->by_name[i]; i = (i + 1) & mask) {
		const struct mz_conf_domain *domain = &conf->domains[conf->by_name[i] - 1];

		if (strcmp(domain->text, text) == 0)
			return domain;
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
