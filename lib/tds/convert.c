#include "tds/convert.h"

#include <stdio.h>
#include <string.h>

#include "tds/collation.h"
#include "tds/convert_private.h"

/* Types whose values are converted in the same way. */
enum class {
	CLASS_INT, /* and bit */
	CLASS_DECIMAL,
	CLASS_FLOAT,
	CLASS_DATE,
	CLASS_TIME,
	CLASS_DATETIME,
	CLASS_OFFSET,
	CLASS_TEXT,
	CLASS_BYTES,
	CLASS_UUID,
	CLASS_VARIANT,
	CLASS_CLR,
	CLASS_SQLITE,
	CLASS_COUNT,
};

static tds_conversion_fn from_sqlite, decimal_to_sqlite, float_to_sqlite, any_to_sqlite;
static tds_verdict_fn always, looked_at;

/* Pairs that are not in here have no way from one to the other. */
static const struct cell {
	tds_conversion_fn *fn;
	tds_verdict_fn *verdict;
} table[CLASS_COUNT][CLASS_COUNT] = {
	[CLASS_INT] =
		{
			[CLASS_INT] = {convert_int_int, verdict_int_int},
			[CLASS_DECIMAL] = {convert_int_decimal, verdict_int_decimal},
			[CLASS_FLOAT] = {convert_int_float, verdict_int_float},
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_SQLITE] = {convert_copy, always},
		},
	[CLASS_DECIMAL] =
		{
			[CLASS_INT] = {convert_decimal_int, verdict_decimal_int},
			[CLASS_DECIMAL] = {convert_decimal_decimal, verdict_decimal_decimal},
			[CLASS_FLOAT] = {convert_decimal_float, verdict_decimal_float},
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_SQLITE] = {decimal_to_sqlite, always},
		},
	[CLASS_FLOAT] =
		{
			[CLASS_INT] = {convert_float_int, looked_at},
			[CLASS_DECIMAL] = {convert_float_decimal, looked_at},
			[CLASS_FLOAT] = {convert_float_float, verdict_float_float},
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_SQLITE] = {float_to_sqlite, looked_at},
		},
	[CLASS_DATE] =
		{
			[CLASS_DATE] = {convert_copy, always},
			[CLASS_DATETIME] = {convert_date_datetime, verdict_date_datetime},
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_SQLITE] = {any_to_sqlite, always},
		},
	[CLASS_TIME] =
		{
			[CLASS_TIME] = {convert_time_time, verdict_time_time},
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_SQLITE] = {any_to_sqlite, always},
		},
	[CLASS_DATETIME] =
		{
			[CLASS_DATE] = {convert_datetime_date, looked_at},
			[CLASS_DATETIME] = {convert_time_time, verdict_time_time},
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_SQLITE] = {any_to_sqlite, always},
		},
	[CLASS_OFFSET] =
		{
			[CLASS_OFFSET] = {convert_time_time, verdict_time_time},
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_SQLITE] = {any_to_sqlite, always},
		},
	[CLASS_TEXT] =
		{
			[CLASS_INT] = {convert_text_any, looked_at},
			[CLASS_DECIMAL] = {convert_text_any, looked_at},
			[CLASS_FLOAT] = {convert_text_any, looked_at},
			[CLASS_DATE] = {convert_text_any, looked_at},
			[CLASS_TIME] = {convert_text_any, looked_at},
			[CLASS_DATETIME] = {convert_text_any, looked_at},
			[CLASS_OFFSET] = {convert_text_any, looked_at},
			[CLASS_TEXT] = {convert_text_text, verdict_text_text},
			[CLASS_BYTES] = {convert_text_any, looked_at},
			[CLASS_UUID] = {convert_text_any, looked_at},
			[CLASS_SQLITE] = {convert_text_text, verdict_text_text},
		},
	[CLASS_BYTES] =
		{
			[CLASS_TEXT] = {convert_bytes_text, verdict_bytes_text},
			[CLASS_BYTES] = {convert_bytes_bytes, verdict_bytes_bytes},
			[CLASS_SQLITE] = {convert_copy, always},
		},
	[CLASS_UUID] =
		{
			[CLASS_TEXT] = {convert_any_text, verdict_any_text},
			[CLASS_UUID] = {convert_copy, always},
			[CLASS_SQLITE] = {any_to_sqlite, always},
		},
	[CLASS_VARIANT] = {[CLASS_VARIANT] = {convert_copy, always}},
	[CLASS_CLR] =
		{
			[CLASS_BYTES] = {convert_bytes_bytes, verdict_bytes_bytes},
			[CLASS_CLR] = {convert_copy, always},
			[CLASS_SQLITE] = {convert_copy, always},
		},
	[CLASS_SQLITE] =
		{
			[CLASS_INT] = {from_sqlite, looked_at},
			[CLASS_DECIMAL] = {from_sqlite, looked_at},
			[CLASS_FLOAT] = {from_sqlite, looked_at},
			[CLASS_DATE] = {from_sqlite, looked_at},
			[CLASS_TIME] = {from_sqlite, looked_at},
			[CLASS_DATETIME] = {from_sqlite, looked_at},
			[CLASS_OFFSET] = {from_sqlite, looked_at},
			[CLASS_TEXT] = {from_sqlite, looked_at},
			[CLASS_BYTES] = {from_sqlite, looked_at},
			[CLASS_UUID] = {from_sqlite, looked_at},
			[CLASS_SQLITE] = {convert_copy, always},
		},
};

