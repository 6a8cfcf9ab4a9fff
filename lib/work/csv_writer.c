#include "work/csv_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tds/convert.h"
#include "tds/row.h"
#include "work/csv_syntax.h"

#define VALUE_MAX (SIZE_MAX / 4) /* a value's own limit is below: TDS_PLP_MAX */

/* What a byte is to a field. */
enum { ORDINARY, NEEDS_QUOTES, NEEDS_ESCAPE };

struct csv_writer {
	const struct tds_columns *cols;
	struct csv_syntax syntax;
	const char *null;
	size_t null_len;
	const char *line_end;
	uint8_t class[256];
	struct tds_column text, bytes; /* text is what every column becomes */
	struct tds_conversion *conversions;
	struct tds_conversion blob; /* of TDS_SQLITE, whatever the column is */
	size_t *fields;             /* of the last row in its buffer */
	struct buf joined, scratch;
	struct digest *digest;
	struct buf cells;
};

static void classify(struct csv_writer *w)
{
	const struct csv_syntax *s = &w->syntax;

	w->class['\n'] = w->class['\r'] = NEEDS_QUOTES;
	w->class[(uint8_t)s->delimiter] = NEEDS_QUOTES;
	if (s->quote)
		w->class[(uint8_t)s->quote] = NEEDS_ESCAPE;
	if (s->escape)
		w->class[(uint8_t)s->escape] = NEEDS_ESCAPE;
	if (!s->quote && s->escape)
		w->class[(uint8_t)s->delimiter] = NEEDS_ESCAPE;
}

static int plan_columns(struct csv_writer *w, struct err *err)
{
	w->text = (struct tds_column){
		.name = "", .type = TDS_BIGVARCHAR, .size = TDS_SIZE_MAX, .nullable = true};
	memcpy(w->text.collation, tds_collation_utf8, sizeof(w->text.collation));
	w->bytes = (struct tds_column){.name = "", .type = TDS_BIGVARBINARY, .size = TDS_SIZE_MAX};
	if (tds_conversion_init(&w->blob, &w->bytes, &w->text, err) < 0)
		return -1;
	for (uint32_t i = 0; i < w->cols->n; i++)
		if (tds_conversion_init(&w->conversions[i], &w->cols->v[i], &w->text, err) < 0)
			return err_wrap(err, "column '%s'", w->cols->v[i].name);
	return 0;
}

int csv_writer_new(const struct tds_columns *cols, const struct csv_format *format,
	struct digest *digest, struct csv_writer **ret_writer, struct err *err)
{
	struct csv_writer *w = mem_alloc(sizeof(*w));

	w->cols = cols;
	w->null = format->null_text;
	w->null_len = strlen(w->null);
	w->line_end = strcmp(format->line_end, "lf") == 0 ? "\n" : "\r\n";
	w->conversions = mem_array(cols->n ? cols->n : 1, sizeof(*w->conversions));
	w->fields = mem_array(cols->n ? cols->n : 1, sizeof(*w->fields));
	w->digest = digest;
	buf_init(&w->joined, VALUE_MAX);
	buf_init(&w->scratch, VALUE_MAX);
	buf_init(&w->cells, VALUE_MAX);
	if (csv_syntax_of(format, &w->syntax, err) < 0 || plan_columns(w, err) < 0) {
		csv_writer_free(w);
		return -1;
	}
	classify(w);
	*ret_writer = w;
	return 0;
}

void csv_writer_free(struct csv_writer *w)
{
	if (!w)
		return;
	free(w->conversions);
	free(w->fields);
	buf_release(&w->joined);
	buf_release(&w->scratch);
	buf_release(&w->cells);
	free(w);
}

/* --- fields ------------------------------------------------------------------ */

static unsigned classes_of(const struct csv_writer *w, const uint8_t *text, size_t len)
{
	unsigned found = 0;

	for (size_t i = 0; i < len; i++)
		found |= w->class[text[i]];
	return found;
}

static bool is_null_text(const struct csv_writer *w, const uint8_t *text, size_t len)
{
	return len == w->null_len && memcmp(text, w->null, len) == 0;
}

