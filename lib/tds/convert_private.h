/*
 * convert_private - the cells of convert.c's table.
 *
 * Each pair of classes has a function for values and one for columns; the latter says
 * TDS_WIDEN when the former refuses no value, otherwise TDS_CHECK. TDS_SAME is found
 * before (convert.c). For convert*.c only.
 */
#ifndef TDS_CONVERT_PRIVATE_H
#define TDS_CONVERT_PRIVATE_H

#include "tds/convert.h"
#include "tds/refusal.h"

typedef enum tds_verdict tds_verdict_fn(const struct tds_conversion *plan);

/* convert.c */
tds_conversion_fn convert_copy;
/* "'value' why": refused; the second puts the target's type behind it. */
int convert_refuse(const struct tds_conversion *plan, const struct tds_value *v, enum tds_loss loss,
	const char *why, struct refusal *out);
int convert_refuse_for(const struct tds_conversion *plan, const struct tds_value *v,
	enum tds_loss loss, const char *why, struct refusal *out);
/* Room for n bytes in an empty scratch; NULL: ERR_LIMIT is set. */
uint8_t *convert_room(struct buf *scratch, size_t n, struct refusal *out);

/* convert_number.c */
tds_conversion_fn convert_int_int, convert_int_decimal, convert_int_float, convert_decimal_int,
	convert_decimal_decimal, convert_decimal_float, convert_float_int, convert_float_decimal,
	convert_float_float;
tds_verdict_fn verdict_int_int, verdict_int_decimal, verdict_int_float, verdict_decimal_int,
	verdict_decimal_decimal, verdict_decimal_float, verdict_float_float;

/* convert_time.c */
tds_conversion_fn convert_date_datetime, convert_datetime_date, convert_time_time;
tds_verdict_fn verdict_date_datetime, verdict_time_time;

/* convert_text.c */
void convert_text_form(const struct tds_column *c, struct tds_text_form *ret_form);
tds_conversion_fn convert_text_text, convert_text_any, convert_any_text, convert_bytes_bytes,
	convert_bytes_text, convert_utf8_text;
tds_verdict_fn verdict_text_text, verdict_any_text, verdict_bytes_bytes, verdict_bytes_text;
/* The beginning of a text or blob as UTF-8, for messages; its length. */
size_t convert_show_bytes(
	const struct tds_conversion *plan, const struct tds_value *v, char out[ERR_VALUE_MAX]);

#endif
