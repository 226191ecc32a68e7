/* SPDX-License-Identifier: BSD-2-Clause */
/* Listens for NOTIFY by UDP and TCP, doubts what comes, and answers (RFC 1996, 8945 5.3). */
#include "src/net/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 64,
	CLIENT_IDLE_S = 10,
	DATAGRAMS_A_TURN = 64, /* then others have theirs */
	TYPE_SOA = 6,
	SOA_FIXED = 20,
};

struct client {
	LIST_ENTRY(client) link;
	struct mz_notify *notify;
	struct event *readable;
	struct net_frame frame;
	char host[INET6_ADDRSTRLEN];
	int fd;
};

struct mz_notify {
	struct event *datagram, *connection;
	struct event_base *base;
	mz_notify_key key;
	mz_notify_handler handler;
	void *arg;
	LIST_HEAD(, client) clients;
	size_t client_count;
	int udp, tcp;
};

/* ---- a message ---------------------------------------------------------------------------------------- */

/* The serial of the SOA in the answer section, where there is one for the zone. */
static void find_serial(struct mz_reader *r, struct mz_notify_event *event)
{
	uint8_t rdata[2 * MZ_NAME_MAX + SOA_FIXED];
	struct mz_rrview rr = {0};
	struct mz_name owner = {0};

	while (mz_reader_rr(r, &rr) == 1) {
		long n = 0;

		if (rr.section != 1 || rr.type != TYPE_SOA || rr.klass != MZ_CLASS_IN ||
		    mz_reader_name(r, rr.owner, &owner) != MZ_OK ||
		    !mz_name_equal(owner.wire, event->origin))
			continue;
		n = mz_reader_rdata(r, &rr, rdata, sizeof(rdata));
		event->have_serial = n >= SOA_FIXED;
		if (event->have_serial)
			event->serial = mz_get32(rdata + n - SOA_FIXED);
		return;
	}
}

/* Takes the TSIG off and finds whose it is. False: it does not verify. */
static bool verify(struct mz_notify *notify, uint8_t *wire, size_t *len,
		   const struct tsig_key **key)
{
	for (size_t i = 0;; i++) {
		const struct tsig_key *candidate = notify->key(notify->arg, i);
		enum tsig_verdict verdict = TSIG_UNSIGNED;

		if (candidate == NULL)
			return i == 0; /* with no key at all there is nothing to ask for */
		verdict = tsig_verify(candidate, wire, len, NULL, (uint64_t)mz_clock_wall(), NULL);
		if (verdict == TSIG_GOOD)
			*key = candidate;
		if (verdict == TSIG_GOOD || verdict == TSIG_UNSIGNED)
			return true;
		if (verdict != TSIG_WRONG_KEY)
			return false;
	}
}

/* The answer: header and question of the request, never more. Returns its octets. */
static size_t answer(uint8_t *out, size_t cap, const uint8_t *wire, size_t question, unsigned rcode,
		     const struct tsig_key *key, const struct tsig_mac *mac)
{
	size_t len = MZ_MSG_HEADER + question;

	memset(out, 0, MZ_MSG_HEADER);
	memcpy(out, wire, 2);
	mz_put16(out + 2, (uint16_t)(MZ_FLAG_QR | (mz_get16(wire + 2) & 0x7800u) |
				     (rcode == 0 ? MZ_FLAG_AA : 0) | rcode));
	if (question > 0) {
		memcpy(out + MZ_MSG_HEADER, wire + MZ_MSG_HEADER, question);
		mz_put16(out + 4, 1);
	}
	if (key != NULL &&
	    tsig_sign_answer(key, mac, out, &len, cap, (uint64_t)mz_clock_wall()) != TSIG_OK)
		return 0;
	return len;
}

static unsigned rcode_of(enum mz_notify_reply reply)
{
	return reply == MZ_NOTIFY_TAKE	   ? MZ_RCODE_NOERROR
	       : reply == MZ_NOTIFY_REFUSE ? MZ_RCODE_REFUSED
					   : MZ_RCODE_NOTAUTH;
}

/* Takes one message; writes the answer into out[cap]. Its octets; 0: there is none. In order: length, QR,
 * opcode, question, TSIG, content. */
