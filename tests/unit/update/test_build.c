/* SPDX-License-Identifier: BSD-2-Clause */
/* How units are packed into messages, and what stands in a message. The model of each server takes it. */
#include "tests/unit/plan/model.h"
#include "tests/unit/plan/case.h"

#include "mailzone/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t wire[MZ_MSG_MAX];

/* ---- messages as text -------------------------------------------------------------------------------- */

static void add_rr(struct mz_str *out, const struct mz_reader *r, const struct mz_rrview *view)
{
	uint8_t rdata[4096] = {0};
	struct mz_name owner = {0};
	char name[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";
	long n = view->rdlen == 0 ? 0 : mz_reader_rdata(r, view, rdata, sizeof(rdata));

	assert_true(n >= 0);
	assert_int_equal(mz_reader_name(r, view->owner, &owner), MZ_OK);
	/* RFC 2136 2.4, 2.5: a TTL only where something is added, rdata only where an RR is meant. */
	assert_true(view->ttl == 0 || (view->section == 2 && view->klass == MZ_CLASS_IN));
	assert_true(view->klass != MZ_CLASS_ANY || view->rdlen == 0);
	assert_true(view->klass != MZ_CLASS_NONE || (view->section == 2) == (view->rdlen > 0));
	assert_true(view->klass != MZ_CLASS_ANY || view->section == 2);
	if (view->section == 1 && view->type == MZ_TYPE_ANY) {
		mz_str_addf(out, "? unused %s\n", mz_name_to_text(owner.wire, name));
		return;
	}
	if (view->section == 1)
		mz_str_add(out, view->klass == MZ_CLASS_IN ? "? is " : "? no ");
	else
		mz_str_add(out, view->klass == MZ_CLASS_IN ? "+ " : "- ");
	mz_str_addf(out, "%s ", mz_name_to_text(owner.wire, name));
	if (view->section == 2 && view->klass == MZ_CLASS_IN)
		mz_str_addf(out, "%lu ", (unsigned long)view->ttl);
	mz_str_add(out, mz_type_name(view->type, type));
	if (view->rdlen > 0) {
		mz_str_addc(out, ' ');
		mz_rdata_to_text(view->type, rdata, (size_t)n, out);
	}
	mz_str_addc(out, '\n');
}

/* Prerequisites as "? is OWNER TYPE RDATA", "? no OWNER TYPE" or "? unused OWNER", deletions as
 * "- OWNER TYPE [RDATA]", additions as "+ OWNER TTL TYPE RDATA", as they follow each other. */
static void message_text(const uint8_t *origin, size_t len, struct mz_str *out)
{
	struct mz_reader r = {0};
	struct mz_rrview view = {0};
	struct mz_name zone = {0};
	uint16_t type = 0, klass = 0;
	int more = 0;

	assert_int_equal(mz_reader_open(&r, wire, len), MZ_OK);
	assert_int_equal(r.id, 0);
	assert_int_equal(r.flags, MZ_OPCODE_UPDATE << 11);
	assert_int_equal(r.count[0], 1);
	assert_int_equal(r.count[3], 0);
	assert_int_equal(mz_reader_question(&r, &zone, &type, &klass), 1);
	assert_true(mz_name_equal(zone.wire, origin) && type == MZ_TYPE_SOA &&
		    klass == MZ_CLASS_IN);
	while ((more = mz_reader_rr(&r, &view)) == 1)
		add_rr(out, &r, &view);
	assert_int_equal(more, 0);
	assert_int_equal(r.pos, len);
	assert_false(out->failed);
}

static size_t build(const struct world *w, size_t from, size_t to)
{
	size_t len = 0;

	assert_int_equal(mz_update_build(&w->plan, &w->live, w->origin.wire, from, to, 0, wire,
					 &len),
			 MZ_OK);
	return len;
}

static void assert_message(struct world *w, size_t from, size_t to, const char *expected)
{
	struct mz_str text = {0};

	message_text(w->origin.wire, build(w, from, to), &text);
	assert_string_equal(text.s == NULL ? "" : text.s, expected);
	mz_str_clear(&text);
}

/* Plans, and compares the message of the whole plan. */
static void assert_built(struct world *w, const char *expected)
{
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 0);
	assert_int_equal(mz_update_pack(&w->plan, 0), w->plan.unit_count);
	assert_message(w, 0, w->plan.unit_count, expected);
}

