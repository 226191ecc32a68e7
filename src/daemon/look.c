/* SPDX-License-Identifier: BSD-2-Clause */
/* Every domain is looked at once an interval, with a few others, so that ten thousand do not wake together; and
 * when an old TLSA key of it may leave. */
#include "src/daemon/dkim.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* In how many parts of the interval the looks come: a wake costs far more than a look. */
enum { GROUPS = 180 };

int64_t look_phase(const char *domain, int64_t interval)
{
	uint64_t hash = mz_hash(MZ_HASH, domain, strlen(domain));

	return (int64_t)((hash ^ hash >> 32) % (uint64_t)interval);
}

/* The beginning of the part of the interval that the domain's phase is in. */
static int64_t group_phase(const char *domain, int64_t interval)
{
	int64_t phase = look_phase(domain, interval), part = interval / GROUPS;

	return part > 1 ? phase - phase % part : phase;
}

/* The first time after `now` that is of this phase. */
static int64_t next_of(int64_t phase, int64_t interval, int64_t now)
{
	return now - (now - phase) % interval + interval;
}

int64_t look_next(const char *domain, int64_t interval, int64_t now)
{
	return next_of(group_phase(domain, interval), interval, now);
}

static int64_t interval_of(const struct app *app)
{
	return app->site->conf->reconcile_interval;
}

