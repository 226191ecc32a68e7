/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of the control protocol, read and written. Pure. */
#ifndef CTL_PROTO_H
#define CTL_PROTO_H

#include "mailzone/ctl.h"

#define CTL_LINE_MAX ((size_t)1 << 20) /* octets of a line without its end, either way */
#define CTL_PIECE_MAX ((size_t)16384)  /* octets of text in a line that we write */

/* A request that was read. */
struct ctl_call {
	json_t *root; /* owns the rest */
	const char *command;
	const json_t *arguments;
};

/* Reads the line (without its end) of a request. MZ_ESYNTAX, MZ_EINVAL (another version),
 * MZ_ENOMEM: *out is empty, the cause is the answer for the client. */
int ctl_call_read(struct ctl_call *out, const char *line, size_t len, struct mz_cause *cause);
void ctl_call_clear(struct ctl_call *call);
/* Adds the line of a request. MZ_EINVAL, MZ_ENOMEM with a cause. */
int ctl_call_write(struct mz_str *line, const char *command, json_t *arguments,
		   struct mz_cause *cause);

enum ctl_reply_kind { CTL_OUTPUT, CTL_ERROR, CTL_EXIT };

/* One line of an answer. */
struct ctl_reply {
	json_t *root; /* owns the text */
	enum ctl_reply_kind kind;
	const char *text; /* of CTL_OUTPUT and CTL_ERROR, NUL-terminated */
	size_t len;
	int status; /* of CTL_EXIT: 0 to 255 */
};

/* Reads the line (without its end) of an answer. MZ_ESYNTAX, MZ_ENOMEM: *out is empty. */
int ctl_reply_read(struct ctl_reply *out, const char *line, size_t len, struct mz_cause *cause);
void ctl_reply_clear(struct ctl_reply *reply);

/* How much of `len` octets of text goes into the next line: no character is torn. */
size_t ctl_piece(const char *text, size_t len);
/* Adds a line of an answer. `len` is at most CTL_PIECE_MAX. */
void ctl_add_output(struct mz_str *line, const char *text, size_t len);
void ctl_add_error(struct mz_str *line, const char *text);
void ctl_add_exit(struct mz_str *line, int status);

#endif
