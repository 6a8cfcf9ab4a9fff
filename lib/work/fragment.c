#include "work/fragment.h"

#include <assert.h>
#include <string.h>

void fragment_release(struct fragment *f)
{
	buf_release(&f->row);
}

uint8_t *fragment_room(struct fragment *f, size_t size)
{
	assert(!fragment_waits(f));
	f->row.max = size;
	return (uint8_t *)buf_room(&f->row, size);
}

void fragment_set(struct fragment *f, uint64_t number, size_t len)
{
	f->number = number;
	buf_advance(&f->row, len);
	f->sent = 0;
}

void fragment_take(struct fragment *f, struct batch *b)
{
	size_t left = f->row.len - f->sent;
	bool first = f->sent == 0, more = left > b->cap;

	assert(fragment_waits(f) && b->len == 0);
	b->first_row = f->number;
	b->rows = first;
	b->len = more ? b->cap : (uint32_t)left;
	memcpy(b->data, f->row.data + f->sent, b->len);
	if (!first || more)
		b->cont =
			(uint8_t)(BATCH_PART | (first ? BATCH_FIRST : 0) | (more ? BATCH_MORE : 0));
	f->sent += b->len;
	if (!more)
		buf_release(&f->row); /* one huge row is no reason to keep its memory */
}
