/* SPDX-License-Identifier: BSD-2-Clause */
/* What signers read: the tables of OpenDKIM and Rspamd, and an index in JSON. */
#include "mailzone/dkim.h"

#include <string.h>

/* The end of the keys of the domain that starts at i. */
static size_t domain_end(const struct mz_signer_key *keys, size_t count, size_t i)
{
	size_t end = i + 1;

	while (end < count && strcmp(keys[end].domain, keys[i].domain) == 0)
		end++;
	return end;
}

/* For a signer that makes one signature: RSA, as many who verify know nothing else. */
static const struct mz_signer_key *only_key(const struct mz_signer_key *keys, size_t i, size_t end)
{
	for (size_t k = i; k < end; k++) {
		if (keys[k].algorithm == MZ_DKIM_RSA)
			return &keys[k];
	}
	return &keys[i];
}

static void put_key_table(struct mz_str *out, const struct mz_signer_key *keys, size_t count)
{
	for (size_t i = 0, end = 0; i < count; i = end) {
		const struct mz_signer_key *key = NULL;

		end = domain_end(keys, count, i);
		key = only_key(keys, i, end);
		mz_str_addf(out, "%s._domainkey.%s %s:%s:%s\n", key->selector, key->domain,
			    key->domain, key->selector, key->path);
	}
}

static void put_signing_table(struct mz_str *out, const struct mz_signer_key *keys, size_t count)
{
	for (size_t i = 0, end = 0; i < count; i = end) {
		const struct mz_signer_key *key = NULL;

		end = domain_end(keys, count, i);
		key = only_key(keys, i, end);
		mz_str_addf(out, "%s %s._domainkey.%s\n", key->domain, key->selector, key->domain);
	}
}

static void put_selector_map(struct mz_str *out, const struct mz_signer_key *keys, size_t count)
{
	for (size_t i = 0, end = 0; i < count; i = end) {
		const struct mz_signer_key *key = NULL;

		end = domain_end(keys, count, i);
		key = only_key(keys, i, end);
		mz_str_addf(out, "%s %s\n", key->domain, key->selector);
	}
}

/* Rspamd takes Ed25519 keys as their bare seed only. */
static const char *rspamd_end(const struct mz_signer_key *key)
{
	return key->algorithm == MZ_DKIM_ED25519 ? "seed" : "pem";
}

/* A key's path without "/SELECTOR.pem". */
static int folder_len(const struct mz_signer_key *key)
{
	return (int)(strlen(key->path) - strlen(key->selector) - strlen("/.pem"));
}

/* Without the selector, which Rspamd fills in: the two maps are not read at the same time. */
static void put_path_map(struct mz_str *out, const struct mz_signer_key *keys, size_t count)
{
	for (size_t i = 0, end = 0; i < count; i = end) {
		const struct mz_signer_key *key = NULL;

		end = domain_end(keys, count, i);
		key = only_key(keys, i, end);
		mz_str_addf(out, "%s %.*s/$selector.%s\n", key->domain, folder_len(key), key->path,
			    rspamd_end(key));
	}
}

static void put_domains(struct mz_str *out, const struct mz_signer_key *keys, size_t count)
{
	mz_str_add(out, "domain {\n");
	for (size_t i = 0, end = 0; i < count; i = end) {
		end = domain_end(keys, count, i);
		mz_str_addf(out, "  \"%s\" {\n    selectors [\n", keys[i].domain);
		for (size_t k = i; k < end; k++)
			mz_str_addf(out, "      { selector = \"%s\"; path = \"%.*s/%s.%s\"; },\n",
				    keys[k].selector, folder_len(&keys[k]), keys[k].path,
				    keys[k].selector, rspamd_end(&keys[k]));
		mz_str_add(out, "    ]\n  }\n");
	}
	mz_str_add(out, "}\n");
}

static void put_index(struct mz_str *out, const struct mz_signer_key *keys, size_t count)
{
	mz_str_add(out, "{\"keys\": [");
	for (size_t i = 0; i < count; i++) {
		mz_str_addf(out, "%s\n  {\"domain\": ", i > 0 ? "," : "");
		mz_str_add_json(out, keys[i].domain);
		mz_str_add(out, ", \"selector\": ");
		mz_str_add_json(out, keys[i].selector);
		mz_str_addf(out, ", \"algorithm\": \"%s\", \"file\": ",
			    mz_dkim_algorithm_name(keys[i].algorithm));
		mz_str_add_json(out, keys[i].path);
		mz_str_addc(out, '}');
	}
	mz_str_add(out, "\n]}\n");
}

void mz_signers_text(struct mz_str *out, enum mz_signers_file which,
		     const struct mz_signer_key *keys, size_t count)
{
	static void (*const put[MZ_SIGNERS_FILES])(struct mz_str * out,
						   const struct mz_signer_key *keys,
						   size_t count) = {
		[MZ_SIGNERS_KEY_TABLE] = put_key_table,
		[MZ_SIGNERS_SIGNING_TABLE] = put_signing_table,
		[MZ_SIGNERS_SELECTOR_MAP] = put_selector_map,
		[MZ_SIGNERS_PATH_MAP] = put_path_map,
		[MZ_SIGNERS_DOMAINS] = put_domains,
		[MZ_SIGNERS_INDEX] = put_index,
	};

	mz_str_add(out, "");
	put[which](out, keys, count);
}