/* A byte order mark would be passed over at the beginning of the file. */
static bool is_mark(const uint8_t *text, size_t len)
{
	return len >= 3 && text[0] == 0xEF && text[1] == 0xBB && text[2] == 0xBF;
}

/* Most are single bytes, and a function for each is what a row would spend its time on. */
static inline void add_char(struct buf *out, char c)
{
	if (out->len + 1 < out->cap)
		out->data[out->len++] = c;
	else
		buf_addc(out, c);
}

static inline void add_text(struct buf *out, const uint8_t *text, size_t len)
{
	if (out->len + len >= out->cap)
		buf_room(out, len);
	tds_put_bytes((uint8_t *)out->data + out->len, text, (uint32_t)len);
	out->len += len;
}

static void put_quoted(const struct csv_writer *w, const uint8_t *text, size_t len,
	unsigned classes, struct buf *out)
{
	uint8_t quote = (uint8_t)w->syntax.quote;
	uint8_t before = (uint8_t)(w->syntax.escape ? w->syntax.escape : quote);
	uint8_t *to = (uint8_t *)buf_room(out, 2 * len + 2), *at = to;

	*at++ = quote;
	if (classes & NEEDS_ESCAPE)
		for (size_t i = 0; i < len; i++) {
			if (w->class[text[i]] == NEEDS_ESCAPE)
				*at++ = before;
			*at++ = text[i];
		}
	else
		at = tds_put_bytes(at, text, (uint32_t)len);
	*at++ = quote;
	buf_advance(out, (size_t)(at - to));
}

static int cannot(
	const char *what, const char *hint, const uint8_t *text, size_t len, struct err *err)
{
	err_set(err, ERR_DATA, ERR_VALUE " %s, and quote = none", what);
	err_value(err, (const char *)text, len);
	return err_hint(err, "%s", hint);
}

static int put_without_quotes(const struct csv_writer *w, const uint8_t *text, size_t len,
	struct buf *out, struct err *err)
{
	if (is_null_text(w, text, len))
		return cannot("is the null text", "choose another null text", text, len, err);
	for (size_t i = 0; i < len; i++) {
		if (w->class[text[i]] == NEEDS_QUOTES)
			return cannot("has a delimiter or a line end",
				"choose a quote, or an escape", text, len, err);
		if (w->class[text[i]] == NEEDS_ESCAPE)
			buf_addc(out, w->syntax.escape);
		buf_addc(out, (char)text[i]);
	}
	return 0;
}

static int put_text(const struct csv_writer *w, const uint8_t *text, size_t len, struct buf *out,
	struct err *err)
{
	unsigned classes = classes_of(w, text, len);

	if (!w->syntax.quote)
		return put_without_quotes(w, text, len, out, err);
	if (classes || is_null_text(w, text, len) || is_mark(text, len)) {
		put_quoted(w, text, len, classes, out);
		return 0;
	}
	add_text(out, text, len);
	return 0;
}

/* Numbers and times are printed at once; the table of conversions knows the rest. */
static bool print(const struct csv_writer *w, uint32_t i, const struct tds_value *v, char *out,
	size_t *ret_len)
{
	static const struct tds_column integer = {.name = "", .type = TDS_INTN, .size = 8};
	static const struct tds_column real = {.name = "", .type = TDS_FLTN, .size = 8};
	const struct tds_column *c = &w->cols->v[i];

	if (v->kind == TDS_INT)
		*ret_len = tds_value_print(c->type == TDS_SQLITE ? &integer : c, v, out);
	else if (v->kind == TDS_REAL && isfinite(v->r))
		*ret_len = tds_value_print(c->type == TDS_SQLITE ? &real : c, v, out);
	else if (v->kind == TDS_DECIMAL || v->kind == TDS_TIME)
		*ret_len = tds_value_print(c, v, out);
	else
		return false;
	return true;
}