/* Each server makes of `before` exactly `after` with it, and finds nothing in it to ignore. */
static void assert_taken(struct world *w, const struct mz_rrlist *before,
			 const struct mz_rrlist *after)
{
	size_t len = build(w, 0, w->plan.unit_count);

	for (enum model_kind kind = MODEL_BIND; kind < MODEL_KINDS; kind++) {
		static struct model m;
		struct mz_rrlist got = {0};

		model_init(&m, kind, w->origin.wire, before);
		assert_int_equal(model_update(&m, wire, len), MZ_RCODE_NOERROR);
		assert_int_equal(m.ignored, 0);
		model_list(&m, &got);
		assert_int_equal(got.count, after->count);
		for (size_t i = 0; i < got.count; i++) {
			assert_int_equal(mz_rr_compare(&got.rr[i], &after->rr[i]), 0);
			assert_int_equal(got.rr[i].ttl, after->rr[i].ttl);
		}
		mz_rrlist_clear(&got);
		model_clear(&m);
	}
}

static void list_of(struct mz_rrlist *out, const struct world *w, const char *const *lines,
		    size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(mz_rr_from_text(out, lines[i], w->origin.wire, 300, NULL, NULL),
				 MZ_OK);
	mz_rrlist_sort(out, true);
}

/* ---- prerequisites ------------------------------------------------------------------------------------ */

static void test_no_rrset(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	stands(w, "@ TXT \"hello\"");
	assert_built(w, "? no example.org. MX\n"
			"+ example.org. 300 MX 10 mx.example.org.\n");
}

/* The RRset is named as it was read: with what is not ours, its letter case, without its TTL. */
static void test_rrset_is(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "@ MX 30 mx3");
	stands(w, "@ 60 MX 10 MX.Example.NET.");
	stands(w, "@ 60 MX 20 mx2");
	assert_built(w, "? is example.org. MX 10 MX.Example.NET.\n"
			"? is example.org. MX 20 mx2.example.org.\n"
			"+ example.org. 60 MX 30 mx3.example.org.\n");
}

static void test_name_unused(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "autoconfig CNAME mx");
	assert_built(w, "? unused autoconfig.example.org.\n"
			"+ autoconfig.example.org. 300 CNAME mx.example.org.\n");
}

/* Where other data of ours goes for the CNAME, the name is in use until the message is through. */
static void test_cname_replaces_data(void **state)
{
	struct world *w = *state;
	struct mz_rrlist after = {0};

	want(w, 0, RECORDS, EXACT, "www CNAME mx");
	had(w, 0, RECORDS, "www A 192.0.2.1");
	stands(w, "www A 192.0.2.1");
	stands(w, "mx A 192.0.2.2");
	w->domains[0].delete_limit = 100;
	assert_built(w, "? is www.example.org. A 192.0.2.1\n"
			"? no www.example.org. CNAME\n"
			"- www.example.org. A\n"
			"+ www.example.org. 300 CNAME mx.example.org.\n");
	list_of(&after, w, (const char *const[]){"www CNAME mx", "mx A 192.0.2.2"}, 2);
	assert_taken(w, &w->live.rrs, &after);
	mz_rrlist_clear(&after);
}

static void test_data_replaces_cname(void **state)
{
	struct world *w = *state;
	struct mz_rrlist after = {0};

	want(w, 0, RECORDS, EXACT, "www A 192.0.2.1");
	had(w, 0, RECORDS, "www CNAME mx");
	stands(w, "www CNAME mx");
	stands(w, "mx A 192.0.2.2");
	w->domains[0].delete_limit = 100;
	assert_built(w, "? no www.example.org. A\n"
			"? is www.example.org. CNAME mx.example.org.\n"
			"- www.example.org. CNAME\n"
			"+ www.example.org. 300 A 192.0.2.1\n");
	list_of(&after, w, (const char *const[]){"www A 192.0.2.1", "mx A 192.0.2.2"}, 2);
	assert_taken(w, &w->live.rrs, &after);
	mz_rrlist_clear(&after);
}

