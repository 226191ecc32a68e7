/* SPDX-License-Identifier: BSD-2-Clause */
/* mailzoned: what its files share. */
#ifndef MZ_DAEMON_H
#define MZ_DAEMON_H

#include <pthread.h>
#include <sys/queue.h>

#include "mailzone/ctl.h"
#include "mailzone/report.h"
#include "mailzone/task.h"

struct event;
struct event_base;
struct watch;

/* ---- site.c: one configuration with what is derived from it --------------------------------------- */

/* Whoever works with a site holds it; the last one to let go frees it. Only the main thread does. */
struct site {
	struct site_conf *conf_ref;
	const struct mz_conf *conf;
	struct mz_facts_cache
		*facts; /* the files that the configuration names, as they were read */
	uint8_t (*digests)
		[MZ_DIGEST]; /* one a domain, of its desired records; zeroes: it has a fault */
	bool *due; /* one a domain: the store has other TLSA keys than those on disk, or they cannot be read */
	struct mz_tlsa_wait *tlsa; /* one a domain */
	struct look *looks; /* one a domain, by time; those that are not looked at come last */
	size_t look_count;  /* without those */
	uint32_t *look_of;  /* one a domain: where it is in `looks` */
	uint8_t *origins;   /* of the looks, in their order */
	/* compare.c: to the site before; at the start there is none */
	struct in_common *common; /* one a domain */
	const struct mz_conf_domain *
		*left; /* of the site before: no more automatic, or their keys kept */
	size_t left_count;
	unsigned holders;
};
/* What a domain has in common with what it was in the site before. */
struct in_common {
	uint32_t was; /* 1 + its place in the configuration of that site; 0: it is new */
	bool end;     /* automatic in both; the same is to become of it when it leaves ... */
	bool records; /* ... its records are the same, at the same place ... */
	bool keys;    /* ... and its keys live as long */
};
/* A configuration, and how many sites share it. */
struct site_conf {
	struct mz_conf *conf;
	unsigned sites;
};

/* Makes a site: loads the configuration at `path`, or takes that of `old` where it is not NULL; reads the
 * files anew, derives every domain. `store` is for the DKIM keys; NULL: none are known. Faults of the
 * configuration make it fail; those of single domains are only added to `errors`. Touches nothing that
 * another thread uses, but the configuration of `old`, which must be held. */
int site_make(struct site **out, const char *path, const struct site *old, struct mz_store *store,
	      struct mz_conf_errors *errors);
/* compare.c: compares a new site with the one that it is to follow, which stays until it does. MZ_ENOMEM. As
 * site_make it is for a thread. */
int site_compare(struct site *site, const struct site *before);
void site_hold(struct site *site);
void site_release(struct site *site);
/* The files whose content is published, each once. *out is the caller's to free; the strings are the
 * site's. MZ_ENOMEM. */
int site_paths(const struct site *site, const char ***out, size_t *count);

/* What is known of one domain while the daemon runs. */
enum domain_state { DOMAIN_UNKNOWN, DOMAIN_IN_SYNC, DOMAIN_FAILED };
struct domain_status {
	enum domain_state state;
	int64_t since, last_verified; /* wall */
	bool have_serial;
	bool proven; /* all was right at this serial, nothing waits for a time, and no task was filed since */
	uint32_t serial;
	char *reason;	   /* why it is not in sync, where that is known */
	char *dkim_reason; /* why its DKIM keys do not get on; NULL: they do */
	int64_t dkim_since;
	bool dkim_rests; /* its keys are as they should be: the next step is filed, some day */
	struct mz_tlsa_wait tlsa;
};

/* A domain, and at what second of the interval it is looked at. All that a look needs lies here, next to what the
 * looks before and after it need: of ten thousand domains it is in no cache. */
struct look {
	int64_t phase;
	const struct mz_conf_domain *domain; /* of the site's configuration, as what follows */
	const struct mz_conf_server *server;
	const struct mz_conf_zone *zone;
	const uint8_t *origin; /* of the zone */
	bool dkim;	       /* its keys are kept */
	struct domain_status status;
};

/* ---- the daemon ------------------------------------------------------------------------------------- */

struct server_status {
	char *name;
	struct mz_breaker breaker;
	unsigned inflight;
};

struct mz_net;
struct dkim_run;
struct probes;
struct signers_job;
struct worker;
struct zone_run;
LIST_HEAD(zone_runs, zone_run);
enum { ZONE_BUCKETS = 256 };

