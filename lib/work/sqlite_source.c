/*
 * sqlite_source - a table, view or query of an SQLite database as a source (source.h).
 *
 * All of it is read in one transaction, from open to the end of read(): one
 * state of the database, whoever writes meanwhile. In the rollback-journal
 * modes writers wait for that long, in WAL mode they do not.
 *
 * size() is not known; a batch's bytes_in are the bytes of its rows.
 */
#include "work/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "db/db.h"
#include "tds/declare.h"
#include "tds/row.h"
#include "work/fragment.h"
#include "work/sqlite_part.h"
#include "work/sqlite_relation.h"
#include "work/sqlite_snapshot.h"
#include "work/sqlite_typed.h"

#define OTHERS_TIMEOUT_MS 100 /* for a lock of the other ranges' connections; they are tried again */
#define COUNT_PAGES 4096 /* of a database whose rows are counted for the progress: 16 MiB, mostly */
#define ROW_MAX (1024u * 1024 * 1024) /* bytes of one row; SQLite's limit for a stored one is 10^9 */
#define ROW_OVERHEAD   1      /* the token */
#define KEY_MAX        (16 * REJECT_TEXT_MAX) /* of a row's key that is rejected */
#define VALUE_OVERHEAD 9 /* class and number; of texts the class and the length */

struct source {
	const struct source_request *request;
	struct arena arena;
	struct db *db;
	int64_t max_value;  /* bytes of a text or blob */
	struct db **others; /* of the first range: connections of the others, until they come for
			       them */
	struct sqlite_relation rel;
	const struct sqlite_part *part; /* the first range's */
	struct sqlite_typed *typed;     /* of each column; NULL: all are TDS_SQLITE */
	struct buf scratch;             /* a value that was converted */
	uint32_t *keys;                 /* columns that name a row that is rejected */
	uint32_t n_keys;
	struct db_stmt *stmt; /* NULL: all has been read */
	struct db_value *row; /* as it was fetched last, */
	uint64_t number;      /* the how manieth it is, from 1, */
	size_t row_size;      /* the most bytes that it needs, */
	bool holding;         /* and it is not in a batch yet */
	struct fragment big;
};

/* ERR_STORE means the control database to everybody above. */
static int fail(struct err *err)
{
	if (err->code == ERR_STORE) {
		err->code = ERR_IO;
		err_hint(err, "'PRAGMA integrity_check' says whether the file is damaged");
	}
	return -1;
}

