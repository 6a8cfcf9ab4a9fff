#include "work/sqlite_script.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "work/ledger.h"

static const struct db_guard guard_atomic = {
	.transaction =
		"the statements are one transaction, with the ledger's row; set atomic = no for "
		"what cannot be",
	.table = LEDGER_TABLE};
static const struct db_guard guard_within = {
	.transaction = "it is part of the transaction that publishes; set pre_sql_atomic or "
		       "post_sql_atomic = no for what cannot be",
	.table = LEDGER_TABLE};
static const struct db_guard guard_each = {.table = LEDGER_TABLE};

/* The statement begins at `sql` and ends before `end`; NULL: where, is not known. */
static int name_statement(
	const struct script *script, const char *sql, const char *end, struct err *err)
{
	char shown[SCRIPT_SHOWN_MAX];

	script_show(sql, end ? end : sql + strcspn(sql, ";"), shown);
	return err_wrap(err, "statement %u, '%s'", script->at, shown);
}

/* --- statements --- */

static bool is_cancelled(const atomic_bool *cancel)
{
	return atomic_load_explicit(cancel, memory_order_relaxed);
}

static int run_statement(struct db_stmt *stmt, const atomic_bool *cancel, struct err *err)
{
	int params = db_param_count(stmt);

	if (is_cancelled(cancel))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (params)
		return err_set(err, ERR_CONFIG, "it has %d parameter%s that nobody gives a value",
			params, params == 1 ? "" : "s");
	return db_run(stmt, err);
}

/* What an error of the statement that is running means for what is there. */
static void blame(struct script *script, const struct err *err)
{
	if (err->code == ERR_CANCELLED)
		return; /* it was rolled back */
	script->refused = err->code != ERR_STORE && err->code != ERR_NETWORK;
	if (!script->refused && !script->atomic)
		script->carried_out++; /* perhaps */
}

/* 1: one was run; 0: there is none left. *sql goes on behind it. */
static int run_next(struct db *db, const atomic_bool *cancel, struct script *script,
	const char **sql, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *rest = NULL;
	int found;

	script->at++;
	found = db_prepare_next(db, *sql, &stmt, &rest, err);
	if (found == 0)
		return 0;
	if (found < 0 || run_statement(stmt, cancel, err) < 0) {
		blame(script, err);
		return name_statement(script, *sql, rest, err);
	}
	*sql = rest;
	return 1;
}

static int run_all(struct db *db, const atomic_bool *cancel, struct script *script, struct err *err)
{
	const char *sql = script->sql;
	int64_t before = db_total_changes(db);
	int more;

	do {
		more = run_next(db, cancel, script, &sql, err);
		script->rows = (uint64_t)(db_total_changes(db) - before);
		if (more > 0 && !script->atomic)
			script->carried_out++;
		if (more > 0 && FAULT(STATEMENT_DONE, err))
			return -1;
	} while (more > 0);
	return more;
}

static int run_guarded(struct db *db, const struct db_guard *guard, const atomic_bool *cancel,
	struct script *script, struct err *err)
{
	int rc;

	db_guard(db, guard);
	rc = run_all(db, cancel, script, err);
	db_guard(db, NULL);
	return rc;
}

/* --- with the ledger --- */

static int complete(struct db *db, const struct load *load, const struct script *script,
	struct err *err)
{
	return ledger_complete(
		db, load, &(struct ledger_end){.rows = script->rows}, err);
}

static int atomic_in_transaction(struct db *db, const struct load *load, const atomic_bool *cancel,
	struct script *script, struct err *err)
{
	if (ledger_publish(db, load, err) < 0)
		return -1;
	if (run_guarded(db, &guard_atomic, cancel, script, err) < 0)
		return -1;
	if (!db_in_transaction(db)) /* the guard lets none through that could */
		return err_set(err, ERR_INTERNAL, "a statement has ended the transaction");
	return complete(db, load, script, err);
}

static int publish_in_transaction(
	struct db *db, const struct load *load, const struct script *script, struct err *err)
{
	if (ledger_publish(db, load, err) < 0)
		return -1;
	return complete(db, load, script, err);
}

static int run_atomic(struct db *db, const struct load *load, const atomic_bool *cancel,
	struct script *script, struct err *err)
{
	if (db_begin(db, err) < 0)
		return -1;
	if (atomic_in_transaction(db, load, cancel, script, err) < 0 || db_commit(db, err) < 0 ||
		FAULT(PUBLISHED, err)) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

/* A transaction of the script's own is its business, but not beyond its end. */
static int run_each(struct db *db, const struct load *load, const atomic_bool *cancel,
	struct script *script, struct err *err)
{
	int rc = run_guarded(db, &guard_each, cancel, script, err);

	if (rc == 0 && db_in_transaction(db)) {
		script->refused = true;
		rc = err_set(
			err, ERR_CONFIG, "the statements begin a transaction and do not end it");
	}
	db_rollback(db);
	db_on_progress(
		db, NULL, NULL); /* all is done: better published than cancelled and unknown */
	if (rc < 0 || script->before_publish(script->arg, err) < 0 || db_begin(db, err) < 0)
		return -1;
	if (publish_in_transaction(db, load, script, err) < 0 || db_commit(db, err) < 0 ||
		FAULT(PUBLISHED, err)) {
		db_rollback(db);
		return -1;
	}
	script->carried_out = 0;
	return 0;
}

int sqlite_script_run(struct db *db, const struct load *load, const atomic_bool *cancel,
	struct script *script, struct err *err)
{
	script->at = 0;
	script->carried_out = 0;
	script->refused = false;
	script->rows = 0;
	if (script->before_publish(script->arg, err) < 0)
		return -1;
	if (script->atomic)
		return run_atomic(db, load, cancel, script, err);
	return run_each(db, load, cancel, script, err);
}

/* --- around a load --- */

int sqlite_script_within(struct db *db, const char *what, const char *sql,
	const atomic_bool *cancel, struct err *err)
{
	struct script script = {.sql = sql, .atomic = true};

	if (!sql)
		return 0;
	if (run_guarded(db, &guard_within, cancel, &script, err) < 0)
		return err_wrap(err, "%s", what);
	return 0;
}

int sqlite_script_alone(struct db *db, const char *what, const char *sql,
	const atomic_bool *cancel, struct err *err)
{
	struct script script = {.sql = sql};
	int rc = sql ? run_guarded(db, &guard_each, cancel, &script, err) : 0;

	if (rc == 0 && db_in_transaction(db))
		rc = err_set(err, ERR_CONFIG,
			"the statements begin a transaction and do not end it");
	db_rollback(db);
	return rc < 0 ? err_wrap(err, "%s", what) : 0;
}
