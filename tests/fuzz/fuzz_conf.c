/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds a configuration file to mz_conf_load: no input may crash it, end the process or hang. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mailzone/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file without a folder: relative paths in it lead nowhere. */
static int make_file(char path[64])
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	(void)snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;
	struct mz_conf_errors errors = {0};
	struct mz_conf *conf = NULL;
	int err = MZ_OK;

	if (fd < 0)
		fd = make_file(path);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	err = mz_conf_load(&conf, path, &errors);
	if ((err == MZ_OK) != (conf != NULL) || (err == MZ_OK) != (errors.count == 0))
		abort();
	if (conf && conf->domain_count &&
	    mz_conf_find_domain(conf, conf->domains[0].text) != &conf->domains[0])
		abort();
	mz_conf_free(conf);
	mz_conf_errors_clear(&errors);
	return 0;
}
