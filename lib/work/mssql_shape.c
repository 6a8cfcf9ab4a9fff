#include "work/mssql_shape.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "db/mssql.h"
#include "db/tsql.h"
#include "work/mssql_stage.h"

#define SHAPE_MAX (1024u * 1024)

/* --- how the rows fit --- */

/* What nobody may change while rows are being staged. */
static const char *shape_of(struct mssql_shape *s, const struct mssql_table *table)
{
	struct buf out = BUF_INIT(SHAPE_MAX);
	char type[TDS_TYPE_TEXT_MAX];

	for (uint32_t i = 0; i < table->n && table->exists; i++)
		buf_printf(&out, "%s %s %d %s\n", table->v[i].c.name, tds_type_format(&table->v[i].c, type),
			table->v[i].c.nullable, table->v[i].collation ? table->v[i].collation : "");
	return table->exists ? arena_buf(s->a, &out) : NULL;
}

/* The names of the table's primary key where it is made. */
uint32_t mssql_shape_keys(struct mssql_shape *s, const char ***ret_names)
{
	uint32_t n = s->apply.n_keys, *keys = s->apply.keys;
	const char **names = arena_array(s->a, s->fit.n, sizeof(*names));

	if (n == 0)
		n = mssql_fit_keys(&s->fit, &s->cols, s->a, &keys);
	for (uint32_t i = 0; i < n; i++)
		names[i] = s->fit.v[keys[i]].to->c.name;
	*ret_names = names;
	return n;
}

static const char *create_sql(struct mssql_shape *s)
{
	const char **keys;
	uint32_t n = mssql_shape_keys(s, &keys);

	return mssql_table_create_sql(&s->table, keys, n, s->a);
}

static const char *staging_schema(struct mssql_shape *s)
{
	const char *name = s->load->job->staging_schema;

	if (!name || !*name)
		name = s->conn->mssql.staging_schema;
	return name && *name ? tsql_quote(name, s->a) : s->table.schema;
}

static int read_twin(
	struct mssql_shape *s, const struct mssql_table *table, struct mssql_twin *ret_twin, struct err *err)
{
	return mssql_twin_read(s->db, table, mssql_stage_name(s->load, s->staging, true, s->a),
		s->load->job->check_constraints, s->a, ret_twin, err);
}

/* How its rows are replaced, and by what. */
static int choose_way(struct mssql_shape *s, struct err *err)
{
	const struct job *job = s->load->job;
	bool replaces = job_replaces(job) || (job->load_mode == LOAD_INCREMENTAL && !s->apply.merges);

	s->staging = staging_schema(s);
	if (mssql_engine_read(s->db, s->a, &s->engine, err))
		return -1;
	s->apply.engine = &s->engine;
	if (!s->table.exists || !replaces)
		return 0;
	if (mssql_ways_read(s->db, &s->engine, job, &s->table, s->staging, s->a, &s->ways, err))
		return -1;
	s->apply.ways = &s->ways;
	if (s->ways.way != MSSQL_SWITCH && s->ways.way != MSSQL_RENAME)
		return 0;
	s->apply.twin = &s->twin;
	return read_twin(s, &s->table, &s->twin, err);
}

int mssql_shape_read(struct mssql_shape *s, const struct tds_columns *cols, struct err *err)
{
	const uint8_t *collation = db_mssql_peer(s->db)->collation;
	const struct job *job = s->load->job;

	if (!job->target_table || !*job->target_table)
		return err_set(err, ERR_CONFIG, "target_table is empty");
	if (load_columns(s->load, cols, s->a, &s->cols, err) ||
		mssql_table_read(s->db, job->target_table, s->a, &s->table, err))
		return -1;
	s->text = shape_of(s, &s->table);
	if (!s->table.exists)
		mssql_table_design(&s->table, &s->cols, collation, s->a);
	if (mssql_table_match(&s->table, &s->cols, job, collation, s->a, &s->fit, err))
		return -1;
	s->apply = (struct mssql_apply){
		.db = s->db, .job = job, .table = &s->table, .fit = &s->fit, .cols = &s->cols, .arena = s->a};
	if (mssql_apply_keys(&s->apply, err) || choose_way(s, err))
		return -1;
	if (s->table.exists || job->create)
		return 0;
	err_set(err, ERR_NOT_FOUND, "there is no such table in the database '%s'",
		db_mssql_session(s->db)->database);
	return err_hint(err, "set create = yes, or: %s", create_sql(s));
}

/* --- what would be done --- */

