/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of settings: their types, bounds, defaults and help. The man page is made from it. */
#include "src/conf/schema.h"

#include <limits.h>

#define INTO(S, m) .offset = offsetof(S, m), .size = sizeof(((S *)0)->m)
#define INTO_ARRAY(S, m, c) INTO(S, m), .count = offsetof(S, c)
#define ROWS(r) .rows = (r), .count = sizeof(r) / sizeof *(r)

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define TEN_YEARS (3650 * DAY)

/* Set by hand: the rows would be one member a line. */
/* clang-format off */

/* ---- keys ---- */

_Static_assert(TSIG_HMAC_SHA1 == 0 && TSIG_HMAC_SHA256_128 == 5 && TSIG_HMAC_SHA512_256 == 7,
	       "the algorithms stand in the order of the enum");

static const struct conf_row key_rows[] = {
	{.name = "name", .type = CONF_ID, .required = true, .min = 1, .max = 255,
	 INTO(struct raw_key, name),
	 .help = "The key's name, a domain name, as the server knows it."},
	{.name = "algorithm", .type = CONF_CHOICE, .def = "hmac-sha256",
	 .choices = "hmac-sha1|hmac-sha224|hmac-sha256|hmac-sha384|hmac-sha512|"
		    "hmac-sha256-128|hmac-sha384-192|hmac-sha512-256",
	 INTO(struct raw_key, algorithm),
	 .help = "The HMAC. With file, the algorithm stands in that file."},
	{.name = "secret", .type = CONF_SECRET, INTO(struct raw_key, secret),
	 .help = "The secret in base64. The configuration file must then be closed to others. "
		 "One of secret, secret_file and file must be given."},
	{.name = "secret_file", .type = CONF_PATH, .min = 1, .max = PATH_MAX - 1,
	 INTO(struct raw_key, secret_file),
	 .help = "A file that holds the secret in base64, closed to others."},
	{.name = "file", .type = CONF_PATH, .min = 1, .max = PATH_MAX - 1,
	 INTO(struct raw_key, file),
	 .help = "A file with a BIND key statement of this name, as tsig-keygen writes it, closed "
		 "to others."},
};
static const struct conf_group key_group = {"key", ROWS(key_rows), .size = sizeof(struct raw_key)};

/* ---- servers ---- */

static const struct conf_row server_rows[] = {
	{.name = "name", .type = CONF_ID, .required = true, .min = 1, .max = 63,
	 INTO(struct raw_server, out.name), .help = "What domains call this server."},
	{.name = "description", .type = CONF_STRING, .max = 200, .def = "",
	 INTO(struct raw_server, out.description), .help = "For people."},
	{.name = "host", .type = CONF_ADDRESS, .required = true,
	 INTO(struct raw_server, out.endpoint.host),
	 .help = "The IPv4 or IPv6 address of the primary that takes the updates."},
	{.name = "port", .type = CONF_INT, .min = 1, .max = 65535, .def = "53",
	 INTO(struct raw_server, out.endpoint.port), .help = "Its port."},
	{.name = "transport", .type = CONF_CHOICE, .def = "tcp", .choices = "tcp|udp",
	 INTO(struct raw_server, out.transport),
	 .help = "How updates and queries are sent. With udp, TCP is used all the same where a "
		 "message is large."},
	{.name = "key", .type = CONF_STRING, .max = 255, .def = "", INTO(struct raw_server, key),
	 .help = "The TSIG key that signs updates. Without one they are not signed."},
	{.name = "transfer_key", .type = CONF_STRING, .max = 255, .def = "",
	 INTO(struct raw_server, transfer_key),
	 .help = "Another key for transfers and queries. Without one, key is used."},
	{.name = "tenant", .type = CONF_STRING, .max = 200, .def = "",
	 INTO(struct raw_server, out.tenant),
	 .help = "Whose server this is: then only domains of the same tenant may use it."},
	{.name = "timeout", .type = CONF_DURATION, .min = 1, .max = HOUR, .def = "30s",
	 INTO(struct raw_server, out.timeout), .help = "How long one request may take."},
	{.name = "ttl", .type = CONF_DURATION, .min = 0, .max = INT_MAX, .def = "5m",
	 INTO(struct raw_server, out.ttl), .help = "The TTL of the records we write."},
	{.name = "propagation_delay", .type = CONF_DURATION, .min = 0, .max = DAY, .def = "0s",
	 INTO(struct raw_server, out.propagation_delay),
	 .help = "How long to wait after an update before the first look at the secondaries."},
	{.name = "polling_interval", .type = CONF_DURATION, .min = 1, .max = DAY, .def = "15s",
	 INTO(struct raw_server, out.polling_interval),
	 .help = "How long to wait between two looks."},
	{.name = "propagation_timeout", .type = CONF_DURATION, .min = 1, .max = 7 * DAY,
	 .def = "60s", INTO(struct raw_server, out.propagation_timeout),
	 .help = "When to give up waiting for the secondaries."},
	{.name = "secondaries", .type = CONF_ENDPOINTS, .max = 64, .base = 53,
	 INTO_ARRAY(struct raw_server, out.secondaries, out.secondary_count),
	 .help = "Addresses, with a port where it is not 53, of the servers that must all serve a "
		 "change before it counts."},
	{.name = "read", .type = CONF_CHOICE, .def = "auto", .choices = "auto|query|axfr",
	 INTO(struct raw_server, out.read),
	 .help = "How a zone is read: by queries for the names that matter, or by a transfer. "
		 "auto takes what costs less."},
	{.name = "max_inflight", .type = CONF_INT, .min = 1, .max = 1000, .def = "4",
	 INTO(struct raw_server, out.max_inflight),
	 .help = "How many updates may be under way at once on this server."},
	{.name = "delete_limit", .type = CONF_INT, .min = 0, .max = 100, .def = "50",
	 INTO(struct raw_server, out.delete_limit),
	 .help = "How many percent of what we have published for a domain one plan may delete."},
};
static const struct conf_group server_group = {"server", ROWS(server_rows),
					       .size = sizeof(struct raw_server)};

