/* What only a real engine can prove: versions of rows, locks, logging, change tracking. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "selftest/selftest_private.h"

#define T    S "lock_to"
#define FROM S "lock_from"
#define CAPTURED      "etl_selftest_cdc_from"
#define CAPTURE_TRIES 200 /* of a tenth of a second */
#define COPY "source_table = " FROM "\ntarget_table = " T "\n"

static int make(struct selftest *t, struct err *err)
{
	return selftest_sql(t, err, "DROP TABLE IF EXISTS " T "; DROP TABLE IF EXISTS " FROM ";\nCREATE TABLE " FROM
				    " (id int NOT NULL PRIMARY KEY, v int);\nCREATE TABLE " T
				    " (id int NOT NULL PRIMARY KEY, v int);\nINSERT INTO " FROM
				    " VALUES (1, 1), (2, 2);\nINSERT INTO " T " VALUES (1, 1), (2, 2)");
}

/* One value of this database's row in sys.databases. */
static int of_database(struct selftest *t, const char *column, const char **ret_text, struct err *err)
{
	return selftest_value(t, t->db,
		arena_printf(t->arena, "SELECT CAST(%s AS nvarchar(60)) FROM sys.databases WHERE name = DB_NAME()", column),
		ret_text, err);
}

/* A reader beside a writer that has not committed: sees the old row, or waits. */
static int check_read_committed(struct selftest *t, struct err *err)
{
	struct err waited = ERR_INIT;
	const char *on, *seen;

	if (of_database(t, "is_read_committed_snapshot_on", &on, err) || make(t, err) ||
		db_exec(t->other, "SET LOCK_TIMEOUT 500", err) || db_begin(t->db, err) ||
		db_exec(t->db, "UPDATE " T " SET v = 100 WHERE id = 1", err))
		return -1;
	if (selftest_value(t, t->other, "SELECT v FROM " T " WHERE id = 1", &seen, &waited)) {
		if (waited.code != ERR_BUSY) {
			*err = waited;
			return -1;
		}
		seen = NULL;
	}
	db_rollback(t->db);
	if (seen && strcmp(seen, "100") == 0)
		return err_set(err, ERR_DATA, "a value was read that nobody had committed");
	if (!on)
		return selftest_skip(t, "the server does not say; a reader %s", seen ? "sees the old row" : "waits");
	if ((strcmp(on, "1") == 0) != (seen != NULL))
		return err_set(err, ERR_DATA, "READ_COMMITTED_SNAPSHOT is %s, and a reader beside a writer %s",
			strcmp(on, "1") == 0 ? "on" : "off", seen ? "sees the old row" : "waits");
	return selftest_say(t, "READ_COMMITTED_SNAPSHOT is %s: a reader beside a writer %s",
		seen ? "on" : "off", seen ? "sees the old row" : "waits");
}

