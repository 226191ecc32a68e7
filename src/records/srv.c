/* SPDX-License-Identifier: BSD-2-Clause */
/* The family `srv`: hosts and ports of the services (RFC 6186, 8314, 6764, 8620, 5804). */
#include "src/records/families.h"

#include <string.h>

static const struct {
	const char *labels; /* with TLS, or the only one */
	uint16_t port;
	const char *clear_labels; /* NULL: none */
	uint16_t clear_port;
} services[MZ_PROTO_COUNT] = {
	[MZ_PROTO_IMAP] = {"_imaps._tcp", 993, "_imap._tcp", 143},
	[MZ_PROTO_POP3] = {"_pop3s._tcp", 995, "_pop3._tcp", 110},
	[MZ_PROTO_SMTP] = {"_submissions._tcp", 465, "_submission._tcp", 587},
	[MZ_PROTO_JMAP] = {"_jmap._tcp", 443, NULL, 0},
	[MZ_PROTO_CALDAV] = {"_caldavs._tcp", 443, NULL, 0},
	[MZ_PROTO_CARDDAV] = {"_carddavs._tcp", 443, NULL, 0},
	[MZ_PROTO_MANAGESIEVE] = {"_sieve._tcp", 4190, NULL, 0},
};

uint16_t mz_protocol_port(enum mz_protocol protocol)
{
	return services[protocol].port;
}

static void put_srv(struct mz_derivation *d, const char *labels, uint16_t port,
		    const struct mz_name *host)
{
	uint8_t rdata[6 + MZ_NAME_MAX];
	struct mz_name owner;

	if (!mz_derive_below(d, &owner, labels, d->domain->name))
		return;
	mz_put16(rdata, 0);	/* priority */
	mz_put16(rdata + 2, 1); /* weight */
	mz_put16(rdata + 4, port);
	memcpy(rdata + 6, host->wire, host->len);
	mz_derive_put(d, owner.wire, MZ_TYPE_SRV, MZ_CLAIM_WHOLE, rdata, 6u + host->len);
}

void mz_derive_srv(struct mz_derivation *d)
{
	const struct mz_conf_mail_system *system = d->domain->system;

	for (size_t i = 0; i < system->service_count; i++) {
		const struct mz_conf_service *service = &system->services[i];

		put_srv(d, services[service->protocol].labels, services[service->protocol].port,
			&service->host);
		if (service->cleartext && services[service->protocol].clear_labels != NULL)
			put_srv(d, services[service->protocol].clear_labels,
				services[service->protocol].clear_port, &service->host);
	}
}
