/* SPDX-License-Identifier: BSD-2-Clause */
/* Which domains a command works on. */
#include "src/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MAX = 16 };

void complain(mz_say say, void *arg, const char *fmt, ...)
{
	struct mz_cause line = {0};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line.text, sizeof(line.text), fmt, args);
	va_end(args);
	say(arg, line.text);
}

/* Was the domain named before? */
static bool repeated(const struct mz_selection *selection, const struct mz_conf_domain *domain)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->domain[i] == domain)
			return true;
	}
	return false;
}

int mz_select(struct mz_selection *out, const struct mz_conf *conf, const char *const *names,
	      size_t count, mz_say say, void *arg)
{
	size_t most = count > conf->domain_count ? count : conf->domain_count;
	int err = MZ_OK;

	*out = (struct mz_selection){.domain = calloc(most + 1, sizeof(out->domain[0]))};
	if (out->domain == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < conf->domain_count && count == 0; i++) {
		if (conf->domains[i].automatic)
			out->domain[out->count++] = &conf->domains[i];
	}
	for (size_t i = 0; i < count; i++) {
		const struct mz_conf_domain *domain = mz_conf_find_domain(conf, names[i]);

		if (domain == NULL) {
			complain(say, arg, "there is no domain \"%.255s\" in %s", names[i],
				 conf->file);
			err = MZ_EINVAL;
		} else if (!domain->automatic) {
			complain(say, arg,
				 "%s is under manual management: set dns_management.mode = "
				 "\"automatic\" (%s:%u)",
				 domain->text, domain->where.file, domain->where.line);
			err = MZ_EINVAL;
		} else if (!repeated(out, domain)) {
			out->domain[out->count++] = domain;
		}
	}
	return err;
}

/* ---- what the ledger knows ------------------------------------------------------------------------ */

struct places {
	struct mz_selection *out;
	const struct mz_conf *conf;
	const char *name;
	struct mz_name wire;
	mz_say say;
	void *arg;
	int err;
};

static void on_place(void *arg, const char *server, const char *origin)
{
	struct places *places = arg;
	struct mz_selection *out = places->out;
	struct mz_conf_domain *domain = &out->made[out->count];
	struct mz_name wire = {0};

	if (out->count == PLACES_MAX || places->err != MZ_OK)
		return;
	*domain = (struct mz_conf_domain){.text = places->name,
					  .publish = MZ_FAMILIES_ALL,
					  .server = mz_conf_find_server(places->conf, server),
					  .origin_text = mz_arena_strdup(&out->arena, origin),
					  .report_address = ""};
	if (domain->server == NULL) {
		complain(places->say, places->arg,
			 "%s: its records are on the server \"%s\", which is not in the "
			 "configuration",
			 places->name, server);
		places->err = MZ_EFAILED;
		return;
	}
	if (mz_name_from_text(&wire, origin, NULL, NULL) != MZ_OK) {
		complain(places->say, places->arg, "%s: the state names \"%s\", which is no zone",
			 places->name, origin);
		places->err = MZ_ESTATE;
		return;
	}
	domain->name = mz_arena_copy(&out->arena, places->wire.wire, places->wire.len);
	domain->origin = mz_arena_copy(&out->arena, wire.wire, wire.len);
	if (domain->name == NULL || domain->origin == NULL || domain->origin_text == NULL)
		places->err = MZ_ENOMEM;
	else
		out->domain[out->count++] = domain;
}

int mz_select_places(struct mz_selection *out, const struct mz_conf *conf, struct mz_store *store,
		     const char *name, mz_say say, void *arg)
{
	const struct mz_conf_domain *configured = mz_conf_find_domain(conf, name);
	struct places places = {.out = out, .conf = conf, .say = say, .arg = arg};
	struct mz_cause cause = {0};
	char text[MZ_NAME_TEXT] = "";
	size_t len = 0;

	*out = (struct mz_selection){.domain = calloc(PLACES_MAX, sizeof(out->domain[0])),
				     .made = calloc(PLACES_MAX, sizeof(out->made[0]))};
	if (out->domain == NULL || out->made == NULL)
		return MZ_ENOMEM;
	if (mz_name_from_text(&places.wire, name, NULL, &cause) != MZ_OK) {
		say(arg, cause.text);
		return MZ_EINVAL;
	}
	len = strlen(mz_name_to_text(places.wire.wire, text));
	text[len > 1 ? len - 1 : len] = '\0';
	places.name = mz_arena_strdup(&out->arena, text);
	if (places.name == NULL)
		return MZ_ENOMEM;
	if (mz_store_ledger_places(store, places.name, on_place, &places) != MZ_OK) {
		say(arg, mz_store_error(store));
		return MZ_ESTATE;
	}
	if (places.err == MZ_OK && out->count == 0 && configured == NULL) {
		complain(say, arg,
			 "%s is not in the configuration, and the ledger holds no record of it",
			 places.name);
		return MZ_ENOTFOUND;
	}
	if (places.err == MZ_OK && out->count > 0 && configured != NULL && configured->automatic)
		complain(say, arg,
			 "note: %s stays under automatic management: its records come again at "
			 "the next apply or reconcile%s",
			 places.name,
			 configured->dkim_automatic
				 ? "; until then no mail that its DKIM keys sign verifies"
				 : "");
	return places.err;
}

void mz_selection_clear(struct mz_selection *selection)
{
	free(selection->domain);
	free(selection->made);
	mz_arena_clear(&selection->arena);
	*selection = (struct mz_selection){0};
}
