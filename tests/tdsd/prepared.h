/*
 * prepared - the statements that a connection keeps, by handle.
 */
#ifndef TDSD_PREPARED_H
#define TDSD_PREPARED_H

#include <stdint.h>

#define PREPARED_MAX 10000

struct prepared_statement {
	int32_t handle; /* 0: the place is free */
	char *sql, *declaration;
};

struct prepared {
	struct prepared_statement *v;
	uint32_t n, cap;
	int32_t last;
};

/* The handle, or 0 where there are PREPARED_MAX already. */
int32_t prepared_add(struct prepared *p, const char *sql, const char *declaration);
const struct prepared_statement *prepared_find(const struct prepared *p, int64_t handle);
void prepared_remove(struct prepared *p, int64_t handle);
void prepared_release(struct prepared *p);

#endif
