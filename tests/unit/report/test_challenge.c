/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TXT an ACME challenge is: its name, its zone, its value, and where CNAMEs lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/report/report.h"

#define VALUE "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" /* of no octets */

enum { DOMAINS = 5 };

/* example.org is kept on two servers, and has a zone below it that is kept, too. */
static struct mz_name names[DOMAINS], origins[DOMAINS];
static struct mz_conf_server servers[2];
static struct mz_conf_domain domains[DOMAINS];
static const struct mz_conf conf = {.file = "test.conf",
				    .domains = domains,
				    .domain_count = DOMAINS};
static char said[512];

static int setup(void **state)
{
	static const struct {
		const char *name, *origin;
		size_t server;
		bool manual;
	} all[DOMAINS] = {
		{"mail.example.org", "example.org", 1, false},
		{"example.org", "example.org", 0, false},
		{"a.child.example.org", "child.example.org", 1, false},
		{"manual.test", "manual.test", 0, true},
		{"far.test", "far.test", 1, false},
	};

	(void)state;
	for (size_t i = 0; i < DOMAINS; i++) {
		assert_int_equal(mz_name_from_text(&names[i], all[i].name, NULL, NULL), MZ_OK);
		assert_int_equal(mz_name_from_text(&origins[i], all[i].origin, NULL, NULL), MZ_OK);
		domains[i] = (struct mz_conf_domain){.text = all[i].name,
						     .name = names[i].wire,
						     .origin = origins[i].wire,
						     .origin_text = all[i].origin,
						     .server = &servers[all[i].server],
						     .automatic = !all[i].manual};
	}
	return 0;
}

static void say(void *arg, const char *line)
{
	(void)arg;
	assert_string_equal(said, ""); /* one line */
	(void)strncpy(said, line, sizeof(said) - 1);
}

static int selected(struct mz_selection *out, const char *name, const char *value)
{
	memset(said, 0, sizeof(said));
	return mz_select_challenge(out, &conf, name, value, say, NULL);
}

static void good(const char *name, const char *owner, const char *origin, size_t server)
{
	struct mz_selection selection = {0};
	char text[MZ_NAME_TEXT] = "";

	assert_int_equal(selected(&selection, name, VALUE), MZ_OK);
	assert_string_equal(said, "");
	assert_int_equal(selection.count, 1);
	mz_name_to_text(selection.domain[0]->name, text);
	assert_string_equal(text, owner);
	text[strlen(text) - 1] = '\0';
	assert_string_equal(selection.domain[0]->text, text);
	assert_string_equal(selection.domain[0]->origin_text, origin);
	assert_ptr_equal(selection.domain[0]->server, &servers[server]);
	assert_string_equal(selection.value, VALUE);
	mz_selection_clear(&selection);
}

static void bad(const char *name, const char *value, const char *part)
{
	struct mz_selection selection = {0};

	assert_int_equal(selected(&selection, name, value), MZ_EINVAL);
	if (strstr(said, part) == NULL)
		fail_msg("%s: %s", name, said);
	assert_int_equal(selection.count, 0);
	mz_selection_clear(&selection);
}

static void test_names(void **state)
{
	(void)state;
	good("example.org", "_acme-challenge.example.org.", "example.org", 0);
	good("*.Example.ORG.", "_acme-challenge.example.org.", "example.org", 0);
	good("www.example.org", "_acme-challenge.www.example.org.", "example.org", 0);
	/* of the domains of one zone the nearest */
	good("mail.example.org", "_acme-challenge.mail.example.org.", "example.org", 1);
	good("b.mail.example.org", "_acme-challenge.b.mail.example.org.", "example.org", 1);
	/* of the zones the deepest, whatever domains there are */
	good("b.child.example.org", "_acme-challenge.b.child.example.org.", "child.example.org", 1);
	bad("www.manual.test", VALUE, "manual.test");
	bad("test", VALUE, "test.conf");
	bad("xample.org", VALUE, "xample.org");
	bad("", VALUE, "");
	bad(".", VALUE, "no name of a certificate");
	bad("*", VALUE, "no name of a certificate");
	bad("*.", VALUE, "");
	bad("www.*.example.org", VALUE, "no name of a certificate");
	bad("_acme-challenge.example.org", VALUE, "without _acme-challenge");
	bad("a\\000b.example.org", VALUE, "control character");
	bad("a\\.b.example.org", VALUE, "no name of a certificate");
	bad("example.org\nx", VALUE, "");
}

static void test_values(void **state)
{
	char value[] = VALUE;
	struct mz_selection selection = {0};

	(void)state;
	bad("example.org", "", "43 characters");
	bad("example.org", VALUE "A", "43 characters");
	bad("example.org", VALUE "=", "43 characters");
	bad("example.org", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "43 characters");
	value[42] = '\0';
	bad("example.org", value, "43 characters");
	value[42] = 'V'; /* bits that no octet has */
	bad("example.org", value, "43 characters");
	for (const char *last = "AEIMQUYcgkosw048"; *last != '\0'; last++) {
		value[42] = *last;
		assert_int_equal(selected(&selection, "example.org", value), MZ_OK);
		mz_selection_clear(&selection);
	}
}

static void test_follow(void **state)
{
	struct mz_selection selection = {0};
	struct zone_jobs jobs = {0};
	struct zone_job zone = {0};
	struct mz_cause cause = {0};
	static const uint8_t far[] = "\005ToKen\003far\004test", lost[] = "\001a\006manual\004test";
	int followed = 0;

	(void)state;
	assert_int_equal(selected(&selection, "example.org", VALUE), MZ_OK);
	zone.job.domains = selection.domain;
	assert_int_equal(challenge_follow(&jobs, &conf, &zone, lost, &cause), MZ_EFAILED);
	assert_non_null(strstr(cause.text, "_acme-challenge.example.org."));
	assert_non_null(strstr(cause.text, "a.manual.test."));
	for (; followed < 100; followed++) {
		if (challenge_follow(&jobs, &conf, &zone, far, &cause) != MZ_OK)
			break;
		assert_memory_equal(zone.job.domains[0]->name, "\005token\003far\004test", 16);
		assert_string_equal(zone.job.domains[0]->text, "_acme-challenge.example.org");
		assert_string_equal(zone.job.origin_text, "far.test");
		assert_memory_equal(zone.job.origin, "\003far\004test", 10);
		assert_ptr_equal(zone.job.server, &servers[1]);
	}
	assert_int_equal(followed, 8);
	assert_non_null(strstr(cause.text, "more than 8 CNAMEs"));
	jobs_clear(&jobs);
	mz_selection_clear(&selection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_follow),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
