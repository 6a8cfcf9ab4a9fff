#include "work/look.h"

#include <inttypes.h>

#include "base/text.h"
#include "work/copy.h"
#include "work/source.h"
#include "work/target.h"

static const char nobody[] = "00000000-0000-0000-0000-000000000000";

struct look {
	struct load load;
	const struct connection *conn;
	const struct target_ops *ops;
	struct target *target;
	atomic_bool cancel; /* never */
};

/* Close it in any case. */
static int look_open(struct look *l, const struct settings *settings, const struct job *job,
	const char *run_uid, bool look_only, struct err *err)
{
	*l = (struct look){.load = {.look_only = look_only, .run_uid = run_uid, .job = job}};
	if (job->kind != JOB_COPY)
		return err_set(err, ERR_CONFIG, "job '%s' copies no rows: it is of kind %s", job->name,
			job_kind_name(job->kind));
	if (target_of(settings, job, &l->conn, &l->ops, err))
		return -1;
	return l->ops->open(l->conn, &l->load, &l->cancel, &l->target, err);
}

static void look_close(struct look *l)
{
	if (l->ops)
		l->ops->close(l->target);
}

static int cannot(const struct look *l, const char *what, struct err *err)
{
	return err_set(err, ERR_CONFIG, "connection '%s': driver '%s' keeps no %s", l->conn->name,
		driver_name(l->conn->driver), what);
}

/* --- plan --- */

struct plan {
	struct look *look;
	const struct settings *settings;
	const struct job *job;
	bool full;
	void (*say)(void *arg, const char *line);
	void *arg;
	struct arena *a;
};

static int find_watermark(struct plan *p, const char **ret_from, struct err *err)
{
	struct look *l = p->look;

	*ret_from = NULL;
	if (p->job->load_mode != LOAD_INCREMENTAL)
		return 0;
	if (!l->ops->watermark)
		return cannot(l, "watermarks", err);
	if (!p->full && l->ops->watermark(l->target, p->a, ret_from, err))
		return -1;
	if (job_changes(p->job) != CHANGES_WATERMARK)
		return 0; /* the source tells */
	p->say(p->arg, *ret_from ? arena_printf(p->a, "reads what is above %s in '%s'%s%s", *ret_from,
					   p->job->watermark_column,
					   p->job->lookback ? ", less " : "",
					   p->job->lookback ? p->job->lookback : "")
				 : "reads everything: there is no watermark");
	return 0;
}

static void say_how(void *arg, enum log_level level, const char *line)
{
	struct plan *p = arg;

	(void)level;
	p->say(p->arg, line);
}

static int plan_source(struct plan *p, const struct source_ops *ops, struct source *source,
	struct err *err)
{
	const struct tds_columns *cols;
	int64_t rows;
	char text[64];

	if (ops->tell)
		ops->tell(source, say_how, p);

	if (ops->columns(source, &cols, err))
		return -1;
	rows = ops->rows ? ops->rows(source) : -1;
	if (rows >= 0)
		p->say(p->arg, arena_printf(p->a, "the source has about %s",
				       text_plural((uint64_t)rows, "row", text, sizeof(text))));
	return p->look->ops->plan(p->look->target, cols, p->say, p->arg, err);
}

static int plan_job(struct plan *p, struct err *err)
{
	struct source_request request = {.job = p->job, .cancel = &p->look->cancel, .ranges = 1};
	const struct source_ops *ops;
	struct source *source = NULL;
	int rc;

	if (!p->look->ops->plan)
		return cannot(p->look, "plans", err);
	request.look_only = true;
	if (copy_source(p->settings, p->job, &request.conn, &ops, err) ||
		copy_check_changes(p->job, request.conn, ops, p->look->ops, err) ||
		find_watermark(p, &request.watermark, err))
		return -1;
	if (ops->tell && p->job->parallel > 1) /* which has more to tell of several */
		request.ranges = (uint32_t)p->job->parallel;
	if (ops->open(&request, &source, err))
		return -1;
	rc = plan_source(p, ops, source, err);
	ops->close(source);
	return rc;
}

int look_plan(const struct settings *settings, const struct job *job, bool full,
	void (*say)(void *arg, const char *line), void *arg, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct look l;
	struct plan p = {.look = &l,
		.settings = settings,
		.job = job,
		.full = full,
		.say = say,
		.arg = arg,
		.a = &a};
	int rc = look_open(&l, settings, job, nobody, true, err) || plan_job(&p, err) ? -1 : 0;

	look_close(&l);
	return rc;
}

/* --- what is kept beside the rows --- */

int look_rejects(const struct settings *settings, const struct job *job, const char *run_uid,
	struct arena *a, struct reject **ret_rejects, size_t *ret_n, struct err *err)
{
	struct look l;
	int rc = look_open(&l, settings, job, run_uid, true, err);

	if (rc == 0)
		rc = l.ops->rejects ? l.ops->rejects(l.target, run_uid, a, ret_rejects, ret_n, err)
				    : cannot(&l, "rejects", err);
	look_close(&l);
	return rc;
}

int look_watermark(const struct settings *settings, const struct job *job, struct arena *a,
	const char **ret_watermark, struct err *err)
{
	struct look l;
	int rc = look_open(&l, settings, job, nobody, true, err);

	if (rc == 0)
		rc = l.ops->watermark ? l.ops->watermark(l.target, a, ret_watermark, err)
				      : cannot(&l, "watermarks", err);
	look_close(&l);
	return rc;
}

int look_set_watermark(const struct settings *settings, const struct job *job, const char *to,
	struct err *err)
{
	struct look l;
	int rc = look_open(&l, settings, job, nobody, false, err);

	if (rc == 0)
		rc = l.ops->set_watermark ? l.ops->set_watermark(l.target, to, err)
					  : cannot(&l, "watermarks", err);
	look_close(&l);
	return rc;
}
