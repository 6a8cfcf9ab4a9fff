#include "base/fault.h"

#ifdef ETL_FAULT_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STALL_MS 3000

static const struct {
	const char *name;
	enum err_code code;
} points[] = {
#define X(point, error) [FAULT_##point] = {#point, ERR_##error},
	FAULTS(X)
#undef X
};

/* How often this point has been come to, this time included, by any process. O_APPEND makes the
 * offset behind a write the writer's own. */
static long count(const char *name)
{
	const char *dir = getenv("ETL_FAULT_DIR");
	char path[4096];
	off_t end;
	int fd;

	if (!dir)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, ".", 1) != 1)
		abort();
	end = lseek(fd, 0, SEEK_CUR);
	close(fd);
	return (long)end;
}

static void stall(void)
{
	const char *text = getenv("ETL_FAULT_STALL");
	long ms = text ? atol(text) : STALL_MS;
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static int act(enum fault point, const char *action, struct err *err)
{
	if (strncmp(action, "kill", 4) == 0) {
		raise(SIGKILL);
		_exit(128 + SIGKILL); /* a container's first process cannot kill itself */
	}
	if (strncmp(action, "stall", 5) == 0)
		stall();
	if (strncmp(action, "err", 3) == 0 && points[point].code != ERR_NONE)
		return err_set(err, points[point].code, "fault point %s", points[point].name);
	return 0;
}

/* The simulation has one of its own. */
__attribute__((weak)) int fault_at(enum fault point, struct err *err)
{
	const char *plan = getenv("ETL_FAULT"), *name = points[point].name;
	size_t len = strlen(name);
	long n = count(name);

	for (const char *p = plan; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		char *action;

		if (strncmp(p, name, len) != 0 || p[len] != ':')
			continue;
		if (strtol(p + len + 1, &action, 10) == n && *action == ':')
			return act(point, action + 1, err);
	}
	return 0;
}

#endif
