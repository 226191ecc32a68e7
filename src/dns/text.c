/* SPDX-License-Identifier: BSD-2-Clause */
/* RRs to zone-file syntax: the types of the families here, the others by ldns. It never sees a
 * message: only one short rdata that it must reproduce octet for octet. */
#include "src/dns/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

enum { LDNS_RDATA_MAX = 4096 };

/* ldns leaks on bad data of rare types (IPSECKEY, CERT): it gets the types that people keep in
 * zones; the rest is written as RFC 3597 has it. */
static const uint16_t trusted[] = {
	MZ_TYPE_A,	     MZ_TYPE_NS,    MZ_TYPE_CNAME,  MZ_TYPE_SOA,    12 /* PTR */,
	13 /* HINFO */,	     MZ_TYPE_MX,    MZ_TYPE_TXT,    17 /* RP */,    18 /* AFSDB */,
	MZ_TYPE_AAAA,	     29 /* LOC */,  MZ_TYPE_SRV,    35 /* NAPTR */, 36 /* KX */,
	MZ_TYPE_DNAME,	     43 /* DS */,   44 /* SSHFP */, MZ_TYPE_TLSA,   53 /* SMIMEA */,
	61 /* OPENPGPKEY */, 64 /* SVCB */, 65 /* HTTPS */, 99 /* SPF */,   256 /* URI */,
	MZ_TYPE_CAA,
};

bool text_is_known(uint16_t type)
{
	for (size_t i = 0; i < sizeof(trusted) / sizeof(trusted[0]); i++) {
		if (trusted[i] == type)
			return true;
	}
	return false;
}

static void add_generic(struct mz_str *out, const uint8_t *rdata, size_t rdlen)
{
	mz_str_addf(out, "\\# %zu", rdlen);
	if (rdlen > 0)
		mz_str_addc(out, ' ');
	for (size_t i = 0; i < rdlen; i++)
		mz_str_addf(out, "%02x", rdata[i]);
}

static void add_string(struct mz_str *out, const uint8_t *octets, size_t n)
{
	mz_str_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (octets[i] < ' ' || octets[i] >= 0x7f)
			mz_str_addf(out, "\\%03u", octets[i]);
		else if (octets[i] == '"' || octets[i] == '\\')
			mz_str_addf(out, "\\%c", octets[i]);
		else
			mz_str_addc(out, (char)octets[i]);
	}
	mz_str_addc(out, '"');
}

bool text_is_txt(const uint8_t *rdata, size_t rdlen)
{
	size_t at = 0;

	while (at < rdlen)
		at += rdata[at] + 1u;
	return at == rdlen && rdlen > 0;
}

/* ldns makes an object of each string, 754 MB for a hostile RR: TXT is printed here. */
static void add_txt(struct mz_str *out, const uint8_t *rdata, size_t rdlen)
{
	for (size_t at = 0; at < rdlen; at += rdata[at] + 1u) {
		if (at > 0)
			mz_str_addc(out, ' ');
		add_string(out, rdata + at + 1, rdata[at]);
	}
}

/* ---- the types of the families ------------------------------------------------------------- */

/* For these ldns would make some ten objects, and its text would have to be read back. The fields:
 * 1 and 2 octets of a number, an IPv4 (4) or IPv6 (6) address, a name, a tag; hex and a string
 * take the rest. */
static const struct form {
	uint16_t type;
	const char *fields;
} forms[] = {
	{MZ_TYPE_A, "4"},      {MZ_TYPE_AAAA, "6"},    {MZ_TYPE_NS, "n"},
	{MZ_TYPE_CNAME, "n"},  {MZ_TYPE_DNAME, "n"},   {MZ_TYPE_MX, "2n"},
	{MZ_TYPE_SRV, "222n"}, {MZ_TYPE_TLSA, "111h"}, {MZ_TYPE_CAA, "1ts"},
};

static size_t name_octets(const uint8_t *p, size_t left)
{
	size_t n = 0;

	while (n < left && p[n] != 0 && p[n] < 64)
		n += p[n] + 1u;
	return n < left && p[n] == 0 && n < MZ_NAME_MAX ? n + 1 : 0;
}

/* RFC 8659 4.1: letters and digits behind their number. */
static size_t tag_octets(const uint8_t *p, size_t left)
{
	if (left < 2 || p[0] == 0 || p[0] >= left)
		return 0;
	for (size_t i = 1; i <= p[0]; i++) {
		if (!isascii(p[i]) || !isalnum(p[i]))
			return 0;
	}
	return p[0] + 1u;
}

/* The octets of a field, into *n; false: it is not of this form. */
static bool measure(char field, const uint8_t *p, size_t left, size_t *n)
{
	switch (field) {
	case 'n':
		*n = name_octets(p, left);
		break;
	case 't':
		*n = tag_octets(p, left);
		break;
	case 'h':
		*n = left;
		break;
	case 's': /* may be empty */
		*n = left;
		return true;
	case '6':
		*n = 16;
		break;
	default:
		*n = (size_t)(field - '0');
		break;
	}
	return *n > 0 && *n <= left;
}

