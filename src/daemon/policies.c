/* SPDX-License-Identifier: BSD-2-Clause */
/* The MTA-STS policies, for the web server, before the records that announce them. */
#include "src/daemon/daemon.h"

#include <event2/event.h>
#include <stdlib.h>

enum { AGAIN_SECONDS = 10 };

/* False after complaints, at this level of the log. */
static bool write_all(const struct mz_conf *conf, enum mz_log_level level)
{
	const struct mz_conf_domain **domains = calloc(conf->domain_count + 1, sizeof(*domains));
	struct mz_conf_errors errors = {0};
	size_t count = 0;
	int err = MZ_ENOMEM;

	for (size_t i = 0; domains != NULL && i < conf->domain_count; i++) {
		if (conf->domains[i].automatic)
			domains[count++] = &conf->domains[i];
	}
	if (domains != NULL)
		err = mz_sts_files(domains, count, true, &errors);
	if (err == MZ_ENOMEM)
		mz_log(MZ_LOG_ERROR, "mta_sts", "reason", "out of memory", NULL);
	app_log_errors(&errors, level);
	mz_conf_errors_clear(&errors);
	free(domains);
	return err == MZ_OK;
}

/* The records that waited for their files are due. */
static void file_domains(struct app *app)
{
	const struct mz_conf *conf = app->site->conf;

	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct mz_conf_domain *domain = &conf->domains[i];
		const struct mz_queue_input input = {.kind = MZ_TASK_DNS,
						     .domain = domain->text,
						     .families = MZ_FAMILIES_ALL,
						     .due = mz_clock_wall()};
		int64_t id = 0;

		if (domain->automatic && domain->mta_sts != NULL &&
		    domain->mta_sts->policy_file != NULL)
			(void)run_file(app, &input, &id);
	}
	run_soon(app);
}

static void write_now(struct app *app, enum mz_log_level level)
{
	struct timeval later = {AGAIN_SECONDS, 0};
	bool waited = app->policies_failed;

	app->policies_failed = !write_all(app->site->conf, level);
	if (app->policies_failed)
		(void)evtimer_add(app->policies, &later);
	else
		(void)event_del(app->policies);
	if (waited && !app->policies_failed)
		file_domains(app);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	write_now(arg, MZ_LOG_DEBUG); /* it was said */
}

int policies_write(struct app *app)
{
	if (app->policies == NULL)
		app->policies = evtimer_new(app->base, on_again, app);
	if (app->policies == NULL)
		return MZ_ENOMEM;
	write_now(app, MZ_LOG_ERROR);
	return MZ_OK;
}

void policies_clear(struct app *app)
{
	if (app->policies != NULL)
		event_free(app->policies);
}
