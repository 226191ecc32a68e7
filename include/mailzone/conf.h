/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `conf`: the configuration file, read, checked and resolved. */
#ifndef MZ_CONF_H
#define MZ_CONF_H

#include "mailzone/dns.h"
#include "tsig/tsig.h"

/* The record families, in the order in which a split plan is sent: what others depend on first. */
enum mz_family {
	MZ_FAMILY_NONE,
	MZ_FAMILY_RECORDS,
	MZ_FAMILY_TLSA,
	MZ_FAMILY_DKIM,
	MZ_FAMILY_SPF,
	MZ_FAMILY_CAA,
	MZ_FAMILY_AUTOCONFIG,
	MZ_FAMILY_AUTOCONFIG_LEGACY,
	MZ_FAMILY_AUTODISCOVER,
	MZ_FAMILY_SRV,
	MZ_FAMILY_MTA_STS,
	MZ_FAMILY_TLS_RPT,
	MZ_FAMILY_DMARC,
	MZ_FAMILY_MX,
	MZ_FAMILY_COUNT
};
/* A set of families: bit 1 << family. */
typedef uint32_t mz_families;
#define MZ_FAMILIES_ALL (((1u << MZ_FAMILY_COUNT) - 1u) & ~1u)
const char *mz_family_name(enum mz_family family); /* "mx", "mta-sts", ... */
/* MZ_FAMILY_NONE when there is no such family. */
enum mz_family mz_family_from_name(const char *name);

/* Where something stands in the configuration: for messages. */
struct mz_where {
	const char *file;
	unsigned line;
};

/* An IPv4 or IPv6 address with a port. */
struct mz_endpoint {
	char host[46];
	uint16_t port;
};

struct mz_conf_key {
	const char *name;
	struct tsig_key *key; /* loaded, owned by the configuration */
	struct mz_where where;
};

enum mz_read_mode { MZ_READ_AUTO, MZ_READ_QUERY, MZ_READ_AXFR };
enum mz_transport { MZ_TRANSPORT_TCP, MZ_TRANSPORT_UDP };

struct mz_conf_server {
	const char *name, *description, *tenant; /* "" where unset */
	struct mz_endpoint endpoint;
	enum mz_transport transport;
	struct tsig_key *key, *transfer_key; /* NULL: unsigned; transfer_key defaults to key */
	int64_t timeout, propagation_delay, polling_interval, propagation_timeout; /* seconds */
	uint32_t ttl;
	struct mz_endpoint *secondaries;
	size_t secondary_count;
	enum mz_read_mode read;
	unsigned max_inflight, delete_limit;
	struct mz_where where;
};

struct mz_conf_mx {
	struct mz_name host;
	uint16_t priority;
};
struct mz_conf_mxs {
	struct mz_conf_mx *mx;
	size_t count;
};

enum mz_protocol {
	MZ_PROTO_IMAP,
	MZ_PROTO_POP3,
	MZ_PROTO_SMTP,
	MZ_PROTO_JMAP,
	MZ_PROTO_CALDAV,
	MZ_PROTO_CARDDAV,
	MZ_PROTO_MANAGESIEVE,
	MZ_PROTO_COUNT
};
struct mz_conf_service {
	enum mz_protocol protocol;
	bool cleartext;
	struct mz_name host; /* resolved: the mail system's hostname where unset */
};

enum mz_sts_mode { MZ_STS_ENFORCE, MZ_STS_TESTING, MZ_STS_NONE };
struct mz_conf_sts {
	enum mz_sts_mode mode;
	int64_t max_age; /* seconds */
	const char **mx; /* patterns, in lower case without a final dot; count 0: the MX hosts */
	size_t mx_count;
	const char *policy_file; /* absolute path or NULL */
	struct mz_where where;
};

struct mz_conf_acme {
	const char *issuer,
		*account_uri; /* lower case without a final dot; account_uri "" where unset */
	bool persist;
	const char *policy; /* "" or "wildcard" */
};
struct mz_conf_acmes {
	struct mz_conf_acme *acme;
	size_t count;
};

