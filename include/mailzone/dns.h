/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `dns`: names, RRs in wire form, TXT strings, messages, serials, codes. */
#ifndef MZ_DNS_H
#define MZ_DNS_H

#include "mailzone/base.h"

/* ---- names: uncompressed wire form, ended by the root label; at most 255 octets ---------- */

#define MZ_NAME_MAX 255
#define MZ_NAME_TEXT 1024 /* room for the longest name in presentation form */

struct mz_name {
	uint8_t wire[MZ_NAME_MAX + 1];
	uint8_t len; /* with the root label */
};

/* Text to wire, lower-cased. A name without a final dot is absolute when `origin` is NULL, else
 * relative to it ("@" is the origin itself). MZ_ESYNTAX with a cause that quotes the text. */
int mz_name_from_text(struct mz_name *out, const char *text, const uint8_t *origin,
		      struct mz_cause *cause);
/* Absolute presentation form with the final dot and RFC 1035 escapes. Returns buf. */
char *mz_name_to_text(const uint8_t *wire, char buf[MZ_NAME_TEXT]);
/* Octets of a valid wire name, root label included. */
size_t mz_name_len(const uint8_t *wire);
/* Canonical order of RFC 4034 6.1, without regard to case: <0, 0, >0. */
int mz_name_compare(const uint8_t *a, const uint8_t *b);
bool mz_name_equal(const uint8_t *a, const uint8_t *b);
/* Is `name` at or below `ancestor`, by whole labels? */
bool mz_name_within(const uint8_t *name, const uint8_t *ancestor);
/* The name without its first label; the root stays the root. */
const uint8_t *mz_name_parent(const uint8_t *wire);
/* Prefixes the labels of `text` ("_dmarc", "_25._tcp"; no escapes) to `base`: MZ_ERANGE when it is
 * too long or no relative name. */
int mz_name_prefix(struct mz_name *out, const char *text, const uint8_t *base);

/* ---- resource records ------------------------------------------------------------------ */

enum mz_type {
	MZ_TYPE_A = 1,
	MZ_TYPE_NS = 2,
	MZ_TYPE_CNAME = 5,
	MZ_TYPE_SOA = 6,
	MZ_TYPE_MX = 15,
	MZ_TYPE_TXT = 16,
	MZ_TYPE_AAAA = 28,
	MZ_TYPE_SRV = 33,
	MZ_TYPE_DNAME = 39,
	MZ_TYPE_OPT = 41,
	MZ_TYPE_TLSA = 52,
	MZ_TYPE_TSIG = 250,
	MZ_TYPE_AXFR = 252,
	MZ_TYPE_ANY = 255,
	MZ_TYPE_CAA = 257,
};
enum { MZ_CLASS_IN = 1, MZ_CLASS_NONE = 254, MZ_CLASS_ANY = 255 };
enum { MZ_OPCODE_QUERY = 0, MZ_OPCODE_NOTIFY = 4, MZ_OPCODE_UPDATE = 5 };
enum mz_rcode {
	MZ_RCODE_NOERROR = 0,
	MZ_RCODE_FORMERR = 1,
	MZ_RCODE_SERVFAIL = 2,
	MZ_RCODE_NXDOMAIN = 3,
	MZ_RCODE_NOTIMP = 4,
	MZ_RCODE_REFUSED = 5,
	MZ_RCODE_YXDOMAIN = 6,
	MZ_RCODE_YXRRSET = 7,
	MZ_RCODE_NXRRSET = 8,
	MZ_RCODE_NOTAUTH = 9,
	MZ_RCODE_NOTZONE = 10,
};

/* One RR of class IN. The octets belong to the list (or message) that holds it. */
struct mz_rr {
	const uint8_t *owner; /* wire, lower case */
	const uint8_t *rdata; /* wire, names uncompressed, letter case as it was read */
	uint32_t ttl;
	uint16_t type;
	uint16_t rdlen;
	uint16_t domain; /* whose: index into the zone's domains; meaning is the holder's */
	uint8_t family;	 /* enum mz_family of conf; 0: not ours */
	uint8_t claim;	 /* enum mz_claim; 0: none */
	uint32_t order;	 /* mz_rrlist_sort's own: where the RR stood before */
};

