/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading DKIM keys: what openssl(1) says of the same files, and every kind of wrong file. */
#include "tests/unit/records/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* openssl pkey -in rsa2048.pem -pubout -outform DER | base64 */
static const char rsa2048[] =
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu/9pQl2eRLvBqSWA6JesQpo8s0UvBIRs"
	"wk3dfyZxMUDNhhav12hSjRdH4muvhwnidU56ZhCxkPjbox8qaEYXlqZQMPpggmDPkDtu30wmi749"
	"/wb03R0g/MHxThKE2az00QFzqsZibNKmGMF5iyjBmz3NeFhx9s17tquABTZdnvPvk2oL1pBmMZ22"
	"BKYTHwuoXQr3eLny3wEY0rfAMA1V25aUf0neN1dt1xNl5h7gVSu8vX0Lg8Ls9b8khASG+KQIgisr"
	"77JbaEu9rJck9SZFEOxEut/2zgTMh+KuyftIU0XxDiUnbycp1FrlqbwHmGIIIPrgX3EZm4YTQpPV"
	"fhQNRwIDAQAB";
/* openssl pkey -in rsa1024.pem -pubout -outform DER | base64 */
static const char rsa1024[] =
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC40gFMTqJJ/GpgNo25p89vjIHjqzghnI0G2zg0"
	"3CnpRUFmHN4WIgL1PH8bEJG0aWhKhqPoLFReeFWrOJy6DsCK7zexUYrjYq7gZuvDLsu+Y7hEwmHA"
	"2YVoZIWaemK2ZtkzYI03ky5COc/vsko8eWACIU6RGoLtubnWlCquNetWSwIDAQAB";
/* openssl pkey -in ed25519.pem -pubout -outform DER | tail -c 32 | base64 */
static const char ed25519[] = "INz1wjNQfRjAsvhNP4b4pjzutea/Z7GHRmsTe8ujac0=";
/* openssl pkey -pubin -in rsa4096.pub.pem -outform DER | base64 -w0 | sha256sum */
static const char rsa4096_digest[] =
	"9919cf8233740983f9fdb694e6d60b68a689acd2cedd6375fa4b24b560668021";