static enum class class_of(const struct tds_column *c) {
	switch (tds_type_base(c->type)){
		case TDS_INTN : case TDS_BITN : return CLASS_INT;
		case TDS_DECIMALN : case TDS_MONEYN : return CLASS_DECIMAL;
		case TDS_FLTN : return CLASS_FLOAT;
		case TDS_DATEN : return CLASS_DATE;
		case TDS_TIMEN : return CLASS_TIME;
		case TDS_DATETIME2N : case TDS_DATETIMN : return CLASS_DATETIME;
		case TDS_DATETIMEOFFSETN : return CLASS_OFFSET;
		case TDS_GUID : return CLASS_UUID;
		case TDS_VARIANT : return CLASS_VARIANT;
		case TDS_UDT : return CLASS_CLR;
		case TDS_SQLITE : return CLASS_SQLITE;
		default : return tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type)
			? CLASS_TEXT
			: CLASS_BYTES;
	}
}

static enum tds_verdict always(const struct tds_conversion *plan)
{
	(void)plan;
	return TDS_WIDEN;
}

static enum tds_verdict looked_at(const struct tds_conversion *plan)
{
	(void)plan;
	return TDS_CHECK;
}

/* --- what the cells share ---------------------------------------------------- */

int convert_copy(const struct tds_conversion *plan, const struct tds_value *v, struct buf *scratch,
	struct tds_value *ret_value, struct refusal *out)
{
	(void)plan;
	(void)scratch;
	(void)out;
	*ret_value = *v;
	return 0;
}

static size_t show(
	const struct tds_conversion *plan, const struct tds_value *v, char out[TDS_PRINT_MAX])
{
	switch (v->kind) {
	case TDS_TEXT:
	case TDS_UTF16:
	case TDS_BLOB:
		return convert_show_bytes(plan, v, out);
	case TDS_NULL:
	case TDS_HEX:
		return 0;
	default:
		return tds_value_print(plan->from, v, out);
	}
}

int convert_refuse(const struct tds_conversion *plan, const struct tds_value *v, enum tds_loss loss,
	const char *why, struct refusal *out)
{
	char shown[TDS_PRINT_MAX];

	return tds_refuse(shown, show(plan, v, shown), loss, why, out);
}

int convert_refuse_for(const struct tds_conversion *plan, const struct tds_value *v,
	enum tds_loss loss, const char *why, struct refusal *out)
{
	char shown[TDS_PRINT_MAX];

	return tds_refuse_for(plan->to, shown, show(plan, v, shown), loss, why, out);
}