static void add_field(struct mz_str *out, char field, const uint8_t *p, size_t n)
{
	char text[MZ_NAME_TEXT] = "";

	switch (field) {
	case '1':
		mz_str_addf(out, "%u", *p);
		break;
	case '2':
		mz_str_addf(out, "%u", mz_get16(p));
		break;
	case '4':
		mz_str_add(out, inet_ntop(AF_INET, p, text, sizeof(text)));
		break;
	case '6':
		mz_str_add(out, inet_ntop(AF_INET6, p, text, sizeof(text)));
		break;
	case 'n':
		mz_str_add(out, mz_name_to_text(p, text));
		break;
	case 't':
		mz_str_addn(out, (const char *)p + 1, *p);
		break;
	case 'h':
		for (size_t i = 0; i < n; i++)
			mz_str_addf(out, "%02x", p[i]);
		break;
	default:
		add_string(out, p, n);
		break;
	}
}

/* False when the type is not one of them, or the data not of its form. */
static bool add_fields(struct mz_str *out, uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	const char *fields = NULL;
	size_t at = 0, n = 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].type == type)
			fields = forms[i].fields;
	}
	for (const char *f = fields; f != NULL && *f != '\0'; f++, at += n) {
		if (!measure(*f, rdata + at, rdlen - at, &n))
			return false;
	}
	if (fields == NULL || at != rdlen)
		return false;
	for (at = 0; *fields != '\0'; fields++, at += n) {
		(void)measure(*fields, rdata + at, rdlen - at, &n);
		if (at > 0)
			mz_str_addc(out, ' ');
		add_field(out, *fields, rdata + at, n);
	}
	return true;
}

/* ---- the others ---------------------------------------------------------------------------- */

/* ldns does not obey RDLENGTH, takes less than the type needs, and allocates the whole length for
 * each field: the size is bounded, and what it read must give the same octets again. */
ldns_rr *text_parse_wire(uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	uint8_t wire[11 + LDNS_RDATA_MAX] = {0}; /* the root as owner, and one RR */
	ldns_buffer *back = NULL;
	ldns_rr *rr = NULL;
	size_t at = 0;
	bool good = false;

	if (rdlen == 0 || rdlen > LDNS_RDATA_MAX || !text_is_known(type))
		return NULL;
	mz_put16(wire + 1, type);
	mz_put16(wire + 3, MZ_CLASS_IN);
	mz_put16(wire + 9, (uint16_t)rdlen);
	memcpy(wire + 11, rdata, rdlen);
	back = ldns_buffer_new(rdlen + 16);
	if (back == NULL ||
	    ldns_wire2rr(&rr, wire, 11 + rdlen, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK ||
	    at != 11 + rdlen)
		goto done;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		if (ldns_rr_rdf(rr, i) == NULL)
			goto done;
	}
	good = ldns_rr_rd_count(rr) >= ldns_rr_descriptor_minimum(ldns_rr_descript(type)) &&
	       ldns_rr_rdata2buffer_wire(back, rr) == LDNS_STATUS_OK &&
	       ldns_buffer_position(back) == rdlen &&
	       memcmp(ldns_buffer_begin(back), rdata, rdlen) == 0;
done:
	ldns_buffer_free(back);
	if (!good) {
		ldns_rr_free(rr);
		rr = NULL;
	}
	return rr;
}

/* False when ldns has no text that says the same octets again (odd LOC data). */
static bool add_by_ldns(struct mz_str *out, const ldns_rr *rr, const uint8_t *rdata, size_t rdlen)
{
	ldns_buffer *buf = ldns_buffer_new(1024);
	uint16_t type = (uint16_t)ldns_rr_get_type(rr);
	struct mz_str text = {0}, again = {0};
	bool good = buf != NULL;

	for (size_t i = 0; good && i < ldns_rr_rd_count(rr); i++) {
		if (i > 0)
			ldns_buffer_printf(buf, " ");
		good = ldns_rdf2buffer_str(buf, ldns_rr_rdf(rr, i)) == LDNS_STATUS_OK;
	}
	good = good && ldns_buffer_status_ok(buf);
	if (!good)
		goto done;
	mz_str_addn(&text, (const char *)ldns_buffer_begin(buf), ldns_buffer_position(buf));
	good = !text.failed && text_read_known(text.s, type, NULL, &again, NULL) == MZ_OK &&
	       again.len == rdlen && memcmp(again.s, rdata, rdlen) == 0;
	if (good)
		mz_str_addn(out, text.s, text.len);
done:
	ldns_buffer_free(buf);
	mz_str_clear(&text);
	mz_str_clear(&again);
	return good;
}

void mz_rdata_to_text(uint16_t type, const uint8_t *rdata, size_t rdlen, struct mz_str *out)
{
	/* Hostile data of SVCB and HTTPS fails an assertion in ldns's printing: it may read them, from
	 * the operator's text, but not print them. */
	bool unsafe = type == MZ_TYPE_TXT || type == 64 || type == 65;
	ldns_rr *rr = NULL;

	if (type == MZ_TYPE_TXT && text_is_txt(rdata, rdlen)) {
		add_txt(out, rdata, rdlen);
		return;
	}
	if (add_fields(out, type, rdata, rdlen))
		return;
	if (!unsafe)
		rr = text_parse_wire(type, rdata, rdlen);
	if (rr == NULL || !add_by_ldns(out, rr, rdata, rdlen))
		add_generic(out, rdata, rdlen);
	ldns_rr_free(rr);
}

void mz_rr_to_text(const struct mz_rr *rr, struct mz_str *out)
{
	char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";

	mz_str_addf(out, "%s %lu IN %s ", mz_name_to_text(rr->owner, owner), (unsigned long)rr->ttl,
		    mz_type_name(rr->type, type));
	mz_rdata_to_text(rr->type, rr->rdata, rr->rdlen, out);
}
