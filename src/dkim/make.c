/* SPDX-License-Identifier: BSD-2-Clause */
/* Making DKIM keys: the key pair, its file, its row in the store. */
#include "src/dkim/keyfile.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX_MAX 1000 /* selectors tried for one key */

struct mz_dkim_pair {
	enum mz_dkim_algorithm algorithm;
	unsigned bits;
	BIO *pem; /* the private half (PKCS#8); a memory BIO cleanses what it held */
	struct mz_dkim_public public;
	struct mz_str selector;
	unsigned version;
	char written
		[PATH_MAX]; /* its file, as long as that has no row; "" for one that was found */
};

/* What is placed: one key of one domain. */
struct placing {
	struct mz_store *store;
	const struct mz_conf_domain *domain;
	struct mz_dkim_pair *pair;
	int64_t now;
	char folder[PATH_MAX];
	struct mz_cause *cause;
};

/* What the store knows of a domain's keys. */
struct known {
	unsigned highest[MZ_DKIM_ALGORITHMS]; /* version */
	bool usable[MZ_DKIM_ALGORITHMS];      /* pending or active */
	const char *selector;		      /* looked for ... */
	bool found;			      /* ... and found */
};

static void look(void *arg, const struct mz_store_dkim *key)
{
	struct known *known = arg;

	if (key->algorithm >= MZ_DKIM_ALGORITHMS)
		return;
	if (key->version > known->highest[key->algorithm])
		known->highest[key->algorithm] = key->version;
	if (key->stage == MZ_DKIM_PENDING || key->stage == MZ_DKIM_ACTIVE)
		known->usable[key->algorithm] = true;
	if (known->selector != NULL && strcasecmp(known->selector, key->selector) == 0)
		known->found = true;
}

static EVP_PKEY *generate(enum mz_dkim_algorithm algorithm, unsigned bits)
{
	if (algorithm == MZ_DKIM_RSA)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

int mz_dkim_pair_new(struct mz_dkim_pair **out, enum mz_dkim_algorithm algorithm, unsigned bits,
		     struct mz_cause *cause)
{
	struct mz_dkim_pair *pair = calloc(1, sizeof(*pair));
	EVP_PKEY *key = generate(algorithm, bits);
	struct mz_dkim_block block = {0};
	char *text = NULL;
	long len = 0;
	int err = MZ_ECRYPTO;

	*out = NULL;
	if (pair != NULL) {
		pair->algorithm = algorithm;
		pair->bits = bits;
		pair->pem = BIO_new(BIO_s_mem());
	}
	if (key == NULL || pair == NULL || pair->pem == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(pair->pem, key, NULL, NULL, 0, NULL, NULL) != 1) {
		(void)mz_cause_set(cause, err, "OpenSSL cannot make a key for %s",
				   mz_dkim_algorithm_name(algorithm));
		goto done;
	}
	len = BIO_get_mem_data(pair->pem, &text);
	err = mz_dkim_block_parse(&block, (const uint8_t *)text, (size_t)len, "the new key", cause);
	if (err == MZ_OK)
		err = mz_dkim_public_from_block(&pair->public, &block, "the new key", cause);
done:
	ERR_clear_error();
	mz_dkim_block_clear(&block);
	EVP_PKEY_free(key);
	if (err == MZ_OK)
		*out = pair;
	else
		mz_dkim_pair_free(pair);
	return err;
}

void mz_dkim_pair_free(struct mz_dkim_pair *pair)
{
	if (pair == NULL)
		return;
	if (pair->written[0] != '\0')
		(void)unlink(pair->written);
	BIO_free(pair->pem);
	mz_dkim_public_clear(&pair->public);
	mz_str_clear(&pair->selector);
	free(pair);
}

static int expand(const struct placing *m, struct mz_str *out)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char random[9] = "";

	for (size_t i = 0; i < sizeof(random) - 1; i++)
		random[i] = digits[mz_random_below(sizeof(digits) - 1)];
	return mz_dkim_selector(out, m->domain->selector_template,
				&(struct mz_dkim_selector_input){
					.algorithm = m->pair->algorithm,
					.version = m->pair->version,
					.now = m->now,
					.hash_of = m->pair->public.text,
					.random = random,
				},
				m->cause);
}

