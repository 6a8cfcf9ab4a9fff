/*
 * The store's T-SQL (job/statements_table.h) executed by the engine, beside its twin in
 * SQLite: the same steps on both, the same rows, counts and tables in the end.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "db/db.h"
#include "job/definitions.h"
#include "job/job.h"
#include "job/migrations.h"
#include "job/statements.h"
#include "unit/tdsd/support/asked.h"

#define TEXT_MAX   (16u * 1024 * 1024)
#define PARAMS_MAX 128

static const char *const names[] = {
#define X(name, sqlite, tsql) [ST_##name] = #name,
	STATEMENTS(X)
#undef X
};

struct fixture {
	struct engine *e;
	struct asked a;
	struct db *db;
	struct arena arena;
	bool used[STATEMENT_COUNT];
	struct err err;
};

static int setup(void **state)
{
	const struct db_options options = {.create = true};
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	f->e = asked_engine();
	asked_open(&f->a, f->e, NULL, SPID);
	check_ask(&f->a, "CREATE DATABASE control", "");
	assert_non_null(strstr(ask(&f->a, "USE control"), "env 1 control<master"));
	check_ask(&f->a, "CREATE SCHEMA etl", "");
	check_ask(&f->a, "CREATE TABLE etl.meta (name nvarchar(100) NOT NULL PRIMARY KEY, value nvarchar(4000))", "");
	for (size_t i = 0; i < n_migrations; i++)
		for (const char *const *batch = migrations[i].tsql; batch && *batch; batch++)
			check_ask(&f->a, *batch, "");
	must(db_open_sqlite(":memory:", &options, &f->db, &f->err), &f->err);
	must(db_exec(f->db, "CREATE TABLE etl_meta (name TEXT PRIMARY KEY, value TEXT)", &f->err),
		&f->err);
	for (size_t i = 0; i < n_migrations; i++)
		must(db_exec(f->db, migrations[i].sqlite, &f->err), &f->err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	asked_close(&f->a);
	engine_close(f->e);
	db_close(f->db);
	arena_release(&f->arena);
	free(f);
	return dir_remove(state);
}

/* --- what differs by its nature --- */

/* '0' stands for a digit, 'x' for a hex digit. */
static size_t matches(const char *text, const char *pattern)
{
	size_t i;

	for (i = 0; pattern[i]; i++) {
		char c = text[i];

		if (pattern[i] == '0'       ? !isdigit((unsigned char)c)
			: pattern[i] == 'x' ? !isxdigit((unsigned char)c)
					    : c != pattern[i])
			return 0;
	}
	return i;
}

static void mask(const char *text, struct buf *out)
{
	while (*text) {
		size_t n = matches(text, "0000-00-00T00:00:00.000Z");

		if (n) {
			buf_adds(out, "<time>");
		} else if ((n = matches(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))) {
			buf_adds(out, "<uid>");
		} else {
			buf_addc(out, *text);
			n = 1;
		}
		text += n;
	}
}

/* Milliseconds since a moment ago. */
static bool is_elapsed(const char *column)
{
	return strcmp(column, "ms") == 0 || strcmp(column, "elapsed_ms") == 0;
}

/* --- parameters: "job_id=1 name='x' delay=0.5 key=null" --- */

