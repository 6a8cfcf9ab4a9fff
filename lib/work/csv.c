#include "work/csv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "work/csv_find.h"

#define BOM_SIZE 3
#define EXPECT_ANY 0

enum state {
	PLAIN,  /* at the beginning of a field or in one without quotes */
	QUOTED, /* behind the opening quote */
	CLOSED, /* behind a quote that closes the field, or is the first of two */
};

/*
 * Positions are offsets into `data`. The bytes of an unfinished record stay as
 * they came (doubled quotes are undone when it is complete), so that an error's
 * line and column can be counted when there is one, and only then.
 */
struct csv {
	uint8_t *data;
	size_t cap;   /* CSV_FIND_BLOCK bytes more are allocated, for reads past the end */
	size_t start; /* of the record */
	size_t pos;   /* everything before it was looked at */
	size_t valid; /* good UTF-8 up to here */
	size_t end;   /* of the data */
	size_t field; /* of the current field's text */
	size_t close; /* CLOSED: the quote */
	size_t stop;  /* going on past it breaks a limit */
	size_t literal; /* an escape stands before it */
	enum state state;
	bool begun, ended;
	bool after_cr;   /* an LF that comes first belongs to the record before */
	bool multiline;  /* the record has line ends in quotes */
	bool doubled;    /* the record has doubled quotes */
	bool escaped;    /* the record has escapes */
	const char *why; /* csv_end_bad */
	uint64_t line;   /* where the record begins */
	uint64_t blank;  /* a blank line that is wrong unless it is the last; 0: none */
	uint32_t n;      /* fields so far; those beyond CSV_FIELDS_MAX are only counted */
	uint32_t expected;
	const char *who; /* has as many */
	bool passed_over; /* see csv.h */
	uint32_t max_field, max_record;
	uint8_t delimiter, quote, escape;
	struct csv_field *fields;
};

static bool is_syntax(const struct csv_syntax *s)
{
	const char c[] = {s->delimiter, s->quote, s->escape};

	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		if ((unsigned char)c[i] >= 0x80 || c[i] == '\n' || c[i] == '\r' ||
			(c[i] && c[i] == c[(i + 1) % ARRAY_LEN(c)]))
			return false;
	return s->delimiter && s->max_field >= 1 && s->max_field <= CSV_FIELD_MAX;
}

struct csv *csv_new(const struct csv_syntax *syntax)
{
	struct csv *c = mem_alloc(sizeof(*c));

	assert(is_syntax(syntax));
	c->delimiter = (uint8_t)syntax->delimiter;
	c->quote = (uint8_t)syntax->quote;
	c->escape = (uint8_t)syntax->escape;
	c->max_field = syntax->max_field;
	c->max_record = c->max_field * CSV_RECORD_FIELDS;
	if (c->max_record < CSV_RECORD_MIN)
		c->max_record = CSV_RECORD_MIN;
	c->fields = mem_array(CSV_FIELDS_MAX, sizeof(*c->fields));
	c->cap = 2 * CSV_BLOCK;
	c->data = mem_alloc(c->cap + CSV_FIND_BLOCK);
	csv_reset(c);
	return c;
}

void csv_free(struct csv *c)
{
	if (!c)
		return;
	free(c->fields);
	free(c->data);
	free(c);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline void begin_field(struct csv *c, size_t at)
{
	c->state = PLAIN;
	c->field = at;
	c->stop = smaller(at + c->max_field, c->start + c->max_record);
}

static void begin_record(struct csv *c, size_t at)
{
	c->start = c->pos = at;
	c->n = 0;
	c->multiline = c->doubled = c->escaped = false;
	begin_field(c, at);
}

void csv_reset(struct csv *c)
{
	c->valid = c->end = 0;
	c->begun = c->ended = c->after_cr = false;
	c->why = NULL;
	c->line = 1;
	c->blank = 0;
	c->expected = EXPECT_ANY;
	c->passed_over = false;
	c->literal = SIZE_MAX;
	begin_record(c, 0);
}

void csv_expect(struct csv *c, uint32_t n, const char *who)
{
	c->expected = n;
	c->who = who;
}

/* --- data -------------------------------------------------------------------- */

static void move_to_front(struct csv *c)
{
	size_t by = c->start;

	memmove(c->data, c->data + by, c->end - by);
	c->start = 0;
	c->pos -= by;
	c->valid -= by;
	c->end -= by;
	c->field -= by;
	c->close -= by; /* means something in CLOSED only */
	c->literal -= by;
	c->stop -= by;
}

char *csv_room(struct csv *c, size_t *ret_size)
{
	size_t cap = c->cap;

	if (c->start)
		move_to_front(c);
	if (c->cap - c->end < CSV_BLOCK) {
		c->cap *= 2;
		c->data = mem_grow(c->data, c->cap + CSV_FIND_BLOCK, 1);
		memset(c->data + cap + CSV_FIND_BLOCK, 0, c->cap - cap);
	}
	*ret_size = c->cap - c->end;
	return (char *)c->data + c->end;
}

void csv_add(struct csv *c, size_t n)
{
	assert(!c->ended && n <= c->cap - c->end);
	c->end += n;
	c->valid += utf8_span(c->data + c->valid, c->end - c->valid);
}

void csv_end(struct csv *c)
{
	c->ended = true;
}

void csv_end_bad(struct csv *c, const char *why)
{
	c->ended = true;
	c->why = why;
}

/* --- places and errors ------------------------------------------------------- */

/* Counts the line ends of text: LF, CRLF, CR. *ret_last is behind the last one (0: none). */
static uint32_t count_lines(const uint8_t *text, size_t len, size_t *ret_last)
{
	uint32_t n = 0;

	*ret_last = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n' && text[i] != '\r')
			continue;
		if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n')
			i++;
		n++;
		*ret_last = i + 1;
	}
	return n;
}