/* A crash between file and row leaves a file without a row: the key in it is as good as a new
 * one, if it is of the right kind. */
static bool adopt(const struct placing *m, const char *path)
{
	struct mz_dkim_public found = {0};
	struct mz_dkim_block block = {0};
	bool good = mz_dkim_block_read(&block, path, NULL) == MZ_OK &&
		    mz_dkim_block_is_private(&block) &&
		    mz_dkim_public_from_block(&found, &block, path, NULL) == MZ_OK &&
		    found.algorithm == m->pair->algorithm &&
		    (found.algorithm != MZ_DKIM_RSA || found.bits == m->pair->bits);

	mz_dkim_block_clear(&block);
	if (!good) {
		mz_dkim_public_clear(&found);
		return false;
	}
	mz_dkim_public_clear(&m->pair->public);
	m->pair->public = found;
	return true;
}

static int write_file(const struct placing *m, const char *path)
{
	char *text = NULL;
	long len = BIO_get_mem_data(m->pair->pem, &text);
	int err = mz_file_mkdirs(m->folder, 0700, m->cause);

	if (err == MZ_OK)
		err = mz_file_write_atomic(path, text, (size_t)len, 0600, m->cause);
	if (err == MZ_OK)
		(void)snprintf(m->pair->written, sizeof(m->pair->written), "%s", path);
	return err;
}

static bool is_manual(const struct mz_conf_domain *domain, const char *selector)
{
	for (size_t i = 0; i < domain->dkim_key_count; i++) {
		if (strcasecmp(domain->dkim_keys[i].selector, selector) == 0)
			return true;
	}
	return false;
}

/* Tries one selector: MZ_EEXIST when it is taken, by the operator, in the store or by a file that is not
 * ours. */
static int try_selector(const struct placing *m, const char *selector)
{
	struct known known = {.selector = selector};
	char path[PATH_MAX] = "";
	struct stat st = {0};
	int n = snprintf(path, sizeof(path), "%s/%s.pem", m->folder, selector);
	int err = mz_store_dkim_list(m->store, m->domain->text, look, &known);

	if (err != MZ_OK)
		return mz_cause_set(m->cause, err, "%s: cannot read the DKIM keys of the state: %s",
				    m->domain->text, mz_strerror(err));
	if (known.found || is_manual(m->domain, selector))
		return MZ_EEXIST;
	if (n < 0 || (size_t)n >= sizeof(path))
		return mz_cause_set(m->cause, MZ_ERANGE, "the path of the key of %s is too long",
				    m->domain->text);
	if (lstat(path, &st) == 0)
		return adopt(m, path) ? MZ_OK : MZ_EEXIST;
	if (errno != ENOENT)
		return mz_cause_set(m->cause, MZ_EIO, "cannot look at %s: %s", path,
				    strerror(errno));
	return write_file(m, path);
}

/* Finds a free selector and leaves the key's file under it. */
static int place(const struct placing *m)
{
	struct mz_str *selector = &m->pair->selector;
	struct mz_str base = {0};
	int err = expand(m, &base);

	for (unsigned i = 1; err == MZ_OK && i <= SUFFIX_MAX; i++) {
		int tried = MZ_OK;

		mz_str_reset(selector);
		mz_str_add(selector, base.s);
		if (i > 1)
			mz_str_addf(selector, "-%u", i);
		if (selector->failed) {
			err = mz_cause_set(m->cause, MZ_ENOMEM, "out of memory");
			break;
		}
		tried = try_selector(m, selector->s);
		if (tried != MZ_EEXIST) {
			err = tried;
			goto done;
		}
	}
	if (err == MZ_OK)
		err = mz_cause_set(m->cause, MZ_EEXIST,
				   "%s: the selector %s and its %d followers are all taken: change "
				   "selector_template",
				   m->domain->text, base.s, SUFFIX_MAX - 1);
done:
	mz_str_clear(&base);
	return err;
}

/* The folder of a domain's keys. */
static int set_folder(char folder[PATH_MAX], const char *state_directory, const char *domain,
		      struct mz_cause *cause)
{
	int n = snprintf(folder, PATH_MAX, "%s/dkim/%s", state_directory, domain);

