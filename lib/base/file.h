/*
 * file - whole small files, and which file it is.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the file's bytes, up to the buffer's maximum. "-" is standard input. ERR_NOT_FOUND when
 * there is no such file, ERR_IO, ERR_LIMIT. */
MUST_CHECK int file_read(const char *path, struct buf *ret_text, struct err *err);

/* Is the open file the one that the path leads to now? */
bool file_is_at(int fd, const char *path);

#endif
