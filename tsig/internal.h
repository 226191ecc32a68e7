/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the TSIG library share; nothing here is for its users. */

#ifndef TSIG_INTERNAL_H
#define TSIG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsig/tsig.h"

#define TSIG_HEADER_LEN 12
#define TSIG_MESSAGE_MAX 65535
#define TSIG_NAME_MAX 255 /* octets on the wire, RFC 1035 section 3.1 */
#define TSIG_TIMERS_LEN 8 /* time signed and fudge, RFC 8945 section 4.3.3 */
#define TSIG_FUDGE 300	  /* seconds, RFC 8945 section 10 */
#define TSIG_TYPE 250
#define TSIG_CLASS_ANY 255
#define TSIG_ERROR_BADSIG 16
#define TSIG_ERROR_BADKEY 17
#define TSIG_ERROR_BADTIME 18
#define TSIG_ERROR_BADTRUNC 22
#define TSIG_FILE_MAX 65536

/* One row of the table of algorithms. */
struct tsig_alg_row {
	const char *name;   /* one label, so this is the wire name but for two octets */
	const char *digest; /* as OpenSSL calls it */
	uint16_t mac_len;   /* octets of a MAC */
	uint16_t mac_min;   /* fewer are malformed: max(10, half the digest), section 5.2.2.1 */
};

/* name (255), class and TTL, algorithm name ("hmac-sha512-256" and two octets) */
#define TSIG_VARS_MAX (TSIG_NAME_MAX + 6 + 17)

struct tsig_key {
	enum tsig_alg alg;
	const struct tsig_alg_row *row;
	struct evp_mac_ctx_st *hmac; /* holds the secret */
	char text[TSIG_NAME_MAX];    /* the name for people */
	size_t name_len;
	size_t vars_len;
	uint8_t vars[TSIG_VARS_MAX]; /* name, class, TTL, algorithm: as digested, section 4.3.3 */
};

/* A TSIG record where it stands in a message. Pointers are into the message. */
struct tsig_rr {
	size_t start;	       /* offset of the record: the length of the message without it */
	const uint8_t *alg;    /* algorithm name, not compressed, in any case */
	size_t alg_len;	       /* octets */
	const uint8_t *timers; /* TSIG_TIMERS_LEN octets */
	const uint8_t *mac;    /* mac_len octets */
	const uint8_t *error;  /* error, other length, other data, as digested */
	size_t error_len;      /* octets of these three */
	uint16_t original_id;
	struct tsig_info info;
};

