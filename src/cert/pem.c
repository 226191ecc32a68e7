/* SPDX-License-Identifier: BSD-2-Clause */
/* PEM files, block by block, with care for the mode of a file that holds a private key. */
#include "src/cert/pem.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

int mz_cert_pem_open(struct mz_cert_pem *pem, const char *path, const char *what,
		     struct mz_cause *cause)
{
	int err = MZ_OK;

	*pem = (struct mz_cert_pem){.path = path};
	/* As a secret first: a combined file may hold the private key too. */
	err = mz_file_read_secret(path, MZ_CERT_FILE_MAX, &pem->text, &pem->len, &pem->why);
	pem->open_to_all = err == MZ_EPERM;
	if (err == MZ_EPERM)
		err = mz_file_read(path, MZ_CERT_FILE_MAX, &pem->text, &pem->len, cause);
	else if (err != MZ_OK)
		(void)mz_cause_set(cause, err, "%s", pem->why.text);
	if (err == MZ_OK && pem->len == 0)
		err = mz_cause_set(cause, MZ_ESYNTAX,
				   "%s is empty: it should hold a %s as PEM text", path, what);
	if (err == MZ_OK) {
		pem->bio = BIO_new_mem_buf(pem->text, (int)pem->len);
		if (pem->bio == NULL)
			err = mz_cause_set(cause, MZ_ENOMEM, "cannot read %s: out of memory", path);
	}
	if (err != MZ_OK)
		mz_cert_pem_close(pem);
	return err;
}

/* Blocks that the text begins, whole or not. */
static unsigned begun(const struct mz_cert_pem *pem)
{
	static const char mark[] = "-----BEGIN";
	const uint8_t *p = pem->text, *end = pem->text + pem->len;
	unsigned n = 0;

	while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) != NULL) {
		p += sizeof(mark) - 1;
		n++;
	}
	return n;
}

static int no_more(const struct mz_cert_pem *pem, struct mz_cause *cause)
{
	unsigned long fault = ERR_peek_last_error();

	ERR_clear_error();
	if (ERR_GET_REASON(fault) == ERR_R_MALLOC_FAILURE)
		return mz_cause_set(cause, MZ_ENOMEM, "cannot read %s: out of memory", pem->path);
	/* A cut in the line that begins a block looks like the end to OpenSSL. */
	if (ERR_GET_REASON(fault) == PEM_R_NO_START_LINE && begun(pem) == pem->blocks)
		return 0;
	return mz_cause_set(cause, MZ_ESYNTAX,
			    "%s: PEM block %u is damaged or cut short: write the file again",
			    pem->path, pem->blocks + 1);
}

int mz_cert_pem_next(struct mz_cert_pem *pem, struct mz_cert_block *block, struct mz_cause *cause)
{
	*block = (struct mz_cert_block){0};
	ERR_clear_error();
	if (PEM_read_bio(pem->bio, &block->label, &block->header, &block->der, &block->len) != 1)
		return no_more(pem, cause);
	pem->blocks++;
	if (!pem->open_to_all || strstr(block->label, "PRIVATE KEY") == NULL)
		return 1;
	mz_cert_block_clear(block);
	return mz_cause_set(cause, MZ_EPERM, "%s", pem->why.text);
}

void mz_cert_block_clear(struct mz_cert_block *block)
{
	OPENSSL_clear_free(block->der, (size_t)block->len);
	OPENSSL_free(block->header);
	OPENSSL_free(block->label);
	*block = (struct mz_cert_block){0};
}

void mz_cert_pem_close(struct mz_cert_pem *pem)
{
	BIO_free(pem->bio);
	if (pem->text != NULL)
		OPENSSL_cleanse(pem->text, pem->len);
	free(pem->text);
	*pem = (struct mz_cert_pem){0};
}

void mz_cert_block_label(const struct mz_cert_block *block, char out[MZ_CERT_LABEL])
{
	size_t i = 0;

	for (; block->label[i] != '\0' && i + 1 < MZ_CERT_LABEL; i++)
		out[i] = (char)(block->label[i] < ' ' || block->label[i] > '~' ? '?'
									       : block->label[i]);
	out[i] = '\0';
}
