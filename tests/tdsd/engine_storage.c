#include "tests/tdsd/engine_storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_cdc.h"
#include "tests/tdsd/engine_ddl.h"
#include "tests/tdsd/tsql_lex.h"

/* --- what is forbidden --- */

static int is_versioned(struct session *s, const struct table *t, int64_t *ret)
{
	*ret = 0;
	if (!t->database)
		return 0;
	return sql_int(s, 0, ret,
		"SELECT 1 FROM %s.sys_temporal WHERE history_id > 0 AND (object_id = %lld OR history_id "
		"= %lld)",
		t->where, (long long)t->id, (long long)t->id);
}

int storage_refuses(struct session *s, const struct table *t, enum storage_verb verb)
{
	static const int32_t numbers[] = {[STORAGE_TRUNCATE] = 13545,
		[STORAGE_DROP] = 13552,
		[STORAGE_SWITCH_OUT] = 13546,
		[STORAGE_SWITCH_IN] = 13577};
	struct arena *a = &s->frame->arena;
	int64_t versioned;
	int tracked = 0;

	if (is_versioned(s, t, &versioned))
		return -1;
	if (versioned)
		return tsql_fail(&s->error, numbers[verb], table_full_name(t, a));
	if (verb == STORAGE_TRUNCATE) {
		tracked = cdc_is_captured(s, t);
		return tracked < 0 ? -1 : tracked ? tsql_fail(&s->error, 4711, t->name) : 0;
	}
	if (verb == STORAGE_SWITCH_IN || verb == STORAGE_SWITCH_OUT)
		tracked = change_is_tracked(s, t);
	if (tracked < 0)
		return -1;
	return tracked ? tsql_fail(&s->error, 4900, table_full_name(t, a)) : 0;
}

/* --- system-versioned tables --- */

static int make_history(struct session *s, struct table *t, const char *name, int64_t schema,
	struct arena *a, int64_t *ret)
{
	struct table *h;

	if (catalog_new_object(s, t->where, schema, name, "U", 0, NULL, ret))
		return -1;
	if (sql_execf(s,
		    "INSERT INTO %s.sys_columns SELECT %lld, column_id, name, code, type_name, "
		    "type_text, system_type, user_type, max_length, precision, scale, collation, "
		    "nullable, 0, NULL, NULL, NULL, 0, 0, 0, ordinal, sparse, 0, 0, mask, 0 FROM "
		    "%s.sys_columns WHERE object_id = %lld",
		    t->where, (long long)*ret, t->where, (long long)t->id) ||
		catalog_load(s, t->database, *ret, a, &h))
		return -1;
	return table_build(s, h, arena_printf(a, "t%lld", (long long)*ret));
}

/* History in a table of that name, which is made when it is not there. */
static int set_history(
	struct session *s, struct table *t, const struct name *named, struct arena *a)
{
	struct name name = *named;
	struct table *h = NULL;
	int64_t schema, id;
	int found;

	if (!name.part[NAME_OBJECT]) {
		name.part[NAME_OBJECT] = arena_printf(
			a, "MSSQL_TemporalHistoryFor_%lld", (long long)t->id);
		name.part[NAME_SCHEMA] = t->schema;
	}
	found = catalog_find(s, &name, a, &h);
	if (found < 0 || catalog_schema(s, t->where, name.part[NAME_SCHEMA], &schema))
		return -1;
	id = found ? h->id : 0;
	if (!found && make_history(s, t, name.part[NAME_OBJECT], schema, a, &id))
		return -1;
	return sql_execf(s, "UPDATE %s.sys_temporal SET history_id = %lld WHERE object_id = %lld",
		t->where, (long long)id, (long long)t->id);
}

int storage_create_period(
	struct session *s, struct table *t, const struct table_def *def, struct arena *a)
{
	const struct table_column *start, *end;

