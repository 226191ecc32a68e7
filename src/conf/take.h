/* SPDX-License-Identifier: BSD-2-Clause */
/* One value, from its text to its place in a struct. */
#ifndef MZ_CONF_TAKE_H
#define MZ_CONF_TAKE_H

#include "src/conf/context.h"
#include "src/conf/schema.h"

/* False after a fault, which has been added at `at`. `dest` is one element for an array. */
bool conf_take(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
	       const config_setting_t *at, void *dest);
bool conf_take_number(struct conf_ctx *ctx, const struct conf_row *row, long long value,
		      const config_setting_t *at, void *dest);
/* Sets the bit of one choice. */
bool conf_take_flag(struct conf_ctx *ctx, const struct conf_row *row, const char *text,
		    const config_setting_t *at, uint32_t *flags);
/* An argument vector of `count` strings; dest is const char **, NULL for an empty one. */
bool conf_take_command(struct conf_ctx *ctx, const struct conf_row *row, const void *items,
		       size_t count, const config_setting_t *at, void *dest);
/* The row's default, which is known to be good. */
void conf_take_default(struct conf_ctx *ctx, const struct conf_row *row, void *dest);
/* "NAME must be WHAT, not WHAT". Returns false. */
bool conf_type_fault(struct conf_ctx *ctx, const struct conf_row *row, const config_setting_t *at);

#endif
