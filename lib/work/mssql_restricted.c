#include "work/mssql_restricted.h"

#include <stdbool.h>

#include "base/arena.h"
#include "db/tsql.h"

#define NO_UNMASK "COALESCE(HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'UNMASK'), 0) = 0"
#define POLICIES                                                                        \
	"sys.security_predicates AS p JOIN sys.security_policies AS y ON y.object_id ="  \
	" p.object_id AND y.is_enabled = 1"

static int refuse_mask(const char *column, const char *of, struct err *err)
{
	if (of)
		err_set(err, ERR_CONFIG, "column '%s' of '%s' is masked for this login, and the query may show it", column, of);
	else
		err_set(err, ERR_CONFIG, "column '%s' is masked for this login", column);
	return err_hint(err, "what would be copied is the mask: grant UNMASK to the login, leave the column out of a "
			     "source_query, or say restricted_reads = accept");
}

static int refuse_policy(const char *policy, const char *of, struct err *err)
{
	if (of)
		err_set(err, ERR_CONFIG, "the security policy '%s' hides rows of '%s', which the query reads, from some",
			policy, of);
	else
		err_set(err, ERR_CONFIG, "the security policy '%s' hides rows of the table from some", policy);
	return err_hint(err, "rows that are hidden from this login would be missing: restricted_reads = accept says that "
			     "what this login sees is what is meant");
}

/* --- names --- */

struct pair {
	const char *object, *what; /* its column, policy or definition */
	bool seen;
};

struct pairs {
	struct pair *v;
	size_t n;
};

/* An engine that has no such catalog has none of it. */
static struct pairs read_pairs(struct db *db, const char *sql, struct arena *a)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;
	struct pairs p = {.n = 0};
	size_t cap = 0;

	if (db_prepare(db, sql, &stmt, &ignored))
		return p;
	while (db_step(stmt, &ignored) > 0) {
		p.v = arena_grow(a, p.v, p.n, &cap, sizeof(*p.v));
		p.v[p.n++] = (struct pair){.object = arena_strdup(a, db_column_text(stmt, 0)),
			.what = arena_strdup(a, db_column_text(stmt, 1))};
	}
	return p;
}

struct restricted {
	struct pairs columns, policies, modules;
};

static int check_text(struct restricted *r, const char *sql, struct err *err)
{
	for (size_t i = 0; i < r->policies.n; i++)
		if (tsql_mentions(sql, r->policies.v[i].object))
			return refuse_policy(r->policies.v[i].what, r->policies.v[i].object, err);
	for (size_t i = 0; i < r->columns.n; i++)
		if (tsql_mentions(sql, r->columns.v[i].object) &&
			(tsql_mentions(sql, r->columns.v[i].what) || tsql_selects_all(sql)))
			return refuse_mask(r->columns.v[i].what, r->columns.v[i].object, err);
	for (size_t i = 0; i < r->modules.n; i++) {
		struct pair *m = &r->modules.v[i];

		if (m->seen || !m->what || !tsql_mentions(sql, m->object))
			continue;
		m->seen = true;
		if (check_text(r, m->what, err))
			return -1;
	}
	return 0;
}

int mssql_restricted_query(struct db *db, const char *sql, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct restricted r;

	r.columns = read_pairs(db,
		"SELECT o.name, c.name FROM sys.columns AS c JOIN sys.objects AS o ON o.object_id = c.object_id"
		" WHERE c.is_masked = 1 AND " NO_UNMASK, &a);
	r.policies = read_pairs(db,
		"SELECT o.name, y.name FROM " POLICIES " JOIN sys.objects AS o ON o.object_id = p.target_object_id", &a);
	if (r.columns.n + r.policies.n == 0)
		return 0;
	r.modules = read_pairs(db,
		"SELECT o.name, m.definition FROM sys.sql_modules AS m JOIN sys.objects AS o ON o.object_id = m.object_id", &a);
	return check_text(&r, sql, err);
}

/* --- a table --- */

static const char *first_of(struct db *db, const char *sql, const char *object, struct arena *a)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;

	if (db_prepare(db, sql, &stmt, &ignored))
		return NULL;
	db_bind_text(stmt, 1, object);
	return db_step(stmt, &ignored) > 0 ? arena_strdup(a, db_column_text(stmt, 0)) : NULL;
}

int mssql_restricted_table(struct db *db, const char *object, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *found = first_of(db,
		"SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(@name) AND is_masked = 1 AND " NO_UNMASK,
		object, &a);

	if (found)
		return refuse_mask(found, NULL, err);
	found = first_of(db, "SELECT y.name FROM " POLICIES " WHERE p.target_object_id = OBJECT_ID(@name)", object, &a);
	if (found)
		return refuse_policy(found, NULL, err);
	found = first_of(db, "SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID(@name)", object, &a);
	return found ? mssql_restricted_query(db, found, err) : 0; /* a view */
}
