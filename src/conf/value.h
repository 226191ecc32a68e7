/* SPDX-License-Identifier: BSD-2-Clause */
/* The values of single settings: durations, addresses, host names and the texts of records. Pure. */
#ifndef MZ_CONF_VALUE_H
#define MZ_CONF_VALUE_H

#include "mailzone/conf.h"

/*
 * Functions that find a complaint return NULL when the value is good, else a static text that
 * goes on from the quoted value: `"x" is not ...`.
 */

/* "90d", "0s", or a plain number of seconds. False when it is neither, or over 2^62 s. */
bool conf_duration_parse(const char *text, int64_t *seconds);
/* "90d", "36h", "5s": the largest unit that fits. Returns buf. */
#define CONF_DURATION_TEXT 24
char *conf_duration_text(int64_t seconds, char buf[CONF_DURATION_TEXT]);

/* An IPv4 or IPv6 address without a port, into host[46] in its canonical form. */
const char *conf_address_parse(const char *text, char host[46]);
/* "192.0.2.54", "192.0.2.54:53", "[2001:db8::54]:53", "2001:db8::1"; `port` is used where there
 * is none, and 0 asks for one. */
const char *conf_endpoint_parse(const char *text, uint16_t port, struct mz_endpoint *out);

/* A host name (RFC 1123: letters, digits and hyphens), lower-cased, absolute with or without a
 * final dot. */
const char *conf_host_parse(const char *text, struct mz_name *out);
/* A DKIM selector: labels of letters, digits, hyphens and underscores, joined by dots. */
const char *conf_selector_check(const char *text);

/* Printable ASCII of at most MZ_TXT_MAX octets. */
const char *conf_text_check(const char *text);
/* SPF (RFC 7208 4.5): "v=spf1", alone or with a space behind it. */
const char *conf_spf_check(const char *text);
/* DMARC (RFC 7489 6.3): starts with v=DMARC1, and has a policy. */
const char *conf_dmarc_check(const char *text);
/* Where reports go: "", "mailto:..." or "https:...", with `,` `;` `!` percent-encoded. */
const char *conf_report_check(const char *text);
/* The account of an ACME client: an absolute URI, fit for a CAA parameter (RFC 8657). */
const char *conf_account_check(const char *text);
/* An MX pattern of an MTA-STS policy (RFC 8461 3.2): a host name, or "*." and one. */
const char *conf_pattern_check(const char *text);
/* Does the pattern cover this host (RFC 8461 4.1)? */
bool conf_pattern_match(const char *pattern, const uint8_t *host);

/* The value for a message: escaped, and cut where it is long. Returns buf. */
#define CONF_QUOTE_TEXT 100
char *conf_quote(const char *text, char buf[CONF_QUOTE_TEXT]);

#endif
