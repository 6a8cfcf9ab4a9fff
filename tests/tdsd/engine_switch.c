/* ALTER TABLE … SWITCH TO: what must be the same in the two tables, then the rows move. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_counted.h"
#include "tests/tdsd/engine_ddl.h"
#include "tests/tdsd/engine_partition.h"
#include "tests/tdsd/engine_storage.h"

bool table_has_rows(struct session *s, const struct table *t)
{
	int64_t any = 0;

	if (counted_is(t) && (counted_rows(s, t, &any) || any))
		return any;
	return sql_int(s, 0, &any, "SELECT 1 FROM %s.t%lld LIMIT 1", t->where, (long long)t->id) ==
		       0 &&
	       any;
}

/* --- columns --- */

/* The number of the error that two columns of one place make; 0: none. */
static int32_t column_differs(const struct table_column *a, const struct table_column *b)
{
	struct tds_column type = a->type;

	memcpy(type.collation, b->type.collation, TDS_COLLATION_LEN);
	if (strcasecmp(a->name, b->name) != 0)
		return 4942;
	if (!engine_type_same(&type, &b->type))
		return 4944;
	if (engine_type_class(&a->type) == TC_TEXT &&
		memcmp(a->type.collation, b->type.collation, TDS_COLLATION_LEN) != 0)
		return 4945;
	if (!a->computed != !b->computed)
		return 4965;
	if (a->computed && strcasecmp(a->computed, b->computed) != 0)
		return 4966;
	if (a->persisted != b->persisted)
		return 4946;
	if (a->type.nullable != b->type.nullable)
		return 4985;
	if (a->sparse != b->sparse)
		return 11412;
	return a->rowguidcol != b->rowguidcol ? 4958 : 0;
}

static int column_failed(struct session *s, int32_t number, size_t i, const struct table *from,
	const struct table *to)
{
	struct arena *a = &s->frame->arena;
	const struct table_column *x = &from->v[i], *y = &to->v[i];
	const char *source = table_full_name(from, a), *target = table_full_name(to, a);

	switch (number) {
	case 4942:
		return tsql_fail(&s->error, number, x->name, tsql_number((int64_t)i + 1), source, y->name,
			target);
	case 4944:
		return tsql_fail(&s->error, number, x->name, engine_type_print(&x->type, a), source,
			engine_type_print(&y->type, a), target);
	case 4965:
		return tsql_fail(&s->error, number, x->name, x->computed ? source : target,
			x->computed ? target : source);
	case 4966:
		return tsql_fail(&s->error, number, x->name, x->computed, source, target, y->computed);
	default:
		return tsql_fail(&s->error, number, x->name, source, target);
	}
}

static int same_columns(struct session *s, const struct table *from, const struct table *to)
{
	struct arena *a = &s->frame->arena;

	if (from->n != to->n)
		return tsql_fail(&s->error, 4943, table_full_name(from, a),
			tsql_number((int64_t)from->n), table_full_name(to, a),
			tsql_number((int64_t)to->n));
	for (size_t i = 0; i < from->n; i++) {
		int32_t number = column_differs(&from->v[i], &to->v[i]);

		if (number)
			return column_failed(s, number, i, from, to);
	}
	return 0;
}

/* --- indexes --- */

static bool same_index(const struct table *from, const struct table_index *have,
	const struct table *to, const struct table_index *want)
{
	bool same = have->unique == want->unique && have->n == want->n &&
		    have->kind == want->kind && have->clustered == want->clustered &&
		    !have->filter == !want->filter &&
		    (!have->filter || strcasecmp(have->filter, want->filter) == 0);

	for (size_t i = 0; same && i < want->n; i++)
		same = have->descending[i] == want->descending[i] &&
		       strcasecmp(table_column_by_id(to, want->columns[i])->name,
			       table_column_by_id(from, have->columns[i])->name) == 0;
	return same;
}

static const struct table_index *clustered(const struct table *t)
{
	for (size_t i = 0; i < t->n_indexes; i++)
		if (t->indexes[i].clustered)
			return &t->indexes[i];
	return NULL;
}

/* Each index of the target has its like in the source. */
static int same_indexes(struct session *s, const struct table *from, const struct table *to)
{
	struct arena *a = &s->frame->arena;
	const struct table_index *x = clustered(from), *y = clustered(to);

	if (!x != !y)
		return tsql_fail(&s->error, 4913, table_full_name(x ? from : to, a), x ? x->name : y->name,
			table_full_name(x ? to : from, a));
	for (size_t i = 0; i < to->n_indexes; i++) {
		bool found = false;

		for (size_t j = 0; j < from->n_indexes && !found; j++)
			found = same_index(from, &from->indexes[j], to, &to->indexes[i]);
		if (!found)
			return tsql_fail(&s->error, 4947, table_full_name(from, a), to->indexes[i].name,
				table_full_name(to, a));
	}
	return 0;
}

/* --- constraints --- */

/* The name that a query of the catalog gives, or NULL. */
static int name_of(struct session *s, const char *sql, const char **ret)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	int rc;

	*ret = NULL;
	if (sql_prepare(s, sql, &stmt))
		return -1;
	rc = sql_step(s, stmt);
	if (rc == 1)
		*ret = arena_strdup(&s->frame->arena, (const char *)sqlite3_column_text(stmt, 0));
	return rc < 0 ? -1 : 0;
}

