/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `dmarc`: what becomes of mail that fails its checks, and where reports go (RFC 9989). */
#include "src/records/families.h"

#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Has the tag list a tag of this name? Names have no case; spaces may stand around them. */
static bool has_tag(const char *list, const char *name)
{
	while (*list != '\0') {
		const char *p = list + strspn(list, " \t");
		size_t len = strcspn(p, "=; \t");

		if (len == strlen(name) && strncasecmp(p, name, len) == 0 &&
		    p[len + strspn(p + len, " \t")] == '=')
			return true;
		list = p + strcspn(p, ";");
		if (*list == ';')
			list++;
	}
	return false;
}

void mz_derive_dmarc(struct mz_derivation *d)
{
	const char *setting =
		d->domain->no_mail ? "v=DMARC1; p=reject; sp=reject" : d->domain->dmarc;
	struct mz_str *text = mz_derive_text(d);
	size_t len = strlen(setting);

	if (len == 0)
		return;
	if (d->report[0] == '\0' || has_tag(setting, "rua")) {
		mz_str_add(text, setting);
	} else {
		while (len > 0 && (setting[len - 1] == ';' || is_space(setting[len - 1])))
			len--;
		mz_str_addn(text, setting, len);
		mz_str_add(text, "; rua=");
		mz_str_add(text, d->report);
	}
	mz_derive_put_txt_at(d, "_dmarc", MZ_CLAIM_WHOLE, mz_derive_scratch(d));
}