/* ---- mail systems ---- */

static const struct conf_row mx_rows[] = {
	{.name = "host", .type = CONF_HOST, .required = true, INTO(struct raw_mx, out.host),
	 .help = "The name of a mail exchanger."},
	{.name = "priority", .type = CONF_INT, .min = 0, .max = 65535, .def = "10",
	 INTO(struct raw_mx, out.priority), .help = "The lowest is tried first."},
};
static const struct conf_group mx_group = {"mx entry", ROWS(mx_rows),
					   .size = sizeof(struct raw_mx)};

static const struct conf_row service_rows[] = {
	{.name = "protocol", .type = CONF_CHOICE, .required = true,
	 .choices = "imap|pop3|smtp|jmap|caldav|carddav|managesieve",
	 INTO(struct raw_service, out.protocol), .help = "What is offered to mail programs."},
	{.name = "host", .type = CONF_HOST, INTO(struct raw_service, out.host),
	 .help = "Where. Without one, the mail system's hostname."},
	{.name = "cleartext", .type = CONF_BOOL, .def = "false",
	 INTO(struct raw_service, out.cleartext),
	 .help = "Publish the port that starts without TLS too (imap, pop3 and smtp)."},
};
static const struct conf_group service_group = {"service", ROWS(service_rows),
						.size = sizeof(struct raw_service)};

static const struct conf_row sts_rows[] = {
	{.name = "mode", .type = CONF_CHOICE, .def = "enforce", .choices = "enforce|testing|none",
	 INTO(struct raw_sts, out.mode), .help = "What senders do when TLS fails."},
	{.name = "max_age", .type = CONF_DURATION, .min = 0, .max = 31557600, .def = "7d",
	 INTO(struct raw_sts, out.max_age), .help = "How long senders keep the policy."},
	{.name = "mx", .type = CONF_STRINGS, .max = 100,
	 INTO_ARRAY(struct raw_sts, out.mx, out.mx_count),
	 .help = "Patterns of mail exchangers. Without any, the MX hosts."},
	{.name = "policy_file", .type = CONF_PATH, .max = PATH_MAX - 1,
	 INTO(struct raw_sts, out.policy_file),
	 .help = "The policy is written to this file, for the web server."},
};
static const struct conf_group sts_group = {"mta_sts group", ROWS(sts_rows),
					    .size = sizeof(struct raw_sts)};

static const struct conf_row autoconfig_rows[] = {
	{.name = "document", .type = CONF_PATH, .required = true, .min = 1, .max = PATH_MAX - 1,
	 INTO(struct raw_system, out.autoconfig_document),
	 .help = "The document for mail programs that the web server serves. Its digest is "
		 "published."},
};
static const struct conf_group autoconfig_group = {"autoconfig group", ROWS(autoconfig_rows)};