static int read_twice(struct selftest *t, const char **ret_first, const char **ret_second, struct err *err)
{
	if (db_exec(t->other, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT", err) || db_begin(t->other, err) ||
		selftest_value(t, t->other, "SELECT v FROM " T " WHERE id = 1", ret_first, err) ||
		db_exec(t->db, "UPDATE " T " SET v = 100 WHERE id = 1", err) ||
		selftest_value(t, t->other, "SELECT v FROM " T " WHERE id = 1", ret_second, err))
		return -1;
	return 0;
}

static int check_snapshot(struct selftest *t, struct err *err)
{
	struct err ignored = ERR_INIT;
	const char *state, *first, *second;
	int rc;

	if (of_database(t, "snapshot_isolation_state_desc", &state, err) || make(t, err))
		return -1;
	if (!state || strcmp(state, "ON") != 0)
		return selftest_skip(t, "snapshot isolation is not allowed here (ALTER DATABASE CURRENT SET "
					"ALLOW_SNAPSHOT_ISOLATION ON): ranges and change tracking are not one picture");
	rc = read_twice(t, &first, &second, err);
	db_rollback(t->other);
	if (db_exec(t->other, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", rc ? &ignored : err) || rc)
		return -1;
	if (!first || !second || strcmp(first, second) != 0)
		return err_set(err, ERR_DATA, "within one snapshot '%s' became '%s'", first ? first : "NULL",
			second ? second : "NULL");
	return selftest_say(t, "a snapshot sees one state while others commit");
}

/* A load whose table somebody holds gives up in time, changes nothing, and goes through afterwards. */
static int check_schema_lock(struct selftest *t, struct err *err)
{
	if (make(t, err) || selftest_sql(t, err, "UPDATE " FROM " SET v = v + 10") || db_begin(t->other, err) ||
		db_exec(t->other, "UPDATE " T " SET v = 1 WHERE id = 1", err) ||
		selftest_refused(t, "lock", "lock", err, COPY "target = " SHORT_LOCK "\nload_mode = truncate"))
		return -1;
	db_rollback(t->other);
	if (selftest_expect(t, "the rows meanwhile", "SELECT SUM(v) FROM " T, "3", err) ||
		selftest_load(t, "lock", err, COPY "target = " SHORT_LOCK "\nload_mode = truncate"))
		return -1;
	return selftest_expect(t, "the rows afterwards", "SELECT SUM(v) FROM " T, "23", err);
}

/* By the log itself: rows that a bulk load into the staging table has logged one by one. */
static int check_logging(struct selftest *t, struct err *err)
{
	const char *model, *logged;

	if (of_database(t, "recovery_model_desc", &model, err) || make(t, err))
		return -1;
	if (!model || strcmp(model, "FULL") == 0)
		return selftest_skip(t, "the recovery model is %s: bulk loads are fully logged", model ? model : "not known");
	if (selftest_value(t, t->db, "SELECT COUNT(*) FROM sys.fn_dblog(NULL, NULL)", &logged, err))
		return selftest_skip(t, "the recovery model is %s; the log cannot be read: %s", model, err->msg);
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "logged; CREATE TABLE " S "logged (n int NOT NULL)") ||
		selftest_load(t, "logging", err, COPY "load_mode = truncate\npre_sql = INSERT INTO " S
						 "logged SELECT COUNT(*) FROM sys.fn_dblog(NULL, NULL) WHERE AllocUnitName"
						 " LIKE N'%%etl[_]stage[_]%%' AND Operation = N'LOP_INSERT_ROWS'") ||
		selftest_value(t, t->db, "SELECT MAX(n) FROM " S "logged", &logged, err))
		return -1;
	if (!logged || strcmp(logged, "0") != 0)
		return err_set(err, ERR_DATA, "the recovery model is %s, and %s rows of staging were logged each", model,
			logged ? logged : "no");
	return selftest_say(t, "the recovery model is %s: rows of staging are not logged one by one", model);
}

/* What MIN_ACTIVE_ROWVERSION is for: a transaction that began earlier and commits later is not passed over. */
static int check_active_rowversion(struct selftest *t, struct err *err)
{
	static const char job[] = "load_mode = incremental\nwatermark_column = rv\nkey_columns = id\nsource_table = " S
				  "rv_from\ntarget_table = " S "rv_to";
	const char *minimum;
	struct err ignored = ERR_INIT;

	if (selftest_value(t, t->db, "SELECT MIN_ACTIVE_ROWVERSION()", &minimum, &ignored))
		return selftest_skip(t, "%s", ignored.msg);
	if (of_database(t, "is_read_committed_snapshot_on", &minimum, err))
		return -1;
	if (!minimum || strcmp(minimum, "1") != 0)
		return selftest_skip(t, "READ_COMMITTED_SNAPSHOT is off: a reader waits for the transaction");
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "rv_from; DROP TABLE IF EXISTS " S "rv_to; CREATE TABLE " S
				 "rv_from (id int NOT NULL PRIMARY KEY, rv rowversion);\nINSERT INTO " S
				 "rv_from (id) VALUES (1)") ||
		db_begin(t->other, err) || db_exec(t->other, "INSERT INTO " S "rv_from (id) VALUES (2)", err))
		return -1;
	if (selftest_sql(t, &ignored, "SET LOCK_TIMEOUT 500; INSERT INTO " S "rv_from (id) VALUES (3)"))
		return selftest_skip(t, "beside a transaction nobody else can insert: %s", ignored.msg);
	if (selftest_load(t, "active", err, "%s", job) || db_commit(t->other, err) ||
		selftest_load(t, "active", err, "%s", job))
		return -1;
	return selftest_expect(t, "rows after both loads", "SELECT COUNT(*) FROM " S "rv_to", "3", err);
}

