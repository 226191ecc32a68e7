/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the NOTIFY listener by real sockets: UDP, TCP, IPv6, its limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include <cmocka.h>
#include <event2/event.h>

#include "tests/unit/net/notify.h"

#define CONNS 64

static struct event_base *base;
static struct mz_notify *notify;
static struct mz_endpoint endpoint;
static struct tsig_key *key;
static struct mz_cause cause;
static enum mz_notify_reply reply;
static struct {
	unsigned calls;
	char host[80], origin[MZ_NAME_TEXT];
	uint32_t serial;
	const struct tsig_key *key;
} seen;
static uint8_t wire[2048];
static size_t len;

static enum mz_notify_reply handle(void *arg, const struct mz_notify_event *event)
{
	assert_ptr_equal(arg, &seen);
	seen.calls++;
	(void)snprintf(seen.host, sizeof seen.host, "%s", event->host);
	mz_name_to_text(event->origin, seen.origin);
	seen.serial = event->have_serial ? event->serial : 0;
	seen.key = event->key;
	return reply;
}

static const struct tsig_key *look_up(void *arg, const char *name)
{
	assert_ptr_equal(arg, &seen);
	return strcmp(name, tsig_key_name(key)) == 0 ? key : NULL;
}

/* A port that is free for both. */
static uint16_t free_port(const char *host)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_v6 = strchr(host, ':') != NULL;
	socklen_t size = is_v6 ? sizeof v6 : sizeof v4;
	struct sockaddr *addr = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	int fd = socket(addr->sa_family, SOCK_STREAM, 0);
	uint16_t port = 0;

	if (fd >= 0 && bind(fd, addr, size) == 0 && getsockname(fd, addr, &size) == 0)
		port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
	close(fd);
	return port;
}

static bool open_on(const char *host)
{
	(void)snprintf(endpoint.host, sizeof endpoint.host, "%s", host);
	for (int i = 0; i < 20; i++) {
		endpoint.port = free_port(host);
		if (endpoint.port == 0)
			return false;
		if (mz_notify_open(&notify, base, &endpoint, look_up, handle, &seen, &cause) ==
		    MZ_OK)
			return true;
	}
	return false;
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof seen);
	reply = MZ_NOTIFY_TAKE;
	base = event_base_new();
	key = notify_new_key("mail-update");
	assert_non_null(base);
	assert_non_null(key);
	assert_true(open_on("127.0.0.1"));
	len = notify_request(wire, sizeof wire, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mz_notify_close(notify);
	notify = NULL;
	tsig_key_free(key);
	event_base_free(base);
	return 0;
}

static int dial(int type)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				  .sin6_port = htons(endpoint.port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(endpoint.port)};
	bool is_v6 = strchr(endpoint.host, ':') != NULL;
	struct sockaddr *addr = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	int fd = socket(addr->sa_family, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, addr, is_v6 ? sizeof v6 : sizeof v4), 0);
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* What comes back within two seconds while the loop runs: octets, 0 at the end, -1 for nothing. */
static ssize_t hear(int fd, uint8_t *out, size_t cap)
{
	ssize_t n = -1;

	for (int i = 0; i < 2000 && n < 0; i++) {
		turn();
		n = recv(fd, out, cap, MSG_DONTWAIT);
		if (n < 0)
			usleep(1000);
	}
	return n;
}

static void say(int fd, const void *octets, size_t n)
{
	assert_int_equal(send(fd, octets, n, MSG_NOSIGNAL), n);
}

static void say_framed(int fd)
{
	uint8_t out[2 + sizeof wire] = {0};

	mz_put16(out, (uint16_t)len);
	memcpy(out + 2, wire, len);
	say(fd, out, 2 + len);
}

static void assert_answer(const uint8_t *in, ssize_t n, enum mz_rcode rcode)
{
	assert_int_equal(n, MZ_MSG_HEADER + sizeof notify_zone + 4);
	assert_int_equal(mz_get16(in), NOTIFY_ID);
	assert_int_equal(mz_get16(in + 2), MZ_FLAG_QR | NOTIFY_FLAGS | rcode);
	assert_memory_equal(in + MZ_MSG_HEADER, wire + MZ_MSG_HEADER, sizeof notify_zone + 4);
}

/* ---- UDP ----------------------------------------------------------------------------------- */

