#include "work/mssql_twin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "db/tsql.h"

#define SQL_MAX (4u * 1024 * 1024)

struct reading {
	struct db *db;
	const struct mssql_table *table;
	struct mssql_twin *twin;
	struct arena *a;
	bool check;
};

void mssql_statements_add(struct mssql_statements *s, const char *sql, struct arena *a)
{
	s->v = arena_grow(a, s->v, s->n, &s->cap, sizeof(*s->v));
	s->v[s->n++] = sql;
}

int mssql_statements_run(struct db *db, const struct mssql_statements *s, struct err *err)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (db_exec(db, s->v[i], err))
			return -1;
	return 0;
}

/* Of a statement whose first parameter is the table's name. */
static int prepare(struct reading *r, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
	if (db_prepare(r->db, sql, ret_stmt, err))
		return -1;
	db_bind_text(*ret_stmt, 1, r->table->name);
	return 0;
}

static const char *text(struct reading *r, struct db_stmt *stmt, int column)
{
	return arena_strdup(r->a, db_column_text(stmt, column));
}

static const char *quoted(struct reading *r, struct db_stmt *stmt, int column)
{
	return tsql_quote(db_column_text(stmt, column), r->a);
}

/* "[etl_stage_…_new" + "_7]": a constraint's name until `name` is free for it. */
static const char *constraint_name(struct reading *r, const char *name)
{
	struct mssql_twin *t = r->twin;
	const char *twin = strrchr(t->name, '[') + 1;
	const char *own = arena_printf(r->a, "%.*s_%u", (int)strlen(twin) - 1, twin, t->n_names + 1);

	t->names = arena_grow(r->a, t->names, t->n_names, &t->names_cap, sizeof(*t->names));
	t->names[t->n_names++] = (struct mssql_twin_name){.name = name, .own = own};
	return arena_printf(r->a, "[%s]", own);
}

static void complete(struct reading *r, const char *sql)
{
	mssql_statements_add(&r->twin->complete, sql, r->a);
}

/* --- columns --- */

static const char columns_sql[] =
	"SELECT c.name, t.name, CASE WHEN t.is_user_defined = 1 THEN SCHEMA_NAME(t.schema_id) END,"
	" CAST(c.max_length AS int), CAST(c.precision AS int), CAST(c.scale AS int), c.collation_name,"
	" CAST(c.is_nullable AS int), CAST(c.is_sparse AS int), CAST(c.is_rowguidcol AS int),"
	" CASE WHEN c.is_identity = 1 THEN CAST(CAST(i.seed_value AS decimal(38, 0)) AS nvarchar(40)) END,"
	" CASE WHEN c.is_identity = 1 THEN CAST(CAST(i.increment_value AS decimal(38, 0)) AS nvarchar(40)) END,"
	" CAST(COALESCE(i.is_not_for_replication, 0) AS int), k.definition,"
	" CAST(COALESCE(k.is_persisted, 0) AS int), d.name, d.definition"
	" FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id"
	" LEFT JOIN sys.identity_columns AS i ON i.object_id = c.object_id AND i.column_id = c.column_id"
	" LEFT JOIN sys.computed_columns AS k ON k.object_id = c.object_id AND k.column_id = c.column_id"
	" LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id"
	" WHERE c.object_id = OBJECT_ID(@name) ORDER BY c.column_id";
enum { C_NAME, C_TYPE, C_SCHEMA, C_LENGTH, C_PRECISION, C_SCALE, C_COLLATION, C_NULLABLE, C_SPARSE, C_ROWGUID,
	C_SEED, C_INCREMENT, C_NO_REPLICATION, C_COMPUTED, C_PERSISTED, C_DEFAULT_NAME, C_DEFAULT };

static void add_length(struct buf *sql, int64_t length, int64_t unit)
{
	if (length < 0)
		buf_adds(sql, "(max)");
	else
		buf_printf(sql, "(%" PRId64 ")", length / unit);
}

