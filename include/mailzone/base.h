/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `base`: errors and causes, growing text, memory arenas, files, clock, log. */
#ifndef MZ_BASE_H
#define MZ_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MZ_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* What our own functions return: 0 or one of these. What a protocol peer says is an outcome
 * with an enum of its own, never one of these. */
enum mz_err {
	MZ_OK = 0,
	MZ_ENOMEM = -1,	   /* out of memory */
	MZ_EINVAL = -2,	   /* the caller's or operator's value is not acceptable */
	MZ_ESYNTAX = -3,   /* text or octets that do not parse */
	MZ_ERANGE = -4,	   /* a number, length or size outside its bounds */
	MZ_ENOTFOUND = -5, /* no such thing */
	MZ_EEXIST = -6,	   /* there already */
	MZ_EIO = -7,	   /* reading or writing failed */
	MZ_EPERM = -8,	   /* permissions are missing, or too wide */
	MZ_ESPACE = -9,	   /* does not fit */
	MZ_ELOCKED = -10,  /* somebody else holds it */
	MZ_ESTATE = -11,   /* the stored state is damaged or of another version */
	MZ_ECRYPTO = -12,  /* the crypto library failed */
	MZ_EFAILED = -13,  /* the work failed; the cause says why */
};

/* The text of an error code; a static string. */
const char *mz_strerror(int err);
/* The code for what a system call says in errno. */
int mz_err_of_errno(int e);

/* A human cause: one line, filled where the fault is known. Empty text: none. */
struct mz_cause {
	char text[512];
};

/* Sets the cause (which may be NULL) and returns err, so that a caller can return the result. */
int mz_cause_set(struct mz_cause *cause, int err, const char *fmt, ...) MZ_PRINTF(3, 4);

/* Growing text. {0} is an empty one; `s` is NULL or NUL-terminated. After a failed allocation
 * `failed` is set, `s` stays valid, and later additions do nothing: check once at the end. */
struct mz_str {
	char *s;
	size_t len, cap;
	bool failed;
};
void mz_str_add(struct mz_str *str, const char *text);
void mz_str_addn(struct mz_str *str, const char *octets, size_t n);
void mz_str_addc(struct mz_str *str, char c);
void mz_str_addf(struct mz_str *str, const char *fmt, ...) MZ_PRINTF(2, 3);
/* Adds a JSON string literal with its quotes; octets outside UTF-8 and control
 * characters become \u00XX. */
void mz_str_add_json(struct mz_str *str, const char *text);
/* Empties the text and keeps its memory. */
void mz_str_reset(struct mz_str *str);
/* Frees the memory and makes it {0} again. */
void mz_str_clear(struct mz_str *str);

/* Memory that is freed all at once. {0} is an empty one. */
struct mz_arena {
	struct mz_arena_chunk *chunk;
};
/* `size` octets, aligned for any type, not zeroed; NULL when out of memory. */
void *mz_arena_alloc(struct mz_arena *arena, size_t size);
/* The same without alignment: packs octet strings tightly. */
uint8_t *mz_arena_copy(struct mz_arena *arena, const uint8_t *octets, size_t n);
char *mz_arena_strdup(struct mz_arena *arena, const char *text);
void mz_arena_clear(struct mz_arena *arena);

/* Reads a whole regular file of at most `max` octets. *out is malloc'd, NUL-terminated behind
 * the octets, the caller frees it. Errors name the path in the cause: MZ_ENOTFOUND, MZ_EPERM,
 * MZ_ESPACE (larger than max), MZ_EIO, MZ_EINVAL (not a regular file), MZ_ENOMEM. */
int mz_file_read(const char *path, size_t max, uint8_t **out, size_t *len, struct mz_cause *cause);
/* The same for a file that holds a secret: MZ_EPERM when others than owner and group may read it. */
int mz_file_read_secret(const char *path, size_t max, uint8_t **out, size_t *len,
			struct mz_cause *cause);
/* Writes to a temporary name beside `path` (O_EXCL, mode), syncs, renames, syncs the folder.
 * On an error nothing is left behind and the old file stands. */
int mz_file_write_atomic(const char *path, const void *data, size_t len, unsigned mode,
			 struct mz_cause *cause);
/* The same for a file that is another's: -1 leaves owner or group as they are. It is open to nobody
 * else before it is theirs. */
int mz_file_write_for(const char *path, const void *data, size_t len, unsigned mode, int64_t uid,
		      int64_t gid, struct mz_cause *cause);
/* Makes a folder and its missing parents; existing ones are left as they are. */
int mz_file_mkdirs(const char *path, unsigned mode, struct mz_cause *cause);

/* Wall time in seconds since 1970 UTC, and monotonic time in milliseconds and nanoseconds. */
int64_t mz_clock_wall(void);
uint64_t mz_clock_mono_ms(void);
uint64_t mz_clock_mono_ns(void);
/* "2026-11-23T10:00:00Z" (RFC 3339) into buf. */
#define MZ_TIME_TEXT 32
char *mz_clock_text(int64_t wall, char buf[MZ_TIME_TEXT]);

/* Uniform random octets from the kernel; never fails. Any thread may. */
void mz_random(void *buf, size_t n);
uint32_t mz_random_below(uint32_t bound);

/* FNV-1a, for tables: it goes on from `hash`, which is MZ_HASH for the first octets. Not for what somebody may
 * choose to make a table slow. */
#define MZ_HASH 14695981039346656037u
uint64_t mz_hash(uint64_t hash, const void *octets, size_t n);

/* Starts OpenSSL, before any other use of it, without the texts of its errors: they are never shown and
 * would take half a MiB. From then on the process leaves no core dump: it would hold private keys. */
void mz_crypto_start(void);
/* SHA-256, and base64 (RFC 4648 4, padded) of octets. */
void mz_sha256(const void *data, size_t len, uint8_t digest[32]);
void mz_str_add_base64(struct mz_str *str, const uint8_t *octets, size_t n);

/* Log lines on stderr, one event a line, as `time level event key=value ...` or as JSON. */
enum mz_log_level { MZ_LOG_ERROR, MZ_LOG_WARNING, MZ_LOG_INFO, MZ_LOG_DEBUG };
void mz_log_set_level(enum mz_log_level level);
void mz_log_set_format(bool json);
bool mz_log_on(enum mz_log_level level);
/* Writes one line with one system call; errno stays. After `event` come pairs of texts, a key and
 * its value, and a final NULL. Events and keys are plain words of ours; values are escaped, and one
 * that is NULL is left out with its key. Nothing is done where the level is off. */
void mz_log(enum mz_log_level level, const char *event, ...) __attribute__((sentinel));

/* A whole number as a value of the log: a text that lives until the end of the block. */
#define MZ_NUM_TEXT 24
#define MZ_NUM(n) mz_num_text((char[MZ_NUM_TEXT]){0}, (int64_t)(n))
char *mz_num_text(char buf[MZ_NUM_TEXT], int64_t n);

#endif