static inline uint16_t tsig_get16(const uint8_t *p)
{
	return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint64_t tsig_get48(const uint8_t *p)
{
	return (uint64_t)tsig_get16(p) << 32 | (uint64_t)tsig_get16(p + 2) << 16 |
	       tsig_get16(p + 4);
}

static inline void tsig_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void tsig_put48(uint8_t *p, uint64_t value)
{
	tsig_put16(p, (uint16_t)(value >> 32));
	tsig_put16(p + 2, (uint16_t)(value >> 16));
	tsig_put16(p + 4, (uint16_t)value);
}

/* Time signed and fudge. */
static inline void tsig_put_timers(uint8_t *p, uint64_t when)
{
	tsig_put48(p, when);
	tsig_put16(p + 6, TSIG_FUDGE);
}

static inline uint8_t tsig_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* hmac.c */

/* The row of an algorithm; NULL if the number is none. */
const struct tsig_alg_row *tsig_alg_row(enum tsig_alg alg);

/* A context keyed with the secret, to be used many times; NULL and *err on failure. */
struct evp_mac_ctx_st *tsig_hmac_new(const struct tsig_alg_row *row, const uint8_t *secret,
				     size_t len, int *err);
struct evp_mac_ctx_st *tsig_hmac_dup(const struct evp_mac_ctx_st *ctx);
void tsig_hmac_free(struct evp_mac_ctx_st *ctx);

/* Start afresh with the same secret, add octets, write the whole digest. False: OpenSSL failed. */
bool tsig_hmac_start(struct evp_mac_ctx_st *ctx);
bool tsig_hmac_add(struct evp_mac_ctx_st *ctx, const uint8_t *data, size_t len);
bool tsig_hmac_finish(struct evp_mac_ctx_st *ctx, uint8_t out[TSIG_MAC_MAX]);

/* Compares in a time that does not depend on the octets. */
bool tsig_mac_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* Wipes memory that held a secret. NULL is fine. */
void tsig_wipe(void *data, size_t len);

/* key.c */

/* Whether a key's name may have it in a label. */
bool tsig_is_name_char(uint8_t c);

/*
 * tsig_key_from_base64() for `len` characters without an end. With TSIG_EBASE64, *fault is the
 * offset of the first character that is wrong (`len`: the text ends too early).
 */
int tsig_key_decode(struct tsig_key **out, const char *name, enum tsig_alg alg, const char *text,
		    size_t len, size_t *fault);

/* keyfile.c */

/* Fills the cause with "PATH: ..." or, where there is a line, "PATH:LINE: ...". Returns err. */
int tsig_fail(const char *path, char *cause, int err, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The same with the text of an error that the key object gave. TSIG_OK passes silently. */
int tsig_explain(const char *path, char *cause, int err, unsigned int line);

/* The readers of both kinds of file on octets in memory; `path` is for the cause only. */
int tsig_parse_secret(struct tsig_key **out, const char *name, enum tsig_alg alg, const char *path,
		      const char *text, size_t len, char cause[TSIG_CAUSE_MAX]);

/* bindfile.c */
int tsig_parse_bind(struct tsig_key **out, const char *name, const char *path, const char *text,
		    size_t len, char cause[TSIG_CAUSE_MAX]);

/* rr.c */

/*
 * Looks for the TSIG of a message. TSIG_GOOD: *rr describes it, well formed and in its place,
 * with nothing proven. TSIG_UNSIGNED, TSIG_FORMAT or TSIG_MISPLACED: *rr is zeroed. With
 * ARCOUNT 0 the message is not walked.
 */
enum tsig_verdict tsig_rr_find(const uint8_t *msg, size_t len, struct tsig_rr *rr);

/*
 * The owner of the record, expanded and in lower case, to out[TSIG_NAME_MAX]. Its octets; 0 if it
 * is malformed.
 */
size_t tsig_rr_owner(const uint8_t *msg, const struct tsig_rr *rr, uint8_t *out);
/* Whether the owner of the record, compressed or not, is the key's name. */
bool tsig_rr_has_key(const uint8_t *msg, const struct tsig_rr *rr, const struct tsig_key *key);

/* Whether the algorithm of the record is the key's. */
bool tsig_rr_has_alg(const struct tsig_rr *rr, const struct tsig_key *key);

/* The octets that tsig_rr_write() writes. */
size_t tsig_rr_size(size_t owner_len, const struct tsig_rr *rr);
/* Writes the record, of which `start` and most of `info` play no part. */
void tsig_rr_write(uint8_t *out, const uint8_t *owner, size_t owner_len, const struct tsig_rr *rr);

/* Takes the record off the message. */
void tsig_rr_strip(uint8_t *msg, size_t *len, const struct tsig_rr *rr);

/* sign.c: the steps that requests and answers share. */

/* Whether the message can take another record, of `size` octets. */
int tsig_check_room(const uint8_t *msg, size_t len, size_t capacity, size_t size);
/* Appends the record and counts it in ARCOUNT. */
void tsig_append(uint8_t *msg, size_t *len, const uint8_t *owner, size_t owner_len,
		 const struct tsig_rr *rr);
/*
 * Fills in the key's algorithm, the MAC and the id, and appends the record. `rr` comes with its
 * timers and error; `request_mac` is NULL for a request.
 */
int tsig_append_signed(const struct tsig_key *key, const struct tsig_mac *request_mac,
		       struct tsig_rr *rr, uint8_t *msg, size_t *len, size_t capacity,
		       struct tsig_mac *out_mac);

/* verify.c: the steps that single answers and streams share. */

/* Form, key, algorithm and length of the MAC. TSIG_GOOD: the MAC can be computed. */
enum tsig_verdict tsig_check_form(const struct tsig_key *key, const uint8_t *msg,
				  const struct tsig_rr *rr);

/* The MAC against the computed one, then time, truncation and error field. */
enum tsig_verdict tsig_check_mac(const struct tsig_key *key, const struct tsig_rr *rr,
				 const uint8_t computed[TSIG_MAC_MAX], uint64_t now);

/* What is digested: an earlier MAC with its length (section 4.3.1) ... */
bool tsig_digest_mac(struct evp_mac_ctx_st *ctx, const struct tsig_mac *mac);
/* ... the message as it was before it was signed (4.3.2) ... */
bool tsig_digest_message(struct evp_mac_ctx_st *ctx, const uint8_t *msg, const struct tsig_rr *rr);
/* ... and the variables of the record (4.3.3). */
bool tsig_digest_vars(struct evp_mac_ctx_st *ctx, const struct tsig_key *key,
		      const struct tsig_rr *rr);

#endif
