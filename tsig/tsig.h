/* SPDX-License-Identifier: BSD-2-Clause */
/* TSIG (RFC 8945): keys, key files, signing, verifying, verifying of streams, answers to requests. */

#ifndef TSIG_TSIG_H
#define TSIG_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes in, bytes out: no clock, no socket, no log, no global state. The caller passes `now`
 * (seconds since 1970, UTC) and whole DNS messages without the two-octet length of TCP.
 * Every octet of a received message is hostile until a verdict says otherwise.
 * A key, and the streams that use it, belong to one thread at a time.
 */

/* Faults on our side. What the peer's message says is a verdict, see below. */
enum tsig_err {
	TSIG_OK = 0,
	TSIG_ENOMEM = -1,   /* out of memory */
	TSIG_ECRYPTO = -2,  /* OpenSSL refused (a digest that the provider forbids) */
	TSIG_EKEYNAME = -3, /* not a key name: a domain name of printable ASCII without escapes */
	TSIG_EALG = -4,	    /* unknown algorithm */
	TSIG_EBASE64 = -5,  /* the secret is not base64 */
	TSIG_EEMPTY = -6,   /* no secret */
	TSIG_EOPEN = -7,    /* file missing, unreadable or not a regular file */
	TSIG_EPERM = -8,    /* file readable or writable by others */
	TSIG_ETOOBIG = -9,  /* file over 64 KiB */
	TSIG_ESYNTAX = -10, /* file is not what it should be */
	TSIG_ENOKEY = -11,  /* the wanted key is not in the file */
	TSIG_ESPACE = -12,  /* a signed message would not fit */
	TSIG_EFORM = -13,   /* not a DNS message, or signed already */
};

/* The text of an enum tsig_err, for people. Never NULL. */
const char *tsig_strerror(int err);

/* RFC 8945 section 6, without the forbidden hmac-md5. */
enum tsig_alg {
	TSIG_HMAC_SHA1,
	TSIG_HMAC_SHA224,
	TSIG_HMAC_SHA256,
	TSIG_HMAC_SHA384,
	TSIG_HMAC_SHA512,
	TSIG_HMAC_SHA256_128, /* truncated to 128 bits, and so on */
	TSIG_HMAC_SHA384_192,
	TSIG_HMAC_SHA512_256,
};

#define TSIG_ALG_COUNT 8

/*
 * Finds the algorithm of a name such as "hmac-sha256", in any case, with or without a dot at
 * the end. False, and *out untouched, if there is none.
 */
bool tsig_alg_from_name(const char *name, enum tsig_alg *out);

/* The name of an algorithm, as tsig_alg_from_name() reads it. Never NULL. */
const char *tsig_alg_name(enum tsig_alg alg);

/* A name, an algorithm and a secret, ready for use. The secret cannot be read back. */
struct tsig_key;

/*
 * Makes a key from `len` octets of secret. The name may have capitals and a dot at the end;
 * it is sent in lower case, for some servers know no other. On success *out is the caller's,
 * to be given to tsig_key_free(); on failure *out is NULL.
 * TSIG_EKEYNAME, TSIG_EALG, TSIG_EEMPTY, TSIG_ENOMEM, TSIG_ECRYPTO.
 */
int tsig_key_new(struct tsig_key **out, const char *name, enum tsig_alg alg, const uint8_t *secret,
		 size_t len);

/*
 * The same from base64 (RFC 4648 section 4, padded; blanks and line ends are skipped). The
 * decoded octets are wiped; `text` is the caller's to wipe. Also TSIG_EBASE64.
 */
int tsig_key_from_base64(struct tsig_key **out, const char *name, enum tsig_alg alg,
			 const char *text);

/* Room for the cause that a key file was refused: what, where (file, line), what to do. */
#define TSIG_CAUSE_MAX 512

/*
 * The same from a file that holds the base64 secret and nothing else. The file must be a
 * regular one (symbolic links are followed), of at most 64 KiB, closed to others (mode & 06).
 * On failure `cause` is one line for people that never holds octets of the file; on success
 * it is empty. Also TSIG_EOPEN, TSIG_EPERM, TSIG_ETOOBIG, TSIG_ESYNTAX.
 */