static size_t word(const char *at)
{
	return strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* The value of a name, with its quotes; NULL: the step does not say. */
static const char *value_of(struct arena *a, const char *params, const char *name, size_t len)
{
	const char *p = params;

	while (*p) {
		size_t n = word(p), end;

		assert_int_equal(p[n], '=');
		end = p[n + 1] == '\'' ? n + 2 + strcspn(p + n + 2, "'") + 1
				       : n + 1 + strcspn(p + n + 1, " ");
		if (n == len && memcmp(p, name, n) == 0)
			return arena_strndup(a, p + n + 1, end - n - 1);
		p += end;
		p += strspn(p, " ");
	}
	return NULL;
}

struct step_param {
	const char *name; /* with '@' */
	const char *value;
};

static size_t params_of(struct fixture *f, const char *what, const char *sql, const char *params,
	struct step_param *out)
{
	size_t n = 0;

	for (const char *p = strchr(sql, '@'); p; p = strchr(p + 1, '@')) {
		size_t len = word(p + 1);
		bool seen = false;

		if (p[1] == '@' || p[-1] == '@' || p[1] == '_')
			continue;
		for (size_t i = 0; i < n; i++)
			seen |= strlen(out[i].name) == len + 1 &&
				memcmp(out[i].name, p, len + 1) == 0;
		if (seen)
			continue;
		assert_true(n < PARAMS_MAX);
		out[n].name = arena_strndup(&f->arena, p, len + 1);
		out[n].value = value_of(&f->arena, params, p + 1, len);
		if (!out[n].value)
			fail_msg("%s: no value for %s", what, out[n].name);
		n++;
	}
	return n;
}

static char *unquoted(struct arena *a, const char *value)
{
	return arena_strndup(a, value + 1, strlen(value) - 2);
}

/* --- both sides --- */

static void run_sqlite(struct fixture *f, const char *what, const char *sql,
	const struct step_param *params, size_t n, struct buf *out)
{
	struct db_stmt *stmt = NULL;
	int rc, columns;

	if (db_prepare(f->db, sql, &stmt, &f->err))
		fail_msg("%s: %s", what, f->err.msg);
	for (size_t i = 0; i < n; i++) {
		const char *v = params[i].value;

		if (strcmp(v, "null") == 0)
			db_bind_null(stmt, (int)i + 1);
		else if (*v == '\'')
			db_bind_text(stmt, (int)i + 1, unquoted(&f->arena, v));
		else if (strchr(v, '.'))
			db_bind_real(stmt, (int)i + 1, atof(v));
		else
			db_bind_int(stmt, (int)i + 1, atoll(v));
	}
	columns = db_column_count(stmt);
	for (int i = 0; i < columns; i++)
		buf_printf(out, "%s%s", i ? "|" : "", db_column_name(stmt, i));
	buf_adds(out, columns ? "\n" : "");
	while ((rc = db_step(stmt, &f->err)) == 1) {
		for (int i = 0; i < columns; i++) {
			const char *text = db_column_text(stmt, i);

			buf_adds(out, i ? "|" : "");
			if (text && is_elapsed(db_column_name(stmt, i)))
				text = "<ms>";
			mask(text ? text : "NULL", out);
		}
		buf_adds(out, "\n");
	}
	if (rc < 0)
		fail_msg("%s: %s", what, f->err.msg);
	if (!columns)
		buf_printf(out, "(%lld)\n", (long long)db_changes(f->db));
	db_finalize(stmt);
}

static void run_tsql(struct fixture *f, const char *what, const char *sql,
	const struct step_param *params, size_t n, struct buf *out)
{
	struct engine_param v[PARAMS_MAX];
	const char *answer, *line;
	bool header = true;

	arena_release(&f->a.arena);
	for (size_t i = 0; i < n; i++) {
		const char *value = params[i].value;

		v[i] = strcmp(value, "null") == 0
			       ? param(&f->a, params[i].name, "nvarchar(4000)", NULL)
		       : *value == '\''     ? param(&f->a, params[i].name, "nvarchar(4000)",
						      unquoted(&f->arena, value))
		       : strchr(value, '.') ? param(&f->a, params[i].name, "float", value)
					    : param(&f->a, params[i].name, "bigint", value);
	}
	f->a.counts = false;
	answer = ask_with(&f->a, sql, v, n);
	if (strstr(answer, "Msg "))
		fail_msg("%s: %s", what, answer);
	for (line = answer; *line; line += strcspn(line, "\n") + 1) {
		const char *p = line, *end = line + strcspn(line, "\n");

		for (uint32_t i = 0; i < f->a.columns.n; i++) {
			size_t len = i + 1 < f->a.columns.n ? strcspn(p, header ? "," : "|")
							    : (size_t)(end - p);
			char *cell = arena_strndup(&f->arena, p, len);

			buf_adds(out, i ? "|" : "");
			if (header)
				buf_adds(out, f->a.columns.v[i].name);
			else if (is_elapsed(f->a.columns.v[i].name) && strcmp(cell, "NULL") != 0)
				buf_adds(out, "<ms>");
			else
				mask(cell, out);
			p += len + 1;
		}
		buf_adds(out, "\n");
		header = false;
	}
	if (header)
		buf_printf(out, "(%lld)\n", (long long)f->a.count);
}

static void compare(struct fixture *f, const char *what, const char *sqlite, const char *tsql,
	const char *params)
{
	CLEANUP(buf_release) struct buf a = BUF_INIT(TEXT_MAX), b = BUF_INIT(TEXT_MAX);
	struct step_param v[PARAMS_MAX];
	size_t n = params_of(f, what, sqlite, params, v);

	f->a.columns.n = 0;
	run_sqlite(f, what, sqlite, v, n, &a);
	run_tsql(f, what, tsql, v, n, &b);
	if (strcmp(buf_str(&a), buf_str(&b)) != 0)
		fail_msg("%s(%s)\n--- SQLite\n%s--- T-SQL\n%s", what, params, buf_str(&a),
			buf_str(&b));
}

/* --- the steps --- */

static const struct step {
	enum statement st;
	const char *params;
} steps[] = {
	{ST_JOB_NAMES, ""},
	{ST_JOB_IDS, "name='load'"},
	{ST_JOB_IDS, "name='nix'"},
	{ST_JOB_VERSION, "job_id=1"},
	{ST_JOB_VERSION, "job_id=99"},
	{ST_JOB_HISTORY, "actor='me' definition='{}' job_id=1"},
	{ST_AFTER_ADD, "job_id=2 on_completion=0 name='load'"},
	{ST_AFTER_ADD, "job_id=3 on_completion=1 name='load'"},
	{ST_AFTER_ADD, "job_id=3 on_completion=1 name='nix'"},
	{ST_AFTER_LIST, "job_id=3"},
	{ST_AFTER_ALL, ""},
	{ST_RUN_INSERT, "job_id=1 state='queued' origin='manual' order_key='k1' by='me' full=0"},
	{ST_RUN_INSERT, "job_id=1 state='queued' origin='manual' order_key=null by=null full=1"},
	{ST_RUN_INSERT, "job_id=2 state='queued' origin='manual' order_key=null by='me' full=0"},
	{ST_RUN_BY_KEY, "job_id=1 order_key='k1'"},
	{ST_RUN_BY_KEY, "job_id=1 order_key='K1'"},
	{ST_RUN_IS_BLOCKED, "run_id=3"},
	{ST_RUN_IS_BLOCKED, "run_id=1"},
	{ST_RUN_BLOCKED, ""},
	{ST_RUN_READY, "limit=10"},
	{ST_RUN_READY, "limit=1"},
	{ST_NEXT_READY, ""},
	{ST_OUTLOOK, "since='2020-01-01T00:00:00.000Z'"},
	{ST_RUN_CLAIM, "owner='o' controller='c1' worker='w' lease=60.0 runs='1,2' by_hand=0"},
	{ST_RUN_CLAIM, "owner='o' controller='c1' worker='w' lease=60.0 runs='2,1,77' by_hand=0"},
	{ST_RUN_FIND, "run_id=1"},
	{ST_LEASE_GIVE, "lease=60.0 runs='1'"},
	{ST_LEASE_GIVE, "lease=60.0 runs='1'"},
	{ST_CLAIM_EVENTS, "actor='o' runs='1'"},
	{ST_LEASE_RENEW, "lease=60.0 progress='{\"rows\":5}' run_id=1 fence=1"},
	{ST_LEASE_RENEW, "lease=60.0 progress=null run_id=1 fence=1"},
	{ST_LEASE_RENEW, "lease=60.0 progress=null run_id=1 fence=2"},
	{ST_RUN_PENDING, "words='it is not scheduled' run_id=1 fence=1"},
	{ST_RUN_WORKER, "worker='w2' run_id=1 fence=1"},
	{ST_RUN_ADOPT, "controller='c2' run_id=1 fence=1"},
	{ST_RUN_STATE, "run_id=1 fence=1"},
	{ST_RUN_MOVE, "new='running' final=0 rows_read=null rows_written=null rows_rejected=null "
		      "bytes_read=null error_code=null error_message=null run_id=1 fence=1 "
		      "old='starting'"},
	{ST_RUN_ACTIVE, "grace=5.0"},
	{ST_RUN_EVENT, "run_id=1 old='queued' new='starting' actor='c1' reason=null"},
	{ST_RUN_EVENT, "run_id=1 old='starting' new='running' actor='w' reason='began'"},
	{ST_RUN_LOG, "run_id=1 attempt=1 level='info' message='one'"},
	{ST_RUN_LOG, "run_id=1 attempt=1 level='warn' message='two'"},
	{ST_RUN_CANCELLED, "run_id=1"},
	{ST_RUN_CANCEL, "run_id=2"},
	{ST_RUN_CANCEL, "run_id=77"},
	{ST_RUN_CANCELS, ""},
	{ST_RUN_LIST, "first=1 last=100 limit=10"},
	{ST_RUN_LIST, "first=1 last=100 limit=1"},
	{ST_RUN_MOVE,
		"new='succeeded' final=1 rows_read=10 rows_written=10 rows_rejected=0 "
		"bytes_read=1234 error_code='x' error_message='y' run_id=1 fence=1 old='running'"},
	{ST_RUN_MOVE,
		"new='failed' final=1 rows_read=10 rows_written=10 rows_rejected=0 bytes_read=1234 "
		"error_code='x' error_message='y' run_id=1 fence=1 old='running'"},
	{ST_RUN_LINEAGE, "source_server='s' source_database='d' source_principal='p' query_hash='h' version_read=null "
			 "consistency='one statement' target_server='t' target_database='d' target_principal='p' digest=null run_id=1"},
	{ST_RUN_LINEAGE, "source_server='s2' source_database=null source_principal='p' query_hash='h' version_read='7' "
			 "consistency=null target_server='t' target_database='d' target_principal='p' digest='abc' run_id=1"},
	{ST_LINEAGE_LOOK, "run_id=1"},
	{ST_LINEAGE_LOOK, "run_id=99"},
	{ST_LEASE_END, "run_id=1 fence=1"},
	{ST_RUN_DEPENDANTS, "run_id=1 job_id=1 succeeded=1"},
	{ST_RUN_DEPENDANTS, "run_id=1 job_id=1 succeeded=1"},
	{ST_RUN_RELEASED, ""},
	{ST_RUN_BLOCKED, ""},
	{ST_RUN_CLAIM, "owner='o' controller='c1' worker='w' lease=60.0 runs='2' by_hand=1"},
	{ST_RUN_REQUEUE, "settle='failed' delay=3600.0 disruption=1 error_code=null "
			 "error_message='lost' run_id=2 fence=1 old='starting'"},
	{ST_NEXT_READY, ""},
	{ST_RUN_SETTLE, "settle='cancelled' run_id=2 fence=1"},
	{ST_RUN_FIND, "run_id=2"},
	{ST_JOB_HOLD, "reason='look' job_id=1"},
	{ST_RUN_READY, "limit=10"},
	{ST_OUTLOOK, "since='2020-01-01T00:00:00.000Z'"},
	{ST_JOB_HOLD, "reason=null job_id=1"},
	{ST_RUN_IMPORT, "run_uid='0e984725-c51c-4bf4-9960-e1c80e27aba0' job_id=1 state='succeeded' "
			"order_key=null fence=5 rows=7 opened_at='2026-01-02T03:04:05.678Z' "
			"ended_at='2026-01-02T03:05:05.678Z' error_code=null error_message=null"},
	{ST_RUN_IMPORT, "run_uid='0e984725-c51c-4bf4-9960-e1c80e27aba1' job_id=1 state='failed' "
			"order_key='k9' fence=5 rows=null opened_at=null ended_at=null "
			"error_code='c' error_message='m'"},
	{ST_RUN_BY_UID, "run_uid='0e984725-c51c-4bf4-9960-e1c80e27aba0'"},
	{ST_RUN_BY_UID, "run_uid='not one'"},
	{ST_RUN_UNKNOWN, "runs='[{\"uid\":\"0e984725-c51c-4bf4-9960-e1c80e27aba0\",\"fence\":5},{"
			 "\"uid\":\"0e984725-c51c-4bf4-9960-e1c80e27aba0\",\"fence\":6}]'"},
	{ST_RUN_UNKNOWN, "runs='[]'"},
	{ST_RUN_KEY_FREE, "job_id=1 order_key='k9' run_uid='0e984725-c51c-4bf4-9960-e1c80e27aba0'"},
	{ST_RUN_FENCE_ALL, "job_id=2"},
	{ST_RUN_BEGUN, "job_id=2"},
	{ST_RUN_FENCE, "fence=9 run_id=3"},
	{ST_RUN_FENCE, "fence=2 run_id=3"},
	{ST_CONTROLLER_BEAT, "uid='c1' host='h' process='p' version='v' state='running' "
			     "max_workers=4 workers=1 lease=60.0"},
	{ST_CONTROLLER_BEAT, "uid='c1' host='h' process='p' version='v' state='running' "
			     "max_workers=4 workers=2 lease=60.0"},
	{ST_CONTROLLER_BEAT, "uid='c2' host='h' process='p' version='v' state='stopped' "
			     "max_workers=4 workers=2 lease=-60.0"},
	{ST_POLL, "uid='c9' state='running' workers=2 least=30.0 lease=60.0"},
	{ST_POLL, "uid='c1' state='running' workers=2 least=30.0 lease=60.0"},
	{ST_CONTROLLER_LIST, ""},
	{ST_CONTROLLER_STOPPED, "uid='c1' lease_until='2026-01-02T03:04:05.678Z'"},
	{ST_CONTROLLER_PRUNE, "age=-60.0"},
	{ST_KEY_TAKE, "principal='svc@R' version='3-5f2a' holder='a' seconds=60 force=0"},
	{ST_KEY_TAKE, "principal='svc@R' version='3-5f2a' holder='b' seconds=60 force=0"},
	{ST_KEY_LOOK, "principal='svc@R' version='3-5f2a'"},
	{ST_KEY_REFUSED, "principal='svc@R' version='3-5f2a' holder='b'"},
	{ST_KEY_REFUSED, "principal='svc@R' version='3-5f2a' holder='a'"},
	{ST_KEY_LOOK, "principal='svc@R' version='3-5f2a'"},
	{ST_KEY_TAKE, "principal='svc@R' version='3-5f2a' holder='b' seconds=-1 force=0"},
	{ST_KEY_TAKE, "principal='svc@R' version='3-5f2a' holder='b' seconds=-1 force=1"},
	{ST_KEY_TAKE, "principal='svc@R' version='3-5f2a' holder='c' seconds=60 force=0"},
	{ST_KEY_GIVE, "principal='svc@R' version='3-5f2a' holder='b'"},
	{ST_KEY_TAKE, "principal='svc@R' version='4-0001' holder='d' seconds=60 force=0"},
	{ST_KEY_GIVE, "principal='svc@R' version='4-0001' holder='d'"},
	{ST_CONTROLLER_LIST, ""},
	{ST_NOW, ""},
	{ST_META, "name='schema'"},
	{ST_LOG_LIST, "run_id=1"},
	{ST_EVENT_LIST, "run_id=1"},
	{ST_RUN_LIST, "first=1 last=100 limit=100"},
	{ST_AFTER_CLEAR, "job_id=3"},
	{ST_AFTER_ALL, ""},
};

/* All keys of a job, as its table of options has them. */
static const char *job_params(struct fixture *f, const char *name)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	const struct option_set *set = &job_option_sets[JOB_OPTIONS];

	buf_printf(&out, "name='%s' format=null job_id=1 which='%s'", name, name);
	for (size_t i = 0; i < set->n; i++) {
		const struct option *o = &set->v[i];
		bool number = o->type == OPT_BOOL || o->type == OPT_INT || o->type == OPT_SIZE;

		if (strcmp(o->key, "max_active") == 0)
			buf_adds(&out, " max_active=1");
		else if (strcmp(o->key, "enabled") == 0)
			buf_adds(&out, " enabled=1");
		else
			buf_printf(&out, " %s=%s", o->key,
				o->type == OPT_DURATION ? "30.5"
				: number                ? "1"
							: "'text'");
	}
	return arena_buf(&f->arena, &out);
}

