/* SPDX-License-Identifier: BSD-2-Clause */
/* The listening end of NOTIFY: its sockets, UDP, and the way from a message to the handler. */
#include "src/net/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UDP_ROUNDS 32 /* datagrams before others have their turn */

/* ---- a message ----------------------------------------------------------------------------- */

static enum mz_rcode ask_handler(struct mz_notify *notify, const struct notify_in *in,
				 const struct sockaddr_storage *from)
{
	char host[NOTIFY_HOST] = "";
	struct mz_notify_event event = {
		.origin = in->origin.wire,
		.host = host,
		.have_serial = in->have_serial,
		.serial = in->serial,
		.key = in->key,
	};

	if (getnameinfo((const struct sockaddr *)from, sizeof *from, host, sizeof host, NULL, 0,
			NI_NUMERICHOST) != 0)
		return MZ_RCODE_SERVFAIL;
	switch (notify->handler(notify->arg, &event)) {
	case MZ_NOTIFY_TAKE:
		return MZ_RCODE_NOERROR;
	case MZ_NOTIFY_NOTAUTH:
		return MZ_RCODE_NOTAUTH;
	case MZ_NOTIFY_REFUSE:
		break;
	}
	return MZ_RCODE_REFUSED;
}

size_t notify_take(struct mz_notify *notify, uint8_t *wire, size_t len,
		   const struct sockaddr_storage *from, uint8_t out[NOTIFY_ANSWER])
{
	uint64_t now = (uint64_t)mz_clock_wall();
	struct notify_in in = {0};

	switch (notify_read(&in, wire, len, now, notify->key, notify->arg)) {
	case NOTIFY_IGNORED:
		return 0;
	case NOTIFY_GOOD:
		in.rcode = ask_handler(notify, &in, from);
		break;
	case NOTIFY_ANSWERED:
		break;
	}
	return notify_write(&in, wire, now, out);
}

/* ---- UDP ----------------------------------------------------------------------------------- */

/* What recvmsg tells of a datagram, and sendmsg is told of its answer. */
struct datagram {
	struct msghdr msg;
	struct iovec iov;
	struct sockaddr_storage from;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* The answer leaves from the address that was asked; the routes say by which interface. */
static void forget_interface(struct msghdr *msg)
{
	struct cmsghdr *cmsg = NULL;
	struct in_pktinfo v4 = {0};
	struct in6_pktinfo v6 = {0};

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(cmsg), sizeof v4);
			v4.ipi_ifindex = 0;
			memcpy(CMSG_DATA(cmsg), &v4, sizeof v4);
		} else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(cmsg), sizeof v6);
			v6.ipi6_ifindex = 0;
			memcpy(CMSG_DATA(cmsg), &v6, sizeof v6);
		}
	}
}

static ssize_t receive(struct mz_notify *notify, struct datagram *d)
{
	*d = (struct datagram){.iov = {notify->chunk, NOTIFY_CHUNK}};
	d->msg.msg_iov = &d->iov;
	d->msg.msg_iovlen = 1;
	d->msg.msg_name = &d->from;
	d->msg.msg_namelen = sizeof d->from;
	d->msg.msg_control = d->control;
	d->msg.msg_controllen = sizeof d->control;
	return recvmsg(notify->udp, &d->msg, 0);
}

static void on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct mz_notify *notify = arg;
	uint8_t out[NOTIFY_ANSWER] = {0};
	struct datagram d = {.iov = {NULL, 0}};
	ssize_t n = 0;

	(void)what;
	for (int round = 0; round < UDP_ROUNDS; round++) {
		n = receive(notify, &d);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		d.iov.iov_len = notify_take(notify, notify->chunk, (size_t)n, &d.from, out);
		if (d.iov.iov_len == 0)
			continue;
		d.iov.iov_base = out;
		forget_interface(&d.msg);
		/* One that cannot be sent is as one that was lost: the other end asks again. */
		(void)sendmsg(fd, &d.msg, 0);
	}
}

/* ---- open and close ------------------------------------------------------------------------ */

static void set_options(int fd, int family, int type)
{
	int one = 1;

	/* So that 0.0.0.0 and [::] can stand in the configuration side by side. */
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	else if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
}

/* -1 with a cause. */
static int bind_socket(const struct mz_notify *notify, const struct sockaddr_storage *addr,
		       socklen_t len, int type, struct mz_cause *cause)
{
	int fd = socket(addr->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		set_options(fd, addr->ss_family, type);
		if (bind(fd, (const struct sockaddr *)addr, len) == 0 &&
		    (type == SOCK_DGRAM || listen(fd, NOTIFY_CONNS) == 0))
			return fd;
	}
	mz_cause_set(cause, MZ_EIO, "cannot listen on %s by %s: %s", notify->text,
		     type == SOCK_DGRAM ? "UDP" : "TCP", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int start(struct mz_notify *notify, const struct mz_endpoint *endpoint,
		 struct mz_cause *cause)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = 0;

	if (!net_resolve(endpoint, &addr, &len))
		return mz_cause_set(cause, MZ_EINVAL, "\"%s\" is not an IPv4 or IPv6 address",
				    endpoint->host);
	notify->udp = bind_socket(notify, &addr, len, SOCK_DGRAM, cause);
	if (notify->udp < 0)
		return MZ_EIO;
	notify->tcp = bind_socket(notify, &addr, len, SOCK_STREAM, cause);
	if (notify->tcp < 0)
		return MZ_EIO;
	notify->chunk = malloc(NOTIFY_CHUNK);
	notify->on_udp = event_new(notify->base, notify->udp, EV_READ | EV_PERSIST, on_udp, notify);
	if (notify->chunk == NULL || notify->on_udp == NULL ||
	    event_add(notify->on_udp, NULL) != 0 || notify_tcp_start(notify) != MZ_OK)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	return MZ_OK;
}

int mz_notify_open(struct mz_notify **out, struct event_base *base,
		   const struct mz_endpoint *endpoint, mz_notify_key key, mz_notify_handler handler,
		   void *arg, struct mz_cause *cause)
{
	struct mz_notify *notify = calloc(1, sizeof *notify);
	int err = MZ_OK;

	*out = NULL;
	if (notify == NULL)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	notify->base = base;
	notify->key = key;
	notify->handler = handler;
	notify->arg = arg;
	notify->udp = notify->tcp = -1;
	TAILQ_INIT(&notify->conns);
	net_endpoint_text(endpoint, notify->text);
	err = start(notify, endpoint, cause);
	if (err != MZ_OK) {
		mz_notify_close(notify);
		return err;
	}
	*out = notify;
	return MZ_OK;
}

void mz_notify_close(struct mz_notify *notify)
{
	if (notify == NULL)
		return;
	notify_tcp_stop(notify);
	if (notify->on_udp != NULL)
		event_free(notify->on_udp);
	if (notify->udp >= 0)
		close(notify->udp);
	if (notify->tcp >= 0)
		close(notify->tcp);
	free(notify->chunk);
	free(notify);
}