static const struct conf_row acme_rows[] = {
	{.name = "issuer", .type = CONF_STRING, .required = true, .min = 1, .max = 253,
	 INTO(struct raw_acme, out.issuer),
	 .help = "The authority that may issue certificates, by its domain name."},
	{.name = "account_uri", .type = CONF_STRING, .max = 1000, .def = "",
	 INTO(struct raw_acme, out.account_uri),
	 .help = "The only account there that may ask for them."},
	{.name = "persist", .type = CONF_BOOL, .def = "false", INTO(struct raw_acme, out.persist),
	 .help = "Publish a standing validation record (dns-persist-01). Needs account_uri."},
	{.name = "policy", .type = CONF_CHOICE, .def = "", .choices = "|wildcard",
	 INTO(struct raw_acme, wildcard),
	 .help = "wildcard: the standing record is good for all names below the domain too."},
};
static const struct conf_group acme_group = {"acme entry", ROWS(acme_rows),
					     .size = sizeof(struct raw_acme)};

static const struct conf_row certificate_rows[] = {
	{.name = "file", .type = CONF_PATH, .required = true, .min = 1, .max = PATH_MAX - 1,
	 INTO(struct raw_certificate, out.file),
	 .help = "The certificate with its chain, in PEM, leaf first."},
	{.name = "next_key", .type = CONF_PATH, .max = PATH_MAX - 1, .def = "",
	 INTO(struct raw_certificate, out.next_key),
	 .help = "The key that the next certificate will have, in PEM, private or public: "
		 "published beside the one in use. See tlsa gate in mailzone(1)."},
	{.name = "hosts", .type = CONF_HOSTS, .max = 100,
	 INTO_ARRAY(struct raw_certificate, out.hosts, out.host_count),
	 .help = "The hosts that show this certificate. Without any, the certificate's names."},
};
static const struct conf_group certificate_group = {"certificate", ROWS(certificate_rows),
						    .size = sizeof(struct raw_certificate)};

static const struct conf_row system_rows[] = {
	{.name = "name", .type = CONF_ID, .required = true, .min = 1, .max = 63,
	 INTO(struct raw_system, out.name), .help = "What domains call this mail system."},
	{.name = "hostname", .type = CONF_HOST, .required = true,
	 INTO(struct raw_system, out.hostname),
	 .help = "The host that every host that is not given falls back to."},
	{.name = "mx", .type = CONF_LIST, .min = 1, .max = 100, .group = &mx_group,
	 INTO(struct raw_system, mx),
	 .help = "The mail exchangers. Without the list, the hostname at 10."},
	{.name = "services", .type = CONF_LIST, .max = 100, .group = &service_group,
	 INTO(struct raw_system, services), .help = "What mail programs can use."},
	{.name = "spf", .type = CONF_STRING, .max = MZ_TXT_MAX, .def = "v=spf1 mx -all",
	 INTO(struct raw_system, out.spf), .help = "The SPF record of a domain."},
	{.name = "host_spf", .type = CONF_STRING, .max = MZ_TXT_MAX, .def = "v=spf1 a -all",
	 INTO(struct raw_system, out.host_spf),
	 .help = "The SPF record of each MX host inside the domain that is no mail domain itself. "
		 "Empty: none."},
	{.name = "dmarc", .type = CONF_STRING, .max = MZ_TXT_MAX, .def = "v=DMARC1; p=reject",
	 INTO(struct raw_system, out.dmarc),
	 .help = "The DMARC record. The domain's report_address is added as rua where it has none."},
	{.name = "mta_sts", .type = CONF_SUBGROUP, .group = &sts_group, INTO(struct raw_system, sts),
	 .help = "MTA-STS (RFC 8461). Without the group nothing is published."},
	{.name = "autoconfig", .type = CONF_GROUP, .group = &autoconfig_group,
	 .help = "Automatic configuration of mail programs. Without the group nothing is "
		 "published."},
	{.name = "acme", .type = CONF_LIST, .max = 100, .group = &acme_group,
	 INTO(struct raw_system, acme), .help = "Who may issue certificates for a domain (CAA)."},
	{.name = "certificates", .type = CONF_LIST, .max = 1000, .group = &certificate_group,
	 INTO(struct raw_system, certificates),
	 .help = "The certificates in use, for TLSA records."},
};
static const struct conf_group system_group = {"mail system", ROWS(system_rows),
					       .size = sizeof(struct raw_system)};

