/*
 * csv_source - a CSV file as a source (source.h).
 *
 * Types that the job does not declare are inferred over the whole file, in a
 * first pass; the second one reads the rows and checks everything again, as
 * the file may have changed between. With all types declared there is one
 * pass. Memory does not grow with the number of rows.
 *
 * size() is the file's size: what read() goes over; the first pass is part of
 * columns() and does not count. A batch's bytes_in are the bytes read from the
 * file since the batch before, so that they add up to size().
 */
#include "work/source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/utf16.h"
#include "tds/declare.h"
#include "tds/row.h"
#include "work/csv.h"
#include "work/csv_file.h"
#include "work/csv_syntax.h"
#include "work/infer.h"

#define ROW_OVERHEAD 1 /* the token */

struct source {
	const atomic_bool *cancel;
	struct arena arena;
	struct csv_format format;
	struct csv_syntax syntax;
	size_t null_len;
	const char *declared; /* the job's columns, or NULL */
	const char *name;     /* of the file, for messages */
	const char *who;      /* says how many columns there are: csv_expect */
	struct csv_file file;
	struct csv *csv;
	struct tds_columns cols;
	size_t fixed_size;      /* of a row, but for the texts */
	size_t growth;          /* bytes of a row at most for one of the record */
	struct csv_record held; /* a record that did not fit the batch */
	bool holding;
	uint64_t rows;  /* given so far */
	uint64_t bytes; /* of the file that batches account for */
	struct buf big; /* a row larger than a batch, given in fragments */
	size_t big_sent;
};

static bool is_null(const struct source *s, const struct csv_record *r, uint32_t i)
{
	const struct csv_field *f = &r->v[i];

	return !f->quoted && f->len == s->null_len &&
	       (f->len == 0 || memcmp(csv_text(r, i), s->format.null_text, f->len) == 0);
}

/* --- open and close ---------------------------------------------------------- */

static void csv_source_close(struct source *s)
{
	if (!s)
		return;
	csv_file_close(&s->file);
	csv_free(s->csv);
	buf_release(&s->big);
	arena_release(&s->arena);
	free(s);
}

static int open_file(struct source *s, const struct connection *conn, const struct job *job,
	struct err *err)
{
	const char *path = NULL, *slash;

	if (csv_syntax_of(&s->format, &s->syntax, err) < 0 ||
		csv_file_find(conn, job->source_table, &s->arena, &path, err) < 0)
		return -1;
	slash = strrchr(path, '/');
	s->name = slash ? slash + 1 : path;
	return csv_file_open(&s->file, path, s->format.encoding, err);
}

static int csv_source_open(const struct source_request *request, struct source **ret_source,
	struct err *err)
{
	const struct connection *conn = request->conn;
	const struct job *job = request->job;
	struct source *s = mem_alloc(sizeof(*s));

	s->cancel = request->cancel;
	s->format = csv_format_merge(&conn->format, &job->format);
	s->null_len = strlen(s->format.null_text);
	s->declared = job->columns;
	if (open_file(s, conn, job, err) < 0) {
		csv_source_close(s);
		return -1;
	}
	s->csv = csv_new(&s->syntax);
	*ret_source = s;
	return 0;
}

/* --- records ----------------------------------------------------------------- */

static int check_cancel(const struct source *s, struct err *err)
{
	if (s->cancel && atomic_load_explicit(s->cancel, memory_order_relaxed))
		return err_set(err, ERR_CANCELLED, "cancelled");
	return 0;
}

/* 1: a record; 0: the file ended, and is the one that was opened; -1: error. */
static int next_record(struct source *s, struct csv_record *r, struct err *err)
{
	int rc;

	while ((rc = csv_next(s->csv, r, err)) == 0) {
		if (s->file.ended)
			return csv_file_check(&s->file, err);
		if (check_cancel(s, err) < 0 || csv_file_feed(&s->file, s->csv, err) < 0)
			return -1;
	}
	return rc < 0 ? err_wrap(err, "%s", s->name) : 1;
}

