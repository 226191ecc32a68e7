/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups domains by the zone they live in: domains of one zone share one read and messages. */
#include "src/report/report.h"

#include <stdlib.h>

struct entry {
	const struct mz_conf_domain *domain;
	size_t place;
};

static int zone_order(const struct mz_conf_domain *a, const struct mz_conf_domain *b)
{
	if (a->server != b->server)
		return a->server < b->server ? -1 : 1;
	return mz_name_compare(a->origin, b->origin);
}

static int by_zone(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = zone_order(x->domain, y->domain);

	return d != 0 ? d : (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
	const struct zone_job *x = a, *y = b;

	return (x->places[0] > y->places[0]) - (x->places[0] < y->places[0]);
}

static bool selected(const struct entry *entries, size_t from, size_t to,
		     const struct mz_conf_domain *domain)
{
	for (size_t i = from; i < to; i++) {
		if (mz_name_equal(entries[i].domain->name, domain->name))
			return true;
	}
	return false;
}

/* Makes the job for the entries [from, to) of one zone. The selected domains come first. */
static int make_job(struct zone_jobs *out, const struct mz_run_input *input,
		    const struct entry *entries, size_t from, size_t to)
{
	const struct mz_conf_domain *first = entries[from].domain;
	/* A challenge stands alone: what else the zone is to hold may need the very certificate that it
	 * brings. */
	const struct mz_conf_zone *others =
		input->selection->value != NULL
			? NULL
			: mz_conf_find_zone(input->conf, first->server, first->origin);
	size_t n = 0, room = to - from + (others != NULL ? others->domain_count : 0);
	struct zone_job *zone = &out->jobs[out->count];
	const struct mz_conf_domain **domains =
		mz_arena_alloc(&out->arena, room * sizeof(*domains));
	bool *active = mz_arena_alloc(&out->arena, room);
	size_t *places = mz_arena_alloc(&out->arena, room * sizeof(*places));

	if (domains == NULL || active == NULL || places == NULL)
		return MZ_ENOMEM;
	for (size_t i = from; i < to; i++, n++) {
		domains[n] = entries[i].domain;
		active[n] = true;
		places[n] = entries[i].place;
	}
	for (size_t i = 0; others != NULL && i < others->domain_count; i++) {
		if (selected(entries, from, to, others->domains[i]))
			continue;
		domains[n] = others->domains[i];
		active[n] = false;
		places[n++] = SIZE_MAX;
	}
	*zone = (struct zone_job){
		.places = places,
		.job = {.server = first->server,
			.origin = first->origin,
			.origin_text = first->origin_text,
			.domains = domains,
			.active = active,
			.domain_count = n,
			.families = input->families,
			.mode = input->mode,
			.facts = input->facts,
			.undo = input->undo,
			.value = input->selection->value,
			.patience_ms = (unsigned)first->server->timeout * 1000u},
	};
	out->count++;
	return MZ_OK;
}

int jobs_make(struct zone_jobs *out, const struct mz_run_input *input)
{
	size_t n = input->selection->count;
	struct entry *entries = calloc(n + 1, sizeof(*entries));
	int err = MZ_OK;

	*out = (struct zone_jobs){.jobs = calloc(n + 1, sizeof(out->jobs[0]))};
	if (entries == NULL || out->jobs == NULL) {
		err = MZ_ENOMEM;
		goto done;
	}
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct entry){input->selection->domain[i], i};
	qsort(entries, n, sizeof(*entries), by_zone);
	for (size_t from = 0, to = 0; from < n && err == MZ_OK; from = to) {
		for (to = from + 1;
		     to < n && zone_order(entries[to].domain, entries[from].domain) == 0;)
			to++;
		err = make_job(out, input, entries, from, to);
	}
	qsort(out->jobs, out->count, sizeof(out->jobs[0]), by_place);
done:
	free(entries);
	if (err != MZ_OK)
		jobs_clear(out);
	return err;
}

void jobs_clear(struct zone_jobs *jobs)
{
	free(jobs->jobs);
	mz_arena_clear(&jobs->arena);
	*jobs = (struct zone_jobs){0};
}
