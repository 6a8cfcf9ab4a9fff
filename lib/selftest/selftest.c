#include "selftest/selftest.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "job/store.h"
#include "selftest/scratch.h"
#include "selftest/selftest_private.h"
#include "selftest/types.h"

#define TEXT_MAX 1024

static const struct selftest_area areas[] = {
	{"session", selftest_session, &n_selftest_session, NULL},
	{"type", NULL, NULL, selftest_types},
	{"load", selftest_loads, &n_selftest_loads, NULL},
	{"table", selftest_tables, &n_selftest_tables, NULL},
	{"engine", selftest_engine, &n_selftest_engine, NULL},
	{"store", NULL, NULL, selftest_store},
};

const char *selftest_state_name(enum selftest_state state)
{
	static const char *const names[] = {
#define X(s, name) [SELFTEST_##s] = name,
		SELFTEST_STATES(X)
#undef X
	};

	return names[state];
}

size_t selftest_count(const struct selftest_report *r, enum selftest_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->v[i].state == state;
	return n;
}

/* --- one check ----------------------------------------------------------------------- */

static void add(struct selftest *t, const struct selftest_finding *f)
{
	struct selftest_report *r = t->report;

	r->v = arena_grow(t->arena, r->v, r->n, &r->cap, sizeof(*r->v));
	r->v[r->n++] = *f;
	if (t->order->found)
		t->order->found(t->order->arg, f);
}

static int64_t now(void)
{
	return clock_system.monotonic(clock_system.arg);
}

void selftest_try(struct selftest *t, const char *area, const char *name,
	int (*run)(struct selftest *t, void *arg, struct err *err), void *arg)
{
	struct selftest_finding f = {.area = area, .check = name, .text = ""};
	struct err err = ERR_INIT;
	int64_t start = now();
	int rc;

	if (t->order->signals->told) {
		f.state = SELFTEST_SKIPPED;
		f.text = "interrupted";
		add(t, &f);
		return;
	}
	t->order->signals->cancel = false;
	t->said = "";
	rc = run(t, arg, &err);
	f.state = rc < 0 ? SELFTEST_FAILED : rc ? SELFTEST_SKIPPED : SELFTEST_OK;
	f.ms = now() - start;
	f.text = t->said;
	if (rc < 0) {
		err_settle_value(&err, true);
		f.text = arena_strdup(t->arena, err.msg);
		f.remedy = err.hint[0] ? arena_strdup(t->arena, err.hint) : NULL;
	}
	if (rc < 0 && t->order->signals->told) {
		f.state = SELFTEST_SKIPPED;
		f.text = "interrupted";
	}
	add(t, &f);
	/* a check that failed may have left these in the middle of something */
	db_rollback(t->db);
	db_rollback(t->other);
}

static int run_check(struct selftest *t, void *arg, struct err *err)
{
	return ((const struct selftest_check *)arg)->run(t, err);
}

static void run_areas(struct selftest *t)
{
	for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
		if (t->order->only && strcmp(t->order->only, areas[i].name) != 0)
			continue;
		if (areas[i].each)
			areas[i].each(t);
		for (size_t k = 0; areas[i].n && k < *areas[i].n; k++)
			selftest_try(t, areas[i].name, areas[i].checks[k].name, run_check, (void *)&areas[i].checks[k]);
	}
}

static const char *format(struct selftest *t, const char *fmt, va_list args) PRINTF(2, 0);

static const char *format(struct selftest *t, const char *fmt, va_list args)
{
	char text[TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, args);
	return arena_strdup(t->arena, text);
}

int selftest_say(struct selftest *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->said = format(t, fmt, args);
	va_end(args);
	return 0;
}

int selftest_skip(struct selftest *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->said = format(t, fmt, args);
	va_end(args);
	return 1;
}

int selftest_sql(struct selftest *t, struct err *err, const char *fmt, ...)
{
	CLEANUP_FREE char *sql = NULL;
	int64_t rows;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&sql, fmt, args);
	va_end(args);
	if (len < 0)
		abort();
	return db_mssql_batch(t->db, sql, (size_t)len, &rows, err);
}

int selftest_value(struct selftest *t, struct db *db, const char *sql, const char **ret_text, struct err *err)
{
	return scratch_value(db, sql, t->arena, ret_text, err);
}

int selftest_expect(struct selftest *t, const char *what, const char *sql, const char *want, struct err *err)
{
	const char *got;

	if (selftest_value(t, t->db, sql, &got, err))
		return -1;
	if (got && strcmp(got, want) == 0)
		return 0;
	return err_set(err, ERR_DATA, "%s: '%s' was expected, '%s' was found", what, want, got ? got : "NULL");
}

/* --- begin and end ------------------------------------------------------------------- */

static int check_order(const struct selftest_order *order, struct err *err)
{
	const char *names[ARRAY_LEN(areas)];

	if (order->connection->driver != DRIVER_MSSQL) {
		err_set(err, ERR_CONFIG, "connection '%s' is no SQL Server", order->connection->name);
		return err_hint(err, "a selftest is of a connection with driver = mssql");
	}
	for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
		names[i] = areas[i].name;
		if (!order->only || strcmp(order->only, names[i]) == 0)
			return 0;
	}
	err_set(err, ERR_CONFIG, "there is no area '%s' of checks", order->only);
	return err_suggest(err, text_nearest(order->only, names, ARRAY_LEN(names)));
}

