/* SPDX-License-Identifier: BSD-2-Clause */
/* What the families do with what they derived: add it, or say why not. */
#include "src/records/families.h"

#include <stdio.h>

bool mz_derive_published(const struct mz_derivation *d, enum mz_family family)
{
	return !d->domain->no_mail && (d->domain->publish & 1u << family) != 0;
}

void mz_derive_fail(struct mz_derivation *d, const char *fmt, ...)
{
	struct mz_cause cause = {0};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(cause.text, sizeof(cause.text), fmt, args);
	va_end(args);
	mz_conf_error(d->errors, &d->domain->where, "%s: %s", d->domain->text, cause.text);
	if (d->err == MZ_OK)
		d->err = MZ_EINVAL;
}

struct mz_str *mz_derive_text(struct mz_derivation *d)
{
	mz_str_reset(&d->text);
	return &d->text;
}

const char *mz_derive_scratch(struct mz_derivation *d)
{
	if (d->text.failed)
		d->err = MZ_ENOMEM;
	return d->text.failed || d->text.len == 0 ? "" : d->text.s;
}

static void fail_long(struct mz_derivation *d, const char *labels, const uint8_t *base)
{
	char text[MZ_NAME_TEXT] = "";

	mz_derive_fail(d, "%s: the name %.80s.%.260s is too long", mz_family_name(d->family),
		       labels, mz_name_to_text(base, text));
}

bool mz_derive_below(struct mz_derivation *d, struct mz_name *out, const char *labels,
		     const uint8_t *base)
{
	if (mz_name_prefix(out, labels, base) == MZ_OK)
		return true;
	fail_long(d, labels, base);
	return false;
}

void mz_derive_put(struct mz_derivation *d, const uint8_t *owner, uint16_t type,
		   enum mz_claim claim, const uint8_t *rdata, size_t rdlen)
{
	struct mz_rr rr = {
		.owner = owner,
		.rdata = rdata,
		.ttl = d->ttl,
		.type = type,
		.rdlen = (uint16_t)rdlen,
		.family = (uint8_t)d->family,
		.claim = (uint8_t)claim,
	};

	if (mz_rrlist_add(&d->list, &rr) != MZ_OK)
		d->err = MZ_ENOMEM;
}

void mz_derive_put_txt(struct mz_derivation *d, const uint8_t *owner, enum mz_claim claim,
		       const char *text)
{
	uint8_t rdata[MZ_TXT_RDATA];
	size_t rdlen = 0;

	if (mz_txt_from_text(text, rdata, &rdlen) == MZ_OK)
		mz_derive_put(d, owner, MZ_TYPE_TXT, claim, rdata, rdlen);
	else
		mz_derive_fail(d, "%s: the text \"%.40s...\" is longer than %d octets",
			       mz_family_name(d->family), text, MZ_TXT_MAX);
}

void mz_derive_put_txt_at(struct mz_derivation *d, const char *labels, enum mz_claim claim,
			  const char *text)
{
	struct mz_name owner;

	if (mz_derive_below(d, &owner, labels, d->domain->name))
		mz_derive_put_txt(d, owner.wire, claim, text);
}

void mz_derive_put_cname_at(struct mz_derivation *d, const char *labels,
			    const struct mz_name *target)
{
	struct mz_name owner;

	if (mz_derive_below(d, &owner, labels, d->domain->name))
		mz_derive_put(d, owner.wire, MZ_TYPE_CNAME, MZ_CLAIM_WHOLE, target->wire,
			      target->len);
}
