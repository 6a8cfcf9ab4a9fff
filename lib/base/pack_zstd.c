/*
 * zstd streams by libzstd.
 */
#include "base/pack.h"

#include <stdlib.h>

#include <zstd.h>
#include <zstd_errors.h>

#define LEVEL 3 /* zstd's own default */

struct unpacker {
	ZSTD_DCtx *z;
	bool between; /* frames */
};

struct packer {
	ZSTD_CCtx *z;
};

static const char *version(void)
{
	return ZSTD_versionString();
}

static struct unpacker *unpacker_new(void)
{
	struct unpacker *u = mem_alloc(sizeof(*u));

	u->z = ZSTD_createDCtx();
	if (!u->z)
		abort();
	return u;
}

static void unpacker_reset(struct unpacker *u)
{
	ZSTD_DCtx_reset(u->z, ZSTD_reset_session_only);
	u->between = false;
}

static void unpacker_free(struct unpacker *u)
{
	if (!u)
		return;
	ZSTD_freeDCtx(u->z);
	free(u);
}

static int wrong(size_t rc, bool between, struct err *err)
{
	ZSTD_ErrorCode code = ZSTD_getErrorCode(rc);

	if (code == ZSTD_error_memory_allocation)
		abort();
	if (between && code == ZSTD_error_prefix_unknown)
		return err_set(err, ERR_DATA, "what follows the zstd data is no zstd data");
	err_set(err, ERR_DATA, "zstd: %s", ZSTD_getErrorName(rc));
	if (code == ZSTD_error_frameParameter_windowTooLarge)
		err_hint(err, "compress it without --long or --ultra");
	return -1;
}

static int unpack(struct unpacker *u, struct pack_io *io, bool *ret_whole, struct err *err)
{
	ZSTD_inBuffer in = {io->in, io->in_len, 0};
	ZSTD_outBuffer out = {io->out, io->out_len, 0};
	size_t rc = 0;

	/* it may hold output back when the input is all taken */
	while (out.pos < out.size && (in.pos < in.size || !u->between)) {
		size_t in_pos = in.pos, out_pos = out.pos;

		rc = ZSTD_decompressStream(u->z, &out, &in);
		if (ZSTD_isError(rc))
			return wrong(rc, u->between, err);
		if (in.pos == in_pos && out.pos == out_pos)
			break;
		u->between = rc == 0;
	}
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	*ret_whole = u->between;
	return 0;
}

static struct packer *packer_new(void)
{
	struct packer *p = mem_alloc(sizeof(*p));

	p->z = ZSTD_createCCtx();
	if (!p->z)
		abort();
	ZSTD_CCtx_setParameter(p->z, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(p->z, ZSTD_c_checksumFlag, 1);
	return p;
}

static void packer_free(struct packer *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->z);
	free(p);
}

static int pack(struct packer *p, struct pack_io *io, bool last, struct err *err)
{
	ZSTD_inBuffer in = {io->in, io->in_len, 0};
	ZSTD_outBuffer out = {io->out, io->out_len, 0};
	size_t rc = ZSTD_compressStream2(p->z, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);

	if (ZSTD_isError(rc))
		return err_set(err, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(rc));
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	return last && rc == 0;
}

const struct pack_ops pack_zstd = {
	.name = "zstd",
	.suffix = ".zst",
	.version = version,
	.unpacker_new = unpacker_new,
	.unpack = unpack,
	.unpacker_reset = unpacker_reset,
	.unpacker_free = unpacker_free,
	.packer_new = packer_new,
	.pack = pack,
	.packer_free = packer_free,
};
