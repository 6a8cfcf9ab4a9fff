/*
 * csv_encoder - UTF-8 into the encoding of a file that is written.
 *
 * "utf-8-bom" is UTF-8 with a byte order mark in front, "utf-16" UTF-16LE with one.
 * A character that the encoding lacks is ERR_DATA, never replaced by another.
 */
#ifndef WORK_CSV_ENCODER_H
#define WORK_CSV_ENCODER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct csv_encoder;

/* *ret_encoder is NULL for UTF-8: there is nothing to do. ERR_CONFIG when iconv does not know it.
 */
MUST_CHECK int csv_encoder_new(
	const char *encoding, struct csv_encoder **ret_encoder, struct err *err);
void csv_encoder_free(struct csv_encoder *e); /* NULL is fine */

/* What stands before the first character of a file in this encoding. */
const char *csv_encoder_mark(const char *encoding, size_t *ret_len);

/* Appends whole characters of UTF-8; ERR_DATA names the first one that cannot be had, and nothing
 * was appended. */
MUST_CHECK int csv_encoder_add(
	struct csv_encoder *e, const char *text, size_t len, struct buf *out, struct err *err);

#endif
