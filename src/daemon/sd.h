/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd is told, where it asked for it (sd_notify(3)); no library is needed for one datagram. */
#ifndef MZ_DAEMON_SD_H
#define MZ_DAEMON_SD_H

#include "mailzone/base.h"

/* Sends the state to $NOTIFY_SOCKET; does nothing where that is not set. */
void sd_notify_state(const char *fmt, ...) MZ_PRINTF(1, 2);
/* The watchdog's interval in microseconds; 0: there is none for this process. */
uint64_t sd_watchdog_usec(void);

#endif
