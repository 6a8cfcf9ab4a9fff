/*
 * refusal - what a parser or a conversion says when it refuses a value.
 *
 * For value.c and convert*.c only. The functions return -1.
 */
#ifndef TDS_REFUSAL_H
#define TDS_REFUSAL_H

#include "tds/value.h"

struct refusal {
	struct err *err;
	enum tds_loss loss;
};

/* "'text' is not …": `why` follows the text. */
int tds_refuse(
	const char *text, size_t len, enum tds_loss loss, const char *why, struct refusal *out);

/* The same with the type's name behind it: "'text' is beyond the range of int". */
int tds_refuse_for(const struct tds_column *c, const char *text, size_t len, enum tds_loss loss,
	const char *why, struct refusal *out);

#endif
