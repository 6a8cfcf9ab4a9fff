/*
 * csv_file - the bytes of one CSV file, as UTF-8, into a parser.
 *
 * `encoding` is a name that iconv knows, and "utf-8-bom" (a byte order mark is
 * passed over in any case; who writes means it). "utf-16" without a byte order mark
 * is little-endian: what Windows writes. Blocks as input.h says.
 */
#ifndef WORK_CSV_FILE_H
#define WORK_CSV_FILE_H

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "work/csv.h"
#include "work/input.h"

#define CSV_FILE_BLOCK (256u * 1024)

struct csv_file {
	struct input in;
	bool ended;     /* all of it was read, and the parser knows */
	bool transcode; /* else it is UTF-8 already */
	bool sniff;     /* its byte order is not known yet: there is no iconv */
	iconv_t iconv;
	const char *encoding; /* borrowed; NULL: closed */
	char *raw;            /* bytes that are not yet transcoded: a cut character at most */
	size_t raw_len;
	char bad[128]; /* what csv_end_bad was told */
};

bool csv_encoding_is_utf8(const char *encoding);
bool csv_encoding_is_utf16(const char *encoding); /* of the byte order that its mark says */

/* ERR_CONFIG when iconv does not know the encoding. */
MUST_CHECK int csv_file_open(struct csv_file *f, const char *path, const char *encoding,
	struct err *err);
void csv_file_close(struct csv_file *f); /* a zeroed struct is fine */

/* The next block into the parser (of a stream perhaps nothing yet), or the word that there is none
 * (`ended`). */
MUST_CHECK int csv_file_feed(struct csv_file *f, struct csv *csv, struct err *err);

/* Back to the beginning: see input_rewind. */
MUST_CHECK int csv_file_rewind(struct csv_file *f, struct err *err);

#endif