uint8_t *convert_room(struct buf *scratch, size_t n, struct refusal *out)
{
	char *room;

	buf_reset(scratch);
	room = buf_room(scratch, n);
	if (!room && buf_check(scratch, "a value", out->err) < 0)
		return NULL;
	return (uint8_t *)room;
}

/* --- SQLite ------------------------------------------------------------------ */

static const struct tds_column sqlite_int = {.name = "", .type = TDS_INTN, .size = 8};
static const struct tds_column sqlite_real = {.name = "", .type = TDS_FLTN, .size = 8};
static const struct tds_column sqlite_text = {
	.name = "", .type = TDS_BIGVARCHAR, .size = TDS_SIZE_MAX};
static const struct tds_column sqlite_blob = {
	.name = "", .type = TDS_BIGVARBINARY, .size = TDS_SIZE_MAX};

static const struct tds_column *column_of_kind(enum tds_kind kind)
{
	return kind == TDS_INT    ? &sqlite_int
	       : kind == TDS_REAL ? &sqlite_real
	       : kind == TDS_TEXT ? &sqlite_text
				  : &sqlite_blob;
}

static int from_sqlite(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	struct tds_conversion by_class = *plan;
	enum class to = class_of(plan->to), from;
	tds_conversion_fn *fn;

	by_class.from = column_of_kind(v->kind);
	by_class.from_text =
		(struct tds_text_form){.encoding = TDS_UTF8, .number = TDS_CODEPAGE_UTF8};
	from = class_of(by_class.from);
	if (from == CLASS_TEXT && to == CLASS_TEXT)
		return convert_utf8_text(&by_class, v, scratch, ret_value, out);
	fn = table[from][to].fn;
	if (!fn || (from == CLASS_BYTES && to == CLASS_TEXT) ||
		(from == CLASS_TEXT && to == CLASS_BYTES))
		return convert_refuse_for(&by_class, v, TDS_LOSS_FORMAT,
			from == CLASS_INT     ? "is an integer, which is no value of"
			: from == CLASS_FLOAT ? "is a real number, which is no value of"
			: from == CLASS_TEXT  ? "is text, which is no value of"
					      : "is a blob, which is no value of",
			out);
	return fn(&by_class, v, scratch, ret_value, out);
}

static int any_to_sqlite(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	return convert_any_text(plan, v, scratch, ret_value, out);
}

#define INT64_DIGITS 18 /* that always fit */

static int decimal_to_sqlite(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	struct tds_conversion as_int = *plan;

	if (plan->from->scale || plan->from->precision > INT64_DIGITS)
		return convert_any_text(plan, v, scratch, ret_value, out);
	as_int.to = &sqlite_int;
	return convert_decimal_int(&as_int, v, scratch, ret_value, out);
}

/* SQLite would store null for what is not a number. */
static int float_to_sqlite(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	(void)scratch;
	if (__builtin_isnan(v->r))
		return convert_refuse_for(plan, v, TDS_LOSS_FORMAT, "is no value of", out);
	*ret_value = *v;
	return 0;
}

/* --- plans ------------------------------------------------------------------- */

/* A row holds the same bytes under either column. */
static bool is_same(const struct tds_conversion *plan)
{
	const struct tds_column *from = plan->from, *to = plan->to;
	enum tds_form form = tds_form(from);

	if (form != tds_form(to) || (from->nullable && !to->nullable))
		return false;
	switch (class_of(from)) {
	case CLASS_TEXT:
		if (class_of(to) != CLASS_TEXT ||
			plan->from_text.encoding != plan->to_text.encoding ||
			plan->from_text.number != plan->to_text.number ||
			(!plan->from_text.number &&
				memcmp(from->collation, to->collation, TDS_COLLATION_LEN) != 0))
			return false;
		break;
	case CLASS_BYTES:
		if (class_of(to) != CLASS_BYTES)
			return false;
		break;
	default:
		return tds_type_base(from->type) == tds_type_base(to->type) &&
		       from->size == to->size && from->scale == to->scale &&
		       from->precision <= to->precision;
	}
	return tds_type_is_padded(to->type) ? from->size == to->size && from->type == to->type
					    : from->size <= to->size;
}