int tsig_key_from_secret_file(struct tsig_key **out, const char *name, enum tsig_alg alg,
			      const char *path, char cause[TSIG_CAUSE_MAX]);

/*
 * The same from a BIND key file, as tsig-keygen writes it:
 *	key "name" { algorithm hmac-sha256; secret "base64"; };
 * with comments in all of BIND's three styles. Nothing but key statements may stand there.
 * With a name, the statement of that name is taken; with NULL there must be only one.
 * Also TSIG_ENOKEY.
 */
int tsig_key_from_bind_file(struct tsig_key **out, const char *name, const char *path,
			    char cause[TSIG_CAUSE_MAX]);

/* Releases a key and wipes its secret. NULL is fine. Streams that use it must be cleared first. */
void tsig_key_free(struct tsig_key *key);

/* The key's name in lower case, without the dot at the end. Lives as long as the key. */
const char *tsig_key_name(const struct tsig_key *key);

enum tsig_alg tsig_key_alg(const struct tsig_key *key);

/* How many octets tsig_sign() appends to a message with this key (at most 358). */
size_t tsig_overhead(const struct tsig_key *key);

#define TSIG_MAC_MAX 64

/* A MAC, kept from a request to verify the answer with. */
struct tsig_mac {
	uint16_t len; /* 0 to TSIG_MAC_MAX */
	uint8_t octets[TSIG_MAC_MAX];
};

/*
 * Signs a request (RFC 8945 section 5.1): appends the TSIG record to the *len octets at `msg`,
 * which has room for `capacity`, counts it in ARCOUNT and sets *len. The id must be final: it
 * becomes the original id. *out_mac is what tsig_verify() needs for the answer.
 * TSIG_ESPACE (over `capacity` or 65,535 octets, or ARCOUNT is full), TSIG_EFORM, TSIG_ECRYPTO;
 * then message, *len and *out_mac are as they were.
 */
int tsig_sign(const struct tsig_key *key, uint8_t *msg, size_t *len, size_t capacity, uint64_t now,
	      struct tsig_mac *out_mac);

/*
 * What a received message proves. Only TSIG_GOOD proves its content, and TSIG_PEER_ERROR that
 * the key's other holder said so. Zeroed memory is no good verdict.
 */
enum tsig_verdict {
	TSIG_UNSIGNED,	    /* no TSIG; in a stream: none where one is due */
	TSIG_GOOD,	    /* verified */
	TSIG_FORMAT,	    /* malformed message or TSIG: class, TTL, lengths */
	TSIG_MISPLACED,	    /* a TSIG that is not last, two of them, or octets after it */
	TSIG_WRONG_KEY,	    /* another key name than ours */
	TSIG_WRONG_ALG,	    /* another algorithm than the key's */
	TSIG_BADSIG,	    /* the MAC does not verify */
	TSIG_TRUNCATED,	    /* a MAC shorter than the algorithm's */
	TSIG_BADTIME,	    /* MAC right, but the time signed is too far from `now` */
	TSIG_PEER_ERROR,    /* MAC right, with a TSIG error in it (BADTIME, BADTRUNC) */
	TSIG_PEER_REJECTED, /* a TSIG error without MAC (BADKEY, BADSIG): proves nothing */
	TSIG_FAILED,	    /* OpenSSL failed here: nothing is known about the message */
};

/* The text of a verdict, for people. Never NULL. */
const char *tsig_verdict_text(enum tsig_verdict verdict);

/*
 * What the TSIG record says. Proven only where the verdict says that the MAC is right; all
 * zero where no well-formed TSIG was found.
 */
struct tsig_info {
	uint16_t error;	      /* TSIG error field, see tsig_error_name() */
	uint16_t fudge;	      /* seconds, the peer's */
	uint16_t mac_len;     /* octets */
	uint64_t time_signed; /* seconds since 1970; with BADTIME, the request's */
	uint64_t server_time; /* with BADTIME: the server's clock; else 0 */
};

/* The name of a TSIG error or rcode ("BADKEY"); "unknown" where it has none. Never NULL. */
const char *tsig_error_name(uint16_t error);

