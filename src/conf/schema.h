/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of settings: their types, bounds, defaults and help. The man page is made from it. */
#ifndef MZ_CONF_SCHEMA_H
#define MZ_CONF_SCHEMA_H

#include "src/conf/raw.h"

enum conf_type {
	CONF_STRING,   /* const char *; min..max octets */
	CONF_ID,       /* const char *: a name to refer to; printable ASCII without blanks */
	CONF_SECRET,   /* const char *, in libconfig's memory: never stored or shown */
	CONF_PATH,     /* const char *, absolute; "" where min is 0: NULL */
	CONF_HOST,     /* struct mz_name */
	CONF_NAME,     /* const uint8_t *: the same, only its wire form */
	CONF_ADDRESS,  /* char[46] */
	CONF_DURATION, /* int64_t or uint32_t: seconds */
	CONF_INT,      /* unsigned integer of any width */
	CONF_FLOAT,    /* double */
	CONF_BOOL,     /* bool */
	CONF_CHOICE,   /* enum, bool or unsigned: index into the choices */
	CONF_FLAGS,    /* unsigned: bit 1 << (index + base) for each of an array of choices */
	CONF_ENDPOINT, /* struct mz_endpoint */
	/* arrays: pointer, and count; min..max elements */
	CONF_ENDPOINTS, /* struct mz_endpoint * */
	CONF_HOSTS,	/* struct mz_name * */
	CONF_STRINGS,	/* const char ** */
	CONF_COMMAND,	/* const char **, ended by NULL: an argument vector */
	CONF_GROUP,	/* settings of the struct that the group itself stands in */
	CONF_SUBGROUP,	/* pointer to a struct of its own; NULL where the group is not there */
	CONF_LIST,	/* struct raw_list of structs */
	CONF_ITEMS, /* the same in a file, but each is read on its own after all else (source.h) */
	CONF_TYPES
};

struct conf_group;

struct conf_row {
	const char *name;
	enum conf_type type;
	bool required;
	int64_t min, max;
	const char *def;     /* as it would be written, without quotes; arrays: blanks between */
	const char *choices; /* "a|b|c", in the order of the enum */
	unsigned base;
	const struct conf_group *group;
	size_t offset, size; /* of the destination */
	size_t count;	     /* offset of the count of an array */
	const char *help;    /* sentences for the man page */
};

struct conf_group {
	const char *what; /* "server": for messages */
	const struct conf_row *rows;
	size_t count;
	size_t size; /* of the struct; each starts with `const config_setting_t *at` */
};

/* The whole file; a domain; and a file of the domain directory. */
extern const struct conf_group conf_schema, conf_schema_domain, conf_schema_domain_file;

/* What a setting of this type holds: "a duration", "a list of groups". */
const char *conf_type_text(enum conf_type type);
/* The i-th choice of a row into buf: false past the last. */
#define CONF_CHOICE_MAX 40
bool conf_choice(const struct conf_row *row, size_t i, char buf[CONF_CHOICE_MAX]);
/* The index of the choice that is this text, -1 when there is none. */
int conf_choice_index(const struct conf_row *row, const char *text);
/* Visits every setting, groups before what is in them, in the order of the man page. `path` is
 * "servers.timeout"; it lives as long as the call. */
void conf_schema_each(void (*visit)(void *arg, const char *path, const struct conf_row *row),
		      void *arg);

#endif
