/* SPDX-License-Identifier: BSD-2-Clause */
/* RRs from zone-file syntax. Only the data of a record goes to ldns; the rest of the line is read
 * here, and what ldns made of names and numbers is compared with the words: it wraps numbers that
 * are too large, takes "@x" for the origin, makes names of more than 255 octets, and obeys neither
 * the length nor the digits of `\#`. */
#include "src/dns/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_MAX_OCTETS = 32768 };

/* The line without comment and parentheses, so that ldns and we see the same words. */
static int clean_line(const char *line, struct mz_str *out, struct mz_cause *cause)
{
	bool quoted = false;
	int depth = 0;

	for (const char *p = line; *p != '\0' && depth >= 0 && (quoted || *p != ';'); p++) {
		if (*p == '\\' && p[1] != '\0') {
			mz_str_addn(out, p++, 2);
		} else if (!quoted && (*p == '(' || *p == ')')) {
			depth += *p == '(' ? 1 : -1;
			mz_str_addc(out, ' ');
		} else {
			quoted = quoted != (*p == '"');
			mz_str_addc(out, *p);
		}
	}
	if (quoted || depth != 0)
		return mz_cause_set(cause, MZ_ESYNTAX, "a quote or parenthesis has no partner");
	if (out->failed)
		return MZ_ENOMEM;
	return out->len > 0 ? MZ_OK : mz_cause_set(cause, MZ_ESYNTAX, "there is no record");
}

/* Splits off the next word of a line; quotes and escapes keep spaces together. */
static const char *next_word(const char *p, const char **word, size_t *len)
{
	bool quoted = false;

	while (*p == ' ' || *p == '\t')
		p++;
	*word = p;
	for (; *p != '\0' && (quoted || (*p != ' ' && *p != '\t')); p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}
	*len = (size_t)(p - *word);
	return p;
}

static int number(const char *word, size_t len, uint64_t max, struct mz_cause *cause)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)word[i]))
			return mz_cause_set(cause, MZ_ESYNTAX, "%.*s is no number", (int)len, word);
		v = v * 10 + (uint64_t)(word[i] - '0');
		if (v > max)
			return mz_cause_set(cause, MZ_ERANGE, "the number %.*s is larger than %llu",
					    (int)len, word, (unsigned long long)max);
	}
	return len > 0 ? MZ_OK : mz_cause_set(cause, MZ_ESYNTAX, "a number is missing");
}

/* Seconds, or 1h30m. */
static int period(const char *word, size_t len, uint32_t *out, struct mz_cause *cause)
{
	static const char units[] = "smhdw";
	static const uint32_t seconds[] = {1, 60, 3600, 86400, 604800};
	uint64_t total = 0, n = 0;
	bool digits = false;

	for (size_t i = 0; i < len; i++) {
		const char *unit = NULL;

		if (isdigit((unsigned char)word[i])) {
			n = n * 10 + (uint64_t)(word[i] - '0');
			digits = true;
		} else {
			unit = strchr(units, tolower((unsigned char)word[i]));
			if (unit == NULL || !digits)
				return mz_cause_set(cause, MZ_ESYNTAX, "%.*s is no time in seconds",
						    (int)len, word);
			total += n * seconds[unit - units];
			n = 0;
			digits = false;
		}
		if (total + n > INT32_MAX)
			return mz_cause_set(cause, MZ_ERANGE,
					    "the time %.*s is longer than %d seconds", (int)len,
					    word, INT32_MAX);
	}
	*out = (uint32_t)(total + n);
	return MZ_OK;
}

static int name(struct mz_name *out, const char *word, size_t len, const uint8_t *origin,
		struct mz_cause *cause)
{
	char text[MZ_NAME_TEXT] = "";

	if (len >= sizeof(text))
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "the name %.100s... is longer than 255 octets", word);
	memcpy(text, word, len);
	return mz_name_from_text(out, text, origin, cause);
}

static int type_of(const char *word, size_t len, uint16_t *out, struct mz_cause *cause)
{
	char text[MZ_CODE_TEXT] = "", buf[MZ_CODE_TEXT] = "", generic[MZ_CODE_TEXT] = "";
	unsigned type = 0;

	if (len > 0 && len < sizeof(text)) {
		memcpy(text, word, len);
		type = (unsigned)ldns_get_rr_type_by_name(text);
	}
	/* ldns takes TYPE65537 and TYPE1x for TYPE1. */
	(void)snprintf(generic, sizeof(generic), "TYPE%u", type & UINT16_MAX);
	if (type == 0 || (strcasecmp(text, mz_type_name((uint16_t)type, buf)) != 0 &&
			  strcasecmp(text, generic) != 0))
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "%s%.*s (expected: OWNER [TTL] [IN] TYPE DATA)",
				    len == 0 ? "the type is missing" : "unknown type ",
				    len < 40 ? (int)len : 40, word);
	if (type == MZ_TYPE_OPT || (type >= 128 && type <= 255))
		return mz_cause_set(cause, MZ_EINVAL, "%s is no type of data", text);
	*out = (uint16_t)type;
	return MZ_OK;
}

