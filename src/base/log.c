/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines on stderr. */
#include "mailzone/base.h"

#include <stdio.h>

static enum mz_log_level threshold = MZ_LOG_WARNING;

void mz_log_set_level(enum mz_log_level level)
{
	threshold = level;
}

bool mz_log_on(enum mz_log_level level)
{
	return level <= threshold;
}

void mz_log(enum mz_log_level level, const char *event, const char *fields, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char when[MZ_TIME_TEXT] = "", text[1024] = "";
	va_list args;

	if (!mz_log_on(level))
		return;
	va_start(args, fields);
	(void)vsnprintf(text, sizeof(text), fields, args);
	va_end(args);
	/* No value may forge a line of its own. */
	for (char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	(void)fprintf(stderr, "%s %s %s %s\n", mz_clock_text(mz_clock_wall(), when), names[level],
		      event, text);
}
