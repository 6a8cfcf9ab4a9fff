#include "tests/tdsd/prepared.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

static struct prepared_statement *find(const struct prepared *p, int64_t handle)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->v[i].handle == handle)
			return &p->v[i];
	return NULL;
}

int32_t prepared_add(struct prepared *p, const char *sql, const char *declaration)
{
	struct prepared_statement *s = find(p, 0);

	if (!s && p->n == PREPARED_MAX)
		return 0;
	if (!s) {
		if (p->n == p->cap) {
			p->cap = p->cap ? 2 * p->cap : 16;
			p->v = mem_grow(p->v, p->cap, sizeof(*p->v));
		}
		s = &p->v[p->n++];
	}
	*s = (struct prepared_statement){.handle = ++p->last,
		.sql = mem_strdup(sql),
		.declaration = mem_strdup(declaration)};
	return s->handle;
}

const struct prepared_statement *prepared_find(const struct prepared *p, int64_t handle)
{
	return handle > 0 ? find(p, handle) : NULL;
}

static void forget(struct prepared_statement *s)
{
	free(s->sql);
	free(s->declaration);
	*s = (struct prepared_statement){0};
}

void prepared_remove(struct prepared *p, int64_t handle)
{
	struct prepared_statement *s = handle > 0 ? find(p, handle) : NULL;

	if (s)
		forget(s);
}

void prepared_release(struct prepared *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		forget(&p->v[i]);
	free(p->v);
	*p = (struct prepared){0};
}
