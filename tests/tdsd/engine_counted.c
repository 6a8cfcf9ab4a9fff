#include "tests/tdsd/engine_counted.h"

#include <string.h>
#include <strings.h>

#define SCHEMA "tdsd_sink"

bool counted_is(const struct table *t)
{
	return t->database && t->schema && strcasecmp(t->schema, SCHEMA) == 0;
}

int counted_rows(struct session *s, const struct table *t, int64_t *ret)
{
	return sql_int(s, 0, ret, "SELECT rows FROM %s.sys_sinks WHERE object_id = %lld", t->where,
		(long long)t->id);
}

int counted_add(struct session *s, const struct table *t, const struct counted *c)
{
	return sql_execf(s,
		"INSERT INTO %s.sys_sinks VALUES (%lld, %lld, %lld, %lld) ON CONFLICT (object_id) DO "
		"UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes, hash = "
		"t_wrap(hash, excluded.hash)",
		t->where, (long long)t->id, (long long)c->rows, (long long)c->bytes,
		(long long)c->hash);
}

int counted_clear(struct session *s, const struct table *t)
{
	return sql_execf(s, "DELETE FROM %s.sys_sinks WHERE object_id = %lld", t->where,
		(long long)t->id);
}

static int take(struct session *s, const struct table *t, struct counted *ret)
{
	static const char *const columns[] = {"rows", "bytes", "hash"};
	int64_t v[3];

	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		if (sql_int(s, 0, &v[i], "SELECT %s FROM %s.sys_sinks WHERE object_id = %lld",
			    columns[i], t->where, (long long)t->id))
			return -1;
	*ret = (struct counted){(uint64_t)v[0], (uint64_t)v[1], (uint64_t)v[2]};
	return 0;
}

int counted_switch(struct session *s, const struct table *from, const struct table *to)
{
	struct counted c;

	return take(s, from, &c) || counted_add(s, to, &c) || counted_clear(s, from) ? -1 : 0;
}

int counted_insert(
	struct session *s, const struct stmt *st, const struct table *t, int64_t *ret_count)
{
	const struct query *q = st->query;
	struct counted c;
	struct table *from;

	if (!q || !q->from || q->from->kind != FROM_TABLE || q->where || q->n_group || q->top)
		return tsql_unsupported(&s->error, "any INSERT into " SCHEMA " but of all of a table");
	if (catalog_get(s, &q->from->name, &s->frame->arena, &from))
		return -1;
	if (!counted_is(from))
		return tsql_unsupported(&s->error, "an INSERT into " SCHEMA " from outside of it");
	if (take(s, from, &c) || counted_add(s, t, &c))
		return -1;
	*ret_count = (int64_t)c.rows;
	return 0;
}
