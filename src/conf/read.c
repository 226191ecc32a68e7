/* SPDX-License-Identifier: BSD-2-Clause */
/* From libconfig's tree to the raw structs, by the table of settings. */
#include "src/conf/read.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/conf/take.h"

static void read_rows(struct conf_ctx *ctx, const struct conf_group *group,
		      const config_setting_t *at, uint8_t *dest);

static void *destination(const struct conf_row *row, uint8_t *dest)
{
	return dest + row->offset;
}

/* ---- numbers and booleans ---- */

/* libconfig cuts a long hexadecimal number without a word: none are taken. */
static bool is_hex(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at)
{
	if (config_setting_get_format(at) != CONFIG_FORMAT_HEX)
		return false;
	conf_fault(ctx, at, "\"%s\" must be written as a decimal number", row->name);
	return true;
}

static bool read_int(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		     uint8_t *dest)
{
	long long value = 0;
	int type = config_setting_type(at);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return conf_type_fault(ctx, row, at);
	if (is_hex(ctx, row, at))
		return false;
	value = type == CONFIG_TYPE_INT ? config_setting_get_int(at) : config_setting_get_int64(at);
	return conf_take_number(ctx, row, value, at, destination(row, dest));
}

static bool read_duration(struct conf_ctx *ctx, const struct conf_row *row,
			  const config_setting_t *at, uint8_t *dest)
{
	if (config_setting_type(at) == CONFIG_TYPE_STRING)
		return conf_take(ctx, row, config_setting_get_string(at), at,
				 destination(row, dest));
	return read_int(ctx, row, at, dest);
}

static bool read_float(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		       uint8_t *dest)
{
	double value = 0;
	int type = config_setting_type(at);

	if (type == CONFIG_TYPE_FLOAT)
		value = config_setting_get_float(at);
	else if (type == CONFIG_TYPE_INT)
		value = config_setting_get_int(at);
	else
		return conf_type_fault(ctx, row, at);
	if (is_hex(ctx, row, at))
		return false;
	if (!isfinite(value) || value < (double)row->min || value > (double)row->max) {
		conf_fault(ctx, at, "\"%s\" must be between %lld and %lld, not %g", row->name,
			   (long long)row->min, (long long)row->max, value);
		return false;
	}
	memcpy(destination(row, dest), &value, sizeof value);
	return true;
}

static bool read_bool(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		      uint8_t *dest)
{
	bool value = false;

	if (config_setting_type(at) != CONFIG_TYPE_BOOL)
		return conf_type_fault(ctx, row, at);
	value = config_setting_get_bool(at) != 0;
	memcpy(destination(row, dest), &value, sizeof value);
	return true;
}

static bool read_text(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		      uint8_t *dest)
{
	if (config_setting_type(at) != CONFIG_TYPE_STRING)
		return conf_type_fault(ctx, row, at);
	return conf_take(ctx, row, config_setting_get_string(at), at, destination(row, dest));
}

/* ---- arrays ---- */

/* An array or list with as many elements as the row allows. */
static bool check_array(struct conf_ctx *ctx, const struct conf_row *row,
			const config_setting_t *at, size_t *count)
{
	bool list_only = row->type == CONF_LIST || row->type == CONF_ITEMS;

	*count = 0;
	if (!config_setting_is_list(at) && !config_setting_is_array(at))
		return conf_type_fault(ctx, row, at);
	*count = (size_t)config_setting_length(at);
	if (list_only && *count && !config_setting_is_list(at))
		return conf_type_fault(ctx, row, at);
	if (*count < (size_t)row->min) {
		conf_fault(ctx, at, "\"%s\" is empty", row->name);
		return false;
	}
	if (*count > (size_t)row->max) {
		conf_fault(ctx, at, "\"%s\" has %zu elements; at most %lld are allowed", row->name,
			   *count, (long long)row->max);
		return false;
	}
	return true;
}