	if (!def->period_start)
		return def->versioned ? tsql_fail(&s->error, 13510) : 0;
	if (catalog_load(s, t->database, t->id, a, &t))
		return -1;
	start = table_column(t, def->period_start);
	end = table_column(t, def->period_end);
	if (!start || !end || start->generated != 1 || end->generated != 2)
		return tsql_fail(&s->error, 13501,
			start && start->generated == 1 ? def->period_end : def->period_start);
	if (sql_execf(s, "INSERT INTO %s.sys_temporal VALUES (%lld, %d, %d, 0)", t->where,
		    (long long)t->id, start->id, end->id))
		return -1;
	return def->versioned ? set_history(s, t, &def->history, a) : 0;
}

static int drop_triggers(struct session *s, const struct table *t)
{
	return sql_execf(s, "DROP TRIGGER IF EXISTS %s.t%lld_hu", t->where, (long long)t->id) ||
			       sql_execf(s, "DROP TRIGGER IF EXISTS %s.t%lld_hd", t->where,
				       (long long)t->id)
		       ? -1
		       : 0;
}

/* The old row goes into the history, its end is now. */
static int build_history_triggers(struct session *s, const struct table *t)
{
	CLEANUP(buf_release) struct buf into = BUF_INIT(1024 * 1024), old = BUF_INIT(1024 * 1024);
	int64_t history;

	if (sql_int(s, 0, &history, "SELECT history_id FROM %s.sys_temporal WHERE object_id = %lld",
		    t->where, (long long)t->id))
		return -1;
	if (!history)
		return 0;
	for (size_t i = 0; i < t->n; i++) {
		buf_printf(&into, "%sc%d", i ? ", " : "", t->v[i].id);
		if (t->v[i].generated == 2)
			buf_printf(&old, "%st_now()", i ? ", " : "");
		else
			buf_printf(&old, "%sOLD.c%d", i ? ", " : "", t->v[i].id);
	}
	return sql_execf(s,
		       "CREATE TRIGGER %s.t%lld_hu AFTER UPDATE ON t%lld WHEN t_tracked() BEGIN INSERT INTO t%lld (%s) "
		       "VALUES (%s); END",
		       t->where, (long long)t->id, (long long)t->id, (long long)history,
		       buf_str(&into), buf_str(&old)) ||
			       sql_execf(s,
				       "CREATE TRIGGER %s.t%lld_hd AFTER DELETE ON t%lld WHEN t_tracked() BEGIN INSERT "
				       "INTO t%lld (%s) VALUES (%s); END",
				       t->where, (long long)t->id, (long long)t->id,
				       (long long)history, buf_str(&into), buf_str(&old))
		       ? -1
		       : 0;
}

int storage_build_triggers(struct session *s, const struct table *t)
{
	if (!t->database)
		return 0;
	return build_history_triggers(s, t) || change_build_triggers(s, t) || cdc_build_triggers(s, t) ? -1 : 0;
}

static int set_versioning(struct session *s, struct stmt *st, struct table *t)
{
	struct arena *a = &s->frame->arena;
	int64_t there, history;

	if (sql_int(s, 0, &there, "SELECT 1 FROM %s.sys_temporal WHERE object_id = %lld", t->where,
		    (long long)t->id) ||
		sql_int(s, 0, &history,
			"SELECT history_id FROM %s.sys_temporal WHERE object_id = %lld", t->where,
			(long long)t->id))
		return -1;
	if (!st->on && !history)
		return tsql_fail(&s->error, 13591, table_full_name(t, a));
	if (st->on && !there)
		return tsql_fail(&s->error, 13510);
	if (drop_triggers(s, t))
		return -1;
	if (!st->on)
		return sql_execf(s,
			"UPDATE %s.sys_temporal SET history_id = 0 WHERE object_id = %lld", t->where,
			(long long)t->id);
	return set_history(s, t, &st->table->history, a) || build_history_triggers(s, t) ? -1 : 0;
}

/* --- ALTER TABLE --- */