struct app {
	const char *path; /* of the configuration */
	struct event_base *base;
	struct mz_lock *lock;
	struct mz_store *store;
	struct mz_engine *engine;
	struct mz_queue *queue;
	struct mz_ctl *ctl;
	struct mz_notify **notify;
	struct mz_endpoint
		*notify_listen; /* where: a reload that leaves them alone opens none anew */
	size_t notify_count;
	struct watch *folder, *files; /* the domain_directory, and what is published of files */
	struct site *site;
	struct event *signals[4];
	struct event *stop_timer, *watchdog;
	bool stopping;
	int64_t stopping_since; /* wall */
	int64_t started;

	/* load.c */
	struct loader *loader;

	/* policies.c */
	struct event *policies; /* tries again */
	bool policies_failed;

	/* look.c */
	struct event *look_timer;
	int64_t looked; /* wall: every look up to here has begun */
	struct event *tlsa_timer;
	int64_t tlsa_look; /* wall: the first look for the sake of TLSA; 0: none */

	/* probe.c */
	struct probes *probes; /* under way, or NULL */

	/* run.c */
	struct event *pump;
	struct zone_runs zones[ZONE_BUCKETS]; /* those under way, by server and origin */
	size_t running;

	/* status.c */
	void *servers; /* a tsearch(3) tree of struct server_status */

	/* dkim.c */
	struct mz_net *net;   /* for looks; the engine has its own */
	struct worker *maker; /* of key pairs */
	LIST_HEAD(, dkim_run) dkim_runs;
	size_t dkim_running, dkim_started; /* under way; begun in this turn of the pump */

	/* dkim_signers.c */
	struct worker *writer;
	struct signers_job *signers_now, *signers_next;

	/* hook.c */
	TAILQ_HEAD(, hook_run) hooks;

	/* withdraw.c */
	LIST_HEAD(, withdrawal) withdrawals;
};

/* app.c */
int app_run(const char *path);
/* Starts to stop: nothing new begins, what is on the wire ends, within 5 s. */
void app_stop(struct app *app, const char *why);
/* The lines of errors, each to the log. */
void app_log_errors(const struct mz_conf_errors *errors, enum mz_log_level level);

/* load.c: configurations are read by a thread, so that the loop never waits */
int loader_new(struct loader **out, struct app *app);
void loader_free(struct loader *loader);
/* Loads the configuration anew, or only the files that it names. `request`, which may be NULL, is told how
 * it went. One load at a time: what is asked for meanwhile follows. */
int loader_start(struct loader *loader, bool conf, struct mz_ctl_request *request);

/* adopt.c: from one site to the next */
/* Takes a site into use: files what changed, lets go of what left. `first`: at the start. MZ_ENOMEM, or an
 * error of the store; then the site is in use all the same. */
int adopt_site(struct app *app, struct site *site, bool first);

/* policies.c */
/* Writes the MTA-STS policy files that differ, and tries again later where one cannot be written: a fault of a
 * file is logged, and its domains' records wait (flow sees to that). MZ_ENOMEM. */
int policies_write(struct app *app);
void policies_clear(struct app *app);

/* look.c: every domain is looked at once an interval */
/* Puts the site's domains in the order of their looks. MZ_ENOMEM. Touches nothing else. */
int look_order(struct site *site);
/* The app's site has changed. MZ_ENOMEM. */
int look_arrange(struct app *app);
/* Files a look at the domain's records. */
void look_file(struct app *app, const char *domain, int64_t due);
/* Files a whole look: at the records, and at the keys where they are kept. */
void look_whole(struct app *app, const struct look *look);
void look_clear(struct app *app);
/* The domain's TLSA records wait for this: it is also looked at when the first of its old keys may leave. */
void look_tlsa(struct app *app, const char *domain, const struct mz_tlsa_wait *wait);
/* The second of an interval that is the domain's own: what is done at it is spread evenly. Pure. */
int64_t look_phase(const char *domain, int64_t interval);
/* When the domain is looked at next by timer (wall). Pure. */
int64_t look_next(const char *domain, int64_t interval, int64_t now);

/* probe.c: looks that begin with the serial of the zone */
/* May the look begin so? Else it is a task. */
bool probe_may(struct app *app, const struct look *look);
/* Looks, with one question a zone; where there is more to it, tasks are filed. Takes `looks`, of the app's site, which
 * malloc made, and puts them in another order. */
void probe_start(struct app *app, struct look **take_looks, size_t count);
void probe_clear(struct app *app);

/* run.c: from due tasks to jobs */
/* Looks for due tasks soon. */
void run_soon(struct app *app);
/* Queues a job that is no task's; those of one zone come one after the other. As mz_run_input.submit. */
int run_submit(void *app, const struct mz_job *job, mz_flow_done done, void *done_arg);
/* Files a task, and says so in the log where that fails. */
int run_file(struct app *app, const struct mz_queue_input *input, int64_t *id);
void run_clear(struct app *app);