/* The record that was held back, or the next one. */
static int take_record(struct source *s, struct csv_record *r, struct err *err)
{
	if (!s->holding)
		return next_record(s, r, err);
	*r = s->held;
	s->holding = false;
	return 1;
}

/* --- the header -------------------------------------------------------------- */

static int header_error(const struct source *s, const struct csv_record *r, uint32_t i,
	const char *what, struct err *err)
{
	uint64_t line, column;

	csv_locate(r, i, &line, &column);
	return err_set(err, ERR_DATA, "%s: line %llu, column %llu: %s", s->name,
		(unsigned long long)line, (unsigned long long)column, what);
}

static int add_name(struct source *s, const struct csv_record *r, uint32_t i, struct err *err)
{
	const char *name;

	if (r->v[i].len == 0)
		return header_error(s, r, i, "a column's name is empty", err);
	if (r->v[i].len > TDS_NAME_MAX)
		return header_error(s, r, i, "a column's name is too long", err);
	name = arena_strndup(&s->arena, csv_text(r, i), r->v[i].len);
	if (tds_column_find(&s->cols, name) >= 0) {
		header_error(s, r, i, "a column's name that stands before already", err);
		return err_set(err, ERR_DATA, "%s: '%s'", err->msg, name);
	}
	s->cols.v[s->cols.n++].name = name;
	return 0;
}

static int empty(const struct source *s, const char *hint, struct err *err)
{
	err_set(err, ERR_DATA, "%s: the file is empty", s->name);
	return err_hint(err, "%s", hint);
}

static int read_header(struct source *s, struct err *err)
{
	struct csv_record r;
	int rc = next_record(s, &r, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return empty(s, "the first line must name the columns (header = no: it does not)", err);
	s->cols.v = arena_array(&s->arena, r.n, sizeof(*s->cols.v));
	for (uint32_t i = 0; i < r.n; i++)
		if (add_name(s, &r, i, err) < 0)
			return -1;
	s->who = "the header has";
	csv_expect(s->csv, s->cols.n, s->who);
	return 0;
}

/* Without a header the job's columns are all columns, in their order. */
static int declare_all(struct source *s, struct err *err)
{
	if (tds_declare_parse(s->declared, &s->arena, &s->cols, err) < 0)
		return err_wrap(err, "columns");
	s->who = "'columns' has";
	csv_expect(s->csv, s->cols.n, s->who);
	return 0;
}

/* Neither a header nor declared columns: as many as the first record has fields. It is held. */
static int number_columns(struct source *s, struct err *err)
{
	int rc = next_record(s, &s->held, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return empty(s, "without rows or a header the job must declare its columns", err);
	s->holding = true;
	s->cols.v = arena_array(&s->arena, s->held.n, sizeof(*s->cols.v));
	for (s->cols.n = 0; s->cols.n < s->held.n; s->cols.n++)
		s->cols.v[s->cols.n].name = arena_printf(&s->arena, "column%u", s->cols.n + 1);
	s->who = "the first record has";
	csv_expect(s->csv, s->cols.n, s->who);
	return 0;
}

static int unknown_column(struct source *s, const char *name, struct err *err)
{
	const char **names = arena_array(&s->arena, s->cols.n, sizeof(*names)), *near;

	for (uint32_t i = 0; i < s->cols.n; i++)
		names[i] = s->cols.v[i].name;
	err_set(err, ERR_CONFIG, "columns: '%s' has no column '%s'", s->name, name);
	near = text_nearest(name, names, s->cols.n);
	if (near)
		err_hint(err, "did you mean '%s'?", near);
	return -1;
}

/* No type has size 0; columns that are not declared do until it is inferred. */
static bool has_type(const struct tds_column *c)
{
	return c->size != 0;
}

/* Gives the declared columns their types; *ret_n says how many. */
static int apply_declared(struct source *s, uint32_t *ret_n, struct err *err)
{
	struct tds_columns declared;

	*ret_n = 0;
	if (!s->declared)
		return 0;
	if (tds_declare_parse(s->declared, &s->arena, &declared, err) < 0)
		return err_wrap(err, "columns");
	for (uint32_t i = 0; i < declared.n; i++) {
		int at = tds_column_find(&s->cols, declared.v[i].name);
		const char *name;

		if (at < 0)
			return unknown_column(s, declared.v[i].name, err);
		name = s->cols.v[at].name; /* as the file writes it */
		s->cols.v[at] = declared.v[i];
		s->cols.v[at].name = name;
	}
	*ret_n = declared.n;
	return 0;
}

/* Names of all columns, types of those that are declared. */
static int name_columns(struct source *s, uint32_t *ret_n_declared, struct err *err)
{
	if (csv_has_header(&s->format))
		return read_header(s, err) < 0 ? -1 : apply_declared(s, ret_n_declared, err);
	if (!s->declared || !*s->declared)
		return number_columns(s, err);
	if (declare_all(s, err) < 0)
		return -1;
	*ret_n_declared = s->cols.n;
	return 0;
}

/* --- the first pass ---------------------------------------------------------- */

static void look_at(const struct source *s, const struct csv_record *r, struct infer *in)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (has_type(&s->cols.v[i]))
			continue;
		if (is_null(s, r, i))
			infer_null(&in[i]);
		else
			infer_value(&in[i], csv_text(r, i), r->v[i].len);
	}
}