/* Text is itself; *ret is within the value, `room` or the scratch. */
static int to_text(struct csv_writer *w, uint32_t i, const struct tds_value *v,
	char room[TDS_PRINT_MAX], struct tds_value *ret, struct err *err)
{
	const struct tds_column *c = &w->cols->v[i];
	bool blob = v->kind == TDS_BLOB && c->type == TDS_SQLITE;
	const struct tds_conversion *plan = blob ? &w->blob : &w->conversions[i];
	size_t len;

	if (plan->verdict == TDS_SAME) {
		*ret = *v;
		return 0;
	}
	if (print(w, i, v, room, &len)) {
		*ret = (struct tds_value){
			.kind = TDS_TEXT, .s = {(const uint8_t *)room, (uint32_t)len}};
		return 0;
	}
	buf_reset(&w->scratch);
	return tds_conversion_apply(plan, v, &w->scratch, ret, NULL, err);
}

static int put_value(struct csv_writer *w, uint32_t i, const struct tds_value *v, struct buf *out,
	struct err *err)
{
	struct tds_value text = {.kind = TDS_NULL};
	char room[TDS_PRINT_MAX];

	if (v->kind != TDS_NULL && to_text(w, i, v, room, &text, err) < 0)
		return -1;
	if (w->digest)
		csv_digest_cell(&w->cells, text.kind == TDS_NULL,
			text.kind == TDS_NULL ? NULL : text.s.data,
			text.kind == TDS_NULL ? 0 : text.s.len);
	if (text.kind != TDS_NULL)
		return put_text(w, text.s.data, text.s.len, out, err);
	buf_add(out, w->null, w->null_len);
	return 0;
}

/* --- records ----------------------------------------------------------------- */

int csv_writer_header(struct csv_writer *w, struct buf *out, struct err *err)
{
	for (uint32_t i = 0; i < w->cols->n; i++) {
		const char *name = w->cols->v[i].name;

		if (i)
			buf_addc(out, w->syntax.delimiter);
		if (put_text(w, (const uint8_t *)name, strlen(name), out, err) < 0)
			return err_wrap(err, "the name of column %u", i + 1);
	}
	buf_adds(out, w->line_end);
	return 0;
}

/* Passes over the columns from `i` on. */
static int skip(
	struct csv_writer *w, uint32_t i, const uint8_t **p, const uint8_t *end, struct err *err)
{
	struct tds_value v;

	for (; i < w->cols->n; i++)
		if (tds_decode(p, end, &w->cols->v[i], &w->joined, &v, err) < 0)
			return -1;
	return 0;
}

/* Of the row only this value is wrong: what follows it is passed over. */
static int refuse(struct csv_writer *w, uint32_t i, const uint8_t **p, const uint8_t *end,
	uint32_t *ret_column, struct err *err)
{
	struct err other = ERR_INIT;

	*ret_column = i;
	buf_reset(&w->cells);
	if (skip(w, i + 1, p, end, &other) < 0)
		*err = other;
	return -1;
}

int csv_writer_row(struct csv_writer *w, const uint8_t **p, const uint8_t *end, struct buf *out,
	uint32_t *ret_column, struct err *err)
{
	size_t begin = out->len;
	struct tds_value v;

	*ret_column = 0;
	if (*p == end || **p != TDS_ROW_TOKEN)
		return err_set(err, ERR_INTERNAL, "the batch does not hold whole rows");
	++*p;
	for (uint32_t i = 0; i < w->cols->n; i++) {
		if (tds_decode(p, end, &w->cols->v[i], &w->joined, &v, err) < 0)
			return -1;
		if (i)
			add_char(out, w->syntax.delimiter);
		w->fields[i] = out->len;
		if (put_value(w, i, &v, out, err) < 0) {
			out->len = begin;
			return refuse(w, i, p, end, ret_column, err);
		}
	}
	buf_adds(out, w->line_end);
	if (w->digest)
		csv_digest_row(w->digest, &w->cells);
	return 0;
}

uint32_t csv_writer_n(const struct csv_writer *w)
{
	return w->cols->n;
}

size_t csv_writer_field(const struct csv_writer *w, uint32_t column)
{
	return w->fields[column];
}

void csv_digest_cell(struct buf *cells, bool null, const void *text, size_t len)
{
	uint32_t size = htole32(null ? UINT32_MAX : (uint32_t)len);

	buf_add(cells, &size, sizeof(size));
	if (!null)
		buf_add(cells, text, len);
}

void csv_digest_row(struct digest *d, struct buf *cells)
{
	digest_add(d, NULL, 0, buf_str(cells), cells->len);
	buf_reset(cells);
}
