#include "work/csv_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/file.h"
#include "work/csv_columns.h"
#include "work/csv_encoder.h"
#include "work/csv_reader.h"
#include "work/csv_syntax.h"
#include "work/csv_writer.h"
#include "work/sink.h"

#define FLUSH_SIZE (128u * 1024)
#define TEXT_MAX   (SIZE_MAX / 4) /* a row's own limits are below */
#define LOCK_TRIES 5
#define FILE_MODE  0666 /* less the umask */

struct lane {
	struct csv_writer *writer;
	struct csv_encoder *encoder;
	struct buf row;  /* a fragmented one so far */
	struct buf text; /* a row in UTF-8, or all that is not flushed where that is the encoding */
	struct buf encoded; /* what is not flushed */
	struct digest digest;
	uint64_t rows, rejected;
};

struct csv_stage {
	struct csv_stage_request request;
	char *name, *path;
	struct sink sink;
	pthread_mutex_t mutex; /* for the sink */
	struct lane *lanes;
};

static bool is_cancelled(const atomic_bool *cancel)
{
	return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

/* --- the file ---------------------------------------------------------------- */

/* Locks the file that is there; -1 when somebody else has, or it is gone. */
static int lock_existing(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && file_is_at(fd, path))
		return fd;
	mem_close_fd(&fd);
	return -1;
}

bool csv_stage_is_held(const char *path)
{
	CLEANUP_CLOSE int fd = lock_existing(path);

	return fd < 0 && access(path, F_OK) == 0;
}

static void remove_leftover(const char *path)
{
	CLEANUP_CLOSE int fd = lock_existing(path);

	if (fd >= 0)
		unlink(path);
}

/* The lock is taken after the file was made: a sweeper may have been in between. */
static int make_file(struct csv_stage *s, struct err *err)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		remove_leftover(s->path);
		if (access(s->path, F_OK) == 0)
			break;
		if (sink_open(&s->sink, s->path, FILE_MODE, err) < 0)
			return -1;
		if (flock(s->sink.fd, LOCK_EX | LOCK_NB) == 0 && file_is_at(s->sink.fd, s->path))
			return 0;
		sink_close(&s->sink);
	}
	return err_set(err, ERR_BUSY, "another process writes '%s'", s->path);
}

/* What is replaced keeps its mode. */
static void keep_mode(const struct csv_stage *s)
{
	CLEANUP_FREE char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", s->request.dir, s->request.name) < 0)
		abort();
	if (stat(path, &st) == 0 && fchmod(s->sink.fd, st.st_mode & 0777) < 0)
		return; /* somebody else's: it gets ours */
}

/* --- lanes ------------------------------------------------------------------- */

static int open_lane(struct csv_stage *s, struct lane *l, struct err *err)
{
	const struct csv_stage_request *r = &s->request;

	buf_init(&l->row, TEXT_MAX);
	buf_init(&l->text, TEXT_MAX);
	buf_init(&l->encoded, TEXT_MAX);
	if (csv_encoder_new(r->format->encoding, &l->encoder, err) < 0)
		return -1;
	return csv_writer_new(
		r->cols, r->format, r->digesting ? &l->digest : NULL, &l->writer, err);
}

static void close_lane(struct lane *l)
{
	csv_writer_free(l->writer);
	csv_encoder_free(l->encoder);
	buf_release(&l->row);
	buf_release(&l->text);
	buf_release(&l->encoded);
}

static struct buf *pending(struct lane *l)
{
	return l->encoder ? &l->encoded : &l->text;
}

static int flush(struct csv_stage *s, struct lane *l, struct err *err)
{
	struct buf *out = pending(l);
	int rc;

	pthread_mutex_lock(&s->mutex);
	rc = sink_write(&s->sink, buf_str(out), out->len, err);
	pthread_mutex_unlock(&s->mutex);
	if (out->cap > 16 * FLUSH_SIZE) /* one huge row is no reason to keep its memory */
		buf_release(out);
	buf_reset(out);
	return rc;
}

static int write_header(struct csv_stage *s, struct err *err)
{
	struct lane *l = &s->lanes[0];
	size_t len;
	const char *mark = csv_encoder_mark(s->request.format->encoding, &len);

	buf_add(pending(l), mark, len);
	if (!csv_has_header(s->request.format))
		return 0;
	if (csv_writer_header(l->writer, &l->text, err) < 0)
		return -1;
	if (!l->encoder)
		return flush(s, l, err);
	if (csv_encoder_add(l->encoder, l->text.data, l->text.len, &l->encoded, err) < 0)
		return err_wrap(err, "the header");
	return flush(s, l, err);
}