static int changed(const struct source *s, struct err *err)
{
	return err_set(err, ERR_DATA, "'%s' changed while it was read", s->file.path);
}

/* The header was read before: it must be the same again. */
static int skip_header(struct source *s, struct err *err)
{
	struct csv_record r;
	int rc = next_record(s, &r, err);

	if (rc < 0)
		return -1;
	for (uint32_t i = 0; rc && i < r.n; i++)
		rc = strlen(s->cols.v[i].name) == r.v[i].len &&
		     memcmp(s->cols.v[i].name, csv_text(&r, i), r.v[i].len) == 0;
	return rc ? 0 : changed(s, err);
}

static int begin_again(struct source *s, struct err *err)
{
	if (csv_file_rewind(&s->file, err) < 0)
		return -1;
	csv_reset(s->csv);
	csv_expect(s->csv, s->cols.n, s->who);
	return csv_has_header(&s->format) ? skip_header(s, err) : 0;
}

static int infer_types(struct source *s, struct err *err)
{
	struct infer *in = arena_array(&s->arena, s->cols.n, sizeof(*in));
	struct csv_record r;
	int rc;

	while ((rc = take_record(s, &r, err)) > 0)
		look_at(s, &r, in);
	if (rc < 0)
		return -1;
	for (uint32_t i = 0; i < s->cols.n; i++)
		if (!has_type(&s->cols.v[i]))
			infer_result(&in[i], &s->cols.v[i]);
	return begin_again(s, err);
}

static int csv_source_columns(struct source *s, const struct tds_columns **ret_columns,
	struct err *err)
{
	uint32_t n_declared = 0;

	if (name_columns(s, &n_declared, err) < 0)
		return -1;
	if (n_declared < s->cols.n && infer_types(s, err) < 0)
		return -1;
	s->fixed_size = ROW_OVERHEAD;
	s->growth = 1;
	for (uint32_t i = 0; i < s->cols.n; i++) {
		s->fixed_size += tds_encoded_max(&s->cols.v[i], 0);
		if (tds_type_is_utf16(s->cols.v[i].type))
			s->growth = UTF16_MAX_OF_UTF8(1);
	}
	*ret_columns = &s->cols;
	return 0;
}

/* --- rows -------------------------------------------------------------------- */

