/* SPDX-License-Identifier: BSD-2-Clause */
/* A report as text for people. */
#include "src/report/report.h"

#include <stdio.h>
#include <string.h>

/* Rdata up to this many columns is padded so that the families stand in one column. */
enum { RDATA_COLUMNS = 40 };

static const char *paint(bool colour, const char *code)
{
	return colour ? code : "";
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

struct widths {
	int owner, type;
};

static void measure(struct widths *w, const uint8_t *owner, uint16_t type)
{
	char name[MZ_NAME_TEXT] = "", code[MZ_CODE_TEXT] = "";

	w->owner = max(w->owner, (int)strlen(mz_name_to_text(owner, name)));
	w->type = max(w->type, (int)strlen(mz_type_name(type, code)));
}

static void add_change(struct mz_str *out, const struct mz_change *change, const struct widths *w,
		       bool colour)
{
	char name[MZ_NAME_TEXT] = "", code[MZ_CODE_TEXT] = "";
	struct mz_str rdata = {0};

	mz_rdata_to_text(change->rr.type, change->rr.rdata, change->rr.rdlen, &rdata);
	mz_str_addf(out, "  %s%c %-*s  %-5lu %-*s  %-*s  %s%s\n",
		    paint(colour, change->add ? "\033[32m" : "\033[31m"), change->add ? '+' : '-',
		    w->owner, mz_name_to_text(change->rr.owner, name),
		    (unsigned long)change->rr.ttl, w->type, mz_type_name(change->rr.type, code),
		    RDATA_COLUMNS, rdata.s == NULL ? "" : rdata.s,
		    mz_family_name((enum mz_family)change->rr.family), paint(colour, "\033[0m"));
	out->failed = out->failed || rdata.failed;
	mz_str_clear(&rdata);
}

static void add_refusal(struct mz_str *out, const struct mz_refusal *refusal,
			const struct widths *w, bool colour)
{
	char name[MZ_NAME_TEXT] = "", code[MZ_CODE_TEXT] = "";

	mz_str_addf(out, "  %s! %-*s  %-5s %-*s  %s  %s%s\n", paint(colour, "\033[33m"), w->owner,
		    mz_name_to_text(refusal->owner, name), "", w->type,
		    mz_type_name(refusal->type, code), refusal->reason,
		    mz_family_name((enum mz_family)refusal->family), paint(colour, "\033[0m"));
}

void print_algorithms(struct mz_str *out, unsigned algorithms, const char *quote)
{
	const char *separator = "";

	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS; a++) {
		if ((algorithms >> a & 1u) == 0)
			continue;
		mz_str_addf(out, "%s%s%s%s", separator, quote,
			    mz_dkim_algorithm_name((enum mz_dkim_algorithm)a), quote);
		separator = ", ";
	}
}

static void add_summary(struct mz_str *out, const struct mz_report *report, size_t domain)
{
	const struct mz_plan_count *count = &report->counts[domain];
	bool plan = report->job->mode == MZ_FLOW_PLAN;
	unsigned add = 0, del = 0;

	for (size_t i = 0; i < report->change_count; i++) {
		if (report->changes[i].rr.domain == domain && report->changes[i].add)
			add++;
		else if (report->changes[i].rr.domain == domain)
			del++;
	}
	mz_str_addf(out,
		    plan ? "Plan: %u to add, %u to delete, %u in place; "
			 : "Applied: %u added, %u deleted, %u in place; ",
		    add, del, count->in_place);
	mz_str_addf(out, "%lu foreign record%s left alone.\n", (unsigned long)report->foreign,
		    report->foreign == 1 ? "" : "s");
}

/* A TLSA key that is no longer in use stays for a while. */
static void add_waiting(struct mz_str *out, const struct mz_tlsa_wait *wait)
{
	char time[MZ_TIME_TEXT] = "";

	if (wait->look_at != 0)
		mz_str_addf(out,
			    "  * TLSA: a key that is no longer in use stays until %s, and leaves "
			    "with the first apply after it\n",
			    mz_clock_text(wait->look_at, time));
	else
		mz_str_add(out, "  * TLSA: a key that is no longer in use stays until a good "
				"certificate is served for two TTLs\n");
}

void print_text(struct mz_str *out, const struct mz_report *report, size_t domain, bool colour)
{
	const struct mz_conf_server *server = report->job->server;
	bool v6 = strchr(server->endpoint.host, ':') != NULL;
	struct widths w = {0};

	mz_str_addf(out, "%s%s%s  zone %s on %s (%s%s%s:%u)", paint(colour, "\033[1m"),
		    report->job->domains[domain]->text, paint(colour, "\033[0m"),
		    report->job->origin_text, server->name, v6 ? "[" : "", server->endpoint.host,
		    v6 ? "]" : "", server->endpoint.port);
	if (report->have_serial)
		mz_str_addf(out, "  serial %lu", (unsigned long)report->serial);
	mz_str_addc(out, '\n');
	for (size_t i = 0; i < report->change_count; i++)
		measure(&w, report->changes[i].rr.owner, report->changes[i].rr.type);
	for (size_t i = 0; i < report->refusal_count; i++)
		measure(&w, report->refusals[i].owner, report->refusals[i].type);
	for (size_t i = 0; i < report->change_count; i++) {
		if (report->changes[i].rr.domain == domain)
			add_change(out, &report->changes[i], &w, colour);
	}
	for (size_t i = 0; i < report->refusal_count; i++) {
		if (report->refusals[i].domain == domain)
			add_refusal(out, &report->refusals[i], &w, colour);
	}
	if (report->keys_missing != NULL && report->keys_missing[domain] != 0) {
		mz_str_add(out, "  * apply first makes and then publishes DKIM keys: ");
		print_algorithms(out, report->keys_missing[domain], "");
		mz_str_addc(out, '\n');
	}
	if (report->tlsa != NULL && report->tlsa[domain].old)
		add_waiting(out, &report->tlsa[domain]);
	if (report->error != NULL)
		mz_str_add(out, "Failed: see the error.\n");
	else if (report->counts != NULL)
		add_summary(out, report, domain);
}

void print_nsupdate(struct mz_str *out, const struct mz_report *report, size_t domain)
{
	if (report->plan == NULL || domain != 0)
		return;
	mz_str_addf(out, "; zone %s on %s, read at serial %lu\n", report->job->origin_text,
		    report->job->server->name, (unsigned long)report->serial);
	mz_str_addf(out, "server %s %u\n", report->job->server->endpoint.host,
		    report->job->server->endpoint.port);
	for (size_t i = 0; i < report->refusal_count; i++) {
		char name[MZ_NAME_TEXT] = "", code[MZ_CODE_TEXT] = "";

		mz_str_addf(out, "; refused: %s %s: %s\n",
			    mz_name_to_text(report->refusals[i].owner, name),
			    mz_type_name(report->refusals[i].type, code),
			    report->refusals[i].reason);
	}
	mz_update_script(report->plan, report->live, report->job->origin, out);
}
