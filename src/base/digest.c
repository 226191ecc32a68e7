/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenSSL as the base uses it: its start, and SHA-256. */
/* The calls that OpenSSL 3 calls deprecated are the ones that allocate nothing, so that they cannot
 * fail: SHA256() can, and leaves the digest unset. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "mailzone/base.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/prctl.h>

void mz_crypto_start(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
	/* A core dump would be a file with all secrets; a limit of its size does not hold for a pipe. */
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

void mz_sha256(const void *data, size_t len, uint8_t digest[32])
{
	SHA256_CTX ctx = {0};

	(void)SHA256_Init(&ctx);
	(void)SHA256_Update(&ctx, data, len);
	(void)SHA256_Final(digest, &ctx);
}