/* Where the database has it on: changes and deletes since the last load, by the server's own account. */
static int check_change_tracking(struct selftest *t, struct err *err)
{
	static const char job[] = "load_mode = incremental\nchanges = tracking\nsource_table = " S "ct_from\ntarget_table = " S
				  "ct_to",
			  from[] = "SELECT id, v FROM " S "ct_from ORDER BY id", to[] = "SELECT id, v FROM " S "ct_to ORDER BY id";
	struct err ignored = ERR_INIT;
	const char *version = NULL, *snapshot;

	if (selftest_value(t, t->db, "SELECT CHANGE_TRACKING_CURRENT_VERSION()", &version, &ignored) || !version)
		return selftest_skip(t, "the database does not track changes (ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON)");
	if (of_database(t, "snapshot_isolation_state_desc", &snapshot, err))
		return -1;
	if (!snapshot || strcmp(snapshot, "ON") != 0)
		return selftest_skip(t, "changes are read in one snapshot, and the database allows none");
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "ct_from; DROP TABLE IF EXISTS " S "ct_to; CREATE TABLE " S
				 "ct_from (id int NOT NULL PRIMARY KEY, v nvarchar(20));\nALTER TABLE " S
				 "ct_from ENABLE CHANGE_TRACKING;\nINSERT INTO " S
				 "ct_from VALUES (1, N'one'), (2, N'two'), (3, NULL)") ||
		selftest_load(t, "tracked", err, "%s", job) || selftest_same(t, from, to, false, err) ||
		selftest_sql(t, err, "DELETE FROM " S "ct_from WHERE id = 1; UPDATE " S
				     "ct_from SET v = N'changed' WHERE id = 2; INSERT INTO " S "ct_from VALUES (4, N'')") ||
		selftest_load(t, "tracked", err, "%s", job))
		return -1;
	return selftest_same(t, from, to, false, err);
}

/* The server's log reader brings changes into the change table after a while. */
static int wait_captured(struct selftest *t, const char *count, struct err *err)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	const char *seen = NULL;

	for (int i = 0; i < CAPTURE_TRIES && !t->order->signals->told; i++) {
		if (selftest_value(t, t->db, "SELECT COUNT(*) FROM cdc." CAPTURED "_CT", &seen, err))
			return -1;
		if (seen && strcmp(seen, count) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return selftest_skip(t, "nothing reads the log: %s of %s changes were captured (is the capture job running?)",
		seen ? seen : "none", count);
}

/* Where the database has it on. */
static int check_data_capture(struct selftest *t, struct err *err)
{
	static const char job[] = "load_mode = incremental\nchanges = cdc\nsource_table = " S "cdc_from\ntarget_table = " S
				  "cdc_to",
			  from[] = "SELECT id, v FROM " S "cdc_from ORDER BY id",
			  to[] = "SELECT id, v FROM " S "cdc_to ORDER BY id";
	const char *on;
	int rc;

	if (of_database(t, "CAST(is_cdc_enabled AS int)", &on, err))
		return -1;
	if (!on || strcmp(on, "1") != 0)
		return selftest_skip(t, "the database captures no changes (sys.sp_cdc_enable_db)");
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "cdc_from; DROP TABLE IF EXISTS " S "cdc_to; CREATE TABLE " S
				 "cdc_from (id int NOT NULL PRIMARY KEY, v nvarchar(20));\nINSERT INTO " S
				 "cdc_from VALUES (1, N'one'), (2, N'two'), (3, NULL);\nEXEC sys.sp_cdc_enable_table N'" SELFTEST_SCHEMA
				 "', N'cdc_from', NULL, @capture_instance = N'" CAPTURED "'") ||
		selftest_load(t, "captured", err, "%s", job) || selftest_same(t, from, to, false, err) ||
		selftest_sql(t, err, "DELETE FROM " S "cdc_from WHERE id = 1; UPDATE " S
				     "cdc_from SET v = N'changed' WHERE id = 2; INSERT INTO " S "cdc_from VALUES (4, N'')"))
		return -1;
	rc = wait_captured(t, "4", err); /* an update is two rows */
	if (rc)
		return rc;
	return selftest_load(t, "captured", err, "%s", job) ? -1 : selftest_same(t, from, to, false, err);
}

const struct selftest_check selftest_engine[] = {
	{"read committed", check_read_committed},
	{"snapshot isolation", check_snapshot},
	{"a table that is locked", check_schema_lock},
	{"minimal logging", check_logging},
	{"a rowversion that is not committed", check_active_rowversion},
	{"change tracking", check_change_tracking},
	{"change data capture", check_data_capture},
};
const size_t n_selftest_engine = ARRAY_LEN(selftest_engine);
