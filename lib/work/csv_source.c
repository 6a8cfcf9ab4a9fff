/*
 * csv_source - CSV files, or standard input, as a source (source.h).
 *
 * Columns and their types are csv_columns.h's business, files and records
 * csv_reader.h's; here are the rows. Memory does not grow with their number.
 *
 * size() is the size of all files as they stand there: what read() goes over; a first
 * pass is part of columns() and does not count. A batch's bytes_in are the bytes read
 * since the batch before, so that they add up to size().
 */
#include "work/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "tds/row.h"
#include "work/csv_columns.h"
#include "work/csv_reader.h"
#include "work/csv_increment.h"
#include "work/fragment.h"

#define ROW_OVERHEAD 1 /* the token */

struct source {
	struct arena arena;
	const atomic_bool *cancel;
	struct csv_format format;
	size_t null_len;
	const char *declared; /* the job's columns, or NULL */
	struct csv_reader *reader;
	struct csv_columns columns;
	size_t fixed_size; /* of a row, but for the texts */
	size_t growth;     /* bytes of a row at most for one of the record */
	struct rejects *rejects;
	struct csv_increment increment;
	const char *watermark; /* of the last load */
	const struct job *job;
	uint64_t rejected; /* rows of this source, or skipped */
	uint64_t rows;     /* given so far; with the rejected ones the number of the last */
	uint64_t bytes;    /* of the files that batches account for */
	struct fragment big; /* a row larger than a batch */
};

static void csv_source_close(struct source *s)
{
	if (!s)
		return;
	csv_reader_close(s->reader);
	csv_increment_release(&s->increment);
	fragment_release(&s->big);
	arena_release(&s->arena);
	free(s);
}

static int check_job(const struct job *job, struct err *err)
{
	if (job->source_query) {
		err_set(err, ERR_CONFIG, "files have no queries");
		return err_hint(err, "say source_table");
	}
	if (job->parallel > 1)
		return err_set(err, ERR_CONFIG, "files are not read in ranges: parallel is 1");
	return 0;
}

/* Before the columns are known it is looked at only; it comes again. */
static int malformed(void *arg, struct err *why)
{
	struct source *s = arg;

	if (!s->columns.list.n && s->job->on_reject == ON_REJECT_KEEP) {
		err_clear(why);
		return 0;
	}
	if (rejects_add(s->rejects, s->rows + s->rejected + 1, NULL, NULL, why) < 0)
		return -1;
	s->rejected++;
	return 0;
}

static int csv_source_open(const struct source_request *request, struct source **ret_source,
	struct err *err)
{
	struct source *s = mem_alloc(sizeof(*s));
	const struct csv_reader_request files = {.conn = request->conn,
		.table = request->job->source_table,
		.format = &s->format,
		.cancel = request->cancel,
		.malformed = malformed,
		.arg = s};

	s->cancel = request->cancel;
	s->rejects = request->rejects;
	s->job = request->job;
	s->watermark = request->watermark;
	s->format = csv_format_merge(&request->conn->format, &request->job->format);
	s->null_len = strlen(s->format.null_text);
	s->declared = request->job->columns;
	if (check_job(request->job, err) < 0 || csv_reader_open(&files, &s->reader, err) < 0) {
		csv_source_close(s);
		return -1;
	}
	*ret_source = s;
	return 0;
}

static int csv_source_columns(
	struct source *s, const struct tds_columns **ret_columns, struct err *err)
{
	struct csv_columns *c = &s->columns;

	if (csv_columns_find(s->reader, s->declared, &s->format, &s->arena, c, err) < 0 ||
		csv_increment_init(&s->increment, s->job, s->watermark, &c->list, c->fields, &s->arena,
			err) < 0)
		return -1;
	s->fixed_size = ROW_OVERHEAD;
	s->growth = 1;
	for (uint32_t i = 0; i < c->list.n; i++) {
		s->fixed_size += tds_encoded_max(&c->list.v[i], 0);
		if (tds_type_is_utf16(c->list.v[i].type))
			s->growth = UTF16_MAX_OF_UTF8(1);
	}
	*ret_columns = &c->list;
	return 0;
}

/* --- rows -------------------------------------------------------------------- */

/* 0: the row is kept as rejected. */
static int value_error(struct source *s, const struct csv_record *r, uint32_t i, struct err *err)
{
	const char *column = s->columns.list.v[i].name;

	err_wrap(err, "%s: line %llu, column '%s'", csv_reader_file(s->reader),
		(unsigned long long)(r->line + r->v[i].line), column);
	if (rejects_add(s->rejects, s->rows + s->rejected + 1, column, NULL, err) < 0)
		return -1;
	s->rejected++;
	return 0;
}

static int encode_null(const struct tds_column *c, uint8_t **p, struct err *err)
{
	if (!c->nullable)
		return err_set(err, ERR_DATA, "a null, and the column is declared not null");
	*p = tds_encode_null(*p, c);
	return 0;
}

static inline int encode_value(const struct tds_column *c, const char *text, uint32_t len,
	uint8_t **p, struct err *err)
{
	struct tds_value v;

	if (tds_value_parse(c, text, len, &v, err) < 0)
		return -1;
	*p = tds_encode(*p, c, &v);
	return 0;
}

