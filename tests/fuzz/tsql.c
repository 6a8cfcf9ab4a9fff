/* The test server's engine takes T-SQL from anybody: parsed, translated, executed. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "tests/tdsd/engine.h"
#include "tests/tdsd/tsql_parse.h"

#define QUESTIONS_MAX 500 /* how often a batch may ask whether it is cancelled */

static int questions;

static int on_columns(void *arg, const struct tds_columns *columns)
{
	(void)arg;
	(void)columns;
	return 0;
}

static int on_row(void *arg, const uint8_t *row, size_t len)
{
	(void)arg;
	(void)row;
	(void)len;
	return 0;
}

static int on_message(void *arg, const struct engine_message *message)
{
	(void)arg;
	(void)message;
	return 0;
}

static int on_done(void *arg, uint16_t command, bool has_count, uint64_t count, bool failed)
{
	(void)arg;
	(void)command;
	(void)has_count;
	(void)count;
	(void)failed;
	return 0;
}

static int on_env(void *arg, enum engine_env env, const void *now, size_t now_len, const void *was,
	size_t was_len)
{
	(void)arg;
	(void)env;
	(void)now;
	(void)now_len;
	(void)was;
	(void)was_len;
	return 0;
}

static int on_output(void *arg, const char *name, const struct tds_column *type,
	const uint8_t *value, size_t len)
{
	(void)arg;
	(void)name;
	(void)type;
	(void)value;
	(void)len;
	return 0;
}

static bool on_cancelled(void *arg)
{
	(void)arg;
	return ++questions > QUESTIONS_MAX;
}

static const struct engine_out out = {.columns = on_columns,
	.row = on_row,
	.message = on_message,
	.done = on_done,
	.env = on_env,
	.output = on_output,
	.cancelled = on_cancelled};

static char directory[] = "/tmp/fuzz-tsql-XXXXXX";

static void clean_up(void)
{
	static const char *const files[] = {"master.db", "master.db-wal", "master.db-shm",
		"tempdb.db", "tempdb.db-wal", "tempdb.db-shm"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(directory);
}

static struct session *session_of_all(void)
{
	static struct session *s;
	static const struct engine_login login = {.user = "sa",
		.program = "fuzz",
		.host = "here",
		.spid = 51,
		.encrypt = "FALSE",
		.auth_scheme = "SQL"};
	struct err err = ERR_INIT;
	struct engine *e;

	if (s)
		return s;
	if (!mkdtemp(directory) || engine_open(directory, &e, &err) ||
		session_open(e, &login, &s, &err)) {
		fprintf(stderr, "no engine: %s\n", err.msg);
		exit(1);
	}
	(void)atexit(clean_up);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct session *s = session_of_all();
	struct tsql_error e = {0};
	struct stmt *block;
	struct err err = ERR_INIT;
	char *text = arena_strndup(&a, (const char *)data, size);

	if (tsql_parse(text, size, true, &a, &block, &e))
		return 0;
	questions = 0;
	(void)!session_batch(s, text, size, NULL, 0, &out, NULL);
	(void)!session_reset(s, &err);
	return 0;
}
