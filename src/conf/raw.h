/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings as they are read, before references are resolved and values compared. */
#ifndef MZ_CONF_RAW_H
#define MZ_CONF_RAW_H

#include <libconfig.h>

#include "mailzone/conf.h"

/* Each struct starts with `at`, the group it was read from. `out` is what will be kept. */

struct raw_list {
	void *items;
	size_t count;
};

struct raw_key {
	const config_setting_t *at;
	const char *name, *secret_file, *file;
	const char *plain;  /* the name in lower case without a final dot; set by the checks */
	const char *secret; /* in libconfig's memory */
	enum tsig_alg algorithm;
};

struct raw_server {
	const config_setting_t *at;
	struct mz_conf_server out;
	const char *key, *transfer_key;
};

struct raw_mx {
	const config_setting_t *at;
	struct mz_conf_mx out;
};

struct raw_service {
	const config_setting_t *at;
	struct mz_conf_service out; /* host.len 0: the hostname */
};

struct raw_sts {
	const config_setting_t *at;
	struct mz_conf_sts out;
};

struct raw_acme {
	const config_setting_t *at;
	struct mz_conf_acme out;
	bool wildcard;
};

struct raw_certificate {
	const config_setting_t *at;
	struct mz_conf_certificate out;
};

struct raw_system {
	const config_setting_t *at;
	struct mz_conf_mail_system out;
	struct raw_list mx, services, acme, certificates;
	struct raw_sts *sts;
};

struct raw_dkim_key {
	const config_setting_t *at;
	struct mz_conf_dkim_key out;
};

struct raw_domain {
	const config_setting_t *at;
	struct mz_conf_domain out;
	const uint8_t *name, *origin; /* wire; NULL: not given, or wrong */
	const char *mail_system, *server;
	struct raw_list mx, acme, dkim_keys;
	struct raw_sts *sts;
};

struct raw_conf {
	const config_setting_t *at;
	struct mz_conf out;
	struct mz_endpoint status;
	struct raw_list keys, servers, systems;
};

/* A file of the domain directory with a list of domains, which are read on their own. */
struct raw_domain_file {
	const config_setting_t *at;
};

#endif