static int is_cancelled(void *arg)
{
	const struct source *s = arg;
	const atomic_bool *cancel = s->request->cancel;

	return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

/* --- open and close --- */

/* The database is free again: others may write, and that may be the target. */
static void end_reading(struct source *s)
{
	db_finalize(mem_steal(s->stmt));
	if (s->db)
		db_rollback(s->db);
}

static void sqlite_source_close(struct source *s)
{
	if (!s)
		return;
	end_reading(s);
	db_close(s->db);
	for (uint32_t i = 1; s->others && i < s->request->ranges; i++)
		db_close(s->others[i]);
	fragment_release(&s->big);
	buf_release(&s->scratch);
	arena_release(&s->arena);
	free(s);
}

/* One connection for each range, all at one state of the database. */
static int open_all(struct source *s, struct err *err)
{
	const char *path = s->request->conn->path;
	uint32_t n = s->request->ranges;

	s->others = arena_array(&s->arena, n, sizeof(*s->others));
	if (sqlite_snapshot_open(path, SQLITE_SNAPSHOT_WAIT_MS, s->max_value, &s->db, err) < 0)
		return -1;
	s->others[0] = s->db;
	for (uint32_t i = 1; i < n; i++)
		if (sqlite_snapshot_open(path, OTHERS_TIMEOUT_MS, s->max_value,
			    &s->others[i], err) < 0)
			return -1;
	db_on_progress(s->db, is_cancelled, s);
	return sqlite_snapshot_begin(s->others, n, err);
}

static int open_first(struct source *s, struct err *err)
{
	const struct source_request *r = s->request;
	struct sqlite_part *part = arena_alloc(&s->arena, sizeof(*part));

	s->part = part;
	if (open_all(s, err) < 0 ||
		sqlite_relation_find(s->db, r->job, &s->arena, &s->rel, err) < 0)
		return -1;
	return sqlite_part_find(
		s->db, &s->rel, r->job, r->watermark, r->ranges, &s->arena, part, err);
}

static int open_other(struct source *s, struct err *err)
{
	const struct source *first = s->request->first;

	s->db = mem_steal(first->others[s->request->range]);
	s->part = first->part;
	db_on_progress(s->db, is_cancelled, s);
	return sqlite_relation_find(s->db, s->request->job, &s->arena, &s->rel, err);
}

static int sqlite_source_open(
	const struct source_request *request, struct source **ret_source, struct err *err)
{
	struct source *s = mem_alloc(sizeof(*s));

	s->request = request;
	s->max_value = csv_format_merge(&request->conn->format, &request->job->format).max_field;
	buf_init(&s->scratch, ROW_MAX);
	if ((request->first ? open_other(s, err) : open_first(s, err)) < 0 ||
		sqlite_part_prepare(
			s->db, &s->rel, s->part, request->range, &s->arena, &s->stmt, err) < 0) {
		sqlite_source_close(s);
		return fail(err);
	}
	s->row = arena_array(&s->arena, s->rel.cols.n, sizeof(*s->row));
	*ret_source = s;
	return 0;
}

/* --- columns --- */

/* mixed_types = fail: what the table says is what the column is. */
static int take_declared_types(struct source *s, bool *strict, struct err *err)
{
	for (uint32_t i = 0; i < s->rel.cols.n; i++) {
		struct tds_column *c = &s->rel.cols.v[i];

		if (c->type != TDS_SQLITE)
			continue;
		if (sqlite_type_declared(s->rel.declared[i], c, err) < 0) {
			err_wrap(err, "column '%s'", c->name);
			return err_hint(err,
				"declare it in the job's 'columns': %s varchar(max), ...", c->name);
		}
		strict[i] = true;
	}
	return 0;
}

/* The job's columns: values are converted, where that is exact. */
static int take_columns_of_job(struct source *s, struct err *err)
{
	const char *text = s->request->job->columns;
	struct tds_columns declared;

	if (!text)
		return 0;
	if (tds_declare_parse(text, &s->arena, &declared, err) < 0)
		return err_wrap(err, "columns");
	for (uint32_t i = 0; i < declared.n; i++) {
		uint32_t at = 0;
		const char *name;

		if (sqlite_relation_column(
			    &s->rel, "columns", declared.v[i].name, &s->arena, &at, err) < 0)
			return -1;
		name = s->rel.cols.v[at].name;
		s->rel.cols.v[at] = declared.v[i];
		s->rel.cols.v[at].name = name;
	}
	return 0;
}

/* The source's columns that become the target's key_columns, as far as there are such. */
static int find_keys(struct source *s, struct err *err)
{
	const struct job *job = s->request->job;
	struct tds_rename *renames;
	const char **names;
	uint32_t n, n_renames;

	if (tds_names_parse(job->key_columns, &s->arena, &names, &n, err) < 0 ||
		tds_renames_parse(job->column_map, &s->arena, &renames, &n_renames, err) < 0)
		return -1;
	s->keys = arena_array(&s->arena, n, sizeof(*s->keys));
	for (uint32_t i = 0; i < n; i++) {
		const char *name = names[i];
		int at;

		for (uint32_t j = 0; j < n_renames; j++)
			if (strcasecmp(renames[j].to, name) == 0)
				name = renames[j].from;
		at = tds_column_find(&s->rel.cols, name);
		if (at >= 0)
			s->keys[s->n_keys++] = (uint32_t)at;
	}
	return 0;
}

static int plan_values(struct source *s, const bool *strict, struct err *err)
{
	const struct tds_columns *cols = &s->rel.cols;
	struct sqlite_typed *typed = arena_array(&s->arena, cols->n, sizeof(*typed));

	for (uint32_t i = 0; i < cols->n; i++) {
		if (cols->v[i].type == TDS_SQLITE)
			continue;
		if (sqlite_typed_init(&typed[i], &cols->v[i], strict[i], err) < 0)
			return err_wrap(err, "column '%s'", cols->v[i].name);
		s->typed = typed;
	}
	return 0;
}

static int sqlite_source_columns(
	struct source *s, const struct tds_columns **ret_columns, struct err *err)
{
	bool *strict = arena_array(&s->arena, s->rel.cols.n, sizeof(*strict));

	if (take_columns_of_job(s, err) < 0 ||
		(s->request->job->mixed_types == MIXED_FAIL &&
			take_declared_types(s, strict, err) < 0) ||
		plan_values(s, strict, err) < 0 || find_keys(s, err) < 0)
		return -1;
	*ret_columns = &s->rel.cols;
	return 0;
}

/* --- rows --- */

/* Storage class and value (row.h, TDS_SQLITE). */
static uint8_t *encode_value(uint8_t *p, const struct db_value *v)
{
	uint64_t bits;

	switch (v->type) {
	case DB_NULL:
		*p = TDS_CLASS_NULL;
		return p + 1;
	case DB_INT:
		*p = TDS_CLASS_INT;
		return tds_put64(p + 1, (uint64_t)v->i);
	case DB_REAL:
		*p = TDS_CLASS_REAL;
		memcpy(&bits, &v->r, sizeof(bits));
		return tds_put64(p + 1, bits);
	case DB_TEXT:
	case DB_BLOB:
		break;
	}
	*p = v->type == DB_TEXT ? TDS_CLASS_TEXT : TDS_CLASS_BLOB;
	p = tds_put32(p + 1, (uint32_t)v->s.len);
	return tds_put_bytes(p, v->s.data, (uint32_t)v->s.len);
}

/* Gives the end of the value; NULL on error. */
static uint8_t *encode_typed(struct source *s, uint32_t i, uint8_t *p, struct err *err)
{
	const struct tds_column *c = &s->rel.cols.v[i];
	struct tds_value v;

	if (c->type == TDS_SQLITE)
		return encode_value(p, &s->row[i]);
	if (sqlite_typed_value(&s->typed[i], &s->row[i], &s->scratch, &v, err) < 0)
		return NULL;
	return tds_encode(p, c, &v);
}

/* `p` has room for row_size bytes; gives the row's end. NULL: *ret_column cannot be what it should
 * be. */
static uint8_t *encode_row(struct source *s, uint8_t *p, uint32_t *ret_column, struct err *err)
{
	*p++ = TDS_ROW_TOKEN;
	if (!s->typed) {
		for (uint32_t i = 0; i < s->rel.cols.n; i++)
			p = encode_value(p, &s->row[i]);
		return p;
	}
	for (uint32_t i = 0; i < s->rel.cols.n && p; i++) {
		*ret_column = i;
		p = encode_typed(s, i, p, err);
	}
	return p;
}

/* The most bytes that the row can become; texts and blobs have `bytes` in all. */
static size_t max_row_size(const struct source *s, size_t bytes)
{
	size_t size = ROW_OVERHEAD;

	if (!s->typed)
		return size + (size_t)s->rel.cols.n * VALUE_OVERHEAD + bytes;
	for (uint32_t i = 0; i < s->rel.cols.n; i++) {
		const struct db_value *v = &s->row[i];
		bool is_bytes = v->type == DB_TEXT || v->type == DB_BLOB;

		if (s->rel.cols.v[i].type == TDS_SQLITE)
			size += VALUE_OVERHEAD + (is_bytes ? v->s.len : 0);
		else
			size += tds_encoded_max(
				&s->rel.cols.v[i], is_bytes ? v->s.len : TDS_PRINT_MAX);
	}
	return size;
}

static int too_long(const struct source *s, struct err *err)
{
	err_set(err, ERR_LIMIT, "row %" PRIu64 ": a text or blob is longer than the limit of %" PRId64
		" bytes", s->number + 1, s->max_value);
	return err_hint(err, "raise max_field");
}

/* 1: there is a row; 0: the end; -1: error. */
static int next_row(struct source *s, struct err *err)
{
	size_t bytes;
	int rc;

	if (s->holding)
		return 1;
	if (!s->stmt)
		return 0;
	rc = db_step(s->stmt, err);
	if (rc == 0)
		end_reading(s);
	if (rc < 0 && err->code == ERR_LIMIT)
		return too_long(s, err);
	if (rc <= 0)
		return rc;
	if (db_row(s->stmt, s->row, &bytes, err) < 0)
		return -1;
	s->number++;
	s->row_size = max_row_size(s, bytes);
	if (s->row_size > ROW_MAX)
		return err_set(err, ERR_LIMIT, "row %" PRIu64 " has more than %u bytes", s->number,
			ROW_MAX);
	s->holding = true;
	return 1;
}

static void add_key(const struct db_value *v, struct buf *out)
{
	char text[NUMBER_PRINT_MAX];

	switch (v->type) {
	case DB_NULL:
		buf_adds(out, "NULL");
		break;
	case DB_INT:
		buf_add(out, text, number_print_int(v->i, text));
		break;
	case DB_REAL:
		buf_add(out, text, number_print_double(v->r, text));
		break;
	case DB_TEXT:
		buf_add(out, v->s.data, v->s.len < REJECT_TEXT_MAX ? v->s.len : REJECT_TEXT_MAX);
		break;
	case DB_BLOB:
		buf_printf(out, "%zu bytes", v->s.len);
		break;
	}
}

/* 0: the row is kept, and passed over. */
static int reject(struct source *s, uint32_t i, struct err *err)
{
	CLEANUP(buf_release) struct buf key = BUF_INIT(KEY_MAX);
	const char *name = s->rel.cols.v[i].name;

	s->holding = false;
	for (uint32_t k = 0; k < s->n_keys; k++) {
		buf_adds(&key, k ? ", " : "");
		add_key(&s->row[s->keys[k]], &key);
	}
	if (rejects_add(s->request->rejects, s->number, name, s->n_keys ? buf_str(&key) : NULL,
		    err) == 0)
		return 0;
	return err_wrap(err, "row %" PRIu64 ", column '%s'", s->number, name);
}

static int take_big(struct source *s, struct batch *b, struct err *err)
{
	uint8_t *p = fragment_room(&s->big, s->row_size), *end;
	uint32_t column = 0;

	end = encode_row(s, p, &column, err);
	if (!end)
		return reject(s, column, err);
	s->holding = false;
	fragment_set(&s->big, s->number - 1, (size_t)(end - p));
	fragment_take(&s->big, b);
	return 0;
}

static int take_row(struct source *s, struct batch *b, struct err *err)
{
	uint32_t column = 0;
	uint8_t *end = encode_row(s, b->data + b->len, &column, err);

	if (!end)
		return reject(s, column, err);
	s->holding = false;
	if (b->rows++ == 0)
		b->first_row = s->number - 1;
	b->len = (uint32_t)(end - b->data);
	return 0;
}

/* Whole rows, as long as there is room and none is missing between them. */
static int fill(struct source *s, struct batch *b, struct err *err)
{
	int rc;

	while ((rc = next_row(s, err)) > 0) {
		bool fits = s->row_size <= batch_room(b);

		if (b->rows && (!fits || b->cont || s->number != b->first_row + b->rows + 1))
			break;
		if ((fits ? take_row(s, b, err) : take_big(s, b, err)) < 0)
			return -1;
	}
	return rc < 0 ? -1 : b->rows > 0;
}

static int sqlite_source_read(struct source *s, struct batch *b, struct err *err)
{
	int rc = 1;

	if (is_cancelled(s))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (fragment_waits(&s->big))
		fragment_take(&s->big, b);
	else
		rc = fill(s, b, err);
	b->bytes_in = b->len;
	return rc < 0 ? fail(err) : rc;
}

static uint64_t sqlite_source_size(struct source *s)
{
	(void)s;
	return 0;
}

/* What is known without reading the table: an estimate by its rowids; a small one is counted. */
static int64_t sqlite_source_rows(struct source *s)
{
	struct err ignored = ERR_INIT;
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *sql = arena_printf(&s->arena,
		"SELECT CASE WHEN (SELECT page_count FROM pragma_page_count) <= %d"
		" THEN (SELECT count(*) FROM %s) ELSE %s END",
		COUNT_PAGES, s->rel.from,
		s->rel.rowid ? arena_printf(&s->arena,
				       "(SELECT max(_rowid_) FROM %s) - (SELECT min(_rowid_) FROM "
				       "%s) + 1",
				       s->rel.from, s->rel.from)
			     : "-1");

	if (!s->rel.ordinary || s->part->above.type != DB_NULL ||
		db_prepare(s->db, sql, &stmt, &ignored) < 0 || db_step(stmt, &ignored) <= 0)
		return -1;
	return db_column_int(stmt, 0);
}

static int sqlite_source_watermark(struct source *s, const char **ret_to, struct err *err)
{
	(void)err;
	*ret_to = s->part->to;
	return 0;
}

static void sqlite_source_lineage(struct source *s, struct lineage *l)
{
	(void)s;
	lineage_set(l, LINEAGE_consistency, "one snapshot");
}

const struct source_ops source_sqlite = {
	.driver = DRIVER_SQLITE,
	.open = sqlite_source_open,
	.columns = sqlite_source_columns,
	.read = sqlite_source_read,
	.size = sqlite_source_size,
	.rows = sqlite_source_rows,
	.watermark = sqlite_source_watermark,
	.lineage = sqlite_source_lineage,
	.close = sqlite_source_close,
};