/* ---- domains ---- */

static const struct conf_row management_rows[] = {
	{.name = "mode", .type = CONF_CHOICE, .def = "manual", .choices = "manual|automatic",
	 INTO(struct raw_domain, out.automatic),
	 .help = "automatic: the records are kept right on the server. manual: they are only "
		 "shown."},
	{.name = "server", .type = CONF_STRING, .max = 63, .def = "",
	 INTO(struct raw_domain, server), .help = "Where the zone is. Needed in automatic mode."},
	{.name = "origin", .type = CONF_NAME, INTO(struct raw_domain, origin),
	 .help = "The zone that the domain lives in. Without it, the domain's own name."},
	{.name = "publish_records", .type = CONF_FLAGS, .base = MZ_FAMILY_RECORDS,
	 .max = MZ_FAMILY_COUNT,
	 .def = "dkim spf mx dmarc srv mta-sts tls-rpt caa autoconfig autoconfig-legacy "
		"autodiscover",
	 .choices = "records|tlsa|dkim|spf|caa|autoconfig|autoconfig-legacy|autodiscover|srv|"
		    "mta-sts|tls-rpt|dmarc|mx",
	 INTO(struct raw_domain, out.publish),
	 .help = "The families of records that are published. The domain's own records always "
		 "are."},
	{.name = "on_removal", .type = CONF_CHOICE, .def = "keep", .choices = "keep|withdraw",
	 INTO(struct raw_domain, out.on_removal),
	 .help = "What becomes of the records when the domain leaves the configuration, once "
		 "signers have given up its DKIM keys."},
	{.name = "takeover", .type = CONF_CHOICE, .def = "replace", .choices = "replace|refuse",
	 INTO(struct raw_domain, out.takeover),
	 .help = "What to do with records of others that stand in the place of ours."},
};
static const struct conf_group management_group = {"dns_management group", ROWS(management_rows)};

static const struct conf_row dkim_rows[] = {
	{.name = "mode", .type = CONF_CHOICE, .def = "manual", .choices = "manual|automatic",
	 INTO(struct raw_domain, out.dkim_automatic),
	 .help = "automatic: keys are made, published, rotated and retired."},
	{.name = "algorithms", .type = CONF_FLAGS, .min = 1, .max = MZ_DKIM_ALGORITHMS,
	 .def = "ed25519-sha256 rsa-sha256", .choices = "rsa-sha256|ed25519-sha256",
	 INTO(struct raw_domain, out.dkim_algorithms), .help = "One key is made for each."},
	{.name = "rsa_bits", .type = CONF_INT, .min = 2048, .max = 4096, .def = "2048",
	 INTO(struct raw_domain, out.rsa_bits), .help = "The size of new RSA keys."},
	{.name = "selector_template", .type = CONF_STRING, .min = 1, .max = 200,
	 .def = "v{version}-{algorithm}-{date-%Y%m%d}",
	 INTO(struct raw_domain, out.selector_template), .help = "How new selectors are named."},
	{.name = "rotate_after", .type = CONF_DURATION, .min = 1, .max = TEN_YEARS, .def = "90d",
	 INTO(struct raw_domain, out.rotate_after),
	 .help = "How long a key signs; up to a tenth longer, so that domains do not rotate together."},
	{.name = "retire_after", .type = CONF_DURATION, .min = 0, .max = TEN_YEARS, .def = "7d",
	 INTO(struct raw_domain, out.retire_after),
	 .help = "How long a key that no longer signs stays published."},
	{.name = "delete_after", .type = CONF_DURATION, .min = 0, .max = TEN_YEARS, .def = "30d",
	 INTO(struct raw_domain, out.delete_after),
	 .help = "How long the file of a retired key is kept, also of a domain that has left."},
};
static const struct conf_group dkim_group = {"dkim_management group", ROWS(dkim_rows)};

static const struct conf_row dkim_key_rows[] = {
	{.name = "selector", .type = CONF_STRING, .required = true, .min = 1, .max = 200,
	 INTO(struct raw_dkim_key, out.selector), .help = "The selector that this key has."},
	{.name = "file", .type = CONF_PATH, .required = true, .min = 1, .max = PATH_MAX - 1,
	 INTO(struct raw_dkim_key, out.file), .help = "The key in PEM, private or public."},
};
static const struct conf_group dkim_key_group = {"DKIM key", ROWS(dkim_key_rows),
						 .size = sizeof(struct raw_dkim_key)};

