#include "work/copy.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "work/history.h"
#include "work/ledger.h"
#include "work/observer.h"
#include "work/ring.h"
#include "work/settle.h"
#include "work/source.h"

#define OBSERVED_AFTER_MS 2000 /* what is over sooner needs no explanation */
#define TICK_MS 100 /* how soon a cancellation is noticed, and how often progress is reported */

static const struct source_ops *const sources[] = {&source_csv, &source_mssql, &source_sqlite};

struct session;

/* A reader, a writer and the ring between them: a range of the source. */
struct lane {
	struct session *s;
	uint32_t i;
	struct ring *ring;
	struct source_request request;
	struct source *source;
	pthread_t reader, writer; /* but for the first lane's, which are the session's */
	bool reading, writing;	  /* those run */
	struct err read_err, write_err;
	int write_failed;
};

/* What all threads and the caller share. */
struct session {
	const struct copy *copy;
	struct load load;
	const struct source_ops *source;
	const struct target_ops *target;
	struct target *opened; /* the writer's */
	struct rejects *rejects;
	struct arena arena; /* the writer's until it has begun, then the reader's */
	struct lane *lanes;
	uint32_t n;
	atomic_bool stop_reading; /* cancelled, or the writer has given up */
	_Atomic uint64_t rows, bytes, total, expected;
	_Atomic int phase;
	_Atomic int64_t read_session, write_session; /* at their servers; 0: none */

	/* the caller's */
	struct observer *source_observer, *target_observer; /* once it takes long */
	int64_t waited_read, waited_write; /* as it was reported last */
	char server[OBSERVER_TEXT_MAX];

	pthread_mutex_t mutex; /* for what is below */
	pthread_cond_t changed;
	const struct tds_columns *columns; /* as the writer may see them */
	bool begun, reader_done, writer_done;
	const struct err *first_err; /* of the lane that failed first */
	bool source_failed;	     /* it is a reader's */
	bool whole;		     /* the source has read all of its rows */

	const struct tds_columns *columns_read; /* the reader's */
	const char *watermark_from, *watermark_to;
	struct err read_err, write_err; /* each thread's own until it is done */
	struct step_result result;	/* the writer's */
	bool settled;			/* the writer's: result.end is known already */
};

static const struct source_ops *find_source(enum driver driver)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (sources[i]->driver == driver)
			return sources[i];
	return NULL;
}

int copy_source(const struct settings *settings, const struct job *job,
	const struct connection **ret_conn, const struct source_ops **ret_ops, struct err *err)
{
	char used_by[JOB_NAME_MAX + 32];

	snprintf(used_by, sizeof(used_by), "job '%s': source", job->name);
	if (settings_connection(settings, job->source, used_by, ret_conn, err))
		return -1;
	*ret_ops = find_source((*ret_conn)->driver);
	if (*ret_ops)
		return 0;
	err_set(err, ERR_CONFIG, "connection '%s': driver '%s' cannot be read from",
		(*ret_conn)->name, driver_name((*ret_conn)->driver));
	return err_wrap(err, "%s", (*ret_conn)->where);
}

int copy_check_changes(const struct job *job, const struct connection *conn, const struct source_ops *source,
	const struct target_ops *target, struct err *err)
{
	if (job_changes(job) == CHANGES_WATERMARK)
		return 0;
	if (!source->tracks) {
		err_set(err, ERR_CONFIG, "load_mode = incremental needs 'watermark_column': connection '%s', of "
					 "driver '%s', does not track changes", conn->name, driver_name(conn->driver));
		return err_wrap(err, "%s", conn->where);
	}
	if (target->deletes)
		return 0;
	err_set(err, ERR_CONFIG, "changes that the source tracks have deleted rows, which a target of driver '%s' "
				 "does not take", driver_name(target->driver));
	return err_hint(err, "give a watermark_column, or use load_mode = merge with delete_missing = yes");
}

