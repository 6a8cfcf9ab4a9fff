/* Procedures that batches have made. */
#include "tests/tdsd/engine_module.h"

#include <string.h>

#include "tds/row.h"
#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/tsql_parse.h"

#define BETWEEN '\x1E' /* parameters and body, in the catalog's definition */

int exec_create_procedure(struct session *s, struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	struct database *d;
	const char *where;
	int64_t schema, id;

	if (catalog_database(s, &st->name, &d, &where) ||
		catalog_schema(s, where, st->name.part[NAME_SCHEMA], &schema))
		return -1;
	if (schema < 0)
		return tsql_fail(&s->error, 2760, st->name.part[NAME_SCHEMA]);
	if (st->on && sql_execf(s, "DELETE FROM %s.sys_objects WHERE type = 'P' AND schema_id = %lld AND name = %s", where,
			      (long long)schema, sql_quote(a, st->name.part[NAME_OBJECT])))
		return -1;
	return catalog_new_object(s, where, schema, st->name.part[NAME_OBJECT], "P", 0,
		arena_printf(a, "%s%c%s", st->params, BETWEEN, st->text), &id);
}

int drop_procedure(struct session *s, struct stmt *st, const struct name *name)
{
	struct database *d;
	const char *where;
	int64_t id;

	if (catalog_database(s, name, &d, &where) || catalog_object(s, name, "P", &id))
		return -1;
	if (id == 0 && !st->if_exists)
		return tsql_fail(&s->error, 3701, "drop", "procedure", name->part[NAME_OBJECT]);
	return sql_execf(s, "DELETE FROM %s.sys_objects WHERE object_id = %lld AND type = 'P'", where, (long long)id);
}

static int load(struct session *s, const struct name *name, const char *where, int64_t id, const char **ret_params,
	const char **ret_body)
{
	struct arena *a = &s->frame->arena;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	char *text, *between;

	if (sql_prepare(s, arena_printf(a, "SELECT definition FROM %s.sys_objects WHERE object_id = %lld", where,
				   (long long)id), &stmt) ||
		sql_step(s, stmt) != 1)
		return -1;
	text = arena_strdup(a, (const char *)sqlite3_column_text(stmt, 0));
	between = strchr(text, BETWEEN);
	*between = '\0';
	*ret_params = text;
	*ret_body = between + 1;
	return permit_procedure(s, where, id, name->part[NAME_SCHEMA] ? name->part[NAME_SCHEMA] : "dbo",
		name->part[NAME_OBJECT]);
}

/* The body, with what it SETs undone behind it. Its return value is 0 unless it says otherwise. */
static int run(struct session *s, struct stmt *st, const char *body, struct frame *f)
{
	const struct options options = s->options;
	int before = s->trancount;
	int rc;

	f->procedure = st->name.part[NAME_OBJECT];
	rc = exec_text(s, body, strlen(body), f);
	s->options = options;
	if (rc == 0 && s->trancount != before && !s->aborted) {
		(void)tsql_fail(&s->error, 266, tsql_number(before), tsql_number(s->trancount));
		return -1;
	}
	return rc;
}

/* To whoever called it from outside. */
static int give_status(struct session *s, int64_t status)
{
	struct tds_column type = engine_int_type(4);
	uint8_t value[5] = {4};

	tds_put32(value + 1, (uint32_t)status);
	if (s->out->output(s->out_arg, NULL, &type, value, sizeof(value)) < 0)
		s->gone = true;
	return s->gone ? -1 : 0;
}

int exec_own_procedure(struct session *s, struct stmt *st, bool *ret_found)
{
	struct arena *a = &s->frame->arena;
	const char *where, *params, *body;
	const struct exec_arg **args;
	struct var_def *defs = NULL;
	struct frame f = {0};
	struct database *d;
	size_t n = 0;
	int64_t id;
	int rc;

	*ret_found = false;
	if (catalog_database(s, &st->name, &d, &where) || catalog_object(s, &st->name, "P", &id))
		return -1;
	if (id == 0)
		return 0;
	*ret_found = true;
	where = arena_strdup(a, where);
	if (load(s, &st->name, where, id, &params, &body) ||
		tsql_parse_params(params, strlen(params), a, &defs, &n, &s->error))
		return -1;
	args = arena_array(a, n + 1, sizeof(*args));
	rc = proc_bind(s, st, &f, defs, n, 0, args);
	if (rc == 0)
		rc = run(s, st, body, &f);
	if (rc == 0)
		rc = proc_finish(s, st, &f, defs, n, args);
	if (rc == 0 && s->frame->depth == 0)
		rc = give_status(s, f.return_value);
	frame_release(s, &f);
	return rc;
}