	/* The name is a folder below ours: it must not lead out of it. */
	if (domain[0] == '.' || domain[0] == '\0' || strchr(domain, '/') != NULL)
		return mz_cause_set(cause, MZ_EINVAL, "%s cannot be the name of a folder", domain);
	if (n < 0 || n >= PATH_MAX)
		return mz_cause_set(cause, MZ_ERANGE, "the state directory's path is too long");
	return MZ_OK;
}

int mz_dkim_pair_write(struct mz_dkim_pair *pair, struct mz_store *store,
		       const char *state_directory, const struct mz_conf_domain *domain,
		       int64_t now, struct mz_cause *cause)
{
	struct placing m = {.store = store,
			    .domain = domain,
			    .pair = pair,
			    .now = now,
			    .cause = cause};
	struct known known = {0};
	int err = set_folder(m.folder, state_directory, domain->text, cause);

	if (err != MZ_OK)
		return err;
	err = mz_store_dkim_list(store, domain->text, look, &known);
	if (err != MZ_OK)
		return mz_cause_set(cause, err, "%s: cannot read the DKIM keys of the state: %s",
				    domain->text, mz_strerror(err));
	pair->version = known.highest[pair->algorithm] + 1;
	return place(&m);
}

int mz_dkim_pair_keep(struct mz_dkim_pair *pair, struct mz_store *store,
		      const struct mz_conf_domain *domain, int64_t now, struct mz_cause *cause)
{
	int err = mz_store_dkim_add(store, &(struct mz_store_dkim){
						   .domain = domain->text,
						   .selector = pair->selector.s,
						   .algorithm = pair->algorithm,
						   .stage = MZ_DKIM_PENDING,
						   .version = pair->version,
						   .public_text = pair->public.text,
						   .created = now,
						   .since = now,
					   });

	if (err != MZ_OK)
		return mz_cause_set(cause, err, "%s: cannot store the DKIM key %s: %s",
				    domain->text, pair->selector.s, mz_strerror(err));
	pair->written[0] = '\0';
	return MZ_OK;
}

const char *mz_dkim_pair_selector(const struct mz_dkim_pair *pair)
{
	return pair->selector.s;
}

int mz_dkim_key_path(struct mz_str *out, const char *state_directory, const char *domain,
		     const char *selector, struct mz_cause *cause)
{
	char folder[PATH_MAX] = "";
	int err = set_folder(folder, state_directory, domain, cause);

	mz_str_reset(out);
	mz_str_addf(out, "%s/%s.pem", folder, selector);
	return err == MZ_OK && out->failed ? mz_cause_set(cause, MZ_ENOMEM, "out of memory") : err;
}

static int make_one(struct mz_store *store, const char *state_directory,
		    const struct mz_conf_domain *domain, enum mz_dkim_algorithm algorithm,
		    int64_t now, struct mz_cause *cause)
{
	struct mz_dkim_pair *pair = NULL;
	int err = mz_dkim_pair_new(&pair, algorithm, domain->rsa_bits, cause);

	if (err == MZ_OK)
		err = mz_dkim_pair_write(pair, store, state_directory, domain, now, cause);
	if (err == MZ_OK)
		err = mz_dkim_pair_keep(pair, store, domain, now, cause);
	mz_dkim_pair_free(pair);
	return err;
}

int mz_dkim_make_missing(struct mz_store *store, const char *state_directory,
			 const struct mz_conf_domain *domain, int64_t now, unsigned *made,
			 struct mz_cause *cause)
{
	struct known known = {0};
	int err = MZ_OK;

	*made = 0;
	if (!domain->dkim_automatic || domain->no_mail)
		return MZ_OK;
	err = mz_store_dkim_list(store, domain->text, look, &known);
	if (err != MZ_OK)
		return mz_cause_set(cause, err, "%s: cannot read the DKIM keys of the state: %s",
				    domain->text, mz_strerror(err));
	for (unsigned a = 0; a < MZ_DKIM_ALGORITHMS && err == MZ_OK; a++) {
		if ((domain->dkim_algorithms & 1u << a) == 0 || known.usable[a])
			continue;
		err = make_one(store, state_directory, domain, (enum mz_dkim_algorithm)a, now,
			       cause);
		if (err == MZ_OK)
			(*made)++;
	}
	return err;
}
