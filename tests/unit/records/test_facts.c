/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts: which files are read, what their faults say, and which keys of the store are published. */
#include "tests/unit/records/support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct mz_facts_cache *new_cache(void)
{
	struct mz_facts_cache *cache = NULL;

	assert_int_equal(mz_facts_cache_new(&cache), MZ_OK);
	return cache;
}

/* Loading fails with `count` errors; the first has these words. */
static void assert_fault(struct mz_facts_cache *cache, struct world *w, size_t count,
			 const char *words)
{
	struct mz_conf_errors errors = {0};
	struct mz_facts facts = {0};

	assert_int_equal(mz_facts_load(&facts, cache, &w->domain, NULL, 1790000000, &errors),
			 MZ_EINVAL);
	assert_int_equal(errors.count, count);
	assert_int_equal(facts.dkim_count, 0);
	if (count > 0 && strstr(errors.text.s, words) == NULL)
		fail_msg("%s", errors.text.s);
	mz_conf_errors_clear(&errors);
}

static struct mz_facts load(struct mz_facts_cache *cache, struct world *w, struct mz_store *store)
{
	struct mz_conf_errors errors = {0};
	struct mz_facts facts = {0};

	if (mz_facts_load(&facts, cache, &w->domain, store, 1790000000, &errors) != MZ_OK)
		fail_msg("%s", errors.text.s);
	assert_int_equal(errors.count, 0);
	return facts;
}

static void test_nothing_to_read(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	struct mz_facts facts = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	facts = load(cache, &w, NULL);
	assert_int_equal(facts.dkim_count, 0);
	assert_int_equal(facts.dkim_missing, 0);
	assert_null(facts.certs);
	assert_null(facts.autoconfig_digest);
	mz_facts_clear(&facts);
	mz_facts_cache_free(cache);
}

/* Files of families that are not published, and of a domain without mail, are not looked at. */
static void test_unread(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	struct mz_facts facts = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_key(&w, "s1", in_folder("missing.pem"));
	world_certificate(&w, in_folder("missing.crt"), NULL, NULL);
	w.system.autoconfig_document = in_folder("missing.json");
	w.domain.publish &= ~(1u << MZ_FAMILY_DKIM | 1u << MZ_FAMILY_AUTOCONFIG);
	facts = load(cache, &w, NULL);
	mz_facts_clear(&facts);
	w.domain.publish = MZ_FAMILIES_ALL;
	w.domain.no_mail = true;
	w.domain.system = NULL;
	facts = load(cache, &w, NULL);
	mz_facts_clear(&facts);
	mz_facts_cache_free(cache);
}

static void test_faults_once(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	struct world w, other;

	(void)state;
	world_init(&w, "example.org", "example.org");
	world_key(&w, "s1", in_folder("missing.pem"));
	world_key(&w, "s2", data_file("ec.pub.pem", 0644));
	assert_fault(cache, &w, 2, "mailzone.conf:30: error: cannot open");
	/* Remembered: a fault still, but not reported again, for another domain too. */
	assert_fault(cache, &w, 0, NULL);
	world_init(&other, "example.net", "example.net");
	world_key(&other, "x", data_file("ec.pub.pem", 0644));
	assert_fault(cache, &other, 0, NULL);
	/* A new fault is reported, the old one beside it is not. */
	world_key(&other, "y", text_file("empty.pem", "", 0644));
	assert_fault(cache, &other, 1, "mailzone.conf:31: error: ");
	mz_facts_cache_free(cache);
}

static void test_faults_of_all(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.publish = MZ_FAMILIES_ALL;
	world_key(&w, "s1", data_file("rsa2048.pem", 0644));
	world_certificate(&w, data_file("wrong-order.pem", 0644), NULL, NULL);
	w.system.autoconfig_document = text_file("empty.json", "", 0644);
	w.system.autoconfig_where = (struct mz_where){"mailzone.conf", 7};
	/* Those of certificates are a matter of their hosts. */
	assert_fault(cache, &w, 2, "mailzone.conf:30: error: ");
	mz_facts_cache_free(cache);
}