/* The one collection: RRs ordered by owner (canonical), type, canonical rdata. desired, live
 * and ledger are all of this type; an RRset is a run in it. {0} is an empty list. */
struct mz_rrlist {
	struct mz_rr *rr;
	size_t count, cap;
	struct mz_arena arena; /* holds the owners and rdata */
};

/* Appends a copy of `rr` (octets are copied into the list's arena). The order is only there
 * again after mz_rrlist_sort. MZ_ENOMEM. */
int mz_rrlist_add(struct mz_rrlist *list, const struct mz_rr *rr);
/* Orders the list. With `unique`, RRs equal in owner, type and canonical rdata become one (the
 * first added is kept). */
void mz_rrlist_sort(struct mz_rrlist *list, bool unique);
/* The end (exclusive) of the RRset that starts at index i of an ordered list. */
size_t mz_rrlist_rrset_end(const struct mz_rrlist *list, size_t i);
/* The first index whose (owner, type) is not less; type 0 finds the first RR of the owner. */
size_t mz_rrlist_find(const struct mz_rrlist *list, const uint8_t *owner, uint16_t type);
void mz_rrlist_clear(struct mz_rrlist *list);
/* Owner, then type, then canonical rdata: <0, 0, >0. */
int mz_rr_compare(const struct mz_rr *a, const struct mz_rr *b);

/* Canonical order of rdata (RFC 4034 6.3): names of the types of RFC 4034 6.2 without case. */
int mz_rdata_compare(uint16_t type, const uint8_t *a, size_t alen, const uint8_t *b, size_t blen);
/* Do they say the same? TXT by joined text, CAA tags without case, else canonical equality. */
bool mz_rdata_same(uint16_t type, const uint8_t *a, size_t alen, const uint8_t *b, size_t blen);
/* SOA, NSEC, RRSIG and their kin: types that belong to the server (facts: portable rule 6). */
bool mz_type_is_server(uint16_t type);

/* ---- text form (ldns) -------------------------------------------------------------------- */

/* One line of zone-file syntax to an RR added to `list`. What ldns truncates or misreads silently is
 * refused; so is a class other than IN. `ttl` is used where the line has none. Rare types must be
 * written as RFC 3597 has it. MZ_ESYNTAX, MZ_ERANGE, MZ_EINVAL (class, type), MZ_ENOMEM; the cause
 * says what is wrong with the line, and the list is as it was. */
int mz_rr_from_text(struct mz_rrlist *list, const char *line, const uint8_t *origin, uint32_t ttl,
		    const struct mz_rr *tags, struct mz_cause *cause);
/* Rdata in presentation form, absolute names. Unknown or odd rdata, and the types that ldns prints
 * badly (SVCB, HTTPS, ...), as RFC 3597 `\# n hex`. What is printed reads as the same again. */
void mz_rdata_to_text(uint16_t type, const uint8_t *rdata, size_t rdlen, struct mz_str *out);
/* "owner ttl IN TYPE rdata", without a newline. */
void mz_rr_to_text(const struct mz_rr *rr, struct mz_str *out);

/* ---- TXT strings --------------------------------------------------------------------------- */

#define MZ_TXT_MAX 4096 /* longest joined text we publish */

/* Joined text to TXT rdata, split at 255 octets (RFC 1035 3.3.14). `out` holds MZ_TXT_MAX +
 * MZ_TXT_MAX / 255 + 1 octets. MZ_ERANGE when the text is longer than MZ_TXT_MAX. */
int mz_txt_from_text(const char *text, uint8_t *out, size_t *rdlen);
#define MZ_TXT_RDATA (MZ_TXT_MAX + MZ_TXT_MAX / 255 + 1)
/* Adds the joined octets of valid TXT rdata; false when the rdata is not well formed. */
bool mz_txt_join(const uint8_t *rdata, size_t rdlen, struct mz_str *out);

/* ---- messages: reading what came from the network ----------------------------------------- */

#define MZ_MSG_MAX 65535
#define MZ_MSG_HEADER 12

