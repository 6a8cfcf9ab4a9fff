/*
 * mssql - what a connection to a SQL Server costs the client: its CPU time, and the wall's.
 *
 *	mssql connect SERVER USER PASSWORD_FILE CA_FILE ENCRYPT TIMES
 *	mssql query   SERVER USER PASSWORD_FILE CA_FILE ENCRYPT TIMES
 *	mssql threads SERVER USER PASSWORD_FILE CA_FILE ENCRYPT TIMES
 *
 * Prints "cpu_us N" and "wall_us N", of one connect with login and session set-up, or of one
 * round trip of a small query; or, of THREADS threads with a connection each, that each got its
 * own answers TIMES times (for ThreadSanitizer).
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "db/mssql.h"

#define THREADS 32

static double cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return 1e6 * (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e6 * (double)t.tv_sec + (double)t.tv_nsec / 1e3;
}

static void die(const struct err *err)
{
	fprintf(stderr, "mssql: %s\n", err->msg);
	exit(1);
}

static struct db *connect_to(const struct mssql_options *o)
{
	const struct mssql_login login = {.options = o, .application = "etl bench"};
	enum mssql_layer layer;
	struct err err = ERR_INIT;
	struct db *db;

	if (db_open_mssql(&login, &db, &layer, &err))
		die(&err);
	return db;
}

static void query(struct db *db, int times)
{
	struct err err = ERR_INIT;

	for (int i = 0; i < times; i++)
		if (db_exec(db, "SELECT 1", &err))
			die(&err);
}

struct worker {
	const struct mssql_options *options;
	int number, times;
	pthread_t thread;
};

static void *work(void *arg)
{
	const struct worker *w = arg;
	struct db *db = connect_to(w->options);
	struct err err = ERR_INIT;
	struct db_stmt *stmt;

	if (db_prepare(db, "SELECT CAST(@n AS bigint), @text", &stmt, &err))
		die(&err);
	for (int i = 0; i < w->times; i++) {
		int64_t n = (int64_t)w->number * 1000000 + i;
		char text[32];

		snprintf(text, sizeof(text), "thread %d, %d", w->number, i);
		db_bind_int(stmt, 1, n);
		db_bind_text(stmt, 2, text);
		if (db_step(stmt, &err) != 1)
			die(&err);
		if (db_column_int(stmt, 0) != n || strcmp(db_column_text(stmt, 1), text) != 0) {
			fprintf(stderr, "mssql: another's answer: %" PRId64 "\n", db_column_int(stmt, 0));
			exit(1);
		}
		db_reset(stmt);
	}
	db_finalize(stmt);
	db_close(db);
	return NULL;
}

static int run_threads(const struct mssql_options *o, int times)
{
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.options = o, .number = i, .times = times};
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 1;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	printf("threads %d\n", THREADS);
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const levels[] = {"off", "request", "require", "strict"};
	struct mssql_options o = {.packet_size = 8000, .login_timeout = 15000, .application_intent = "readwrite"};
	double cpu, wall;
	struct db *db = NULL;
	int times;

	if (argc != 8)
		return 2;
	o.server = argv[2];
	o.user = argv[3];
	o.password_file = argv[4];
	o.ca_file = argv[5];
	for (int i = 0; i < 4; i++)
		if (strcmp(argv[6], levels[i]) == 0)
			o.encrypt = i;
	times = atoi(argv[7]);
	if (strcmp(argv[1], "threads") == 0)
		return run_threads(&o, times);
	db_close(connect_to(&o)); /* files, random numbers and code are warm */
	if (strcmp(argv[1], "query") == 0)
		db = connect_to(&o);
	cpu = cpu_us();
	wall = wall_us();
	if (db)
		query(db, times);
	else
		for (int i = 0; i < times; i++)
			db_close(connect_to(&o));
	printf("cpu_us %.1f\nwall_us %.1f\n", (cpu_us() - cpu) / times, (wall_us() - wall) / times);
	db_close(db);
	return 0;
}
