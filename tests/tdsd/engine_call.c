/* Functions of T-SQL, by a table: what they take, what they give, what SQLite calls them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_call.h"

/*
 * args: a letter for each, the last is repeated: t text, i bigint, f float, d datetime2 (times
 * stay what they are), a anything, T anything as text of any length.
 * result: 1 … the type of that argument; i int, I bigint, b bit, f float, N nvarchar(max),
 * n nvarchar(4000), s nvarchar(128), v varchar(8000), B varbinary(8000), g uniqueidentifier,
 * R binary(8), p datetime, q datetime2(7), o datetimeoffset(7), V sql_variant.
 */
static const struct function {
	const char *name;
	int min, max; /* -1: any number */
	const char *args;
	char result;
	const char *sql;
	bool not_null;
} functions[] = {
	{"lower", 1, 1, "t", '1', "t_lower", false},
	{"upper", 1, 1, "t", '1', "t_upper", false},
	{"ltrim", 1, 1, "t", '1', "ltrim", false},
	{"rtrim", 1, 1, "t", '1', "rtrim", false},
	{"trim", 1, 1, "t", '1', "trim", false},
	{"reverse", 1, 1, "t", '1', "t_reverse", false},
	{"left", 2, 2, "ti", '1', "t_left", false},
	{"right", 2, 2, "ti", '1', "t_right", false},
	{"stuff", 4, 4, "tiit", 'N', "t_stuff", false},
	{"replicate", 2, 2, "ti", '8', "t_replicate", false},
	{"space", 1, 1, "i", 'v', "t_space", false},
	{"quotename", 1, 2, "tt", 's', "t_quotename", false},
	{"parsename", 2, 2, "ti", 's', "t_parsename", false},
	{"char", 1, 1, "i", 'c', "t_char", false},
	{"nchar", 1, 1, "i", 'C', "t_nchar", false},
	{"ascii", 1, 1, "t", 'i', "t_unicode", false},
	{"unicode", 1, 1, "t", 'i', "t_unicode", false},
	{"concat", 2, -1, "T", 'N', "t_concat", true},
	{"concat_ws", 3, -1, "T", 'N', "t_concat_ws", true},
	{"str", 1, 3, "fii", 'v', "t_str", false},
	{"translate", 3, 3, "ttt", '1', "t_translate", false},
	{"isnumeric", 1, 1, "T", 'i', "t_isnumeric", true},
	{"isjson", 1, 1, "t", 'i', "t_isjson", false},
	{"json_value", 2, 2, "tt", 'n', "t_json_value", false},
	{"json_query", 1, 2, "tt", 'N', "t_json_query", false},
	{"ceiling", 1, 1, "a", '1', NULL, false},
	{"floor", 1, 1, "a", '1', NULL, false},
	{"sqrt", 1, 1, "f", 'f', "t_sqrt", false},
	{"square", 1, 1, "f", 'f', "t_square", false},
	{"exp", 1, 1, "f", 'f', "t_exp", false},
	{"log", 1, 2, "f", 'f', "t_log", false},
	{"power", 2, 2, "ff", 'P', "t_power", false},
	{"rand", 0, 1, "i", 'f', "t_rand", true},
	{"newid", 0, 0, "", 'g', "t_newid", true},
	{"newsequentialid", 0, 0, "", 'g', "t_newid", true},
	{"getdate", 0, 0, "", 'p', "t_now()/t_dt", true},
	{"current_timestamp", 0, 0, "", 'p', "t_now()/t_dt", true},
	{"getutcdate", 0, 0, "", 'p', "t_now()/t_dt", true},
	{"sysdatetime", 0, 0, "", 'q', "t_now", true},
	{"sysutcdatetime", 0, 0, "", 'q', "t_now", true},
	{"sysdatetimeoffset", 0, 0, "", 'o', "t_now_offset", true},
	{"hashbytes", 2, 2, "ta", 'B', "t_hashbytes", false},
	{"crypt_gen_random", 1, 1, "i", 'B', "randomblob", false},
	{"datefromparts", 3, 3, "i", 'D', "t_datefromparts", false},
	{"error_number", 0, 0, "", 'i', "t_error_number", false},
	{"error_severity", 0, 0, "", 'i', "t_error_severity", false},
	{"error_state", 0, 0, "", 'i', "t_error_state", false},
	{"error_line", 0, 0, "", 'i', "t_error_line", false},
	{"error_message", 0, 0, "", 'n', "t_error_message", false},
	{"error_procedure", 0, 0, "", 's', "t_error_procedure", false},
	{"xact_state", 0, 0, "", 'h', "t_xact_state", true},
	{"scope_identity", 0, 0, "", 'Z', "t_identity_value", false},
	{"db_name", 0, 1, "i", 's', "t_db_name", false},
	{"db_id", 0, 1, "t", 'i', "t_db_id", false},
	{"suser_sname", 0, 1, "a", 's', "t_user", false},
	{"suser_name", 0, 1, "a", 's', "t_user", false},
	{"original_login", 0, 0, "", 's', "t_user", false},
	{"system_user", 0, 0, "", 's', "t_user", false},
	{"user_name", 0, 1, "a", 's', "t_user_name", false},
	{"current_user", 0, 0, "", 's', "t_user_name", false},
	{"session_user", 0, 0, "", 's', "t_user_name", false},
	{"user", 0, 0, "", 's', "t_user_name", false},
	{"schema_name", 0, 1, "i", 's', "t_schema_name", false},
	{"schema_id", 0, 1, "t", 'i', "t_schema_id", false},
	{"app_name", 0, 0, "", 's', "t_app", false},
	{"host_name", 0, 0, "", 's', "t_host", false},
	{"host_id", 0, 0, "", 'v', "t_host", false},
	{"fn_cdc_get_max_lsn", 0, 0, "", 'B', "t_cdc_max_lsn", true},
	{"fn_cdc_get_min_lsn", 1, 1, "t", 'B', "t_cdc_min_lsn", true},
	{"fn_cdc_increment_lsn", 1, 1, "a", 'B', "t_cdc_increment_lsn", false},
	{"object_id", 1, 2, "tt", 'i', "t_object_id", false},
	{"object_name", 1, 2, "i", 's', "t_object_name", false},
	{"object_schema_name", 1, 2, "i", 's', "t_object_schema", false},
	{"objectproperty", 2, 2, "it", 'i', "t_objectproperty", false},
	{"objectpropertyex", 2, 2, "it", 'V', "t_objectpropertyex", false},
	{"indexproperty", 3, 3, "itt", 'i', "t_indexproperty", false},
	{"type_name", 1, 1, "i", 's', "t_type_name", false},
	{"type_id", 1, 1, "t", 'i', "t_type_id", false},
	{"filegroup_name", 1, 1, "i", 's', "t_filegroup_name", false},
	{"index_col", 3, 3, "tii", 's', "t_index_col", false},
	{"col_length", 2, 2, "t", 'h', "t_col_length", false},
	{"col_name", 2, 2, "i", 's', "t_col_name", false},
	{"columnproperty", 3, 3, "itt", 'i', "t_columnproperty", false},
	{"database_principal_id", 0, 1, "t", 'i', "t_principal_id", false},
	{"serverproperty", 1, 1, "t", 'V', "t_serverproperty", false},
	{"databasepropertyex", 2, 2, "t", 'V', "t_databaseproperty", false},
	{"sessionproperty", 1, 1, "t", 'V', "t_sessionproperty", false},
	{"connectionproperty", 1, 1, "t", 'V', "t_connectionproperty", false},
	{"session_context", 1, 1, "t", 'V', "t_session_context", false},
	{"ident_current", 1, 1, "t", 'Z', "t_ident_current", false},
	{"is_srvrolemember", 1, 2, "t", 'i', "t_is_sysadmin", false},
	{"is_member", 1, 1, "t", 'i', "t_is_member", false},
	{"is_rolemember", 1, 1, "t", 'i', "t_is_member", false},
	{"has_perms_by_name", 3, 5, "a", 'i', "t_has_perms", false},
	{"has_dbaccess", 1, 1, "t", 'i', "t_has_dbaccess", false},
	{"fileproperty", 2, 2, "t", 'i', "t_fileproperty", false},
	{"applock_mode", 3, 3, "t", 's', "t_applock_mode", false},
	{"applock_test", 4, 4, "t", 'h', "t_applock_test", false},
	{"getansinull", 0, 1, "t", 'h', "t_one", false},
	{"isdate", 1, 1, "t", 'i', "t_isdate", false},
	{"min_active_rowversion", 0, 0, "", 'R', "t_min_rowversion", true},
	{"change_tracking_min_valid_version", 1, 1, "i", 'I', "t_change_min_version", false},
	{"string_escape", 2, 2, "t", 'N', "t_string_escape", false},
};

