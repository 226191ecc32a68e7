/* SPDX-License-Identifier: BSD-2-Clause */
/* Which RRs of a shared RRset stand in the place of one of ours. */
#include "src/records/families.h"

#include <string.h>
#include <strings.h>

/* A part of a text. */
struct part {
	const char *s;
	size_t len;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct part trim(struct part p)
{
	for (; p.len > 0 && is_space(p.s[0]); p.len--)
		p.s++;
	while (p.len > 0 && is_space(p.s[p.len - 1]))
		p.len--;
	return p;
}

/* Takes what stands before the next `mark`, trimmed; *rest is what stands behind it. */
static struct part take(struct part *rest, char mark)
{
	const char *at = rest->len == 0 ? NULL : memchr(rest->s, mark, rest->len);
	struct part before = {rest->s, at == NULL ? rest->len : (size_t)(at - rest->s)};
	size_t eaten = before.len + (at != NULL);

	rest->s = eaten == 0 ? rest->s : rest->s + eaten;
	rest->len -= eaten;
	return trim(before);
}

static bool same(struct part a, struct part b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

static bool same_without_case(struct part a, struct part b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.s, b.s, a.len) == 0);
}

/* "ISSUER; NAME=VALUE; ..." (RFC 8659 4.2). */
struct issue {
	struct part issuer, account;
};

static struct issue parse_issue(struct part value)
{
	static const struct part accounturi = {"accounturi", 10};
	struct issue issue = {.issuer = take(&value, ';')};

	while (value.len > 0) {
		struct part parameter = take(&value, ';'), name = take(&parameter, '=');

		if (same_without_case(name, accounturi))
			issue.account = trim(parameter);
	}
	return issue;
}

static bool same_issue(struct part a, struct part b)
{
	struct issue x = parse_issue(a), y = parse_issue(b);

	return same_without_case(x.issuer, y.issuer) && same(x.account, y.account);
}

bool mz_is_spf(const char *text, size_t len)
{
	return len >= 6 && strncasecmp(text, "v=spf1", 6) == 0 && (len == 6 || text[6] == ' ');
}

static bool txt_matches(const struct mz_rr *want, const uint8_t *rdata, size_t rdlen)
{
	struct mz_str ours = {0}, theirs = {0};
	bool match = false;

	if (!mz_txt_join(want->rdata, want->rdlen, &ours) || !mz_txt_join(rdata, rdlen, &theirs) ||
	    ours.failed || theirs.failed || ours.s == NULL || theirs.s == NULL)
		goto done;
	/* The shared texts are SPF and the standing proof of _validation-persist. */
	if (mz_is_spf(ours.s, ours.len))
		match = mz_is_spf(theirs.s, theirs.len);
	else
		match = same_issue((struct part){ours.s, ours.len},
				   (struct part){theirs.s, theirs.len});
done:
	mz_str_clear(&ours);
	mz_str_clear(&theirs);
	return match;
}

/* Flags, the tag's length, the tag, the value (RFC 8659 4.1). */
static bool split_caa(const uint8_t *rdata, size_t rdlen, struct part *tag, struct part *value)
{
	if (rdlen < 2 || rdata[1] == 0 || rdata[1] + 2u > rdlen)
		return false;
	*tag = (struct part){(const char *)rdata + 2, rdata[1]};
	*value = (struct part){tag->s + tag->len, rdlen - 2 - tag->len};
	return true;
}

static bool caa_matches(const struct mz_rr *want, const uint8_t *rdata, size_t rdlen)
{
	struct part tag = {0}, value = {0}, their_tag = {0}, their_value = {0};

	if (!split_caa(want->rdata, want->rdlen, &tag, &value) ||
	    !split_caa(rdata, rdlen, &their_tag, &their_value) ||
	    !same_without_case(tag, their_tag))
		return false;
	if (same_without_case(tag, (struct part){"iodef", 5}))
		return same(value, their_value);
	return same_issue(value, their_value);
}

bool mz_claim_matches(const struct mz_rr *want, const uint8_t *rdata, size_t rdlen)
{
	if (want->claim != MZ_CLAIM_MATCH)
		return false;
	if (want->type == MZ_TYPE_TXT)
		return txt_matches(want, rdata, rdlen);
	return want->type == MZ_TYPE_CAA && caa_matches(want, rdata, rdlen);
}
