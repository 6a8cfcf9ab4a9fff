/*
 * progress - the line that says how a copy is going. Pure.
 *
 *	load_planes  1,234,567 rows  120,000 rows/s  12.3 MB/s  waiting to read  45%  12.0 s left
 *
 * Where the server of that side says what it waits for, that stands behind it (observer.h).
 * "waiting to read" names the source as the slow side, "waiting to write" the target.
 */
#ifndef WORK_PROGRESS_H
#define WORK_PROGRESS_H

#include <stddef.h>

#include "work/copy.h"

#define PROGRESS_LINE_MAX 512

/* Rates over the time since `before` (zero-initialised at the start: since the start). */
void progress_line(const char *name, const struct copy_progress *before,
	const struct copy_progress *now, char *out, size_t size);

#endif
