/*
 * tsql_error - SQL Server's errors: numbers, severities, states and texts.
 *
 * The texts are those of sys.messages, with %1, %2 … for what is put in. One error
 * is kept, the last; the caller sends it.
 */
#ifndef TDSD_TSQL_ERROR_H
#define TDSD_TSQL_ERROR_H

#include <stdint.h>

#define TSQL_ERROR_TEXT_MAX 2048 /* bytes, with the NUL: what a server cuts at */

struct tsql_error {
	int32_t number; /* 0: none */
	uint8_t state, severity;
	int32_t line;
	char text[TSQL_ERROR_TEXT_MAX];
};

/* Sets the error with strings in the places of %1 …; returns -1. The line stays. */
#define tsql_fail(e, number, ...) \
	tsql_fail_strings((e), (number), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
int tsql_fail_strings(struct tsql_error *e, int32_t number, const char *const *strings);

/* What this server does not do: severity 16, number 40510, naming the construct. Returns -1. */
int tsql_unsupported(struct tsql_error *e, const char *what);

/* The severity and the template of a number; NULL: it is not in the table. */
const char *tsql_error_template(int32_t number, uint8_t *ret_severity, uint8_t *ret_state);

/* Decimal text of a number, good for the next 8 calls of the thread. */
const char *tsql_number(int64_t n);

#endif