static int trigger_state(struct session *s, struct stmt *st, struct table *t)
{
	if (st->n_names == 0)
		return sql_execf(s,
			"UPDATE %s.sys_objects SET disabled = %d WHERE parent_id = %lld AND type = "
			"'TR'",
			t->where, !st->on, (long long)t->id);
	for (size_t i = 0; i < st->n_names; i++) {
		const char *name = sql_quote(&s->frame->arena, st->names[i].part[NAME_OBJECT]);
		int64_t there;

		if (sql_int(s, 0, &there,
			    "SELECT 1 FROM %s.sys_objects WHERE parent_id = %lld AND type = 'TR' "
			    "AND name = %s",
			    t->where, (long long)t->id, name))
			return -1;
		if (!there)
			return tsql_fail(&s->error, 4920, "Trigger", st->names[i].part[NAME_OBJECT],
				t->name);
		if (sql_execf(s,
			    "UPDATE %s.sys_objects SET disabled = %d WHERE parent_id = %lld AND type "
			    "= 'TR' AND name = %s",
			    t->where, !st->on, (long long)t->id, name))
			return -1;
	}
	return 0;
}

static int column_mask(struct session *s, struct stmt *st, struct table *t)
{
	const char *name = st->name2.part[NAME_OBJECT];
	const struct table_column *c = table_column(t, name);

	if (!c)
		return tsql_fail(&s->error, 4924, "ALTER TABLE ALTER COLUMN", name, t->name);
	return sql_execf(s, "UPDATE %s.sys_columns SET mask = %s WHERE object_id = %lld AND column_id "
			    "= %d",
		t->where, st->text ? sql_quote(&s->frame->arena, st->text) : "NULL",
		(long long)t->id, c->id);
}

int storage_alter_table(struct session *s, struct stmt *st, struct table *t)
{
	if (st->kind == ST_COLUMN_MASK)
		return column_mask(s, st, t);
	if (st->kind != ST_TABLE_OPTION)
		return tsql_unsupported(&s->error, "this statement");
	if (strcmp(st->text, "SYSTEM_VERSIONING") == 0)
		return set_versioning(s, st, t);
	if (strcmp(st->text, "CHANGE_TRACKING") == 0)
		return change_table(s, st, t);
	if (strcmp(st->text, "TRIGGER") == 0)
		return trigger_state(s, st, t);
	return 0; /* LOCK_ESCALATION */
}

/* --- ALTER DATABASE --- */

int storage_database_option(struct session *s, struct database *d, struct stmt *st)
{
	static const char *const models[] = {[1] = "FULL", "BULK_LOGGED", "SIMPLE"};

	if (strcasecmp(st->text, "CHANGE_TRACKING") == 0)
		return change_enable_database(s, d, st);
	if (strcasecmp(st->text, "READ_ONLY") == 0 || strcasecmp(st->text, "READ_WRITE") == 0) {
		d->read_only = strcasecmp(st->text, "READ_ONLY") == 0;
		return 0;
	}
	for (int i = 1; i < (int)ARRAY_LEN(models); i++)
		if (strcasecmp(st->columns[0], models[i]) == 0) {
			d->recovery = i;
			return 0;
		}
	return tsql_fail(&s->error, 102, st->columns[0]);
}

/* --- indexes and statistics --- */

static int index_option(struct session *s, struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	const char *name = st->name.part[NAME_OBJECT];
	bool found = name == NULL, disable = strcmp(st->text, "DISABLE") == 0;
	struct table *t;

	if (ddl_table(s, &st->name2, 1088, &t))
		return -1;
	for (size_t i = 0; name && i < t->n_indexes; i++)
		found |= strcasecmp(t->indexes[i].name, name) == 0;
	if (!found)
		return tsql_fail(&s->error, 2727, name);
	if (!disable && strcmp(st->text, "REBUILD") != 0)
		return 0;
	return sql_execf(s,
		       "UPDATE %s.sys_indexes SET disabled = %d WHERE object_id = %lld AND (%s IS "
		       "NULL OR name = %s)",
		       t->where, disable, (long long)t->id, name ? sql_quote(a, name) : "NULL",
		       name ? sql_quote(a, name) : "NULL") ||
			       table_rebuild_indexes(s, t)
		       ? -1
		       : 0;
}

