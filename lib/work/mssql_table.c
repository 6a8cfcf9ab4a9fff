#include "work/mssql_table.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "db/mssql.h"
#include "db/mssql_bulk.h"
#include "db/tsql.h"
#include "tds/collation.h"
#include "tds/convert.h"
#include "work/mssql_rows.h"

#define SQL_MAX (4u * 1024 * 1024)

/* --- reading --- */

/* Its columns as a result has them: 1, 0: there is none of that name. */
static int read_columns(struct db *db, struct mssql_table *t, struct arena *a, struct err *err)
{
	const char *sql = arena_printf(a, "SELECT TOP (0) * FROM %s", t->name);
	const struct tds_columns *cols;
	struct mssql_wire *wire;
	enum mssql_event event;

	if (db_mssql_wire(db, &wire, err) || mssql_wire_batch(wire, sql, strlen(sql), err))
		return -1;
	do {
		if (mssql_wire_next(wire, &event, err))
			return -1;
		if (event != MSSQL_COLUMNS)
			continue;
		cols = mssql_wire_columns(wire);
		t->n = cols->n;
		t->v = arena_array(a, cols->n, sizeof(*t->v));
		for (uint32_t i = 0; i < cols->n; i++) {
			t->v[i].c = cols->v[i];
			t->v[i].c.name = arena_strdup(a, cols->v[i].name);
		}
	} while (event != MSSQL_END);
	return 0;
}

static struct mssql_column *find(const struct mssql_table *t, const char *name)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcasecmp(t->v[i].c.name, name) == 0)
			return &t->v[i];
	return NULL;
}

/* What a result does not say. Babelfish has the names in lower case there. */
static int read_catalog(struct db *db, struct mssql_table *t, struct arena *a, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db,
		    "SELECT name, collation_name, CAST(is_identity AS int), CAST(is_computed AS int),"
		    " CAST(COALESCE(default_object_id, 0) AS bigint) FROM sys.columns"
		    " WHERE object_id = OBJECT_ID(@name)",
		    &stmt, err))
		return -1;
	db_bind_text(stmt, 1, t->name);
	while ((rc = db_step(stmt, err)) > 0) {
		struct mssql_column *c = find(t, db_column_text(stmt, 0));

		if (!c)
			continue;
		c->collation = arena_strdup(a, db_column_text(stmt, 1));
		c->c.identity = db_column_int(stmt, 2) != 0;
		c->generated = db_column_int(stmt, 3) != 0 || c->c.user_type == TDS_USER_ROWVERSION;
		c->optional = c->c.nullable || c->c.identity || c->generated || db_column_int(stmt, 4) != 0;
	}
	return rc;
}

static int read_references(struct db *db, struct mssql_table *t, struct arena *a, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db,
		    "SELECT name, CAST(delete_referential_action AS int) FROM sys.foreign_keys"
		    " WHERE referenced_object_id = OBJECT_ID(@name)",
		    &stmt, err))
		return -1;
	db_bind_text(stmt, 1, t->name);
	while ((rc = db_step(stmt, err)) > 0) {
		t->referenced = true;
		if (db_column_int(stmt, 1) != 0)
			t->cascades = arena_strdup(a, db_column_text(stmt, 0));
	}
	return rc;
}

static int find_table(struct db *db, struct mssql_table *t, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db,
		    "SELECT CAST(OBJECT_ID(@name, N'U') AS bigint), CAST(OBJECT_ID(@name) AS bigint)",
		    &stmt, err))
		return -1;
	db_bind_text(stmt, 1, t->name);
	if (db_step(stmt, err) < 0)
		return -1;
	t->exists = db_column_type(stmt, 0) != DB_NULL;
	if (!t->exists && db_column_type(stmt, 1) != DB_NULL)
		return err_set(err, ERR_CONFIG, "it is not a table");
	return 0;
}

int mssql_table_read(
	struct db *db, const char *name, struct arena *a, struct mssql_table *ret_table, struct err *err)
{
	const char *parts[TSQL_NAME_PARTS];
	struct mssql_table t = {.n = 0};