/* What was read once is not read again. */
static void test_cached(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	const char *key = data_file("ed25519.pem", 0600), *chain = data_file("chain.pem", 0644);
	const char *document = data_file("autoconfig.json", 0644);
	struct mz_facts facts = {0}, again = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.publish = MZ_FAMILIES_ALL;
	world_key(&w, "s1", key);
	world_certificate(&w, chain, NULL, NULL);
	world_certificate(&w, chain, data_file("ec.pub.pem", 0644), NULL);
	w.system.autoconfig_document = document;
	facts = load(cache, &w, NULL);
	assert_int_equal(unlink(key) | unlink(chain) | unlink(document), 0);
	again = load(cache, &w, NULL);
	assert_int_equal(again.dkim_count, 1);
	assert_string_equal(again.dkim[0].selector, "s1");
	assert_int_equal(again.dkim[0].algorithm, MZ_DKIM_ED25519);
	assert_string_equal(again.dkim[0].public_text,
			    "INz1wjNQfRjAsvhNP4b4pjzutea/Z7GHRmsTe8ujac0=");
	assert_ptr_equal(again.certs[0], facts.certs[0]);
	/* One file with two next keys is two things. */
	assert_ptr_not_equal(again.certs[0], again.certs[1]);
	assert_false(again.certs[0]->has_next);
	assert_true(again.certs[1]->has_next);
	/* openssl dgst -sha256 -binary autoconfig.json | base64 */
	assert_string_equal(again.autoconfig_digest,
			    "6N1ri22zYgaZH016bPsGYfNrSQ/yR5bHwUP2YUYUxac=");
	mz_facts_clear(&facts);
	mz_facts_clear(&again);
	mz_facts_cache_free(cache);
}

/* ---- keys of the store --------------------------------------------------------------------- */

static struct mz_store *open_store(const char *name)
{
	struct mz_store *store = NULL;
	struct mz_cause cause = {0};