struct tds_column call_result_type(char code, const struct term *args, size_t n)
{
	struct tds_column t = engine_int_type(4), text = engine_text_type(true, 128);

	switch (code) {
	case '1':
		return n ? args[0].type : t;
	case '8':
		return n && args[0].type.size == TDS_SIZE_MAX
			       ? args[0].type
			       : engine_text_type(n && tds_type_is_utf16(args[0].type.type),
					 n && tds_type_is_utf16(args[0].type.type) ? 4000 : 8000);
	case 'h':
		return engine_int_type(2);
	case 'I':
		return engine_int_type(8);
	case 'b':
		return engine_int_type(0);
	case 'f':
		return engine_float_type();
	case 'P':
		return n ? args[0].type : engine_float_type();
	case 'N':
		return engine_text_type(true, 4000);
	case 'n':
		return engine_text_type(true, 4000);
	case 's':
		return text;
	case 'c':
		return engine_text_type(false, 1);
	case 'C':
		return engine_text_type(true, 1);
	case 'v':
		return engine_text_type(false, 8000);
	case 'B':
		return engine_bytes_type(8000);
	case 'R':
		text = engine_bytes_type(8);
		text.type = TDS_BIGBINARY;
		return text;
	case 'Z':
		return engine_decimal_type(38, 0);
	case 'g':
		t = (struct tds_column){.type = TDS_GUID, .size = 16, .nullable = true};
		return t;
	case 'p':
		t = (struct tds_column){
			.type = TDS_DATETIMN, .size = 8, .scale = 3, .nullable = true};
		return t;
	case 'q':
		t = (struct tds_column){
			.type = TDS_DATETIME2N, .size = 8, .scale = 7, .nullable = true};
		return t;
	case 'o':
		t = (struct tds_column){
			.type = TDS_DATETIMEOFFSETN, .size = 10, .scale = 7, .nullable = true};
		return t;
	case 'D':
		t = (struct tds_column){.type = TDS_DATEN, .size = 3, .nullable = true};
		return t;
	case 'V':
		t = (struct tds_column){
			.type = TDS_VARIANT, .size = TDS_VARIANT_MAX, .nullable = true};
		return t;
	default:
		return t;
	}
}