static const struct conf_row domain_rows[] = {
	{.name = "name", .type = CONF_NAME, .required = true, INTO(struct raw_domain, name),
	 .help = "The mail domain; an international one in A-label form (xn--...)."},
	{.name = "mail_system", .type = CONF_STRING, .max = 63, .def = "",
	 INTO(struct raw_domain, mail_system),
	 .help = "What stands behind the domain. May be left out where there is only one."},
	{.name = "no_mail", .type = CONF_BOOL, .def = "false", INTO(struct raw_domain, out.no_mail),
	 .help = "A domain without mail: null MX, \"v=spf1 -all\" and DMARC p=reject."},
	{.name = "tenant", .type = CONF_STRING, .max = 200, .def = "",
	 INTO(struct raw_domain, out.tenant), .help = "Whose domain this is."},
	{.name = "report_address", .type = CONF_STRING, .max = 1000, .def = "mailto:postmaster",
	 INTO(struct raw_domain, out.report_address),
	 .help = "Where DMARC, TLS and CAA reports go. Without \"@\": at this domain. Empty: no "
		 "reports."},
	{.name = "dns_management", .type = CONF_GROUP, .group = &management_group,
	 .help = "How the domain's records get into DNS."},
	{.name = "dkim_management", .type = CONF_GROUP, .group = &dkim_group,
	 .help = "Where the domain's DKIM keys come from."},
	{.name = "dkim_keys", .type = CONF_LIST, .max = 100, .group = &dkim_key_group,
	 INTO(struct raw_domain, dkim_keys), .help = "Keys that others made."},
	{.name = "records", .type = CONF_STRINGS, .max = 10000,
	 INTO_ARRAY(struct raw_domain, out.records, out.record_count),
	 .help = "Further records to keep, in zone-file syntax. Names are relative to the domain."},
	{.name = "spf", .type = CONF_STRING, .max = MZ_TXT_MAX, INTO(struct raw_domain, out.spf),
	 .help = "The SPF record, in place of the mail system's."},
	{.name = "dmarc", .type = CONF_STRING, .max = MZ_TXT_MAX,
	 INTO(struct raw_domain, out.dmarc),
	 .help = "The DMARC record, in place of the mail system's."},
	{.name = "mx", .type = CONF_LIST, .min = 1, .max = 100, .group = &mx_group,
	 INTO(struct raw_domain, mx),
	 .help = "The mail exchangers, in place of the mail system's."},
	{.name = "mta_sts", .type = CONF_SUBGROUP, .group = &sts_group, INTO(struct raw_domain, sts),
	 .help = "MTA-STS, in place of the mail system's."},
	{.name = "acme", .type = CONF_LIST, .max = 100, .group = &acme_group,
	 INTO(struct raw_domain, acme),
	 .help = "Who may issue certificates, in place of the mail system's."},
};
const struct conf_group conf_schema_domain = {"domain", ROWS(domain_rows),
					      .size = sizeof(struct raw_domain)};

/* ---- tasks, hooks, log and listeners ---- */

static const struct conf_row retry_rows[] = {
	{.name = "strategy", .type = CONF_CHOICE, .def = "exponential",
	 .choices = "exponential|fixed", INTO(struct raw_conf, out.tasks.strategy),
	 .help = "How the delay grows."},
	{.name = "initial_delay", .type = CONF_DURATION, .min = 1, .max = 30 * DAY, .def = "1m",
	 INTO(struct raw_conf, out.tasks.initial_delay),
	 .help = "The delay after the first failure (exponential)."},
	{.name = "factor", .type = CONF_FLOAT, .min = 1, .max = 100, .def = "2.0",
	 INTO(struct raw_conf, out.tasks.factor),
	 .help = "What the delay is multiplied by after each further failure (exponential)."},
	{.name = "max_delay", .type = CONF_DURATION, .min = 1, .max = 30 * DAY, .def = "30m",
	 INTO(struct raw_conf, out.tasks.max_delay), .help = "The longest delay (exponential)."},
	{.name = "jitter", .type = CONF_BOOL, .def = "true",
	 INTO(struct raw_conf, out.tasks.jitter),
	 .help = "Spread the delays at random, so that not everything is tried again at once "
		 "(exponential)."},
	{.name = "delay", .type = CONF_DURATION, .min = 1, .max = 30 * DAY, .def = "5m",
	 INTO(struct raw_conf, out.tasks.delay), .help = "The delay (fixed)."},
};
static const struct conf_group retry_group = {"retry group", ROWS(retry_rows)};

