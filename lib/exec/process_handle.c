#include "exec/process_handle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"

#define ENVIRONMENT_MAX (8u * 1024 * 1024) /* bytes; more than the kernel lets through exec */
#define RUN_TEXT_MAX    64
#define PREFIX          "process:"
#define BOOT_ID_FILE    "/proc/sys/kernel/random/boot_id"
#define PID_NS_FILE     "/proc/self/ns/pid"

void process_handle_print(const struct process_handle *h, char out[EXECUTOR_HANDLE_MAX])
{
	snprintf(out, EXECUTOR_HANDLE_MAX, PREFIX "%s:%" PRIu64 ":%" PRId32 ":%" PRId64,
		h->place.boot_id, h->place.pid_namespace, h->pid, h->start);
}

static bool is_uuid(const char *text, size_t len)
{
	const char *pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (len != UUID_TEXT_LEN)
		return false;
	for (size_t i = 0; i < UUID_TEXT_LEN; i++)
		if (pattern[i] == 'x' ? !strchr("0123456789abcdef", text[i]) : text[i] != '-')
			return false;
	return true;
}

/* The number up to `end` and what is behind that; NULL when there is none up to `max`. */
static const char *take_number(const char *text, char end, int64_t max, int64_t *ret)
{
	const char *stop = text ? strchr(text, end) : NULL;

	if (!stop || number_parse_int(text, (size_t)(stop - text), ret) != NUMBER_OK || *ret < 0 ||
		*ret > max)
		return NULL;
	return stop + 1;
}

int process_handle_parse(const char *text, struct process_handle *ret_handle)
{
	struct process_handle h = {.pid = 0};
	int64_t ns = 0, pid = 0, start = 0;
	char again[EXECUTOR_HANDLE_MAX];
	const char *p;

	if (!text || strnlen(text, EXECUTOR_HANDLE_MAX) == EXECUTOR_HANDLE_MAX ||
		strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return -1;
	p = text + strlen(PREFIX);
	if (!is_uuid(p, strcspn(p, ":")))
		return -1;
	memcpy(h.place.boot_id, p, UUID_TEXT_LEN);
	p += UUID_TEXT_LEN;
	if (*p++ != ':')
		return -1;
	p = take_number(p, ':', INT64_MAX, &ns);
	p = take_number(p, ':', INT32_MAX, &pid);
	p = take_number(p, '\0', INT64_MAX, &start);
	if (!p || pid == 0)
		return -1;
	h.place.pid_namespace = (uint64_t)ns;
	h.pid = (int32_t)pid;
	h.start = start;
	process_handle_print(&h, again); /* one process, one text: no signs, no zeros in front */
	if (strcmp(again, text) != 0)
		return -1;
	*ret_handle = h;
	return 0;
}

static int read_boot_id(char out[UUID_TEXT_LEN + 1], struct err *err)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(UUID_TEXT_LEN + 1);

	if (file_read(BOOT_ID_FILE, &text, err))
		return -1;
	if (!is_uuid(buf_str(&text), strcspn(buf_str(&text), "\n")))
		return err_set(err, ERR_IO, "'%s' is not what it should be", BOOT_ID_FILE);
	memcpy(out, text.data, UUID_TEXT_LEN);
	out[UUID_TEXT_LEN] = '\0';
	return 0;
}

/* A /proc that was mounted for another namespace has other processes under our numbers. */
static int check_proc(struct err *err)
{
	char self[32] = "", ours[32];

	if (readlink("/proc/self", self, sizeof(self) - 1) < 0)
		return err_errno(err, ERR_IO, errno, "read '/proc/self'");
	snprintf(ours, sizeof(ours), "%d", (int)getpid());
	if (strcmp(self, ours) != 0)
		return err_set(err, ERR_IO,
			"/proc is another process namespace's: process %s "
			"there is %s here",
			self, ours);
	return 0;
}

int process_place_here(struct process_place *ret_place, struct err *err)
{
	struct process_place here;
	struct stat st;

	if (check_proc(err) || read_boot_id(here.boot_id, err))
		return -1;
	if (stat(PID_NS_FILE, &st))
		return err_errno(err, ERR_IO, errno, "read '%s'", PID_NS_FILE);
	here.pid_namespace = st.st_ino;
	*ret_place = here;
	return 0;
}

