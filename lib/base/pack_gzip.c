/*
 * gzip streams by zlib.
 */
#include "base/pack.h"

#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

#define GZIP_ONLY (MAX_WBITS + 16) /* zlib.h: a gzip header, and no other */
#define MEM_LEVEL 8

struct unpacker {
	z_stream z;
	bool between; /* members */
};

struct packer {
	z_stream z;
};

static const char *version(void)
{
	return zlibVersion();
}

static uInt bounded(size_t n)
{
	return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

static void give(z_stream *z, const struct pack_io *io)
{
	z->next_in = (Bytef *)(uintptr_t)io->in; /* zlib does not write there */
	z->avail_in = bounded(io->in_len);
	z->next_out = io->out;
	z->avail_out = bounded(io->out_len);
}

static void take(const z_stream *z, struct pack_io *io)
{
	io->in_len -= (size_t)(z->next_in - io->in);
	io->in = z->next_in;
	io->out_len -= (size_t)(z->next_out - io->out);
	io->out = z->next_out;
}

/* zlib fails here for want of memory only. */
static void check_init(int rc)
{
	if (rc != Z_OK)
		abort();
}

static struct unpacker *unpacker_new(void)
{
	struct unpacker *u = mem_alloc(sizeof(*u));

	check_init(inflateInit2(&u->z, GZIP_ONLY));
	return u;
}

static void unpacker_reset(struct unpacker *u)
{
	inflateReset(&u->z);
	u->between = false;
}

static void unpacker_free(struct unpacker *u)
{
	if (!u)
		return;
	inflateEnd(&u->z);
	free(u);
}

static int unpack(struct unpacker *u, struct pack_io *io, bool *ret_whole, struct err *err)
{
	/* it may hold output back when the input is all taken */
	while (io->out_len && (io->in_len || !u->between)) {
		bool next = u->between;
		int rc;

		if (next)
			unpacker_reset(u);
		give(&u->z, io);
		rc = inflate(&u->z, Z_NO_FLUSH);
		take(&u->z, io);
		if (rc == Z_MEM_ERROR)
			abort();
		if (rc == Z_STREAM_END)
			u->between = true;
		else if (rc == Z_BUF_ERROR)
			break; /* it needs more than there is */
		else if (rc != Z_OK && next)
			return err_set(err, ERR_DATA, "what follows the gzip data is no gzip data");
		else if (rc != Z_OK)
			return err_set(
				err, ERR_DATA, "gzip: %s", u->z.msg ? u->z.msg : "wrong data");
	}
	*ret_whole = u->between;
	return 0;
}

static struct packer *packer_new(void)
{
	struct packer *p = mem_alloc(sizeof(*p));

	check_init(deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_ONLY, MEM_LEVEL,
		Z_DEFAULT_STRATEGY));
	return p;
}

static void packer_free(struct packer *p)
{
	if (!p)
		return;
	deflateEnd(&p->z);
	free(p);
}

static int pack(struct packer *p, struct pack_io *io, bool last, struct err *err)
{
	int rc;

	give(&p->z, io);
	rc = deflate(&p->z, last ? Z_FINISH : Z_NO_FLUSH);
	take(&p->z, io);
	if (rc == Z_STREAM_ERROR)
		return err_set(err, ERR_INTERNAL, "gzip: the stream's state is wrong");
	return rc == Z_STREAM_END;
}

const struct pack_ops pack_gzip = {
	.name = "gzip",
	.suffix = ".gz",
	.version = version,
	.unpacker_new = unpacker_new,
	.unpack = unpack,
	.unpacker_reset = unpacker_reset,
	.unpacker_free = unpacker_free,
	.packer_new = packer_new,
	.pack = pack,
	.packer_free = packer_free,
};
