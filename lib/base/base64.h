/*
 * base64 - RFC 4648 §4.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/buf.h"

void base64_print(struct buf *out, const void *data, size_t len);

/* Blanks and line ends between the characters do not count. -1: it is none. Pure. */
MUST_CHECK int base64_parse(struct buf *out, const char *text);

#endif
