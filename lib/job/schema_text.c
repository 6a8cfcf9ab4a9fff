#include "job/schema_text.h"

#include <string.h>

#include "base/buf.h"
#include "job/job.h"
#include "job/migrations.h"
#include "job/statements_table.h"

#define TEXTS_MAX 500
#define WORDS_MAX (64u * 1024) /* bytes of the statements that describe one table */
#define ROLES_MAX (16u * 1024)

/* The tables that say what is there: not a migration, since a migration leaves its row in them. */
static const char *const first[DB_DIALECT_COUNT] = {
	[DB_SQLITE] = "CREATE TABLE etl_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
		      " applied_at TEXT NOT NULL DEFAULT (" SQL_NOW "));\n"
		      "CREATE TABLE etl_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
	/* a schema must be a batch of its own */
	[DB_TSQL] = "IF SCHEMA_ID(N'etl') IS NULL EXEC (N'CREATE SCHEMA etl');\n"
		    "CREATE TABLE etl.migration (\n"
		    "  version bigint NOT NULL CONSTRAINT migration_pk PRIMARY KEY,\n"
		    "  name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,\n"
		    "  applied_at datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME());\n"
		    "CREATE TABLE etl.meta (\n"
		    "  name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT meta_pk PRIMARY KEY,\n"
		    "  value nvarchar(4000) COLLATE Latin1_General_100_BIN2 NOT NULL)",
};

/* RFC 9562, version 4, as far as each engine makes one. */
static const char *const new_uid[DB_DIALECT_COUNT] = {
	[DB_SQLITE] = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)"
		      " || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
	[DB_TSQL] = "LOWER(CONVERT(nvarchar(36), NEWID()))",
};

static void add(struct schema_texts *t, const char *text)
{
	if (t->n < TEXTS_MAX)
		t->v[t->n++] = text;
}

/* 'it''s' */
static const char *literal(const char *text, struct arena *a)
{
	char *out = arena_alloc(a, 2 * strlen(text) + 3), *p = out;

	*p++ = '\'';
	for (; *text; *p++ = *text++)
		if (*text == '\'')
			*p++ = '\'';
	*p++ = '\'';
	*p = '\0';
	return out;
}

static const char *table_name(enum db_dialect dialect, const char *name, struct arena *a)
{
	return arena_printf(a, "%s%s", dialect == DB_SQLITE ? "etl_" : "etl.", name);
}

static void add_migration(enum db_dialect dialect, const struct migration *m, struct arena *a, struct schema_texts *t)
{
	if (dialect == DB_SQLITE)
		add(t, m->sqlite);
	else
		for (const char *const *batch = m->tsql; batch && *batch; batch++)
			add(t, *batch);
	add(t, arena_printf(a, "INSERT INTO %s (version, name) VALUES (%d, %s)", table_name(dialect, "migration", a),
		       m->version, literal(m->name, a)));
}

static void add_tables(enum db_dialect dialect, int from, const char *uid, struct arena *a, struct schema_texts *t)
{
	if (from == 0) {
		add(t, first[dialect]);
		add(t, arena_printf(a, "INSERT INTO %s (name, value) VALUES ('store_uid', %s)",
			       table_name(dialect, "meta", a), uid ? literal(uid, a) : new_uid[dialect]));
	}
	for (size_t i = 0; i < n_migrations; i++)
		if (migrations[i].version > from)
			add_migration(dialect, &migrations[i], a, t);
}

/* Right by right: not every engine takes a list. */
static void grant(struct buf *sql, const struct schema_grant *g)
{
	for (const char *right = g->rights; *right; right += strspn(right, ", ")) {
		size_t len = strcspn(right, ",");

		buf_printf(sql, "GRANT %.*s ON etl.%s TO %s;\n", (int)len, right, g->object, g->role);
		right += len;
	}
}

/* One batch: a grant that is there already is no error. Readers' rights are the operators' too. */
static void add_roles(struct arena *a, struct schema_texts *t)
{
	static const char *const roles[] = {"etl_reader", "etl_operator", "etl_worker"};
	CLEANUP(buf_release) struct buf sql = BUF_INIT(ROLES_MAX);

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		buf_printf(&sql, "IF DATABASE_PRINCIPAL_ID(N'%s') IS NULL CREATE ROLE %s;\n", roles[i], roles[i]);
	buf_adds(&sql, "ALTER ROLE etl_reader ADD MEMBER etl_operator;\n");
	for (size_t i = 0; i < n_schema_grants; i++)
		grant(&sql, &schema_grants[i]);
	/* of a job it writes one column only, which not every engine can grant */
	buf_adds(&sql, "IF SERVERPROPERTY('Babelfish') IS NULL EXEC (N'GRANT UPDATE (hold_reason) ON etl.job TO etl_worker')"
		       " ELSE EXEC (N'GRANT UPDATE ON etl.job TO etl_worker');\n");
	add(t, arena_strdup(a, buf_str(&sql)));
}

