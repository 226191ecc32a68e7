/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a fuzz target once for each file of the folders given, or of its own corpus. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, uint8_t *buffer)
{
	FILE *file = fopen(path, "rb");
	uint8_t *exact = NULL;
	size_t size = 0;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	size = fread(buffer, 1, INPUT_MAX, file);
	fclose(file);
	/* A copy of just its size: a step over its end is found by sanitizers and valgrind. */
	exact = malloc(size > 0 ? size : 1);
	if (exact == NULL) {
		perror("malloc");
		return -1;
	}
	memcpy(exact, buffer, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

/* The number of files replayed, or -1. */
static long replay_folder(const char *folder, uint8_t *buffer)
{
	DIR *dir = opendir(folder);
	long count = 0;

	if (dir == NULL) {
		perror(folder);
		return -1;
	}
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		char path[4096] = "";
		struct stat st = {0};
		int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);

		if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (replay_file(path, buffer) != 0) {
			count = -1;
			break;
		}
		count++;
	}
	closedir(dir);
	return count;
}

/* For the program fuzz_NAME: $srcdir/tests/fuzz/corpus/NAME. */
static const char *own_corpus(const char *program)
{
	static char path[4096];
	const char *top = getenv("srcdir");
	const char *slash = strrchr(program, '/');
	const char *name = slash != NULL ? slash + 1 : program;

	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".", name);
	return path;
}

int main(int argc, char **argv)
{
	uint8_t *buffer = malloc(INPUT_MAX);
	long total = 0;
	int status = 0;

	if (buffer == NULL) {
		perror("malloc");
		return 1;
	}
	for (int i = 1; (i < argc || i == 1) && status == 0; i++) {
		const char *folder = i < argc ? argv[i] : own_corpus(argv[0]);
		long count = replay_folder(folder, buffer);

		if (count <= 0) {
			fprintf(stderr, "%s: no input replayed\n", folder);
			status = 1;
		}
		total += count;
	}
	free(buffer);
	if (status == 0)
		printf("replayed %ld inputs\n", total);
	return status;
}
