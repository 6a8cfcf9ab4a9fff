#include "tests/tdsd/special.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tds/row.h"
#include "tests/tdsd/call.h"
#include "tests/tdsd/huge.h"
#include "tests/tdsd/result.h"
#include "tests/tdsd/shape.h"

#define GENERATE  "tdsd_generate_"
#define SINK      "tdsd_sink"
#define NAMES_MAX 1024

/* --- words ------------------------------------------------------------------------ */

struct words {
	const char *p;
	char word[256]; /* the one that was taken last: a name without brackets, or one character */
	bool quoted;    /* it is no keyword */
};

static bool take(struct words *w)
{
	size_t n = 0;
	char close;

	while (isspace((unsigned char)*w->p))
		w->p++;
	w->quoted = *w->p == '[' || *w->p == '"';
	w->word[0] = w->word[1] = '\0';
	if (!*w->p)
		return false;
	if (w->quoted) {
		close = *w->p++ == '[' ? ']' : '"';
		n = strcspn(w->p, close == ']' ? "]" : "\"");
	} else {
		while (isalnum((unsigned char)w->p[n]) || w->p[n] == '_' || w->p[n] == '#' ||
			w->p[n] == '@')
			n++;
		n = n ? n : 1;
	}
	if (n >= sizeof(w->word))
		return false;
	memcpy(w->word, w->p, n);
	w->word[n] = '\0';
	w->p += n;
	if (w->quoted && *w->p)
		w->p++;
	return true;
}

static bool take_word(struct words *w, const char *word)
{
	struct words was = *w;

	if (take(w) && !w->quoted && strcasecmp(w->word, word) == 0)
		return true;
	*w = was;
	return false;
}

/* The last part of a name with dots: "db.dbo.t" is t. */
static bool take_table(struct words *w)
{
	char last[sizeof(w->word)];

	if (!take(w))
		return false;
	memcpy(last, w->word, sizeof(last));
	while (take_word(w, "."))
		if (take_word(w, "."))
			continue;
		else if (take(w))
			memcpy(last, w->word, sizeof(last));
	memcpy(w->word, last, sizeof(last));
	return true;
}

/* (…), not nested */
static void skip_parentheses(struct words *w)
{
	if (take_word(w, "("))
		while (take(w) && strcmp(w->word, ")") != 0)
			;
}

static bool at_end(struct words *w)
{
	(void)take_word(w, ";");
	return !take(w);
}

/* --- SELECT ----------------------------------------------------------------------- */

struct select {
	const char *names[NAMES_MAX];
	uint32_t n_names;  /* 0: all */
	bool ordered;      /* by id */
	uint64_t top;      /* UINT64_MAX: all */
	uint64_t from, to; /* rows by their id, `to` not among them */
	char table[256];
};

static void take_top(struct words *w, struct select *s)
{
	s->top = UINT64_MAX;
	if (!take_word(w, "TOP"))
		return;
	(void)take_word(w, "(");
	if (take(w))
		s->top = strtoull(w->word, NULL, 10);
	(void)take_word(w, ")");
}

/* Behind CAST: (CAST(CAST(N'min' AS t) AS float) + (CAST(CAST(N'max' … - …) * i / n AS t), a bound between ranges. */
static bool take_cut(struct words *w, int64_t *ret)
{
	int64_t v[5]; /* min, max, min, i, n */
	size_t n = 0;
	int depth = 0;

	do {
		if (!take(w))
			return false;
		depth += (w->word[0] == '(') - (w->word[0] == ')');
		if (isdigit((unsigned char)w->word[0]) && n < ARRAY_LEN(v))
			v[n++] = strtoll(w->word, NULL, 10);
	} while (depth > 0);
	if (n != ARRAY_LEN(v) || v[4] == 0)
		return false;
	*ret = (int64_t)((double)v[0] + (double)(v[1] - v[0]) * (double)v[3] / (double)v[4]);
	return true;
}

