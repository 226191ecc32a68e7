/* SPDX-License-Identifier: BSD-2-Clause */
/* What the domains of two sites have in common. The loop shall not wait for it: all of both is read. */
#include "src/daemon/dkim.h"

#include <stdlib.h>
#include <string.h>

static bool same_place(const struct mz_conf_domain *was, const struct mz_conf_domain *now)
{
	return strcmp(was->server->name, now->server->name) == 0 &&
	       mz_name_equal(was->origin, now->origin);
}

static struct in_common compare(const struct site *site, const struct site *before, size_t i)
{
	const struct mz_conf_domain *now = &site->conf->domains[i];
	const struct mz_conf_domain *was = mz_conf_find_domain(before->conf, now->text);
	struct in_common common = {0};

	if (was == NULL)
		return common;
	common.was = (uint32_t)(was - before->conf->domains) + 1;
	if (!was->automatic || !now->automatic)
		return common;
	common.end = was->on_removal == now->on_removal && was->delete_after == now->delete_after;
	common.records = same_place(was, now) && was->publish == now->publish &&
			 was->dkim_automatic == now->dkim_automatic &&
			 was->dkim_algorithms == now->dkim_algorithms &&
			 memcmp(before->digests[common.was - 1], site->digests[i], MZ_DIGEST) == 0;
	common.keys = common.records && was->rotate_after == now->rotate_after &&
		      was->retire_after == now->retire_after &&
		      was->delete_after == now->delete_after;
	return common;
}

/* Was the domain automatic, or were its keys kept, and is that over? */
static bool has_left(const struct site *site, const struct mz_conf_domain *was)
{
	const struct mz_conf_domain *now = mz_conf_find_domain(site->conf, was->text);

	return (was->automatic && (now == NULL || !now->automatic)) ||
	       (dkim_is_kept(was) && (now == NULL || !dkim_is_kept(now)));
}

int site_compare(struct site *site, const struct site *before)
{
	site->left = calloc(before->conf->domain_count + 1, sizeof(site->left[0]));
	if (site->left == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < site->conf->domain_count; i++)
		site->common[i] = compare(site, before, i);
	for (size_t i = 0; i < before->conf->domain_count; i++) {
		if (has_left(site, &before->conf->domains[i]))
			site->left[site->left_count++] = &before->conf->domains[i];
	}
	return MZ_OK;
}
