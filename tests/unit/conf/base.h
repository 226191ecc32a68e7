/* SPDX-License-Identifier: BSD-2-Clause */
/* A good configuration with every setting on a line of its own, to break one by one. */
#ifndef MZ_TEST_CONF_BASE_H
#define MZ_TEST_CONF_BASE_H

#include "tests/unit/conf/helper.h"

static const char base[] = "state_directory = \"/var/lib/mailzone\";\n"
			   "control_socket = \"/run/mailzone/control.sock\";\n"
			   "domain_directory = \"\";\n"
			   "reconcile_interval = \"1h\";\n"
			   "log = { level = \"info\";\n"
			   " format = \"logfmt\"; };\n"
			   "status = { listen = \"127.0.0.1:8653\"; };\n"
			   "notify = { listen = [ \"127.0.0.1:5300\" ]; };\n"
			   "keys = (\n"
			   " { name = \"update\";\n"
			   "  algorithm = \"hmac-sha256\";\n"
			   "  secret_file = \"test.secret\"; },\n"
			   " { name = \"transfer\";\n"
			   "  secret = \"" SECRET "\"; }\n"
			   ");\n"
			   "servers = (\n"
			   " { name = \"primary\";\n"
			   "  description = \"hidden\";\n"
			   "  host = \"127.0.0.1\";\n"
			   "  port = 5353;\n"
			   "  transport = \"udp\";\n"
			   "  key = \"update\";\n"
			   "  transfer_key = \"transfer\";\n"
			   "  tenant = \"acme\";\n"
			   "  timeout = \"20s\";\n"
			   "  ttl = \"10m\";\n"
			   "  propagation_delay = \"1s\";\n"
			   "  polling_interval = \"2s\";\n"
			   "  propagation_timeout = \"3s\";\n"
			   "  secondaries = [ \"192.0.2.54\",\n"
			   "   \"[2001:db8::54]:54\" ];\n"
			   "  read = \"axfr\";\n"
			   "  max_inflight = 5;\n"
			   "  delete_limit = 51;\n"
			   " },\n"
			   " { name = \"second\"; host = \"::1\"; }\n"
			   ");\n"
			   "mail_systems = (\n"
			   " { name = \"default\";\n"
			   "  hostname = \"mail.example.org\";\n"
			   "  mx = ( { host = \"mx1.example.org\";\n"
			   "   priority = 11; },\n"
			   "   { host = \"mx2.example.org\"; } );\n"
			   "  services = ( { protocol = \"imap\";\n"
			   "   host = \"imap.example.org\";\n"
			   "   cleartext = true; },\n"
			   "   { protocol = \"smtp\"; } );\n"
			   "  spf = \"v=spf1 a -all\";\n"
			   "  host_spf = \"v=spf1 mx -all\";\n"
			   "  dmarc = \"v=DMARC1; p=none\";\n"
			   "  mta_sts = { mode = \"enforce\";\n"
			   "   max_age = \"8d\";\n"
			   "   mx = [ \"mx1.example.org\",\n"
			   "    \"*.example.org\" ];\n"
			   "   policy_file = \"sts.txt\"; };\n"
			   "  autoconfig = { document = \"auto.json\"; };\n"
			   "  acme = ( { issuer = \"letsencrypt.org\";\n"
			   "   account_uri = \"https://acme.example/acct/1\";\n"
			   "   persist = true;\n"
			   "   policy = \"wildcard\"; },\n"
			   "   { issuer = \"ca.example\"; } );\n"
			   "  certificates = ( { file = \"chain.pem\";\n"
			   "   next_key = \"next.pem\";\n"
			   "   hosts = [ \"mx1.example.org\" ]; } );\n"
			   " },\n"
			   " { name = \"other\"; hostname = \"mail.example.net\"; }\n"
			   ");\n"
			   "task_manager = { max_attempts = 4;\n"
			   " total_deadline = \"7h\";\n"
			   " retry = { strategy = \"fixed\";\n"
			   "  initial_delay = \"2m\";\n"
			   "  factor = 3.5;\n"
			   "  max_delay = \"31m\";\n"
			   "  jitter = false;\n"
			   "  delay = \"6m\"; }; };\n"
			   "hooks = { dkim_activated = [ \"/bin/true\", \"reload\" ];\n"
			   " certificate_renew = [ \"/bin/false\" ];\n"
			   " timeout = \"61s\"; };\n"
			   "domains = (\n"
			   " { name = \"Example.ORG\";\n"
			   "  mail_system = \"default\";\n"
			   "  no_mail = false;\n"
			   "  tenant = \"acme\";\n"
			   "  report_address = \"mailto:reports\";\n"
			   "  dns_management = { mode = \"automatic\";\n"
			   "   server = \"primary\";\n"
			   "   origin = \"org\";\n"
			   "   publish_records = [ \"mx\", \"tlsa\" ];\n"
			   "   on_removal = \"withdraw\";\n"
			   "   takeover = \"refuse\"; };\n"
			   "  dkim_management = { mode = \"automatic\";\n"
			   "   algorithms = [ \"rsa-sha256\" ];\n"
			   "   rsa_bits = 3072;\n"
			   "   selector_template = \"s{version}\";\n"
			   "   rotate_after = \"91d\";\n"
			   "   retire_after = \"8d\";\n"
			   "   delete_after = \"31d\"; };\n"
			   "  dkim_keys = ( { selector = \"s1\";\n"
			   "   file = \"s1.pem\"; } );\n"
			   "  records = ( \"www 300 IN A 192.0.2.80\",\n"
			   "   \"@ CAA 0 issue \\\"x.example\\\"\" );\n"
			   " },\n"
			   " { name = \"own.example.net\";\n"
			   "  mail_system = \"other\";\n"
			   "  spf = \"v=spf1 -all\";\n"
			   "  dmarc = \"v=DMARC1; p=quarantine\";\n"
			   "  mx = ( { host = \"mx.example.net\"; priority = 5; } );\n"
			   "  mta_sts = { mode = \"testing\"; };\n"
			   "  acme = ( { issuer = \"own.example\"; } );\n"
			   " }\n"
			   ");\n";

struct breakage {
	const char *old, *new; /* replaced in the base */
	const char *error;     /* its text; it may end early */
	unsigned down;	       /* lines between the start of `old` and the error */
};

static inline void want_breakages(const struct breakage *rows, size_t count)
{
	size_t i = 0;

	for (i = 0; i < count; i++) {
		char *text = replace(base, rows[i].old, rows[i].new);

		want_one(text, line_of(base, rows[i].old) + rows[i].down, rows[i].error);
		free(text);
	}
}
#define WANT_BREAKAGES(rows) want_breakages(rows, sizeof(rows) / sizeof *(rows))

#endif