static const char *remedy(enum class from, enum class to)
{
	if (from == CLASS_OFFSET)
		return "datetimeoffset keeps the offset; or have the source's query say "
		       "AT TIME ZONE 'UTC' and cast";
	if (to == CLASS_OFFSET && from == CLASS_DATETIME)
		return "have the source's query say which zone it is: AT TIME ZONE";
	if (from == CLASS_DATETIME && to == CLASS_TIME)
		return "cast it in the source's query, which then drops the date";
	if (from == CLASS_BYTES || to == CLASS_BYTES)
		return "cast it in the source's query: that says in what order the bytes are";
	if (from == CLASS_VARIANT || from == CLASS_CLR)
		return "cast it in the source's query to the type that the target has";
	return "cast it in the source's query, or give the target column another type";
}

static int impossible(
	const struct tds_conversion *plan, enum class from, enum class to, struct err *err)
{
	char a[TDS_TYPE_TEXT_MAX], b[TDS_TYPE_TEXT_MAX];

	err_set(err, ERR_CONFIG, "%s cannot become %s", tds_type_format(plan->from, a),
		tds_type_format(plan->to, b));
	return err_hint(err, "%s", remedy(from, to));
}

static int unknown_page(const struct tds_column *c, const struct tds_text_form *form,
	const char *what, const char *hint, struct err *err)
{
	char type[TDS_TYPE_TEXT_MAX], page[32] = "a code page that is not known";

	if (form->number)
		snprintf(page, sizeof(page), "code page %u", form->number);
	err_set(err, ERR_CONFIG, "%s is in %s, which cannot be %s", tds_type_format(c, type), page,
		what);
	return err_hint(err, "%s", hint);
}

static int check_pages(const struct tds_conversion *plan, struct err *err)
{
	const struct tds_text_form *from = &plan->from_text, *to = &plan->to_text;
	bool same = from->encoding == to->encoding && from->number && from->number == to->number;

	if (same && class_of(plan->from) == CLASS_TEXT)
		return 0;
	if (from->encoding == TDS_CODEPAGE && !from->page)
		return unknown_page(
			plan->from, from, "read", "cast it to nvarchar in the source's query", err);
	if (to->encoding == TDS_CODEPAGE && (!to->page || !tds_codepage_writes(to->page)))
		return unknown_page(plan->to, to, "written",
			"make the target column nvarchar, or give it a collation in UTF-8", err);
	return 0;
}

static int set_verdict(struct tds_conversion *plan, struct err *err)
{
	enum class from = class_of(plan->from), to = class_of(plan->to);
	const struct cell *cell = &table[from][to];

	if (is_same(plan)) {
		plan->verdict = TDS_SAME;
		plan->fn = convert_copy;
		return 0;
	}
	if (!cell->fn)
		return impossible(plan, from, to, err);
	if (check_pages(plan, err) < 0)
		return -1;
	plan->fn = cell->fn;
	plan->verdict = plan->refuses_null ? TDS_CHECK : cell->verdict(plan);
	return 0;
}

int tds_conversion_init(struct tds_conversion *plan, const struct tds_column *from,
	const struct tds_column *to, struct err *err)
{
	struct tds_conversion p = {
		.from = from, .to = to, .refuses_null = from->nullable && !to->nullable};

	convert_text_form(from, &p.from_text);
	convert_text_form(to, &p.to_text);
	if (set_verdict(&p, err) < 0)
		return -1;
	*plan = p;
	return 0;
}

int tds_conversion_apply(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, enum tds_loss *ret_loss, struct err *err)
{
	struct refusal out = {.err = err, .loss = TDS_LOSS_NONE};

	if (v->kind == TDS_NULL) {
		*ret_value = *v;
		if (!plan->refuses_null)
			return 0;
		out.loss = TDS_LOSS_NULL;
		err_set(err, ERR_DATA, "a null, and the column is not null");
	} else if (plan->fn(plan, v, scratch, ret_value, &out) == 0) {
		return 0;
	}
	if (ret_loss)
		*ret_loss = out.loss;
	return -1;
}
