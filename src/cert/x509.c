/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificate files: the key digests, names and end of a chain. */
#include "src/cert/nextkey.h"
#include "src/cert/pem.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHAIN_MAX 16 /* certificates in one file */

struct chain {
	X509 *cert[CHAIN_MAX];
	size_t count;
};

static void chain_clear(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->cert[i]);
	chain->count = 0;
}

static bool spki_of_cert(const X509 *cert, uint8_t digest[MZ_SPKI_DIGEST])
{
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (len > 0)
		mz_sha256(der, (size_t)len, digest);
	OPENSSL_free(der);
	return len > 0;
}

static bool is_certificate(const char *label)
{
	return strcmp(label, PEM_STRING_X509) == 0 || strcmp(label, PEM_STRING_X509_OLD) == 0 ||
	       strcmp(label, PEM_STRING_X509_TRUSTED) == 0;
}

static int add_cert(struct chain *chain, const struct mz_cert_block *block, const char *path,
		    struct mz_cause *cause)
{
	const unsigned char *p = block->der;
	X509 *cert = NULL;

	if (chain->count == CHAIN_MAX)
		return mz_cause_set(cause, MZ_ERANGE, "%s holds more than %d certificates", path,
				    CHAIN_MAX);
	/* A trusted certificate is a certificate and then some more, which is of no use here. */
	cert = d2i_X509(NULL, &p, block->len);
	if (cert == NULL ||
	    (p != block->der + block->len && strcmp(block->label, PEM_STRING_X509_TRUSTED) != 0)) {
		X509_free(cert);
		return mz_cause_set(cause, MZ_ESYNTAX, "%s: certificate %zu is damaged", path,
				    chain->count + 1);
	}
	chain->cert[chain->count++] = cert;
	return MZ_OK;
}

static int no_certificate(const char *path, const char *other, struct mz_cause *cause)
{
	if (strstr(other, "KEY") != NULL)
		return mz_cause_set(cause, MZ_EINVAL,
				    "%s holds a key and no certificate: name the file of the "
				    "certificate chain",
				    path);
	if (other[0] != '\0')
		return mz_cause_set(cause, MZ_EINVAL,
				    "%s holds no certificate but a \"%s\": name the file of the "
				    "certificate chain",
				    path, other);
	return mz_cause_set(cause, MZ_ESYNTAX,
			    "%s holds no PEM text: a certificate chain starts with "
			    "\"-----BEGIN CERTIFICATE-----\"",
			    path);
}

/* All certificates of a file. Servers take combined files too, with the private key and DH or
 * EC parameters beside the chain: those are passed over. */
static int read_chain(struct chain *chain, const char *path, struct mz_cause *cause)
{
	struct mz_cert_pem pem = {0};
	struct mz_cert_block block = {0};
	char other[MZ_CERT_LABEL] = "";
	int got = 0, err = mz_cert_pem_open(&pem, path, "certificate chain", cause);

	while (err == MZ_OK && (got = mz_cert_pem_next(&pem, &block, cause)) == 1) {
		if (is_certificate(block.label))
			err = add_cert(chain, &block, path, cause);
		else
			mz_cert_block_label(&block, other);
		mz_cert_block_clear(&block);
	}
	if (err == MZ_OK)
		err = got;
	if (err == MZ_OK && chain->count == 0)
		err = no_certificate(path, other, cause);
	mz_cert_pem_close(&pem);
	return err;
}

static int check_order(const struct chain *chain, const char *path, struct mz_cause *cause)
{
	for (size_t i = 1; i < chain->count; i++) {
		if (X509_check_issued(chain->cert[i], chain->cert[i - 1]) != X509_V_OK)
			return mz_cause_set(cause, MZ_EINVAL,
					    "%s: certificate %zu is not the issuer of certificate "
					    "%zu: "
					    "the order is the server's own certificate, then its "
					    "issuer, and so on",
					    path, i + 1, i);
	}
	return MZ_OK;
}

static int copy_digests(struct mz_cert *out, const struct chain *chain)
{
	if (!spki_of_cert(chain->cert[0], out->leaf))
		return MZ_ECRYPTO;
	if (chain->count == 1)
		return MZ_OK;
	out->issuers = calloc(chain->count - 1, sizeof(*out->issuers));
	if (out->issuers == NULL)
		return MZ_ENOMEM;
	for (size_t i = 1; i < chain->count; i++) {
		if (!spki_of_cert(chain->cert[i], out->issuers[i - 1]))
			return MZ_ECRYPTO;
		out->issuer_count++;
	}
	return MZ_OK;
}

/* Names that are no host names (an address, octets of another kind) cannot cover a host of ours:
 * they are left out. */
static void add_name(struct mz_cert *out, const ASN1_STRING *name)
{
	char text[256] = "";
	int len = ASN1_STRING_length(name);

	if (len <= 0 || (size_t)len >= sizeof(text))
		return;
	memcpy(text, ASN1_STRING_get0_data(name), (size_t)len);
	if (strlen(text) == (size_t)len &&
	    mz_name_from_text(&out->names[out->name_count], text, NULL, NULL) == MZ_OK)
		out->name_count++;
}

/* The common name counts where no alternative name is a DNS name (RFC 6125 6.4.4): private
 * authorities still make such certificates. */
static void add_common_name(struct mz_cert *out, const X509 *leaf)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at >= 0)
		add_name(out, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static int copy_names(struct mz_cert *out, const X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	bool dns = false;

	out->names = calloc((size_t)count + 1, sizeof(*out->names));
	for (int i = 0; i < count && out->names != NULL; i++) {
		const GENERAL_NAME *general = sk_GENERAL_NAME_value(names, i);

		if (general->type != GEN_DNS)
			continue;
		dns = true;
		add_name(out, general->d.dNSName);
	}
	GENERAL_NAMES_free(names);
	if (out->names == NULL)
		return MZ_ENOMEM;
	if (!dns)
		add_common_name(out, leaf);
	return MZ_OK;
}

static int copy_end(struct mz_cert *out, const X509 *leaf)
{
	struct tm tm = {0};

	if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1)
		return MZ_ESYNTAX;
	out->not_after = (int64_t)timegm(&tm);
	return MZ_OK;
}

static int read_file(struct mz_cert *out, const char *file, struct mz_cause *cause)
{
	struct chain chain = {0};
	int err = read_chain(&chain, file, cause);

	if (err == MZ_OK)
		err = check_order(&chain, file, cause);
	if (err != MZ_OK)
		goto done;
	err = copy_digests(out, &chain);
	if (err == MZ_OK)
		err = copy_names(out, chain.cert[0]);
	if (err == MZ_OK)
		err = copy_end(out, chain.cert[0]);
	if (err != MZ_OK)
		(void)mz_cause_set(cause, err, "%s: cannot use the certificate: %s", file,
				   mz_strerror(err));
done:
	chain_clear(&chain);
	return err;
}

int mz_cert_read(struct mz_cert *out, const char *file, const char *next_key,
		 struct mz_cause *cause)
{
	int err = MZ_OK;

	*out = (struct mz_cert){0};
	err = read_file(out, file, cause);
	if (err != MZ_OK)
		mz_cert_clear(out);
	if (err == MZ_OK && next_key != NULL)
		err = mz_cert_read_next(out, next_key, cause);
	ERR_clear_error();
	return err;
}

void mz_cert_clear(struct mz_cert *cert)
{
	if (cert == NULL)
		return;
	free(cert->issuers);
	free(cert->names);
	*cert = (struct mz_cert){0};
}
