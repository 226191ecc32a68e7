/* SPDX-License-Identifier: BSD-2-Clause */
/* The command history: every change that was made. */
#include "src/daemon/command.h"

static const char *const state_names[] = {
	[MZ_CHANGE_INTENDED] = "intended",
	[MZ_CHANGE_APPLIED] = "applied",
	[MZ_CHANGE_FAILED] = "failed",
	[MZ_CHANGE_UNDONE] = "undone",
};

struct listing {
	const struct call *call;
	json_t *changes;
	struct mz_str text;
};

static json_t *list_json(const struct mz_rrlist *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct mz_rr *rr = &list->rr[i];
		char owner[MZ_NAME_TEXT] = "", type[MZ_CODE_TEXT] = "";
		struct mz_str rdata = {0};

		mz_rdata_to_text(rr->type, rr->rdata, rr->rdlen, &rdata);
		(void)json_array_append_new(out, json_pack("{s:s, s:i, s:s, s:s?}", "owner",
							   mz_name_to_text(rr->owner, owner), "ttl",
							   (int)rr->ttl, "type",
							   mz_type_name(rr->type, type), "rdata",
							   rdata.s));
		mz_str_clear(&rdata);
	}
	return out;
}

static void list_text(struct mz_str *out, char sign, const struct mz_rrlist *list)
{
	for (size_t i = 0; i < list->count; i++) {
		mz_str_addf(out, "  %c ", sign);
		mz_rr_to_text(&list->rr[i], out);
		mz_str_addc(out, '\n');
	}
}

static void on_change(void *arg, const struct mz_store_change *change)
{
	struct listing *listing = arg;
	char time[MZ_TIME_TEXT] = "";
	bool applied = change->state == MZ_CHANGE_APPLIED || change->state == MZ_CHANGE_UNDONE;

	if (listing->call->json) {
		(void)json_array_append_new(
			listing->changes,
			json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o}", "id",
				  (json_int_t)change->id, "time", json_time(change->time), "domain",
				  change->domain, "origin", change->origin, "server",
				  change->server, "serial",
				  applied ? json_integer(change->serial) : json_null(), "state",
				  state_names[change->state], "added", list_json(change->added),
				  "deleted", list_json(change->deleted)));
		return;
	}
	mz_str_addf(&listing->text, "%lld  %s  %s  zone %s on %s  %s", (long long)change->id,
		    mz_clock_text(change->time, time), change->domain, change->origin,
		    change->server, state_names[change->state]);
	if (applied)
		mz_str_addf(&listing->text, "  serial %lu", (unsigned long)change->serial);
	mz_str_addc(&listing->text, '\n');
	list_text(&listing->text, '-', change->deleted);
	list_text(&listing->text, '+', change->added);
}

void command_history(const struct call *call)
{
	struct listing listing = {.call = call, .changes = json_array()};
	int64_t limit = call_number(call, "limit", 50);
	const char *name = call->argc > 0 ? call->argv[0] : NULL;
	const struct mz_conf_domain *domain =
		name == NULL ? NULL : mz_conf_find_domain(call->app->site->conf, name);
	int err = mz_store_changes(call->app->store, domain != NULL ? domain->text : name, false,
				   limit < 1	    ? 1
				   : limit > 100000 ? 100000
						    : (unsigned)limit,
				   on_change, &listing);

	if (err != MZ_OK)
		mz_ctl_error(call->request, "%s", mz_store_error(call->app->store));
	if (call->json) {
		call_print(call, json_pack("{s:O}", "changes", listing.changes));
	} else if (listing.text.failed) {
		mz_ctl_error(call->request, "out of memory");
	} else if (listing.text.len > 0) {
		mz_ctl_output(call->request, listing.text.s);
	}
	json_decref(listing.changes);
	mz_str_clear(&listing.text);
	call_end(call, err == MZ_OK ? 0 : 1);
}
