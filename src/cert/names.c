/* SPDX-License-Identifier: BSD-2-Clause */
/* Which hosts a certificate names. */
#include "mailzone/cert.h"

bool mz_cert_covers(const struct mz_cert *cert, const uint8_t *host)
{
	for (size_t i = 0; i < cert->name_count; i++) {
		const uint8_t *name = cert->names[i].wire;

		if (mz_name_equal(name, host))
			return true;
		/* RFC 6125 6.4.3: "*" is the whole first label and stands for exactly one. */
		if (name[0] == 1 && name[1] == '*' && host[0] != 0 &&
		    mz_name_equal(mz_name_parent(name), mz_name_parent(host)))
			return true;
	}
	return false;
}
