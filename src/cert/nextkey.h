/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the room `cert`: the next key's file. */
#ifndef MZ_CERT_NEXTKEY_H
#define MZ_CERT_NEXTKEY_H

#include "mailzone/cert.h"

/* Reads a private or public PEM key of any kind and sets has_next and next. Causes name the path. */
int mz_cert_read_next(struct mz_cert *out, const char *path, struct mz_cause *cause);

#endif
