/* SPDX-License-Identifier: BSD-2-Clause */
/* The command history: every change that was made. */
#include "src/daemon/command.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
	[MZ_CHANGE_INTENDED] = "intended",
	[MZ_CHANGE_APPLIED] = "applied",
	[MZ_CHANGE_FAILED] = "failed",
	[MZ_CHANGE_UNDONE] = "undone",
};

enum { CHANGES_MAX = 100000 };

/* One such command under way. */
struct listing {
	struct app *app;
	struct mz_ctl_request *request;
	char *domain; /* of this one only; NULL: of all */
	bool json, begun;
	int64_t below;	     /* the number of the last change that was listed; 0: none was */
	unsigned left;	     /* to be listed at most */
	struct mz_str *text; /* of this piece */
	int damaged;	     /* MZ_ESTATE: one could not be read */
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

static void change_json(struct mz_str *out, const struct mz_store_change *change, bool applied)
{
	json_t *json = json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o}", "id",
				 (json_int_t)change->id, "time", json_time(change->time), "domain",
				 change->domain, "origin", change->origin, "server", change->server,
				 "serial", applied ? json_integer(change->serial) : json_null(),
				 "state", state_names[change->state], "added",
				 list_json(change->added), "deleted", list_json(change->deleted));
	char *text = json == NULL ? NULL : json_dumps(json, JSON_PRESERVE_ORDER);

	if (text == NULL)
		out->failed = true;
	mz_str_add(out, text == NULL ? "" : text);
	free(text);
	json_decref(json);
}

static void change_text(struct mz_str *out, const struct mz_store_change *change, bool applied)
{
	char time[MZ_TIME_TEXT] = "";

	mz_str_addf(out, "%lld  %s  %s  zone %s on %s  %s", (long long)change->id,
		    mz_clock_text(change->time, time), change->domain, change->origin,
		    change->server, state_names[change->state]);
	if (applied)
		mz_str_addf(out, "  serial %lu", (unsigned long)change->serial);
	mz_str_addc(out, '\n');
	list_text(out, '-', change->deleted);
	list_text(out, '+', change->added);
}

static void on_change(void *arg, const struct mz_store_change *change)
{
	struct listing *listing = arg;
	bool applied = change->state == MZ_CHANGE_APPLIED || change->state == MZ_CHANGE_UNDONE;

	if (!listing->json) {
		change_text(listing->text, change, applied);
	} else {
		mz_str_add(listing->text, listing->below == 0 ? "" : ", ");
		change_json(listing->text, change, applied);
	}
	listing->below = change->id;
	listing->left--;
}

/* One change; a damaged one does not hide the others. */
static int more(void *arg, struct mz_str *text, bool *over)
{
	struct listing *listing = arg;
	struct mz_store *store = listing->app->store;
	unsigned before = listing->left;
	int err = MZ_OK;

	listing->text = text;
	if (listing->json && !listing->begun)
		mz_str_add(text, "{\"changes\": [");
	listing->begun = true;
	err = mz_store_changes(store, listing->domain, false, listing->below, 1, on_change,
			       listing);
	if (err != MZ_OK)
		mz_ctl_error(listing->request, "%s", mz_store_error(store));
	if (err == MZ_ESTATE)
		listing->damaged = err;
	else if (err != MZ_OK)
		return err;
	*over = listing->left == 0 || listing->left == before;
	if (*over && listing->json)
		mz_str_add(text, "]}\n");
	return *over ? listing->damaged : MZ_OK;
}

static void listing_free(void *arg)
{
	struct listing *listing = arg;

	if (listing != NULL)
		free(listing->domain);
	free(listing);
}

void command_history(const struct call *call)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int64_t limit = call_number(call, "limit", 50);
	const char *name = call->argc > 0 ? call->argv[0] : NULL;
	const struct mz_conf_domain *domain =
		name == NULL ? NULL : mz_conf_find_domain(call->app->site->conf, name);

	if (listing != NULL) {
		listing->app = call->app;
		listing->request = call->request;
		listing->json = call->json;
		listing->left = limit < 1 ? 1 : limit > CHANGES_MAX ? CHANGES_MAX : (unsigned)limit;
		if (name != NULL)
			listing->domain = strdup(domain != NULL ? domain->text : name);
	}
	if (listing != NULL && name != NULL && listing->domain == NULL) {
		free(listing);
		listing = NULL;
	}
	pieces_start(call, &(struct pieces_input){more, listing_free, listing});
}