static void definitions(struct fixture *f)
{
	static const char *const jobs[] = {"load", "second", "third"};
	CLEANUP(buf_release) struct buf sqlite = BUF_INIT(TEXT_MAX), tsql = BUF_INIT(TEXT_MAX);
	static const enum definition_sql whats[] = {
		DEFINITION_INSERT, DEFINITION_BY_NAME, DEFINITION_UPDATE};

	for (size_t w = 0; w < ARRAY_LEN(whats); w++) {
		buf_reset(&sqlite);
		buf_reset(&tsql);
		definition_sql(DB_SQLITE, whats[w], &sqlite);
		definition_sql(DB_TSQL, whats[w], &tsql);
		for (size_t i = 0; i < (whats[w] == DEFINITION_UPDATE ? 1 : ARRAY_LEN(jobs)); i++)
			compare(f, "definition", buf_str(&sqlite), buf_str(&tsql),
				job_params(f, jobs[i]));
	}
	buf_reset(&sqlite);
	buf_reset(&tsql);
	definition_sql(DB_SQLITE, DEFINITION_BY_ID, &sqlite);
	definition_sql(DB_TSQL, DEFINITION_BY_ID, &tsql);
	compare(f, "DEFINITION_BY_ID", buf_str(&sqlite), buf_str(&tsql), "which=1");
}

