/* SPDX-License-Identifier: BSD-2-Clause */
/* Work that takes its time, done by a thread, one piece after the other: the loop never waits for it. */
#ifndef MZ_DAEMON_WORKER_H
#define MZ_DAEMON_WORKER_H

#include <stdbool.h>

struct event_base;
struct worker;

/* A new worker; its thread exists only while there is work. MZ_ENOMEM, MZ_EIO; what was made by then is
 * in *out, to be freed. */
int worker_new(struct worker **out, struct event_base *base);
/* Waits for what is being done; `done` is called for it, and for all that was not begun. NULL is fine. */
void worker_free(struct worker *worker);
/* Has `run` called in the thread, where it may touch nothing that is shared, and `done` from the loop
 * after it: never from inside this. `over`: the worker is being freed; `run` may not have been called.
 * MZ_ENOMEM: neither is. */
int worker_order(struct worker *worker, void (*run)(void *arg), void (*done)(void *arg, bool over),
		 void *arg);

#endif
