#include "work/csv_columns.h"

#include <stdio.h>

#include "base/text.h"
#include "tds/declare.h"
#include "work/csv_syntax.h"
#include "work/infer.h"

/* What the functions below share. */
struct finder {
	struct csv_reader *r;
	const char *declared; /* NULL or empty: none */
	const struct csv_format *format;
	struct arena *a;
	struct csv_columns *c;
	uint32_t n_declared;
};

static int parse_declared(const struct finder *f, struct tds_columns *ret, struct err *err)
{
	if (tds_declare_parse(f->declared, f->a, ret, err) < 0)
		return err_wrap(err, "columns");
	return 0;
}

static void add_column(struct finder *f, const char *name)
{
	struct tds_columns *list = &f->c->list;

	list->v[list->n++] = (struct tds_column){.name = name};
}

/* Room for the file's name as well. */
static void make_room(struct finder *f, uint32_t n)
{
	f->c->list.v = arena_array(f->a, (size_t)n + 1, sizeof(*f->c->list.v));
}

/* --- names ------------------------------------------------------------------- */

static int header_error(const struct finder *f, const struct csv_record *r, uint32_t i,
	const char *what, struct err *err)
{
	uint64_t line, column;

	csv_locate(r, i, &line, &column);
	return err_set(err, ERR_DATA, "%s: line %llu, column %llu: %s", csv_reader_file(f->r),
		(unsigned long long)line, (unsigned long long)column, what);
}

static int add_name(struct finder *f, const struct csv_record *r, uint32_t i, struct err *err)
{
	const char *name;

	if (r->v[i].len == 0)
		return header_error(f, r, i, "a column's name is empty", err);
	if (r->v[i].len > TDS_NAME_MAX)
		return header_error(f, r, i, "a column's name is too long", err);
	name = arena_strndup(f->a, csv_text(r, i), r->v[i].len);
	if (tds_column_find(&f->c->list, name) >= 0) {
		header_error(f, r, i, "a column's name that stands before already", err);
		return err_set(err, ERR_DATA, "%s: '%s'", err->msg, name);
	}
	add_column(f, name);
	return 0;
}

static int empty(const struct finder *f, const char *hint, struct err *err)
{
	err_set(err, ERR_DATA, "%s: the file is empty", csv_reader_file(f->r));
	return err_hint(err, "%s", hint);
}

static int read_header(struct finder *f, struct err *err)
{
	struct csv_record r;
	int rc = csv_reader_header(f->r, &r, err);
	const char **names;

	if (rc < 0)
		return -1;
	if (rc == 0)
		return empty(
			f, "the first line must name the columns (header = no: it does not)", err);
	make_room(f, r.n);
	names = arena_array(f->a, r.n, sizeof(*names));
	for (uint32_t i = 0; i < r.n; i++) {
		if (add_name(f, &r, i, err) < 0)
			return -1;
		names[i] = f->c->list.v[i].name;
	}
	csv_reader_expect(f->r, r.n, "the header has", names);
	return 0;
}

static int unknown_column(const struct finder *f, const char *name, struct err *err)
{
	const struct tds_columns *list = &f->c->list;
	const char **names = arena_array(f->a, list->n, sizeof(*names)), *near;

	for (uint32_t i = 0; i < list->n; i++)
		names[i] = list->v[i].name;
	err_set(err, ERR_CONFIG, "columns: '%s' has no column '%s'", csv_reader_file(f->r), name);
	near = text_nearest(name, names, list->n);
	if (near)
		err_hint(err, "did you mean '%s'?", near);
	return -1;
}

/* Gives the declared columns their types. */
static int apply_declared(struct finder *f, struct err *err)
{
	struct tds_columns declared, *list = &f->c->list;

	if (!f->declared)
		return 0;
	if (parse_declared(f, &declared, err) < 0)
		return -1;
	for (uint32_t i = 0; i < declared.n; i++) {
		int at = tds_column_find(list, declared.v[i].name);
		const char *name;

		if (at < 0)
			return unknown_column(f, declared.v[i].name, err);
		name = list->v[at].name; /* as the file writes it */
		list->v[at] = declared.v[i];
		list->v[at].name = name;
	}
	return 0;
}

/* Without a header the job's columns are all columns, in their order. */
static int declare_all(struct finder *f, struct err *err)
{
	struct tds_columns declared;

	if (parse_declared(f, &declared, err) < 0)
		return -1;
	make_room(f, declared.n);
	for (uint32_t i = 0; i < declared.n; i++)
		f->c->list.v[i] = declared.v[i];
	f->c->list.n = declared.n;
	csv_reader_expect(f->r, declared.n, "'columns' has", NULL);
	return 0;
}

