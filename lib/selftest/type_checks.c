/* Each type by itself: made, filled, copied into a table that is made for it and into one that is there. */
#include <inttypes.h>

#include "selftest/selftest_private.h"
#include "selftest/types.h"

#define SAME_BYTES(column) " AND CAST(s." column " AS varbinary(max)) = CAST(d." column " AS varbinary(max))"

/* What the server itself takes for the same: independent of how we read. */
static int same_at_server(struct selftest *t, const struct selftest_type *type, const char *from, const char *to,
	struct err *err)
{
	const char *count;

	if (selftest_value(t, t->db, arena_printf(t->arena, "SELECT COUNT(*) FROM %s", from), &count, err))
		return -1;
	return selftest_expect(t, "rows that are the same for the server",
		arena_printf(t->arena,
			"SELECT COUNT(*) FROM %s AS s JOIN %s AS d ON d.id = s.id WHERE ((s.v IS NULL AND d.v IS NULL)"
			" OR (DATALENGTH(s.v) = DATALENGTH(d.v)%s)) AND DATALENGTH(s.w) = DATALENGTH(d.w)%s",
			from, to, type->loose ? "" : SAME_BYTES("v"), type->loose ? "" : SAME_BYTES("w")),
		count, err);
}

static int compare(struct selftest *t, const struct selftest_type *type, const char *from, const char *to, struct err *err)
{
	if (selftest_same(t, arena_printf(t->arena, "SELECT id, v, w FROM %s ORDER BY id", from),
		    arena_printf(t->arena, "SELECT id, v, w FROM %s ORDER BY id", to), type->other, err))
		return -1;
	return same_at_server(t, type, from, to, err);
}

static int try_type(struct selftest *t, void *arg, struct err *err)
{
	const struct selftest_type *type = arg;
	size_t i = (size_t)(type - selftest_type_table);
	const char *from = arena_printf(t->arena, S "from_%zu", i), *to = arena_printf(t->arena, S "to_%zu", i),
		   *job = arena_printf(t->arena, "type_%zu", i);

	if (selftest_sql(t, err, "%s", selftest_type_sql(type, from, t->arena)) ||
		selftest_sql(t, err, "SELECT v FROM %s", from))
		return type->optional && db_mssql_alive(t->db)
			       ? selftest_skip(t, "this server cannot make it: %s", err->msg)
			       : -1;
	if (selftest_load(t, job, err, "load_mode = append\nverify = digest\nsource_table = %s\ntarget_table = %s", from,
		    to))
		return -1;
	if (compare(t, type, from, to, err))
		return err_wrap(err, "in a table that was made for it");
	if (selftest_load(t, job, err, "load_mode = truncate\nverify = digest\nsource_table = %s\ntarget_table = %s",
		    from, to))
		return -1;
	if (compare(t, type, from, to, err))
		return err_wrap(err, "in a table that was there");
	t->arrives[i] = !type->alone;
	return selftest_sql(t, err, "DROP TABLE %s; DROP TABLE %s", from, to);
}

void selftest_types(struct selftest *t)
{
	for (size_t i = 0; i < n_selftest_types; i++)
		selftest_try(t, "type", selftest_type_table[i].declared, try_type, (void *)&selftest_type_table[i]);
}