/* Tells the others. */
static void set_flag(struct session *s, bool *flag)
{
	pthread_mutex_lock(&s->mutex);
	*flag = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

static void abort_lanes(struct session *s)
{
	s->stop_reading = true;
	for (uint32_t i = 0; i < s->n; i++)
		ring_abort(s->lanes[i].ring);
}

/* The first error is the one that counts: the others come from its aborting them. */
static void lane_failed(struct session *s, const struct err *why, bool reading)
{
	pthread_mutex_lock(&s->mutex);
	if (!s->first_err) {
		s->first_err = why;
		s->source_failed = reading;
	}
	pthread_mutex_unlock(&s->mutex);
}

/* The reader */

static void offer_columns(struct session *s, const struct tds_columns *columns)
{
	pthread_mutex_lock(&s->mutex);
	s->columns = columns;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

static int read_rows(struct lane *l, struct err *err)
{
	struct session *s = l->s;

	for (;;) {
		struct batch *b = ring_acquire(l->ring);
		int more;

		if (!b)
			return 0;
		more = s->source->read(l->source, b, err);
		s->bytes += b->bytes_in;
		if (more <= 0)
			return more;
		ring_push(l->ring, b);
	}
}

/* The watermark of all ranges is the first one's: it is of the whole source. */
static int read_lane(struct lane *l, struct err *err)
{
	struct session *s = l->s;

	if (read_rows(l, err))
		return -1;
	if (l->i == 0 && s->copy->host->job->load_mode == LOAD_INCREMENTAL)
		return s->source->watermark(l->source, &s->watermark_to, err);
	return 0;
}

static void name_source(const struct session *s, struct err *err)
{
	err_wrap(err, "read '%s'", job_source_name(s->copy->host->job));
}

static void *lane_reader_main(void *arg)
{
	struct lane *l = arg;

	int failed = read_lane(l, &l->read_err);

	if (failed) {
		name_source(l->s, &l->read_err);
		lane_failed(l->s, &l->read_err, true);
	}
	ring_finish(l->ring, failed ? &l->read_err : NULL);
	return NULL;
}

/* What is read before the load is begun could be older than what another run publishes in between. */
static bool wait_begun(struct session *s)
{
	bool begun;

	pthread_mutex_lock(&s->mutex);
	while (!s->begun && !s->writer_done)
		pthread_cond_wait(&s->changed, &s->mutex);
	begun = s->begun;
	pthread_mutex_unlock(&s->mutex);
	return begun;
}

static void say_how(void *arg, enum log_level level, const char *line)
{
	struct step_host *host = ((struct session *)arg)->copy->host;

	host->say(host, level, line);
}

/* The rows of all ranges are read under the first one's columns. */
static int check_same(const struct tds_columns *first, const struct tds_columns *cols, struct err *err)
{
	char was[TDS_TYPE_TEXT_MAX], is[TDS_TYPE_TEXT_MAX];
	uint32_t n = first->n < cols->n ? first->n : cols->n;

	for (uint32_t i = 0; i < n; i++) {
		const struct tds_column *a = &first->v[i], *b = &cols->v[i];

		const char *old = tds_type_format(a, was), *new = tds_type_format(b, is);

		if (strcmp(a->name, b->name) != 0 || a->type != b->type || strcmp(old, new) != 0 ||
			memcmp(a->collation, b->collation, TDS_COLLATION_LEN) != 0)
			return err_set(err, ERR_DATA,
				"the source was altered while its ranges were being opened: column %" PRIu32
				" was '%s' %s, and is '%s' %s", i + 1, a->name, old, b->name, new);
	}
	if (first->n == cols->n)
		return 0;
	return err_set(err, ERR_DATA,
		"the source was altered while its ranges were being opened: it had %" PRIu32 " columns, and has %" PRIu32,
		first->n, cols->n);
}

static int open_source(struct lane *l, struct err *err)
{
	struct session *s = l->s;
	const struct tds_columns *columns;

	l->request = (struct source_request){.conn = s->copy->source,
		.job = s->copy->host->job,
		.cancel = &s->stop_reading,
		.watermark = s->watermark_from,
		.range = l->i,
		.ranges = s->n,
		.first = l->i ? s->lanes[0].source : NULL,
		.rejects = s->rejects};
	if (s->source->open(&l->request, &l->source, err) ||
		s->source->columns(l->source, &columns, err))
		return -1;
	s->total += s->source->size(l->source);
	if (l->i > 0)
		return check_same(s->columns_read, columns, err);
	s->columns_read = columns;
	s->whole = s->source->whole && s->source->whole(l->source);
	if (s->source->tell)
		s->source->tell(l->source, say_how, s);
	if (s->source->session)
		s->read_session = s->source->session(l->source);
	return 0;
}

static int check_watermark(const struct session *s, struct err *err)
{
	if (s->copy->host->job->load_mode != LOAD_INCREMENTAL || s->source->watermark)
		return 0;
	return err_set(err, ERR_CONFIG, "driver '%s' cannot be read incrementally",
		driver_name(s->copy->source->driver));
}

static int read_side(struct session *s, struct err *err)
{
	if (!wait_begun(s))
		return 0; /* and nobody waits for rows */
	if (check_watermark(s, err))
		return -1;
	for (uint32_t i = 0; i < s->n; i++)
		if (open_source(&s->lanes[i], err))
			return -1;
	if (s->source->rows) {
		int64_t rows = s->source->rows(s->lanes[0].source);

		s->expected = rows > 0 ? (uint64_t)rows : 0;
	}
	offer_columns(s, s->columns_read);
	for (uint32_t i = 1; i < s->n; i++) {
		struct lane *l = &s->lanes[i];
		int e = pthread_create(&l->reader, NULL, lane_reader_main, l);

		if (e)
			return err_errno(err, ERR_IO, e, "start a reader thread");
		l->reading = true;
	}
	return read_lane(&s->lanes[0], err);
}

/* Whatever became of them: no writer waits for a lane that nobody reads. */
static void finish_lanes(struct session *s, const struct err *why)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!s->lanes[i].reading)
			ring_finish(s->lanes[i].ring, why);
}

