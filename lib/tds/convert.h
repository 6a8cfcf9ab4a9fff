/*
 * convert - values of one column as values of another: exact, or refused.
 *
 * One table (convert.c) says for each pair of types whether the bytes are the same,
 * whether every value fits, whether each has to be looked at, or whether there is no
 * way. A value is never changed: what would lose something is ERR_DATA with the
 * reason (enum tds_loss), which the caller turns into a reject or an error.
 *
 *	integer, bit		by value: 1.0 is an integer and 1 a bit; 2 is no bit
 *	decimal, money		zeros behind the point come and go
 *	float, real		to decimal: the fewest digits that tell it apart (0.1 is 0.1). From
 *				decimal: if those are the same number. To integer and real: if it
 *				is the same number
 *	date, datetime, …	a date is its midnight and the other way round; finer fractions
 *				must be zeros. Never between times with and without an offset
 *	text			UTF-8, UTF-16 and code pages by collation (collation.h, codepage.h);
 *				lengths in the target's unit. What is padded (char, nchar) loses
 *				the blanks behind it where they do not fit, and to a number
 *	all to text		as tds_value_print; bytes as 0x…. From text as tds_value_parse
 *	binary			of exactly the target's length for binary(n)
 *	sql_variant, CLR types	bytes that stay what they are; CLR types to varbinary
 *	TDS_SQLITE		by storage class, as bigint, float, varchar(max) in UTF-8 (which is
 *				checked) or varbinary(max); but text is no blob and a blob no text.
 *				To it: integers, decimals of up to 18 digits without fraction as
 *				integer; float as real; bytes as blob; all else as text
 *
 * Pure but for tables of code pages, which are made once (codepage.h).
 */
#ifndef TDS_CONVERT_H
#define TDS_CONVERT_H

#include "base/buf.h"
#include "tds/codepage.h"
#include "tds/row.h"

enum tds_verdict {
	TDS_SAME,  /* a value's bytes in a row are those of the target: nothing to do */
	TDS_WIDEN, /* every value fits, in another form */
	TDS_CHECK, /* a value may be refused */
};

enum tds_encoding { TDS_UTF8, TDS_UTF16LE, TDS_CODEPAGE };

struct tds_text_form {
	enum tds_encoding encoding;
	unsigned number;                 /* code page, 0: not known */
	const struct tds_codepage *page; /* NULL: not a code page, or none that we know */
};

struct tds_conversion;
struct refusal;
typedef int tds_conversion_fn(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out);

/* For one pair of columns. Immutable once it is made, nothing to release; any thread may use it. */
struct tds_conversion {
	const struct tds_column *from, *to; /* borrowed */
	enum tds_verdict verdict;
	bool refuses_null;
	tds_conversion_fn *fn;
	struct tds_text_form from_text, to_text; /* where they are text */
};

/* ERR_CONFIG names both types, and what to do, where no value of one is one of the other. */
MUST_CHECK int tds_conversion_init(struct tds_conversion *plan, const struct tds_column *from,
	const struct tds_column *to, struct err *err);

/*
 * `v` is a value of `from`; *ret_value one of `to` that tds_encode takes. It borrows what `v`
 * borrowed, or from `scratch`, whose contents the next call replaces. ERR_DATA without the column's
 * name; *ret_loss (NULL is fine) says why. ERR_LIMIT when `scratch` cannot take it. On failure
 * *ret_value means nothing. A TDS_SAME plan passes everything.
 */
MUST_CHECK int tds_conversion_apply(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, enum tds_loss *ret_loss, struct err *err);

#endif
