/*
 * pack - compressed streams: gzip (RFC 1952) and zstd (RFC 8878).
 *
 * Which one a file is in its name says. Both directions take bytes and give bytes
 * through one struct; nothing here does I/O or knows a file. Several members or
 * frames behind each other are one stream, as gzip and zstd take them. Memory
 * does not depend on the length: up to 128 MiB for a zstd frame that asks for so
 * large a window, 8 MiB for what zstd writes unless it is told otherwise, 64 KiB
 * for gzip.
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* What is left to read and to fill; the calls move both. */
struct pack_io {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
};

struct packer;
struct unpacker;

struct pack_ops {
	const char *name;             /* "gzip" */
	const char *suffix;           /* ".gz" */
	const char *(*version)(void); /* of the library */

	struct unpacker *(*unpacker_new)(void);
	/* Takes input, gives output, as far as both go. ERR_DATA for what is not such a stream, or
	 * a wrong checksum. *ret_whole: the stream may end here. */
	int (*unpack)(struct unpacker *u, struct pack_io *io, bool *ret_whole, struct err *err);
	void (*unpacker_reset)(struct unpacker *u); /* for another stream */
	void (*unpacker_free)(struct unpacker *u);  /* NULL is fine */

	struct packer *(*packer_new)(void);
	/* `last`: no input comes after this; then 1 once all is given, 0 while more room is needed.
	 */
	int (*pack)(struct packer *p, struct pack_io *io, bool last, struct err *err);
	void (*packer_free)(struct packer *p); /* NULL is fine */
};

extern const struct pack_ops pack_gzip, pack_zstd;

#define PACK_COUNT 2
extern const struct pack_ops *const pack_all[PACK_COUNT];

/* By the end of the file's name; NULL: it is not compressed. */
const struct pack_ops *pack_find(const char *name);

#endif
