/* INSERT BULK: rows as the client sends them, converted, checked and stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_counted.h"
#include "tests/tdsd/engine_dml.h"
#include "tests/tdsd/engine_trigger.h"

#define WAITING_MAX (64u << 20)

struct bulk {
	struct arena arena;
	struct frame frame;
	struct from target;
	struct table_def def; /* the list of the statement; may be empty */
	bool keep_nulls, keep_identity, check, fire;
	struct triggers triggers;
	bool counts; /* rows are counted elsewhere; no lock is held meanwhile */
	struct counted counted;
	bool began;  /* rows are stored as they come; before, */
	struct buf waiting; /* those that came, each behind its length: loads into one table do not wait for each other */
	bool open;   /* columns came, rows may follow */
	bool failed; /* what follows is passed over */
	struct table *t;
	struct tds_columns columns;
	const struct table_column **into; /* NULL: an identity value that is not kept */
	const struct table_column *identity;
	bool identity_given;
	sqlite3_stmt *insert;
	int64_t count;
	int line;
};

static bool option(const struct stmt *st, const char *name)
{
	for (size_t i = 0; i < st->n_names; i++)
		if (strcasecmp(st->names[i].part[NAME_OBJECT], name) == 0)
			return true;
	return false;
}

static void copy_name(struct arena *a, const struct name *from, struct name *to)
{
	for (int i = 0; i < NAME_PARTS; i++)
		to->part[i] = arena_strdup(a, from->part[i]);
}

int exec_insert_bulk(struct session *s, struct stmt *st)
{
	struct bulk *b;
	struct table *t;

	if (st->target->kind == FROM_VAR)
		return tsql_fail(&s->error, 1087, st->target->name.part[NAME_OBJECT]);
	if (catalog_get(s, &st->target->name, &s->frame->arena, &t))
		return -1;
	for (size_t i = 0; i < st->table->n_columns; i++)
		if (!table_column(t, st->table->columns[i].name))
			return tsql_fail(&s->error, 207, st->table->columns[i].name);
	b = mem_alloc(sizeof(*b));
	b->target = *st->target;
	copy_name(&b->arena, &st->target->name, &b->target.name);
	b->def.columns = arena_array(&b->arena, st->table->n_columns + 1, sizeof(*b->def.columns));
	b->def.n_columns = st->table->n_columns;
	for (size_t i = 0; i < b->def.n_columns; i++) {
		b->def.columns[i].name = arena_strdup(&b->arena, st->table->columns[i].name);
		b->def.columns[i].type = st->table->columns[i].type;
	}
	b->keep_nulls = option(st, "KEEP_NULLS") || option(st, "KEEPNULLS");
	b->keep_identity = option(st, "KEEPIDENTITY") || option(st, "KEEP_IDENTITY") ||
			   s->identity_insert == t->id;
	b->check = option(st, "CHECK_CONSTRAINTS");
	b->fire = option(st, "FIRE_TRIGGERS");
	b->counts = counted_is(t);
	b->line = st->line;
	buf_init(&b->waiting, WAITING_MAX);
	s->bulk = b;
	return out_done(s, 0, false, 0, false);
}

bool session_wants_bulk(const struct session *s)
{
	return s->bulk != NULL;
}

void bulk_free(struct session *s)
{
	struct bulk *b = s->bulk;

	if (!b)
		return;
	sqlite3_finalize(b->insert);
	buf_release(&b->waiting);
	if (b->open && !b->failed)
		(void)statement_end(s, false);
	s->target = NULL;
	s->bulk = NULL;
	if (b->open)
		(void)sqlite3_exec(
			s->db, "PRAGMA ignore_check_constraints = OFF", NULL, NULL, NULL);
	arena_release(&b->frame.arena);
	arena_release(&b->arena);
	free(b);
}

/* --- columns --- */

static int map_columns(struct session *s, struct bulk *b)
{
	size_t want = 0, at = 0;

	b->into = arena_array(&b->arena, b->columns.n + 1, sizeof(*b->into));
	if (b->def.n_columns) {
		if (b->def.n_columns != b->columns.n)
			return tsql_fail(&s->error, 4816, tsql_number((int64_t)b->columns.n));
		for (size_t i = 0; i < b->columns.n; i++)
			b->into[i] = table_column(b->t, b->def.columns[i].name);
		return 0;
	}
	for (size_t i = 0; i < b->t->n; i++) {
		const struct table_column *c = &b->t->v[i];

		if (c->computed || c->type.user_type == TDS_USER_ROWVERSION ||
			(c->type.identity && !b->keep_identity))
			continue;
		if (at < b->columns.n)
			b->into[at++] = c;
		want++;
	}
	return want == b->columns.n ? 0 : tsql_fail(&s->error, 4816, tsql_number((int64_t)want));
}

