#include "work/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "db/db.h"
#include "work/csv_table.h"
#include "work/target.h"

/* --- lists --- */

struct list {
	struct arena *a;
	const char *pattern;
	struct catalog_table *v;
	size_t n, cap;
};

/* NULL: it does not match. */
static struct catalog_table *add(struct list *l, const char *name)
{
	if (fnmatch(l->pattern, name, 0) != 0 || l->n == CATALOG_TABLES_MAX)
		return NULL;
	l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n] = (struct catalog_table){.name = arena_strdup(l->a, name)};
	return &l->v[l->n++];
}

/* A name as a list of columns takes it: in quotes where it is more than a word. */
static const char *listed(const char *name, struct arena *a)
{
	struct buf out = BUF_INIT(64 * 1024);

	if (*name && !name[strcspn(name, " \t\r\n,\"[(;#")])
		return name;
	buf_addc(&out, '"');
	for (; *name; name++)
		buf_adds(&out, *name == '"' ? "\"\"" : (char[]){*name, '\0'});
	buf_addc(&out, '"');
	return arena_buf(a, &out);
}

static const char *append(const char *list, const char *name, struct arena *a)
{
	return list ? arena_printf(a, "%s, %s", list, listed(name, a)) : listed(name, a);
}

/* Names that say when a row was changed come before those that only say when it was made. */
static int watermark_rank(const char *name)
{
	static const char *const changed[] = {"updated", "modified", "changed", "last_update",
		"lastmod", "geaendert", "rowversion"};
	static const char *const made[] = {"created", "inserted", "loaded_at", "timestamp"};

	for (size_t i = 0; i < ARRAY_LEN(changed); i++)
		if (strcasestr(name, changed[i]))
			return 2;
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		if (strcasestr(name, made[i]))
			return 1;
	return 0;
}

/* --- SQLite --- */

static int read_columns(struct db *db, struct catalog_table *t, struct arena *a, struct err *err)
{
	/* in the order of the primary key */
	static const char sql[] = "SELECT name, pk FROM pragma_table_info(@table, 'main')"
				  " ORDER BY pk, cid";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *made = NULL;
	int rc;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, t->name);
	while ((rc = db_step(stmt, err)) > 0) {
		const char *name = db_column_text(stmt, 0);
		int rank = watermark_rank(name);

		name = arena_strdup(a, name);
		if (db_column_int(stmt, 1) > 0)
			t->key_columns = append(t->key_columns, name, a);
		if (rank == 2)
			t->watermarks = append(t->watermarks, name, a);
		else if (rank == 1)
			made = append(made, name, a);
	}
	if (made)
		t->watermarks = t->watermarks ? arena_printf(a, "%s, %s", t->watermarks, made) : made;
	return rc;
}

static int list_sqlite_tables(struct db *db, struct list *l, struct err *err)
{
	static const char sql[] = "SELECT name FROM main.sqlite_schema WHERE type IN ('table', 'view')"
				  " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
				  " AND name NOT LIKE 'etl\\_load\\_%' ESCAPE '\\' ORDER BY name";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		struct catalog_table *t = add(l, db_column_text(stmt, 0));

		if (t && read_columns(db, t, l->a, err) < 0)
			return -1;
	}
	return rc;
}

static int list_sqlite(const struct connection *conn, struct list *l, struct err *err)
{
	const struct db_options options = {.read_only = true, .busy_timeout_ms = TARGET_BUSY_TIMEOUT_MS};
	struct db *db;
	int rc;

	if (db_open_sqlite(conn->path, &options, &db, err) < 0)
		return -1;
	rc = list_sqlite_tables(db, l, err);
	db_close(db);
	return rc;
}

/* --- CSV --- */

static int compare_tables(const void *a, const void *b)
{
	return strcmp(((const struct catalog_table *)a)->name,
		((const struct catalog_table *)b)->name);
}

static int list_csv(const struct connection *conn, struct list *l, struct err *err)
{
	DIR *d = opendir(conn->path);
	struct dirent *e;

	if (!d && errno == ENOTDIR)
		return err_set(err, ERR_CONFIG, "'%s' is one file", conn->path);
	if (!d)
		return err_errno(err, ERR_IO, errno, "'%s'", conn->path);
	while ((e = readdir(d))) {
		size_t stem = csv_table_stem(e->d_name);

		if (e->d_name[0] != '.' && e->d_name[stem])
			add(l, arena_strndup(l->a, e->d_name, stem));
	}
	closedir(d);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare_tables);
	return 0;
}

/* --- all --- */

static int (*const lists[])(const struct connection *conn, struct list *l, struct err *err) = {
	[DRIVER_SQLITE] = list_sqlite,
	[DRIVER_CSV] = list_csv,
};

int catalog_list(const struct connection *conn, const char *pattern, struct arena *a,
	struct catalog_table **ret_tables, size_t *ret_n, struct err *err)
{
	struct list l = {.a = a, .pattern = pattern};

	if ((size_t)conn->driver >= ARRAY_LEN(lists) || !lists[conn->driver])
		return err_set(err, ERR_CONFIG, "connection '%s': driver '%s' has no list of tables",
			conn->name, driver_name(conn->driver));
	if (lists[conn->driver](conn, &l, err) < 0) {
		if (err->code == ERR_STORE)
			err->code = ERR_IO;
		return err_wrap(err, "tables of connection '%s'", conn->name);
	}
	if (l.n == 0)
		return err_set(err, ERR_NOT_FOUND, "connection '%s' has no table like '%s'",
			conn->name, pattern);
	*ret_tables = l.v;
	*ret_n = l.n;
	return 0;
}

/* --- jobs --- */

static const char *first_of(const char *list, struct arena *a)
{
	bool quoted = *list == '"';
	size_t n = quoted ? 1 : strcspn(list, ",");

	while (quoted && list[n] && (list[n] != '"' || list[n + 1] == '"'))
		n += list[n] == '"' ? 2 : 1;
	return arena_strndup(a, list, n + quoted);
}

static void add_job(const struct catalog_table *t, const char *source, struct arena *a,
	struct buf *out)
{
	buf_printf(out, "\n[job %s_%s]\nsource_table = %s\ntarget_table = %s\n", source, t->name, t->name,
		t->name);
	if (t->key_columns)
		buf_printf(out, "key_columns = %s\n", t->key_columns);
	if (!t->watermarks)
		return;
	if (t->key_columns)
		buf_printf(out, "; it may be read incrementally, if this only grows (candidates: %s):\n"
				"; load_mode = incremental\n; watermark_column = %s\n",
			t->watermarks, first_of(t->watermarks, a));
	else
		buf_printf(out, "; columns that may say what is new: %s; without a key, rows that change "
				"would be doubled\n", t->watermarks);
}

void catalog_jobs(const struct catalog_table *tables, size_t n, const char *source,
	const char *target, struct arena *a, struct buf *out)
{
	buf_printf(out, "; Jobs for %zu tables of '%s', proposed by 'etl job import'. Look them over, "
			"then: etl apply FILE\n"
			"\n[defaults]\nsource = %s\ntarget = %s\nload_mode = replace\n",
		n, source, source, target);
	for (size_t i = 0; i < n; i++)
		add_job(&tables[i], source, a, out);
}