static void udp(void **state)
{
	uint8_t in[1024] = {0};
	int fd = dial(SOCK_DGRAM);

	(void)state;
	say(fd, wire, len);
	assert_answer(in, hear(fd, in, sizeof in), MZ_RCODE_NOERROR);
	assert_int_equal(seen.calls, 1);
	assert_string_equal(seen.host, "127.0.0.1");
	assert_string_equal(seen.origin, "example.org.");
	assert_int_equal(seen.serial, NOTIFY_SERIAL);
	assert_null(seen.key);
	reply = MZ_NOTIFY_REFUSE;
	say(fd, wire, len);
	assert_answer(in, hear(fd, in, sizeof in), MZ_RCODE_REFUSED);
	reply = MZ_NOTIFY_NOTAUTH;
	say(fd, wire, len);
	assert_answer(in, hear(fd, in, sizeof in), MZ_RCODE_NOTAUTH);
	close(fd);
}

static void udp_signed(void **state)
{
	uint8_t in[1024] = {0};
	struct tsig_mac mac = {0};
	size_t n = 0;
	int fd = dial(SOCK_DGRAM);

	(void)state;
	assert_int_equal(tsig_sign(key, wire, &len, sizeof wire, (uint64_t)mz_clock_wall(), &mac),
			 TSIG_OK);
	reply = MZ_NOTIFY_REFUSE;
	say(fd, wire, len);
	n = (size_t)hear(fd, in, sizeof in);
	assert_ptr_equal(seen.key, key);
	assert_int_equal(tsig_verify(key, in, &n, &mac, (uint64_t)mz_clock_wall(), NULL),
			 TSIG_GOOD);
	assert_answer(in, (ssize_t)n, MZ_RCODE_REFUSED);
	/* forged: the handler never hears of it */
	wire[len - 7] ^= 1;
	say(fd, wire, len);
	assert_true(hear(fd, in, sizeof in) > 0);
	assert_int_equal(in[3], MZ_RCODE_NOTAUTH);
	assert_int_equal(seen.calls, 1);
	close(fd);
}

/* What is not to be answered is not, and what follows it is. */
static void udp_silence(void **state)
{
	uint8_t in[1024] = {0};
	int fd = dial(SOCK_DGRAM);

	(void)state;
	say(fd, wire, 11);
	say(fd, "", 0);
	wire[2] |= 0x80;
	say(fd, wire, len);
	wire[2] &= 0x7f;
	say(fd, wire, len);
	assert_answer(in, hear(fd, in, sizeof in), MZ_RCODE_NOERROR);
	assert_int_equal(seen.calls, 1);
	turn();
	assert_int_equal(recv(fd, in, sizeof in, MSG_DONTWAIT), -1);
	close(fd);
}

/* The answer comes from the address that was asked, though every address is listened on. */
static void udp_any_address(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
	uint8_t in[1024] = {0};
	int fd = -1;

	(void)state;
	mz_notify_close(notify);
	notify = NULL;
	assert_true(open_on("0.0.0.0"));
	addr.sin_port = htons(endpoint.port);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	say(fd, wire, len);
	assert_answer(in, hear(fd, in, sizeof in), MZ_RCODE_NOERROR);
	close(fd);
}

static void ipv6(void **state)
{
	uint8_t in[1024] = {0};
	int fd = -1;

	(void)state;
	mz_notify_close(notify);
	notify = NULL;
	if (!open_on("::1"))
		skip();
	fd = dial(SOCK_DGRAM);
	say(fd, wire, len);
	assert_answer(in, hear(fd, in, sizeof in), MZ_RCODE_NOERROR);
	assert_string_equal(seen.host, "::1");
	close(fd);
	fd = dial(SOCK_STREAM);
	say_framed(fd);
	assert_answer(in + 2, hear(fd, in, sizeof in) - 2, MZ_RCODE_NOERROR);
	assert_int_equal(seen.calls, 2);
	close(fd);
}

/* ---- TCP ----------------------------------------------------------------------------------- */