/* A CNAME that stands is a prerequisite like any RRset. */
static void test_cname_is(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MTA_STS, WHOLE, "mta-sts CNAME new");
	had(w, 0, MZ_FAMILY_MTA_STS, "mta-sts CNAME old");
	stands(w, "mta-sts CNAME old");
	w->domains[0].delete_limit = 100;
	assert_built(w, "? is mta-sts.example.org. CNAME old.example.org.\n"
			"- mta-sts.example.org. CNAME\n"
			"+ mta-sts.example.org. 300 CNAME new.example.org.\n");
}

/* A zone that is not as it was read does not take the message. */
static void assert_raced(struct world *w, const char *line, unsigned rcode)
{
	struct mz_rrlist now = {0};
	static struct model m;
	size_t len = build(w, 0, w->plan.unit_count);

	for (size_t i = 0; i < w->live.rrs.count; i++)
		assert_int_equal(mz_rrlist_add(&now, &w->live.rrs.rr[i]), MZ_OK);
	list_of(&now, w, &line, 1);
	model_init(&m, MODEL_BIND, w->origin.wire, &now);
	assert_int_equal(model_update(&m, wire, len), rcode);
	model_clear(&m);
	mz_rrlist_clear(&now);
}

static void test_races(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "@ MX 30 mx3");
	want(w, 0, RECORDS, EXACT, "_dmarc TXT \"v=DMARC1; p=none\"");
	want(w, 0, RECORDS, EXACT, "www CNAME mx");
	stands(w, "@ MX 10 mx");
	world_plan(w);
	assert_raced(w, "@ MX 20 mx2", MZ_RCODE_NXRRSET);
	assert_raced(w, "_dmarc TXT \"v=DMARC1; p=reject\"", MZ_RCODE_YXRRSET);
	assert_raced(w, "www A 192.0.2.1", MZ_RCODE_YXDOMAIN);
	assert_raced(w, "other A 192.0.2.1", MZ_RCODE_NOERROR);
}

/* ---- changes ------------------------------------------------------------------------------------------ */

static void test_deletions_before_additions(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "a A 192.0.2.1");
	want(w, 0, MZ_FAMILY_DMARC, WHOLE, "_dmarc TXT \"v=DMARC1; p=none\"");
	had(w, 0, RECORDS, "a A 192.0.2.9");
	had(w, 0, MZ_FAMILY_DMARC, "_dmarc TXT \"v=DMARC1; p=reject\"");
	stands(w, "a A 192.0.2.9");
	stands(w, "_dmarc TXT \"v=DMARC1; p=reject\"");
	w->domains[0].delete_limit = 100;
	assert_built(w, "? is a.example.org. A 192.0.2.9\n"
			"? is _dmarc.example.org. TXT \"v=DMARC1; p=reject\"\n"
			"- a.example.org. A\n"
			"- _dmarc.example.org. TXT\n"
			"+ a.example.org. 300 A 192.0.2.1\n"
			"+ _dmarc.example.org. 300 TXT \"v=DMARC1; p=none\"\n");
}

/* Beside what is not ours, each RR goes by itself, with the octets that were read. */
static void test_shared_rrset(void **state)
{
	struct world *w = *state;
	struct mz_rrlist after = {0};

	want(w, 0, MZ_FAMILY_SPF, MATCH, "@ TXT \"v=spf1 mx -all\"");
	stands(w, "@ 60 TXT \"hello\"");
	stands(w, "@ 60 TXT \"v=spf1 \" \"-all\"");
	assert_built(w, "? is example.org. TXT \"hello\"\n"
			"? is example.org. TXT \"v=spf1 \" \"-all\"\n"
			"- example.org. TXT \"v=spf1 \" \"-all\"\n"
			"+ example.org. 60 TXT \"v=spf1 mx -all\"\n");
	list_of(&after, w,
		(const char *const[]){"@ 60 TXT \"hello\"", "@ 60 TXT \"v=spf1 mx -all\""}, 2);
	assert_taken(w, &w->live.rrs, &after);
	mz_rrlist_clear(&after);
}

/* An RRset that is wholly ours is written anew where some of it goes: one deletion, and what stays is
 * added again as it stands. */
