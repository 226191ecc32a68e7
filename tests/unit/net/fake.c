/* SPDX-License-Identifier: BSD-2-Clause */
/* A scripted name server inside the test's own event loop. */
#include "tests/unit/net/fake.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_WIRE "\4fake" /* with its root label from the literal's end */
#define ALG_WIRE "\013hmac-sha256"

/* ---- sockets ------------------------------------------------------------------------------- */

static void on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct fake *fake = arg;
	static struct fake_request request;
	socklen_t size = sizeof request.from;
	ssize_t n = 0;

	(void)what;
	request.conn = NULL;
	n = recvfrom(fd, request.wire, sizeof request.wire, 0, (struct sockaddr *)&request.from,
		     &size);
	if (n < 0)
		return;
	request.len = (size_t)n;
	fake->udp_count++;
	fake->handler(fake, &request);
}

static void on_conn(evutil_socket_t fd, short what, void *arg)
{
	struct fake_conn *conn = arg;
	static struct fake_request request;
	ssize_t n = recv(fd, conn->in + conn->have, FAKE_IN - conn->have, 0);

	(void)what;
	if (n <= 0) {
		fake_close(conn);
		return;
	}
	conn->have += (size_t)n;
	while (conn->fd >= 0 && conn->have >= 2 && conn->have - 2 >= mz_get16(conn->in)) {
		request.conn = conn;
		request.len = mz_get16(conn->in);
		memcpy(request.wire, conn->in + 2, request.len);
		conn->have -= 2 + request.len;
		memmove(conn->in, conn->in + 2 + request.len, conn->have);
		conn->fake->tcp_count++;
		conn->fake->handler(conn->fake, &request);
	}
}

static void on_tcp(evutil_socket_t fd, short what, void *arg)
{
	struct fake *fake = arg;
	struct fake_conn *conn = fake->conn;

	(void)what;
	assert_true(fake->open < FAKE_CONNS);
	if (fake->accepted < FAKE_CONNS)
		conn += fake->accepted;
	else
		while (conn->event != NULL)
			conn++;
	conn->fake = fake;
	conn->number = fake->accepted++;
	conn->have = 0;
	conn->in = malloc(FAKE_IN);
	assert_non_null(conn->in);
	conn->fd = accept(fd, NULL, NULL);
	assert_true(conn->fd >= 0);
	(void)evutil_make_socket_nonblocking(conn->fd);
	conn->event = event_new(fake->base, conn->fd, EV_READ | EV_PERSIST, on_conn, conn);
	event_add(conn->event, NULL);
	fake->open++;
}

void fake_close(struct fake_conn *conn)
{
	if (conn->event == NULL)
		return;
	event_free(conn->event);
	conn->event = NULL;
	close(conn->fd);
	free(conn->in);
	conn->in = NULL;
	conn->fd = -1;
	conn->fake->open--;
}

/* One port that is free for both; another program may take it in between: try again. */
static void bind_both(struct fake *fake)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t size = sizeof addr;
	int tries = 0;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (tries = 0; tries < 100; tries++) {
		addr.sin_port = 0;
		fake->tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		fake->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(fake->tcp, (struct sockaddr *)&addr, sizeof addr), 0);
		assert_int_equal(getsockname(fake->tcp, (struct sockaddr *)&addr, &size), 0);
		if (bind(fake->udp, (struct sockaddr *)&addr, sizeof addr) == 0)
			break;
		close(fake->tcp);
		close(fake->udp);
	}
	assert_true(tries < 100);
	assert_int_equal(listen(fake->tcp, 64), 0);
	fake->endpoint.port = ntohs(addr.sin_port);
	memcpy(fake->endpoint.host, "127.0.0.1", 10);
}

void fake_start(struct fake *fake, fake_handler handler, unsigned max_inflight)
{
	memset(fake, 0, sizeof *fake);
	fake->base = event_base_new();
	fake->handler = handler;
	bind_both(fake);
	fake->on_udp = event_new(fake->base, fake->udp, EV_READ | EV_PERSIST, on_udp, fake);
	fake->on_tcp = event_new(fake->base, fake->tcp, EV_READ | EV_PERSIST, on_tcp, fake);
	event_add(fake->on_udp, NULL);
	event_add(fake->on_tcp, NULL);
	assert_int_equal(tsig_key_new(&fake->key, "fake", TSIG_HMAC_SHA256,
				      (const uint8_t *)FAKE_SECRET, strlen(FAKE_SECRET)),
			 TSIG_OK);
	assert_int_equal(mz_net_new(&fake->net, fake->base), MZ_OK);
	assert_int_equal(mz_net_peer(fake->net, &fake->endpoint, max_inflight, &fake->peer, NULL),
			 MZ_OK);
}

