/*
 * sink - a new file, compressed as the end of its name says, that is written once.
 *
 * Buffered; blocks on the disk. After sink_finish all of it has reached the disk
 * (its name in the directory has not: that is sink_sync_dir's business).
 */
#ifndef WORK_SINK_H
#define WORK_SINK_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/pack.h"

struct sink {
	const char *path; /* borrowed; NULL: closed */
	int fd;
	const struct pack_ops *pack; /* NULL: not compressed */
	struct packer *packer;
	uint8_t *buf;
	size_t len;
	uint64_t bytes; /* in the file */
};

#define SINK_INIT        \
	{                \
		.fd = -1 \
	}

/* ERR_TARGET when the file is there already. */
MUST_CHECK int sink_open(struct sink *s, const char *path, mode_t mode, struct err *err);
void sink_close(struct sink *s); /* the file stays; twice is fine */

MUST_CHECK int sink_write(struct sink *s, const void *data, size_t len, struct err *err);
MUST_CHECK int sink_finish(struct sink *s, struct err *err);

/* What was made, renamed and removed in the directory has reached the disk. */
MUST_CHECK int sink_sync_dir(const char *dir, struct err *err);

#endif
