/* SPDX-License-Identifier: BSD-2-Clause */
/* What one setting says about another: references, names given twice, values that must fit. */
#ifndef MZ_CONF_CHECK_H
#define MZ_CONF_CHECK_H

#include "src/conf/context.h"
#include "src/conf/raw.h"

/* Each adds its faults and fills its part of ctx->conf, as far as it is good. In this order: */
void conf_check_keys(struct conf_ctx *ctx, const struct raw_list *keys);
void conf_check_servers(struct conf_ctx *ctx, const struct raw_list *servers);
void conf_check_notify(struct conf_ctx *ctx, const struct raw_conf *raw);
void conf_check_tasks(struct conf_ctx *ctx, const struct raw_conf *raw);
void conf_check_signers(struct conf_ctx *ctx, const struct raw_conf *raw);
void conf_check_systems(struct conf_ctx *ctx, const struct raw_list *systems);
/* One domain: `root` has its settings, and it stands at `where`. */
void conf_check_domain(struct conf_ctx *ctx, const config_setting_t *root, struct mz_where where);
/* After all domains: no name twice, and the order of the names. */
void conf_check_domain_names(struct conf_ctx *ctx);

/* Fills in the zones, of domains that have no fault. MZ_ENOMEM. */
int conf_zones_make(struct mz_conf *conf);

/* Parts that mail systems and domains have in common. */

/* The MX list: no host twice. */
void conf_check_mx(struct conf_ctx *ctx, const struct raw_list *raw, struct mz_conf_mxs *out);
void conf_check_acme(struct conf_ctx *ctx, const struct raw_list *raw, struct mz_conf_acmes *out);
/* The group, kept; NULL for NULL, or out of memory (noted). */
struct mz_conf_sts *conf_check_sts(struct conf_ctx *ctx, const struct raw_sts *raw);
/* In enforce mode each MX host must be covered by a pattern. Either may be NULL. */
void conf_check_cover(struct conf_ctx *ctx, const struct mz_conf_sts *sts,
		      const struct mz_conf_mxs *mx, const config_setting_t *at);
/* A text of a record at the member `name` of a group; `check` is one of value.h. */
void conf_check_text(struct conf_ctx *ctx, const config_setting_t *group, const char *name,
		     const char *text, const char *(*check)(const char *text));

/* A name as names are compared and published: in lower case, without a final dot. */
const char *conf_plain_name(struct conf_ctx *ctx, const char *name);
/* The index of the thing that a setting of this group refers to, or SIZE_MAX after a fault. */
size_t conf_refer(struct conf_ctx *ctx, const struct conf_index *index, const char *what,
		  const char *name, const config_setting_t *group, const char *setting);
/* A sorted index of raw structs; `name` gives the i-th name, or NULL. Names given twice are
 * faults that say where the first stands. */
void conf_index_names(struct conf_ctx *ctx, struct conf_index *index, const char *what,
		      const void *items, size_t count,
		      const char *(*name)(const void *items, size_t i),
		      struct conf_place (*place)(const void *items, size_t i));

#endif