	if (tsql_name_parse(name, a, parts, err))
		return -1;
	if (parts[2])
		return err_set(err, ERR_CONFIG, "'%s': the database is the connection's", name);
	parts[1] = parts[1] ? parts[1] : "dbo";
	t.schema = tsql_quote(parts[1], a);
	t.name = tsql_name_print(parts, a);
	if (find_table(db, &t, err))
		return -1;
	if (t.exists && (read_columns(db, &t, a, err) || read_catalog(db, &t, a, err) ||
				read_references(db, &t, a, err)))
		return -1;
	*ret_table = t;
	return 0;
}

/* --- making --- */

static bool is_text(const struct tds_column *c)
{
	return tds_type_is_narrow(c->type) || (tds_type_is_utf16(c->type) && c->type != TDS_XML);
}

static bool same_codepage(const struct tds_column *c, const uint8_t collation[TDS_COLLATION_LEN])
{
	unsigned page = tds_collation_codepage(c->collation);

	return page && page == tds_collation_codepage(collation);
}

/* nvarchar of as many characters. */
static void widen(struct tds_column *c)
{
	bool is_long = c->size > TDS_BYTES_MAX / 2 || c->type == TDS_OLD_TEXT || c->type == TDS_SQLITE;

	c->type = TDS_NVARCHAR;
	c->size = is_long ? TDS_SIZE_MAX : 2 * c->size;
}

static void design_sqlite(struct tds_column *c)
{
	struct tds_column declared = {.name = c->name};
	struct err ignored = ERR_INIT;

	if (c->declared && tds_type_parse(c->declared, &declared, &ignored) == 0) {
		c->type = declared.type;
		c->size = declared.size;
		c->precision = declared.precision;
		c->scale = declared.scale;
		if (tds_type_is_narrow(c->type))
			widen(c);
	} else {
		widen(c);
	}
}

/* The type of a column that is made for `c`. Deprecated types become those that took their place. */
static void design_column(struct mssql_column *to, const uint8_t collation[TDS_COLLATION_LEN])
{
	struct tds_column *c = &to->c;
	bool keeps = c->collation_name || same_codepage(c, collation);

	switch (c->type) {
	case TDS_SQLITE:
		design_sqlite(c);
		break;
	case TDS_OLD_TEXT:
		c->type = TDS_BIGVARCHAR;
		c->size = TDS_SIZE_MAX;
		break;
	case TDS_OLD_NTEXT:
		c->type = TDS_NVARCHAR;
		c->size = TDS_SIZE_MAX;
		break;
	case TDS_OLD_IMAGE:
	case TDS_UDT:
		c->type = TDS_BIGVARBINARY;
		c->size = TDS_SIZE_MAX;
		break;
	default:
		break;
	}
	c->type = tds_type_base(c->type);
	if (tds_type_is_narrow(c->type) && !keeps)
		widen(c);
	tds_type_complete(c);
	to->collation = is_text(c) ? c->collation_name : NULL;
	if (!to->collation)
		memcpy(c->collation, collation, TDS_COLLATION_LEN);
	c->user_type = 0;
	c->identity = c->computed = false;
	to->optional = c->nullable;
}

void mssql_table_design(struct mssql_table *t, const struct tds_columns *cols,
	const uint8_t collation[TDS_COLLATION_LEN], struct arena *a)
{
	t->v = arena_array(a, cols->n, sizeof(*t->v));
	t->n = cols->n;
	for (uint32_t i = 0; i < cols->n; i++) {
		t->v[i].c = cols->v[i];
		design_column(&t->v[i], collation);
	}
}

/* --- matching --- */

static int lacks(const struct mssql_table *t, const char *name, struct arena *a, struct err *err)
{
	const char **names = arena_array(a, t->n, sizeof(*names));

	for (uint32_t i = 0; i < t->n; i++)
		names[i] = t->v[i].c.name;
	err_set(err, ERR_DATA, "the table has no column '%s' of the source", name);
	return err_suggest(err, text_nearest(name, names, t->n));
}