static void locate(const uint8_t *record, uint64_t line, size_t at, uint64_t *ret_line,
	uint64_t *ret_column)
{
	size_t begin;

	*ret_line = line + count_lines(record, at, &begin);
	*ret_column = utf8_count(record + begin, at - begin) + 1;
}

void csv_locate(const struct csv_record *r, uint32_t field, uint64_t *ret_line,
	uint64_t *ret_column)
{
	size_t at = r->v[field].off - r->v[field].quoted;

	locate((const uint8_t *)r->base, r->line, at, ret_line, ret_column);
}

/* "line 7, column 12: …" */
static int fail_at(const struct csv *c, size_t at, enum err_code code, const char *what,
	struct err *err)
{
	uint64_t line, column;

	locate(c->data + c->start, c->line, at - c->start, &line, &column);
	return err_set(err, code, "line %llu, column %llu: %s", (unsigned long long)line,
		(unsigned long long)column, what);
}

/* A blank line, and others follow. */
static int wrong_blank(struct csv *c, struct err *err)
{
	err_set(err, ERR_DATA, "line %llu, column 1: 1 field, %s %u", (unsigned long long)c->blank,
		c->who, c->expected);
	c->blank = 0;
	c->passed_over = true;
	return err_value(err, "", 0);
}

/* At the first field that is too many, or behind the last one. */
static int wrong_count(const struct csv *c, struct err *err)
{
	bool many = c->n > c->expected && c->expected < CSV_FIELDS_MAX;
	const struct csv_field *f = &c->fields[many ? c->expected : smaller(c->n, CSV_FIELDS_MAX) - 1];
	size_t at = c->start + f->off + (many ? 0 : f->len + f->quoted) - (many && f->quoted);
	char what[64 + 64];

	snprintf(what, sizeof(what), "%u field%s, %.64s %u", c->n, c->n == 1 ? "" : "s", c->who,
		c->expected);
	return fail_at(c, at, ERR_DATA, what, err);
}

static int too_long(const struct csv *c, struct err *err)
{
	size_t opening = c->field - (c->state != PLAIN);

	if (c->field + c->max_field > c->start + c->max_record)
		return err_set(err, ERR_LIMIT, "line %llu: a record of more than %u bytes",
			(unsigned long long)c->line, c->max_record);
	fail_at(c, opening, ERR_LIMIT, "a field is longer than", err);
	err_set(err, ERR_LIMIT, "%s the limit of %u bytes", err->msg, c->max_field);
	if (c->state == QUOTED)
		return err_hint(err,
			"is the quote closed where it should be? if so, raise max_field");
	return err_hint(err, "raise max_field");
}

static int text_after_quote(const struct csv *c, struct err *err)
{
	fail_at(c, c->close + 1, ERR_DATA, "text after a closing quote", err);
	return err_hint(err, "a quote within quotes is written twice");
}

static int bad_byte(const struct csv *c, struct err *err)
{
	char what[64];

	if (c->valid == c->end)
		return fail_at(c, c->end, ERR_DATA, c->why, err);
	if (c->data[c->valid] == 0)
		return fail_at(c, c->valid, ERR_DATA, "a NUL byte", err);
	snprintf(what, sizeof(what), "byte 0x%02x is not valid UTF-8", c->data[c->valid]);
	fail_at(c, c->valid, ERR_DATA, what, err);
	return err_hint(err, "is it in another encoding? encoding = windows-1252, utf-16, ...");
}

