/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that were read, remembered by path, good or bad. */
#include "src/records/cache.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX (1024 * 1024) /* octets of an autoconfig document */

enum kind { KIND_DKIM, KIND_CERT, KIND_DOCUMENT };

struct cached {
	enum kind kind;
	const char *path, *next_key; /* next_key: "" for none */
	int err;		     /* of reading */
	const char *why;	     /* the cause, where there is an error */
	bool reported;
	struct mz_dkim_public dkim;
	struct mz_cert cert;
	struct mz_str document;
};

struct mz_facts_cache {
	void *tree; /* of tsearch(3): a balanced tree of entries */
	struct mz_arena arena;
	const char *fault; /* the last one that was met */
};

static int by_key(const void *a, const void *b)
{
	const struct cached *x = a, *y = b;
	int d = (int)x->kind - (int)y->kind;

	if (d == 0)
		d = strcmp(x->path, y->path);
	return d != 0 ? d : strcmp(x->next_key, y->next_key);
}

static void entry_free(void *node)
{
	struct cached *entry = node;

	mz_dkim_public_clear(&entry->dkim);
	mz_cert_clear(&entry->cert);
	mz_str_clear(&entry->document);
	free(entry);
}

int mz_facts_cache_new(struct mz_facts_cache **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? MZ_ENOMEM : MZ_OK;
}

void mz_facts_cache_free(struct mz_facts_cache *cache)
{
	if (cache == NULL)
		return;
	tdestroy(cache->tree, entry_free);
	mz_arena_clear(&cache->arena);
	free(cache);
}

static int read_document(struct mz_str *out, const char *path, struct mz_cause *cause)
{
	uint8_t *octets = NULL, digest[MZ_DIGEST] = {0};
	size_t len = 0;
	int err = mz_file_read(path, DOCUMENT_MAX, &octets, &len, cause);

	if (err == MZ_OK && len == 0)
		err = mz_cause_set(cause, MZ_EINVAL,
				   "%s is empty: it should hold the autoconfig document", path);
	if (err == MZ_OK) {
		mz_sha256(octets, len, digest);
		mz_str_add_base64(out, digest, sizeof(digest));
		err = out->failed ? MZ_ENOMEM : MZ_OK;
	}
	free(octets);
	return err;
}

static void read_entry(struct cached *entry, struct mz_cause *cause)
{
	switch (entry->kind) {
	case KIND_DKIM:
		entry->err = mz_dkim_public_read(&entry->dkim, entry->path, cause);
		break;
	case KIND_CERT:
		entry->err =
			mz_cert_read(&entry->cert, entry->path,
				     entry->next_key[0] == '\0' ? NULL : entry->next_key, cause);
		break;
	case KIND_DOCUMENT:
		entry->err = read_document(&entry->document, entry->path, cause);
		break;
	}
}

/* A new entry with strings of its own: the configuration may go before the cache does. */
static struct cached *entry_new(struct mz_facts_cache *cache, const struct cached *key)
{
	struct cached *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->kind = key->kind;
	entry->path = mz_arena_strdup(&cache->arena, key->path);
	entry->next_key = mz_arena_strdup(&cache->arena, key->next_key);
	if (entry->path == NULL || entry->next_key == NULL ||
	    tsearch(entry, &cache->tree, by_key) == NULL) {
		free(entry);
		return NULL;
	}
	return entry;
}

/* The entry of a key, read where it is new. NULL, and *err, when it has a fault. */
static const struct cached *look_up(struct mz_facts_cache *cache, const struct cached *key,
				    const struct mz_where *where, struct mz_conf_errors *errors,
				    int *err)
{
	void *found = tfind(key, &cache->tree, by_key);
	struct cached *entry = found == NULL ? NULL : *(struct cached **)found;
	struct mz_cause cause = {0};

	if (entry == NULL) {
		entry = entry_new(cache, key);
		if (entry == NULL) {
			*err = MZ_ENOMEM;
			return NULL;
		}
		read_entry(entry, &cause);
		if (entry->err != MZ_OK) {
			entry->why = cause.text[0] == '\0'
					     ? NULL
					     : mz_arena_strdup(&cache->arena, cause.text);
			if (entry->why == NULL)
				entry->why = mz_strerror(entry->err);
		}
	}
	if (entry->err != MZ_OK && errors != NULL && !entry->reported) {
		mz_conf_error(errors, where, "%s", entry->why);
		entry->reported = true;
	}
	if (entry->err == MZ_OK)
		return entry;
	cache->fault = entry->why;
	*err = entry->err == MZ_ENOMEM ? MZ_ENOMEM : MZ_EINVAL;
	return NULL;
}

const char *mz_facts_fault(const struct mz_facts_cache *cache)
{
	return cache->fault;
}

const struct mz_dkim_public *mz_cache_dkim(struct mz_facts_cache *cache, const char *path,
					   const struct mz_where *where,
					   struct mz_conf_errors *errors, int *err)
{
	const struct cached *entry =
		look_up(cache, &(struct cached){.kind = KIND_DKIM, .path = path, .next_key = ""},
			where, errors, err);

	return entry == NULL ? NULL : &entry->dkim;
}

static struct cached cert_key(const struct mz_conf_certificate *certificate)
{
	return (struct cached){.kind = KIND_CERT,
			       .path = certificate->file,
			       .next_key =
				       certificate->next_key == NULL ? "" : certificate->next_key};
}

/* The entry of a certificate that was read before, or NULL. */
static const struct cached *find_cert(struct mz_facts_cache *cache,
				      const struct mz_conf_certificate *certificate)
{
	const struct cached key = cert_key(certificate);
	void *found = tfind(&key, &cache->tree, by_key);

	return found == NULL ? NULL : *(struct cached **)found;
}

const struct mz_cert *mz_cache_known_cert(struct mz_facts_cache *cache,
					  const struct mz_conf_certificate *certificate)
{
	const struct cached *entry = find_cert(cache, certificate);

	return entry == NULL || entry->err != MZ_OK ? NULL : &entry->cert;
}

const char *mz_cache_known_fault(struct mz_facts_cache *cache,
				 const struct mz_conf_certificate *certificate)
{
	const struct cached *entry = find_cert(cache, certificate);

	return entry == NULL || entry->err == MZ_OK ? NULL : entry->why;
}

const struct mz_cert *mz_cache_cert(struct mz_facts_cache *cache,
				    const struct mz_conf_certificate *certificate,
				    struct mz_conf_errors *errors, int *err)
{
	const struct cached key = cert_key(certificate), *entry = NULL;

	*err = MZ_OK;
	entry = look_up(cache, &key, &certificate->where, errors, err);
	if (entry == NULL && *err != MZ_ENOMEM)
		entry = find_cert(cache, certificate);
	return entry == NULL || entry->cert.names == NULL ? NULL : &entry->cert;
}

const char *mz_cache_document(struct mz_facts_cache *cache, const char *path,
			      const struct mz_where *where, struct mz_conf_errors *errors, int *err)
{
	const struct cached *entry =
		look_up(cache,
			&(struct cached){.kind = KIND_DOCUMENT, .path = path, .next_key = ""},
			where, errors, err);

	return entry == NULL ? NULL : entry->document.s;
}