/* What is a file is somebody's by the process that reads it. */
static void tell_file(const struct connection *conn, enum lineage_fact database, enum lineage_fact principal,
	struct lineage *l)
{
	char uid[LEDGER_PRINCIPAL_MAX];

	if (!conn->path)
		return;
	lineage_set(l, database, conn->path);
	lineage_set(l, principal, ledger_principal(uid));
}

static void tell_source(struct session *s)
{
	struct lineage *l = &s->result.lineage; /* but for these facts the writer's */

	tell_file(s->copy->source, LINEAGE_source_database, LINEAGE_source_principal, l);
	lineage_set(l, LINEAGE_version_read, s->watermark_to);
	if (s->lanes[0].source && s->source->lineage)
		s->source->lineage(s->lanes[0].source, l);
}

/* The sources are closed only when the writer is done: the column list is theirs. */
static void *reader_main(void *arg)
{
	struct session *s = arg;
	int failed = read_side(s, &s->read_err);

	if (failed) {
		name_source(s, &s->read_err);
		lane_failed(s, &s->read_err, true);
	}
	finish_lanes(s, failed ? &s->read_err : NULL);
	if (failed)
		s->stop_reading = true;
	for (uint32_t i = 1; i < s->n; i++)
		if (s->lanes[i].reading)
			pthread_join(s->lanes[i].reader, NULL);
	set_flag(s, &s->reader_done);
	pthread_mutex_lock(&s->mutex);
	while (!s->writer_done)
		pthread_cond_wait(&s->changed, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	tell_source(s);
	for (uint32_t i = s->n; i-- > 0;)
		s->source->close(s->lanes[i].source);
	return NULL;
}

/* The writer */

static int wait_columns(struct session *s, const struct tds_columns **ret_columns, struct err *err)
{
	pthread_mutex_lock(&s->mutex);
	while (!s->columns && !s->reader_done)
		pthread_cond_wait(&s->changed, &s->mutex);
	*ret_columns = s->columns;
	pthread_mutex_unlock(&s->mutex);
	if (*ret_columns)
		return 0;
	s->source_failed = true;
	*err = s->read_err; /* the reader is done with it */
	return -1;
}

static int lane_gives_up(struct lane *l, const struct err *why, bool reading)
{
	lane_failed(l->s, why, reading);
	abort_lanes(l->s);
	return -1;
}

static int write_lane(struct lane *l, struct err *err)
{
	struct session *s = l->s;
	struct batch *b;
	int more;

	while ((more = ring_next(l->ring, &b, err)) == 1) {
		int failed = s->target->write(s->opened, l->i, b, err);

		s->rows += b->rows;
		ring_recycle(l->ring, b);
		if (failed)
			return lane_gives_up(l, err, false);
	}
	if (more < 0)
		return lane_gives_up(l, err, true);
	if (s->target->end_lane && s->target->end_lane(s->opened, l->i, err))
		return lane_gives_up(l, err, false);
	return 0;
}

static void *lane_writer_main(void *arg)
{
	struct lane *l = arg;

	l->write_failed = write_lane(l, &l->write_err);
	return NULL;
}

static int write_rows(struct session *s, struct err *err)
{
	int failed = 0;

	for (uint32_t i = 1; i < s->n && !failed; i++) {
		struct lane *l = &s->lanes[i];
		int e = pthread_create(&l->writer, NULL, lane_writer_main, l);

		l->writing = e == 0;
		if (e)
			failed = err_errno(err, ERR_IO, e, "start a writer thread");
	}
	if (failed)
		abort_lanes(s);
	else
		failed = write_lane(&s->lanes[0], err);
	for (uint32_t i = 1; i < s->n; i++)
		if (s->lanes[i].writing) {
			pthread_join(s->lanes[i].writer, NULL);
			failed |= s->lanes[i].write_failed;
		}
	if (failed && s->first_err && s->first_err != err)
		*err = *s->first_err;
	return failed ? -1 : 0;
}

/* A published load may have something left to do, whoever has published it. When that fails the rows are
 * there all the same: it is tried again, or nobody knows how far it came. */
static int finish_load(struct session *s, struct err *err)
{
	if (!s->target->finish || s->target->finish(s->opened, err) == 0)
		return 0;
	s->settled = true;
	s->result.end = s->copy->host->again(s->copy->host, err) ? STEP_OPEN : STEP_UNKNOWN;
	return err_wrap(err, "the rows are published, but not what follows");
}

static int publish(struct session *s, struct err *err)
{
	struct load_end end = {.rejects = s->rejects,
		.watermark_from = s->watermark_from,
		.watermark_to = s->watermark_to ? s->watermark_to : s->watermark_from,
		.full = s->copy->host->run->full_load,
		.whole = s->whole};

	s->phase = COPY_PUBLISH;
	if (s->copy->host->before_publish(s->copy->host, err) ||
		s->target->publish(s->opened, &end, &s->result.rows_written, err))
		return -1;
	return finish_load(s, err);
}

static void tell_session(struct session *s, bool staging)
{
	if (s->target->session)
		s->write_session = s->target->session(s->opened, staging);
}

static int load(struct session *s, const struct tds_columns *columns, struct err *err)
{
	if (s->target->stage(s->opened, columns, s->n, s->rejects, err))
		return -1;
	tell_session(s, true);
	if (write_rows(s, err))
		return -1;
	tell_session(s, false);
	return s->target->verify(s->opened, s->rows, err);
}

static int load_and_publish(struct session *s, struct err *err)
{
	const struct tds_columns *columns;

	if (wait_columns(s, &columns, err))
		return -1;
	s->phase = COPY_LOAD;
	return load(s, columns, err) ? -1 : publish(s, err);
}

/* From where on to read. */
static int find_watermark(struct session *s, struct err *err)
{
	const struct step_host *host = s->copy->host;

	if (host->job->load_mode != LOAD_INCREMENTAL || host->run->full_load)
		return 0;
	if (!s->target->watermark)
		return err_set(err, ERR_CONFIG, "driver '%s' cannot be loaded incrementally",
			driver_name(s->copy->target->driver));
	return s->target->watermark(s->opened, &s->arena, &s->watermark_from, err);
}

/* 0: published, now or before. */
static int write_side(struct session *s, struct err *err)
{
	const struct copy *c = s->copy;
	enum ledger_state state;

	if (s->target->open(c->target, &s->load, c->host->cancel, &s->opened, err))
		return -1;
	tell_session(s, false);
	if (history_check(c->host, s->target, s->opened, err) ||
		s->target->begin(s->opened, &state, err))
		return -1;
	s->result.before = state == LEDGER_PUBLISHED;
	if (s->result.before)
		return finish_load(s, err);
	if (state == LEDGER_REVOKED) {
		s->settled = true;
		s->result.end = STEP_WITHDRAWN;
		return err_set(err, ERR_TARGET,
			"the load was withdrawn by another attempt, which took it for its last");
	}
	if (find_watermark(s, err))
		return -1;
	set_flag(s, &s->begun);
	return load_and_publish(s, err);
}

/* The database below does not know whether it is a store or a target; the run's outcome does. */
static void name_target(struct session *s, struct err *err)
{
	if (err->code == ERR_STORE)
		err->code = ERR_TARGET;
	err_wrap(err, "load '%s'", s->copy->host->job->target_table);
}

static void tell_target(struct session *s)
{
	struct lineage *l = &s->result.lineage;

	tell_file(s->copy->target, LINEAGE_target_database, LINEAGE_target_principal, l);
	if (s->opened && s->target->lineage)
		s->target->lineage(s->opened, l);
	s->result.has_lineage = true;
}

static void *writer_main(void *arg)
{
	struct session *s = arg;
	struct step_host *host = s->copy->host;
	struct settling settling = {.ops = s->target, .first = host->run->fence <= 1};
	struct err err = ERR_INIT;

	s->result.end = STEP_DONE;
	if (write_side(s, &err)) {
		if (!s->source_failed)
			name_target(s, &err);
		err_settle_value(&err, host->job->reject_values == REJECT_VALUES_ALL);
		settling.target = s->opened;
		if (!s->settled) {
			settling.again = host->again(host, &err);
			s->result.end = settle(&settling, &err);
			if (s->result.end == STEP_DONE) /* the reply to its commit was lost */
				finish_load(s, &err);
		}
		s->write_err = err;
	}
	abort_lanes(s);
	tell_target(s);
	s->target->close(s->opened);
	set_flag(s, &s->writer_done);
	return NULL;
}

/* The caller */

/* What the server says of the side that the other one waits for. */
static const char *ask_server(struct session *s, const struct copy_progress *p)
{
	bool reading = p->phase == COPY_LOAD &&
		       p->wait_read_ms - s->waited_read > p->wait_write_ms - s->waited_write;
	struct observer **o = reading ? &s->source_observer : &s->target_observer;
	int64_t id = reading ? s->read_session : s->write_session;

	s->waited_read = p->wait_read_ms;
	s->waited_write = p->wait_write_ms;
	if (p->elapsed_ms < OBSERVED_AFTER_MS || !id)
		return NULL;
	if (!*o)
		*o = observer_new(reading ? s->copy->source : s->copy->target);
	if (!*o)
		return NULL;
	observer_look(*o, id, s->server);
	return s->server[0] ? s->server : NULL;
}

static void report(struct session *s, int64_t start)
{
	const struct clock *clock = s->copy->host->clock;
	struct copy_progress p = {.phase = (enum copy_phase)s->phase,
		.rows = s->rows,
		.expected = s->expected,
		.bytes = s->bytes,
		.total = s->total,
		.elapsed_ms = clock->monotonic(clock->arg) - start};

	for (uint32_t i = 0; i < s->n; i++) {
		struct ring_stats stats;

		ring_stats(s->lanes[i].ring, &stats);
		p.wait_read_ms += stats.wait_full_ms / s->n;
		p.wait_write_ms += stats.wait_empty_ms / s->n;
	}
	p.server = ask_server(s, &p);
	s->copy->on_progress(s->copy->arg, &p);
}

static bool wait_a_tick(struct session *s)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&s->mutex);
	while (!s->writer_done &&
		pthread_cond_timedwait(&s->changed, &s->mutex, &until) != ETIMEDOUT)
		;
	done = s->writer_done;
	pthread_mutex_unlock(&s->mutex);
	return done;
}