/* The first look in the order whose phase is later than that of `now`; look_count: none. */
static size_t first_after(const struct app *app, int64_t now)
{
	int64_t at = now % interval_of(app);
	size_t low = 0, high = app->site->look_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (app->site->looks[middle].phase <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void arm(struct app *app, int64_t now)
{
	const struct site *site = app->site;
	int64_t interval = interval_of(app), wait = 0;
	size_t next = 0;
	struct timeval tv = {0};

	if (site->look_count == 0) {
		(void)event_del(app->look_timer);
		return;
	}
	next = first_after(app, now);
	wait = site->looks[next == site->look_count ? 0 : next].phase - now % interval;
	tv.tv_sec = (time_t)(wait > 0 ? wait : wait + interval);
	(void)evtimer_add(app->look_timer, &tv);
}

void look_file(struct app *app, const char *domain, int64_t due)
{
	const struct mz_queue_input input = {.kind = MZ_TASK_DNS,
					     .domain = domain,
					     .families = MZ_FAMILIES_ALL,
					     .due = due,
					     .light = true};
	int64_t id = 0;

	(void)run_file(app, &input, &id);
}

void look_whole(struct app *app, const struct look *look)
{
	int64_t now = mz_clock_wall();

	look_file(app, look->domain->text, now);
	if (look->dkim)
		(void)dkim_file(app, look->domain->text, now);
	run_soon(app);
}

/* Begins the looks whose time is in (from, to]: at most one interval of them. */
static void begin_between(struct app *app, int64_t from, int64_t to)
{
	const struct site *site = app->site;
	int64_t interval = interval_of(app);
	size_t at = first_after(app, from), due = 0, count = 0;
	struct look **probed = NULL;

	if (to - from >= interval)
		from = to - interval;
	while (due < site->look_count &&
	       next_of(site->looks[(at + due) % site->look_count].phase, interval, from) <= to)
		due++;
	probed = malloc((due + 1) * sizeof(probed[0]));
	for (size_t i = 0; i < due; i++) {
		struct look *look = &site->looks[(at + i) % site->look_count];

		if (probed != NULL && probe_may(app, look))
			probed[count++] = look;
		else
			look_whole(app, look);
	}
	probe_start(app, probed, count);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;
	int64_t now = mz_clock_wall();

	(void)fd;
	(void)what;
	/* A clock that was set back makes no look come twice at once; one that leapt forward, all of them once. */
	if (now > app->looked)
		begin_between(app, app->looked, now);
	app->looked = now;
	arm(app, now);
}

/* ---- TLSA ------------------------------------------------------------------------------------------------ */

/* The wall clock may be set: it is looked at once an hour at least. */
static void arm_tlsa(struct app *app, int64_t now)
{
	int64_t wait = app->tlsa_look - now;
	struct timeval tv = {.tv_sec = (time_t)(wait < 0 ? 0 : wait > 3600 ? 3600 : wait)};

	/* At the start, times are known before there is a timer. */
	if (app->tlsa_look != 0 && app->tlsa_timer != NULL)
		(void)evtimer_add(app->tlsa_timer, &tv);
}

static void on_tlsa(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;
	int64_t now = mz_clock_wall();

	(void)fd;
	(void)what;
	app->tlsa_look = 0;
	for (size_t i = 0; i < app->site->look_count; i++) {
		struct look *look = &app->site->looks[i];
		int64_t at = look->status.tlsa.look_at;

		if (at > now && (app->tlsa_look == 0 || at < app->tlsa_look))
			app->tlsa_look = at;
		if (at == 0 || at > now)
			continue;
		look_file(app, look->domain->text, now);
		look->status.tlsa.look_at = 0;
	}
	arm_tlsa(app, now);
	run_soon(app);
}

void look_tlsa(struct app *app, const char *domain, const struct mz_tlsa_wait *wait)
{
	struct domain_status *status = status_domain(app, domain);
	char time[MZ_TIME_TEXT] = "";

	if (status == NULL)
		return;
	if (wait->look_at != 0 && wait->look_at != status->tlsa.look_at)
		mz_log(MZ_LOG_INFO, "tlsa_waits", "domain", domain, "until",
		       mz_clock_text(wait->look_at, time), NULL);
	status->tlsa = *wait;
	if (wait->look_at != 0 && (app->tlsa_look == 0 || wait->look_at < app->tlsa_look)) {
		app->tlsa_look = wait->look_at;
		arm_tlsa(app, mz_clock_wall());
	}
}

/* ---- the order of looks ---------------------------------------------------------------------------------- */

static int by_phase(const void *a, const void *b)
{
	const struct look *x = a, *y = b;

	return (x->phase > y->phase) - (x->phase < y->phase);
}

/* Each origin is copied, next to those of the looks before and after. */
static int copy_origins(struct site *site)
{
	size_t octets = 0;

	for (size_t i = 0; i < site->look_count; i++)
		octets += mz_name_len(site->looks[i].zone->origin);
	site->origins = malloc(octets + 1);
	if (site->origins == NULL)
		return MZ_ENOMEM;
	octets = 0;
	for (size_t i = 0; i < site->look_count; i++) {
		const uint8_t *origin = site->looks[i].zone->origin;

		site->looks[i].origin = memcpy(site->origins + octets, origin, mz_name_len(origin));
		octets += mz_name_len(origin);
	}
	return MZ_OK;
}

int look_order(struct site *site)
{
	const struct mz_conf *conf = site->conf;

	site->looks = calloc(conf->domain_count + 1, sizeof(site->looks[0]));
	site->look_of = calloc(conf->domain_count + 1, sizeof(site->look_of[0]));
	if (site->looks == NULL || site->look_of == NULL)
		return MZ_ENOMEM;
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct mz_conf_domain *domain = &conf->domains[i];

		site->looks[i] =
			(struct look){.phase = domain->automatic
						       ? group_phase(domain->text,
								     conf->reconcile_interval)
						       : INT64_MAX,
				      .domain = domain,
				      .server = domain->server,
				      .zone = domain->zone,
				      .dkim = dkim_is_kept(domain)};
		site->look_count += domain->automatic;
	}
	qsort(site->looks, conf->domain_count, sizeof(site->looks[0]), by_phase);
	for (size_t i = 0; i < conf->domain_count; i++)
		site->look_of[site->looks[i].domain - conf->domains] = (uint32_t)i;
	return copy_origins(site);
}

int look_arrange(struct app *app)
{
	int64_t now = mz_clock_wall();

	if (app->look_timer == NULL) {
		app->look_timer = evtimer_new(app->base, on_look, app);
		app->looked = now;
	}
	if (app->tlsa_timer == NULL)
		app->tlsa_timer = evtimer_new(app->base, on_tlsa, app);
	if (app->look_timer == NULL || app->tlsa_timer == NULL)
		return MZ_ENOMEM;
	arm(app, now);
	arm_tlsa(app, now);
	return MZ_OK;
}

void look_clear(struct app *app)
{
	if (app->look_timer != NULL)
		event_free(app->look_timer);
	if (app->tlsa_timer != NULL)
		event_free(app->tlsa_timer);
}
