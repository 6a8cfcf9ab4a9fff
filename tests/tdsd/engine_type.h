/*
 * engine_type - types of T-SQL: their names, collations and which one wins.
 *
 * A type is a struct tds_column in its nullable form, also within the engine; the
 * fixed forms are made for result sets only. Text types have a collation.
 */
#ifndef TDSD_ENGINE_TYPE_H
#define TDSD_ENGINE_TYPE_H

#include "base/arena.h"
#include "tds/type.h"
#include "tests/tdsd/tsql_error.h"

/* SQL_Latin1_General_CP1_CI_AS, that of the server. */
extern const uint8_t engine_collation[TDS_COLLATION_LEN];

/* As T-SQL has it: char is char(1), varchar(max), text, timestamp, sysname, geography … Error 243,
 * 2716 … */
int engine_type_parse(const char *text, struct tds_column *ret, struct tsql_error *e);

/* "decimal(18,2)"; the second is the bare name, as messages have it. */
const char *engine_type_print(const struct tds_column *t, struct arena *a);
const char *engine_type_name(const struct tds_column *t);

/* Five bytes of a collation's name and back; false, NULL: not known. */
bool engine_collation_parse(const char *name, uint8_t ret[TDS_COLLATION_LEN]);
const char *engine_collation_name(const uint8_t collation[TDS_COLLATION_LEN], struct arena *a);
/* The name of the collating function in SQLite. */
const char *engine_collation_sqlite(const uint8_t collation[TDS_COLLATION_LEN]);

enum type_class {
	TC_INT, /* and bit */
	TC_DECIMAL,
	TC_MONEY,
	TC_FLOAT,
	TC_DATE,
	TC_TIME,
	TC_DATETIME,
	TC_OFFSET,
	TC_TEXT, /* and xml */
	TC_BYTES,
	TC_GUID,
	TC_VARIANT,
	TC_UDT,
};
enum type_class engine_type_class(const struct tds_column *t);

struct tds_column engine_datetime2_type(void);
struct tds_column engine_int_type(unsigned size);
struct tds_column engine_float_type(void);
struct tds_column engine_decimal_type(unsigned precision, unsigned scale);
struct tds_column engine_text_type(bool wide, uint32_t chars); /* UINT32_MAX: max */
struct tds_column engine_bytes_type(uint32_t size);

/* The type of a value that may be either (CASE, UNION, comparison): data type precedence. False:
 * there is none. */
bool engine_type_common(
	const struct tds_column *a, const struct tds_column *b, struct tds_column *ret);

/* As a short text that functions of SQLite get, and back. */
#define TYPE_CODE_MAX 40
const char *engine_type_code(const struct tds_column *t, char out[TYPE_CODE_MAX]);
void engine_type_decode(const char *code, struct tds_column *ret);

bool engine_type_same(const struct tds_column *a, const struct tds_column *b);

/* As sys.columns has them: decimal digits, or characters of a date. */
unsigned engine_precision(const struct tds_column *t);
/* system_type_id and user_type_id of sys.types. */
int engine_system_type(const struct tds_column *t);

#endif
