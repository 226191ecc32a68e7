/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading certificates and next keys: what openssl(1) says of the same files, and wrong files. */
#include "tests/unit/records/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* openssl x509 -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum, of each */
#define LEAF_EC "8fe7a5695c813f8c7c067c9471ea6da73d2aaae673ae6b7195adaf1c9ac0f82a"
#define LEAF_RSA "f233c51041e502e3cd55ee849203236bd7e166e520e1d7051017cec000e9a479"
#define LEAF_WILD "b436ba83c3132b2c4b788a71c78bdb865c2908974f51d7ca8563184dd4d26a5b"
#define SELF_SIGNED "8412748238ee6c18d5134f706b28c1ab256992002698be441fd2ba92b3ea40ae"
#define INTERMEDIATE "b59b4bf91ff8529e1ddac07d2bc7423d1dc39ad6f16e4a699325c4950d0c075f"
#define ROOT "c90f42d6ccd71df9dedd1a67cd287ed78a11dbdcf25775c2225a22b725dd2fe3"
/* openssl pkey -in FILE -pubout -outform DER | sha256sum, of each */
#define KEY_EC "3a02e885bf086000a8d6163199db08bbb4c25723245cf0c6dab9443970a68a12"
#define KEY_RSA "43948f607b913a4be3327fe779cebeb11a17ecbb8b4b79e7c02c2fe47610e940"
#define KEY_ED25519 "db383f8c92aa343d6e2e3985ec4a7f12666897bc41d66c4c0b36a21de145bbc7"

static void assert_digest(const uint8_t digest[MZ_SPKI_DIGEST], const char *want)
{
	char text[2 * MZ_SPKI_DIGEST + 1] = "";

	for (size_t i = 0; i < MZ_SPKI_DIGEST; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, want);
}

static struct mz_cert read_cert(const char *file, const char *next_key)
{
	struct mz_cert cert = {0};
	struct mz_cause cause = {0};

