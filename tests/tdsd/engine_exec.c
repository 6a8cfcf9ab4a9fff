/* Batches: statements one by one, control flow, errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_time.h"
#include "tests/tdsd/tsql_parse.h"

/* --- variables --- */

struct variable *frame_find(struct frame *f, const char *name)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (strcasecmp(f->v[i].name, name) == 0)
			return &f->v[i];
	return NULL;
}

struct variable *frame_add(struct frame *f, const char *name)
{
	struct variable *v;

	f->v = arena_grow(&f->arena, f->v, f->n, &f->cap, sizeof(*f->v));
	v = &f->v[f->n++];
	*v = (struct variable){.name = arena_strdup(&f->arena, name), .value = cell_null()};
	return v;
}

void frame_release(struct session *s, struct frame *f)
{
	struct frame *outer = s->frame;

	s->frame = f;
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].table)
			(void)table_drop(s, f->v[i].table);
	s->frame = outer;
	arena_release(&f->arena);
}

static int declare(struct session *s, struct stmt *st)
{
	for (size_t i = 0; i < st->n_vars; i++) {
		const struct var_def *d = &st->vars[i];
		struct variable *v = frame_find(s->frame, d->name);
		struct name name = {.part = {[NAME_OBJECT] = NULL}};

		if (v && st->on) {
			/* the same DECLARE again, in a loop: the variable keeps its value */
			if (d->table)
				continue;
		} else if (v) {
			return tsql_fail(&s->error, 134, d->name);
		} else {
			v = frame_add(s->frame, d->name);
			v->type = d->type;
		}
		if (d->table) {
			name.part[NAME_OBJECT] = arena_printf(
				&s->frame->arena, "%s.%lld", d->name, (long long)++s->next_temp_id);
			if (table_create_variable(s, &name, d->table, &v->table))
				return -1;
		}
		if (d->value && eval_cast(s, d->value, &v->type, &v->value))
			return -1;
	}
	st->on = true;
	return 0;
}

static int set_var(struct session *s, struct stmt *st)
{
	struct variable *v = frame_find(s->frame, st->text);
	struct expr both = {.kind = EX_ARITH}, self = {.kind = EX_VAR}, *args[2];
	char op[2] = {st->op, '\0'};
	const struct expr *e = st->e;

	if (!v || v->table)
		return tsql_fail(&s->error, 137, st->text);
	if (st->op != '=') {
		self.text = st->text;
		args[0] = &self;
		args[1] = st->e;
		both.text = op;
		both.v = args;
		both.n = 2;
		e = &both;
	}
	if (eval_cast(s, e, &v->type, &v->value))
		return -1;
	s->rowcount = 1;
	return 0;
}

/* --- messages --- */

static int print(struct session *s, struct stmt *st)
{
	const char *text;

	if (eval_text(s, st->e, &text))
		return -1;
	return out_info(s, 0, 1, text ? text : " ", st->line);
}

/* THROW [number, message, state] */
static int throw_error(struct session *s, struct stmt *st)
{
	int64_t number, state;
	const char *text;

	if (st->n_args == 0) {
		for (struct frame *f = s->frame; f; f = f->outer) {
			if (!f->caught)
				continue;
			s->error = *f->caught;
			s->aborted = s->tries == 0;
			return -1;
		}
		return tsql_fail(&s->error, 10704);
	}
	if (eval_int(s, st->args[0], 0, &number) || eval_text(s, st->args[1], &text) ||
		eval_int(s, st->args[2], 0, &state))
		return -1;
	if (number < 50000 || number > 2147483647)
		return tsql_fail(&s->error, 35100, tsql_number(number));
	(void)tsql_fail(&s->error, (int32_t)number, text ? text : "");
	s->error.severity = 16;
	s->error.state = (uint8_t)state;
	s->aborted = s->tries == 0;
	return -1;
}

/* %d %i %u %x %s with RAISERROR's arguments; widths are taken. */
static int format_message(
	struct session *s, const char *format, struct expr *const *args, size_t n, struct buf *out)
{
	size_t used = 0;