static const struct conf_row task_rows[] = {
	{.name = "max_attempts", .type = CONF_INT, .min = 1, .max = 1000, .def = "3",
	 INTO(struct raw_conf, out.tasks.max_attempts),
	 .help = "How often a task is tried."},
	{.name = "total_deadline", .type = CONF_DURATION, .min = 1, .max = 365 * DAY, .def = "6h",
	 INTO(struct raw_conf, out.tasks.total_deadline),
	 .help = "How long a task may take with all its attempts."},
	{.name = "retry", .type = CONF_GROUP, .group = &retry_group,
	 .help = "When a task that failed is tried again."},
};
static const struct conf_group task_group = {"task_manager group", ROWS(task_rows)};

static const struct conf_row hook_rows[] = {
	{.name = "dkim_activated", .type = CONF_COMMAND, .max = 100,
	 INTO(struct raw_conf, out.hooks.dkim_activated),
	 .help = "Runs when signers are to use another DKIM key, or to give one up; it becomes "
		 "active only when this went well."},
	{.name = "certificate_renew", .type = CONF_COMMAND, .max = 100,
	 INTO(struct raw_conf, out.hooks.certificate_renew),
	 .help = "Runs when a certificate is to be renewed."},
	{.name = "timeout", .type = CONF_DURATION, .min = 1, .max = DAY, .def = "60s",
	 INTO(struct raw_conf, out.hooks.timeout),
	 .help = "How long a hook may run. Of each of them one runs at a time."},
};
static const struct conf_group hook_group = {"hooks group", ROWS(hook_rows)};

#define SIGNERS_FILE(n, which, text)                                                           \
	{.name = n, .type = CONF_PATH, .max = PATH_MAX - 16,                                   \
	 INTO(struct raw_conf, out.signers.file[which]), .help = text}

static const struct conf_row signers_rows[] = {
	{.name = "directory", .type = CONF_PATH, .max = PATH_MAX - 512,
	 INTO(struct raw_conf, out.signers.directory),
	 .help = "A folder for signers: a copy of each key as DOMAIN/SELECTOR.pem (Ed25519 keys "
		 "also as a bare SELECTOR.seed, which Rspamd wants), a link "
		 "DOMAIN/current-ALGORITHM to the one to sign with, and index.json, which lists "
		 "those. Without it the tables name the files in state_directory."},
	SIGNERS_FILE("opendkim_key_table", MZ_SIGNERS_KEY_TABLE,
		     "OpenDKIM's KeyTable. OpenDKIM makes one signature: with RSA where there is "
		     "such a key."),
	SIGNERS_FILE("opendkim_signing_table", MZ_SIGNERS_SIGNING_TABLE,
		     "OpenDKIM's SigningTable, to be read as file:, not as refile:."),
	SIGNERS_FILE("rspamd_selector_map", MZ_SIGNERS_SELECTOR_MAP,
		     "Rspamd's selector_map, for one signature. All for Rspamd needs directory."),
	SIGNERS_FILE("rspamd_path_map", MZ_SIGNERS_PATH_MAP, "Rspamd's path_map, beside it."),
	SIGNERS_FILE("rspamd_domains", MZ_SIGNERS_DOMAINS,
		     "A domain block to be included in Rspamd's dkim_signing.conf, for a "
		     "signature by each algorithm. Rspamd takes it over when it is reloaded."),
	{.name = "owner", .type = CONF_STRING, .max = 64, .def = "",
	 INTO(struct raw_conf, out.signers.owner),
	 .help = "The user that these files belong to. Without one, the agent's user."},
	{.name = "group", .type = CONF_STRING, .max = 64, .def = "",
	 INTO(struct raw_conf, out.signers.group),
	 .help = "Their group. Without one, the agent's group."},
	{.name = "mode", .type = CONF_CHOICE, .def = "0600", .choices = "0600|0640",
	 INTO(struct raw_conf, out.signers.group_reads), .help = "Their mode."},
};
static const struct conf_group signers_group = {"signers group", ROWS(signers_rows)};

