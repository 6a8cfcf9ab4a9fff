#include "krb/keytab.h"

#define COMPONENTS_MAX 32

struct bytes {
	const uint8_t *p;
	size_t left;
	bool cut;
};

static uint32_t number(struct bytes *b, size_t size)
{
	uint32_t n = 0;

	if (b->cut || b->left < size) {
		b->cut = true;
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		n = n << 8 | b->p[i];
	b->p += size;
	b->left -= size;
	return n;
}

static void skip(struct bytes *b, size_t n)
{
	if (b->cut || b->left < n) {
		b->cut = true;
		return;
	}
	b->p += n;
	b->left -= n;
}

static bool record_is_whole(const uint8_t *data, size_t len)
{
	struct bytes b = {.p = data, .left = len};
	uint32_t components = number(&b, 2);

	if (components > COMPONENTS_MAX)
		return false;
	for (uint32_t i = 0; i <= components; i++) /* and the realm, first */
		skip(&b, number(&b, 2));
	skip(&b, 4 + 4 + 1 + 2); /* name type, time, version, type of the key */
	skip(&b, number(&b, 2));
	return !b.cut; /* a version of 4 bytes may follow */
}

bool keytab_is_whole(const uint8_t *data, size_t len)
{
	struct bytes b = {.p = data, .left = len};

	if (number(&b, 2) != 0x0502 || b.cut)
		return false;
	while (b.left) {
		int32_t size = (int32_t)number(&b, 4);
		size_t room = size < 0 ? (size_t) - (int64_t)size : (size_t)size; /* negative: a hole */

		if (b.cut || room == 0 || room > b.left || (size > 0 && !record_is_whole(b.p, room)))
			return false;
		skip(&b, room);
	}
	return true;
}
