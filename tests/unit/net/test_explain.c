/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the line that says what went wrong: it names what an operator has to compare. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/net/fake.h"

static struct fake fake;

static void nothing(struct fake *f, const struct fake_request *request)
{
	(void)f;
	(void)request;
}

static int setup(void **state)
{
	(void)state;
	fake_start(&fake, nothing, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_stop(&fake);
	return 0;
}

static void expect(struct mz_answer answer, bool key, const char *const *parts)
{
	struct mz_cause cause = {""};

	mz_net_explain(&answer, fake.peer, "UPDATE", "example.org", key ? fake.key : NULL, &cause);
	assert_non_null(strstr(cause.text, "UPDATE of example.org at 127.0.0.1:"));
	assert_null(strchr(cause.text, '\n'));
	for (; *parts != NULL; parts++)
		if (strstr(cause.text, *parts) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", cause.text, *parts);
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_replies(void **state)
{
	struct mz_answer badkey = {.outcome = MZ_NET_UNPROVEN,
				   .rcode = MZ_RCODE_NOTAUTH,
				   .verdict = TSIG_PEER_REJECTED,
				   .info = {.error = 17}};
	struct mz_answer badsig = {.outcome = MZ_NET_UNPROVEN,
				   .rcode = MZ_RCODE_NOTAUTH,
				   .verdict = TSIG_PEER_REJECTED,
				   .info = {.error = 16}};
	struct mz_answer refused = {.outcome = MZ_NET_ANSWER,
				    .rcode = MZ_RCODE_REFUSED,
				    .verdict = TSIG_GOOD};

	(void)state;
	expect(badkey, true,
	       PARTS("NOTAUTH", "BADKEY", "unproven", "\"fake\" (hmac-sha256)", "compare"));
	expect(badsig, true, PARTS("BADSIG", "secret", "\"fake\""));
	expect(refused, true, PARTS("REFUSED", "\"fake\"", "access rules"));
	expect(refused, false, PARTS("REFUSED", "without a key"));
	refused.rcode = MZ_RCODE_NOTZONE;
	expect(refused, true, PARTS("NOTZONE", "outside the zone"));
	refused.rcode = MZ_RCODE_SERVFAIL;
	expect(refused, true, PARTS("SERVFAIL", "log"));
}

static void test_silence(void **state)
{
	struct mz_answer badtime = {.outcome = MZ_NET_BADTIME};
	struct mz_answer timeout = {.outcome = MZ_NET_TIMEOUT,
				    .dropped = 3,
				    .verdict = TSIG_BADSIG};
	struct mz_answer refused = {.outcome = MZ_NET_UNREACHABLE, .sys_errno = ECONNREFUSED};
	struct mz_answer lost = {.outcome = MZ_NET_LOST};
	struct mz_answer broken = {.outcome = MZ_NET_BROKEN, .verdict = TSIG_UNSIGNED};

	(void)state;
	badtime.info.server_time = (uint64_t)mz_clock_wall() - 4000;
	expect(badtime, true, PARTS("BADTIME", "behind", "s "));
	expect(timeout, true,
	       PARTS("no answer in time", "3 replies were not believed",
		     tsig_verdict_text(TSIG_BADSIG)));
	timeout.dropped = 0;
	expect(timeout, true, PARTS("no answer in time"));
	expect(refused, true, PARTS(strerror(ECONNREFUSED)));
	expect(lost, true, PARTS("lost"));
	expect(broken, true, PARTS(tsig_verdict_text(TSIG_UNSIGNED)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
