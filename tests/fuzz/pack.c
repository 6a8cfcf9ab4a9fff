/*
 * Any bytes, cut anywhere, are uncompressed to the same bytes or are refused. The
 * first byte says as what, and how they are cut.
 */
#include "base/pack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX (1u << 20)

struct result {
	uint64_t digest; /* FNV-1a */
	size_t len;
	int rc;
	bool whole;
};

static struct result unpack(
	const struct pack_ops *ops, const uint8_t *data, size_t size, size_t step)
{
	static uint8_t room[1 << 16];
	struct unpacker *u = ops->unpacker_new();
	struct result r = {.digest = UINT64_C(0xCBF29CE484222325)};
	struct err err = ERR_INIT;
	bool more = true;
	size_t at = 0;

	while (r.rc == 0 && more && r.len < OUT_MAX) {
		size_t n = step < size - at ? step : size - at;
		struct pack_io io = {data + at, n, room, sizeof(room)};

		r.rc = ops->unpack(u, &io, &r.whole, &err);
		at += n - io.in_len;
		more = io.out_len < sizeof(room) || at < size;
		for (size_t i = 0; i < sizeof(room) - io.out_len; i++)
			r.digest = (r.digest ^ room[i]) * UINT64_C(0x100000001B3);
		r.len += sizeof(room) - io.out_len;
	}
	ops->unpacker_free(u);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, cut;
	const struct pack_ops *ops;

	if (size < 1)
		return 0;
	ops = pack_all[*data % PACK_COUNT];
	whole = unpack(ops, data + 1, size - 1, size);
	cut = unpack(ops, data + 1, size - 1, 1u + *data / PACK_COUNT);
	if (whole.len >= OUT_MAX || cut.len >= OUT_MAX)
		return 0;
	if (whole.rc != cut.rc)
		abort();
	if (whole.rc == 0 && (whole.digest != cut.digest || whole.whole != cut.whole))
		abort();
	return 0;
}