static struct mssql_column *add_column(struct mssql_table *t, const struct tds_column *c,
	const uint8_t collation[TDS_COLLATION_LEN], struct arena *a)
{
	struct mssql_column *v = arena_array(a, t->n + 1, sizeof(*v));

	memcpy(v, t->v, t->n * sizeof(*v));
	t->v = v;
	v[t->n].c = *c;
	design_column(&v[t->n], collation);
	v[t->n].c.nullable = v[t->n].optional = v[t->n].added = true;
	return &v[t->n++];
}

/* Does the server make of it what tds/convert.h would, whatever the value is? */
static bool passes(const struct tds_conversion *plan, const struct tds_column *from, const struct tds_column *to)
{
	bool texts = is_text(from) && is_text(to);

	if (from->type == TDS_SQLITE || plan->verdict == TDS_CHECK)
		return false;
	if (tds_type_is_narrow(from->type) && !same_codepage(from, to->collation))
		return false;
	return plan->verdict == TDS_SAME || texts || tds_type_base(from->type) == tds_type_base(to->type) ||
	       from->type == TDS_UDT || from->type == TDS_OLD_IMAGE;
}

/* `nulls` are the server's to refuse. */
static int stage_column(struct mssql_fit_column *f, const struct tds_column *from, uint32_t i, bool nulls,
	struct arena *a, struct err *err)
{
	struct tds_column *to = arena_alloc(a, sizeof(*to)), *source = arena_alloc(a, sizeof(*source));
	struct tds_column basic; /* fixed or not is no difference to a value */
	struct tds_conversion plan;

	*to = f->to->c;
	to->type = tds_type_base(to->type);
	to->nullable = to->nullable || nulls;
	*source = *from;
	if (tds_type_is_narrow(from->type) && same_codepage(from, to->collation))
		memcpy(source->collation, to->collation, TDS_COLLATION_LEN);
	basic = *source;
	basic.type = tds_type_base(basic.type);
	tds_type_complete(&basic);
	if (tds_conversion_init(&plan, &basic, to, err))
		return err_wrap(err, "column '%s'", from->name);
	f->converted = !passes(&plan, source, to);
	f->staged = mssql_bulk_column(f->converted ? to : source);
	f->staged.nullable = f->converted || tds_form(&f->staged) != TDS_FORM_FIXED;
	f->staged.name = arena_printf(a, "c%" PRIu32, i);
	memcpy(f->staged.collation, to->collation, TDS_COLLATION_LEN);
	f->collation = is_text(&f->staged) && is_text(&f->to->c) ? f->to->collation : NULL;
	return 0;
}

static void stage_gone(struct mssql_fit_column *f, const struct tds_column *from, uint32_t i, struct arena *a)
{
	f->staged = mssql_bulk_column(from);
	f->staged.name = arena_printf(a, "c%" PRIu32, i);
}

static int check_missing(const struct mssql_table *t, const struct mssql_fit *fit, struct err *err)
{
	for (uint32_t i = 0; i < t->n; i++) {
		bool found = t->v[i].optional;

		for (uint32_t j = 0; j < fit->n; j++)
			found |= fit->v[j].to && strcasecmp(fit->v[j].to->c.name, t->v[i].c.name) == 0;
		if (!found)
			return err_set(err, ERR_DATA, "the source has no column '%s', and the table wants one",
				t->v[i].c.name);
	}
	return 0;
}

static int match_column(struct mssql_table *t, const struct tds_column *from, const struct job *job,
	const uint8_t collation[TDS_COLLATION_LEN], struct arena *a, const struct mssql_column **ret_to,
	struct err *err)
{
	struct mssql_column *to = find(t, from->name);

	if (!to && job->schema_change == SCHEMA_ADD_COLUMNS)
		to = add_column(t, from, collation, a);
	if (!to && job->schema_change == SCHEMA_FAIL)
		return lacks(t, from->name, a, err);
	*ret_to = to && to->generated ? NULL : to;
	return 0;
}