/* Another boot might be an earlier one of this host, and its processes gone; but nothing says for
 * certain that it is this host: machine-id and host name are copied with its image. */
static bool same_place(const struct process_place *a, const struct process_place *b)
{
	return strcmp(a->boot_id, b->boot_id) == 0 && a->pid_namespace == b->pid_namespace;
}

/* Was this process started for that run and fence? (In the moment of its exec it has none.) */
static bool is_worker_of(pid_t pid, int64_t run_id, int64_t fence)
{
	CLEANUP(buf_release) struct buf env = BUF_INIT(ENVIRONMENT_MAX);
	char path[32], wanted[RUN_TEXT_MAX];
	struct err err = ERR_INIT;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	if (file_read(path, &env, &err))
		return false;
	len = (size_t)snprintf(wanted, sizeof(wanted),
		PROCESS_RUN_VARIABLE "=%" PRId64 ":%" PRId64 ":", run_id, fence);
	for (const char *p = buf_str(&env), *end = p + env.len; p < end; p += strlen(p) + 1)
		if (strncmp(p, wanted, len) == 0)
			return true;
	return false;
}

/*
 * Whether the process behind the pidfd is the one that the handle means. The number cannot be given
 * away as long as that process lives: when it still lives after its start was read, the start was
 * its own. When it has ended meanwhile, or another start was read, the one that was meant has ended
 * as well: it cannot come back under its number.
 */
static enum executor_found identify(
	const struct proc *p, const struct process_handle *h, int64_t run_id, int64_t fence)
{
	struct err err = ERR_INIT;
	struct proc_stat stat;
	int rc = proc_stat(p->pid, &stat, &err);

	if (proc_ended(p) || (rc == 0 && stat.start != h->start))
		return EXECUTOR_GONE;
	if (rc || stat.group != p->pid || !is_worker_of(p->pid, run_id, fence))
		return proc_ended(p) ? EXECUTOR_GONE : EXECUTOR_ELSEWHERE;
	return EXECUTOR_ALIVE;
}

enum executor_found process_find(const struct process_handle *h, const struct process_place *here,
	int64_t run_id, int64_t fence, struct proc *ret_proc)
{
	enum executor_found found;
	struct err err = ERR_INIT;
	struct proc p;

	if (!same_place(&h->place, here))
		return EXECUTOR_ELSEWHERE;
	if (proc_open(h->pid, &p, &err))
		return err.code == ERR_NOT_FOUND ? EXECUTOR_GONE : EXECUTOR_ELSEWHERE;
	found = identify(&p, h, run_id, fence);
	if (found == EXECUTOR_ALIVE)
		*ret_proc = p;
	else
		proc_release(&p);
	return found;
}

int process_handle_self(char out[EXECUTOR_HANDLE_MAX], struct err *err)
{
	struct process_handle h = {.pid = getpid()};
	struct proc_stat st;

	if (process_place_here(&h.place, err) || proc_stat(h.pid, &st, err))
		return -1;
	h.start = st.start;
	process_handle_print(&h, out);
	return 0;
}

enum executor_found process_handle_look(const char *text)
{
	CLEANUP(proc_release) struct proc p = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};
	struct err err = ERR_INIT;
	struct process_handle h;
	struct process_place here;
	struct proc_stat st;

	if (process_handle_parse(text, &h) || process_place_here(&here, &err) ||
		!same_place(&h.place, &here))
		return EXECUTOR_ELSEWHERE;
	if (proc_open(h.pid, &p, &err))
		return err.code == ERR_NOT_FOUND ? EXECUTOR_GONE : EXECUTOR_ELSEWHERE;
	if (proc_stat(h.pid, &st, &err))
		return proc_ended(&p) ? EXECUTOR_GONE : EXECUTOR_ELSEWHERE;
	return st.start != h.start || proc_ended(&p) ? EXECUTOR_GONE : EXECUTOR_ALIVE;
}
