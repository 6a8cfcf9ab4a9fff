#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "ctl/controller.h"
#include "exec/process_handle.h"
#include "exec/process_left.h"
#include "krb/krb.h"

/* A worker by hand that was killed has nobody else to clean up behind it. */
static enum executor_found look(void *arg UNUSED, const char *process)
{
	enum executor_found found = process_handle_look(process);

	if (found == EXECUTOR_GONE)
		process_left_kill(process);
	return found;
}

/* Workers need a ticket for the store, as we do. */
static int may_start(void *arg, bool anew, struct err *err)
{
	const struct settings *s = arg;

	if (s->store.driver != DRIVER_MSSQL || s->store.mssql.auth != MSSQL_AUTH_KERBEROS)
		return 0;
	return krb_verify(s->store.mssql.kerberos, anew, err);
}

/* Blocked in every thread, and read by the controller. */
static int open_signals(int *ret_fd, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return *ret_fd < 0 ? err_errno(err, ERR_IO, errno, "signalfd") : 0;
}

static int finish(const struct controller_summary *s, bool until_idle)
{
	if (s->workers)
		log_info("%zu of its workers go on; the next controller adopts them", s->workers);
	if (!until_idle)
		return 0;
	if (s->held)
		log_warn("%" PRId64 " runs are left whose jobs are held: 'etl status' says why", s->held);
	if (s->waiting)
		log_warn("%" PRId64 " runs are left waiting for a job that has not succeeded", s->waiting);
	log_info("nothing is left to do: %" PRId64 " runs ended, %" PRId64 " of them not well", s->ended,
		s->unsuccessful);
	return s->unsuccessful || s->held || s->waiting ? 1 : 0;
}

int cmd_controller(struct invocation *in, struct err *err)
{
	CLEANUP_CLOSE int stop_fd = -1;
	char uid[UUID_TEXT_LEN + 1], host[256] = "localhost", process[EXECUTOR_HANDLE_MAX];
	struct controller_summary summary;
	struct settings settings;
	struct controller_config config = {.settings = &settings,
		.config_path = cmd_flag(in, "config"),
		.clock = &clock_system,
		.uid = uid,
		.host = host,
		.process = process,
		.version = ETL_VERSION,
		.look = look,
		.may_start = may_start,
		.may_start_arg = &settings,
		.until_idle = cmd_flag(in, "until-idle") != NULL};

	if (cmd_settings(in, &settings, err) || process_handle_self(process, err) ||
		open_signals(&stop_fd, err))
		return -1;
	uuid_make(&clock_system, &rnd_system, uid);
	gethostname(host, sizeof(host) - 1);
	config.stop_fd = stop_fd;
	config.executor = executor_choose(&settings);
	config.store_name = cmd_store_name(&settings, &in->arena);
	log_info("controller %s of store '%s': up to %" PRId64 " workers", uid, settings_store_name(&settings, &in->arena),
		settings.controller.max_workers);
	if (settings.controller.executor == EXECUTOR_KUBERNETES && settings.store.driver == DRIVER_SQLITE)
		log_warn("the store is a file: workers in pods reach it on a volume that they share with the controller");
	if (controller_run(&config, &summary, err))
		return -1;
	return finish(&summary, config.until_idle);
}