/* A number, the parameter of that name, or what cuts ranges. */
static bool take_bound(struct words *w, const struct reply *r, int64_t *ret)
{
	if (take_word(w, "CAST"))
		return take_cut(w, ret);
	if (!take(w) || w->quoted)
		return false;
	if (isdigit((unsigned char)w->word[0])) {
		*ret = strtoll(w->word, NULL, 10);
		return true;
	}
	for (uint32_t i = 0; w->word[0] == '@' && i < r->n_params; i++)
		if (strcasecmp(r->params[i].name, w->word) == 0) {
			*ret = call_int(&r->params[i]);
			return true;
		}
	return false;
}

/* A column's name behind an alias: s.[id] */
static bool take_column(struct words *w)
{
	return take(w) && (!take_word(w, ".") || take(w));
}

/* … OR id IS NULL), which no row is */
static bool take_or_null(struct words *w)
{
	return take_word(w, "OR") && take_column(w) && take_word(w, "IS") && take_word(w, "NULL") &&
	       take_word(w, ")");
}

/* id >= n AND id < n */
static bool take_where(struct words *w, const struct reply *r, struct select *s)
{
	do {
		int64_t bound;
		bool above, equal, exact, open = take_word(w, "(");

		if (!take_column(w) || strcasecmp(w->word, "id") != 0)
			return false;
		exact = take_word(w, "=");
		above = !exact && take_word(w, ">");
		if (!exact && !above && !take_word(w, "<"))
			return false;
		equal = exact || take_word(w, "=");
		if (!take_bound(w, r, &bound) || bound < 0)
			return false;
		if ((above || exact) && s->from < (uint64_t)bound + !equal)
			s->from = (uint64_t)bound + !equal;
		if (!above && s->to > (uint64_t)bound + equal)
			s->to = (uint64_t)bound + equal;
		if (open && !take_word(w, ")") && !take_or_null(w))
			return false;
	} while (take_word(w, "AND"));
	return true;
}

/* s.* */
static bool take_all_of(struct words *w)
{
	struct words was = *w;

	if (take(w) && take_word(w, ".") && take_word(w, "*"))
		return true;
	*w = was;
	return false;
}

/* name [AS alias] [WITH (hints)] */
static bool take_from(struct words *w, struct select *s)
{
	if (!take_table(w))
		return false;
	memcpy(s->table, w->word, sizeof(s->table));
	if (take_word(w, "AS") && !take(w))
		return false;
	if (take_word(w, "WITH"))
		skip_parentheses(w);
	return true;
}

static bool take_select(struct words *w, const struct reply *r, struct select *s)
{
	if (!take_word(w, "SELECT"))
		return false;
	take_top(w, s);
	s->n_names = 0;
	s->from = 0;
	s->to = UINT64_MAX;
	if (!take_word(w, "*") && !take_all_of(w))
		do {
			if (s->n_names == NAMES_MAX || !take_column(w))
				return false;
			s->names[s->n_names++] = arena_strdup(&r->c->scratch, w->word);
		} while (take_word(w, ","));
	if (!take_word(w, "FROM") || !take_from(w, s))
		return false;
	if (take_word(w, "WHERE") && !take_where(w, r, s))
		return false;
	s->ordered = take_word(w, "ORDER");
	return !s->ordered || (take_word(w, "BY") && take(w) && strcasecmp(w->word, "id") == 0);
}

static bool asks_hash(const struct select *s)
{
	return s->n_names == 3 && strcasecmp(s->names[0], "rows") == 0 &&
	       strcasecmp(s->names[1], "bytes") == 0 && strcasecmp(s->names[2], "hash") == 0;
}

/* --- the generator ---------------------------------------------------------------- */

/* Also cuts the rows to those that are there. */
static struct shape *find_shape(struct select *s, struct arena *a)
{
	uint64_t rows;
	char *end;
	struct shape *shape;

