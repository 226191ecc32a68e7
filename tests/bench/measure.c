/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a program and writes what it took to a file: wall and CPU seconds, peak KiB, exit status.
 * A process of its own, for the peak memory of a child counts what its parent had at the fork. */

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec start = {0}, end = {0};
	struct rusage usage = {0};
	int status = 0;
	if (argc < 3) {
		fprintf(stderr, "usage: measure RESULT PROGRAM [ARGUMENT ...]\n");
		return 64;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	FILE *out = fopen(argv[1], "w");
	if (out == NULL)
		return 1;
	fprintf(out, "%.6f %.6f %ld %d\n",
		(double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec),
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
		usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	return fclose(out) == 0 ? 0 : 1;
}
