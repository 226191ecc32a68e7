/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of dkim, cert and records: files with the mode they need, and a domain to change. */
#include "tests/unit/records/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/mailzone-test-XXXXXX";
static struct mz_arena paths;

int folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int folder_remove(void **state)
{
	(void)state;
	mz_arena_clear(&paths);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *in_folder(const char *name)
{
	char path[PATH_MAX] = "";
	const char *kept = NULL;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	kept = mz_arena_strdup(&paths, path);
	assert_non_null(kept);
	return kept;
}

/* Plainly: what a test writes need not survive a power failure. */
static const char *write_file(const char *name, const void *octets, size_t len, unsigned mode)
{
	const char *path = in_folder(name);
	FILE *file = NULL;

	(void)unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, len, file), len);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static uint8_t *read_source(const char *name, size_t *len)
{
	const char *top = getenv("srcdir");
	char path[PATH_MAX] = "";
	struct mz_cause cause = {0};
	uint8_t *octets = NULL;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/records/%s", top == NULL ? "." : top,
		       name);
	if (mz_file_read(path, 1 << 20, &octets, len, &cause) != MZ_OK)
		fail_msg("%s", cause.text);
	return octets;
}

static const char *copy(const char *name, size_t max, const char *as, unsigned mode)
{
	char source[128] = "";
	size_t len = 0;
	uint8_t *octets = NULL;
	const char *path = NULL;

	(void)snprintf(source, sizeof(source), "data/%s", name);
	octets = read_source(source, &len);
	path = write_file(as, octets, len < max ? len : max, mode);
	free(octets);
	return path;
}

const char *data_file(const char *name, unsigned mode)
{
	return copy(name, SIZE_MAX, name, mode);
}

const char *data_cut(const char *name, size_t len, const char *as)
{
	return copy(name, len, as, 0600);
}

const char *text_file(const char *name, const char *text, unsigned mode)
{
	return write_file(name, text, strlen(text), mode);
}

char *source_text(const char *name)
{
	size_t len = 0;

	return (char *)read_source(name, &len);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines sorted by octets, without comments; the text is cut up in place. */
static size_t sorted_lines(char *text, char *lines[], size_t max)
{
	size_t n = 0;
	char *rest = text;

	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		if (line[0] == '\0' || line[0] == ';')
			continue;
		assert_true(n < max);
		lines[n++] = line;
	}
	qsort(lines, n, sizeof(lines[0]), by_text);
	return n;
}

void assert_zone(const struct mz_rrlist *list, const char *file)
{
	struct mz_str text = {0};
	char *got[128] = {0}, *want[128] = {0}, *expected = source_text(file);
	size_t gots = 0, wants = 0;

	for (size_t i = 0; i < list->count; i++) {
		mz_rr_to_text(&list->rr[i], &text);
		mz_str_addc(&text, '\n');
	}
	assert_false(text.failed);
	gots = sorted_lines(text.s, got, 128);
	wants = sorted_lines(expected, want, 128);
	for (size_t i = 0; i < gots && i < wants; i++)
		assert_string_equal(got[i], want[i]);
	assert_int_equal(gots, wants);
	mz_str_clear(&text);
	free(expected);
}

void assert_ordered(const struct mz_rrlist *list)
{
	for (size_t i = 1; i < list->count; i++)
		assert_true(mz_rr_compare(&list->rr[i - 1], &list->rr[i]) < 0);
}

struct mz_name name_of(const char *text)
{
	struct mz_name name = {0};

	assert_int_equal(mz_name_from_text(&name, text, NULL, NULL), MZ_OK);
	return name;
}

void world_init(struct world *w, const char *name, const char *origin)
{
	char host[300] = "";

	memset(w, 0, sizeof(*w));
	(void)snprintf(host, sizeof(host), "mail.%s", name);
	w->name = name_of(name);
	w->origin = name_of(origin);
	w->mxs.mx = w->mx;
	w->acmes.acme = w->acme;
	w->server.ttl = 3600;
	w->system = (struct mz_conf_mail_system){
		.name = "default",
		.hostname = name_of(host),
		.services = w->services,
		.host_spf = "v=spf1 a -all",
		.certificates = w->certificates,
		.where = {"mailzone.conf", 5},
	};
	w->domain = (struct mz_conf_domain){
		.text = name,
		.name = w->name.wire,
		.origin = w->origin.wire,
		.origin_text = origin,
		.system = &w->system,
		.server = &w->server,
		.tenant = "",
		.report_address = "mailto:postmaster",
		.automatic = true,
		.publish = MZ_FAMILIES_ALL & ~(1u << MZ_FAMILY_TLSA),
		.dkim_algorithms = 1u << MZ_DKIM_RSA | 1u << MZ_DKIM_ED25519,
		.rsa_bits = 2048,
		.selector_template = "v{version}-{algorithm}-{date-%Y%m%d}",
		.dkim_keys = w->keys,
		.records = w->records,
		.record_where = w->record_where,
		.spf = "v=spf1 mx -all",
		.dmarc = "v=DMARC1; p=reject",
		.mx = &w->mxs,
		.acme = &w->acmes,
		.where = {"mailzone.conf", 10},
		.selector_template_where = {"mailzone.conf", 12},
	};
	world_mx(w, host, 10);
}

void world_mx(struct world *w, const char *host, uint16_t priority)
{
	assert_true(w->mxs.count < 4);
	w->mx[w->mxs.count++] = (struct mz_conf_mx){name_of(host), priority};
}

void world_service(struct world *w, enum mz_protocol protocol, bool cleartext, const char *host)
{
	assert_true(w->system.service_count < 8);
	w->services[w->system.service_count++] =
		(struct mz_conf_service){protocol, cleartext, name_of(host)};
}

void world_record(struct world *w, const char *line)
{
	size_t i = w->domain.record_count++;

	assert_true(i < 8);
	w->records[i] = line;
	w->record_where[i] = (struct mz_where){"mailzone.conf", 20 + (unsigned)i};
}

void world_key(struct world *w, const char *selector, const char *file)
{
	size_t i = w->domain.dkim_key_count++;

	assert_true(i < 4);
	w->keys[i] = (struct mz_conf_dkim_key){selector, file, {"mailzone.conf", 30 + (unsigned)i}};
}

void world_certificate(struct world *w, const char *file, const char *next_key, ...)
{
	size_t i = w->system.certificate_count++, n = 0;
	const char *host = NULL;
	va_list hosts;

	assert_true(i < 4);
	va_start(hosts, next_key);
	while ((host = va_arg(hosts, const char *)) != NULL) {
		assert_true(n < 4);
		w->cert_hosts[i][n++] = name_of(host);
	}
	va_end(hosts);
	w->certificates[i] = (struct mz_conf_certificate){
		.file = file,
		.next_key = next_key,
		.hosts = w->cert_hosts[i],
		.host_count = n,
		.where = {"mailzone.conf", 40 + (unsigned)i},
	};
}

void world_acme(struct world *w, const char *issuer, const char *uri, bool persist,
		const char *policy)
{
	assert_true(w->acmes.count < 3);
	w->acme[w->acmes.count++] = (struct mz_conf_acme){issuer, uri, persist, policy};
}
