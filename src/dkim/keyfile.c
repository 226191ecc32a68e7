/* SPDX-License-Identifier: BSD-2-Clause */
/* Key files: reading them with care for their mode, and taking the first PEM block. */
#include "src/dkim/keyfile.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_PRIVATE "PRIVATE KEY"
#define LABEL_PRIVATE_RSA "RSA PRIVATE KEY"
#define LABEL_PUBLIC "PUBLIC KEY"

/* Has the text this word? The text may hold any octets. */
static bool has(const uint8_t *text, size_t len, const char *word)
{
	return memmem(text, len, word, strlen(word)) != NULL;
}

static int no_block(const uint8_t *text, size_t len, const char *path, struct mz_cause *cause)
{
	unsigned long fault = ERR_peek_last_error();

	ERR_clear_error();
	if (ERR_GET_REASON(fault) == ERR_R_MALLOC_FAILURE)
		return mz_cause_set(cause, MZ_ENOMEM, "cannot read %s: out of memory", path);
	if (has(text, len, "-----BEGIN"))
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "%s: the PEM text is damaged or cut short: write the key again",
				    path);
	return mz_cause_set(cause, MZ_ESYNTAX,
			    "%s holds no PEM text: a DKIM key starts with \"-----BEGIN PRIVATE "
			    "KEY-----\" "
			    "or \"-----BEGIN PUBLIC KEY-----\"",
			    path);
}

/* A label comes from the file: only what is plain goes into a message. */
static void plain(char *label)
{
	for (size_t i = 0; label[i] != '\0'; i++) {
		if (label[i] < ' ' || label[i] > '~')
			label[i] = '?';
		if (i == 40)
			label[i] = '\0';
	}
}

static int check_label(struct mz_dkim_block *block, const char *header, const char *path,
		       struct mz_cause *cause)
{
	if (strstr(block->label, "ENCRYPTED") != NULL || strstr(header, "ENCRYPTED") != NULL)
		return mz_cause_set(cause, MZ_EINVAL,
				    "%s holds an encrypted private key: nobody is there to type a "
				    "password; decrypt it with `openssl pkey -in FILE -out "
				    "NEWFILE`",
				    path);
	if (strcmp(block->label, LABEL_PUBLIC) == 0 || mz_dkim_block_is_private(block))
		return MZ_OK;
	if (strstr(block->label, "CERTIFICATE") != NULL)
		return mz_cause_set(cause, MZ_EINVAL,
				    "%s holds a certificate where a DKIM key should be: name the "
				    "file "
				    "of the private or public key",
				    path);
	plain(block->label);
	return mz_cause_set(cause, MZ_EINVAL,
			    "%s holds a \"%s\" where a DKIM key should be: an RSA or Ed25519 key "
			    "as "
			    "PRIVATE KEY, RSA PRIVATE KEY or PUBLIC KEY",
			    path, block->label);
}

int mz_dkim_block_parse(struct mz_dkim_block *out, const uint8_t *text, size_t len,
			const char *path, struct mz_cause *cause)
{
	BIO *bio = NULL;
	char *header = NULL;
	long n = 0;
	int err = MZ_OK;

	*out = (struct mz_dkim_block){0};
	if (len == 0)
		return mz_cause_set(cause, MZ_ESYNTAX, "%s is empty: it should hold a DKIM key",
				    path);
	if (len > MZ_DKIM_FILE_MAX)
		return mz_cause_set(cause, MZ_ESPACE, "%s is larger than any DKIM key", path);
	ERR_clear_error();
	bio = BIO_new_mem_buf(text, (int)len);
	/* PEM_read_bio knows no passwords, so that nothing can ask for one on a terminal. */
	if (bio == NULL || PEM_read_bio(bio, &out->label, &header, &out->der, &n) != 1) {
		err = no_block(text, len, path, cause);
		goto done;
	}
	out->len = (size_t)n;
	err = check_label(out, header, path, cause);
done:
	OPENSSL_free(header);
	BIO_free(bio);
	if (err != MZ_OK)
		mz_dkim_block_clear(out);
	return err;
}

bool mz_dkim_block_is_private(const struct mz_dkim_block *block)
{
	return strcmp(block->label, LABEL_PRIVATE) == 0 ||
	       strcmp(block->label, LABEL_PRIVATE_RSA) == 0;
}

void mz_dkim_block_clear(struct mz_dkim_block *block)
{
	if (block == NULL)
		return;
	OPENSSL_clear_free(block->der, block->len);
	OPENSSL_free(block->label);
	*block = (struct mz_dkim_block){0};
}

int mz_dkim_block_read(struct mz_dkim_block *out, const char *path, struct mz_cause *cause)
{
	struct mz_cause open_mode = {0};
	uint8_t *text = NULL;
	size_t len = 0;
	int err = MZ_OK, secret = MZ_OK;

	*out = (struct mz_dkim_block){0};
	/* Read as a secret first, so that private octets are only used when the very file that was
	 * read is closed to others; a file open to all may still hold a public key. */
	secret = mz_file_read_secret(path, MZ_DKIM_FILE_MAX, &text, &len, &open_mode);
	if (secret == MZ_EPERM)
		err = mz_file_read(path, MZ_DKIM_FILE_MAX, &text, &len, cause);
	else if (secret != MZ_OK)
		err = mz_cause_set(cause, secret, "%s", open_mode.text);
	if (err != MZ_OK)
		return err;
	err = mz_dkim_block_parse(out, text, len, path, cause);
	if (err == MZ_OK && secret != MZ_OK && mz_dkim_block_is_private(out)) {
		mz_dkim_block_clear(out);
		err = mz_cause_set(cause, MZ_EPERM, "%s", open_mode.text);
	}
	OPENSSL_cleanse(text, len);
	free(text);
	return err;
}
