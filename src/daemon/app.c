/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds the daemon's parts in the order of their layers, runs the loop, and takes them down again. */
#include "src/daemon/daemon.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/daemon/dkim.h"
#include "src/daemon/sd.h"
#include "src/daemon/watch.h"
#include "src/daemon/worker.h"

enum { STOP_SECONDS = 4, CHECK_SECONDS = 300 };

void app_log_errors(const struct mz_conf_errors *errors, enum mz_log_level level)
{
	const char *line = errors->text.s;

	while (line != NULL && *line != '\0') {
		size_t n = strcspn(line, "\n");
		struct mz_str text = {0};

		mz_str_addn(&text, line, n);
		mz_log(level, "configuration", "error", text.s, NULL);
		mz_str_clear(&text);
		line += n + (line[n] == '\n');
	}
}

/* ---- signals and files --------------------------------------------------------------------------------------- */

static void reload(struct app *app, bool conf)
{
	if (app->stopping || app->loader == NULL)
		return;
	if (conf)
		sd_notify_state("RELOADING=1\nMONOTONIC_USEC=%llu",
				(unsigned long long)(mz_clock_mono_ns() / 1000));
	if (loader_start(app->loader, conf, NULL) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "reload_failed", "reason", "out of memory", NULL);
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	reload(arg, true);
}

static void on_usr1(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < app->site->look_count; i++)
		look_file(app, app->site->looks[i].domain->text, mz_clock_wall());
	run_soon(app);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	app_stop(arg, fd == SIGINT ? "SIGINT" : "SIGTERM");
}

static void on_folder(void *arg)
{
	reload(arg, true);
}

static void on_files(void *arg)
{
	reload(arg, false);
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;
	struct timeval soon = {0, 50000};

	(void)fd;
	(void)what;
	if (mz_engine_pending(app->engine) == 0 ||
	    mz_clock_wall() - app->stopping_since >= STOP_SECONDS)
		(void)event_base_loopbreak(app->base);
	else
		(void)evtimer_add(app->stop_timer, &soon);
}

void app_stop(struct app *app, const char *why)
{
	struct timeval now = {0, 0};

	if (app->stopping)
		return;
	app->stopping = true;
	app->stopping_since = mz_clock_wall();
	sd_notify_state("STOPPING=1");
	mz_log(MZ_LOG_INFO, "stopping", "why", why, NULL);
	(void)evtimer_add(app->stop_timer, &now);
}

static void clear(struct app *app)
{
	struct mz_cause cause = {0};

	mz_ctl_close(app->ctl);
	loader_free(app->loader);
	notify_clear(app);
	watch_free(app->folder);
	watch_free(app->files);
	hook_clear(app);
	signers_clear(app);
	dkim_clear(app);
	worker_free(app->maker);
	probe_clear(app);
	mz_net_free(app->net);
	if (app->site != NULL && app->store != NULL && app->queue != NULL)
		status_store(app);
	mz_engine_free(app->engine);
	command_clear();
	if (app->store != NULL && mz_store_dirty(app->store) &&
	    mz_store_commit(app->store, &cause) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "state", "reason", cause.text, NULL);
	run_clear(app);
	withdraw_clear(app);
	look_clear(app);
	policies_clear(app);
	mz_queue_free(app->queue);
	status_clear(app);
	for (size_t i = 0; i < sizeof(app->signals) / sizeof(app->signals[0]); i++) {
		if (app->signals[i] != NULL)
			event_free(app->signals[i]);
	}
	if (app->stop_timer != NULL)
		event_free(app->stop_timer);
	if (app->watchdog != NULL)
		event_free(app->watchdog);
	mz_store_close(app->store);
	mz_lock_release(app->lock);
	site_release(app->site);
	if (app->base != NULL)
		event_base_free(app->base);
}

/* ---- the start ------------------------------------------------------------------------------------------------ */

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sd_notify_state("WATCHDOG=1");
}

static int make_events(struct app *app)
{
	static const struct {
		int signal;
		event_callback_fn fn;
	} wanted[] = {{SIGHUP, on_hup}, {SIGUSR1, on_usr1}, {SIGTERM, on_term}, {SIGINT, on_term}};
	uint64_t usec = sd_watchdog_usec();
	struct timeval often = {.tv_sec = (time_t)(usec / 2000000),
				.tv_usec = (suseconds_t)(usec / 2 % 1000000)};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		app->signals[i] = evsignal_new(app->base, wanted[i].signal, wanted[i].fn, app);
		if (app->signals[i] == NULL || evsignal_add(app->signals[i], NULL) != 0)
			return MZ_ENOMEM;
	}
	app->stop_timer = evtimer_new(app->base, on_stop, app);
	app->watchdog = event_new(app->base, -1, EV_PERSIST, on_watchdog, app);
	if (app->stop_timer == NULL || app->watchdog == NULL)
		return MZ_ENOMEM;
	return usec > 0 && event_add(app->watchdog, &often) != 0 ? MZ_ENOMEM : MZ_OK;
}

