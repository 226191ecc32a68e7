/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the room `ctl` share. */
#ifndef CTL_INTERNAL_H
#define CTL_INTERNAL_H

#include "src/ctl/proto.h"

#include <sys/queue.h>
#include <sys/stat.h>

/* ---- socket.c: the socket in the file system --------------------------------------------------
 */

/* A blocking socket that is connected to `path`, or an error with a cause: MZ_ENOTFOUND when
 * nobody listens there, MZ_EPERM, MZ_EIO, MZ_ERANGE. */
int ctl_connect(int *fd, const char *path, struct mz_cause *cause);
/* A nonblocking one that listens as mz_ctl_open says, and what lstat says of it. */
int ctl_listen(int *fd, struct stat *st, const char *path, gid_t gid, struct mz_cause *cause);

/* ---- server.c: the listening end --------------------------------------------------------------
 */

/* What clients may cost. */
struct ctl_limits {
	unsigned requests;   /* at a time */
	unsigned request_ms; /* to send a request in */
	unsigned pause_ms;   /* before the next accept when files or memory run out */
	size_t output;	     /* octets that a client has not read */
};

LIST_HEAD(ctl_requests, mz_ctl_request);

struct mz_ctl {
	struct event_base *base;
	struct ctl_limits limits;
	mz_ctl_handler handler;
	void *arg;
	char *path;
	struct stat st; /* of the socket at `path`, to know it again */
	int fd;
	struct event *on_accept, *on_pause;
	struct ctl_requests requests;
	unsigned count;
	struct mz_str line; /* the line that is being written */
};

/* mz_ctl_open with other limits. */
int ctl_open_limited(struct mz_ctl **out, struct event_base *base, const char *path, gid_t gid,
		     mz_ctl_handler handler, void *arg, const struct ctl_limits *limits,
		     struct mz_cause *cause);

/* ---- request.c: one connection ----------------------------------------------------------------
 */

/* A connection that was accepted; takes `fd` over, and closes it when memory runs out. */
void ctl_request_accept(struct mz_ctl *ctl, int fd);
/* The server goes away: sends what can be sent at once, and closes. */
void ctl_request_abandon(struct mz_ctl_request *request);

#endif
