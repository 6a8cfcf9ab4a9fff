#include "tests/tdsd/engine.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_catalog.h"
#include "tests/tdsd/engine_time.h"

#define PROGRESS_STEPS 5000

struct database *engine_database(struct engine *e, const char *name)
{
	struct database *found = NULL;

	pthread_mutex_lock(&e->mutex);
	for (size_t i = 0; i < e->n_databases; i++)
		if (!e->databases[i]->dropped && strcasecmp(e->databases[i]->name, name) == 0)
			found = e->databases[i];
	pthread_mutex_unlock(&e->mutex);
	return found;
}

static int add_database(struct engine *e, const char *name, struct err *err)
{
	struct database *d;

	if (engine_database(e, name))
		return 0;
	if (e->n_databases == DATABASES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d databases", DATABASES_MAX);
	if (strlen(name) >= sizeof(d->name) || strchr(name, '/') || name[0] == '.' || !*name)
		return err_set(err, ERR_CONFIG, "'%s' is no name of a database", name);
	d = mem_alloc(sizeof(*d));
	strcpy(d->name, name);
	snprintf(d->path, sizeof(d->path), "%s/%s.db", e->directory, name);
	d->recovery = 3;
	d->rcsi = d->snapshot = strcasecmp(name, "master") != 0;
	pthread_mutex_lock(&e->mutex);
	d->id = (int)e->n_databases +
		(e->n_databases < 2 ? 1 : 3); /* master 1, tempdb 2, others from 5 */
	e->databases[e->n_databases++] = d;
	pthread_mutex_unlock(&e->mutex);
	return 0;
}

int engine_create_database(struct engine *e, const char *name, struct err *err)
{
	if (engine_database(e, name))
		return err_set(err, ERR_DATA, "database '%s' already exists", name);
	return add_database(e, name, err);
}

bool engine_drop_database(struct engine *e, struct database *d)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	char path[sizeof(d->path) + 8];
	bool used = false;

	pthread_mutex_lock(&e->mutex);
	for (const struct session *s = e->sessions; s; s = s->next)
		used |= s->current == d;
	d->dropped = !used;
	pthread_mutex_unlock(&e->mutex);
	for (size_t i = 0; !used && i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s%s", d->path, files[i]);
		unlink(path);
	}
	return !used;
}

/* The files that are there. */
static int find_databases(struct engine *e, struct err *err)
{
	DIR *dir = opendir(e->directory);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return err_errno(err, ERR_IO, errno, "open '%s'", e->directory);
	while (rc == 0 && (entry = readdir(dir))) {
		char name[256];
		size_t n = strlen(entry->d_name);

		if (n <= 3 || n >= sizeof(name) || strcmp(entry->d_name + n - 3, ".db") != 0)
			continue;
		memcpy(name, entry->d_name, n - 3);
		name[n - 3] = '\0';
		rc = add_database(e, name, err);
	}
	closedir(dir);
	return rc;
}

int engine_open(const char *directory, struct engine **ret_engine, struct err *err)
{
	struct engine *e = mem_alloc(sizeof(*e));
	pthread_mutexattr_t recursive;

	(void)sqlite3_initialize(); /* once, before there are threads */
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_NORMAL);
	pthread_mutex_init(&e->mutex, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_cond_init(&e->released, NULL);
	/* a start that later runs do not come back to */
	e->rowversion = (engine_now_ticks() - 630000000000000000LL) / 1000;
	snprintf(e->directory, sizeof(e->directory), "%s", directory);
	if (mkdir(directory, 0777) < 0 && errno != EEXIST) {
		err_errno(err, ERR_IO, errno, "make '%s'", directory);
	} else if (add_database(e, "master", err) == 0 && add_database(e, "tempdb", err) == 0 &&
		   find_databases(e, err) == 0) {
		*ret_engine = e;
		return 0;
	}
	engine_close(e);
	return -1;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_databases; i++)
		free(e->databases[i]);
	while (e->applocks) {
		struct applock *next = e->applocks->next;

		free(e->applocks);
		e->applocks = next;
	}
	pthread_cond_destroy(&e->released);
	pthread_mutex_destroy(&e->mutex);
	free(e);
}