static void test_whole_some_go(void **state)
{
	struct world *w = *state;
	struct mz_rrlist after = {0};

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 40 mx4");
	stands(w, "@ MX 5 old.example.net.");
	stands(w, "@ MX 20 MX2.Example.ORG.");
	stands(w, "@ MX 30 older.example.net.");
	stands(w, "@ MX 40 mx4");
	assert_built(w, "? is example.org. MX 5 old.example.net.\n"
			"? is example.org. MX 20 MX2.Example.ORG.\n"
			"? is example.org. MX 30 older.example.net.\n"
			"? is example.org. MX 40 mx4.example.org.\n"
			"- example.org. MX\n"
			"+ example.org. 300 MX 20 MX2.Example.ORG.\n"
			"+ example.org. 300 MX 40 mx4.example.org.\n"
			"+ example.org. 300 MX 10 mx.example.org.\n");
	assert_true(w->plan.units[0].whole);
	assert_false(w->plan.units[0].delete_rrset);
	list_of(&after, w, (const char *const[]){"@ MX 10 mx", "@ MX 20 mx2", "@ MX 40 mx4"}, 3);
	assert_taken(w, &w->live.rrs, &after);
	mz_rrlist_clear(&after);
}

/* That is what it is for: PowerDNS stores names in other letter case than it shows. */
static void test_whole_other_case_stored(void **state)
{
	struct world *w = *state;
	struct mz_rrlist before = {0}, after = {0};

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	stands(w, "@ MX 5 old.example.net.");
	stands(w, "@ MX 20 mx2");
	assert_built(w, "? is example.org. MX 5 old.example.net.\n"
			"? is example.org. MX 20 mx2.example.org.\n"
			"- example.org. MX\n"
			"+ example.org. 300 MX 20 mx2.example.org.\n");
	list_of(&before, w, (const char *const[]){"@ MX 5 OLD.example.net.", "@ MX 20 Mx2"}, 2);
	list_of(&after, w, (const char *const[]){"@ MX 20 mx2"}, 1);
	assert_taken(w, &before, &after);
	mz_rrlist_clear(&before);
	mz_rrlist_clear(&after);
}

/* Where nothing of it goes, nothing is deleted and nothing added again. */
static void test_whole_none_goes(void **state)
{
	struct world *w = *state;

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	stands(w, "@ MX 20 mx2");
	assert_built(w, "? is example.org. MX 20 mx2.example.org.\n"
			"+ example.org. 300 MX 10 mx.example.org.\n");
}

/* For another TTL all of it goes and comes once, not twice. */
static void test_whole_other_ttl(void **state)
{
	struct world *w = *state;
	struct mz_rrlist after = {0};

	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 10 mx");
	want(w, 0, MZ_FAMILY_MX, WHOLE, "@ MX 20 mx2");
	stands(w, "@ 60 MX 10 mx");
	stands(w, "@ 60 MX 20 mx2");
	assert_built(w, "? is example.org. MX 10 mx.example.org.\n"
			"? is example.org. MX 20 mx2.example.org.\n"
			"- example.org. MX\n"
			"+ example.org. 300 MX 10 mx.example.org.\n"
			"+ example.org. 300 MX 20 mx2.example.org.\n");
	list_of(&after, w, (const char *const[]){"@ MX 10 mx", "@ MX 20 mx2"}, 2);
	assert_taken(w, &w->live.rrs, &after);
	mz_rrlist_clear(&after);
}

/* ---- what is refused ------------------------------------------------------------------------------------ */

static void test_gone_is_left_out(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "a A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "b A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "c A 192.0.2.1");
	world_plan(w);
	assert_int_equal(w->plan.unit_count, 3);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 1, "not today"), MZ_OK);
	assert_message(w, 0, 3,
		       "? no a.example.org. A\n"
		       "? no c.example.org. A\n"
		       "+ a.example.org. 300 A 192.0.2.1\n"
		       "+ c.example.org. 300 A 192.0.2.1\n");
	assert_message(w, 1, 2, "");
}