static void store_array(const struct conf_row *row, uint8_t *dest, const void *items, size_t count)
{
	memcpy(destination(row, dest), &items, sizeof items);
	if (row->count)
		memcpy(dest + row->count, &count, sizeof count);
}

static size_t element_size(enum conf_type type)
{
	switch (type) {
	case CONF_ENDPOINTS:
		return sizeof(struct mz_endpoint);
	case CONF_HOSTS:
		return sizeof(struct mz_name);
	default:
		return sizeof(const char *);
	}
}

/* Addresses, names, strings: each element is taken as its type says. */
static bool read_array(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		       uint8_t *dest)
{
	size_t count = 0, i = 0, size = element_size(row->type);
	uint8_t *items = NULL;
	bool good = true;

	if (!check_array(ctx, row, at, &count))
		return false;
	/* A command ends with NULL. */
	items = conf_work(ctx, (count + 1) * size);
	for (i = 0; items && i < count; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);

		if (config_setting_type(element) != CONFIG_TYPE_STRING)
			good = conf_type_fault(ctx, row, element);
		else if (!conf_take(ctx, row, config_setting_get_string(element), element,
				    items + i * size))
			good = false;
	}
	if (!items || !good)
		return false;
	if (row->type == CONF_COMMAND)
		return conf_take_command(ctx, row, items, count, at, destination(row, dest));
	store_array(row, dest, conf_pack(ctx, items, count, size, 0, size), count);
	return true;
}

static bool read_flags(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		       uint8_t *dest)
{
	size_t count = 0, i = 0;
	uint32_t flags = 0;
	bool good = true;

	if (!check_array(ctx, row, at, &count))
		return false;
	for (i = 0; i < count; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);

		if (config_setting_type(element) != CONFIG_TYPE_STRING)
			good = conf_type_fault(ctx, row, element);
		else if (!conf_take_flag(ctx, row, config_setting_get_string(element), element,
					 &flags))
			good = false;
	}
	if (good)
		memcpy(destination(row, dest), &flags, sizeof flags);
	return good;
}

/* ---- groups ---- */

static bool read_group(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		       uint8_t *dest)
{
	if (!config_setting_is_group(at))
		return conf_type_fault(ctx, row, at);
	read_rows(ctx, row->group, at, dest);
	return true;
}

static bool read_subgroup(struct conf_ctx *ctx, const struct conf_row *row,
			  const config_setting_t *at, uint8_t *dest)
{
	void *sub = NULL;

	if (!config_setting_is_group(at))
		return conf_type_fault(ctx, row, at);
	sub = conf_work(ctx, row->group->size);
	if (!sub)
		return false;
	conf_read(ctx, row->group, at, sub);
	memcpy(destination(row, dest), &sub, sizeof sub);
	return true;
}

static bool read_list(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		      uint8_t *dest)
{
	struct raw_list list = {0};
	size_t count = 0, i = 0;
	uint8_t *items = NULL;

	if (!check_array(ctx, row, at, &count))
		return false;
	items = conf_work(ctx, count * row->group->size);
	for (i = 0; items && i < count; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);

		if (config_setting_is_group(element))
			conf_read(ctx, row->group, element,
				  items + list.count++ * row->group->size);
		else
			(void)conf_type_fault(ctx, row, element);
	}
	list.items = items;
	memcpy(destination(row, dest), &list, sizeof list);
	return true;
}

/* Their settings are not here but in the source. */
static bool read_items(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		       uint8_t *dest)
{
	size_t count = 0, i = 0;

	(void)dest;
	if (!check_array(ctx, row, at, &count))
		return false;
	for (i = 0; i < count; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);

		if (!config_setting_is_group(element))
			(void)conf_type_fault(ctx, row, element);
	}
	return true;
}

/* ---- rows ---- */

