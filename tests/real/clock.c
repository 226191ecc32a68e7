/* SPDX-License-Identifier: BSD-2-Clause */
/* Preloaded: a clock that a test sets. The file MZ_CLOCK holds how far ahead of the kernel's clock every clock is, in
 * nanoseconds; whoever waits for a time wakes when the test has moved the clock past it. A program with
 * MZ_CLOCK_SEEN in its environment says in the file by which clock it has nothing more to do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define MS (SECOND / 1000)
#define SLICE_MS 5 /* of the kernel's time: so soon a leap is noticed */

/* The file, which the test writes and reads too. */
struct shared {
	_Atomic int64_t ahead; /* nanoseconds */
	_Atomic int64_t seen;  /* by this clock the program waits, and nothing is due */
};

static struct shared *shared; /* NULL: not yet, or there is none */
static bool reports;
static int (*wait_condition)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
/* Times are worked out from what the clock said last: a leap since then is one past them. */
static _Thread_local int64_t known;

__attribute__((constructor)) static void map(void)
{
	const char *path = getenv("MZ_CLOCK");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *at = fd < 0 ? MAP_FAILED
			  : mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		(void)close(fd);
	if (at == MAP_FAILED)
		abort();
	shared = at;
	reports = getenv("MZ_CLOCK_SEEN") != NULL;
	/* a search for no version may find the first one, which is another function */
	at = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (at == NULL)
		at = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	wait_condition = (__typeof__(wait_condition))(size_t)at;
}

static int64_t ahead(void)
{
	return shared == NULL ? 0 : atomic_load(&shared->ahead);
}

static int64_t nanoseconds(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

static int64_t kernel_time(clockid_t clock)
{
	struct timespec ts = {0};

	(void)syscall(SYS_clock_gettime, clock, &ts);
	return nanoseconds(&ts);
}

/* ---- what time it is --------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int status = (int)syscall(SYS_clock_gettime, clock, ts);

	if (status != 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
		return status;
	known = ahead();
	*ts = timespec_of(nanoseconds(ts) + known);
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts = {0};

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *out)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

/* ---- waiting for a time ------------------------------------------------------------------------------------- */

static int wait_events(int fd, struct epoll_event *events, int max, int ms, const sigset_t *mask)
{
	int64_t until = ms < 0 ? INT64_MAX : kernel_time(CLOCK_MONOTONIC) + known + ms * MS;
	int slice = 0, n = 0; /* first a look: what is there is not due, but it has come */

	for (;;) {
		int64_t by = ahead();
		int64_t left = ms < 0 ? INT64_MAX : until - kernel_time(CLOCK_MONOTONIC) - by;

		if (left < slice * MS)
			slice = left < 0 ? 0 : (int)(left / MS);
		n = (int)syscall(SYS_epoll_pwait, fd, events, max, slice, mask, sizeof(uint64_t));
		if (n == 0 && left <= 0)
			known = by;
		if (n != 0 || left <= 0)
			return n;
		if (reports)
			atomic_store(&shared->seen, by);
		slice = left < MS ? 1 : SLICE_MS;
	}
}

int epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	return wait_events(fd, events, max, ms, NULL);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int ms, const sigset_t *mask)
{
	return wait_events(fd, events, max, ms, mask);
}

/* Nobody knows which clock `cond` is for; but the one since 1970 and the one since boot are far apart. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
			   const struct timespec *restrict abstime)
{
	int64_t until = nanoseconds(abstime) - ahead();
	bool wall = until > kernel_time(CLOCK_REALTIME) / 2;
	int64_t slice = kernel_time(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC) + SLICE_MS * MS;
	struct timespec ts = timespec_of(until < 0 ? 0 : until < slice ? until : slice);
	int status = wait_condition(cond, mutex, &ts);

	/* nothing has come yet: whoever waits for a condition looks at it again anyway */
	return status == ETIMEDOUT && until > slice ? 0 : status;
}
