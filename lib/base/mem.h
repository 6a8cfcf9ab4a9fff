/*
 * mem - heap memory and cleanup attributes.
 *
 * Allocation never returns NULL: a process that runs out of memory prints one
 * line and aborts. That is safe here by design (docs/design.md, "the database
 * is the state": controller and workers may be killed at any instruction), and
 * what input can grow is bounded by its owner, so it is also rare.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))

/* CLEANUP(fn) calls fn(&variable) when the variable leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define CLEANUP_FREE CLEANUP(mem_free_ptr)
#define CLEANUP_CLOSE CLEANUP(mem_close_fd)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void *mem_alloc(size_t size);			     /* zeroed; free with free() */
void *mem_array(size_t n, size_t size);		     /* zeroed; aborts on overflow */
void *mem_grow(void *ptr, size_t n, size_t size);    /* realloc to n elements */
char *mem_strdup(const char *s);

void mem_free_ptr(void *ptr_to_ptr);		     /* for CLEANUP_FREE */
void mem_close_fd(int *fd);			     /* for CLEANUP_CLOSE; -1 is fine */

int mem_take_fd(int *fd);			     /* hand the descriptor over: *fd becomes -1 */

/* Hand the pointer over: returns it and clears the variable. */
#define mem_steal(ptr)                                                                             \
	({                                                                                         \
		__typeof__(ptr) stolen_ = (ptr);                                                   \
		(ptr) = NULL;                                                                      \
		stolen_;                                                                           \
	})

#endif