static void watch(struct session *s)
{
	int64_t start = s->copy->host->clock->monotonic(s->copy->host->clock->arg);

	while (!wait_a_tick(s)) {
		if (*s->copy->host->cancel && !s->stop_reading)
			abort_lanes(s);
		report(s, start);
	}
	report(s, start);
}

/* The writer runs already: it ends with the error as if the reader had failed. */
static bool start_reader(struct session *s, pthread_t *ret_reader)
{
	int e = pthread_create(ret_reader, NULL, reader_main, s);

	if (e == 0)
		return true;
	err_errno(&s->read_err, ERR_IO, e, "start the reader thread");
	finish_lanes(s, &s->read_err);
	set_flag(s, &s->reader_done);
	return false;
}

static void session_init(struct session *s, const struct copy *copy)
{
	const struct job *job = copy->host->job;
	pthread_condattr_t attr;

	*s = (struct session){.copy = copy,
		.load = settle_load(copy->host),
		.source = find_source(copy->source->driver),
		.target = target_find(copy->target->driver),
		.rejects = rejects_new(job),
		.n = job->parallel > 1 ? (uint32_t)job->parallel : 1};
	s->lanes = mem_alloc(s->n * sizeof(*s->lanes));
	for (uint32_t i = 0; i < s->n; i++)
		s->lanes[i] = (struct lane){
			.s = s, .i = i, .ring = ring_new(copy->host->clock)};
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void session_release(struct session *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		ring_free(s->lanes[i].ring);
	free(s->lanes);
	rejects_free(s->rejects);
	arena_release(&s->arena);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->mutex);
}

int copy_run(const struct copy *copy, struct step_result *ret_result, struct err *err)
{
	struct session s;
	pthread_t reader, writer;
	bool has_reader;
	int e;

	*ret_result = (struct step_result){.end = STEP_OPEN}; /* nothing was begun */
	session_init(&s, copy);
	e = pthread_create(&writer, NULL, writer_main, &s);
	if (e) {
		session_release(&s);
		return err_errno(err, ERR_IO, e, "start the writer thread");
	}
	has_reader = start_reader(&s, &reader);
	watch(&s);
	observer_free(s.source_observer);
	observer_free(s.target_observer);
	pthread_join(writer, NULL);
	if (has_reader)
		pthread_join(reader, NULL);
	s.result.rows_read = s.rows; /* how far it came, in any case */
	s.result.bytes_read = s.bytes;
	s.result.rows_rejected = rejects_count(s.rejects);
	*ret_result = s.result;
	session_release(&s);
	if (s.result.end == STEP_DONE)
		return 0;
	*err = s.write_err;
	return -1;
}
