#include "unit/tdsd/support/asked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tds/declare.h"
#include "tests/tdsd/engine_value.h"
#include "tests/tdsd/tsql_parse.h"

#define TEXT_MAX (16u * 1024 * 1024)

static void show_value(
	struct asked *a, const struct tds_column *c, const uint8_t **p, const uint8_t *end)
{
	struct err err = ERR_INIT;
	struct cell v;
	const char *text;
	size_t len;
	struct tds_column nullable = *c;

	if (cell_decode(c, p, end, &a->arena, &v, &err))
		fail_msg("%s: %s", c->name, err.msg);
	nullable.type = tds_type_base(c->type);
	if (v.kind == CELL_NULL) {
		buf_adds(&a->text, "NULL");
		return;
	}
	if (nullable.type == TDS_FLTN) {
		struct tds_value real = cell_load(&nullable, &v);
		char out_text[TDS_PRINT_MAX];

		buf_add(&a->text, out_text, tds_value_print(&nullable, &real, out_text));
		return;
	}
	text = cell_print(&nullable, &v, nullable.type == TDS_DATETIMN ? 121 : -1, &a->arena, &len);
	buf_add(&a->text, text, len);
}

static int on_columns(void *arg, const struct tds_columns *columns)
{
	struct asked *a = arg;

	a->columns.n = columns->n;
	a->columns.v = arena_array(&a->arena, columns->n + 1, sizeof(*a->columns.v));
	for (uint32_t i = 0; i < columns->n; i++) {
		struct tds_column *c = &a->columns.v[i], shown;

		*c = columns->v[i];
		c->name = arena_strdup(&a->arena, c->name);
		shown = *c;
		if (tds_form(c) == TDS_FORM_FIXED)
			shown.type = tds_type_base(c->type);
		buf_printf(&a->text, "%s%s%s%s%s%s", i ? ", " : "", c->name, *c->name ? " " : "",
			engine_type_print(&shown, &a->arena), c->nullable ? "" : "!",
			c->identity ? " identity" : "");
		/* null or not is seen in the form of the type, too */
		if (!c->nullable && tds_form(c) != TDS_FORM_FIXED &&
			tds_type_base(c->type) == TDS_INTN)
			fail_msg("%s: not null in the form that has nulls", c->name);
	}
	buf_adds(&a->text, "\n");
	return 0;
}

static int on_row(void *arg, const uint8_t *row, size_t len)
{
	struct asked *a = arg;
	const uint8_t *p = row + 1, *end = row + len;

	assert_true(len > 0 && row[0] == TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < a->columns.n; i++) {
		buf_adds(&a->text, i ? "|" : "");
		show_value(a, &a->columns.v[i], &p, end);
	}
	assert_ptr_equal(p, end);
	buf_adds(&a->text, "\n");
	return 0;
}

static int on_message(void *arg, const struct engine_message *m)
{
	struct asked *a = arg;

	if (m->severity > 10)
		buf_printf(&a->text, "Msg %d.%d %d line %d: %s\n", m->number, m->state, m->severity,
			m->line, m->text);
	else if (m->number)
		buf_printf(&a->text, "> %d %s\n", m->number, m->text);
	else
		buf_printf(&a->text, "> %s\n", m->text);
	return 0;
}

static int on_done(void *arg, uint16_t command, bool has_count, uint64_t count, bool failed)
{
	struct asked *a = arg;

	(void)command;
	if (has_count)
		a->count = (int64_t)count;
	if (has_count && a->counts)
		buf_printf(&a->text, "(%llu)\n", (unsigned long long)count);
	if (failed && (a->text.len == 0 || !strstr(a->text.data, "Msg ")))
		buf_adds(&a->text, "failed\n");
	return 0;
}

static int on_env(void *arg, enum engine_env env, const void *now, size_t now_len, const void *was,
	size_t was_len)
{
	struct asked *a = arg;

	if (env >= ENGINE_ENV_BEGIN) {
		assert_int_equal(now_len + was_len, 8);
		buf_printf(&a->text, "env %d\n", (int)env);
	} else {
		buf_printf(&a->text, "env %d %.*s<%.*s\n", (int)env, (int)now_len,
			(const char *)now, (int)was_len, (const char *)was);
	}
	return 0;
}

static int on_output(void *arg, const char *name, const struct tds_column *type,
	const uint8_t *value, size_t len)
{
	struct asked *a = arg;
	const uint8_t *p = value;

	buf_printf(&a->text, "%s %s = ", name, engine_type_print(type, &a->arena));
	show_value(a, type, &p, p + len);
	buf_adds(&a->text, "\n");
	return 0;
}

static bool on_cancelled(void *arg)
{
	struct asked *a = arg;

	return a->cancel_after && --a->cancel_after == 0;
}

static const struct engine_out out = {.columns = on_columns,
	.row = on_row,
	.message = on_message,
	.done = on_done,
	.env = on_env,
	.output = on_output,
	.cancelled = on_cancelled};