static char *stage_name(const struct csv_stage_request *r)
{
	char *name;

	if (asprintf(&name, CSV_STAGE_PREFIX "%s-%" PRId64 ".%s", r->run_uid, r->fence, r->name) <
		0)
		abort();
	return name;
}

static int open_stage(struct csv_stage *s, struct err *err)
{
	for (uint32_t i = 0; i < s->request.lanes; i++)
		if (open_lane(s, &s->lanes[i], err) < 0)
			return -1;
	if (make_file(s, err) < 0)
		return -1;
	keep_mode(s);
	return write_header(s, err);
}

int csv_stage_open(
	const struct csv_stage_request *request, struct csv_stage **ret_stage, struct err *err)
{
	struct csv_stage *s = mem_alloc(sizeof(*s));

	s->request = *request;
	s->sink = (struct sink)SINK_INIT;
	pthread_mutex_init(&s->mutex, NULL);
	s->name = stage_name(request);
	if (asprintf(&s->path, "%s/%s", request->dir, s->name) < 0)
		abort();
	s->lanes = mem_array(request->lanes, sizeof(*s->lanes));
	if (open_stage(s, err) < 0) {
		csv_stage_close(s, false);
		return -1;
	}
	*ret_stage = s;
	return 0;
}

/* Only who holds the lock removes it, under whichever name. */
static void remove_own(struct csv_stage *s)
{
	CLEANUP_FREE char *away = NULL;

	if (asprintf(&away, "%s" CSV_STAGE_WITHDRAWN, s->path) < 0)
		abort();
	if (file_is_at(s->sink.fd, s->path))
		unlink(s->path);
	if (file_is_at(s->sink.fd, away))
		unlink(away);
}

void csv_stage_close(struct csv_stage *s, bool keep)
{
	if (!s)
		return;
	if (!keep && s->sink.path)
		remove_own(s);
	sink_close(&s->sink);
	for (uint32_t i = 0; i < s->request.lanes; i++)
		close_lane(&s->lanes[i]);
	free(s->lanes);
	free(s->name);
	free(s->path);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

const char *csv_stage_name(const struct csv_stage *s)
{
	return s->name;
}

/* --- rows -------------------------------------------------------------------- */

/* Which field it is in: each is tried by itself. */
static uint32_t find_column(const struct lane *l, const struct buf *row)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	uint32_t n = csv_writer_n(l->writer), i;

	for (i = 0; i + 1 < n; i++) {
		size_t at = csv_writer_field(l->writer, i);
		size_t end = csv_writer_field(l->writer, i + 1);

		buf_reset(&out);
		if (csv_encoder_add(l->encoder, row->data + at, end - at, &out, &err) < 0)
			break;
	}
	buf_release(&out);
	return i;
}

static int put_row(struct lane *l, const uint8_t **p, const uint8_t *end, uint32_t *ret_column,
	struct err *err)
{
	const struct digest before = l->digest;

	if (l->encoder)
		buf_reset(&l->text);
	if (csv_writer_row(l->writer, p, end, &l->text, ret_column, err) < 0)
		return -1;
	if (!l->encoder ||
		csv_encoder_add(l->encoder, l->text.data, l->text.len, &l->encoded, err) == 0)
		return 0;
	*ret_column = find_column(l, &l->text);
	l->digest = before; /* the row is not in the file */
	return -1;
}

static int reject(
	struct csv_stage *s, struct lane *l, uint64_t row, uint32_t column, struct err *err)
{
	const char *name = s->request.cols->v[column].name;

	if (err->code != ERR_DATA)
		return -1;
	err_wrap(err, "column '%s'", name);
	if (rejects_add(s->request.rejects, row, name, NULL, err) < 0)
		return err_wrap(err, "row %" PRIu64, row);
	l->rejected++;
	return 0;
}

static int write_rows(struct csv_stage *s, struct lane *l, const uint8_t *p, const uint8_t *end,
	uint64_t row, struct err *err)
{
	for (; p < end; row++) {
		uint32_t column;

		if (put_row(l, &p, end, &column, err) == 0)
			l->rows++;
		else if (reject(s, l, row + 1, column, err) < 0)
			return -1;
		if (pending(l)->len >= FLUSH_SIZE && flush(s, l, err) < 0)
			return -1;
	}
	return 0;
}

static int write_part(struct csv_stage *s, struct lane *l, const struct batch *b, struct err *err)
{
	const uint8_t *p;
	int rc;

	if (b->cont & BATCH_FIRST)
		buf_reset(&l->row);
	buf_add(&l->row, b->data, b->len);
	if (b->cont & BATCH_MORE)
		return 0;
	p = (const uint8_t *)buf_str(&l->row);
	rc = write_rows(s, l, p, p + l->row.len, b->first_row, err);
	buf_release(&l->row);
	return rc;
}

