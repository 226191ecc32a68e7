/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `caa`: who may issue certificates (RFC 8659, 8657), and the standing proof for it
 * (draft-ietf-acme-dns-persist). */
#include "src/records/families.h"

#include <string.h>
#include <strings.h>

static void put_caa(struct mz_derivation *d, const char *tag, const char *value)
{
	uint8_t rdata[2 + 16 + MZ_TXT_MAX];
	size_t tag_len = strlen(tag), len = strlen(value);

	if (len > MZ_TXT_MAX) {
		mz_derive_fail(d, "caa: the value \"%.40s...\" is longer than %d octets", value,
			       MZ_TXT_MAX);
		return;
	}
	rdata[0] = 0; /* flags */
	rdata[1] = (uint8_t)tag_len;
	memcpy(rdata + 2, tag, tag_len);
	memcpy(rdata + 2 + tag_len, value, len);
	mz_derive_put(d, d->domain->name, MZ_TYPE_CAA, MZ_CLAIM_MATCH, rdata, 2 + tag_len + len);
}

/* "ISSUER" or "ISSUER; accounturi=URI" into the scratch text. */
static struct mz_str *issuer_text(struct mz_derivation *d, const struct mz_conf_acme *acme)
{
	struct mz_str *text = mz_derive_text(d);

	mz_str_add(text, acme->issuer);
	if (acme->account_uri[0] != '\0') {
		mz_str_add(text, "; accounturi=");
		mz_str_add(text, acme->account_uri);
	}
	return text;
}

void mz_derive_caa(struct mz_derivation *d)
{
	const struct mz_conf_acmes *acmes = d->domain->acme;

	if (acmes == NULL || acmes->count == 0)
		return;
	for (size_t i = 0; i < acmes->count; i++) {
		const struct mz_conf_acme *acme = &acmes->acme[i];

		(void)issuer_text(d, acme);
		put_caa(d, "issue", mz_derive_scratch(d));
		/* The proof names an account: without one there is nothing to prove. */
		if (!acme->persist || acme->account_uri[0] == '\0')
			continue;
		if (strcmp(acme->policy, "wildcard") == 0)
			mz_str_add(issuer_text(d, acme), "; policy=wildcard");
		mz_derive_put_txt_at(d, "_validation-persist", MZ_CLAIM_MATCH,
				     mz_derive_scratch(d));
	}
	if (strncasecmp(d->report, "mailto:", 7) == 0)
		put_caa(d, "iodef", d->report);
}