int call_cast_arg(struct translator *t, struct term *v, char kind)
{
	struct tds_column to = engine_text_type(true, UINT32_MAX);
	bool text = engine_type_class(&v->type) == TC_TEXT;

	if (v->is_null || kind == 'a')
		return 0;
	if (kind == 'i')
		to = engine_int_type(8);
	else if (kind == 'f')
		to = engine_float_type();
	else if (text)
		return 0;
	else if (kind == 't')
		to = engine_text_type(false, 8000);
	if (tr_cast(t, v, &to, -1, CAST_EXPLICIT, &v->sql))
		return -1;
	v->type = to;
	return 0;
}

int call_wrong_count(struct translator *t, const char *name, int want)
{
	return tsql_fail(&t->s->error, 174, name, tsql_number(want));
}

int call_args(struct translator *t, const struct expr *e, struct term **ret)
{
	*ret = arena_array(t->a, e->n + 1, sizeof(**ret));
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i]->kind != EX_DATEPART && e->v[i]->kind != EX_STAR &&
			tr_value(t, e->v[i], &(*ret)[i]))
			return -1;
	return 0;
}

/* --- those with rules of their own --- */

/* IDENT_SEED, IDENT_INCR */
static int call_ident(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;

	if (e->n != 1)
		return call_wrong_count(t, e->text, 1);
	if (call_args(t, e, &v) || call_cast_arg(t, &v[0], 't'))
		return -1;
	ret->type = engine_decimal_type(38, 0);
	ret->sql = arena_printf(t->a, "t_ident(%s,'%s')", v[0].sql,
		strcasecmp(e->text, "ident_seed") == 0 ? "seed" : "increment");
	return 0;
}

