/*
 * mssql_target - a SQL Server's database as a target (target.h): its ledger, and statements.
 *
 * A connection that breaks is opened again by what must not give up: begin once more, and
 * revoke. Fence and ledger are then asked by their statements themselves.
 */
#include "work/target.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/mssql.h"
#include "work/ledger.h"
#include "work/mssql_script.h"

struct target {
	const struct connection *conn;
	const struct load *load;
	const atomic_bool *cancel;
	struct db *db;
	char application[MSSQL_APPLICATION_MAX + 1];
	bool begun;
};

static void on_message(void *arg, const struct mssql_message *m)
{
	const struct load *load = ((struct target *)arg)->load;

	if (load->say) /* 0: a warning of ours */
		load->say(load->arg, m->number ? LOG_INFO : LOG_WARN, m->text);
}

/* ERR_STORE means the control database to everybody above; and values are shown by policy. */
static int fail(const struct target *t, const char *what, struct err *err)
{
	err_settle_value(err, t->load->job->reject_values == REJECT_VALUES_ALL);
	if (err->code == ERR_STORE)
		err->code = ERR_TARGET;
	return what ? err_wrap(err, "connection '%s': %s", t->conn->name, what) : -1;
}

static int open_database(struct target *t, struct err *err)
{
	const struct mssql_login login = {.options = &t->conn->mssql,
		.application = t->application,
		.cancel = t->cancel,
		.message = on_message,
		.arg = t};
	enum mssql_layer layer;

	return db_open_mssql(&login, &t->db, &layer, err);
}

/* For what must not give up: neither because the connection broke, nor because it is cancelled. */
static int insist(struct target *t, struct err *err)
{
	t->cancel = NULL;
	if (t->db && db_mssql_alive(t->db)) {
		db_rollback(t->db);
		db_mssql_cancel_by(t->db, NULL);
		return 0;
	}
	db_close(mem_steal(t->db));
	return open_database(t, err);
}

static void target_close(struct target *t)
{
	if (!t)
		return;
	db_close(t->db);
	free(t);
}

static int target_open(const struct connection *conn, const struct load *load, const atomic_bool *cancel,
	struct target **ret_target, struct err *err)
{
	struct target *t;

	if (load_check(load, err))
		return -1;
	t = mem_alloc(sizeof(*t));
	*t = (struct target){.conn = conn, .load = load, .cancel = cancel};
	snprintf(t->application, sizeof(t->application), "etl worker run %lld %s", (long long)load->run_id,
		load->job->name);
	if (open_database(t, err)) {
		fail(t, "open", err);
		target_close(t);
		return -1;
	}
	*ret_target = t;
	return 0;
}

static int target_history(
	struct target *t, struct arena *a, struct ledger_row **ret_rows, size_t *ret_n, struct err *err)
{
	return ledger_history(t->db, t->load, a, ret_rows, ret_n, err) ? fail(t, "the ledger", err) : 0;
}

static int target_begin(struct target *t, enum ledger_state *ret_state, struct err *err)
{
	bool again = t->begun;

	t->begun = true;
	if ((again && insist(t, err)) || ledger_begin(t->db, t->load, ret_state, err))
		return fail(t, "begin the load", err);
	return 0;
}

static int target_script(struct target *t, struct script *script, struct err *err)
{
	return mssql_script_run(t->db, t->load, script, err) ? fail(t, NULL, err) : 0;
}

static int target_revoke(struct target *t, const char *reason, enum ledger_state *ret_state, struct err *err)
{
	if (insist(t, err) || ledger_revoke(t->db, t->load, reason, ret_state, err))
		return fail(t, "withdraw the load", err);
	return 0;
}

const struct target_ops target_mssql = {
	.driver = DRIVER_MSSQL,
	.open = target_open,
	.history = target_history,
	.begin = target_begin,
	.script = target_script,
	.revoke = target_revoke,
	.close = target_close,
};