/* A run of units is a message of its own. */
static void test_part(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "a A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "b A 192.0.2.1");
	want(w, 0, RECORDS, EXACT, "c A 192.0.2.1");
	world_plan(w);
	assert_message(w, 1, 2, "? no b.example.org. A\n+ b.example.org. 300 A 192.0.2.1\n");
	assert_message(w, 2, 2, "");
}

/* With the data that the CNAME was to replace refused, nothing of ours is in its way any more. */
static void test_cname_alone_of_its_group(void **state)
{
	struct world *w = *state;

	want(w, 0, RECORDS, EXACT, "www CNAME mx");
	had(w, 0, RECORDS, "www A 192.0.2.1");
	stands(w, "www A 192.0.2.1");
	stands(w, "mx A 192.0.2.2");
	w->domains[0].delete_limit = 100;
	world_plan(w);
	assert_int_equal(w->plan.unit_count, 2);
	assert_int_equal(w->plan.units[0].type, MZ_TYPE_A);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 0, "not today"), MZ_OK);
	assert_message(w, 0, 2,
		       "? unused www.example.org.\n"
		       "+ www.example.org. 300 CNAME mx.example.org.\n");
}

/* ---- the limits ----------------------------------------------------------------------------------------- */

/* RRs of ours that go, `rrs` at each of `names` names; with `stays`, beside one that is not ours. */
static void let_go(struct world *w, unsigned names, unsigned rrs, bool stays)
{
	char line[64] = "";

	w->domains[0].withdraw = true;
	for (unsigned n = 0; n < names; n++) {
		for (unsigned i = 0; i < rrs; i++) {
			(void)snprintf(line, sizeof(line), "h%03u A 192.0.2.%u", n, i);
			had(w, 0, RECORDS, line);
			stands(w, line);
		}
		(void)snprintf(line, sizeof(line), "h%03u A 198.51.100.1", n);
		if (stays)
			stands(w, line);
	}
}

static void test_deletions_of_rrsets(void **state)
{
	struct world *w = *state;

	let_go(w, MZ_UPDATE_DELETIONS + 1, 3, false);
	world_plan(w);
	assert_int_equal(w->plan.unit_count, MZ_UPDATE_DELETIONS + 1);
	/* However many RRs it has, an RRset that goes is one deletion. */
	assert_int_equal(mz_update_pack(&w->plan, 0), MZ_UPDATE_DELETIONS);
	assert_int_equal(mz_update_pack(&w->plan, 1), MZ_UPDATE_DELETIONS + 1);
	assert_int_equal(mz_update_pack(&w->plan, MZ_UPDATE_DELETIONS), MZ_UPDATE_DELETIONS + 1);
	assert_int_equal(mz_update_pack(&w->plan, MZ_UPDATE_DELETIONS + 1),
			 MZ_UPDATE_DELETIONS + 1);
}

static void test_deletions_of_rrs(void **state)
{
	struct world *w = *state;

	let_go(w, MZ_UPDATE_DELETIONS / 2 + 1, 2, true);
	world_plan(w);
	assert_int_equal(mz_update_pack(&w->plan, 0), MZ_UPDATE_DELETIONS / 2);
	assert_int_equal(mz_update_pack(&w->plan, MZ_UPDATE_DELETIONS / 2), w->plan.unit_count);
}

static void test_deletions_of_whole_rrsets(void **state)
{
	struct world *w = *state;
	char line[64] = "";

	w->domains[0].delete_limit = 100;
	for (unsigned n = 0; n < MZ_UPDATE_DELETIONS + 1; n++) {
		(void)snprintf(line, sizeof(line), "h%03u TLSA 3 1 1 aa", n);
		want(w, 0, MZ_FAMILY_TLSA, WHOLE, line);
		stands(w, line);
		(void)snprintf(line, sizeof(line), "h%03u TLSA 3 1 1 bb", n);
		stands(w, line);
		(void)snprintf(line, sizeof(line), "h%03u TLSA 3 1 1 cc", n);
		stands(w, line);
	}
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 0);
	assert_int_equal(w->plan.change_count, 2 * (MZ_UPDATE_DELETIONS + 1));
	assert_int_equal(mz_update_pack(&w->plan, 0), MZ_UPDATE_DELETIONS);
}