/* The version is that of the transaction's snapshot, which begins here if not before. */
static int call_tracking(struct translator *t, const struct expr *e, struct term *ret)
{
	if (e->n)
		return call_wrong_count(t, e->text, 0);
	if (!t->schema_only && tran_for_read(t->s, t->s->current, 0))
		return -1;
	ret->type = engine_int_type(8);
	ret->sql = "t_change_version()";
	return 0;
}

static int call_isnull(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;

	if (e->n != 2)
		return call_wrong_count(t, "isnull", 2);
	if (call_args(t, e, &v))
		return -1;
	if (v[0].is_null)
		v[0].type = v[1].type;
	ret->type = v[0].type;
	ret->type.nullable =
		(v[0].type.nullable || v[0].is_null) && (v[1].type.nullable || v[1].is_null);
	ret->aggregate = v[0].aggregate || v[1].aggregate;
	if (tr_cast(t, &v[1], &ret->type, -1, CAST_EXPLICIT, &v[1].sql))
		return -1;
	ret->sql = arena_printf(t->a, "ifnull(%s,%s)", v[0].sql, v[1].sql);
	return 0;
}

static int call_coalesce(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	bool nullable = true;

	if (e->n < 2)
		return call_wrong_count(t, "coalesce", 2);
	if (call_args(t, e, &v))
		return -1;
	for (size_t i = 0; i < e->n; i++)
		nullable &= v[i].type.nullable || v[i].is_null;
	if (tr_unify(t, v, e->n, &ret->type))
		return -1;
	ret->type.nullable = nullable;
	for (size_t i = 0; i < e->n; i++)
		buf_printf(&sql, "%s%s", i ? "," : "coalesce(", v[i].sql);
	buf_addc(&sql, ')');
	ret->sql = arena_buf(t->a, &sql);
	return 0;
}

static int call_iif(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term v[2];
	const char *condition;

	if (e->n != 3)
		return call_wrong_count(t, "iif", 3);
	if (tr_condition(t, e->v[0], &condition) || tr_value(t, e->v[1], &v[0]) ||
		tr_value(t, e->v[2], &v[1]) || tr_unify(t, v, 2, &ret->type))
		return -1;
	ret->sql = arena_printf(
		t->a, "CASE WHEN %s THEN %s ELSE %s END", condition, v[0].sql, v[1].sql);
	return 0;
}

static int call_nullif(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	const char *same;

	if (e->n != 2)
		return call_wrong_count(t, "nullif", 2);
	if (call_args(t, e, &v) || tr_compare(t, "=", &v[0], &v[1], &same))
		return -1;
	ret->type = v[0].type;
	ret->type.nullable = true;
	ret->sql = arena_printf(t->a, "CASE WHEN %s THEN NULL ELSE %s END", same, v[0].sql);
	return 0;
}

static int call_len(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	char code[TYPE_CODE_MAX];
	bool datalength = strcasecmp(e->text, "datalength") == 0;

	if (e->n != 1)
		return call_wrong_count(t, e->text, 1);
	if (call_args(t, e, &v) ||
		(!datalength && call_cast_arg(t, &v[0],
					engine_type_class(&v[0].type) == TC_BYTES ? 'a' : 'T')))
		return -1;
	ret->type = engine_int_type(v[0].type.size == TDS_SIZE_MAX ? 8 : 4);
	ret->type.nullable = v[0].type.nullable || v[0].is_null;
	ret->sql = datalength ? arena_printf(t->a, "t_datalength(%s,'%s')", v[0].sql,
					engine_type_code(&v[0].type, code))
			      : arena_printf(t->a, "t_len(%s)", v[0].sql);
	return 0;
}

static int call_substring(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;

	if (e->n != 3)
		return call_wrong_count(t, "substring", 3);
	if (call_args(t, e, &v) || call_cast_arg(t, &v[1], 'i') || call_cast_arg(t, &v[2], 'i') ||
		call_cast_arg(t, &v[0], engine_type_class(&v[0].type) == TC_BYTES ? 'a' : 't'))
		return -1;
	ret->type = v[0].type;
	if (tds_type_is_padded(ret->type.type))
		ret->type.type = ret->type.type == TDS_NCHAR     ? TDS_NVARCHAR
				 : ret->type.type == TDS_BIGCHAR ? TDS_BIGVARCHAR
								 : TDS_BIGVARBINARY;
	ret->sql = arena_printf(t->a, "t_substring(%s,%s,%s)", v[0].sql, v[1].sql, v[2].sql);
	return 0;
}

