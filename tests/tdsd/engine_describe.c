/* What columns a query will give: sys.dm_exec_describe_first_result_set, sp_describe_first_result_set. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_sysview.h"
#include "tests/tdsd/tsql_parse.h"

static const struct sysview view = {"sys", "dm_exec_describe_first_result_set",
	"is_hidden bit, column_ordinal int, name sysname null, is_nullable bit, system_type_id int, "
	"system_type_name nvarchar(256) null, max_length smallint, precision tinyint, scale tinyint, "
	"collation_name sysname null, user_type_id int null, user_type_database sysname null, "
	"user_type_schema sysname null, user_type_name sysname null, assembly_qualified_type_name "
	"nvarchar(4000) null, xml_collection_id int null, xml_collection_database sysname null, "
	"xml_collection_schema sysname null, xml_collection_name sysname null, is_xml_document bit, "
	"is_case_sensitive bit, is_fixed_length_clr_type bit, source_server sysname null, source_database "
	"sysname null, source_schema sysname null, source_table sysname null, source_column sysname null, "
	"is_identity_column bit null, is_part_of_unique_key bit null, is_updateable bit null, "
	"is_computed_column bit null, is_sparse_column_set bit null, ordinal_in_order_by_list smallint null, "
	"order_by_list_length smallint null, order_by_is_descending smallint null, error_number int null, "
	"error_severity int null, error_state int null, error_message nvarchar(4000) null, error_type int null, "
	"error_type_desc nvarchar(60) null",
	NULL, false};

/* The first statement that gives rows, whatever is around it. */
static const struct query *first_query(const struct stmt *st)
{
	const struct query *q = NULL;

	if (!st)
		return NULL;
	if (st->kind == ST_SELECT && !st->query->into.part[NAME_OBJECT] &&
		!(st->query->n_items && st->query->items[0].var))
		return st->query;
	for (size_t i = 0; i < st->n && !q; i++)
		q = first_query(st->v[i]);
	if (!q)
		q = first_query(st->then_);
	return q ? q : first_query(st->else_);
}

static int text_of(struct translator *t, const struct from *f, size_t i, const char **ret)
{
	*ret = NULL;
	return i < f->call->n ? eval_text(t->s, f->call->v[i], ret) : 0;
}

/* Parameters are variables that are null: it is their types that count. */
static int add_params(struct session *s, const char *params, struct frame *frame)
{
	struct var_def *v;
	size_t n;

	if (!params)
		return 0;
	if (tsql_parse_params(params, strlen(params), &frame->arena, &v, &n, &s->error))
		return -1;
	for (size_t i = 0; i < n; i++)
		frame_add(frame, v[i].name)->type = v[i].type;
	return 0;
}

/* And what the batch itself declares. */
static void add_declared(const struct stmt *st, struct frame *frame)
{
	for (size_t i = 0; i < st->n_vars; i++)
		if (!st->vars[i].table && !frame_find(frame, st->vars[i].name))
			frame_add(frame, st->vars[i].name)->type = st->vars[i].type;
	for (size_t i = 0; i < st->n; i++)
		add_declared(st->v[i], frame);
}

static int describe(struct translator *t, const char *sql, const char *params, struct translated *ret)
{
	struct translator inner = {.s = t->s, .a = t->a, .schema_only = true};
	struct frame frame = {.outer = t->s->frame};
	const struct query *q;
	struct stmt *st;
	int rc;

	*ret = (struct translated){0};
	if (tsql_parse(sql, strlen(sql), t->s->options.quoted_identifier, t->a, &st, &t->s->error))
		return -1;
	q = first_query(st);
	if (!q)
		return 0;
	rc = add_params(t->s, params, &frame);
	add_declared(st, &frame);
	t->s->frame = &frame;
	if (rc == 0)
		rc = tr_query(&inner, q, ret);
	t->s->frame = frame.outer;
	arena_release(&frame.arena);
	return rc;
}

static int max_length(const struct tds_column *c)
{
	return c->size == TDS_SIZE_MAX ? -1 : tds_form(c) == TDS_FORM_TEXTPTR ? 16 : (int)c->size;
}

static void put_row(struct translator *t, size_t i, const struct tds_column *c, struct buf *sql)
{
	bool text = engine_type_class(c) == TC_TEXT && c->type != TDS_XML;
	const char *collation = text ? engine_collation_name(c->collation, t->a) : NULL;
	bool named = c->name && c->name[0];

	buf_printf(sql,
		"%sSELECT 0, %zu, %s, %d, %d, %s, %d, %d, %d, %s, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
		"NULL, NULL, 0, %d, 0, NULL, NULL, NULL, NULL, NULL, %d, NULL, %d, %d, 0, NULL, NULL, NULL, "
		"NULL, NULL, NULL, NULL, NULL, NULL",
		i ? " UNION ALL " : "", i + 1, named ? sql_quote(t->a, c->name) : "NULL", c->nullable,
		engine_system_type(c), sql_quote(t->a, engine_type_print(c, t->a)), max_length(c),
		(int)engine_precision(c), engine_type_class(c) == TC_MONEY ? 4 : c->scale,
		collation ? sql_quote(t->a, collation) : "NULL",
		text && strstr(engine_collation_sqlite(c->collation), "CI") == NULL, c->identity,
		!c->identity && !c->computed, c->computed);
}

int tr_describe(struct translator *t, const struct from *f, const char **ret_sql)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(8 * 1024 * 1024);
	const char *text, *params;
	struct translated q;
	struct relation *r;

	if (text_of(t, f, 0, &text) || text_of(t, f, 1, &params) || describe(t, text ? text : "", params, &q))
		return -1;
	r = scope_add(t);
	r->alias = f->alias ? f->alias : view.name;
	if (sysview_columns(t, &view, r))
		return -1;
	for (size_t i = 0; i < q.n; i++)
		put_row(t, i, &q.v[i], &sql);
	if (q.n == 0) {
		buf_adds(&sql, "SELECT NULL");
		for (size_t i = 1; i < r->n; i++)
			buf_adds(&sql, ", NULL");
		buf_adds(&sql, " WHERE 0");
	}
	*ret_sql = arena_printf(t->a, "(%s) AS %s", sysview_named(t, buf_str(&sql), r->n), r->sql_alias);
	return 0;
}
