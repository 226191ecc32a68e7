/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups domains by the zone they live in: domains of one zone share one read and messages. */
#include "src/tool/tool.h"

#include <stdlib.h>
#include <string.h>

/* One domain to be grouped; `place` is SIZE_MAX for one that only comes along. */
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

	if (d == 0)
		d = mz_name_compare(x->domain->name, y->domain->name);
	/* The selected one before its copy from the configuration. */
	return d != 0 ? d : (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
	const struct zone_job *x = a, *y = b;

	return (*x->places > *y->places) - (*x->places < *y->places);
}

/* Makes the job for entries [from, to) of one zone, where at least one is selected. */
static int make_job(struct zone_jobs *out, struct entry *entries, size_t from, size_t to, mz_families families,
		    enum mz_flow_mode mode)
{
	struct zone_job *zone = &out->jobs[out->count];
	size_t n = 0, room = to - from;
	const struct mz_conf_domain **domains = mz_arena_alloc(&out->arena, room * sizeof(*domains));
	bool *active = mz_arena_alloc(&out->arena, room);
	size_t *places = mz_arena_alloc(&out->arena, room * sizeof(*places));

	if (domains == NULL || active == NULL || places == NULL)
		return MZ_ENOMEM;
	/* Selected ones first, so that places[0] is a result. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = from; i < to; i++) {
			bool repeated = i > from && mz_name_equal(entries[i].domain->name, entries[i - 1].domain->name);

			if ((entries[i].place != SIZE_MAX) != (pass == 0) || (repeated && pass == 1))
				continue;
			domains[n] = entries[i].domain;
			active[n] = pass == 0;
			places[n] = entries[i].place;
			n++;
		}
	}
	zone->places = places;
	zone->job = (struct mz_job){.server = domains[0]->server, .origin = domains[0]->origin,
				    .origin_text = domains[0]->origin_text, .domains = domains, .active = active,
				    .domain_count = n, .families = families, .mode = mode};
	out->count++;
	return MZ_OK;
}

int jobs_make(struct zone_jobs *out, const struct mz_conf *conf, const struct mz_conf_domain *const *selected,
	      size_t count, mz_families families, enum mz_flow_mode mode)
{
	size_t n = 0;
	struct entry *entries = calloc(count + conf->domain_count + 1, sizeof(*entries));
	int err = MZ_OK;

	*out = (struct zone_jobs){.jobs = calloc(count + 1, sizeof(out->jobs[0]))};
	if (entries == NULL || out->jobs == NULL) {
		err = MZ_ENOMEM;
		goto done;
	}
	for (size_t i = 0; i < count; i++)
		entries[n++] = (struct entry){selected[i], i};
	for (size_t i = 0; i < conf->domain_count; i++) {
		if (conf->domains[i].automatic)
			entries[n++] = (struct entry){&conf->domains[i], SIZE_MAX};
	}
	qsort(entries, n, sizeof(*entries), by_zone);
	for (size_t from = 0, to = 0; from < n && err == MZ_OK; from = to) {
		bool any = false;

		for (to = from; to < n && zone_order(entries[to].domain, entries[from].domain) == 0; to++)
			any = any || entries[to].place != SIZE_MAX;
		if (any)
			err = make_job(out, entries, from, to, families, mode);
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