	for (const char *p = format; *p; p++) {
		char spec[16] = "%", text_spec[32];
		size_t width;
		int64_t number;
		const char *text;

		if (*p != '%') {
			buf_addc(out, *p);
			continue;
		}
		if (*++p == '%') {
			buf_addc(out, '%');
			continue;
		}
		width = strspn(p, "-+0 #123456789.");
		snprintf(spec, sizeof(spec), "%.*s", (int)(width < 8 ? width : 8), p);
		p += width;
		while (*p == 'l' || *p == 'I' || (*p == '6' && p[1] == '4') ||
			(*p == '4' && p[-1] == '6'))
			p++;
		if (!*p)
			break;
		if (used >= n) {
			buf_adds(out, "(null)");
		} else if (*p == 's') {
			if (eval_text(s, args[used], &text))
				return -1;
			buf_printf(out, "%*s", atoi(spec), text ? text : "(null)");
		} else {
			if (eval_int(s, args[used], 0, &number))
				return -1;
			if (*p == 'x' || *p == 'X')
				snprintf(text_spec, sizeof(text_spec), *p == 'x' ? "%llx" : "%llX",
					(long long)number);
			else
				snprintf(text_spec, sizeof(text_spec), "%lld", (long long)number);
			for (int pad = atoi(spec) - (int)strlen(text_spec); pad > 0; pad--)
				buf_addc(out, spec[0] == '0' ? '0' : ' ');
			buf_adds(out, text_spec);
		}
		used++;
	}
	return 0;
}

static int raiserror(struct session *s, struct stmt *st)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(TSQL_ERROR_TEXT_MAX - 1);
	int64_t number = 50000, severity, state;
	const char *text = NULL, *template = NULL;
	uint8_t ignored;

	if (st->args[0]->kind == EX_INT) {
		number = atoll(st->args[0]->text);
		template = tsql_error_template((int32_t)number, &ignored, &ignored);
		text = template;
		if (!template)
			text = arena_printf(&s->frame->arena, "Error %lld", (long long)number);
	} else if (eval_text(s, st->args[0], &text)) {
		return -1;
	}
	if (eval_int(s, st->args[1], 0, &severity) || eval_int(s, st->args[2], 1, &state))
		return -1;
	if (format_message(s, text ? text : "", st->args + 3, st->n_args - 3, &out))
		return -1;
	if (severity <= 10) {
		struct tsql_error info = {.number = (int32_t)number,
			.severity = (uint8_t)(severity < 0 ? 0 : severity),
			.state = (uint8_t)state,
			.line = st->line};

		snprintf(info.text, sizeof(info.text), "%s", buf_str(&out));
		return out_message(s, &info);
	}
	s->error = (struct tsql_error){.number = (int32_t)number,
		.severity = (uint8_t)(severity > 25 ? 25 : severity),
		.state = (uint8_t)(state < 0 ? 1 : state)};
	snprintf(s->error.text, sizeof(s->error.text), "%s", buf_str(&out));
	s->raised = true;
	return -1;
}

/* --- control flow --- */

static int block(struct session *s, struct stmt *st);

static int loop(struct session *s, struct stmt *st)
{
	bool go_on;

	for (;;) {
		if (session_cancelled(s) || eval_condition(s, st->e, &go_on))
			return -1;
		if (!go_on)
			return 0;
		if (exec_stmt(s, st->then_))
			return -1;
		s->frame->continuing = false;
		if (s->frame->breaking) {
			s->frame->breaking = false;
			return 0;
		}
		if (s->frame->returning || s->aborted)
			return 0;
	}
}

static int branch(struct session *s, struct stmt *st)
{
	bool yes;

	if (eval_condition(s, st->e, &yes))
		return -1;
	if (yes)
		return exec_stmt(s, st->then_);
	return st->else_ ? exec_stmt(s, st->else_) : 0;
}