static const char *column_text(struct mssql_shape *s, uint32_t i)
{
	const struct mssql_fit_column *f = &s->fit.v[i];
	const struct tds_column *from = &s->cols.v[i];
	char type[TDS_TYPE_TEXT_MAX], to[TDS_TYPE_TEXT_MAX];

	if (!f->to)
		return arena_printf(s->a, "column '%s' %s is not loaded", from->name,
			tds_type_format(from, type));
	return arena_printf(s->a, "column '%s' %s%s goes to '%s' %s%s: %s", from->name,
		tds_type_format(from, type), from->nullable ? "" : " not null", f->to->c.name,
		tds_type_format(&f->to->c, to), f->to->added ? ", which is added" : "",
		f->converted ? "each value is converted" : "its bytes pass");
}

/* The index is there before the rows, which come as it has them. Lanes would lock each other out. */
bool mssql_shape_sorted(struct mssql_shape *s, uint32_t lanes)
{
	return s->load->job->sorted && s->apply.twin && s->twin.order && lanes == 1 && mssql_twin_takes(&s->fit);
}

const char *mssql_shape_staging(struct mssql_shape *s)
{
	bool direct = s->apply.twin && mssql_twin_takes(&s->fit);
	const char *more = "";

	if (s->apply.twin && !direct)
		more = "; from there they go into the table that takes the target's place, since columns are not "
		       "the same, or rows may be kept aside";
	else if (s->load->job->sorted && !mssql_shape_sorted(s, 1))
		more = "; sorted = yes is of no use: only one range of a table with a clustered index is loaded into it";
	return arena_printf(s->a, "staging: %s in schema %s by INSERT BULK, %s%s%s",
		direct ? "the table that takes the target's place," : "a heap", s->staging,
		mssql_heap_logging(&s->engine, s->a), more,
		s->twin.columnstore ? "; row groups of the columnstore are as full as the rows are many" : "");
}

void mssql_shape_plan(struct mssql_shape *s, void (*say)(void *arg, const char *line), void *arg)
{
	const struct job *job = s->load->job;

	say(arg, s->table.exists ? arena_printf(s->a, "table %s is there", s->table.name)
				 : arena_printf(s->a, "the table is made: %s", create_sql(s)));
	for (uint32_t i = 0; i < s->fit.n; i++)
		say(arg, column_text(s, i));
	if (job->pre_sql)
		say(arg, arena_printf(s->a, "pre_sql %s: %s",
				 job->pre_sql_atomic ? "in the transaction that publishes"
						     : "by itself, before the load", job->pre_sql));
	say(arg, mssql_shape_staging(s));
	say(arg, mssql_apply_plan(&s->apply));
	if (job_replaces(job) || job->delete_missing)
		say(arg, arena_printf(s->a, "guards: min_rows %" PRId64 ", max_delete %s", job->min_rows,
				 job->max_delete ? job->max_delete : "none"));
	if (s->fit.numbered)
		say(arg, "rejects: what staging refuses is found by halves; rows that break a CHECK or foreign key "
			 "constraint or a unique index, or are no XML, by a statement each before publishing");
	if (job->post_sql)
		say(arg, arena_printf(s->a, "post_sql %s: %s",
				 job->post_sql_atomic ? "in the transaction that publishes"
						      : "by itself, after it", job->post_sql));
}

/* --- is it still so? --- */

/* What takes the table's place was made like it. */
static int check_twin(struct mssql_shape *s, const struct mssql_table *now, struct err *err)
{
	struct mssql_twin twin;

	if (!s->apply.twin)
		return 0;
	if (read_twin(s, now, &twin, err))
		return -1;
	if (strcmp(twin.text, s->twin.text) == 0)
		return 0;
	return err_set(err, ERR_TARGET, "an index, constraint or default of the table was altered while rows were "
					"being staged");
}

/* What stage() found must still hold. */
int mssql_shape_check(struct mssql_shape *s, struct err *err)
{
	struct mssql_table now;
	const char *shape;

	if (mssql_table_read(s->db, s->load->job->target_table, s->a, &now, err))
		return -1;
	shape = shape_of(s, &now);
	if (s->text && shape && strcmp(s->text, shape) == 0)
		return check_twin(s, &now, err);
	if (!s->text && !shape)
		return 0;
	return err_set(err, ERR_TARGET, "the table was %s while rows were being staged",
		!s->text ? "made" : !shape ? "dropped" : "altered");
}

int mssql_shape_make(struct mssql_shape *s, struct err *err)
{
	if (!s->table.exists)
		return db_exec(s->db, create_sql(s), err);
	for (uint32_t i = 0; i < s->table.n; i++)
		if (s->table.v[i].added &&
			db_exec(s->db, mssql_table_add_sql(&s->table, &s->table.v[i], s->a), err))
			return -1;
	return 0;
}