static const struct conf_row log_rows[] = {
	{.name = "level", .type = CONF_CHOICE, .def = "info", .choices = "error|warning|info|debug",
	 INTO(struct raw_conf, out.log_level), .help = "What is logged, to standard error."},
	{.name = "format", .type = CONF_CHOICE, .def = "logfmt", .choices = "logfmt|json",
	 INTO(struct raw_conf, out.log_json), .help = "How."},
};
static const struct conf_group log_group = {"log group", ROWS(log_rows)};

static const struct conf_row status_rows[] = {
	{.name = "listen", .type = CONF_ENDPOINT, .required = true, INTO(struct raw_conf, status),
	 .help = "The address and port of the status page, JSON and metrics over HTTP."},
};
static const struct conf_group status_group = {"status group", ROWS(status_rows)};

static const struct conf_row notify_rows[] = {
	{.name = "listen", .type = CONF_ENDPOINTS, .required = true, .min = 1, .max = 64,
	 INTO_ARRAY(struct raw_conf, out.notify_listen, out.notify_count),
	 .help = "The addresses and ports that take NOTIFY (RFC 1996) over UDP and TCP."},
};
static const struct conf_group notify_group = {"notify group", ROWS(notify_rows)};

/* ---- the whole file ---- */

#define DOMAINS_ROW                                                                            \
	{.name = "domains", .type = CONF_ITEMS, .max = 1000000, .group = &conf_schema_domain, \
	 .help = "The mail domains."}

static const struct conf_row root_rows[] = {
	{.name = "state_directory", .type = CONF_PATH, .min = 1, .max = PATH_MAX - 64,
	 .def = "/var/lib/mailzone", INTO(struct raw_conf, out.state_directory),
	 .help = "Where the state, the DKIM keys and the lock are kept."},
	{.name = "control_socket", .type = CONF_PATH, .min = 1, .max = 107,
	 .def = "/run/mailzone/control.sock", INTO(struct raw_conf, out.control_socket),
	 .help = "Where the daemon takes commands."},
	{.name = "domain_directory", .type = CONF_PATH, .max = PATH_MAX - 256,
	 INTO(struct raw_conf, out.domain_directory),
	 .help = "A folder of further files, *.conf, in the order of their names. Each holds a "
		 "list domains, or the settings of one domain."},
	{.name = "reconcile_interval", .type = CONF_DURATION, .min = 1, .max = 365 * DAY,
	 .def = "1h", INTO(struct raw_conf, out.reconcile_interval),
	 .help = "Every domain is looked at this often, spread evenly."},
	{.name = "log", .type = CONF_GROUP, .group = &log_group, .help = "Logging."},
	{.name = "status", .type = CONF_GROUP, .group = &status_group,
	 .help = "The status page. Without the group there is none."},
	{.name = "notify", .type = CONF_GROUP, .group = &notify_group,
	 .help = "Look at a zone when its server says that it changed. Without the group, not."},
	{.name = "keys", .type = CONF_LIST, .max = 100000, .group = &key_group,
	 INTO(struct raw_conf, keys), .help = "TSIG keys (RFC 8945)."},
	{.name = "servers", .type = CONF_LIST, .max = 100000, .group = &server_group,
	 INTO(struct raw_conf, servers),
	 .help = "The authoritative servers that take updates: one a provider, one a tenant."},
	{.name = "mail_systems", .type = CONF_LIST, .max = 100000, .group = &system_group,
	 INTO(struct raw_conf, systems), .help = "What stands behind the domains."},
	{.name = "task_manager", .type = CONF_GROUP, .group = &task_group,
	 .help = "Tasks and their retries."},
	{.name = "hooks", .type = CONF_GROUP, .group = &hook_group,
	 .help = "Programs to run, as argument vectors without a shell, as the agent's user."},
	{.name = "signers", .type = CONF_GROUP, .group = &signers_group,
	 .help = "Files for what signs mail, written before a key is to sign. Then the hook "
		 "dkim_activated runs; until it succeeds, the key before stays in use."},
	DOMAINS_ROW,
};
const struct conf_group conf_schema = {"file", ROWS(root_rows), .size = sizeof(struct raw_conf)};

/* clang-format on */

static const struct conf_row domain_file_rows[] = {DOMAINS_ROW};
const struct conf_group conf_schema_domain_file = {"domain file", ROWS(domain_file_rows),
						   .size = sizeof(struct raw_domain_file)};