/* --- sessions --- */

static int on_busy(void *arg, int count)
{
	struct session *s = arg;

	if (session_cancelled(s) || count > 20000)
		return 0;
	sqlite3_sleep(count < 20 ? 1 : 10);
	return 1;
}

static int on_progress(void *arg)
{
	return session_cancelled(arg);
}

/* Two sessions may come to a new database at once; to one that has its catalog nobody waits. */
static int make_catalog(struct session *s, struct database *d, const char *where)
{
	int64_t there;
	int rc;

	if (sql_int(s, 0, &there,
		    "SELECT 1 FROM %s.sqlite_schema WHERE name = 'sys_foreign_columns'", where))
		return -1;
	if (there)
		return 0;
	if (lock_database(s, d))
		return -1;
	rc = sql_exec(s, "BEGIN") || catalog_create(s, where) || sql_exec(s, "COMMIT");
	if (rc)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	lock_release_all(s);
	return rc ? -1 : 0;
}

#define ATTACH_TRIES    50
#define ATTACH_PAUSE_MS 20

static int attach_once(struct session *s, struct database *d)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char where[16];
	sqlite3_stmt *stmt = NULL;
	int rc;

	(void)database_schema(d, where);
	if (sql_execf(s, "ATTACH %s AS %s", sql_quote(&a, d->path), where))
		return -1;
	(void)sqlite3_prepare_v2(
		s->db, arena_printf(&a, "PRAGMA %s.journal_mode = WAL", where), -1, &stmt, NULL);
	rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW || sql_execf(s, "PRAGMA %s.synchronous = OFF", where))
		return rc == SQLITE_ROW ? -1 : sql_failed(s, rc, "journal_mode");
	return make_catalog(s, d, where);
}

/* The first ones that come make the file what it is to be, and find each other busy. */
int session_attach(struct session *s, struct database *d)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	const struct timespec pause = {.tv_nsec = ATTACH_PAUSE_MS * 1000000L};
	char where[16];
	int rc = -1;

	if (s->attached[d->id])
		return 0;
	if (!sqlite3_get_autocommit(s->db))
		return tsql_unsupported(
			&s->error, "the first use of a database within a transaction");
	pthread_mutex_lock(&one);
	for (int i = 0; rc && i < ATTACH_TRIES; i++) {
		if (i) {
			(void)sql_execf(s, "DETACH %s", database_schema(d, where));
			nanosleep(&pause, NULL);
		}
		s->error.number = 0;
		rc = attach_once(s, d);
	}
	pthread_mutex_unlock(&one);
	s->attached[d->id] = rc == 0;
	return rc;
}

