/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the room `dkim`: the first PEM block of a key file, and the public key in it. */
#ifndef MZ_DKIM_KEYFILE_H
#define MZ_DKIM_KEYFILE_H

#include "mailzone/dkim.h"

#define MZ_DKIM_FILE_MAX 65536 /* no DKIM key file is larger */

/* A PEM block that holds a key. The octets may be secret: they are cleansed by clear. */
struct mz_dkim_block {
	char *label; /* "PRIVATE KEY", "RSA PRIVATE KEY" or "PUBLIC KEY" */
	uint8_t *der;
	size_t len;
};

/* Takes the first PEM block of `text`. MZ_ESYNTAX: empty, no PEM, cut short; MZ_EINVAL: encrypted,
 * a certificate, a kind we do not take. `path` is for the cause only. */
int mz_dkim_block_parse(struct mz_dkim_block *out, const uint8_t *text, size_t len,
			const char *path, struct mz_cause *cause);
/* The same for a file. MZ_EPERM for a private key that others may read. */
int mz_dkim_block_read(struct mz_dkim_block *out, const char *path, struct mz_cause *cause);
bool mz_dkim_block_is_private(const struct mz_dkim_block *block);
void mz_dkim_block_clear(struct mz_dkim_block *block);

/* The public half of the key in a block; the caller clears *out. */
int mz_dkim_public_from_block(struct mz_dkim_public *out, const struct mz_dkim_block *block,
			      const char *path, struct mz_cause *cause);

#endif