/* Errors that no CATCH gets. */
static bool is_fatal(const struct tsql_error *e)
{
	return e->severity >= 20 || e->number == 0;
}

static int try_catch(struct session *s, struct stmt *st)
{
	struct tsql_error *outer = s->frame->caught, *caught;
	int rc;

	s->tries++;
	rc = block(s, st->then_);
	s->tries--;
	if (rc == 0 || s->gone || is_fatal(&s->error))
		return rc;
	caught = arena_alloc(&s->frame->arena, sizeof(*caught));
	*caught = s->error;
	s->last_error = caught->number;
	/* in a transaction that cannot go on nothing but a rollback is left to do */
	if (s->trancount && s->tran == TRAN_OPEN &&
		(s->options.xact_abort || dooms(caught->number)))
		s->tran = TRAN_DOOMED;
	s->aborted = false;
	s->raised = false;
	s->frame->caught = caught;
	rc = block(s, st->else_);
	s->frame->caught = outer;
	return rc;
}

static int return_(struct session *s, struct stmt *st)
{
	if (st->e && eval_int(s, st->e, 0, &s->frame->return_value))
		return -1;
	s->frame->returning = true;
	return 0;
}

static int waitfor(struct session *s, struct stmt *st)
{
	const char *text;
	struct tds_value v;
	bool offset;

	if (eval_text(s, st->e, &text))
		return -1;
	if (!text || !engine_parse_time(text, strlen(text), -1, &v, &offset))
		return tsql_fail(&s->error, 148, text ? text : "");
	for (int64_t left = (int64_t)(v.t.ticks / 10000); left > 0; left -= 10) {
		if (session_cancelled(s))
			return -1;
		sqlite3_sleep(left < 10 ? (int)left : 10);
	}
	return out_done(s, 0, false, 0, false);
}

static int tran_statement(struct session *s, struct stmt *st)
{
	const char *name = st->text;
	int rc;

	if (st->e && eval_text(s, st->e, &name))
		return -1;
	switch (st->kind) {
	case ST_BEGIN_TRAN:
		rc = tran_begin(s, name);
		return rc ? rc : out_done(s, 0xD4, false, 0, false);
	case ST_COMMIT:
		rc = tran_commit(s);
		return rc ? rc : out_done(s, 0xD5, false, 0, false);
	case ST_ROLLBACK:
		rc = tran_rollback(s, name);
		return rc ? rc : out_done(s, 0xD2, false, 0, false);
	default:
		rc = tran_save(s, name);
		return rc ? rc : out_done(s, 0xD6, false, 0, false);
	}
}

int session_use(struct session *s, const char *name)
{
	struct database *d = engine_database(s->e, name), *was = s->current;
	struct tsql_error info = {.number = 5701, .severity = 0, .state = 2};

	if (!d)
		return tsql_fail(&s->error, 911, name);
	if (session_attach(s, d) || permit_database(s, d))
		return -1;
	s->current = d;
	if (out_env_text(s, ENGINE_ENV_DATABASE, d->name, was->name))
		return -1;
	snprintf(info.text, sizeof(info.text), "Changed database context to '%.500s'.", d->name);
	info.line = s->line;
	return out_message(s, &info);
}

