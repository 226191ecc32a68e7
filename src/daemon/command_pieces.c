/* SPDX-License-Identifier: BSD-2-Clause */
/* An answer that comes piece by piece, one a turn of the loop, so that whatever else is due has its turn. */
#include "src/daemon/command.h"

#include <event2/event.h>
#include <stdlib.h>

/* A piece is over after so many octets, or so long a time; for a client that does not read there is a pause. */
enum { PIECE_OCTETS = 8192, PIECE_NS = 5000000, PAUSE_US = 20000 };

struct pieces {
	LIST_ENTRY(pieces) link;
	struct mz_ctl_request *request;
	struct pieces_input in;
	struct event *turn;
	bool gone;
};
static LIST_HEAD(, pieces) all = LIST_HEAD_INITIALIZER(all);

static void end(struct pieces *pieces, int status)
{
	LIST_REMOVE(pieces, link);
	mz_ctl_end(pieces->request, status);
	if (pieces->turn != NULL)
		event_free(pieces->turn);
	pieces->in.free(pieces->in.arg);
	free(pieces);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct pieces *pieces = arg;
	struct timeval soon = {0, mz_ctl_is_behind(pieces->request) ? PAUSE_US : 0};
	uint64_t start = mz_clock_mono_ns();
	struct mz_str text = {0};
	bool over = false;
	int err = MZ_OK;

	(void)fd;
	(void)what;
	while (!pieces->gone && soon.tv_usec == 0 && err == MZ_OK && !over &&
	       text.len < PIECE_OCTETS && mz_clock_mono_ns() - start < PIECE_NS)
		err = pieces->in.more(pieces->in.arg, &text, &over);
	if (err == MZ_OK && text.failed) {
		mz_ctl_error(pieces->request, "out of memory");
		err = MZ_ENOMEM;
	}
	if (!text.failed && text.len > 0)
		mz_ctl_output(pieces->request, text.s);
	mz_str_clear(&text);
	if (pieces->gone || err != MZ_OK || over)
		end(pieces, over && err == MZ_OK ? 0 : 1);
	else
		(void)evtimer_add(pieces->turn, &soon);
}

static void on_gone(void *arg)
{
	struct pieces *pieces = arg;

	pieces->gone = true;
}

void pieces_start(const struct call *call, const struct pieces_input *in)
{
	struct pieces *pieces = in->arg == NULL ? NULL : calloc(1, sizeof(*pieces));

	if (pieces != NULL)
		pieces->turn = evtimer_new(call->app->base, on_turn, pieces);
	if (pieces == NULL || pieces->turn == NULL) {
		mz_ctl_error(call->request, "out of memory");
		call_end(call, 1);
		in->free(in->arg);
		free(pieces);
		return;
	}
	pieces->request = call->request;
	pieces->in = *in;
	LIST_INSERT_HEAD(&all, pieces, link);
	mz_ctl_on_gone(call->request, on_gone, pieces);
	on_turn(-1, EV_TIMEOUT, pieces);
}

void pieces_clear(void)
{
	while (!LIST_EMPTY(&all))
		end(LIST_FIRST(&all), 1);
}
