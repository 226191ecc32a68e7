/* SPDX-License-Identifier: BSD-2-Clause */
/* Making DKIM keys: files, rows, names that are taken, and what a crash left behind. */
#include "tests/unit/records/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1793491200 /* 2026-11-01T00:00:00Z */

static struct mz_store *store_at(const char *name)
{
	struct mz_store *store = NULL;
	struct mz_cause cause = {0};
	const char *folder = in_folder(name);

	assert_int_equal(mz_file_mkdirs(folder, 0700, &cause), MZ_OK);
	if (mz_store_open(&store, folder, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	return store;
}

static void make_world(struct world *w)
{
	world_init(w, "example.org", "example.org");
	w->domain.dkim_automatic = true;
	w->domain.rsa_bits = 2048;
}

static unsigned make(struct mz_store *store, const char *folder, const struct world *w)
{
	struct mz_cause cause = {0};
	unsigned made = 0;

	if (mz_dkim_make_missing(store, in_folder(folder), &w->domain, NOW, &made, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	assert_int_equal(mz_store_commit(store, &cause), MZ_OK);
	return made;
}

/* The keys of a domain as text, one a line. */
static void add_line(void *arg, const struct mz_store_dkim *key)
{
	struct mz_str *out = arg;

	mz_str_addf(out, "%s %s %s %u\n", key->selector, mz_dkim_k(key->algorithm),
		    mz_dkim_stage_name(key->stage), key->version);
	assert_int_equal(key->created, NOW);
	assert_int_equal(key->since, NOW);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void assert_keys(struct mz_store *store, const char *want)
{
	struct mz_str lines = {0}, sorted = {0};
	char *line[16] = {0}, *rest = NULL;
	size_t n = 0;

	assert_int_equal(mz_store_dkim_list(store, "example.org", add_line, &lines), MZ_OK);
	rest = lines.s;
	while (rest != NULL && *rest != '\0' && n < 16)
		line[n++] = strsep(&rest, "\n");
	qsort(line, n, sizeof(line[0]), by_text);
	for (size_t i = 0; i < n; i++)
		mz_str_addf(&sorted, "%s\n", line[i]);
	assert_string_equal(sorted.s == NULL ? "" : sorted.s, want);
	mz_str_clear(&lines);
	mz_str_clear(&sorted);
}

struct wanted {
	const char *selector;
	char *text;
};

static void find_text(void *arg, const struct mz_store_dkim *key)
{
	struct wanted *wanted = arg;

	if (strcmp(key->selector, wanted->selector) == 0)
		wanted->text = strdup(key->public_text);
}

/* The file of this selector holds the private half of the key in the store. */
static void assert_file(struct mz_store *store, const char *folder, const char *selector)
{
	struct wanted wanted = {.selector = selector};
	struct mz_dkim_public key = {0};
	struct mz_cause cause = {0};
	struct stat st = {0};
	char path[300] = "", text[32] = "";
	FILE *file = NULL;

	(void)snprintf(path, sizeof(path), "%s/dkim/example.org/%s.pem", in_folder(folder),
		       selector);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	if (mz_dkim_public_read(&key, path, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	assert_int_equal(mz_store_dkim_list(store, "example.org", find_text, &wanted), MZ_OK);
	assert_non_null(wanted.text);
	assert_string_equal(key.text, wanted.text);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, "-----BEGIN PRIVATE KEY-----\n");
	assert_int_equal(fclose(file), 0);
	free(wanted.text);
	mz_dkim_public_clear(&key);
}

static void test_first_keys(void **state)
{
	struct mz_store *store = store_at("first");
	struct stat st = {0};
	struct world w;

	(void)state;
	make_world(&w);
	assert_int_equal(make(store, "first", &w), 2);
	assert_keys(store,
		    "v1-ed25519-20261101 ed25519 pending 1\nv1-rsa-20261101 rsa pending 1\n");
	assert_file(store, "first", "v1-rsa-20261101");
	assert_file(store, "first", "v1-ed25519-20261101");
	assert_int_equal(stat(in_folder("first/dkim/example.org"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(in_folder("first/dkim"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* Nothing is missing any more. */
	assert_int_equal(make(store, "first", &w), 0);
	mz_store_close(store);
}

static void test_next_version(void **state)
{
	struct mz_store *store = store_at("next");
	struct world w;

	(void)state;
	make_world(&w);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	assert_int_equal(make(store, "next", &w), 1);
	assert_int_equal(mz_store_dkim_set_stage(store, "example.org", "v1-ed25519-20261101",
						 MZ_DKIM_REVOKED, NOW),
			 MZ_OK);
	assert_int_equal(make(store, "next", &w), 1);
	assert_keys(store, "v1-ed25519-20261101 ed25519 revoked 1\n"
			   "v2-ed25519-20261101 ed25519 pending 2\n");
	assert_file(store, "next", "v2-ed25519-20261101");
	mz_store_close(store);
}

static void test_taken_selector(void **state)
{
	struct mz_store *store = store_at("taken");
	struct world w;

	(void)state;
	make_world(&w);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	w.domain.selector_template = "Mail";
	assert_int_equal(make(store, "taken", &w), 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mz_store_dkim_set_stage(store, "example.org",
							 i == 0 ? "mail" : "mail-2",
							 MZ_DKIM_DELETED, NOW),
				 MZ_OK);
		assert_int_equal(make(store, "taken", &w), 1);
	}
	assert_keys(store, "mail ed25519 deleted 1\nmail-2 ed25519 deleted 2\n"
			   "mail-3 ed25519 pending 3\n");
	assert_file(store, "taken", "mail-3");
	mz_store_close(store);
}

/* A file without a row, as a crash leaves it: its key is taken over; nothing is overwritten. */
static void test_adopted(void **state)
{
	struct mz_store *store = store_at("adopt");
	struct wanted wanted = {.selector = "mail"};
	struct mz_dkim_public key = {0};
	struct world w;

	(void)state;
	make_world(&w);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	w.domain.selector_template = "mail";
	assert_int_equal(mz_file_mkdirs(in_folder("adopt/dkim/example.org"), 0700, NULL), MZ_OK);
	assert_int_equal(rename(data_file("ed25519.pem", 0600),
				in_folder("adopt/dkim/example.org/mail.pem")),
			 0);
	assert_int_equal(make(store, "adopt", &w), 1);
	assert_keys(store, "mail ed25519 pending 1\n");
	assert_int_equal(mz_dkim_public_read(&key, data_file("ed25519.pub.pem", 0600), NULL),
			 MZ_OK);
	assert_int_equal(mz_store_dkim_list(store, "example.org", find_text, &wanted), MZ_OK);
	assert_string_equal(wanted.text, key.text);
	free(wanted.text);
	mz_dkim_public_clear(&key);
	mz_store_close(store);
}

/* A file that is no key of this kind stays as it is, and another name is found. */
static void test_not_adopted(void **state)
{
	static const struct {
		const char *folder, *file;
	} cases[] = {{"keep1", "rsa2048.pem"},
		     {"keep2", "ed25519.pub.pem"},
		     {"keep3", "chain.pem"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mz_store *store = store_at(cases[i].folder);
		char path[128] = "";
		struct stat before = {0}, after = {0};
		struct world w;

		make_world(&w);
		w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
		w.domain.selector_template = "mail";
		(void)snprintf(path, sizeof(path), "%s/dkim/example.org", cases[i].folder);
		assert_int_equal(mz_file_mkdirs(in_folder(path), 0700, NULL), MZ_OK);
		(void)snprintf(path, sizeof(path), "%s/dkim/example.org/mail.pem", cases[i].folder);
		assert_int_equal(rename(data_file(cases[i].file, 0600), in_folder(path)), 0);
		assert_int_equal(stat(in_folder(path), &before), 0);
		assert_int_equal(make(store, cases[i].folder, &w), 1);
		assert_keys(store, "mail-2 ed25519 pending 1\n");
		assert_file(store, cases[i].folder, "mail-2");
		assert_int_equal(stat(in_folder(path), &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_size, after.st_size);
		mz_store_close(store);
	}
}

/* A key of the operator's has the selector: two records would stand there. */
static void test_manual_selector(void **state)
{
	struct mz_store *store = store_at("operator");
	struct world w;

	(void)state;
	make_world(&w);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	w.domain.selector_template = "mail";
	world_key(&w, "Mail", data_file("ed25519.pub.pem", 0644));
	assert_int_equal(make(store, "operator", &w), 1);
	assert_keys(store, "mail-2 ed25519 pending 1\n");
	mz_store_close(store);
}

static void test_not_automatic(void **state)
{
	struct mz_store *store = store_at("manual");
	struct world w;

	(void)state;
	make_world(&w);
	w.domain.dkim_automatic = false;
	assert_int_equal(make(store, "manual", &w), 0);
	w.domain.dkim_automatic = true;
	w.domain.no_mail = true;
	assert_int_equal(make(store, "manual", &w), 0);
	assert_keys(store, "");
	mz_store_close(store);
}

static void assert_fails(struct mz_store *store, const struct world *w, int err, const char *words)
{
	struct mz_cause cause = {0};
	unsigned made = 1;

	assert_int_equal(mz_dkim_make_missing(store, in_folder("faults"), &w->domain, NOW, &made,
					      &cause),
			 err);
	assert_int_equal(made, 0);
	if (strstr(cause.text, words) == NULL)
		fail_msg("the cause is \"%s\"", cause.text);
}

static void test_faults(void **state)
{
	struct mz_store *store = store_at("faults");
	struct world w;

	(void)state;
	make_world(&w);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	w.domain.selector_template = "{nonsense}";
	assert_fails(store, &w, MZ_EINVAL, "unknown variable");
	w.domain.selector_template = "mail";
	w.domain.text = "../other";
	assert_fails(store, &w, MZ_EINVAL, "cannot be the name of a folder");
	w.domain.text = "a/b";
	assert_fails(store, &w, MZ_EINVAL, "cannot be the name of a folder");
	/* A file where the folder should be. */
	w.domain.text = "example.org";
	(void)text_file("faults/dkim", "", 0600);
	assert_int_not_equal(mz_dkim_make_missing(store, in_folder("faults"), &w.domain, NOW,
						  &(unsigned){0}, NULL),
			     MZ_OK);
	assert_keys(store, "");
	mz_store_close(store);
}

/* A key whose row cannot be written leaves no file; one that was found there stays. */
static void test_no_row(void **state)
{
	struct mz_store *store = store_at("norow");
	const char *taken = in_folder("norow/dkim/example.org/found.pem");
	struct stat st = {0};
	struct world w;

	(void)state;
	mz_store_close(store);
	assert_int_equal(mz_store_open_readonly(&store, in_folder("norow"), NULL), MZ_OK);
	make_world(&w);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	w.domain.selector_template = "mail";
	for (int i = 0; i < 2; i++)
		assert_int_equal(mz_dkim_make_missing(store, in_folder("norow"), &w.domain, NOW,
						      &(unsigned){0}, NULL),
				 MZ_EPERM);
	assert_int_equal(stat(in_folder("norow/dkim/example.org/mail.pem"), &st), -1);
	w.domain.selector_template = "found";
	assert_int_equal(rename(data_file("ed25519.pem", 0600), taken), 0);
	assert_int_equal(mz_dkim_make_missing(store, in_folder("norow"), &w.domain, NOW,
					      &(unsigned){0}, NULL),
			 MZ_EPERM);
	assert_int_equal(stat(taken, &st), 0);
	mz_store_close(store);
}

static void test_random(void **state)
{
	struct mz_store *store = store_at("random");
	struct mz_str lines = {0};
	struct world w;

	(void)state;
	make_world(&w);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	w.domain.selector_template = "{random}";
	assert_int_equal(make(store, "random", &w), 1);
	assert_int_equal(mz_store_dkim_list(store, "example.org", add_line, &lines), MZ_OK);
	assert_int_equal(strspn(lines.s, "abcdefghijklmnopqrstuvwxyz0123456789"), 8);
	mz_str_clear(&lines);
	mz_store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_keys),     cmocka_unit_test(test_next_version),
		cmocka_unit_test(test_taken_selector), cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_not_adopted),    cmocka_unit_test(test_not_automatic),
		cmocka_unit_test(test_faults),	       cmocka_unit_test(test_random),
		cmocka_unit_test(test_no_row),	       cmocka_unit_test(test_manual_selector),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