struct mz_reader {
	const uint8_t *wire;
	size_t len, pos;
	uint16_t id, flags;
	uint16_t count[4]; /* question, answer (prerequisite), authority (update), additional */
	unsigned section;  /* the section the next RR comes from: 1..3 */
	uint16_t left;	   /* RRs left in that section */
};
#define MZ_FLAG_QR 0x8000u
#define MZ_FLAG_AA 0x0400u
#define MZ_FLAG_TC 0x0200u
#define MZ_FLAG_RD 0x0100u
#define mz_reader_opcode(r) (((r)->flags >> 11) & 15u)
#define mz_reader_rcode(r) ((r)->flags & 15u)

/* One RR as it stands in the message: nothing is copied or expanded. */
struct mz_rrview {
	size_t owner; /* offset of the owner name */
	const uint8_t *rdata;
	uint32_t ttl;
	uint16_t type, klass, rdlen;
	uint8_t section;
};

/* Starts at the header: MZ_ESYNTAX when shorter than 12 octets or longer than 65,535. */
int mz_reader_open(struct mz_reader *r, const uint8_t *wire, size_t len);
/* The next question while there is one: 1, 0 at the end of the section, MZ_ESYNTAX. All
 * questions must be read (or skipped with mz_reader_skip_questions) before the RRs. */
int mz_reader_question(struct mz_reader *r, struct mz_name *name, uint16_t *type, uint16_t *klass);
int mz_reader_skip_questions(struct mz_reader *r);
/* The next RR of any section: 1, 0 when all are read, MZ_ESYNTAX when the octets do not bear it
 * (a compression pointer that does not point backwards, RDLENGTH past the end, ...). */
int mz_reader_rr(struct mz_reader *r, struct mz_rrview *rr);
/* Expands the name at `offset`, lower-cased: MZ_ESYNTAX. */
int mz_reader_name(const struct mz_reader *r, size_t offset, struct mz_name *out);
/* Rdata with its names expanded (letter case kept) into out[cap]: the octets used, or
 * MZ_ESYNTAX (rdata of a known type that is not well formed) or MZ_ESPACE. Types with no names,
 * and unknown types, are copied as they are. */
long mz_reader_rdata(const struct mz_reader *r, const struct mz_rrview *rr, uint8_t *out,
		     size_t cap);

/* ---- messages: writing -------------------------------------------------------------------- */

struct mz_writer {
	uint8_t *wire;
	size_t len, cap;
	const uint8_t *zone; /* the first question, borrowed: owners below it end in a pointer */
	bool full;	     /* something did not fit and was left out whole; sticky */
};

/* Starts a message in the caller's buffer. */
void mz_writer_init(struct mz_writer *w, uint8_t *buf, size_t cap, uint16_t id, uint16_t flags);
void mz_writer_question(struct mz_writer *w, const uint8_t *name, uint16_t type, uint16_t klass);
/* Adds an RR to section 1..3; sections must come in order. */
void mz_writer_rr(struct mz_writer *w, unsigned section, const uint8_t *owner, uint16_t type,
		  uint16_t klass, uint32_t ttl, const uint8_t *rdata, uint16_t rdlen);
/* An OPT RR with this UDP payload size (RFC 6891). */
void mz_writer_edns(struct mz_writer *w, uint16_t payload);

static inline uint16_t mz_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t mz_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void mz_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void mz_put32(uint8_t *p, uint32_t v)
{
	mz_put16(p, (uint16_t)(v >> 16));
	mz_put16(p + 2, (uint16_t)v);
}

/* ---- serials and codes -------------------------------------------------------------------- */

/* RFC 1982: is serial a later than b? Undefined pairs (2^31 apart) are not later. */
bool mz_serial_newer(uint32_t a, uint32_t b);

#define MZ_CODE_TEXT 16
/* "MX", "TYPE65280": into buf where it is not a static name. */
const char *mz_type_name(uint16_t type, char buf[MZ_CODE_TEXT]);
/* "SERVFAIL", "RCODE23". */
const char *mz_rcode_name(unsigned rcode, char buf[MZ_CODE_TEXT]);

#endif
