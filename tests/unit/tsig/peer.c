/* SPDX-License-Identifier: BSD-2-Clause */
/* Signs with HMAC() over one buffer, sharing no code with the library; reads vector files. */

#include "tests/unit/tsig/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const uint8_t peer_secret[32] = "thirty-two octets of test secret";

void peer_init(struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	peer->name = "mail-update";
	peer->alg = "hmac-sha256";
	peer->digest = "SHA256";
	peer->secret = peer_secret;
	peer->secret_len = sizeof(peer_secret);
	peer->time = PEER_NOW;
	peer->fudge = 300;
	peer->mac_len = 32;
	peer->dns_class = 255;
	peer->original_id = -1;
}

struct tsig_key *peer_key(void)
{
	struct tsig_key *key = NULL;

	assert_int_equal(tsig_key_new(&key, "mail-update", TSIG_HMAC_SHA256, peer_secret,
				      sizeof(peer_secret)),
			 TSIG_OK);
	return key;
}

/* A buffer that grows by number and by octets. */
struct out {
	uint8_t *data;
	size_t len;
};

static void put(struct out *out, uint64_t value, int octets)
{
	while (octets-- > 0)
		out->data[out->len++] = (uint8_t)(value >> (8 * octets));
}

static void put_octets(struct out *out, const void *data, size_t len)
{
	if (len > 0)
		memcpy(out->data + out->len, data, len);
	out->len += len;
}

static void put_name(struct out *out, const char *name, bool lower)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		put(out, len, 1);
		for (size_t i = 0; i < len; i++) {
			char c = name[i];

			if (lower && c >= 'A' && c <= 'Z')
				c = (char)(c - 'A' + 'a');
			put(out, (uint8_t)c, 1);
		}
		name += len;
		name += *name == '.';
	}
	put(out, 0, 1);
}

static void put_timers(struct out *out, const struct peer *peer)
{
	put(out, peer->time, 6);
	put(out, peer->fudge, 2);
}

static void digest(const struct peer *peer, const uint8_t *msg, size_t len, uint16_t original_id,
		   uint8_t mac[EVP_MAX_MD_SIZE])
{
	struct out in = {malloc(len + peer->pending_len + 1024), 0};
	unsigned int mac_len = 0;

	assert_non_null(in.data);
	if (peer->prior.len > 0) {
		put(&in, peer->prior.len, 2);
		put_octets(&in, peer->prior.octets, peer->prior.len);
	}
	put_octets(&in, peer->pending, peer->pending_len);
	put(&in, original_id, 2);
	put_octets(&in, msg + 2, len - 2);
	if (!peer->timers_only) {
		put_name(&in, peer->name, true);
		put(&in, 255, 2);
		put(&in, 0, 4);
		put_name(&in, peer->alg, true);
	}
	put_timers(&in, peer);
	if (!peer->timers_only) {
		put(&in, peer->error, 2);
		put(&in, peer->other_len, 2);
		put_octets(&in, peer->other, peer->other_len);
	}
	assert_non_null(HMAC(EVP_get_digestbyname(peer->digest), peer->secret,
			     (int)peer->secret_len, in.data, in.len, mac, &mac_len));
	free(in.data);
}

size_t peer_sign(const struct peer *peer, uint8_t *msg, size_t len, struct tsig_mac *mac)
{
	uint8_t octets[EVP_MAX_MD_SIZE + 64] = {0};
	uint16_t original_id = (uint16_t)(msg[0] << 8 | msg[1]);
	uint16_t arcount = (uint16_t)((msg[10] << 8 | msg[11]) + 1);
	struct out out = {msg, len};
	size_t rdata = 0;

	if (peer->original_id >= 0)
		original_id = (uint16_t)peer->original_id;
	digest(peer, msg, len, original_id, octets);
	put_name(&out, peer->name, false);
	put(&out, 250, 2);
	put(&out, peer->dns_class, 2);
	put(&out, peer->ttl, 4);
	put(&out, 0, 2);
	rdata = out.len;
	put_name(&out, peer->alg, false);
	put_timers(&out, peer);
	put(&out, peer->mac_len, 2);
	put_octets(&out, octets, peer->mac_len);
	put(&out, original_id, 2);
	put(&out, peer->error, 2);
	put(&out, peer->other_len, 2);
	put_octets(&out, peer->other, peer->other_len);
	msg[rdata - 2] = (uint8_t)((out.len - rdata) >> 8);
	msg[rdata - 1] = (uint8_t)(out.len - rdata);
	msg[10] = (uint8_t)(arcount >> 8);
	msg[11] = (uint8_t)arcount;
	if (mac != NULL) {
		memset(mac, 0, sizeof(*mac));
		mac->len = (uint16_t)(peer->mac_len < TSIG_MAC_MAX ? peer->mac_len : TSIG_MAC_MAX);
		memcpy(mac->octets, octets, mac->len);
	}
	return out.len;
}

size_t peer_answer(uint8_t *msg, uint16_t id, unsigned int records)
{
	struct out out = {msg, 0};

	put(&out, id, 2);
	put(&out, 0x8400, 2);
	put(&out, 1, 2);
	put(&out, records, 2);
	put(&out, 0, 4);
	put_name(&out, "example.org", false);
	put(&out, 252, 2);
	put(&out, 1, 2);
	for (unsigned int i = 0; i < records; i++) {
		put(&out, 0xc00c, 2);
		put(&out, 16, 2);
		put(&out, 1, 2);
		put(&out, 300, 4);
		put(&out, 5, 2);
		put(&out, 4, 1);
		put(&out, i, 4);
	}
	return out.len;
}

struct vectors {
	FILE *file;
	char *line;
	size_t size;
};

struct vectors *vectors_open(const char *name)
{
	const char *top = getenv("srcdir");
	char path[4096] = "";
	struct vectors *v = calloc(1, sizeof(*v));

	assert_non_null(v);
	snprintf(path, sizeof(path), "%s/tests/vectors/tsig/%s", top != NULL ? top : ".", name);
	v->file = fopen(path, "r");
	if (v->file == NULL)
		fail_msg("cannot read %s", path);
	return v;
}

bool vectors_next(struct vectors *v, char *fields[], size_t count)
{
	do {
		if (getline(&v->line, &v->size, v->file) < 0)
			return false;
		v->line[strcspn(v->line, "\n")] = '\0';
	} while (v->line[0] == '#' || v->line[0] == '\0');
	memset(fields, 0, count * sizeof(*fields));
	fields[0] = v->line;
	for (size_t i = 1; i < count; i++) {
		char *blank = strchr(fields[i - 1], ' ');

		if (blank == NULL)
			break;
		*blank = '\0';
		fields[i] = blank + 1;
	}
	return true;
}

void vectors_close(struct vectors *v)
{
	if (v == NULL)
		return;
	fclose(v->file);
	free(v->line);
	free(v);
}

size_t unhex(const char *text, uint8_t *out, size_t size)
{
	size_t len = 0;

	if (strcmp(text, "-") == 0)
		return 0;
	for (; text[0] != '\0'; text += 2, len++) {
		unsigned int octet = 0;

		assert_true(len < size);
		assert_int_equal(sscanf(text, "%2x", &octet), 1);
		assert_true(text[1] != '\0');
		out[len] = (uint8_t)octet;
	}
	return len;
}
