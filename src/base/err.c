/* SPDX-License-Identifier: BSD-2-Clause */
/* Error codes as text, and causes. */
#include "mailzone/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
	[-MZ_OK] = "no error",
	[-MZ_ENOMEM] = "out of memory",
	[-MZ_EINVAL] = "not acceptable",
	[-MZ_ESYNTAX] = "does not parse",
	[-MZ_ERANGE] = "out of range",
	[-MZ_ENOTFOUND] = "not found",
	[-MZ_EEXIST] = "exists already",
	[-MZ_EIO] = "input or output error",
	[-MZ_EPERM] = "wrong permissions",
	[-MZ_ESPACE] = "does not fit",
	[-MZ_ELOCKED] = "held by another process",
	[-MZ_ESTATE] = "the stored state is damaged or of another version",
	[-MZ_ECRYPTO] = "the crypto library failed",
	[-MZ_EFAILED] = "failed",
};

const char *mz_strerror(int err)
{
	if (err > 0 || err <= -(int)(sizeof(texts) / sizeof(texts[0])))
		return "unknown error";
	return texts[-err];
}

int mz_err_of_errno(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
		return MZ_ENOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return MZ_EPERM;
	case ENOSPC:
	case EDQUOT:
		return MZ_ESPACE;
	case ENOMEM:
		return MZ_ENOMEM;
	default:
		return MZ_EIO;
	}
}

int mz_cause_set(struct mz_cause *cause, int err, const char *fmt, ...)
{
	struct mz_cause made = {0}; /* the old text may be among the arguments */
	va_list args;

	if (cause == NULL)
		return err;
	va_start(args, fmt);
	if (vsnprintf(made.text, sizeof(made.text), fmt, args) < 0)
		made.text[0] = '\0';
	va_end(args);
	/* A cause is one line, whatever a path or a peer put into it. */
	for (char *c = made.text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	*cause = made;
	return err;
}
