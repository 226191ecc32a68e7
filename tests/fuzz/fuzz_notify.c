/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes NOTIFY: any octets are read without harm, and no answer is more than it may be. */

#include <stdlib.h>
#include <string.h>

#include "src/net/notify_wire.h"

#define NOW 1700000000U
#define TSIG_LONGEST 536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static struct tsig_key *our_key(void)
{
	static const uint8_t secret[16] = "a test's secret";
	static struct tsig_key *key;

	if (key == NULL)
		require(tsig_key_new(&key, "k", TSIG_HMAC_SHA256, secret, 16) == TSIG_OK);
	return key;
}

static const struct tsig_key *look_up(void *arg, const char *name)
{
	require(name[0] != '\0' && strlen(name) < MZ_NAME_MAX);
	return strcmp(name, "k") == 0 ? arg : NULL;
}

static void check_answer(const struct notify_in *in, const uint8_t *wire, size_t size,
			 const uint8_t *out, size_t len)
{
	require(len >= MZ_MSG_HEADER && len <= size + TSIG_LONGEST && len <= NOTIFY_ANSWER);
	require(memcmp(out, wire, 2) == 0);
	require((out[2] & 0x80) != 0 && (out[2] & 0x78) == (wire[2] & 0x78));
	require(out[5] == (in->qlen > 0));
	require(memcmp(out + MZ_MSG_HEADER, wire + MZ_MSG_HEADER, in->qlen) == 0);
}

static void check_event(const struct notify_in *in, const struct tsig_mac *mac, uint8_t *out,
			size_t len)
{
	require(mz_name_len(in->origin.wire) == in->origin.len);
	for (size_t i = 0; i < in->origin.len; i++)
		require(in->origin.wire[i] < 'A' || in->origin.wire[i] > 'Z');
	/* Only what was signed here can have proved anything. */
	require(in->key == NULL || mac->len > 0);
	if (in->key != NULL)
		require(tsig_verify(in->key, out, &len, mac, NOW, NULL) == TSIG_GOOD);
}

/* The first octet: whether the rest is signed before it is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[NOTIFY_ANSWER] = {0};
	struct tsig_mac mac = {0};
	struct notify_in in = {0};
	enum notify_kind kind = NOTIFY_IGNORED;
	uint8_t *wire = NULL;
	size_t len = 0;

	if (size < 1)
		return 0;
	wire = malloc(size + 512);
	require(wire != NULL);
	len = size - 1;
	memcpy(wire, data + 1, len);
	if (data[0] % 2 == 1)
		(void)tsig_sign(our_key(), wire, &len, size + 512, NOW, &mac);
	kind = notify_read(&in, wire, len, NOW, look_up, our_key());
	if (kind != NOTIFY_IGNORED) {
		size_t n = notify_write(&in, wire, NOW, out);

		check_answer(&in, wire, len, out, n);
		if (kind == NOTIFY_GOOD)
			check_event(&in, &mac, out, n);
	}
	free(wire);
	return 0;
}
