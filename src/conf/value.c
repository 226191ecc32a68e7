/* SPDX-License-Identifier: BSD-2-Clause */
/* The values of single settings: durations, addresses, host names and the texts of records. Pure. */
#include "src/conf/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- durations ---- */

static const struct unit {
	char name;
	int64_t seconds;
} units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define DURATION_MAX ((int64_t)1 << 62)

/* Digits to a number below `max`; NULL when there are none, or too many. */
static const char *number(const char *text, int64_t max, int64_t *out)
{
	const char *p = text;

	*out = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (*out > (max - (*p - '0')) / 10)
			return NULL;
		*out = *out * 10 + (*p - '0');
	}
	return p == text ? NULL : p;
}

bool conf_duration_parse(const char *text, int64_t *seconds)
{
	int64_t count = 0;
	const char *p = number(text, DURATION_MAX, &count);
	size_t i = 0;

	if (!p)
		return false;
	if (!*p) {
		*seconds = count;
		return true;
	}
	for (i = 0; i < sizeof units / sizeof *units; i++) {
		if (*p != units[i].name || p[1] || count > DURATION_MAX / units[i].seconds)
			continue;
		*seconds = count * units[i].seconds;
		return true;
	}
	return false;
}

char *conf_duration_text(int64_t seconds, char buf[CONF_DURATION_TEXT])
{
	size_t i = 0, last = sizeof units / sizeof *units - 1;

	while (i < last && (seconds == 0 || seconds % units[i].seconds))
		i++;
	/* 365d says more than 8760h, and 1w no more than 7d. */
	if (i == 0)
		i = 1;
	(void)snprintf(buf, CONF_DURATION_TEXT, "%" PRId64 "%c", seconds / units[i].seconds,
		       units[i].name);
	return buf;
}

/* ---- addresses ---- */

static const char not_an_address[] =
	"is not an IPv4 or IPv6 address: give the address of the host, not its name";

const char *conf_address_parse(const char *text, char host[46])
{
	unsigned char octets[16] = {0};
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, octets) != 1 || !inet_ntop(family, octets, host, 46))
		return not_an_address;
	return NULL;
}

const char *conf_endpoint_parse(const char *text, uint16_t port, struct mz_endpoint *out)
{
	const char *colon = strrchr(text, ':'), *end = NULL;
	char host[64] = "";
	size_t len = strlen(text);
	int64_t value = port;

	*out = (struct mz_endpoint){.port = port};
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return "is not written [ADDRESS]:PORT";
		colon = end[1] ? end + 1 : NULL;
		text++;
		len = (size_t)(end - text);
	} else if (colon && strchr(text, ':') == colon) {
		len = (size_t)(colon - text);
	} else {
		colon = NULL;
	}
	if (len >= sizeof host)
		return not_an_address;
	memcpy(host, text, len);
	if ((end && !strchr(host, ':')) || conf_address_parse(host, out->host))
		return not_an_address;
	if (!colon)
		return port ? NULL : "has no port: write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6";
	end = number(colon + 1, 65535, &value);
	if (!end || *end || value == 0)
		return "has a port that is not between 1 and 65535";
	out->port = (uint16_t)value;
	return NULL;
}

/* ---- names ---- */

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool has_high_octet(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return true;
	return false;
}

static const char *label_check(const char *label, size_t len, bool underscore)
{
	size_t i = 0;

	if (len == 0)
		return "has an empty label";
	if (len > 63)
		return "has a label of more than 63 octets";
	for (i = 0; i < len; i++)
		if (!is_alnum(label[i]) && label[i] != '-' && !(underscore && label[i] == '_'))
			return underscore ? "may hold letters, digits, \"-\", \"_\" and dots only"
					  : "is not a host name: only letters, digits, hyphens and "
					    "dots may stand in it";
	if (label[0] == '-' || label[len - 1] == '-')
		return "has a label that starts or ends with a hyphen";
	return NULL;
}

static bool all_digits(const uint8_t *label, size_t len)
{
	while (len && label[len - 1] >= '0' && label[len - 1] <= '9')
		len--;
	return len == 0;
}

static const char *add_label(struct mz_name *out, const char *label, size_t len)
{
	const char *why = label_check(label, len, false);
	size_t i = 0;

	if (why)
		return why;
	if (out->len + len + 2 > MZ_NAME_MAX)
		return "is longer than 255 octets";
	out->wire[out->len++] = (uint8_t)len;
	for (i = 0; i < len; i++)
		out->wire[out->len++] =
			(uint8_t)(label[i] >= 'A' && label[i] <= 'Z' ? label[i] - 'A' + 'a'
								     : label[i]);
	return NULL;
}