/* A type of the server's own, as a declaration has it. */
static void add_type(struct buf *sql, const char *name, struct db_stmt *stmt)
{
	static const char *const bytes[] = {"char", "varchar", "binary", "varbinary"};
	static const char *const utf16[] = {"nchar", "nvarchar"};
	static const char *const decimals[] = {"decimal", "numeric"};
	static const char *const times[] = {"time", "datetime2", "datetimeoffset"};

	buf_adds(sql, name);
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
		if (strcmp(name, bytes[i]) == 0)
			add_length(sql, db_column_int(stmt, C_LENGTH), 1);
	for (size_t i = 0; i < ARRAY_LEN(utf16); i++)
		if (strcmp(name, utf16[i]) == 0)
			add_length(sql, db_column_int(stmt, C_LENGTH), 2);
	for (size_t i = 0; i < ARRAY_LEN(decimals); i++)
		if (strcmp(name, decimals[i]) == 0)
			buf_printf(sql, "(%" PRId64 ", %" PRId64 ")", db_column_int(stmt, C_PRECISION),
				db_column_int(stmt, C_SCALE));
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (strcmp(name, times[i]) == 0)
			buf_printf(sql, "(%" PRId64 ")", db_column_int(stmt, C_SCALE));
	if (strcmp(name, "float") == 0)
		buf_printf(sql, "(%" PRId64 ")", db_column_int(stmt, C_PRECISION));
}

static void add_stored(struct reading *r, struct db_stmt *stmt, struct buf *sql)
{
	if (db_column_text(stmt, C_SCHEMA)) {
		buf_printf(sql, "%s.%s", quoted(r, stmt, C_SCHEMA), quoted(r, stmt, C_TYPE));
	} else {
		add_type(sql, text(r, stmt, C_TYPE), stmt);
		if (db_column_text(stmt, C_COLLATION))
			buf_printf(sql, " COLLATE %s", text(r, stmt, C_COLLATION));
	}
	if (db_column_int(stmt, C_SPARSE))
		buf_adds(sql, " SPARSE");
	if (db_column_text(stmt, C_SEED)) {
		r->twin->identity = true;
		buf_printf(sql, " IDENTITY(%s, %s)%s", text(r, stmt, C_SEED), text(r, stmt, C_INCREMENT),
			db_column_int(stmt, C_NO_REPLICATION) ? " NOT FOR REPLICATION" : "");
	}
	buf_adds(sql, db_column_int(stmt, C_NULLABLE) ? " NULL" : " NOT NULL");
	if (db_column_int(stmt, C_ROWGUID))
		buf_adds(sql, " ROWGUIDCOL");
	if (db_column_text(stmt, C_DEFAULT))
		buf_printf(sql, " CONSTRAINT %s DEFAULT %s", constraint_name(r, text(r, stmt, C_DEFAULT_NAME)),
			text(r, stmt, C_DEFAULT));
}

static void add_computed(struct reading *r, struct db_stmt *stmt, struct buf *sql)
{
	bool persisted = db_column_int(stmt, C_PERSISTED);

	buf_printf(sql, "AS %s%s", text(r, stmt, C_COMPUTED), persisted ? " PERSISTED" : "");
	if (persisted && !db_column_int(stmt, C_NULLABLE))
		buf_adds(sql, " NOT NULL");
}

