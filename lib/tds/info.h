/*
 * info - column lists as the wire has them: TYPE_INFO and COLMETADATA.
 *
 * MS-TDS 2.2.5.6 (TYPE_INFO) and 2.2.7.4 (COLMETADATA, without the token byte). What
 * is decoded are all types of type.h but TDS_SQLITE; a CLR type's names are passed
 * over. What is encoded is what INSERT BULK takes (design.md §5): UserType 0, flags
 * for nullable and identity only, empty table names (as bulk loads have them: what
 * servers send with text, ntext and image is another form); CLR types and TDS_SQLITE
 * have none. Pure.
 */
#ifndef TDS_INFO_H
#define TDS_INFO_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "tds/reader.h"
#include "tds/type.h"

#define TDS_INFO_MAX 16 /* bytes of a TYPE_INFO that is encoded */

/* Flags of a column (MS-TDS 2.2.7.4). */
enum tds_column_flags {
	TDS_FLAG_NULLABLE = 0x0001,
	TDS_FLAG_IDENTITY = 0x0010,
	TDS_FLAG_COMPUTED = 0x0020,
};

/* Appends the TYPE_INFO at `p`, which has room for TDS_INFO_MAX, and returns the end. Not for
 * TDS_UDT and TDS_SQLITE. */
uint8_t *tds_info_encode(uint8_t *p, const struct tds_column *c);

/* Reads a TYPE_INFO at *p, not past `end`, and moves *p behind it. Sets type, size, precision,
 * scale and collation. ERR_DATA when it is none, or of a type that is not known. */
MUST_CHECK int tds_info_decode(
	const uint8_t **p, const uint8_t *end, struct tds_column *ret_column, struct err *err);

/* The same of bytes that may be cut: -1 with `cut` set means that there must be more of them. */
MUST_CHECK int tds_info_read(struct tds_reader *r, struct tds_column *c, struct err *err);
MUST_CHECK int tds_columns_read(struct tds_reader *r, struct arena *a,
	struct tds_columns *ret_columns, struct err *err);

/* The whole list, behind the token byte; names and columns live in `a`. *ret_columns has no columns
 * where the server sends no list (0xFFFF). */
MUST_CHECK int tds_columns_decode(const uint8_t **p, const uint8_t *end, struct arena *a,
	struct tds_columns *ret_columns, struct err *err);

/* Appends the list, behind the token byte. ERR_CONFIG for a type or name that has no form there. */
MUST_CHECK int tds_columns_encode(const struct tds_columns *cols, struct buf *out, struct err *err);

#endif
