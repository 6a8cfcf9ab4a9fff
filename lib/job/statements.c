#include "job/statements.h"

static const char *const sqlite[] = {
#define X(name, text) [ST_##name] = text,
	STATEMENTS(X)
#undef X
};

void statements_release(struct statements *s)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		db_finalize(s->v[i]);
		s->v[i] = NULL;
	}
}

int statements_get(struct statements *s, enum statement id, struct db_stmt **ret_stmt,
	struct err *err)
{
	if (!s->v[id] && db_prepare(s->db, sqlite[id], &s->v[id], err))
		return -1;
	*ret_stmt = s->v[id];
	return 0;
}