struct engine *asked_engine(void)
{
	struct err err = ERR_INIT;
	struct engine *e;

	must(engine_open(in_dir("engine"), &e, &err), &err);
	return e;
}

void asked_open(struct asked *a, struct engine *e, const char *database, int spid)
{
	struct engine_login login = {.user = "sa",
		.program = "unit test",
		.host = "here",
		.database = database,
		.spid = spid,
		.encrypt = "FALSE",
		.auth_scheme = "SQL"};
	struct err err = ERR_INIT;

	*a = (struct asked){.text = BUF_INIT(TEXT_MAX), .counts = true};
	must(session_open(e, &login, &a->s, &err), &err);
}

void asked_close(struct asked *a)
{
	session_close(a->s);
	buf_release(&a->text);
	arena_release(&a->arena);
}

static const char *answered(struct asked *a, int rc)
{
	if (rc)
		buf_adds(&a->text, "gone\n");
	return buf_str(&a->text);
}

const char *ask_with(struct asked *a, const char *sql, const struct engine_param *params, size_t n)
{
	buf_reset(&a->text);
	a->count = -1;
	return answered(a, session_batch(a->s, sql, strlen(sql), params, n, &out, a));
}

const char *ask(struct asked *a, const char *sql)
{
	arena_release(&a->arena);
	return ask_with(a, sql, NULL, 0);
}

const char *ask_transaction(
	struct asked *a, enum session_transaction what, int isolation, const char *name)
{
	buf_reset(&a->text);
	return answered(a, session_transaction(a->s, what, isolation, name, &out, a));
}

static void encode(struct asked *a, const struct tds_column *t, const char *value, struct buf *row)
{
	struct tds_column text = engine_text_type(true, UINT32_MAX);
	struct tsql_error e = {0};
	struct cell c = value ? cell_text(value, strlen(value)) : cell_null(), v;

	if (cell_cast(&text, &c, t, engine_type_class(t) == TC_BYTES ? 1 : -1, CAST_EXPLICIT,
		    &a->arena, &v, &e) ||
		cell_encode(t, &v, row, &e))
		fail_msg("'%s': %s", value, e.text);
}

struct engine_param param(struct asked *a, const char *name, const char *type, const char *value)
{
	struct engine_param p = {.name = name};
	struct buf row = BUF_INIT(TEXT_MAX);
	struct tsql_error e = {0};

	if (tsql_parse_type(type, &a->arena, &p.type, &e))
		fail_msg("%s: %s", type, e.text);
	encode(a, &p.type, value, &row);
	p.len = row.len;
	p.value = (const uint8_t *)arena_strndup(&a->arena, row.data, row.len);
	buf_release(&row);
	return p;
}

static void send_row(struct asked *a, const struct tds_columns *columns, const char *text)
{
	CLEANUP(buf_release) struct buf row = BUF_INIT(TEXT_MAX);
	const char *p = text;

	buf_addc(&row, (char)TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < columns->n; i++) {
		size_t n = strcspn(p, "|");
		char *value = arena_strndup(&a->arena, p, n);

		encode(a, &columns->v[i], strcmp(value, "NULL") == 0 ? NULL : value, &row);
		p += n + (p[n] == '|');
	}
	assert_int_equal(session_bulk_row(a->s, (const uint8_t *)row.data, row.len, &out, a), 0);
}

/* "name type, name type" */
static void parse_columns(struct asked *a, const char *text, struct tds_columns *ret)
{
	struct stmt *st;
	struct tsql_error e = {0};
	const char *sql = arena_printf(&a->arena, "CREATE TABLE x (%s)", text);

	if (tsql_parse(sql, strlen(sql), true, &a->arena, &st, &e))
		fail_msg("%s: %s", text, e.text);
	ret->n = (uint32_t)st->v[0]->table->n_columns;
	ret->v = arena_array(&a->arena, ret->n + 1, sizeof(*ret->v));
	for (uint32_t i = 0; i < ret->n; i++) {
		ret->v[i] = st->v[0]->table->columns[i].type;
		ret->v[i].name = st->v[0]->table->columns[i].name;
	}
}

bool ask_bulk_rows(
	struct asked *a, const char *sql, const char *columns, const char *const *rows, size_t n)
{
	struct tds_columns c;

	ask(a, sql);
	if (!session_wants_bulk(a->s))
		return false;
	parse_columns(a, columns, &c);
	assert_int_equal(session_bulk_columns(a->s, &c, &out, a), 0);
	for (size_t i = 0; i < n; i++)
		send_row(a, &c, rows[i]);
	return true;
}

const char *ask_bulk(
	struct asked *a, const char *sql, const char *columns, const char *const *rows, size_t n)
{
	if (!ask_bulk_rows(a, sql, columns, rows, n))
		return buf_str(&a->text);
	return ask_bulk_end(a);
}

const char *ask_bulk_end(struct asked *a)
{
	assert_int_equal(session_bulk_end(a->s, false, &out, a), 0);
	return buf_str(&a->text);
}
