/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `records`: the RRs that the domain's `records` list asks for. */
#include "src/records/families.h"

static const char *refusal(const struct mz_derivation *d, const struct mz_rr *rr)
{
	if (!mz_name_within(rr->owner, d->domain->origin))
		return "the name is outside the zone";
	if (mz_type_is_server(rr->type))
		return "records of this type belong to the server";
	if (rr->type == MZ_TYPE_NS && mz_name_equal(rr->owner, d->domain->origin))
		return "the zone's own NS records belong to the server";
	return NULL;
}

void mz_derive_records(struct mz_derivation *d)
{
	const struct mz_rr tags = {.family = MZ_FAMILY_RECORDS, .claim = MZ_CLAIM_EXACT};
	const struct mz_conf_domain *domain = d->domain;

	for (size_t i = 0; i < domain->record_count; i++) {
		const struct mz_where *where = &domain->record_where[i];
		struct mz_cause cause = {0};
		const char *why = NULL;
		int err = mz_rr_from_text(&d->list, domain->records[i], domain->name, d->ttl, &tags,
					  &cause);

		if (err == MZ_ENOMEM) {
			d->err = MZ_ENOMEM;
			return;
		}
		why = err != MZ_OK ? cause.text : refusal(d, &d->list.rr[d->list.count - 1]);
		if (why == NULL)
			continue;
		mz_conf_error(d->errors, where, "%s: the record \"%.200s\": %s", domain->text,
			      domain->records[i], why);
		if (d->err == MZ_OK)
			d->err = MZ_EINVAL;
	}
}
