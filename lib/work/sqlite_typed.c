#include "work/sqlite_typed.h"

#include <string.h>

#include "base/number.h"
#include "work/sqlite_table.h"

/* --- declarations --- */

/* The first of these words that the declaration has decides, then its affinity. */
static const struct {
	const char *word, *type; /* NULL: what tds_type_parse makes of the declaration */
} words[] = {
	{"bool", "bigint"}, /* and not bit: SQLite keeps a 2 in it, too */
	{"date", "varchar(max)"},
	{"time", "varchar(max)"},
	{"decimal", NULL},
	{"numeric", NULL},
};

static const char *type_of_affinity(const char *declared)
{
	switch (sqlite_affinity(declared)) {
	case AFFINITY_INTEGER:
		return "bigint";
	case AFFINITY_TEXT:
		return "varchar(max)";
	case AFFINITY_REAL:
		return "float";
	case AFFINITY_NONE:
		return *declared ? "varbinary(max)" : NULL;
	case AFFINITY_NUMERIC:
		break;
	}
	return NULL;
}

static const char *type_of(const char *declared)
{
	const char *type = type_of_affinity(declared);

	/* without digits in parentheses a decimal is any number */
	for (size_t i = 0; i < ARRAY_LEN(words) && !type; i++)
		if (strcasestr(declared, words[i].word))
			type = words[i].type           ? words[i].type
			       : strchr(declared, '(') ? declared
						       : "float";
	return type;
}

int sqlite_type_declared(const char *declared, struct tds_column *ret_column, struct err *err)
{
	struct tds_column c = {.nullable = ret_column->nullable, .name = ret_column->name};
	const char *type = type_of(declared ? declared : "");

	if (!declared || !*declared)
		return err_set(err, ERR_CONFIG, "it has no declared type");
	if (!type)
		return err_set(err, ERR_CONFIG, "its declared type '%s' does not say what is in it",
			declared);
	if (tds_type_parse(type, &c, err) < 0)
		return err_wrap(err, "declared type '%s'", declared);
	c.nullable = ret_column->nullable;
	*ret_column = c;
	return 0;
}

/* --- values --- */

static bool is_number(enum tds_type type)
{
	return type == TDS_INTN || type == TDS_BITN || type == TDS_FLTN || type == TDS_DECIMALN ||
	       type == TDS_MONEYN;
}

static bool is_bytes(enum tds_type type)
{
	return type == TDS_BIGVARBINARY || type == TDS_BIGBINARY;
}

/* Is the value of the column's own kind? Times are texts. */
static bool is_of(const struct tds_column *c, enum db_type type)
{
	switch (type) {
	case DB_INT:
	case DB_REAL:
		return is_number(c->type);
	case DB_BLOB:
		return is_bytes(c->type);
	case DB_TEXT:
		return !is_number(c->type) && !is_bytes(c->type);
	case DB_NULL:
		break;
	}
	return true;
}

static int refuse(const struct tds_column *c, const struct db_value *v, struct err *err)
{
	static const char *const kinds[] = {[DB_NULL] = "a null",
		[DB_INT] = "the integer " ERR_VALUE,
		[DB_REAL] = "the number " ERR_VALUE,
		[DB_TEXT] = "the text " ERR_VALUE,
		[DB_BLOB] = "bytes"};
	char type[TDS_TYPE_TEXT_MAX], text[NUMBER_PRINT_MAX];

	err_set(err, ERR_DATA, "%s in a column of %s", kinds[v->type], tds_type_format(c, type));
	if (v->type == DB_TEXT)
		return err_value(err, (const char *)v->s.data, v->s.len);
	if (v->type == DB_INT)
		return err_value(err, text, number_print_int(v->i, text));
	if (v->type == DB_REAL)
		return err_value(err, text, number_print_double(v->r, text));
	return -1;
}

int sqlite_typed_init(
	struct sqlite_typed *t, const struct tds_column *to, bool strict, struct err *err)
{
	static const struct tds_column dynamic = {.name = "", .type = TDS_SQLITE, .nullable = true};

	*t = (struct sqlite_typed){.to = to, .strict = strict};
	return tds_conversion_init(&t->plan, &dynamic, to, err);
}

static struct tds_value as_tds(const struct db_value *v)
{
	struct tds_value out = {.kind = TDS_NULL};

	switch (v->type) {
	case DB_NULL:
		break;
	case DB_INT:
		out.kind = TDS_INT;
		out.i = v->i;
		break;
	case DB_REAL:
		out.kind = TDS_REAL;
		out.r = v->r;
		break;
	case DB_TEXT:
	case DB_BLOB:
		out.kind = v->type == DB_TEXT ? TDS_TEXT : TDS_BLOB;
		out.s.data = v->s.data;
		out.s.len = (uint32_t)v->s.len;
		break;
	}
	return out;
}

int sqlite_typed_value(const struct sqlite_typed *t, const struct db_value *value,
	struct buf *scratch, struct tds_value *ret_value, struct err *err)
{
	struct tds_value v = as_tds(value);

	if (v.kind == TDS_NULL && !t->to->nullable)
		return err_set(err, ERR_DATA, "a null, and the column is declared not null");
	if (t->strict && !is_of(t->to, value->type))
		return refuse(t->to, value, err);
	return tds_conversion_apply(&t->plan, &v, scratch, ret_value, NULL, err);
}