/* Units that are gone are no load. */
static void test_deletions_that_are_gone(void **state)
{
	struct world *w = *state;

	let_go(w, MZ_UPDATE_DELETIONS + 1, 1, false);
	world_plan(w);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 7, "not today"), MZ_OK);
	assert_int_equal(mz_update_pack(&w->plan, 0), MZ_UPDATE_DELETIONS + 1);
}

/* More than a message may have, in one RRset: it goes alone, all of it. */
static void test_one_unit_above_the_limit(void **state)
{
	struct world *w = *state;

	let_go(w, 3, MZ_UPDATE_DELETIONS + 1, true);
	world_plan(w);
	assert_int_equal(w->plan.unit_count, 3);
	for (size_t u = 0; u < 3; u++)
		assert_int_equal(mz_update_pack(&w->plan, u), u + 1);
}

/* The TXT RR of a name of 17 octets whose change is `octets` long. */
static void want_octets(struct world *w, unsigned n, size_t octets)
{
	size_t text = octets - 17 - 10;
	struct mz_str line = {0};

	mz_str_addf(&line, "t%02u TXT", n);
	while (text > 0) {
		size_t piece = text > 256 ? 256 : text;

		mz_str_add(&line, " \"");
		for (size_t i = 1; i < piece; i++)
			mz_str_addc(&line, 'x');
		mz_str_addc(&line, '"');
		text -= piece;
	}
	assert_false(line.failed);
	want(w, 0, RECORDS, EXACT, line.s);
	mz_str_clear(&line);
}

enum { PIECE = 1024, PIECES = MZ_UPDATE_OCTETS / PIECE };

static void test_octets(void **state)
{
	struct world *w = *state;

	for (unsigned n = 0; n < PIECES + 1; n++)
		want_octets(w, n, PIECE);
	world_plan(w);
	assert_int_equal(w->plan.unit_count, PIECES + 1);
	assert_int_equal(mz_name_len(w->plan.units[0].owner), 17);
	assert_int_equal(mz_update_pack(&w->plan, 0), PIECES);
	assert_int_equal(mz_update_pack(&w->plan, PIECES), PIECES + 1);
	assert_true(build(w, 0, PIECES) < MZ_UPDATE_OCTETS + 1024);
}

static void test_one_octet_more(void **state)
{
	struct world *w = *state;

	for (unsigned n = 0; n < PIECES; n++)
		want_octets(w, n, n == 3 ? PIECE + 1 : PIECE);
	world_plan(w);
	assert_int_equal(mz_update_pack(&w->plan, 0), PIECES - 1);
	assert_int_equal(mz_plan_refuse(&w->plan, &w->input, 5, "not today"), MZ_OK);
	assert_int_equal(mz_update_pack(&w->plan, 0), PIECES);
}

/* What is added again counts: it is written. */
static void test_octets_added_again(void **state)
{
	struct world *w = *state;
	char line[160] = "";
	size_t len = 0, end = 0;

	w->domains[0].delete_limit = 100;
	for (unsigned n = 0; n < 60; n++) {
		for (unsigned i = 0; i < 6; i++) {
			(void)snprintf(line, sizeof(line), "h%02u TLSA 3 0 2 %0128u", n, i);
			if (i > 0)
				want(w, 0, MZ_FAMILY_TLSA, WHOLE, line);
			stands(w, line);
		}
	}
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 0);
	/* The RR that goes, and the six that stand, of 17 + 10 + 67 octets each. */
	end = MZ_UPDATE_OCTETS / (94 + 6 * 94);
	assert_int_equal(mz_update_pack(&w->plan, 0), end);
	/* The prerequisite of six, one deletion, five added again; owners are compressed. */
	len = build(w, 0, end);
	assert_int_equal(len, 12 + 17 + end * (6 * (6 + 10 + 67) + (6 + 10) + 5 * (6 + 10 + 67)));
}