/* Columns that both tables have, whatever the statements told. */
static void compare_table(
	struct fixture *f, const char *table, const char *columns, const char *order)
{
	compare(f, table,
		arena_printf(&f->arena, "SELECT %s FROM etl_%s ORDER BY %s", columns, table, order),
		arena_printf(&f->arena, "SELECT %s FROM etl.%s ORDER BY %s", columns, table, order),
		"");
}

static void both_dialects_do_the_same(void **state)
{
	struct fixture *f = *state;

	definitions(f);
	must(db_exec(f->db, "INSERT INTO etl_meta VALUES ('schema', '3')", &f->err), &f->err);
	check_ask(&f->a,
		"SET NOCOUNT ON; INSERT INTO etl.meta VALUES ('schema', '3'); SET NOCOUNT OFF", "");
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		enum statement st = steps[i].st;

		f->used[st] = true;
		compare(f, names[st], statements_text(DB_SQLITE, st), statements_text(DB_TSQL, st),
			steps[i].params);
	}
	for (int i = 0; i < STATEMENT_COUNT; i++)
		if (!f->used[i])
			fail_msg("%s has no step here", names[i]);
	compare_table(f, "kerberos_key", "principal, key_version, refused, holder", "principal, key_version");
	compare_table(f, "run_lineage", "run_id, source_server, source_database, version_read, digest", "run_id");
	compare_table(f, "run",
		"run_id, job_id, state, origin, order_key, priority, attempt, owner, fence, "
		"rows_read, rows_written,"
		" rows_rejected, bytes_read, error_code, error_message, ordered_by, disruptions, "
		"cancel_requested, settle, controller_uid,"
		" worker, full_load",
		"run_id");
	compare_table(f, "job", "job_id, name, kind, enabled, version, retry_delay, hold_reason",
		"job_id");
	compare_table(f, "job_history", "job_id, version, actor, definition", "job_id");
	compare_table(f, "job_dependency", "job_id, after_job_id, on_completion", "job_id");
	compare_table(f, "run_event", "event_id, run_id, old_state, new_state, actor, reason",
		"event_id");
	compare_table(f, "run_log", "run_id, attempt, seq, level, message", "run_id, attempt, seq");
	compare_table(f, "run_heartbeat", "run_id, fence, progress", "run_id");
	compare_table(f, "controller", "controller_uid, host, state, workers", "controller_uid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_dialects_do_the_same, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