/* Owner, TTL, class and type; *line moves on to the data. */
static int read_head(const char **line, const uint8_t *origin, struct mz_name *owner,
		     struct mz_rr *rr, struct mz_cause *cause)
{
	bool has_ttl = false, has_class = false, blank = **line == ' ' || **line == '\t';
	const char *word = "@", *p = *line;
	size_t len = 1;
	int err = MZ_OK;

	if (!blank)
		p = next_word(p, &word, &len);
	err = name(owner, word, len, origin, cause);
	if (err != MZ_OK)
		return err;
	for (;;) {
		char text[MZ_CODE_TEXT] = "";
		ldns_rr_class klass = 0;

		p = next_word(p, &word, &len);
		if (!has_ttl && len > 0 && isdigit((unsigned char)*word)) {
			err = period(word, len, &rr->ttl, cause);
			if (err != MZ_OK)
				return err;
			has_ttl = true;
			continue;
		}
		if (len < sizeof(text))
			memcpy(text, word, len);
		klass = ldns_get_rr_class_by_name(text);
		if (has_class || klass == 0)
			break;
		if (klass != LDNS_RR_CLASS_IN)
			return mz_cause_set(cause, MZ_EINVAL,
					    "only records of class IN can be kept");
		has_class = true;
	}
	*line = p;
	return type_of(word, len, &rr->type, cause);
}

/* RFC 3597 section 5: `\# length hex...`; p is behind the `\#`. */
static int read_generic(const char *p, struct mz_str *data, struct mz_cause *cause)
{
	const char *word = NULL;
	size_t len = 0, digits = 0;
	unsigned octet = 0, want = 0;

	p = next_word(p, &word, &len);
	if (number(word, len, UINT16_MAX, cause) != MZ_OK)
		return MZ_ESYNTAX;
	for (size_t i = 0; i < len; i++)
		want = want * 10 + (unsigned)(word[i] - '0');
	for (p = next_word(p, &word, &len); len > 0; p = next_word(p, &word, &len)) {
		for (size_t i = 0; i < len; i++) {
			int c = tolower((unsigned char)word[i]);

			if (!isxdigit(c))
				return mz_cause_set(cause, MZ_ESYNTAX, "%.40s is not hexadecimal",
						    word);
			octet = octet << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
			if (++digits % 2 == 0)
				mz_str_addc(data, (char)(octet & 0xff));
		}
	}
	if (digits != 2 * (size_t)want)
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "\\# says %u octets, but %zu hexadecimal digits follow", want,
				    digits);
	return data->failed ? MZ_ENOMEM : MZ_OK;
}

/* The largest number in a field of this kind; 0: no number. */
static uint64_t field_max(ldns_rdf_type kind)
{
	switch (kind) {
	case LDNS_RDF_TYPE_INT8:
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE:
		return UINT8_MAX;
	case LDNS_RDF_TYPE_INT16:
	case LDNS_RDF_TYPE_CERT_ALG:
		return UINT16_MAX;
	case LDNS_RDF_TYPE_INT32:
		return UINT32_MAX;
	default:
		return 0;
	}
}

/* Compares the words of the data with what ldns made of them. */
static int check_fields(const char *p, const ldns_rr *rr, const uint8_t *origin,
			struct mz_cause *cause)
{
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		ldns_rdf_type kind = field == NULL ? LDNS_RDF_TYPE_NONE : ldns_rdf_get_type(field);
		const char *word = NULL;
		struct mz_name n = {0};
		size_t len = 0;
		uint32_t seconds = 0;
		int err = MZ_OK;

		p = next_word(p, &word, &len);
		if (kind == LDNS_RDF_TYPE_HIP) /* made of three words */
			return MZ_OK;
		if (len == 2 && memcmp(word, "\\#", 2) == 0)
			err = mz_cause_set(cause, MZ_ESYNTAX, "\\# must stand before all data");
		else if (kind == LDNS_RDF_TYPE_PERIOD)
			err = period(word, len, &seconds, cause);
		else if (kind == LDNS_RDF_TYPE_DNAME)
			err = name(&n, word, len, origin, cause);
		/* Mnemonics ("PKIX-TA") are ldns's own; it takes a sign before a number. */
		else if (field_max(kind) > 0 && len > 0 && !isalpha((unsigned char)*word))
			err = number(word, len, field_max(kind), cause);
		if (err == MZ_OK && kind == LDNS_RDF_TYPE_DNAME &&
		    !mz_name_equal(n.wire, ldns_rdf_data(field)))
			err = mz_cause_set(cause, MZ_ESYNTAX, "the name %.*s is not understood",
					   (int)len, word);
		if (err != MZ_OK)
			return err;
	}
	return MZ_OK;
}

