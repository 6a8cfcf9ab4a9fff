#include "work/sqlite_typed.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
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

static bool is_text(enum tds_type type)
{
	return tds_type_is_narrow(type) || tds_type_is_utf16(type);
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

static int refuse(
	const struct tds_column *c, const struct db_value *v, const char *why, struct err *err)
{
	static const char *const kinds[] = {[DB_INT] = "the integer",
		[DB_REAL] = "the number",
		[DB_TEXT] = "the text",
		[DB_BLOB] = "bytes"};
	char type[TDS_TYPE_TEXT_MAX], text[NUMBER_PRINT_MAX];

	err_set(err, ERR_DATA, "%s%s %s %s", kinds[v->type],
		v->type == DB_BLOB ? "" : " " ERR_VALUE, why, tds_type_format(c, type));
	if (v->type == DB_TEXT)
		return err_value(err, (const char *)v->s.data, v->s.len);
	if (v->type == DB_INT)
		return err_value(err, text, number_print_int(v->i, text));
	if (v->type == DB_REAL)
		return err_value(err, text, number_print_double(v->r, text));
	return -1;
}

static bool same(double a, double b)
{
	return a <= b && a >= b;
}

/* Up to 2^63 and back: the cast of what is beyond has no meaning. */
static bool is_int(double r, int64_t *ret)
{
	const double limit = 9223372036854775808.0;

	if (!(r >= -limit && r < limit) || !same((double)(int64_t)r, r))
		return false;
	*ret = (int64_t)r;
	return true;
}

static int to_int(const struct tds_column *c, const struct db_value *from, struct tds_value *ret,
	struct err *err)
{
	unsigned bits = c->type == TDS_BITN ? 1 : 8 * c->size;
	bool is_signed = bits > 8;
	int64_t max = (int64_t)(UINT64_MAX >> (64 - bits + is_signed)),
		min = is_signed ? -max - 1 : 0;

	ret->kind = TDS_INT;
	ret->i = from->i;
	if (from->type == DB_REAL && !is_int(from->r, &ret->i))
		return refuse(c, from, "is not one of", err);
	if (ret->i < min || ret->i > max)
		return refuse(c, from, "is beyond the range of", err);
	return 0;
}

static int to_float(const struct tds_column *c, const struct db_value *from, struct tds_value *ret,
	struct err *err)
{
	int64_t back;

	ret->kind = TDS_REAL;
	ret->r = from->type == DB_INT ? (double)from->i : from->r;
	if (from->type == DB_INT && (!is_int(ret->r, &back) || back != from->i))
		return refuse(c, from, "has more digits than", err);
	if (c->size == sizeof(float) && !same((double)(float)ret->r, ret->r))
		return refuse(c, from, "has more digits than", err);
	return 0;
}

static int from_text(const struct tds_column *c, const struct db_value *from, struct tds_value *ret,
	struct err *err)
{
	if (tds_type_is_narrow(c->type) && !utf8_is_valid(from->s.data, from->s.len))
		return err_set(err, ERR_DATA, "the text is not valid UTF-8");
	return tds_value_parse(c, (const char *)from->s.data, from->s.len, ret, err);
}

/* The fewest digits that mean the number are those that somebody wrote: 2.1, not what its bits are.
 */
static int from_number(const struct tds_column *c, const struct db_value *from,
	char scratch[TDS_PRINT_MAX], struct tds_value *ret, struct err *err)
{
	size_t len;

	if (c->type == TDS_INTN || c->type == TDS_BITN)
		return to_int(c, from, ret, err);
	if (c->type == TDS_FLTN)
		return to_float(c, from, ret, err);
	if ((!is_number(c->type) && !is_text(c->type)) ||
		(from->type == DB_REAL && !isfinite(from->r)))
		return refuse(c, from, "is not one of", err);
	len = from->type == DB_INT ? number_print_int(from->i, scratch)
				   : number_print_double(from->r, scratch);
	return tds_value_parse(c, scratch, len, ret, err);
}

int sqlite_value_typed(const struct tds_column *c, bool strict, const struct db_value *value,
	char scratch[TDS_PRINT_MAX], struct tds_value *ret_value, struct err *err)
{
	if (strict && !is_of(c, value->type))
		return refuse(c, value, "in a column of", err);
	switch (value->type) {
	case DB_INT:
	case DB_REAL:
		return from_number(c, value, scratch, ret_value, err);
	case DB_TEXT:
		return from_text(c, value, ret_value, err);
	case DB_BLOB:
		break;
	case DB_NULL:
		ret_value->kind = TDS_NULL;
		return 0;
	}
	if (!is_bytes(c->type))
		return refuse(c, value, "in a column of", err);
	if (value->s.len > c->size)
		return err_set(err, ERR_DATA, "%zu bytes are more than %u", value->s.len, c->size);
	*ret_value =
		(struct tds_value){.kind = TDS_BLOB, .s = {value->s.data, (uint32_t)value->s.len}};
	return 0;
}