/* --- records ----------------------------------------------------------------- */

/* The field's text ends at `at`. */
static inline void end_field(struct csv *c, size_t at, bool quoted)
{
	if (c->n < CSV_FIELDS_MAX) {
		struct csv_field *f = &c->fields[c->n];

		f->off = (uint32_t)(c->field - c->start);
		f->len = (uint32_t)(at - c->field);
		f->line = 0;
		f->quoted = quoted;
		f->doubled = (quoted && c->doubled) || c->escaped;
	}
	c->n++;
}

/* A delimiter or line end behind the field's text, which ends at `text_end`. */
static inline int separator(struct csv *c, size_t at, size_t text_end, bool quoted)
{
	uint8_t byte = c->data[at];

	end_field(c, text_end, quoted);
	if (byte == c->delimiter) {
		begin_field(c, at + 1);
		return 0;
	}
	c->after_cr = byte == '\r';
	c->pos = at + 1;
	return 1;
}

static inline int in_plain(struct csv *c, size_t at, struct err *err)
{
	if (__builtin_expect(at > c->stop, 0))
		return too_long(c, err);
	if (c->data[at] != c->quote)
		return separator(c, at, at, false);
	if (at == c->field) {
		c->state = QUOTED;
		c->field++;
		c->stop++;
	}
	return 0;
}

static inline int in_quotes(struct csv *c, size_t at, struct err *err)
{
	uint8_t byte = c->data[at];

	if (__builtin_expect(at > c->stop, 0))
		return too_long(c, err);
	if (byte == c->quote) {
		c->state = CLOSED;
		c->close = at;
	} else if (byte != c->delimiter) {
		c->multiline = true;
	}
	return 0;
}

static inline int behind_quote(struct csv *c, size_t at, struct err *err)
{
	uint8_t byte = c->data[at];

	if (at > c->close + 1 || (c->escape && byte == c->escape))
		return text_after_quote(c, err);
	if (byte != c->quote)
		return separator(c, at, c->close, true);
	c->doubled = true;
	c->state = QUOTED;
	return 0;
}

/* An escape, or what one takes the meaning off: the byte means nothing to the record. */
static inline bool is_literal(struct csv *c, size_t at)
{
	uint8_t byte = c->data[at];

	if (at == c->literal && byte != '\n' && byte != '\r') {
		c->escaped = true;
		return true;
	}
	if (byte != c->escape)
		return false;
	c->literal = at + 1;
	return true;
}

/* Goes over the data; 1: a record is complete and `pos` behind it, 0: no more data, -1: error. */
static inline __attribute__((always_inline)) int scan_with(
	struct csv *c, bool escapes, struct err *err)
{
	struct csv_find f =
		csv_find_init((char)c->delimiter, (char)c->quote, (char)c->escape);
	size_t pos = c->pos;

	while (pos < c->valid) {
		uint64_t bits = csv_find(&f, c->data + pos, escapes);

		if (c->valid - pos < CSV_FIND_BLOCK)
			bits &= (UINT64_C(1) << (c->valid - pos)) - 1;
		for (; bits; bits &= bits - 1) {
			size_t at = pos + (size_t)__builtin_ctzll(bits);
			int rc;

			if (escapes && c->state != CLOSED && at <= c->stop && is_literal(c, at))
				continue;
			if (c->state == PLAIN)
				rc = in_plain(c, at, err);
			else if (c->state == QUOTED)
				rc = in_quotes(c, at, err);
			else
				rc = behind_quote(c, at, err);
			if (rc)
				return rc;
		}
		pos += CSV_FIND_BLOCK;
	}
	c->pos = c->valid;
	return 0;
}

static int scan(struct csv *c, struct err *err)
{
	return c->escape ? scan_with(c, true, err) : scan_with(c, false, err);
}

/* All good data was looked at and the record is not complete: what now? As scan. */
static int at_end(struct csv *c, struct err *err)
{
	if (c->state == CLOSED && c->valid > c->close + 1)
		return text_after_quote(c, err);
	if (c->state != CLOSED && c->valid > c->stop)
		return too_long(c, err);
	if (c->valid < c->end && (c->ended || !utf8_is_cut(c->data + c->valid, c->end - c->valid)))
		return bad_byte(c, err);
	if (!c->ended)
		return 0;
	if (c->why)
		return bad_byte(c, err);
	if (c->state == QUOTED)
		return fail_at(c, c->field - 1, ERR_DATA,
			"the quote that opens here is never closed", err);
	if (c->end == c->start)
		return 0;
	end_field(c, c->state == CLOSED ? c->close : c->end, c->state == CLOSED);
	return 1;
}

