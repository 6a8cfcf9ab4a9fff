/*
 * input - the bytes of a file or of standard input, uncompressed, more than once.
 *
 * A file whose name ends as pack.h knows it is uncompressed on the way. It is read
 * from beginning to end as often as asked, and what changed meanwhile is seen.
 * Standard input cannot be read again: what is read until the first rewind is kept
 * and given once more before the rest. Blocks on the disk; on standard input
 * for INPUT_WAIT_MS at most, so that the caller can look whether to go on.
 *
 * Plain reads of large blocks rather than mmap: a file that somebody cuts short is
 * then an error with a message and not a SIGBUS, and the bytes go once through the
 * cache either way.
 */
#ifndef WORK_INPUT_H
#define WORK_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/pack.h"

#define INPUT_STDIN    "-" /* the path that means standard input */
#define INPUT_BLOCK    (256u * 1024)
#define INPUT_WAIT_MS  200
#define INPUT_KEPT_MAX (2048u * 1024 * 1024) /* of standard input; who reads stops far before */

struct input {
	const char *path; /* borrowed; NULL: closed */
	int fd;
	bool is_stream;
	struct stat opened; /* what it was when it was opened */
	uint64_t bytes;     /* taken from the file in this pass, as they stand there */
	bool ended;         /* the file */

	const struct pack_ops *pack; /* NULL: it is not compressed */
	struct unpacker *unpacker;
	bool whole; /* the compressed data may end here */
	uint8_t *packed;
	size_t packed_at, packed_len;

	struct buf kept; /* of a stream */
	size_t replayed; /* of it */
	bool keeping;
};

MUST_CHECK int input_open(struct input *in, const char *path, struct err *err);
void input_close(struct input *in); /* a zeroed struct is fine */

/* Up to `size` bytes. 1: *ret_n bytes, 0 of them when nothing came yet; 0: the end; -1: error.
 * ERR_DATA for compressed data that is wrong or cut short. */
MUST_CHECK int input_read(struct input *in, void *to, size_t size, size_t *ret_n, struct err *err);

/* Back to the beginning; of a stream once. */
MUST_CHECK int input_rewind(struct input *in, struct err *err);

/* ERR_DATA when size or time are not those of the beginning any more; call it at the end. */
MUST_CHECK int input_check(const struct input *in, struct err *err);

#endif
