/* SPDX-License-Identifier: BSD-2-Clause */
/* One value, from its text to its place in a struct. */
#include "src/conf/take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/conf/value.h"

typedef bool take_fn(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		     const config_setting_t *at, void *dest);

bool conf_type_fault(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at)
{
	static const char *const found[] = {
		[CONFIG_TYPE_NONE] = "nothing",	    [CONFIG_TYPE_GROUP] = "a group",
		[CONFIG_TYPE_INT] = "a number",	    [CONFIG_TYPE_INT64] = "a number",
		[CONFIG_TYPE_FLOAT] = "a fraction", [CONFIG_TYPE_STRING] = "a string",
		[CONFIG_TYPE_BOOL] = "a boolean",   [CONFIG_TYPE_ARRAY] = "an array",
		[CONFIG_TYPE_LIST] = "a list",
	};

	conf_fault(ctx, at, "\"%s\" must be %s, not %s", row->name, conf_type_text(row->type),
		   found[config_setting_type(at)]);
	return false;
}

/* `NAME "VALUE" COMPLAINT`. Returns false. */
static bool complain(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		     const config_setting_t *at, const char *why)
{
	char quoted[CONF_QUOTE_TEXT] = "";

	conf_fault(ctx, at, "%s \"%s\" %s", row->name, conf_quote(text, quoted), why);
	return false;
}

static void store(const struct conf_row *row, void *dest, uint64_t value)
{
	uint8_t octet = (uint8_t)value;
	uint16_t word = (uint16_t)value;
	uint32_t wide = (uint32_t)value;

	switch (row->size) {
	case 1:
		memcpy(dest, &octet, 1);
		break;
	case 2:
		memcpy(dest, &word, 2);
		break;
	case 4:
		memcpy(dest, &wide, 4);
		break;
	default:
		memcpy(dest, &value, sizeof value);
		break;
	}
}

/* ---- strings ---- */

static bool has_control(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 127)
			return true;
	return false;
}

/* Length, and no line breaks: a value must not forge a line of a log. */
static bool check_string(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			 const config_setting_t *at, size_t min, size_t max)
{
	size_t len = strlen(text);

	if (has_control(text))
		conf_fault(ctx, at, "\"%s\" has a line break or another control character",
			   row->name);
	else if (len < min)
		conf_fault(ctx, at, "\"%s\" is empty", row->name);
	else if (len > max)
		conf_fault(ctx, at, "\"%s\" is longer than %zu octets", row->name, max);
	else
		return true;
	return false;
}

static bool keep(struct conf_ctx *ctx, const char *text, void *dest)
{
	const char *kept = conf_intern(ctx, text);

	memcpy(dest, &kept, sizeof kept);
	return kept != NULL;
}

static bool take_string(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			const config_setting_t *at, void *dest)
{
	if (at && !check_string(ctx, row, text, at, (size_t)row->min, (size_t)row->max))
		return false;
	return keep(ctx, text, dest);
}

/* An element of an array: the bounds of the row are those of the array. */
static bool take_element(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			 const config_setting_t *at, void *dest)
{
	return check_string(ctx, row, text, at, 0, CONF_STRING_MAX) && keep(ctx, text, dest);
}