static void tcp(void **state)
{
	uint8_t in[1024] = {0};
	ssize_t one = MZ_MSG_HEADER + sizeof notify_zone + 4;
	int fd = dial(SOCK_STREAM);

	(void)state;
	say_framed(fd);
	assert_answer(in + 2, hear(fd, in, sizeof in) - 2, MZ_RCODE_NOERROR);
	assert_string_equal(seen.host, "127.0.0.1");
	/* in two pieces, cut inside the length */
	say(fd, "", 1);
	turn();
	wire[1024] = (uint8_t)len;
	memcpy(wire + 1025, wire, len);
	say(fd, wire + 1024, 1 + len);
	assert_answer(in + 2, hear(fd, in, sizeof in) - 2, MZ_RCODE_NOERROR);
	/* two at once */
	say_framed(fd);
	say_framed(fd);
	for (ssize_t got = 0; got < 2 * (one + 2);) {
		ssize_t n = hear(fd, in + got, sizeof in - (size_t)got);

		assert_true(n > 0);
		got += n;
	}
	assert_answer(in + 2, one, MZ_RCODE_NOERROR);
	assert_int_equal(mz_get16(in + one + 2), one);
	assert_int_equal(seen.calls, 4);
	/* a length that no message has */
	say(fd, "\0\013", 2);
	assert_int_equal(hear(fd, in, sizeof in), 0);
	close(fd);
}

/* One more than there may be: the one that was silent longest goes. */
static void tcp_limit(void **state)
{
	uint8_t in[1024] = {0};
	int fd[CONNS + 1] = {0};

	(void)state;
	for (int i = 0; i < CONNS; i++) {
		fd[i] = dial(SOCK_STREAM);
		turn();
	}
	turn();
	say_framed(fd[0]); /* no longer the longest silent */
	assert_true(hear(fd[0], in, sizeof in) > 0);
	fd[CONNS] = dial(SOCK_STREAM);
	say_framed(fd[CONNS]);
	assert_true(hear(fd[CONNS], in, sizeof in) > 0);
	for (int i = 0; i <= CONNS; i++) {
		assert_int_equal(recv(fd[i], in, sizeof in, MSG_DONTWAIT), i == 1 ? 0 : -1);
		close(fd[i]);
	}
}

/* No descriptors: the loop rests, and goes on when there are some. */
static void tcp_no_descriptors(void **state)
{
	struct timeval patience = {3, 0};
	struct rlimit limit = {0};
	struct rlimit none = {0};
	uint8_t in[1024] = {0};
	uint64_t begin = mz_clock_mono_ms();
	int fd = dial(SOCK_STREAM);
	int turns = 0;
	ssize_t n = 0;

	(void)state;
	mz_log_set_level(MZ_LOG_ERROR);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	say_framed(fd);
	event_base_loopexit(base, &patience);
	while (seen.calls == 0 && !event_base_got_exit(base)) {
		event_base_loop(base, EVLOOP_ONCE);
		if (++turns == 2)
			assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	n = hear(fd, in, sizeof in);
	close(fd);
	if (n == 0)
		skip(); /* valgrind looks at the limit when the connection is taken already */
	assert_true(n > 0);
	assert_in_range(turns, 3, 5);
	assert_in_range(mz_clock_mono_ms() - begin, 900, 2900);
}

/* ---- open ---------------------------------------------------------------------------------- */

static void causes(void **state)
{
	struct mz_notify *second = NULL;
	struct mz_endpoint bad = {.host = "localhost", .port = 53};
	char want[200] = "";

	(void)state;
	assert_int_equal(mz_notify_open(&second, base, &endpoint, look_up, handle, &seen, &cause),
			 MZ_EIO);
	assert_null(second);
	(void)snprintf(want, sizeof want, "cannot listen on 127.0.0.1:%u by UDP: %s", endpoint.port,
		       strerror(EADDRINUSE));
	assert_string_equal(cause.text, want);
	assert_int_equal(mz_notify_open(&second, base, &bad, look_up, handle, &seen, &cause),
			 MZ_EINVAL);
	assert_string_equal(cause.text, "\"localhost\" is not an IPv4 or IPv6 address");
	mz_notify_close(NULL);
}

/* Closed with connections open, one of them in the middle of a message. */
static void close_early(void **state)
{
	int a = dial(SOCK_STREAM);
	int b = dial(SOCK_STREAM);

	(void)state;
	say(b, "\0\100abc", 5);
	turn();
	close(a);
	close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(udp, setup, teardown),
		cmocka_unit_test_setup_teardown(udp_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(udp_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(udp_any_address, setup, teardown),
		cmocka_unit_test_setup_teardown(ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(tcp, setup, teardown),
		cmocka_unit_test_setup_teardown(tcp_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(tcp_no_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(causes, setup, teardown),
		cmocka_unit_test_setup_teardown(close_early, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