	if (mz_cert_read(&cert, file, next_key, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	return cert;
}

static void assert_fault(const char *file, const char *next_key, int err, const char *words)
{
	struct mz_cert cert = {0};
	struct mz_cause cause = {0};
	const char *path = next_key == NULL ? file : next_key;

	assert_int_equal(mz_cert_read(&cert, file, next_key, &cause), err);
	/* The chain is given all the same where it is the next key's fault alone. */
	assert_true((cert.names != NULL) == (next_key != NULL));
	assert_false(cert.has_next);
	mz_cert_clear(&cert);
	assert_null(cert.issuers);
	if (strstr(cause.text, path) == NULL || strstr(cause.text, words) == NULL)
		fail_msg("the cause is \"%s\"", cause.text);
	assert_null(strchr(cause.text, '\n'));
}

static void test_chain(void **state)
{
	struct mz_cert cert = read_cert(data_file("chain.pem", 0644), NULL);

	(void)state;
	assert_digest(cert.leaf, LEAF_EC);
	assert_int_equal(cert.issuer_count, 1);
	assert_digest(cert.issuers[0], INTERMEDIATE);
	assert_false(cert.has_next);
	/* Two DNS names; an address and a mail address are not names of hosts. */
	assert_int_equal(cert.name_count, 2);
	assert_true(mz_cert_covers(&cert, name_of("mx1.example.org").wire));
	assert_true(mz_cert_covers(&cert, name_of("mx2.example.org").wire));
	assert_false(mz_cert_covers(&cert, name_of("mx3.example.org").wire));
	/* date -d "$(openssl x509 -noout -enddate | cut -d= -f2)" +%s */
	assert_int_equal(cert.not_after, 4949077097);
	mz_cert_clear(&cert);
}

static void test_chain_with_root(void **state)
{
	struct mz_cert cert = read_cert(data_file("chain-wild.pem", 0600), NULL);

	(void)state;
	assert_digest(cert.leaf, LEAF_WILD);
	assert_int_equal(cert.issuer_count, 2);
	assert_digest(cert.issuers[0], INTERMEDIATE);
	assert_digest(cert.issuers[1], ROOT);
	assert_true(mz_cert_covers(&cert, name_of("any.example.org").wire));
	assert_true(mz_cert_covers(&cert, name_of("any.sub.example.org").wire));
	assert_false(mz_cert_covers(&cert, name_of("a.any.sub.example.org").wire));
	assert_false(mz_cert_covers(&cert, name_of("example.org").wire));
	mz_cert_clear(&cert);
}

static void test_rsa_and_self_signed(void **state)
{
	struct mz_cert cert = read_cert(data_file("chain-rsa.pem", 0644), NULL);

	(void)state;
	assert_digest(cert.leaf, LEAF_RSA);
	mz_cert_clear(&cert);
	cert = read_cert(data_file("selfsigned.pem", 0644), NULL);
	assert_digest(cert.leaf, SELF_SIGNED);
	assert_int_equal(cert.issuer_count, 0);
	mz_cert_clear(&cert);
}

static void test_next_keys(void **state)
{
	static const struct {
		const char *file;
		unsigned mode;
		const char *want;
	} cases[] = {
		{"ec.pub.pem", 0644, KEY_EC},	    {"ec.pem", 0600, KEY_EC},
		{"rsa2048.pem", 0640, KEY_RSA},	    {"rsa2048.pkcs1.pem", 0600, KEY_RSA},
		{"rsa2048.pub.pem", 0644, KEY_RSA}, {"ed25519.pem", 0600, KEY_ED25519},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mz_cert cert = read_cert(data_file("chain.pem", 0644),
						data_file(cases[i].file, cases[i].mode));

		assert_true(cert.has_next);
		assert_digest(cert.next, cases[i].want);
		assert_digest(cert.leaf, LEAF_EC);
		mz_cert_clear(&cert);
	}
}

/* A private key before the chain, as some servers want it: good, unless all may read it. */
static void test_combined(void **state)
{
	struct mz_cert cert = read_cert(data_file("combined.pem", 0640), NULL);

	(void)state;
	assert_digest(cert.leaf, LEAF_EC);
	assert_int_equal(cert.issuer_count, 1);
	mz_cert_clear(&cert);
	assert_fault(data_file("combined.pem", 0644), NULL, MZ_EPERM, "chmod o-rwx");
}

static void test_wrong_files(void **state)
{
	(void)state;
	assert_fault(in_folder("missing.pem"), NULL, MZ_ENOTFOUND, "No such file");
	assert_fault(text_file("empty.pem", "", 0644), NULL, MZ_ESYNTAX, "is empty");
	assert_fault(text_file("text.pem", "hello\n", 0644), NULL, MZ_ESYNTAX, "no PEM text");
	assert_fault(data_file("rsa2048.pub.pem", 0644), NULL, MZ_EINVAL,
		     "a key and no certificate");
	assert_fault(data_file("rsa2048.pem", 0600), NULL, MZ_EINVAL, "a key and no certificate");
	assert_fault(data_file("rsa2048.pem", 0644), NULL, MZ_EPERM, "chmod o-rwx");
	assert_fault(text_file("odd.pem", "-----BEGIN ODD-----\nAAAA\n-----END ODD-----\n", 0644),
		     NULL, MZ_EINVAL, "no certificate but a \"ODD\"");
	assert_fault(text_file("bad.pem",
			       "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
			       0644),
		     NULL, MZ_ESYNTAX, "certificate 1 is damaged");
}

static void test_wrong_order(void **state)
{
	(void)state;
	assert_fault(data_file("wrong-order.pem", 0644), NULL, MZ_EINVAL,
		     "certificate 2 is not the issuer of certificate 1");
	assert_fault(data_file("gap.pem", 0644), NULL, MZ_EINVAL,
		     "certificate 2 is not the issuer of certificate 1");
}

/* Cut anywhere, a chain is refused: but for the cut between two certificates, which is a chain. */
static void test_truncated(void **state)
{
	char *text = source_text("data/chain.pem");
	size_t all = strlen(text) - 1, second = 0, taken = 0;

	(void)state;
	second = (size_t)(strstr(text + 1, "-----BEGIN") - text);
	for (size_t len = 0; len < all; len++) {
		struct mz_cert cert = {0};
		int err = mz_cert_read(&cert, data_cut("chain.pem", len, "cut.pem"), NULL, NULL);

		if (err == MZ_OK) {
			/* From the last hyphen of the first to less than "-----BEGIN" of the second. */
			assert_true(len + 1 >= second && len < second + strlen("-----BEGIN"));
			assert_int_equal(cert.issuer_count, 0);
			taken++;
		} else {
			assert_int_equal(err, MZ_ESYNTAX);
		}
		mz_cert_clear(&cert);
	}
	assert_int_equal(taken, 1 + strlen("-----BEGIN"));
	free(text);
}

static void test_too_many(void **state)
{
	char *one = source_text("data/selfsigned.pem");
	struct mz_str all = {0};

	(void)state;
	for (unsigned i = 0; i < 17; i++)
		mz_str_add(&all, one);
	assert_fault(text_file("many.pem", all.s, 0644), NULL, MZ_ERANGE, "more than 16");
	mz_str_clear(&all);
	free(one);
}

static void test_wrong_next_keys(void **state)
{
	const char *chain = data_file("chain.pem", 0644);

	(void)state;
	assert_fault(chain, in_folder("missing.pem"), MZ_ENOTFOUND, "No such file");
	assert_fault(chain, text_file("empty.pem", "", 0600), MZ_ESYNTAX, "is empty");
	assert_fault(chain, text_file("text.pem", "x", 0600), MZ_ESYNTAX, "no key");
	assert_fault(chain, data_file("selfsigned.pem", 0644), MZ_EINVAL,
		     "holds a \"CERTIFICATE\"");
	assert_fault(chain, data_file("encrypted.pem", 0600), MZ_EINVAL, "encrypted");
	assert_fault(chain, data_file("encrypted.pkcs1.pem", 0600), MZ_EINVAL, "encrypted");
	assert_fault(chain, data_file("ec.pem", 0644), MZ_EPERM, "chmod o-rwx");
	assert_fault(chain, data_cut("ed25519.pem", 100, "cut.pem"), MZ_ESYNTAX, "cut short");
	assert_fault(chain,
		     text_file("bad.pem",
			       "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
			       0600),
		     MZ_ESYNTAX, "damaged");
	assert_fault(chain,
		     text_file("bad.pem",
			       "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
			       0600),
		     MZ_ESYNTAX, "damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_with_root),
		cmocka_unit_test(test_rsa_and_self_signed),
		cmocka_unit_test(test_next_keys),
		cmocka_unit_test(test_combined),
		cmocka_unit_test(test_wrong_files),
		cmocka_unit_test(test_wrong_order),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_wrong_next_keys),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