static int connect(const struct selftest_order *order, const atomic_bool *cancel, struct db **ret_db, struct err *err)
{
	const struct mssql_login login = {.options = &order->connection->mssql,
		.application = "etl selftest",
		.cancel = cancel};
	enum mssql_layer layer;

	return db_open_mssql(&login, ret_db, &layer, err) ? err_wrap(err, "connection '%s'", order->connection->name) : 0;
}

static void name_connections(struct selftest *t)
{
	const struct connection *own = t->order->connection;
	struct connection *v = arena_array(t->arena, 4, sizeof(*v));

	v[0] = *own;
	v[1] = *own;
	v[1].name = SHORT_LOCK;
	v[1].mssql.lock_timeout = SHORT_LOCK_MS;
	v[2] = (struct connection){.name = LITE, .driver = DRIVER_SQLITE, .path = arena_printf(t->arena, "%s/lite.db", t->dir)};
	v[3] = (struct connection){.name = FILES, .driver = DRIVER_CSV, .path = t->dir};
	config_defaults(&(struct option_set){.v = csv_format_options, .n = N_CSV_FORMAT_OPTIONS}, 1, t->arena, &v[3].format);
	t->settings.connections = v;
	t->settings.n_connections = 4;
}

/* The store of the loads: a database of its own in a directory of its own. */
static int make_store(struct selftest *t, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	const char *tmp = getenv("TMPDIR");
	char *dir = arena_printf(t->arena, "%s/etl-selftest-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	struct schema_change change;

	if (!mkdtemp(dir)) {
		err_errno(err, ERR_IO, errno, "make a directory '%s'", dir);
		return err_hint(err, "set TMPDIR to a directory that can be written");
	}
	t->dir = t->report->directory = dir;
	t->settings = *t->order->settings;
	t->settings.store = (__typeof__(t->settings.store)){
		.driver = DRIVER_SQLITE, .path = arena_printf(t->arena, "%s/control.db", dir)};
	name_connections(t);
	if (store_init(&t->settings, &clock_system, &rnd_system, &change, err) || store_open(&t->settings, &store, err))
		return -1;
	t->uid = arena_strdup(t->arena, store_uid(store));
	return 0;
}

/* Files, and what they have beside them; nothing in it has a directory. */
static void remove_directory(const char *dir, struct arena *a)
{
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlink(arena_printf(a, "%s/%s", dir, e->d_name));
	if (d)
		closedir(d);
	if (dir)
		rmdir(dir);
}

static void describe(struct selftest *t)
{
	const struct mssql_session *s = db_mssql_session(t->db);
	struct selftest_report *r = t->report;

	r->server = arena_strdup(t->arena, s->server);
	r->version = arena_strdup(t->arena, s->version);
	r->edition = arena_strdup(t->arena, s->edition);
	r->database = arena_strdup(t->arena, s->database);
	r->login = arena_strdup(t->arena, s->login);
	r->engine_edition = s->engine_edition;
}

/* On a connection of its own: ours may be broken, and a cancellation does not count. */
static int clean(struct selftest *t, void *arg, struct err *err)
{
	struct db *db = NULL;
	int rc = -1;

	(void)arg;
	if (connect(t->order, NULL, &db, err) == 0)
		rc = scratch_remove(db, t->arena, err);
	db_close(db);
	return rc ? err_hint(err, "once the server can be used: etl selftest %s --clean", t->order->connection->name) : 0;
}

static void end(struct selftest *t)
{
	bool told = t->order->signals->told;

	t->report->kept = t->order->keep;
	if (t->order->keep)
		return;
	t->order->signals->told = false;
	selftest_try(t, "schema", "removed", clean, NULL);
	t->order->signals->told = told;
}

static int begin(struct selftest *t, struct err *err)
{
	if (connect(t->order, &t->order->signals->cancel, &t->db, err) ||
		connect(t->order, &t->order->signals->cancel, &t->other, err))
		return -1;
	describe(t);
	if (make_store(t, err))
		return -1;
	return scratch_make(t->db, t->uid, t->arena, err);
}

int selftest_run(const struct selftest_order *order, struct arena *a, struct selftest_report *ret_report, struct err *err)
{
	struct selftest t = {.order = order, .report = ret_report, .arena = a};
	int rc = -1;

	*ret_report = (struct selftest_report){.n = 0};
	if (check_order(order, err))
		return -1;
	t.arrives = arena_array(a, n_selftest_types, sizeof(*t.arrives));
	if (begin(&t, err) == 0) {
		run_areas(&t);
		end(&t);
		rc = 0;
	}
	if (!ret_report->kept)
		remove_directory(t.dir, a);
	db_close(t.db);
	db_close(t.other);
	return rc;
}

int selftest_clean(const struct selftest_order *order, struct arena *a, struct err *err)
{
	struct db *db = NULL;
	int rc = -1;

	if (check_order(order, err))
		return -1;
	if (connect(order, NULL, &db, err) == 0)
		rc = scratch_remove(db, a, err);
	db_close(db);
	return rc;
}
