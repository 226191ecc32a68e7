/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a zone: by AXFR, by questions, or by AXFR that gives way to questions. */
#include "src/live/internal.h"

#include <stdlib.h>

/* A transfer may have this many octets, and this many more a slot, before questions are cheaper.
 * Twelve small zones by AXFR cost what thirteen questions for one of them do. */
#define AXFR_LIMIT (256u * 1024)
#define AXFR_LIMIT_SLOT 1024u

struct read_op {
	struct mz_live_op op;
	struct mz_live_request request;
	struct live_axfr *axfr; /* one of these two is under way */
	struct live_query *query;
	mz_live_done done;
	void *arg;
	bool large, no_axfr; /* learnt by the attempt with AXFR */
};

static void cancel(struct mz_live_op *op)
{
	struct read_op *read = (struct read_op *)op;

	live_axfr_cancel(read->axfr);
	live_query_cancel(read->query);
	free(read);
}

static void finish(struct read_op *read, struct mz_live *live)
{
	read->done(read->arg, live);
	free(read);
}

static void on_query(void *arg, struct mz_live *live)
{
	struct read_op *read = arg;

	read->query = NULL;
	live->large = read->large;
	live->no_axfr = read->no_axfr;
	finish(read, live);
}

static void on_axfr(void *arg, struct live_axfr_end *end)
{
	struct read_op *read = arg;
	bool queries = !end->live.ok && !end->hopeless && read->request.mode == MZ_READ_AUTO;
	int err = MZ_OK;

	read->axfr = NULL;
	if (queries) {
		read->large = end->cut_off;
		read->no_axfr = end->refused;
		err = live_query_start(&read->request, on_query, read, &read->query);
		if (err == MZ_OK) {
			mz_live_clear(&end->live);
			return;
		}
		(void)mz_cause_set(&end->live.cause, err, "%s", mz_strerror(err));
	}
	finish(read, &end->live);
}

static int start(struct read_op *read)
{
	struct mz_live_request *request = &read->request;
	bool axfr = request->mode == MZ_READ_AXFR ||
		    (request->mode == MZ_READ_AUTO && !request->large && !request->no_axfr);
	uint64_t limit = 0;

	if (!axfr) {
		read->large = request->large;
		read->no_axfr = request->no_axfr;
		return live_query_start(request, on_query, read, &read->query);
	}
	if (request->mode == MZ_READ_AUTO)
		limit = AXFR_LIMIT + (uint64_t)AXFR_LIMIT_SLOT * request->slots->count;
	return live_axfr_start(request, limit, on_axfr, read, &read->axfr);
}

static bool slots_inside(const struct mz_live_request *request)
{
	size_t i = 0;

	for (i = 0; i < request->slots->count; i++)
		if (!mz_name_within(request->slots->rr[i].owner, request->origin))
			return false;
	return true;
}

int mz_live_read(const struct mz_live_request *request, mz_live_done done, void *arg,
		 struct mz_live_op **op)
{
	struct read_op *read = NULL;
	int err = MZ_ENOMEM;

	*op = NULL;
	if (!slots_inside(request))
		return MZ_EINVAL;
	read = calloc(1, sizeof *read);
	if (read == NULL)
		return err;
	read->op.cancel = cancel;
	read->request = *request;
	read->done = done;
	read->arg = arg;
	err = start(read);
	if (err != MZ_OK)
		free(read);
	else
		*op = &read->op;
	return err;
}