/* Checks that the target has and the source has not, or does not trust. */
static int same_checks(struct session *s, const struct table *from, const struct table *to)
{
	struct arena *a = &s->frame->arena;
	const char *missing, *untrusted;
	static const char missing_sql[] =
		"SELECT x.name FROM %s.sys_objects x WHERE x.parent_id = %lld AND x.type = 'C' AND NOT "
		"x.disabled AND NOT EXISTS (SELECT 1 FROM %s.sys_objects y WHERE y.parent_id = %lld AND "
		"y.type = 'C' AND y.definition = x.definition COLLATE NOCASE)";
	static const char untrusted_sql[] =
		"SELECT y.name FROM %s.sys_objects x JOIN %s.sys_objects y ON y.parent_id = %lld AND y.type = "
		"'C' AND y.definition = x.definition COLLATE NOCASE WHERE x.parent_id = %lld AND x.type = 'C' "
		"AND NOT x.disabled AND NOT x.not_trusted AND (y.disabled OR y.not_trusted)";

	if (name_of(s,
		    arena_printf(a, missing_sql, to->where, (long long)to->id, from->where,
			    (long long)from->id),
		    &missing) ||
		name_of(s,
			arena_printf(a, untrusted_sql, to->where, from->where, (long long)from->id,
				(long long)to->id),
			&untrusted))
		return -1;
	if (missing)
		return tsql_fail(&s->error, 4972, table_full_name(from, a), table_full_name(to, a));
	return untrusted ? tsql_fail(&s->error, 4960, untrusted, table_full_name(from, a), untrusted,
				   table_full_name(to, a))
			 : 0;
}

/* Keys that refer to the source, and those of the target that the source lacks. */
static int same_keys(struct session *s, const struct table *from, const struct table *to)
{
	struct arena *a = &s->frame->arena;
	const char *name;
	static const char theirs[] =
		"SELECT o.name FROM %s.sys_foreign_keys x JOIN %s.sys_objects o ON o.object_id = x.object_id "
		"WHERE x.parent_id = %lld AND NOT EXISTS (SELECT 1 FROM %s.sys_foreign_keys y WHERE y.parent_id "
		"= %lld AND y.referenced_id = x.referenced_id)";

	if (name_of(s,
		    arena_printf(a,
			    "SELECT o.name FROM %s.sys_foreign_keys f JOIN %s.sys_objects o ON o.object_id "
			    "= f.object_id WHERE f.referenced_id = %lld",
			    from->where, from->where, (long long)from->id),
		    &name))
		return -1;
	if (name)
		return tsql_fail(&s->error, 4967, table_full_name(from, a), name);
	if (name_of(s,
		    arena_printf(a, theirs, to->where, to->where, (long long)to->id, from->where,
			    (long long)from->id),
		    &name))
		return -1;
	return name ? tsql_fail(&s->error, 4968, table_full_name(to, a), name, table_full_name(from, a))
		    : 0;
}

/* --- the statement --- */

static int find_target(struct session *s, struct stmt *st, struct table *from, struct table **ret)
{
	struct arena *a = &s->frame->arena;
	int found = catalog_find(s, &st->name2, a, ret);
	struct table *to = found == 1 ? *ret : NULL;

	if (found < 0)
		return -1;
	if (!to)
		return tsql_fail(&s->error, 1088, st->name2.part[NAME_OBJECT]);
	if (to->view)
		return tsql_fail(&s->error, 4949, st->name2.part[NAME_OBJECT]);
	if (to->database != from->database)
		return tsql_fail(&s->error, 4948, table_full_name(from, a),
			from->database ? from->database->name : "tempdb", table_full_name(to, a),
			to->database ? to->database->name : "tempdb");
	if (to->id == from->id)
		return tsql_fail(&s->error, 4955, table_full_name(from, a), table_full_name(to, a));
	return catalog_load_indexes(s, to, a);
}

static int move_rows(struct session *s, const struct table *from, const struct table *to)
{
	CLEANUP(buf_release) struct buf into = BUF_INIT(1024 * 1024), out = BUF_INIT(1024 * 1024);
	int rc;

	if (counted_is(from) || counted_is(to))
		return counted_switch(s, from, to);
	for (size_t i = 0; i < to->n; i++) {
		if (to->v[i].computed)
			continue;
		buf_printf(&into, "%sc%d", into.len ? ", " : "", to->v[i].id);
		buf_printf(&out, "%sc%d", out.len ? ", " : "", from->v[i].id);
	}
	/* constraints were compared: nobody looks at the rows */
	if (sql_exec(s, "PRAGMA ignore_check_constraints = ON"))
		return -1;
	rc = sql_execf(s, "INSERT INTO %s.t%lld (%s) SELECT %s FROM %s.t%lld ORDER BY rowid",
		       to->where, (long long)to->id, buf_str(&into), buf_str(&out), from->where,
		       (long long)from->id) ||
			       sql_execf(s, "DELETE FROM %s.t%lld", from->where, (long long)from->id)
		     ? -1
		     : 0;
	return sql_exec(s, "PRAGMA ignore_check_constraints = OFF") ? -1 : rc;
}

int exec_switch(struct session *s, struct stmt *st, struct table *from)
{
	struct table *to;

	if (find_target(s, st, from, &to) || partition_refuses_switch(s, from) ||
		partition_refuses_switch(s, to) || storage_refuses(s, to, STORAGE_SWITCH_IN) ||
		storage_refuses(s, from, STORAGE_SWITCH_OUT) || same_columns(s, from, to) ||
		same_indexes(s, from, to) || same_checks(s, from, to))
		return -1;
	if (table_has_rows(s, to))
		return tsql_fail(&s->error, 4905, table_full_name(to, &s->frame->arena));
	if (same_keys(s, from, to))
		return -1;
	s->target = to;
	return move_rows(s, from, to);
}
