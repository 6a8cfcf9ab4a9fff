#include "base/tail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_MIN_SIZE 4096

void tail_release(struct tail *t)
{
	free(t->data);
	*t = (struct tail)TAIL_INIT(t->max);
}

/* Before the ring goes round the first time, so that what it holds stays where it is. */
static void grow(struct tail *t)
{
	size_t cap = t->cap ? t->cap * 2 : TAIL_MIN_SIZE;

	t->cap = cap < t->max ? cap : t->max;
	t->data = mem_grow(t->data, t->cap, 1);
}

char *tail_room(struct tail *t, size_t *ret_len)
{
	size_t at;

	if (t->total == t->cap && t->cap < t->max)
		grow(t);
	at = (size_t)(t->total % t->cap);
	*ret_len = t->cap - at;
	return t->data + at;
}

void tail_advance(struct tail *t, size_t n)
{
	assert(n <= t->cap - t->total % t->cap);
	t->total += n;
}

void tail_add(struct tail *t, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		size_t n;
		char *room = tail_room(t, &n);

		n = n < len ? n : len;
		memcpy(room, from, n);
		tail_advance(t, n);
		from += n;
		len -= n;
	}
}

/* How many bytes at the front belong to a line whose beginning is gone. */
static size_t cut_line(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return end && end + 1 < text + len ? (size_t)(end + 1 - text) : 0;
}

uint64_t tail_text(const struct tail *t, struct buf *out)
{
	size_t at, start = out->len, cut;

	if (t->total <= t->cap) {
		buf_add(out, t->data ? t->data : "", (size_t)t->total);
		return 0;
	}
	at = (size_t)(t->total % t->cap); /* the oldest */
	buf_add(out, t->data + at, t->cap - at);
	buf_add(out, t->data, at);
	if (out->overflow)
		return t->total;
	cut = cut_line(out->data + start, t->cap);
	memmove(out->data + start, out->data + start + cut, t->cap - cut);
	out->len -= cut;
	out->data[out->len] = '\0';
	return t->total - t->cap + cut;
}