/* REPLACE, CHARINDEX, PATINDEX: by the collation of what they look in. */
static int call_find(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	bool replace = strcasecmp(e->text, "replace") == 0,
	     pattern = strcasecmp(e->text, "patindex") == 0;
	const struct term *in;

	if (e->n < 2 || (replace && e->n != 3) || (pattern && e->n != 2) || e->n > 3)
		return call_wrong_count(t, e->text, replace ? 3 : 2);
	if (call_args(t, e, &v))
		return -1;
	for (size_t i = 0; i < e->n; i++)
		if (call_cast_arg(t, &v[i], i == 2 && !replace ? 'i' : 't'))
			return -1;
	in = replace ? &v[0] : &v[1];
	ret->type = replace ? engine_text_type(tds_type_is_utf16(v[0].type.type) ||
						       tds_type_is_utf16(v[2].type.type),
				      v[0].type.size == TDS_SIZE_MAX      ? UINT32_MAX
				      : tds_type_is_utf16(v[0].type.type) ? 4000
									  : 8000)
			    : engine_int_type(in->type.size == TDS_SIZE_MAX ? 8 : 4);
	memcpy(ret->type.collation, in->type.collation, TDS_COLLATION_LEN);
	ret->type.nullable = false;
	for (size_t i = 0; i < e->n; i++)
		ret->type.nullable |= v[i].type.nullable || v[i].is_null;
	ret->sql = arena_printf(t->a, "t_%s(%s,%s,%s,'%s')",
		replace   ? "replace"
		: pattern ? "patindex"
			  : "charindex",
		v[0].sql, v[1].sql, e->n > 2 ? v[2].sql : "1",
		engine_collation_sqlite(in->type.collation));
	return 0;
}

static int call_round(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	char code[TYPE_CODE_MAX];

	if (e->n < 2 || e->n > 3)
		return call_wrong_count(t, "round", 2);
	if (call_args(t, e, &v) || call_cast_arg(t, &v[1], 'i') ||
		(e->n > 2 && call_cast_arg(t, &v[2], 'i')))
		return -1;
	ret->type = v[0].type;
	if (engine_type_class(&ret->type) == TC_INT && ret->type.size < 4)
		ret->type = engine_int_type(4);
	if (engine_type_class(&ret->type) == TC_TEXT) {
		if (call_cast_arg(t, &v[0], 'f'))
			return -1;
		ret->type = v[0].type;
	}
	ret->type.nullable = true;
	ret->sql = arena_printf(t->a, "t_round(%s,'%s',%s,%s)", v[0].sql,
		engine_type_code(&v[0].type, code), v[1].sql, e->n > 2 ? v[2].sql : "0");
	return 0;
}

/* ABS, SIGN, CEILING, FLOOR keep the type (the last two without digits behind the point). */
static int call_number(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	char code[TYPE_CODE_MAX], to[TYPE_CODE_MAX];

	if (e->n != 1)
		return call_wrong_count(t, e->text, 1);
	if (call_args(t, e, &v))
		return -1;
	if (engine_type_class(&v[0].type) == TC_TEXT && call_cast_arg(t, &v[0], 'f'))
		return -1;
	ret->type = v[0].type;
	if (engine_type_class(&ret->type) == TC_INT && ret->type.size < 4)
		ret->type = engine_int_type(4);
	if (engine_type_class(&ret->type) == TC_DECIMAL &&
		((e->text[0] | 0x20) == 'c' || (e->text[0] | 0x20) == 'f'))
		ret->type = engine_decimal_type(ret->type.precision, 0);
	ret->type.nullable = v[0].type.nullable || v[0].is_null;
	ret->sql = arena_printf(t->a, "t_number('%c',%s,'%s','%s')", e->text[0] | 0x20, v[0].sql,
		engine_type_code(&v[0].type, code), engine_type_code(&ret->type, to));
	return 0;
}

/* --- dispatch --- */

