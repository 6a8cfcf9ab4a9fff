/*
 * csv_file - the bytes of one CSV file, as UTF-8, into a parser.
 *
 * Finds the file a table's name means, reads it from beginning to end as often
 * as asked, makes UTF-8 of it, and sees when it changed meanwhile. Blocks on
 * the disk. Plain reads of large blocks rather than mmap: a file that somebody
 * cuts short is then an error with a message and not a SIGBUS, and the bytes
 * go once through the cache either way.
 */
#ifndef WORK_CSV_FILE_H
#define WORK_CSV_FILE_H

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "work/csv.h"

#define CSV_FILE_BLOCK (256u * 1024)

struct csv_file {
	const char *path; /* borrowed */
	int fd;
	struct stat opened; /* what it was when it was opened */
	uint64_t bytes;     /* read in this pass */
	bool ended;         /* all of it was, and the parser knows */
	bool transcode;     /* else it is UTF-8 already */
	iconv_t iconv;
	const char *encoding; /* borrowed */
	char *raw;            /* bytes that are not yet transcoded: a cut character at most */
	size_t raw_len;
	char bad[128]; /* what csv_end_bad was told */
};

/* The path of `table` under the connection: a file of that name in its directory, or that name
 * with .csv behind it; where the connection is a file itself, that file. ERR_NOT_FOUND with the
 * names there are; ERR_CONFIG for names that lead out of the directory. The path lives in `a`. */
MUST_CHECK int csv_file_find(const struct connection *conn, const char *table, struct arena *a,
	const char **ret_path, struct err *err);

/* `encoding` is what iconv knows; ERR_CONFIG when it does not. */
MUST_CHECK int csv_file_open(struct csv_file *f, const char *path, const char *encoding,
	struct err *err);
void csv_file_close(struct csv_file *f); /* a zeroed struct is fine */

/* The next block into the parser, or the word that there is none (`ended`). */
MUST_CHECK int csv_file_feed(struct csv_file *f, struct csv *csv, struct err *err);

/* Back to the beginning. */
MUST_CHECK int csv_file_rewind(struct csv_file *f, struct err *err);

/* ERR_DATA when size or time are not those of the beginning any more; call it at the end. */
MUST_CHECK int csv_file_check(const struct csv_file *f, struct err *err);

#endif