int csv_stage_write(struct csv_stage *s, uint32_t lane, const struct batch *b, struct err *err)
{
	struct lane *l = &s->lanes[lane];

	if (is_cancelled(s->request.cancel))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (b->cont)
		return write_part(s, l, b, err);
	return write_rows(s, l, b->data, b->data + b->len, b->first_row, err);
}

/* --- reading back ------------------------------------------------------------ */

/* A file by itself, whatever its name. */
static int open_reader(const char *path, const struct csv_format *format, const atomic_bool *cancel,
	struct connection *conn, struct csv_reader **ret, struct err *err)
{
	const struct csv_reader_request request = {
		.conn = conn, .table = "", .format = format, .cancel = cancel};

	*conn = (struct connection){.name = "", .path = path};
	return csv_reader_open(&request, ret, err);
}

static void add_record(const struct csv_record *r, const struct csv_format *format,
	struct buf *cells, struct digest *d)
{
	size_t null_len = strlen(format->null_text);

	for (uint32_t i = 0; i < r->n; i++)
		csv_digest_cell(cells, csv_is_null(r, i, format->null_text, null_len),
			csv_text(r, i), r->v[i].len);
	csv_digest_row(d, cells);
}

/* Counts records up to `max`, and adds them up (NULL: does not). */
static int read_records(struct csv_reader *r, const struct csv_format *format, uint64_t max,
	uint64_t *ret_n, struct digest *digest, struct err *err)
{
	struct buf cells = BUF_INIT(TEXT_MAX);
	struct csv_record record;
	int rc = 1;

	*ret_n = 0;
	if (csv_has_header(format))
		rc = csv_reader_header(r, &record, err);
	while (rc > 0 && *ret_n < max && (rc = csv_reader_next(r, &record, err)) > 0) {
		if (digest)
			add_record(&record, format, &cells, digest);
		++*ret_n;
	}
	buf_release(&cells);
	return rc < 0 ? -1 : 0;
}

int csv_stage_count(const char *path, const struct csv_format *format, uint64_t max,
	const atomic_bool *cancel, uint64_t *ret_rows, struct err *err)
{
	struct csv_reader *r = NULL;
	struct connection conn;
	int rc = open_reader(path, format, cancel, &conn, &r, err);

	if (rc == 0)
		rc = read_records(r, format, max, ret_rows, NULL, err);
	csv_reader_close(r);
	return rc;
}

static int read_back(struct csv_stage *s, const struct csv_staged *written, struct err *err)
{
	const struct csv_stage_request *q = &s->request;
	struct csv_format format = *q->format;
	struct csv_reader *r = NULL;
	struct digest digest = {.sum = 0};
	struct connection conn;
	uint64_t n = 0;
	int rc;

	format.max_field = CSV_FIELD_MAX;
	rc = open_reader(s->path, &format, q->cancel, &conn, &r, err);
	if (rc == 0) {
		csv_reader_expect(r, q->cols->n, "the table has", NULL);
		rc = read_records(r, &format, UINT64_MAX, &n, q->digesting ? &digest : NULL, err);
	}
	csv_reader_close(r);
	if (rc < 0)
		return err_wrap(err, "read back");
	if (n != written->rows)
		return err_set(err, ERR_TARGET,
			"%" PRIu64 " rows were written, and the file has %" PRIu64, written->rows,
			n);
	if (q->digesting && (!digest_equal(&digest, &written->digest) || FAULT(DIGEST, err)))
		return err_set(err, ERR_TARGET,
			"the digest of the file's rows is not that of the rows that were written");
	return 0;
}

int csv_stage_finish(struct csv_stage *s, struct csv_staged *ret_staged, struct err *err)
{
	struct csv_staged staged = {.rows = 0};

	for (uint32_t i = 0; i < s->request.lanes; i++) {
		struct lane *l = &s->lanes[i];

		if (flush(s, l, err) < 0)
			return -1;
		staged.rows += l->rows;
		staged.rejected += l->rejected;
		digest_merge(&staged.digest, &l->digest);
	}
	if (sink_finish(&s->sink, err) < 0 || sink_sync_dir(s->request.dir, err) < 0 ||
		read_back(s, &staged, err) < 0)
		return -1;
	*ret_staged = staged;
	return 0;
}

/* --- leftovers --------------------------------------------------------------- */

void csv_stage_sweep(const char *dir, bool (*is_wanted)(void *arg, const char *name), void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		CLEANUP_FREE char *path = NULL;

		if (strncmp(e->d_name, CSV_STAGE_PREFIX, strlen(CSV_STAGE_PREFIX)) != 0 ||
			is_wanted(arg, e->d_name))
			continue;
		if (asprintf(&path, "%s/%s", dir, e->d_name) < 0)
			abort();
		remove_leftover(path);
	}
	closedir(d);
}
