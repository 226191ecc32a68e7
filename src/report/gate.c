/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: may the certificate of a host be switched to its next key now? Only when every resolver that asked
 * for a TLSA record of that certificate, of whatever host, has the next key in it (RFC 7671 8.1). */
#include "src/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A certificate of the host, and the next key that it is to be switched to. */
struct gated {
	const struct mz_conf_certificate *conf;
	bool has_next;
	uint8_t next[MZ_SPKI_DIGEST];
};

struct gate {
	const struct mz_conf *conf;
	struct mz_store *store;	      /* NULL: nothing is known */
	struct mz_facts_cache *facts; /* of its own: the files as they are now */
	int64_t now;
	struct mz_name host;
	struct mz_conf_errors errors;
	/* The certificates of the host, each file with its next key once. */
	struct gated *certs;
	size_t cert_count;
	size_t with_next;
	/* What is to be waited for. */
	int64_t until;	   /* wall; the latest of all */
	char unseen[1536]; /* where it is not known until when; "": nowhere */
	char last[1536];   /* the record that is safe last */
	int err;
};

static bool same_certificate(const struct mz_conf_certificate *a,
			     const struct mz_conf_certificate *b)
{
	return strcmp(a->file, b->file) == 0 && (a->next_key == NULL) == (b->next_key == NULL) &&
	       (a->next_key == NULL || strcmp(a->next_key, b->next_key) == 0);
}

static void add_certificate(struct gate *gate, const struct mz_conf_certificate *conf,
			    const struct mz_cert *cert)
{
	struct gated *more = NULL;

	for (size_t i = 0; i < gate->cert_count; i++) {
		if (same_certificate(gate->certs[i].conf, conf))
			return;
	}
	more = realloc(gate->certs, (gate->cert_count + 1) * sizeof(*more));
	if (more == NULL) {
		gate->err = MZ_ENOMEM;
		return;
	}
	gate->certs = more;
	more += gate->cert_count++;
	*more = (struct gated){.conf = conf, .has_next = cert->has_next};
	memcpy(more->next, cert->next, sizeof(more->next));
	gate->with_next += cert->has_next;
}

static void find_certificates(struct gate *gate, const struct mz_conf_domain *domain,
			      const struct mz_facts *facts)
{
	for (size_t i = 0; i < facts->tlsa_count; i++) {
		const struct mz_fact_tlsa *tlsa = &facts->tlsa[i];

		if (!mz_name_equal(tlsa->host, gate->host.wire))
			continue;
		for (size_t c = 0; c < tlsa->cert_count; c++)
			add_certificate(gate, &domain->system->certificates[tlsa->cert[c]],
					facts->certs[tlsa->cert[c]]);
	}
}

static void describe(char *out, size_t size, const struct mz_conf_domain *domain,
		     const struct mz_fact_tlsa *tlsa, bool wanted)
{
	char owner[MZ_NAME_TEXT] = "";

	(void)snprintf(out, size, "%s in zone %s on %s%s%s", mz_name_to_text(tlsa->owner, owner),
		       domain->origin_text, domain->server->name,
		       wanted ? "" : ": set next_key there, too: mail system ",
		       wanted ? "" : domain->system->name);
}

/* The record of a next key that comes into use, and servers that have its certificate at this owner. */
static void judge_key(struct gate *gate, const struct mz_conf_domain *domain,
		      const struct mz_fact_tlsa *tlsa, const uint8_t next[MZ_SPKI_DIGEST])
{
	const struct mz_tlsa_key *key = mz_rollover_find(&tlsa->set, next);
	int64_t safe = key == NULL ? 0 : mz_rollover_safe(key, mz_records_ttl(domain));

	if (safe == 0)
		describe(gate->unseen, sizeof(gate->unseen), domain, tlsa, key != NULL);
	else if (safe > gate->until)
		describe(gate->last, sizeof(gate->last), domain, tlsa, true);
	if (safe > gate->until)
		gate->until = safe;
}

/* A file is switched for all who name it, also those who name no next key for it, or another one. */
static void judge_keys(struct gate *gate, const struct mz_conf_domain *domain,
		       const struct mz_facts *facts)
{
	for (size_t i = 0; i < facts->tlsa_count; i++) {
		const struct mz_fact_tlsa *tlsa = &facts->tlsa[i];

		for (size_t c = 0; c < tlsa->cert_count; c++) {
			const char *file = domain->system->certificates[tlsa->cert[c]].file;

			for (size_t k = 0; k < gate->cert_count; k++) {
				if (gate->certs[k].has_next &&
				    strcmp(gate->certs[k].conf->file, file) == 0)
					judge_key(gate, domain, tlsa, gate->certs[k].next);
			}
		}
	}
}

/* Has the mail system a certificate of the host? */
static bool concerns(const struct gate *gate, const struct mz_conf_mail_system *system)
{
	for (size_t i = 0; i < system->certificate_count; i++) {
		for (size_t k = 0; k < gate->cert_count; k++) {
			if (strcmp(gate->certs[k].conf->file, system->certificates[i].file) == 0)
				return true;
		}
	}
	return false;
}

