/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints mailzone.conf(5) from the table of settings, so that the two cannot disagree. */
#include "src/conf/schema.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
	".Dd November 23, 2026\n.Dt MAILZONE.CONF 5\n.Os\n.Sh NAME\n.Nm mailzone.conf\n"
	".Nd configuration of mailzone\n.Sh DESCRIPTION\n"
	"The file has the syntax of libconfig. Relative paths are relative to the folder of the "
	"file they\n"
	"stand in. A duration is a string of a number and one of the units s, m, h, d, w, or a "
	"plain number of\n"
	"seconds. A path that starts with\n.Ql $CREDENTIALS_DIRECTORY/\nis taken from there.\n.Ql "
	"@include\n"
	"includes another file. An unknown setting is an error.\n.Sh SETTINGS\n.Bl -tag -width "
	"Ds\n";

/* Text that roff must not take for a request. */
static void put_text(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\\')
			(void)fputs("\\e", stdout);
		else if (p == text && (*p == '.' || *p == '\''))
			(void)printf("\\&%c", *p);
		else
			(void)fputc(*p, stdout);
	}
	(void)fputc('\n', stdout);
}

static void visit(void *arg, const char *path, const struct conf_row *row)
{
	(void)arg;
	(void)printf(".It Va %s\n", path);
	put_text(row->help);
	if (row->choices != NULL) {
		(void)fputs("One of: ", stdout);
		for (const char *p = row->choices; *p != '\0'; p++)
			(void)fputs(*p == '|' ? ", " : (char[]){*p, '\0'}, stdout);
		(void)fputs(".\n", stdout);
	}
	(void)printf("It is %s%s", conf_type_text(row->type),
		     row->required ? ", and required" : "");
	if (row->def != NULL && row->def[0] != '\0') {
		(void)fputs("; the default is\n.Ql ", stdout);
		put_text(row->def);
	} else {
		(void)fputs(".\n", stdout);
	}
}

int main(void)
{
	(void)fputs(head, stdout);
	conf_schema_each(visit, NULL);
	(void)fputs(".El\n.Sh SEE ALSO\n.Xr mailzone 1\n", stdout);
	return 0;
}