int text_read_known(const char *p, uint16_t type, const uint8_t *origin, struct mz_str *data,
		    struct mz_cause *cause)
{
	ldns_rdf *base = NULL;
	ldns_buffer *wire = ldns_buffer_new(512);
	ldns_status status = LDNS_STATUS_MEM_ERR;
	char buf[MZ_CODE_TEXT] = "";
	const char *type_name = mz_type_name(type, buf);
	struct mz_str line = {0};
	ldns_rr *rr = NULL;
	int err = MZ_ENOMEM;

	mz_str_addf(&line, ". 0 IN %s %s", type_name, p);
	if (origin != NULL)
		base = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, mz_name_len(origin), origin);
	if (wire == NULL || line.failed || (origin != NULL && base == NULL))
		goto done;
	status = ldns_rr_new_frm_str(&rr, line.s, 0, base, NULL);
	if (status == LDNS_STATUS_MEM_ERR)
		goto done;
	if (status != LDNS_STATUS_OK) {
		err = mz_cause_set(cause, MZ_ESYNTAX,
				   "the data of %s: %s (quote strings; 255 octets each at most)",
				   type_name, ldns_get_errorstr_by_id(status));
		goto done;
	}
	err = check_fields(p, rr, origin, cause);
	if (err != MZ_OK)
		goto done;
	if (ldns_rr_rdata2buffer_wire(wire, rr) != LDNS_STATUS_OK)
		err = mz_cause_set(cause, MZ_ESYNTAX, "the record has no wire form");
	else
		mz_str_addn(data, (const char *)ldns_buffer_begin(wire),
			    ldns_buffer_position(wire));
	if (data->failed)
		err = MZ_ENOMEM;
done:
	ldns_rr_free(rr);
	ldns_rdf_deep_free(base);
	ldns_buffer_free(wire);
	mz_str_clear(&line);
	return err;
}

/* The reader's own doubts: names whole, addresses of their length. */
static bool bears_reading(uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	struct mz_reader plain = {.wire = rdata, .len = rdlen};
	struct mz_rrview view = {.rdata = rdata, .type = type, .rdlen = (uint16_t)rdlen};
	uint8_t *again = malloc(rdlen + 1);
	bool good = again != NULL && mz_reader_rdata(&plain, &view, again, rdlen) == (long)rdlen &&
		    (rdlen == 0 || memcmp(again, rdata, rdlen) == 0);

	free(again);
	return good;
}

/* Is it what the type's data must look like? */
static bool is_well_formed(uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	ldns_rr *rr = NULL;
	bool good = false;

	if (type == MZ_TYPE_TXT)
		return text_is_txt(rdata, rdlen);
	if (!text_is_known(type))
		return bears_reading(type, rdata, rdlen);
	rr = text_parse_wire(type, rdata, rdlen);
	good = rr != NULL;
	ldns_rr_free(rr);
	return good;
}

int mz_rr_from_text(struct mz_rrlist *list, const char *line, const uint8_t *origin, uint32_t ttl,
		    const struct mz_rr *tags, struct mz_cause *cause)
{
	struct mz_rr rr = tags != NULL ? *tags : (struct mz_rr){0};
	struct mz_str clean = {0}, data = {0};
	struct mz_name owner = {0};
	const char *p = NULL, *word = NULL, *after = NULL;
	char buf[MZ_CODE_TEXT] = "";
	size_t len = 0;
	int err = MZ_OK;

	rr.ttl = ttl;
	if (strlen(line) > LINE_MAX_OCTETS || strpbrk(line, "\r\n") != NULL || line[0] == '$')
		err = mz_cause_set(cause, MZ_ESYNTAX, "it must be one line with one record");
	if (err == MZ_OK)
		err = clean_line(line, &clean, cause);
	p = clean.s;
	if (err == MZ_OK)
		err = read_head(&p, origin, &owner, &rr, cause);
	if (err != MZ_OK)
		goto done;
	after = next_word(p, &word, &len);
	if (len == 2 && memcmp(word, "\\#", 2) == 0)
		err = read_generic(after, &data, cause);
	else if (text_is_known(rr.type))
		err = text_read_known(p, rr.type, origin, &data, cause);
	else
		err = mz_cause_set(cause, MZ_ESYNTAX,
				   "the data of %s must be written as \\# LENGTH HEX",
				   mz_type_name(rr.type, buf));
	if (err == MZ_OK && !is_well_formed(rr.type, (const uint8_t *)data.s, data.len))
		err = mz_cause_set(cause, MZ_ESYNTAX,
				   "the data does not have the form of its type");
	if (err != MZ_OK)
		goto done;
	rr.owner = owner.wire;
	rr.rdata = (const uint8_t *)data.s;
	rr.rdlen = (uint16_t)data.len;
	err = mz_rrlist_add(list, &rr);
done:
	mz_str_clear(&clean);
	mz_str_clear(&data);
	return err;
}
