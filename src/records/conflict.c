/* SPDX-License-Identifier: BSD-2-Clause */
/* What cannot stand together in a zone is found here, before a server has to refuse it. */
#include "src/records/families.h"

static const char *family(const struct mz_rr *rr)
{
	return mz_family_name((enum mz_family)rr->family);
}

static void fail_cname(struct mz_derivation *d, const struct mz_rr *cname,
		       const struct mz_rr *other)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	(void)mz_name_to_text(cname->owner, owner);
	if (mz_name_equal(cname->rdata, cname->owner))
		mz_derive_fail(d,
			       "the CNAME of %s at %.260s would be its own target: give the mail "
			       "system another hostname, or leave out %s",
			       family(cname), owner, family(cname));
	else if (other->type == MZ_TYPE_CNAME)
		mz_derive_fail(d, "two different CNAMEs at %.260s, of %s and of %s", owner,
			       family(cname), family(other));
	else
		mz_derive_fail(d, "the CNAME of %s and the %s of %s cannot both be at %.260s",
			       family(cname), mz_type_name(other->type, type), family(other),
			       owner);
}

/* RFC 1034 3.6.2: a CNAME stands alone, and leads elsewhere. `begin` to `end` is one owner. */
static void check_cname(struct mz_derivation *d, size_t begin, size_t end)
{
	const struct mz_rr *cname = NULL, *other = NULL;

	for (size_t i = begin; i < end; i++) {
		const struct mz_rr *rr = &d->list.rr[i];

		if (rr->type == MZ_TYPE_CNAME && cname == NULL)
			cname = rr;
		else
			other = rr;
	}
	if (cname != NULL && (other != NULL || mz_name_equal(cname->rdata, cname->owner)))
		fail_cname(d, cname, other);
}

static bool rr_is_spf(const struct mz_rr *rr)
{
	struct mz_str text = {0};
	bool spf = mz_txt_join(rr->rdata, rr->rdlen, &text) && !text.failed &&
		   mz_is_spf(text.s, text.len);

	mz_str_clear(&text);
	return spf;
}

static void check_txt(struct mz_derivation *d, size_t begin, size_t end)
{
	const struct mz_rr *rr = d->list.rr, *first = NULL;
	char owner[MZ_NAME_TEXT] = "";

	for (size_t i = begin; i < end; i++) {
		/* Of a text that is wholly ours readers want exactly one; autoconfig takes several. */
		bool sole = rr[i].claim == MZ_CLAIM_WHOLE && rr[i].family != MZ_FAMILY_AUTOCONFIG;

		if (sole) {
			mz_derive_fail(d,
				       "two TXT records at %.260s, of %s and of %s: readers would "
				       "take neither",
				       mz_name_to_text(rr[i].owner, owner), family(&rr[i]),
				       family(&rr[i == begin ? begin + 1 : begin]));
			return;
		}
		if (!rr_is_spf(&rr[i]))
			continue;
		if (first != NULL) {
			mz_derive_fail(d,
				       "two SPF records at %.260s, of %s and of %s: receivers "
				       "would take neither",
				       mz_name_to_text(rr[i].owner, owner), family(first),
				       family(&rr[i]));
			return;
		}
		first = &rr[i];
	}
}

/* RFC 7505 3: a null MX is the only one. */
static void check_mx(struct mz_derivation *d, size_t begin, size_t end)
{
	char owner[MZ_NAME_TEXT] = "";

	for (size_t i = begin; i < end; i++) {
		const struct mz_rr *rr = &d->list.rr[i];

		if (rr->rdlen == 3 && rr->rdata[2] == 0) {
			mz_derive_fail(d, "the null MX of %s at %.260s stands beside another MX",
				       family(rr), mz_name_to_text(rr->owner, owner));
			return;
		}
	}
}

/* An RRset of which one RR claims the whole is made exactly what is desired: its other RRs, from
 * the `records` list, are claimed alike, and it has one TTL, the lowest (RFC 2181 5.2). */
static void level(struct mz_derivation *d, size_t begin, size_t end)
{
	struct mz_rr *rr = d->list.rr;
	uint32_t ttl = rr[begin].ttl;
	bool whole = false;

	for (size_t i = begin; i < end; i++) {
		whole = whole || rr[i].claim == MZ_CLAIM_WHOLE;
		ttl = rr[i].ttl < ttl ? rr[i].ttl : ttl;
	}
	for (size_t i = begin; whole && i < end; i++) {
		rr[i].ttl = ttl;
		rr[i].claim = MZ_CLAIM_WHOLE;
	}
}

/* Of several RRs. */
static void check_rrset(struct mz_derivation *d, size_t begin, size_t end)
{
	if (d->list.rr[begin].type == MZ_TYPE_TXT)
		check_txt(d, begin, end);
	if (d->list.rr[begin].type == MZ_TYPE_MX)
		check_mx(d, begin, end);
	level(d, begin, end);
}

void mz_derive_settle(struct mz_derivation *d)
{
	size_t owner = 0, i = 0;

	while (i < d->list.count) {
		size_t end = mz_rrlist_rrset_end(&d->list, i);

		if (end - i > 1)
			check_rrset(d, i, end);
		if (end == d->list.count ||
		    !mz_name_equal(d->list.rr[end].owner, d->list.rr[owner].owner)) {
			check_cname(d, owner, end);
			owner = end;
		}
		i = end;
	}
}
