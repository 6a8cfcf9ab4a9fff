#include "work/copy.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "work/history.h"
#include "work/ring.h"
#include "work/settle.h"
#include "work/source.h"

#define TICK_MS 100 /* how soon a cancellation is noticed, and how often progress is reported */

static const struct source_ops *const sources[] = {&source_csv};

/* What both threads and the caller share. */
struct session {
	const struct copy *copy;
	struct load load;
	const struct source_ops *source;
	const struct target_ops *target;
	struct ring *ring;
	atomic_bool stop_reading; /* cancelled, or the writer has given up */
	_Atomic uint64_t rows, bytes, total;
	_Atomic int phase;

	pthread_mutex_t mutex; /* for what is below */
	pthread_cond_t changed;
	const struct tds_columns *columns;
	bool begun, reader_done, writer_done;

	struct err read_err, write_err; /* each thread's own until it is done */
	struct step_result result;	/* the writer's */
	bool source_failed;		/* the writer's: its error came from the reader */
	bool settled;			/* the writer's: result.end is known already */
};

static const struct source_ops *find_source(enum driver driver)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (sources[i]->driver == driver)
			return sources[i];
	return NULL;
}

int copy_check(const struct connection *source, struct err *err)
{
	if (!find_source(source->driver)) {
		err_set(err, ERR_CONFIG, "connection '%s': driver '%s' cannot be read from",
			source->name, driver_name(source->driver));
		return err_wrap(err, "%s", source->where);
	}
	return 0;
}

/* Tells the others. */
static void set_flag(struct session *s, bool *flag)
{
	pthread_mutex_lock(&s->mutex);
	*flag = true;
	pthread_cond_broadcast(&s->changed);
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

static int read_rows(struct session *s, struct source *src, struct err *err)
{
	for (;;) {
		struct batch *b = ring_acquire(s->ring);
		int more;

		if (!b)
			return 0;
		more = s->source->read(src, b, err);
		s->bytes += b->bytes_in;
		if (more <= 0)
			return more;
		ring_push(s->ring, b);
	}
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

static int read_side(struct session *s, struct source **ret_source, struct err *err)
{
	const struct copy *c = s->copy;
	const struct tds_columns *columns;

	if (!wait_begun(s))
		return 0; /* and nobody waits for rows */
	if (s->source->open(c->source, c->host->job, &s->stop_reading, ret_source, err))
		return -1;
	s->total = s->source->size(*ret_source);
	if (s->source->columns(*ret_source, &columns, err))
		return -1;
	offer_columns(s, columns);
	return read_rows(s, *ret_source, err);
}

/* The source is closed only when the writer is done: the column list is the source's. */
static void *reader_main(void *arg)
{
	struct session *s = arg;
	struct source *src = NULL;
	int failed = read_side(s, &src, &s->read_err);

	if (failed)
		err_wrap(&s->read_err, "read '%s'", s->copy->host->job->source_table);
	ring_finish(s->ring, failed ? &s->read_err : NULL);
	set_flag(s, &s->reader_done);
	pthread_mutex_lock(&s->mutex);
	while (!s->writer_done)
		pthread_cond_wait(&s->changed, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	s->source->close(src);
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

static int write_rows(struct session *s, struct target *t, struct err *err)
{
	struct batch *b;
	int more;

	while ((more = ring_next(s->ring, &b, err)) == 1) {
		int failed = s->target->write(t, b, err);

		s->rows += b->rows;
		ring_recycle(s->ring, b);
		if (failed)
			return -1;
	}
	s->source_failed = more < 0;
	return more;
}

static int load_and_publish(struct session *s, struct target *t, struct err *err)
{
	const struct tds_columns *columns;

	if (wait_columns(s, &columns, err))
		return -1;
	s->phase = COPY_LOAD;
	if (s->target->stage(t, columns, err) || write_rows(s, t, err))
		return -1;
	if (s->target->verify(t, s->rows, err))
		return -1;
	s->phase = COPY_PUBLISH;
	if (s->copy->host->before_publish(s->copy->host, err))
		return -1;
	return s->target->publish(t, &s->result.rows_written, err);
}

/* 0: published, now or before. */
static int write_side(struct session *s, struct target **ret_target, struct err *err)
{
	const struct copy *c = s->copy;
	enum ledger_state state;

	if (s->target->open(c->target, &s->load, c->host->cancel, ret_target, err) ||
		history_check(c->host, s->target, *ret_target, err) ||
		s->target->begin(*ret_target, &state, err))
		return -1;
	s->result.before = state == LEDGER_PUBLISHED;
	if (s->result.before)
		return 0;
	if (state == LEDGER_REVOKED) {
		s->settled = true;
		s->result.end = STEP_WITHDRAWN;
		return err_set(err, ERR_TARGET,
			"the load was withdrawn by another attempt, which took it for its last");
	}
	set_flag(s, &s->begun);
	return load_and_publish(s, *ret_target, err);
}

/* The database below does not know whether it is a store or a target; the run's outcome does. */
static void name_target(struct session *s, struct err *err)
{
	if (err->code == ERR_STORE)
		err->code = ERR_TARGET;
	err_wrap(err, "load '%s'", s->copy->host->job->target_table);
}

static void *writer_main(void *arg)
{
	struct session *s = arg;
	struct step_host *host = s->copy->host;
	struct settling settling = {.ops = s->target, .first = host->run->fence <= 1};
	struct target *t = NULL;
	struct err err = ERR_INIT;

	s->result.end = STEP_DONE;
	if (write_side(s, &t, &err)) {
		if (!s->source_failed)
			name_target(s, &err);
		settling.target = t;
		if (!s->settled) {
			settling.again = host->again(host, &err);
			s->result.end = settle(&settling, &err);
		}
		s->write_err = err;
	}
	s->stop_reading = true;
	ring_abort(s->ring);
	s->target->close(t);
	set_flag(s, &s->writer_done);
	return NULL;
}

/* The caller */

static void report(struct session *s, int64_t start)
{
	const struct clock *clock = s->copy->host->clock;
	struct ring_stats stats;
	struct copy_progress p;

	ring_stats(s->ring, &stats);
	p = (struct copy_progress){.phase = (enum copy_phase)s->phase,
		.rows = s->rows,
		.bytes = s->bytes,
		.total = s->total,
		.elapsed_ms = clock->monotonic(clock->arg) - start,
		.wait_read_ms = stats.wait_full_ms,
		.wait_write_ms = stats.wait_empty_ms};
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
		if (*s->copy->host->cancel && !s->stop_reading) {
			s->stop_reading = true;
			ring_abort(s->ring);
		}
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
	ring_finish(s->ring, &s->read_err);
	set_flag(s, &s->reader_done);
	return false;
}

static void session_init(struct session *s, const struct copy *copy)
{
	pthread_condattr_t attr;

	*s = (struct session){.copy = copy,
		.load = settle_load(copy->host),
		.source = find_source(copy->source->driver),
		.target = target_find(copy->target->driver),
		.ring = ring_new(copy->host->clock)};
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void session_release(struct session *s)
{
	ring_free(s->ring);
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
	pthread_join(writer, NULL);
	if (has_reader)
		pthread_join(reader, NULL);
	s.result.rows_read = s.rows; /* how far it came, in any case */
	s.result.bytes_read = s.bytes;
	*ret_result = s.result;
	session_release(&s);
	if (s.result.end == STEP_DONE)
		return 0;
	*err = s.write_err;
	return -1;
}
