#include "selftest/types.h"

#include <inttypes.h>

#include "base/buf.h"

#define SQL_MAX (1024u * 1024)
#define MANY(unit, n) "REPLICATE(CAST(" unit " AS varchar(max)), " #n ")"
#define NMANY(unit, n) "REPLICATE(CAST(N" unit " AS nvarchar(max)), " #n ")"
/* passes from server to server, but text of a file is not written into it */
#define ONE_WAY(collation, text)                                                                                       \
	{"varchar(40) COLLATE " collation, {"N'" text "'", "''", "N'plain'"}, .optional = true, .one_way = true}
#define CODE_PAGE(collation, text) {"varchar(40) COLLATE " collation, {"N'" text "'", "''", "N'plain'"}, .optional = true}

const struct selftest_type selftest_type_table[] = {
	{"bit", {"1", "0"}},
	{"tinyint", {"255", "0"}},
	{"smallint", {"-32768", "32767", "0"}},
	{"int", {"-2147483648", "2147483647", "0"}},
	{"bigint", {"-9223372036854775808", "9223372036854775807", "0"}},
	{"real", {"3.402823E38", "-3.402823E38", "1.1754944E-38", "0"}},
	{"float", {"1.7976931348623157E308", "-1.7976931348623157E308", "2.2250738585072014E-308", "0", "0.1E0"}},
	{"smallmoney", {"214748.3647", "-214748.3648", "0"}},
	{"money", {"922337203685477.5807", "-922337203685477.5808", "0"}},
	{"decimal(1,0)", {"9", "-9", "0"}},
	{"decimal(9,2)", {"9999999.99", "-9999999.99", "0"}},
	{"decimal(19,4)", {"999999999999999.9999", "-999999999999999.9999", "0.0001"}},
	{"decimal(28,10)", {"999999999999999999.9999999999", "-0.0000000001", "0"}},
	{"decimal(38,0)", {"99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "0"}},
	{"decimal(38,10)", {"9999999999999999999999999999.9999999999", "-0.0000000001", "0"}},
	{"decimal(38,38)", {"0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001", "0"}},
	{"numeric(18,4)", {"99999999999999.9999", "-99999999999999.9999", "0"}, .other = true},
	{"date", {"'0001-01-01'", "'9999-12-31'", "'2024-02-29'"}},
	{"time(0)", {"'00:00:00'", "'23:59:59'"}},
	{"time(1)", {"'23:59:59.9'", "'00:00:00'"}},
	{"time(2)", {"'23:59:59.99'", "'00:00:00'"}},
	{"time(3)", {"'23:59:59.999'", "'00:00:00'"}},
	{"time(4)", {"'23:59:59.9999'", "'00:00:00'"}},
	{"time(5)", {"'23:59:59.99999'", "'00:00:00'"}},
	{"time(6)", {"'23:59:59.999999'", "'00:00:00'"}},
	{"time(7)", {"'23:59:59.9999999'", "'00:00:00'", "'12:00:00.0000001'"}},
	{"smalldatetime", {"'1900-01-01 00:00:00'", "'2079-06-06 23:59:00'"}},
	{"datetime", {"'1753-01-01 00:00:00.000'", "'9999-12-31 23:59:59.997'", "'2000-01-01 00:00:00.003'"}},
	{"datetime2(0)", {"'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'"}},
	{"datetime2(1)", {"'9999-12-31 23:59:59.9'", "'0001-01-01 00:00:00'"}},
	{"datetime2(2)", {"'9999-12-31 23:59:59.99'", "'0001-01-01 00:00:00'"}},
	{"datetime2(3)", {"'9999-12-31 23:59:59.999'", "'0001-01-01 00:00:00'"}},
	{"datetime2(4)", {"'9999-12-31 23:59:59.9999'", "'0001-01-01 00:00:00'"}},
	{"datetime2(5)", {"'9999-12-31 23:59:59.99999'", "'0001-01-01 00:00:00'"}},
	{"datetime2(6)", {"'9999-12-31 23:59:59.999999'", "'0001-01-01 00:00:00'"}},
	{"datetime2(7)", {"'9999-12-31 23:59:59.9999999'", "'0001-01-01 00:00:00'", "'2024-02-29 12:00:00.0000001'"}},
	{"datetimeoffset(0)", {"'2024-02-29 12:00:00 +00:00'", "'2024-02-29 12:00:00 -14:00'"}},
	{"datetimeoffset(3)", {"'2024-02-29 12:00:00.999 +05:30'", "'2024-02-29 12:00:00 -03:15'"}},
	{"datetimeoffset(7)", {"'9999-12-31 09:59:59.9999999 -14:00'", "'0001-01-01 14:00:00 +14:00'", "'2024-02-29 12:00:00.0000001 +00:00'"}},
	{"uniqueidentifier", {"'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "'00000000-0000-0000-0000-000000000000'"}},
	{"char(5)", {"'abcde'", "''", "' b '"}},
	{"char(8000)", {MANY("'c'", 8000), "''"}},
	{"varchar(20)", {"'twenty characters ok'", "''", "' '", "'x '"}},
	{"varchar(8000)", {MANY("'v'", 8000), "''"}},
	{"varchar(max)", {MANY("'m'", 20000), "''", "'short'", MANY("'8'", 8000), MANY("'9'", 8001)}},
	{"nchar(4)", {"N'äöüß'", "N''"}},
	{"nchar(4000)", {NMANY("'n'", 4000), "N''"}},
	{"nvarchar(20)", {"N'Ünsal 😀 日本'", "N''", "N' '"}},
	{"nvarchar(4000)", {NMANY("'n'", 4000), "N''"}},
	{"nvarchar(max)", {NMANY("'ü'", 9000), "N''", "N'short'", NMANY("'4'", 4000), NMANY("'5'", 4001)}},
	{"binary(3)", {"0x010203", "0x000000"}},
	{"binary(8000)", {"CAST(" MANY("'b'", 8000) " AS varbinary(8000))", "0x00"}},
	{"varbinary(9)", {"0x00FF0102030405FE00", "0x", "0x00"}},
	{"varbinary(8000)", {"CAST(" MANY("'b'", 8000) " AS varbinary(8000))", "0x"}},
	{"varbinary(max)", {"CAST(" MANY("'z'", 20000) " AS varbinary(max))", "0x", "0x00"}},
	{"text", {"'text'", "''", MANY("'t'", 9000)}, .other = true, .loose = true},
	{"ntext", {"N'ntext ü'", "N''", NMANY("'t'", 9000)}, .other = true, .loose = true},
	{"image", {"0xFFD8", "0x", "CAST(" MANY("'i'", 9000) " AS varbinary(max))"}, .other = true, .loose = true},
	{"xml", {"N'<a b=\"1\">ü<c/></a>'", "N''", "N'text alone'"}, .optional = true, .other = true, .loose = true},
	{"sql_variant", {"CAST(12.50 AS decimal(9,2))", "CAST(N'ü' AS nvarchar(20))", "CAST(7 AS int)",
		"CAST('2024-02-29 12:00:00.1234567' AS datetime2(7))", "CAST(0x0102 AS varbinary(8))"}, .optional = true},
	{"varchar(40) COLLATE Latin1_General_100_CI_AS_SC_UTF8", {"N'日本 😀 ü'", "''", "N'plain'"}, .optional = true},
	CODE_PAGE("Latin1_General_CI_AS", "Straße €"),
	CODE_PAGE("Latin1_General_BIN2", "Straße €"),
	CODE_PAGE("SQL_Latin1_General_CP437_CI_AS", "Straße"),
	CODE_PAGE("SQL_Latin1_General_CP850_CI_AS", "Straße"),
	CODE_PAGE("Polish_CI_AS", "zażółć gęślą jaźń"),
	CODE_PAGE("Cyrillic_General_CI_AS", "Привет"),
	CODE_PAGE("Greek_CI_AS", "καλημέρα"),
	CODE_PAGE("Turkish_CI_AS", "İstanbul ığş"),
	CODE_PAGE("Hebrew_CI_AS", "שלום"),
	CODE_PAGE("Arabic_CI_AS", "سلام"),
	CODE_PAGE("Lithuanian_CI_AS", "ąčęėįšųū"),
	CODE_PAGE("Vietnamese_CI_AS", "Đưa"),
	ONE_WAY("Thai_CI_AS", "ไทย"),
	CODE_PAGE("Japanese_CI_AS", "日本"),
	ONE_WAY("Chinese_PRC_CI_AS", "中文"),
	ONE_WAY("Korean_Wansung_CI_AS", "한국"),
	ONE_WAY("Chinese_Taiwan_Stroke_CI_AS", "臺灣"),
	{"json", {"N'{\"a\":1}'", "N'[]'"}, .optional = true, .other = true, .loose = true},
	{"hierarchyid", {"'/1/2/'", "'/'"}, .optional = true, .other = true, .alone = true, .loose = true},
	{"geometry", {"geometry::STGeomFromText('POINT (1 2)', 0)"}, .optional = true, .other = true, .alone = true, .loose = true},
	{"geography", {"geography::STGeomFromText('POINT (1 2)', 4326)"}, .optional = true, .other = true, .alone = true, .loose = true},
};
const size_t n_selftest_types = ARRAY_LEN(selftest_type_table);

static size_t count_values(const struct selftest_type *type)
{
	size_t n = 0;

	while (n < SELFTEST_VALUES_MAX && type->values[n])
		n++;
	return n;
}

const char *selftest_type_sql(const struct selftest_type *type, const char *table, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	size_t n = count_values(type);

	buf_printf(&sql, "CREATE TABLE %s (id int NOT NULL PRIMARY KEY, v %s NULL, w %s NOT NULL);\n", table,
		type->declared, type->declared);
	buf_printf(&sql, "INSERT INTO %s VALUES (0, NULL, %s);\n", table, type->values[0]);
	for (size_t i = 0; i < n; i++)
		buf_printf(&sql, "INSERT INTO %s VALUES (%zu, %s, %s);\n", table, i + 1, type->values[i],
			type->values[n - 1 - i]);
	return arena_buf(a, &sql);
}

const char *selftest_all_columns(const bool *which, struct arena *a)
{
	struct buf out = BUF_INIT(SQL_MAX);

	buf_adds(&out, "id, [at]");
	for (size_t i = 0; i < n_selftest_types; i++)
		if (!which || which[i])
			buf_printf(&out, ", c%zu", i);
	return arena_buf(a, &out);
}

const char *selftest_all_sql(const bool *which, const char *table, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "CREATE TABLE %s (id int NOT NULL PRIMARY KEY, [at] datetime2(3) NOT NULL, rv rowversion", table);
	for (size_t i = 0; i < n_selftest_types; i++)
		if (!which || which[i])
			buf_printf(&sql, ", c%zu %s NULL", i, selftest_type_table[i].declared);
	buf_adds(&sql, ");\n");
	for (size_t row = 0; row < SELFTEST_TYPE_ROWS; row++) {
		buf_printf(&sql, "INSERT INTO %s (%s) VALUES (%zu, DATEADD(second, %zu, '2024-02-29')", table,
			selftest_all_columns(which, a), row, row);
		for (size_t i = 0; i < n_selftest_types; i++) {
			const struct selftest_type *type = &selftest_type_table[i];
			size_t at = row + 1 == SELFTEST_TYPE_ROWS ? 0 : row - 1;

			if (which && !which[i])
				continue;
			buf_printf(&sql, ", %s",
				row == 0 || at >= count_values(type) ? "NULL" : type->values[at]);
		}
		buf_adds(&sql, ");\n");
	}
	return arena_buf(a, &sql);
}
