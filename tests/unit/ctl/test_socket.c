/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the socket in the file system: what is replaced, what stays, who may use it. */
#include "tests/unit/ctl/rig.h"

static void handle(void *arg, struct mz_ctl_request *request, const char *command,
		   const json_t *arguments)
{
	(void)arg;
	(void)command;
	(void)arguments;
	mz_ctl_end(request, 0);
}

static int open_at(struct rig *rig, const char *path)
{
	rig->cause.text[0] = '\0';
	return mz_ctl_open(&rig->ctl, rig->base, path, (gid_t)-1, handle, rig, &rig->cause);
}

static void test_mode(void **state)
{
	struct rig *rig = *state;
	mode_t mask = umask(0077);
	struct stat st = {0};

	assert_int_equal(mz_ctl_open(&rig->ctl, rig->base, rig->path, getegid(), handle, rig,
				     &rig->cause),
			 MZ_OK);
	umask(mask);
	assert_int_equal(lstat(rig->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, getegid());
	mz_ctl_close(rig->ctl);
	rig->ctl = NULL;
	assert_int_equal(lstat(rig->path, &st), -1);
	mz_ctl_close(NULL);
}

static void test_group(void **state)
{
	struct rig *rig = *state;
	struct stat st = {0};

	if (geteuid() != 0)
		skip();
	assert_int_equal(mz_ctl_open(&rig->ctl, rig->base, rig->path, 4321, handle, rig,
				     &rig->cause),
			 MZ_OK);
	assert_int_equal(lstat(rig->path, &st), 0);
	assert_int_equal(st.st_gid, 4321);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void test_folder(void **state)
{
	struct rig *rig = *state;
	char folder[96] = "", path[112] = "";
	mode_t mask = umask(0077);
	struct stat st = {0};

	(void)snprintf(folder, sizeof folder, "%s/run", rig->dir);
	(void)snprintf(path, sizeof path, "%s/control", folder);
	assert_int_equal(open_at(rig, path), MZ_OK);
	umask(mask);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	mz_ctl_close(rig->ctl);
	rig->ctl = NULL;

	/* one that is there stays as it is */
	assert_int_equal(chmod(folder, 0710), 0);
	assert_int_equal(open_at(rig, path), MZ_OK);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0710);
}

static void test_stale(void **state)
{
	struct rig *rig = *state;

	close(rig_bind(rig->path, true));
	assert_int_equal(open_at(rig, rig->path), MZ_OK);
	close(rig_dial(rig));
}

static void test_live(void **state)
{
	struct rig *rig = *state;
	int fd = rig_bind(rig->path, true);

	assert_int_equal(open_at(rig, rig->path), MZ_EEXIST);
	assert_non_null(strstr(rig->cause.text, rig->path));
	assert_null(rig->ctl);
	close(rig_dial(rig)); /* it is there still */
	close(fd);
}

/* One whose queue is full does not answer at once, but lives. */
static void test_live_and_busy(void **state)
{
	struct rig *rig = *state;
	struct sockaddr_un addr = rig_address(rig->path);
	int fd = rig_bind(rig->path, false), client[2] = {-1, -1};
	unsigned i = 0;

	assert_int_equal(listen(fd, 0), 0);
	for (i = 0; i < 2; i++) {
		client[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(client[i] >= 0);
		(void)connect(client[i], (const struct sockaddr *)&addr, sizeof addr);
	}
	assert_int_equal(open_at(rig, rig->path), MZ_EEXIST);
	assert_int_equal(access(rig->path, F_OK), 0);
	close(client[0]);
	close(client[1]);
	close(fd);
}

static void test_two(void **state)
{
	struct rig *rig = *state;
	struct mz_ctl *second = NULL;

	assert_int_equal(open_at(rig, rig->path), MZ_OK);
	assert_int_equal(mz_ctl_open(&second, rig->base, rig->path, (gid_t)-1, handle, rig, NULL),
			 MZ_EEXIST);
	assert_null(second);
	close(rig_dial(rig));
}

static void test_file_stays(void **state)
{
	struct rig *rig = *state;
	FILE *file = fopen(rig->path, "w");
	struct stat st = {0};

	assert_non_null(file);
	fputs("precious", file);
	fclose(file);
	assert_int_equal(open_at(rig, rig->path), MZ_EEXIST);
	assert_non_null(strstr(rig->cause.text, "no socket"));
	assert_int_equal(stat(rig->path, &st), 0);
	assert_int_equal(st.st_size, 8);
}

/* A link is no socket, even when it leads to one. */
static void test_link_stays(void **state)
{
	struct rig *rig = *state;
	char link[96] = "";
	struct stat st = {0};

	(void)snprintf(link, sizeof link, "%s/link", rig->dir);
	close(rig_bind(rig->path, true));
	assert_int_equal(symlink(rig->path, link), 0);
	assert_int_equal(open_at(rig, link), MZ_EEXIST);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void test_datagram_stays(void **state)
{
	struct rig *rig = *state;
	struct sockaddr_un addr = rig_address(rig->path);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(open_at(rig, rig->path), MZ_EEXIST);
	assert_int_equal(access(rig->path, F_OK), 0);
	close(fd);
}

static void test_folder_is_file(void **state)
{
	struct rig *rig = *state;
	char path[112] = "";
	FILE *file = fopen(rig->path, "w");

	assert_non_null(file);
	fclose(file);
	(void)snprintf(path, sizeof path, "%s/control", rig->path);
	assert_int_equal(open_at(rig, path), MZ_EIO);
	assert_string_not_equal(rig->cause.text, "");
}

static void test_long_path(void **state)
{
	struct rig *rig = *state;
	char path[120] = "";

	memset(path, 'a', sizeof path - 1);
	assert_int_equal(open_at(rig, path), MZ_ERANGE);
	assert_non_null(strstr(rig->cause.text, "107"));
	assert_int_equal(open_at(rig, ""), MZ_ERANGE);
}

static void test_no_permission(void **state)
{
	struct rig *rig = *state;
	bool root = geteuid() == 0;
	int err = MZ_OK;

	assert_int_equal(chmod(rig->dir, 0555), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	err = open_at(rig, rig->path);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(err, MZ_EPERM);
	assert_non_null(strstr(rig->cause.text, rig->path));
	assert_int_equal(access(rig->path, F_OK), -1);
}

/* A group that we may not give: nothing is left behind. */
static void test_no_group(void **state)
{
	struct rig *rig = *state;
	bool root = geteuid() == 0;
	int err = MZ_OK;

	assert_int_equal(chmod(rig->dir, 0777), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	err = mz_ctl_open(&rig->ctl, rig->base, rig->path, 4321, handle, rig, &rig->cause);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(err, MZ_EPERM);
	assert_int_equal(access(rig->path, F_OK), -1);
}

/* What another process put at the path meanwhile is not ours to remove. */
static void test_close_leaves_others(void **state)
{
	struct rig *rig = *state;
	int fd = -1;

	assert_int_equal(open_at(rig, rig->path), MZ_OK);
	assert_int_equal(unlink(rig->path), 0);
	fd = rig_bind(rig->path, true);
	mz_ctl_close(rig->ctl);
	rig->ctl = NULL;
	close(rig_dial(rig));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_mode),
		RIG_TEST(test_group),
		RIG_TEST(test_folder),
		RIG_TEST(test_stale),
		RIG_TEST(test_live),
		RIG_TEST(test_live_and_busy),
		RIG_TEST(test_two),
		RIG_TEST(test_file_stays),
		RIG_TEST(test_link_stays),
		RIG_TEST(test_datagram_stays),
		RIG_TEST(test_folder_is_file),
		RIG_TEST(test_long_path),
		RIG_TEST(test_no_permission),
		RIG_TEST(test_no_group),
		RIG_TEST(test_close_leaves_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
