/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection of a client: reads its request, holds it while it runs, writes the answer. */
#include "src/ctl/internal.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_CHUNK 16384
#define ERROR_MAX 4096

enum request_state {
	REQUEST_READING, /* its line is not complete */
	REQUEST_RUNNING, /* the handler has it */
	REQUEST_ENDING,	 /* ended; the rest of the answer is being written */
	REQUEST_GONE,	 /* the handler has it, the client left */
};

static const char *const state_names[] = {
	[REQUEST_READING] = "reading",
	[REQUEST_RUNNING] = "running",
	[REQUEST_ENDING] = "ending",
	[REQUEST_GONE] = "gone",
};

struct mz_ctl_request {
	LIST_ENTRY(mz_ctl_request) link;
	struct mz_ctl *ctl; /* NULL: it was closed */
	enum request_state state;
	int fd;				  /* -1: hung up, and so are all events but the timer */
	struct event *on_read, *on_write; /* of the connection */
	struct event *timer;		  /* READING: the time is over; GONE: say so */
	struct mz_str line;		  /* READING: what came of it */
	struct ctl_call call;		  /* RUNNING, GONE */
	struct evbuffer *out;
	void (*gone)(void *arg);
	void *gone_arg;
};

static void enter(struct mz_ctl_request *request, enum request_state state)
{
	if (mz_log_on(MZ_LOG_DEBUG))
		mz_log(MZ_LOG_DEBUG, "control", "fd", MZ_NUM(request->fd), "state",
		       state_names[state], NULL);
	request->state = state;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void free_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

/* Nothing is read or written from here on. */
static void hang_up(struct mz_ctl_request *request)
{
	free_event(&request->on_read);
	free_event(&request->on_write);
	mz_str_clear(&request->line);
	if (request->out != NULL)
		evbuffer_free(request->out);
	request->out = NULL;
	if (request->fd >= 0)
		close(request->fd);
	request->fd = -1;
}

static void request_free(struct mz_ctl_request *request)
{
	hang_up(request);
	free_event(&request->timer);
	ctl_call_clear(&request->call);
	if (request->ctl != NULL) {
		LIST_REMOVE(request, link);
		request->ctl->count--;
	}
	free(request);
}

/* The client left or is cut: the request goes too, but for one that the handler has. */
static void leave(struct mz_ctl_request *request)
{
	if (request->state != REQUEST_RUNNING) {
		request_free(request);
		return;
	}
	hang_up(request);
	enter(request, REQUEST_GONE);
	if (request->gone != NULL)
		event_active(request->timer, EV_TIMEOUT, 0);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Writes what the socket takes. False: the client left. */
static bool flush(struct mz_ctl_request *request)
{
	while (evbuffer_get_length(request->out) > 0) {
		/* the first piece of memory as it is: nothing is copied */
		size_t len = evbuffer_get_contiguous_space(request->out);
		const unsigned char *octets = evbuffer_pullup(request->out, (ev_ssize_t)len);
		ssize_t n = send(request->fd, octets, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		(void)evbuffer_drain(request->out, (size_t)n);
	}
	return true;
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct mz_ctl_request *request = arg;

	(void)fd;
	(void)what;
	if (!flush(request)) {
		leave(request);
	} else if (evbuffer_get_length(request->out) > 0) {
		if (event_add(request->on_write, NULL) != 0)
			leave(request);
	} else if (request->state == REQUEST_ENDING) {
		request_free(request);
	}
}

/* Queues the line that stands in ctl->line; a client that the answer cannot be kept for is cut. */
static void queue_line(struct mz_ctl_request *request)
{
	const struct mz_ctl *ctl = request->ctl;
	const char *reason = "out of memory";
	bool ok = !ctl->line.failed &&
		  evbuffer_add(request->out, ctl->line.s, ctl->line.len) == 0 &&
		  event_add(request->on_write, NULL) == 0;

	if (ok && evbuffer_get_length(request->out) > ctl->limits.output) {
		reason = "the client does not read";
		ok = false;
	}
	if (!ok) {
		mz_log(MZ_LOG_WARNING, "control", "fd", MZ_NUM(request->fd), "cut", reason, NULL);
		leave(request);
	}
}

void mz_ctl_output(struct mz_ctl_request *request, const char *text)
{
	size_t left = strlen(text);
	size_t n = 0;

	for (; left > 0 && request->state == REQUEST_RUNNING; text += n, left -= n) {
		n = ctl_piece(text, left);
		mz_str_reset(&request->ctl->line);
		ctl_add_output(&request->ctl->line, text, n);
		queue_line(request);
	}
}

void mz_ctl_error(struct mz_ctl_request *request, const char *fmt, ...)
{
	char text[ERROR_MAX] = "";
	char *c = NULL;
	va_list args;

	if (request->state != REQUEST_RUNNING)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	/* one line, whatever a name or a peer put into it */
	for (c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	mz_str_reset(&request->ctl->line);
	ctl_add_error(&request->ctl->line, text);
	queue_line(request);
}

bool mz_ctl_is_behind(const struct mz_ctl_request *request)
{
	return request->state == REQUEST_RUNNING &&
	       evbuffer_get_length(request->out) > request->ctl->limits.output / 16;
}

void mz_ctl_end(struct mz_ctl_request *request, int status)
{
	assert(status >= 0 && status <= 255);
	if (request->state == REQUEST_RUNNING) {
		mz_str_reset(&request->ctl->line);
		ctl_add_exit(&request->ctl->line, status);
		queue_line(request);
	}
	if (request->state == REQUEST_GONE) {
		request_free(request);
		return;
	}
	/* a client that hangs up now is found when the rest is written */
	free_event(&request->on_read);
	free_event(&request->timer);
	ctl_call_clear(&request->call);
	request->gone = NULL;
	enter(request, REQUEST_ENDING);
}

void mz_ctl_on_gone(struct mz_ctl_request *request, void (*gone)(void *arg), void *arg)
{
	request->gone = gone;
	request->gone_arg = arg;
	if (gone != NULL && request->state == REQUEST_GONE && request->timer != NULL)
		event_active(request->timer, EV_TIMEOUT, 0);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void run(struct mz_ctl_request *request)
{
	mz_str_clear(&request->line);
	(void)evtimer_del(request->timer);
	enter(request, REQUEST_RUNNING);
}

static void refuse(struct mz_ctl_request *request, const char *text)
{
	run(request);
	mz_ctl_error(request, "%s", text);
	mz_ctl_end(request, 1);
}

/* The request may be gone when this returns, and the server too. */
static void dispatch(struct mz_ctl_request *request)
{
	struct mz_ctl *ctl = request->ctl;
	struct mz_cause cause = {""};

	if (ctl_call_read(&request->call, request->line.s, request->line.len, &cause) != MZ_OK) {
		refuse(request, cause.text);
		return;
	}
	run(request);
	ctl->handler(ctl->arg, request, request->call.command, request->call.arguments);
}

/* Only what is new is searched: a line that comes octet by octet costs no more than another. */
static void feed(struct mz_ctl_request *request, const char *chunk, size_t len)
{
	const char *end = memchr(chunk, '\n', len);

	mz_str_addn(&request->line, chunk, end != NULL ? (size_t)(end - chunk) : len);
	if (request->line.failed)
		refuse(request, "out of memory");
	else if (request->line.len > CTL_LINE_MAX)
		refuse(request, "the request is longer than 1 MiB");
	else if (end != NULL)
		dispatch(request);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct mz_ctl_request *request = arg;
	char chunk[READ_CHUNK] = "";
	ssize_t n = recv(fd, chunk, sizeof chunk, 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		leave(request);
	else if (request->state == REQUEST_READING)
		feed(request, chunk, (size_t)n);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct mz_ctl_request *request = arg;
	void (*gone)(void *arg) = request->gone;

	(void)fd;
	(void)what;
	if (request->state == REQUEST_READING) {
		refuse(request, "no whole request came in time");
	} else if (gone != NULL) {
		request->gone = NULL;
		gone(request->gone_arg);
	}
}

/* ---- begin, and the end of the server ------------------------------------------------------ */

static bool start(struct mz_ctl_request *request)
{
	const struct mz_ctl *ctl = request->ctl;
	struct timeval tv = {ctl->limits.request_ms / 1000,
			     (suseconds_t)(ctl->limits.request_ms % 1000 * 1000)};

	request->on_read =
		event_new(ctl->base, request->fd, EV_READ | EV_PERSIST, on_read, request);
	request->on_write = event_new(ctl->base, request->fd, EV_WRITE, on_write, request);
	request->timer = evtimer_new(ctl->base, on_timer, request);
	request->out = evbuffer_new();
	return request->on_read != NULL && request->on_write != NULL && request->timer != NULL &&
	       request->out != NULL && event_add(request->on_read, NULL) == 0 &&
	       event_add(request->timer, &tv) == 0;
}

void ctl_request_accept(struct mz_ctl *ctl, int fd)
{
	struct mz_ctl_request *request = calloc(1, sizeof *request);

	if (request == NULL) {
		close(fd);
		return;
	}
	request->ctl = ctl;
	request->fd = fd;
	LIST_INSERT_HEAD(&ctl->requests, request, link);
	ctl->count++;
	enter(request, REQUEST_READING);
	if (!start(request))
		request_free(request);
}

void ctl_request_abandon(struct mz_ctl_request *request)
{
	bool held = request->state == REQUEST_RUNNING || request->state == REQUEST_GONE;

	if (request->fd >= 0)
		(void)flush(request);
	if (!held) {
		request_free(request);
		return;
	}
	request->gone = NULL;
	hang_up(request);
	free_event(&request->timer);
	LIST_REMOVE(request, link);
	request->ctl->count--;
	request->ctl = NULL;
	enter(request, REQUEST_GONE);
}
