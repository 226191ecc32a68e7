/* SPDX-License-Identifier: BSD-2-Clause */
/* Contract of the room `ctl`: the control socket: requests and replies as lines of JSON, both
 * ends. */
#ifndef MZ_CTL_H
#define MZ_CTL_H

#include "mailzone/base.h"

#include <jansson.h>

/* One request a connection. The client sends one line of at most 1 MiB, within 10 s:
 *	{"mailzone": 1, "command": "reconcile", "arguments": {...}}
 * What follows it is ignored. The server answers lines until the last one:
 *	{"output": TEXT}     to standard output, as it is; a long text comes as many lines
 *	{"error": TEXT}      one line for standard error
 *	{"exit": STATUS}     the last line; 0 to 255
 * A number other than ours in "mailzone" is answered with an error that names both. What is no
 * request, is too long or too late is answered with an error and exit 1. */
#define MZ_CTL_VERSION 1

struct event_base;
struct mz_ctl;	       /* the listening end */
struct mz_ctl_request; /* one request under way; the connection that it came by */

/* Called from the loop for each request. It must end it sooner or later, now or in a later turn,
 * with mz_ctl_end. `arguments` is an object, borrowed for the life of the request; so is
 * `command`. */
typedef void (*mz_ctl_handler)(void *arg, struct mz_ctl_request *request, const char *command,
			       const json_t *arguments);

/* Listens at `path` (mode 0660, group `gid`; (gid_t)-1 leaves it). A socket that a dead process
 * left there is replaced; one that answers is MZ_EEXIST; anything that is no socket is MZ_EEXIST
 * too and stays. The folder is made with mode 0755 when missing. The socket's mode is all the
 * access control there is. At most 64 requests are there at a time, those included whose client
 * left and that were not ended; one more is told so and closed. Two processes that open one path
 * at the same moment are kept apart by the caller. MZ_EPERM, MZ_EIO, MZ_ENOMEM, MZ_ERANGE (the
 * path is too long for a socket) with a cause. */
int mz_ctl_open(struct mz_ctl **out, struct event_base *base, const char *path, unsigned gid,
		mz_ctl_handler handler, void *arg, struct mz_cause *cause);
/* Ends every connection, removes the socket. What was queued and can be sent at once is sent. A
 * request under way is from here on one whose client left, but `gone` is not called: it must
 * still be ended. NULL is let pass. */
void mz_ctl_close(struct mz_ctl *ctl);

/* Queues output. What the client does not read stays in memory up to 16 MiB; then the connection
 * is cut, and the client has left. Octets that are not UTF-8 are replaced. An error is one line
 * of at most 4 KiB; control characters in it are replaced. */
void mz_ctl_output(struct mz_ctl_request *request, const char *text);
void mz_ctl_error(struct mz_ctl_request *request, const char *fmt, ...) MZ_PRINTF(2, 3);
/* Does the client have a lot to read yet? Whoever has more to say better waits a little. */
bool mz_ctl_is_behind(const struct mz_ctl_request *request);
/* The last word: the request is gone when this returns (the connection closes once all is
 * written). `status` is 0 to 255. */
void mz_ctl_end(struct mz_ctl_request *request, int status);
/* `gone` is called (once, from the loop, not from inside a function here) when the client left
 * before mz_ctl_end, also when it left before this call; output is then dropped, and mz_ctl_end
 * must still be called, now or later. A client that shuts down its writing side has left. */
void mz_ctl_on_gone(struct mz_ctl_request *request, void (*gone)(void *arg), void *arg);

/* The client's end, blocking, without a time limit: sends the request, relays output and errors
 * to the two streams (FILE *; an error as "mailzone: TEXT\n"), flushed as they come, and sets
 * *status. MZ_ENOTFOUND when nobody listens there; MZ_EPERM; MZ_EIO when the connection ends
 * without "exit" or a stream cannot be written; MZ_ESYNTAX when what comes is not the protocol;
 * MZ_EINVAL when the request is no UTF-8 text; MZ_ERANGE when the path is too long for a socket;
 * MZ_ENOMEM. `arguments` is borrowed. */
int mz_ctl_call(const char *path, const char *command, json_t *arguments, void *out_file,
		void *err_file, int *status, struct mz_cause *cause);

#endif
