#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_MIN_SIZE 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_room(struct buf *b, size_t n)
{
	size_t cap;

	if (b->overflow || n > b->max - b->len) {
		b->overflow = true;
		return NULL;
	}
	if (b->len + n + 1 > b->cap) {
		cap = b->cap * 2 > BUF_MIN_SIZE ? b->cap * 2 : BUF_MIN_SIZE;
		if (cap < b->len + n + 1)
			cap = b->len + n + 1;
		b->data = mem_grow(b->data, cap, 1);
		b->cap = cap;
		b->data[b->len] = '\0'; /* the room may stay unused */
	}
	return b->data + b->len;
}

void buf_advance(struct buf *b, size_t n)
{
	assert(b->len + n < b->cap);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *p = buf_room(b, len);

	if (!p)
		return;
	if (len)
		memcpy(p, data, len);
	buf_advance(b, len);
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	char *p;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	p = buf_room(b, (size_t)n);
	if (!p)
		return;
	va_start(args, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, args);
	va_end(args);
	buf_advance(b, (size_t)n);
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

int buf_check(const struct buf *b, const char *what, struct err *err)
{
	if (!b->overflow)
		return 0;
	return err_set(err, ERR_LIMIT, "%s is longer than the limit of %zu bytes", what, b->max);
}
