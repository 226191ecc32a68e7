/* SPDX-License-Identifier: BSD-2-Clause */
/* The reconcile of one zone; private to the room. */
#ifndef MZ_FLOW_FLOW_H
#define MZ_FLOW_FLOW_H

#include <event2/event.h>
#include <sys/queue.h>

#include "mailzone/flow.h"

enum state {
	STATE_WAITING,	 /* for its turn */
	STATE_PROBE,	 /* the SOA is asked for */
	STATE_READ,	 /* the zone is read */
	STATE_COMMIT,	 /* what is intended becomes durable */
	STATE_SEND,	 /* an UPDATE is under way */
	STATE_TRY,	 /* an empty UPDATE: may this key update the zone at all? */
	STATE_VERIFY,	 /* what was sent is read back */
	STATE_PROPAGATE, /* the secondaries are looked at */
	STATE_RECORD,	 /* what was done becomes durable */
	STATE_BACKOFF,	 /* waits before it starts again */
	STATE_DONE,
};

/* One change that was sent. */
enum sent { SENT_UNKNOWN, SENT_APPLIED, SENT_FAILED };
struct logged {
	struct mz_change change;
	int64_t row; /* of the history */
	enum sent state;
};

/* A run of units that goes into one message. */
struct batch {
	size_t from, to;
};

/* How often somebody else may come between reading and updating. */
enum { FLOW_RACES_MAX = 3 };

/* Seconds until a message of an earlier process has arrived and been worked off, or never will be. */
enum { IN_FLIGHT = 2 };

/* A slot that the server would not change. */
struct denied {
	struct mz_name owner;
	uint16_t type;
	char *reason;
};

/* A change that an earlier run began and did not end. */
struct open_row {
	int64_t id;
	bool applied;
};

struct look; /* at one secondary: propagate.c */

/* Somebody who waits for the next commit. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	mz_committed fn;
	void *arg;
	bool own; /* freed once it was told */
};
TAILQ_HEAD(waiters, waiter);

/* A job that waits for its turn: ten thousand of them may. */
struct queued {
	TAILQ_ENTRY(queued) link;
	struct mz_job job;
	mz_flow_done done;
	void *arg;
};

struct flow {
	TAILQ_ENTRY(flow) link; /* in the engine's list of those that run */
	struct waiter waiter;	/* in its queue of those who wait for a commit */
	bool committing;
	struct mz_engine *engine;
	struct mz_job job;
	mz_flow_done done;
	void *arg;
	enum state state;
	struct event *timer;
	struct mz_peer *peer;
	struct mz_live_op *op;
	struct mz_ask *ask;

	/* gathered at the start */
	int64_t now; /* wall: of everything that is derived */
	struct mz_plan_domain *domains;
	struct mz_store_zone *known;   /* one a domain */
	uint8_t (*digests)[MZ_DIGEST]; /* one a domain: of all that it publishes */
	unsigned *keys_missing;	       /* one a domain */
	struct mz_tlsa_wait *tlsa;     /* one a domain */
	const char *tlsa_warned;       /* the certificate that was warned of last */
	bool tlsa_unseen;	       /* some TLSA record was not seen on every server yet */
	struct mz_rrlist signing;      /* the selectors of active DKIM keys */
	struct mz_rrlist in_use;       /* TLSA RRs of the keys in use */
	struct mz_rrlist was_in_use; /* those of keys that mail servers may not have given up yet */
	struct mz_rrlist held;	     /* TLSA RRsets of certificates that cannot be read */
	const char **cert_faults;    /* one a domain: why one of them cannot be, or NULL */
	struct mz_refusal *doubts;   /* one a host of those; names in `arena` */
	size_t doubt_count;
	struct mz_rrlist desired, ledger, slots;
	bool recalled; /* ledger and slots are there */

	/* read and planned */
	struct mz_live live;
	struct mz_plan plan;
	bool planned;
	uint32_t serial;
	bool have_serial;
	bool unchanged;	      /* by serial and digest */
	bool failed;	      /* `error` is set, and the end is under way */
	const uint8_t *alias; /* of the report: in `live` */

	/* what earlier runs left open, as the first read shows it */
	struct open_row *open;
	size_t open_count;
	uint32_t open_serial;
	bool judged;

	/* sent */
	struct batch *queue; /* a stack */
	size_t queue_count, queue_cap;
	struct batch current;
	struct logged *log;
	size_t log_count, log_cap, log_current; /* log_current: where the current message starts */
	struct mz_arena arena;			/* octets of the log, and of `doubts` */
	struct denied *denied;
	size_t denied_count;
	struct mz_plan_count *counts; /* of the first plan */
	bool may_update;	      /* the empty UPDATE was accepted */
	char refusal[512]; /* why the last message was turned down, while it is looked into */
	unsigned refusal_rcode;
	enum mz_fault refusal_fault;
	size_t quiet;		/* the units before it were not seen to change under our hands */
	bool set_apart;		/* the others were once sent on their own */
	bool looked_at_refusal; /* a message was turned down, and the zone read once more */
	bool looked_again;	/* an outcome was unknown, and time was given to settle it */
	unsigned races, attempts, looks;
	uint64_t failing_since; /* monotonic ms: the first SERVFAIL to an UPDATE */
	int64_t intended_at;	/* wall: the last change that an earlier run left open; 0: none */
	uint64_t deadline;	/* monotonic ms: no new attempt after it */

	struct look *look; /* one a secondary */
	uint64_t propagation_end;
	char error[640];
	enum mz_fault fault;
};

