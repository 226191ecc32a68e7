/* SPDX-License-Identifier: BSD-2-Clause */
/* The paths that a configuration gives. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/conf/context.h"

/* Replaces $CREDENTIALS_DIRECTORY/ in front; NULL with a complaint. */
static const char *credentials(struct conf_ctx *ctx, const char *rest, const char **why)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	size_t size = 0;
	char *path = NULL;

	if (!folder || folder[0] != '/') {
		*why = "$CREDENTIALS_DIRECTORY is not set: systemd sets it for a unit with "
		       "LoadCredential";
		return NULL;
	}
	size = strlen(folder) + strlen(rest) + 2;
	path = conf_work(ctx, size);
	if (path)
		(void)snprintf(path, size, "%s/%s", folder, rest);
	return path;
}

const char *conf_path(struct conf_ctx *ctx, const char *file, const char *value, bool absolute,
		      const char **why)
{
	static const char variable[] = "$CREDENTIALS_DIRECTORY/";
	const char *slash = strrchr(file, '/');
	size_t folder = slash ? (size_t)(slash + 1 - file) : 0;
	char cwd[PATH_MAX] = "";
	size_t size = 0;
	char *path = NULL;

	*why = NULL;
	if (value[0] == '/')
		return value;
	if (strncmp(value, variable, sizeof variable - 1) == 0)
		return credentials(ctx, value + sizeof variable - 1, why);
	if (absolute && file[0] != '/' && !getcwd(cwd, sizeof cwd)) {
		*why = "the current folder is not known: give an absolute path";
		return NULL;
	}
	size = strlen(cwd) + 1 + folder + strlen(value) + 1;
	path = conf_work(ctx, size);
	if (path)
		(void)snprintf(path, size, "%s%s%.*s%s", cwd, cwd[0] ? "/" : "", (int)folder, file,
			       value);
	return path;
}
