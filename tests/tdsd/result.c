#include "tests/tdsd/result.h"

#include <string.h>

#include "tds/info.h"
#include "tds/row.h"

#define FLAG_UPDATEABLE_UNKNOWN 0x08 /* what a server says of a table's column */
#define NAME_UNITS              255
#define NO_COLUMNS              0xFFFF
#define UDT_BYTES               0xFFFF /* of a value at most: it is a PLP */

/* --- COLMETADATA ------------------------------------------------------------------ */

/* MS-TDS 2.2.5.5.2 of a type that every SQL Server has. */
static void put_udt(struct wire *w)
{
	wire_put8(w, TDS_UDT);
	wire_put16(w, UDT_BYTES);
	token_put_text(w, 1, "master", NAME_UNITS);
	token_put_text(w, 1, "sys", NAME_UNITS);
	token_put_text(w, 1, "hierarchyid", NAME_UNITS);
	token_put_text(w, 2,
		"Microsoft.SqlServer.Types.SqlHierarchyId, Microsoft.SqlServer.Types, "
		"Version=11.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91",
		NAME_UNITS);
}

void result_type(struct wire *w, const struct tds_column *c)
{
	uint8_t info[TDS_INFO_MAX], *end;

	if (c->type == TDS_UDT) {
		put_udt(w);
		return;
	}
	end = tds_info_encode(info, c);
	wire_put(w, info, (size_t)(end - info));
}

/* Its table: the engine does not tell which, and there must be one. */
static void put_table_name(struct wire *w, enum tds_level level)
{
	if (level >= TDS_7_2) {
		wire_put8(w, 2);
		token_put_text(w, 2, "dbo", NAME_UNITS);
	}
	token_put_text(w, 2, "unnamed", NAME_UNITS);
}

static void put_column(struct wire *w, enum tds_level level, const struct tds_column *c)
{
	unsigned flags = (c->nullable ? TDS_FLAG_NULLABLE : 0) |
			 (c->identity ? TDS_FLAG_IDENTITY : 0) |
			 (c->computed ? TDS_FLAG_COMPUTED : 0);

	if (!c->identity && !c->computed)
		flags |= FLAG_UPDATEABLE_UNKNOWN;
	if (level < TDS_7_2)
		wire_put16(w, c->user_type);
	else
		wire_put32(w, c->user_type);
	wire_put16(w, flags);
	result_type(w, c);
	if (tds_form(c) == TDS_FORM_TEXTPTR)
		put_table_name(w, level);
	token_put_text(w, 1, c->name, NAME_UNITS);
}

void result_columns(struct wire *w, enum tds_level level, const struct tds_columns *cols)
{
	wire_put8(w, TOKEN_COLMETADATA);
	wire_put16(w, cols->n ? cols->n : NO_COLUMNS);
	for (uint32_t i = 0; i < cols->n; i++)
		put_column(w, level, &cols->v[i]);
}

/* --- values ----------------------------------------------------------------------- */

static bool skip_plp(struct bytes *b, bool *ret_null)
{
	uint64_t total = bytes_number(b, 8), chunk;

	*ret_null = total == TDS_PLP_NULL;
	if (*ret_null)
		return !b->cut;
	while (!b->cut && (chunk = bytes_number(b, 4)) > 0)
		(void)bytes_take(b, chunk);
	return !b->cut;
}

static bool skip_textptr(struct bytes *b, bool *ret_null)
{
	uint64_t pointer = bytes_number(b, 1);

	*ret_null = pointer == 0;
	if (*ret_null)
		return !b->cut;
	(void)bytes_take(b, pointer + 8);
	(void)bytes_take(b, bytes_number(b, 4));
	return !b->cut;
}

bool result_skip_value(struct bytes *b, const struct tds_column *c, bool *ret_null)
{
	uint64_t len = 0;

	*ret_null = false;
	switch (tds_form(c)) {
	case TDS_FORM_FIXED:
		len = c->size;
		break;
	case TDS_FORM_SIZED:
		len = bytes_number(b, 1);
		*ret_null = len == 0;
		break;
	case TDS_FORM_USHORT:
		len = bytes_number(b, 2);
		*ret_null = len == TDS_USHORT_NULL;
		len = *ret_null ? 0 : len;
		break;
	case TDS_FORM_LONG:
		len = bytes_number(b, 4);
		*ret_null = len == 0;
		break;
	case TDS_FORM_PLP:
		return skip_plp(b, ret_null);
	case TDS_FORM_TEXTPTR:
		return skip_textptr(b, ret_null);
	case TDS_FORM_SQLITE:
	case TDS_FORM_NONE:
		return false;
	}
	(void)bytes_take(b, len);
	return !b->cut;
}

/* --- rows ------------------------------------------------------------------------- */

/* What the nulls of a row take; `bitmap` has one bit per column (MS-TDS 2.2.7.15). */
static size_t find_nulls(const struct tds_columns *cols, struct bytes b, uint8_t *bitmap)
{
	size_t saved = 0;

	memset(bitmap, 0, (cols->n + 7) / 8);
	for (uint32_t i = 0; i < cols->n; i++) {
		const uint8_t *start = b.p;
		bool null;

		if (!result_skip_value(&b, &cols->v[i], &null))
			return 0;
		if (!null)
			continue;
		bitmap[i / 8] |= (uint8_t)(1 << i % 8);
		saved += (size_t)(b.p - start);
	}
	return saved;
}