/* The configuration's own group may use the socket. */
static int open_ctl(struct app *app, struct mz_cause *cause)
{
	struct stat st = {0};
	unsigned gid = stat(app->path, &st) == 0 && geteuid() == 0 ? st.st_gid : (unsigned)-1;

	return mz_ctl_open(&app->ctl, app->base, app->site->conf->control_socket, gid,
			   command_handle, app, cause);
}

static int load_site(struct app *app, struct mz_cause *cause)
{
	struct mz_conf_errors errors = {0};
	struct site *site = NULL;
	int err = site_make(&site, app->path, NULL, NULL, &errors);

	if (errors.text.s != NULL)
		(void)fputs(errors.text.s, stderr);
	if (err != MZ_OK && errors.count == 0)
		(void)mz_cause_set(cause, err, "%s: %s", app->path, mz_strerror(err));
	mz_conf_errors_clear(&errors);
	if (err != MZ_OK)
		return err;
	site->conf_ref->sites = 1;
	app->site = site;
	return MZ_OK;
}

/* DKIM keys are in the store: the first site was made without them. */
static int load_again(struct app *app)
{
	struct mz_conf_errors errors = {0};
	struct site *site = NULL;
	int err = site_make(&site, app->path, app->site, app->store, &errors);

	app_log_errors(&errors,
		       MZ_LOG_ERROR); /* each domain with a fault says so as its task fails */
	mz_conf_errors_clear(&errors);
	if (err != MZ_OK)
		return err;
	site->conf_ref->sites++;
	site_release(app->site);
	app->site = site;
	return MZ_OK;
}

static int start(struct app *app, struct mz_cause *cause)
{
	struct mz_engine_input input = {0};
	struct site *site = NULL;
	int err = load_site(app, cause);

	if (err == MZ_OK)
		err = mz_lock_take(&app->lock, app->site->conf->state_directory, "mailzoned",
				   cause);
	if (err == MZ_OK)
		err = mz_store_open(&app->store, app->site->conf->state_directory, cause);
	if (err == MZ_OK)
		err = load_again(app);
	if (err == MZ_OK && (app->base = event_base_new()) == NULL)
		err = MZ_ENOMEM;
	if (err == MZ_OK)
		err = make_events(app);
	if (err != MZ_OK)
		return err;
	input = (struct mz_engine_input){.base = app->base,
					 .state_directory = app->site->conf->state_directory,
					 .store = app->store};
	err = mz_engine_new(&app->engine, &input);
	if (err == MZ_OK)
		err = mz_queue_new(&app->queue, app->store, &app->site->conf->tasks,
				   mz_clock_wall(), cause);
	if (err == MZ_OK)
		err = mz_net_new(&app->net, app->base);
	if (err == MZ_OK)
		err = worker_new(&app->maker, app->base);
	if (err == MZ_OK)
		err = worker_new(&app->writer, app->base);
	if (err == MZ_OK)
		err = open_ctl(app, cause);
	if (err == MZ_OK)
		err = watch_new(&app->folder, app->base, CHECK_SECONDS, on_folder, app);
	if (err == MZ_OK)
		err = watch_new(&app->files, app->base, CHECK_SECONDS, on_files, app);
	if (err == MZ_OK)
		err = loader_new(&app->loader, app);
	if (err != MZ_OK)
		return err;
	dkim_sweep(app);
	dkim_recall(app);
	site = app->site;
	err = adopt_site(app, site, true);
	return err != MZ_OK ? mz_cause_set(cause, err, "cannot start: %s", mz_strerror(err))
			    : MZ_OK;
}

int app_run(const char *path)
{
	struct app app = {.path = path, .started = mz_clock_wall()};
	struct mz_cause cause = {0};
	int err = MZ_OK;

	TAILQ_INIT(&app.hooks);
	err = start(&app, &cause);

	if (err == MZ_OK) {
		sd_notify_state("READY=1\nSTATUS=%zu domains", app.site->conf->domain_count);
		(void)event_base_dispatch(app.base);
	} else if (cause.text[0] != '\0') {
		(void)fprintf(stderr, "mailzoned: %s\n", cause.text);
	}
	clear(&app);
	if (err == MZ_OK)
		mz_log(MZ_LOG_INFO, "stopped", NULL);
	return err == MZ_OK ? 0 : 1;
}
