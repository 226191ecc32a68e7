/* SPDX-License-Identifier: BSD-2-Clause */
/* Names around the table of settings: types, choices, paths; and the record families. */
#include <stdio.h>
#include <string.h>

#include "src/conf/schema.h"

const char *conf_type_text(enum conf_type type)
{
	static const char *const texts[CONF_TYPES] = {
		[CONF_STRING] = "a string",
		[CONF_ID] = "a string",
		[CONF_SECRET] = "a string",
		[CONF_PATH] = "a path in quotes",
		[CONF_HOST] = "a name in quotes",
		[CONF_NAME] = "a name in quotes",
		[CONF_ADDRESS] = "an address in quotes",
		[CONF_DURATION] = "a duration such as \"90d\" (units s m h d w)",
		[CONF_INT] = "a whole number",
		[CONF_FLOAT] = "a number",
		[CONF_BOOL] = "true or false",
		[CONF_CHOICE] = "a string",
		[CONF_FLAGS] = "an array of strings, [ \"...\", \"...\" ]",
		[CONF_ENDPOINT] = "an address with a port in quotes",
		[CONF_ENDPOINTS] = "an array of addresses, [ \"...\", \"...\" ]",
		[CONF_HOSTS] = "an array of names, [ \"...\", \"...\" ]",
		[CONF_STRINGS] = "a list of strings, ( \"...\", \"...\" )",
		[CONF_COMMAND] = "an array of strings, [ \"/path/program\", \"argument\" ]",
		[CONF_GROUP] = "a group, { ... }",
		[CONF_SUBGROUP] = "a group, { ... }",
		[CONF_LIST] = "a list of groups, ( { ... }, { ... } )",
		[CONF_ITEMS] = "a list of groups, ( { ... }, { ... } )",
	};

	return texts[type];
}

bool conf_choice(const struct conf_row *row, size_t i, char buf[CONF_CHOICE_MAX])
{
	const char *p = row->choices;
	size_t n = 0;

	for (; p && i > 0; i--) {
		p = strchr(p, '|');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return false;
	n = strcspn(p, "|");
	(void)snprintf(buf, CONF_CHOICE_MAX, "%.*s", (int)n, p);
	return true;
}

int conf_choice_index(const struct conf_row *row, const char *text)
{
	size_t len = strlen(text), n = 0;
	const char *p = row->choices;
	int i = 0;

	for (;; i++, p += n + 1) {
		n = strcspn(p, "|");
		if (n == len && memcmp(p, text, n) == 0)
			return i;
		if (!p[n])
			return -1;
	}
}

static void each(const struct conf_group *group, const char *prefix,
		 void (*visit)(void *arg, const char *path, const struct conf_row *row), void *arg)
{
	char path[128] = "";
	size_t i = 0;

	for (i = 0; i < group->count; i++) {
		(void)snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "",
			       group->rows[i].name);
		visit(arg, path, &group->rows[i]);
		if (group->rows[i].group)
			each(group->rows[i].group, path, visit, arg);
	}
}

void conf_schema_each(void (*visit)(void *arg, const char *path, const struct conf_row *row),
		      void *arg)
{
	each(&conf_schema, "", visit, arg);
}

/* ---- families ---- */

static const char *const family_names[MZ_FAMILY_COUNT] = {
	[MZ_FAMILY_NONE] = "",
	[MZ_FAMILY_RECORDS] = "records",
	[MZ_FAMILY_TLSA] = "tlsa",
	[MZ_FAMILY_DKIM] = "dkim",
	[MZ_FAMILY_SPF] = "spf",
	[MZ_FAMILY_CAA] = "caa",
	[MZ_FAMILY_AUTOCONFIG] = "autoconfig",
	[MZ_FAMILY_AUTOCONFIG_LEGACY] = "autoconfig-legacy",
	[MZ_FAMILY_AUTODISCOVER] = "autodiscover",
	[MZ_FAMILY_SRV] = "srv",
	[MZ_FAMILY_MTA_STS] = "mta-sts",
	[MZ_FAMILY_TLS_RPT] = "tls-rpt",
	[MZ_FAMILY_DMARC] = "dmarc",
	[MZ_FAMILY_MX] = "mx",
};

const char *mz_family_name(enum mz_family family)
{
	return (unsigned)family < MZ_FAMILY_COUNT ? family_names[family] : "";
}

enum mz_family mz_family_from_name(const char *name)
{
	unsigned i = 0;

	for (i = MZ_FAMILY_NONE + 1; i < MZ_FAMILY_COUNT; i++)
		if (strcmp(family_names[i], name) == 0)
			return (enum mz_family)i;
	return MZ_FAMILY_NONE;
}
