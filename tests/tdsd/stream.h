/*
 * stream - the bytes of one connection, and what a fault does to them.
 *
 * Reads are buffered; writes go to the socket at once. Blocking. A stream that
 * was cut, or whose peer is gone, stays so: every later call fails.
 */
#ifndef TDSD_STREAM_H
#define TDSD_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_UNLIMITED UINT64_MAX

struct stream {
	int fd;
	bool broken;
	size_t in_pos, in_len;
	uint8_t in[32768];
	_Atomic uint64_t bytes_in, bytes_out; /* others read them */

	/* faults */
	uint64_t cut_in, cut_out; /* bytes until the connection is cut; STREAM_UNLIMITED */
	bool cut_by_reset;        /* RST instead of FIN */
	uint64_t rate;            /* bytes per second out; 0: as fast as it goes */
	size_t segment;           /* bytes per send(); 0: all at once */
	atomic_bool *stopping;    /* of the server: ends what waits on purpose */
	atomic_uint *clears;      /* and so does a change of this */
};

/* Takes the descriptor over. */
void stream_init(struct stream *s, int fd, atomic_bool *stopping, atomic_uint *clears);
void stream_release(struct stream *s);

/* 1 … len bytes; 0 at the end, or when it broke. */
size_t stream_read(struct stream *s, void *buf, size_t len);
/* All of it, or false. */
bool stream_write(struct stream *s, const void *data, size_t len);

/* Would stream_read return at once? */
bool stream_readable(const struct stream *s);

/* Ends the connection now, by FIN or by RST. */
void stream_cut(struct stream *s, bool reset);
/* Waits: ms, or (0) until the peer goes, faults are cleared or the server stops. */
/* A round trip that is longer by so much. */
void stream_delay(int64_t us);
void stream_stall(struct stream *s, int64_t ms);

#endif