void fake_shut(struct fake *fake)
{
	unsigned i = 0;

	for (i = 0; i < FAKE_CONNS; i++)
		fake_close(&fake->conn[i]);
	if (fake->on_udp == NULL)
		return;
	event_free(fake->on_udp);
	event_free(fake->on_tcp);
	close(fake->udp);
	close(fake->tcp);
	fake->on_udp = fake->on_tcp = NULL;
}

void fake_stop(struct fake *fake)
{
	mz_net_free(fake->net);
	fake_shut(fake);
	tsig_key_free(fake->key);
	event_base_free(fake->base);
}

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

void fake_run(struct fake *fake, const unsigned *flag, unsigned want)
{
	struct timeval tv = {10, 0};
	bool late = false;
	struct event *guard = evtimer_new(fake->base, on_guard, &late);

	evtimer_add(guard, &tv);
	while (*flag < want && !late)
		event_base_loop(fake->base, EVLOOP_ONCE);
	event_free(guard);
	assert_false(late);
}

/* ---- replies ------------------------------------------------------------------------------- */

static size_t question_end(const uint8_t *wire)
{
	size_t pos = MZ_MSG_HEADER;

	while (wire[pos] != 0)
		pos += wire[pos] + 1u;
	return pos + 5;
}

size_t fake_reply(uint8_t *out, const struct fake_request *request, unsigned rcode)
{
	size_t len = question_end(request->wire);

	memcpy(out, request->wire, len);
	mz_put16(out + 2,
		 (uint16_t)((mz_get16(out + 2) & 0x7800u) | MZ_FLAG_QR | MZ_FLAG_AA | rcode));
	memset(out + 6, 0, 6);
	return len;
}

void fake_request_mac(const struct fake *fake, const struct fake_request *request,
		      struct tsig_mac *mac)
{
	size_t at = request->len - tsig_overhead(fake->key) + sizeof KEY_WIRE + 10 +
		    sizeof ALG_WIRE + 8;

	mac->len = mz_get16(request->wire + at);
	assert_int_equal(mac->len, 32);
	memcpy(mac->octets, request->wire + at + 2, mac->len);
}

static size_t add(uint8_t *out, size_t at, const void *octets, size_t n)
{
	memcpy(out + at, octets, n);
	return at + n;
}

static size_t add48(uint8_t *out, size_t at, uint64_t v)
{
	mz_put16(out + at, (uint16_t)(v >> 32));
	mz_put32(out + at + 2, (uint32_t)v);
	return at + 6;
}

static size_t add16(uint8_t *out, size_t at, unsigned v)
{
	mz_put16(out + at, (uint16_t)v);
	return at + 2;
}

/* What is digested behind the message (RFC 8945 4.3.3, or 5.3.1 for later ones). */
static size_t add_vars(uint8_t *out, size_t at, struct fake_sig sig, uint64_t time)
{
	if (!sig.later) {
		at = add(out, at, KEY_WIRE, sizeof KEY_WIRE);
		at = add16(out, at, 255);
		at = add(out, at, "\0\0\0\0", 4);
		at = add(out, at, ALG_WIRE, sizeof ALG_WIRE);
	}
	at = add48(out, at, time);
	at = add16(out, at, 300);
	if (sig.later)
		return at;
	at = add16(out, at, sig.error);
	at = add16(out, at, sig.other_time != 0 ? 6 : 0);
	return sig.other_time != 0 ? add48(out, at, sig.other_time) : at;
}

size_t fake_sign(const struct fake *fake, uint8_t *wire, size_t len, struct fake_sig sig,
		 struct tsig_mac *prior, const uint8_t *run, size_t run_len)
{
	static uint8_t data[4 * MZ_MSG_MAX];
	uint64_t time = (uint64_t)mz_clock_wall();
	size_t other = sig.other_time != 0 ? 6 : 0;
	unsigned mac_len = 0;
	size_t n = 0;

