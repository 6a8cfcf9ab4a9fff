/*
 * mssql_target - a SQL Server's database as a target (target.h): its ledger, rows, and statements.
 *
 * Rows are loaded into a staging table beside the target (mssql_stage.h), verified there, and
 * moved by the server itself in one transaction with the ledger (mssql_apply.h).
 *
 * A connection that breaks is opened again by what must not give up: begin once more, and
 * revoke. Fence and ledger are then asked by their statements themselves.
 */
#include "work/target.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fault.h"
#include "db/mssql.h"
#include "db/mssql_bulk.h"
#include "db/tsql.h"
#include "work/digest.h"
#include "work/ledger.h"
#include "work/ledger_reject.h"
#include "work/ledger_watermark.h"
#include "work/mssql_apply.h"
#include "work/mssql_patience.h"
#include "work/mssql_rows.h"
#include "work/mssql_rules.h"
#include "work/mssql_script.h"
#include "work/mssql_shape.h"
#include "work/mssql_stage.h"
#include "work/mssql_table.h"

#define CAUTION 15477 /* sp_rename: "changing any part of an object name could break scripts" */

struct target {
	const struct connection *conn;
	const struct load *load;
	const atomic_bool *cancel;
	struct db *db;
	char application[MSSQL_APPLICATION_MAX + 1];
	bool begun;

	/* of rows */
	struct arena arena;
	struct mssql_shape shape;
	struct mssql_stage stage;
	struct rejects *rejects; /* borrowed */
	int64_t loads;		 /* of the table by others, when this one began */
	int64_t watermark_seq;	 /* of the watermark that was read */
	struct digest digest;
	bool verified;
};