static const struct {
	const char *name;
	int (*fn)(struct translator *t, const struct expr *e, struct term *ret);
} special[] = {{"ident_seed", call_ident}, {"ident_incr", call_ident},
	{"change_tracking_current_version", call_tracking},
	{"isnull", call_isnull}, {"coalesce", call_coalesce}, {"iif", call_iif},
	{"nullif", call_nullif}, {"len", call_len}, {"datalength", call_len},
	{"substring", call_substring}, {"replace", call_find}, {"charindex", call_find},
	{"patindex", call_find}, {"round", call_round}, {"abs", call_number}, {"sign", call_number},
	{"ceiling", call_number}, {"floor", call_number}, {"dateadd", call_dateadd},
	{"datediff", call_datediff}, {"datediff_big", call_datediff}, {"datepart", call_datepart},
	{"datename", call_datepart}, {"year", call_datepart}, {"month", call_datepart},
	{"day", call_datepart}, {"eomonth", call_time}, {"switchoffset", call_time},
	{"todatetimeoffset", call_time}, {"count", call_aggregate_scope},
	{"count_big", call_aggregate_scope}, {"sum", call_aggregate_scope},
	{"avg", call_aggregate_scope}, {"min", call_aggregate_scope}, {"max", call_aggregate_scope},
	{"string_agg", call_aggregate_scope}, {"row_number", call_rank}, {"rank", call_rank},
	{"dense_rank", call_rank}, {"ntile", call_rank}, {"lag", call_rank}, {"lead", call_rank},
	{"first_value", call_rank}, {"last_value", call_rank}};

static int call_listed(
	struct translator *t, const struct function *f, const struct expr *e, struct term *ret)
{
	struct term *v;
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	size_t n_kinds = strlen(f->args);
	char to[TYPE_CODE_MAX];

	if ((int)e->n < f->min || (f->max >= 0 && (int)e->n > f->max))
		return call_wrong_count(t, f->name, f->min);
	if (call_args(t, e, &v))
		return -1;
	ret->type = call_result_type(f->result, v, e->n);
	ret->type.nullable = !f->not_null;
	ret->type.name = NULL;
	ret->type.identity = ret->type.computed = false;
	for (size_t i = 0; i < e->n; i++) {
		bool big =
			v[i].type.size == TDS_SIZE_MAX && engine_type_class(&v[i].type) == TC_TEXT;

		if (f->result == 'N' && big)
			ret->type = engine_text_type(true, UINT32_MAX);
		ret->aggregate |= v[i].aggregate;
		if (n_kinds && call_cast_arg(t, &v[i], f->args[i < n_kinds ? i : n_kinds - 1]))
			return -1;
	}
	if (f->result == '1' && engine_type_class(&ret->type) != TC_TEXT)
		ret->type = engine_text_type(false, 8000);
	if (strstr(f->sql, "/t_dt")) { /* to the grid of datetime */
		struct term now = {.type = call_result_type('q', NULL, 0), .sql = "t_now()"};

		return tr_cast(t, &now, &ret->type, -1, CAST_EXPLICIT, &ret->sql);
	}
	buf_printf(&sql, "%s(", f->sql);
	for (size_t i = 0; i < e->n; i++)
		buf_printf(&sql, "%s%s", i ? "," : "", v[i].sql);
	buf_addc(&sql, ')');
	ret->sql = arena_buf(t->a, &sql);
	if (f->result == 'P') { /* a float that goes back to the type of the first */
		struct term power = {.type = engine_float_type(), .sql = ret->sql};

		if (engine_type_class(&ret->type) == TC_INT && ret->type.size < 4)
			ret->type = engine_int_type(4);
		return tr_cast(t, &power, &ret->type, -1, CAST_EXPLICIT, &ret->sql);
	}
	(void)to;
	return 0;
}

int tr_call(struct translator *t, const struct expr *e, struct term *ret)
{
	if (!t->in_default && strcasecmp(e->text, "newsequentialid") == 0)
		return tsql_fail(&t->s->error, 302);
	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		if (strcasecmp(special[i].name, e->text) == 0)
			return special[i].fn(t, e, ret);
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (strcasecmp(functions[i].name, e->text) == 0)
			return call_listed(t, &functions[i], e, ret);
	return tsql_fail(&t->s->error, 195, e->text);
}