static bool take_id(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		    const config_setting_t *at, void *dest)
{
	const char *p = text;

	for (; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
			return complain(ctx, row, text, at,
					"may hold printable ASCII without blanks, quotes and "
					"backslashes only");
	return take_string(ctx, row, text, at, dest);
}

/* It stays where libconfig put it. */
static bool take_secret(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			const config_setting_t *at, void *dest)
{
	if (!*text) {
		conf_fault(ctx, at, "\"%s\" is empty", row->name);
		return false;
	}
	memcpy(dest, &text, sizeof text);
	return true;
}

static bool take_path(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		      const config_setting_t *at, void *dest)
{
	const char *path = text, *why = NULL;

	if (!at)
		return *text == '\0' || keep(ctx, text, dest);
	if (!check_string(ctx, row, text, at, (size_t)row->min, (size_t)row->max))
		return false;
	if (!*text)
		return true; /* stays NULL */
	path = conf_path(ctx, conf_where(at).file, text, true, &why);
	if (!path && why)
		conf_fault(ctx, at, "\"%s\": %s", row->name, why);
	if (!path)
		return false;
	if (strlen(path) > (size_t)row->max) {
		conf_fault(ctx, at, "\"%s\" is longer than %lld octets as an absolute path",
			   row->name, (long long)row->max);
		return false;
	}
	return keep(ctx, path, dest);
}

/* ---- names, addresses, numbers ---- */

static bool take_host(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		      const config_setting_t *at, void *dest)
{
	struct mz_name name = {0};
	const char *why = conf_host_parse(text, &name);

	if (why)
		return complain(ctx, row, text, at, why);
	memcpy(dest, &name, sizeof name);
	return true;
}

static bool take_name(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		      const config_setting_t *at, void *dest)
{
	struct mz_name name = {0};
	const void *wire = NULL;

	if (!take_host(ctx, row, text, at, &name))
		return false;
	wire = conf_intern_octets(ctx, name.wire, name.len, false);
	memcpy(dest, &wire, sizeof wire);
	return wire != NULL;
}

static bool take_address(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			 const config_setting_t *at, void *dest)
{
	char host[46] = "";
	const char *why = conf_address_parse(text, host);

	if (why)
		return complain(ctx, row, text, at, why);
	memcpy(dest, host, sizeof host);
	return true;
}

static bool take_endpoint(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			  const config_setting_t *at, void *dest)
{
	struct mz_endpoint endpoint = {0};
	const char *why = conf_endpoint_parse(text, (uint16_t)row->base, &endpoint);

	if (why)
		return complain(ctx, row, text, at, why);
	memcpy(dest, &endpoint, sizeof endpoint);
	return true;
}

bool conf_take_number(struct conf_ctx *ctx, const struct conf_row *row, long long value,
		      const config_setting_t *at, void *dest)
{
	char low[CONF_DURATION_TEXT] = "", high[CONF_DURATION_TEXT] = "",
	     given[CONF_DURATION_TEXT] = "";

	if (value >= row->min && value <= row->max) {
		store(row, dest, (uint64_t)value);
		return true;
	}
	if (row->type == CONF_DURATION)
		conf_fault(ctx, at, "\"%s\" must be between %s and %s, not %s", row->name,
			   conf_duration_text(row->min, low), conf_duration_text(row->max, high),
			   conf_duration_text(value, given));
	else
		conf_fault(ctx, at, "\"%s\" must be between %lld and %lld, not %lld", row->name,
			   (long long)row->min, (long long)row->max, value);
	return false;
}

static bool take_duration(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			  const config_setting_t *at, void *dest)
{
	int64_t seconds = 0;

	if (!conf_duration_parse(text, &seconds))
		return complain(ctx, row, text, at,
				"is not a duration: write a number and one of the units s m h d w, "
				"such as \"90d\"");
	return conf_take_number(ctx, row, seconds, at, dest);
}

/* ---- choices ---- */

struct choices {
	char names[32][CONF_CHOICE_MAX];
	size_t count;
};

static const char *choice_name(const void *arg, size_t i)
{
	const struct choices *choices = arg;

	return i < choices->count ? choices->names[i] : NULL;
}

/* Adds a fault that lists the choices. */
static void choice_fault(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			 const config_setting_t *at)
{
	char quoted[CONF_QUOTE_TEXT] = "", hint[CONF_HINT] = "", list[512] = "";
	struct choices choices = {.count = 0};
	size_t i = 0, n = 0;

	while (choices.count < 32 && conf_choice(row, choices.count, choices.names[choices.count]))
		choices.count++;
	for (i = 0; i < choices.count; i++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\"",
				      i == 0		      ? ""
				      : i + 1 < choices.count ? ", "
							      : " or ",
				      choices.names[i]);
	conf_fault(ctx, at, "%s \"%s\" must be %s%s", row->name, conf_quote(text, quoted), list,
		   conf_hint(hint, text, choice_name, &choices));
}

static bool take_choice(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
			const config_setting_t *at, void *dest)
{
	int i = conf_choice_index(row, text);

	if (i < 0)
		choice_fault(ctx, row, text, at);
	else
		store(row, dest, (uint64_t)i);
	return i >= 0;
}

bool conf_take_flag(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		    const config_setting_t *at, uint32_t *flags)
{
	int i = conf_choice_index(row, text);
	uint32_t bit = i >= 0 ? 1u << ((unsigned)i + row->base) : 0;

	if (i < 0)
		choice_fault(ctx, row, text, at);
	else if (*flags & bit)
		return complain(ctx, row, text, at, "is given twice");
	*flags |= bit;
	return i >= 0;
}

/* ---- the types ---- */

bool conf_take(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
	       const config_setting_t *at, void *dest)
{
	static take_fn *const takers[CONF_TYPES] = {
		[CONF_STRING] = take_string,	  [CONF_ID] = take_id,
		[CONF_SECRET] = take_secret,	  [CONF_PATH] = take_path,
		[CONF_HOST] = take_host,	  [CONF_NAME] = take_name,
		[CONF_ADDRESS] = take_address,	  [CONF_DURATION] = take_duration,
		[CONF_CHOICE] = take_choice,	  [CONF_ENDPOINT] = take_endpoint,
		[CONF_ENDPOINTS] = take_endpoint, [CONF_HOSTS] = take_host,
		[CONF_STRINGS] = take_element,	  [CONF_COMMAND] = take_element,
	};

	return takers[row->type](ctx, row, text, at, dest);
}

bool conf_take_command(struct conf_ctx *ctx, const struct conf_row *row, const void *items,
		       size_t count, const config_setting_t *at, void *dest)
{
	const char *program = NULL;
	const void *kept = NULL;

	if (count == 0)
		return true; /* stays NULL */
	memcpy(&program, items, sizeof program);
	if (program[0] != '/')
		return complain(ctx, row, program, at,
				"is not the absolute path of a program: no shell and no PATH is "
				"used");
	kept = conf_intern_octets(ctx, items, (count + 1) * sizeof program, true);
	memcpy(dest, &kept, sizeof kept);
	return kept != NULL;
}

static void default_flags(struct conf_ctx *ctx, const struct conf_row *row, void *dest)
{
	char word[CONF_CHOICE_MAX] = "";
	const char *p = row->def;
	uint32_t flags = 0;

	while (*p) {
		size_t n = strcspn(p, " ");

		(void)snprintf(word, sizeof word, "%.*s", (int)n, p);
		(void)conf_take_flag(ctx, row, word, NULL, &flags);
		p += n + (p[n] == ' ');
	}
	memcpy(dest, &flags, sizeof flags);
}

void conf_take_default(struct conf_ctx *ctx, const struct conf_row *row, void *dest)
{
	bool yes = strcmp(row->def, "true") == 0;
	double fraction = 0;

	switch (row->type) {
	case CONF_INT:
		store(row, dest, strtoull(row->def, NULL, 10));
		break;
	case CONF_BOOL:
		memcpy(dest, &yes, sizeof yes);
		break;
	case CONF_FLOAT:
		fraction = strtod(row->def, NULL);
		memcpy(dest, &fraction, sizeof fraction);
		break;
	case CONF_FLAGS:
		default_flags(ctx, row, dest);
		break;
	default:
		(void)conf_take(ctx, row, row->def, NULL, dest);
		break;
	}
}
