/*
 * output - what a command prints: line by line into a log, and not without end.
 *
 * A log of a run is kept in the store, so a command that prints a gigabyte must
 * not fill it: the first OUTPUT_STORED_MAX bytes are handed on as they come, of
 * the rest only the last OUTPUT_TAIL_MAX, at the end, behind a line that says how
 * much is missing between. Pure: bytes in, lines out. Not thread-safe.
 */
#ifndef WORK_OUTPUT_H
#define WORK_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

#define OUTPUT_LINE_MAX   4000 /* bytes; a longer line is split, not within a character */
#define OUTPUT_STORED_MAX (1024u * 1024)
#define OUTPUT_TAIL_MAX   (64u * 1024)
#define OUTPUT_LINE_COST  64 /* bytes that a line takes beside its text: counted with it */

enum output_stream { OUTPUT_STDOUT, OUTPUT_STDERR, OUTPUT_STREAMS };

struct output;

/* `say` takes a line without its end, LOG_INFO for standard output and LOG_WARN for standard error.
 * UTF-8 is not promised; a NUL in it is '?'. */
struct output *output_new(void (*say)(void *arg, enum log_level level, const char *line), void *arg);
void output_free(struct output *o); /* NULL is fine; says nothing */

void output_add(struct output *o, enum output_stream stream, const char *data, size_t len);

/* No more comes: lines that have no end, then what was kept of the last. */
void output_end(struct output *o);

uint64_t output_lines(const struct output *o);

/* The last line of standard error that is not blank, or "". */
const char *output_last_error(const struct output *o);

#endif
