#include "base/pack.h"

#include <string.h>

const struct pack_ops *const pack_all[PACK_COUNT] = {&pack_gzip, &pack_zstd};

const struct pack_ops *pack_find(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < PACK_COUNT; i++) {
		size_t n = strlen(pack_all[i]->suffix);

		if (len > n && strcmp(name + len - n, pack_all[i]->suffix) == 0)
			return pack_all[i];
	}
	return NULL;
}