/* outcome.c: what became of a job */
/* Ends the job's tasks, one a domain (0: none), and does what follows from its report. */
void outcome_report(struct app *app, const struct mz_report *report, const int64_t *tasks);
/* The same of a job that is no task's: the control socket's, or a withdrawal. */
void outcome_request(struct app *app, const struct mz_report *report);
/* Ends a task, unless `server`, which may be NULL, is down and said nothing (`silent`): then the task waits
 * with its attempts as they were. */
void outcome_end_task(struct app *app, int64_t id, enum mz_task_result result, const char *reason,
		      const struct server_status *server, bool silent);

/* withdraw.c */
/* A domain has left, and no signer has a key of it any more: a withdrawal is filed where it is to be. */
int withdraw_file(struct app *app, const char *domain);
/* Starts a task that withdraws a domain; it ends by itself. Where there is no memory it stays due. */
void withdraw_start(struct app *app, const struct mz_task *task);
/* Forgets those under way; after mz_engine_free and run_clear. */
void withdraw_clear(struct app *app);

/* dkim.c: DKIM keys over time */
/* Starts a dkim-management task, unless one of its domain is under way, or too many are. Where the daemon
 * keeps the domain's keys no more, or the domain has left, what it has of keys is given up and deleted. */
void dkim_start(struct app *app, const struct mz_task *task);
/* Files one. */
int dkim_file(struct app *app, const char *domain, int64_t due);
/* A record of the domain's keys was added, or one that was not ours was deleted: a warning where its key
 * signs or signed, as it should have been there; for one that is to sign all is decided anew. */
void dkim_changed(struct app *app, const struct mz_conf_domain *domain,
		  const struct mz_change *change);
void dkim_clear(struct app *app);
/* dkim_signers.c: writes the files for signers, where there are any, once what was written is durable. */
void signers_refresh(struct app *app);

/* status.c */
/* `domain` is of the site's configuration. */
struct domain_status *status_of(const struct site *site, const struct mz_conf_domain *domain);
/* Of the app's site, by name. NULL: there is none of this name in it. */
struct domain_status *status_domain(const struct app *app, const char *name);
/* What is known of domains goes over from one site to the next, which was compared with it. */
void status_adopt(struct site *site, struct site *old);
/* Frees what the statuses of a site hold. */
void status_free(struct site *site);
struct server_status *status_server(struct app *app,
				    const char *name); /* made when missing; NULL: no memory */
/* A look at the job's i-th domain, or a change, went well, or did not. */
void status_good(struct domain_status *status, const struct mz_report *report, size_t i,
		 int64_t now);
void status_bad(struct domain_status *status, const char *reason, int64_t now);
/* All was right at the status's serial. */
void status_prove(struct domain_status *status, const struct mz_tlsa_wait *wait);
/* Something may be to be done for the domain: its next look is a whole one. */
void status_doubt(struct app *app, const char *name);
/* Records of the domain were taken back by hand, where the status knows it. */
void status_taken(struct app *app, const char *name);
/* The DKIM task of the domain failed for this reason, or (NULL) was done. */
void status_dkim(struct app *app, const char *name, const char *reason);
/* Writes when each domain was last verified to the store. */
void status_store(struct app *app);
void status_clear(struct app *app);

/* notify.c: NOTIFY from the servers */
int notify_arrange(struct app *app);
void notify_clear(struct app *app);

/* command.c: what the control socket is asked for */
void command_handle(void *app, struct mz_ctl_request *request, const char *command,
		    const json_t *arguments);
/* Ends what is under way; after mz_ctl_close and mz_engine_free. */
void command_clear(void);
/* Whoever waits for the task waits for the one that follows from it instead. */
void command_task_follows(int64_t id, int64_t next);
/* A task is over: whoever waits for it is told. */
void command_task_over(struct app *app, int64_t id, enum mz_task_state state, const char *reason);

/* hook.c: programs of the operator */
struct hook_env {
	const char *name, *value;
};
struct hook_input {
	const char *name;	    /* of the setting; a constant */
	const char *const *argv;    /* of the app's site */
	const struct hook_env *env; /* set beside what we have ourselves; ended by a NULL name */
	int64_t task;		    /* for messages, and given back */
	/* Once, from the loop, never from inside hook_start; not after hook_clear. */
	void (*done)(void *arg, int64_t task, bool good, const char *reason);
	void *arg;
};
/* Runs a hook as soon as those of its name before it are over. MZ_ENOMEM: it will not run. */
int hook_start(struct app *app, const struct hook_input *input);
/* Runs the certificate_renew hook for a task; finishes the task. */
void hook_renew(struct app *app, const struct mz_task *task);
void hook_clear(struct app *app);

#endif
