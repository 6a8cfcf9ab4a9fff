#include "job/statements.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const char *const texts[][DB_DIALECT_COUNT] = {
#define X(name, sqlite, tsql) [ST_##name] = {[DB_SQLITE] = sqlite, [DB_TSQL] = tsql},
	STATEMENTS(X)
#undef X
};

const char *statements_text(enum db_dialect dialect, enum statement id)
{
	return texts[id][dialect];
}

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
	if (!s->v[id] &&
		db_prepare(s->db, statements_text(db_dialect(s->db), id), &s->v[id], err))
		return -1;
	*ret_stmt = s->v[id];
	return 0;
}

static int bind(struct statements *s, enum statement id, struct db_stmt **ret_stmt, struct err *err,
	const char *types, va_list args)
{
	if (statements_get(s, id, ret_stmt, err))
		return -1;
	assert((int)strlen(types) == db_param_count(*ret_stmt));
	for (int pos = 1; *types; types++, pos++)
		if (*types == 'i')
			db_bind_int(*ret_stmt, pos, va_arg(args, int64_t));
		else if (*types == 'r')
			db_bind_real(*ret_stmt, pos, va_arg(args, double));
		else
			db_bind_text(*ret_stmt, pos, va_arg(args, const char *));
	return 0;
}

int statements_bind(struct statements *s, enum statement id, struct db_stmt **ret_stmt,
	struct err *err, const char *types, ...)
{
	va_list args;
	int rc;

	va_start(args, types);
	rc = bind(s, id, ret_stmt, err, types, args);
	va_end(args);
	return rc;
}

int statements_run(struct statements *s, enum statement id, struct err *err, const char *types, ...)
{
	struct db_stmt *stmt;
	va_list args;
	int rc;

	va_start(args, types);
	rc = bind(s, id, &stmt, err, types, args);
	va_end(args);
	return rc ? -1 : db_run(stmt, err);
}
