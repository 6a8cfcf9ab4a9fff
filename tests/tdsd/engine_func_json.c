/* SQLite functions: JSON, on top of SQLite's own. */
#include <stdio.h>
#include <string.h>

#include "tests/tdsd/engine_private.h"

static bool any_null(int n, sqlite3_value **v)
{
	for (int i = 0; i < n; i++)
		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			return true;
	return false;
}

static void give_text(sqlite3_context *context, const char *s)
{
	if (s)
		sqlite3_result_text(context, s, -1, SQLITE_TRANSIENT);
}

static void f_isjson(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;

	if (any_null(n, v))
		return;
	if (sqlite3_prepare_v2(s->db,
		    "SELECT json_valid(?1) AND json_type(?1) IN ('object', 'array')", -1, &stmt,
		    NULL) != SQLITE_OK)
		return;
	sqlite3_bind_value(stmt, 1, v[0]);
	sqlite3_result_int(
		context, sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0));
}

/* t_json(text): itself, or error 13609 */
static void f_json(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	char first[2] = "";
	const char *text;

	if (any_null(n, v))
		return;
	text = (const char *)sqlite3_value_text(v[0]);
	first[0] = text ? text[0] : '\0';
	if (sqlite3_prepare_v2(s->db, "SELECT json_valid(?1)", -1, &stmt, NULL) == SQLITE_OK) {
		sqlite3_bind_value(stmt, 1, v[0]);
		if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0)) {
			sqlite3_result_value(context, v[0]);
			return;
		}
	}
	(void)tsql_fail(&s->error, 13609, first, "0");
	function_fail(context);
}

/* The text of a json_each value: booleans are words again. */
static void f_json_text(sqlite3_context *context, int n, sqlite3_value **v)
{
	const char *type = (const char *)sqlite3_value_text(v[0]);

	(void)n;
	if (!type || strcmp(type, "null") == 0)
		return;
	if (strcmp(type, "true") == 0 || strcmp(type, "false") == 0)
		give_text(context, type);
	else
		give_text(context, (const char *)sqlite3_value_text(v[1]));
}

static void json_at(sqlite3_context *context, sqlite3_value *json, const char *path, bool object)
{
	struct session *s = function_session(context);
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	const char *type;
	bool is_object;

	if (sqlite3_prepare_v2(s->db, "SELECT json_type(?1, ?2), json_extract(?1, ?2)", -1, &stmt,
		    NULL) != SQLITE_OK)
		return;
	if (strncmp(path, "lax ", 4) == 0)
		path += 4;
	sqlite3_bind_value(stmt, 1, json);
	sqlite3_bind_text(stmt, 2, path, -1, SQLITE_TRANSIENT);
	if (sqlite3_step(stmt) != SQLITE_ROW) {
		(void)tsql_fail(&s->error, 13609, "", "0");
		function_fail(context);
		return;
	}
	type = (const char *)sqlite3_column_text(stmt, 0);
	if (!type || strcmp(type, "null") == 0)
		return;
	is_object = strcmp(type, "object") == 0 || strcmp(type, "array") == 0;
	if (is_object != object)
		return;
	if (strcmp(type, "true") == 0 || strcmp(type, "false") == 0)
		give_text(context, type);
	else
		give_text(context, (const char *)sqlite3_column_text(stmt, 1));
}

static void f_json_value(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (!any_null(n, v))
		json_at(context, v[0], (const char *)sqlite3_value_text(v[1]), false);
}

static void f_json_query(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (!any_null(n, v))
		json_at(context, v[0], n > 1 ? (const char *)sqlite3_value_text(v[1]) : "$", true);
}

/* t_json_at(type, value, path, as json): of a row of OPENJSON … WITH */
static void f_json_at(sqlite3_context *context, int n, sqlite3_value **v)
{
	const char *type = (const char *)sqlite3_value_text(v[0]);

	(void)n;
	if (type && strcmp(type, "object") == 0)
		json_at(context, v[1], (const char *)sqlite3_value_text(v[2]),
			sqlite3_value_int(v[3]) != 0);
	else if (type && strcmp((const char *)sqlite3_value_text(v[2]), "$") == 0)
		f_json_text(context, 2, v);
}

/* t_split('a,b', ','): as a JSON array */
static void f_split(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(64u * 1024 * 1024);
	const char *s, *mark;

	if (any_null(n, v))
		return;
	s = (const char *)sqlite3_value_text(v[0]);
	mark = (const char *)sqlite3_value_text(v[1]);
	buf_adds(&out, "[\"");
	for (; *s; s++) {
		if (*s == *mark)
			buf_adds(&out, "\",\"");
		else if (*s == '"' || *s == '\\')
			buf_printf(&out, "\\%c", *s);
		else if ((uint8_t)*s < 0x20)
			buf_printf(&out, "\\u%04x", (unsigned)*s);
		else
			buf_addc(&out, *s);
	}
	buf_adds(&out, "\"]");
	sqlite3_result_text64(context, buf_str(&out), out.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

int functions_register_json(struct session *s)
{
	static const struct {
		const char *name;
		int args;
		sql_function *fn;
	} functions[] = {{"t_isjson", 1, f_isjson}, {"t_json", 1, f_json},
		{"t_json_text", 2, f_json_text}, {"t_json_value", 2, f_json_value},
		{"t_json_query", -1, f_json_query}, {"t_json_at", 4, f_json_at},
		{"t_split", 2, f_split}};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (function_add(s, functions[i].name, functions[i].args, functions[i].fn, true))
			return -1;
	return 0;
}