struct mz_conf_certificate {
	const char *file;      /* absolute path of the PEM chain, leaf first */
	const char *next_key;  /* absolute path of the next key (private or public PEM), or NULL */
	struct mz_name *hosts; /* count 0: the certificate's own names */
	size_t host_count;
	struct mz_where where;
};

struct mz_conf_mail_system {
	const char *name;
	struct mz_name hostname;
	struct mz_conf_mxs mx; /* never empty: hostname at 10 by default */
	struct mz_conf_service *services;
	size_t service_count;
	const char *spf, *host_spf, *dmarc; /* host_spf "": none */
	struct mz_conf_sts *mta_sts;	    /* NULL: no mta_sts group */
	const char *autoconfig_document;    /* absolute path or NULL */
	struct mz_where autoconfig_where;
	struct mz_conf_acmes acme;
	struct mz_conf_certificate *certificates;
	size_t certificate_count;
	struct mz_where where;
};

enum mz_retry_strategy { MZ_RETRY_EXPONENTIAL, MZ_RETRY_FIXED };
struct mz_conf_tasks {
	unsigned max_attempts;
	int64_t total_deadline;
	enum mz_retry_strategy strategy;
	int64_t initial_delay, max_delay, delay; /* seconds */
	double factor;
	bool jitter;
};

struct mz_conf_hooks {
	const char **dkim_activated, **certificate_renew; /* NULL-ended vectors, or NULL */
	struct mz_where dkim_where, renew_where;
	int64_t timeout;
};

/* What signers read. The index is in the directory. */
enum mz_signers_file {
	MZ_SIGNERS_KEY_TABLE,
	MZ_SIGNERS_SIGNING_TABLE,
	MZ_SIGNERS_SELECTOR_MAP,
	MZ_SIGNERS_PATH_MAP,
	MZ_SIGNERS_DOMAINS,
	MZ_SIGNERS_INDEX,
	MZ_SIGNERS_FILES
};
struct mz_conf_signers {
	const char *directory; /* absolute path or NULL: copies of the keys, links, index */
	const char *file[MZ_SIGNERS_INDEX]; /* absolute paths or NULL */
	const char *owner, *group;	    /* of all of them; "": ours */
	struct mz_where owner_where, group_where;
	bool group_reads;
};

enum mz_dkim_algorithm { MZ_DKIM_RSA, MZ_DKIM_ED25519, MZ_DKIM_ALGORITHMS };

struct mz_conf_dkim_key {
	const char *selector;
	const char *file; /* absolute path, private or public PEM */
	struct mz_where where;
};

enum mz_takeover { MZ_TAKEOVER_REPLACE, MZ_TAKEOVER_REFUSE };
/* DONE is no setting: the store has it of a domain that left, once its records were let go or withdrawn. */
enum mz_on_removal { MZ_REMOVAL_KEEP, MZ_REMOVAL_WITHDRAW, MZ_REMOVAL_DONE };

struct mz_conf_zone;

struct mz_conf_domain {
	const char *text;	 /* as written, lower-cased, without a final dot: for people */
	const uint8_t *name;	 /* wire */
	const uint8_t *origin;	 /* wire; default: the domain's own name */
	const char *origin_text; /* "example.org" */
	const struct mz_conf_zone *zone;	  /* NULL: manual */
	const struct mz_conf_mail_system *system; /* NULL only for no_mail without one */
	const struct mz_conf_server *server;	  /* NULL: manual, and none named */
	const char *tenant;
	const char *report_address; /* as written: default "mailto:postmaster"; "" for none */
	bool no_mail;
	bool automatic;	     /* dns_management.mode */
	bool dkim_automatic; /* dkim_management.mode */
	mz_families publish; /* MZ_FAMILY_RECORDS is always in it */
	enum mz_on_removal on_removal;
	enum mz_takeover takeover;
	unsigned dkim_algorithms; /* bit 1 << enum mz_dkim_algorithm */
	unsigned rsa_bits;
	const char *selector_template;
	struct mz_where selector_template_where;
	int64_t rotate_after, retire_after, delete_after;
	const struct mz_conf_dkim_key *dkim_keys;
	size_t dkim_key_count;
	const char **records; /* zone-file lines; count below; each was parsed once by check */
	const struct mz_where *record_where;
	size_t record_count;
	/* effective values: the domain's own, else its mail system's; "" / count 0 / NULL: none */
	const char *spf, *dmarc;
	const struct mz_conf_mxs *mx;
	const struct mz_conf_acmes *acme;
	const struct mz_conf_sts *mta_sts;
	struct mz_where where;
};

