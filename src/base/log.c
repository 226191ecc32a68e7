/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines on stderr, for people (logfmt) or for machines (JSON). */
#include "mailzone/base.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static enum mz_log_level threshold = MZ_LOG_WARNING;
static bool as_json;

void mz_log_set_level(enum mz_log_level level)
{
	threshold = level;
}

void mz_log_set_format(bool json)
{
	as_json = json;
}

bool mz_log_on(enum mz_log_level level)
{
	return level <= threshold;
}

char *mz_num_text(char buf[MZ_NUM_TEXT], int64_t n)
{
	(void)snprintf(buf, MZ_NUM_TEXT, "%" PRId64, n);
	return buf;
}

/* Stands in logfmt without quotes: printable ASCII that means nothing there. */
static bool is_plain(const char *value)
{
	const char *c = value;

	while (*c > ' ' && *c < 0x7f && *c != '"' && *c != '=' && *c != '\\')
		c++;
	return *c == '\0' && c != value;
}

static void add_pair(struct mz_str *line, const char *key, const char *value)
{
	if (as_json) {
		mz_str_addf(line, ", \"%s\": ", key);
		mz_str_add_json(line, value);
		return;
	}
	mz_str_addf(line, " %s=", key);
	if (is_plain(value))
		mz_str_add(line, value);
	else
		mz_str_add_json(line, value);
}

static void write_line(const char *text, size_t len)
{
	ssize_t n = 0;

	/* One call is enough but where a signal or a full disk cuts it short. */
	while (len > 0) {
		n = write(STDERR_FILENO, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

void mz_log(enum mz_log_level level, const char *event, ...)
{
	const char *key = NULL, *value = NULL;
	char when[MZ_TIME_TEXT] = "";
	struct mz_str line = {0};
	int saved = errno;
	va_list args;

	if (!mz_log_on(level))
		return;
	mz_str_addf(&line,
		    as_json ? "{\"time\": \"%s\", \"level\": \"%s\", \"event\": \"%s\""
			    : "%s %s %s",
		    mz_clock_text(mz_clock_wall(), when), level_names[level], event);
	va_start(args, event);
	while ((key = va_arg(args, const char *)) != NULL) {
		value = va_arg(args, const char *);
		if (value != NULL)
			add_pair(&line, key, value);
	}
	va_end(args);
	mz_str_add(&line, as_json ? "}\n" : "\n");
	if (!line.failed)
		write_line(line.s, line.len);
	mz_str_clear(&line);
	errno = saved;
}