/*
 * Verifies one answer (RFC 8945 section 5.4; order: place and form, key, MAC, time,
 * truncation, error field). `request_mac` is from tsig_sign(); NULL verifies a request, such
 * as a NOTIFY, which tsig_request_read() read before. On TSIG_GOOD and TSIG_PEER_ERROR the TSIG is taken off: *len shrinks and ARCOUNT
 * drops; else the message is untouched. The header's id is not compared (the original id is
 * what was signed): match ids before. The time may be off by the smaller of our fudge (300 s)
 * and the peer's. A MAC shorter than the algorithm's is never accepted, which section 5.2.4
 * leaves to local policy. `info` may be NULL.
 */
enum tsig_verdict tsig_verify(const struct tsig_key *key, uint8_t *msg, size_t *len,
			      const struct tsig_mac *request_mac, uint64_t now,
			      struct tsig_info *info);

/* What a request's TSIG says, kept to answer it with: for those who are asked, as by a NOTIFY. */
struct tsig_request {
	char name[256]; /* of its key, as tsig_key_name() gives it; empty: a name no key can have */
	struct tsig_mac mac;
	uint64_t time_signed; /* seconds since 1970 */
	uint16_t owner_len;   /* private, as all below */
	uint16_t alg_len;
	uint8_t owner[255];
	uint8_t alg[255];
};

/*
 * Reads the TSIG of a request, before tsig_verify(), which takes it off. TSIG_GOOD: *request is
 * what it says, with nothing proven. TSIG_UNSIGNED, TSIG_FORMAT, TSIG_MISPLACED: all zero.
 */
enum tsig_verdict tsig_request_read(struct tsig_request *request, const uint8_t *msg, size_t len);

/*
 * Signs the answer to a request (RFC 8945 sections 5.2, 5.3) by what the request proved:
 *	TSIG_GOOD		signed
 *	TSIG_BADTIME		signed, with the error, the request's time and our time
 *	TSIG_TRUNCATED		signed, with the error BADTRUNC
 *	TSIG_BADSIG		not signed, with the error
 *	TSIG_WRONG_KEY, _ALG	not signed, with the error BADKEY; `key` may be NULL
 * All others, and a MAC too short to have been verified, are errors of form that no TSIG
 * answers: TSIG_EFORM. The rcode (NOTAUTH with any error) is the caller's to set. Appends at
 * most 536 octets and 6 more than tsig_overhead() where signed; else as tsig_sign().
 */
int tsig_sign_answer(const struct tsig_key *key, const struct tsig_request *request,
		     enum tsig_verdict verdict, uint8_t *msg, size_t *len, size_t capacity,
		     uint64_t now);

/* The state between the messages of one answer. In the caller's memory; fields are private. */
struct tsig_stream {
	const struct tsig_key *key;
	struct evp_mac_ctx_st *digest; /* the run since the last signed message */
	struct tsig_mac prior;	       /* the request's MAC, then the last signed message's */
	enum tsig_verdict verdict;     /* anything but TSIG_GOOD stays */
	unsigned int unsigned_run;     /* messages since the last signed one */
	bool started;		       /* the first message was good */
};

/*
 * Starts to verify an answer of many messages, a transfer (RFC 8945 section 5.3.1). The key is
 * borrowed and must outlive the stream; `request_mac` is copied. Needs tsig_stream_clear()
 * after success; on failure (TSIG_ENOMEM, TSIG_ECRYPTO) the stream is as after clear.
 */
int tsig_stream_init(struct tsig_stream *stream, const struct tsig_key *key,
		     const struct tsig_mac *request_mac);

/*
 * Takes the next message, each once and in order. Verdicts and stripping as in tsig_verify();
 * but up to 99 unsigned messages between signed ones are TSIG_GOOD too. They are proven only
 * when the next signed one is: take nothing for true before tsig_stream_complete() says so.
 * Any other verdict ends the stream: it is returned for every message after it.
 */
enum tsig_verdict tsig_stream_next(struct tsig_stream *stream, uint8_t *msg, size_t *len,
				   uint64_t now, struct tsig_info *info);

/* True if every message so far is proven: the first and the last were signed, all were good. */
bool tsig_stream_complete(const struct tsig_stream *stream);

/* Releases what a stream holds; it then refuses every message. Zeroed memory is fine. */
void tsig_stream_clear(struct tsig_stream *stream);

#endif