/* As a server does: where it makes the row no longer. */
static bool wants_nbc(enum nbc_policy nbc, const struct tds_columns *cols, size_t saved)
{
	return nbc == NBC_ALWAYS || (nbc == NBC_AUTO && saved && saved >= (cols->n + 7) / 8);
}

size_t result_nbc_row(uint8_t *out, enum nbc_policy nbc, const struct tds_columns *cols,
	const uint8_t *row, size_t len)
{
	struct bytes b = {.p = row + 1, .end = row + len};
	uint8_t *bitmap = out + 1, *p = bitmap + (cols->n + 7) / 8;

	if (!wants_nbc(nbc, cols, find_nulls(cols, b, bitmap))) {
		memcpy(out, row, len);
		return len;
	}
	out[0] = TOKEN_NBCROW;
	for (uint32_t i = 0; i < cols->n; i++) {
		const uint8_t *start = b.p;
		bool null;

		(void)result_skip_value(&b, &cols->v[i], &null);
		if (!null)
			p = tds_put_bytes(p, start, (uint32_t)(b.p - start));
	}
	return (size_t)(p - out);
}

static void put_nbc_row(
	struct wire *w, const struct tds_columns *cols, struct bytes b, const uint8_t *bitmap)
{
	wire_put8(w, TOKEN_NBCROW);
	wire_put(w, bitmap, (cols->n + 7) / 8);
	for (uint32_t i = 0; i < cols->n; i++) {
		const uint8_t *start = b.p;
		bool null;

		(void)result_skip_value(&b, &cols->v[i], &null);
		if (!null)
			wire_put(w, start, (size_t)(b.p - start));
	}
}

void result_row(struct wire *w, enum tds_level level, enum nbc_policy nbc,
	const struct tds_columns *cols, const uint8_t *row, size_t len)
{
	uint8_t bitmap[(TDS_COLUMNS_MAX + 7) / 8];
	struct bytes values = {.p = row + 1, .end = row + len};

	if (nbc != NBC_NEVER && level >= TDS_7_3B &&
		wants_nbc(nbc, cols, find_nulls(cols, values, bitmap)))
		put_nbc_row(w, cols, values, bitmap);
	else
		wire_put(w, row, len);
}

/* --- bulk loads ------------------------------------------------------------------- */

/* FreeTDS sends decimals with as few bytes as their precision needs, and says so; SQL Server takes it. */
static int take_bulk_type(struct bytes *b, struct tds_column *c, struct err *err)
{
	bool decimal = b->end - b->p >= 4 && (b->p[0] == TDS_DECIMALN || b->p[0] == TDS_NUMERICN);
	uint8_t copy[4], size;
	const uint8_t *p = copy;

	if (!decimal || b->p[2] > TDS_DECIMAL_DIGITS_MAX)
		return tds_info_decode(&b->p, b->end, c, err);
	memcpy(copy, b->p, sizeof(copy));
	size = copy[1];
	copy[1] = (uint8_t)tds_decimal_size(copy[2]);
	b->p += sizeof(copy);
	if (tds_info_decode(&p, copy + sizeof(copy), c, err) < 0)
		return -1;
	if (size >= 2 && size < c->size)
		c->size = size;
	return 0;
}

static int take_bulk_column(struct bytes *b, enum tds_level level, struct arena *a,
	struct tds_column *c, struct err *err)
{
	unsigned flags;

	c->user_type = (uint32_t)bytes_number(b, level < TDS_7_2 ? 2 : 4);
	flags = (unsigned)bytes_number(b, 2);
	if (b->cut)
		return err_set(err, ERR_DATA, "a bulk load ends within its columns");
	c->nullable = flags & TDS_FLAG_NULLABLE;
	c->identity = flags & TDS_FLAG_IDENTITY;
	if (take_bulk_type(b, c, err) < 0)
		return -1;
	if (tds_form(c) == TDS_FORM_TEXTPTR)
		(void)bytes_take(b, 2 * bytes_number(b, 2));
	c->name = bytes_text(b, bytes_number(b, 1), a);
	return b->cut ? err_set(err, ERR_DATA, "a bulk load ends within its columns") : 0;
}

int result_take_bulk_columns(struct bytes *b, enum tds_level level, struct arena *a,
	struct tds_columns *ret_columns, struct err *err)
{
	struct tds_columns cols = {.n = (uint32_t)bytes_number(b, 2)};

	if (b->cut)
		return err_set(err, ERR_DATA, "a bulk load ends within its columns");
	if (cols.n == 0 || cols.n > TDS_COLUMNS_MAX)
		return err_set(err, ERR_DATA, "a bulk load of %u columns", (unsigned)cols.n);
	cols.v = arena_array(a, cols.n, sizeof(*cols.v));
	for (uint32_t i = 0; i < cols.n; i++)
		if (take_bulk_column(b, level, a, &cols.v[i], err) < 0)
			return -1;
	*ret_columns = cols;
	return 0;
}
