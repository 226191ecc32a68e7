/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's end: one request, its answer relayed as it comes. */
#include "src/ctl/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

struct relay {
	FILE *out, *err;
	struct mz_str part; /* the start of a line whose end has not come */
	bool ended;	    /* "exit" came */
	int status;
};

/* A server that does not want the rest has answered already: that is read, not an error. */
static int send_all(int fd, const char *octets, size_t len, struct mz_cause *cause)
{
	while (len > 0) {
		ssize_t n = send(fd, octets, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			break;
		if (n < 0)
			return mz_cause_set(cause, MZ_EIO, "cannot send to the daemon: %s",
					    strerror(errno));
		octets += n;
		len -= (size_t)n;
	}
	return MZ_OK;
}

static int take_line(struct relay *relay, const char *line, size_t len, struct mz_cause *cause)
{
	struct ctl_reply reply = {0};
	struct mz_cause why = {""};
	int err = ctl_reply_read(&reply, line, len, &why);

	if (err != MZ_OK)
		return mz_cause_set(cause, err, "the daemon does not speak our protocol: %s",
				    why.text);
	switch (reply.kind) {
	case CTL_OUTPUT:
		(void)fwrite(reply.text, 1, reply.len, relay->out);
		break;
	case CTL_ERROR:
		(void)fflush(relay->out); /* in the order in which they came */
		(void)fprintf(relay->err, "mailzone: %s\n", reply.text);
		break;
	case CTL_EXIT:
		relay->ended = true;
		relay->status = reply.status;
		break;
	}
	ctl_reply_clear(&reply);
	return MZ_OK;
}

/* The part of a line that is there, or all of one where nothing came before it. */
static int take_end(struct relay *relay, const char *rest, size_t len, struct mz_cause *cause)
{
	int err = MZ_OK;

	if (relay->part.len == 0)
		return take_line(relay, rest, len, cause);
	mz_str_addn(&relay->part, rest, len);
	if (relay->part.failed)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	err = take_line(relay, relay->part.s, relay->part.len, cause);
	mz_str_reset(&relay->part);
	return err;
}

static int feed(struct relay *relay, const char *chunk, size_t len, struct mz_cause *cause)
{
	const char *end = NULL;
	int err = MZ_OK;

	while (!relay->ended && (end = memchr(chunk, '\n', len)) != NULL) {
		err = take_end(relay, chunk, (size_t)(end - chunk), cause);
		if (err != MZ_OK)
			return err;
		len -= (size_t)(end - chunk) + 1;
		chunk = end + 1;
	}
	if (relay->ended)
		return MZ_OK;
	mz_str_addn(&relay->part, chunk, len);
	if (relay->part.failed)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	if (relay->part.len > CTL_LINE_MAX)
		return mz_cause_set(cause, MZ_ESYNTAX,
				    "the daemon does not speak our protocol: a line is longer "
				    "than 1 MiB");
	return MZ_OK;
}

static int flush_streams(struct relay *relay, struct mz_cause *cause)
{
	if (fflush(relay->out) != 0 || fflush(relay->err) != 0 || ferror(relay->out))
		return mz_cause_set(cause, MZ_EIO, "cannot write the output: %s", strerror(errno));
	return MZ_OK;
}

static int receive(int fd, struct relay *relay, struct mz_cause *cause)
{
	char *chunk = malloc(CHUNK);
	int err = MZ_OK;

	if (chunk == NULL)
		return mz_cause_set(cause, MZ_ENOMEM, "out of memory");
	while (err == MZ_OK && !relay->ended) {
		ssize_t n = recv(fd, chunk, CHUNK, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = mz_cause_set(cause, MZ_EIO,
					   "the daemon hung up before the command was done%s%s",
					   n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
			break;
		}
		err = feed(relay, chunk, (size_t)n, cause);
		if (err == MZ_OK)
			err = flush_streams(relay, cause);
	}
	free(chunk);
	return err;
}

int mz_ctl_call(const char *path, const char *command, json_t *arguments, void *out_file,
		void *err_file, int *status, struct mz_cause *cause)
{
	struct relay relay = {.out = out_file, .err = err_file};
	struct mz_str request = {0};
	int fd = -1;
	int err = MZ_OK;

	err = ctl_call_write(&request, command, arguments, cause);
	if (err == MZ_OK)
		err = ctl_connect(&fd, path, cause);
	if (err == MZ_OK)
		err = send_all(fd, request.s, request.len, cause);
	if (err == MZ_OK)
		err = receive(fd, &relay, cause);
	if (err == MZ_OK)
		*status = relay.status;
	if (fd >= 0)
		close(fd);
	mz_str_clear(&request);
	mz_str_clear(&relay.part);
	return err;
}
