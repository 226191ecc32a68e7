/* SPDX-License-Identifier: BSD-2-Clause */
/* The key object: name, algorithm, secret; base64; the table of errors. */

#include "tsig/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const errors[] = {
	[-TSIG_OK] = "no error",
	[-TSIG_ENOMEM] = "out of memory",
	[-TSIG_ECRYPTO] = "OpenSSL refused the key or its algorithm",
	[-TSIG_EKEYNAME] = "the key name is not a domain name of printable ASCII",
	[-TSIG_EALG] = "unknown TSIG algorithm",
	[-TSIG_EBASE64] = "the secret is not base64",
	[-TSIG_EEMPTY] = "the secret is empty",
	[-TSIG_EOPEN] = "the key file cannot be read",
	[-TSIG_EPERM] = "the key file is open to other users",
	[-TSIG_ETOOBIG] = "the key file is larger than 64 KiB",
	[-TSIG_ESYNTAX] = "the key file is malformed",
	[-TSIG_ENOKEY] = "the key is not in the key file",
	[-TSIG_ESPACE] = "the signed message does not fit",
	[-TSIG_EFORM] = "not a DNS message, or signed already",
};

const char *tsig_strerror(int err)
{
	if (err > 0 || err < TSIG_EFORM)
		return "unknown error";
	return errors[-err];
}

/* Backslashes would need unescaping, and quotes spoil a log line: no real key has either. */
bool tsig_is_name_char(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '.';
}

/*
 * Writes the name in lower case, on the wire to wire[TSIG_NAME_MAX] and for people to
 * text[TSIG_NAME_MAX]. Returns the octets on the wire, or 0 if it is not a key name.
 */
static size_t parse_name(const char *name, uint8_t *wire, char *text)
{
	size_t len = strlen(name);
	size_t label = 0; /* where the length of the current label stands in wire */

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len + 2 > TSIG_NAME_MAX)
		return 0;
	for (size_t i = 0; i <= len; i++) {
		if (i == len || name[i] == '.') {
			size_t octets = i - label;

			if (octets == 0 || octets > 63)
				return 0;
			wire[label] = (uint8_t)octets;
			label = i + 1;
		} else if (tsig_is_name_char((uint8_t)name[i])) {
			wire[i + 1] = tsig_lower((uint8_t)name[i]);
		} else {
			return 0;
		}
		text[i] = i == len ? '\0' : (char)tsig_lower((uint8_t)name[i]);
	}
	wire[len + 1] = 0;
	return len + 2;
}

/* Puts class ANY, TTL 0 and the algorithm behind the name in key->vars. */
static void finish_vars(struct tsig_key *key)
{
	uint8_t *p = key->vars + key->name_len;
	size_t alg_len = strlen(key->row->name);

	tsig_put16(p, TSIG_CLASS_ANY);
	memset(p + 2, 0, 4);
	p[6] = (uint8_t)alg_len;
	memcpy(p + 7, key->row->name, alg_len);
	p[7 + alg_len] = 0;
	key->vars_len = key->name_len + 8 + alg_len;
}

int tsig_key_new(struct tsig_key **out, const char *name, enum tsig_alg alg, const uint8_t *secret,
		 size_t len)
{
	int err = TSIG_OK;
	struct tsig_key *key = NULL;
	const struct tsig_alg_row *row = tsig_alg_row(alg);

	*out = NULL;
	if (row == NULL)
		return TSIG_EALG;
	if (len == 0)
		return TSIG_EEMPTY;
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return TSIG_ENOMEM;
	key->alg = alg;
	key->row = row;
	key->name_len = parse_name(name, key->vars, key->text);
	if (key->name_len == 0) {
		err = TSIG_EKEYNAME;
		goto done;
	}
	finish_vars(key);
	key->hmac = tsig_hmac_new(row, secret, len, &err);
	if (key->hmac == NULL)
		goto done;
	*out = key;
	key = NULL;
done:
	tsig_key_free(key);
	return err;
}

/* The value of a base64 digit; 64 for none. */
static uint32_t base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : 64;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether padding may stand after `digits` digits and paddings of which `bits` holds the last. */
static bool padding_fits(size_t digits, bool padded, uint32_t bits)
{
	if (padded)
		return digits % 4 != 0;
	if (digits % 4 < 2)
		return false;
	return (bits & (digits % 4 == 2 ? 15U : 3U)) == 0;
}

/*
 * Decodes into `out`, which has len / 4 * 3 + 3 octets; false and *fault if it is not base64.
 * Strict about padding and the bits under it: a secret with its end cut off must not become
 * another secret.
 */
static bool base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len,
			  size_t *fault)
{
	uint32_t bits = 0;
	size_t digits = 0; /* and paddings */
	bool padded = false;

	*out_len = 0;
	for (*fault = 0; *fault < len; (*fault)++) {
		char c = text[*fault];
		uint32_t value = base64_digit(c);

		if (is_blank(c))
			continue;
		if (c == '=') {
			if (!padding_fits(digits, padded, bits))
				return false;
			padded = true;
		} else if (value == 64 || padded) {
			return false;
		} else {
			bits = bits << 6 | value;
			if (digits % 4 != 0)
				out[(*out_len)++] = (uint8_t)(bits >> (6 - digits % 4 * 2));
		}
		digits++;
	}
	return digits % 4 == 0;
}

int tsig_key_decode(struct tsig_key **out, const char *name, enum tsig_alg alg, const char *text,
		    size_t len, size_t *fault)
{
	int err = TSIG_OK;
	size_t size = len / 4 * 3 + 3;
	size_t secret_len = 0;
	uint8_t *secret = malloc(size);

	*out = NULL;
	if (secret == NULL)
		return TSIG_ENOMEM;
	if (base64_decode(text, len, secret, &secret_len, fault))
		err = tsig_key_new(out, name, alg, secret, secret_len);
	else
		err = TSIG_EBASE64;
	tsig_wipe(secret, size);
	free(secret);
	return err;
}

int tsig_key_from_base64(struct tsig_key **out, const char *name, enum tsig_alg alg,
			 const char *text)
{
	size_t fault = 0;

	return tsig_key_decode(out, name, alg, text, strlen(text), &fault);
}

void tsig_key_free(struct tsig_key *key)
{
	if (key == NULL)
		return;
	tsig_hmac_free(key->hmac); /* wipes the secret */
	free(key);
}

const char *tsig_key_name(const struct tsig_key *key)
{
	return key->text;
}

enum tsig_alg tsig_key_alg(const struct tsig_key *key)
{
	return key->alg;
}

size_t tsig_overhead(const struct tsig_key *key)
{
	/* type, RDLENGTH; timers; MAC and its length; original id, error, other length */
	return key->vars_len + 4 + TSIG_TIMERS_LEN + 2 + key->row->mac_len + 6;
}