static int statistics_id(struct session *s, const struct table *t, const char *name, int64_t *ret)
{
	return sql_int(s, 0, ret,
		"SELECT stats_id FROM %s.sys_stats WHERE object_id = %lld AND name = %s UNION ALL "
		"SELECT index_id FROM %s.sys_indexes WHERE object_id = %lld AND name = %s",
		t->where, (long long)t->id, sql_quote(&s->frame->arena, name), t->where,
		(long long)t->id, sql_quote(&s->frame->arena, name));
}

static int create_statistics(struct session *s, struct stmt *st, struct table *t)
{
	struct arena *a = &s->frame->arena;
	const char *name = st->name.part[NAME_OBJECT];
	int64_t id;

	if (statistics_id(s, t, name, &id))
		return -1;
	if (id)
		return tsql_fail(&s->error, 1927, name, table_two_part(t, a));
	if (sql_int(s, 2, &id,
		    "SELECT max(id) + 1 FROM (SELECT max(stats_id) AS id FROM %s.sys_stats WHERE "
		    "object_id = %lld UNION ALL SELECT max(index_id) FROM %s.sys_indexes WHERE "
		    "object_id = %lld)",
		    t->where, (long long)t->id, t->where, (long long)t->id) ||
		sql_execf(s, "INSERT INTO %s.sys_stats VALUES (%lld, %lld, %s, NULL, t_now())",
			t->where, (long long)t->id, (long long)id, sql_quote(a, name)))
		return -1;
	for (size_t i = 0; i < st->n_columns; i++) {
		const struct table_column *c = table_column(t, st->columns[i]);

		if (!c)
			return tsql_fail(&s->error, 1911, st->columns[i]);
		if (sql_execf(s, "INSERT INTO %s.sys_stats_columns VALUES (%lld, %lld, %zu, %d)",
			    t->where, (long long)t->id, (long long)id, i + 1, c->id))
			return -1;
	}
	return 0;
}

static int statistics(struct session *s, struct stmt *st)
{
	const char *name = st->name.part[NAME_OBJECT];
	struct table *t;
	int64_t id = 1;

	if (ddl_table(s, &st->name2, strcmp(st->text, "CREATE") == 0 ? 1088 : 2706, &t))
		return -1;
	if (strcmp(st->text, "CREATE") == 0)
		return create_statistics(s, st, t);
	if (name && statistics_id(s, t, name, &id))
		return -1;
	return id ? sql_execf(s, "UPDATE %s.sys_stats SET updated = t_now() WHERE object_id = %lld",
			    t->where, (long long)t->id)
		  : tsql_fail(&s->error, 2767, name);
}

/* table.statistics */
int storage_drop_statistics(struct session *s, const struct name *name)
{
	struct name on = {.part = {[NAME_OBJECT] = name->part[NAME_SCHEMA],
				  [NAME_SCHEMA] = name->part[NAME_DATABASE]}};
	const char *what = name->part[NAME_OBJECT];
	struct table *t;
	int64_t id;

	if (!on.part[NAME_OBJECT])
		return tsql_fail(&s->error, 102, what);
	if (ddl_table(s, &on, 3701, &t) || statistics_id(s, t, what, &id))
		return s->error.number == 3701
			       ? tsql_fail(&s->error, 3701, "drop", "statistics", what)
			       : -1;
	if (!id)
		return tsql_fail(&s->error, 3701, "drop", "statistics",
			arena_printf(&s->frame->arena, "%s.%s", t->name, what));
	return sql_execf(s, "DELETE FROM %s.sys_stats WHERE object_id = %lld AND stats_id = %lld",
		       t->where, (long long)t->id, (long long)id) ||
			       sql_execf(s,
				       "DELETE FROM %s.sys_stats_columns WHERE object_id = %lld AND "
				       "stats_id = %lld",
				       t->where, (long long)t->id, (long long)id)
		       ? -1
		       : 0;
}