	(void)fake;
	n = add16(data, n, prior->len);
	n = add(data, n, prior->octets, prior->len);
	if (run_len > 0)
		n = add(data, n, run, run_len);
	n = add(data, n, wire, len);
	n = add_vars(data, n, sig, time);
	assert_non_null(HMAC(EVP_sha256(), FAKE_SECRET, (int)strlen(FAKE_SECRET), data, n,
			     prior->octets, &mac_len));
	prior->len = (uint16_t)mac_len;
	if (sig.wrong)
		prior->octets[0] ^= 1;
	len = add(wire, len, KEY_WIRE, sizeof KEY_WIRE);
	len = add16(wire, len, MZ_TYPE_TSIG);
	len = add16(wire, len, 255);
	len = add(wire, len, "\0\0\0\0", 4);
	len = add16(wire, len, (unsigned)(sizeof ALG_WIRE + 16 + mac_len + other));
	len = add(wire, len, ALG_WIRE, sizeof ALG_WIRE);
	len = add48(wire, len, time);
	len = add16(wire, len, 300);
	len = add16(wire, len, mac_len);
	len = add(wire, len, prior->octets, mac_len);
	len = add(wire, len, wire, 2);
	len = add16(wire, len, sig.error);
	len = add16(wire, len, (unsigned)other);
	if (other != 0)
		len = add48(wire, len, sig.other_time);
	mz_put16(wire + 10, (uint16_t)(mz_get16(wire + 10) + 1));
	return len;
}

void fake_write(struct fake_conn *conn, const uint8_t *octets, size_t len)
{
	ssize_t n = 0;

	while (len > 0 && conn->fd >= 0) {
		n = send(conn->fd, octets, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		octets += n;
		len -= (size_t)n;
	}
}

void fake_send(struct fake *fake, const struct fake_request *request, const uint8_t *wire,
	       size_t len)
{
	static uint8_t frame[2 + MZ_MSG_MAX];

	if (request->conn == NULL) {
		(void)sendto(fake->udp, wire, len, 0, (const struct sockaddr *)&request->from,
			     sizeof request->from);
		return;
	}
	mz_put16(frame, (uint16_t)len);
	memcpy(frame + 2, wire, len);
	fake_write(request->conn, frame, 2 + len);
}

void fake_answer(struct fake *fake, const struct fake_request *request, unsigned rcode)
{
	uint8_t wire[1024];
	struct tsig_mac mac = {0};
	size_t len = fake_reply(wire, request, rcode);

	if (mz_get16(request->wire + 10) != 0) {
		fake_request_mac(fake, request, &mac);
		len = fake_sign(fake, wire, len, (struct fake_sig){.on = true}, &mac, NULL, 0);
	}
	fake_send(fake, request, wire, len);
}

/* ---- asking -------------------------------------------------------------------------------- */

static void on_done(void *arg, const struct mz_answer *answer)
{
	struct fake_result *result = arg;

	assert_false(result->inside);
	result->calls++;
	result->ask = NULL;
	result->answer = *answer;
	if (answer->wire != NULL && answer->len <= sizeof result->wire)
		memcpy(result->wire, answer->wire, answer->len);
}

static enum mz_stream_step on_message(void *arg, const uint8_t *wire, size_t len)
{
	struct fake_result *result = arg;

	assert_true(wire != NULL && len >= MZ_MSG_HEADER);
	result->messages++;
	return result->messages == result->done_after ? result->step : MZ_STREAM_MORE;
}

void fake_ask(struct fake *fake, enum mz_ask_kind kind, const char *name, uint16_t type, bool sign,
	      unsigned timeout_ms, struct fake_result *result)
{
	uint8_t wire[512];
	struct mz_name owner = {0};
	struct mz_writer w = {0};
	bool update = kind == MZ_ASK_UPDATE || kind == MZ_ASK_UPDATE_UDP;
	struct mz_request request = {.kind = kind,
				     .key = sign ? fake->key : NULL,
				     .wire = wire,
				     .timeout_ms = timeout_ms,
				     .done = on_done,
				     .message = kind == MZ_ASK_TRANSFER ? on_message : NULL,
				     .arg = result};

	assert_int_equal(mz_name_from_text(&owner, name, NULL, NULL), MZ_OK);
	mz_writer_init(&w, wire, sizeof wire, 0, update ? MZ_OPCODE_UPDATE << 11 : 0);
	mz_writer_question(&w, owner.wire, type, MZ_CLASS_IN);
	request.len = w.len;
	result->inside = true;
	assert_int_equal(mz_net_ask(fake->peer, &request, &result->ask), MZ_OK);
	result->inside = false;
}
