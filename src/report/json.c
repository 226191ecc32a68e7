/* SPDX-License-Identifier: BSD-2-Clause */
/* A report as JSON. */
#include "src/report/report.h"

static void add_name(struct mz_str *out, const char *field, const uint8_t *wire)
{
	char name[MZ_NAME_TEXT] = "";

	mz_str_addf(out, "\"%s\": ", field);
	mz_str_add_json(out, mz_name_to_text(wire, name));
}

static void add_text(struct mz_str *out, const char *field, const char *text)
{
	mz_str_addf(out, "\"%s\": ", field);
	if (text == NULL)
		mz_str_add(out, "null");
	else
		mz_str_add_json(out, text);
}

static void add_change(struct mz_str *out, const struct mz_change *change)
{
	char code[MZ_CODE_TEXT] = "";
	struct mz_str rdata = {0};

	mz_rdata_to_text(change->rr.type, change->rr.rdata, change->rr.rdlen, &rdata);
	mz_str_addf(out, "{\"action\": \"%s\", \"family\": \"%s\", ",
		    change->add ? "add" : "delete",
		    mz_family_name((enum mz_family)change->rr.family));
	add_name(out, "owner", change->rr.owner);
	mz_str_addf(out, ", \"ttl\": %lu, \"type\": \"%s\", ", (unsigned long)change->rr.ttl,
		    mz_type_name(change->rr.type, code));
	add_text(out, "rdata", rdata.s);
	mz_str_addc(out, '}');
	out->failed = out->failed || rdata.failed;
	mz_str_clear(&rdata);
}

static void add_changes(struct mz_str *out, const struct mz_report *report, size_t domain)
{
	const char *separator = "";

	mz_str_add(out, ", \"changes\": [");
	for (size_t i = 0; i < report->change_count; i++) {
		if (report->changes[i].rr.domain != domain)
			continue;
		mz_str_add(out, separator);
		add_change(out, &report->changes[i]);
		separator = ", ";
	}
	mz_str_addc(out, ']');
}

static void add_refused(struct mz_str *out, const struct mz_report *report, size_t domain)
{
	const char *separator = "";
	char code[MZ_CODE_TEXT] = "";

	mz_str_add(out, ", \"refused\": [");
	for (size_t i = 0; i < report->refusal_count; i++) {
		const struct mz_refusal *refusal = &report->refusals[i];

		if (refusal->domain != domain)
			continue;
		mz_str_addf(out, "%s{\"family\": \"%s\", ", separator,
			    mz_family_name((enum mz_family)refusal->family));
		add_name(out, "owner", refusal->owner);
		mz_str_addf(out, ", \"type\": \"%s\", ", mz_type_name(refusal->type, code));
		add_text(out, "reason", refusal->reason);
		mz_str_addc(out, '}');
		separator = ", ";
	}
	mz_str_addc(out, ']');
}

void print_json(struct mz_str *out, const struct mz_report *report, size_t domain)
{
	char time[MZ_TIME_TEXT] = "";

	mz_str_addc(out, '{');
	add_text(out, "domain", report->job->domains[domain]->text);
	mz_str_add(out, ", ");
	add_text(out, "origin", report->job->origin_text);
	mz_str_add(out, ", ");
	add_text(out, "server", report->job->server->name);
	if (report->have_serial)
		mz_str_addf(out, ", \"serial\": %lu, ", (unsigned long)report->serial);
	else
		mz_str_add(out, ", \"serial\": null, ");
	add_text(out, "read", report->read);
	if (report->counts != NULL)
		mz_str_addf(out, ", \"in_place\": %u, \"foreign\": %lu",
			    report->counts[domain].in_place, (unsigned long)report->foreign);
	else
		mz_str_add(out, ", \"in_place\": null, \"foreign\": null");
	add_changes(out, report, domain);
	add_refused(out, report, domain);
	mz_str_add(out, ", \"keys_to_make\": [");
	if (report->keys_missing != NULL)
		print_algorithms(out, report->keys_missing[domain], "\"");
	mz_str_add(out, "], \"tlsa_until\": ");
	if (report->tlsa != NULL && report->tlsa[domain].look_at != 0)
		mz_str_addf(out, "\"%s\", ", mz_clock_text(report->tlsa[domain].look_at, time));
	else
		mz_str_add(out, "null, ");
	if (report->job->mode != MZ_FLOW_PLAN)
		mz_str_addf(out, "\"applied\": %s, ", report->error == NULL ? "true" : "false");
	add_text(out, "error", report->error);
	mz_str_addc(out, '}');
}