	if (strncasecmp(s->table, GENERATE, strlen(GENERATE)) != 0)
		return NULL;
	rows = strtoull(s->table + strlen(GENERATE), &end, 10);
	if (end == s->table + strlen(GENERATE) || *end != '_')
		return NULL;
	s->to = s->to < rows ? s->to : rows;
	s->from = s->from < s->to ? s->from : s->to;
	if (s->to - s->from > s->top)
		s->to = s->from + s->top;
	shape = shape_make(end + 1, a);
	if (shape && s->n_names && !asks_hash(s))
		shape = shape_pick(shape, s->names, s->n_names, a);
	return shape;
}

/* The rows from *at on that stand together: [*first, the result) of the shape's, which are
 * numbered. */
static uint32_t next_rows(struct shape *s, uint64_t *at, uint64_t to, uint32_t *first)
{
	uint64_t base = *at / SHAPE_ROWS * SHAPE_ROWS;
	uint64_t end = to < base + SHAPE_ROWS ? to : base + SHAPE_ROWS;

	shape_number(s, (uint32_t)base);
	*first = (uint32_t)(*at - base);
	*at = end;
	return (uint32_t)(end - base);
}

/* MIN(id), or CAST(MIN(id) AS bigint) */
static bool take_edge(struct words *w, const char *which)
{
	bool cast = take_word(w, "CAST") && take_word(w, "(");

	return take_word(w, which) && take_word(w, "(") && take_column(w) && strcasecmp(w->word, "id") == 0 &&
	       take_word(w, ")") && (!cast || (take_word(w, "AS") && take_word(w, "bigint") && take_word(w, ")")));
}

/* SELECT MIN(id), MAX(id) FROM …: where ranges begin and end. */
static bool run_edges(struct reply *r, struct words *w)
{
	static struct tds_column v[] = {
		{.name = "", .type = TDS_INTN, .size = 8, .nullable = true},
		{.name = "", .type = TDS_INTN, .size = 8, .nullable = true},
	};
	static const struct tds_columns columns = {.v = v, .n = ARRAY_LEN(v)};
	struct select *s = arena_alloc(&r->c->scratch, sizeof(*s));
	uint8_t row[1 + 2 * 9] = {TDS_ROW_TOKEN, 0, 0}, *p = row + 1;

	s->top = s->to = UINT64_MAX;
	if (!take_word(w, "SELECT") || !take_edge(w, "MIN") || !take_word(w, ",") ||
		!take_edge(w, "MAX") || !take_word(w, "FROM") || !take_from(w, s) ||
		(take_word(w, "WHERE") && !take_where(w, r, s)) || !at_end(w) ||
		!find_shape(s, &r->c->scratch))
		return false;
	if (s->from < s->to) {
		*p++ = 8;
		p = tds_put64(p, s->from);
		*p++ = 8;
		p = tds_put64(p, s->to - 1);
	} else {
		p += 2;
	}
	(void)reply_functions.columns(r, &columns);
	(void)reply_functions.row(r, row, (size_t)(p - row));
	(void)reply_functions.done(r, REPLY_SELECT, true, 1, false);
	return true;
}

static void hash_rows(struct reply *r, struct shape *s, const struct select *select)
{
	struct sink_load load;
	struct sink_hash h;
	uint32_t first;

	sink_begin(&load, NULL, &s->columns);
	for (uint64_t at = select->from; at < select->to;) {
		uint32_t end = next_rows(s, &at, select->to, &first);

		for (uint32_t i = first; i < end; i++)
			sink_row(&load, s->data + s->start[i], s->start[i + 1] - s->start[i]);
	}
	h = (struct sink_hash){.rows = load.rows, .bytes = load.bytes, .hash = load.hash};
	sink_release(&load);
	sink_put_hash(r, &h);
}