/* --- DBCC CHECKIDENT --- */

/* A table by the text of its name, with or without schema and brackets. */
static int table_of_text(struct session *s, const char *text, struct table **ret)
{
	struct arena *a = &s->frame->arena;
	struct tsql_tokens tokens;
	struct name name = {0};
	const char *parts[NAME_PARTS];
	size_t n = 0;
	int found;

	if (tsql_lex(text, strlen(text), true, a, &tokens, &s->error))
		return -1;
	for (size_t i = 0; i + 1 < tokens.n && n < NAME_PARTS; i++)
		if (tokens.v[i].kind != TOK_OP)
			parts[n++] = tokens.v[i].text;
	for (size_t i = 0; i < n; i++)
		name.part[NAME_PARTS - n + i] = parts[i];
	found = n ? catalog_find(s, &name, a, ret) : 0;
	return found == 1 ? 0 : found < 0 ? -1 : tsql_fail(&s->error, 2501, text);
}

static int say_identity(struct session *s, const char *was, const char *highest, bool reseeded)
{
	struct arena *a = &s->frame->arena;
	const char *text =
		reseeded ? arena_printf(a,
				   "Checking identity information: current identity value '%s'.", was)
			 : arena_printf(a,
				   "Checking identity information: current identity value '%s', "
				   "current column value '%s'.",
				   was, highest);

	return out_info(s, 7998, 1, text, s->line) ||
			       out_info(s, 2528, 1,
				       "DBCC execution completed. If DBCC printed error messages, "
				       "contact your system administrator.",
				       s->line)
		       ? -1
		       : 0;
}

static int check_ident(struct session *s, struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	const struct table_column *identity = NULL;
	struct table *t;
	const char *text;
	int64_t last, highest, to, has_rows;

	if (eval_text(s, st->e, &text) || table_of_text(s, text ? text : "", &t))
		return -1;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].type.identity)
			identity = &t->v[i];
	if (!identity)
		return tsql_fail(&s->error, 7997, t->name);
	if (sql_int(s, INT64_MIN, &last,
		    "SELECT CAST(identity_last AS INTEGER) FROM %s.sys_objects WHERE object_id = "
		    "%lld",
		    t->where, (long long)t->id) ||
		sql_int(s, INT64_MIN, &highest, "SELECT max(c%d) FROM %s.t%lld", identity->id,
			t->where, (long long)t->id) ||
		sql_int(s, 0, &has_rows, "SELECT 1 FROM %s.t%lld LIMIT 1", t->where,
			(long long)t->id))
		return -1;
	to = highest > last ? highest : last;
	if (st->n_args) {
		if (eval_int(s, st->args[0], 0, &to))
			return -1;
		/* a table that never had a row begins with the value itself */
		if (last == INT64_MIN && !has_rows)
			to -= atoll(identity->increment);
	}
	if ((!st->text || strcmp(st->text, "RESEED") == 0) && to != INT64_MIN &&
		sql_execf(s, "UPDATE %s.sys_objects SET identity_last = '%lld' WHERE object_id = %lld",
			t->where, (long long)to, (long long)t->id))
		return -1;
	if (st->on)
		return 0;
	return say_identity(s, last == INT64_MIN ? "NULL" : arena_printf(a, "%lld", (long long)last),
		highest == INT64_MIN ? "NULL" : arena_printf(a, "%lld", (long long)highest),
		st->n_args > 0);
}

int exec_storage(struct session *s, struct stmt *st)
{
	switch (st->kind) {
	case ST_INDEX_OPTION:
		return index_option(s, st);
	case ST_STATISTICS:
		return statistics(s, st);
	default:
		return check_ident(s, st);
	}
}
