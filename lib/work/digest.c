#include "work/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

void digest_add(struct digest *d, const void *head, size_t head_len, const void *body,
	size_t body_len)
{
	/* the parts cannot trade places: the first one's hash is the second one's seed */
	XXH128_hash_t h = XXH3_128bits_withSeed(body, body_len, XXH3_64bits(head, head_len));

	d->sum += (unsigned __int128)h.high64 << 64 | h.low64;
}

void digest_merge(struct digest *d, const struct digest *other)
{
	d->sum += other->sum;
}

void digest_remove(struct digest *d, const struct digest *other)
{
	d->sum -= other->sum;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->sum == b->sum;
}

const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_LEN + 1])
{
	snprintf(out, DIGEST_TEXT_LEN + 1, "%016" PRIx64 "%016" PRIx64, (uint64_t)(d->sum >> 64),
		(uint64_t)d->sum);
	return out;
}

const char *digest_version(char out[16])
{
	unsigned v = XXH_versionNumber();

	snprintf(out, 16, "%u.%u.%u", v / 10000, v / 100 % 100, v % 100);
	return out;
}
