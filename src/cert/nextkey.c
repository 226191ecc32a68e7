/* SPDX-License-Identifier: BSD-2-Clause */
/* The key that the next certificate will have: the digest that TLSA announces before it is used. */
#include "src/cert/nextkey.h"
#include "src/cert/pem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

static int wrong_next_key(const struct mz_cert_block *block, const char *path,
			  struct mz_cause *cause)
{
	char label[MZ_CERT_LABEL] = "";

	mz_cert_block_label(block, label);
	if (strstr(label, "ENCRYPTED") != NULL || strstr(block->header, "ENCRYPTED") != NULL)
		return mz_cause_set(cause, MZ_EINVAL,
				    "%s holds an encrypted private key: its public half will do: "
				    "`openssl pkey -in FILE -pubout -out NEWFILE`",
				    path);
	if (strstr(label, "KEY") != NULL)
		return mz_cause_set(cause, MZ_ESYNTAX, "%s: the %s in it is damaged", path, label);
	return mz_cause_set(cause, MZ_EINVAL,
			    "%s holds a \"%s\" where the next key should be: name the file of a "
			    "private or public key",
			    path, label);
}

/* The first key of a file; blocks of parameters may stand before it. */
static int read_next_block(struct mz_cert_pem *pem, struct mz_cert_block *block,
			   struct mz_cause *cause)
{
	int got = 0;

	for (;;) {
		got = mz_cert_pem_next(pem, block, cause);
		if (got != 1 || strstr(block->label, "PARAMETERS") == NULL)
			break;
		mz_cert_block_clear(block);
	}
	if (got == 0)
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "%s holds no key as PEM text (\"-----BEGIN PRIVATE KEY-----\")",
				    pem->path);
	return got == 1 ? MZ_OK : got;
}

static EVP_PKEY *parse_key(const struct mz_cert_block *block)
{
	const unsigned char *p = block->der;

	if (strcmp(block->label, PEM_STRING_PUBLIC) == 0)
		return d2i_PUBKEY(NULL, &p, block->len);
	if (strstr(block->label, "PRIVATE KEY") == NULL)
		return NULL;
	return d2i_AutoPrivateKey(NULL, &p, block->len); /* PKCS #8, and the forms before it */
}

int mz_cert_read_next(struct mz_cert *out, const char *path, struct mz_cause *cause)
{
	struct mz_cert_pem pem = {0};
	struct mz_cert_block block = {0};
	EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	int len = 0, err = mz_cert_pem_open(&pem, path, "key", cause);

	if (err == MZ_OK)
		err = read_next_block(&pem, &block, cause);
	if (err != MZ_OK)
		goto done;
	key = parse_key(&block);
	if (key == NULL) {
		err = wrong_next_key(&block, path, cause);
		goto done;
	}
	len = i2d_PUBKEY(key, &der);
	if (len <= 0) {
		err = mz_cause_set(cause, MZ_ECRYPTO, "%s: OpenSSL cannot use the key", path);
		goto done;
	}
	mz_sha256(der, (size_t)len, out->next);
	out->has_next = true;
done:
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	mz_cert_block_clear(&block);
	mz_cert_pem_close(&pem);
	return err;
}