/* A zone with the domains under automatic management that live in it. */
struct mz_conf_zone {
	const struct mz_conf_server *server;
	const uint8_t *origin; /* wire */
	const char *origin_text;
	const struct mz_conf_domain *const *domains; /* ordered by name */
	size_t domain_count;
};

struct mz_conf {
	struct mz_arena arena; /* holds everything below */
	const char *file;      /* the path it was read from */
	const char *state_directory, *control_socket;
	const char *domain_directory; /* absolute, or NULL */
	int64_t reconcile_interval;
	enum mz_log_level log_level;
	bool log_json;
	struct mz_endpoint *status_listen; /* NULL: none */
	struct mz_endpoint *notify_listen;
	size_t notify_count;
	struct mz_conf_key *keys;
	size_t key_count;
	struct mz_conf_server *servers;
	size_t server_count;
	struct mz_conf_mail_system *systems;
	size_t system_count;
	struct mz_conf_tasks tasks;
	struct mz_conf_hooks hooks;
	struct mz_conf_signers signers;
	struct mz_conf_domain *domains; /* in the order of the files */
	size_t domain_count;
	/* a table for mz_conf_find_domain: 1 + the index of a domain at the hash of its text, or behind it where
	 * that is taken; NULL: it looks at one after another */
	uint32_t *by_name;
	size_t by_name_size;	    /* a power of two, larger than 3/2 domain_count */
	struct mz_conf_zone *zones; /* ordered by server, then origin */
	size_t zone_count;
};

/* The errors of a configuration, in the order of the files: "FILE:LINE: error: TEXT" each. */
struct mz_conf_errors {
	struct mz_str text; /* one line an error, each ended by a newline */
	size_t count;
	size_t dropped; /* errors past the first 1,000 are counted only */
};
/* Adds one error; `where` may be NULL when there is no line to name. Also used by those who
 * check the files that the configuration names. */
void mz_conf_error(struct mz_conf_errors *errors, const struct mz_where *where, const char *fmt,
		   ...) MZ_PRINTF(3, 4);
void mz_conf_errors_clear(struct mz_conf_errors *errors);

/* Reads, checks and resolves the configuration at `path`, its includes, its domain directory
 * and the TSIG secrets it names. Every error is added to `errors`. MZ_OK and *out (the caller
 * frees it with mz_conf_free) when there was none; else MZ_EINVAL, MZ_ENOMEM, MZ_EIO and no
 * *out. Network, DNS and other files are not touched. */
int mz_conf_load(struct mz_conf **out, const char *path, struct mz_conf_errors *errors);
/* The same, but after MZ_EINVAL *out is what could be read: references and values that had a fault
 * are NULL or empty in it. Good for mz_facts_check, and to find the control socket. */
int mz_conf_load_partly(struct mz_conf **out, const char *path, struct mz_conf_errors *errors);
void mz_conf_free(struct mz_conf *conf);

/* The domain of this name ("Example.ORG." is found as example.org), or NULL. Logarithmic. */
const struct mz_conf_domain *mz_conf_find_domain(const struct mz_conf *conf, const char *name);
/* The zone of this server (one of the configuration's) and origin, or NULL. Logarithmic. */
const struct mz_conf_zone *mz_conf_find_zone(const struct mz_conf *conf,
					     const struct mz_conf_server *server,
					     const uint8_t *origin);
/* The server of this name, or NULL. */
const struct mz_conf_server *mz_conf_find_server(const struct mz_conf *conf, const char *name);

#endif