static bool is_special(const struct csv *c, uint8_t byte)
{
	return byte == c->delimiter || (byte && (byte == c->quote || byte == c->escape));
}

/* Makes doubled quotes single and takes escapes away. As many bytes become free at the end: they are
 * made quotes, so that the characters of the line can still be counted. */
static void undouble(const struct csv *c, uint8_t *text, struct csv_field *f)
{
	uint32_t to = 0;

	for (uint32_t from = 0; from < f->len; from++) {
		if (f->quoted && text[from] == c->quote)
			from++;
		else if (c->escape && text[from] == c->escape && from + 1 < f->len)
			from += is_special(c, text[from + 1]);
		text[to++] = text[from];
	}
	memset(text + to, '"', f->len - to);
	f->len = to;
}

/* What is left to do for the fields of records that have doubled quotes or line ends in quotes. */
static uint32_t finish_fields(struct csv *c, uint32_t n)
{
	uint8_t *base = c->data + c->start;
	uint32_t lines = 0;
	size_t unused;

	for (uint32_t i = 0; i < n; i++) {
		struct csv_field *f = &c->fields[i];

		f->line = lines;
		if (c->multiline && f->quoted)
			lines += count_lines(base + f->off, f->len, &unused);
		if (f->doubled)
			undouble(c, base + f->off, f);
	}
	return lines;
}

/* Lines that were not made of known fields could not be counted. */
static int pass_over(struct csv *c, struct err *err)
{
	const struct csv_field *last;

	wrong_count(c, err);
	if (c->n > CSV_FIELDS_MAX)
		return -1;
	last = &c->fields[c->n - 1];
	err_value(err, (const char *)c->data + c->start, last->off + last->len + last->quoted);
	if (c->multiline)
		c->line += finish_fields(c, c->n);
	c->line++;
	begin_record(c, c->pos);
	c->passed_over = true;
	return -1;
}

static int finish_record(struct csv *c, struct csv_record *ret, struct err *err)
{
	uint32_t n = c->n < CSV_FIELDS_MAX ? c->n : CSV_FIELDS_MAX, lines = 0;

	if (c->expected != EXPECT_ANY && c->n != c->expected)
		return pass_over(c, err);
	if (c->n > CSV_FIELDS_MAX)
		return err_set(err, ERR_LIMIT, "line %llu: more than %u fields",
			(unsigned long long)c->line, CSV_FIELDS_MAX);
	*ret = (struct csv_record){
		.base = (const char *)c->data + c->start,
		.v = c->fields,
		.n = n,
		.size = (uint32_t)(c->pos - c->start),
		.line = c->line,
	};
	if (c->multiline || c->doubled || c->escaped)
		lines = finish_fields(c, n);
	c->line += lines + 1;
	begin_record(c, c->pos);
	return 0;
}

/* Passes over what stands before a record: the byte order mark, the LF of a CRLF. */
static void skip_before(struct csv *c)
{
	static const uint8_t bom[BOM_SIZE] = {0xEF, 0xBB, 0xBF};

	if (c->valid == c->start || c->pos > c->start)
		return;
	if (!c->begun && c->valid >= BOM_SIZE && memcmp(c->data, bom, BOM_SIZE) == 0)
		begin_record(c, BOM_SIZE);
	c->begun = true;
	if (c->after_cr && c->start < c->valid && c->data[c->start] == '\n')
		begin_record(c, c->start + 1);
	c->after_cr = false;
}

int csv_next(struct csv *c, struct csv_record *ret, struct err *err)
{
	int rc;

	c->passed_over = false;
	for (;;) {
		if (c->after_cr || !c->begun)
			skip_before(c);
		if (c->blank && c->start < c->end)
			return wrong_blank(c, err);
		rc = scan(c, err);
		if (rc == 0)
			rc = at_end(c, err);
		if (rc <= 0)
			return rc;
		if (c->expected <= 1 || c->n != 1 || c->fields[0].quoted || c->fields[0].len)
			break;
		c->blank = c->line++;
		begin_record(c, c->pos);
	}
	return finish_record(c, ret, err) < 0 ? -1 : 1;
}

bool csv_passed_over(const struct csv *c)
{
	return c->passed_over;
}
