/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of dkim, cert and records: files with the mode they need, and a domain to change. */
#ifndef TEST_RECORDS_SUPPORT_H
#define TEST_RECORDS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailzone/records.h"

/* Group fixtures: a temporary folder, and its end. */
int folder_make(void **state);
int folder_remove(void **state);
/* PATH in the temporary folder; valid until the test program ends. */
const char *in_folder(const char *name);
/* Copies tests/unit/records/data/NAME there with this mode; returns the copy's path. */
const char *data_file(const char *name, unsigned mode);
/* The first `len` octets of it only, as AS. */
const char *data_cut(const char *name, size_t len, const char *as);
/* Writes a file there. */
const char *text_file(const char *name, const char *text, unsigned mode);
/* A file of the source folder tests/unit/records, whole; the caller frees it. */
char *source_text(const char *name);

/* The list's records, as text, are the lines of this file of tests/unit/records, in any order. */
void assert_zone(const struct mz_rrlist *list, const char *file);
/* The list is in order and has nothing twice. */
void assert_ordered(const struct mz_rrlist *list);

/* A domain and all that it points to. Change what a test is about, then take &w->domain. */
struct world {
	struct mz_name name, origin;
	struct mz_conf_mx mx[4];
	struct mz_conf_mxs mxs;
	struct mz_conf_service services[8];
	struct mz_conf_certificate certificates[4];
	struct mz_name cert_hosts[4][4];
	struct mz_conf_acme acme[3];
	struct mz_conf_acmes acmes;
	struct mz_conf_sts sts;
	const char *sts_mx[2];
	struct mz_conf_dkim_key keys[4];
	const char *records[8];
	struct mz_where record_where[8];
	struct mz_conf_server server;
	struct mz_conf_mail_system system;
	struct mz_conf_domain domain;
};
struct mz_name name_of(const char *text);
/* `name` in the zone `origin`, all on its server with TTL 3600, one MX host mail.NAME, every
 * family published that is by default, nothing optional. */
void world_init(struct world *w, const char *name, const char *origin);
void world_mx(struct world *w, const char *host, uint16_t priority);
void world_service(struct world *w, enum mz_protocol protocol, bool cleartext, const char *host);
void world_record(struct world *w, const char *line);
void world_key(struct world *w, const char *selector, const char *file);
/* Hosts end with NULL; none: the certificate's own names. */
void world_certificate(struct world *w, const char *file, const char *next_key, ...);
void world_acme(struct world *w, const char *issuer, const char *uri, bool persist,
		const char *policy);

#endif
