/* SPDX-License-Identifier: BSD-2-Clause */
/* Selector templates: "v{version}-{algorithm}-{date-%Y%m%d}" to "v1-rsa-20261123". */
#include "mailzone/dkim.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define HASH_DIGITS 16	 /* of {hash}: 64 bits, so that a label has room for more */
#define SELECTOR_MAX 200 /* leaves room for "._domainkey." and a domain */
#define LABEL_MAX 63

typedef struct mz_dkim_selector_input input;

static void put_algorithm(struct mz_str *out, const input *in)
{
	mz_str_add(out, mz_dkim_k(in->algorithm));
}

static void put_hash(struct mz_str *out, const input *in)
{
	uint8_t digest[MZ_DIGEST] = {0};

	mz_sha256(in->hash_of, strlen(in->hash_of), digest);
	for (size_t i = 0; i < HASH_DIGITS / 2; i++)
		mz_str_addf(out, "%02x", digest[i]);
}

static void put_version(struct mz_str *out, const input *in)
{
	mz_str_addf(out, "%u", in->version);
}

static void put_epoch(struct mz_str *out, const input *in)
{
	mz_str_addf(out, "%" PRId64, in->now);
}

static void put_random(struct mz_str *out, const input *in)
{
	mz_str_add(out, in->random);
}

static const struct {
	const char *name;
	void (*put)(struct mz_str *out, const input *in);
} variables[] = {
	{"algorithm", put_algorithm}, {"hash", put_hash},     {"version", put_version},
	{"epoch", put_epoch},	      {"random", put_random},
};

/* Adds the time in this format of strftime(3), which is `len` octets long. */
static bool put_date(struct mz_str *out, const char *start, size_t len, const input *in)
{
	char format[64] = "", text[128] = "";
	time_t now = (time_t)in->now;
	struct tm tm = {0};

	if (len >= sizeof(format) || gmtime_r(&now, &tm) == NULL)
		return false;
	memcpy(format, start, len);
	if (strftime(text, sizeof(text), format, &tm) == 0)
		return false;
	mz_str_add(out, text);
	return true;
}

/* Adds the value of the variable `name`, which is `len` octets long. */
static bool put_variable(struct mz_str *out, const char *name, size_t len, const input *in)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		if (strlen(variables[i].name) == len && memcmp(variables[i].name, name, len) == 0) {
			variables[i].put(out, in);
			return true;
		}
	}
	return false;
}

/* Letter-digit-hyphen labels with dots between (RFC 6376 3.1). */
static bool is_ldh(const char *text)
{
	size_t label = 0;
	char last = '.';

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '.' ? label == 0 || last == '-'
			      : !isalnum((unsigned char)*p) && *p != '-')
			return false;
		if (*p == '-' && label == 0)
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
		last = *p;
	}
	return label > 0 && last != '-';
}

/* Adds what stands between braces. */
static int put_braced(struct mz_str *out, const char *template, const char *name, size_t len,
		      const input *in, struct mz_cause *cause)
{
	static const char date[] = "date-";
	size_t skip = sizeof(date) - 1;

	if (len >= skip && memcmp(name, date, skip) == 0) {
		if (put_date(out, name + skip, len - skip, in))
			return MZ_OK;
		return mz_cause_set(cause, MZ_EINVAL,
				    "the selector template \"%.100s\" has \"{%.*s}\", which is not "
				    "a "
				    "date: write it as {date-%%Y%%m%%d}",
				    template, (int)(len < 40 ? len : 40), name);
	}
	if (put_variable(out, name, len, in))
		return MZ_OK;
	return mz_cause_set(cause, MZ_EINVAL,
			    "the selector template \"%.100s\" has an unknown variable \"{%.*s}\": "
			    "known "
			    "are {algorithm} {hash} {version} {date-%%Y%%m%%d} {epoch} {random}",
			    template, (int)(len < 40 ? len : 40), name);
}

static int expand(struct mz_str *out, const char *template, const input *in, struct mz_cause *cause)
{
	for (const char *p = template; *p != '\0'; p++) {
		const char *end = NULL;
		int err = MZ_OK;

		if (*p != '{') {
			mz_str_addc(out, *p);
			continue;
		}
		end = strchr(p, '}');
		if (end == NULL)
			return mz_cause_set(cause, MZ_EINVAL,
					    "the selector template \"%.100s\" has a { without its "
					    "}",
					    template);
		err = put_braced(out, template, p + 1, (size_t)(end - p - 1), in, cause);
		if (err != MZ_OK)
			return err;
		p = end;
	}
	return MZ_OK;
}

int mz_dkim_selector(struct mz_str *out, const char *template,
		     const struct mz_dkim_selector_input *in, struct mz_cause *cause)
{
	int err = MZ_OK;

	mz_str_reset(out);
	err = expand(out, template, in, cause);
	if (err == MZ_OK && out->failed)
		err = mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (err != MZ_OK)
		return err;
	/* DNS does not tell the cases apart: one form, so that two selectors differ for it too. */
	for (size_t i = 0; i < out->len; i++)
		out->s[i] = (char)tolower((unsigned char)out->s[i]);
	if (out->len == 0 || out->len > SELECTOR_MAX || !is_ldh(out->s))
		return mz_cause_set(cause, MZ_EINVAL,
				    "the selector template \"%.100s\" gives \"%.100s\", which is "
				    "no "
				    "selector: labels of 1 to 63 letters, digits and inner hyphens",
				    template, out->len == 0 ? "" : out->s);
	return MZ_OK;
}
