/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads one AXFR as fast as it comes and checks the MACs only: the yardstick for mailzone's read. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tsig/tsig.h"

#define SOA_TAIL 20 /* serial, refresh, retry, expire, minimum: what ends an SOA */

static uint8_t buffer[1 << 20];

/* Writes the zone's name in wire form; its length, or 0. */
static size_t put_name(uint8_t *out, const char *text)
{
	size_t used = 0;
	while (*text != '\0') {
		size_t n = strcspn(text, ".");
		if (n == 0 || n > 63 || used + n > 250)
			return 0;
		out[used++] = (uint8_t)n;
		memcpy(out + used, text, n);
		used += n;
		text += n + (text[n] == '.');
	}
	out[used++] = 0;
	return used;
}

static int send_request(int fd, const struct tsig_key *key, const char *zone, struct tsig_mac *mac)
{
	static const uint8_t header[12] = {0x12, 0x34, 0, 0, 0, 1};
	uint8_t message[2 + 1024] = {0};
	memcpy(message + 2, header, sizeof header);
	size_t len = put_name(message + 14, zone);
	if (len == 0)
		return -1;
	len += 12;
	static const uint8_t question[4] = {0, 252, 0, 1};
	memcpy(message + 2 + len, question, sizeof question);
	len += sizeof question;
	if (tsig_sign(key, message + 2, &len, 1024, (uint64_t)time(NULL), mac) != TSIG_OK)
		return -1;
	message[0] = (uint8_t)(len >> 8);
	message[1] = (uint8_t)len;
	return write(fd, message, len + 2) == (ssize_t)(len + 2) ? 0 : -1;
}

/* The tail of the opening SOA: the first RR, behind header and question. False when malformed. */
static bool opening_soa(const uint8_t *msg, size_t len, uint8_t tail[SOA_TAIL])
{
	size_t at = 12;
	while (at < len && msg[at] != 0 && msg[at] < 192)
		at += 1u + msg[at];
	at += 5; /* the root label, type and class */
	while (at < len && msg[at] != 0 && msg[at] < 192)
		at += 1u + msg[at];
	at += at < len && msg[at] >= 192 ? 2 : 1;
	if (at + 10 > len)
		return false;
	size_t end = at + 10 + ((size_t)msg[at + 8] << 8 | msg[at + 9]);
	if (end > len || end < SOA_TAIL)
		return false;
	memcpy(tail, msg + end - SOA_TAIL, SOA_TAIL);
	return true;
}

/* Takes the messages in buffer[0..have): 1 done, 0 more, -1 failed. *used: octets taken. */
static int take(struct tsig_stream *stream, size_t have, size_t *used, uint64_t *messages,
		uint8_t tail[SOA_TAIL])
{
	while (have - *used >= 2) {
		uint8_t *msg = buffer + *used + 2;
		size_t len = (size_t)buffer[*used] << 8 | buffer[*used + 1];
		if (have - *used < len + 2)
			return 0;
		*used += len + 2;
		if (len < 12 ||
		    tsig_stream_next(stream, msg, &len, (uint64_t)time(NULL), NULL) != TSIG_GOOD)
			return -1;
		unsigned answers = (unsigned)msg[6] << 8 | msg[7];
		bool first = (*messages)++ == 0;
		if ((msg[3] & 15) != 0 || (first && !opening_soa(msg, len, tail)))
			return -1;
		if (len >= SOA_TAIL && memcmp(msg + len - SOA_TAIL, tail, SOA_TAIL) == 0 &&
		    (!first || answers > 1))
			return tsig_stream_complete(stream) ? 1 : -1;
	}
	return 0;
}

static int drain(int fd, const struct tsig_key *key, const struct tsig_mac *mac)
{
	struct tsig_stream stream = {0};
	uint8_t tail[SOA_TAIL] = {0};
	uint64_t messages = 0, octets = 0;
	size_t have = 0;
	int state = tsig_stream_init(&stream, key, mac) == TSIG_OK ? 0 : -1;
	while (state == 0) {
		ssize_t n = read(fd, buffer + have, sizeof buffer - have);
		if (n <= 0)
			break;
		have += (size_t)n;
		octets += (uint64_t)n;
		size_t used = 0;
		state = take(&stream, have, &used, &messages, tail);
		memmove(buffer, buffer + used, have - used);
		have -= used;
	}
	tsig_stream_clear(&stream);
	printf("%llu messages, %llu octets\n", (unsigned long long)messages,
	       (unsigned long long)octets);
	return state == 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: drain PORT ZONE KEYNAME ALGORITHM SECRET\n");
		return 64;
	}
	struct tsig_key *key = NULL;
	struct tsig_mac mac = {0};
	enum tsig_alg alg = TSIG_HMAC_SHA256;
	struct sockaddr_in to = {.sin_family = AF_INET};
	int status = 1;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || !tsig_alg_from_name(argv[4], &alg) ||
	    tsig_key_from_base64(&key, argv[3], alg, argv[5]) != TSIG_OK)
		goto done;
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
	    send_request(fd, key, argv[2], &mac) == 0)
		status = drain(fd, key, &mac);
done:
	tsig_key_free(key);
	if (fd >= 0)
		close(fd);
	return status;
}
