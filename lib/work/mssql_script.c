#include "work/mssql_script.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/text.h"
#include "db/mssql.h"
#include "db/tsql.h"
#include "work/ledger.h"

static int depth_is(struct db *db, int64_t depth, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, "SELECT CAST(@@TRANCOUNT AS bigint)", &stmt, err) || db_step(stmt, err) < 0)
		return -1;
	return db_column_int(stmt, 0) == depth;
}

/* What an error of the batch that is running means for what is there. */
static void blame(struct db *db, struct script *script, const struct err *err)
{
	if (err->code == ERR_CANCELLED)
		return; /* it was rolled back */
	script->refused = db_mssql_alive(db) && err->code != ERR_NETWORK;
	if (!script->refused && !script->atomic)
		script->carried_out++; /* perhaps */
}

/* A statement of the script must leave the transaction as it was. */
static int check_depth(struct db *db, const struct script *script, struct err *err)
{
	int same = depth_is(db, script->atomic ? MSSQL_SCRIPT_DEPTH : 0, err);

	if (same)
		return same < 0 ? -1 : 0;
	if (!script->atomic)
		return err_set(err, ERR_CONFIG, "it begins a transaction and does not end it");
	err_set(err, ERR_CONFIG, "it ends a transaction that it has not begun");
	return err_hint(err, "the batches are one transaction, with the ledger's row; set atomic = no for "
			     "what cannot be");
}

static int run_batch(struct db *db, const struct load *load, const struct tsql_batch *b,
	struct script *script, struct err *err)
{
	char text[128], rows[64];
	int64_t n = 0;

	if (db_mssql_batch(db, b->text, b->len, &n, err) || check_depth(db, script, err)) {
		char shown[SCRIPT_SHOWN_MAX];

		blame(db, script, err);
		script_show(b->text, b->text + b->len, shown);
		return err_wrap(err, "batch %u (line %u), '%s'", script->at, b->line, shown);
	}
	script->rows += (uint64_t)n;
	snprintf(text, sizeof(text), "batch %u: %s", script->at,
		text_plural((uint64_t)n, "row", rows, sizeof(rows)));
	if (load->say)
		load->say(load->arg, LOG_INFO, text);
	return 0;
}

static int run_all(struct db *db, const struct load *load, struct script *script, struct err *err)
{
	const char *at = script->sql;
	struct tsql_batch b;
	unsigned line = 1;
	int more;

	while ((more = tsql_next_batch(&at, &line, &b, err)) > 0) {
		script->at++;
		for (unsigned i = 0; i < b.repeat; i++) {
			if (run_batch(db, load, &b, script, err))
				return -1;
			if (!script->atomic)
				script->carried_out++;
			if (FAULT(STATEMENT_DONE, err))
				return -1;
		}
	}
	if (more < 0)
		script->refused = true;
	return more;
}

static int complete(struct db *db, const struct load *load, const struct script *script, struct err *err)
{
	return ledger_complete(db, load, &(struct ledger_end){.rows = script->rows}, err);
}

static int deepen(struct db *db, struct err *err)
{
	for (int i = 1; i < MSSQL_SCRIPT_DEPTH; i++)
		if (db_begin(db, err))
			return -1;
	return 0;
}

static int commit_all(struct db *db, struct err *err)
{
	return db_exec(db, "WHILE @@TRANCOUNT > 0 COMMIT TRANSACTION", err);
}

static int run_atomic(struct db *db, const struct load *load, struct script *script, struct err *err)
{
	if (db_begin(db, err))
		return -1;
	if (ledger_publish(db, load, err) || deepen(db, err) || run_all(db, load, script, err) ||
		complete(db, load, script, err) || commit_all(db, err) || FAULT(PUBLISHED, err)) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

static int run_each(struct db *db, const struct load *load, struct script *script, struct err *err)
{
	int rc = run_all(db, load, script, err);

	db_rollback(db);
	db_mssql_cancel_by(db, NULL); /* all is done: better published than cancelled and unknown */
	if (rc || script->before_publish(script->arg, err) || db_begin(db, err))
		return -1;
	if (ledger_publish(db, load, err) || complete(db, load, script, err) || db_commit(db, err) ||
		FAULT(PUBLISHED, err)) {
		db_rollback(db);
		return -1;
	}
	script->carried_out = 0;
	return 0;
}

int mssql_script_run(struct db *db, const struct load *load, struct script *script, struct err *err)
{
	script->at = 0;
	script->carried_out = 0;
	script->refused = false;
	script->rows = 0;
	if (script->before_publish(script->arg, err))
		return -1;
	return script->atomic ? run_atomic(db, load, script, err) : run_each(db, load, script, err);
}

/* --- pre_sql, post_sql --- */

static int run_part(struct db *db, const struct tsql_batch *b, int64_t depth, struct err *err)
{
	for (unsigned i = 0; i < b->repeat; i++) {
		int same;

		if (db_mssql_batch(db, b->text, b->len, NULL, err))
			return -1;
		same = depth_is(db, depth, err);
		if (same == 0)
			return err_set(err, ERR_CONFIG, depth ? "it ends the transaction of the load"
							      : "it begins a transaction and does not end it");
		if (same < 0)
			return -1;
	}
	return 0;
}

static int run_parts(struct db *db, const char *name, const char *sql, int64_t depth, struct err *err)
{
	char shown[SCRIPT_SHOWN_MAX];
	struct tsql_batch b;
	unsigned line = 1;
	int more;

	if (!sql)
		return 0;
	while ((more = tsql_next_batch(&sql, &line, &b, err)) > 0)
		if (run_part(db, &b, depth, err)) {
			script_show(b.text, b.text + b.len, shown);
			return err_wrap(err, "%s (line %u), '%s'", name, b.line, shown);
		}
	return more < 0 ? err_wrap(err, "%s", name) : 0;
}

int mssql_script_within(struct db *db, const char *name, const char *sql, struct err *err)
{
	return run_parts(db, name, sql, 1, err);
}

int mssql_script_alone(struct db *db, const char *name, const char *sql, struct err *err)
{
	int rc = run_parts(db, name, sql, 0, err);

	db_rollback(db);
	return rc;
}
