/*
 * Any bytes as a row: the scanner, cut anywhere, finds the same end (or error)
 * as in one piece; where the decoder takes a row, the scanner ends it at the
 * same byte, and where the scanner finds none, the decoder takes none. The
 * first bytes of the input choose columns and cut.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "tds/row.h"
#include "tds/scan.h"

#define COLUMNS_MAX 31
#define JOINED_MAX  (1u << 20)

static const char *const types[] = {"int", "int", "tinyint", "bigint", "bit", "real", "float",
	"decimal(18,2)", "decimal(38,0)", "date", "time(3)", "datetime2(7)", "datetimeoffset(0)",
	"varchar(max)", "varbinary(max)", "money", "smallmoney", "datetime", "smalldatetime",
	"uniqueidentifier", "char(5)", "varchar(50)", "nchar(3)", "nvarchar(50)", "nvarchar(max)",
	"binary(4)", "varbinary(300)", "xml", "sql_variant"};

/* Those that nobody declares. */
static const struct tds_column others[] = {
	{.type = TDS_SQLITE, .size = TDS_SIZE_MAX},
	{.type = TDS_UDT, .size = TDS_SIZE_MAX},
	{.type = TDS_OLD_TEXT, .size = TDS_PLP_MAX},
	{.type = TDS_OLD_NTEXT, .size = TDS_PLP_MAX},
	{.type = TDS_OLD_IMAGE, .size = TDS_PLP_MAX},
	{.type = TDS_NUMERICN, .precision = 5, .scale = 2},
	{.type = TDS_FIXINT1},
	{.type = TDS_FIXINT2},
	{.type = TDS_FIXINT4},
	{.type = TDS_FIXINT8},
	{.type = TDS_FIXBIT},
	{.type = TDS_FIXFLT4},
	{.type = TDS_FIXFLT8},
	{.type = TDS_FIXMONEY},
	{.type = TDS_FIXMONEY4},
	{.type = TDS_FIXDATETIME},
	{.type = TDS_FIXDATETIM4},
};

static struct tds_column column(uint8_t choice)
{
	struct tds_column c = {.name = "c"};
	struct err err = ERR_INIT;

	choice %= ARRAY_LEN(types) + ARRAY_LEN(others);
	if (choice >= ARRAY_LEN(types)) {
		c = others[choice - ARRAY_LEN(types)];
		tds_type_complete(&c);
	} else if (tds_type_parse(types[choice], &c, &err) < 0) {
		abort();
	}
	return c;
}

/* What is decoded is encoded to a value that decodes to the same. */
static void check_value(const struct tds_column *c, const struct tds_value *v)
{
	size_t size = tds_encoded_size(c, v);
	uint8_t *bytes = mem_alloc(size), *end = tds_encode(bytes, c, v);
	struct err err = ERR_INIT;
	const uint8_t *p = bytes;
	struct tds_value back;

	if ((size_t)(end - bytes) > size || tds_decode(&p, end, c, NULL, &back, &err) < 0 ||
		p != end || back.kind != v->kind)
		abort();
	if (!tds_type_is_padded(c->type) && tds_value_compare(v, &back) != 0)
		abort();
	free(bytes);
}

/* The row's size, or -1. */
static long decode(const struct tds_columns *cols, const uint8_t *data, size_t size)
{
	struct buf joined = BUF_INIT(JOINED_MAX);
	const uint8_t *p = data, *end = data + size;
	struct err err = ERR_INIT;
	struct tds_value v;
	int rc = size && *p++ == TDS_ROW_TOKEN ? 0 : -1;

	for (uint32_t i = 0; rc == 0 && i < cols->n; i++) {
		rc = tds_decode(&p, end, &cols->v[i], &joined, &v, &err);
		if (rc == 0)
			check_value(&cols->v[i], &v);
	}
	buf_release(&joined);
	return rc < 0 ? -1 : p - data;
}

/* As tds_scan_row, the data given in pieces. */
static int scan(const struct tds_columns *cols, const uint8_t *data, size_t size, size_t step,
	size_t *ret_end)
{
	struct tds_plan *plan = tds_plan_new(cols);
	struct tds_scan s = {.state = 0};
	struct err err = ERR_INIT;
	size_t used = 0, n;
	int rc = 0;

	*ret_end = 0;
	while (rc == 0 && *ret_end < size) {
		n = step < size - *ret_end ? step : size - *ret_end;
		rc = tds_scan_row(plan, &s, data + *ret_end, n, &used, &err);
		if (rc >= 0)
			*ret_end += used;
	}
	tds_plan_free(plan);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tds_column v[COLUMNS_MAX];
	struct tds_columns cols = {.v = v};
	size_t step, end, cut_end;
	int rc;
	long decoded;

	if (size < 2 || size < 2u + data[0] % COLUMNS_MAX)
		return 0;
	cols.n = data[0] % COLUMNS_MAX;
	step = 1u + data[1];
	for (uint32_t i = 0; i < cols.n; i++)
		v[i] = column(data[2 + i]);
	data += 2 + cols.n;
	size -= 2 + cols.n;
	rc = scan(&cols, data, size, size + 1, &end);
	if (scan(&cols, data, size, 1, &cut_end) != rc || (rc > 0 && cut_end != end))
		abort();
	if (scan(&cols, data, size, step, &cut_end) != rc || (rc > 0 && cut_end != end))
		abort();
	decoded = decode(&cols, data, size);
	if (decoded >= 0 && (rc != 1 || (size_t)decoded != end))
		abort();
	return 0;
}