static int check_columns(struct session *s, struct bulk *b)
{
	for (size_t i = 0; i < b->columns.n; i++) {
		const struct tds_column *sent = &b->columns.v[i],
					*said = b->def.n_columns ? &b->def.columns[i].type
								 : &b->into[i]->type;
		enum type_class have = engine_type_class(sent), want = engine_type_class(said);

		if (have != want && !(have == TC_BYTES && want == TC_UDT))
			return tsql_fail(&s->error, 4816, tsql_number((int64_t)i + 1));
		if (b->into[i]->computed)
			return tsql_fail(&s->error, 271, b->into[i]->name);
		if (b->into[i]->type.user_type == TDS_USER_ROWVERSION)
			return tsql_fail(&s->error, 273);
		b->identity_given |= b->into[i]->type.identity && b->keep_identity;
	}
	return 0;
}

static bool is_sent(const struct bulk *b, const struct table_column *c)
{
	for (size_t i = 0; i < b->columns.n; i++)
		if (b->into[i] == c)
			return !c->type.identity || b->keep_identity;
	return false;
}

static int one_column(struct session *s, struct bulk *b, struct translator *tr,
	const struct table_column *c, const char **ret)
{
	struct term v;

	for (size_t i = 0; i < b->columns.n; i++) {
		if (b->into[i] != c || !is_sent(b, c))
			continue;
		v = (struct term){
			.type = b->columns.v[i], .sql = arena_printf(tr->a, "?%zu", i + 1)};
		v.type.type = tds_type_base(v.type.type);
		if (c->default_text && !b->keep_nulls) {
			struct term d;
			const char *cast;

			if (dml_default(s, tr, c, &d) ||
				tr_cast(tr, &d, &v.type, -1, CAST_EXPLICIT, &cast))
				return -1;
			v.sql = arena_printf(tr->a, "ifnull(%s, %s)", v.sql, cast);
		}
		return tr_store(tr, &v, b->t, (size_t)(c - b->t->v), ret);
	}
	if (c->type.identity) {
		*ret = identity_value(s, c, tr->a);
		return 0;
	}
	return dml_default(s, tr, c, &v) || tr_store(tr, &v, b->t, (size_t)(c - b->t->v), ret) ? -1
											       : 0;
}

static int prepare(struct session *s, struct bulk *b)
{
	struct translator tr = {.s = s, .a = &b->arena};
	struct scope scope = {0};
	CLEANUP(buf_release) struct buf names = BUF_INIT(SQL_MAX), values = BUF_INIT(SQL_MAX);

	tr.scope = &scope;
	for (size_t i = 0; i < b->t->n; i++) {
		const char *sql;

		if (b->t->v[i].computed)
			continue;
		if (one_column(s, b, &tr, &b->t->v[i], &sql))
			return -1;
		buf_printf(&names, "%sc%d", names.len ? ", " : "", b->t->v[i].id);
		buf_printf(&values, "%s%s", values.len ? ", " : "", sql);
	}
	return sql_prepare(s,
		arena_printf(&b->arena, "INSERT INTO %s.t%lld (%s) VALUES (%s)", b->t->where,
			(long long)b->t->id, buf_str(&names), buf_str(&values)),
		&b->insert);
}

static void begin_call(struct session *s, const struct engine_out *out, void *arg)
{
	s->out = out;
	s->out_arg = arg;
	s->gone = s->aborted = s->any_done = false;
	s->tries = 0;
	s->error.number = 0;
	s->error.line = 0;
	s->frame = &s->bulk->frame;
}

/* Tells it; the load is undone, and what follows is passed over. */
static int fail(struct session *s, struct bulk *b)
{
	int rc;

	b->failed = true;
	sqlite3_finalize(b->insert);
	b->insert = NULL;
	if (b->open)
		(void)statement_end(s, false);
	if (s->gone)
		return -1;
	s->error.line = b->line;
	s->last_error = s->error.number;
	rc = out_message(s, &s->error);
	if (rc == 0 && b->open)
		rc = out_info(s, 3621, 0, "The statement has been terminated.", b->line);
	if (rc == 0 && s->trancount && (s->options.xact_abort || dooms(s->error.number)))
		tran_abort(s);
	return s->gone ? -1 : rc;
}

int session_bulk_columns(struct session *s, const struct tds_columns *columns,
	const struct engine_out *out, void *arg)
{
	struct bulk *b = s->bulk;

	if (!b)
		return 0;
	begin_call(s, out, arg);
	b->columns.n = columns->n;
	b->columns.v = arena_array(&b->arena, columns->n + 1, sizeof(*b->columns.v));
	for (uint32_t i = 0; i < columns->n; i++) {
		b->columns.v[i] = columns->v[i];
		b->columns.v[i].name = arena_strdup(&b->arena, columns->v[i].name);
		tds_type_complete(&b->columns.v[i]); /* decimals may come in fewer bytes */
	}
	if (!b->counts)
		return 0;
	if (catalog_get(s, &b->target.name, &b->arena, &b->t) || map_columns(s, b) || check_columns(s, b))
		return fail(s, b);
	return 0;
}