/* Large RRsets of others beside small changes: the prerequisites must fit, too. */
static void test_prerequisites_fit(void **state)
{
	struct world *w = *state;
	char line[160] = "";
	size_t messages = 0, len = 0;

	for (unsigned n = 0; n < 30; n++) {
		for (unsigned i = 0; i < 60; i++) {
			(void)snprintf(line, sizeof(line), "h%02u TXT \"%0100u\"", n, i);
			stands(w, line);
		}
		(void)snprintf(line, sizeof(line), "h%02u TXT \"v=spf1 -all\"", n);
		want(w, 0, MZ_FAMILY_SPF, MATCH, line);
	}
	world_plan(w);
	assert_int_equal(w->plan.unit_count, 30);
	for (size_t from = 0, to = 0; from < 30; from = to, messages++) {
		to = mz_update_pack(&w->plan, from);
		assert_true(to > from && to <= 30);
		assert_int_equal(mz_update_build(&w->plan, &w->live, w->origin.wire, from, to, 512,
						 wire, &len),
				 MZ_OK);
		assert_true(len <= MZ_MSG_MAX - 512);
	}
	assert_true(messages > 2 && messages < 10);
}

/* ---- groups ------------------------------------------------------------------------------------------------ */

/* A CNAME and the data it replaces share a message, also where only a part would fit. */
static void test_group_is_kept_together(void **state)
{
	struct world *w = *state;

	let_go(w, MZ_UPDATE_DELETIONS - 1, 1, false);
	w->domains[0].withdraw = false;
	w->domains[0].delete_limit = 100;
	had(w, 0, RECORDS, "www A 192.0.2.1");
	had(w, 0, RECORDS, "www TXT \"of ours\"");
	stands(w, "www A 192.0.2.1");
	stands(w, "www TXT \"of ours\"");
	want(w, 0, RECORDS, EXACT, "www CNAME mx");
	world_plan(w);
	assert_int_equal(w->plan.refusal_count, 0);
	assert_int_equal(w->plan.unit_count, MZ_UPDATE_DELETIONS - 1 + 3);
	assert_int_equal(w->plan.units[MZ_UPDATE_DELETIONS - 1].group, MZ_UPDATE_DELETIONS - 1);
	assert_int_equal(w->plan.units[MZ_UPDATE_DELETIONS + 1].group, MZ_UPDATE_DELETIONS - 1);
	assert_int_equal(mz_update_pack(&w->plan, 0), MZ_UPDATE_DELETIONS - 1);
	assert_int_equal(mz_update_pack(&w->plan, 1), w->plan.unit_count);
	assert_int_equal(mz_update_pack(&w->plan, MZ_UPDATE_DELETIONS - 1), w->plan.unit_count);
}

/* ---- room --------------------------------------------------------------------------------------------------- */

static void test_room(void **state)
{
	struct world *w = *state;
	size_t len = 0, full = 0;

	want(w, 0, RECORDS, EXACT, "a A 192.0.2.1");
	world_plan(w);
	full = build(w, 0, 1);
	assert_int_equal(full, 12 + 17 + (4 + 10) + (4 + 10 + 4));
	assert_int_equal(mz_update_build(&w->plan, &w->live, w->origin.wire, 0, 1,
					 MZ_MSG_MAX - full, wire, &len),
			 MZ_OK);
	assert_int_equal(len, full);
	assert_int_equal(mz_update_build(&w->plan, &w->live, w->origin.wire, 0, 1,
					 MZ_MSG_MAX - full + 1, wire, &len),
			 MZ_ESPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_no_rrset),
		CASE(test_rrset_is),
		CASE(test_name_unused),
		CASE(test_cname_replaces_data),
		CASE(test_data_replaces_cname),
		CASE(test_cname_is),
		CASE(test_races),
		CASE(test_deletions_before_additions),
		CASE(test_shared_rrset),
		CASE(test_whole_some_go),
		CASE(test_whole_other_case_stored),
		CASE(test_whole_none_goes),
		CASE(test_whole_other_ttl),
		CASE(test_gone_is_left_out),
		CASE(test_part),
		CASE(test_cname_alone_of_its_group),
		CASE(test_deletions_of_rrsets),
		CASE(test_deletions_of_rrs),
		CASE(test_deletions_of_whole_rrsets),
		CASE(test_deletions_that_are_gone),
		CASE(test_one_unit_above_the_limit),
		CASE(test_octets),
		CASE(test_one_octet_more),
		CASE(test_octets_added_again),
		CASE(test_prerequisites_fit),
		CASE(test_group_is_kept_together),
		CASE(test_room),
	};

	return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
