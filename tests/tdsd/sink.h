/*
 * sink - bulk targets that count and hash what they get, for benchmarks.
 *
 * A table whose name begins with "tdsd_sink" is one, made by the first load into it.
 * SELECT rows, bytes, hash FROM it tells what came; TRUNCATE TABLE empties it. The hash
 * is the sum of the rows' hashes over what their values are, so neither the order of the
 * rows matters, nor how chunks were cut, nor whether a type is the nullable one.
 */
#ifndef TDSD_SINK_H
#define TDSD_SINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tds/type.h"

struct reply;
struct sink;

struct sinks {
	pthread_mutex_t mutex;
	struct sink *first;
};

void sinks_init(struct sinks *s);
void sinks_release(struct sinks *s);

/* Is it a sink's name? */
bool sink_is_name(const char *name);
struct sink *sinks_get(struct sinks *s, const char *name);

/* One load; others may go on at the same time. Rows count when it ends well. */
struct sink_load {
	struct sink *sink;
	struct tds_columns columns;
	uint32_t n_written; /* columns up to the last one that is not hashed as its bytes are */
	uint64_t rows, bytes, hash;
	struct buf canonical;

	/* a row that comes in parts */
	struct XXH3_state_s *state;
	bool open, chunked; /* the value is a (max) one */
	int part;
	uint32_t column;
	uint64_t left, total; /* bytes of the chunk that are to come, of the value that were */
};

struct sink_hash { /* what a sink tells */
	uint64_t rows, bytes, hash;
};

void sink_begin(struct sink_load *l, struct sink *sink, const struct tds_columns *columns);
void sink_row(struct sink_load *l, const uint8_t *row, size_t len);
/* The next bytes of a row that is longer than one wants to keep. What is not taken (the result says
 * how much was) comes again with more behind it. A row must not change between this and sink_row. */
size_t sink_part(struct sink_load *l, const uint8_t *data, size_t len, bool *ret_end);
void sink_end(struct sink_load *l, bool give_up, struct reply *r);
void sink_release(struct sink_load *l);

void sink_read(struct sink *s, struct sink_hash *ret_hash);
void sink_truncate(struct sink *s);

/* A result of one row: rows, bytes, hash. */
void sink_put_hash(struct reply *r, const struct sink_hash *h);

#endif