const char *conf_host_parse(const char *text, struct mz_name *out)
{
	const char *p = text, *why = NULL;
	char address[46] = "";
	size_t n = 0, last = 0;

	*out = (struct mz_name){0};
	if (!*text)
		return "is empty: a host name is needed";
	if (has_high_octet(text))
		return "has letters outside ASCII: use the A-label form (xn--...)";
	if (*text == '[' || !conf_address_parse(text, address))
		return "is an address, not a host name";
	while (*p && !why) {
		n = strcspn(p, ".");
		last = out->len;
		why = add_label(out, p, n);
		p += n + (p[n] == '.');
	}
	if (!why && all_digits(out->wire + last + 1, out->wire[last]))
		why = "is not a host name: its last label is a number";
	if (why)
		*out = (struct mz_name){0};
	else
		out->len++; /* the root */
	return why;
}

const char *conf_selector_check(const char *text)
{
	const char *p = text, *why = NULL;
	size_t n = 0;

	if (has_high_octet(text))
		return "has letters outside ASCII: use the A-label form (xn--...)";
	for (;;) {
		n = strcspn(p, ".");
		why = label_check(p, n, true);
		if (why || !p[n])
			return why;
		p += n + 1;
	}
}

/* ---- texts of records ---- */

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

const char *conf_text_check(const char *text)
{
	if (!is_printable(text))
		return "has characters outside printable ASCII";
	if (strlen(text) > MZ_TXT_MAX)
		return "is longer than 4096 octets";
	return NULL;
}

const char *conf_spf_check(const char *text)
{
	if (strncasecmp(text, "v=spf1", 6) != 0 || (text[6] && text[6] != ' '))
		return "must be \"v=spf1\", alone or followed by a space and terms";
	return conf_text_check(text);
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* Is this tag's value, up to the next `;`, a DMARC policy? */
static bool is_policy(const char *value)
{
	static const char *const policies[] = {"none", "quarantine", "reject"};
	size_t len = strcspn(value, ";"), i = 0;

	while (len && value[len - 1] == ' ')
		len--;
	for (i = 0; i < sizeof policies / sizeof *policies; i++)
		if (strlen(policies[i]) == len && !strncasecmp(value, policies[i], len))
			return true;
	return false;
}

const char *conf_dmarc_check(const char *text)
{
	const char *p = NULL;

	if (strncmp(text, "v=DMARC1", 8) != 0 || *skip_blanks(text + 8) != ';')
		return "must start with \"v=DMARC1;\"";
	for (p = strchr(text, ';'); p; p = strchr(p, ';')) {
		p = skip_blanks(p + 1);
		if (*p != 'p' || *skip_blanks(p + 1) != '=')
			continue;
		if (!is_policy(skip_blanks(skip_blanks(p + 1) + 1)))
			return "must have p=none, p=quarantine or p=reject";
		return conf_text_check(text);
	}
	return "has no policy: add p=none, p=quarantine or p=reject";
}

const char *conf_report_check(const char *text)
{
	if (!*text)
		return NULL;
	if (strncasecmp(text, "mailto:", 7) != 0 && strncasecmp(text, "https:", 6) != 0)
		return "must start with \"mailto:\" or \"https:\"";
	if (!strchr(text, ':')[1] || strcmp(text, "mailto:@") == 0)
		return "names no address";
	if (strlen(text) > 1000)
		return "is longer than 1000 octets";
	if (!is_printable(text) || strpbrk(text, " \"\\<>"))
		return "has characters that cannot stand in a URI";
	if (strpbrk(text, ",;!"))
		return "must have \",\" written %2C, \";\" written %3B and \"!\" written %21";
	return NULL;
}

const char *conf_account_check(const char *text)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text || !colon[1])
		return "is not a URI such as \"https://acme.example/acct/1\"";
	if (!is_printable(text) || strpbrk(text, " ;\"\\"))
		return "has characters that cannot stand in a CAA parameter";
	if (strlen(text) > 1000)
		return "is longer than 1000 octets";
	return NULL;
}

const char *conf_pattern_check(const char *text)
{
	struct mz_name host = {0};

	return conf_host_parse(strncmp(text, "*.", 2) == 0 ? text + 2 : text, &host);
}

bool conf_pattern_match(const char *pattern, const uint8_t *host)
{
	struct mz_name name = {0};
	bool wild = strncmp(pattern, "*.", 2) == 0;

	if (conf_host_parse(wild ? pattern + 2 : pattern, &name))
		return false;
	if (wild && host[0] == 0)
		return false;
	return mz_name_equal(name.wire, wild ? mz_name_parent(host) : host);
}

/* ---- for messages ---- */

char *conf_quote(const char *text, char buf[CONF_QUOTE_TEXT])
{
	size_t n = 0;

	for (; *text && n < CONF_QUOTE_TEXT - 8; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c >= 127)
			n += (size_t)snprintf(buf + n, CONF_QUOTE_TEXT - n, "\\x%02x", c);
		else
			buf[n++] = (char)c;
	}
	(void)snprintf(buf + n, CONF_QUOTE_TEXT - n, "%s", *text ? "..." : "");
	return buf;
}
