/* SPDX-License-Identifier: BSD-2-Clause */
/* The zones that the domains under automatic management live in. */
#include <stdlib.h>
#include <string.h>

#include "src/conf/check.h"

static int zone_order(const struct mz_conf_server *a_server, const uint8_t *a_origin,
		      const struct mz_conf_server *b_server, const uint8_t *b_origin)
{
	if (a_server != b_server)
		return a_server < b_server ? -1 : 1;
	return mz_name_compare(a_origin, b_origin);
}

static int by_zone(const void *a, const void *b)
{
	const struct mz_conf_domain *x = *(const struct mz_conf_domain *const *)a;
	const struct mz_conf_domain *y = *(const struct mz_conf_domain *const *)b;
	int d = zone_order(x->server, x->origin, y->server, y->origin);

	return d != 0 ? d : mz_name_compare(x->name, y->name);
}

int conf_zones_make(struct mz_conf *conf)
{
	size_t n = 0;
	struct mz_conf_domain **all =
		mz_arena_alloc(&conf->arena, (conf->domain_count + 1) * sizeof *all);

	conf->zones = mz_arena_alloc(&conf->arena, (conf->domain_count + 1) * sizeof *conf->zones);
	if (!all || !conf->zones)
		return MZ_ENOMEM;
	for (size_t i = 0; i < conf->domain_count; i++)
		if (conf->domains[i].automatic)
			all[n++] = &conf->domains[i];
	qsort(all, n, sizeof *all, by_zone);
	for (size_t i = 0; i < n; i++) {
		struct mz_conf_zone *zone =
			conf->zone_count ? &conf->zones[conf->zone_count - 1] : NULL;

		if (!zone ||
		    zone_order(zone->server, zone->origin, all[i]->server, all[i]->origin) != 0) {
			zone = &conf->zones[conf->zone_count++];
			*zone = (struct mz_conf_zone){.server = all[i]->server,
						      .origin = all[i]->origin,
						      .origin_text = all[i]->origin_text,
						      .domains =
							      (const struct mz_conf_domain *const *)
								      all +
							      i};
		}
		zone->domain_count++;
		all[i]->zone = zone;
	}
	return MZ_OK;
}

const struct mz_conf_zone *mz_conf_find_zone(const struct mz_conf *conf,
					     const struct mz_conf_server *server,
					     const uint8_t *origin)
{
	size_t low = 0, high = conf->zone_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct mz_conf_zone *zone = &conf->zones[middle];
		int order = zone_order(zone->server, zone->origin, server, origin);

		if (order == 0)
			return zone;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