static void on_message(void *arg, const struct mssql_message *m)
{
	const struct load *load = ((struct target *)arg)->load;

	if (m->number == CAUTION)
		return; /* we know */
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

static struct mssql_login login_of(struct target *t)
{
	return (struct mssql_login){.options = &t->conn->mssql,
		.application = t->application,
		.cancel = t->cancel,
		.message = on_message,
		.arg = t};
}

static int open_database(struct target *t, struct err *err)
{
	const struct mssql_login login = login_of(t);
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
	mssql_stage_close(&t->stage);
	if (t->db)
		db_rollback(t->db);
	mssql_stage_drop(&t->stage, t->db);
	db_close(t->db);
	arena_release(&t->arena);
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
	if ((again && insist(t, err)) || ledger_begin(t->db, t->load, ret_state, err) ||
		ledger_loads(t->db, t->load, &t->loads, err))
		return fail(t, "begin the load", err);
	return 0;
}

static int target_watermark(struct target *t, struct arena *a, const char **ret_from, struct err *err)
{
	return ledger_watermark_read(t->db, t->load->job->job_uid, a, &t->watermark_seq, ret_from, err)
		       ? fail(t, "the watermark", err)
		       : 0;
}

static int target_set_watermark(struct target *t, const char *to, struct err *err)
{
	if (db_begin(t->db, err))
		return fail(t, "the watermark", err);
	if (ledger_watermark_move(t->db, t->load->job->job_uid, NULL, -1, to, err) || db_commit(t->db, err)) {
		db_rollback(t->db);
		return fail(t, "the watermark", err);
	}
	return 0;
}

static int target_rejects(struct target *t, const char *run_uid, struct arena *a, struct reject **ret_rejects,
	size_t *ret_n, struct err *err)
{
	return ledger_reject_list(t->db, run_uid, a, ret_rejects, ret_n, err) ? fail(t, "rejects", err) : 0;
}

static int read_shape(struct target *t, const struct tds_columns *cols, struct err *err)
{
	t->shape = (struct mssql_shape){.db = t->db, .conn = t->conn, .load = t->load, .a = &t->arena};
	return mssql_shape_read(&t->shape, cols, err);
}

static int target_plan(struct target *t, const struct tds_columns *cols,
	void (*say)(void *arg, const char *line), void *arg, struct err *err)
{
	if (read_shape(t, cols, err))
		return fail(t, "the table", err);
	mssql_shape_plan(&t->shape, say, arg);
	return 0;
}

/* --- staging ---------------------------------------------------------------------- */

/* What names a rejected row: the job's keys, or else those of the source. */
static void name_rejects(struct target *t, struct mssql_rows *rows)
{
	uint32_t *keys = arena_array(&t->arena, t->shape.cols.n, sizeof(*keys)), n = 0;

	for (uint32_t i = 0; i < t->shape.cols.n; i++)
		if (t->shape.cols.v[i].key)
			keys[n++] = i;
	rows->keys = t->shape.apply.n_keys ? t->shape.apply.keys : keys;
	rows->n_keys = t->shape.apply.n_keys ? t->shape.apply.n_keys : n;
}

/* The heap that the rows go to, or at once the table that is to take the target's place. */
static int open_stage(struct target *t, uint32_t lanes, struct err *err)
{
	const struct mssql_login login = login_of(t);
	bool direct = t->shape.apply.twin && mssql_twin_takes(&t->shape.fit);
	struct mssql_stage_plan plan = {.batch_rows = (uint64_t)t->load->job->batch_rows};

	t->stage.twin = t->shape.apply.twin && !direct ? t->shape.twin.name : NULL;
	plan.name = direct ? t->shape.twin.name : mssql_stage_name(t->load, t->shape.staging, false, &t->arena);
	plan.create = direct ? t->shape.twin.create : mssql_table_stage_sql(&t->shape.fit, plan.name, &t->arena);
	if (mssql_shape_sorted(&t->shape, lanes)) {
		plan.index = t->shape.twin.complete.v[t->shape.twin.completed++];
		plan.order = t->shape.twin.order;
	}
	return mssql_stage_open(&t->stage, t->db, &plan, &t->shape.fit, &t->shape.cols, &login, lanes, &t->arena, err);
}

/* Also what a load has left where staging is no more. */
static int sweep(struct target *t, struct err *err)
{
	if (mssql_stage_sweep(t->db, t->shape.table.schema, err))
		return -1;
	return strcasecmp(t->shape.staging, t->shape.table.schema) != 0
		       ? mssql_stage_sweep(t->db, t->shape.staging, err)
		       : 0;
}

static int target_stage(struct target *t, const struct tds_columns *cols, uint32_t lanes,
	struct rejects *rejects, struct err *err)
{
	const struct job *job = t->load->job;

	t->rejects = rejects;
	if (!job->pre_sql_atomic && mssql_script_alone(t->db, "pre_sql", job->pre_sql, err))
		return fail(t, "prepare", err);
	if (read_shape(t, cols, err))
		return fail(t, "the table", err);
	if (sweep(t, err) || open_stage(t, lanes, err))
		return fail(t, "make the staging table", err);
	if (t->load->say) {
		t->load->say(t->load->arg, LOG_INFO, mssql_shape_staging(&t->shape));
		t->load->say(t->load->arg, LOG_INFO, mssql_apply_plan(&t->shape.apply));
	}
	for (uint32_t i = 0; i < lanes; i++) {
		struct mssql_rows *rows = &t->stage.lanes[i].rows;

		rows->rejects = rejects;
		name_rejects(t, rows);
		rows->digesting = job->verify == VERIFY_DIGEST;
	}
	return 0;
}

static int target_write(struct target *t, uint32_t lane, const struct batch *b, struct err *err)
{
	if (mssql_lane_write(&t->stage.lanes[lane], b, err) || FAULT(BATCH_STAGED, err))
		return fail(t, "stage rows", err);
	return 0;
}

static int target_end_lane(struct target *t, uint32_t lane, struct err *err)
{
	return mssql_lane_end(&t->stage.lanes[lane], err) ? fail(t, "stage rows", err) : 0;
}

static int check_digest(struct target *t, struct err *err)
{
	struct digest written = {.sum = 0};

	for (uint32_t i = 0; i < t->stage.n; i++)
		digest_merge(&written, &t->stage.lanes[i].rows.digest);
	if (mssql_stage_digest(&t->stage, t->db, &t->digest, err))
		return -1;
	if (digest_equal(&written, &t->digest) && !FAULT(DIGEST, err))
		return 0;
	return err_set(err, ERR_TARGET,
		"the digest of the rows in staging is not that of the rows that were written there");
}

static int verify(struct target *t, uint64_t rows, struct err *err)
{
	uint64_t rejected = 0;

	if (mssql_stage_seal(&t->stage, t->db, &t->shape.apply.staged, err))
		return -1;
	for (uint32_t i = 0; i < t->stage.n; i++)
		rejected += t->stage.lanes[i].rows.rejected;
	if (rows != t->shape.apply.staged + rejected)
		return err_set(err, ERR_DATA, "the source gave %" PRIu64 " rows, and staging has %" PRIu64, rows,
			t->shape.apply.staged + rejected);
	return t->load->job->verify == VERIFY_DIGEST ? check_digest(t, err) : 0;
}

/* Rows that the table will not take go aside before it is asked. */
static int hold_rules(struct target *t, struct err *err)
{
	struct mssql_rules rules = {.apply = &t->shape.apply, .rejects = t->rejects};
	const struct mssql_rows *rows = &t->stage.lanes[0].rows;
	const char **made;
	uint64_t refused;

	if (!t->shape.fit.numbered)
		return 0;
	rules.keys = rows->keys;
	rules.n_keys = rows->n_keys;
	if (!t->shape.table.exists) {
		rules.n_made_keys = mssql_shape_keys(&t->shape, &made);
		rules.made_keys = made;
	}
	if (mssql_rules_hold(&rules, &refused, err))
		return -1;
	t->shape.apply.staged -= refused;
	if (refused == 0 || t->load->job->verify != VERIFY_DIGEST)
		return 0;
	t->digest = (struct digest){.sum = 0};
	return mssql_stage_digest(&t->stage, t->db, &t->digest, err);
}

static struct mssql_patience patience_of(struct target *t)
{
	return (struct mssql_patience){.db = t->db,
		.table = t->shape.table.name,
		.lock_timeout = t->conn->mssql.lock_timeout,
		.cancel = t->cancel,
		.load = t->load};
}

static int build(struct target *t, struct err *err)
{
	struct mssql_patience patience = patience_of(t);

	patience.schema_lock = true;
	return hold_rules(t, err) || mssql_apply_build(&t->shape.apply, &patience, err) ? -1 : 0;
}

static int target_verify(struct target *t, uint64_t rows, struct err *err)
{
	if (verify(t, rows, err))
		return fail(t, "verify the staging table", err);
	t->shape.apply.stage = t->stage.table;
	if (t->shape.apply.twin && build(t, err))
		return fail(t, "build the table that takes the place of the target", err);
	t->verified = true;
	return FAULT(STAGED, err) ? -1 : 0;
}

/* --- publishing ------------------------------------------------------------------- */

static int apply(struct target *t, uint64_t *ret_rows, struct err *err)
{
	const struct job *job = t->load->job;

	if (ledger_check_newest(t->db, t->load, t->loads, err) ||
		(job->pre_sql_atomic && mssql_script_within(t->db, "pre_sql", job->pre_sql, err)) ||
		mssql_shape_check(&t->shape, err) || mssql_shape_make(&t->shape, err) ||
		mssql_apply_rows(&t->shape.apply, ret_rows, err) ||
		FAULT(PUBLISH_MOVED, err))
		return -1;
	return job->post_sql_atomic ? mssql_script_within(t->db, "post_sql", job->post_sql, err) : 0;
}

static int complete(struct target *t, const struct load_end *end, uint64_t rows, struct err *err)
{
	char digest[DIGEST_TEXT_LEN + 1];

	if (ledger_reject_store(t->db, t->load, t->rejects, err) ||
		ledger_watermark_publish(t->db, t->load, t->watermark_seq, end, err))
		return -1;
	return ledger_complete(t->db, t->load,
		&(struct ledger_end){.rows = rows,
			.rejects = t->rejects ? rejects_count(t->rejects) : 0,
			.digest = t->load->job->verify == VERIFY_DIGEST ? digest_text(&t->digest, digest)
									: NULL,
			.watermark_from = end->watermark_from,
			.watermark_to = end->watermark_to},
		err);
}

struct publishing {
	struct target *t;
	const struct load_end *end;
	uint64_t rows;
};

static int publish(void *arg, struct err *err)
{
	struct publishing *p = arg;
	struct target *t = p->t;

	if (db_begin(t->db, err))
		return -1;
	if (ledger_publish(t->db, t->load, err) || apply(t, &p->rows, err) ||
		complete(t, p->end, p->rows, err) || db_commit(t->db, err) || FAULT(PUBLISHED, err)) {
		db_rollback(t->db);
		return -1;
	}
	return 0;
}

static int target_publish(
	struct target *t, const struct load_end *end, uint64_t *ret_rows, struct err *err)
{
	struct publishing p = {.t = t, .end = end};
	struct mssql_patience patience = patience_of(t);

	patience.schema_lock = (t->shape.apply.ways && t->shape.ways.way != MSSQL_DELETE) ||
			       !t->load->job->fire_triggers || !t->load->job->check_constraints;
	t->shape.apply.full = end->full;
	t->shape.apply.whole = end->whole;
	if ((!t->shape.apply.twin && hold_rules(t, err)) || mssql_apply_check(&t->shape.apply, err) ||
		mssql_patience_run(&patience, publish, &p, err))
		return fail(t, "publish", err);
	mssql_stage_drop(&t->stage, t->db);
	*ret_rows = p.rows;
	return 0;
}

static void target_lineage(struct target *t, struct lineage *l)
{
	const struct mssql_session *session = t->db ? db_mssql_session(t->db) : NULL;

	if (session) {
		lineage_set(l, LINEAGE_target_server, session->server);
		lineage_set(l, LINEAGE_target_database, session->database);
		lineage_set(l, LINEAGE_target_principal, session->login);
	}
	load_tell_digest(t->load->job, t->verified, &t->digest, l);
}

static int finish(struct target *t, struct err *err)
{
	const struct job *job = t->load->job;
	int done;

	if (!job->post_sql || job->post_sql_atomic)
		return 0;
	done = ledger_is_post_done(t->db, t->load, err);
	if (done)
		return done < 0 ? -1 : 0;
	if (FAULT(POST_BEFORE, err) || mssql_script_alone(t->db, "post_sql", job->post_sql, err) ||
		FAULT(POST_DONE, err))
		return -1;
	return ledger_post_done(t->db, t->load, err);
}

static int target_finish(struct target *t, struct err *err)
{
	return finish(t, err) ? fail(t, "finish the load", err) : 0;
}

static int target_script(struct target *t, struct script *script, struct err *err)
{
	return mssql_script_run(t->db, t->load, script, err) ? fail(t, NULL, err) : 0;
}

static int target_revoke(struct target *t, const char *reason, enum ledger_state *ret_state, struct err *err)
{
	mssql_stage_close(&t->stage);
	if (insist(t, err) || ledger_revoke(t->db, t->load, reason, ret_state, err))
		return fail(t, "withdraw the load", err);
	/* it is revoked, whatever becomes of these */
	if (*ret_state == LEDGER_REVOKED && ledger_reject_keep(t->db, t->load, t->rejects, err))
		return fail(t, "keep the rejects", err);
	return 0;
}

static int64_t target_session(struct target *t, bool staging)
{
	return db_mssql_session(staging ? t->stage.lanes[0].db : t->db)->spid;
}

const struct target_ops target_mssql = {
	.driver = DRIVER_MSSQL,
	.deletes = true,
	.open = target_open,
	.history = target_history,
	.begin = target_begin,
	.watermark = target_watermark,
	.plan = target_plan,
	.stage = target_stage,
	.write = target_write,
	.end_lane = target_end_lane,
	.verify = target_verify,
	.publish = target_publish,
	.lineage = target_lineage,
	.session = target_session,
	.finish = target_finish,
	.script = target_script,
	.revoke = target_revoke,
	.rejects = target_rejects,
	.set_watermark = target_set_watermark,
	.close = target_close,
};
