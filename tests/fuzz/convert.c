/*
 * Any bytes as a value of any type, converted to any other: what passes can be
 * encoded in the target and is decoded as the same; what went from text to text
 * comes back as it was. The first two bytes choose the columns.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tds/convert.h"

#define SCRATCH_MAX (1u << 22)

static const char *const types[] = {"tinyint", "smallint", "int", "bigint", "bit", "real", "float",
	"decimal(5,2)", "decimal(18,4)", "decimal(38,0)", "decimal(38,38)", "money", "smallmoney",
	"date", "time(0)", "time(7)", "datetime2(3)", "datetime2(7)", "datetimeoffset(7)",
	"datetime", "smalldatetime", "uniqueidentifier", "char(5)", "varchar(20)", "varchar(max)",
	"nchar(5)", "nvarchar(20)", "nvarchar(max)", "binary(3)", "varbinary(20)", "varbinary(max)",
	"xml", "sql_variant", "int not null"};

/* Of varchar(20), behind the types. */
static const uint8_t collations[][TDS_COLLATION_LEN] = {{0x09, 0x04, 0xD0, 0x00, 0x34},
	{0x19, 0x04, 0xD0, 0x00, 0x00}, {0x11, 0x04, 0xD0, 0x00, 0x00},
	{0x04, 0x08, 0xD0, 0x00, 0x00}, {0x0D, 0x04, 0xD0, 0x00, 0x00},
	{0x2A, 0x04, 0xD0, 0x00, 0x00}};

static struct tds_column column(uint8_t choice)
{
	struct tds_column c = {.name = "c"};
	struct err err = ERR_INIT;

	choice %= ARRAY_LEN(types) + ARRAY_LEN(collations) + 1;
	if (choice == ARRAY_LEN(types) + ARRAY_LEN(collations))
		return (struct tds_column){
			.name = "c", .type = TDS_SQLITE, .size = TDS_SIZE_MAX, .nullable = true};
	if (tds_type_parse(choice < ARRAY_LEN(types) ? types[choice] : "varchar(20)", &c, &err) < 0)
		abort();
	if (choice >= ARRAY_LEN(types))
		memcpy(c.collation, collations[choice - ARRAY_LEN(types)], TDS_COLLATION_LEN);
	return c;
}

static void check_fits(const struct tds_column *c, const struct tds_value *v)
{
	size_t size = tds_encoded_size(c, v);
	uint8_t *bytes = mem_alloc(size), *end = tds_encode(bytes, c, v);
	const uint8_t *p = bytes;
	struct err err = ERR_INIT;
	struct tds_value back;

	if ((size_t)(end - bytes) > size || tds_decode(&p, end, c, NULL, &back, &err) < 0 ||
		p != end || back.kind != v->kind)
		abort();
	if (!tds_type_is_padded(c->type) && tds_value_compare(v, &back) != 0)
		abort();
	free(bytes);
}

static bool is_text(const struct tds_column *c)
{
	return (tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type)) &&
	       !tds_type_is_padded(c->type);
}

static void check_back(
	const struct tds_conversion *plan, const struct tds_value *v, const struct tds_value *there)
{
	struct buf scratch = BUF_INIT(SCRATCH_MAX);
	struct tds_conversion back;
	struct err err = ERR_INIT;
	struct tds_value w;

	if (is_text(plan->from) && is_text(plan->to) &&
		tds_conversion_init(&back, plan->to, plan->from, &err) == 0 &&
		plan->from_text.number != 65001 && plan->from_text.number != 932 &&
		(tds_conversion_apply(&back, there, &scratch, &w, NULL, &err) < 0 ||
			tds_value_compare(&w, v) != 0))
		abort();
	buf_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data + 2, *end = data + size;
	struct buf scratch = BUF_INIT(SCRATCH_MAX), joined = BUF_INIT(SCRATCH_MAX);
	enum tds_loss loss = TDS_LOSS_NONE;
	struct tds_conversion plan;
	struct err err = ERR_INIT;
	struct tds_column from, to;
	struct tds_value v, w;

	if (size < 2)
		return 0;
	from = column(data[0]);
	to = column(data[1]);
	if (tds_conversion_init(&plan, &from, &to, &err) == 0 &&
		tds_decode(&p, end, &from, &joined, &v, &err) == 0) {
		if (tds_conversion_apply(&plan, &v, &scratch, &w, &loss, &err) == 0) {
			check_fits(&to, &w);
			check_back(&plan, &v, &w);
		} else if (err.code != ERR_LIMIT &&
			   (err.code != ERR_DATA || loss == TDS_LOSS_NONE)) {
			abort();
		}
	}
	buf_release(&scratch);
	buf_release(&joined);
	return 0;
}