static bool read_value(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at,
		       uint8_t *dest)
{
	static bool (*const readers[CONF_TYPES])(struct conf_ctx *, const struct conf_row *,
						 const config_setting_t *, uint8_t *) = {
		[CONF_STRING] = read_text,     [CONF_ID] = read_text,
		[CONF_SECRET] = read_text,     [CONF_PATH] = read_text,
		[CONF_HOST] = read_text,       [CONF_NAME] = read_text,
		[CONF_ADDRESS] = read_text,    [CONF_CHOICE] = read_text,
		[CONF_ENDPOINT] = read_text,   [CONF_DURATION] = read_duration,
		[CONF_INT] = read_int,	       [CONF_FLOAT] = read_float,
		[CONF_BOOL] = read_bool,       [CONF_FLAGS] = read_flags,
		[CONF_ENDPOINTS] = read_array, [CONF_HOSTS] = read_array,
		[CONF_STRINGS] = read_array,   [CONF_COMMAND] = read_array,
		[CONF_GROUP] = read_group,     [CONF_SUBGROUP] = read_subgroup,
		[CONF_LIST] = read_list,       [CONF_ITEMS] = read_items,
	};

	return readers[row->type](ctx, row, at, dest);
}

static const char *row_name(const void *arg, size_t i)
{
	const struct conf_group *group = arg;

	return i < group->count ? group->rows[i].name : NULL;
}

static void unknown(struct conf_ctx *ctx, const struct conf_group *group,
		    const config_setting_t *member)
{
	const char *name = config_setting_name(member);
	char hint[CONF_HINT] = "";

	conf_fault(ctx, member, "unknown setting \"%.80s\"%s", name,
		   conf_hint(hint, name, row_name, group));
}

/* Reads what is there; the defaults stand in `dest` already. */
static void read_rows(struct conf_ctx *ctx, const struct conf_group *group,
		      const config_setting_t *at, uint8_t *dest)
{
	int count = config_setting_length(at), i = 0;
	uint64_t seen = 0;
	size_t r = 0;

	assert(group->count <= 64);
	for (i = 0; i < count; i++) {
		const config_setting_t *member = config_setting_get_elem(at, (unsigned)i);
		const char *name = config_setting_name(member);

		for (r = 0; r < group->count; r++)
			if (strcmp(group->rows[r].name, name) == 0)
				break;
		if (r == group->count) {
			unknown(ctx, group, member);
			continue;
		}
		seen |= (uint64_t)1 << r;
		(void)read_value(ctx, &group->rows[r], member, dest);
	}
	for (r = 0; r < group->count; r++)
		if (group->rows[r].required && !(seen & (uint64_t)1 << r))
			conf_fault(ctx, at, "this %s has no \"%s\"", group->what,
				   group->rows[r].name);
}

static void put_defaults(struct conf_ctx *ctx, const struct conf_group *group, uint8_t *dest)
{
	size_t i = 0;

	for (i = 0; i < group->count; i++) {
		const struct conf_row *row = &group->rows[i];

		if (row->type == CONF_GROUP)
			put_defaults(ctx, row->group, dest);
		else if (row->def)
			conf_take_default(ctx, row, destination(row, dest));
	}
}

/* A struct of defaults, made once for each kind of group. */
static const void *defaults(struct conf_ctx *ctx, const struct conf_group *group)
{
	struct conf_defaults *known = ctx->defaults;

	while (known && known->group != group)
		known = known->next;
	if (known)
		return known->values;
	known = conf_work(ctx, sizeof *known);
	if (!known || !(known->values = conf_work(ctx, group->size)))
		return NULL;
	put_defaults(ctx, group, known->values);
	known->group = group;
	known->next = ctx->defaults;
	ctx->defaults = known;
	return known->values;
}

void conf_read(struct conf_ctx *ctx, const struct conf_group *group, const config_setting_t *at,
	       void *dest)
{
	const void *values = defaults(ctx, group);

	if (!values) {
		memset(dest, 0, group->size);
		return;
	}
	memcpy(dest, values, group->size);
	memcpy(dest, &at, sizeof at);
	read_rows(ctx, group, at, dest);
}
