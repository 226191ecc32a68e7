/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of algorithms and the HMAC; the only file that knows OpenSSL. */

#include "tsig/internal.h"

#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

/*
 * RFC 8945 section 6. Where the algorithm is truncated to half its digest or less, nothing
 * shorter is allowed: mac_min is mac_len.
 */
static const struct tsig_alg_row algorithms[TSIG_ALG_COUNT] = {
	[TSIG_HMAC_SHA1] = {"hmac-sha1", "SHA1", 20, 10},
	[TSIG_HMAC_SHA224] = {"hmac-sha224", "SHA224", 28, 14},
	[TSIG_HMAC_SHA256] = {"hmac-sha256", "SHA256", 32, 16},
	[TSIG_HMAC_SHA384] = {"hmac-sha384", "SHA384", 48, 24},
	[TSIG_HMAC_SHA512] = {"hmac-sha512", "SHA512", 64, 32},
	[TSIG_HMAC_SHA256_128] = {"hmac-sha256-128", "SHA256", 16, 16},
	[TSIG_HMAC_SHA384_192] = {"hmac-sha384-192", "SHA384", 24, 24},
	[TSIG_HMAC_SHA512_256] = {"hmac-sha512-256", "SHA512", 32, 32},
};

const struct tsig_alg_row *tsig_alg_row(enum tsig_alg alg)
{
	unsigned int index = (unsigned int)alg;

	return index < TSIG_ALG_COUNT ? &algorithms[index] : NULL;
}

bool tsig_alg_from_name(const char *name, enum tsig_alg *out)
{
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '.')
		len--;
	for (unsigned int i = 0; i < TSIG_ALG_COUNT; i++) {
		if (strlen(algorithms[i].name) == len &&
		    strncasecmp(algorithms[i].name, name, len) == 0) {
			*out = (enum tsig_alg)i;
			return true;
		}
	}
	return false;
}

const char *tsig_alg_name(enum tsig_alg alg)
{
	const struct tsig_alg_row *row = tsig_alg_row(alg);

	return row != NULL ? row->name : "unknown";
}

struct evp_mac_ctx_st *tsig_hmac_new(const struct tsig_alg_row *row, const uint8_t *secret,
				     size_t len, int *err)
{
	EVP_MAC *mac = NULL;
	EVP_MAC_CTX *ctx = NULL;
	char digest[16] = "";
	OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};

	/* OpenSSL wants the name writable, though it does not write. */
	memcpy(digest, row->digest, strlen(row->digest));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);

	*err = TSIG_ECRYPTO;
	mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	if (mac == NULL)
		goto done;
	ctx = EVP_MAC_CTX_new(mac);
	if (ctx == NULL) {
		*err = TSIG_ENOMEM;
		goto done;
	}
	if (EVP_MAC_init(ctx, secret, len, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
		goto done;
	}
	*err = TSIG_OK;
done:
	EVP_MAC_free(mac);
	return ctx;
}

struct evp_mac_ctx_st *tsig_hmac_dup(const struct evp_mac_ctx_st *ctx)
{
	return EVP_MAC_CTX_dup(ctx);
}

void tsig_hmac_free(struct evp_mac_ctx_st *ctx)
{
	EVP_MAC_CTX_free(ctx);
}

bool tsig_hmac_start(struct evp_mac_ctx_st *ctx)
{
	/* No key: the one from tsig_hmac_new() stays. */
	return EVP_MAC_init(ctx, NULL, 0, NULL) == 1;
}

bool tsig_hmac_add(struct evp_mac_ctx_st *ctx, const uint8_t *data, size_t len)
{
	return EVP_MAC_update(ctx, data, len) == 1;
}

bool tsig_hmac_finish(struct evp_mac_ctx_st *ctx, uint8_t out[TSIG_MAC_MAX])
{
	size_t len = 0;

	return EVP_MAC_final(ctx, out, &len, TSIG_MAC_MAX) == 1;
}

bool tsig_mac_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void tsig_wipe(void *data, size_t len)
{
	if (data != NULL)
		OPENSSL_cleanse(data, len);
}
