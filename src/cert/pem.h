/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the room `cert`: PEM files, block by block. */
#ifndef MZ_CERT_PEM_H
#define MZ_CERT_PEM_H

#include "mailzone/cert.h"

#include <openssl/bio.h>

#define MZ_CERT_FILE_MAX (1024 * 1024) /* octets of a chain or key file */

/* A PEM file in memory. The octets may be secret: clear cleanses them. */
struct mz_cert_pem {
	const char *path;
	uint8_t *text;
	size_t len;
	BIO *bio;	     /* reads `text` */
	bool open_to_all;    /* others than owner and group may read the file ... */
	struct mz_cause why; /* ... as this says: a fault once a private key shows up in it */
	unsigned blocks;     /* taken so far */
};
struct mz_cert_block {
	char *label, *header;
	uint8_t *der;
	long len;
};

/* Reads a file: `what` ("certificate", "key") is for the causes. */
int mz_cert_pem_open(struct mz_cert_pem *pem, const char *path, const char *what,
		     struct mz_cause *cause);
/* The next block: 1; 0 at the end; MZ_ESYNTAX damaged or cut short; MZ_EPERM for a private key in
 * a file that others may read. The caller clears the block. */
int mz_cert_pem_next(struct mz_cert_pem *pem, struct mz_cert_block *block, struct mz_cause *cause);
void mz_cert_pem_close(struct mz_cert_pem *pem);
void mz_cert_block_clear(struct mz_cert_block *block);

#define MZ_CERT_LABEL 41
/* The label, cut and made plain for a message: it comes from the file. */
void mz_cert_block_label(const struct mz_cert_block *block, char out[MZ_CERT_LABEL]);

#endif