static void describe(struct buf *sql, const struct schema_word *w, const char *text, struct arena *a)
{
	const char *minor = w->column ? arena_printf(a, "COLUMNPROPERTY(OBJECT_ID(N'etl.%s'), N'%s', 'ColumnId')", w->object,
						w->column)
				      : "0";

	buf_printf(sql,
		"IF NOT EXISTS (SELECT 1 FROM sys.extended_properties WHERE class = 1 AND name = N'MS_Description'\n"
		"  AND major_id = OBJECT_ID(N'etl.%s') AND minor_id = %s)\n"
		"  EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N%s,\n"
		"    @level0type = N'SCHEMA', @level0name = N'etl', @level1type = N'%s', @level1name = N'%s'",
		w->object, minor, literal(text, a), w->kind, w->object);
	if (w->column)
		buf_printf(sql, ",\n    @level2type = N'COLUMN', @level2name = N'%s'", w->column);
	buf_adds(sql, ";\n");
}

/* A batch for each object. */
static void add_words(struct arena *a, struct schema_texts *t)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < n_schema_words; i++) {
		const struct schema_word *w = &schema_words[i];

		describe(&sql, w, w->text, a);
		if (i + 1 < n_schema_words && strcmp(w->object, schema_words[i + 1].object) == 0)
			continue;
		if (strcmp(w->object, "job") == 0)
			for (size_t k = 0; k < job_option_sets[JOB_OPTIONS].n; k++) {
				const struct option *o = &job_option_sets[JOB_OPTIONS].v[k];

				describe(&sql, &(struct schema_word){"TABLE", "job", o->key, NULL}, o->help, a);
			}
		add(t, arena_strdup(a, buf_str(&sql)));
		buf_reset(&sql);
	}
}

struct schema_texts schema_texts(enum db_dialect dialect, enum schema_part part, int from, const char *uid,
	struct arena *a)
{
	struct schema_texts t = {.v = arena_array(a, TEXTS_MAX, sizeof(*t.v))};

	if (part == SCHEMA_TABLES)
		add_tables(dialect, from, uid, a, &t);
	else if (dialect == DB_SQLITE)
		;
	else if (part == SCHEMA_ROLES)
		add_roles(a, &t);
	else
		add_words(a, &t);
	return t;
}

/* --- the script --- */

static void print_tsql(int from, struct arena *a, struct buf *out)
{
	struct schema_texts t = schema_texts(DB_TSQL, SCHEMA_TABLES, from, NULL, a);

	buf_adds(out, "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL,"
		      " QUOTED_IDENTIFIER, XACT_ABORT ON;\nGO\n");
	if (t.n) {
		/* a script goes on behind an error, and would do so without its transaction */
		static const char *const stop = "IF @@TRANCOUNT = 0 SET NOEXEC ON;\nGO\n";

		buf_printf(out, "BEGIN TRANSACTION;\nGO\n%s;\nGO\n%s", SCHEMA_LOCK, stop);
		for (size_t i = 0; i < t.n; i++)
			buf_printf(out, "%s;\nGO\n%s", t.v[i], stop);
		buf_adds(out, "COMMIT TRANSACTION;\nGO\n");
	}
	for (int part = SCHEMA_ROLES; part < SCHEMA_PART_COUNT; part++) {
		t = schema_texts(DB_TSQL, (enum schema_part)part, from, NULL, a);
		buf_printf(out, "\n-- %s\n",
			part == SCHEMA_ROLES ? "roles: ALTER ROLE etl_reader ADD MEMBER [somebody]"
					     : "descriptions, as SSMS shows them");
		for (size_t i = 0; i < t.n; i++)
			buf_printf(out, "%sGO\n", t.v[i]);
	}
	buf_adds(out, "SET NOEXEC OFF;\nGO\n");
}

static void print_sqlite(int from, struct arena *a, struct buf *out)
{
	struct schema_texts t = schema_texts(DB_SQLITE, SCHEMA_TABLES, from, NULL, a);

	if (from == 0)
		buf_adds(out, "PRAGMA journal_mode = wal;\n");
	if (t.n == 0)
		return;
	buf_adds(out, "BEGIN IMMEDIATE;\n");
	for (size_t i = 0; i < t.n; i++)
		buf_printf(out, "%s;\n", t.v[i]);
	buf_adds(out, "COMMIT;\n");
}

void schema_script(enum db_dialect dialect, int from, struct buf *out)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	buf_printf(out, "-- the control database of etl, from version %d to %d\n", from, migrations_version());
	if (dialect == DB_SQLITE)
		print_sqlite(from, &a, out);
	else
		print_tsql(from, &a, out);
}
