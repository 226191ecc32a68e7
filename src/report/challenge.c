/* SPDX-License-Identifier: BSD-2-Clause */
/* ACME challenges (RFC 8555 8.4): which name of which zone, also behind CNAMEs. */
#include "src/report/report.h"

#include <stdlib.h>
#include <string.h>

enum { HOPS_MAX = 8 };

#define LABEL "_acme-challenge"

bool mz_challenge_mode(const char *word, enum mz_flow_mode *mode)
{
	if (strcmp(word, "present") == 0)
		*mode = MZ_FLOW_PRESENT;
	else if (strcmp(word, "cleanup") == 0)
		*mode = MZ_FLOW_CLEANUP;
	else
		return false;
	return true;
}

/* Is it what ACME publishes: a SHA-256 in base64url without padding? The last of the 43 characters holds
 * four bits, so that its two low ones are 0. */
static bool is_value(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strspn(text, digits);

	return len == 43 && text[len] == '\0' && (strchr(digits, text[len - 1]) - digits) % 4 == 0;
}

/* Labels of letters, digits and hyphens: what a certificate can name. */
static bool is_host(const uint8_t *wire)
{
	static const char ldh[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	for (const uint8_t *label = wire; *label != 0; label += *label + 1) {
		for (uint8_t i = 1; i <= *label; i++) {
			if (label[i] == '\0' || strchr(ldh, label[i]) == NULL)
				return false;
		}
	}
	return *wire != 0;
}

/* The domain in whose zone the name lies: the deepest zone counts, and of those that keep it the domain
 * nearest above the name. NULL: none of ours. */
static const struct mz_conf_domain *find_place(const struct mz_conf *conf, const uint8_t *name)
{
	const struct mz_conf_domain *best = NULL;
	size_t best_rank = 0;

	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct mz_conf_domain *domain = &conf->domains[i];
		size_t rank = 0;

		if (!domain->automatic || !mz_name_within(name, domain->origin))
			continue;
		rank = mz_name_len(domain->origin) * (MZ_NAME_MAX + 1);
		if (mz_name_within(name, domain->name))
			rank += mz_name_len(domain->name);
		if (rank > best_rank) {
			best = domain;
			best_rank = rank;
		}
	}
	return best;
}

/* Puts a made up domain there: `text` names it in the history, `name` is where the TXT stands. */
static int make_domain(struct mz_conf_domain *out, struct mz_arena *arena, const char *text,
		       const struct mz_name *name, const struct mz_conf_domain *place)
{
	*out = (struct mz_conf_domain){.text = text,
				       .name = mz_arena_copy(arena, name->wire, name->len),
				       .origin = place->origin,
				       .origin_text = place->origin_text,
				       .server = place->server,
				       .publish = MZ_FAMILIES_ALL,
				       .report_address = ""};
	return out->name == NULL ? MZ_ENOMEM : MZ_OK;
}

int mz_select_challenge(struct mz_selection *out, const struct mz_conf *conf, const char *name,
			const char *value, mz_say say, void *arg)
{
	const char *host = strncmp(name, "*.", 2) == 0 ? name + 2 : name, *text = NULL;
	const struct mz_conf_domain *place = NULL;
	struct mz_name wire = {0}, owner = {0};
	struct mz_cause cause = {0};
	char buf[MZ_NAME_TEXT] = "";

	*out = (struct mz_selection){.domain = calloc(1, sizeof(out->domain[0])),
				     .made = calloc(1, sizeof(out->made[0]))};
	if (out->domain == NULL || out->made == NULL)
		return MZ_ENOMEM;
	if (mz_name_from_text(&wire, host, NULL, &cause) != MZ_OK)
		complain(say, arg, "%s", cause.text);
	else if (!is_host(wire.wire) || mz_name_prefix(&owner, LABEL, wire.wire) != MZ_OK)
		complain(say, arg, "\"%.255s\" is no name of a certificate: give it without " LABEL,
			 name);
	else if (!is_value(value))
		complain(say, arg,
			 "\"%.64s\" is no value of a challenge: 43 characters, a SHA-256 in "
			 "base64url",
			 value);
	else if ((place = find_place(conf, owner.wire)) == NULL)
		complain(say, arg,
			 "%.255s is in no zone of a domain under automatic management in %s", host,
			 conf->file);
	if (place == NULL)
		return MZ_EINVAL;
	mz_name_to_text(owner.wire, buf);
	buf[strlen(buf) - 1] = '\0';
	text = mz_arena_strdup(&out->arena, buf);
	out->value = mz_arena_strdup(&out->arena, value);
	if (text == NULL || out->value == NULL)
		return MZ_ENOMEM;
	out->domain[out->count++] = out->made;
	return make_domain(out->made, &out->arena, text, &owner, place);
}

int challenge_follow(struct zone_jobs *jobs, const struct mz_conf *conf, struct zone_job *zone,
		     const uint8_t *alias, struct mz_cause *cause)
{
	const struct mz_conf_domain **domains = mz_arena_alloc(&jobs->arena, sizeof(*domains));
	struct mz_conf_domain *made = mz_arena_alloc(&jobs->arena, sizeof(*made));
	const struct mz_conf_domain *place = find_place(conf, alias);
	char from[MZ_NAME_TEXT] = "", to[MZ_NAME_TEXT] = "";
	struct mz_name name = {0};

	mz_name_to_text(zone->job.domains[0]->name, from);
	mz_name_to_text(alias, to);
	if (place == NULL)
		return mz_cause_set(cause, MZ_EFAILED,
				    "%.255s is a CNAME to %.255s, which is in no zone of a domain "
				    "under automatic management",
				    from, to);
	if (++zone->hops > HOPS_MAX)
		return mz_cause_set(cause, MZ_EFAILED,
				    "more than %d CNAMEs, the last from %.255s to %.255s", HOPS_MAX,
				    from, to);
	if (mz_name_from_text(&name, to, NULL, cause) != MZ_OK)
		return MZ_EFAILED;
	if (domains == NULL || made == NULL ||
	    make_domain(made, &jobs->arena, zone->job.domains[0]->text, &name, place) != MZ_OK)
		return MZ_ENOMEM;
	domains[0] = made;
	zone->job.domains = domains;
	zone->job.server = place->server;
	zone->job.origin = place->origin;
	zone->job.origin_text = place->origin_text;
	zone->job.patience_ms = (unsigned)place->server->timeout * 1000u;
	return MZ_OK;
}