static size_t take(struct mz_notify *notify, uint8_t *wire, size_t len, const char *host,
		   uint8_t *out, size_t cap)
{
	struct mz_notify_event event = {.host = host};
	struct mz_reader r = {0};
	struct mz_name origin = {0};
	struct tsig_mac mac = {0};
	uint16_t type = 0, klass = 0;
	size_t question = 0;

	if (mz_reader_open(&r, wire, len) != MZ_OK || (r.flags & MZ_FLAG_QR) != 0)
		return 0;
	if (mz_reader_opcode(&r) != MZ_OPCODE_NOTIFY)
		return answer(out, cap, wire, 0, MZ_RCODE_NOTIMP, NULL, NULL);
	question = judge_question(wire, len);
	if (question == 0 || mz_reader_question(&r, &origin, &type, &klass) != 1 ||
	    type != TYPE_SOA || klass != MZ_CLASS_IN)
		return answer(out, cap, wire, 0, MZ_RCODE_FORMERR, NULL, NULL);
	(void)tsig_find_mac(wire, len, &mac);
	if (!verify(notify, wire, &len, &event.key))
		return answer(out, cap, wire, question, MZ_RCODE_NOTAUTH, NULL, NULL);
	event.origin = origin.wire;
	if (mz_reader_open(&r, wire, len) == MZ_OK && mz_reader_skip_questions(&r) == MZ_OK)
		find_serial(&r, &event);
	return answer(out, cap, wire, question, rcode_of(notify->handler(notify->arg, &event)),
		      event.key, &mac);
}

static void host_text(const struct sockaddr_storage *from, char host[INET6_ADDRSTRLEN])
{
	const void *address =
		from->ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr
			: (const void *)&((const struct sockaddr_in *)from)->sin_addr;

	if (inet_ntop(from->ss_family, address, host, INET6_ADDRSTRLEN) == NULL)
		host[0] = '\0';
}

/* ---- UDP -------------------------------------------------------------------------------------------------- */

static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	struct mz_notify *notify = arg;

	(void)what;
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		uint8_t wire[NET_UDP_IN], out[NET_UDP_IN];
		char host[INET6_ADDRSTRLEN] = "";
		struct sockaddr_storage from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n =
			recvfrom(fd, wire, sizeof(wire), 0, (struct sockaddr *)&from, &from_len);
		size_t len = 0;

		if (n < 0)
			return;
		host_text(&from, host);
		len = take(notify, wire, (size_t)n, host, out, sizeof(out));
		if (len > 0)
			(void)sendto(fd, out, len, MSG_NOSIGNAL, (const struct sockaddr *)&from,
				     from_len);
	}
}

/* ---- TCP -------------------------------------------------------------------------------------------------- */

static void client_free(struct client *client)
{
	LIST_REMOVE(client, link);
	client->notify->client_count--;
	if (client->readable != NULL)
		event_free(client->readable);
	net_frame_clear(&client->frame);
	(void)close(client->fd);
	free(client);
}

/* False: the client has to go. An answer is small: where it does not fit the socket, nobody reads. */
static bool feed(struct client *client, uint8_t *chunk, size_t left)
{
	uint8_t out[2 + NET_UDP_IN];
	uint8_t *wire = NULL;
	size_t len = 0;

	for (;;) {
		enum net_frame_step step =
			net_frame_next(&client->frame, &chunk, &left, &wire, &len);
		size_t n = 0;

		if (step != NET_FRAME_READY)
			return step == NET_FRAME_MORE;
		n = take(client->notify, wire, len, client->host, out + 2, sizeof(out) - 2);
		if (n == 0)
			continue;
		mz_put16(out, (uint16_t)n);
		if (send(client->fd, out, n + 2, MSG_NOSIGNAL) != (ssize_t)(n + 2))
			return false;
	}
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;
	uint8_t chunk[8192];
	ssize_t n = (what & EV_TIMEOUT) != 0 ? 0 : recv(fd, chunk, sizeof(chunk), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !feed(client, chunk, (size_t)n))
		client_free(client);
}