/* Neither a header nor declared columns: as many as the first record has fields. */
static int number_columns(struct finder *f, struct err *err)
{
	struct csv_record r;
	int rc = csv_reader_header(f->r, &r, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return empty(f, "without rows or a header the job must declare its columns", err);
	csv_reader_back(f->r, &r);
	make_room(f, r.n);
	for (uint32_t i = 1; i <= r.n; i++)
		add_column(f, arena_printf(f->a, "column%u", i));
	csv_reader_expect(f->r, r.n, "the first record has", NULL);
	return 0;
}

static void text_column(const char *name, struct tds_column *ret)
{
	*ret = (struct tds_column){
		.name = name, .type = TDS_BIGVARCHAR, .size = TDS_SIZE_MAX, .nullable = false};
	memcpy(ret->collation, tds_collation_utf8, sizeof(ret->collation));
}

static int add_file_column(struct finder *f, struct err *err)
{
	const char *name = f->format->file_column;
	struct tds_columns *list = &f->c->list;

	f->c->fields = list->n;
	if (!*name)
		return 0;
	if (tds_column_find(list, name) >= 0)
		return err_set(err, ERR_CONFIG, "file_column: '%s' has a column '%s' itself",
			csv_reader_file(f->r), name);
	text_column(name, &list->v[list->n++]);
	return 0;
}

static int name_columns(struct finder *f, struct err *err)
{
	if (csv_has_header(f->format)) {
		if (read_header(f, err) < 0 || add_file_column(f, err) < 0)
			return -1;
		return apply_declared(f, err);
	}
	if ((f->declared ? declare_all(f, err) : number_columns(f, err)) < 0)
		return -1;
	return add_file_column(f, err);
}

/* --- types ------------------------------------------------------------------- */

/* No type has size 0; columns that are not declared do until it is inferred. */
static bool has_type(const struct tds_column *c)
{
	return c->size != 0;
}

static bool all_have_types(const struct csv_columns *c)
{
	for (uint32_t i = 0; i < c->fields; i++)
		if (!has_type(&c->list.v[i]))
			return false;
	return true;
}

static void look_at(const struct finder *f, const struct csv_record *r, struct infer *in)
{
	const char *null = f->format->null_text;
	size_t null_len = strlen(null);

	for (uint32_t i = 0; i < r->n; i++) {
		if (has_type(&f->c->list.v[i]))
			continue;
		if (csv_is_null(r, i, null, null_len))
			infer_null(&in[i]);
		else
			infer_value(&in[i], csv_text(r, i), r->v[i].len);
	}
}

/* A stream's first record is looked at however long it is. */
static bool is_enough(const struct finder *f, uint64_t rows)
{
	return csv_reader_is_stream(f->r) && rows &&
	       (rows >= CSV_SAMPLE_ROWS || csv_reader_bytes(f->r) >= CSV_SAMPLE_BYTES);
}

/* Beyond the sample there may be a null in any column. */
static void set_types(struct finder *f, const struct infer *in, bool sampled)
{
	for (uint32_t i = 0; i < f->c->fields; i++) {
		struct tds_column *c = &f->c->list.v[i];

		if (has_type(c))
			continue;
		infer_result(&in[i], c);
		c->nullable |= sampled;
	}
}

static int infer_types(struct finder *f, struct err *err)
{
	struct infer *in = arena_array(f->a, f->c->fields, sizeof(*in));
	struct csv_record r;
	int rc = 1;

	/* those that are declared are not to be checked against a sample */
	for (uint32_t i = 0; i < f->c->fields; i++)
		in[i].text = has_type(&f->c->list.v[i]);
	while (!is_enough(f, f->c->sample) && (rc = csv_reader_next(f->r, &r, err)) > 0) {
		look_at(f, &r, in);
		f->c->sample++;
	}
	if (rc < 0)
		return -1;
	set_types(f, in, rc > 0);
	if (rc > 0)
		f->c->sampled = in;
	return 0;
}

int csv_columns_find(struct csv_reader *r, const char *declared, const struct csv_format *format,
	struct arena *a, struct csv_columns *ret_columns, struct err *err)
{
	struct csv_columns c = {.fields = 0};
	struct finder f = {.r = r, .format = format, .a = a, .c = &c};

	f.declared = declared && *declared ? declared : NULL;
	if (name_columns(&f, err) < 0)
		return -1;
	if (!all_have_types(&c) && (infer_types(&f, err) < 0 || csv_reader_rewind(r, err) < 0))
		return -1;
	*ret_columns = c;
	return 0;
}

int csv_columns_check(
	struct csv_columns *c, const struct csv_record *r, uint32_t i, struct err *err)
{
	struct infer *in = &c->sampled[i];
	struct tds_column now = {.name = NULL}, *was = &c->list.v[i];
	char type[TDS_TYPE_TEXT_MAX];

	if (was->type == TDS_BIGVARCHAR || in->text)
		return 0;
	infer_value(in, csv_text(r, i), r->v[i].len);
	infer_result(in, &now);
	if (now.type == was->type)
		return 0;
	err_set(err, ERR_DATA, ERR_VALUE " is no %s, as the first %llu rows are",
		tds_type_format(was, type), (unsigned long long)c->sample);
	err_value(err, csv_text(r, i), r->v[i].len);
	return err_hint(err,
		"standard input is read once: say the type, as in columns = %s varchar(max)",
		was->name);
}
