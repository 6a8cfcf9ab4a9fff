/* Jobs of the selftest, from their text to their end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "job/queue.h"
#include "job/store.h"
#include "selftest/compare.h"
#include "selftest/selftest_private.h"
#include "work/batch.h"
#include "work/source.h"

#define KEYS_MAX 65536

static void no_alarm(int64_t ms)
{
	(void)ms; /* the jobs have no timeout */
}

int selftest_job(struct selftest *t, const char *name, const char *keys, struct job **ret_job, struct err *err)
{
	struct config_file file;
	size_t n;
	char *text = arena_printf(t->arena, "[defaults]\nsource = %s\ntarget = %s\n[job %s]\n%s\n",
		t->order->connection->name, t->order->connection->name, name, keys);

	if (config_parse(text, strlen(text), "selftest", t->arena, &file, err) ||
		jobs_parse(&file, t->arena, ret_job, &n, err))
		return -1;
	return 0;
}

static int order_run(struct selftest *t, struct store *store, struct job *job, struct run *ret_run, struct err *err)
{
	const struct order order = {.actor = t->order->actor};
	enum job_change change;

	if (store_apply(store, job, 1, t->order->actor, t->arena, &change, err) ||
		attempt_check(&t->settings, job, err) ||
		queue_order_claimed(store, job->job_id, &order, "selftest", t->settings.controller.lease, t->arena,
			ret_run, err))
		return -1;
	return queue_move(store, ret_run, RUN_RUNNING, t->order->actor, NULL, NULL, err);
}

static int load(struct selftest *t, const char *name, const char *keys, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	struct job *job;
	struct run run;
	struct attempt attempt = {.settings = &t->settings,
		.run = &run,
		.actor = t->order->actor,
		.clock = &clock_system,
		.signals = t->order->signals,
		.alarm = no_alarm,
		.by_hand = true};

	if (selftest_job(t, name, keys, &job, err) || store_open(&t->settings, &store, err) ||
		order_run(t, store, job, &run, err))
		return -1;
	attempt.job = job;
	return attempt_execute(&attempt, mem_steal(store), err);
}

static char *format_keys(struct selftest *t, const char *fmt, va_list args) PRINTF(2, 0);

static char *format_keys(struct selftest *t, const char *fmt, va_list args)
{
	char *keys = arena_alloc(t->arena, KEYS_MAX);

	vsnprintf(keys, KEYS_MAX, fmt, args);
	return keys;
}

int selftest_load(struct selftest *t, const char *name, struct err *err, const char *keys, ...)
{
	va_list args;
	char *text;

	va_start(args, keys);
	text = format_keys(t, keys, args);
	va_end(args);
	return load(t, name, text, err);
}

int selftest_refused(struct selftest *t, const char *name, const char *why, struct err *err, const char *keys, ...)
{
	struct err refusal = ERR_INIT;
	va_list args;
	char *text;

	va_start(args, keys);
	text = format_keys(t, keys, args);
	va_end(args);
	if (load(t, name, text, &refusal) == 0)
		return err_set(err, ERR_DATA, "a load that must be refused ('%s') was published", why);
	if (t->order->signals->told || strstr(refusal.msg, why))
		return 0;
	return err_set(err, ERR_DATA, "'%s' was expected, the load said: %.700s", why, refusal.msg);
}

/* --- what is there ------------------------------------------------------------------ */

struct answer {
	struct source *source;
	const struct tds_columns *columns;
	struct buf rows;
};

static int read_rows(struct answer *a, struct err *err)
{
	CLEANUP_FREE uint8_t *data = mem_alloc(BATCH_SIZE);
	struct batch b;
	int rc;

	do {
		b = (struct batch){.data = data, .cap = BATCH_SIZE};
		rc = source_mssql.read(a->source, &b, err);
		buf_add(&a->rows, b.data, b.len);
	} while (rc > 0);
	return rc ? -1 : buf_check(&a->rows, "the answer", err);
}

static int read_all(struct selftest *t, const char *sql, struct answer *a, struct err *err)
{
	struct job *job = arena_alloc(t->arena, sizeof(*job));
	struct source_request *request = arena_alloc(t->arena, sizeof(*request));

	*job = (struct job){.name = "compare", .source_query = sql, .load_mode = LOAD_APPEND};
	*request = (struct source_request){.conn = t->order->connection,
		.job = job,
		.cancel = &t->order->signals->cancel,
		.ranges = 1};
	buf_init(&a->rows, COMPARE_MAX);
	if (source_mssql.open(request, &a->source, err) || source_mssql.columns(a->source, &a->columns, err))
		return -1;
	return read_rows(a, err);
}

/* Nothing is the same as nothing. */
static int check_some(const struct answer *a, struct err *err)
{
	return a->rows.len ? 0 : err_set(err, ERR_DATA, "there is no row to compare");
}

int selftest_same(struct selftest *t, const char *from_sql, const char *to_sql, bool other, struct err *err)
{
	struct answer from = {.source = NULL}, to = {.source = NULL};
	int rc = -1;

	if (read_all(t, from_sql, &from, err) == 0 && read_all(t, to_sql, &to, err) == 0 &&
		(other || compare_columns(from.columns, to.columns, err) == 0) && check_some(&from, err) == 0)
		rc = compare_rows(&(struct compare_rows){from.columns, (const uint8_t *)buf_str(&from.rows), from.rows.len},
			&(struct compare_rows){to.columns, (const uint8_t *)buf_str(&to.rows), to.rows.len}, err);
	source_mssql.close(from.source);
	source_mssql.close(to.source);
	buf_release(&from.rows);
	buf_release(&to.rows);
	return rc;
}