/* All that there are: SQLite attaches none within a transaction. */
int session_attach_all(struct session *s)
{
	for (size_t i = 0; i < s->e->n_databases; i++)
		if (!s->e->databases[i]->dropped && session_attach(s, s->e->databases[i]))
			return -1;
	return 0;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static int open_sqlite(struct session *s, struct err *err)
{
	if (sqlite3_open_v2(":memory:", &s->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK)
		return err_set(err, ERR_INTERNAL, "open a session: %s", sqlite3_errmsg(s->db));
	(void)sqlite3_extended_result_codes(s->db, 1);
	(void)sqlite3_busy_handler(s->db, on_busy, s);
	sqlite3_progress_handler(s->db, PROGRESS_STEPS, on_progress, s);
	(void)sqlite3_exec(s->db,
		"PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = "
		"OFF",
		NULL, NULL, NULL);
	if (functions_register(s) || catalog_create(s, "temp"))
		return err_set(err, ERR_INTERNAL, "open a session: %s: %s", sqlite3_errmsg(s->db),
			s->error.text);
	return 0;
}

int session_open(struct engine *e, const struct engine_login *login, struct session **ret_session,
	struct err *err)
{
	const char *database = login->database && *login->database ? login->database : "master";
	struct session *s = mem_alloc(sizeof(*s));

	s->e = e;
	s->spid = login->spid;
	s->plain = login->plain;
	s->identity = cell_null();
	s->login_ticks = engine_now_ticks();
	copy(s->user, sizeof(s->user), login->user);
	copy(s->program, sizeof(s->program), login->program);
	copy(s->host, sizeof(s->host), login->host);
	copy(s->encrypt, sizeof(s->encrypt), login->encrypt);
	copy(s->auth_scheme, sizeof(s->auth_scheme), login->auth_scheme);
	copy(s->login_database, sizeof(s->login_database), database);
	options_reset(&s->options);
	s->current = engine_database(e, database);
	pthread_mutex_lock(&e->mutex);
	s->next = e->sessions;
	e->sessions = s;
	pthread_mutex_unlock(&e->mutex);
	if (!s->current) {
		err_set(err, ERR_DATA, "cannot open database '%s'", database);
	} else if (open_sqlite(s, err) == 0) {
		if (session_attach(s, s->current) == 0 &&
			session_attach(s, engine_database(e, "master")) == 0 && permit_database(s, s->current) == 0) {
			*ret_session = s;
			return 0;
		}
		err_set(err, s->error.number == 916 ? ERR_DATA : ERR_INTERNAL, "open database '%s': %s", database,
			s->error.text);
	}
	session_close(s);
	return -1;
}

static void free_context(struct session *s)
{
	while (s->context) {
		struct context_entry *next = s->context->next;

		free(s->context->key);
		free((void *)(uintptr_t)s->context->value.data);
		free(s->context);
		s->context = next;
	}
}

void session_close(struct session *s)
{
	if (!s)
		return;
	s->out = NULL;
	bulk_free(s);
	if (s->db)
		tran_abort(s);
	applock_release_owned(s, true);
	pthread_mutex_lock(&s->e->mutex);
	for (struct session **p = &s->e->sessions; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			break;
		}
	}
	pthread_mutex_unlock(&s->e->mutex);
	free_context(s);
	for (size_t i = 0; i < s->n_stored; i++)
		buf_release(&s->stored[i]);
	free(s->stored);
	(void)sqlite3_close(s->db);
	arena_release(&s->identity_arena);
	arena_release(&s->temp);
	free(s);
}

/* Temporary tables are dropped. */
static int drop_temporary(struct session *s)
{
	int64_t id;

	for (;;) {
		if (sql_int(s, 0, &id,
			    "SELECT object_id FROM temp.sys_objects WHERE type = 'U' LIMIT 1"))
			return -1;
		if (id == 0)
			return 0;
		if (sql_execf(s, "DROP TABLE IF EXISTS temp.t%lld", (long long)id) ||
			sql_execf(s,
				"DELETE FROM temp.sys_objects WHERE object_id = %lld OR parent_id "
				"= %lld",
				(long long)id, (long long)id) ||
			sql_execf(s, "DELETE FROM temp.sys_columns WHERE object_id = %lld",
				(long long)id) ||
			sql_execf(s, "DELETE FROM temp.sys_indexes WHERE object_id = %lld",
				(long long)id) ||
			sql_execf(s, "DELETE FROM temp.sys_index_columns WHERE object_id = %lld",
				(long long)id))
			return -1;
	}
}

int session_reset(struct session *s, struct err *err)
{
	struct database *d = engine_database(s->e, s->login_database);

	bulk_free(s);
	s->gone = false;
	tran_abort(s);
	applock_release_owned(s, true);
	free_context(s);
	options_reset(&s->options);
	s->rowcount = 0;
	s->last_error = 0;
	s->identity = cell_null();
	s->identity_insert = 0;
	if (d)
		s->current = d;
	if (drop_temporary(s))
		return err_set(err, ERR_INTERNAL, "reset a session: %s", s->error.text);
	return 0;
}