	assert_int_equal(mz_file_mkdirs(in_folder(name), 0700, &cause), MZ_OK);
	if (mz_store_open(&store, in_folder(name), &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	return store;
}

static void add_key(struct mz_store *store, const char *selector, enum mz_dkim_algorithm algorithm,
		    enum mz_dkim_stage stage)
{
	struct mz_store_dkim key = {
		.domain = "example.org",
		.selector = selector,
		.algorithm = algorithm,
		.stage = stage,
		.version = 1,
		.public_text = "AAAA",
		.created = 1,
		.since = 1,
	};

	assert_int_equal(mz_store_dkim_add(store, &key), MZ_OK);
}

static const struct mz_fact_dkim *find(const struct mz_facts *facts, const char *selector)
{
	for (size_t i = 0; i < facts->dkim_count; i++) {
		if (strcmp(facts->dkim[i].selector, selector) == 0)
			return &facts->dkim[i];
	}
	return NULL;
}

static void test_stages(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	struct mz_store *store = open_store("stages");
	struct mz_facts facts = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.dkim_automatic = true;
	world_key(&w, "manual", data_file("ed25519.pub.pem", 0644));
	add_key(store, "pending", MZ_DKIM_RSA, MZ_DKIM_PENDING);
	add_key(store, "active", MZ_DKIM_RSA, MZ_DKIM_ACTIVE);
	add_key(store, "retiring", MZ_DKIM_RSA, MZ_DKIM_RETIRING);
	add_key(store, "retired", MZ_DKIM_RSA, MZ_DKIM_RETIRED);
	add_key(store, "deleted", MZ_DKIM_RSA, MZ_DKIM_DELETED);
	add_key(store, "revoked", MZ_DKIM_ED25519, MZ_DKIM_REVOKED);
	facts = load(cache, &w, store);
	assert_int_equal(facts.dkim_count, 5);
	assert_non_null(find(&facts, "manual"));
	assert_string_equal(find(&facts, "pending")->public_text, "AAAA");
	assert_string_equal(find(&facts, "active")->public_text, "AAAA");
	assert_string_equal(find(&facts, "retiring")->public_text, "AAAA");
	assert_string_equal(find(&facts, "revoked")->public_text, "");
	assert_int_equal(facts.dkim_missing, 1u << MZ_DKIM_ED25519);
	mz_facts_clear(&facts);
	/* Not automatic any more: those that signed are published until their time is over. */
	w.domain.dkim_automatic = false;
	facts = load(cache, &w, store);
	assert_int_equal(facts.dkim_count, 4);
	assert_null(find(&facts, "pending"));
	assert_int_equal(facts.dkim_missing, 0);
	mz_facts_clear(&facts);
	/* One that may be signed with already, and one whose selector the operator took over. */
	assert_int_equal(mz_store_dkim_set_handed(store, "example.org", "pending", 5), MZ_OK);
	world_key(&w, "Active", data_file("ed25519.pub.pem", 0644));
	facts = load(cache, &w, store);
	assert_int_equal(facts.dkim_count, 5);
	assert_non_null(find(&facts, "pending"));
	assert_null(find(&facts, "active"));
	assert_int_equal(find(&facts, "Active")->algorithm, MZ_DKIM_ED25519);
	mz_facts_clear(&facts);
	mz_store_close(store);
	mz_facts_cache_free(cache);
}

static void test_missing(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	struct mz_store *store = open_store("missing");
	struct mz_facts facts = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.dkim_automatic = true;
	facts = load(cache, &w, NULL);
	assert_int_equal(facts.dkim_missing, 1u << MZ_DKIM_RSA | 1u << MZ_DKIM_ED25519);
	mz_facts_clear(&facts);
	/* A key on its way out does not count. */
	add_key(store, "out", MZ_DKIM_RSA, MZ_DKIM_RETIRING);
	add_key(store, "in", MZ_DKIM_ED25519, MZ_DKIM_PENDING);
	facts = load(cache, &w, store);
	assert_int_equal(facts.dkim_missing, 1u << MZ_DKIM_RSA);
	mz_facts_clear(&facts);
	w.domain.dkim_algorithms = 1u << MZ_DKIM_ED25519;
	facts = load(cache, &w, store);
	assert_int_equal(facts.dkim_missing, 0);
	mz_facts_clear(&facts);
	mz_store_close(store);
	mz_facts_cache_free(cache);
}

/* Every owner once, with what is on disk and what the store remembers of it. */
static void test_tlsa(void **state)
{
	const struct mz_conf_server server = {.name = "primary", .ttl = 600};
	const struct mz_name https = name_of("_443._tcp.mx1.example.org");
	struct mz_facts_cache *cache = new_cache();
	struct mz_store *store = open_store("tlsa");
	struct mz_tlsa_set old =
		{.key = {{.usage = MZ_TLSA_SERVER, .role = MZ_TLSA_USED, .since = 1, .served = 2}},
		 .count = 1};
	struct mz_tlsa_place place = {0};
	struct mz_facts facts = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.publish = 1u << MZ_FAMILY_TLSA;
	w.domain.server = &server;
	w.domain.origin_text = "example.org";
	w.system.name = "default";
	w.mxs.count = 0;
	world_mx(&w, "mx1.example.org", 10);
	world_mx(&w, "mx1.example.net", 20);
	world_service(&w, MZ_PROTO_JMAP, false, "mx1.example.org");
	world_service(&w, MZ_PROTO_CALDAV, false, "mx1.example.org");
	world_certificate(&w, data_file("selfsigned.pem", 0644), data_file("ec.pub.pem", 0644),
			  "mx1.example.org", "mx1.example.net", NULL);
	facts = load(cache, &w, store);
	assert_int_equal(facts.tlsa_count, 2);
	assert_true(mz_name_equal(facts.tlsa[1].owner, https.wire));
	assert_int_equal(facts.tlsa[1].set.count, 2);
	assert_true(facts.tlsa[1].changed);
	assert_false(facts.tlsa[1].early);
	place = mz_fact_tlsa_place(&w.domain, &facts.tlsa[1]);
	assert_int_equal(mz_store_tlsa_put(store, &place, &facts.tlsa[1].set), MZ_OK);
	place = mz_fact_tlsa_place(&w.domain, &facts.tlsa[0]);
	assert_int_equal(mz_store_tlsa_put(store, &place, &old), MZ_OK);
	mz_facts_clear(&facts);
	facts = load(cache, &w, store);
	assert_int_equal(facts.tlsa[0].set.count, 3);
	assert_true(facts.tlsa[0].changed);
	assert_true(facts.tlsa[0].early);
	assert_int_equal(facts.tlsa[1].set.count, 2);
	assert_false(facts.tlsa[1].changed);
	mz_facts_clear(&facts);
	mz_store_close(store);
	mz_facts_cache_free(cache);
}

/* A certificate that cannot be read: what concerns its hosts is held, unless the others are known to suffice. */
static void test_tlsa_in_doubt(void **state)
{
	const struct mz_conf_server server = {.name = "primary", .ttl = 600};
	struct mz_facts_cache *cache = new_cache();
	struct mz_store *store = open_store("doubt");
	struct mz_tlsa_set old =
		{.key = {{.usage = MZ_TLSA_SERVER, .role = MZ_TLSA_USED, .since = 1, .served = 2}},
		 .count = 1};
	struct mz_tlsa_place place = {0};
	struct mz_facts facts = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.publish = MZ_FAMILIES_ALL;
	w.domain.server = &server;
	w.domain.origin_text = "example.org";
	w.system.name = "default";
	w.mxs.count = 0;
	world_mx(&w, "mx1.example.org", 10);
	world_mx(&w, "mx2.example.org", 20);
	world_mx(&w, "mx3.example.org", 30);
	/* The first covers mx1, the third is of mx3, and the second may cover any. */
	world_certificate(&w, data_file("selfsigned.pem", 0644), NULL, "mx1.example.org", NULL);
	world_certificate(&w, in_folder("missing.crt"), NULL, NULL);
	world_certificate(&w, data_file("selfsigned.pem", 0644), in_folder("missing.key"),
			  "mx3.example.org", NULL);
	facts = load(cache, &w, store);
	/* Hosts that are made up, such as autoconfig.example.org, have no records that are in doubt. */
	assert_int_equal(facts.tlsa_count, 3);
	assert_true(facts.tlsa[0].held && facts.tlsa[1].held && facts.tlsa[2].held);
	assert_non_null(strstr(facts.tlsa[1].fault, "missing.crt"));
	for (size_t i = 0; i < 3; i++) {
		place = mz_fact_tlsa_place(&w.domain, &facts.tlsa[i]);
		assert_int_equal(mz_store_tlsa_put(store, &place, &old), MZ_OK);
	}
	mz_facts_clear(&facts);
	facts = load(cache, &w, store);
	assert_true(!facts.tlsa[0].held && facts.tlsa[1].held && !facts.tlsa[2].held);
	assert_int_equal(facts.tlsa[0].set.count, 2);
	assert_int_equal(facts.tlsa[0].set.key[0].role, MZ_TLSA_USED);
	assert_int_equal(mz_facts_tlsa_wait(&facts, &w.domain).look_at, 0);
	assert_non_null(facts.tlsa[0].fault);
	assert_non_null(facts.tlsa[2].fault);
	mz_facts_clear(&facts);
	mz_store_close(store);
	mz_facts_cache_free(cache);
}

static void test_template(void **state)
{
	static const struct {
		const char *template, *words;
	} wrong[] = {
		{"v{nothing}", "mailzone.conf:12: error: example.org: the selector template"},
		{"v{version", "without its }"},
		{"a_b", "no selector"},
	};
	struct mz_facts_cache *cache = new_cache();
	struct mz_facts facts = {0};
	struct world w;

	(void)state;
	world_init(&w, "example.org", "example.org");
	w.domain.dkim_automatic = true;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		w.domain.selector_template = wrong[i].template;
		assert_fault(cache, &w, 1, wrong[i].words);
	}
	/* Not asked of a domain whose keys are made by hand. */
	w.domain.dkim_automatic = false;
	facts = load(cache, &w, NULL);
	mz_facts_clear(&facts);
	mz_facts_cache_free(cache);
}

static void test_template_too_long(void **state)
{
	struct mz_facts_cache *cache = new_cache();
	char label[61] = "", name[256] = "";
	struct world w;

	(void)state;
	memset(label, 'a', 60);
	(void)snprintf(name, sizeof(name), "%s.%s.%s.longer-example", label, label, label);
	world_init(&w, "example.org", "example.org");
	w.name = name_of(name);
	w.domain.dkim_automatic = true;
	w.domain.selector_template = "{hash}-{hash}-{hash}";
	assert_fault(cache, &w, 1, "too long");
	mz_facts_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_read),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_faults_once),
		cmocka_unit_test(test_faults_of_all),
		cmocka_unit_test(test_cached),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_tlsa),
		cmocka_unit_test(test_tlsa_in_doubt),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_template_too_long),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
