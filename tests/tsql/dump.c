/*
 * dump - the store's T-SQL as JSON, for tests/integration/test_tsql.py.
 *
 * An array of {name, tsql, columns}: all of statements_table.h with the columns
 * that the SQLite text gives on the schema (without them when it gives none), what
 * definitions.c makes of the table of options, the schema itself, and the ledger's texts.
 */
#include <stdio.h>

#include "base/json.h"
#include "job/definitions.h"
#include "job/migrations.h"
#include "job/schema_text.h"
#include "work/ledger.h"

#define OUT_MAX (1024u * 1024)

static const char *const names[] = {
#define X(name, sqlite, tsql) [ST_##name] = #name,
	STATEMENTS(X)
#undef X
};

struct dump {
	struct json_doc *doc;
	struct json *list;
};

static struct json *add(struct dump *d, const char *name, const char *tsql)
{
	struct json *o = json_object(d->doc);

	json_set_str(d->doc, o, "name", name);
	json_set_str(d->doc, o, "tsql", tsql);
	json_push(d->doc, d->list, o);
	return o;
}

static void add_columns(struct dump *d, struct json *o, struct db_stmt *stmt)
{
	struct json *columns = json_array(d->doc);
	int n = db_column_count(stmt);

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		json_push_str(d->doc, columns, db_column_name(stmt, i));
	json_set(d->doc, o, "columns", columns);
}

static int add_table(struct dump *d, struct err *err)
{
	const struct db_options options = {.create = true};
	struct statements s = {.db = NULL};
	int rc = db_open_sqlite(":memory:", &options, &s.db, err);

	if (rc == 0)
		rc = db_exec(s.db, "CREATE TABLE etl_meta (name TEXT PRIMARY KEY, value TEXT)", err);
	for (size_t i = 0; rc == 0 && i < n_migrations; i++)
		rc = db_exec(s.db, migrations[i].sqlite, err);
	for (int i = 0; rc == 0 && i < STATEMENT_COUNT; i++) {
		enum statement id = (enum statement)i;
		struct db_stmt *stmt;

		rc = statements_get(&s, id, &stmt, err);
		if (rc == 0)
			add_columns(d, add(d, names[i], statements_text(DB_TSQL, id)), stmt);
	}
	statements_release(&s);
	db_close(s.db);
	return rc;
}

/* What is made of the table of options. */
static void add_definitions(struct dump *d)
{
	static const char *const whats[] = {[DEFINITION_BY_ID] = "DEFINITION_BY_ID",
		[DEFINITION_BY_NAME] = "DEFINITION_BY_NAME",
		[DEFINITION_INSERT] = "DEFINITION_INSERT",
		[DEFINITION_UPDATE] = "DEFINITION_UPDATE"};

	for (size_t i = 0; i < ARRAY_LEN(whats); i++) {
		CLEANUP(buf_release) struct buf sql = BUF_INIT(OUT_MAX);

		definition_sql(DB_TSQL, (enum definition_sql)i, &sql);
		add(d, whats[i], buf_str(&sql));
	}
}

static void add_schema(struct dump *d)
{
	static const char *const parts[] = {
		[SCHEMA_TABLES] = "SCHEMA", [SCHEMA_ROLES] = "ROLES", [SCHEMA_WORDS] = "WORDS"};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	for (int part = 0; part < SCHEMA_PART_COUNT; part++) {
		struct schema_texts t = schema_texts(DB_TSQL, (enum schema_part)part, 0, NULL, &a);

		for (size_t i = 0; i < t.n; i++)
			add(d, arena_printf(&a, "%s_%zu", parts[part], i), t.v[i]);
	}
}

static void add_ledger(struct dump *d)
{
	char name[64];
	const char *text;

	for (size_t i = 0; (text = ledger_text(DB_TSQL, i)); i++) {
		snprintf(name, sizeof(name), "LEDGER_%zu", i);
		add(d, name, text);
	}
}

int main(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct dump d = {.doc = doc, .list = json_array(doc)};
	struct err err = ERR_INIT;

	if (add_table(&d, &err)) {
		fprintf(stderr, "dump: %s\n", err.msg);
		return 1;
	}
	add_definitions(&d);
	add_schema(&d);
	add_ledger(&d);
	json_print(doc, d.list, true, &out);
	puts(buf_str(&out));
	return 0;
}
