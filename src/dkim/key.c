/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM keys: from the DER of a private or public key to the base64 text of p=. */
#include "src/dkim/keyfile.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

/* The DER is walked in place with OpenSSL's bounds-checked header reader: its key decoders look
 * through every provider, which costs some 100 us a key, and there may be a key a domain. */

#define RSA_MIN_BITS 1024 /* RFC 8301 3.2 */
#define RSA_MAX_BITS 4096
#define ED25519_LEN 32

struct der {
	const uint8_t *p;
	size_t left;
};

static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};
/* AlgorithmIdentifier of rsaEncryption with its NULL parameters (RFC 3279 2.3.1). */
static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
					0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

const char *mz_dkim_k(enum mz_dkim_algorithm algorithm)
{
	return algorithm == MZ_DKIM_RSA ? "rsa" : "ed25519";
}

const char *mz_dkim_algorithm_name(enum mz_dkim_algorithm algorithm)
{
	return algorithm == MZ_DKIM_RSA ? "rsa-sha256" : "ed25519-sha256";
}

void mz_dkim_record_text(struct mz_str *out, enum mz_dkim_algorithm algorithm,
			 const char *public_text)
{
	mz_str_add(out, "v=DKIM1; ");
	if (public_text[0] != '\0')
		mz_str_addf(out, "k=%s; h=sha256; ", mz_dkim_k(algorithm));
	mz_str_add(out, "p=");
	mz_str_add(out, public_text);
}

/* Takes the next element, which must have this universal tag, into *body. */
static bool take(struct der *from, int tag, struct der *body)
{
	const unsigned char *p = from->p;
	long len = 0;
	int found = 0, class = 0, flags = 0;

	flags = ASN1_get_object(&p, &len, &found, &class, (long)from->left);
	/* 0x80: does not fit; 1: indefinite length, which DER does not have. */
	if ((flags & 0x81) != 0 || class != V_ASN1_UNIVERSAL || found != tag)
		return false;
	body->p = p;
	body->left = (size_t)len;
	from->left -= (size_t)(p - from->p) + (size_t)len;
	from->p = p + len;
	return true;
}

/* A positive odd INTEGER without its leading zero: neither an RSA modulus nor an exponent is even. */
static bool take_odd(struct der *from, struct der *number)
{
	if (!take(from, V_ASN1_INTEGER, number) || number->left == 0 || (number->p[0] & 0x80) != 0)
		return false;
	while (number->left > 1 && number->p[0] == 0) {
		number->p++;
		number->left--;
	}
	return (number->p[number->left - 1] & 1) != 0;
}