struct mz_engine {
	struct mz_engine_input in;
	struct mz_net *net;
	TAILQ_HEAD(, queued) waiting;
	TAILQ_HEAD(, flow) running;
	struct waiters waiters;	 /* for the next commit */
	struct event *pump;	 /* starts flows */
	struct event *committer; /* ends a transaction */
	size_t running_count, committing_count,
		pending; /* committing_count: flows among the waiters */
};

/* flow.c: every step ends in exactly one of these */
void flow_enter(struct flow *flow, enum state state);
void flow_start(struct flow *flow);
void flow_read(struct flow *flow);
/* How this zone is read. */
struct mz_live_request flow_request(const struct flow *flow);
/* A fault: tries again later while there is time and it may pass, else the job fails. */
void flow_fault(struct flow *flow, bool may_pass, enum mz_fault fault, const char *text);
void flow_fail(struct flow *flow, enum mz_fault fault, const char *text);
void flow_fail_memory(struct flow *flow);
void flow_finish(struct flow *flow);
void flow_free(struct flow *flow);
/* Calls fn from the loop after ms; one timer a flow. */
void flow_after(struct flow *flow, unsigned ms, event_callback_fn fn);
/* What a plan is made from, with what was read. */
struct mz_plan_input flow_plan_input(const struct flow *flow, const struct mz_live *live);
/* Makes the plan from what was read, without what the server denied: MZ_ENOMEM. */
int flow_plan(struct flow *flow, const struct mz_live *live, struct mz_plan *out);

/* gather.c: what is desired and known, before anything is asked; and the rest, before the zone is
 * read: the wishes of the zone's other domains, the ledger, the slots */
int flow_gather(struct flow *flow, struct mz_cause *cause);
int flow_recall(struct flow *flow, struct mz_cause *cause);
/* How long, in ms, what an earlier process sent may still be on its way: one that was killed a moment ago left
 * messages in the network and in the server's queue. */
unsigned flow_on_its_way(const struct flow *flow);
/* Is the domain planned with all that it publishes? Only then is its state recorded. */
bool flow_complete(const struct flow *flow, size_t domain);

/* send.c */
void flow_send_all(struct flow *flow);
void flow_send_committed(struct flow *flow);

/* verify.c */
void flow_verify(struct flow *flow);
/* Does the unit's RRset stand now as it stood in an earlier read? */
bool flow_as_before(const struct mz_live *before, const struct mz_live *now,
		    const struct mz_unit *unit);

/* propagate.c */
void flow_propagate(struct flow *flow);
void flow_propagate_cancel(struct flow *flow);

/* record.c */
void flow_record(struct flow *flow);
void flow_recorded(struct flow *flow);
/* After the first read, before anything is sent: what earlier runs left open, was it applied? It is
 * ended by flow_record; until then it counts as ours. */
int flow_judge_open(struct flow *flow);

/* undo.c: mode UNDO. What the change added is the ledger, what it deleted is desired. */
int flow_undo_recall(struct flow *flow);
/* Is the zone still as the change left it? Else the flow fails. */
bool flow_undo_ready(struct flow *flow);
int flow_undo_record(struct flow *flow);

/* challenge.c: modes PRESENT and CLEANUP. The TXT is desired, or it is the ledger. */
bool flow_is_challenge(const struct flow *flow);
int flow_challenge_recall(struct flow *flow);
/* A CNAME stands at the name: the flow is over, its caller goes on at the target. */
bool flow_challenge_leads_on(struct flow *flow);
/* There is but one change: where it is refused the flow fails with the reason. */
bool flow_challenge_refused(struct flow *flow);

/* changes.c: the log of what was sent */
int flow_log_message(struct flow *flow);
void flow_log_settle(struct flow *flow, enum sent state);
/* What a read shows of the changes of one message, which are done together, but for those that a
 * server ignores. {0} before the first. */
struct sight {
	bool additions; /* there are any */
	bool came;	/* one that was added stands there */
	bool stayed;	/* one that was deleted stands there */
};
void flow_see(struct sight *sight, const struct mz_live *live, const struct mz_rr *rr, bool add);
bool flow_saw_applied(const struct sight *sight);
/* After a new read: what of the unknown was applied? */
void flow_log_resolve(struct flow *flow);
/* After a new read and plan: what counts as applied, is not there and not to be done again, was ignored. */
void flow_log_check(struct flow *flow);
/* Writes the states of the log's rows to the store. */
int flow_log_store(struct flow *flow);
int flow_deny(struct flow *flow, size_t unit, const char *reason);
/* Before there is a plan: this slot is not to be changed. */
int flow_deny_slot(struct flow *flow, const uint8_t *owner, uint16_t type, const char *reason);

/* tlsa.c: what is remembered of TLSA keys */
/* The domain's keys, as they were gathered now: writes down what is new, warns of keys that come early. */
int flow_tlsa_seen(struct flow *flow, size_t domain, const struct mz_facts *facts);
/* What cannot be known of the domain's keys now is left alone, and is a refusal of the plan: MZ_ENOMEM. */
int flow_tlsa_hold(struct flow *flow, size_t domain, const struct mz_facts *facts);
/* Once the ledger is there: the owners at which keys are in use, for the guard; and what else is held. */
int flow_tlsa_recall(struct flow *flow);
/* A change is about to be sent: what it adds is not served yet, what it deletes is forgotten. */
int flow_tlsa_sending(struct flow *flow, const struct mz_change *change);
/* Everything is verified: what stands in the zone is served everywhere from now on. */
int flow_tlsa_served(struct flow *flow, size_t domain);

/* engine.c */
void engine_commit(struct flow *flow); /* flow goes on in flow_send_committed or flow_recorded */
void engine_done(struct flow *flow);

#endif