static int dispatch(struct session *s, struct stmt *st)
{
	int rc;

	switch (st->kind) {
	case ST_BLOCK:
		return block(s, st);
	case ST_IF:
		return branch(s, st);
	case ST_WHILE:
		return loop(s, st);
	case ST_BREAK:
		s->frame->breaking = true;
		return 0;
	case ST_CONTINUE:
		s->frame->continuing = true;
		return 0;
	case ST_RETURN:
		return return_(s, st);
	case ST_TRY:
		return try_catch(s, st);
	case ST_THROW:
		return throw_error(s, st);
	case ST_RAISERROR:
		return raiserror(s, st);
	case ST_PRINT:
		return print(s, st);
	case ST_DECLARE:
		return declare(s, st);
	case ST_SET_VAR:
		return set_var(s, st);
	case ST_SET_OPTION:
		return exec_set_option(s, st);
	case ST_SET_ISOLATION:
		s->options.isolation = atoi(st->text);
		return 0;
	case ST_USE:
		rc = session_use(s, st->text);
		return rc ? rc : out_done(s, 0xE4, false, 0, false);
	case ST_SELECT:
		return exec_select(s, st);
	case ST_INSERT:
		return exec_insert(s, st);
	case ST_UPDATE:
		return exec_update(s, st);
	case ST_DELETE:
		return exec_delete(s, st);
	case ST_TRUNCATE:
		return exec_truncate(s, st);
	case ST_BEGIN_TRAN:
	case ST_COMMIT:
	case ST_ROLLBACK:
	case ST_SAVE:
		return tran_statement(s, st);
	case ST_EXEC:
	case ST_EXEC_TEXT:
		return exec_procedure(s, st);
	case ST_WAITFOR:
		return waitfor(s, st);
	case ST_INSERT_BULK:
		return exec_insert_bulk(s, st);
	case ST_NOTHING:
		return out_done(s, 0, false, 0, false);
	case ST_GOTO:
		return tsql_unsupported(&s->error, "GOTO");
	default:
		return exec_ddl(s, st);
	}
}

int exec_stmt(struct session *s, struct stmt *st)
{
	bool flow = st->kind == ST_BLOCK || st->kind == ST_IF || st->kind == ST_WHILE ||
		    st->kind == ST_TRY;
	int rc;

	if (session_cancelled(s))
		return -1;
	if (!flow) {
		s->error.number = 0;
		s->error.line = 0;
		s->line = st->line;
		s->target = NULL;
		s->verb = NULL;
	}
	if (s->options.noexec && st->kind != ST_SET_OPTION)
		return 0;
	if (s->options.fmtonly && st->kind != ST_SET_OPTION && st->kind != ST_SELECT && !flow &&
		st->kind != ST_EXEC)
		return 0;
	rc = dispatch(s, st);
	if (!flow && s->trancount == 0 && !s->bulk && st->kind != ST_EXEC &&
		st->kind != ST_EXEC_TEXT) {
		/* what a statement took and did not give back when it failed */
		if (s->begun)
			(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		s->begun = false;
		if (rc)
			lock_release_all(s);
	}
	if (flow || rc == 0) {
		if (!flow && st->kind != ST_THROW)
			s->last_error = 0;
		return rc;
	}
	if (s->gone || s->reported)
		return -1;
	if (s->error.line == 0)
		s->error.line = st->line;
	s->last_error = s->error.number;
	if (s->tries)
		return -1;
	return error_outside_try(s, st);
}

static int block(struct session *s, struct stmt *st)
{
	for (size_t i = 0; i < st->n; i++) {
		if (exec_stmt(s, st->v[i]))
			return -1;
		if (s->aborted || s->frame->returning || s->frame->breaking || s->frame->continuing)
			break;
	}
	return 0;
}

/* The text of a batch, procedure or EXEC in a frame of its own or of the caller. */
int exec_text(struct session *s, const char *sql, size_t len, struct frame *f)
{
	struct frame *outer = s->frame;
	struct stmt *st;
	int rc;

	f->outer = outer;
	f->depth = outer ? outer->depth + 1 : 0;
	if (f->depth > NEST_MAX)
		return tsql_fail(&s->error, 217);
	s->error.number = 0;
	s->error.line = 1;
	if (tsql_parse(sql, len, s->options.quoted_identifier, &f->arena, &st, &s->error)) {
		if (s->tries)
			return -1;
		s->last_error = s->error.number;
		s->aborted = outer == NULL;
		return out_message(s, &s->error) || out_done(s, 0, false, 0, true) ? -1 : 0;
	}
	if (s->options.parseonly && st->n && st->v[0]->kind != ST_SET_OPTION)
		return 0;
	s->frame = f;
	rc = block(s, st);
	s->frame = outer;
	return rc;
}