/* Takes the connection over; on failure it is closed. */
static void client_new(struct mz_notify *notify, int fd, const struct sockaddr_storage *from)
{
	struct timeval idle = {CLIENT_IDLE_S, 0};
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		(void)close(fd);
		return;
	}
	client->notify = notify;
	client->fd = fd;
	host_text(from, client->host);
	LIST_INSERT_HEAD(&notify->clients, client, link);
	notify->client_count++;
	client->readable = event_new(notify->base, fd, EV_READ | EV_PERSIST, on_client, client);
	if (client->readable == NULL || event_add(client->readable, &idle) != 0)
		client_free(client);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct mz_notify *notify = arg;
	struct sockaddr_storage from = {0};
	socklen_t from_len = sizeof(from);
	int client = -1;

	(void)what;
	/* The oldest makes room: strangers must not keep the servers out. With no descriptor left, too. */
	if (notify->client_count >= CLIENTS_MAX) {
		struct client *oldest = LIST_FIRST(&notify->clients);

		while (LIST_NEXT(oldest, link) != NULL)
			oldest = LIST_NEXT(oldest, link);
		client_free(oldest);
	}
	client = accept4(fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client >= 0)
		client_new(notify, client, &from);
	else if (errno == EMFILE || errno == ENFILE)
		(void)usleep(1000); /* not at full speed until one is free */
}

/* ---- the contract ------------------------------------------------------------------------------------------ */

static socklen_t address_of(const struct mz_endpoint *endpoint, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	*out = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, endpoint->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		return sizeof(*v4);
	}
	(void)inet_pton(AF_INET6, endpoint->host, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(endpoint->port);
	return sizeof(*v6);
}

static int listening(const struct mz_endpoint *endpoint, int type)
{
	struct sockaddr_storage address = {0};
	socklen_t len = address_of(endpoint, &address);
	int fd = socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&address, len) == 0 &&
	    (type == SOCK_DGRAM || listen(fd, CLIENTS_MAX) == 0))
		return fd;
	(void)close(fd);
	return -1;
}

int mz_notify_open(struct mz_notify **out, struct event_base *base,
		   const struct mz_endpoint *endpoint, mz_notify_key key, mz_notify_handler handler,
		   void *arg, struct mz_cause *cause)
{
	struct mz_notify *notify = calloc(1, sizeof(*notify));
	int err = MZ_OK;

	*out = NULL;
	if (notify == NULL)
		return MZ_ENOMEM;
	*notify = (struct mz_notify){.base = base,
				     .key = key,
				     .handler = handler,
				     .arg = arg,
				     .udp = -1,
				     .tcp = -1};
	notify->udp = listening(endpoint, SOCK_DGRAM);
	if (notify->udp >= 0)
		notify->tcp = listening(endpoint, SOCK_STREAM);
	if (notify->udp < 0 || notify->tcp < 0) {
		err = mz_cause_set(cause, MZ_EIO, "cannot listen for NOTIFY at %s port %u: %s",
				   endpoint->host, endpoint->port, strerror(errno));
		goto done;
	}
	notify->datagram = event_new(base, notify->udp, EV_READ | EV_PERSIST, on_datagram, notify);
	notify->connection =
		event_new(base, notify->tcp, EV_READ | EV_PERSIST, on_connection, notify);
	if (notify->datagram == NULL || notify->connection == NULL ||
	    event_add(notify->datagram, NULL) != 0 || event_add(notify->connection, NULL) != 0)
		err = mz_cause_set(cause, MZ_ENOMEM, "out of memory");
done:
	if (err == MZ_OK)
		*out = notify;
	else
		mz_notify_close(notify);
	return err;
}

void mz_notify_close(struct mz_notify *notify)
{
	if (notify == NULL)
		return;
	while (!LIST_EMPTY(&notify->clients))
		client_free(LIST_FIRST(&notify->clients));
	if (notify->datagram != NULL)
		event_free(notify->datagram);
	if (notify->connection != NULL)
		event_free(notify->connection);
	if (notify->udp >= 0)
		(void)close(notify->udp);
	if (notify->tcp >= 0)
		(void)close(notify->tcp);
	free(notify);
}
