/*
 * arena - memory for results that live and die together.
 *
 * Pass an arena down to whoever makes the result; release it once. Not
 * thread-safe. Pointers stay valid until arena_release.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/mem.h"

struct arena_block;

struct arena {
	struct arena_block *head;
};

#define ARENA_INIT {.head = NULL}

void arena_release(struct arena *a);			       /* the arena is empty again */
void *arena_alloc(struct arena *a, size_t size);	       /* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t n, size_t size);     /* zeroed; aborts on overflow */
/* An array of n elements, with room for one more: moved and doubled when it is full. *cap is 0 at the
 * start, v NULL. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size);
char *arena_strdup(struct arena *a, const char *s);	       /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n); /* exactly n bytes and a NUL */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

/* The buffer's text; the buffer is released. */
struct buf;
char *arena_buf(struct arena *a, struct buf *b);

#endif