static void assert_key(const char *path, enum mz_dkim_algorithm algorithm, unsigned bits,
		       const char *text)
{
	struct mz_dkim_public key = {0};
	struct mz_cause cause = {0};

	if (mz_dkim_public_read(&key, path, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	assert_int_equal(key.algorithm, algorithm);
	assert_int_equal(key.bits, bits);
	assert_string_equal(key.text, text);
	mz_dkim_public_clear(&key);
}

/* The file is refused with this error; the cause names the path and has these words. */
static void assert_refused(const char *path, int err, const char *words)
{
	struct mz_dkim_public key = {0};
	struct mz_cause cause = {0};

	assert_int_equal(mz_dkim_public_read(&key, path, &cause), err);
	assert_null(key.text);
	if (strstr(cause.text, path) == NULL || strstr(cause.text, words) == NULL)
		fail_msg("the cause is \"%s\"", cause.text);
	assert_null(strchr(cause.text, '\n'));
}

static void test_good_keys(void **state)
{
	(void)state;
	assert_key(data_file("rsa2048.pem", 0600), MZ_DKIM_RSA, 2048, rsa2048);
	assert_key(data_file("rsa2048.pem", 0640), MZ_DKIM_RSA, 2048, rsa2048);
	assert_key(data_file("rsa2048.pkcs1.pem", 0600), MZ_DKIM_RSA, 2048, rsa2048);
	assert_key(data_file("rsa2048.pub.pem", 0644), MZ_DKIM_RSA, 2048, rsa2048);
	assert_key(data_file("rsa2048.pub.pem", 0600), MZ_DKIM_RSA, 2048, rsa2048);
	assert_key(data_file("rsa1024.pem", 0600), MZ_DKIM_RSA, 1024, rsa1024);
	assert_key(data_file("ed25519.pem", 0600), MZ_DKIM_ED25519, 256, ed25519);
	assert_key(data_file("ed25519.pub.pem", 0644), MZ_DKIM_ED25519, 256, ed25519);
}

static void test_rsa4096(void **state)
{
	static const char hex[] = "0123456789abcdef";
	struct mz_dkim_public key = {0};
	uint8_t digest[MZ_DIGEST] = {0};
	char text[2 * MZ_DIGEST + 1] = "";

	(void)state;
	assert_int_equal(mz_dkim_public_read(&key, data_file("rsa4096.pub.pem", 0644), NULL),
			 MZ_OK);
	assert_int_equal(key.bits, 4096);
	mz_sha256(key.text, strlen(key.text), digest);
	for (size_t i = 0; i < MZ_DIGEST; i++) {
		text[2 * i] = hex[digest[i] >> 4];
		text[2 * i + 1] = hex[digest[i] & 15];
	}
	assert_string_equal(text, rsa4096_digest);
	mz_dkim_public_clear(&key);
}

static void test_open_to_all(void **state)
{
	(void)state;
	assert_refused(data_file("rsa2048.pem", 0644), MZ_EPERM, "chmod o-rwx");
	assert_refused(data_file("rsa2048.pkcs1.pem", 0604), MZ_EPERM, "chmod o-rwx");
	assert_refused(data_file("ed25519.pem", 0606), MZ_EPERM, "chmod o-rwx");
}

static void test_no_key(void **state)
{
	(void)state;
	assert_refused(in_folder("missing.pem"), MZ_ENOTFOUND, "No such file");
	assert_refused(in_folder("."), MZ_EINVAL, "not a regular file");
	assert_refused(text_file("empty.pem", "", 0644), MZ_ESYNTAX, "is empty");
	assert_refused(text_file("text.pem", "hello\n", 0644), MZ_ESYNTAX, "no PEM text");
	assert_refused(data_file("chain.pem", 0644), MZ_EINVAL, "certificate where a DKIM key");
	assert_refused(text_file("odd.pem",
				 "-----BEGIN \033[31mODD-----\nAAAA\n-----END \033[31mODD-----\n",
				 0644),
		       MZ_EINVAL, "holds a \"?[31mODD\"");
}

static void test_large(void **state)
{
	static char text[70000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_refused(text_file("large.pem", text, 0600), MZ_ESPACE, "65536");
}

static void test_other_kinds(void **state)
{
	(void)state;
	assert_refused(data_file("ec.pub.pem", 0644), MZ_EINVAL, "of the kind EC");
	assert_refused(data_file("ec.pem", 0600), MZ_EINVAL, "holds a \"EC PARAMETERS\"");
	assert_refused(data_file("x25519.pub.pem", 0644), MZ_EINVAL, "of the kind X25519");
	assert_refused(data_file("dsa.pub.pem", 0644), MZ_EINVAL, "of the kind dsaEncryption");
	assert_refused(data_file("encrypted.pem", 0600), MZ_EINVAL, "encrypted");
	assert_refused(data_file("encrypted.pkcs1.pem", 0600), MZ_EINVAL, "encrypted");
	assert_refused(data_file("rsa768.pem", 0600), MZ_EINVAL, "768 bits");
	assert_refused(data_file("rsa4224.pub.pem", 0644), MZ_EINVAL, "more than 4096 bits");
}

/* Cut anywhere before its last line is whole, a file is refused, never taken for another key. */
static void test_truncated(void **state)
{
	static const struct {
		const char *name;
		size_t len; /* with the last hyphen, without the final newline */
	} files[] = {{"rsa1024.pem", 915}, {"rsa2048.pub.pem", 450}, {"ed25519.pem", 118}};

	(void)state;
	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		for (size_t len = 0; len < files[f].len; len++) {
			struct mz_dkim_public key = {0};
			const char *path = data_cut(files[f].name, len, "cut.pem");

			assert_int_equal(mz_dkim_public_read(&key, path, NULL), MZ_ESYNTAX);
			assert_null(key.text);
		}
	}
}

/* PEM that is whole around DER that is not. */
static void test_damaged(void **state)
{
	static const char *const labels[] = {"PUBLIC KEY", "PRIVATE KEY", "RSA PRIVATE KEY"};
	static const char *const bodies[] = {
		"MA==",		    /* SEQUENCE without a length */
		"MAA=",		    /* an empty one */
		"MIAAAA==",	    /* of indefinite length */
		"MIT/////",	    /* of 4 GiB */
		"MCowBQYDK2VwAyEA", /* Ed25519 without its octets */
		"MCowBQYDK2VwAyEBINz1wjNQfRjAsvhNP4b4pjzutea/Z7GHRmsTe8ujac0=", /* unused bits */
		"MBswDQYJKoZIhvcNAQEBBQADCgAwCAICAA8CAQM=", /* RSA, another length inside */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		for (size_t l = 0; l < sizeof(labels) / sizeof(labels[0]); l++) {
			struct mz_str text = {0};

			mz_str_addf(&text, "-----BEGIN %s-----\n%s\n-----END %s-----\n", labels[l],
				    bodies[i], labels[l]);
			assert_refused(text_file("damaged.pem", text.s, 0600), MZ_ESYNTAX,
				       "damaged");
			mz_str_clear(&text);
		}
	}
}

/* Text before the key, as openssl pkey -text writes it, and another key after it. */
static void test_text_around(void **state)
{
	char *text = source_text("data/ed25519.pub.pem");
	struct mz_str all = {0};

	(void)state;
	mz_str_addf(&all, "ED25519 Public-Key:\npub:\n%s\ntail\n%s", text, text);
	assert_key(text_file("around.pem", all.s, 0644), MZ_DKIM_ED25519, 256, ed25519);
	mz_str_clear(&all);
	free(text);
}

/* What Rspamd reads of an Ed25519 key. */
static void test_seed(void **state)
{
	static const char *const others[] = {"rsa2048.pem", "ed25519.pub.pem", "rsa2048.pkcs1.pem"};
	struct mz_cause cause = {0};
	struct mz_str seed = {0};

	(void)state;
	assert_int_equal(mz_dkim_seed_read(&seed, data_file("ed25519.pem", 0600), &cause), MZ_OK);
	assert_string_equal(seed.s, "33aiVj3jqyHn+/AnbUkMjiefZhiRs53WbsFhkQRivA4=");
	mz_str_clear(&seed);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(mz_dkim_seed_read(&seed, data_file(others[i], 0600), &cause),
				 MZ_EINVAL);
		assert_non_null(strstr(cause.text, "no private Ed25519 key"));
		assert_int_equal(seed.len, 0);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(mz_dkim_k(MZ_DKIM_RSA), "rsa");
	assert_string_equal(mz_dkim_k(MZ_DKIM_ED25519), "ed25519");
	assert_string_equal(mz_dkim_algorithm_name(MZ_DKIM_RSA), "rsa-sha256");
	assert_string_equal(mz_dkim_algorithm_name(MZ_DKIM_ED25519), "ed25519-sha256");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_keys),   cmocka_unit_test(test_rsa4096),
		cmocka_unit_test(test_open_to_all), cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_large),	    cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_truncated),   cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_text_around), cmocka_unit_test(test_names),
		cmocka_unit_test(test_seed),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