/* From here on the database is ours, as a heap with TABLOCK is for everybody who loads into it. */
static int start(struct session *s, struct bulk *b)
{
	b->began = true;
	if (target_open(s, &b->target, "INSERT", &b->arena, &b->t))
		return fail(s, b);
	b->open = true;
	if (!b->check)
		(void)sqlite3_exec(s->db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL);
	if (map_columns(s, b) || check_columns(s, b) || identity_open(s, b->t, &b->identity) ||
		(b->fire && triggers_open(s, &(struct stmt){0}, b->t, 'I', &b->triggers)) ||
		prepare(s, b))
		return fail(s, b);
	return 0;
}

bool session_bulk_counts(const struct session *s)
{
	return s->bulk && s->bulk->counts && s->bulk->t && !s->bulk->failed;
}

void session_bulk_counted(struct session *s, uint64_t rows, uint64_t bytes, uint64_t hash)
{
	s->bulk->counted = (struct counted){rows, bytes, hash};
	s->bulk->count = (int64_t)rows;
}

/* Constraints that the rows were not held against are trusted no more. */
static int not_trusted(struct session *s, const struct table *t)
{
	return sql_execf(s,
		"UPDATE %s.sys_objects SET not_trusted = 1 WHERE parent_id = %lld AND type = 'C'",
		t->where, (long long)t->id);
}

/* The rows that were counted into the table's numbers, in the transaction that there is. */
static int end_counted(struct session *s, struct bulk *b)
{
	if (target_open(s, &b->target, "INSERT", &b->arena, &b->t))
		return -1;
	return statement_end(s, counted_add(s, b->t, &b->counted) == 0);
}

static int store_row(struct session *s, struct bulk *b, const uint8_t *row, size_t len)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const uint8_t *p = row + 1, *end = row + len;
	struct err err = ERR_INIT;

	if (b->failed || !b->insert)
		return 0;
	target_set(s, b->t, "INSERT");
	for (uint32_t i = 0; i < b->columns.n; i++) {
		struct cell c;

		if (cell_decode(&b->columns.v[i], &p, end, &a, &c, &err)) {
			(void)tsql_fail(&s->error, 4815, tsql_number((int64_t)i + 1));
			return fail(s, b);
		}
		if (cell_bind(b->insert, (int)i + 1, &c) != SQLITE_OK)
			return fail(s, b);
	}
	if (sql_step(s, b->insert) < 0)
		return fail(s, b);
	(void)sqlite3_reset(b->insert);
	b->count++;
	return 0;
}

static int store_waiting(struct session *s, struct bulk *b)
{
	size_t len;

	if (start(s, b))
		return -1;
	for (size_t at = 0; at < b->waiting.len; at += len) {
		memcpy(&len, b->waiting.data + at, sizeof(len));
		at += sizeof(len);
		if (store_row(s, b, (const uint8_t *)b->waiting.data + at, len))
			return -1;
	}
	buf_release(&b->waiting);
	return 0;
}

int session_bulk_row(
	struct session *s, const uint8_t *row, size_t len, const struct engine_out *out, void *arg)
{
	struct bulk *b = s->bulk;

	if (!b || b->failed)
		return 0;
	begin_call(s, out, arg);
	if (!b->began && b->waiting.len + sizeof(len) + len <= WAITING_MAX) {
		buf_add(&b->waiting, &len, sizeof(len));
		buf_add(&b->waiting, row, len);
		return 0;
	}
	if (!b->began && store_waiting(s, b))
		return -1;
	return b->open ? store_row(s, b, row, len) : 0;
}

int session_bulk_end(struct session *s, bool give_up, const struct engine_out *out, void *arg)
{
	struct bulk *b = s->bulk;
	bool failed;
	int64_t count;
	int rc = 0;

	if (!b)
		return 0;
	begin_call(s, out, arg);
	if (!b->failed && !b->counts && !b->began && b->columns.n && !give_up)
		rc = store_waiting(s, b);
	if (!b->failed && b->open && !give_up) {
		sqlite3_finalize(b->insert);
		b->insert = NULL;
		(void)sqlite3_exec(
			s->db, "PRAGMA ignore_check_constraints = OFF", NULL, NULL, NULL);
		rc = b->count ? identity_close(s, b->t, b->identity, b->identity_given) : 0;
		if (rc == 0)
			rc = triggers_run(s, b->t, &b->triggers,
				arena_printf(&b->arena, "%s.t%lld WHERE rowid > %lld", b->t->where,
					(long long)b->t->id, (long long)b->triggers.last_row),
				NULL, b->count);
		if (rc == 0 && !b->check)
			rc = not_trusted(s, b->t);
		if (statement_end(s, rc == 0))
			rc = -1;
		b->open = false;
		if (rc)
			rc = fail(s, b);
	}
	if (rc == 0 && !b->failed && b->counts && b->t && !give_up && end_counted(s, b))
		rc = fail(s, b);
	failed = b->failed || give_up;
	count = failed ? 0 : b->count;
	s->frame = NULL;
	bulk_free(s);
	s->rowcount = count;
	if (rc == 0)
		rc = out_done(s, 0xC3, !failed, (uint64_t)count, b != NULL && failed && !give_up);
	s->out = NULL;
	return s->gone ? -1 : rc;
}