static int read_columns(struct reading *r, struct buf *sql, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *between = "";
	int rc;

	if (prepare(r, columns_sql, &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		buf_printf(sql, "%s%s ", between, quoted(r, stmt, C_NAME));
		if (db_column_text(stmt, C_COMPUTED))
			add_computed(r, stmt, sql);
		else
			add_stored(r, stmt, sql);
		between = ", ";
	}
	return rc;
}

/* --- where it is kept --- */

/* A partition scheme wants its column too. */
#define SPACE                                                                                               \
	"QUOTENAME(s.name) + COALESCE(N'(' + (SELECT QUOTENAME(pc.name) FROM sys.index_columns AS px JOIN"  \
	" sys.columns AS pc ON pc.object_id = px.object_id AND pc.column_id = px.column_id WHERE"           \
	" px.object_id = i.object_id AND px.index_id = i.index_id AND px.partition_ordinal = 1) + N')', N'')"
#define COMPRESSION                                                                                          \
	"(SELECT MAX(p.data_compression_desc) FROM sys.partitions AS p WHERE p.object_id = i.object_id AND"   \
	" p.index_id = i.index_id)"

static const char place_sql[] =
	"SELECT " SPACE ", CASE WHEN s.type <> 'PS' THEN l.name END, CASE WHEN i.index_id = 0 THEN " COMPRESSION " END, t.lock_escalation_desc"
	" FROM sys.tables AS t JOIN sys.indexes AS i ON i.object_id = t.object_id AND i.index_id IN (0, 1)"
	" JOIN sys.data_spaces AS s ON s.data_space_id = i.data_space_id"
	" LEFT JOIN sys.data_spaces AS l ON l.data_space_id = t.lob_data_space_id"
	" WHERE t.object_id = OBJECT_ID(@name)";

static bool is_compressed(const char *compression)
{
	return compression && (strcmp(compression, "ROW") == 0 || strcmp(compression, "PAGE") == 0);
}

static int read_place(struct reading *r, struct buf *sql, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *escalation;
	int rc;

	if (prepare(r, place_sql, &stmt, err))
		return -1;
	rc = db_step(stmt, err);
	if (rc <= 0)
		return rc;
	buf_printf(sql, " ON %s", text(r, stmt, 0));
	if (db_column_text(stmt, 1))
		buf_printf(sql, " TEXTIMAGE_ON %s", quoted(r, stmt, 1));
	if (is_compressed(db_column_text(stmt, 2)))
		buf_printf(sql, " WITH (DATA_COMPRESSION = %s)", text(r, stmt, 2));
	escalation = db_column_text(stmt, 3);
	if (escalation && strcmp(escalation, "TABLE") != 0)
		complete(r, arena_printf(r->a, "ALTER TABLE %s SET (LOCK_ESCALATION = %s)", r->twin->name,
				    escalation));
	return 0;
}

/* --- indexes --- */

static const char indexes_sql[] =
	"SELECT i.name, CAST(i.type AS int), CAST(i.index_id AS int), CAST(i.is_unique AS int),"
	" CAST(i.is_primary_key AS int), CAST(i.is_unique_constraint AS int), CAST(i.ignore_dup_key AS int),"
	" CAST(i.fill_factor AS int), CAST(i.is_padded AS int), CAST(i.allow_row_locks AS int),"
	" CAST(i.allow_page_locks AS int), i.filter_definition, " SPACE ", " COMPRESSION
	" FROM sys.indexes AS i JOIN sys.data_spaces AS s ON s.data_space_id = i.data_space_id"
	" WHERE i.object_id = OBJECT_ID(@name) AND i.index_id > 0 AND i.is_hypothetical = 0"
	" ORDER BY CASE WHEN i.type IN (1, 5) THEN 0 ELSE 1 END, i.index_id";
enum { I_NAME, I_TYPE, I_ID, I_UNIQUE, I_PRIMARY, I_CONSTRAINT, I_IGNORE, I_FILL, I_PADDED, I_ROW_LOCKS,
	I_PAGE_LOCKS, I_FILTER, I_SPACE, I_COMPRESSION };
enum { CLUSTERED = 1, NONCLUSTERED = 2, CLUSTERED_COLUMNSTORE = 5, NONCLUSTERED_COLUMNSTORE = 6 };

static const char index_columns_sql[] =
	"SELECT c.name, CAST(x.is_descending_key AS int) FROM sys.index_columns AS x"
	" JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id"
	" WHERE x.object_id = OBJECT_ID(@name) AND x.index_id = @id AND"
	" (x.is_included_column = @included AND (x.key_ordinal > 0 OR x.is_included_column = 1))"
	" ORDER BY x.key_ordinal, x.index_column_id";

/* "([a], [b] DESC)"; "" when there is none. */
static int read_index_columns(
	struct reading *r, int64_t index, bool included, const char **ret_list, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct buf list = BUF_INIT(SQL_MAX);
	const char *between = "(";
	int rc;

	if (prepare(r, index_columns_sql, &stmt, err))
		return -1;
	db_bind_int(stmt, 2, index);
	db_bind_int(stmt, 3, included);
	while ((rc = db_step(stmt, err)) > 0) {
		buf_printf(&list, "%s%s%s", between, quoted(r, stmt, 0), db_column_int(stmt, 1) ? " DESC" : "");
		between = ", ";
	}
	buf_adds(&list, *between == ',' ? ")" : "");
	*ret_list = arena_buf(r->a, &list);
	return rc;
}

static void add_option(struct buf *sql, bool wanted, const char *option, const char **between)
{
	if (!wanted)
		return;
	buf_printf(sql, "%s%s", *between, option);
	*between = ", ";
}

static void add_options(struct reading *r, struct db_stmt *stmt, struct buf *sql)
{
	const char *between = " WITH (", *compression = text(r, stmt, I_COMPRESSION);
	bool archive = compression && strcmp(compression, "COLUMNSTORE_ARCHIVE") == 0;
	int64_t type = db_column_int(stmt, I_TYPE), fill = db_column_int(stmt, I_FILL);
	bool rows = type == CLUSTERED || type == NONCLUSTERED;

	add_option(sql, rows && fill, arena_printf(r->a, "FILLFACTOR = %" PRId64, fill), &between);
	add_option(sql, rows && db_column_int(stmt, I_PADDED), "PAD_INDEX = ON", &between);
	add_option(sql, rows && db_column_int(stmt, I_IGNORE), "IGNORE_DUP_KEY = ON", &between);
	add_option(sql, rows && !db_column_int(stmt, I_ROW_LOCKS), "ALLOW_ROW_LOCKS = OFF", &between);
	add_option(sql, rows && !db_column_int(stmt, I_PAGE_LOCKS), "ALLOW_PAGE_LOCKS = OFF", &between);
	add_option(sql, archive || is_compressed(compression),
		arena_printf(r->a, "DATA_COMPRESSION = %s", compression ? compression : ""), &between);
	buf_adds(sql, *between == ',' ? ")" : "");
	buf_printf(sql, " ON %s", text(r, stmt, I_SPACE));
}

static void add_index(struct reading *r, struct db_stmt *stmt, const char *keys, const char *included)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	int64_t type = db_column_int(stmt, I_TYPE);
	const char *clustered = type == CLUSTERED || type == CLUSTERED_COLUMNSTORE ? "CLUSTERED" : "NONCLUSTERED";
	bool store = type == CLUSTERED_COLUMNSTORE || type == NONCLUSTERED_COLUMNSTORE;

	if (db_column_int(stmt, I_PRIMARY) || db_column_int(stmt, I_CONSTRAINT)) {
		buf_printf(&sql, "ALTER TABLE %s ADD CONSTRAINT %s %s %s %s", r->twin->name,
			constraint_name(r, text(r, stmt, I_NAME)),
			db_column_int(stmt, I_PRIMARY) ? "PRIMARY KEY" : "UNIQUE", clustered, keys);
	} else {
		buf_printf(&sql, "CREATE %s%s%s INDEX %s ON %s", db_column_int(stmt, I_UNIQUE) ? "UNIQUE " : "",
			clustered, store ? " COLUMNSTORE" : "", quoted(r, stmt, I_NAME), r->twin->name);
		if (type != CLUSTERED_COLUMNSTORE)
			buf_printf(&sql, " %s", type == NONCLUSTERED_COLUMNSTORE ? included : keys);
		if (type == NONCLUSTERED && *included)
			buf_printf(&sql, " INCLUDE %s", included);
		if (db_column_text(stmt, I_FILTER))
			buf_printf(&sql, " WHERE %s", text(r, stmt, I_FILTER));
	}
	r->twin->columnstore |= type == CLUSTERED_COLUMNSTORE;
	if (type == CLUSTERED) /* without its parentheses */
		r->twin->order = arena_strndup(r->a, keys + 1, strlen(keys) - 2);
	add_options(r, stmt, &sql);
	complete(r, arena_buf(r->a, &sql));
}