static unsigned bit_length(const struct der *number)
{
	unsigned bits = (unsigned)number->left * 8;

	for (uint8_t top = number->p[0]; (top & 0x80) == 0 && bits > 0; top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

static int integer_body(const struct der *number)
{
	return (int)number->left + ((number->p[0] & 0x80) != 0);
}

static void put_integer(unsigned char **p, const struct der *number)
{
	ASN1_put_object(p, 0, integer_body(number), V_ASN1_INTEGER, V_ASN1_UNIVERSAL);
	if ((number->p[0] & 0x80) != 0)
		*(*p)++ = 0;
	memcpy(*p, number->p, number->left);
	*p += number->left;
}

static int take_text(struct mz_dkim_public *out, struct mz_str *text)
{
	if (text->failed) {
		mz_str_clear(text);
		return MZ_ENOMEM;
	}
	out->text = text->s;
	*text = (struct mz_str){0};
	return MZ_OK;
}

/* SubjectPublicKeyInfo of modulus and exponent, written afresh so that it is DER whatever the
 * file's encoder did. */
static int rsa_text(struct mz_dkim_public *out, const struct der *n, const struct der *e)
{
	uint8_t spki[RSA_MAX_BITS / 8 + 64] = {0};
	unsigned char *p = spki;
	struct mz_str text = {0};
	int numbers = ASN1_object_size(0, integer_body(n), V_ASN1_INTEGER) +
		      ASN1_object_size(0, integer_body(e), V_ASN1_INTEGER);
	int bits = 1 + ASN1_object_size(1, numbers, V_ASN1_SEQUENCE);
	int all = (int)sizeof(rsa_algorithm) + ASN1_object_size(0, bits, V_ASN1_BIT_STRING);

	ASN1_put_object(&p, 1, all, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(p, rsa_algorithm, sizeof(rsa_algorithm));
	p += sizeof(rsa_algorithm);
	ASN1_put_object(&p, 0, bits, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
	*p++ = 0; /* no unused bits */
	ASN1_put_object(&p, 1, numbers, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	put_integer(&p, n);
	put_integer(&p, e);
	mz_str_add_base64(&text, spki, (size_t)(p - spki));
	return take_text(out, &text);
}

/* RSAPublicKey, or RSAPrivateKey, which has a version before the same two numbers (RFC 8017 A.1). */
static int rsa_public(struct mz_dkim_public *out, struct der in, bool private, const char *path,
		      struct mz_cause *cause)
{
	struct der body = {0}, version = {0}, n = {0}, e = {0};

	if (!take(&in, V_ASN1_SEQUENCE, &body) ||
	    (private && !take(&body, V_ASN1_INTEGER, &version)) || !take_odd(&body, &n) ||
	    !take_odd(&body, &e) || e.left > 8 || (e.left == 1 && e.p[0] < 3) ||
	    (private ? body.left == 0 : body.left != 0))
		return mz_cause_set(cause, MZ_ESYNTAX, "%s: the RSA key in it is damaged", path);
	out->algorithm = MZ_DKIM_RSA;
	if (n.left > RSA_MAX_BITS / 8) /* before anything is computed from a hostile length */
		return mz_cause_set(cause, MZ_EINVAL,
				    "%s: an RSA key of more than %d bits: verifiers need not take "
				    "it",
				    path, RSA_MAX_BITS);
	out->bits = bit_length(&n);
	if (out->bits < RSA_MIN_BITS)
		return mz_cause_set(cause, MZ_EINVAL,
				    "%s: an RSA key of %u bits: verifiers refuse less than %d; "
				    "make "
				    "one of 2048",
				    path, out->bits, RSA_MIN_BITS);
	return rsa_text(out, &n, &e);
}

static int ed25519_public(struct mz_dkim_public *out, const uint8_t raw[ED25519_LEN])
{
	struct mz_str text = {0};

	out->algorithm = MZ_DKIM_ED25519;
	out->bits = 256;
	mz_str_add_base64(&text, raw, ED25519_LEN);
	return take_text(out, &text);
}

/* CurvePrivateKey (RFC 8410 7): an OCTET STRING of the 32 secret octets. */
static int ed25519_private(struct mz_dkim_public *out, struct der in, const char *path,
			   struct mz_cause *cause)
{
	uint8_t raw[ED25519_LEN] = {0};
	size_t len = sizeof(raw);
	struct der seed = {0};
	EVP_PKEY *key = NULL;
	bool good = false;

	if (!take(&in, V_ASN1_OCTET_STRING, &seed) || seed.left != ED25519_LEN || in.left != 0)
		return mz_cause_set(cause, MZ_ESYNTAX, "%s: the Ed25519 key in it is damaged",
				    path);
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed.p, seed.left);
	good = key != NULL && EVP_PKEY_get_raw_public_key(key, raw, &len) == 1 &&
	       len == sizeof(raw);
	EVP_PKEY_free(key);
	if (!good)
		return mz_cause_set(cause, MZ_ECRYPTO, "%s: OpenSSL cannot use the Ed25519 key",
				    path);
	return ed25519_public(out, raw);
}

static bool is_oid(const struct der *oid, const uint8_t *want, size_t len)
{
	return oid->left == len && memcmp(oid->p, want, len) == 0;
}

static int other_kind(const struct der *oid, const char *path, struct mz_cause *cause)
{
	/* The object's header again: d2i_ASN1_OBJECT wants tag and length too. */
	uint8_t tlv[64] = {V_ASN1_OBJECT, (uint8_t)oid->left};
	const unsigned char *p = tlv;
	ASN1_OBJECT *object = NULL;
	char name[80] = "unknown";

	if (oid->left > 0 && oid->left < sizeof(tlv) - 2) {
		memcpy(tlv + 2, oid->p, oid->left);
		object = d2i_ASN1_OBJECT(NULL, &p, (long)oid->left + 2);
	}
	if (object != NULL && OBJ_obj2nid(object) == NID_X9_62_id_ecPublicKey)
		(void)OPENSSL_strlcpy(name, "EC", sizeof(name));
	else if (object != NULL)
		(void)OBJ_obj2txt(name, sizeof(name), object, 0);
	ASN1_OBJECT_free(object);
	ERR_clear_error();
	return mz_cause_set(cause, MZ_EINVAL,
			    "%s holds a key of the kind %s: DKIM has RSA and Ed25519 only", path,
			    name);
}

static int damaged(const char *path, struct mz_cause *cause)
{
	ERR_clear_error();
	return mz_cause_set(cause, MZ_ESYNTAX, "%s: the key in it is damaged: write it again",
			    path);
}

/* SubjectPublicKeyInfo (RFC 5280 4.1). */
static int from_public(struct mz_dkim_public *out, struct der in, const char *path,
		       struct mz_cause *cause)
{
	struct der info = {0}, algorithm = {0}, oid = {0}, bits = {0};

	if (!take(&in, V_ASN1_SEQUENCE, &info) || in.left != 0 ||
	    !take(&info, V_ASN1_SEQUENCE, &algorithm) || !take(&algorithm, V_ASN1_OBJECT, &oid) ||
	    !take(&info, V_ASN1_BIT_STRING, &bits) || bits.left < 1 || bits.p[0] != 0)
		return damaged(path, cause);
	bits.p++;
	bits.left--;
	if (is_oid(&oid, oid_rsa, sizeof(oid_rsa)))
		return rsa_public(out, bits, false, path, cause);
	if (!is_oid(&oid, oid_ed25519, sizeof(oid_ed25519)))
		return other_kind(&oid, path, cause);
	return bits.left == ED25519_LEN ? ed25519_public(out, bits.p) : damaged(path, cause);
}

/* PrivateKeyInfo (RFC 5958 2): the kind of key and its octets. */
static bool take_private(struct der in, struct der *oid, struct der *octets)
{
	struct der info = {0}, version = {0}, algorithm = {0};

	return take(&in, V_ASN1_SEQUENCE, &info) && in.left == 0 &&
	       take(&info, V_ASN1_INTEGER, &version) && take(&info, V_ASN1_SEQUENCE, &algorithm) &&
	       take(&algorithm, V_ASN1_OBJECT, oid) && take(&info, V_ASN1_OCTET_STRING, octets);
}

static int from_private(struct mz_dkim_public *out, struct der in, const char *path,
			struct mz_cause *cause)
{
	struct der oid = {0}, octets = {0};

	if (!take_private(in, &oid, &octets))
		return damaged(path, cause);
	if (is_oid(&oid, oid_rsa, sizeof(oid_rsa)))
		return rsa_public(out, octets, true, path, cause);
	if (is_oid(&oid, oid_ed25519, sizeof(oid_ed25519)))
		return ed25519_private(out, octets, path, cause);
	return other_kind(&oid, path, cause);
}

int mz_dkim_public_from_block(struct mz_dkim_public *out, const struct mz_dkim_block *block,
			      const char *path, struct mz_cause *cause)
{
	struct der in = {block->der, block->len};
	int err = MZ_OK;

	*out = (struct mz_dkim_public){0};
	if (strcmp(block->label, "PUBLIC KEY") == 0)
		err = from_public(out, in, path, cause);
	else if (strcmp(block->label, "RSA PRIVATE KEY") == 0)
		err = rsa_public(out, in, true, path, cause);
	else
		err = from_private(out, in, path, cause);
	if (err == MZ_ENOMEM)
		(void)mz_cause_set(cause, err, "%s: out of memory", path);
	if (err != MZ_OK) {
		ERR_clear_error();
		mz_dkim_public_clear(out);
	}
	return err;
}

int mz_dkim_public_read(struct mz_dkim_public *out, const char *path, struct mz_cause *cause)
{
	struct mz_dkim_block block = {0};
	int err = MZ_OK;

	*out = (struct mz_dkim_public){0};
	err = mz_dkim_block_read(&block, path, cause);
	if (err == MZ_OK)
		err = mz_dkim_public_from_block(out, &block, path, cause);
	mz_dkim_block_clear(&block);
	return err;
}

void mz_dkim_public_clear(struct mz_dkim_public *key)
{
	if (key == NULL)
		return;
	free(key->text);
	*key = (struct mz_dkim_public){0};
}

int mz_dkim_seed_read(struct mz_str *out, const char *path, struct mz_cause *cause)
{
	struct mz_dkim_block block = {0};
	struct der in = {0}, oid = {0}, octets = {0}, seed = {0};
	int err = mz_dkim_block_read(&block, path, cause);

	if (err != MZ_OK)
		return err;
	in = (struct der){block.der, block.len};
	if (!take_private(in, &oid, &octets) || !is_oid(&oid, oid_ed25519, sizeof(oid_ed25519)) ||
	    !take(&octets, V_ASN1_OCTET_STRING, &seed) || seed.left != ED25519_LEN)
		err = mz_cause_set(cause, MZ_EINVAL, "%s holds no private Ed25519 key", path);
	else
		mz_str_add_base64(out, seed.p, seed.left);
	mz_dkim_block_clear(&block);
	if (err == MZ_OK && out->failed)
		err = mz_cause_set(cause, MZ_ENOMEM, "%s: out of memory", path);
	return err;
}