static void generate(struct reply *r, struct shape *s, const struct select *select)
{
	struct conn *c = r->c;
	enum nbc_policy nbc = c->server->options->nbc;
	uint32_t first;
	int by;

	if (c->level >= TDS_7_3B && (nbc == NBC_ALWAYS || (nbc == NBC_AUTO && s->nulls)))
		s = shape_nbc(s, nbc, &c->scratch);
	if (reply_functions.columns(r, &s->columns) < 0)
		return;
	if (select->ordered && (by = tds_column_find(&s->columns, "id")) >= 0)
		token_order(&c->wire, &(uint16_t){(uint16_t)(by + 1)}, 1);
	for (uint64_t at = select->from; at < select->to;) {
		uint32_t end = next_rows(s, &at, select->to, &first);

		for (uint32_t i = first; r->older && i < end; i++)
			(void)reply_functions.row(
				r, s->data + s->start[i], s->start[i + 1] - s->start[i]);
		if (!r->older)
			wire_put(&c->wire, s->data + s->start[first],
				s->start[end] - s->start[first]);
		if (reply_functions.cancelled(r))
			return;
	}
	(void)reply_functions.done(r, REPLY_SELECT, true, select->to - select->from, false);
}

/* "tdsd_sink_<shape>" has that shape's columns, and never a row. */
static struct shape *sink_shape(const char *table, struct arena *a)
{
	const char *name = table + strlen(SINK);
	size_t len;

	if (!sink_is_name(table) || *name != '_')
		return NULL;
	len = strcspn(name + 1, "_");
	return shape_make(arena_strndup(a, name + 1, len), a);
}

/* SET FMTONLY ON SELECT … SET FMTONLY OFF: the columns alone. */
static bool run_format_only(struct reply *r, struct words *w)
{
	struct select *s = arena_alloc(&r->c->scratch, sizeof(*s));
	struct shape *shape;

	if (!take_word(w, "FMTONLY") || !take_word(w, "ON") || !take_select(w, r, s) ||
		!take_word(w, "SET") || !take_word(w, "FMTONLY") || !take_word(w, "OFF") ||
		!at_end(w))
		return false;
	shape = find_shape(s, &r->c->scratch);
	if (!shape)
		shape = sink_shape(s->table, &r->c->scratch);
	if (!shape)
		return false;
	s->from = s->to = 0;
	generate(r, shape, s);
	return true;
}

static bool run_select(struct reply *r, struct words *w)
{
	struct select *s = arena_alloc(&r->c->scratch, sizeof(*s));
	struct sink_hash h;
	struct shape *shape;

	if (!take_select(w, r, s) || !at_end(w))
		return false;
	if (sink_is_name(s->table) && asks_hash(s)) {
		sink_read(sinks_get(&r->c->server->sinks, s->table), &h);
		sink_put_hash(r, &h);
		return true;
	}
	if (huge_run(r, s->table, asks_hash(s)))
		return true;
	shape = find_shape(s, &r->c->scratch);
	if (!shape) {
		shape = sink_shape(s->table, &r->c->scratch);
		s->from = s->to = 0;
	}
	if (!shape)
		return false;
	if (asks_hash(s))
		hash_rows(r, shape, s);
	else
		generate(r, shape, s);
	return true;
}

/* --- sinks ------------------------------------------------------------------------ */

static bool announce_load(struct reply *r, struct words *w)
{
	if (!take_word(w, "BULK") || !take_table(w) || !sink_is_name(w->word))
		return false;
	r->c->sink = sinks_get(&r->c->server->sinks, w->word);
	(void)reply_functions.done(r, 0, false, 0, false);
	return true;
}

static bool truncate_sink(struct reply *r, struct words *w)
{
	if (!take_word(w, "TABLE") || !take_table(w) || !sink_is_name(w->word))
		return false;
	sink_truncate(sinks_get(&r->c->server->sinks, w->word));
	(void)reply_functions.done(r, REPLY_TRUNCATE, false, 0, false);
	return true;
}

bool special_run(struct reply *r, const char *sql)
{
	struct words w = {.p = sql};

	if (take_word(&w, "INSERT"))
		return announce_load(r, &w);
	if (take_word(&w, "TRUNCATE"))
		return truncate_sink(r, &w);
	if (take_word(&w, "SET"))
		return run_format_only(r, &w);
	if (run_edges(r, &w))
		return true;
	w.p = sql;
	return run_select(r, &w);
}
