/* SPDX-License-Identifier: BSD-2-Clause */
/* What went wrong with an exchange, in one line that says what to check. */
#include "src/net/internal.h"

#include <stdio.h>
#include <string.h>

#define TSIG_ERROR_BADSIG 16
#define TSIG_ERROR_BADKEY 17

/* `key "mail-update" (hmac-sha256)` into buf, or "requests without a key". */
static const char *key_text(const struct tsig_key *key, char *buf, size_t size)
{
	if (key == NULL)
		return "requests without a key";
	(void)snprintf(buf, size, "key \"%s\" (%s)", tsig_key_name(key),
		       tsig_alg_name(tsig_key_alg(key)));
	return buf;
}

/* What an operator should look at, by the TSIG error first, then the rcode. Servers say REFUSED and
 * NOTAUTH for the same things, and PowerDNS for every fault of a key, so one text serves both. */
static void advise(struct mz_str *out, const struct mz_answer *answer, const struct tsig_key *key)
{
	char buf[320] = "";
	const char *name = key_text(key, buf, sizeof buf);

	if (answer->info.error == TSIG_ERROR_BADKEY && key != NULL)
		mz_str_addf(out,
			    ": the server does not know %s, or does not allow it here: compare key "
			    "name, algorithm and access rules in the server's configuration",
			    name);
	else if (answer->info.error == TSIG_ERROR_BADSIG && key != NULL)
		mz_str_addf(out, ": the secret of %s differs from the server's", name);
	else if (answer->rcode == MZ_RCODE_REFUSED || answer->rcode == MZ_RCODE_NOTAUTH)
		mz_str_addf(out,
			    ": the server does not serve this zone, or does not allow this for %s: "
			    "check the zone's origin, the server's access rules%s",
			    name, key != NULL ? ", and the key's name, algorithm and secret" : "");
	else if (answer->rcode == MZ_RCODE_NOTZONE)
		mz_str_add(out, ": a name in it is outside the zone: check the zone's origin");
	else if (answer->rcode == MZ_RCODE_SERVFAIL)
		mz_str_add(out, ": the server could not do it now: look into the server's log");
	else if (answer->rcode == MZ_RCODE_FORMERR || answer->rcode == MZ_RCODE_NOTIMP)
		mz_str_add(out, ": the server does not understand the message");
}

static void explain_reply(struct mz_str *out, const struct mz_answer *answer,
			  const struct tsig_key *key)
{
	char buf[MZ_CODE_TEXT] = "";
	bool proven = answer->outcome == MZ_NET_ANSWER;

	mz_str_add(out, mz_rcode_name(answer->rcode, buf));
	if (answer->info.error != 0)
		mz_str_addf(out, ", TSIG error %s", tsig_error_name(answer->info.error));
	if (!proven && key != NULL)
		mz_str_addf(out, " (unproven: %s)", tsig_verdict_text(answer->verdict));
	advise(out, answer, key);
}

static void explain_time(struct mz_str *out, const struct mz_answer *answer)
{
	int64_t apart = (int64_t)answer->info.server_time - mz_clock_wall();

	mz_str_addf(out, "BADTIME: the server's clock is %lld s %s of ours: set both by NTP",
		    (long long)(apart < 0 ? -apart : apart), apart < 0 ? "behind" : "ahead");
}

static void explain_dropped(struct mz_str *out, const struct mz_answer *answer)
{
	if (answer->dropped == 0)
		return;
	mz_str_addf(out, "; %u %s not believed, the last one because: %s", answer->dropped,
		    answer->dropped == 1 ? "reply was" : "replies were",
		    tsig_verdict_text(answer->verdict));
}

static void explain_errno(struct mz_str *out, const char *text, int sys_errno)
{
	mz_str_add(out, text);
	if (sys_errno != 0)
		mz_str_addf(out, ": %s", strerror(sys_errno));
}

static void explain_broken(struct mz_str *out, const struct mz_answer *answer,
			   const struct tsig_key *key)
{
	mz_str_add(out, "the answer breaks the rules of its protocol");
	if (key != NULL && answer->verdict != TSIG_GOOD)
		mz_str_addf(out, ": %s", tsig_verdict_text(answer->verdict));
}

static void explain_outcome(struct mz_str *out, const struct mz_answer *answer,
			    const struct tsig_key *key)
{
	switch (answer->outcome) {
	case MZ_NET_ANSWER:
	case MZ_NET_UNPROVEN:
		explain_reply(out, answer, key);
		break;
	case MZ_NET_BADTIME:
		explain_time(out, answer);
		break;
	case MZ_NET_TIMEOUT:
		mz_str_add(out, "no answer in time");
		explain_dropped(out, answer);
		break;
	case MZ_NET_UNREACHABLE:
		explain_errno(out, "no connection", answer->sys_errno);
		break;
	case MZ_NET_LOST:
		explain_errno(out, "the connection was lost before the answer came",
			      answer->sys_errno);
		break;
	case MZ_NET_BROKEN:
		explain_broken(out, answer, key);
		break;
	case MZ_NET_STOPPED:
		mz_str_add(out, "cut off by us");
		break;
	}
}

void mz_net_explain(const struct mz_answer *answer, const struct mz_peer *peer, const char *what,
		    const char *origin, const struct tsig_key *key, struct mz_cause *cause)
{
	struct mz_str text = {0};

	explain_outcome(&text, answer, key);
	(void)mz_cause_set(cause, MZ_EFAILED, "%s of %s at %s: %s", what, origin,
			   mz_peer_text(peer), text.s != NULL ? text.s : "out of memory");
	mz_str_clear(&text);
}