static void for_domains(struct gate *gate, bool all,
			void (*fn)(struct gate *gate, const struct mz_conf_domain *domain,
				   const struct mz_facts *facts))
{
	for (size_t i = 0; i < gate->conf->domain_count && gate->err != MZ_ENOMEM; i++) {
		const struct mz_conf_domain *domain = &gate->conf->domains[i];
		struct mz_facts facts = {0};
		int err = MZ_OK;

		if (!domain->automatic || domain->system == NULL ||
		    (!all && !concerns(gate, domain->system)))
			continue;
		err = mz_facts_load_tlsa(&facts, gate->facts, domain, gate->store, gate->now,
					 &gate->errors);
		if (err == MZ_OK && facts.cert_fault != NULL)
			mz_conf_error(&gate->errors, &domain->where, "%s", facts.cert_fault);
		if (err == MZ_OK && facts.cert_fault == NULL)
			fn(gate, domain, &facts);
		else
			gate->err = err == MZ_OK ? MZ_EINVAL : err;
		mz_facts_clear(&facts);
	}
}

/* ---- what is said ------------------------------------------------------------------------------------ */

static void add_json(const struct gate *gate, const char *host, bool safe, const char *reason,
		     struct mz_str *out)
{
	char time[MZ_TIME_TEXT] = "";
	const char *separator = "";

	mz_str_add(out, "{\"host\": ");
	mz_str_add_json(out, host);
	mz_str_addf(out, ", \"safe\": %s, \"until\": ", safe ? "true" : "false");
	if (gate->until == 0 || gate->unseen[0] != '\0')
		mz_str_add(out, "null");
	else
		mz_str_addf(out, "\"%s\"", mz_clock_text(gate->until, time));
	mz_str_add(out, ", \"reason\": ");
	if (reason == NULL)
		mz_str_add(out, "null");
	else
		mz_str_add_json(out, reason);
	mz_str_add(out, ", \"certificates\": [");
	for (size_t i = 0; i < gate->cert_count; i++) {
		if (!gate->certs[i].has_next)
			continue;
		mz_str_addf(out, "%s{\"file\": ", separator);
		mz_str_add_json(out, gate->certs[i].conf->file);
		mz_str_add(out, ", \"next_key\": ");
		mz_str_add_json(out, gate->certs[i].conf->next_key);
		mz_str_addc(out, '}');
		separator = ", ";
	}
	mz_str_add(out, "]}\n");
}

static int conclude(const struct gate *gate, const char *host, bool json, struct mz_str *out)
{
	bool safe = gate->unseen[0] == '\0' && gate->until <= gate->now;
	char time[MZ_TIME_TEXT] = "";
	struct mz_str reason = {0};

	if (gate->unseen[0] != '\0')
		mz_str_addf(&reason, "the next key was not yet seen on every server: %s",
			    gate->unseen);
	else if (!safe)
		mz_str_addf(&reason, "resolvers may hold records without the next key: %s",
			    gate->last);
	if (json)
		add_json(gate, host, safe, reason.s, out);
	else if (safe)
		mz_str_addf(out, "%s: safe since %s\n", host, mz_clock_text(gate->until, time));
	else if (gate->unseen[0] != '\0')
		mz_str_addf(out, "%s: not yet: %s\n", host, reason.s);
	else
		mz_str_addf(out, "%s: not before %s: %s\n", host, mz_clock_text(gate->until, time),
			    reason.s);
	out->failed = out->failed || reason.failed;
	mz_str_clear(&reason);
	return safe ? 0 : 2;
}

static int say_why(const struct gate *gate, const char *host, mz_say say, void *arg)
{
	const char *text = gate->errors.text.s;

	while (text != NULL && *text != '\0') {
		size_t n = strcspn(text, "\n");

		complain(say, arg, "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
	if (gate->err != MZ_OK && gate->errors.count == 0)
		say(arg, mz_strerror(gate->err));
	else if (gate->err == MZ_OK && gate->cert_count == 0)
		complain(say, arg,
			 "%.255s: no domain under automatic management publishes TLSA records for "
			 "it: check certificates, publish_records and origin",
			 host);
	else if (gate->err == MZ_OK)
		complain(say, arg, "%.255s: none of its certificates has a next_key", host);
	return 1;
}

int mz_gate(const struct mz_conf *conf, struct mz_store *store, const char *host, int64_t now,
	    bool json, struct mz_str *out, mz_say say, void *arg)
{
	struct gate gate = {.conf = conf, .store = store, .now = now};
	struct mz_cause cause = {0};
	int status = 1;

	if (mz_name_from_text(&gate.host, host, NULL, &cause) != MZ_OK) {
		say(arg, cause.text);
		return 1;
	}
	gate.err = mz_facts_cache_new(&gate.facts);
	if (gate.err == MZ_OK)
		for_domains(&gate, true, find_certificates);
	if (gate.err == MZ_OK && gate.with_next > 0)
		for_domains(&gate, false, judge_keys);
	if (gate.err != MZ_OK || gate.with_next == 0)
		status = say_why(&gate, host, say, arg);
	else
		status = conclude(&gate, host, json, out);
	mz_facts_cache_free(gate.facts);
	mz_conf_errors_clear(&gate.errors);
	free(gate.certs);
	return status;
}
