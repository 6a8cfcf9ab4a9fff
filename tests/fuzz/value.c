/*
 * Any text as a value of any type: what is taken prints as text that is taken
 * again, as the same value, which prints the same; it fits its encoding and
 * decodes. The first byte chooses the type. The same text goes through type and
 * column list parsers, which only must survive it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tds/declare.h"
#include "tds/row.h"

static const char *const types[] = {"tinyint", "smallint", "int", "bigint", "bit", "real", "float",
	"decimal(5,2)", "decimal(38,0)", "decimal(38,38)", "date", "time(0)", "time(7)",
	"datetime2(3)", "datetimeoffset(7)", "varchar(max)", "varbinary(max)", "money",
	"smallmoney", "datetime", "smalldatetime", "uniqueidentifier", "char(5)", "varchar(5)",
	"nchar(5)", "nvarchar(5)", "nvarchar(max)", "binary(3)", "varbinary(3)", "xml",
	"sql_variant"};

static bool is_bytes(const struct tds_value *v)
{
	return v->kind == TDS_TEXT || v->kind == TDS_HEX || v->kind == TDS_BLOB ||
	       v->kind == TDS_UTF16;
}

/* Text that was taken as UTF-16 is more than half as long. */
static bool same_length(
	const struct tds_column *c, const struct tds_value *v, const struct tds_value *back)
{
	if (tds_type_is_padded(c->type))
		return back->s.len == c->size;
	if (v->kind == TDS_TEXT && back->kind == TDS_UTF16)
		return 3 * (size_t)back->s.len >= 2 * (size_t)v->s.len &&
		       back->s.len <= 2 * v->s.len;
	return back->s.len == v->s.len;
}

static void check_printed(const struct tds_column *c, const struct tds_value *v)
{
	char text[TDS_PRINT_MAX], again[TDS_PRINT_MAX];
	struct err err = ERR_INIT;
	struct tds_value back;
	size_t len = tds_value_print(c, v, text);

	if (len != strlen(text) || tds_value_parse(c, text, len, &back, &err) < 0)
		abort();
	tds_value_print(c, &back, again);
	if (strcmp(text, again) != 0)
		abort();
}

static void check_encoded(const struct tds_column *c, const struct tds_value *v)
{
	size_t size = tds_encoded_size(c, v);
	uint8_t *bytes = mem_alloc(size), *end = tds_encode(bytes, c, v);
	const uint8_t *p = bytes;
	struct err err = ERR_INIT;
	struct tds_value back;

	if ((size_t)(end - bytes) > size || tds_decode(&p, end, c, NULL, &back, &err) < 0 ||
		p != end)
		abort();
	if (is_bytes(v) ? !same_length(c, v, &back) : back.kind != v->kind)
		abort();
	if (!is_bytes(v))
		check_printed(c, &back);
	free(bytes);
}

static void check_parsers(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	char *text = arena_strndup(&a, (const char *)data, size);
	struct tds_column c = {.name = "c"}, same = c;
	struct tds_columns cols;
	struct err err = ERR_INIT;

	if (tds_type_parse(text, &c, &err) == 0 &&
		(tds_type_parse(tds_type_print(&c, &a), &same, &err) < 0 || same.type != c.type ||
			same.size != c.size || same.scale != c.scale))
		abort();
	if (tds_declare_parse(text, &a, &cols, &err) == 0 && cols.n > TDS_COLUMNS_MAX)
		abort();
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tds_column c = {.name = "c"};
	struct err err = ERR_INIT;
	struct tds_value v;

	if (size == 0)
		return 0;
	if (tds_type_parse(types[data[0] % ARRAY_LEN(types)], &c, &err) < 0)
		abort();
	data++;
	size--;
	check_parsers(data, size);
	if (tds_value_parse(&c, (const char *)data, size, &v, &err) < 0)
		return 0;
	check_encoded(&c, &v);
	if (!is_bytes(&v))
		check_printed(&c, &v);
	return 0;
}
