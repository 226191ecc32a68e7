/* SPDX-License-Identifier: BSD-2-Clause */
/* The listening end: accepts clients, as many as may be there. */
#include "src/ctl/internal.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct ctl_limits usual_limits = {
	.requests = 64,
	.request_ms = 10000,
	.pause_ms = 1000,
	.output = (size_t)16 << 20,
};

/* The answer fits into the buffer of a socket that is new. */
static void turn_away(struct mz_ctl *ctl, int fd)
{
	mz_log(MZ_LOG_DEBUG, "control", "reason", "too many clients", "count", MZ_NUM(ctl->count),
	       NULL);
	mz_str_reset(&ctl->line);
	ctl_add_error(&ctl->line, "too many clients: try again later");
	ctl_add_exit(&ctl->line, 1);
	if (!ctl->line.failed)
		(void)send(fd, ctl->line.s, ctl->line.len, MSG_NOSIGNAL);
	close(fd);
}

/* Without a free file descriptor the client stays where it is: the loop must not spin on it. */
static void pause_accept(struct mz_ctl *ctl, int sys_errno)
{
	struct timeval tv = {ctl->limits.pause_ms / 1000,
			     (suseconds_t)(ctl->limits.pause_ms % 1000 * 1000)};

	mz_log(MZ_LOG_WARNING, "control", "cannot_accept", strerror(sys_errno), NULL);
	if (event_add(ctl->on_pause, &tv) == 0)
		(void)event_del(ctl->on_accept);
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct mz_ctl *ctl = arg;

	(void)fd;
	(void)what;
	if (event_add(ctl->on_accept, NULL) != 0)
		pause_accept(ctl, ENOMEM);
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct mz_ctl *ctl = arg;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			pause_accept(ctl, errno);
	} else if (ctl->count >= ctl->limits.requests) {
		turn_away(ctl, fd);
	} else {
		ctl_request_accept(ctl, fd);
	}
}

int ctl_open_limited(struct mz_ctl **out, struct event_base *base, const char *path, gid_t gid,
		     mz_ctl_handler handler, void *arg, const struct ctl_limits *limits,
		     struct mz_cause *cause)
{
	struct mz_ctl *ctl = calloc(1, sizeof *ctl);
	int err = MZ_OK;

	*out = NULL;
	if (ctl == NULL)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	LIST_INIT(&ctl->requests);
	ctl->base = base;
	ctl->limits = *limits;
	ctl->handler = handler;
	ctl->arg = arg;
	ctl->fd = -1;
	ctl->path = strdup(path);
	if (ctl->path == NULL) {
		err = mz_cause_set(cause, MZ_ENOMEM, "out of memory");
		goto done;
	}
	err = ctl_listen(&ctl->fd, &ctl->st, path, gid, cause);
	if (err != MZ_OK)
		goto done;
	ctl->on_accept = event_new(base, ctl->fd, EV_READ | EV_PERSIST, on_accept, ctl);
	ctl->on_pause = evtimer_new(base, on_pause, ctl);
	if (ctl->on_accept == NULL || ctl->on_pause == NULL ||
	    event_add(ctl->on_accept, NULL) != 0) {
		err = mz_cause_set(cause, MZ_ENOMEM, "out of memory");
		goto done;
	}
	*out = ctl;
	ctl = NULL;
done:
	mz_ctl_close(ctl);
	return err;
}

int mz_ctl_open(struct mz_ctl **out, struct event_base *base, const char *path, unsigned gid,
		mz_ctl_handler handler, void *arg, struct mz_cause *cause)
{
	return ctl_open_limited(out, base, path, gid, handler, arg, &usual_limits, cause);
}

/* The path may hold another one's socket by now. */
static void remove_socket(const struct mz_ctl *ctl)
{
	struct stat st = {0};

	if (lstat(ctl->path, &st) == 0 && st.st_dev == ctl->st.st_dev &&
	    st.st_ino == ctl->st.st_ino)
		(void)unlink(ctl->path);
}

void mz_ctl_close(struct mz_ctl *ctl)
{
	struct mz_ctl_request *request = NULL;

	if (ctl == NULL)
		return;
	while ((request = LIST_FIRST(&ctl->requests)) != NULL)
		ctl_request_abandon(request);
	if (ctl->on_accept != NULL)
		event_free(ctl->on_accept);
	if (ctl->on_pause != NULL)
		event_free(ctl->on_pause);
	if (ctl->fd >= 0) {
		remove_socket(ctl);
		close(ctl->fd);
	}
	mz_str_clear(&ctl->line);
	free(ctl->path);
	free(ctl);
}
