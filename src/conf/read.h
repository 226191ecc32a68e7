/* SPDX-License-Identifier: BSD-2-Clause */
/* From libconfig's tree to the raw structs, by the table of settings. */
#ifndef MZ_CONF_READ_H
#define MZ_CONF_READ_H

#include "src/conf/context.h"
#include "src/conf/schema.h"

/* Reads the settings of `group` from `at` into the struct at `dest`, with the defaults of
 * those that are not there or are wrong. Every fault is added. Out of memory (noted) it is
 * zeroed. */
void conf_read(struct conf_ctx *ctx, const struct conf_group *group, const config_setting_t *at,
	       void *dest);

#endif
