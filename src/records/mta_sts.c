/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `mta-sts`: the policy host, and the id that changes with the policy (RFC 8461 3). */
#include "src/records/families.h"

#include <inttypes.h>

#define ID_OCTETS 10 /* of the policy's SHA-256: 20 digits; the limit is 32 */

static const char *const modes[] = {
	[MZ_STS_ENFORCE] = "enforce",
	[MZ_STS_TESTING] = "testing",
	[MZ_STS_NONE] = "none",
};

static void add_mx_host(struct mz_str *out, const struct mz_name *host)
{
	char text[MZ_NAME_TEXT] = "";

	mz_str_add(out, "mx: ");
	mz_str_add(out, mz_name_to_text(host->wire, text));
	if (out->len > 0 && out->s[out->len - 1] == '.')
		out->len--; /* the policy has names without the final dot */
	mz_str_add(out, "\r\n");
}

int mz_records_sts_policy(const struct mz_conf_domain *domain, struct mz_str *out)
{
	const struct mz_conf_sts *sts = domain->mta_sts;

	if (sts == NULL || domain->no_mail)
		return MZ_EINVAL;
	mz_str_add(out, "version: STSv1\r\nmode: ");
	mz_str_add(out, modes[sts->mode]);
	mz_str_add(out, "\r\n");
	for (size_t i = 0; i < sts->mx_count; i++) {
		mz_str_add(out, "mx: ");
		mz_str_add(out, sts->mx[i]);
		mz_str_add(out, "\r\n");
	}
	for (size_t i = 0; sts->mx_count == 0 && i < domain->mx->count; i++)
		add_mx_host(out, &domain->mx->mx[i].host);
	mz_str_addf(out, "max_age: %" PRId64 "\r\n", sts->max_age);
	return out->failed ? MZ_ENOMEM : MZ_OK;
}

void mz_derive_mta_sts(struct mz_derivation *d)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t digest[MZ_DIGEST] = {0};
	struct mz_str *text = mz_derive_text(d);

	if (d->domain->mta_sts == NULL)
		return;
	if (mz_records_sts_policy(d->domain, text) != MZ_OK) {
		d->err = MZ_ENOMEM;
		return;
	}
	mz_sha256(text->s, text->len, digest);
	text = mz_derive_text(d);
	mz_str_add(text, "v=STSv1; id=");
	for (size_t i = 0; i < ID_OCTETS; i++) {
		mz_str_addc(text, hex[digest[i] >> 4]);
		mz_str_addc(text, hex[digest[i] & 15]);
	}
	mz_derive_put_txt_at(d, "_mta-sts", MZ_CLAIM_WHOLE, mz_derive_scratch(d));
	mz_derive_put_cname_at(d, "mta-sts", &d->domain->system->hostname);
}
