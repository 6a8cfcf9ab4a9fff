#include "work/mssql_rules.h"

#include <inttypes.h>

#include "base/buf.h"
#include "work/mssql_rows.h"
#include "work/mssql_rules_private.h"

#define REFUSED "#etl_refused"

static int keep_rows(struct rules *r, const struct rule *rule, uint64_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct buf sql = BUF_INIT(RULES_SQL_MAX);
	int rc;

	buf_adds(&sql, "SELECT s." MSSQL_ROW_NUMBER);
	for (uint32_t i = 0; i < r->with->n_keys; i++)
		buf_printf(&sql, ", s.%s", r->p->fit->v[r->with->keys[i]].staged.name);
	buf_printf(&sql, " FROM %s AS s JOIN " REFUSED " AS r ON r." MSSQL_ROW_NUMBER " = s." MSSQL_ROW_NUMBER
			 " ORDER BY s." MSSQL_ROW_NUMBER, r->p->stage);
	if (db_prepare(r->p->db, arena_buf(r->a, &sql), &stmt, err))
		return -1;
	for (*ret_n = 0; (rc = db_step(stmt, err)) > 0; ++*ret_n) {
		CLEANUP(buf_release) struct buf key = BUF_INIT(RULES_SQL_MAX);
		struct err why = ERR_INIT;
		uint64_t row = (uint64_t)db_column_int(stmt, 0) & ((1ull << MSSQL_ROW_LANE_SHIFT) - 1);

		for (uint32_t i = 0; i < r->with->n_keys; i++) {
			const char *text = db_column_text(stmt, (int)i + 1);

			buf_printf(&key, "%s%s", i ? ", " : "", text ? text : "NULL");
		}
		err_set(&why, ERR_DATA, "%s", rule->reason);
		if (rejects_add(r->with->rejects, row, rule->column, key.len ? buf_str(&key) : NULL, &why)) {
			*err = why;
			return -1;
		}
	}
	return rc;
}

static int hold_rule(struct rules *r, const struct rule *rule, uint64_t *ret_n, struct err *err)
{
	uint64_t room = (uint64_t)r->p->job->reject_limit + 1;

	if (db_exec(r->p->db,
		    arena_printf(r->a, "INSERT INTO " REFUSED " SELECT TOP (%" PRIu64 ") b." MSSQL_ROW_NUMBER
				       " FROM (%s) AS b", room, rule->sql),
		    err))
		return err_wrap(err, "look for rows that it would refuse: %s", rule->reason);
	*ret_n = 0;
	if (db_changes(r->p->db) == 0)
		return 0;
	if (keep_rows(r, rule, ret_n, err))
		return -1;
	return db_exec(r->p->db,
		arena_printf(r->a, "DELETE s FROM %s AS s JOIN " REFUSED " AS r ON r." MSSQL_ROW_NUMBER
				   " = s." MSSQL_ROW_NUMBER "; DELETE FROM " REFUSED, r->p->stage),
		err);
}

static int hold_rules(struct rules *r, uint64_t *ret_refused, struct err *err)
{
	uint64_t before;

	*ret_refused = 0;
	do {
		before = *ret_refused;
		for (const struct rule *rule = r->first; rule; rule = rule->next) {
			uint64_t n;

			if (hold_rule(r, rule, &n, err))
				return -1;
			*ret_refused += n;
		}
	} while (r->refers_to_itself && *ret_refused > before);
	return 0;
}

int mssql_rules_hold(const struct mssql_rules *with, uint64_t *ret_refused, struct err *err)
{
	struct rules r = {.with = with, .p = with->apply, .a = with->apply->arena};

	r.last = &r.first;
	*ret_refused = 0;
	if (mssql_rules_find(&r, err))
		return -1;
	if (!r.first)
		return 0;
	if (db_exec(r.p->db,
		    "DROP TABLE IF EXISTS " REFUSED "; CREATE TABLE " REFUSED " (" MSSQL_ROW_NUMBER
		    " bigint NOT NULL PRIMARY KEY)",
		    err))
		return -1;
	return hold_rules(&r, ret_refused, err);
}
