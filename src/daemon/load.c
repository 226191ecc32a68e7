/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads configurations and files in a thread of its own: ten thousand domains take their time. */
#include "src/daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/daemon/sd.h"

enum { REQUESTS_MAX = 16 };

struct audience {
	struct mz_ctl_request *request[REQUESTS_MAX];
	size_t count;
};

struct loader {
	struct app *app;
	struct event *ready;
	int fd; /* the thread counts it up when it is done */
	bool busy;
	pthread_t thread;

	/* What the thread works on; it alone touches this while `busy`. */
	const struct site *old; /* files only: of this site's configuration */
	struct site *made;
	struct mz_conf_errors errors;
	struct mz_cause cause;
	int err;

	struct site *held;	   /* `old`, held by us */
	struct audience now, next; /* told how this load went, and the one after it */
	bool again, again_conf;	   /* asked for meanwhile */
};

/* ---- in the thread ---------------------------------------------------------------------------------- */

/* Reads through a database connection of its own. */
static void *load(void *arg)
{
	struct loader *loader = arg;
	struct mz_store *store = NULL;
	uint64_t one = 1;
	int err =
		mz_store_open_readonly(&store, loader->held->conf->state_directory, &loader->cause);

	if (err == MZ_OK || err == MZ_ENOTFOUND)
		err = site_make(&loader->made, loader->app->path, loader->old, store,
				&loader->errors);
	mz_store_close(store);
	if (err == MZ_OK)
		err = site_compare(loader->made, loader->held);
	loader->err = err;
	while (write(loader->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

/* ---- in the loop ------------------------------------------------------------------------------------- */

/* Each error is a line of its own. */
static void tell_errors(struct mz_ctl_request *request, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		mz_ctl_error(request, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void on_doubt(void *arg, bool fault, const char *line)
{
	(void)fault;
	mz_ctl_error(arg, "%s", line);
}

static void answer(struct loader *loader, struct audience *audience, int status)
{
	const struct site *site = loader->app->site;

	for (size_t i = 0; i < audience->count; i++) {
		struct mz_ctl_request *request = audience->request[i];

		if (loader->errors.text.s != NULL)
			tell_errors(request, loader->errors.text.s);
		if (status == 0)
			mz_facts_doubts(site->facts, site->conf, mz_clock_wall(), on_doubt,
					request);
		if (status == 0)
			mz_ctl_output(request, "the configuration is in use\n");
		else
			mz_ctl_error(request, "the configuration has errors: the old one goes on");
		mz_ctl_end(request, status);
	}
	audience->count = 0;
}

/* What was read is taken only when it has no fault at all. */
static void take(struct loader *loader)
{
	struct site *made = loader->made;
	int err = loader->err;

	loader->made = NULL;
	if (err == MZ_OK && loader->errors.count == 0) {
		made->conf_ref->sites++;
		err = adopt_site(loader->app, made, false);
		if (err != MZ_OK)
			mz_log(MZ_LOG_ERROR, "adopt", "reason", mz_strerror(err), NULL);
		answer(loader, &loader->now, 0);
	} else {
		app_log_errors(&loader->errors, MZ_LOG_ERROR);
		mz_log(MZ_LOG_ERROR, "reload_failed", "file", loader->app->path, "reason",
		       loader->cause.text[0] != '\0'
			       ? loader->cause.text
			       : "see the errors; the old configuration goes on",
		       NULL);
		if (made != NULL) {
			made->conf_ref->sites++;
			site_release(made);
		}
		answer(loader, &loader->now, 1);
	}
	mz_conf_errors_clear(&loader->errors);
	if (loader->old == NULL)
		sd_notify_state("READY=1\nSTATUS=%zu domains",
				loader->app->site->conf->domain_count);
}

static int begin(struct loader *loader, bool conf)
{
	loader->again = loader->again_conf = false;
	loader->now = loader->next;
	loader->next.count = 0;
	loader->cause = (struct mz_cause){0};
	loader->err = MZ_OK;
	loader->held = loader->app->site;
	site_hold(loader->held);
	loader->old = conf ? NULL : loader->held;
	loader->busy = pthread_create(&loader->thread, NULL, load, loader) == 0;
	if (loader->busy)
		return MZ_OK;
	site_release(loader->held);
	loader->held = NULL;
	answer(loader, &loader->now, 1);
	return MZ_ENOMEM;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loader *loader = arg;
	uint64_t count = 0;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	(void)pthread_join(loader->thread, NULL);
	loader->busy = false;
	take(loader);
	site_release(loader->held);
	loader->held = NULL;
	if (loader->again && begin(loader, loader->again_conf) != MZ_OK)
		mz_log(MZ_LOG_ERROR, "reload_failed", "reason", "out of memory", NULL);
}

int loader_new(struct loader **out, struct app *app)
{
	struct loader *loader = calloc(1, sizeof(*loader));

	*out = loader;
	if (loader == NULL)
		return MZ_ENOMEM;
	loader->app = app;
	loader->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loader->fd < 0)
		return MZ_EIO;
	loader->ready = event_new(app->base, loader->fd, EV_READ | EV_PERSIST, on_ready, loader);
	return loader->ready == NULL || event_add(loader->ready, NULL) != 0 ? MZ_ENOMEM : MZ_OK;
}

void loader_free(struct loader *loader)
{
	if (loader == NULL)
		return;
	if (loader->busy) {
		(void)pthread_join(loader->thread, NULL);
		if (loader->made != NULL) {
			loader->made->conf_ref->sites++;
			site_release(loader->made);
		}
		mz_conf_errors_clear(&loader->errors);
		site_release(loader->held);
	}
	answer(loader, &loader->now, 1);
	answer(loader, &loader->next, 1);
	if (loader->ready != NULL)
		event_free(loader->ready);
	if (loader->fd >= 0)
		(void)close(loader->fd);
	free(loader);
}

static void on_gone(void *arg)
{
	(void)arg; /* it is answered all the same; nobody hears it */
}

int loader_start(struct loader *loader, bool conf, struct mz_ctl_request *request)
{
	if (request != NULL && loader->next.count == REQUESTS_MAX)
		return MZ_ESPACE;
	if (request != NULL) {
		mz_ctl_on_gone(request, on_gone, NULL);
		loader->next.request[loader->next.count++] = request;
	}
	if (!loader->busy)
		return begin(loader, conf);
	loader->again_conf = loader->again_conf || conf;
	loader->again = true;
	return MZ_OK;
}
