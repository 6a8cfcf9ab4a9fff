/*
 * buf - a growing byte buffer with a mandatory maximum.
 *
 * Adding never fails on the spot: an addition that would pass the maximum sets
 * `overflow` and is dropped whole, later ones too; ask once at the end with
 * buf_check. The data is always NUL-terminated, so `data` is a C string when
 * what was added contains no NUL.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

struct buf {
	char *data; /* never NULL after the first addition */
	size_t len, cap;
	size_t max; /* bytes; the terminating NUL is not counted */
	bool overflow;
};

#define BUF_INIT(maximum) {.max = (maximum)}

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* empty, memory kept */

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* Room for n more bytes at the end, or NULL past the maximum; buf_advance says
 * how many of them were used. */
char *buf_room(struct buf *b, size_t n);
void buf_advance(struct buf *b, size_t n);

/* "" for an empty buffer. */
const char *buf_str(const struct buf *b);

/* ERR_LIMIT when something was dropped; `what` names the thing that is too long. */
MUST_CHECK int buf_check(const struct buf *b, const char *what, struct err *err);

#endif
