/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes the two kinds of key file. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* An error has a cause of one line, a key has a name and none. */
static void settle(struct tsig_key *key, int err, const char *cause)
{
	const char *end = memchr(cause, '\0', TSIG_CAUSE_MAX);

	require(end != NULL);
	require((err == TSIG_OK) == (key != NULL));
	require((err == TSIG_OK) == (cause == end));
	require(strchr(cause, '\n') == NULL);
	if (key != NULL) {
		require(tsig_key_name(key)[0] != '\0');
		require(tsig_overhead(key) <= 358);
	}
	tsig_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {NULL, "mail-update", "two"};
	char cause[TSIG_CAUSE_MAX] = "";
	struct tsig_key *key = NULL;
	char *text = malloc(size + 1); /* of its own, so that a sanitizer knows its end */
	int err = TSIG_OK;

	require(text != NULL);
	memcpy(text, data, size);
	for (size_t i = 0; i < 3; i++) {
		cause[0] = '\0';
		err = tsig_parse_bind(&key, names[i], "key", text, size, cause);
		settle(key, err, cause);
	}
	cause[0] = '\0';
	err = tsig_parse_secret(&key, "mail-update", TSIG_HMAC_SHA256, "secret", text, size, cause);
	settle(key, err, cause);
	free(text);
	return 0;
}
