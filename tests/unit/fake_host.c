#include "unit/fake_host.h"

#include <stdio.h>
#include <string.h>

#define SAID_MAX (8u << 20)

static struct fake_host *of(struct step_host *host)
{
	return (struct fake_host *)host;
}

static void say(struct step_host *host, enum log_level level, const char *text)
{
	struct fake_host *f = of(host);

	pthread_mutex_lock(&f->mutex);
	buf_printf(&f->said, "%s ", log_level_name(level));
	buf_adds(&f->said, text);
	buf_addc(&f->said, '\n');
	f->lines++;
	pthread_mutex_unlock(&f->mutex);
	if (f->cancel_on && strstr(text, f->cancel_on))
		f->cancel = true;
	if (f->on_say)
		f->on_say(f, text);
}

static void progress(struct step_host *host, const char *line, uint64_t rows, uint64_t bytes)
{
	struct fake_host *f = of(host);

	(void)rows;
	(void)bytes;
	pthread_mutex_lock(&f->mutex);
	snprintf(f->progress, sizeof(f->progress), "%s", line);
	pthread_mutex_unlock(&f->mutex);
	if (f->on_progress)
		f->on_progress(f);
}

static int before_publish(struct step_host *host, struct err *err)
{
	struct fake_host *f = of(host);

	pthread_mutex_lock(&f->mutex);
	f->published++;
	pthread_mutex_unlock(&f->mutex);
	if (f->on_publish)
		f->on_publish(f);
	if (f->publish_err.code == ERR_NONE)
		return 0;
	*err = f->publish_err;
	return -1;
}

static int known_runs(struct step_host *host, const struct run_mark *runs, size_t n,
	size_t *ret_unknown, struct err *err)
{
	struct fake_host *f = of(host);
	size_t i = 0;

	pthread_mutex_lock(&f->mutex);
	f->asked_known++;
	pthread_mutex_unlock(&f->mutex);
	if (f->known_err.code != ERR_NONE) {
		*err = f->known_err;
		return -1;
	}
	while (i < n && !f->unknown_runs &&
		!(f->unknown_run && strcmp(runs[i].run_uid, f->unknown_run) == 0))
		i++;
	*ret_unknown = i;
	return 0;
}

static bool again(struct step_host *host, const struct err *why)
{
	struct fake_host *f = of(host);

	(void)why;
	pthread_mutex_lock(&f->mutex);
	f->asked_again++;
	pthread_mutex_unlock(&f->mutex);
	return f->will_try_again;
}

void fake_host_init(struct fake_host *f)
{
	*f = (struct fake_host){
		.job = {.name = "load", .job_uid = "job-1", .job_id = 7},
		.run = {.run_id = 12,
			.run_uid = "run-1",
			.job_id = 7,
			.state = RUN_RUNNING,
			.attempt = 1,
			.fence = 1},
		.said = BUF_INIT(SAID_MAX),
	};
	f->host = (struct step_host){.settings = &f->settings,
		.job = &f->job,
		.run = &f->run,
		.store_uid = "store-1",
		.clock = &clock_system,
		.cancel = &f->cancel,
		.say = say,
		.progress = progress,
		.before_publish = before_publish,
		.known_runs = known_runs,
		.again = again};
	pthread_mutex_init(&f->mutex, NULL);
}

void fake_host_release(struct fake_host *f)
{
	buf_release(&f->said);
	pthread_mutex_destroy(&f->mutex);
}

const char *fake_host_said(struct fake_host *f)
{
	return buf_str(&f->said);
}
