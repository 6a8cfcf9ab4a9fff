#include "job/lineage.h"

#include <stddef.h>
#include <string.h>

#include "base/utf8.h"

const char *lineage_name(enum lineage_fact fact)
{
	static const char *const names[] = {
#define X(name) #name,
		LINEAGE_FACTS(X)
#undef X
	};

	return names[fact];
}

void lineage_set(struct lineage *l, enum lineage_fact fact, const char *text)
{
	size_t n = text ? utf8_cut_at(text, strlen(text), LINEAGE_MAX - 1) : 0;

	memcpy(l->v[fact], text ? text : "", n);
	l->v[fact][n] = '\0';
}

const char *lineage_get(const struct lineage *l, enum lineage_fact fact)
{
	return l->v[fact][0] ? l->v[fact] : NULL;
}