static inline int encode_field(
	struct source *s, const struct csv_record *r, uint32_t i, uint8_t **p, struct err *err)
{
	const struct tds_column *c = &s->columns.list.v[i];

	if (csv_is_null(r, i, s->format.null_text, s->null_len))
		return encode_null(c, p, err);
	if (s->columns.sampled && csv_columns_check(&s->columns, r, i, err) < 0)
		return -1;
	return encode_value(c, csv_text(r, i), r->v[i].len, p, err);
}

static int encode_file_name(const struct source *s, uint8_t **p, struct err *err)
{
	const struct tds_column *c = &s->columns.list.v[s->columns.fields];
	const char *name = csv_reader_file(s->reader);

	if (encode_value(c, name, (uint32_t)strlen(name), p, err) < 0)
		return err_wrap(err, "column '%s'", c->name);
	return 0;
}

/* 1 or 0: is the row above the watermark? Without a value it would be missed for ever. */
static int is_new(struct source *s, const struct csv_record *r, struct err *err)
{
	uint32_t i = s->increment.column;
	struct tds_value v;

	if (csv_is_null(r, i, s->format.null_text, s->null_len))
		return err_set(err, ERR_DATA, "no value, and it is the watermark_column");
	if (tds_value_parse(s->increment.type, csv_text(r, i), r->v[i].len, &v, err) < 0)
		return -1;
	return csv_increment_take(&s->increment, &v);
}

/* Writes the row at *p, which has room for max_row_size, and moves it behind. 0: it was rejected, or is
 * not new. */
static int encode_row(struct source *s, const struct csv_record *r, uint8_t **p, struct err *err)
{
	uint8_t *at = *p;

	if (s->increment.on) {
		int new = is_new(s, r, err);

		if (new < 0)
			return value_error(s, r, s->increment.column, err);
		s->rejected += new == 0;
		if (new == 0)
			return 0;
	}
	*at++ = TDS_ROW_TOKEN;
	for (uint32_t i = 0; i < r->n; i++)
		if (__builtin_expect(encode_field(s, r, i, &at, err) < 0, 0))
			return value_error(s, r, i, err);
	if (s->columns.fields < s->columns.list.n && encode_file_name(s, &at, err) < 0)
		return -1;
	*p = at;
	return 1;
}

/* No row of this record can be longer: texts are parts of the record, or the file's name. */
static size_t max_row_size(const struct source *s, const struct csv_record *r)
{
	size_t size = r->size;

	if (s->columns.fields < s->columns.list.n)
		size += strlen(csv_reader_file(s->reader));
	return s->fixed_size + s->growth * size;
}

/* A row that may be larger than a batch, into an empty one. 0: it was rejected. */
static int take_big(struct source *s, const struct csv_record *r, struct batch *b, struct err *err)
{
	uint8_t *p = fragment_room(&s->big, max_row_size(s, r)), *end = p;
	int rc = encode_row(s, r, &end, err);

	if (rc <= 0)
		return rc;
	fragment_set(&s->big, s->rejected + s->rows++, (size_t)(end - p));
	fragment_take(&s->big, b);
	return 1;
}

static int take_row(struct source *s, const struct csv_record *r, struct batch *b, struct err *err)
{
	uint8_t *end = b->data + b->len;
	int rc = encode_row(s, r, &end, err);

	if (rc <= 0)
		return rc;
	b->len = (uint32_t)(end - b->data);
	b->rows++;
	s->rows++;
	return 1;
}

/* Whole rows, as long as there is room and none is missing between them. */
static int fill(struct source *s, struct batch *b, struct err *err)
{
	struct csv_record r;
	int rc;

	while ((rc = csv_reader_next(s->reader, &r, err)) > 0) {
		bool big = max_row_size(s, &r) > batch_room(b);

		if (b->rows == 0)
			b->first_row = s->rows + s->rejected;
		if (b->rows && (big || b->first_row + b->rows != s->rows + s->rejected)) {
			csv_reader_back(s->reader, &r);
			break;
		}
		rc = big ? take_big(s, &r, b, err) : take_row(s, &r, b, err);
		if (rc < 0)
			return -1;
		if (rc && big)
			return 1;
	}
	return rc < 0 ? -1 : b->rows > 0;
}

static int csv_source_read(struct source *s, struct batch *b, struct err *err)
{
	uint64_t bytes;
	int rc = 1;

	if (s->cancel && atomic_load_explicit(s->cancel, memory_order_relaxed))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (fragment_waits(&s->big))
		fragment_take(&s->big, b);
	else
		rc = fill(s, b, err);
	bytes = csv_reader_bytes(s->reader);
	b->bytes_in = bytes - s->bytes;
	s->bytes = bytes;
	return rc;
}

static int csv_source_watermark(struct source *s, const char **ret_to, struct err *err)
{
	(void)err;
	*ret_to = csv_increment_to(&s->increment, &s->arena);
	return 0;
}

static uint64_t csv_source_size(struct source *s)
{
	return csv_reader_size(s->reader);
}

const struct source_ops source_csv = {
	.driver = DRIVER_CSV,
	.open = csv_source_open,
	.columns = csv_source_columns,
	.read = csv_source_read,
	.size = csv_source_size,
	.watermark = csv_source_watermark,
	.close = csv_source_close,
};
