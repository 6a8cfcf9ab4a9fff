/* Dynamic data masking: what a login without UNMASK reads of a masked column. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_storage.h"

#define DAYS_1900_TICKS 599266080000000000LL /* 1900-01-01, of 100 ns since 0001-01-01 */

/* default(): four x, zero, 1900-01-01 or one zero byte */
static const char *by_default(struct arena *a, const struct tds_column *c, const char *sql)
{
	switch (engine_type_class(c)) {
	case TC_TEXT:
		return arena_printf(a, "CASE WHEN %s IS NOT NULL THEN '%.*s' END", sql,
			(int)(c->size == TDS_SIZE_MAX          ? 4
				: tds_type_is_utf16(c->type)   ? (c->size / 2 < 4 ? c->size / 2 : 4)
				: c->size < 4                  ? c->size
							       : 4),
			"xxxx");
	case TC_BYTES:
		return arena_printf(a, "CASE WHEN %s IS NOT NULL THEN x'00' END", sql);
	case TC_DATETIME:
		return arena_printf(
			a, "CASE WHEN %s IS NOT NULL THEN %lld END", sql, DAYS_1900_TICKS);
	default:
		return NULL;
	}
}

/* partial(prefix, "padding", suffix) */
static const char *by_parts(struct arena *a, const char *mask, const char *sql)
{
	const char *open = strchr(mask, '('), *quote = strchr(mask, '"'), *end = strrchr(mask, '"');
	int prefix, suffix;
	const char *padding;

	if (!open || !quote || end == quote || !strchr(end, ','))
		return NULL;
	prefix = atoi(open + 1);
	suffix = atoi(strchr(end, ',') + 1);
	padding = sql_quote(a, arena_strndup(a, quote + 1, (size_t)(end - quote - 1)));
	return arena_printf(a,
		"CASE WHEN length(%s) > %d THEN substr(%s, 1, %d) || %s || CASE WHEN %d THEN "
		"substr(%s, -%d) ELSE '' END WHEN %s IS NOT NULL THEN %s END",
		sql, prefix + suffix, sql, prefix, padding, suffix, sql, suffix ? suffix : 1, sql,
		padding);
}

/* As text, then what the column's type makes of it. */
static int masked(struct translator *t, const struct table_column *c, const char *sql,
	const char **ret)
{
	struct tds_column bigint = engine_int_type(8);
	struct term zero = {.sql = "0", .type = bigint};
	bool text = engine_type_class(&c->type) == TC_TEXT;

	*ret = NULL;
	if (text && strncasecmp(c->mask, "email", 5) == 0)
		*ret = arena_printf(t->a,
			"CASE WHEN %s IS NOT NULL THEN substr(%s, 1, 1) || 'XXX@XXXX.com' END", sql, sql);
	else if (text && strncasecmp(c->mask, "partial", 7) == 0)
		*ret = by_parts(t->a, c->mask, sql);
	if (!*ret)
		*ret = by_default(t->a, &c->type, sql);
	if (*ret)
		return 0;
	if (tr_cast(t, &zero, &c->type, -1, CAST_EXPLICIT, ret))
		return -1;
	*ret = arena_printf(t->a, "CASE WHEN %s IS NOT NULL THEN %s END", sql, *ret);
	return 0;
}

int mask_columns(struct translator *t, const struct table *table, struct relation *r)
{
	bool seen = true, asked = false;

	for (size_t i = 0; i < table->n; i++) {
		if (!table->v[i].mask)
			continue;
		if (!asked && permit_unmask(t->s, table, &seen))
			return -1;
		asked = true;
		if (!seen && masked(t, &table->v[i], r->v[i].sql, &r->v[i].sql))
			return -1;
	}
	return 0;
}