int mssql_table_match(struct mssql_table *t, const struct tds_columns *cols, const struct job *job,
	const uint8_t collation[TDS_COLLATION_LEN], struct arena *a, struct mssql_fit *ret_fit, struct err *err)
{
	struct mssql_fit fit = {.v = arena_array(a, cols->n, sizeof(*fit.v)),
		.n = cols->n,
		.numbered = job->on_reject == ON_REJECT_KEEP};
	bool changes = cols->n && cols->v[cols->n - 1].gone;
	/* unless rows that have one are to be kept aside; but those that are gone have nothing else */
	bool nulls = changes || job->on_reject == ON_REJECT_FAIL;

	/* text that has no collation of its own compares by the database's */
	for (uint32_t i = 0; i < t->n; i++)
		if (!is_text(&t->v[i].c))
			memcpy(t->v[i].c.collation, collation, TDS_COLLATION_LEN);
	for (uint32_t i = 0; i < cols->n; i++) {
		struct mssql_fit_column *f = &fit.v[i];

		if (cols->v[i].gone) {
			stage_gone(f, &cols->v[i], i, a);
			fit.gone = f;
			continue;
		}
		if (match_column(t, &cols->v[i], job, collation, a, &f->to, err))
			return -1;
		if (f->to && stage_column(f, &cols->v[i], i, nulls, a, err))
			return -1;
		fit.identity |= f->to && f->to->c.identity;
	}
	*ret_fit = fit;
	return check_missing(t, &fit, err);
}

uint32_t mssql_fit_keys(
	const struct mssql_fit *fit, const struct tds_columns *cols, struct arena *a, uint32_t **ret_keys)
{
	uint32_t n = 0;

	*ret_keys = arena_array(a, fit->n, sizeof(**ret_keys));
	for (uint32_t i = 0; i < fit->n;) {
		if (fit->v[i].to && cols->v[i].key == n + 1) {
			(*ret_keys)[n++] = i;
			i = 0;
		} else {
			i++;
		}
	}
	return n;
}

/* --- SQL --- */

static void add_declaration(struct buf *sql, const char *name, const struct tds_column *c, const char *collation,
	struct arena *a)
{
	char type[TDS_TYPE_TEXT_MAX];

	buf_printf(sql, "%s %s", tsql_quote(name, a), tds_type_format(c, type));
	if (collation)
		buf_printf(sql, " COLLATE %s", collation);
	buf_adds(sql, c->nullable ? " NULL" : " NOT NULL");
}

const char *mssql_table_create_sql(
	const struct mssql_table *t, const char *const *keys, uint32_t n_keys, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "CREATE TABLE %s (", t->name);
	for (uint32_t i = 0; i < t->n; i++) {
		struct tds_column c = t->v[i].c;

		for (uint32_t k = 0; k < n_keys; k++)
			c.nullable = c.nullable && strcasecmp(keys[k], c.name) != 0;
		buf_adds(&sql, i ? ", " : "");
		add_declaration(&sql, c.name, &c, t->v[i].collation, a);
	}
	for (uint32_t k = 0; k < n_keys; k++)
		buf_printf(&sql, "%s%s", k ? ", " : ", PRIMARY KEY (", tsql_quote(keys[k], a));
	buf_adds(&sql, n_keys ? "))" : ")");
	return arena_buf(a, &sql);
}

const char *mssql_table_add_sql(const struct mssql_table *t, const struct mssql_column *c, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "ALTER TABLE %s ADD ", t->name);
	add_declaration(&sql, c->c.name, &c->c, c->collation, a);
	return arena_buf(a, &sql);
}

const char *mssql_table_stage_sql(const struct mssql_fit *fit, const char *stage, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	const char *between = "";

	buf_printf(&sql, "CREATE TABLE %s (", stage);
	for (uint32_t i = 0; i < fit->n; i++) {
		if (!mssql_fit_is_staged(&fit->v[i]))
			continue;
		buf_adds(&sql, between);
		add_declaration(&sql, fit->v[i].staged.name, &fit->v[i].staged, fit->v[i].collation, a);
		between = ", ";
	}
	buf_adds(&sql, fit->numbered ? ", " MSSQL_ROW_NUMBER " bigint NOT NULL)" : ")");
	return arena_buf(a, &sql);
}