static int value_error(const struct source *s, const struct csv_record *r, uint32_t i,
	struct err *err)
{
	return err_wrap(err, "%s: line %llu, column '%s'", s->name,
		(unsigned long long)(r->line + r->v[i].line), s->cols.v[i].name);
}

/* Writes the row at `p`, which has room for max_row_size, and gives its end; NULL on error. */
static uint8_t *encode_row(const struct source *s, const struct csv_record *r, uint8_t *p,
	struct err *err)
{
	struct tds_value v;

	*p++ = TDS_ROW_TOKEN;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct tds_column *c = &s->cols.v[i];

		if (!is_null(s, r, i)) {
			if (tds_value_parse(c, csv_text(r, i), r->v[i].len, &v, err) < 0) {
				value_error(s, r, i, err);
				return NULL;
			}
			p = tds_encode(p, c, &v);
		} else if (c->nullable) {
			p = tds_encode_null(p, c);
		} else {
			err_set(err, ERR_DATA, "a null, and the column is declared not null");
			value_error(s, r, i, err);
			return NULL;
		}
	}
	return p;
}

/* No row of this record can be longer: texts are parts of the record. */
static size_t max_row_size(const struct source *s, const struct csv_record *r)
{
	return s->fixed_size + s->growth * r->size;
}

/* The next fragment of `big` into an empty batch. */
static void take_fragment(struct source *s, struct batch *b)
{
	size_t left = s->big.len - s->big_sent;

	b->first_row = s->rows;
	b->cont = BATCH_PART;
	if (s->big_sent == 0) {
		b->cont |= BATCH_FIRST;
		b->rows = 1;
		s->rows++;
	}
	if (left > b->cap)
		b->cont |= BATCH_MORE;
	b->len = left < b->cap ? (uint32_t)left : b->cap;
	memcpy(b->data, s->big.data + s->big_sent, b->len);
	s->big_sent += b->len;
	if (s->big_sent == s->big.len)
		buf_reset(&s->big);
}

/* A row that may be larger than a batch, into an empty one. */
static int take_big(struct source *s, const struct csv_record *r, struct batch *b, struct err *err)
{
	size_t size = max_row_size(s, r);
	uint8_t *p, *end;

	s->big.max = size;
	s->big_sent = 0;
	p = (uint8_t *)buf_room(&s->big, size);
	end = encode_row(s, r, p, err);
	if (!end)
		return -1;
	buf_advance(&s->big, (size_t)(end - p));
	take_fragment(s, b);
	if (!(b->cont & BATCH_MORE))
		b->cont = 0; /* it was not that large */
	return 1;
}

static int fill(struct source *s, struct batch *b, struct err *err)
{
	struct csv_record r;
	uint8_t *end;
	int rc;

	b->first_row = s->rows;
	while ((rc = take_record(s, &r, err)) > 0) {
		if (max_row_size(s, &r) > batch_room(b)) {
			if (b->rows == 0)
				return take_big(s, &r, b, err);
			s->held = r;
			s->holding = true;
			break;
		}
		end = encode_row(s, &r, b->data + b->len, err);
		if (!end)
			return -1;
		b->len = (uint32_t)(end - b->data);
		b->rows++;
		s->rows++;
	}
	return rc < 0 ? -1 : b->rows > 0;
}

static int csv_source_read(struct source *s, struct batch *b, struct err *err)
{
	int rc = 1;

	if (check_cancel(s, err) < 0)
		return -1;
	if (s->big.len)
		take_fragment(s, b);
	else
		rc = fill(s, b, err);
	b->bytes_in = s->file.bytes - s->bytes;
	s->bytes = s->file.bytes;
	return rc;
}

static uint64_t csv_source_size(struct source *s)
{
	return (uint64_t)s->file.opened.st_size;
}

const struct source_ops source_csv = {
	.driver = DRIVER_CSV,
	.open = csv_source_open,
	.columns = csv_source_columns,
	.read = csv_source_read,
	.size = csv_source_size,
	.close = csv_source_close,
};