static int read_indexes(struct reading *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *keys, *included;
	int rc;

	if (prepare(r, indexes_sql, &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		int64_t id = db_column_int(stmt, I_ID);

		if (read_index_columns(r, id, false, &keys, err) ||
			read_index_columns(r, id, true, &included, err))
			return -1;
		add_index(r, stmt, keys, included);
	}
	return rc;
}

/* --- CHECK and FOREIGN KEY --- */

/* WITH CHECK also where the table's own is not trusted: its rows were not looked at, these are. */
static void add_constraint(struct reading *r, const char *name, const char *rule, bool disabled)
{
	const char *own = constraint_name(r, name);
	bool look = r->check && !disabled;

	complete(r, arena_printf(r->a, "ALTER TABLE %s WITH %s ADD CONSTRAINT %s %s", r->twin->name,
			    look ? "CHECK" : "NOCHECK", own, rule));
	if (disabled)
		complete(r, arena_printf(r->a, "ALTER TABLE %s NOCHECK CONSTRAINT %s", r->twin->name, own));
}

static int read_checks(struct reading *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (prepare(r,
		    "SELECT name, definition, CAST(is_disabled AS int), CAST(is_not_for_replication AS int)"
		    " FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@name) ORDER BY object_id",
		    &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0)
		add_constraint(r, text(r, stmt, 0),
			arena_printf(r->a, "CHECK %s%s", db_column_int(stmt, 3) ? "NOT FOR REPLICATION " : "",
				text(r, stmt, 1)),
			db_column_int(stmt, 2) != 0);
	return rc;
}

static const char keys_sql[] =
	"SELECT f.name, CAST(f.object_id AS bigint), SCHEMA_NAME(o.schema_id), o.name,"
	" REPLACE(f.delete_referential_action_desc, N'_', N' '),"
	" REPLACE(f.update_referential_action_desc, N'_', N' '), CAST(f.is_disabled AS int),"
	" CAST(f.is_not_for_replication AS int)"
	" FROM sys.foreign_keys AS f JOIN sys.objects AS o ON o.object_id = f.referenced_object_id"
	" WHERE f.parent_object_id = OBJECT_ID(@name) ORDER BY f.object_id";
enum { F_NAME, F_ID, F_SCHEMA, F_TABLE, F_DELETE, F_UPDATE, F_DISABLED, F_NO_REPLICATION };

static int read_key_columns(struct reading *r, int64_t key, const char **ret_ours, const char **ret_theirs,
	struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct buf ours = BUF_INIT(SQL_MAX), theirs = BUF_INIT(SQL_MAX);
	const char *between = "";
	int rc;

	if (db_prepare(r->db,
		    "SELECT COL_NAME(parent_object_id, parent_column_id),"
		    " COL_NAME(referenced_object_id, referenced_column_id) FROM sys.foreign_key_columns"
		    " WHERE constraint_object_id = @key ORDER BY constraint_column_id",
		    &stmt, err))
		return -1;
	db_bind_int(stmt, 1, key);
	while ((rc = db_step(stmt, err)) > 0) {
		buf_printf(&ours, "%s%s", between, quoted(r, stmt, 0));
		buf_printf(&theirs, "%s%s", between, quoted(r, stmt, 1));
		between = ", ";
	}
	*ret_ours = arena_buf(r->a, &ours);
	*ret_theirs = arena_buf(r->a, &theirs);
	return rc;
}

static int read_foreign_keys(struct reading *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *ours, *theirs;
	int rc;

	if (prepare(r, keys_sql, &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		if (read_key_columns(r, db_column_int(stmt, F_ID), &ours, &theirs, err))
			return -1;
		add_constraint(r, text(r, stmt, F_NAME),
			arena_printf(r->a, "FOREIGN KEY (%s) REFERENCES %s.%s (%s) ON DELETE %s ON UPDATE %s%s",
				ours, quoted(r, stmt, F_SCHEMA), quoted(r, stmt, F_TABLE), theirs,
				text(r, stmt, F_DELETE), text(r, stmt, F_UPDATE),
				db_column_int(stmt, F_NO_REPLICATION) ? " NOT FOR REPLICATION" : ""),
			db_column_int(stmt, F_DISABLED) != 0);
	}
	return rc;
}

/* --- all of it --- */

static const char *join(const struct mssql_twin *t, struct arena *a)
{
	struct buf all = BUF_INIT(SQL_MAX);

	buf_printf(&all, "%s\n", t->create);
	for (uint32_t i = 0; i < t->complete.n; i++)
		buf_printf(&all, "%s\n", t->complete.v[i]);
	for (uint32_t i = 0; i < t->n_names; i++)
		buf_printf(&all, "%s %s\n", t->names[i].name, t->names[i].own);
	return arena_buf(a, &all);
}

int mssql_twin_read(struct db *db, const struct mssql_table *table, const char *name, bool check,
	struct arena *a, struct mssql_twin *ret_twin, struct err *err)
{
	struct mssql_twin twin = {.name = name};
	struct reading r = {.db = db, .table = table, .twin = &twin, .a = a, .check = check};
	CLEANUP(buf_release) struct buf create = BUF_INIT(SQL_MAX);

	buf_printf(&create, "CREATE TABLE %s (", name);
	if (read_columns(&r, &create, err))
		return -1;
	buf_addc(&create, ')');
	if (read_place(&r, &create, err) || read_indexes(&r, err) || read_checks(&r, err) ||
		read_foreign_keys(&r, err) || buf_check(&create, "the table's definition", err))
		return -1;
	twin.create = arena_strdup(a, buf_str(&create));
	twin.text = join(&twin, a);
	*ret_twin = twin;
	return 0;
}

int mssql_twin_complete(struct db *db, struct mssql_twin *twin, uint32_t n, struct err *err)
{
	for (; n && twin->completed < twin->complete.n; n--) {
		if (db_exec(db, twin->complete.v[twin->completed], err))
			return -1;
		twin->completed++;
	}
	return 0;
}

/* --- rows --- */

/* In the very bytes that the column has: INSERT BULK converts nothing. */
static bool is_same(const struct tds_column *staged, const struct mssql_column *to)
{
	const struct tds_column *c = &to->c;

	switch (staged->type) {
	case TDS_XML:
	case TDS_UDT:
	case TDS_OLD_TEXT:
	case TDS_OLD_NTEXT:
	case TDS_OLD_IMAGE:
		return false; /* declared as something else in bulk data */
	default:
		return staged->type == c->type && staged->size == c->size && staged->precision == c->precision &&
		       staged->scale == c->scale && !c->identity;
	}
}

bool mssql_twin_takes(struct mssql_fit *fit)
{
	if (fit->numbered)
		return false;
	for (uint32_t i = 0; i < fit->n; i++) {
		const struct mssql_fit_column *f = &fit->v[i];

		if (f->to && (f->converted || !is_same(&f->staged, f->to)))
			return false;
	}
	for (uint32_t i = 0; i < fit->n; i++)
		if (fit->v[i].to)
			fit->v[i].staged.name = fit->v[i].to->c.name;
	return true;
}
